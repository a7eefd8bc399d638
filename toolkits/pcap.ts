import { KprofError } from '../src/errors.ts';
import { automatic, choice, count, duration, type Flag, size, text, texts, toggle } from '../src/flags.ts';
import { capturing, checking, interfaces, listening, refused, tallied, type Wanted } from '../src/runtimes/tcpdump.ts';
import { defineToolkit, type Milliseconds } from '../src/toolkit.ts';

/** Ethernet, IP with options, and TCP with options. */
const headers = 96;
const largest = 262_144;

const filter: Flag<readonly string[]> = {
  ...texts('FILTER', 'What to capture, in the words of tcpdump: port 8080; may also stand behind the name'),
  parse(typed, { flag }) {
    if (/\p{Cc}/u.test(typed))
      throw new KprofError('usage', `${flag} ${JSON.stringify(typed)} has control characters in it`, { hint: 'a filter is one line' });
    return typed.trim() === '' ? [] : [typed];
  },
};

const length: Flag<number | undefined> = {
  ...count(undefined, 'Bytes to keep of each packet; else all', 1, 'BYTES'),
  parse(typed, reading) {
    const bytes = count(undefined, '', 1).parse(typed, reading);
    if (bytes <= largest) return bytes;
    throw new KprofError('usage', `${reading.flag} ${typed} is more than a packet may have: ${largest}`, {
      hint: 'leave it out to keep all',
    });
  },
};

const open: Flag<Milliseconds | undefined> = {
  value: 'DURATION',
  description: 'How long to capture; else until Ctrl-C',
  parse: duration('10s', '').parse,
};

const device: Flag<string> = {
  ...text('NAME', 'Interface; any is all of them, lo what the containers of the pod say to each other', { short: 'i', default: 'any' }),
  parse(typed, { flag }) {
    if (/^[^\s/\p{C}-][^\s/\p{C}]{0,14}$/u.test(typed)) return typed;
    throw new KprofError('usage', `${flag} ${JSON.stringify(typed)} is no name of an interface`, { hint: '-i eth0' });
  },
};

// https://www.tcpdump.org/manpages/tcpdump.1.html
export const pcap = defineToolkit({
  name: 'pcap',
  aliases: ['tcpdump'],
  summary: 'Capture the packets of a pod',
  examples: ['kprof pcap mypod -i eth0', 'kprof pcap mypod --duration 10s port 8080', 'kprof pcap mypod -f - | tshark -r -'],
  flags: {
    interface: device,
    filter,
    snaplen: length,
    'headers-only': toggle(`Keep the first ${headers} bytes of each packet: headers, and little of what is said`),
    duration: open,
    count: count(undefined, 'How many packets to capture'),
    'max-size': size(undefined, 'End when the file has this size'),
    'buffer-size': size('8MiB', 'Room in the kernel for packets that wait to be taken'),
    format: choice(['pcapng', 'pcap'], 'pcapng', 'Kind of file: pcapng tells what was captured where, pcap is for older programs'),
    live: automatic('Show the packets as they come: in Wireshark, which is the default where a display is, else in tshark or termshark'),
    'host-network': toggle("Capture the node's packets, where the pod has no network of its own"),
    'allow-net-raw': toggle('Allow a debug container with the capabilities NET_RAW, SETGID, SETUID and KILL, without asking'),
  },
  rest: 'filter',
  streams: true,
  looksFor: 'network',
  likely: /$^/,
  matches: () => true,
  ways: ({ format = 'pcapng' }) => [
    {
      via: 'pod',
      image: 'net',
      access: 'network',
      risk: 'observe',
      format,
      probe: { interfaces: ['ip', '-br', 'addr'] },
      plan({ options, facts }) {
        const wanted: Wanted = {
          interface: options.interface,
          filter: options.filter,
          snapLength: options.snaplen ?? (options['headers-only'] ? headers : undefined),
          count: options.count,
          buffer: options['buffer-size'] as number,
        };
        const there = interfaces(facts['interfaces'] ?? '');
        if (wanted.interface !== 'any' && there.names.length > 0 && !there.names.includes(wanted.interface))
          throw new KprofError('usage', `There is no interface ${wanted.interface} in the pod`, { hint: `it has any, ${there.inWords}` });
        return {
          kind: 'flow',
          check: { run: checking(wanted), what: 'check the filter', refused: (said) => refused(wanted, said) },
          run: capturing(wanted),
          says: `capturing on ${wanted.interface}`,
          link: wanted.interface,
          filter: wanted.filter.join(' '),
          begun: listening,
          for: options.duration,
          mostBytes: options['max-size'],
          tallied,
          remedy: `fewer packets: a filter, or --headers-only; or more room for them: --buffer-size`,
          result: { early: 'keeps' },
        };
      },
    },
  ],
});
