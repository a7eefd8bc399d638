/** Packets and bytes by what they have in common, in bounded memory. */

/** Packets and their bytes on the wire. */
export interface Amount {
  packets: number;
  bytes: number;
}

/** Who comes later than so many others is counted as `…`. */
export const mostKept = 10_000;

/** The key of what found no room of its own. */
export const others = '…';

/** Adds to what has this key. */
export function add(map: Map<string, Amount>, key: string, bytes: number, packets = 1): void {
  const known = map.get(key) ?? (map.size < mostKept ? undefined : map.get(others));
  if (known === undefined) map.set(map.size < mostKept ? key : others, { packets, bytes });
  else {
    known.packets += packets;
    known.bytes += bytes;
  }
}
