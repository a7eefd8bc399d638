/** A page for what two profiles differ in: speedscope has no view of that, so it gets each side as a profile of its own. */
import { KprofError } from '../../errors.ts';
import type { Format } from '../../formats/format.ts';
import { countedOf, difference, type Stack, stacksOf } from '../../profile/difference.ts';
import { countedAlike } from '../../profile/top.ts';
import type { Pair } from '../compare.ts';
import type { Site } from './site.ts';
import { fits, speedscopeOf } from './speedscope.ts';
import { speedscopeFile, viewOf } from './speedscope-file.ts';

/** speedscope with what grew, what shrank, and the two profiles. Throws a KprofError when one is too large, not whole, or both are empty. */
export async function comparison({ earlier, later, format }: Pair, from?: URL): Promise<Site> {
  const read = async (path: string) => {
    await fits(path, format);
    return (format.stacks as NonNullable<Format['stacks']>)(path);
  };
  const [before, after] = countedAlike(await read(earlier), await read(later));
  const { grew, shrank } = difference(before, after);
  const type = countedOf(after);
  // What a difference itself has less of is no flame.
  const positive = (stacks: readonly Stack[]) => stacks.filter(({ weight }) => weight > 0);
  const views = [
    viewOf('Grew by', grew, type),
    viewOf('Shrank by', shrank, type),
    viewOf('Before:', positive(stacksOf(before)), type),
    viewOf('After:', positive(stacksOf(after)), type),
  ];
  if (views.every(({ stacks }) => stacks.length === 0))
    throw new KprofError('unsupported', `${earlier} and ${later} are both empty: there is nothing to show`);
  return speedscopeOf({ name: 'difference.speedscope.json', bytes: Buffer.from(speedscopeFile('difference', type, views)) }, from);
}
