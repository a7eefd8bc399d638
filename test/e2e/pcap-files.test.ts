import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { recognise } from '../../src/formats/index.ts';
import { flags, ip, links, type Made, pcapFile, pcapngFile, tcp } from '../support/packets.ts';
import { sandbox } from '../support/sandbox.ts';

// Other people's programs write the files, and count what is in them.
const box = sandbox();
afterAll(() => box[Symbol.dispose]());
const at = (name: string): string => join(box.path, name);
const run = (program: string, ...argv: readonly string[]): string =>
  execFileSync(program, [...argv], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

const made = (link: number): readonly Made[] =>
  Array.from({ length: 77 }, (_, index) => ({
    seconds: 1_700_000_000 + index,
    nanos: 123_456_789,
    data: (links[link] as (packet: Buffer) => Buffer)(
      ip('10.0.0.1', '10.0.0.2', 6, tcp(4000 + index, 80, index, flags.ack, 'x'.repeat(index))),
    ),
  }));

/** Packets and bytes on the wire, as Wireshark's own counter has them. */
function counted(path: string): { readonly packets: number; readonly wireBytes: number } {
  const { stdout } = spawnSync('capinfos', ['-M', '-c', '-d', path], { encoding: 'utf8' });
  return { packets: Number(/Number of packets: +(\d+)/.exec(stdout)?.[1]), wireBytes: Number(/Data size: +(\d+)/.exec(stdout)?.[1]) };
}

async function same(path: string): Promise<void> {
  const { facts } = await (await recognise(path)).check(path);
  expect(facts, path).toMatchObject(counted(path));
}

describe('files of others are counted as capinfos counts them', () => {
  it.each(Object.keys(links).map(Number))('of link %i, converted by editcap and written by tcpdump and tshark', async (link) => {
    for (const little of [true, false])
      for (const nano of [true, false]) {
        const path = at(`made-${link}-${little}-${nano}.pcap`);
        writeFileSync(path, pcapFile(made(link), { little, nano, link }));
        await same(path);
        const ng = at(`made-${link}-${little}-${nano}.pcapng`);
        writeFileSync(ng, pcapngFile(made(link), { little, nano, link }));
        await same(ng);
      }
    const from = at(`made-${link}-true-true.pcap`);
    for (const kind of ['pcap', 'nsecpcap', 'pcapng']) {
      run('editcap', '-F', kind, from, at(`edited-${link}.${kind}`));
      await same(at(`edited-${link}.${kind}`));
    }
    run('editcap', '-s', '60', from, at(`short-${link}`));
    await same(at(`short-${link}`));
    run('tcpdump', '-r', from, '-w', at(`tcpdump-${link}`));
    await same(at(`tcpdump-${link}`));
    run('tshark', '-r', from, '-w', at(`tshark-${link}`));
    await same(at(`tshark-${link}`));
  });

  it('where several were merged, of different links and with many interfaces', async () => {
    run('mergecap', '-w', at('merged'), at('made-1-true-true.pcap'), at('made-276-true-true.pcap'));
    await same(at('merged'));
  });

  it('where they are cut: what is whole of them', async () => {
    for (const name of ['made-1-true-true.pcap', 'made-1-true-true.pcapng']) {
      const content = readFileSync(at(name));
      for (const length of [content.length - 1, Math.floor(content.length / 2), 200]) {
        const path = at(`cut-${length}-${name}`);
        writeFileSync(path, content.subarray(0, length));
        const error = await (await recognise(path)).check(path).then(
          () => undefined,
          (reason: Error) => reason.message,
        );
        const { packets } = counted(path);
        expect(packets).toBeGreaterThan(0);
        expect(error, path).toContain(`behind ${packets} whole packets`);
      }
    }
  });
});

const { syn, ack, fin, rst } = flags;
/** Milliseconds after the last one, port, sequence number, flags, payload. */
type Sent = readonly [after: number, port: number, sequence: number, bits: number, payload?: string];
const opened = (port: number): readonly Sent[] => [
  [1, port, 99, syn],
  [1, port, 100, ack, 'hello'],
];
const rows: Readonly<Record<string, readonly Sent[]>> = {
  'a SYN that nobody answers': [[0, 1, 7, syn], [1000, 1, 7, syn], [2000, 1, 7, syn], [1, 1, 8, rst]], // biome-ignore format: a table
  'a segment that comes late': [...opened(1), [10, 1, 110, ack, 'world'], [0.5, 1, 105, ack, ' big ']],
  'data sent again': [...opened(1), [300, 1, 100, ack, 'hello'], [600, 1, 100, ack, 'hello']],
  'another connection over the same ports': [...opened(1), [1, 1, 105, rst], [10, 1, 9999, syn], [1, 1, 10_000, ack, 'x'.repeat(9)]],
  'a FIN sent again': [...opened(1), [1, 1, 105, fin | ack], [300, 1, 105, fin | ack]],
  'questions whether anybody is there': [...opened(1), [900, 1, 104, ack], [900, 1, 104, ack, 'o'], [900, 1, 104, ack, 'o']],
  'over the end of the numbers': [[0, 1, -3, syn], [1, 1, -2, ack, 'hello'], [1, 1, 3, ack, 'you'], [500, 1, -2, ack, 'hello']], // biome-ignore format: a table
};

describe('retransmissions are counted as tshark counts them', () => {
  it.each(Object.entries(rows))('%s', async (name, row) => {
    let nanos = 0;
    const packets = row.map(([after, port, sequence, bits, payload]): Made => {
      nanos += after * 1e6;
      const data = (links[1] as (packet: Buffer) => Buffer)(ip('10.0.0.1', '10.0.0.2', 6, tcp(port, 80, sequence, bits, payload)));
      return { seconds: 1_700_000_000 + Math.floor(nanos / 1e9), nanos: nanos % 1e9, data };
    });
    const path = at(`${name}.pcap`);
    writeFileSync(path, pcapFile(packets, {}));
    const { facts } = await (await recognise(path)).check(path);
    const theirs = run('tshark', '-r', path, '-Y', 'tcp.analysis.retransmission').split('\n').filter(Boolean).length;
    expect(facts).toMatchObject({ retransmissions: theirs });
  });
});
