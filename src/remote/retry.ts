/** Trying again what may succeed in a moment. */
import { setTimeout as sleep } from 'node:timers/promises';

/** When to try again, and for how long. */
export interface Retrying {
  /** Milliseconds, from the first failure on. */
  readonly for: number;
  readonly signal: AbortSignal;
  readonly when: (error: unknown) => boolean;
}

const longestPause = 5000;

/** The first success, or the last failure. Pauses grow and are drawn by chance, so that many clients don't come back together. */
export async function retry<T>(attempt: () => Promise<T>, { for: limit, signal, when }: Retrying): Promise<T> {
  const end = performance.now() + limit;
  for (let pause = 200; ; pause = Math.min(pause * 2, longestPause)) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!when(error) || performance.now() + pause > end) throw error;
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
  }
}
