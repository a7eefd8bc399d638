/** The end of every capture: what came is checked, gets its name, and is summed up. */
import { basename } from 'node:path';
import { type Destination, publish } from './artifact.ts';
import { KprofError } from './errors.ts';
import type { Format, Summary } from './formats/format.ts';
import type { Report } from './report.ts';
import { shellWord } from './safe.ts';
import { columns } from './terminal.ts';
import type { Secrets } from './toolkit.ts';

/** How it ends. */
interface Finishing {
  readonly force: boolean;
  readonly report: Report;
  /** Whether the file may hold them; absent, it may. */
  readonly secrets?: Secrets | undefined;
}

/** Gives the path and what the file holds. Throws when the file is not whole, or holds what it may not; it stays as `.partial` then. */
export async function finish(
  destination: Destination,
  format: Format,
  { force, report, secrets }: Finishing,
): Promise<{ readonly path: string; readonly summary: Summary }> {
  const summary = await format.check(destination.partial);
  if (secrets === 'refused') await guardSecrets(destination, format);
  const path = await publish(destination, { force });
  report.note(summary.text);
  if (summary.details !== undefined) report.note(summary.details(columns(process.stderr)));
  return { path, summary };
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
