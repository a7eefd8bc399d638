/** The commands that are no captures, in the order of `kprof --help`: descriptions only, so that help loads nothing. */
import { connectionFlags } from '../common.ts';
import { choice, count, type Flag, type Flags, text, toggle } from '../flags.ts';
import { portFlag, viewerFlag } from '../viewers/words.ts';

/** What help and parsing need to know of a command; its work is in the file of its name. */
export interface Command {
  readonly name: 'open' | 'top' | 'diff' | 'ls' | 'resume' | 'stop' | 'gc';
  readonly summary: string;
  readonly usage: string;
  readonly examples: readonly string[];
  readonly flags: Flags;
}

const quiet = toggle('Only warnings and errors', 'q');

const output: Flag<'json' | 'text' | undefined> = {
  ...text('json', 'Print it for scripts', { short: 'o' }),
  parse: choice(['json', 'text'], 'text', '').parse,
};

/** Beyond what a capture remembers of its connection. */
const again = { token: connectionFlags.token, kubeconfig: text('FILE', 'Another kubeconfig than the one of the capture') };

const opening = {
  viewer: viewerFlag,
  'no-browser': toggle('Serve the page and print its address, which lets in the first who opens it'),
  port: portFlag,
};

const lines = { lines: count('10', 'How many functions to print'), output };

export const commands: readonly Command[] = [
  {
    name: 'open',
    summary: 'Check an artifact and open it in its viewer',
    usage: 'kprof open FILE [flags]',
    examples: [
      'kprof open jfr-shop-api-app-1-20261121T071502Z.jfr',
      'kprof open cpu.pb.gz --viewer pprof',
      'kprof open app.cpuprofile --no-browser --port 8321    # and from your laptop: ssh -L 8321:127.0.0.1:8321 HOST',
    ],
    flags: {
      ...opening,
      'no-open': toggle('Only check and summarise it'),
      quiet,
    },
  },
  {
    name: 'top',
    summary: 'Print what costs most in a profile',
    usage: 'kprof top FILE [flags]',
    examples: ['kprof top pprof-cpu-shop-api-app-20261121T071502Z.pb.gz'],
    flags: lines,
  },
  {
    name: 'diff',
    summary: 'Show what costs more, or less, in a second profile',
    usage: 'kprof diff EARLIER LATER [flags]',
    examples: [
      'kprof diff before.pb.gz after.pb.gz',
      'kprof diff before.pb.gz after.pb.gz --viewer pprof    # the flame graph of Go, coloured by what grew and shrank',
      'kprof diff before.jfr after.jfr --no-open --lines 50',
    ],
    flags: { ...lines, ...opening, 'no-open': toggle('Only print it') },
  },
  {
    name: 'ls',
    summary: 'List the captures that are not over, or the debug containers of a pod',
    usage: 'kprof ls [[TYPE/]NAME] [flags]',
    examples: ['kprof ls', 'kprof ls mypod'],
    flags: { output, ...connectionFlags, quiet },
  },
  {
    name: 'resume',
    summary: 'Go on with a capture whose artifact is still in the pod',
    usage: 'kprof resume [ID] [flags]',
    examples: ['kprof resume', 'kprof resume 5b0c4d1e9f3a7286'],
    flags: { viewer: viewerFlag, 'no-open': toggle("Don't open the artifact"), ...again, quiet },
  },
  {
    name: 'stop',
    summary: 'End a capture, or all of your debug containers in a pod',
    usage: 'kprof stop ID|[TYPE/]NAME [flags]',
    examples: ['kprof stop 5b0c4d1e9f3a7286', 'kprof stop mypod'],
    flags: { ...connectionFlags, quiet },
  },
  {
    name: 'gc',
    summary: 'Clean up after captures whose kprof is gone, and end idle debug containers',
    usage: 'kprof gc [flags]',
    examples: ['kprof gc'],
    flags: { ...again, quiet },
  },
];
