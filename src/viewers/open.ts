/** Opens an artifact, or says how. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Format } from '../formats/format.ts';
import { shellWord } from '../safe.ts';
import { findViewer } from './find.ts';
import { viewers } from './index.ts';
import type { Env, Surroundings, Viewer } from './viewer.ts';

/** Where we are, and whether a person watches. */
export interface Desk extends Surroundings {
  readonly isTTY: boolean;
}

/** Either a program runs, or here is what the person can do. */
export type Opened =
  | { readonly kind: 'launched'; readonly viewer: Viewer; readonly program: string }
  | { readonly kind: 'how'; readonly how: string };

/** Why nothing is opened here. */
export type Obstacle = 'ci' | 'ssh' | 'no-terminal' | 'no-display';

const isSet = (value: string | undefined): boolean => value !== undefined && value !== '' && value !== '0' && value !== 'false';

/** What speaks against opening a window; undefined if nothing does. */
export function obstacle({ env, platform, isTTY }: Desk): Obstacle | undefined {
  if (isSet(env['CI'])) return 'ci';
  if (isSet(env['SSH_CONNECTION']) || isSet(env['SSH_CLIENT']) || isSet(env['SSH_TTY'])) return 'ssh';
  if (!isTTY) return 'no-terminal';
  const needsDisplay = platform !== 'darwin' && platform !== 'win32';
  return needsDisplay && !isSet(env['DISPLAY']) && !isSet(env['WAYLAND_DISPLAY']) ? 'no-display' : undefined;
}

/** The line that brings the file from the machine that we were logged in to; SSH_CONNECTION is `client port server port`. */
function copyLine(path: string, env: Env): readonly string[] {
  const [, , server, port] = (env['SSH_CONNECTION'] ?? '').split(' ');
  if (!server || !/^[0-9a-fA-F.:]+$/.test(server)) return [];
  const user = /^[\w.-]+$/.test(env['USER'] ?? '') ? `${env['USER']}@` : '';
  const host = server.includes(':') ? `[${server}]` : server;
  return [
    `scp ${port && /^\d+$/.test(port) && port !== '22' ? `-P ${port} ` : ''}${shellWord(`${user}${host}:${path}`)} .    # on your own machine`,
  ];
}

const withoutWindow: Readonly<Partial<Record<Format['name'], string>>> = {
  jfr: 'jfr summary',
  threads: 'less',
  pprof: 'go tool pprof -http=localhost:0',
  gotrace: 'go tool trace',
  gotext: 'less',
  bundle: 'unzip',
  cpuprofile: 'kprof top',
  heapprofile: 'kprof top',
};

/** Lines to paste, for who can't or doesn't want to have the file opened here. `why` is undefined where only the program lacks. */
export function howTo(path: string, format: Format, why: Obstacle | undefined, env: Env): string {
  const text = withoutWindow[format.name];
  const programs = format.viewers.map((name) => viewers[name]);
  return [
    ...(why === 'ssh' ? copyLine(path, env) : []),
    ...(programs.length > 0 ? [`kprof open ${shellWord(path)}`] : []),
    ...(text === undefined ? [] : [`${text} ${shellWord(path)}`]),
    ...programs.map(({ title, home }) => `${title}: ${home}`),
  ].join('\n');
}

const watched = 2000;

/** Starts a program that outlives us; gives whether it was still running, or had ended well, after two seconds. */
function launch(program: string, argv: readonly string[], env: Env): Promise<boolean> {
  return new Promise((done) => {
    const child = spawn(program, argv, { detached: true, stdio: 'ignore', env });
    const timer = setTimeout(() => settle(true), watched);
    const settle = (well: boolean): void => {
      clearTimeout(timer);
      child.unref();
      done(well);
    };
    child.once('error', () => settle(false)).once('exit', (code) => settle(code === 0));
  });
}

/** Opens the artifact in the best viewer that is here and starts; without one, or where no window can be, tells how. */
export async function openArtifact(path: string, format: Format, desk: Desk): Promise<Opened> {
  const file = resolve(path);
  const why = obstacle(desk);
  for (const name of why === undefined ? format.viewers : []) {
    const viewer = viewers[name];
    const program = await findViewer(viewer, desk);
    if (program !== undefined && (await launch(program, viewer.argv(file), desk.env))) return { kind: 'launched', viewer, program };
  }
  return { kind: 'how', how: howTo(file, format, why, desk.env) };
}
