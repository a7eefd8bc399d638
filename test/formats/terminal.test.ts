import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { zip } from '../../src/capture/zip.ts';
import { formats } from '../../src/formats/index.ts';
import type { FormatName } from '../../src/toolkit.ts';
import { kprof } from '../support/cli.ts';
import { terminalTexts, unprintable } from '../support/corpus.ts';
import { heapDump } from '../support/heap-dumps.ts';
import { histogramText } from '../support/histograms.ts';
import { dns, ip, links, pcapFile, pcapngFile, udp } from '../support/packets.ts';
import { profile } from '../support/profiles.ts';
import { sampled } from '../support/sampled-recording.ts';
import { sandbox } from '../support/sandbox.ts';

const frame = (functionName: string) => ({ functionName, scriptId: '0', url: functionName, lineNumber: 1, columnNumber: 1 });
const snapshot = (name: string) => ({
  snapshot: {
    meta: {
      node_fields: ['type', 'name', 'id', 'self_size', 'edge_count'],
      node_types: [['hidden', 'object', 'string'], 'string', 'number', 'number', 'number'],
      edge_fields: ['type', 'name_or_index', 'to_node'],
    },
    node_count: 1,
    edge_count: 0,
  },
  nodes: [1, 0, 1, 100, 0],
  edges: [],
  trace_tree: [],
  samples: [],
  strings: [name],
});

/** What answers a name: packets of DNS hold up to 63 bytes of one. */
const packets = (evil: string) => {
  const name = Buffer.from(evil).subarray(0, 60).toString('latin1').replaceAll('.', ' ');
  const answer = ip('10.0.0.1', '10.0.0.2', 17, udp(53, 4000, dns(name === '' ? 'x' : name, 3)));
  return [{ seconds: 1, nanos: 0, data: (links[1] as (packet: Buffer) => Buffer)(answer) }];
};

/** A whole file of each kind, in which all that an app chooses is one text. */
const files: Readonly<Record<FormatName, (evil: string) => string | Buffer | Promise<Buffer>>> = {
  jfr: (evil) => sampled([[[`a/b.${evil}`, `${evil}.run`], 3]]),
  hprof: (evil) =>
    Buffer.from(heapDump().toString('latin1').replaceAll('App$Known', `\x1b[31m${evil}`.slice(0, 9).padEnd(9, '\x9b')), 'latin1'),
  pprof: (evil) => profile({ types: [[evil, evil]], samples: [[[evil, `main.${evil}`], 7]] }),
  gotrace: (evil) => Buffer.concat([Buffer.from('go 1.21 trace\0\0\0'), Buffer.from(evil)]),
  bundle: async (evil) => {
    const chunks: Buffer[] = [];
    const into = zip((bytes) => void chunks.push(Buffer.from(bytes)));
    await into.add('cpu.pb.gz', profile({ types: [[evil, evil]], samples: [[[evil], 7]] }));
    await into.end();
    return Buffer.concat(chunks);
  },
  pcap: (evil) => pcapFile(packets(evil)),
  pcapng: (evil) => pcapngFile(packets(evil)),
  jvm: (evil) => `Version   ${evil}\nHeap   ${evil}\nArguments   ${evil}\n`,
  recordings: (evil) => `kprof-left-${evil}\n${evil} running ${evil}\n`,
  goroutines: (evil) =>
    `# 1 of 1 goroutines, of a process paused for 1.5 ms by Delve ${evil}\n\ngoroutine 1 [${evil}]:\nmain.${evil}(0x1)\n\t/app/${evil}:9 +0x1\ncreated by ${evil} in goroutine 1\n\t/${evil}:1 +0x1\n`,
  text: (evil) => `${evil}\n`,
  file: (evil) => evil,
  cpuprofile: (evil) =>
    JSON.stringify({
      nodes: [
        { id: 1, callFrame: frame('(root)'), hitCount: 0, children: [2] },
        { id: 2, callFrame: frame(evil), hitCount: 2 },
      ],
      startTime: 0,
      endTime: 9000,
      samples: [2, 2],
      timeDeltas: [1000, 1000],
    }),
  heapprofile: (evil) =>
    JSON.stringify({
      head: { callFrame: frame('(root)'), selfSize: 0, id: 1, children: [{ callFrame: frame(evil), selfSize: 2048, id: 2, children: [] }] },
      samples: [],
    }),
  heapsnapshot: (evil) => JSON.stringify(snapshot(evil)),
  threads: (evil) =>
    `2026-11-21 07:15:02\nFull thread dump ${evil}:\n\n"${evil}" #1 nid=0x1 runnable\n   java.lang.Thread.State: RUNNABLE\n\tat a.b.${evil}(${evil})\n\nJNI global refs: 1, weak refs: 0\n`,
  histogram: (evil) =>
    histogramText([
      [evil, 3, 48],
      [`a.${evil}`, 1, 16],
    ]),
  gotext: (evil) => `goroutine profile: total 1\n1 @ 0x1 0x2\n#\t0x1\tmain.${evil}+0x1\t/app/${evil}:1\n\n`,
  flamegraph: (evil) =>
    `<!DOCTYPE html>\n<html lang='en'>\n<title>${evil}</title>\n<canvas id='canvas'></canvas>\n<script>\nconst cpool = [\n'${evil}'\n];\nf(0x3,0,0,12)\n</script></body></html>\n`,
  perf: (evil) => `app${evil} 4711/4712 [001] 12345.678901:     250000 cycles:u: \n\t    7f3c9a1b2c3d ${evil}+0x1d (/usr/bin/${evil})\n\n`,
  collapsed: (evil) => `main;${evil};hotLoop 97\n${evil} 3\n`,
};

// In one file of lines, a text is one line.
const evils = ['open', ...Object.values(terminalTexts).filter((each) => each.length < 500)].map((each) => each.replaceAll('\n', ' '));

it.each(Object.keys(formats) as FormatName[])('nothing in a file of the kind %s drives a terminal', { timeout: 60_000 }, async (name) => {
  using box = sandbox();
  const path = join(box.path, 'one');
  let taken = 0;
  for (const evil of [...evils, evils.join(' ')]) {
    writeFileSync(path, await files[name](evil));
    for (const argv of [
      ['open', path, '--no-open'],
      ['top', path],
      ['top', path, '-o', 'json'],
      ['diff', path, path, '--no-open'],
    ]) {
      const { stdout, stderr, code } = await kprof(join(box.path, 'home'), argv, {}, true);
      expect(stdout, argv[0]).not.toMatch(unprintable);
      expect(stderr.replaceAll(/\r[^\r\n]*\x1b\[K|\r\x1b\[K/g, ''), argv[0]).not.toMatch(unprintable);
      if (argv[0] === 'open' && code === 0) taken += 1;
    }
  }
  // Some are told by nothing, and kprof opens none of them; of the others some are whole, else nothing of them would have been printed.
  const isTold = formats[name].matches(Buffer.from(await files[name]('open')).subarray(0, 4096));
  expect(taken > 0).toBe(isTold);
});
