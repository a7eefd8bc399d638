import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pull } from '../../src/pull/pull.ts';
import { archive, base256, close, type Entry, entry, gnu, header, posix, zeros } from '../support/archives.ts';
import { sandbox } from '../support/sandbox.ts';
import { digestLine, impatience, sender, zstd } from '../support/sender.ts';

const name = 'capture.jfr';
const content = Buffer.from('the recording');
const maxBytes = 1024 * 1024;
const made = (fields: Partial<Entry>): Buffer => archive(name, content, fields);
const called = (other: string, fields: Partial<Entry> = {}): Buffer => archive(other, content, fields);
const file = entry(content, { name });
const evil = entry(Buffer.from('evil'), { name: '.bashrc' });
const link = (type: string, linkname: string): Buffer => header({ name, type, linkname });
const longName = (type: string, size = 300): Buffer => entry(Buffer.alloc(size, 'a'), { name: '././@LongLink', type });

const accepted: Readonly<Record<string, Buffer>> = {
  'as GNU tar writes it': made({ magic: gnu }),
  'as POSIX has it': made({ magic: posix }),
  'type NUL, as old archives have it': made({ type: '\0' }),
  './name': called(`./${name}`),
  'below a folder': called(`tmp/kprof/${name}`),
  'with a prefix': called(name, { magic: posix, prefix: 'tmp/kprof' }),
  'two blocks of zeros and no record': Buffer.concat([file, zeros(2)]),
  'size in base 256': made({ sizeField: base256(BigInt(content.length)) }),
  'setuid, 0777': made({ mode: '0004777\0' }),
  'mtime that is none': made({ mtime: '77777777777\0' }),
  'mtime in base 256, negative': made({ mtime: '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff' }),
};

