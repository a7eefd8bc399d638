import { chmodSync, linkSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { KprofError } from '../../src/errors.ts';
import { type PullOptions, pull } from '../../src/pull/pull.ts';
import type { Identity } from '../../src/pull/remarks.ts';
import { archive } from '../support/archives.ts';
import { sandbox } from '../support/sandbox.ts';
import { drawBytes } from '../support/seed.ts';
import { digestLine, type Script, sender, zstd } from '../support/sender.ts';

vi.setConfig({ testTimeout: 60_000 });
const name = 'x.jfr';
const content = drawBytes(700_000);
const identity: Identity = { size: content.length, inode: '12', mtime: '1700000000123456789' };
const fileLine = `kprof-file ${identity.size} ${identity.inode} ${identity.mtime}\n`;
const hex = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, '0');
const lost = new KprofError('failed', 'The connection to shop/api was lost', { lost: true });
const quick = { pause: 1, longestPause: 2, fruitless: 30_000 };

/** What an honest sender says and prints from `offset` on. */
function honest(codec: 'none' | 'zstd', offset: number): Script & { readonly stdout: Buffer } {
  const stream = offset === 0 ? archive(name, content) : content.subarray(offset);
  const prefix = offset === 0 ? '' : `kprof-prefix ${hex(content.subarray(0, offset))}\n`;
  return { says: fileLine + prefix, stdout: codec === 'zstd' ? zstd(stream) : stream, stderr: `kprof-crc32 ${hex(content)}\n` };
}

/** Cut after so many bytes. */
const cutAt = (script: Script & { readonly stdout: Buffer }, at: number): Script => ({
  ...script,
  stdout: script.stdout.subarray(0, at),
  stderr: '',
  lost,
});

/** A sender that answers each try by what was asked for; `change` may spoil it. */
function answering(codec: 'none' | 'zstd', change: (script: Script & { readonly stdout: Buffer }, attempt: number) => Script) {
  const seen: { offset: number; identity: Identity | undefined }[] = [];
  const open: Parameters<typeof pull>[0] = (io) => {
    seen.push(io.from);
    return sender(change(honest(codec, io.from.offset), seen.length - 1)).open(io);
  };
  return { open, seen };
}

async function attempt(folder: string, open: Parameters<typeof pull>[0], more: Partial<PullOptions> = {}) {
  const to = join(folder, 'x.jfr.partial');
  const options = { codec: 'zstd' as const, name, to, maxBytes: 1e9, silence: 10_000, patience: quick, ...more };
  const outcome = await pull(open, options).catch((error: unknown) => error);
  return { to, outcome: outcome as KprofError };
}

const whole = { bytes: content.length, sha256: digestLine(content).slice(13, 77) };

