/** Profiles by their stacks of names, and what differs between two of them, stack by stack. */
import type { Profile, ValueType } from './profile.ts';
import { prune } from './prune.ts';
import { countedAlike, defaultIndex, namesOf } from './top.ts';

/** Names of functions, the outermost first, and what was counted there; less than nothing where a profile is a difference itself. */
export interface Stack {
  readonly names: readonly string[];
  readonly weight: number;
}

/** What became more and what became less; all weights are positive. */
export interface Halves {
  readonly grew: readonly Stack[];
  readonly shrank: readonly Stack[];
}

/** What `topOf` counts. */
export const countedOf = (profile: Profile): ValueType => profile.types[defaultIndex(profile)] as ValueType;

/** All stacks of a profile, each once, of what `topOf` counts and with its names. */
export const stacksOf = (profile: Profile): readonly Stack[] => add([[profile, 1]]);

/** What two profiles of a kind differ in: for each function, what grew less what shrank is what `differenceOf` has. */
export function difference(earlier: Profile, later: Profile): Halves {
  const [before, after] = countedAlike(earlier, later);
  return halve(
    add([
      [after, 1],
      [before, -1],
    ]),
  );
}

/** Stacks by the sign of their weight. */
export const halve = (stacks: readonly Stack[]): Halves => ({
  grew: stacks.filter(({ weight }) => weight > 0),
  shrank: stacks.filter(({ weight }) => weight < 0).map(({ names, weight }) => ({ names, weight: -weight })),
});

function add(profiles: readonly (readonly [Profile, 1 | -1])[]): readonly Stack[] {
  const sums = new Map<string, { readonly names: readonly string[]; weight: number }>();
  for (const [profile, sign] of profiles) {
    const index = defaultIndex(profile);
    for (const { stack, values } of prune(profile)) {
      const names = stack.flatMap(namesOf).toReversed();
      const key = names.join('\0');
      const sum = sums.get(key) ?? { names, weight: 0 };
      sums.set(key, sum);
      sum.weight += sign * (values[index] ?? 0);
    }
  }
  return [...sums.values()].filter(({ weight }) => weight !== 0);
}
