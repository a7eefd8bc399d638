/** Ctrl-C and its like, while a page is served. */

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Catches them until released: the first aborts the signal. */
export function catchSignals(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const stop = () => controller.abort();
  for (const name of names) process.on(name, stop);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of names) process.off(name, stop);
    },
  };
}
