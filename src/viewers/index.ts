/** All viewers. */
import type { ViewerName } from '../formats/format.ts';
import { jmc } from './jmc.ts';
import type { Viewer } from './viewer.ts';

/** Every viewer, by its name. */
export const viewers: Readonly<Record<ViewerName, Viewer>> = { jmc };
