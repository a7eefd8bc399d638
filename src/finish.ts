/** The end of every capture: what came is checked, gets its name, and is summed up. */
import { type Destination, publish } from './artifact.ts';
import type { Format, Summary } from './formats/format.ts';
import type { Report } from './report.ts';
import { columns } from './terminal.ts';

/** Gives the path and what the file holds. Throws when the file is not whole; it stays as `.partial` then. */
export async function finish(
  destination: Destination,
  format: Format,
  { force, report }: { readonly force: boolean; readonly report: Report },
): Promise<{ readonly path: string; readonly summary: Summary }> {
  const summary = await format.check(destination.partial);
  const path = await publish(destination, { force });
  report.note(summary.text);
  if (summary.details !== undefined) report.note(summary.details(columns(process.stderr)));
  return { path, summary };
}
