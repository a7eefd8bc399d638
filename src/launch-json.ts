/** A configuration in .vscode/launch.json of this folder. */
import { chmod, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { KprofError } from './errors.ts';
import { asJson, withItem } from './jsonc.ts';
import { replaceFile } from './state/folder.ts';

const pathOf = (): string => join(process.cwd(), '.vscode', 'launch.json');

/** Who has the name. */
interface Named {
  readonly name: string;
}

interface Launch {
  readonly configurations?: readonly unknown[];
}

const isNamed = (item: unknown, name: string): boolean => (item as Partial<Named> | null)?.name === name;

const broken = (path: string, why: unknown, port: number | undefined): KprofError =>
  new KprofError('usage', `${path} is broken, and is left alone`, {
    cause: why,
    hint: `mend it, or type, instead of --write-launch-json, --port ${port ?? 2345} -v 1, which prints the configuration, to be pasted`,
  });

/** What the file holds, as text and as its value; both undefined where there is none, or nothing in it. `port` is for the hint. */
export async function readLaunch(port?: number): Promise<{ readonly text: string | undefined; readonly launch: Launch | undefined }> {
  const path = pathOf();
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) throw broken(path, 'it is no UTF-8', port);
  const json = asJson(text);
  if (json.trim() === '') return { text: text === '' ? undefined : text, launch: undefined };
  const launch = parsed(json, (why) => broken(path, why, port));
  if (typeof launch !== 'object' || launch === null || Array.isArray(launch)) throw broken(path, 'it is no object', port);
  if (!Array.isArray((launch as Launch).configurations ?? [])) throw broken(path, 'its "configurations" are no list', port);
  return { text, launch };
}

function parsed(json: string, failed: (why: unknown) => Error): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw failed(error instanceof Error ? error.message : error);
  }
}

/** Adds the configuration, or puts it in the place of the one of its name; all else of the file stays byte for byte. Gives the path. */
export async function writeLaunch(configuration: Named & { readonly port?: number }): Promise<string> {
  const path = pathOf();
  const { text = '', launch } = await readLaunch(configuration.port);
  const whole = `${JSON.stringify({ version: '0.2.0', configurations: [configuration] }, null, 2)}\n`;
  const content =
    launch === undefined
      ? `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${whole}`
      : withItem(text, 'configurations', configuration, (item) => isNamed(item, configuration.name));
  const written: unknown = parsed(asJson(content), (why) => broken(path, why, configuration.port));
  const wanted =
    launch === undefined ? JSON.parse(whole) : { ...launch, configurations: among(launch.configurations ?? [], configuration) };
  if (!isDeepStrictEqual(written, JSON.parse(JSON.stringify(wanted))))
    throw broken(path, 'it would not have been the same with the configuration', configuration.port);
  await replace(path, content);
  return path;
}

function among(all: readonly unknown[], configuration: Named): readonly unknown[] {
  const at = all.findIndex((item) => isNamed(item, configuration.name));
  return at === -1 ? [...all, configuration] : all.with(at, configuration);
}

/** It stays where a link leads to, and whose it is to read. */
async function replace(path: string, content: string): Promise<void> {
  const real = await realpath(path).catch(() => path);
  const known = await stat(real).catch(() => undefined);
  if (!(await replaceFile(real, content))) throw new KprofError('disk', `${path} can't be written`);
  if (known !== undefined) await chmod(real, known.mode & 0o777);
}
