/** What kprof says of a JVM's recordings: a line each, `NAME STATE BY LIMITS`. */
import { readFile } from 'node:fs/promises';
import { plural } from '../report.ts';
import type { Format } from './format.ts';

/** A text of ours; there is nothing in it to be broken. */
export const recordings: Format = {
  name: 'recordings',
  extension: 'txt',
  viewers: [],
  matches: () => false,
  async check(path) {
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    const [begun] = lines;
    if (lines.length === 1 && begun?.startsWith('kprof-left-'))
      return { text: `${begun} goes on: kprof jfr NAME --dump fetches what it has, --stop ends it, too`, facts: { name: begun } };
    const count = lines.filter((line) => /^\S+ +(running|stopped|delayed|new|closed)\b/i.test(line)).length;
    return { text: plural(count, 'recording'), facts: { recordings: count } };
  },
};