const rejected: Readonly<Record<string, Buffer>> = {
  'absolute name': called(`/etc/${name}`),
  'other absolute name': called('/etc/passwd'),
  'name that walks out': called(`../${name}`),
  'name that walks out and back': called(`a/../../${name}`),
  'name that walks inside': called(`a/../${name}`),
  'doubled slash': called(`a//${name}`),
  'prefix that walks out': called(name, { magic: posix, prefix: '../..' }),
  'absolute prefix': called(name, { magic: posix, prefix: '/etc' }),
  backslashes: called(`..\\${name}`),
  'backslashes behind a slash': called(`x/..\\${name}`),
  'drive letter': called('C:\\x'),
  'UNC path': called(`\\\\srv\\s\\${name}`),
  'two leading slashes': called(`//srv/x/${name}`),
  dot: called('.'),
  'dot dot': called('..'),
  slash: called('/'),
  'empty name': called(''),
  'other file': called('.bashrc'),
  'trailing slash': called(`${name}/`),
  'trailing dot': called(`${name}.`),
  'case twin': called(name.toUpperCase()),
  'escape in the name': called(`\x1b]52;c;evil\x07${name}`),
  'bidi in the name': called(`\u202e${name}`),
  'deep folders by way of a prefix that walks out': called(`${'a/'.repeat(40)}${name}`.slice(-100), {
    magic: posix,
    prefix: '../'.repeat(40),
  }),

  hardlink: close(link('1', '/etc/passwd'), file),
  symlink: close(link('2', '/etc/passwd')),
  'relative symlink': close(link('2', 'x')),
  'symlink, then the file through it': close(link('2', '/tmp/evil'), file),
  'two chained symlinks': close(link('2', 'b'), header({ name: 'b', type: '2', linkname: '..' }), file),
  'character device': close(header({ name, type: '3' })),
  'block device': close(header({ name, type: '4' })),
  directory: close(header({ name, type: '5' })),
  'directory, then the file': close(header({ name: 'a/', type: '5' }), file),
  FIFO: close(header({ name, type: '6' })),
  'contiguous file': made({ type: '7' }),
  'GNU long name': close(longName('L'), file),
  'GNU long link': close(longName('K'), file),
  'GNU long name of 8 GiB': close(header({ name: '././@LongLink', type: 'L', size: 0o77777777777 }), file),
  '10 000 long names': close(...Array.from({ length: 10_000 }, () => longName('L', 1)), file),
  'PAX header': close(entry(Buffer.from(`28 path=../../evil/${name}\n`), { name: 'PaxHeader', type: 'x' }), file),
  'PAX header for __proto__': close(entry(Buffer.from('21 __proto__=polluted\n'), { name: 'PaxHeader', type: 'x' }), file),
  'PAX header of 100 MiB': close(header({ name: 'PaxHeader', type: 'x', size: 100 * 1024 * 1024 }), file),
  'PAX header for all': close(entry(Buffer.from('18 path=../../evil\n'), { name: 'PaxHeader', type: 'g' }), file),
  'GNU sparse': made({ type: 'S' }),
  'GNU multi-volume': made({ type: 'M' }),
  'GNU dump folder': made({ type: 'D' }),
  'GNU volume label': close(header({ name, type: 'V' }), file),
  'vendor type': made({ type: 'A' }),

  'wrong checksum': made({ checksum: '000000\0 ' }),
  'checksum of letters': made({ checksum: 'zzzzzz\0 ' }),
  'no magic (v7)': made({ magic: '' }),
  'unknown magic': made({ magic: 'ustar\x0001' }),
  'size of letters': made({ sizeField: Buffer.from('zzzzzzzzzzz\0') }),
  'empty size': made({ sizeField: Buffer.alloc(12) }),
  'negative octal size': made({ sizeField: Buffer.from('-0000000013\0') }),
  'negative size': made({ sizeField: base256(-13n).fill(0xff, 0, 1) }),
  'size 2^88': made({ sizeField: base256(2n ** 87n) }),
  'size above 2^53': made({ sizeField: base256(2n ** 53n + 1n) }),
  'size above the cap': close(entry(Buffer.alloc(8), { name, size: maxBytes + 1 })),
  'size larger than the content': close(entry(content, { name, size: 100_000 })),
  'size smaller than the content': close(entry(Buffer.alloc(2000, 'a'), { name, size: 1000 })),
  'size smaller, within the block': made({ size: content.length - 1 }),

  'two files': close(file, evil),
  'the same file twice': close(file, file),
  'other file first': close(evil, file),
  '10 000 entries': close(file, ...Array.from({ length: 10_000 }, () => evil)),
  'padding that is not zero': Buffer.concat([header({ name, size: 1 }), Buffer.from('a'), Buffer.alloc(511, 'b'), zeros(2)]),
  'entry behind the end': Buffer.concat([close(file), close(evil)]),
  'entry behind the two zero blocks': Buffer.concat([file, zeros(2), evil]),
  'entry behind one zero block': Buffer.concat([file, zeros(1), evil, zeros(2)]),
  'one zero block only': Buffer.concat([file, zeros(1)]),
  'no zero block': file,
  'zeros beyond the record': Buffer.concat([close(file), zeros(1)]),
  'a record of zeros more': Buffer.concat([close(file), zeros(20)]),
  'half a record of zeros': Buffer.concat([file, zeros(5)]),
  'text behind the end': Buffer.concat([close(file), Buffer.from('bye')]),
  'text before the archive': Buffer.concat([Buffer.from('sh: warning: setlocale\n'), close(file)]),
  'text instead of the archive': Buffer.from('sh: tar: not found\n'),
  'long text instead of the archive': Buffer.from('<html>proxy error</html>\n'.repeat(100)),
  'zeros only': zeros(20),
  'compressed once more': zstd(close(file)),

  nothing: Buffer.alloc(0),
  'cut in the header': close(file).subarray(0, 100),
  'cut behind the header': close(file).subarray(0, 512),
  'cut in the content': close(file).subarray(0, 520),
  'cut in the padding': close(file).subarray(0, 700),
  'cut at the boundary': close(file).subarray(0, 1024),
  'cut between the zero blocks': close(file).subarray(0, 1536),
  'cut in the record': close(file).subarray(0, 5000),
};

