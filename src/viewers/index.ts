/** All viewers that are programs. */
import { jmc } from './jmc.ts';
import type { ProgramName, Viewer } from './viewer.ts';

/** Every program, by its name. */
export const viewers: Readonly<Record<ProgramName, Viewer>> = { jmc };
