/** Frames that a profile itself declares uninteresting, left out as pprof does (profile/prune.go there). */
import { runInNewContext } from 'node:vm';
import type { Fn, Location, Profile, Sample } from './profile.ts';

// The pattern is the file's to choose, and one that never ends must not hold us.
const limit = 2000;

const plain = (name: string): string => {
  const from = name.replace(/^\./, '');
  for (const { 0: found, index } of from.matchAll(/\(anonymous namespace\)|operator\(\)|\(/g))
    if (found === '(') return from.slice(0, index);
  return from;
};

/** The names that match, or none where the patterns are none, or take too long. */
function matching(names: readonly string[], drop: string, keep: string): ReadonlySet<string> {
  const code =
    'const d = new RegExp(`^(${drop})$`), k = keep === "" ? undefined : new RegExp(`^(${keep})$`);' +
    'names.map((name) => d.test(name) && !(k !== undefined && k.test(name)))';
  try {
    const plains = names.map(plain);
    const verdicts = runInNewContext(code, { names: plains, drop, keep }, { timeout: limit }) as readonly boolean[];
    return new Set(names.filter((_, at) => verdicts[at] === true));
  } catch {
    return new Set(); // as pprof itself does with a pattern that it can't read
  }
}

interface Cut {
  readonly location: Location;
  /** All of its functions go, and not only the inner ones. */
  readonly whole: boolean;
}

function cutOf(location: Location, uninteresting: ReadonlySet<string>): Cut | undefined {
  const at = location.lines.findLastIndex(({ name }: Fn) => name !== '' && uninteresting.has(name));
  if (at < 0) return undefined;
  const whole = at === location.lines.length - 1;
  return { location: whole ? location : { ...location, lines: location.lines.slice(at + 1) }, whole };
}

/** The samples without the inner frames from an uninteresting one on; what lies outside of all others stays. */
export function prune({ samples, dropFrames, keepFrames }: Profile): readonly Sample[] {
  if (dropFrames === '') return samples;
  const locations = new Set(samples.flatMap(({ stack }) => stack));
  const names = new Set([...locations].flatMap(({ lines }) => lines.map(({ name }) => name)));
  const uninteresting = matching([...names], dropFrames, keepFrames);
  const cuts = new Map([...locations].map((location) => [location, cutOf(location, uninteresting)] as const));
  return samples.map((sample) => pruneSample(sample, cuts));
}

function pruneSample(sample: Sample, cuts: ReadonlyMap<Location, Cut | undefined>): Sample {
  const shortened = sample.stack.map((location) => cuts.get(location)?.location ?? location);
  const flags = sample.stack.map((location) => cuts.get(location));
  const outermost = flags.lastIndexOf(undefined);
  const at = outermost < 0 ? -1 : flags.findLastIndex((cut, index) => index < outermost && cut !== undefined);
  return { values: sample.values, stack: at < 0 ? shortened : shortened.slice(flags[at]?.whole === true ? at + 1 : at) };
}
