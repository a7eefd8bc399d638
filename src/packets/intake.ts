/** Packets as they come from the pod, counted, and written as one of the kinds of file. */
import type { Intake } from '../formats/format.ts';
import { bytes as inBytes } from '../report.ts';
import { addKeys, readKeys } from './keylog.ts';
import type { Link, PacketSink } from './packet.ts';
import { createReader } from './reader.ts';
import { packets, summarise } from './summary.ts';
import { createTally } from './tally.ts';
import type { Writer } from './writer.ts';

/** Takes the stream of a capture of one link. */
export function createIntake(writer: Writer): Intake {
  const { counts, sink } = createTally();
  let out = Buffer.alloc(0);
  let used = 0;
  let link: Link | undefined;
  let came = 0;
  // By the clock of whoever takes; the pod's, which may be set, is so much behind it and what the packet has waited.
  let newest = Number.NEGATIVE_INFINITY;
  let behind = Number.POSITIVE_INFINITY;
  let end = Number.POSITIVE_INFINITY;
  let over = false;

  const room = (length: number): void => {
    if (used + length <= out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(used + length, 2 * used, 65_536));
    out.copy(larger, 0, 0, used);
    out = larger;
  };
  const append = (piece: Buffer): void => {
    room(piece.length);
    piece.copy(out, used);
    used += piece.length;
  };
  const head = (): Buffer => (link === undefined ? Buffer.alloc(0) : writer.head(link));
  const both: PacketSink = {
    link(one) {
      link = one;
      sink.link(one);
      append(head());
    },
    packet(number, seconds = 0, nanos, length, data) {
      came += 1;
      const at = seconds * 1000 + nanos / 1e6;
      if (at > newest) newest = at;
      if (at > end) {
        over = true;
        return;
      }
      sink.packet(number, seconds, nanos, length, data);
      const size = writer.packetLength(data.length);
      room(size);
      out.fill(0, used + size - 8, used + size); // what pads it
      writer.packet(out, used, { link: 0, seconds, nanos, length, data });
      used += size;
    },
  };
  const reader = createReader(both, 'What came from the pod');

  return {
    take(bytes, at = performance.now()) {
      newest = Number.NEGATIVE_INFINITY;
      reader.take(bytes);
      behind = Math.min(behind, at - newest);
      const whole = out.subarray(0, used);
      // It is another's from now on; what is behind it is still ours.
      out = out.subarray(used);
      used = 0;
      return whole;
    },
    head,
    ...(writer.hasSecrets === true ? { addSecrets: async (path: string, from: string) => addSecrets(path, head().length, from) } : {}),
    tail(tallied) {
      sink.counted(0, { received: tallied?.received, dropped: tallied?.dropped });
      return writer.tail(tallied);
    },
    pieces: () => came,
    endAt(at) {
      if (at === Number.NEGATIVE_INFINITY) end = at;
      else if (behind < Number.POSITIVE_INFINITY) end = at - behind;
    },
    isOver: () => over,
    progress: () => `${packets(counts.packets)}, ${inBytes(counts.bytes)}`,
    summary: () => summarise(counts),
  };
}

/** Nothing is done where there are none, or nothing was captured. */
async function addSecrets(path: string, head: number, from: string): ReturnType<NonNullable<Intake['addSecrets']>> {
  const keys = await readKeys(from);
  return keys.length === 0 || head === 0 ? undefined : addKeys(path, head, keys);
}
