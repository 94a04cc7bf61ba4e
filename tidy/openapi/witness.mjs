// Here: who stands before Prism and hears what it finds about requests and answers.
// Not here: what is sent (judge.mjs).
// Reads: the description, for the parameters of each operation: Prism does not mind one that is not described.

import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { RAW } from './describe.mjs';

// Listens on a free port of loopback, and gives the address.
export async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}

// Passes everything on to Prism. What Prism finds stands in a header when the answer goes on, and in the body when Prism answers itself.
export async function witness(prism, description) {
  const found = [];
  const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
      parameters: operation.parameters.map((one) => (one.$ref ? description.components.parameters[one.$ref.split('/').at(-1)] : one).name),
    })),
  );
  const server = createServer((request, answer) => {
    const headers = { ...request.headers, accept: request.headers.accept?.replace(`${RAW}+json`, RAW) };
    const onward = httpRequest(prism + request.url, { method: request.method, headers }, async (theirs) => {
      const body = Buffer.concat(await theirs.toArray());
      const isPrisms = theirs.headers['content-type'] === 'application/problem+json';
      const findings = [theirs.headers['sl-violations'], isPrisms && body.toString(), ...undescribed(operations, request, prism)];
      found.push(...findings.filter(Boolean).map((why) => `${request.method} ${request.url}: ${why}`));
      answer.writeHead(theirs.statusCode, theirs.headers).end(body);
    });
    onward.on('error', (error) => answer.writeHead(502).end(found.push(`${request.method} ${request.url}: ${error}`).toString()));
    request.pipe(onward);
  });
  return { where: await listening(server), found };
}

function undescribed(operations, { method, url }, base) {
  const { pathname, searchParams } = new URL(url, base);
  const operation = operations.find((one) => one.method === method && one.path.test(pathname));
  const names = operation ? [...searchParams.keys()].filter((name) => !operation.parameters.includes(name)) : [];
  return names.map((name) => `the parameter ${name} is not described`);
}
