/** Collapsed stacks, `main;work;hot 42` a line: https://github.com/brendangregg/FlameGraph#2-fold-stacks */
import { KprofError } from '../errors.ts';
import type { Location, Profile, Sample } from '../profile/profile.ts';
import { table } from '../profile/table.ts';
import { topOf } from '../profile/top.ts';
import { plural } from '../report.ts';
import { shellWord } from '../safe.ts';
import type { Format } from './format.ts';
import { linesOf } from './lines.ts';

const stack = /^(.*\S) (\d+)$/;
/** Of lines: more are not kept in memory, and have no table. */
const most = 1_000_000;

/** Reads all of it; `each` gets every line that is a stack. Throws a KprofError `incomplete` at one that is none. */
async function read(path: string, each: (names: string, count: number) => void): Promise<void> {
  let number = 0;
  for await (const { line } of linesOf(path)) {
    number += 1;
    if (line === '') continue;
    const [, names, count] = stack.exec(line) ?? [];
    if (names === undefined || count === undefined)
      throw new KprofError('incomplete', `${path} is not a whole file of collapsed stacks: line ${number} is none`);
    each(names, Number(count));
  }
}

/** Keeps stacks as a profile, whose places are functions. */
function keeper(): { add(names: string, count: number): void; profile(): Profile | undefined } {
  const locations = new Map<string, Location>();
  const samples: Sample[] = [];
  const locate = (name: string): Location => {
    const location = locations.get(name) ?? { object: '', lines: [{ name, system: '', startLine: 0 }] };
    locations.set(name, location);
    return location;
  };
  let lines = 0;
  return {
    add(names, count) {
      lines += 1;
      if (lines <= most) samples.push({ stack: names.split(';').toReversed().map(locate), values: [count] });
    },
    profile: () =>
      lines > most
        ? undefined
        : { types: [{ type: 'samples', unit: 'count' }], samples, dropFrames: '', keepFrames: '', defaultType: '', time: 0, duration: 0 },
  };
}

/** Stacks with how often each was seen; the check wants every line to be one. */
export const collapsed: Format = {
  name: 'collapsed',
  extension: 'collapsed',
  viewers: ['page'],
  matches(head) {
    const lines = head.toString('utf8').split(/\r?\n/);
    // The last one may be cut by the end of the head.
    const seen = (lines.length > 1 ? lines.slice(0, -1) : lines).filter((line) => line !== '');
    return seen.length > 0 && seen.every((line) => stack.test(line)) && seen.some((line) => line.includes(';'));
  },
  async check(path) {
    let [stacks, samples] = [0, 0];
    const kept = keeper();
    await read(path, (names, count) => {
      stacks += 1;
      samples += count;
      kept.add(names, count);
    });
    const profile = kept.profile();
    const top = profile === undefined ? undefined : topOf(profile);
    const details = (columns: number, count?: number) => (top === undefined ? '' : table(top, columns, count));
    return {
      text: `${plural(samples, 'sample')} in ${plural(stacks, 'line')}`,
      ...(details(80) === '' ? {} : { details }),
      facts: { samples, stacks },
    };
  },
  async stacks(path) {
    const kept = keeper();
    await read(path, kept.add);
    const profile = kept.profile();
    if (profile === undefined)
      throw new KprofError('unsupported', `${path} has more than ${most} lines, which are not compared`, {
        hint: `look at each: kprof open ${shellWord(path)}`,
      });
    return profile;
  },
};
