import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { KprofError } from '../../src/errors.ts';
import { type PullOptions, pull } from '../../src/pull/pull.ts';
import { archive, entry, header } from '../support/archives.ts';
import { sandbox } from '../support/sandbox.ts';
import { digestLine, impatience, type Script, sender, zstd } from '../support/sender.ts';

const name = 'x.jfr';
const content = randomBytes(3_000_000);
const plain = { stdout: archive(name, content), stderr: digestLine(content) };
const packed = { stdout: zstd(archive(name, content)) };
const sha256 = createHash('sha256').update(content).digest('hex');

async function attempt(folder: string, script: Script, more: Partial<PullOptions> = {}) {
  const { open, seen } = sender(script);
  const to = join(folder, 'x.jfr.partial');
  const outcome = await pull(open, { codec: 'none', name, to, maxBytes: 1e9, patience: impatience, ...more }).catch(
    (error: unknown) => error,
  );
  return { outcome: outcome as KprofError, seen, to };
}

test.each([['none', plain] as const, ['zstd', packed] as const])(
  '%s: gives size and digest, writes the content, acknowledges once',
  async (codec, script) => {
    using box = sandbox();
    const steps: (number | undefined)[][] = [];
    const { outcome, seen, to } = await attempt(box.path, script, { codec, onProgress: (...step) => steps.push(step) });
    expect(outcome).toEqual({ bytes: content.length, sha256 });
    expect(readFileSync(to).equals(content)).toBe(true);
    expect(statSync(to).mode & 0o777).toBe(0o600);
    expect(seen).toMatchObject({ sent: 'ack\n', aborted: false });
    expect(steps.at(-1)).toEqual([content.length, content.length]);
    expect(steps.every(([done = 0], i) => i === 0 || done > (steps[i - 1]?.[0] ?? 0))).toBe(true);
  },
);

test.each([0, 1, 511, 512, 513, 1024 * 1024, 1024 * 1024 + 1])('a file of %i bytes', async (length) => {
  using box = sandbox();
  const bytes = content.subarray(0, length);
  const a = await attempt(box.path, { stdout: archive(name, bytes), stderr: digestLine(bytes) });
  expect(a.outcome).toMatchObject({ bytes: length });
  expect(readFileSync(a.to).equals(bytes)).toBe(true);
});

test('the digest counts in whichever piece it comes, beside what tar has to say', async () => {
  using box = sandbox();
  const stderr = `tar: removing a leading slash\n${plain.stderr}`;
  expect((await attempt(box.path, { ...plain, stderr })).outcome).toMatchObject({ sha256 });
});

test.each<[string, Script, string]>([
  ['another digest', { ...plain, stderr: digestLine(Buffer.from('other')) }, 'its checksum differs'],
  ['no digest', { ...plain, stderr: '', impatient: true }, 'no checksum came'],
  ['a digest without its newline', { ...plain, stderr: plain.stderr.trim(), impatient: true }, 'no checksum came'],
  ['a digest that is too long', { ...plain, stderr: `${plain.stderr.trim()}0\n`, impatient: true }, 'no checksum came'],
  ['an exit code', { ...plain, code: 2, stderr: 'tar: x.jfr: Cannot open\n' }, 'exit code 2: tar: x.jfr: Cannot open'],
  ['a cut with exit code 0', { stdout: plain.stdout.subarray(0, 2_000_000), impatient: true }, 'only 1999488 of 3000000 bytes came'],
])('%s: incomplete, and the .partial is kept', async (_, script, reason) => {
  using box = sandbox();
  const { outcome, to } = await attempt(box.path, script);
  expect(outcome).toMatchObject({ failure: 'incomplete', message: expect.stringContaining(reason) });
  expect(outcome.message).toContain(`${statSync(to).size} bytes are kept in ${to}`);
  expect(box.tree()).toEqual(['x.jfr.partial']);
});

