/** The tools, in the order of `kprof --help`. A new one is a file beside this one, and its line here. */
import type { Toolkit } from '../src/toolkit.ts';
import { asprof } from './asprof.ts';
import { delve } from './delve.ts';
import { goroutines } from './goroutines.ts';
import { heapdump } from './heapdump.ts';
import { histogram } from './histogram.ts';
import { jcmd } from './jcmd.ts';
import { jfr } from './jfr.ts';
import { jvm } from './jvm.ts';
import { node } from './node.ts';
import { pcap } from './pcap.ts';
import { pprof } from './pprof.ts';
import { threads } from './threads.ts';

export const toolkits: readonly Toolkit[] = [jfr, asprof, threads, heapdump, histogram, jvm, jcmd, pprof, goroutines, delve, node, pcap];
