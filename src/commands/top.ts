/** `kprof top FILE` and `kprof diff EARLIER LATER`: what stands out in a profile, and in two of them; on stdout. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import type { Summary } from '../formats/format.ts';
import { recognise } from '../formats/index.ts';
import { safe, safeJson, shellWord } from '../safe.ts';
import { columns } from '../terminal.ts';

interface Shown {
  readonly lines: number;
  readonly output: 'json' | 'text' | undefined;
}

/** The text to print. Throws when the file is of no kind that kprof knows, or is not whole. */
export async function top(words: readonly string[], shown: Shown): Promise<string> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0)
    throw new KprofError('usage', 'kprof top takes one file', { hint: 'kprof top cpu.pb.gz; two are compared by kprof diff' });
  const path = resolve(file);
  const format = await recognise(path);
  return print(await format.check(path), { path, format: format.name }, shown);
}

/** The text to print. Throws when the two can't be compared. */
export async function diff(words: readonly string[], shown: Shown): Promise<string> {
  const [earlier, later, ...more] = words;
  if (earlier === undefined || later === undefined || more.length > 0)
    throw new KprofError('usage', 'kprof diff takes two files', { hint: 'kprof diff before.pb.gz after.pb.gz' });
  const paths = [resolve(earlier), resolve(later)] as const;
  const [one, other] = [await recognise(paths[0]), await recognise(paths[1])];
  if (one.name !== other.name)
    throw new KprofError('usage', `${earlier} and ${later} are of different kinds: ${one.name} and ${other.name}`);
  if (one.diff === undefined)
    throw new KprofError('unsupported', `kprof can't compare files of the kind ${one.name}`, {
      hint: `look at each: kprof top ${shellWord(earlier)}`,
    });
  return print(await one.diff(...paths), { earlier: paths[0], later: paths[1], format: one.name }, shown);
}

function print({ text, details, facts }: Summary, of: Readonly<Record<string, string>>, { lines, output }: Shown): string {
  if (output === 'json') return `${safeJson({ apiVersion: 'kprof.dev/v1', kind: 'Summary', ...of, summary: facts })}\n`;
  return `${safe(text)}\n${details === undefined ? '' : `${details(columns(process.stdout), lines)}\n`}`;
}
