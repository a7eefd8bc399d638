/** The script that runs in the debug container, and the argv that start it. */
import { readFileSync } from 'node:fs';
import type { Argv } from '../toolkit.ts';

/** Times of the supervisor, in seconds. */
export interface Lifetimes {
  /** It ends when idle for so long. */
  readonly ttl: number;
  /** It ends when no client came within so long of its start: an image may arrive hours after we gave up. */
  readonly first: number;
  /** It ends after so long whatever happens. */
  readonly cap: number;
}

const heading = `# What runs in kprof's debug container: the supervisor (the main process) and every command that the client sends.
# With its comments: src/remote/kprof.sh of https://github.com/kprof/kprof
`;

/**
 * The script as the pod's spec has it for good: without lines that are comments, and without indentation, a third of the bytes. Of what
 * spans lines nothing is indented in there. Without tabs, YAML shows it line by line to whoever reviews the spec.
 */
const script = (): string => {
  const whole = readFileSync(new URL('./kprof.sh', import.meta.url), 'utf8');
  return (
    heading +
    whole
      .replaceAll(/^\s*#.*\n/gm, '')
      .replaceAll(/^\s+/gm, '')
      .replaceAll('\t', '  ')
  );
};

const main =
  'umask 022; d=${KPROF_DIR:-/tmp/kprof}; mkdir -p "$d" && printf %s "$1" >"$d/run.new" && mv "$d/run.new" "$d/run" && shift && exec sh "$d/run" supervise "$@"';

// The container runs before its main process has written the script.
const verb =
  'd=${KPROF_DIR:-/tmp/kprof}; n=0; until [ -e "$d/ready" ]; do n=$((n+1)); [ $n -lt 100 ] || exit 69; sleep 0.1; done; exec sh "$d/run" "$@"';

/** The main process of a debug container. */
export const supervisor = ({ ttl, first, cap }: Lifetimes): Argv => [
  'sh',
  '-c',
  main,
  'kprof',
  script(),
  String(ttl),
  String(first),
  String(cap),
];

/** A command inside it; src/remote/kprof.sh lists the verbs. */
export const command = (...words: readonly string[]): Argv => ['sh', '-c', verb, 'kprof', ...words];