test('a cut keeps the prefix that came', async () => {
  using box = sandbox();
  const { to } = await attempt(box.path, { stdout: plain.stdout.subarray(0, 2_000_000), lost: new Error('1006') });
  expect(readFileSync(to).equals(content.subarray(0, 2_000_000 - 512))).toBe(true);
});

test('without a single byte nothing is left', async () => {
  using box = sandbox();
  const { outcome } = await attempt(box.path, { lost: new Error('1006') });
  expect(outcome.message).toBe('x.jfr did not arrive whole: the line to the pod was lost (nothing is kept)');
  expect(box.tree()).toEqual([]);
});

test('a lost line keeps its own error as the cause, also after the last byte', async () => {
  using box = sandbox();
  const lost = new KprofError('gone', 'The pod was deleted');
  const { outcome } = await attempt(box.path, { ...plain, lost });
  expect(outcome).toMatchObject({ failure: 'incomplete', cause: lost });
});

test('a refusal stays one', async () => {
  using box = sandbox();
  const lost = new KprofError('forbidden', 'You may not exec into pod x', { hint: 'kprof rbac' });
  expect((await attempt(box.path, { lost })).outcome).toMatchObject({ failure: 'forbidden', hint: 'kprof rbac' });
  expect(box.tree()).toEqual([]);
});

test('what open throws is passed on, and leaves nothing', async () => {
  using box = sandbox();
  const thrown = new TypeError('a bug');
  const outcome = pull(
    () => {
      throw thrown;
    },
    { codec: 'none', name, to: join(box.path, 'x.partial'), maxBytes: 1 },
  );
  await expect(outcome).rejects.toBe(thrown);
  expect(box.tree()).toEqual([]);
});

test('an error of the caller in onProgress is passed on', async () => {
  using box = sandbox();
  const onProgress = () => {
    throw new TypeError('a bug');
  };
  const { outcome, seen } = await attempt(box.path, plain, { onProgress });
  expect(outcome).toBeInstanceOf(TypeError);
  expect(seen.aborted).toBe(true);
});

test.each(['none', 'zstd'] as const)('%s: silence ends it, and drops the line', async (codec) => {
  using box = sandbox();
  const script = codec === 'none' ? plain : packed;
  const { outcome, seen } = await attempt(box.path, { stdout: script.stdout.subarray(0, 1_000_000), hangs: true }, { codec, silence: 100 });
  expect(outcome).toMatchObject({ failure: 'timeout' });
  expect(seen.aborted).toBe(true);
});

test('silence after the ack ends it too', async () => {
  using box = sandbox();
  const { outcome } = await attempt(box.path, { ...plain, hangs: true }, { silence: 100 });
  expect(outcome).toMatchObject({ failure: 'timeout' });
});

test('the signal stops it with its own reason; the .partial is kept', async () => {
  using box = sandbox();
  const stop = new AbortController();
  const running = attempt(box.path, { stdout: plain.stdout.subarray(0, 1_000_000), hangs: true }, { signal: stop.signal });
  setTimeout(() => stop.abort(new KprofError('interrupted', 'interrupted by Ctrl-C')), 50);
  const { outcome, seen } = await running;
  expect(outcome).toMatchObject({ failure: 'interrupted', message: expect.stringContaining('999488 bytes are kept') });
  expect(seen.aborted).toBe(true);
});

test('a signal that is aborted already starts nothing', async () => {
  using box = sandbox();
  const { outcome, seen } = await attempt(box.path, plain, { signal: AbortSignal.abort() });
  expect(outcome).toMatchObject({ failure: 'interrupted' });
  expect([seen.bytes, box.tree()]).toEqual([0, []]);
});

test('an existing file or link at its name is left alone', async () => {
  using box = sandbox();
  const to = join(box.path, 'x.jfr.partial');
  const victim = join(box.path, 'victim');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, to);
  const { outcome, seen } = await attempt(box.path, plain);
  expect(outcome).toMatchObject({ failure: 'disk', message: expect.stringContaining('exists already') });
  expect([seen.bytes, readFileSync(victim, 'utf8')]).toEqual([0, 'precious']);
});

