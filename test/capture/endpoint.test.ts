import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { findDeclared, notFound, search, seen, theOne } from '../../src/capture/endpoint.ts';
import { pprofEndpoint } from '../../src/runtimes/go.ts';
import type { Endpoint } from '../../src/toolkit.ts';
import { forwardServer } from '../support/forward-server.ts';
import { recorder } from '../support/recorder.ts';

const { signal } = new AbortController();
const index = '<html><title>/debug/pprof/</title>Types of profiles available:</html>';

async function app(listener: RequestListener): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: async () => void server.close() };
}
const serves =
  (path: string): RequestListener =>
  ({ url }, response) =>
    void (url === path
      ? response.end(index)
      : url === `${path}cmdline`
        ? response.end('/app\0--secret')
        : response.writeHead(404).end('no'));
const locked: RequestListener = (_, response) => void response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end();

const endpoint = (ports: readonly (readonly number[])[], more: Partial<Endpoint> = {}): Endpoint => ({
  ...pprofEndpoint({ ports, named: false, scheme: undefined, paths: ['/debug/pprof/'], headers: {} }),
  ...more,
});

test('the first group that has one counts', async () => {
  await using pod = await forwardServer();
  await using other = await app(serves('/'));
  await using one = await app(serves('/debug/pprof/'));
  await using late = await app(() => expect.fail('it is not asked'));
  const { found, others } = await findDeclared(pod.target, endpoint([[other.port], [one.port], [late.port]]), signal);
  expect([found?.server.port, found?.path]).toEqual([one.port, '/debug/pprof/']);
  expect(others).toMatchObject([{ port: other.port, why: 'it answers 404 at /debug/pprof/' }]);
});

test('each path is tried', async () => {
  await using pod = await forwardServer();
  await using one = await app(serves('/x/debug/pprof/'));
  const { found } = await findDeclared(pod.target, endpoint([[one.port]], { paths: ['/x/', '/x/debug/pprof/'] }), signal);
  expect(found?.path).toBe('/x/debug/pprof/');
});

test('two of a group are told apart by their programs, without their arguments', async () => {
  await using pod = await forwardServer();
  await using one = await app(serves('/debug/pprof/'));
  await using two = await app(serves('/debug/pprof/'));
  const { found } = await search(pod.target, endpoint([]), [one.port, two.port], signal);
  const error = await theOne(found, endpoint([]), signal).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ failure: 'usage', hint: expect.stringContaining(`--port ${two.port}  /app`) });
  expect(JSON.stringify(error)).not.toContain('secret');
});

test('one that is locked is the answer where it is the likeliest, and not where it may be anything', async () => {
  await using pod = await forwardServer();
  await using closed = await app(locked);
  await using other = await app(serves('/'));
  await expect(findDeclared(pod.target, endpoint([[closed.port], [other.port]]), signal)).rejects.toMatchObject({
    failure: 'forbidden',
    hint: expect.stringContaining('--header "Authorization: Bearer'),
  });
  const { found, others } = await findDeclared(pod.target, endpoint([[other.port, closed.port]]), signal);
  expect([found, others.at(-1)?.error?.failure]).toEqual([undefined, 'forbidden']);
});

test('a listener that a forwarded port does not reach is told, and what to do', async () => {
  await using pod = await forwardServer();
  const other = { port: 6060, why: 'nothing listens', error: undefined };
  const listener = { port: 6060, pid: 1, address: '::1' };
  const error = notFound(pod.target, endpoint([[6060]]), [seen(other, [listener])], recorder());
  expect(error.cause).toBe('port 6060: it listens on ::1 alone, which a forwarded port does not reach');
  expect(error.hint).toBe('have the app listen on 127.0.0.1:6060, or on all addresses');
  expect(seen(other, [listener, { ...listener, address: '127.0.0.1' }])).toBe(other);
  expect(seen(other, [{ ...listener, port: 6061 }])).toBe(other);
});

test('where a redirection leads is told', async () => {
  await using pod = await forwardServer();
  await using one = await app((_, response) => void response.writeHead(302, { Location: '/login' }).end());
  const { others } = await search(pod.target, endpoint([]), [one.port], signal);
  expect(others).toMatchObject([{ why: 'it answers 302 at /debug/pprof/, which leads to /login' }]);
});
