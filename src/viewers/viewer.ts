/** Programs that open artifacts. */
import type { ViewerName } from '../formats/format.ts';

/** A viewer that is a program of its own, and no page of ours. */
export type ProgramName = Exclude<ViewerName, 'page' | 'pprof'>;

export type Env = Readonly<Record<string, string | undefined>>;

/** Where we are: decides what can be opened, and where programs are. */
export interface Surroundings {
  readonly env: Env;
  readonly platform: NodeJS.Platform;
}

/** What is shown while it is captured: its name, and the absolute path of a file with TLS secrets. */
export interface Shown {
  readonly title: string;
  readonly secrets: string | undefined;
}

/** One program, as data. */
export interface Viewer {
  readonly name: ProgramName;
  /** As people know it. */
  readonly title: string;
  /** Absolute paths where it may be, best first; the last part of a folder may end in `*`. */
  places(surroundings: Surroundings): readonly string[];
  /** Arguments that open an artifact; `file` is an absolute path. */
  argv(file: string): readonly string[];
  /** How it shows what is still captured, which it gets on stdin: in a window, in lines that it prints, or on the terminal. */
  readonly live?: { readonly shows: 'window' | 'lines' | 'terminal'; argv(shown: Shown): readonly string[] };
  /** Where to get it. */
  readonly home: string;
}

/** Absolute paths of `program` in the folders of PATH. Relative ones are left out: they would run what lies in the current folder. */
export function inPath(program: string, { env, platform }: Surroundings): readonly string[] {
  const isWindows = platform === 'win32';
  const path = (isWindows ? (env['Path'] ?? env['PATH']) : env['PATH']) ?? '';
  return path
    .split(isWindows ? ';' : ':')
    .filter((folder) => (isWindows ? /^[A-Za-z]:[\\/]/.test(folder) : folder.startsWith('/')))
    .map((folder) => folder.replace(/[\\/]+$/, '') + (isWindows ? `\\${program}.exe` : `/${program}`));
}

/** Paths below a folder; none without one. */
export const below = (folder: string | undefined, ...rest: readonly string[]): readonly string[] =>
  !folder ? [] : rest.map((path) => `${folder}/${path}`);
