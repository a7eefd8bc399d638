/** Why a connection broke. */
import type { Target } from '../cluster.ts';

/** A connection that breaks tells nothing; the cluster may tell in a moment that the container is gone. Gives that, or the error. */
export async function goneOr(target: Pick<Target, 'gone'>, error: unknown, patience = 5000): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patience);
  target.gone.addEventListener('abort', () => resolve(), { once: true });
  if (!target.gone.aborted) await promise;
  clearTimeout(timer);
  return target.gone.aborted ? target.gone.reason : error;
}
