import { chmodSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { addKeys, checkKeys, readKeys } from '../../src/packets/keylog.ts';
import { pcapFile } from '../support/packets.ts';
import { sandbox } from '../support/sandbox.ts';

const box = sandbox();
afterAll(() => box[Symbol.dispose]());
const line = `CLIENT_RANDOM ${'ab'.repeat(32)} ${'cd'.repeat(48)}`;
const provenance = { namespace: 'n', pod: 'p', container: 'c', command: 'tcpdump', link: 'eth0', filter: '' };

const file = (name: string, content: string | Buffer): string => {
  const path = join(box.path, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
};

describe('the secrets of TLS', () => {
  it('are put before the packets, and the file stays a whole one', async () => {
    const intake = formats.pcapng.intake?.(provenance);
    const packets = intake?.take(pcapFile([{ seconds: 1, nanos: 2, data: Buffer.alloc(9) }], { nano: true })) as Buffer;
    const path = file('x.pcapng', packets);
    const { bytes } = (await intake?.addSecrets?.(path, file('keys', `# comment\n${line}\n`))) ?? {};
    const content = readFileSync(path);
    expect(content.length).toBe(bytes);
    expect(content.indexOf(line)).toBeLessThan(content.length - 41);
    expect(content.indexOf(line)).toBeGreaterThan((intake?.head().length ?? 0) - 1);
    expect((await formats.pcapng.check(path)).facts).toMatchObject({ packets: 1 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('are all that is taken of a file', async () => {
    const path = file('mixed', `root:x:0:0\n${line}\nPASSWORD=hunter2\nEXPORTER_SECRET 0a0b 0c0d\r\n`);
    expect((await readKeys(path)).toString()).toBe(`${line}\nEXPORTER_SECRET 0a0b 0c0d\n`);
  });

  it('are refused where there is no such file', async () => {
    await expect(readKeys(join(box.path, 'none'))).rejects.toMatchObject({
      failure: 'usage',
      message: expect.stringContaining('--keylog'),
    });
  });

  it('are looked for before anything is done', async () => {
    await expect(checkKeys(file('empty', ''))).resolves.toBe(undefined);
    for (const path of [join(box.path, 'none'), box.path])
      await expect(checkKeys(path)).rejects.toMatchObject({ failure: 'usage', message: expect.stringContaining(`--keylog ${path} is`) });
    const large = file('large', '');
    truncateSync(large, 9 * 2 ** 20);
    await expect(checkKeys(large)).rejects.toMatchObject({ failure: 'usage', message: expect.stringContaining('more than 8388608 bytes') });
  });

  it.skipIf(process.getuid?.() === 0)('can not be taken from a file that is closed to us', async () => {
    const path = file('closed', line);
    chmodSync(path, 0);
    await expect(checkKeys(path)).rejects.toMatchObject({ failure: 'disk', message: expect.stringContaining(path) });
  });

  it('do not stop at what a killed kprof left', async () => {
    const path = file('y.pcapng', Buffer.alloc(28));
    file('y.pcapng.keys', 'left');
    expect((await addKeys(path, 28, Buffer.from('x'))).bytes).toBe(28 + 12 + 8 + 4);
  });

  it('stay nowhere else where they do not get in', async () => {
    const path = join(box.path, 'gone.pcapng');
    await expect(addKeys(path, 28, Buffer.from('x'))).rejects.toMatchObject({ failure: 'disk' });
    expect(existsSync(`${path}.keys`)).toBe(false);
  });

  it('have no place in pcap', () => expect(formats.pcap.intake?.(provenance)).not.toHaveProperty('addSecrets'));
});
