/**
 * Execution traces of Go: a header, and since Go 1.22 a row of batches
 * (https://github.com/golang/go/blob/master/src/internal/trace/batch.go).
 */
import { KprofError } from '../errors.ts';
import { bytes as inBytes } from '../report.ts';
import type { Format, Summary } from './format.ts';
import { contentOf } from './pprof.ts';

const header = /^go 1\.(\d{1,3}) trace\0+/;
const headerLength = 16;
const firstWithBatches = 22;
// Of the events that stand between batches; all others are inside.
const events = { batch: 1, experimental: 49, endOfGeneration: 52 } as const;
const longestBatch = 64 * 1024;

/** The trace in these bytes; `name` is what an error calls them. */
export function traceIn(content: Buffer, name: string): Summary {
  const broken = (reason: string) => new KprofError('incomplete', `${name} is not a whole Go trace: ${reason}`);
  const minor = header.exec(content.subarray(0, headerLength).toString('latin1'))?.[1];
  if (minor === undefined) throw broken('it has no header');
  if (content.length === headerLength) throw broken('it ends behind its header');
  const version = `1.${minor}`;
  const batches = Number(minor) >= firstWithBatches ? walk(content, broken) : undefined;
  const inWords = batches === undefined ? '' : ` in ${batches} batches`;
  return {
    text: `Trace in the format of Go ${version}, ${inBytes(content.length)}${inWords}`,
    facts: { version, bytes: content.length, ...(batches === undefined ? {} : { batches }) },
  };
}

function walk(content: Buffer, broken: (reason: string) => KprofError): number {
  let at = headerLength;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = content[at++];
      if (byte === undefined) throw broken('it ends in the header of a batch');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 63) throw broken('a number in it is longer than 64 bits');
    }
  };
  let batches = 0;
  while (at < content.length) {
    const event = content[at++];
    if (event === events.endOfGeneration) continue;
    if (event !== events.batch && event !== events.experimental) throw broken(`no batch begins at byte ${at - 1}`);
    if (event === events.experimental) at += 1;
    for (let field = 0; field < 3; field++) varint(); // generation, thread, time
    const size = varint();
    if (size > longestBatch) throw broken(`the batch at byte ${at} is too large`);
    if (at + size > content.length) throw broken('it ends in the middle of a batch');
    at += size;
    batches += 1;
  }
  return batches;
}

/** Traces; the check walks all batches. Of those before Go 1.22, which are one row of events, it wants the header only. */
export const gotrace: Format = {
  name: 'gotrace',
  extension: 'trace',
  viewers: [],
  matches: (head) => header.test(head.subarray(0, headerLength).toString('latin1')),
  check: async (path) => traceIn(await contentOf(path), path),
};
