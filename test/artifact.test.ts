import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { artifactName, prepareDestination, publish } from '../src/artifact.ts';
import { type CaptureRecord, keepCapture, thisClient } from '../src/state/captures.ts';
import { sandbox } from './support/sandbox.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>();
  return { ...real, link: vi.fn(real.link) };
});
beforeEach(() => void vi.mocked(fs.link).mockClear());

const at = new Date('2026-11-21T07:15:02.999Z');
const origin = { tool: 'jfr', namespace: 'shop', pod: 'cart-7d9f-x2x', container: 'app', pid: 7, at };

test('a name says what it is of', () => {
  expect(artifactName(origin, 'jfr')).toBe('jfr-shop-cart-7d9f-x2x-app-7-20261121T071502Z.jfr');
  expect(artifactName({ ...origin, tool: 'pcap', pid: undefined }, 'pcap')).toBe('pcap-shop-cart-7d9f-x2x-app-20261121T071502Z.pcap');
});

test('the longest names fit, with .partial, and stay different', () => {
  const long = { ...origin, namespace: 'n'.repeat(63), container: 'c'.repeat(63), pid: 4_194_304 };
  const [a, b] = ['a', 'b'].map((letter) =>
    artifactName({ ...long, pod: `web-${'p'.repeat(120)}${letter}${'p'.repeat(120)}-x2x` }, 'jfr'),
  ) as [string, string];
  expect(a).not.toBe(b);
  expect(a).toMatch(/-web-p+-[0-9a-f]{8}-p+-x2x-c+-4194304-20261121T071502Z\.jfr$/);
  expect(Buffer.byteLength(`${a}.partial`)).toBeLessThanOrEqual(255);
  expect(artifactName({ ...long, pod: 'p'.repeat(253) }, 'jfr')).toBe(artifactName({ ...long, pod: 'p'.repeat(253) }, 'jfr'));
});

test('nothing in a name can leave the folder or start an option', () => {
  expect(artifactName({ ...origin, pod: '../../etc/\x1b[0m ü' }, 'jfr')).toMatch(/^jfr-[\w.-]+\.jfr$/);
});

test('without -f it goes to the current folder, with -f FILE there, with -f DIR/ or an existing folder into it', async () => {
  using box = sandbox();
  mkdirSync(join(box.path, 'captures'));
  const name = 'x.jfr';
  expect(await prepareDestination(undefined, name)).toEqual({
    final: join(process.cwd(), name),
    partial: join(process.cwd(), `${name}.${process.pid}.partial`),
    ours: true,
  });
  expect((await prepareDestination(join(box.path, 'my.jfr'), name)).final).toBe(join(box.path, 'my.jfr'));
  expect((await prepareDestination(`${box.path}/captures/`, name)).final).toBe(join(box.path, 'captures', name));
  expect((await prepareDestination(`${box.path}/captures`, name)).final).toBe(join(box.path, 'captures', name));
  expect(box.tree()).toEqual(['captures/']);
});

test('what cannot be written is refused before anything is captured', async () => {
  using box = sandbox();
  writeFileSync(join(box.path, 'file'), '');
  symlinkSync('/nowhere', join(box.path, 'dangling'));
  execFileSync('mkfifo', [join(box.path, 'fifo')]);
  const at = (path: string) => prepareDestination(path.startsWith('/') ? path : `${box.path}/${path}`, 'x.jfr');
  await expect(at('')).resolves.toBeDefined();
  await expect(prepareDestination('', 'x.jfr')).rejects.toMatchObject({ failure: 'usage' });
  await expect(at("it's new/x.jfr")).rejects.toMatchObject({ failure: 'disk', hint: `mkdir -p '${box.path}/it'\\''s new'` });
  await expect(at('new/')).rejects.toMatchObject({ failure: 'disk', hint: `mkdir -p ${box.path}/new` });
  await expect(at('file/x.jfr')).rejects.toMatchObject({ failure: 'disk', message: expect.stringContaining('is not a folder') });
  await expect(at('file')).rejects.toMatchObject({ failure: 'usage', hint: expect.stringContaining('--force') });
  await expect(at('dangling')).rejects.toMatchObject({ failure: 'usage', message: expect.stringContaining('is a link') });
  await expect(at('fifo')).rejects.toMatchObject({ failure: 'usage', message: expect.stringContaining('not a regular file') });
  await expect(at('y'.repeat(300))).rejects.toMatchObject({ failure: 'disk', message: expect.stringContaining('too long') });
});

