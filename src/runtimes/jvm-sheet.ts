/** What a JVM says of itself: the answers of several diagnostic commands, as one sheet and as facts for scripts. */
import { duration, bytes as inBytes, plural } from '../report.ts';
import type { Composed } from '../toolkit.ts';
import { heapUsed } from './heap.ts';
import { answer, parseVersion } from './jvm.ts';

/** What is asked, in this order; behind it comes what the kernel knows of the process. */
export const asked = ['VM.version', 'VM.uptime', 'VM.flags', 'GC.heap_info', 'VM.info', 'VM.native_memory'] as const;

type Facts = Readonly<Record<string, string | number | boolean>>;

const known = (facts: Readonly<Record<string, string | number | boolean | undefined>>): Facts =>
  Object.fromEntries(Object.entries(facts).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined));

const numberOf = (text: string | undefined): number | undefined => (/^\d+$/.test(text ?? '') ? Number(text) : undefined);
const matched = (text: string, pattern: RegExp): string | undefined => pattern.exec(text)?.[1];

/** Of what holds the command line, the environment and with them secrets, only what is named here gets any further. */
const flagsOf = (text: string): readonly string[] => text.split(/\s+/).filter((word) => /^-XX:[+-]?\w+(=[\w.,:/%+-]*)?$/.test(word));

/** By a flag such as -XX:+UseG1GC. */
const collectorOf = (flags: readonly string[]): string | undefined =>
  flags
    .map((flag) => matched(flag, /^-XX:\+Use(Serial|Parallel|G1|Z|Shenandoah|Epsilon|ConcMarkSweep)GC$/))
    .find((name) => name !== undefined);

/** Of VM.info's history: how often garbage was collected so far. */
function collectionsOf(info: string): Facts {
  const last = [...info.matchAll(/invocations=(\d+) \(full (\d+)\)/g)].at(-1);
  if (last !== undefined) return { collections: Number(last[1]), fullCollections: Number(last[2]) };
  return /^GC Heap History \(0 events\)/m.test(info) ? { collections: 0, fullCollections: 0 } : {};
}

/** The first line that tells it, wherever: JDKs print it in different answers. */
function metaspaceOf(text: string): Facts {
  const [, used, committed] = /^\s*Metaspace\s+used (\d+)K, (?:capacity \d+K, )?committed (\d+)K/m.exec(text) ?? [];
  return used === undefined ? {} : { metaspaceUsed: Number(used) * 1024, metaspaceCommitted: Number(committed) * 1024 };
}

/** `524288 k`, `1073741824`, `unlimited`. */
function sizeOf(text: string | undefined): number | undefined {
  const [, number, unit] = /^(\d+)( k)?$/.exec(text ?? '') ?? [];
  return number === undefined ? undefined : Number(number) * (unit === undefined ? 1 : 1024);
}

/** The container as the JVM sees it. */
function containerOf(info: string): Facts {
  const section = matched(info, /^container \(cgroup\) information:\n((?:\S.*\n)*)/m);
  if (section === undefined) return {};
  const get = (name: string) => matched(section, new RegExp(`^${name}: (.*)$`, 'm'));
  const limit = get('memory_limit_in_bytes');
  const [quota, period] = [numberOf(get('cpu_quota')), numberOf(get('cpu_period'))];
  return known({
    container: get('container_type'),
    containerProcessors: numberOf(get('active_processor_count')),
    containerCpuLimit: quota === undefined || !period ? undefined : quota / period,
    containerMemoryLimit: sizeOf(limit),
    containerMemoryUsed: sizeOf(get('memory_usage_in_bytes')),
    containerMemoryUnlimited: limit === 'unlimited' ? true : undefined,
  });
}

function nativeOf(text: string): Facts {
  const [, reserved, committed] = /^Total: reserved=(\d+)KB, committed=(\d+)KB/m.exec(text) ?? [];
  if (reserved === undefined) return { nativeMemoryTracked: false };
  return { nativeMemoryTracked: true, nativeReserved: Number(reserved) * 1024, nativeCommitted: Number(committed) * 1024 };
}

/** All that the answers tell, sizes in bytes, times in milliseconds. */
export function factsOf(outputs: readonly string[]): Facts {
  const [version = '', uptime = '', flags = '', heap = '', info = '', native = '', status = ''] = outputs.map(answer);
  const chosen = flagsOf(flags);
  const seconds = matched(uptime, /^(\d+(?:\.\d+)?) s$/m);
  return known({
    version: parseVersion(version)?.text,
    major: parseVersion(version)?.major,
    uptime: seconds === undefined ? undefined : Math.round(Number(seconds) * 1000),
    collector: collectorOf(chosen),
    heapUsed: heapUsed(heap),
    heapMax: chosen.map((flag) => numberOf(matched(flag, /^-XX:MaxHeapSize=(\d+)$/))).find((bytes) => bytes !== undefined),
    ...collectionsOf(info),
    ...metaspaceOf(`${heap}\n${info}`),
    threads: numberOf(matched(status, /^Threads:\s*(\d+)$/m)),
    ...containerOf(info),
    ...nativeOf(native),
    flags: chosen.join(' '),
  });
}

/** The sheet, a line each; what the JVM did not tell is left out. */
export function sheetOf(facts: Facts): string {
  const size = (name: string, otherwise = '?') => (typeof facts[name] === 'number' ? inBytes(facts[name]) : otherwise);
  const has = (name: string) => facts[name] !== undefined;
  const lines: readonly (readonly [label: string, told: boolean, text: () => string])[] = [
    ['Version', true, () => String(facts['version'] ?? 'unknown')],
    ['Uptime', has('uptime'), () => duration(Number(facts['uptime']))],
    ['Heap', has('heapUsed'), () => `${size('heapUsed')} used, ${size('heapMax')} at most`],
    [
      'Collector',
      has('collector'),
      () =>
        `${facts['collector']}${has('collections') ? `; ${plural(Number(facts['collections']), 'collection')} so far, ${facts['fullCollections']} of them full` : ''}`,
    ],
    ['Metaspace', has('metaspaceUsed'), () => `${size('metaspaceUsed')} used, ${size('metaspaceCommitted')} committed`],
    ['Threads', has('threads'), () => `${facts['threads']}, those of the VM among them`],
    ['Container', has('container'), () => container(facts, size)],
    [
      'Native memory',
      true,
      () =>
        facts['nativeMemoryTracked'] === true
          ? `${size('nativeCommitted')} committed, ${size('nativeReserved')} reserved`
          : 'not tracked; it is with -XX:NativeMemoryTracking=summary',
    ],
    ['Flags', facts['flags'] !== '', () => String(facts['flags']).replaceAll(' ', `\n${' '.repeat(width)}`)],
  ];
  return lines
    .filter(([, told]) => told)
    .map(([label, , text]) => `${label.padEnd(width)}${text()}\n`)
    .join('');
}

const width = 16;

function container(facts: Facts, size: (name: string, otherwise?: string) => string): string {
  const memory = `${size('containerMemoryUsed')} of ${facts['containerMemoryUnlimited'] === true ? 'unlimited' : size('containerMemoryLimit')} memory`;
  const limit = facts['containerCpuLimit'];
  return `${memory}, ${facts['containerProcessors'] ?? '?'} processors${limit === undefined ? '' : `, limited to ${limit}`} (${facts['container']})`;
}

/** The sheet and the facts. */
export function composeSheet(outputs: readonly string[]): Composed {
  const facts = factsOf(outputs);
  return { text: sheetOf(facts), facts };
}
