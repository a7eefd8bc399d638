/** The functions that cost most, by the rules of `go tool pprof -top`: same functions, same order, same values. */
import type { Location, Profile, Sample, ValueType } from './profile.ts';
import { prune } from './prune.ts';
import { unitFor } from './units.ts';

/** One function: what it cost itself, and with all that it called. */
export interface Row {
  readonly name: string;
  readonly flat: number;
  readonly cum: number;
}

/** A ranking of functions. */
export interface Top {
  readonly type: ValueType;
  readonly total: number;
  /** All but those that hardly count, the costliest first. */
  readonly rows: readonly Row[];
  /** How many hardly count: below a 200th of all. */
  readonly dropped: number;
  /** In which the values are best shown. */
  readonly unit: string;
}

const fraction = 0.005;

/** What counts where nothing is said: the default of the profile, else the last; of a heap that is the bytes in use. */
export function defaultIndex({ types, defaultType }: Profile): number {
  const named = types.findIndex(({ type }) => type === defaultType);
  return defaultType !== '' && named >= 0 ? named : types.length - 1;
}

/**
 * The two with what is counted in both: the default of the later one, else that of the earlier one, else of neither.
 * So go's pprof merges them: https://github.com/google/pprof/blob/main/profile/merge.go, combineHeaders, where the base comes last.
 */
export function countedAlike(before: Profile, after: Profile): readonly [before: Profile, after: Profile] {
  const defaultType = after.defaultType || before.defaultType;
  return [
    { ...before, defaultType },
    { ...after, defaultType },
  ];
}

/** Ranks the functions of a profile. */
export function topOf(profile: Profile): Top {
  const index = defaultIndex(profile);
  const samples = prune(profile).map((sample) => weigh(sample, index, 1));
  const total = samples.reduce((sum, { weight }) => sum + Math.abs(weight), 0);
  return rank(samples, total, profile.types[index] as ValueType);
}

/** Ranks by how much `later` differs from `earlier`; shares are of the earlier one's total. */
export function differenceOf(later: Profile, earlier: Profile): Top {
  const [base, profile] = countedAlike(earlier, later);
  const index = defaultIndex(profile);
  const before = prune(base).map((sample) => weigh(sample, index, -1));
  const after = prune(profile).map((sample) => weigh(sample, index, 1));
  const sum = (some: readonly Weighed[]) => some.reduce((all, { weight }) => all + Math.abs(weight), 0);
  return rank([...after, ...before], sum(before) || sum(after), profile.types[index] as ValueType);
}

interface Weighed {
  readonly stack: readonly Location[];
  readonly weight: number;
}

const weigh = ({ stack, values }: Sample, index: number, sign: 1 | -1): Weighed => ({ stack, weight: sign * (values[index] ?? 0) });

function rank(samples: readonly Weighed[], total: number, type: ValueType): Top {
  const all = count(samples);
  const cutoff = Math.abs(Math.trunc(all.reduce((sum, { flat }) => sum + flat, 0) * fraction));
  const rows = all.filter(({ cum }) => Math.abs(cum) >= cutoff).sort(compare);
  const sizes = rows.map(({ flat, cum }) => Math.abs(flat) || Math.abs(cum)).filter((size) => size > 0);
  const smallest = sizes.reduce((least, size) => Math.min(least, size), sizes[0] ?? 0);
  return {
    type,
    total,
    rows,
    dropped: all.length - rows.length,
    unit: rows.length === 0 ? type.unit : unitFor(smallest, total, type.unit),
  };
}

function count(samples: readonly Weighed[]): readonly Row[] {
  const rows = new Map<string, { name: string; flat: number; cum: number }>();
  const keys = new Map<Location, readonly { readonly key: string; readonly name: string }[]>();
  for (const { stack, weight } of samples) {
    if (weight === 0) continue;
    const seen = new Set<string>();
    const frames = stack.flatMap((location) => {
      const known = keys.get(location) ?? framesOf(location);
      keys.set(location, known);
      return known;
    });
    for (const [depth, { key, name }] of frames.entries()) {
      const row = rows.get(key) ?? { name, flat: 0, cum: 0 };
      rows.set(key, row);
      if (depth === 0) row.flat += weight;
      if (!seen.has(key)) row.cum += weight;
      seen.add(key);
    }
  }
  return [...rows.values()].filter(({ flat, cum }) => flat !== 0 || cum !== 0);
}

/** What tells functions apart is their name; where there is none, the program or library that they are of. */
function framesOf({ object, lines }: Location): readonly { readonly key: string; readonly name: string }[] {
  const nameless = object === '' ? '<unknown>' : `[${object.slice(object.lastIndexOf('/') + 1)}]`;
  if (lines.length === 0) return [{ key: `\0${object}`, name: nameless }];
  return lines.map(({ name, system, startLine }) => {
    const shown = name !== '' && name !== system ? name : simplify(system);
    return shown === '' ? { key: `\0${object}\0${startLine}`, name: nameless } : { key: shown, name: shown };
  });
}

/** The names of the functions at a place as they are shown, the innermost first. */
export const namesOf = (location: Location): readonly string[] => framesOf(location).map(({ name }) => name);

/** Names of C++ without their arguments; mangled ones stay as they are. */
function simplify(name: string): string {
  if (name.includes('.<') || name.includes(']).') || !/[<>[\]]|::/.test(name)) return name;
  return without(without(name, '(', ')'), '<', '>');
}

function without(name: string, open: string, close: string): string {
  let depth = 0;
  let kept = '';
  for (const character of name) {
    if (character === open) depth += 1;
    if (depth === 0) kept += character;
    if (character === close && --depth < 0) return name;
  }
  return depth === 0 ? kept : name;
}

const compare = (one: Row, other: Row): number =>
  Math.abs(other.flat) - Math.abs(one.flat) ||
  (one.name < other.name ? -1 : one.name > other.name ? 1 : 0) ||
  Math.abs(other.cum) - Math.abs(one.cum);