test.runIf(process.getuid?.() !== 0)('a folder without permission', async () => {
  using box = sandbox();
  chmodSync(box.path, 0o500);
  await expect(prepareDestination(`${box.path}/`, 'x.jfr')).rejects.toMatchObject({ failure: 'disk' });
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0;
test.runIf(canMount).each([
  ['read-only', 'ro', 'read-only'],
  ['full', 'size=4k', 'is as good as full: 4.1 kB are free, and a capture needs at least 1.05 MB'],
])('a file system that is %s', async (_, options, reason) => {
  using box = sandbox();
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'kprof-test', box.path]);
  try {
    await expect(prepareDestination(`${box.path}/`, 'x.jfr')).rejects.toMatchObject({
      failure: 'disk',
      message: expect.stringContaining(reason),
    });
  } finally {
    execFileSync('umount', [box.path]);
  }
});

test('the .partial of an earlier try is not lost without --force', async () => {
  using box = sandbox();
  const path = join(box.path, 'x.jfr');
  writeFileSync(`${path}.partial`, 'some of it');
  await expect(prepareDestination(path, 'x')).rejects.toMatchObject({
    failure: 'usage',
    message: expect.stringContaining('x.jfr.partial exists: another capture writes it'),
    hint: expect.not.stringContaining('remove'),
  });
  await prepareDestination(path, 'x', { force: true });
  expect(box.tree()).toEqual([]);
});

test('two captures with the same name and --force have a file each until one of them has the name', async () => {
  using box = sandbox();
  const path = join(box.path, 'x.jfr');
  const first = await prepareDestination(path, 'x', { force: true });
  expect(first.partial).toBe(`${path}.${process.pid}.partial`);
  writeFileSync(first.partial, 'of the first', { mode: 0o600 });
  // As another process.
  const second = { ...first, partial: `${path}.1.partial` };
  writeFileSync(second.partial, 'of the second', { mode: 0o600 });
  await publish(first, { force: true });
  expect(readFileSync(path, 'utf8')).toBe('of the first');
  await publish(second, { force: true });
  expect(readFileSync(path, 'utf8')).toBe('of the second');
  expect(box.tree()).toHaveLength(1);
});

test('--force leaves alone what another kprof writes at this moment', async () => {
  using box = sandbox();
  const path = join(box.path, 'x.jfr');
  vi.stubEnv('XDG_STATE_HOME', join(box.path, 'state'));
  try {
    writeFileSync(`${path}.partial`, 'more comes', { mode: 0o600 });
    const record = { version: 1, id: '0123456789abcdef', startedAt: '', partial: `${path}.partial`, client: await thisClient() };
    await keepCapture(process.env, record as CaptureRecord);
    await prepareDestination(path, 'x', { force: true });
    expect(readFileSync(`${path}.partial`, 'utf8')).toBe('more comes');
    await keepCapture(process.env, { ...record, client: { ...record.client, started: 'long ago' } } as CaptureRecord);
    await prepareDestination(path, 'x', { force: true });
    expect(existsSync(`${path}.partial`)).toBe(false);
  } finally {
    vi.unstubAllEnvs();
  }
});

const whole = (folder: string) => {
  const destination = { final: join(folder, 'x.jfr'), partial: join(folder, 'x.jfr.partial') };
  writeFileSync(destination.partial, 'whole', { mode: 0o600 });
  return destination;
};

test('publishing gives the name, and keeps the mode', async () => {
  using box = sandbox();
  expect(await publish(whole(box.path))).toBe(join(box.path, 'x.jfr'));
  expect(box.tree()).toEqual(['x.jfr']);
  expect(statSync(join(box.path, 'x.jfr'))).toMatchObject({ nlink: 1, mode: 0o100600 });
});

test.each(['with hard links', 'without hard links'])('never overwrites, %s; with force it does', async (links) => {
  using box = sandbox();
  const noLinks = Object.assign(new Error('EPERM'), { code: 'EPERM' });
  const refuse = () => links === 'without hard links' && vi.mocked(fs.link).mockRejectedValueOnce(noLinks);
  const destination = whole(box.path);
  refuse();
  await publish(destination);
  expect(box.tree()).toEqual(['x.jfr']);
  writeFileSync(destination.partial, 'newer');
  refuse();
  await expect(publish(destination)).rejects.toMatchObject({ failure: 'disk', message: expect.stringContaining('kept as x.jfr.partial') });
  expect(readFileSync(destination.final, 'utf8')).toBe('whole');
  expect(box.tree()).toEqual(['x.jfr', 'x.jfr.partial']);
  await publish(destination, { force: true });
  expect(readFileSync(destination.final, 'utf8')).toBe('newer');
  expect(box.tree()).toEqual(['x.jfr']);
});

