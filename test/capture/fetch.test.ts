import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Fetching, fetchInto } from '../../src/capture/fetch.ts';
import { KprofError } from '../../src/errors.ts';
import { members } from '../../src/formats/bundle.ts';
import type { HttpGet } from '../../src/toolkit.ts';
import { forwardServer } from '../support/forward-server.ts';
import { recorder } from '../support/recorder.ts';
import { sandbox } from '../support/sandbox.ts';

const page = (name: string): HttpGet => ({
  path: name,
  query: { seconds: '1' },
  takes: 0,
  says: `fetching ${name}`,
  name: `${name}.pb.gz`,
  refused: ({ status }) => new KprofError('unsupported', `The app answered ${status}`),
});

/** Serves /d/one and /d/two, and /d/endless for ever; hangs up in the middle of /d/cut, and before /d/dead. */
const app: RequestListener = ({ url = '', socket }, response) => {
  if (url === '/d/one?seconds=1') response.end('first');
  else if (url === '/d/two?seconds=1') response.end('second');
  else if (url.startsWith('/d/cut')) response.writeHead(200, { 'Content-Length': 10 }).write('half', () => socket.end());
  else if (url.startsWith('/d/endless')) {
    const timer = setInterval(() => response.write('more '), 20);
    socket.on('close', () => clearInterval(timer));
  } else if (url.startsWith('/d/dead')) socket.destroy();
  else response.writeHead(404).end();
};

const fetching = (...names: readonly string[]) => fetchingWithin(undefined, ...names);

async function fetchingWithin(most: Fetching['most'], ...names: readonly string[]) {
  await using pod = await forwardServer();
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const box = sandbox();
  const partial = join(box.path, 'x.partial');
  const report = recorder();
  const found = {
    server: { target: pod.target, port, scheme: 'http', headers: {} },
    path: '/d/',
    index: { status: 200, headers: {}, text: '' },
  } as const;
  if (names.includes('dead')) pod.gone.abort(new KprofError('gone', 'The pod is gone'));
  try {
    const all = { target: pod.target, found, report, signal: new AbortController().signal, ...(most === undefined ? {} : { most }) };
    const captured = await fetchInto(all, names.map(page), partial, names.length > 1).catch((error: unknown) => error as KprofError);
    return { captured, content: existsSync(partial) ? readFileSync(partial) : undefined, warnings: report.warnings };
  } finally {
    server.close();
    box[Symbol.dispose]();
  }
}

test('one page is the file', async () => {
  const { captured, content } = await fetching('one');
  expect(content?.toString()).toBe('first');
  expect(captured).toEqual({ bytes: 5, sha256: 'a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e' });
});

test('several are a zip file, without those that the app refuses', async () => {
  const { content, warnings } = await fetching('one', 'three', 'two');
  expect(members(content as Buffer, 'x').map(({ name, content: bytes }) => [name, bytes.toString()])).toEqual([
    ['one.pb.gz', 'first'],
    ['two.pb.gz', 'second'],
  ]);
  expect(warnings).toEqual(['three.pb.gz is left out: The app answered 404']);
});

test('a page that is refused leaves nothing behind', async () => {
  expect(await fetching('three')).toMatchObject({ captured: { failure: 'unsupported' }, content: undefined });
});

test('what came of one that is cut short stays', async () => {
  const { captured, content } = await fetching('cut');
  expect([captured, content?.toString()]).toMatchObject([{ failure: 'incomplete' }, 'half']);
}, 20_000);

test('that the pod is gone is told, and not that the line broke', async () => {
  expect((await fetching('dead')).captured).toMatchObject({ failure: 'gone', message: 'The pod is gone' });
});

test('an answer without an end is given up, by its size or its time', async () => {
  for (const [most, cause] of [
    [{ bytes: 20, time: 600_000 }, 'it is larger than 20'],
    [{ bytes: 2 ** 30, time: 300 }, 'after it was due'],
  ] as const) {
    const { captured } = await fetchingWithin(most, 'endless');
    expect(captured).toMatchObject({ failure: 'incomplete', message: expect.stringContaining('The answer to endless has no end') });
    expect(String((captured as KprofError).message)).toContain(cause);
  }
}, 30_000);
