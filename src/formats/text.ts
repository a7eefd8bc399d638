/** Texts of no structure that could be checked: what a JVM answers a command. */
import { stat } from 'node:fs/promises';
import { bytes } from '../report.ts';
import type { Format } from './format.ts';

/** Told by nothing: only who made it knows what it is. */
export const text: Format = {
  name: 'text',
  extension: 'txt',
  viewers: [],
  matches: () => false,
  async check(path) {
    const { size } = await stat(path);
    return { text: bytes(size), facts: { bytes: size } };
  },
};
