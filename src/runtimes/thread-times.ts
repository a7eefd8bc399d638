/** The processor time of threads as the kernel tells it, for JVMs whose dumps have none: up to JDK 10. */
import type { Argv, Process } from '../toolkit.ts';

/** What stands behind a dump: as later JDKs write it, by the number that the dump has of each thread. */
export const threadTime = /^nid=(0x[0-9a-f]+) cpu=(\d+)ms elapsed=([\d.]+)s$/;

/** Prints the time since boot, and what the kernel tells of each thread. */
export const threadTimes = ({ pid }: Process): Argv => ['ticks', String(pid)];

// Fields 1, 14, 15 and 22 (man 5 proc); the name, which may hold any, ends at the last parenthesis.
const stat = /^(\d+) \(.*\) \S (?:-?\d+ ){10}(\d+) (\d+) (?:-?\d+ ){6}(\d+) /gm;
/** Ticks of the clock are hundredths of a second for all that the kernel tells. */
const tick = 10;

/** The lines behind a dump; empty where there are none. */
export function timesOfThreads(stdout: string): string {
  const uptime = Number(/^(\d+\.\d\d) \d/.exec(stdout)?.[1]) * 1000;
  if (Number.isNaN(uptime)) return '';
  const lines = [...stdout.matchAll(stat)].map(([, nid, user, system, began]) => {
    const elapsed = Math.max(0, uptime - Number(began) * tick) / 1000;
    return `nid=0x${Number(nid).toString(16)} cpu=${(Number(user) + Number(system)) * tick}ms elapsed=${elapsed.toFixed(2)}s`;
  });
  return lines.length === 0 ? '' : `Processor time of its threads, as the kernel tells it:\n\n${lines.join('\n')}\n`;
}
