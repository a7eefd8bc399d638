/** The shells that the script must run in, and waiting for what it does. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A PATH on which sh is busybox ash, as in our images; undefined where there is no busybox. */
function ashPath(): string | undefined {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync);
  if (busybox === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'kprof-ash-'));
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n'))
    symlinkSync(busybox, join(folder, applet));
  return `${folder}:${process.env['PATH']}`;
}

const ash = ashPath();
/** Name, and the PATH on which it is `sh`. */
export const shells: readonly (readonly [string, string | undefined])[] = [
  ['bash', undefined],
  ...(ash === undefined ? [] : [['busybox ash', ash] as const]),
];

/** Waits until the condition holds; false when it never did. */
export const until = async (condition: () => boolean, seconds: number): Promise<boolean> => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) if (condition()) return true;
  return false;
};
