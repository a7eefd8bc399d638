/** When to try again, and when it is enough. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Again } from './fault.ts';

/** How patient a pull is; all in milliseconds. */
export interface Patience {
  /** Before the first try; doubled with each that brings nothing, and each varied by a half. */
  readonly pause: number;
  readonly longestPause: number;
  /** Without a new byte for so long, over all tries, it is enough. */
  readonly fruitless: number;
}

export const usual: Patience = { pause: 500, longestPause: 10_000, fruitless: 60_000 };

/** The tries of one pull. */
export interface Tries {
  /** Whether to try again after such a fault, with so many bytes here. */
  worth(again: Again, bytes: number): boolean;
  /** Waits before the next; rejects at once when `signal` aborts. */
  pause(signal: AbortSignal): Promise<void>;
}

/** Counts the tries. */
export function createTries({ pause, longestPause, fruitless }: Patience): Tries {
  const left = { rest: 1, anew: 1 };
  let furthest = 0;
  let stuckSince: number | undefined;
  let tries = 0;
  return {
    worth(again, bytes) {
      if (bytes > furthest || stuckSince === undefined) {
        furthest = Math.max(furthest, bytes);
        stuckSince = performance.now();
        tries = 0;
      }
      tries += 1;
      if (again === 'line') return performance.now() - stuckSince < fruitless;
      left[again] -= 1;
      return left[again] >= 0;
    },
    async pause(signal) {
      const length = Math.min(pause * 2 ** (tries - 1), longestPause);
      await sleep(length * (0.5 + Math.random()), undefined, { signal });
    },
  };
}