const streams = {
  none: (bytes: Uint8Array) => ({ stdout: bytes, stderr: digestLine(content) }),
  zstd: (bytes: Uint8Array) => ({ stdout: zstd(bytes) }),
} as const;

describe.each(['none', 'zstd'] as const)('codec %s', (codec) => {
  const attempt = async (bytes: Uint8Array, folder: string, script = {}) => {
    const { open, seen } = sender({ ...streams[codec](bytes), patience: 50, ...script });
    const to = join(folder, 'x.jfr.partial');
    return {
      seen,
      to,
      outcome: await pull(open, { codec, name, to, maxBytes, silence: 2000, patience: impatience }).catch((error: unknown) => error),
    };
  };

  test.each(Object.entries(accepted))('takes: %s', async (_, bytes) => {
    using box = sandbox();
    const { outcome, to, seen } = await attempt(bytes, box.path, { patience: 5000 });
    expect(outcome).toEqual({ bytes: content.length, sha256: digestLine(content).slice(13, 77) });
    expect(box.tree()).toEqual(['x.jfr.partial']);
    expect(lstatSync(to).mode & 0o7777).toBe(0o600);
    expect(lstatSync(to).size).toBe(content.length);
    expect(seen.sent).toBe('ack\n');
  });

  test.each(Object.entries(rejected))('refuses: %s', async (_, bytes) => {
    using box = sandbox();
    const { outcome, seen } = await attempt(bytes, box.path);
    expect(outcome).toMatchObject({
      name: 'KprofError',
      failure: 'incomplete',
      message: expect.stringMatching(/^x\.jfr did not arrive whole: /),
    });
    expect((outcome as Error).message).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
    expect(['', 'x.jfr.partial']).toContain(box.tree().join());
    expect(seen.sent === '' || seen.sent === 'ack\n').toBe(true);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test.each(['1', '2', '5', 'x', 'L'])('refuses at the header of type %s, before the content', async (type) => {
    using box = sandbox();
    const many = close(entry(Buffer.alloc(2_000_000), { name, type }));
    const { seen } = await attempt(many, box.path, { pieces: [512] });
    expect(seen.aborted).toBe(true);
    expect(seen.bytes).toBeLessThanOrEqual(codec === 'none' ? 8192 : 2_000_000);
  });
});

test('shows the text that came instead of an archive, escaped and at most 200 characters of it', async () => {
  using box = sandbox();
  const to = join(box.path, 'x.partial');
  const text = `sh: tar: not found\n${'y'.repeat(1000)}`;
  for (const codec of ['none', 'zstd'] as const) {
    const error: Error = await pull(sender({ stdout: Buffer.from(text), patience: 10 }).open, { codec, name, to, maxBytes }).catch(
      (e) => e,
    );
    expect(error.message).toContain('"sh: tar: not found\\nyyy');
    expect(error.message.length).toBeLessThan(320);
    expect(box.tree()).toEqual([]);
  }
});

test('zeros without end end at the record', async () => {
  using box = sandbox();
  const endless = Buffer.concat([close(file), zeros(20_000)]);
  const { open, seen } = sender({ stdout: endless, stderr: digestLine(content), pieces: [512] });
  const error = await pull(open, { codec: 'none', name, to: join(box.path, 'x.partial'), maxBytes }).catch((e) => e);
  expect(error).toMatchObject({ failure: 'incomplete', message: expect.stringContaining('bytes follow the end') });
  expect(seen.bytes).toBeLessThan(30_000);
});

test('a bomb ends at the size that the header announces', async () => {
  using box = sandbox();
  const bomb = zstd(Buffer.concat([header({ name, size: 1000 }), Buffer.alloc(256 * 1024 * 1024)]));
  const before = process.memoryUsage().rss;
  const error = await pull(sender({ stdout: bomb }).open, { codec: 'zstd', name, to: join(box.path, 'x.partial'), maxBytes }).catch(
    (e) => e,
  );
  expect(error).toMatchObject({ failure: 'incomplete' });
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
});
