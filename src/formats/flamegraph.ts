/** The page that async-profiler writes: https://github.com/async-profiler/async-profiler/blob/master/src/res/flame.html */
import { KprofError } from '../errors.ts';
import type { Format } from './format.ts';
import { linesOf } from './lines.ts';

/** `f(0x1a,0,0,4711)` adds a frame of so many samples below its parent, `u` and `n` are short for the one below and beside. */
const frame = /^[fun]\([\d,x a-f]*\)?/i;

/** A flame graph with its own script. No viewer: a script that an app had a hand in is not run unasked. */
export const flamegraph: Format = {
  name: 'flamegraph',
  extension: 'html',
  viewers: [],
  matches: (head) => /^<!DOCTYPE html>[\s\S]*<canvas/i.test(head.toString('latin1')),
  async check(path) {
    let [frames, ended] = [0, false];
    for await (const { line, whole } of linesOf(path)) {
      if (frame.test(line)) frames += 1;
      if (line !== '') ended = whole ? line.endsWith('</html>') : line === '</html>';
    }
    if (!ended) throw new KprofError('incomplete', `${path} is not a whole flame graph: its page does not end`);
    return { text: `a flame graph of ${frames} frames`, facts: { frames } };
  },
};
