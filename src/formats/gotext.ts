/** Profiles of Go as text, for people (`?debug=1`, and all stacks of goroutines with `?debug=2`). */
import { createInterface } from 'node:readline';
import { KprofError } from '../errors.ts';
import { bytes as inBytes, plural } from '../report.ts';
import { type Format, openFile } from './format.ts';

// https://github.com/golang/go/blob/master/src/runtime/pprof/pprof.go: writeGoroutineStacks, printCountProfile, writeHeapInternal, writeProfileInternal.
const beginnings = [/^goroutine \d+ .*\[.+\]:\n/, /^[\w./:@-]+ profile: (?:total )?\d+/, /^--- [\w./:@-]+:\ncycles\/second=\d+/];

/** Texts; the check wants a known beginning and a line's end behind the last one. */
export const gotext: Format = {
  name: 'gotext',
  extension: 'txt',
  viewers: [],
  matches: (head) => beginnings.some((beginning) => beginning.test(head.toString('latin1'))),
  async check(path) {
    await using file = await openFile(path);
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(Math.min(size, 4096)), 0, Math.min(size, 4096), 0);
    if (!gotext.matches(buffer)) throw new KprofError('incomplete', `${path} is no text of a Go profile`);
    const { buffer: last } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    if (last[0] !== 0x0a) throw new KprofError('incomplete', `${path} ends in the middle of a line`);
    let [lines, goroutines] = [0, 0];
    for await (const line of createInterface({ input: file.createReadStream({ autoClose: false, start: 0 }) })) {
      lines += 1;
      if (/^goroutine \d+ .*\[.+\]:$/.test(line)) goroutines += 1;
    }
    const stacks = goroutines === 0 ? '' : `, ${plural(goroutines, 'goroutine')}`;
    return {
      text: `${plural(lines, 'line')} of text, ${inBytes(size)}${stacks}`,
      facts: { lines, bytes: size, ...(goroutines === 0 ? {} : { goroutines }) },
    };
  },
};
