/** Signals of Linux, and who would die of them. */
import type { Process } from '../toolkit.ts';

// signal(7), x86-64 and arm64. Those of this machine may have other numbers.
const numbers = { SIGQUIT: 3, SIGUSR1: 10, SIGVTALRM: 26, SIGPROF: 27 } as const;

/** Whether the process handles it; else most signals would end it. */
export const handlesSignal = ({ handles }: Pick<Process, 'handles'>, signal: keyof typeof numbers): boolean =>
  (handles & (1n << BigInt(numbers[signal] - 1))) !== 0n;
