/** What a file of packets tells, whichever of the two kinds it is. */

/** Where packets came from: an interface, as far as the file knows it. */
export interface Link {
  /** https://www.tcpdump.org/linktypes.html */
  readonly type: number;
  /** Bytes of a packet that are kept at most; 0 for all. */
  readonly snapLength: number;
  /** The target's to choose; undefined where the file has none. */
  readonly name: string | undefined;
  readonly description?: string | undefined;
  /** Which packets of it were captured, in the words of tcpdump. */
  readonly filter?: string | undefined;
}

/** What the kernel counted, for a link. */
export interface Counted {
  readonly received: number | undefined;
  /** Packets that passed the filter and found no room. */
  readonly dropped: number | undefined;
  /** When, in milliseconds of Unix. */
  readonly at?: number | undefined;
}

/** Takes what a file holds, in its order. */
export interface PacketSink {
  /** Links are numbered from 0 in the order in which they come. */
  link?(link: Link): void;
  /** `data` is only lent. `length` is what it had on the wire; `seconds` are those of Unix, undefined where the file doesn't tell. */
  packet(link: number, seconds: number | undefined, nanos: number, length: number, data: Buffer): void;
  /** Since the capture began: of a link the last counts. */
  counted?(link: number, counted: Counted): void;
  /** What a section says of itself. */
  comment?(text: string): void;
  /** TLS secrets, in the format of SSLKEYLOGFILE; only lent. */
  secrets?(keys: Buffer): void;
}

/** As https://www.tcpdump.org/linktypes.html calls them, those that a pod may have. */
const names: Readonly<Record<number, string>> = {
  0: 'BSD loopback',
  1: 'Ethernet',
  101: 'raw IP',
  108: 'OpenBSD loopback',
  113: 'Linux cooked (SLL)',
  228: 'raw IPv4',
  229: 'raw IPv6',
  276: 'Linux cooked v2 (SLL2)',
};

/** A link type in words. */
export const linkName = (type: number): string => names[type] ?? `link type ${type}`;
