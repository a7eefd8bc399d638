/** Counts by ports of servers, and finds out which of the two of a conversation that is, in bounded memory. */
import { type Amount, add, mostKept } from './amount.ts';
import { type Talk, tcpFlags } from './dissect.ts';
import { createRecent } from './recent.ts';

interface Conversation extends Amount {
  readonly protocol: string;
  readonly ports: readonly [number, number];
  /** As a SYN has told. */
  server: number | undefined;
}

/** What a port has done, by its number. */
interface Doings {
  /** Conversations that it had a part in. */
  readonly used: Uint32Array;
  /** Those that others began with it. */
  readonly served: Uint32Array;
}

/** Counts packets that have ports. */
export interface Ports {
  /** `pair` is the same for both directions, and `isTurned` says that this is the other one. */
  add(talk: Talk, packet: { readonly protocol: string; readonly pair: string; readonly isTurned: boolean; readonly bytes: number }): void;
  /** By `tcp/443`. */
  amounts(): Map<string, Amount>;
}

/** Counts until it is thrown away. */
export function createPorts(): Ports {
  const settled = new Map<string, Amount>();
  const open = createRecent<Conversation>(mostKept, (conversation) => settle(settled, conversation));
  const doings = new Map<string, Doings>();

  /** The port of whoever was asked: as was seen, else the one with more conversations, else the smaller, which is more often well known. */
  function serverOf({ protocol, ports: [one, other], server }: Conversation): number {
    if (server !== undefined) return server;
    const { used, served } = doings.get(protocol) as Doings;
    const ahead = (served[one] ?? 0) - (served[other] ?? 0) || (used[one] ?? 0) - (used[other] ?? 0) || other - one;
    return ahead > 0 ? one : other;
  }
  const settle = (map: Map<string, Amount>, conversation: Conversation): void =>
    add(map, `${conversation.protocol}/${serverOf(conversation)}`, conversation.bytes, conversation.packets);

  function begin(key: string, protocol: string, ports: readonly [number, number]): Conversation {
    const { used } = doings.get(protocol) ?? { used: new Uint32Array(65_536) };
    if (!doings.has(protocol)) doings.set(protocol, { used, served: new Uint32Array(65_536) });
    for (const port of ports) used[port] = (used[port] ?? 0) + 1;
    const conversation = { protocol, ports, server: undefined, packets: 0, bytes: 0 };
    open.set(key, conversation);
    return conversation;
  }

  function learn(conversation: Conversation, { from, to }: Talk, flags: number): void {
    if ((flags & tcpFlags.syn) === 0 || conversation.server !== undefined) return;
    const server = (flags & tcpFlags.ack) === 0 ? to : from;
    conversation.server = server;
    const { served } = doings.get(conversation.protocol) as Doings;
    served[server] = (served[server] ?? 0) + 1;
  }

  return {
    add(talk, { protocol, pair, isTurned, bytes }) {
      const { from, to, tcp } = talk;
      const ports = isTurned ? ([to, from] as const) : ([from, to] as const);
      const key = `${pair}${ports[0]}:${ports[1]}/${protocol}`;
      const conversation = open.get(key) ?? begin(key, protocol, ports);
      conversation.packets += 1;
      conversation.bytes += bytes;
      if (tcp !== undefined) learn(conversation, talk, tcp.flags);
    },
    amounts() {
      const all = new Map([...settled].map(([key, amount]) => [key, { ...amount }]));
      for (const conversation of open.values()) settle(all, conversation);
      return all;
    },
  };
}
