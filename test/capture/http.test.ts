import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server as TcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CutShort, get, getEither, OtherProtocol } from '../../src/capture/http.ts';
import { NothingListens } from '../../src/cluster.ts';
import { forwardServer } from '../support/forward-server.ts';

const limits = { signal: new AbortController().signal, patience: 20_000 };

async function listening(server: TcpServer): Promise<{ port: number } & AsyncDisposable> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: async () => void server.close() };
}
const http = (listener: RequestListener) => listening(createServer(listener));
/** Says so and hangs up. */
const says = (text: string) => listening(createTcp((socket) => void socket.on('error', () => {}).end(text)));

test('a page with its status, headers and text; the headers are sent', async () => {
  await using pod = await forwardServer();
  await using app = await http((request, response) => {
    response.writeHead(404, { 'X-Go-Pprof': '1' }).end(`${request.url} ${request.headers.host} ${request.headers['x-key']}`);
  });
  const page = await get({ target: pod.target, port: app.port, scheme: 'http', headers: { 'X-Key': 'k' } }, '/a?b=1', limits);
  expect(page).toMatchObject({ status: 404, headers: { 'x-go-pprof': '1' }, text: `/a?b=1 localhost:${app.port} k` });
});

test('the body of a success goes where it is wanted, and not all at once', async () => {
  await using pod = await forwardServer();
  await using app = await http((_, response) => void response.end(Buffer.alloc(20 * 2 ** 20, 1)));
  let [bytes, inside, most] = [0, 0, 0];
  const page = await get({ target: pod.target, port: app.port, scheme: 'http', headers: {} }, '/', limits, async (chunk) => {
    most = Math.max(most, ++inside);
    await sleep(0);
    bytes += chunk.length;
    inside -= 1;
  });
  expect([page.status, page.text, bytes, most]).toEqual([200, '', 20 * 2 ** 20, 1]);
});

test.each<readonly [string, string, new (...args: never) => Error]>([
  ['no HTTP', '-ERR unknown command\r\n', OtherProtocol],
  ['nothing', '', CutShort],
  ['half of what it announced', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', CutShort],
  ['half of a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf', CutShort],
])('who says %s is told so', async (_, text, kind) => {
  await using pod = await forwardServer();
  await using app = await says(text);
  const answer = get({ target: pod.target, port: app.port, scheme: 'http', headers: {} }, '/', limits, () => {});
  await expect(answer).rejects.toBeInstanceOf(kind);
});

test('a port where nothing listens', async () => {
  await using pod = await forwardServer();
  const { port } = await (async () => {
    await using app = await says('');
    return { port: app.port };
  })();
  await expect(getEither({ target: pod.target, port, headers: {} }, undefined, '/', limits)).rejects.toBeInstanceOf(NothingListens);
});

test('who never answers is given up', async () => {
  await using pod = await forwardServer();
  await using app = await http(() => {});
  const answer = get({ target: pod.target, port: app.port, scheme: 'http', headers: {} }, '/', { ...limits, patience: 200 });
  await expect(answer).rejects.toMatchObject({ failure: 'timeout' });
});

test('https that is not spoken there', async () => {
  await using pod = await forwardServer();
  await using app = await http((_, response) => void response.end('x'));
  await expect(getEither({ target: pod.target, port: app.port, headers: {} }, 'https', '/', limits)).rejects.toBeInstanceOf(OtherProtocol);
});
