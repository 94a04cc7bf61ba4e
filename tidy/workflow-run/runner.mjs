// Here: a workflow file run on this machine. GitHub's own packages parse it and evaluate each expression; bash runs the scripts.
// Not here: what must come of it (judge.mjs), the programs that scripts call (stub.sh).
// Reads: target/judges; the text of a workflow, and the body of a repository dispatch.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The parser imports JSON without the attribute that Node 20 asks for.
const withAttribute = `export const load = (url, context, next) =>
  next(url, url.endsWith('.json') ? { ...context, importAttributes: { type: 'json' } } : context);`;
register(`data:text/javascript,${encodeURIComponent(withAttribute)}`);
const judges = pathToFileURL(join(process.cwd(), 'target/judges/node_modules/@actions/')).href;
const { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } = await import(`${judges}workflow-parser/dist/index.js`);
const { Evaluator, Lexer, Parser, data } = await import(`${judges}expressions/dist/index.js`);

// What this runner knows; it stops at anything else, since it would run it wrongly.
const KNOWN = {
  workflow: ['name', 'run-name', 'on', 'permissions', 'concurrency', 'jobs'],
  job: ['name', 'needs', 'if', 'runs-on', 'timeout-minutes', 'permissions', 'environment', 'outputs', 'steps'],
  step: ['name', 'id', 'env', 'run', 'uses', 'with'],
};

// Reads a workflow as GitHub does; throws what GitHub would say.
export async function load(path) {
  const { context, value } = parseWorkflow({ name: path, content: readFileSync(path, 'utf8') }, new NoOperationTraceWriter());
  const template = value && (await convertWorkflowTemplate(context, value));
  const errors = context.errors.getErrors().map((error) => error.message);
  if (errors.length > 0) throw new Error(`${path}: ${errors.join('; ')}`);
  mustKnow('workflow', value);
  return { template, root: value, name: value.find('name').value };
}

// What GitHub makes of a dispatch: nothing when the workflow does not listen, otherwise a run with its title and concurrency group.
export function accept(workflow, { eventName = 'repository_dispatch', body, runId, repository }) {
  const listens = workflow.template.events[eventName];
  if (listens === undefined || (listens.types && !listens.types.includes(body.event_type))) return undefined;
  const github = {
    workflow: workflow.name,
    event_name: eventName,
    event: { action: body.event_type, branch: 'main', client_payload: body.client_payload },
    repository,
    run_id: String(runId),
    run_number: '1',
    run_attempt: '1',
    ref: 'refs/heads/main',
    token: 'ghs_of_the_run',
  };
  const contexts = { github, vars: { AZURE_CLIENT_ID: 'client', AZURE_TENANT_ID: 'tenant', AZURE_SUBSCRIPTION_ID: 'subscription' } };
  const { group, 'cancel-in-progress': cancels } = valueOf(workflow.root.find('concurrency'), contexts);
  const title = valueOf(workflow.root.find('run-name'), contexts);
  return { id: runId, name: workflow.name, display_title: title, conclusion: null, group, cancels, contexts };
}

// Runs the jobs one after another, as `needs` has them, but for those whose results are given. `programs` is the only folder on the path
// of the scripts.
export async function run(workflow, { contexts }, programs, given = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'workflow-run-'));
  const secrets = { GITHUB_TOKEN: 'ghs_of_the_run', AZURE_CREDENTIALS: '{"clientSecret":"a secret"}' };
  const needs = { ...given };
  const jobs = [];
  for (const job of workflow.template.jobs) {
    const id = job.id.value;
    if (id in given) continue;
    const raw = workflow.root.find('jobs').find(id);
    mustKnow('job', raw);
    const needed = (job.needs ?? []).map((one) => one.value);
    const missing = needed.find((one) => !(one in needs));
    if (missing) throw new Error(`${id} needs ${missing}, which did not run before it`);
    const inJob = { ...contexts, needs: Object.fromEntries(needed.map((one) => [one, needs[one]])) };
    const isWell = needed.every((one) => needs[one].result === 'success');
    const ran = { id, result: 'skipped', permissions: valueOf(raw.find('permissions'), inJob), environment: valueOf(raw.find('environment'), inJob), steps: [] };
    jobs.push(ran);
    if (holds(job.if, inJob, isWell)) {
      const inSteps = { ...inJob, secrets, steps: {} };
      ran.result = await runSteps(job, raw, inSteps, ran.steps, { folder: join(folder, id), programs });
      needs[id] = { result: ran.result, outputs: valueOf(job.outputs, inSteps) ?? {} };
    } else {
      needs[id] = { result: 'skipped', outputs: {} };
    }
  }
  // Files that scripts made beside what the runner made.
  const left = readdirSync(folder, { recursive: true }).filter((path) => path.includes('workspace/'));
  rmSync(folder, { recursive: true });
  return { jobs, left };
}

