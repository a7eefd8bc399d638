/** What was counted, in words, in a table, and for the record. */
import type { Fact, Summary } from '../formats/format.ts';
import { bytes, duration, plural } from '../report.ts';
import { safeLine } from '../safe.ts';
import { type Amount, others } from './amount.ts';
import { address } from './dissect.ts';
import { linkName } from './packet.ts';
import type { Counts } from './tally.ts';

/** `3 packets`, `1 packet`. */
export const packets = (count: number): string => plural(count, 'packet');

const between = ' ↔ ';

const byBytes = (map: ReadonlyMap<string, Amount>): readonly (readonly [string, Amount])[] =>
  [...map].sort(([, a], [, b]) => b.bytes - a.bytes);

const pairInWords = (pair: string): string =>
  pair === others ? others : `${address(pair.slice(0, pair.length / 2))}${between}${address(pair.slice(pair.length / 2))}`;

function inWords(counts: Counts): string {
  const time = counts.first === undefined || counts.last === undefined ? '' : ` in ${duration(counts.last - counts.first)}`;
  const links = [...new Set(counts.links.map(({ type }) => linkName(type)))].join(', ');
  const failures = [...counts.dnsFailures.values()].reduce((sum, count) => sum + count, 0);
  const trouble = [
    [counts.resets, 'TCP reset'],
    [counts.retransmissions, 'retransmission'],
    [failures, 'DNS failure'],
  ] as const;
  const said = trouble.filter(([count]) => count > 0).map(([count, what]) => plural(count, what));
  const dropped = counts.dropped === undefined ? '' : `; ${packets(counts.dropped)} dropped by the kernel`;
  return [`${packets(counts.packets)} of ${bytes(counts.bytes)}${time}, ${links}${dropped}`, ...said].join('; ');
}

/** Before the names. */
const margin = 21;

/** As much of a text as has room: of an address its end, which tells more. */
const shorten = (text: string, room: number, end: 'head' | 'tail' = 'head'): string => {
  if (text.length <= room) return text;
  const kept = Math.max(0, room - 1);
  return end === 'head' ? `${text.slice(0, kept)}…` : `…${text.slice(text.length - kept)}`;
};

/** A pair with both its ends, however little room there is. */
function shortenPair(name: string, room: number): string {
  const [one = '', other] = name.split(between);
  if (other === undefined || name.length <= room) return shorten(name, room);
  const both = Math.max(8, room - between.length);
  const half = Math.floor(both / 2);
  const first = Math.max(half, both - other.length);
  return shorten(one, first, 'tail') + between + shorten(other, Math.max(both - first, both - one.length), 'tail');
}

const rows = (title: string, entries: readonly (readonly [string, Amount])[], count: number, columns: number): readonly string[] =>
  entries.length === 0
    ? []
    : [
        title,
        ...entries
          .slice(0, count)
          .map(
            ([name, { packets: many, bytes: size }]) =>
              `${String(many).padStart(10)} ${bytes(size).padStart(8)}  ${shortenPair(safeLine(name), columns - margin)}`,
          ),
      ];

function table(counts: Counts, columns: number, count: number): string {
  const talkers = byBytes(counts.talkers).map(([pair, amount]) => [pairInWords(pair), amount] as const);
  const failures = [...counts.dnsFailures].sort(([, a], [, b]) => b - a).slice(0, count);
  const lines = [
    ...rows('   packets     size  between', talkers, count, columns),
    ...rows('   packets     size  port', byBytes(counts.ports), count, columns),
    ...rows('   packets     size  protocol', byBytes(counts.protocols), count, columns),
    ...(failures.length === 0
      ? []
      : ['   answers  DNS failure', ...failures.map(([name, many]) => `${String(many).padStart(10)}  ${safeLine(name)}`)]),
  ];
  return lines.map((line) => shorten(line, columns)).join('\n');
}

const most = (entries: readonly (readonly [string, number])[]): Readonly<Record<string, number>> =>
  Object.fromEntries(entries.slice(0, 20));

/** The summary of a file, or of a capture that is over. */
export function summarise(counts: Counts): Summary {
  const amounts = (map: ReadonlyMap<string, Amount>, name = (key: string) => key) =>
    most(byBytes(map).map(([key, { bytes: size }]) => [name(key), size]));
  const known = {
    first: counts.first === undefined ? undefined : new Date(counts.first).toISOString(),
    duration: counts.first === undefined || counts.last === undefined ? undefined : Math.round(counts.last - counts.first),
    received: counts.received,
    dropped: counts.dropped,
  };
  const facts: Record<string, Fact | undefined> = {
    packets: counts.packets,
    wireBytes: counts.bytes,
    capturedBytes: counts.captured,
    ...known,
    links: [...new Set(counts.links.map(({ type }) => linkName(type)))].join(', '),
    resets: counts.resets,
    retransmissions: counts.retransmissions,
    talkers: amounts(counts.talkers, pairInWords),
    ports: amounts(counts.ports),
    protocols: amounts(counts.protocols),
    dnsFailures: most([...counts.dnsFailures].sort(([, a], [, b]) => b - a)),
  };
  return {
    text: inWords(counts),
    ...(counts.packets === 0 ? {} : { details: (columns: number, count = 5) => table(counts, columns, count) }),
    facts: Object.fromEntries(Object.entries(facts).filter((entry): entry is [string, Fact] => entry[1] !== undefined)),
  };
}
