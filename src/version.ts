import { readFileSync } from 'node:fs';

/** The version of kprof, which is also the tag of its images. */
export const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
