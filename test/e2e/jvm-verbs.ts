/** The verbs for JVMs, and what each has to give or to refuse of each target: rows and columns of one table. */
import { heapDumpOf } from '../../src/formats/hprof.ts';
import { parseHistogram } from '../../src/runtimes/histogram.ts';
import { type Ended, jfr } from './support.ts';
import type { JvmTarget } from './targets.ts';

/** What is to come of it: an artifact, or a refusal with this exit code that says this. */
export type Verdict = 'artifact' | { readonly code: number; readonly says: RegExp };

/** One verb. */
export interface Verb {
  readonly name: string;
  readonly argv: (pod: string) => readonly string[];
  /** Of a target that can be attached to. */
  readonly verdict: (target: JvmTarget) => Verdict;
  /** Of one that can't: most are refused. */
  readonly deaf?: 'artifact';
  /** Throws, or gives false, where the artifact is not what it is called. */
  readonly holds: (ended: Ended) => boolean | Promise<boolean>;
}

const artifact = (): Verdict => 'artifact';
const path = ({ stdout }: Ended): string => stdout.trim();
// Nothing of the environment in a recording can be left out before.
const recordable = ({ jdk }: JvmTarget): Verdict => (jdk < 17 ? { code: 7, says: /--with-environment/ } : 'artifact');

/** All of them. */
export const verbs: readonly Verb[] = [
  {
    name: 'jfr',
    argv: (pod) => ['jfr', pod, '--duration', '1s'],
    verdict: recordable,
    holds: (ended) => jfr('summary', path(ended)).includes('jdk.ActiveRecording'),
  },
  {
    name: 'asprof',
    argv: (pod) => ['asprof', pod, '--duration', '1s'],
    verdict: artifact,
    holds: (ended) => jfr('summary', path(ended)).includes('jdk.ExecutionSample'),
  },
  {
    name: 'threads',
    argv: (pod) => ['threads', pod],
    verdict: artifact,
    deaf: 'artifact',
    holds: ({ stdout }) => stdout.includes('"kprof-worker-1"'),
  },
  {
    name: 'heapdump',
    argv: (pod) => ['heapdump', pod],
    verdict: artifact,
    holds: async (ended) => {
      const { classes } = await heapDumpOf(path(ended));
      return (classes.find(({ name }) => name === 'java.lang.Thread')?.instances ?? 0) >= 3;
    },
  },
  {
    name: 'histogram',
    argv: (pod) => ['histogram', pod],
    verdict: artifact,
    holds: ({ stdout }) => parseHistogram(stdout)?.entries.some(({ name }) => name.startsWith('java.lang.Thread')) === true,
  },
  {
    name: 'jvm',
    argv: (pod) => ['jvm', pod],
    verdict: artifact,
    holds: ({ stdout }) => /^Version {2,}OpenJDK .* VM .*\n[\s\S]*^Heap {2,}\d[\s\S]*^Collector {2,}Serial/m.test(stdout),
  },
  {
    name: 'jcmd',
    argv: (pod) => ['jcmd', pod, '--', 'VM.flags'],
    verdict: artifact,
    holds: ({ stdout }) => stdout.includes('-XX:+UseSerialGC'),
  },
];

/** What has to come of a verb on a target, without a flag. */
export function expected(verb: Verb, target: JvmTarget): Verdict {
  if (target.asks !== undefined) return { code: 7, says: new RegExp(target.asks) };
  if (target.jvms !== undefined) return { code: 2, says: /--pid/ };
  if (target.deaf !== undefined && verb.deaf === undefined) return { code: 7, says: /does not take attach|has no \/tmp/ };
  return verb.verdict(target);
}

/** How it is shown in the table; a cross where it is wrong. */
export async function judged(verb: Verb, ended: Ended, verdict: Verdict): Promise<string> {
  const took = `${(ended.took / 1000).toFixed(1)}s`;
  if (verdict === 'artifact') {
    const right = ended.code === 0 && (await Promise.resolve(verb.holds(ended)).catch(() => false));
    return right ? `whole ${took}` : `✗ exit ${ended.code}`;
  }
  const refused = ended.code === verdict.code && verdict.says.test(ended.stderr) && ended.stdout === '';
  return refused ? `refused (${verdict.code}) ${took}` : `✗ exit ${ended.code}`;
}

/** Lines of columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
