/** The commands that are no captures, in the order of `kprof --help`: descriptions only, so that help loads nothing. */
import { choice, count, type Flag, type Flags, text, toggle } from '../flags.ts';

/** What help and parsing need to know of a command; its work is in the file of its name. */
export interface Command {
  readonly name: 'open' | 'top' | 'diff';
  readonly summary: string;
  readonly usage: string;
  readonly examples: readonly string[];
  readonly flags: Flags;
}

const output: Flag<'json' | 'text' | undefined> = {
  ...text('json', 'Print it for scripts', { short: 'o' }),
  parse: choice(['json', 'text'], 'text', '').parse,
};

const lines = { lines: count('10', 'How many functions to print'), output };

export const commands: readonly Command[] = [
  {
    name: 'open',
    summary: 'Check an artifact and open it in its viewer',
    usage: 'kprof open FILE [flags]',
    examples: ['kprof open jfr-shop-api-app-1-20261121T071502Z.jfr'],
    flags: { 'no-open': toggle('Only check and summarise it'), quiet: toggle('Only warnings and errors', 'q') },
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
    summary: 'Print what costs more, or less, in a second profile',
    usage: 'kprof diff EARLIER LATER [flags]',
    examples: ['kprof diff before.pb.gz after.pb.gz'],
    flags: lines,
  },
];
