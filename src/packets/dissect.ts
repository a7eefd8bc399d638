/** What a packet is, as far as a summary needs it: who talks to whom, over what. Reads nothing behind the bytes that there are. */

/** Of one packet; addresses and names are the network's to choose. */
export interface Talk {
  /** The addresses of the source and then of the destination: 8 bytes of IPv4 or 32 of IPv6, as latin1. */
  readonly pair: string;
  /** Of IP: 6 is TCP, 17 UDP. */
  readonly protocol: number;
  /** 0 where there are none, as in a later fragment. */
  readonly from: number;
  readonly to: number;
  /** The interface that the link itself tells, as one of all interfaces does; else 0. */
  readonly device: number;
  readonly tcp: Segment | undefined;
  readonly answer: DnsAnswer | undefined;
}

/** Of TCP. */
export interface Segment {
  readonly flags: number;
  readonly sequence: number;
  /** Bytes of the stream in it, also those that were not kept. */
  readonly length: number;
}

/** Of DNS. */
export interface DnsAnswer {
  /** https://www.iana.org/assignments/dns-parameters: 3 is NXDOMAIN. */
  readonly code: number;
  readonly name: string;
}

export const tcpFlags = { fin: 1, syn: 2, reset: 4, ack: 16 } as const;

/** https://www.iana.org/assignments/ieee-802-numbers */
const ethertypes = { v4: 0x0800, v6: 0x86dd, vlan: 0x8100, stacked: 0x88a8 } as const;

/** Where the IP header begins, by link type; undefined where the packet is none of IP. */
function networkLayer(link: number, data: Buffer): { readonly at: number; readonly type: number } | undefined {
  const behind = (typeAt: number, at: number) => {
    let [type, begin] = [data.length < typeAt + 2 ? 0 : data.readUInt16BE(typeAt), at];
    for (; (type === ethertypes.vlan || type === ethertypes.stacked) && data.length >= begin + 4; begin += 4)
      type = data.readUInt16BE(begin + 2);
    return { at: begin, type };
  };
  if (link === 1) return behind(12, 14);
  if (link === 113) return behind(14, 16);
  if (link === 276) return behind(0, 20);
  const at = link === 0 || link === 108 ? 4 : 0;
  if (![0, 101, 108, 228, 229].includes(link) || data.length <= at) return undefined;
  return { at, type: (data[at] as number) >> 4 === 6 ? ethertypes.v6 : ethertypes.v4 };
}

/** Headers of IPv6 that stand before the one that counts; a longer chain is an attack. */
const extensions: ReadonlySet<number> = new Set([0, 43, 44, 60]);

/** What there is to say of a packet; undefined where it is none of IP. */
export function dissect(link: number, data: Buffer): Talk | undefined {
  const network = networkLayer(link, data);
  if (network === undefined) return undefined;
  const device = link === 276 && data.length >= 8 ? data.readUInt32BE(4) : 0;
  if (network.type === ethertypes.v4) return v4(data, network.at, device);
  return network.type === ethertypes.v6 ? v6(data, network.at, device) : undefined;
}

function v4(data: Buffer, at: number, device: number): Talk | undefined {
  if (data.length < at + 20) return undefined;
  const header = ((data[at] as number) & 15) * 4;
  if ((data[at] as number) >> 4 !== 4 || header < 20) return undefined;
  const pair = data.toString('latin1', at + 12, at + 20);
  const protocol = data[at + 9] as number;
  const fragment = (data.readUInt16BE(at + 6) & 0x1fff) !== 0;
  // 0 is what a network card that segments leaves there.
  const total = data.readUInt16BE(at + 2) || data.length - at;
  return transport(data, { pair, device, protocol, at: fragment ? data.length : at + header, length: total - header });
}

function v6(data: Buffer, at: number, device: number): Talk | undefined {
  if (data.length < at + 40 || (data[at] as number) >> 4 !== 6) return undefined;
  const pair = data.toString('latin1', at + 8, at + 40);
  let [protocol, next] = [data[at + 6] as number, at + 40];
  const end = next + (data.readUInt16BE(at + 4) || data.length - next);
  for (let hops = 0; extensions.has(protocol) && hops < 8; hops++) {
    if (data.length < next + 8) return transport(data, { pair, device, protocol, at: data.length, length: 0 });
    const later = protocol === 44 && (data.readUInt16BE(next + 2) & 0xfff8) !== 0;
    const length = protocol === 44 ? 8 : ((data[next + 1] as number) + 1) * 8;
    protocol = data[next] as number;
    next = later ? data.length : next + length;
  }
  return transport(data, { pair, device, protocol, at: next, length: end - next });
}

interface Payload {
  readonly pair: string;
  readonly device: number;
  readonly protocol: number;
  readonly at: number;
  /** By its headers, which may be more than is there. */
  readonly length: number;
}

function transport(data: Buffer, { pair, device, protocol, at, length }: Payload): Talk {
  const ports = (protocol === 6 || protocol === 17 || protocol === 132) && data.length >= at + 4;
  const [from, to] = ports ? [data.readUInt16BE(at), data.readUInt16BE(at + 2)] : [0, 0];
  const tcp = protocol === 6 && data.length >= at + 14 ? segment(data, at, length) : undefined;
  const answer =
    from === 53 ? dnsAnswer(data, protocol === 17 ? at + 8 : tcp === undefined ? data.length : overTcp(data, at, tcp)) : undefined;
  return { pair, device, protocol, from, to, tcp, answer };
}

const segment = (data: Buffer, at: number, length: number): Segment => ({
  flags: data[at + 13] as number,
  sequence: data.readUInt32BE(at + 4),
  length: Math.max(0, length - ((data[at + 12] as number) >> 4) * 4),
});

/** Where an answer is that begins with the segment: behind its length, which tells it from what goes on with an earlier one. */
function overTcp(data: Buffer, at: number, { length }: Segment): number {
  const begin = at + ((data[at + 12] as number) >> 4) * 4;
  const fits = data.length >= begin + 2 && data.readUInt16BE(begin) >= 12 && length >= 14;
  return fits ? begin + 2 : data.length;
}

function dnsAnswer(data: Buffer, at: number): DnsAnswer | undefined {
  if (data.length < at + 12) return undefined;
  const flags = data.readUInt16BE(at + 2);
  return (flags & 0x8000) === 0 ? undefined : { code: flags & 15, name: questionName(data, at + 12) };
}

/** The name that was asked for, as far as it is there; questions are not compressed. */
function questionName(data: Buffer, begin: number): string {
  const labels: string[] = [];
  for (let at = begin; at < data.length && labels.length < 128; ) {
    const length = data[at] as number;
    if (length === 0 || length > 63) break;
    labels.push(data.toString('latin1', at + 1, Math.min(data.length, at + 1 + length)));
    at += 1 + length;
  }
  return labels.join('.');
}

/** An address of a `pair`, as people write it. */
export function address(bytes: string): string {
  const octets = Buffer.from(bytes, 'latin1');
  if (octets.length === 4) return octets.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => octets.readUInt16BE(index * 2).toString(16));
  // The longest row of zeros, of two at least, becomes ::
  const rows = [...groups.join(':').matchAll(/\b0(?::0\b)+/g)].map(([row]) => row).sort((a, b) => b.length - a.length);
  const longest = rows[0];
  if (longest === undefined) return groups.join(':');
  const text = groups.join(':');
  const at = text.search(new RegExp(`(^|:)${longest}($|:)`));
  return `${text.slice(0, at)}::${text.slice(at + longest.length + (at === 0 && !text.startsWith(':') ? 1 : 2))}`;
}
