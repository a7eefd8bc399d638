/** All kinds of file, and how to tell them apart. */
import { KprofError } from '../errors.ts';
import type { FormatName } from '../toolkit.ts';
import { bundle } from './bundle.ts';
import { collapsed } from './collapsed.ts';
import { file } from './file.ts';
import { flamegraph } from './flamegraph.ts';
import { type Format, openFile, readAt } from './format.ts';
import { goroutines } from './goroutines.ts';
import { gotext } from './gotext.ts';
import { gotrace } from './gotrace.ts';
import { heapsnapshot } from './heapsnapshot.ts';
import { histogram } from './histogram.ts';
import { hprof } from './hprof.ts';
import { jfr } from './jfr.ts';
import { jvm } from './jvm.ts';
import { pcap, pcapng } from './pcap.ts';
import { perf } from './perf.ts';
import { pprof } from './pprof.ts';
import { recordings } from './recordings.ts';
import { text } from './text.ts';
import { threads } from './threads.ts';
import { cpuprofile, heapprofile } from './v8.ts';

/** Every format, by its name; those that are told by looser signs come last. */
export const formats: Readonly<Record<FormatName, Format>> = {
  jfr,
  hprof,
  pprof,
  gotrace,
  bundle,
  pcapng,
  pcap,
  cpuprofile,
  heapprofile,
  heapsnapshot,
  threads,
  histogram,
  jvm,
  gotext,
  flamegraph,
  recordings,
  goroutines,
  perf,
  collapsed,
  text,
  file,
};

const headLength = 4096;

/** The format of a local file, by how it begins; its name counts for nothing. Throws a KprofError `usage` (not readable), `incomplete` (empty) or `unsupported`. */
export async function recognise(path: string): Promise<Format> {
  await using file = await openFile(path);
  const head = await readAt(file, 0, headLength);
  if (head.length === 0) throw new KprofError('incomplete', `${path} is empty`, { hint: 'capture it again' });
  const format = Object.values(formats).find((candidate) => candidate.matches(head));
  if (format === undefined)
    throw new KprofError('unsupported', `${path} is no kind of file that kprof knows`, {
      hint: `it knows ${Object.keys(formats).join(', ')}`,
    });
  return format;
}
