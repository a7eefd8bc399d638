/** Tells what was sent again from what came late, in streams of TCP, in bounded memory. */
import { type Segment, type Talk, tcpFlags } from './dissect.ts';
import { createRecent } from './recent.ts';

/** Streams that are followed at a time; each is one direction of a connection. */
const mostStreams = 20_000;
/** Of one stream, the latest. */
const mostGaps = 16;
/** What stands so far behind is forgotten, before numbers of 32 bits can't tell it from what is ahead. */
const farBehind = 2 ** 30;
/** Before the first segment that was seen of a stream: as much as may be under way then. */
const underWay = 2 ** 20;

/** Sequence numbers, from the first to before the second. */
interface Gap {
  readonly from: number;
  readonly to: number;
}

interface Stream {
  /** Of the SYN; undefined where it was not seen. */
  readonly begin: number | undefined;
  /** Behind the highest that was seen. */
  next: number;
  /** What was not seen of what is before that. */
  gaps: readonly Gap[];
}

/** How far the first number is ahead of the second: they go around at 2³². */
const ahead = (a: number, b: number): number => (a - b) | 0;

/** Whether the numbers bring what was not seen yet; then they are seen. */
function takes(stream: Stream, from: number, to: number): boolean {
  const { next, gaps } = stream;
  const left = gaps.flatMap((gap) => without(gap, from, to));
  const filled = left.length !== gaps.length || left.some((gap, at) => gap !== gaps[at]);
  if (filled) stream.gaps = left.slice(-mostGaps);
  if (ahead(to, next) <= 0) return filled;
  stream.next = to;
  const missed = ahead(from, next) > 0 ? [...stream.gaps, { from: next, to: from }] : stream.gaps;
  if (missed.length > 0) stream.gaps = missed.filter((gap) => ahead(to, gap.from) < farBehind && ahead(to, gap.from) > 0).slice(-mostGaps);
  return true;
}

/** What is left of the gap. */
function without(gap: Gap, from: number, to: number): readonly Gap[] {
  if (ahead(from, gap.to) >= 0 || ahead(to, gap.from) <= 0) return [gap];
  return [
    ...(ahead(from, gap.from) > 0 ? [{ from: gap.from, to: from }] : []),
    ...(ahead(gap.to, to) > 0 ? [{ from: to, to: gap.to }] : []),
  ];
}

/**
 * Follows streams; tells of each segment whether it carries nothing that was not seen before on its link: what passes several interfaces of
 * a node is not sent again.
 */
export function createStreams(): (link: number, talk: Talk, segment: Segment) => boolean {
  const streams = createRecent<Stream>(mostStreams);
  const begin = (key: string, stream: Stream): false => {
    streams.set(key, stream);
    return false;
  };
  return (link, { pair, device, from, to }, { flags, sequence, length }) => {
    const occupied = length + ((flags & (tcpFlags.syn | tcpFlags.fin)) === 0 ? 0 : 1);
    if (occupied === 0) return false;
    const key = `${pair}${from}:${to}/${link}/${device}`;
    const known = streams.get(key);
    const end = (sequence + occupied) | 0;
    // Another number is another connection over the same ports.
    if ((flags & tcpFlags.syn) !== 0 && known?.begin !== sequence) return begin(key, { begin: sequence, next: end, gaps: [] });
    if (known === undefined)
      return begin(key, { begin: undefined, next: end, gaps: [{ from: (sequence - underWay) | 0, to: sequence | 0 }] });
    // One byte that was seen before is a question whether anybody is still there.
    const asks = length === 1 && occupied === 1 && ahead(end, known.next) === 0;
    return !takes(known, sequence, end) && !asks;
  };
}
