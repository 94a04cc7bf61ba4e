// Here: every call of our client, and every answer of our mock, judged by GitHub's own description, in two API versions.
// Not here: the description (describe.mjs), who hears what Prism finds (witness.mjs), the calls (every_call.rs of github-dispatch).
// Reads: target/judges; the examples of github-dispatch, whose folder is the first argument.
//
// Prism stands between: as a mock it answers GitHub's examples to what we send, as a proxy it passes our calls on to our mock and looks at
// both. It must first refuse what is wrong on purpose: a judge that finds nothing is none.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { describe } from './describe.mjs';
import { listening, witness } from './witness.mjs';

const JUDGES = 'target/judges';
const PRISM = `${JUDGES}/node_modules/@stoplight/prism-cli/dist/index.js`;
const OURS = 'contoso/deploy';
// The repository of GitHub's examples.
const THEIRS = 'octocat/Hello-World';

const examples = process.argv[2];
const started = [];
let complaints = 0;
const complain = (text) => {
  complaints += 1;
  console.error(text);
};

// Starts a program and gives the first text of its output that matches.
function start(command, args, expected) {
  const child = spawn(command, args, { stdio: 'pipe' });
  started.push(child);
  return new Promise((resolve, reject) => {
    let printed = '';
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (text) => {
        printed += text;
        const found = expected.exec(printed);
        if (found) resolve(found[0]);
      });
    }
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${command} ${args.join(' ')} ended with ${code}: ${printed}`)));
  });
}

// Starts Prism; gives the address of the witness before it, and the list of what the witness finds.
async function prism(mode, { file, description }, ...upstream) {
  const free = createServer();
  const port = new URL(await listening(free)).port;
  free.close();
  await once(free, 'close');
  const args = ['--require', './tidy/openapi/no-redirects.cjs', PRISM, mode, '--errors', '-h', '127.0.0.1', '-p', port, file, ...upstream];
  return witness(await start(process.execPath, args, /http:\/\/127\.0\.0\.1:\d+/), description);
}

// Makes every call, and says what became of them.
async function everyCall(what, { where, found }, apiVersion, repository, ...flags) {
  const args = [where, 'ghp_of_a_judge', apiVersion, repository, ...flags];
  const child = spawn(`${examples}/every_call`, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let n = 0;
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('ok ')) n += 1;
    else complain(`${what}: ${line}`);
  }
  const [code] = await ended;
  if (code !== 0 || n === 0) complain(`${what}: every_call ended with ${code}`);
  found.forEach((why) => complain(`${what}: ${why}`));
  console.log(`${what}: ${n} calls are well, ${found.length} requests or answers break the description`);
}

// What the client sends, with GitHub's examples for answers.
async function judgeClient(judged) {
  const judge = await prism('mock', judged);
  await refusesWhatIsWrong(judge, judged.apiVersion);
  judge.found.length = 0;
  await everyCall(`client ${judged.apiVersion}`, judge, judged.apiVersion, THEIRS, '--canned');
}

// What our mock answers to the same.
async function judgeMock(judged) {
  const mock = await start(`${examples}/mock_github`, [OURS, 'Iv1.everycall'], /http:\/\/127\.0\.0\.1:\d+/);
  const judge = await prism('proxy', judged, mock);
  await everyCall(`mock ${judged.apiVersion}`, judge, judged.apiVersion, OURS);
}

// Requests that break the description in one point each, and one that does not.
async function refusesWhatIsWrong({ where, found }, apiVersion) {
  const run = '/actions/workflows/deploy.yml/dispatches';
  const tooMany = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`key${n}`, n]));
  const wrong = [
    ['/dispatches', { event_type: 7 }],
    ['/dispatches', {}],
    ['/dispatches', { event_type: 'x'.repeat(101) }],
    ['/dispatches', { event_type: 'x', client_payload: tooMany }],
    ['/dispatches', { event_type: 'x', client_payload: [] }],
    ['/dispatches', { event_type: 'x', payload: {} }],
    ['/dispatches', { event_type: 'x' }, 'token x'],
    ['/dispatches?per_page=1', { event_type: 'x' }],
    ['/dispatch', { event_type: 'x' }],
    [run, { inputs: {} }],
    [run, { ref: 'main', input: {} }],
  ];
  // The newer version has no such member any more.
  if (apiVersion >= '2026-03-10') wrong.push([run, { ref: 'main', return_run_details: true }]);
  const send = async (path, body, authorization = 'Bearer x') => {
    found.length = 0;
    const headers = { authorization, 'content-type': 'application/json', accept: 'application/vnd.github+json' };
    await (await fetch(`${where}/repos/${OURS}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).text();
    return found.length === 0;
  };
  for (const request of wrong) if (await send(...request)) complain(`the judge takes what is wrong: ${JSON.stringify(request)}`);
  if (!(await send('/dispatches', { event_type: 'x', client_payload: {} }))) complain(`the judge refuses what is right: ${found}`);
}

// The proxy must find an answer that lacks what the description demands.
async function refusesWrongAnswers(judged) {
  const lacking = createServer((_, answer) => answer.setHeader('content-type', 'application/json').end('{"id":1}'));
  started.push({ kill: () => lacking.close() });
  const { where, found } = await prism('proxy', judged, await listening(lacking));
  await (await fetch(`${where}/repos/${OURS}`, { headers: { authorization: 'Bearer x' } })).text();
  if (found.length === 0) complain('the judge takes an answer that lacks almost everything');
}

// Logs are downloaded from another address than the API's.
const logs = createServer((_, answer) => answer.setHeader('content-type', 'application/zip').end('PK'));
const logsAt = `${await listening(logs)}/logs`;

const source = JSON.parse(readFileSync(`${JUDGES}/node_modules/@octokit/openapi/generated/api.github.com.json`, 'utf8'));
const judgements = ['2022-11-28', '2026-03-10'].flatMap((apiVersion) => {
  const judged = { apiVersion, file: `${JUDGES}/github-${apiVersion}.json`, description: describe(source, apiVersion, logsAt) };
  writeFileSync(judged.file, JSON.stringify(judged.description));
  return [judgeClient(judged), judgeMock(judged), refusesWrongAnswers(judged)];
});
try {
  await Promise.all(judgements);
} finally {
  started.forEach((child) => child.kill());
}
process.exit(complaints === 0 ? 0 : 1);
