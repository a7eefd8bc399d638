/** A configuration in .vscode/launch.json of this folder. */
import { chmod, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { applyEdits, type FormattingOptions, modify, type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { KprofError } from './errors.ts';
import { replaceFile } from './state/folder.ts';

const pathOf = (): string => join(process.cwd(), '.vscode', 'launch.json');

/** Who has the name. */
interface Named {
  readonly name: string;
}

interface Launch {
  readonly configurations?: readonly unknown[];
}

const byteOrderMark = /^\ufeff/;

const broken = (path: string, why: unknown, port: number | undefined): KprofError =>
  new KprofError('usage', `${path} is broken, and is left alone`, {
    cause: why,
    hint: `mend it, or type, instead of --write-launch-json, --port ${port ?? 2345} -v 1, which prints the configuration, to be pasted`,
  });

/** What the file holds, as text and as its value; undefined where there is none, or nothing in it. `port` is for the hint. */
export async function readLaunch(port?: number): Promise<{ readonly text: string; readonly launch: Launch | undefined }> {
  const path = pathOf();
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) throw broken(path, 'it is no UTF-8', port);
  const launch = parsed(text, (why) => broken(path, why, port));
  if (launch === undefined) return { text, launch };
  if (typeof launch !== 'object' || launch === null || Array.isArray(launch)) throw broken(path, 'it is no object', port);
  if (!Array.isArray((launch as Launch).configurations ?? [])) throw broken(path, 'its "configurations" are no list', port);
  return { text, launch };
}

/** As VS Code reads it, with comments and commas at the end; undefined where there is nothing else. */
function parsed(text: string, failed: (why: unknown) => Error): unknown {
  const errors: ParseError[] = [];
  const value: unknown = parse(text.replace(byteOrderMark, ' '), errors, { allowTrailingComma: true, allowEmptyContent: true });
  const [first] = errors;
  if (first === undefined) return value;
  throw failed(`${printParseErrorCode(first.error)} in line ${text.slice(0, first.offset).split('\n').length}`);
}

/** Adds the configuration as VS Code does, as the first, or puts it in the place of the one of its name; all else stays. Gives the path. */
export async function writeLaunch(configuration: Named & { readonly port?: number }): Promise<string> {
  const path = pathOf();
  const { text, launch } = await readLaunch(configuration.port);
  const wanted = launch === undefined ? { version: '0.2.0', configurations: [configuration] } : including(launch, configuration);
  const content =
    launch === undefined
      ? `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${JSON.stringify(wanted, null, 2)}\n`
      : changed(text, launch, configuration);
  const written = parsed(content, (why) => broken(path, why, configuration.port));
  if (!isDeepStrictEqual(written, JSON.parse(JSON.stringify(wanted))))
    throw broken(path, 'it would not have been the same with the configuration', configuration.port);
  await replace(path, content);
  return path;
}

const placeOf = ({ configurations = [] }: Launch, { name }: Named): number =>
  configurations.findIndex((item) => (item as Partial<Named> | null)?.name === name);

function including(launch: Launch, configuration: Named): Launch {
  const { configurations: all = [] } = launch;
  const at = placeOf(launch, configuration);
  return { ...launch, configurations: at === -1 ? [configuration, ...all] : all.with(at, configuration) };
}

function changed(text: string, launch: Launch, configuration: Named): string {
  const [mark = ''] = byteOrderMark.exec(text) ?? [];
  const json = text.slice(mark.length);
  const formattingOptions = layoutOf(json);
  const at = placeOf(launch, configuration);
  const edits =
    launch.configurations === undefined
      ? modify(json, ['configurations'], [configuration], { formattingOptions })
      : modify(json, ['configurations', Math.max(at, 0)], configuration, {
          formattingOptions,
          isArrayInsertion: at === -1,
        });
  return mark + applyEdits(json, edits);
}

function layoutOf(text: string): FormattingOptions {
  const unit = /^(\t+| +)["{[/]/m.exec(text)?.[1] ?? '  ';
  return { insertSpaces: !unit.startsWith('\t'), tabSize: unit.length, eol: text.includes('\r\n') ? '\r\n' : '\n' };
}

/** It stays where a link leads to, and whose it is to read. */
async function replace(path: string, content: string): Promise<void> {
  const real = await realpath(path).catch(() => path);
  const known = await stat(real).catch(() => undefined);
  if (!(await replaceFile(real, content))) throw new KprofError('disk', `${path} can't be written`);
  if (known !== undefined) await chmod(real, known.mode & 0o777);
}
