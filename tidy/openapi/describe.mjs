// Here: the part of GitHub's OpenAPI description that our client uses, in one API version, mended so that it can judge.
// Not here: starting anything (judge.mjs). What it makes lies in target/ and is never committed.
// Reads: the package @octokit/openapi.

const REPO = '/repos/{owner}/{repo}';
const ENVIRONMENT = `${REPO}/environments/{environment_name}`;
const RUN = `${REPO}/actions/runs/{run_id}`;

// The type of a file as it is, by its older name: Prism takes the newer, which ends in `+json`, for JSON.
export const RAW = 'application/vnd.github.raw';

// Every operation that the client may use: a call of anything else is a violation. A new call of the client is a line here.
export const OPERATIONS = [
  `POST ${REPO}/dispatches`,
  `POST ${REPO}/actions/workflows/{workflow_id}/dispatches`,
  `GET ${REPO}`,
  `GET ${REPO}/actions/workflows/{workflow_id}`,
  `GET ${REPO}/actions/runs`,
  `GET ${RUN}`,
  `GET ${RUN}/jobs`,
  `GET ${RUN}/logs`,
  `GET ${REPO}/actions/jobs/{job_id}/logs`,
  `POST ${RUN}/cancel`,
  `POST ${RUN}/force-cancel`,
  `POST ${RUN}/rerun`,
  `POST ${RUN}/rerun-failed-jobs`,
  'GET /rate_limit',
  ...[`${REPO}/actions`, ENVIRONMENT, '/orgs/{org}/actions'].flatMap((place) => [
    `GET ${place}/secrets/public-key`,
    `GET ${place}/secrets`,
    `PUT ${place}/secrets/{secret_name}`,
    `DELETE ${place}/secrets/{secret_name}`,
    `GET ${place}/variables`,
    `POST ${place}/variables`,
    `PATCH ${place}/variables/{name}`,
    `DELETE ${place}/variables/{name}`,
  ]),
  `GET ${ENVIRONMENT}`,
  `PUT ${ENVIRONMENT}`,
  `GET ${REPO}/contents/{path}`,
  `PUT ${REPO}/contents/{path}`,
  'GET /app',
  `GET ${REPO}/installation`,
  'GET /orgs/{org}/installation',
  'POST /app/installations/{installation_id}/access_tokens',
];

const CHANGES = 'x-github-breaking-changes';
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

// The description of these operations in this API version. `logs` is where a download of logs is redirected to: the address in
// GitHub's example is on the internet.
export function describe(source, apiVersion, logs) {
  const description = { openapi: source.openapi, info: source.info, servers: source.servers, paths: {}, components: {} };
  const wanted = [];
  // A copy as of the API version; what it refers to is noted, so that it is taken along.
  const take = (node) => {
    const copy = asOf(structuredClone(node), apiVersion);
    everyObject(copy, (object) => {
      if (typeof object.$ref === 'string') wanted.push(object.$ref);
    });
    return copy;
  };
  for (const line of OPERATIONS) {
    const [method, path] = line.split(' ');
    const operation = source.paths[path]?.[method.toLowerCase()];
    if (!operation) throw new Error(`GitHub describes no ${line}`);
    description.paths[path] ??= {};
    description.paths[path][method.toLowerCase()] = take(operation);
  }
  while (wanted.length > 0) {
    const [kind, name] = wanted.pop().replace('#/components/', '').split('/');
    const kept = (description.components[kind] ??= {});
    kept[name] ??= take(source.components[kind][name]);
  }
  const operations = Object.values(description.paths).flatMap((path) => Object.values(path));
  operations.forEach(refuseUnknownMembers);
  takeGithubsMediaTypes(description);
  answerUnchanged(description);
  answerNotFound(description);
  takeSearchesForMoments(description);
  // "An integer or a text, and not both": in a path each integer is a text.
  description.components.parameters['workflow-id'].schema = { type: 'string' };
  mendExamples(description, logs);
  addFolder(description);
  // GitHub's own description says nothing of tokens. Ours go as `Authorization: Bearer`.
  description.components.securitySchemes = { token: { type: 'http', scheme: 'bearer' } };
  description.security = [{ token: [] }];
  return description;
}

// The description is written for API version 2022-11-28. Later versions stand in it as patches beside what they change: a list is a
// JSON Patch (RFC 6902), an object a merge patch (RFC 7396).
function asOf(root, apiVersion) {
  everyObject(root, (node) => {
    const changes = node[CHANGES] ?? [];
    delete node[CHANGES];
    for (const { version, patch } of changes) {
      if (version > apiVersion) continue;
      if (Array.isArray(patch)) patch.forEach((change) => applyChange(node, change));
      else mergePatch(node, patch);
    }
  });
  return root;
}

