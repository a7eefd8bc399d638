/** The end of every capture: what came is checked, gets its name, and is summed up. */
import { basename } from 'node:path';
import { type Destination, publish } from './artifact.ts';
import { KprofError } from './errors.ts';
import { type Format, openFile, readAt, type Summary } from './formats/format.ts';
import type { Report } from './report.ts';
import { shellWord } from './safe.ts';
import { columns } from './terminal.ts';
import type { Ends, Secrets } from './toolkit.ts';

/** How it ends. */
interface Finishing {
  readonly force: boolean;
  readonly report: Report;
  /** Whether the file may hold them; absent, it may. */
  readonly secrets?: Secrets | undefined;
  /** What its kind does not tell. */
  readonly ends?: Ends | undefined;
}

/** Gives the path and what the file holds. Throws when the file is not whole, or holds what it may not; it stays as `.partial` then. */
export async function finish(
  destination: Destination,
  format: Format,
  { force, report, secrets, ends }: Finishing,
): Promise<{ readonly path: string; readonly summary: Summary }> {
  const summary = await format.check(destination.partial);
  if (ends !== undefined) await guardEnd(destination, ends);
  if (secrets === 'refused') await guardSecrets(destination, format);
  const path = await publish(destination, { force });
  report.note(summary.text);
  if (summary.details !== undefined) report.note(summary.details(columns(process.stderr)));
  return { path, summary };
}

/** A text that was cut reads like one that was not, and who writes on a full disk may call it a success. */
async function guardEnd({ partial, final }: Destination, ends: Ends): Promise<void> {
  await using file = await openFile(partial);
  const { size } = await file.stat();
  const longest = Math.max(...ends.map((end) => end.length));
  const tail = (await readAt(file, Math.max(0, size - longest), longest)).toString('latin1');
  if (ends.some((end) => (end === '' ? size === 0 : tail.endsWith(end)))) return;
  throw new KprofError('incomplete', `${basename(final)} gets no name: it has no end, so it was cut when it was written in the pod`, {
    hint: `is a disk full there? What there is of it: ${shellWord(partial)}`,
  });
}

/** Recordings share what the JVM writes: what one of them takes, all have, and one may have come and gone unseen. */
async function guardSecrets({ partial, final }: Destination, { tellsSecrets }: Format): Promise<void> {
  const tells = await tellsSecrets?.(partial);
  if (tells === false) return;
  const why =
    tells === true
      ? 'another recording of this JVM took its environment and system properties, where secrets live, and they are in this one'
      : 'it can’t be told whether the environment and the system properties, where secrets live, are in it';
  throw new KprofError('incomplete', `${basename(final)} gets no name: ${why}`, {
    hint: `it is whole, and readable by you alone; to keep it: mv -n ${shellWord(partial)} ${shellWord(final)}; to take them the next time: --with-environment`,
  });
}
