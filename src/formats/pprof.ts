/** Profiles of pprof, as Go programs give them: https://github.com/google/pprof/blob/main/proto/profile.proto */
import { readFile } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import { largest, type Profile, parseProfile } from '../profile/profile.ts';
import { table } from '../profile/table.ts';
import { countedAlike, differenceOf, type Top, topOf } from '../profile/top.ts';
import { inUnit } from '../profile/units.ts';
import { Malformed } from '../profile/wire.ts';
import { duration as inWords, plural } from '../report.ts';
import { type Format, openFile, type Summary } from './format.ts';

/** Reads a whole file into memory. Throws a KprofError: `usage` when it can't be read, `incomplete` when it is too large. */
export async function contentOf(path: string): Promise<Buffer> {
  await using file = await openFile(path);
  const { size } = await file.stat();
  if (size > largest.file)
    throw new KprofError('incomplete', `${path} is larger than the ${largest.file / 2 ** 20} MiB that are read here`);
  return await readFile(file);
}

/** Reads a profile. Throws a KprofError `incomplete` that names the file. */
export async function readProfile(path: string): Promise<Profile> {
  return profileIn(await contentOf(path), path);
}

/** The profile in these bytes; `name` is what an error calls them. */
export function profileIn(content: Buffer, name: string): Profile {
  try {
    if (content.length === 0) throw new Malformed('it is empty');
    return parseProfile(content);
  } catch (error) {
    if (error instanceof Malformed) throw new KprofError('incomplete', `${name} is not a whole profile: ${error.message}`);
    throw error;
  }
}

const counted: Readonly<Record<string, string>> = {
  cpu: 'CPU time',
  inuse_space: 'in use',
  inuse_objects: 'objects in use',
  alloc_space: 'allocated',
  alloc_objects: 'objects allocated',
  delay: 'waited',
  'java samples': 'samples of Java methods',
  'wall-clock samples': 'wall-clock samples of Java methods',
};

/** «2.01s of CPU time in 10s, 187 stacks», of what is counted where nothing else is said. */
export function headline({ samples, duration }: Profile, { total, type, unit }: Top): string {
  const value = inUnit(total, type.unit, total === 0 ? unit : 'minimum');
  const what = counted[type.type] ?? type.type;
  const over = duration > 0 ? ` in ${inWords(duration)}` : '';
  return `${value}${/ use|ed$/.test(what) ? ' ' : ' of '}${what}${over}, ${plural(samples.length, 'stack')}`;
}

/** What two profiles of a kind differ in, function by function. Throws a KprofError `usage` for two of different kinds. */
export function compare(before: Profile, after: Profile, paths: readonly [string, string]): Summary {
  const kinds = [before, after].map(({ types }) => types.map(({ type, unit }) => `${type}/${unit}`).join(', '));
  if (kinds[0] !== kinds[1])
    throw new KprofError('usage', `${paths[0]} and ${paths[1]} are profiles of different kinds`, {
      cause: `the first counts ${kinds[0]}, the second ${kinds[1]}`,
    });
  const top = differenceOf(after, before);
  const [was, is] = countedAlike(before, after).map((profile) => topOf(profile).total) as [number, number];
  const [wasInWords, isInWords] = [was, is].map((total) => inUnit(total, top.type.unit, 'minimum'));
  const what = counted[top.type.type] ?? top.type.type;
  const same = top.rows.length === 0 && top.dropped === 0;
  const rest = same ? 'No function differs.' : 'Shares are of what was before.';
  return {
    text: `${what}: ${wasInWords} before, ${isInWords} after. ${rest}`,
    ...(same ? {} : { details: (columns: number, count?: number) => table(top, columns, count) }),
    facts: { ...factsOf(top), before: was, after: is },
  };
}

const factsOf = ({ type, total, rows }: Top) => ({
  type: type.type,
  unit: type.unit,
  total,
  flat: Object.fromEntries(rows.slice(0, 10).map(({ name, flat }) => [name, flat])),
  cum: Object.fromEntries(rows.slice(0, 10).map(({ name, cum }) => [name, cum])),
});

/** What a profile holds, for people and for the record. */
export function summarise(profile: Profile): Summary {
  const top = topOf(profile);
  return {
    text: headline(profile, top),
    ...(top.rows.length === 0 ? {} : { details: (columns: number, count?: number) => table(top, columns, count) }),
    facts: {
      ...factsOf(top),
      samples: profile.samples.length,
      durationMs: Math.round(profile.duration),
      ...(profile.time === 0 ? {} : { time: timeOf(profile.time) }),
    },
  };
}

// Dates end at 8.64e15 ms; the number is the file's to choose.
const timeOf = (ms: number): string => new Date(Math.max(-8.64e15, Math.min(8.64e15, ms))).toISOString();

/** Whether it begins as a profile does that is not compressed: with the type of a value, which is a short message of two numbers. */
const isPlain = (head: Buffer): boolean => head[0] === 0x0a && head[1] !== undefined && head[1] >= 2 && head[1] <= 12 && head[2] === 0x08;

/** Profiles; the check reads all of it. */
export const pprof: Format = {
  name: 'pprof',
  extension: 'pb.gz',
  viewers: ['page', 'pprof'],
  matches: (head) => (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) || isPlain(head),
  check: async (path) => summarise(await readProfile(path)),
  stacks: readProfile,
};
