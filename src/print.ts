/** stdout: the artifact's path, its record, or its text; nothing else ever goes there. */
import { readFileSync } from 'node:fs';
import { dump } from 'js-yaml';
import type { Artifact } from './record.ts';
import { safe, safeJson } from './safe.ts';

/** The path, or the record of the capture with its schema's version. */
export function printRecord(artifact: Artifact, output: 'json' | 'yaml' | 'name' | undefined): void {
  const record = { apiVersion: 'kprof.dev/v1', kind: 'Artifact', ...artifact };
  if (output === 'json') process.stdout.write(`${safeJson(record)}\n`);
  else if (output === 'yaml') process.stdout.write(dump(JSON.parse(safeJson(record)), { lineWidth: -1 }));
  else process.stdout.write(`${artifact.path}\n`);
}

/** The address of a page that is served. */
export const printAddress = (address: string): void => void process.stdout.write(`${address}\n`);

/** A text artifact: as it is into a pipe, made printable on a terminal. */
export function printText(path: string): void {
  const text = readFileSync(path, 'utf8');
  process.stdout.write(process.stdout.isTTY ? safe(text) : text);
}