describe.each(['none', 'zstd'] as const)('codec %s', (codec) => {
  test('cut again and again it goes on where it was, and tells', async () => {
    using box = sandbox();
    const told: number[] = [];
    const known: Identity[] = [];
    const { open, seen } = answering(codec, (script, n) => (n < 4 ? cutAt(script, 140_000) : script));
    const { outcome, to } = await attempt(box.path, open, {
      codec,
      onIdentity: (each) => known.push(each),
      onResume: (error, bytes, total) => {
        expect([error.message, total]).toEqual(['the line to the pod was lost', content.length]);
        told.push(bytes);
      },
    });
    expect(outcome).toEqual(whole);
    expect(readFileSync(to).equals(content)).toBe(true);
    expect(seen.map(({ offset }) => offset)).toEqual([0, ...told]);
    expect(told.every((bytes, i) => bytes > (told[i - 1] ?? 0))).toBe(true);
    expect(seen.slice(1).every((from) => from.identity?.inode === '12')).toBe(true);
    expect(known).toEqual([identity]);
  });

  test('cut at any offset, and at any offset of the rest, it arrives', async () => {
    const offset = fc.integer({ min: 0, max: content.length });
    await fc.assert(
      fc.asyncProperty(offset, offset, async (first, second) => {
        using box = sandbox();
        const cuts = [first, second];
        const { open } = answering(codec, (script, n) => (cuts[n] === undefined ? script : cutAt(script, cuts[n])));
        const { outcome, to } = await attempt(box.path, open, { codec });
        expect(outcome).toEqual(whole);
        expect(readFileSync(to).equals(content)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('with bits flipped anywhere in any of the tries, no wrong file is taken', async () => {
    const place = fc.record({ try: fc.integer({ min: 0, max: 2 }), at: fc.nat(), bit: fc.integer({ min: 0, max: 7 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(place, { minLength: 1, maxLength: 3 }), fc.nat(content.length), async (flips, cut) => {
        using box = sandbox();
        const { open } = answering(codec, (script, n) => {
          const stdout = Buffer.from(script.stdout);
          for (const { at, bit } of flips.filter((flip) => flip.try === n))
            if (stdout.length > 0) stdout.writeUInt8(stdout.readUInt8(at % stdout.length) ^ (1 << bit), at % stdout.length);
          return n === 0 ? cutAt({ ...script, stdout }, cut) : { ...script, stdout, patience: 30 };
        });
        const { outcome, to } = await attempt(box.path, open, { codec });
        if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'KprofError', failure: 'incomplete' });
        else expect(readFileSync(to).equals(content)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('a beginning that differs is dropped and pulled anew, once', async () => {
    using box = sandbox();
    const spoilt = Buffer.from(content);
    spoilt[1000] = (spoilt[1000] as number) ^ 1;
    const stream = (codec === 'zstd' ? zstd : (bytes: Buffer) => bytes)(archive(name, spoilt));
    const { open, seen } = answering(codec, (script, n) => (n === 0 ? cutAt({ ...script, stdout: stream }, 400_000) : script));
    const { outcome, to } = await attempt(box.path, open, { codec });
    expect(outcome).toEqual(whole);
    expect(readFileSync(to).equals(content)).toBe(true);
    expect(seen.map(({ offset }) => offset > 0)).toEqual([false, true, false]);
  });

  test('a beginning that differs twice is an error, and nothing is taken', async () => {
    using box = sandbox();
    const lie = (script: Script): Script => ({ ...script, says: `${fileLine}kprof-prefix 00000000\n` });
    const { open, seen } = answering(codec, (script, n) => (n % 2 === 0 ? cutAt(script, 400_000) : lie(script)));
    const { outcome } = await attempt(box.path, open, { codec });
    expect(outcome).toMatchObject({ failure: 'incomplete', message: expect.stringContaining('differs from the beginning of the file') });
    expect(seen).toHaveLength(4);
  });

  test('a sum of the whole that differs: anew, once', async () => {
    using box = sandbox();
    const { open, seen } = answering(codec, (script) => ({ ...script, stderr: 'kprof-crc32 00000000\n' }));
    const { outcome } = await attempt(box.path, open, { codec });
    expect(outcome).toMatchObject({ failure: 'incomplete', message: expect.stringContaining('its checksum differs') });
    expect(seen.map(({ offset }) => offset)).toEqual([0, 0]);
  });

  test('a rest that is longer or shorter than what lacks is never taken', async () => {
    for (const rest of [(bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')]), (bytes: Buffer) => bytes.subarray(0, -1)]) {
      using box = sandbox();
      const { open } = answering(codec, (script, n) => {
        if (n === 0) return cutAt(script, 400_000);
        const bytes = rest(content.subarray(n === 1 ? seenOffset() : 0));
        return { ...script, stdout: codec === 'zstd' ? zstd(bytes) : bytes, patience: 30 };
      });
      let last = 0;
      const seenOffset = (): number => last;
      const { outcome } = await attempt(
        box.path,
        (io) => {
          last = io.from.offset;
          return open(io);
        },
        { codec },
      );
      expect(outcome).toMatchObject({ failure: 'incomplete' });
    }
  });

  test('a silent line is replaced too', async () => {
    using box = sandbox();
    const { open } = answering(codec, (script, n) =>
      n < 2 ? { ...script, stdout: script.stdout.subarray(0, 200_000), hangs: true } : script,
    );
    expect((await attempt(box.path, open, { codec, silence: 300 })).outcome).toEqual(whole);
  });
});

test('a byte now and then is silence', async () => {
  using box = sandbox();
  const drip: Parameters<typeof pull>[0] = ({ stdout, stderr, signal }) => {
    stderr(Buffer.from(fileLine));
    const bytes = honest('zstd', 0).stdout;
    let at = 0;
    const timer = setInterval(() => void stdout(bytes.subarray(at, ++at)), 20);
    const done = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => {
        clearInterval(timer);
        reject(signal.reason);
      }),
    );
    return { done, send: () => {} };
  };
  const { outcome } = await attempt(box.path, drip, { silence: 300, patience: { ...quick, fruitless: 0 } });
  expect(outcome).toMatchObject({ failure: 'timeout' });
});

test('a byte of each line is nothing new, or it would never end', async () => {
  using box = sandbox();
  const { open, seen } = answering('none', (script, n) => ({
    ...script,
    stdout: script.stdout.subarray(0, n === 0 ? 513 : 1),
    hangs: true,
  }));
  const { outcome } = await attempt(box.path, open, { codec: 'none', silence: 100, patience: { ...quick, fruitless: 500 } });
  expect(outcome).toMatchObject({ failure: 'timeout' });
  expect(seen.length).toBeLessThan(20);
});

test('another file in the pod is an error at once; what is here stays', async () => {
  using box = sandbox();
  const says = fileLine.replace(' 12 ', ' 13 ');
  for (const second of [
    { code: 4, stderr: 'inroot: tar /tmp/x.jfr: it is another file now, or was changed\n' },
    { says, hangs: true },
  ]) {
    const { open, seen } = answering('none', (script, n) => (n === 0 ? cutAt(script, 400_000) : second));
    const to = join(box.path, `${seen.length}${second.code ?? 0}.partial`);
    const { outcome } = await attempt(box.path, open, { codec: 'none', to });
    expect(outcome).toMatchObject({
      failure: 'incomplete',
      message: expect.stringContaining(`the file in the pod is another one now, or was changed (${400_000 - 512} bytes are kept in ${to})`),
    });
    expect(seen).toHaveLength(2);
  }
});

test.each([
  ['forbidden', new KprofError('forbidden', 'no')],
  ['gone', new KprofError('gone', 'The pod was deleted')],
  ['a bug', new TypeError('x')],
])('%s is not tried again', async (_, error) => {
  using box = sandbox();
  const { open, seen } = answering('zstd', (script) => ({ ...cutAt(script, 400_000), lost: error }));
  expect((await attempt(box.path, open)).outcome).toBeInstanceOf(KprofError);
  expect(seen).toHaveLength(1);
});

test.each([143, 74])('a pod that heard nothing from here (exit code %i) is asked again', async (code) => {
  using box = sandbox();
  const { open, seen } = answering('zstd', (script, n) =>
    n === 0 ? { ...script, stdout: script.stdout.subarray(0, 300_000), code } : script,
  );
  expect((await attempt(box.path, open)).outcome).toEqual(whole);
  expect(seen).toHaveLength(2);
});

test('without anything new it ends in time; with something new it goes on', async () => {
  using box = sandbox();
  const dead = answering('zstd', () => ({ lost }));
  const began = performance.now();
  const patience = { pause: 1, longestPause: 2, fruitless: 500 };
  expect((await attempt(box.path, dead.open, { patience })).outcome).toMatchObject({ failure: 'incomplete', cause: lost });
  expect(performance.now() - began).toBeGreaterThanOrEqual(450);
  expect(dead.seen.length).toBeGreaterThan(3);
  const slow = answering('none', (script) => (script.stdout.length > 20_000 ? cutAt(script, 20_000) : script));
  const outcome = (await attempt(box.path, slow.open, { codec: 'none', patience: { pause: 30, longestPause: 30, fruitless: 200 } }))
    .outcome;
  expect(outcome).toEqual(whole);
});

test('the signal ends the pause at once, with its own reason', async () => {
  using box = sandbox();
  const stop = new AbortController();
  const { open } = answering('none', (script) => cutAt(script, 400_000));
  const pulling = attempt(box.path, open, {
    codec: 'none',
    signal: stop.signal,
    patience: { pause: 1e6, longestPause: 1e6, fruitless: 1e6 },
    onResume: () => setTimeout(() => stop.abort(new KprofError('interrupted', 'Interrupted')), 10),
  });
  expect((await pulling).outcome).toMatchObject({ failure: 'interrupted', message: expect.stringContaining('399488 bytes are kept') });
});

test('the ack is said again until the line ends', async () => {
  using box = sandbox();
  let acks = 0;
  const open: Parameters<typeof pull>[0] = (io) => {
    const inner = sender({ ...honest('zstd', 0), hangs: true }).open(io);
    const heard = Promise.withResolvers<{ code: number }>();
    const send = (text: string) => {
      if (text === 'ack\n' && ++acks === 2) heard.resolve({ code: 0 });
    };
    inner.done.catch(() => {});
    return { done: heard.promise, send };
  };
  expect((await attempt(box.path, open)).outcome).toEqual(whole);
  expect(acks).toBe(2);
});

describe('a later run', () => {
  const leave = (folder: string, bytes: Uint8Array, mode = 0o600): string => {
    const to = join(folder, 'x.jfr.partial');
    writeFileSync(to, bytes, { mode });
    chmodSync(to, mode);
    return to;
  };

  test.each([0, 1, 350_000, content.length])('goes on with the %i bytes that are here', async (offset) => {
    using box = sandbox();
    leave(box.path, content.subarray(0, offset));
    const { open, seen } = answering('zstd', (script) => script);
    const { outcome, to } = await attempt(box.path, open, { resume: identity });
    expect(outcome).toEqual(whole);
    expect(readFileSync(to).equals(content)).toBe(true);
    expect(seen).toEqual([{ offset, identity }]);
  });

  test('drops what is not of this file, or too long', async () => {
    for (const bytes of [Buffer.from(content.subarray(350_000)), Buffer.concat([content, content])]) {
      using box = sandbox();
      const to = leave(box.path, bytes);
      const { outcome } = await attempt(box.path, answering('zstd', (script) => script).open, { resume: identity });
      expect(outcome).toEqual(whole);
      expect([readFileSync(to).equals(content), statSync(to).size]).toEqual([true, content.length]);
    }
  });

  test('touches no link, no shared file, no second name of one, and needs one to be there', async () => {
    using box = sandbox();
    const victim = join(box.path, 'victim');
    const to = join(box.path, 'x.jfr.partial');
    const cases = [
      () => symlinkSync(victim, to),
      () => linkSync(victim, to),
      () => leave(box.path, content.subarray(0, 1000), 0o644),
      () => {},
    ];
    for (const make of cases) {
      using inner = sandbox();
      writeFileSync(victim, 'precious', { mode: 0o600 });
      make();
      const { open, seen } = answering('zstd', (script) => script);
      const { outcome } = await attempt(inner.path, open, { resume: identity, to });
      expect(outcome).toMatchObject({ failure: 'disk' });
      expect([seen.length, readFileSync(victim, 'utf8')]).toEqual([0, 'precious']);
      await import('node:fs/promises').then(({ rm }) => rm(to, { force: true }));
    }
  });
});
