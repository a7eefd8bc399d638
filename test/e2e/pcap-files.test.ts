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
        if (error !== undefined && packets > 0) expect(error).toContain(`behind ${packets} whole packets`);
      }
    }
  });
});
