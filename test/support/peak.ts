/** How much memory something takes at its peak. */
import { readFileSync, writeFileSync } from 'node:fs';

// Linux forgets a process's peak when it is told to (proc(5), clear_refs); elsewhere the peak of the whole run has to do.
function reset(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Not there, or not ours to write.
  }
}

function peak(): number {
  try {
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}

/** MiB that the process has at most while `perform` runs, beyond what it had before. */
export async function peakOf(perform: () => Promise<unknown>): Promise<number> {
  reset();
  const before = peak();
  await perform();
  return peak() - before;
}
