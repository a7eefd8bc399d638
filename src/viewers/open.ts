/** Opens an artifact, or says how. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import type { Format, ViewerName } from '../formats/format.ts';
import { shellWord } from '../safe.ts';
import { findViewer } from './find.ts';
import { viewers } from './index.ts';
import { launch } from './launch.ts';
import type { MakeSite, PageName, Way } from './page/page.ts';
import type { Served } from './page/serve.ts';
import type { Env, Surroundings, Viewer } from './viewer.ts';

/** Where we are, and whether a person watches. */
export interface Desk extends Surroundings {
  readonly isTTY: boolean;
  /** Whether `kprof open` may be told to a person: not to who just gave it. */
  readonly again?: boolean;
  /** Whether we may stay as long as a page is looked at: who reads our stdout waits for its end. */
  readonly stays: boolean;
}

/** Either a program runs, or a page is served, or here is what the person can do. */
export type Opened =
  | { readonly kind: 'launched'; readonly viewer: Viewer; readonly program: string }
  | { readonly kind: 'page'; readonly served: Served }
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
  histogram: 'less',
  hprof: 'kprof top',
  jvm: 'less',
  text: 'less',
  pprof: 'go tool pprof -top',
  gotrace: 'go tool trace',
  gotext: 'less',
  bundle: 'unzip',
  pcapng: 'tshark -r',
  pcap: 'tcpdump -r',
  cpuprofile: 'kprof top',
  heapprofile: 'kprof top',
  heapsnapshot: 'kprof top',
};

const pageIsElsewhere = (format: Format, why: Obstacle | undefined, again: boolean): boolean =>
  (why === 'ssh' || why === 'no-display' || (why !== undefined && !again)) && format.viewers.includes('page');

/** Lines to paste, for who can't or doesn't want to have the file opened here. `why` is undefined where only the program lacks. */
export function howTo(path: string, format: Format, why: Obstacle | undefined, { env, again = true }: Pick<Desk, 'env' | 'again'>): string {
  const text = withoutWindow[format.name];
  const programs = format.viewers.flatMap((name) => (isPage(name) ? [] : [viewers[name]]));
  return [
    ...(why === 'ssh' ? copyLine(path, env) : []),
    ...(format.viewers.length > 0 && again ? [`kprof open ${shellWord(path)}`] : []),
    ...(pageIsElsewhere(format, why, again)
      ? [`kprof open --no-browser ${shellWord(path)}    # gives an address, for a browser that reaches this machine`]
      : []),
    ...(text === undefined ? [] : [`${text} ${shellWord(path)}`]),
    ...programs.map(({ title, home }) => `${title}: ${home}`),
  ].join('\n');
}

/** What the person asked for. */
export interface Wish extends Way {
  /** Undefined: the first that is here and fits. */
  readonly viewer?: ViewerName | undefined;
}

/** Whether a viewer is a page of ours. */
export const isPage = (name: ViewerName): name is PageName => name === 'page' || name === 'pprof';

// Go's viewer takes seconds to start and leaves a port open to others: only for who asks for it.
const candidates = (format: Format, { viewer, browser }: Wish): readonly ViewerName[] =>
  viewer !== undefined ? [viewer] : format.viewers.filter((name) => name !== 'pprof' && (browser || isPage(name)));

function checkWish(path: string, format: Format, { viewer, browser }: Wish): void {
  const able = format.viewers.join(', ');
  if (viewer !== undefined && !format.viewers.includes(viewer))
    throw new KprofError('usage', `--viewer ${viewer} doesn't show files like ${path}`, {
      hint: able === '' ? undefined : `--viewer is one of ${able}`,
    });
  if (!browser && candidates(format, { viewer, browser, port: 0 }).every((name) => !isPage(name)))
    throw new KprofError('usage', `--no-browser is for pages, and ${path} is shown by none`);
}

async function siteOf(name: PageName, file: string, format: Format, desk: Desk): Promise<MakeSite> {
  if (name === 'page') {
    const { speedscope } = await import('./page/speedscope.ts');
    return () => speedscope(file, format);
  }
  const { goPprof } = await import('./page/go-pprof.ts');
  return (signal) => goPprof([file], desk, signal);
}

async function openWith(name: ViewerName, file: string, format: Format, desk: Desk, wish: Wish): Promise<Opened | undefined> {
  if (isPage(name)) {
    const { openPage } = await import('./page/page.ts');
    const served = await openPage(await siteOf(name, file, format, desk), desk, wish);
    return served === undefined ? undefined : { kind: 'page', served };
  }
  const viewer = viewers[name];
  const program = await findViewer(viewer, desk);
  const launched = program !== undefined && (await launch(program, viewer.argv(file), desk.env));
  return launched ? { kind: 'launched', viewer, program } : undefined;
}

/**
 * Opens the artifact in the best viewer that is here and starts; without one, or where no window can be, tells how.
 * Throws a KprofError when the viewer that was asked for is none for this file or not here, or when the page can't show the file.
 */
export async function openArtifact(path: string, format: Format, desk: Desk, wish: Wish = { browser: true, port: 0 }): Promise<Opened> {
  const file = resolve(path);
  checkWish(path, format, wish);
  const why = wish.browser ? obstacle(desk) : undefined;
  for (const name of why === undefined ? candidates(format, wish) : []) {
    if (isPage(name) && !desk.stays) continue;
    const opened = await openWith(name, file, format, desk, wish);
    if (opened !== undefined) return opened;
  }
  if (wish.viewer !== undefined && why === undefined && desk.stays) throw notHere(wish.viewer);
  return { kind: 'how', how: howTo(file, format, why, desk) };
}

const notHere = (name: ViewerName): KprofError =>
  isPage(name)
    ? new KprofError('unsupported', 'No browser was found', { hint: 'open the page yourself: kprof open --no-browser FILE' })
    : new KprofError('unsupported', `${viewers[name].title} was not found`, { hint: viewers[name].home });
