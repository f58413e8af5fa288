// A web server on 127.0.0.1 in a thread of its own: tests that wait for a shell leave none to answer in theirs.
//   /files/NAME   a body that never changes      /missing   404      /moved   to /files/x
//   /echo         the request's headers as JSON  /closed    401 without `web:p"w\`
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll } from 'vitest';

const SERVER = `
const { createServer } = require('node:http');
const { parentPort } = require('node:worker_threads');
const allowed = 'Basic ' + Buffer.from('web:p"w\\\\').toString('base64');
const requests = [];
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://x');
  requests.push(request.method + ' ' + pathname);
  const answer = (status, body, headers = {}) => response.writeHead(status, headers).end(body);
  if (pathname.startsWith('/files/')) answer(200, Buffer.from([0, 255, 10, ...Buffer.from(pathname)]));
  else if (pathname === '/moved') answer(302, '', { location: '/files/x' });
  else if (pathname === '/echo') answer(200, JSON.stringify(request.headers));
  else if (pathname === '/closed' && request.headers.authorization === allowed) answer(200, 'open');
  else if (pathname === '/closed') answer(401, 'closed', { 'www-authenticate': 'Basic realm="x"' });
  else answer(404, 'no such thing');
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
parentPort.on('message', () => parentPort.postMessage(requests.splice(0)));
`;

export interface WebServer {
  /** `http://127.0.0.1:PORT`, once the tests of the block run. */
  readonly url: string;
  /** `GET /x` and so on, since the last time. */
  requests(): Promise<readonly string[]>;
}

/** The body of /files/NAME. */
export function fileBody(name: string): Buffer {
  return Buffer.from([0, 255, 10, ...Buffer.from(`/files/${name}`)]);
}

/** There for the tests of one block. */
export function webServer(): WebServer {
  let worker: Worker | undefined;
  const server = {
    url: '',
    async requests() {
      const answer = worker && once(worker, 'message');
      worker?.postMessage('requests');
      return (await answer)?.[0];
    },
  };
  beforeAll(async () => {
    worker = new Worker(SERVER, { eval: true });
    const [port] = await once(worker, 'message');
    server.url = `http://127.0.0.1:${port}`;
  });
  afterAll(async () => {
    await worker?.terminate();
  });
  return server;
}
