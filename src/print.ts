/** stdout: the artifact's path, its record, or its text; nothing else ever goes there. */
import { readFileSync } from 'node:fs';
import { dump } from 'js-yaml';
import { KprofError } from './errors.ts';
import type { Artifact } from './record.ts';
import { safe, safeJson, safeLine, safeYaml } from './safe.ts';

const yaml = (value: unknown): string => safeYaml(value, dump(value, { lineWidth: -1, noRefs: true }));

/** What of the last that was printed is there although stdout should take nothing. */
let kept: { readonly paths: readonly string[]; readonly hint?: string } = { paths: [] };

/** The error of a stdout that took nothing, with the paths of what is there anyway. */
export function stdoutFailed(error: Error): KprofError {
  const { paths, hint } = kept;
  const there = paths.length === 0 ? '' : `. What was captured is whole, in ${paths.join(', ')}`;
  return new KprofError('disk', `Stdout did not take what was printed${there}`, { cause: error.message, hint });
}

/** What keeps a text that stdout doesn't take. */
const keepText = '-f FILE keeps it in a file';

/** The path, or the record of the capture with its schema's version. */
export function printRecord(artifact: Artifact, output: 'json' | 'yaml' | 'name' | undefined): void {
  const record = { apiVersion: 'kprof.dev/v1', kind: 'Artifact', ...artifact };
  const paths = artifact.files ?? [artifact.path];
  kept = { paths };
  if (output === 'json') process.stdout.write(`${safeJson(record)}\n`);
  else if (output === 'yaml') process.stdout.write(yaml(JSON.parse(JSON.stringify(record))));
  else printPaths(paths);
}

/** The paths of several captures and of what was made of them, or all their records. */
export function printRecords(
  artifacts: readonly Artifact[],
  merged: string | undefined,
  output: 'json' | 'yaml' | 'name' | undefined,
): void {
  const paths = [...artifacts.flatMap(({ files, path: one }) => files ?? [one]), ...(merged === undefined ? [] : [merged])];
  kept = { paths };
  const list = { apiVersion: 'kprof.dev/v1', kind: 'ArtifactList', items: artifacts, ...(merged === undefined ? {} : { merged }) };
  if (output === 'json') process.stdout.write(`${safeJson(list)}\n`);
  else if (output === 'yaml') process.stdout.write(yaml(JSON.parse(JSON.stringify(list))));
  else printPaths(paths);
}

/** What was found out or done, of which no file is kept. */
export function printAnswer({ path, bytes: _, sha256: __, ...answer }: Artifact, output: 'json' | 'yaml' | 'name' | undefined): void {
  const record = { apiVersion: 'kprof.dev/v1', kind: 'Answer', ...answer };
  if (output === 'json') process.stdout.write(`${safeJson(record)}\n`);
  else if (output === 'yaml') process.stdout.write(yaml(JSON.parse(JSON.stringify(record))));
  else writeText(path);
}

/** Scripts get the path as it is, a terminal one that it can show. */
export const printPath = (path: string): void => printPaths([path]);

function printPaths(paths: readonly string[]): void {
  kept = { paths };
  for (const path of paths) process.stdout.write(`${process.stdout.isTTY ? safeLine(path) : path}\n`);
}

/** What a dry run found, for a person or a script to read. */
export function printPlan(plan: unknown, output: 'json' | 'yaml' | 'name' | undefined): void {
  process.stdout.write(output === 'json' ? `${safeJson(plan, 2)}\n` : yaml(plan));
}

/** A text artifact: byte for byte into a pipe or a file, made printable on a terminal. */
export function printText(path: string): void {
  kept = { paths: [], hint: keepText };
  writeText(path);
}

function writeText(path: string): void {
  const bytes = readFileSync(path);
  process.stdout.write(process.stdout.isTTY ? safe(bytes.toString('utf8'), Number.POSITIVE_INFINITY) : bytes);
}

/** A piece of an artifact that is captured into a pipe; `taken` when it went on its way. */
export const printBytes = (bytes: Uint8Array, taken: () => void): void => void process.stdout.write(bytes, () => taken());

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

/** The address of a page that is served. */
export const printAddress = (address: string): void => void process.stdout.write(`${address}\n`);

/** What a command found out, already printable. */
export const printResult = (text: string): void => void process.stdout.write(text);

/** Where a session is served: the address, or its record. */
export const printSession = (session: string | object): void =>
  void process.stdout.write(
    typeof session === 'string' ? `${session}\n` : `${safeJson({ apiVersion: 'kprof.dev/v1', kind: 'Session', ...session })}\n`,
  );
