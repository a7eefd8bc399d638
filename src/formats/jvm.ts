/** Sheets of what a JVM says of itself: a label and what it told, line by line. */
import { KprofError } from '../errors.ts';
import type { Format } from './format.ts';
import { linesOf } from './lines.ts';

const labelled = /^([A-Z][\w ]*?) {2,}(\S.*)$/;

/** Sheets; the check wants the version first. */
export const jvm: Format = {
  name: 'jvm',
  extension: 'txt',
  viewers: [],
  matches: (head) => /^Version {2,}\S.*\n(?:Uptime|Heap) {2,}/.test(head.toString('utf8')),
  async check(path) {
    const told: [string, string][] = [];
    for await (const { line } of linesOf(path)) {
      const [, label, text] = labelled.exec(line) ?? [];
      if (label !== undefined && text !== undefined && told.length < 100) told.push([label, text]);
    }
    if (told[0]?.[0] !== 'Version') throw new KprofError('incomplete', `${path} does not tell the version of a JVM`);
    const sheet = Object.fromEntries(told);
    return { text: [sheet['Version'], sheet['Heap']].filter((each) => each !== undefined).join('; '), facts: sheet };
  },
};
