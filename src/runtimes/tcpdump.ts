/** tcpdump: its argv, and what its texts mean. https://www.tcpdump.org/manpages/tcpdump.1.html */
import { KprofError } from '../errors.ts';
import type { Argv, Said, Tallied } from '../toolkit.ts';

/** What to capture. */
export interface Wanted {
  readonly interface: string;
  /** Words of a BPF filter: https://www.tcpdump.org/manpages/pcap-filter.7.html */
  readonly filter: readonly string[];
  /** The same, for what is none of anybody's: it goes before that, for `vlan` and others change what the words behind them mean. */
  readonly except?: readonly string[];
  /** Bytes of each packet; undefined for all. */
  readonly snapLength: number | undefined;
  /** Packets; undefined without an end. */
  readonly count: number | undefined;
  /** Bytes for what the kernel holds. */
  readonly buffer: number;
}

// As root, for else it becomes another user, whom nobody here could end; without promiscuous mode, which a pod has no need of.
const common = ({ interface: name }: Wanted): readonly string[] => ['-i', name, '-Z', 'root', '-p'];
// Behind -- all is filter: a word that looks like a flag is one that the filter's grammar refuses.
const filtering = (wanted: Wanted): readonly string[] => {
  const words = wholeFilter(wanted);
  return words.length === 0 ? [] : ['--', ...words];
};

/** All that the filter says. */
export function wholeFilter({ filter, except = [] }: Wanted): readonly string[] {
  if (except.length === 0) return filter;
  const rest = filter.length === 0 ? [] : ['and', '(', ...filter, ')'];
  return ['not', '(', ...except, ')', ...rest];
}

/** What passes these ports; of all interfaces what stays on the loopback, too, where a runtime gives it to its kubelet at a port of chance. */
export const passing = (name: string, ports: readonly number[]): readonly string[] =>
  [...ports.map((port) => `tcp port ${port}`), ...(name === 'any' ? ['net 127.0.0.0/8', 'ip6 host ::1'] : [])].join(' or ').split(' ');

/** Compiles the filter for the interface, and captures nothing. */
export const checking = (wanted: Wanted): Argv => ['tcpdump', ...common(wanted), '-d', ...filtering(wanted)];

/**
 * Writes packets to stdout, each as soon as it has it, in nanoseconds. The kernel gives them after a second at the latest;
 * --immediate-mode would give them at once, and have room for a few packets only (pcap-linux.c, prepare_tpacket_socket).
 */
export const capturing = (wanted: Wanted): Argv => [
  'tcpdump',
  ...common(wanted),
  ...['-U', '--time-stamp-precision=nano', '-s', String(wanted.snapLength ?? 0), '-B', String(Math.ceil(wanted.buffer / 1024))],
  ...(wanted.count === undefined ? [] : ['-c', String(wanted.count)]),
  ...['-w', '-', ...filtering(wanted)],
];

/** When it has begun: `tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes`. */
export const listening = /listening on [^\n]*\n/;

/** What it counted, as it says at its end, or when asked by SIGUSR1; the last of them. */
export function tallied(said: string): Tallied | undefined {
  const last = (pattern: RegExp): number | undefined => {
    const found = [...said.matchAll(pattern)].at(-1)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const captured = last(/(\d{1,15}) packets? captured/g);
  if (captured === undefined) return undefined;
  return { captured, received: last(/(\d{1,15}) packets? received by filter/g), dropped: last(/(\d{1,15}) packets? dropped by kernel/g) };
}

/** Its words about an error, without its warnings and what it says of itself. */
const complaint = (said: string): string =>
  said
    .split('\n')
    .filter((line) => line !== '' && !/^tcpdump: (data link type|verbose output|listening on|WARNING)|^Warning: /.test(line))
    .map((line) => line.replace(/^tcpdump: /, ''))
    .join('\n');

/** The error for a check that failed; where labels were typed, a word may have been meant as a name. */
export function refused({ filter, interface: name }: Wanted, { stderr }: Said, selector?: string): KprofError {
  const cause = complaint(stderr);
  if (/permission to perform this capture|Operation not permitted|Couldn't change to/.test(stderr))
    return new KprofError('forbidden', 'The debug container may not capture packets', {
      cause,
      hint: 'kprof pcap --allow-net-raw adds the capability NET_RAW',
    });
  if (filter.length > 0 && !/No such device|isn't up|Network is down/.test(stderr))
    return new KprofError('usage', `The filter "${filter.join(' ')}" is none that tcpdump takes`, {
      cause,
      hint: `${selector === undefined ? '' : 'with -l all words are the filter, and none is a name; '}a filter is like: port 8080 and host 10.0.0.7; see https://www.tcpdump.org/manpages/pcap-filter.7.html`,
    });
  return new KprofError('failed', `tcpdump can't capture on ${name}`, { cause });
}

/** The interfaces of `ip -br addr`: their names, and the same with their addresses, in words. */
export function interfaces(said: string): { readonly names: readonly string[]; readonly inWords: string } {
  const all = said
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([name]) => name !== undefined && name !== '')
    .map(([name = '', , ...addresses]) => ({ name: name.replace(/@.*/, ''), addresses }));
  return {
    names: all.map(({ name }) => name),
    inWords: all.map(({ name, addresses }) => (addresses.length === 0 ? name : `${name} (${addresses.join(', ')})`)).join(', '),
  };
}
