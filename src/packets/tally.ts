/** Counts what packets tell, in bounded memory: who talks most, over what, and what goes wrong. */
import { type DnsAnswer, dissect, type Segment, type Talk, tcpFlags } from './dissect.ts';
import type { Counted, Link, PacketSink } from './packet.ts';
import { createStreams } from './streams.ts';

/** Packets and their bytes on the wire. */
export interface Amount {
  packets: number;
  bytes: number;
}

/** What was counted so far. */
export interface Counts extends Amount {
  /** Bytes of packets that were kept. */
  captured: number;
  /** Milliseconds of Unix: the earliest and the latest; undefined without packets. */
  first: number | undefined;
  last: number | undefined;
  readonly links: Link[];
  /** By the two addresses, the smaller first; see Talk.pair. */
  readonly talkers: Map<string, Amount>;
  /** By `tcp/443`: the port of a pair that is more of a server. */
  readonly ports: Map<string, Amount>;
  /** By name: `TCP`, `UDP`, `ICMP`; what is no IP is `other`. */
  readonly protocols: Map<string, Amount>;
  resets: number;
  /** Segments that carry nothing that was not seen before. */
  retransmissions: number;
  /** By the code's name and what was asked for: `NXDOMAIN example.com`. */
  readonly dnsFailures: Map<string, number>;
  /** What the file says that the kernel counted; undefined where it doesn't. */
  received: number | undefined;
  dropped: number | undefined;
}

/** Who comes later than so many others is counted as `…`. */
const mostKept = 10_000;
const mostLinks = 1000;
/** What is no time of the calendar is none at all: https://tc39.es/ecma262/#sec-time-values-and-time-range */
const mostTime = 8.64e15;

const protocols: Readonly<Record<number, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  6: 'TCP',
  17: 'UDP',
  47: 'GRE',
  50: 'ESP',
  58: 'ICMPv6',
  132: 'SCTP',
};
// https://www.iana.org/assignments/dns-parameters (RCODEs)
const codes: Readonly<Record<number, string>> = { 1: 'FORMERR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 4: 'NOTIMP', 5: 'REFUSED' };

/** The key of what found no room of its own. */
export const others = '…';

function add(map: Map<string, Amount>, key: string, bytes: number): void {
  const known = map.get(key) ?? (map.size < mostKept ? undefined : map.get(others));
  if (known === undefined) map.set(map.size < mostKept ? key : others, { packets: 1, bytes });
  else {
    known.packets += 1;
    known.bytes += bytes;
  }
}

/** The pair in an order that is the same for both directions. */
function bothWays(pair: string): string {
  const half = pair.length / 2;
  const [from, to] = [pair.slice(0, half), pair.slice(half)];
  return from < to ? pair : to + from;
}

/** Counts until it is thrown away; `counts` changes with each packet. */
export function createTally(): { readonly counts: Counts; readonly sink: Required<Pick<PacketSink, 'link' | 'packet' | 'counted'>> } {
  const counts: Counts = {
    packets: 0,
    bytes: 0,
    captured: 0,
    first: undefined,
    last: undefined,
    links: [],
    talkers: new Map(),
    ports: new Map(),
    protocols: new Map(),
    resets: 0,
    retransmissions: 0,
    dnsFailures: new Map(),
    received: undefined,
    dropped: undefined,
  };
  const isRepeated = createStreams();
  const counters = new Map<number, Counted>();

  function addTime(at: number): void {
    if (Math.abs(at) > mostTime) return;
    if (counts.first === undefined || at < counts.first) counts.first = at;
    if (counts.last === undefined || at > counts.last) counts.last = at;
  }

  function addTalk(talk: Talk, length: number): void {
    const { pair, protocol, from, to, tcp, answer } = talk;
    const name = protocols[protocol] ?? `IP protocol ${protocol}`;
    add(counts.protocols, name, length);
    add(counts.talkers, bothWays(pair), length);
    if (to !== 0 && from !== 0) add(counts.ports, `${name.toLowerCase()}/${Math.min(from, to)}`, length);
    if (tcp !== undefined) addSegment(talk, tcp);
    if (answer !== undefined && answer.code !== 0) addFailure(answer);
  }
  function addSegment(talk: Talk, segment: Segment): void {
    if ((segment.flags & tcpFlags.reset) !== 0) counts.resets += 1;
    else if (isRepeated(talk, segment)) counts.retransmissions += 1;
  }
  function addFailure({ code, name }: DnsAnswer): void {
    const key = `${codes[code] ?? `error ${code}`} ${name}`;
    const kept = counts.dnsFailures.has(key) || counts.dnsFailures.size < mostKept ? key : others;
    counts.dnsFailures.set(kept, (counts.dnsFailures.get(kept) ?? 0) + 1);
  }

  return {
    counts,
    sink: {
      link: (link: Link) => void (counts.links.length < mostLinks && counts.links.push(link)),
      packet(link, seconds, nanos, length, data) {
        counts.packets += 1;
        counts.bytes += length;
        counts.captured += data.length;
        if (seconds !== undefined) addTime(seconds * 1000 + nanos / 1e6);
        const talk = dissect(counts.links[link]?.type ?? -1, data);
        if (talk === undefined) add(counts.protocols, 'other', length);
        else addTalk(talk, length);
      },
      counted(link, counted: Counted) {
        const before = counters.get(link);
        if (before === undefined && counters.size >= mostLinks) return;
        counters.set(link, { ...before, ...counted });
        for (const name of ['received', 'dropped'] as const) {
          const count = counted[name];
          if (count !== undefined) counts[name] = (counts[name] ?? 0) + count - (before?.[name] ?? 0);
        }
      },
    },
  };
}
