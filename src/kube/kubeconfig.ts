/** Kubeconfig files, read and merged as kubectl does: client-node throws on a missing file and on a name that two files define. */
import { readFile } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { loadAll } from 'js-yaml';
import { KprofError } from '../errors.ts';

/** A mapping of a kubeconfig, by the keys that the file has. */
export type Entry = Readonly<Record<string, unknown>>;

/** All files as one; paths in it are absolute. */
export interface Kubeconfig {
  readonly currentContext: string | undefined;
  readonly contexts: ReadonlyMap<string, Entry>;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
  /** Where it was looked for. */
  readonly files: readonly string[];
  /** Those of them that exist. */
  readonly used: readonly string[];
  /** Whether any of them exists. */
  readonly found: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The files that kubectl would read, in its order; `kept` are those that a capture used, and stand for the environment's. */
export function kubeconfigFiles(flag: string | undefined, environment: Environment, kept: readonly string[] = []): readonly string[] {
  if (flag !== undefined && flag !== '') return [resolve(flag)];
  if (kept.length > 0) return kept;
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  if (listed.length > 0) return [...new Set(listed.map((path) => resolve(path)))];
  const home = environment['HOME'] || environment['USERPROFILE'];
  return home === undefined || home === '' ? [] : [join(home, '.kube', 'config')];
}

/** Reads and merges; a file that is missing is skipped unless it was named by --kubeconfig. */
export async function readKubeconfig(
  flag: string | undefined,
  environment: Environment,
  kept?: readonly string[] | undefined,
): Promise<Kubeconfig> {
  const files = kubeconfigFiles(flag, environment, kept);
  const named = flag !== undefined && flag !== '';
  const read = await Promise.all(files.map((file) => readOne(file, named)));
  const used = files.filter((_, index) => read[index] !== undefined);
  return { ...merge(read.filter((one) => one !== undefined)), files, used, found: used.length > 0 };
}

async function readOne(file: string, mustExist: boolean): Promise<Entry | undefined> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing && !mustExist) return undefined;
    throw new KprofError('failed', missing ? `There is no kubeconfig ${file}` : `The kubeconfig ${file} cannot be read`, { cause: error });
  }
  return absolutePaths(parseKubeconfig(file, content), dirname(file));
}

/** The mapping in a file; an empty file is an empty one. */
export function parseKubeconfig(file: string, content: string): Entry {
  let parsed: unknown;
  try {
    // `load` throws on a file without a document.
    [parsed] = loadAll(content);
  } catch (error) {
    throw new KprofError('failed', `The kubeconfig ${file} is no valid YAML`, { cause: reasonWithoutExcerpt(error) });
  }
  if (parsed === null || parsed === undefined) return {};
  if (typeof parsed === 'object' && !Array.isArray(parsed)) return parsed as Entry;
  throw new KprofError('failed', `The kubeconfig ${file} is no kubeconfig: it holds no mapping`);
}

// YAMLException quotes the lines around the fault, and they may hold a token.
function reasonWithoutExcerpt(error: unknown): string {
  const { reason, mark, message } = error as { reason?: string; mark?: { line: number }; message?: string };
  return `${reason ?? message?.split('\n')[0] ?? 'unreadable'}${mark === undefined ? '' : `, line ${mark.line + 1}`}`;
}

const lists = { contexts: 'context', clusters: 'cluster', users: 'user' } as const;
const paths: Readonly<Record<string, readonly string[]>> = {
  cluster: ['certificate-authority'],
  user: ['client-certificate', 'client-key', 'tokenFile'],
  context: [],
};

/** The entries of one of the lists, by name; the first of a name counts. */
function entries(config: Entry, list: keyof typeof lists): readonly (readonly [string, Entry])[] {
  const items: unknown = config[list];
  if (!Array.isArray(items)) return [];
  return items.filter(isMapping).map((item) => [String(item['name']), mapping(item[lists[list]])]);
}

const isMapping = (value: unknown): value is Entry => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value as a mapping; anything else is an empty one. */
export const mapping = (value: unknown): Entry => (isMapping(value) ? value : {});

/** The value as text, as Go reads a scalar into a string; empty is absent. */
export function string(value: unknown): string | undefined {
  return value === undefined || value === null || value === '' || typeof value === 'object' ? undefined : String(value);
}

function absolutePaths(config: Entry, folder: string): Entry {
  const names = Object.keys(lists) as (keyof typeof lists)[];
  const lifted = names.map((list) => [
    list,
    entries(config, list).map(([name, entry]) => ({ name, [lists[list]]: located(entry, paths[lists[list]] ?? [], folder) })),
  ]);
  return { ...config, ...Object.fromEntries(lifted) };
}

function located(entry: Entry, keys: readonly string[], folder: string): Entry {
  const found = keys.map((key) => [key, string(entry[key])] as const).filter((pair) => pair[1] !== undefined);
  const moved = Object.fromEntries(found.map(([key, path]) => [key, absolute(path as string, folder)]));
  const exec = mapping(entry['exec']);
  const command = string(exec['command']);
  // A bare word is looked up in PATH; only a path is relative to the file.
  if (command === undefined || !/[/\\]/.test(command)) return { ...entry, ...moved };
  return { ...entry, ...moved, exec: { ...exec, command: absolute(command, folder) } };
}

const absolute = (path: string, folder: string): string => (isAbsolute(path) ? path : join(folder, path));

function merge(configs: readonly Entry[]): Omit<Kubeconfig, 'files' | 'used' | 'found'> {
  const first = (list: keyof typeof lists) => new Map(configs.flatMap((config) => entries(config, list)).toReversed());
  return {
    currentContext: configs.map((config) => string(config['current-context'])).find((name) => name !== undefined),
    contexts: first('contexts'),
    clusters: first('clusters'),
    users: first('users'),
  };
}
