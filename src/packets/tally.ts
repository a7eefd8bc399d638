/** Counts what packets tell, in bounded memory: who talks most, over what, and what goes wrong. */
import { type Amount, add, mostKept, others } from './amount.ts';
import { type DnsAnswer, dissect, type Segment, type Talk, tcpFlags } from './dissect.ts';
import type { Counted, Link, PacketSink } from './packet.ts';
import { createPorts } from './ports.ts';
import { createStreams } from './streams.ts';

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
  /** By `tcp/443`: the port of a conversation that is the server's, as far as can be told by now. */
  readonly ports: ReadonlyMap<string, Amount>;
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
    get ports() {
      return ports.amounts();
    },
    protocols: new Map(),
    resets: 0,
    retransmissions: 0,
    dnsFailures: new Map(),
    received: undefined,
    dropped: undefined,
  };
  const [isRepeated, ports] = [createStreams(), createPorts()];
  const counters = new Map<number, Counted>();

  function addTime(at: number): void {
    if (Math.abs(at) > mostTime) return;
    if (counts.first === undefined || at < counts.first) counts.first = at;
    if (counts.last === undefined || at > counts.last) counts.last = at;
  }

  function addTalk(link: number, talk: Talk, length: number): void {
    const { protocol, from, to, tcp, answer } = talk;
    const name = protocols[protocol] ?? `IP protocol ${protocol}`;
    const pair = bothWays(talk.pair);
    add(counts.protocols, name, length);
    add(counts.talkers, pair, length);
    // Between two of the same address the ports tell the directions apart.
    const isTurned = pair !== talk.pair || (to < from && pair.slice(0, pair.length / 2) === pair.slice(pair.length / 2));
    if (to !== 0 && from !== 0) ports.add(talk, { protocol: name.toLowerCase(), pair, isTurned, bytes: length });
    if (tcp !== undefined) addSegment(link, talk, tcp);
    if (answer !== undefined && answer.code !== 0) addFailure(answer);
  }
  function addSegment(link: number, talk: Talk, segment: Segment): void {
    if ((segment.flags & tcpFlags.reset) !== 0) counts.resets += 1;
    else if (isRepeated(link, talk, segment)) counts.retransmissions += 1;
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
        else addTalk(link, talk, length);
      },
      counted(link, counted: Counted) {
        const before = counters.get(link);
        if (before === undefined && counters.size >= mostLinks) return;
        // What it does not say stands as it was said before.
        counters.set(link, { received: counted.received ?? before?.received, dropped: counted.dropped ?? before?.dropped });
        for (const name of ['received', 'dropped'] as const) {
          const count = counted[name];
          if (count !== undefined) counts[name] = (counts[name] ?? 0) + count - (before?.[name] ?? 0);
        }
      },
    },
  };
}
