/** Programs that show packets while they are captured, fed through their stdin. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { KprofError } from '../errors.ts';
import type { ViewerName } from '../formats/format.ts';
import { findViewer } from './find.ts';
import { viewers } from './index.ts';
import { obstacle } from './open.ts';
import type { Shown, Surroundings, Viewer } from './viewer.ts';

/** What was asked for: `live` is undefined where nothing was. */
export interface LiveWish {
  readonly live: boolean | undefined;
  readonly viewer: ViewerName | undefined;
}

/** A viewer that is here. */
export interface Found {
  readonly viewer: LiveViewer;
  readonly program: string;
}

type LiveViewer = Viewer & { readonly live: NonNullable<Viewer['live']> };

/** Best first. */
const candidates = Object.values(viewers).filter((viewer): viewer is LiveViewer => viewer.live !== undefined);

/**
 * The viewer to feed, or undefined for none: a window where there is a display, unasked only where a person watches.
 * Throws a KprofError `unsupported` when one was asked for and none is here.
 */
export async function findLive(
  { live: asked, viewer }: LiveWish,
  desk: Surroundings & { readonly isTTY: boolean },
): Promise<Found | undefined> {
  const live = asked ?? (viewer === 'tshark' || viewer === 'termshark' ? true : undefined);
  if (live === false) return undefined;
  const why = obstacle({ ...desk, stays: true });
  if (live === undefined && (why !== undefined || (viewer !== undefined && viewer !== 'wireshark'))) return undefined;
  const display = obstacle({
    ...desk,
    env: { DISPLAY: desk.env['DISPLAY'], WAYLAND_DISPLAY: desk.env['WAYLAND_DISPLAY'] },
    isTTY: true,
    stays: true,
  });
  const fitting = candidates.filter(
    ({ name, live: { shows } }) =>
      (viewer === undefined ? live === true || name === 'wireshark' : name === viewer) &&
      (shows !== 'window' || display === undefined) &&
      (shows !== 'terminal' || desk.isTTY),
  );
  for (const one of fitting) {
    const program = await findViewer(one, desk);
    if (program !== undefined) return { viewer: one, program };
  }
  if (live === undefined) return undefined;
  const what = viewer === undefined ? 'none of Wireshark, tshark and termshark can' : `${viewer} can't`;
  throw new KprofError('unsupported', `--live: ${what} show packets here`, {
    cause: display === undefined ? undefined : 'there is no display for a window',
    hint: `${candidates[0]?.home}; or without one: kprof pcap mypod -f - | another program`,
  });
}

// What Node gives a child as stdin is a socket, and tshark reads files and pipes only. The shell waits for the cat, too, which notices at
// the next packet that nobody reads: so the viewer's number, and its exit code as soon as it has one, come by a way of their own.
const piped = `cat 3>&- | { sh -c 'echo "$$" >&3; exec "$0" "$@" 3>&-' "$0" "$@"; echo "$?" >&3; }`;

/** A viewer that runs. */
export interface Live {
  /** What is fed. */
  readonly child: ChildProcess;
  /** The viewer's exit code, where it is not the child itself; never where nothing told it. */
  readonly viewer: Promise<number> | undefined;
  /** Ends the viewer, whatever it is at. */
  leave(): Promise<void>;
}

/** Starts it; what it prints goes to `onLines`, where it prints and has no terminal of its own. It outlives us where it has a window. */
export function startLive({ viewer, program }: Found, shown: Shown, env: NodeJS.ProcessEnv, onLines: (text: string) => void): Live {
  const { shows, argv } = viewer.live;
  const out = { window: 'ignore', lines: 'pipe', terminal: 'inherit' } as const;
  const stdio = ['pipe', out[shows], shows === 'terminal' ? 'inherit' : 'ignore'] as const;
  const isPiped = shows !== 'window' && process.platform !== 'win32';
  const [run, ...words] = isPiped ? ['sh', '-c', piped, program, ...argv(shown)] : [program, ...argv(shown)];
  const child = spawn(run, words, { detached: shows !== 'terminal', stdio: [...stdio, ...(isPiped ? (['pipe'] as const) : [])], env });
  child.stdout?.setEncoding('utf8').on('data', onLines);
  if (shows === 'window') child.unref();
  const told = isPiped ? hear(child) : undefined;
  return { child, viewer: told?.code, leave: () => leave(child, told?.pid) };
}

/** What comes by the way of its own: the number at once, then the exit code. */
function hear({ stdio }: ChildProcess): { readonly pid: () => number | undefined; readonly code: Promise<number> } {
  const { promise: code, resolve } = Promise.withResolvers<number>();
  let said = '';
  const numbers = () => [...said.matchAll(/(\d+)\n/g)].map(([, number]) => Number(number));
  (stdio[3] as Readable | null | undefined)
    ?.setEncoding('utf8')
    .on('error', () => {})
    .on('data', (text: string) => {
      said += text;
      const [, ended] = numbers();
      if (ended !== undefined) resolve(ended);
    });
  return { pid: () => (numbers().length === 1 ? numbers()[0] : undefined), code };
}

/** Whoever does not end when it is asked to is not asked any more. */
const endsWithin = 1000;

async function leave(child: ChildProcess, pid: (() => number | undefined) | undefined): Promise<void> {
  const signal = (name: NodeJS.Signals) => {
    const viewer = pid?.();
    if (viewer === undefined) return child.kill(name);
    try {
      return process.kill(viewer, name);
    } catch {
      return false; // it has ended just now
    }
  };
  child.stdin?.destroy();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close').then(() => true);
  signal('SIGTERM');
  if (await Promise.race([closed, sleep(endsWithin, false)])) return;
  signal('SIGKILL');
  await Promise.race([closed, sleep(endsWithin, false)]);
}
