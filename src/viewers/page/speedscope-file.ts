/** Writes speedscope's own format, which holds several profiles: https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources */
import type { Stack } from '../../profile/difference.ts';
import type { ValueType } from '../../profile/profile.ts';
import { inUnit } from '../../profile/units.ts';

/** One of the profiles; those without a stack are left out. */
export interface View {
  readonly name: string;
  /** Weights are positive. */
  readonly stacks: readonly Stack[];
}

/** «Grew by 1.20s»: a view with its sum in its name. */
export const viewOf = (word: string, stacks: readonly Stack[], { unit }: ValueType): View => {
  const sum = stacks.reduce((all, { weight }) => all + weight, 0);
  return { name: `${word} ${inUnit(sum, unit, 'minimum')}`, stacks };
};

const known = /^(nanoseconds|microseconds|milliseconds|seconds|bytes)$/;

/** The file's content; the first view is the one that is shown. */
export function speedscopeFile(title: string, { unit }: ValueType, views: readonly View[]): string {
  const frames = new Map<string, number>();
  const frame = (name: string): number => {
    const known = frames.get(name) ?? frames.size;
    frames.set(name, known);
    return known;
  };
  const profiles = views
    .filter(({ stacks }) => stacks.length > 0)
    .map(({ name, stacks }) => ({
      type: 'sampled',
      name,
      unit: known.test(unit) ? unit : 'none',
      startValue: 0,
      endValue: stacks.reduce((sum, { weight }) => sum + weight, 0),
      samples: stacks.map(({ names }) => names.map(frame)),
      weights: stacks.map(({ weight }) => weight),
    }));
  return JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    name: title,
    activeProfileIndex: 0,
    profiles,
    shared: { frames: [...frames.keys()].map((name) => ({ name })) },
  });
}