test('of many at once, one gets the name', async () => {
  using box = sandbox();
  const final = join(box.path, 'x.jfr');
  const attempts = Array.from({ length: 20 }, (_, i) => {
    const partial = join(box.path, `${i}.partial`);
    writeFileSync(partial, String(i));
    return publish({ partial, final });
  });
  const outcomes = await Promise.allSettled(attempts);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(box.tree()).toHaveLength(20);
});

test('with force a link at the name is replaced, not followed', async () => {
  using box = sandbox();
  const destination = whole(box.path);
  writeFileSync(join(box.path, 'victim'), 'precious');
  symlinkSync(join(box.path, 'victim'), destination.final);
  await publish(destination, { force: true });
  expect(readFileSync(join(box.path, 'victim'), 'utf8')).toBe('precious');
});

test('a link is neither followed nor replaced, and what it leads to is named', async () => {
  using box = sandbox();
  const [victim, name] = [join(box.path, 'victim of it'), join(box.path, 'x.jfr')];
  writeFileSync(victim, 'precious');
  symlinkSync(victim, name);
  for (const force of [false, true])
    await expect(prepareDestination(name, 'x', { force })).rejects.toMatchObject({
      failure: 'usage',
      message: `${name} is a link, and kprof neither follows nor replaces links`,
      hint: `-f '${victim}' names what it leads to`,
    });
  expect(box.tree()).toHaveLength(2);
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});

test.each(['a\nb.jfr', 'a\x1b[2J', 'a\0b', '\x9b'])('-f %j, which is no line, is a usage error', async (name) => {
  await expect(prepareDestination(name, 'x')).rejects.toMatchObject({
    failure: 'usage',
    message: expect.stringContaining('control characters'),
  });
});

test('-f that begins with a hyphen is a file like any other', async () => {
  using box = sandbox();
  expect((await prepareDestination(join(box.path, '-rf'), 'x')).final).toBe(join(box.path, '-rf'));
});

test('captures of the same second keep apart, however close they are', async () => {
  using box = sandbox();
  const destinations = Array.from({ length: 20 }, (_, pid) => ({
    final: join(box.path, 'jfr-20261121T071502Z.jfr'),
    partial: join(box.path, `jfr-20261121T071502Z.jfr.${pid}.partial`),
    ours: true,
  }));
  for (const [index, { partial }] of destinations.entries()) writeFileSync(partial, String(index));
  const paths = await Promise.all(destinations.map((destination) => publish(destination, { force: true })));
  const expected = ['', ...Array.from({ length: 19 }, (_, i) => `-${i + 2}`)].map((number) => `jfr-20261121T071502Z${number}.jfr`);
  expect(box.tree().toSorted()).toEqual(expected.toSorted());
  for (const [index, path] of paths.entries()) expect(readFileSync(path, 'utf8')).toBe(String(index));
});

test('what another kprof writes under the same name of ours is not in the way', async () => {
  using box = sandbox();
  writeFileSync(join(box.path, 'x.jfr'), 'of another');
  writeFileSync(join(box.path, 'x.jfr.1.partial'), 'of another');
  const destination = await prepareDestination(`${box.path}/`, 'x.jfr');
  writeFileSync(destination.partial, 'mine');
  expect(await publish(destination)).toBe(join(box.path, 'x-2.jfr'));
  for (const [name, second] of [
    ['api.v1-Z.pb.gz', 'api.v1-Z-2.pb.gz'],
    ['api.v1-Z.jfr', 'api.v1-Z-2.jfr'],
    ['plain', 'plain-2'],
  ] as const) {
    writeFileSync(join(box.path, name), 'the first');
    const next = await prepareDestination(`${box.path}/`, name);
    writeFileSync(next.partial, 'the second');
    expect(await publish(next)).toBe(join(box.path, second));
  }
  expect(readFileSync(join(box.path, 'x.jfr.1.partial'), 'utf8')).toBe('of another');
});

test('a name for several files with numbers is refused where one of such files is there', async () => {
  using box = sandbox();
  const [file, earlier] = [join(box.path, 'x.pcapng'), join(box.path, 'x-00003.pcapng')];
  for (const other of ['x-1.pcapng', 'y-00001.pcapng', 'x-00001.pcap', 'x.pcapng']) writeFileSync(join(box.path, other), '');
  await expect(prepareDestination(file, 'name', { isNumbered: true })).resolves.toMatchObject({ final: file });
  writeFileSync(earlier, '');
  await expect(prepareDestination(file, 'name', { isNumbered: true })).rejects.toMatchObject({
    failure: 'usage',
    message: `${earlier} exists already, as files of x.pcapng are called`,
  });
  await expect(prepareDestination(file, 'name', { isNumbered: true, force: true })).resolves.toMatchObject({ final: file });
  await expect(prepareDestination(`${box.path}/`, 'x.pcapng', { isNumbered: true })).resolves.toMatchObject({ ours: true });
});
