/** `kprof diff EARLIER LATER`: what stands out in the difference of two profiles on stdout, all of it in the browser. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import type { Format, Summary } from '../formats/format.ts';
import { recognise } from '../formats/index.ts';
import { compare } from '../formats/pprof.ts';
import { printResult } from '../print.ts';
import { shellWord } from '../safe.ts';
import { viewComparison } from '../view.ts';
import { checkComparing, type Pair } from '../viewers/compare.ts';
import { type ViewerWord, wishedViewer } from '../viewers/words.ts';
import type { Perform } from './around.ts';
import { print, type Shown } from './top.ts';

/** The two files. Throws when they are not two of one kind. */
export async function pairOf(words: readonly string[]): Promise<Pair> {
  const [earlier, later, ...more] = words;
  if (earlier === undefined || later === undefined || more.length > 0)
    throw new KprofError('usage', 'kprof diff takes two files', { hint: 'kprof diff before.pb.gz after.pb.gz' });
  const paths = [resolve(earlier), resolve(later)] as const;
  const [one, other] = [await recognise(paths[0]), await recognise(paths[1])];
  if (one.name !== other.name)
    throw new KprofError('usage', `${earlier} and ${later} are of different kinds: ${one.name} and ${other.name}`);
  return { earlier: paths[0], later: paths[1], format: one };
}

/** The text to print. Throws when the two can't be compared. */
export async function diff({ earlier, later, format }: Pair, shown: Shown): Promise<string> {
  return print(await differ(format, [earlier, later]), { earlier, later, format: format.name }, shown);
}

async function differ({ name, stacks, diff: own }: Format, paths: readonly [string, string]): Promise<Summary> {
  if (stacks !== undefined) return compare(await stacks(paths[0]), await stacks(paths[1]), paths);
  if (own !== undefined) return await own(...paths);
  throw new KprofError('unsupported', `kprof can't compare files of the kind ${name}`, {
    hint: `look at each: kprof top ${shellWord(paths[0])}`,
  });
}

export const run: Perform = async (words, options, { report, settle }) => {
  const pair = await pairOf(words);
  const shown = options as unknown as Shown;
  const viewer = wishedViewer(options['viewer'] as ViewerWord);
  const shows = pair.format.stacks !== undefined;
  const browser = options['no-browser'] !== true;
  if (shows) checkComparing(pair.format, viewer);
  else if (viewer !== undefined || !browser)
    throw new KprofError('usage', `No page shows how files of the kind ${pair.format.name} differ`, { hint: 'leave out the flag' });
  printResult(await diff(pair, shown));
  if (!shows || shown.output === 'json' || options['no-open'] === true || options['viewer'] === 'none') return;
  settle();
  await viewComparison(pair, report, { viewer, browser, port: (options['port'] as number | undefined) ?? 0 });
};
