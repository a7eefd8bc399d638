/** Collapsed stacks, `main;work;hot 42` a line: https://github.com/brendangregg/FlameGraph#2-fold-stacks */
import { KprofError } from '../errors.ts';
import type { Format } from './format.ts';
import { linesOf } from './lines.ts';

const stack = /^(.*\S) (\d+)$/;

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
    let [number, stacks, samples] = [0, 0, 0];
    for await (const { line } of linesOf(path)) {
      number += 1;
      if (line === '') continue;
      const [, , count] = stack.exec(line) ?? [];
      if (count === undefined)
        throw new KprofError('incomplete', `${path} is not a whole file of collapsed stacks: line ${number} is none`);
      stacks += 1;
      samples += Number(count);
    }
    return { text: `${samples} samples in ${stacks} lines`, facts: { samples, stacks } };
  },
};
