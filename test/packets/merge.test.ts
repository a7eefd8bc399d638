import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { packetLength, secrets, statistics, writePacket } from '../../src/packets/encode.ts';
import { merge } from '../../src/packets/merge.ts';
import type { Counted, Link } from '../../src/packets/packet.ts';
import { createReader } from '../../src/packets/reader.ts';
import { pcapngWriter } from '../../src/packets/writer.ts';
import { type Made, pcapFile, pcapngFile } from '../support/packets.ts';
import { sandbox } from '../support/sandbox.ts';
import '../support/seed.ts';

const box = sandbox();
afterAll(() => box[Symbol.dispose]());

/** The merged file of these: its interfaces, and of each packet which interface, when, and what. */
async function merged(files: readonly Buffer[]) {
  const sources = files.map((file, index) => {
    const path = join(box.path, `${index}`);
    writeFileSync(path, file);
    return { path, name: `shop/web-${index}`, comment: `file ${index}` };
  });
  const to = join(box.path, 'merged');
  let content = Buffer.alloc(0);
  await merge(sources, async (bytes) => {
    content = Buffer.concat([content, bytes]);
  });
  writeFileSync(to, content);
  const found = {
    links: [] as Link[],
    /** Kinds of blocks of which there are several, in their order. */
    order: [] as string[],
    counted: [] as (readonly [number, Counted])[],
    comments: [] as string[],
    keys: [] as string[],
    names: [] as (string | undefined)[],
    packets: [] as { link: number; at: number; data: string }[],
  };
  const reader = createReader(
    {
      link: (link) => {
        found.links.push(link);
        found.names.push(link.name);
      },
      counted: (link, counted) => void found.counted.push([link, counted]),
      comment: (text) => void found.comments.push(text),
      secrets: (bytes) => {
        found.keys.push(bytes.toString());
        found.order.push('keys');
      },
      packet: (link, seconds = 0, nanos, _, data) => {
        found.order.push('packet');
        found.packets.push({ link, at: seconds * 1e3 + nanos / 1e6, data: data.toString('hex') });
      },
    },
    to,
  );
  reader.take(readFileSync(to));
  reader.end();
  return found;
}

const made = (times: readonly number[]): readonly Made[] =>
  times.map((at, index) => ({ seconds: Math.floor(at / 1000), nanos: (at % 1000) * 1e6, data: Buffer.of(index & 255, index >> 8) }));

describe('a merged file', () => {
  it('has every packet of every file once, in the order of time', async () => {
    const times = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.array(times, { minLength: 1, maxLength: 4 }), async (all) => {
        const { names, packets } = await merged(all.map((each, file) => (file % 2 ? pcapFile : pcapngFile)(made(each), { nano: true })));
        expect(names).toEqual(all.map((_, file) => `shop/web-${file}`));
        expect(packets.map(({ at }) => at)).toEqual(all.flat().sort((a, b) => a - b));
        for (const [file, each] of all.entries()) {
          const own = packets.filter(({ link }) => link === file).map(({ at, data }) => `${at} ${data}`);
          expect(own.sort()).toEqual(
            made(each)
              .map(({ seconds, nanos, data }) => `${seconds * 1e3 + nanos / 1e6} ${data.toString('hex')}`)
              .sort(),
          );
        }
      }),
      { numRuns: 25 },
    );
  });

  it('tells all that its files tell', async () => {
    const file = (pod: string, key: string) => {
      const writer = pcapngWriter({ namespace: 'shop', pod, container: 'app', command: 'tcpdump', link: 'eth0', filter: `host ${pod}` });
      const link = { type: 1, snapLength: 96, name: undefined };
      const packets = Buffer.alloc(packetLength(4));
      writePacket(packets, 0, { link: 0, seconds: 7, nanos: 0, length: 4, data: Buffer.from(pod) });
      const head = Buffer.concat([writer.head(link), secrets(Buffer.from(key)), packets]);
      return Buffer.concat([
        head,
        statistics(0, { received: 1, dropped: 0 }),
        statistics(0, { received: 9, dropped: 2, at: 1_700_000_000_123 }),
      ]);
    };
    const { links, counted, comments, keys, order } = await merged([file('web0', 'one'), file('web1', 'two'), file('web2', 'one'), pcapFile(made([8000]))]); // biome-ignore format: one line
    expect(links.slice(0, 2)).toEqual(
      [0, 1].map((at) => ({
        type: 1,
        snapLength: 96,
        name: `shop/web-${at}`,
        description: `eth0 of shop/web${at}`,
        filter: `host web${at}`,
      })),
    );
    expect(counted).toEqual([0, 1, 2].map((link) => [link, { received: 9, dropped: 2, at: 1_700_000_000_123 }]));
    const said = (pod: string) => `pod shop/${pod}, container app: tcpdump`;
    expect(comments).toEqual([[...['web0', 'web1', 'web2'].map(said), 'file 3'].join('\n')]);
    expect(keys).toEqual(['one', 'two']);
    expect(order).toEqual(['keys', 'keys', 'packet', 'packet', 'packet', 'packet']);
  });

  it('is not made of a file that is cut', async () => {
    await expect(merged([pcapFile(made([1, 2, 3])).subarray(0, -1)])).rejects.toMatchObject({ failure: 'incomplete' });
  });
});
