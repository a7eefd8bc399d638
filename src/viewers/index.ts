/** All viewers that are programs. */
import { jmc } from './jmc.ts';
import { mat } from './mat.ts';
import { termshark, tshark } from './tshark.ts';
import type { ProgramName, Viewer } from './viewer.ts';
import { visualvm } from './visualvm.ts';
import { wireshark } from './wireshark.ts';

/** Every program, by its name. */
export const viewers: Readonly<Record<ProgramName, Viewer>> = { jmc, mat, visualvm, wireshark, tshark, termshark };
