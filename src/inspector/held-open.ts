/** An inspector that was opened for us closes by itself when we are gone: a timer in the process counts down unless it is told to go on. */
import { KprofError } from '../errors.ts';
import type { Inspector, Limits } from './inspector.ts';

// It counts the turns of a timer and not the time: a process that was stopped for a snapshot has not waited for us.
const usual = 20;
const beat = 5000;

/**
 * What throws later than in the evaluation ends the app, so the timer can't throw; `require` is not there by then, `process._debugEnd` is.
 * https://github.com/nodejs/node/blob/main/lib/internal/process/per_thread.js
 */
const countDown = (turns: number): string => `(() => {
  const state = { left: ${turns}, end() { clearInterval(state.timer); try { process._debugEnd(); } catch {} } };
  state.timer = setInterval(() => { state.left -= 1; if (state.left <= 0) state.end(); }, 1000);
  state.timer.unref();
  return state;
})()`;
// The answer to this has to leave before the inspector does.
const endSoon = 'function () { setTimeout(this.end, 200); }';

/** Until it is let go. */
export interface HeldOpen {
  /** The inspector ends a moment later. */
  close(): Promise<void>;
  /** Says no more that we are there. */
  stop(): void;
}

/** Sets the timer, and keeps it from ending. */
export async function holdOpen(inspector: Inspector, limits: Limits, turns = usual): Promise<HeldOpen> {
  const { result } = await inspector.call('Runtime.evaluate', { expression: countDown(turns), silent: true }, limits);
  const objectId = (result as { readonly objectId?: unknown } | undefined)?.objectId;
  if (typeof objectId !== 'string') throw new KprofError('failed', 'The process does not keep its inspector open for a while only');
  const goOn = { objectId, functionDeclaration: `function () { this.left = ${turns}; }`, silent: true };
  const timer = setInterval(() => inspector.tell('Runtime.callFunctionOn', goOn), beat);
  return {
    async close() {
      await inspector.call('Runtime.callFunctionOn', { objectId, functionDeclaration: endSoon, silent: true }, limits);
    },
    stop: () => clearInterval(timer),
  };
}
