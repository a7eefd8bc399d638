/** speedscope, a viewer of profiles that runs in the browser: https://github.com/jlfwong/speedscope */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { KprofError } from '../../errors.ts';
import { type Format, openFile } from '../../formats/format.ts';
import { readProfile } from '../../formats/pprof.ts';
import { countedOf, halve, stacksOf } from '../../profile/difference.ts';
import { folded } from '../../profile/folded.ts';
import { readRecording } from '../../profile/jfr.ts';
import { defaultIndex } from '../../profile/top.ts';
import { bytes as inWords } from '../../report.ts';
import { shellWord } from '../../safe.ts';
import { answerFrom, type Blob, type Site } from './site.ts';
import { speedscopeFile, viewOf } from './speedscope-file.ts';

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  png: 'image/png',
  ico: 'image/x-icon',
  wasm: 'application/wasm',
  woff2: 'font/woff2',
};

/** How speedscope tells formats apart by name; it looks into the others itself. */
const suffixes: Readonly<Partial<Record<Format['name'], string>>> = { collapsed: '.collapsedstack.txt', perf: '.linux-perf.txt' };

/** Larger ones are more than a tab takes, whose longest text is 512 MiB; 60 MB of different stacks keep it busy for a minute. */
export const limit = 256 * 2 ** 20;

const others: Readonly<Partial<Record<Format['name'], string>>> = {
  jfr: 'JDK Mission Control opens it: https://adoptium.net/jmc',
  pprof: 'go tool pprof FILE',
  cpuprofile: "Chrome's DevTools open it: Performance, Load profile",
  heapprofile: "Chrome's DevTools open it: Memory, Load profile",
  perf: 'inferno-collapse-perf FILE | inferno-flamegraph >flames.svg',
  collapsed: 'inferno-flamegraph FILE >flames.svg',
};

/**
 * What the page may do: its own scripts and their WebAssembly, requests to where it came from, and nothing else.
 * The hash is that of an empty style element, which it fills rule by rule.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Where the build puts speedscope: beside the bundle. */
const folder = (): URL => new URL('./page/', import.meta.url);

/** A name that means nothing to a URL, a page or speedscope but the kind of file. */
export function blobName(path: string, { name, extension }: Pick<Format, 'name' | 'extension'>): string {
  const stem = basename(path)
    .replace(/(\.[a-z0-9]{1,12}){1,2}$/i, '')
    .replace(/[^\w-]+/g, '-');
  // speedscope takes some names for those of other kinds of file.
  const plain = stem === '' || /(Trace|Profile)-\d|^callgrind$/.test(stem) ? 'profile' : stem;
  return `${plain}${suffixes[name] ?? `.${extension}`}`;
}

/** Throws a KprofError `unsupported` for a file that is too large for a browser. */
export async function fits(path: string, format: Format): Promise<void> {
  const { size } = await stat(path);
  if (size > limit)
    throw new KprofError('unsupported', `${path} has ${inWords(size)}, and the page shows up to ${inWords(limit)}`, {
      hint: others[format.name]?.replace('FILE', () => shellWord(path)),
    });
}

async function ownFiles(from: URL): Promise<readonly (readonly [string, Blob])[]> {
  const names = (await readdir(from)).filter((name) => types[name.split('.').at(-1) as string] !== undefined);
  return Promise.all(
    names.map(
      async (name) =>
        [name, { type: types[name.split('.').at(-1) as string] as string, bytes: await readFile(new URL(name, from)) }] as const,
    ),
  );
}

/** A file for speedscope to show, under a name of `blobName`. */
export interface Shown {
  readonly name: string;
  readonly bytes: Buffer;
}

/** What speedscope is given. Its own reader of JFR gives up on some recordings that `jfr` reads: it gets the stacks that we read. */
async function shown(path: string, format: Format): Promise<Shown> {
  if (format.name === 'jfr') {
    await using file = await openFile(path);
    const recording = await readRecording(file, (await file.stat()).size);
    const stacks = recording === undefined ? '' : folded(recording.samples);
    if (stacks !== '') return { name: blobName(path, { name: 'collapsed', extension: format.extension }), bytes: Buffer.from(stacks) };
  }
  return (format.name === 'pprof' ? await twoSided(path) : undefined) ?? { name: blobName(path, format), bytes: await readFile(path) };
}

/** A profile over a time (`--delta`) may have less of something; speedscope refuses such a one, and gets both sides. Undefined of all others. */
async function twoSided(path: string): Promise<Shown | undefined> {
  const profile = await readProfile(path);
  const index = defaultIndex(profile);
  if (!profile.samples.some(({ values }) => (values[index] ?? 0) < 0)) return undefined;
  const type = countedOf(profile);
  const { grew, shrank } = halve(stacksOf(profile));
  const views = [viewOf('Grew by', grew, type), viewOf('Shrank by', shrank, type)];
  return { name: 'difference.speedscope.json', bytes: Buffer.from(speedscopeFile('difference', type, views)) };
}

/** speedscope, showing a file; both are read into memory. Throws a KprofError when the file is too large. */
export async function speedscope(path: string, format: Format, from: URL = folder()): Promise<Site> {
  await fits(path, format);
  return speedscopeOf(await shown(path, format), from);
}

/** speedscope, showing these bytes. */
export async function speedscopeOf({ name, bytes }: Shown, from: URL = folder()): Promise<Site> {
  const profile: Blob = { type: 'application/octet-stream', bytes };
  const blobs = new Map<string, Blob>([...(await ownFiles(from)), [`profile/${name}`, profile]]);
  return {
    title: 'speedscope',
    entry: `index.html#profileURL=profile/${name}&view=left-heavy`,
    policy,
    answer: answerFrom(blobs),
    close: async () => {},
  };
}
