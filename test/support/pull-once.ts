/**
 * `node pull-once.ts PORT BYTES TO [interrupted]`: pulls the file of a rig (cut-rig.ts) through the real exec stream, prints its digest,
 * and has no more to do; or is interrupted three times in the middle of it.
 */
import { interrupts } from '../../src/interrupts.ts';
import { pull } from '../../src/pull/pull.ts';
import { openAt } from './cut-rig.ts';

const [port, bytes, to = '', interrupted] = process.argv.slice(2);
const { stops } = interrupts({ note: () => {} } as never);
let presses = interrupted === undefined ? 0 : 3;
const press = (): void => {
  if (presses-- <= 0) return;
  process.emit('SIGINT');
  setImmediate(press);
};
const onProgress = (done: number): void => {
  if (presses === 3 && done > Number(bytes) / 2) {
    process.stdout.write('interrupted\n');
    press();
  }
};
const pulled = pull(openAt(Number(port)), { codec: 'zstd', name: 'x', to, maxBytes: Number(bytes), signal: stops.abort, onProgress });
if (interrupted === undefined) {
  process.stdout.write(`${(await pulled).sha256}\n`);
  process.removeAllListeners('SIGINT');
} else {
  // As when it cleans up, which takes long.
  await pulled.catch(() => new Promise((resolve) => setTimeout(resolve, 60_000)));
}
