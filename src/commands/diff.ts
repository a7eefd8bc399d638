/** `kprof diff EARLIER LATER`: what stands out in the difference of two profiles, on stdout. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import { recognise } from '../formats/index.ts';
import { printResult } from '../print.ts';
import { shellWord } from '../safe.ts';
import type { Perform } from './around.ts';
import { print, type Shown } from './top.ts';

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

export const run: Perform = async (words, options) => printResult(await diff(words, options as unknown as Shown));