function applyChange(node, { op, path, value }) {
  const steps = path.slice(1).split('/').map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop();
  const target = steps.reduce((inner, step) => inner?.[step], node);
  // A patch that does not fit says that the description is not what we take it for.
  if (target === undefined || (op !== 'add' && !(last in target))) throw new Error(`a patch has no place: ${op} ${path}`);
  if (op === 'remove') {
    if (Array.isArray(target)) target.splice(Number(last), 1);
    else delete target[last];
  } else if (op === 'replace' || (op === 'add' && isObject(target))) {
    target[last] = value;
  } else if (op === 'add') {
    target.splice(last === '-' ? target.length : Number(last), 0, value);
  } else {
    throw new Error(`a patch of an unknown kind: ${op}`);
  }
}

function mergePatch(target, patch) {
  for (const [member, value] of Object.entries(patch)) {
    if (value === null) delete target[member];
    else if (!isObject(value)) target[member] = value;
    else mergePatch((target[member] = isObject(target[member]) ? target[member] : {}), value);
  }
}

// GitHub ignores members of a body that it does not know, and so would a typing error of ours be.
function refuseUnknownMembers(operation) {
  const schema = operation.requestBody?.content['application/json'].schema;
  if (schema?.properties) schema.additionalProperties ??= false;
}

// GitHub's guide asks for `application/vnd.github+json` and answers it, yet its description names `application/json` alone.
function takeGithubsMediaTypes(description) {
  everyObject(description, ({ content }) => {
    if (isObject(content) && isObject(content['application/json'])) {
      content['application/vnd.github+json'] = content['application/json'];
    }
  });
  // That a file can be had as it is stands in words only.
  const file = description.paths[`${REPO}/contents/{path}`].get.responses[200].content;
  file[RAW] = { schema: { type: 'string' }, example: 'on: repository_dispatch' };
}

// "Most endpoints return an ETag": GitHub's guide to conditional requests, which the description has with few operations.
function answerUnchanged(description) {
  const unchanged = { description: 'Not modified' };
  for (const path of Object.values(description.paths)) if (path.get) path.get.responses[304] ??= unchanged;
}

// What is asked for before it is there: GitHub answers 404, and describes it elsewhere only.
function answerNotFound(description) {
  const notFound = { $ref: '#/components/responses/not_found' };
  for (const [path, operations] of Object.entries(description.paths)) {
    const operation = path === ENVIRONMENT ? operations.get : path.endsWith('/variables/{name}') ? operations.patch : undefined;
    if (operation) operation.responses[404] ??= notFound;
  }
}

// `created` is described as a moment, and its words point to the syntax of searches, `>=2026-11-22T10:00:00Z`, which GitHub takes.
function takeSearchesForMoments(description) {
  const date = String.raw`\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?`;
  const { schema } = description.components.parameters.created;
  delete schema.format;
  schema.pattern = `^([<>]=?)?${date}$|^(${date}|\\*)\\.\\.(${date}|\\*)$`;
}

// Examples are what the mock answers, and some of them are no answers.
function mendExamples(description, logs) {
  everyObject(description.components.examples, (node) => {
    // Two are older than what is demanded now.
    if (node.full_name) node.language ??= null;
    if (node.run_id && node.started_at) node.created_at ??= node.started_at;
  });
  everyObject(description, (node) => {
    // The body of an answer without members is not `null`, which Prism would find wrong itself.
    if (isObject(node.examples)) {
      for (const [name, example] of Object.entries(node.examples)) if (example.value === null) delete node.examples[name];
    }
    // A key has 32 bytes. This one is the first of RFC 7748, section 6.1, so that a secret can be sealed for it.
    const key = node.value?.key_id && node.value.key;
    if (key) node.value.key = Buffer.from('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a', 'hex').toString('base64');
    // The text of a file breaks off in the midst of its base64.
    if (node.encoding === 'base64') node.content = Buffer.from('on: repository_dispatch\n').toString('base64');
    if (node.Location?.example) node.Location.example = logs;
    // One value of a variable is a number in the example, and a text in the description.
    for (const variable of node.value?.variables ?? []) variable.value = String(variable.value);
  });
}

// A path of contents is a folder or a file, and Prism gives the first example, a file. The folder that our client asks for is
// described apart, and has a workflow in it.
function addFolder(description) {
  const folder = structuredClone({ get: description.paths[`${REPO}/contents/{path}`].get });
  folder.get.parameters = folder.get.parameters.filter((parameter) => parameter.name !== 'path');
  const list = structuredClone(description.components.examples['content-file-response-if-content-is-a-directory'].value);
  Object.assign(list[0], { name: 'deploy.yml', path: '.github/workflows/deploy.yml' });
  const types = ['application/json', 'application/vnd.github+json'];
  const schema = { $ref: '#/components/schemas/content-directory' };
  folder.get.responses[200].content = Object.fromEntries(types.map((type) => [type, { schema, example: list }]));
  description.paths[`${REPO}/contents/.github%2Fworkflows`] = folder;
}

// Parents come before what they hold, so that a visit may change it.
function everyObject(node, visit) {
  if (isObject(node)) visit(node);
  if (node !== null && typeof node === 'object') Object.values(node).forEach((inner) => everyObject(inner, visit));
}
