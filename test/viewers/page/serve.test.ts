import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { type Served, serve } from '../../../src/viewers/page/serve.ts';
import { answerFrom, type Site } from '../../../src/viewers/page/site.ts';

const site: Site = {
  title: 'a site',
  entry: 'index.html#x=y',
  policy: "default-src 'self'",
  answer: answerFrom(new Map([['index.html', { type: 'text/html', bytes: Buffer.from('<p>hello') }]])),
  close: async () => {},
};

const open: Served[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((each) => each.stop()))));

async function started(options: Parameters<typeof serve>[1] = {}): Promise<Served> {
  const served = await serve(site, options);
  open.push(served);
  return served;
}

interface Got {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** A request whose path is sent as it is. */
async function get(port: number, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  const [answer] = await once(request({ host: '127.0.0.1', port, path, headers, method }).end(), 'response');
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

/** Opens the address as a browser does; gives the cookie and the folder. */
async function enter({ port, address }: Served): Promise<{ readonly cookie: string; readonly folder: string }> {
  const { status, headers, body } = await get(port, new URL(address).pathname);
  expect(status).toBe(200);
  const [, folder = ''] = /content="0;url=\/(\w{32})\/index\.html#x=y"/.exec(body) ?? [];
  const [cookie = ''] = (headers['set-cookie']?.[0] ?? '').split(';');
  return { cookie, folder };
}

describe('the way in', () => {
  test('the token is exchanged for a cookie that opens the page', async () => {
    const served = await started();
    expect(served.address).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${served.port}/[0-9a-f]{32}$`));
    const { headers } = await get(served.port, new URL(served.address).pathname);
    const [, folder = '', flags = ''] = /^kprof=[0-9a-f]{32}; Path=\/([0-9a-f]{32})\/; (.*)$/.exec(headers['set-cookie']?.[0] ?? '') ?? [];
    expect(flags).toBe('HttpOnly; SameSite=Strict');
    expect(folder).not.toBe('');
    await served.visited;
  });

  test('it works once', async () => {
    const served = await started();
    const { cookie, folder } = await enter(served);
    const again = await get(served.port, new URL(served.address).pathname);
    expect(again).toMatchObject({ status: 403, body: expect.stringContaining('worked once') });
    expect(again.headers['set-cookie']).toBeUndefined();
    expect(await get(served.port, `/${folder}/index.html?any=query`, { cookie })).toMatchObject({ status: 200, body: '<p>hello' });
    expect(await get(served.port, `/${folder}/index.html`, { cookie }, 'HEAD')).toMatchObject({ status: 200, body: '' });
  });

  test('every answer forbids what the page does not need', async () => {
    const served = await started();
    const { cookie, folder } = await enter(served);
    for (const [path, policy] of [
      ['/', "default-src 'none'"],
      [`/${folder}/index.html`, "default-src 'self'"],
      [`/${folder}/nothing`, "default-src 'self'"],
    ] as const) {
      const { headers } = await get(served.port, path, { cookie });
      expect(headers).toMatchObject({
        'content-security-policy': expect.stringContaining(policy),
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'x-frame-options': 'DENY',
      });
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });
});

describe('refused', () => {
  test('a foreign host, another method, another site, no cookie', async () => {
    const served = await started();
    const { cookie, folder } = await enter(served);
    const page = `/${folder}/index.html`;
    const refused = async (headers: Record<string, string>, method = 'GET') => (await get(served.port, page, headers, method)).status;
    expect(await refused({ cookie, host: 'evil.example' })).toBe(421);
    expect(await refused({ cookie, host: `evil.example:${served.port}` })).toBe(421);
    expect(await refused({ cookie }, 'POST')).toBe(405);
    expect(await refused({ cookie }, 'OPTIONS')).toBe(405);
    expect(await refused({ cookie, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await refused({ cookie, origin: 'https://evil.example' })).toBe(403);
    expect(await refused({})).toBe(403);
  });

  test.each([
    '/..%2f',
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..\\..\\etc\\passwd',
    '/etc/passwd',
    '/index.html/../../x',
    '/index.html%00',
    '/INDEX.HTML',
    '//index.html',
    '/',
    '',
    '/__proto__',
    '/constructor',
  ])('the path %s', async (path) => {
    const served = await started();
    const { cookie, folder } = await enter(served);
    const { status, body } = await get(served.port, `/${folder}${path}`, { cookie });
    expect({ status, body }).toEqual({ status: 404, body: 'Not here.\n' });
    expect((await get(served.port, path === '' ? '/' : path)).status).toBe(403);
  });

  test('the cookie of a second page, which runs beside the first', async () => {
    const [one, two] = [await started(), await started()];
    const [first, second] = [await enter(one), await enter(two)];
    expect(one.port).not.toBe(two.port);
    expect(await get(two.port, `/${second.folder}/index.html`, { cookie: first.cookie })).toMatchObject({ status: 403 });
    expect(await get(two.port, `/${first.folder}/index.html`, { cookie: second.cookie })).toMatchObject({ status: 404 });
    expect(await get(two.port, `/${second.folder}/index.html`, { cookie: `${first.cookie}; ${second.cookie}` })).toMatchObject({
      status: 200,
    });
  });
});

describe('where it listens', () => {
  test('a port that is taken is said, and can be done without', async () => {
    const { port } = await started();
    await expect(serve(site, { port })).rejects.toMatchObject({
      failure: 'failed',
      message: expect.stringContaining(String(port)),
      hint: expect.stringContaining('--port'),
    });
  });

  test('on 127.0.0.1 alone: not on IPv6, not on other addresses of this machine', async () => {
    const { port } = await started();
    for (const host of ['::1', '127.0.0.2']) {
      const socket = connect({ host, port });
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(['ECONNREFUSED', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENETUNREACH']).toContain(error.code);
    }
  });
});

describe('the end', () => {
  /** The request that a tab keeps open. */
  async function tab(served: Served): Promise<Socket> {
    const { cookie, folder } = await enter(served);
    const [answer] = await once(
      request({ host: '127.0.0.1', port: served.port, path: `/${folder}/alive`, headers: { cookie } }).end(),
      'response',
    );
    expect(answer.headers['content-type']).toBe('text/event-stream');
    answer.on('error', () => {});
    return answer.socket;
  }

  test('comes with that of the tab', async () => {
    const served = await started({ times: { grace: 50, idle: 600_000 } });
    (await tab(served)).destroy();
    expect(await served.ended).toBe('closed');
    await expect(get(served.port, '/')).rejects.toThrow(/ECONNREFUSED/);
  });

  test('comes when nobody looks', async () => {
    expect(await (await started({ times: { grace: 1, idle: 50 } })).ended).toBe('idle');
  });

  test('comes when it is stopped, tabs or not', async () => {
    const served = await started();
    const socket = await tab(served);
    const hungUp = once(socket, 'close');
    await served.stop();
    expect(await served.ended).toBe('stopped');
    await hungUp;
  });
});