async function runSteps(job, rawJob, contexts, ran, { folder, programs }) {
  let isWell = true;
  for (const [n, step] of job.steps.entries()) {
    const raw = rawJob.find('steps').get(n);
    mustKnow('step', raw);
    if (!holds(step.if, contexts, isWell)) continue;
    const env = valueOf(step.env, contexts) ?? {};
    if (step.uses) {
      // What others wrote is not run: what it is given is all that we answer for.
      ran.push({ uses: step.uses.value, with: valueOf(raw.find('with'), contexts) });
      contexts.steps[step.id] = { outcome: 'success', conclusion: 'success', outputs: {} };
      continue;
    }
    const script = valueOf(step.run, contexts);
    const done = await runScript(script, env, join(folder, String(n)), programs);
    ran.push({ script, env, ...done });
    isWell &&= done.status === 0;
    contexts.steps[step.id] = { outcome: isWell ? 'success' : 'failure', conclusion: isWell ? 'success' : 'failure', outputs: done.outputs };
  }
  return isWell ? 'success' : 'failure';
}

// As GitHub's runner does for a step that names no shell: the script becomes a file, and `bash -e` is given it.
async function runScript(script, env, folder, programs) {
  mkdirSync(join(folder, 'workspace'), { recursive: true });
  const files = Object.fromEntries(['GITHUB_OUTPUT', 'GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_STEP_SUMMARY'].map((name) => [name, join(folder, name)]));
  for (const file of Object.values(files)) writeFileSync(file, '');
  writeFileSync(join(folder, 'script.sh'), script);
  const child = spawn('/bin/bash', ['-e', join(folder, 'script.sh')], {
    cwd: join(folder, 'workspace'),
    env: { PATH: programs, LANG: 'C.UTF-8', CI: 'true', GITHUB_ACTIONS: 'true', ...files, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, status] = await Promise.all([
    child.stdout.setEncoding('utf8').toArray(),
    child.stderr.setEncoding('utf8').toArray(),
    new Promise((resolve, reject) => child.on('close', resolve).on('error', reject)),
  ]);
  const read = (name) => readFileSync(files[name], 'utf8');
  const outputs = Object.fromEntries(read('GITHUB_OUTPUT').split('\n').filter(Boolean).map((line) => line.split(/=(.*)/s, 2)));
  const changed = read('GITHUB_ENV') + read('GITHUB_PATH') + read('GITHUB_STEP_SUMMARY');
  return { status, outputs, changed, printed: stdout.join('') + stderr.join('') };
}

function mustKnow(what, mapping) {
  const unknown = [...mapping].map(({ key }) => key.value).filter((key) => !KNOWN[what].includes(key));
  if (unknown.length > 0) throw new Error(`this runner does not know ${unknown} of a ${what}`);
}

// A part of the file as a value, its expressions evaluated.
function valueOf(token, contexts) {
  if (token === undefined) return undefined;
  if (token.isExpression) return evaluate(token.expression, contexts, true).coerceString();
  if (token.isScalar) return token.value ?? '';
  if (typeof token.find !== 'function') return [...token].map((one) => valueOf(one, contexts));
  return Object.fromEntries([...token].map(({ key, value }) => [key.value, valueOf(value, contexts)]));
}

function holds(condition, contexts, isWell) {
  const found = evaluate(condition.expression, contexts, isWell);
  return !['', 'false', '0'].includes(found.coerceString());
}

function evaluate(expression, contexts, isWell) {
  const define = (name, value) => ({ name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(value) });
  const functions = [define('success', isWell), define('failure', !isWell), define('always', true), define('cancelled', false)];
  const tree = new Parser(new Lexer(expression).lex().tokens, Object.keys(contexts), functions).parse();
  const values = JSON.parse(JSON.stringify(contexts), data.reviver);
  return new Evaluator(tree, values, new Map(functions.map((one) => [one.name, one]))).evaluate();
}
