// Here: what must come of a dispatch in the workflow that we render: the deployment that it names, nothing for a copy, and nothing but a
// refusal for a payload that would be a command.
// Not here: how a workflow is run (runner.mjs), the hostile texts (hostile.mjs).
// Reads: the rendered workflows, given as paths after the folder of github-dispatch's examples.
//
// Each body is what our client sent: a server on loopback, which takes it for GitHub, keeps the bytes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EVENT_TYPE, ID, deploys, hostile, plain } from './hostile.mjs';
import { accept, load, run } from './runner.mjs';

const REPOSITORY = 'contoso/deploy';
const EXTENSION = { program: 'az', args: ['extension', 'add', '--name', 'ml', '--yes'] };
// What `gh` is asked, without its filter, which is run.
const LISTING = ['api', '--paginate', `repos/${REPOSITORY}/actions/runs?event=repository_dispatch&per_page=100`, '--jq'];
const [examples, ...paths] = process.argv.slice(2);
const programs = mkdtempSync(join(tmpdir(), 'workflow-programs-'));
process.on('exit', () => rmSync(programs, { recursive: true }));

// Nothing else is on the path of the scripts: what needs another program fails, on each machine alike.
for (const name of ['az', 'gh', 'evil']) {
  const [node, list, stub] = [process.execPath, resolve('tidy/workflow-run/list-runs.cjs'), resolve('tidy/workflow-run/stub.sh')];
  const text = `#!/bin/bash\nlist_runs() { '${node}' '${list}' "$@"; }\nsource '${stub}'\n`;
  writeFileSync(join(programs, name), text, { mode: 0o755 });
}

