/** A program of the user's own that is the client of a session: it has this terminal for itself. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { KprofError } from '../errors.ts';
import type { FirstInterrupt } from '../interrupts.ts';
import type { Report } from '../report.ts';
import type { Argv, Doorway } from '../toolkit.ts';

/** The client in this terminal, whose Ctrl-C is its own; settles when it ended. */
export function runClient(
  [program, ...args]: Argv,
  { capturing, report }: { readonly capturing: (early: FirstInterrupt | undefined) => void; readonly report: Report },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  capturing('is theirs');
  const giveBack = report.lend();
  const client = spawn(program, args, { stdio: 'inherit' });
  client.once('error', (cause) => {
    giveBack();
    reject(new KprofError('failed', `${program} can't be run`, { cause }));
  });
  client.once('close', () => {
    giveBack();
    capturing('ends');
    resolve();
  });
  return promise;
}

/** Throws when this machine has not got it. */
export function checkProgram({ client, clientHint }: Doorway): void {
  const program = client?.({ text: '', port: undefined }, true)[0] ?? '';
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found) throw new KprofError('usage', `There is no ${program} on this machine`, { hint: clientHint });
}
