import { KprofError } from '../src/errors.ts';
import { automatic, choice, count, duration, type Flag, type Habit, size, text, texts, toggle } from '../src/flags.ts';
import {
  capturing,
  checking,
  interfaces,
  listening,
  passing,
  refused,
  tallied,
  type Wanted,
  wholeFilter,
} from '../src/runtimes/tcpdump.ts';
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
  ...count(undefined, 'Bytes to keep of each packet; else all, as with 0', 1, 'BYTES'),
  parse(typed, reading) {
    const bytes = count(undefined, '', 0).parse(typed, reading);
    if (bytes <= largest) return bytes;
    throw new KprofError('usage', `${reading.flag} ${typed} is more than a packet may have: ${largest}`, {
      hint: 'leave it out to keep all',
    });
  },
};

// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
const labels: Flag<string | undefined> = {
  ...text('LABELS', 'Capture from all pods with these labels, side by side: a file for each', { short: 'l' }),
  parse(typed, { flag }) {
    if (/^[\w./=!, ()-]{1,1000}$/.test(typed)) return typed;
    throw new KprofError('usage', `${flag} ${JSON.stringify(typed)} selects no pods by their labels`, { hint: '-l app=api' });
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

type Kind = 'pcapng' | 'pcap';

const kind: Flag<Kind | undefined> = {
  value: 'pcapng|pcap',
  description: 'Kind of file: pcapng, the default, tells what was captured where; pcap, also that of -f x.pcap, is for older programs',
  parse: choice<Kind>(['pcapng', 'pcap'], 'pcapng', '').parse,
};

const isPcap = (file: unknown): boolean => typeof file === 'string' && /\.pcap$/i.test(file);

/** What was typed, else what the name of the file says; several pods have a folder for theirs. */
const kindOf = ({ format, file, selector, 'all-pods': all }: Readonly<Record<string, unknown>>): Kind =>
  (format as Kind | undefined) ?? (isPcap(file) && selector === undefined && all !== true ? 'pcap' : 'pcapng');

const shown = 'kprof prints no packets: kprof pcap mypod -f - | tcpdump -r - -A';

// https://github.com/eldadru/ksniff has -f for the filter and -o for the file. A / between numbers is a filter's, any other a path's.
const habits: readonly Habit[] = [
  {
    typed:
      /^-f ?(?=[(! ]*(not|src|dst|host|port|portrange|net|ether|ip6?|tcp|udp|icmp6?|arp|vlan|proto|less|greater)\b.*\s)(?!.*(\\|[^\d:]\/|\/\D|\/$|cap(ng)?$))/,
    hint: "the filter stands behind the name: kprof pcap mypod port 80; a file of that name is -f './port 80'",
  },
  { typed: /^-s ?\d+$/, hint: '--snaplen 96 keeps so many bytes of each packet, and without it all are kept' },
  { typed: /^-c ?\d+$/, hint: '--count 100 ends after so many packets; a container of that name is --container 1' },
  { typed: /^-n+[vqetAX]*i$/, hint: '-i eth0 alone: names are never looked up' },
  { typed: /^-nn(v+|v*[AX]\w*)?$/, hint: 'leave it out: names are never looked up' },
  { typed: /^-o ?.*cap(ng)?$/i, hint: 'the file is -f x.pcapng' },
  { typed: /^-v{2,}$/, hint: shown },
  { typed: /^-[AXxetSq]$/, hint: shown },
  { typed: /^-w$/, hint: 'the file is -f x.pcapng' },
  { typed: /^-r$/, hint: 'kprof open x.pcapng' },
  { typed: /^-[CW]$/, hint: 'several files: --rotate 100MB --keep-files 5' },
  { typed: /^-B$/, hint: '--buffer-size 32MiB is room in the kernel for packets that wait' },
  { typed: /^-U$/, hint: 'leave it out: each packet is written as soon as it comes' },
  { typed: /^-D$/, hint: '-i x, where there is no x, lists the interfaces of the pod' },
  { typed: /^-G$/, hint: 'an end: --duration 10s; several files: --rotate 100MB' },
];

/** What does not go together. */
function checkFiles(options: Readonly<Record<string, unknown>>): void {
  const { rotate, keylog, live, viewer, format, file, selector } = options;
  const words = (options['filter'] ?? []) as readonly string[];
  const several = selector !== undefined || options['all-pods'] === true;
  const wrong = (what: string, hint: string) => new KprofError('usage', what, { hint });
  // No word of a filter has such a mark in it, but names of pods have.
  if (selector !== undefined && words.length === 1 && /^[a-z][a-z0-9.]*[-/]/.test(words[0] as string))
    throw wrong(
      `With -l the words are the filter, and "${words[0]}" looks like a name`,
      `leave out "${words[0]}", or -l; as a filter: host NAME`,
    );
  if (options['snaplen'] !== undefined && options['headers-only'] === true)
    throw wrong(`--headers-only is --snaplen ${headers}, and --snaplen ${options['snaplen']} is another`, 'leave out one of them');
  if (keylog !== undefined && kindOf(options) === 'pcap')
    throw format === 'pcap'
      ? wrong('--keylog needs --format pcapng: pcap has no place for secrets', 'leave out --format pcap')
      : wrong(`--keylog needs a pcapng, and -f ${file} means a pcap, which has no place for secrets`, `name it so: -f ${file}ng`);
  const isShown = live === true || viewer === 'tshark' || viewer === 'termshark';
  if (isShown && file === '-')
    throw wrong('--live shows the packets here, and -f - sends them to another program', 'leave out one of them');
  if (rotate !== undefined && live === true) throw wrong('--rotate makes several files, and --live shows one', 'leave out --live');
  if (options['merge'] === true && !several) throw wrong('--merge is for several pods', 'kprof pcap deploy/NAME --all-pods --merge');
  if (options['merge'] === true && isPcap(file))
    throw wrong(
      `--merge makes a pcapng, and -f ${file} means a pcap, which has no place for the names of pods`,
      `name it so: -f ${file}ng`,
    );
  if (several && (file === '-' || live === true || rotate !== undefined))
    throw wrong('Several pods give several files: -f -, --live and --rotate are for one', 'name a folder: -f captures/');
  if ((rotate ?? keylog) !== undefined && file === '-')
    throw wrong('-f - sends to stdout, where --rotate and --keylog have no place', 'name a file: -f x.pcapng');
}

const leftOut = (name: string, ports: readonly number[]): string =>
  `The ports that kprof's own line may take are left out: ${ports.join(', ')}${name === 'any' ? '; and lo, which -i lo captures with a filter' : ''}`;

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
    rotate: size(undefined, 'Begin a new file here when the one that is written would be larger'),
    'keep-files': { ...count(undefined, 'How many files of --rotate stay, the newest'), with: 'rotate' },
    keylog: text('FILE', "Put the TLS secrets of this local file (an app's SSLKEYLOGFILE) into the pcapng"),
    'buffer-size': size('8MiB', 'Room in the kernel for packets that wait to be taken'),
    format: kind,
    live: automatic('Show the packets as they come: in Wireshark, which is the default where a display is, else in tshark or termshark'),
    selector: labels,
    'all-pods': toggle('Capture from all pods of the workload'),
    merge: toggle('Make one pcapng of the files of several pods, too, in the order of time'),
    'host-network': toggle("Capture the node's packets, where the pod has no network of its own"),
    'allow-net-raw': toggle('Allow a debug container with the capabilities NET_RAW, SETGID, SETUID and KILL, without asking'),
  },
  habits,
  rest: 'filter',
  streams: true,
  looksFor: 'network',
  likely: /$^/,
  matches: () => true,
  ways(options) {
    checkFiles(options);
    return [
      {
        via: 'pod',
        image: 'net',
        access: 'network',
        risk: 'observe',
        format: kindOf(options),
        secrets: options.keylog,
        probe: { interfaces: ['ip', '-br', 'addr'] },
        plan({ options, facts, linePorts }) {
          const wanted: Wanted = {
            interface: options.interface,
            filter: options.filter,
            ...(linePorts === undefined ? {} : { except: passing(options.interface, linePorts) }),
            snapLength: options.snaplen ?? (options['headers-only'] ? headers : undefined),
            count: options.count,
            buffer: options['buffer-size'] as number,
          };
          const there = interfaces(facts['interfaces'] ?? '');
          if (wanted.interface !== 'any' && there.names.length > 0 && !there.names.includes(wanted.interface))
            throw new KprofError('usage', `There is no interface ${wanted.interface} in the pod`, { hint: `it has any, ${there.inWords}` });
          return {
            kind: 'flow',
            check: { run: checking(wanted), what: 'check the filter', refused: (said) => refused(wanted, said, options.selector) },
            run: capturing(wanted),
            says: `capturing on ${wanted.interface}`,
            link: wanted.interface,
            filter: wholeFilter(wanted).join(' '),
            without: linePorts === undefined ? undefined : leftOut(options.interface, linePorts),
            begun: listening,
            for: options.duration,
            mostBytes: options['max-size'],
            rotate: options.rotate === undefined ? undefined : { bytes: options.rotate, keep: options['keep-files'] },
            secrets: options.keylog,
            tallied,
            remedy: `fewer packets: a filter, or --headers-only; or more room for them: --buffer-size`,
            result: { early: 'keeps' },
          };
        },
      },
    ];
  },
});