// What our client sends for these dispatches, byte for byte.
async function sent(dispatches) {
  const bodies = [];
  const github = createServer(async (request, answer) => {
    bodies.push(Buffer.concat(await request.toArray()).toString());
    answer.writeHead(request.url === `/repos/${REPOSITORY}/dispatches` ? 204 : 404).end();
  });
  github.listen(0, '127.0.0.1');
  await once(github, 'listening');
  const client = spawn(`${examples}/dispatch_lines`, [`http://127.0.0.1:${github.address().port}`, 'ghp_x', REPOSITORY], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  client.stdin.end(dispatches.map((one) => JSON.stringify(one)).join('\n'));
  const [code] = await once(client, 'close');
  github.close();
  assert.equal(code, 0, 'the client sends every dispatch');
  assert.equal(bodies.length, dispatches.length);
  return bodies.map((body) => JSON.parse(body));
}

// A run of a workflow for a body, beside earlier runs; with the calls that its scripts made.
async function runFor(workflow, body, { runId = 100, runs = [], fails, given } = {}) {
  const accepted = accept(workflow, { body, runId, repository: REPOSITORY });
  assert.ok(accepted, 'the workflow listens');
  // The run itself is in the list as well. Where it is alone nothing is listed, which is the quicker way to the same.
  const shown = [accepted, ...runs].map(({ id, name, display_title, conclusion }) => ({ id, name, display_title, conclusion }));
  writeFileSync(join(programs, 'runs.json'), runs.length > 0 ? JSON.stringify(shown) : '');
  writeFileSync(join(programs, 'calls'), '');
  writeFileSync(join(programs, 'fails'), fails ?? '');
  const done = await run(workflow, accepted, programs, given);
  const calls = [];
  const words = readFileSync(join(programs, 'calls'), 'utf8').split('\0').slice(0, -1);
  while (words.length > 0) {
    const [n] = words.splice(0, 1);
    const [program, ...args] = words.splice(0, Number(n) + 1);
    calls.push({ program, args });
  }
  const of = (name) => calls.filter(({ program }) => program === name);
  for (const { args } of of('gh')) assert.deepEqual(args.filter((_, n) => n !== 4), LISTING);
  return { ...accepted, ...done, results: done.jobs.map(({ id, result }) => `${id}: ${result}`), az: of('az'), gh: of('gh'), evil: of('evil') };
}

function update(name, version) {
  const names = ['--resource-group', 'rg-1', '--workspace-name', 'ws-1', '--endpoint-name', 'endpoint-1', '--name', 'blue'];
  return { program: 'az', args: ['ml', 'online-deployment', 'update', ...names, '--set', `model=azureml:${name}:${version}`] };
}

const DEPLOYED = ['guard: success', 'deploy: success'];
const ENDED = ['guard: success', 'deploy: skipped'];
const REFUSED = ['guard: failure', 'deploy: skipped'];

// The dispatch that the workflow is for.
async function deploysWhatIsNamed(workflow, path, body) {
  const done = await runFor(workflow, body);
  assert.deepEqual(done.results, DEPLOYED);
  assert.deepEqual(done.az, [EXTENSION, update('credit-risk', '7')]);
  assert.equal(done.display_title, `deploy credit-risk [${ID}]`);
  assert.deepEqual([done.group, done.cancels], [`relay-${workflow.name}-${ID}`, false]);
  const [guard, deploy] = done.jobs;
  assert.deepEqual(guard.permissions, { actions: 'read' });
  const login = deploy.steps.find((step) => step.uses);
  assert.match(login.uses, /^azure\/login@[0-9a-f]{40}$/);
  const byOidc = { 'client-id': 'client', 'tenant-id': 'tenant', 'subscription-id': 'subscription' };
  const isSecret = path.includes('secret');
  assert.deepEqual(login.with, isSecret ? { creds: '{"clientSecret":"a secret"}' } : byOidc);
  assert.deepEqual(deploy.permissions, isSecret ? {} : { 'id-token': 'write' });
  assert.equal(deploy.environment, path.includes('environment') ? 'production' : undefined);
  return done;
}

// Copies of one dispatch deploy one time, and what only looks like a copy is none.
async function endsCopies(workflow, body, first) {
  const earlier = { ...first, conclusion: 'success' };
  const others = [1, 2, 3].map((id) => ({ ...earlier, id, display_title: `deploy credit-risk [${'a'.repeat(26)}]` }));
  const ends = async (runs, expected, why) => {
    const done = await runFor(workflow, body, { runId: 200, runs });
    assert.deepEqual(done.results, expected, why);
    assert.equal(done.az.length, expected === DEPLOYED ? 2 : 0, why);
  };
  await ends([earlier], ENDED, 'an earlier run has the id');
  await ends([{ ...earlier, conclusion: null }], ENDED, 'an earlier run is under way');
  await ends([{ ...earlier, conclusion: 'failure' }], ENDED, 'an earlier run failed: it may have deployed, and a person decides');
  await ends([...others, earlier, { ...earlier, id: 101 }], ENDED, 'the copies are on later pages');
  await ends(others, DEPLOYED, 'earlier runs have other ids');
  await ends([{ ...earlier, conclusion: 'cancelled' }], DEPLOYED, 'the earlier run did nothing');
  await ends([{ ...earlier, id: 201 }], DEPLOYED, 'the copy is the later run');
  await ends([{ ...earlier, name: 'another' }], DEPLOYED, 'the run is of another workflow');
  await ends([{ ...earlier, display_title: `deploy ${ID} [${'b'.repeat(26)}]` }], DEPLOYED, 'the id is a part of the title, and not the id that it shows');
  await ends([{ ...earlier, display_title: null }], DEPLOYED, 'the run has no title');
  const unsure = await runFor(workflow, body, { fails: 'gh api' });
  assert.deepEqual([unsure.results, unsure.az], [REFUSED, []], 'without the list nobody knows');
  const failed = await runFor(workflow, body, { fails: 'az extension' });
  assert.deepEqual(failed.results, ['guard: success', 'deploy: failure']);
  assert.deepEqual(failed.az, [EXTENSION], 'nothing follows a command that failed');
}

const scripts = ({ jobs }) => jobs.flatMap((job) => job.steps.map((step) => step.script));

// A text in a member of the payload is an argument, or nothing: never a command, a line for the runner, or a change of the script.
async function takesNothingForACommand(workflow, { field, text, body }, first) {
  const done = await runFor(workflow, body);
  const where = `${field} ${JSON.stringify(text).slice(0, 100)}`;
  const { model_name: name, model_version: version, relay } = body.client_payload;
  const expected = deploys(field, text) ? DEPLOYED : REFUSED;
  assert.deepEqual(done.results, expected, where);
  assert.deepEqual(done.az, expected === DEPLOYED ? [EXTENSION, update(name, version)] : [], where);
  assert.deepEqual(done.evil, [], where);
  assert.deepEqual(done.left, [], `${where}: no file was made`);
  const ofFirst = scripts(first);
  scripts(done).forEach((script, n) => assert.equal(script, ofFirst[n], `${where}: the script is the file's own`));
  for (const step of done.jobs.flatMap((job) => job.steps.filter((one) => one.script))) {
    assert.equal(step.changed, '', `${where}: no variable, path or summary was set`);
    assert.ok(Object.keys(step.outputs).every((key) => key === 'deploys'), where);
    const commands = step.printed.split('\n').filter((line) => line.startsWith('::'));
    assert.ok(commands.every((line) => /^::error::the (model's name is no plain name|model's version is no plain version|relay id is none)$/.test(line)), where);
  }
  // The second job does not lean on the first: had that let it pass, it would be one argument all the same.
  const given = { guard: { result: 'success', outputs: { deploys: 'true' } } };
  const alone = await runFor(workflow, body, { given });
  assert.deepEqual([alone.az, alone.evil, alone.left], [[EXTENSION, update(name, version)], [], []], `${where}: one argument`);
  // The title and the group are texts for people and for a comparison, with the payload's text in them as it is.
  assert.equal(done.display_title, `deploy ${name} [${relay.id}]`, where);
  assert.equal(done.group, `relay-${workflow.name}-${relay.id === '' ? done.id : relay.id}`, where);
}

const payloads = hostile();
const [right, withoutId, other, ...bodies] = await sent([
  plain({}),
  { event_type: EVENT_TYPE, client_payload: { model_name: 'credit-risk', model_version: 7 } },
  { ...plain({}), event_type: 'another_action' },
  ...payloads.map(({ dispatch }) => dispatch),
]);
let judged;
for (const path of paths) {
  const workflow = await load(path);
  assert.equal(accept(workflow, { body: other, runId: 1, repository: REPOSITORY }), undefined, 'another event type starts nothing');
  assert.equal(accept(workflow, { body: right, runId: 1, repository: REPOSITORY, eventName: 'push' }), undefined, 'nor does another event');
  const first = await deploysWhatIsNamed(workflow, path, right);
  await endsCopies(workflow, right, first);
  const anonymous = await runFor(workflow, withoutId, { runs: [{ ...first, display_title: 'deploy credit-risk []' }] });
  assert.deepEqual([anonymous.results, anonymous.group], [DEPLOYED, `relay-${workflow.name}-100`], 'an older sender has no id, and is alone');
  assert.deepEqual([anonymous.az, anonymous.gh], [[EXTENSION, update('credit-risk', '7')], []], 'and nobody is asked for copies');
  console.log(`${path.split('/').at(-1)}: deploys what is named, and ends copies`);
  // All forms have the same scripts, so that the long list is for one of them.
  if (judged) assert.deepEqual(scripts(first), judged);
  else for (const [n, payload] of payloads.entries()) await takesNothingForACommand(workflow, { ...payload, body: bodies[n] }, first);
  judged ??= scripts(first);
}
console.log(`${payloads.length} hostile payloads do nothing`);