test('a folder that does not exist', async () => {
  using box = sandbox();
  const { outcome } = await attempt(join(box.path, 'none'), plain);
  expect(outcome).toMatchObject({ failure: 'disk', message: expect.stringContaining('folder does not exist') });
});

test('a file larger than the disk is refused at its header', async () => {
  using box = sandbox();
  const size = 2 ** 52;
  const sizeField = Buffer.alloc(12);
  sizeField[0] = 0x80;
  sizeField.writeBigUInt64BE(BigInt(size), 4);
  const { outcome } = await attempt(box.path, { stdout: header({ name, sizeField }) }, { maxBytes: Number.MAX_SAFE_INTEGER });
  expect(outcome).toMatchObject({ failure: 'disk', message: expect.stringContaining('has room for') });
});

test.runIf(process.platform === 'linux' && process.getuid?.() === 0)('a disk that fills up on the way', async () => {
  using box = sandbox();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'kprof-test', box.path]);
  try {
    const onProgress = (done: number) => done === 32_256 && writeFileSync(join(box.path, 'other'), Buffer.alloc(2_000_000));
    const { outcome, to, seen } = await attempt(box.path, plain, { onProgress });
    expect(outcome).toMatchObject({
      failure: 'disk',
      message: expect.stringMatching(/the disk is full \(\d+ bytes are kept in/),
      hint: expect.any(String),
    });
    expect(readFileSync(to).equals(content.subarray(0, statSync(to).size))).toBe(true);
    expect(seen).toMatchObject({ sent: '', aborted: true });
  } finally {
    execFileSync('umount', [box.path]);
  }
});

test.runIf(process.getuid?.() !== 0)('a folder without permission', async () => {
  using box = sandbox();
  chmodSync(box.path, 0o500);
  expect((await attempt(box.path, plain)).outcome).toMatchObject({ failure: 'disk' });
});

test('two frames, and bytes behind the frame, are refused', async () => {
  using box = sandbox();
  for (const tail of [packed.stdout, Buffer.from('x'), Buffer.from('502a4d1804000000deadbeef', 'hex')]) {
    const { outcome } = await attempt(box.path, { stdout: Buffer.concat([packed.stdout, tail]), pieces: [5_000_000] }, { codec: 'zstd' });
    expect(outcome).toMatchObject({
      failure: 'incomplete',
      message: expect.stringContaining('bytes follow the end of the compressed stream'),
    });
    rmSync(join(box.path, 'x.jfr.partial'), { force: true });
  }
});

test('an archive in two frames is refused', async () => {
  using box = sandbox();
  const halves = [archive(name, content).subarray(0, 1000), archive(name, content).subarray(1000)].map((half) => zstd(half));
  expect((await attempt(box.path, { stdout: Buffer.concat(halves) }, { codec: 'zstd' })).outcome).toMatchObject({ failure: 'incomplete' });
});

test('a frame without a checksum, or with a window of 2 GiB, is refused', async () => {
  using box = sandbox();
  const bare = await attempt(box.path, { stdout: zstd(archive(name, Buffer.from('a')), 0) }, { codec: 'zstd' });
  expect(bare.outcome.message).toContain('no checksum');
  const wide = Buffer.from(packed.stdout);
  const single = ((wide[4] as number) & 0x20) !== 0;
  const frame = Buffer.concat([Buffer.from('28b52ffd04', 'hex'), Buffer.from([(31 - 10) << 3]), wide.subarray(single ? 9 : 6)]);
  expect((await attempt(box.path, { stdout: frame, patience: 50 }, { codec: 'zstd' })).outcome).toMatchObject({ failure: 'incomplete' });
});

test('no rejection is left unhandled, whatever goes wrong', async () => {
  using box = sandbox();
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  const scripts: Script[] = [{ ...plain, code: 1 }, { ...packed, lost: new Error('x') }, { stdout: entry(content, { name: 'other' }) }];
  for (const script of scripts) {
    for (const codec of ['none', 'zstd'] as const) {
      const { to } = await attempt(box.path, script, { codec });
      rmSync(to, { force: true });
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});
