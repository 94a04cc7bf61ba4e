// Here: what makes Prism's proxy pass a redirect on. It follows them otherwise, and would judge what it finds there for the answer.
// Reads: the node-fetch that Prism calls.

const { createRequire } = require('node:module');

const cli = createRequire(process.argv[1]);
const fetch = createRequire(cli.resolve('@stoplight/prism-http'))('node-fetch');
fetch.default = (address, options) => fetch(address, { ...options, redirect: 'manual' });
