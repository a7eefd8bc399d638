/**
 * What a JFR recording says of a JVM beside its method samples: pauses of the garbage collector, allocation, monitors that were waited for.
 * https://github.com/openjdk/jdk/blob/master/src/hotspot/share/jfr/metadata/metadata.xml
 */
import type { Value } from './jfr-values.ts';

/** How often, and how much: nanoseconds or bytes. */
export interface Tally {
  readonly count: number;
  readonly amount: number;
}

/** What all chunks of a recording add up to. */
export interface Events {
  /** Of all threads by the collector (jdk.GCPhasePause); nanoseconds. */
  readonly pauses: Tally & { readonly longest: number };
  /** Bytes by class: as jdk.ObjectAllocationSample weighs them, of recordings without it all TLABs and what lies outside. */
  readonly allocated: ReadonlyMap<string, Tally>;
  /** Nanoseconds by the class of the monitor (jdk.JavaMonitorEnter); short ones are not recorded. */
  readonly waited: ReadonlyMap<string, Tally>;
}

/** An event as it was read: its fields by name. */
export type Fields = { readonly [field: string]: Value };

type Counts = Map<number | string, { count: number; amount: number }>;

/** Counts events. */
export interface Counter {
  /** Counts one, which is of the chunk that is open. */
  readonly of: Readonly<Record<string, (fields: Fields) => void>>;
  /** Ends a chunk, whose ticks are so many in a second and whose classes are called so. */
  close(ticksPerSecond: number, nameOf: (type: number) => string): void;
  events(): Events;
}

function add(counts: Counts, key: number | string, amount: number, count = 1): void {
  const known = counts.get(key);
  if (known === undefined) counts.set(key, { count, amount });
  else {
    known.count += count;
    known.amount += amount;
  }
}

const kinds = ['sampled', 'tlabs', 'waited'] as const;
const none = (): Readonly<Record<(typeof kinds)[number], Counts>> => ({ sampled: new Map(), tlabs: new Map(), waited: new Map() });

/** A number of a file: a forged one may have something else in its place. */
const numberOf = (value: Value): number => (typeof value === 'number' ? value : 0);

/** What is open is counted by numbers of classes, which are the chunk's own, and in its ticks. */
export function counter(): Counter {
  const pauses = { count: 0, amount: 0, longest: 0 };
  const [open, all] = [none(), none()];
  let ticks: number[] = [];
  const into =
    (kind: (typeof kinds)[number], type: string, amount: string) =>
    (fields: Fields): void =>
      add(open[kind], numberOf(fields[type]), numberOf(fields[amount]));
  return {
    of: {
      'jdk.GCPhasePause': ({ duration }) => void ticks.push(numberOf(duration)),
      'jdk.ObjectAllocationSample': into('sampled', 'objectClass', 'weight'),
      'jdk.ObjectAllocationInNewTLAB': into('tlabs', 'objectClass', 'tlabSize'),
      'jdk.ObjectAllocationOutsideTLAB': into('tlabs', 'objectClass', 'allocationSize'),
      'jdk.JavaMonitorEnter': into('waited', 'monitorClass', 'duration'),
    },
    close(ticksPerSecond, nameOf) {
      const nanoseconds = 1e9 / ticksPerSecond;
      pauses.count += ticks.length;
      for (const each of ticks) {
        pauses.amount += each * nanoseconds;
        pauses.longest = Math.max(pauses.longest, each * nanoseconds);
      }
      ticks = [];
      for (const kind of kinds) {
        for (const [type, { count, amount }] of open[kind])
          add(all[kind], nameOf(Number(type)), kind === 'waited' ? amount * nanoseconds : amount, count);
        open[kind].clear();
      }
    },
    events: () => ({ pauses, allocated: byName(all.sampled.size > 0 ? all.sampled : all.tlabs), waited: byName(all.waited) }),
  };
}

const byName = (counts: Counts): ReadonlyMap<string, Tally> => new Map([...counts].map(([name, tally]) => [String(name), tally]));

const primitives: Readonly<Record<string, string>> = {
  B: 'byte',
  C: 'char',
  D: 'double',
  F: 'float',
  I: 'int',
  J: 'long',
  S: 'short',
  Z: 'boolean',
};

/** `byte[][]` of `[[B`, `java.lang.String[]` of `[Ljava/lang/String;`, `java.lang.String` of `java/lang/String`. */
export function className(internal: string): string {
  const name = internal.replaceAll('/', '.');
  const depth = /^\[*/.exec(name)?.[0].length ?? 0;
  const element = name.slice(depth);
  if (depth === 0) return name;
  return `${primitives[element] ?? element.replace(/^L(.*);$/, '$1')}${'[]'.repeat(depth)}`;
}
