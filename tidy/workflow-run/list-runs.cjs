// Here: what `gh api --paginate … --jq FILTER` prints for a list of runs: the filter over each page, by jq.
// Not here: whether it was called rightly (judge.mjs).
// Reads: target/judges; a file of runs, and the filter that the workflow gives.

const { readFileSync } = require('node:fs');
const { resolve } = require('node:path');
const { raw } = require(resolve(__dirname, '../../target/judges/node_modules/jq-wasm'));

// Runs to a page: few, so that a list has several.
const PER_PAGE = 2;
const [file, , , , , filter] = process.argv.slice(2);
const runs = JSON.parse(readFileSync(file, 'utf8'));

async function main() {
  for (let from = 0; from < runs.length; from += PER_PAGE) {
    const page = { total_count: runs.length, workflow_runs: runs.slice(from, from + PER_PAGE) };
    // jq in WebAssembly sees no environment, so that it is told of it.
    const found = await raw(page, `def env: ${JSON.stringify(process.env)}; ${filter}`, ['-r']);
    if (found.trim() !== '') console.log(found.trim());
  }
}
main();
