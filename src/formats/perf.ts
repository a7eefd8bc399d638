/** What `perf script` prints: https://man7.org/linux/man-pages/man1/perf-script.1.html */
import { KprofError } from '../errors.ts';
import { plural } from '../report.ts';
import type { Format } from './format.ts';
import { linesOf, longest } from './lines.ts';

// «java 4711/4712 [001] 12345.678901:     250000 cycles:u:»
const event = /^\S.*?\s+\d+(\/\d+)?\s+(\[\d+\]\s+)?\d+\.\d+:\s+.*:\s*$/;
// «            7f3c9a1b2c3d work+0x1d (/usr/bin/app)»
const frame = /^\s+[0-9a-f]+ .*\(.*\)$/;

/** The samples of `perf`, as text; the check wants events with stacks, and the end of the last one. */
export const perf: Format = {
  name: 'perf',
  extension: 'perf.txt',
  viewers: ['page'],
  matches(head) {
    const lines = head
      .toString('latin1')
      .split(/\r?\n/)
      .filter((line) => line !== '' && !line.startsWith('#'));
    return event.test(lines[0] ?? '') && frame.test(lines[1] ?? '');
  },
  async check(path) {
    let [samples, frames, ended] = [0, 0, true];
    for await (const { line, whole } of linesOf(path)) {
      if (event.test(line)) samples += 1;
      else if (frame.test(line)) frames += 1;
      ended = whole && line === '';
      if (!whole && line.length === longest) break;
    }
    if (!ended) throw new KprofError('incomplete', `${path} is not the whole output of perf script: it ends in a stack`);
    if (frames === 0) throw new KprofError('incomplete', `${path} has no stacks`, { hint: 'perf record -g' });
    return { text: `${plural(samples, 'sample')} with ${plural(frames, 'frame')}`, facts: { samples, frames } };
  },
};
