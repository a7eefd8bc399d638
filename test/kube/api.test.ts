import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../../src/kube/http.ts';
import { type Answer, apiServer, json, status } from '../support/api-server.ts';

const { signal } = new AbortController();
const asking = { signal, doing: 'read pod shop/api' };
const path = ['api', 'v1', 'namespaces', 'shop', 'pods', 'api'];

describe('addresses', () => {
  it.each([
    ['https://a', '/api/v1'],
    ['https://a/', '/api/v1'],
    ['https://rancher/k8s/clusters/c-1/', '/k8s/clusters/c-1/api/v1'],
  ])('below %s', (server, expected) => {
    expect(addressOf(new URL(server), ['api', 'v1']).pathname).toBe(expected);
  });

  it('encodes every part', () => {
    const { pathname, search } = addressOf(new URL('https://a'), ['a/../b', '?#%'], { x: 'a b&c', y: ['1', '2'], z: undefined, w: true });
    expect([pathname, search]).toEqual(['/a%2F..%2Fb/%3F%23%25', '?x=a%20b%26c&y=1&y=2&w=true']);
  });
});

describe('GET', () => {
  it('carries the headers, and gives the object', async () => {
    await using server = await apiServer((response) => json(response, { kind: 'Pod' }));
    expect(await server.api.get(path, { ...asking, query: { a: 1 } })).toEqual({ kind: 'Pod' });
    expect(server.seen[0]).toMatchObject({
      method: 'GET',
      url: '/api/v1/namespaces/shop/pods/api?a=1',
      headers: { 'user-agent': 'kprof/test', accept: 'application/json' },
    });
  });

  it.each<[string, Answer]>([
    ['429', (response) => status(response, 429, '', {}, { 'Retry-After': '0' })],
    ['500', (response) => status(response, 500)],
    ['a page with 503', (response) => void response.writeHead(503, { 'Content-Type': 'text/html' }).end('<html><title>x</title>')],
    ['a dropped connection', (response) => void response.socket?.destroy()],
    [
      'a reset amid the body',
      (response) => {
        response.writeHead(200, { 'Content-Length': '100' }).write('{');
        setTimeout(() => response.socket?.resetAndDestroy(), 20);
      },
    ],
  ])('asks again after %s', async (_, answer) => {
    await using server = await apiServer((response, request, count) =>
      count === 1 ? answer(response, request, count) : json(response, {}),
    );
    expect(await server.api.get(path, asking)).toEqual({});
    expect(server.seen).toHaveLength(2);
  });

  it('gives up after some attempts, with the reason', async () => {
    await using server = await apiServer((response) => status(response, 429, 'busy', {}, { 'Retry-After': '0' }));
    await expect(server.api.get(path, asking)).rejects.toMatchObject({ code: 429, cause: 'busy' });
    expect(server.seen).toHaveLength(5);
  });

  it.each([400, 401, 403, 404, 409, 410, 422])('does not ask again after %i', async (code) => {
    await using server = await apiServer((response) => status(response, code, 'no'));
    await expect(server.api.get(path, asking)).rejects.toMatchObject({ code });
    expect(server.seen).toHaveLength(1);
  });

  it('tries a new credential once after a 401', async () => {
    let refreshed = 0;
    await using server = await apiServer((response, _, count) => (count === 1 ? status(response, 401) : json(response, {})), {
      refresh: () => ++refreshed > 0,
    });
    expect(await server.api.get(path, asking)).toEqual({});
    expect([server.seen.length, refreshed]).toEqual([2, 1]);
  });

  it('has a deadline for all attempts, and for the body', async () => {
    const failure = {
      failure: 'timeout',
      message: expect.stringMatching(/^Cannot read pod shop\/api: 127\.0\.0\.1:\d+ did not answer within 0\.1s$/),
    };
    await using silent = await apiServer(() => undefined);
    await expect(silent.api.get(path, { ...asking, timeout: 100 })).rejects.toMatchObject(failure);
    await using stuck = await apiServer((response) => void response.writeHead(200).write('{'));
    await expect(stuck.api.get(path, { ...asking, timeout: 100 })).rejects.toMatchObject(failure);
    await using waiting = await apiServer((response) => status(response, 429, '', {}, { 'Retry-After': '60' }));
    await expect(waiting.api.get(path, { ...asking, timeout: 100 })).rejects.toMatchObject(failure);
    await using limited = await apiServer(() => undefined, { timeout: 100 });
    await expect(limited.api.get(path, asking)).rejects.toMatchObject(failure);
  });

  it('ends with the reason of its signal', async () => {
    await using server = await apiServer(() => undefined);
    const reason = new Error('stopped');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    await expect(server.api.get(path, { ...asking, signal: controller.signal })).rejects.toBe(reason);
    await expect(server.api.get(path, { ...asking, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.seen).toHaveLength(1);
  });

  it('refuses what is no JSON, and what is too much', async () => {
    await using page = await apiServer((response) => void response.end('<html>login'));
    await expect(page.api.get(path, asking)).rejects.toMatchObject({
      message: expect.stringContaining('answered in something else than JSON'),
      cause: '<html>login',
    });
    await using flood = await apiServer((response) => {
      const pour = () => void (response.destroyed || response.write('x'.repeat(1 << 20), pour));
      pour();
    });
    await expect(flood.api.text(path, asking)).rejects.toThrow('answered with more than 16 MiB');
  });

  it('does not wait for who sends byte after byte: the headers, the body, the reason of a refusal', async () => {
    const drip = (response: { write(text: string): unknown; destroyed: boolean }) => {
      const timer = setInterval(() => (response.destroyed ? clearInterval(timer) : response.write(' ')), 20);
    };
    for (const answer of [
      (response: ServerResponse) => {
        response.socket?.write('HTTP/1.1 200 OK\r\nX-Slow:');
        drip(response.socket as Socket);
      },
      (response: ServerResponse) => drip(response.writeHead(200)),
      (response: ServerResponse) => drip(response.writeHead(403)),
    ]) {
      await using server = await apiServer((response) => void answer(response));
      await expect(server.api.get(path, { ...asking, timeout: 300 })).rejects.toMatchObject({ failure: 'timeout' });
    }
  });

  it('reads the beginning of a refusal, and no more', async () => {
    let poured = 0;
    await using flood = await apiServer((response) => {
      response.writeHead(403);
      const pour = () => void (response.destroyed || response.write('x'.repeat(1 << 20), pour) || poured++);
      pour();
    });
    await expect(flood.api.get(path, asking)).rejects.toMatchObject({ code: 403, cause: 'x'.repeat(300) });
    expect(poured).toBeLessThan(64);
  });

  it('follows no list without an end', async () => {
    await using server = await apiServer((response) => json(response, { items: [1], metadata: { continue: 'x' } }));
    await expect(server.api.list(path, asking)).rejects.toMatchObject({
      failure: 'failed',
      message: expect.stringContaining('more than 10000'),
    });
    expect(server.seen).toHaveLength(40);
  });

  it('follows the pages of a list', async () => {
    await using server = await apiServer((response, _, count) =>
      json(response, count === 1 ? { items: [1, 2], metadata: { continue: 'a b' } } : { items: [3], metadata: {} }),
    );
    expect(await server.api.list(path, { ...asking, query: { labelSelector: 'a=b' } })).toEqual([1, 2, 3]);
    expect(server.seen[1]?.url).toMatch(/\?labelSelector=a%3Db&limit=250&continue=a%20b$/);
  });
});

describe('PATCH', () => {
  it('is a strategic merge by kprof', async () => {
    await using server = await apiServer((response) => json(response, { done: true }));
    expect(await server.api.patch(path, { spec: {} }, asking)).toEqual({ done: true });
    expect(server.seen[0]).toMatchObject({
      method: 'PATCH',
      url: '/api/v1/namespaces/shop/pods/api?fieldManager=kprof',
      body: '{"spec":{}}',
      headers: { 'content-type': 'application/strategic-merge-patch+json', 'content-length': '11' },
    });
  });

  it.each([409, 429])('is sent again after %i', async (code) => {
    await using server = await apiServer((response, _, count) => (count === 1 ? status(response, code) : json(response, {})));
    await server.api.patch(path, {}, asking);
    expect(server.seen).toHaveLength(2);
  });

  it.each<[string, Answer]>([
    ['500', (response) => status(response, 500)],
    ['504', (response) => status(response, 504)],
    ['a dropped connection', (response) => void response.socket?.destroy()],
    ['another uid', (response) => status(response, 409, 'Precondition failed: UID in precondition: a, UID in object meta: b')],
  ])('is not sent again after %s: it may have been done', async (_, answer) => {
    await using server = await apiServer(answer);
    await expect(server.api.patch(path, {}, asking)).rejects.toThrow();
    expect(server.seen).toHaveLength(1);
  });
});

it('POST creates', async () => {
  await using server = await apiServer((response) => json(response, { status: { allowed: true } }, 201));
  expect(await server.api.create(['apis', 'authorization.k8s.io', 'v1', 'selfsubjectaccessreviews'], { spec: {} }, asking)).toEqual({
    status: { allowed: true },
  });
  expect(server.seen[0]).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
});

describe('watch', () => {
  const collect = async (events: AsyncIterable<unknown>) => Array.fromAsync(events);

  it('gives each event, however the bytes are cut', async () => {
    await using server = await apiServer(async (response) => {
      const text = Buffer.from(['ADDED', 'BOOKMARK', 'DELETED'].map((type) => `${JSON.stringify({ type, object: 'ä' })}\n`).join(''));
      for (const byte of text) await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
      response.end();
    });
    expect(await collect(server.api.watch(path, { ...asking, query: { resourceVersion: '7' } }))).toEqual(
      ['ADDED', 'BOOKMARK', 'DELETED'].map((type) => ({ type, object: 'ä' })),
    );
    expect(server.seen[0]?.url).toMatch(/\?resourceVersion=7&watch=true&allowWatchBookmarks=true&timeoutSeconds=60$/);
  });

  it('throws an ERROR event, and a refusal', async () => {
    await using server = await apiServer((response, _, count) =>
      count === 1
        ? json(response, { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })
        : status(response, 403, 'no'),
    );
    const first = server.api.watch(path, asking);
    // A line needs its end.
    await expect(collect(first)).resolves.toEqual([]);
    await expect(collect(server.api.watch(path, asking))).rejects.toMatchObject({ code: 403 });
    await using old = await apiServer(
      (response) => void response.end(`${JSON.stringify({ type: 'ERROR', object: { code: 410, message: 'too old' } })}\n`),
    );
    await expect(collect(old.api.watch(path, asking))).rejects.toMatchObject({ code: 410, cause: 'too old' });
  });

  it('throws a dropped line, and the reason of its signal', async () => {
    await using server = await apiServer((response) => {
      response.writeHead(200).flushHeaders();
      setTimeout(() => response.socket?.destroy(), 20);
    });
    await expect(collect(server.api.watch(path, asking))).rejects.toMatchObject({ code: 0 });
    await using silent = await apiServer((response) => void response.writeHead(200).flushHeaders());
    const reason = new Error('stopped');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    await expect(collect(silent.api.watch(path, { ...asking, signal: controller.signal }))).rejects.toBe(reason);
  });

  it('refuses an event without an end', async () => {
    await using server = await apiServer((response) => {
      const pour = () => void (response.destroyed || response.write('x'.repeat(1 << 20), pour));
      pour();
    });
    await expect(collect(server.api.watch(path, asking))).rejects.toMatchObject({
      failure: 'failed',
      cause: expect.objectContaining({ message: expect.stringContaining('longer than 16 MiB') }),
    });
  });

  it('lets go of the connection when nobody reads on', async () => {
    const closed = Promise.withResolvers<void>();
    await using server = await apiServer((response) => {
      response.on('close', () => closed.resolve());
      response.write(`${JSON.stringify({ type: 'ADDED', object: 1 })}\n`);
    });
    for await (const event of server.api.watch(path, asking)) {
      expect(event).toEqual({ type: 'ADDED', object: 1 });
      break;
    }
    await closed.promise;
  });
});
