/** A JVM's heap: which objects are meant, how much there is, and what it costs to write it down. */
import { KprofError } from '../errors.ts';
import { type Flag, toggle } from '../flags.ts';
import type { Bears, Facts, Input, Milliseconds, Process } from '../toolkit.ts';
import { answer } from './jvm.ts';

/** Which objects count; neither is `live`. */
export const whichObjects: { readonly live: Flag<boolean>; readonly all: Flag<boolean> } = {
  live: toggle('Only what is reachable, after a full garbage collection (default)'),
  all: toggle('Garbage, too; nothing is collected before'),
};

/** Whether garbage is wanted. Throws a usage error where both are. */
export function wantsGarbage({ live, all }: { readonly live: boolean; readonly all: boolean }): boolean {
  if (live && all) throw new KprofError('usage', '--live and --all exclude each other', { hint: 'leave one out' });
  return all;
}

const units: Readonly<Record<string, number>> = { B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const size = (number: string | undefined, unit: string | undefined): number => Number(number) * (units[unit ?? 'B'] ?? 1);

/**
 * Bytes in use, of GC.heap_info's answer, whatever collector there is: `… heap total 64M, used 2M`, a line for each generation, `ZHeap used
 * 2M`, Shenandoah's `64M max, …, 2M used`. Undefined when it tells none.
 */
export function heapUsed(stdout: string): number | undefined {
  const lines = answer(stdout).split('\n');
  const used = lines.flatMap((line) => {
    const found =
      /\btotal\b.*\bused (\d+)([BKMGT])/.exec(line) ??
      /^\s*ZHeap\s+used (\d+)([BKMGT])/.exec(line) ??
      /\bmax\b.*, (\d+)([BKMGT]) used/.exec(line);
    return found === null ? [] : [size(found[1], found[2])];
  });
  return used.length === 0 ? undefined : used.reduce((sum, each) => sum + each, 0);
}

/** The yardstick of a debug container: what it took just now to write so many bytes to its disk, and to read and sum them up. */
export interface Yardstick {
  readonly bytes: number;
  readonly disk: Milliseconds;
  readonly processor: Milliseconds;
}

/** Of a container that did not come to an end with it in half a minute. */
export const slowest = '67108864 - 3000\n';

/** Of a disk that could not be measured: 64 MB in a second. */
const slowDisk = 1 / 64_000;

/** `BYTES HUNDREDTHS HUNDREDTHS`, the first `-` where the disk was not tried. */
export function parseYardstick(stdout: string): Yardstick | undefined {
  const [, bytes, disk, processor] = /^(\d{1,12}) (\d{1,9}|-) (\d{1,9})$/m.exec(stdout)?.map(Number) ?? [];
  if (bytes === undefined || disk === undefined || processor === undefined || bytes === 0) return undefined;
  // The clock ticks in hundredths.
  return { bytes, disk: Number.isNaN(disk) ? bytes * slowDisk : Math.max(1, disk) * 10, processor: Math.max(1, processor) * 10 };
}

/** Where files would go: bytes, of the file system. */
export interface Disk {
  readonly free: number;
  readonly total: number;
  readonly isMemory: boolean;
}

/** `FREE TOTAL BLOCKSIZE TYPE`, in blocks. */
export function parseDisk(stdout: string): Disk | undefined {
  const [, free, total, block, type] = /^(\d{1,15}) (\d{1,15}) (\d{1,9}) (\S+)/m.exec(stdout) ?? [];
  if (block === undefined) return undefined;
  return { free: Number(free) * Number(block), total: Number(total) * Number(block), isMemory: type === 'tmpfs' || type === 'ramfs' };
}

/** The questions that an estimate is made from; a pod that may write little is not made to write for that. */
export const costProbes = (process: Process, { storage }: Pick<Bears, 'storage'>) =>
  ({
    disk: ['stat', '-f', '-c', '%a %b %S %T', '/tmp'],
    yardstick: ['yardstick', storage === undefined ? '16' : '0'],
    status: ['cat', `/proc/${process.pid}/status`],
  }) as const;

/** What a heap dump costs, at most. */
export interface Cost {
  readonly pause: Milliseconds;
  readonly bytes: number;
}

/** What HotSpot needs to walk the heap, and to write an object down, beside what the yardstick needs for as many bytes. */
const effort = 3;
/** Where references are compressed in memory, and every object has a longer head in the file, small objects take twice as much there. */
const [most, usual] = [2, 1.25];
/** Classes, their names, and what is not on the heap. */
const beside = 16 * 2 ** 20;

/** Undefined where the heap's size is not known. */
export function costOf({ heap = '', yardstick = '', status = '' }: Facts, cores: number | undefined): Cost | undefined {
  const rss = size(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1], 'K') || undefined;
  const used = heapUsed(heap) ?? rss;
  if (used === undefined) return undefined;
  const unit = parseYardstick(yardstick) ?? { bytes: 64 * 2 ** 20, disk: 1000, processor: 500 };
  const units = (used * usual + beside) / unit.bytes;
  const pause = 1000 + units * (unit.disk + (unit.processor * effort) / Math.min(1, cores ?? 1));
  return { pause, bytes: used * most + beside };
}

/** Below that a kubelet takes its node's disk for full, and evicts pods (https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/). */
const keptFree = 0.15;
/** Of the limits that a kubelet evicts pods for: the rest may have been written already. */
export const usable = 0.75;
/** What the JVM takes for its buffers. */
const buffers = 32 * 2 ** 20;

/** What a dump of that cost would break: a sentence each, with the words that measure it. */
export function broken(
  { pause, bytes }: Cost,
  { bears: { liveness, memory, storage }, facts }: Pick<Input<never>, 'bears' | 'facts'>,
): readonly string[] {
  const disk = parseDisk(facts['disk'] ?? '');
  const rss = size(/^VmRSS:\s*(\d+) kB/m.exec(facts['status'] ?? '')?.[1], 'K') || 0;
  const room = disk === undefined ? undefined : Math.max(0, disk.free - (disk.isMemory ? 0 : disk.total * keptFree));
  const left = memory === undefined ? undefined : memory - rss;
  const needed = buffers + (disk?.isMemory === true ? bytes : 0);
  return [
    ...(liveness !== undefined && pause > liveness.after
      ? [
          `its liveness probe (${liveness.words}) has it restarted after ${seconds(liveness.after)}, and it may stand still for ${seconds(pause)}`,
        ]
      : []),
    ...(room !== undefined && bytes > room
      ? [`the disk has room for ${mebibytes(room)} before its node counts as full, and the dump may take ${mebibytes(bytes)}`]
      : []),
    ...(storage !== undefined && bytes > storage * usable
      ? [
          `the pod may write ${mebibytes(storage)} (ephemeral-storage), how much of that it has written is not known, and the dump may take ${mebibytes(bytes)}`,
        ]
      : []),
    ...(left !== undefined && left < needed
      ? [`the container has ${mebibytes(Math.max(0, left))} left of its memory limit, and ${mebibytes(needed)} may be needed`]
      : []),
  ];
}

/** Whole seconds, rounded up: `12s`. */
export const seconds = (time: Milliseconds): string => `${Math.ceil(time / 1000)}s`;

/** `2048 MiB`. */
export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
