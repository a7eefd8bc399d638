/** How long each stage took. */

/** Called at the end of each stage with its name. */
export interface Stopwatch {
  (lap: string): void;
  timings(): Readonly<Record<string, number>>;
}

/** Milliseconds of each stage, and of all. */
export function stopwatch(): Stopwatch {
  const began = performance.now();
  const laps: Record<string, number> = {};
  let last = began;
  const lap = (name: string) => {
    laps[name] = Math.round(performance.now() - last);
    last = performance.now();
  };
  return Object.assign(lap, { timings: () => ({ ...laps, total: Math.round(performance.now() - began) }) });
}
