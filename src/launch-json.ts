/** A configuration in .vscode/launch.json of this folder. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KprofError } from './errors.ts';
import { replaceFile } from './state/folder.ts';

const pathOf = (): string => join(process.cwd(), '.vscode', 'launch.json');

interface Launch {
  readonly configurations?: readonly { readonly name?: unknown }[];
}

/** What the file holds; an empty one where there is none. Throws where it is one that can't be changed without loss: it may have comments. */
export async function readLaunch(): Promise<Launch> {
  const path = pathOf();
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  try {
    const launch = JSON.parse(text) as Launch;
    if (typeof launch === 'object' && launch !== null && Array.isArray(launch.configurations ?? [])) return launch;
  } catch {
    // VS Code allows comments, and commas at the end.
  }
  throw new KprofError('usage', `${path} has comments, or is broken, and would not survive a change`, {
    hint: 'leave out --write-launch-json: the configuration is printed, to be pasted',
  });
}

/** Adds the configuration, or replaces the one of its name. Gives the path. */
export async function writeLaunch(configuration: { readonly name: string }): Promise<string> {
  const path = pathOf();
  const launch = await readLaunch();
  const others = (launch.configurations ?? []).filter(({ name }) => name !== configuration.name);
  const content = { version: '0.2.0', ...launch, configurations: [...others, configuration] };
  await mkdir(dirname(path), { recursive: true });
  if (!(await replaceFile(path, `${JSON.stringify(content, null, 2)}\n`))) throw new KprofError('disk', `${path} can't be written`);
  return path;
}
