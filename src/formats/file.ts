/** Files of whatever kind that an app's own commands write. */
import { stat } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import { bytes } from '../report.ts';
import type { Format } from './format.ts';

/** Told by nothing; an empty one is none. */
export const file: Format = {
  name: 'file',
  extension: 'out',
  viewers: [],
  matches: () => false,
  async check(path) {
    const { size } = await stat(path);
    if (size === 0) throw new KprofError('incomplete', `${path} is empty`);
    return { text: bytes(size), facts: { bytes: size } };
  },
};
