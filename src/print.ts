/** stdout: the artifact's path, its record, or its text; nothing else ever goes there. */
import { readFileSync } from 'node:fs';
import { dump } from 'js-yaml';
import type { Artifact } from './record.ts';
import { safe, safeJson, safeLine } from './safe.ts';

/** The path, or the record of the capture with its schema's version. */
export function printRecord(artifact: Artifact, output: 'json' | 'yaml' | 'name' | undefined): void {
  const record = { apiVersion: 'kprof.dev/v1', kind: 'Artifact', ...artifact };
  if (output === 'json') process.stdout.write(`${safeJson(record)}\n`);
  else if (output === 'yaml') process.stdout.write(dump(JSON.parse(safeJson(record)), { lineWidth: -1 }));
  else process.stdout.write(`${artifact.path}\n`);
}

/** A text artifact: as it is into a pipe, made printable on a terminal. */
export function printText(path: string): void {
  const text = readFileSync(path, 'utf8');
  process.stdout.write(process.stdout.isTTY ? safe(text) : text);
}

/** A list: as a table like kubectl's, or as an object with its schema's version. An empty table prints nothing. */
export function printTable<T>(
  kind: string,
  items: readonly T[],
  output: 'json' | undefined,
  columns: Readonly<Record<string, (item: T) => string>>,
): void {
  if (output === 'json') return void process.stdout.write(`${safeJson({ apiVersion: 'kprof.dev/v1', kind, items })}\n`);
  if (items.length === 0) return;
  const rows = [Object.keys(columns), ...items.map((item) => Object.values(columns).map((cell) => safeLine(cell(item))))];
  const widths = Object.keys(columns).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('   ')
      .trimEnd(),
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}
