/** Worker threads have an inspector of their own, behind that of the process: https://github.com/nodejs/node/blob/main/src/inspector/node_protocol.pdl */
import { KprofError } from '../errors.ts';
import { plural } from '../report.ts';
import type { Inspector, Limits } from './inspector.ts';

const attached = 'NodeWorker.attachedToWorker';

/** How many worker threads the process has now; 0 where it can't tell. They are let go at once, as they are when the session ends. */
export async function workersOf(inspector: Inspector, limits: Limits): Promise<number> {
  const before = inspector.count(attached);
  try {
    // It tells all that there are before it answers, and none waits for us.
    await inspector.call('NodeWorker.enable', { waitForDebuggerOnStart: false }, limits);
    const found = inspector.count(attached) - before;
    await inspector.call('NodeWorker.disable', {}, limits);
    return found;
  } catch (error) {
    if (inspector.over.aborted || limits.signal.aborted || !(error instanceof KprofError) || error.failure !== 'failed') throw error;
    return 0; // a Node without worker threads refuses
  }
}

/** What to say of them. */
export const withoutWorkers = (count: number, pid: number): string =>
  `${plural(count, 'worker thread')} of process ${pid} ${count === 1 ? 'is' : 'are'} not in this capture, which is of its main thread alone; ` +
  'node --cpu-prof, or --heap-prof, writes a profile of every thread when that ends';
