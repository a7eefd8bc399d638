import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { KprofError } from '../../src/errors.ts';
import { recognise } from '../../src/formats/index.ts';
import { block, flags, ip, links, type Made, pcapFile, pcapngFile, tcp } from '../support/packets.ts';
import { sandbox } from '../support/sandbox.ts';
import '../support/seed.ts';

const box = sandbox();
afterAll(() => box[Symbol.dispose]());

async function facts(file: Buffer) {
  const path = join(box.path, 'file');
  writeFileSync(path, file);
  const { text, details, facts: found } = await (await recognise(path)).check(path);
  return { ...found, text, table: details?.(80) };
}

const made: readonly Made[] = [10, 20, 30].map((seconds) => ({
  seconds,
  nanos: 5000,
  data: (links[1] as (packet: Buffer) => Buffer)(ip('10.0.0.1', '10.0.0.2', 6, tcp(80, 9000, seconds, flags.ack, 'hello'))),
}));

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

describe('a file of packets', () => {
  it.each([
    ['units of a whole second', '09000100 00000000'],
    ['an offset of 2^63 seconds', '0e000800 0000000000000080'],
  ])('that counts time in %s is read, without a time that no calendar has', async (_, options) => {
    const late = made.map((each) => ({ ...each, seconds: 1_700_000_000 }));
    const read = await facts(pcapngFile(late, { options }));
    expect(read).toMatchObject({ packets: 3 });
    expect(read).not.toHaveProperty('first');
  });

  it('tells nothing of when a simple packet came', async () => {
    const simple = block(true, 3, Buffer.concat([word(60), Buffer.alloc(60)]));
    expect(await facts(Buffer.concat([pcapngFile(made), simple]))).toMatchObject({ packets: 4, first: '1970-01-01T00:00:10.000Z' });
    expect(await facts(Buffer.concat([pcapngFile([]), simple]))).not.toHaveProperty('first');
  });

  it('has the last counts of the kernel for each of its interfaces', async () => {
    const counted = (count: number) => block(true, 5, Buffer.concat([Buffer.alloc(12), word(0x00080004), word(count), word(0), word(0)]));
    const section = (...counts: readonly number[]) => Buffer.concat([pcapngFile(made), ...counts.map(counted)]);
    expect(await facts(Buffer.concat([section(1, 2, 5), section(4)]))).toMatchObject({ packets: 6, received: 9 });
  });

  it('has no more interfaces than can be remembered', async () => {
    const [head, one] = [pcapngFile([]).subarray(0, 28), block(true, 1, Buffer.concat([word(1), word(0)]))];
    await expect(facts(Buffer.concat([head, ...Array<Buffer>(65_537).fill(one)]))).rejects.toThrow('more than 65536 interfaces');
  });

  it.each([
    ['pcap', pcapFile],
    ['pcapng', pcapngFile],
  ] as const)('is summed up or refused, whatever was damaged in a %s', async (_, make) => {
    const file = make(made, { options: '09000100 06000000 0e000800 0000000000000000 00000000' });
    const damage = fc.array(fc.tuple(fc.nat(file.length - 5), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damage, async (places) => {
        const damaged = Buffer.from(file);
        for (const [at, byte] of places) damaged[at + 4] = byte;
        await facts(damaged).catch((error: unknown) => expect(error).toBeInstanceOf(KprofError));
      }),
      { numRuns: 200 },
    );
  });
});
