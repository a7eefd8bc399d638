/** Trying again what may succeed in a moment. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits so many milliseconds; rejects at once with the reason of `signal` when that aborts. */
export async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** How patient it is; all in milliseconds. */
export interface Patience {
  /** Before the second try; doubled with each that brings nothing, and each drawn by chance, so that many clients don't come back together. */
  readonly pause: number;
  readonly longestPause: number;
  /** Without anything new for so long, over all tries, it is enough. */
  readonly fruitless: number;
}

/** The tries of one thing. */
export interface Tries {
  /** Whether to try again after a failure, when it has got so far. */
  worth(far: number): boolean;
  /** Waits before the next; rejects at once when `signal` aborts. */
  pause(signal: AbortSignal): Promise<void>;
}

/** Counts the tries. */
export function createTries({ pause, longestPause, fruitless }: Patience): Tries {
  let furthest = 0;
  let stuckSince: number | undefined;
  let tries = 0;
  return {
    worth(far) {
      if (far > furthest || stuckSince === undefined) {
        furthest = Math.max(furthest, far);
        stuckSince = performance.now();
        tries = 0;
      }
      tries += 1;
      return performance.now() - stuckSince < fruitless;
    },
    async pause(signal) {
      const length = Math.min(pause * 2 ** (tries - 1), longestPause);
      await wait(length * (0.5 + Math.random()), signal);
    },
  };
}

/** When to try again, and for how long. */
export interface Retrying {
  /** Milliseconds, from the first failure on; they begin anew whenever `far` has grown. */
  readonly for: number;
  /** Counts what shows that trying is worth it; it never shrinks. */
  readonly far?: () => number;
  readonly signal: AbortSignal;
  readonly when: (error: unknown) => boolean;
}

/** The first success, or the last failure; rejects with the reason of `signal` when that aborts. */
export async function retry<T>(attempt: () => Promise<T>, { for: fruitless, far = () => 0, signal, when }: Retrying): Promise<T> {
  const tries = createTries({ pause: 200, longestPause: 5000, fruitless });
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!when(error) || !tries.worth(far())) throw error;
      await tries.pause(signal);
    }
  }
}
