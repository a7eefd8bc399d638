/**
 * Go programs with net/http/pprof: where it is looked for, what can be asked, and what its answers mean
 * (https://github.com/golang/go/blob/master/src/net/http/pprof/pprof.go).
 */
import { KprofError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { DeclaredPort, Endpoint, HttpGet, Milliseconds, Page } from '../toolkit.ts';

/** The port that the package's documentation uses, and with it most programs. */
const usualPort = 6060;

/** Where the package registers itself. */
export const usualPath = '/debug/pprof/';

/** Groups of ports, the likeliest first: named pprof, the usual one, all that are declared. The container's own come before its neighbours'. */
export function portsToTry(ports: readonly DeclaredPort[], container: string): readonly (readonly number[])[] {
  const named = ports.filter(({ name }) => name?.includes('pprof'));
  const own = (some: readonly DeclaredPort[]) => some.filter((each) => each.container === container).map(({ port }) => port);
  const others = (some: readonly DeclaredPort[]) => some.filter((each) => each.container !== container).map(({ port }) => port);
  const groups = [own(named), others(named), [usualPort], own(ports), others(ports)];
  return groups
    .map((group, at) => [...new Set(group)].filter((port) => !groups.slice(0, at).flat().includes(port)))
    .filter(({ length }) => length > 0);
}

/** The index pages that a path may mean: it itself, or the usual one below it. */
export function indexPaths(path: string | undefined): readonly string[] {
  if (path === undefined) return [usualPath];
  const slashed = `/${path.replace(/^\/+|\/+$/g, '')}/`.replace('//', '/');
  return slashed.endsWith(usualPath) ? [slashed] : [slashed, `${slashed.slice(0, -1)}${usualPath}`];
}

const isIndex = ({ status, text }: Page): boolean =>
  status === 200 && /Types of profiles available|<title>\/debug\/pprof\/<\/title>/.test(text);

/** Whether a page is the package's index; an error where somebody has to log in first. */
export function judge(page: Page): boolean | KprofError {
  return page.status === 401 || page.status === 403 ? locked(page, 'The pprof endpoint') : isIndex(page);
}

function locked({ status, headers, text }: Page, what: string): KprofError {
  const asked = headers['www-authenticate'];
  const basic = asked === undefined || /^basic/i.test(asked);
  const example = basic ? 'Authorization: Basic $(printf USER:PASSWORD | base64)' : 'Authorization: Bearer $TOKEN';
  return new KprofError('forbidden', `${what} wants to know who asks: it answered ${status}`, {
    cause: asked === undefined ? excerpt(text) : `it asks for ${asked}`,
    hint: `--header "${example}", or, where others can see your processes, --header @FILE with that line in the file; --path PATH if it is elsewhere`,
  });
}

const excerpt = (text: string): string | undefined => text.trim().slice(0, 300) || undefined;

/** What is typed for a kind of profile, beside its name. */
export interface Asked {
  readonly kind: string;
  readonly duration: Milliseconds;
  readonly delta: Milliseconds | undefined;
  readonly gc: boolean;
  readonly debug: 0 | 1 | 2;
}

/** Those whose difference over time the package gives. */
const takesDelta: readonly string[] = ['heap', 'allocs', 'goroutine', 'block', 'mutex', 'threadcreate'];

/** What the index page does not list as profiles of its own. */
const timed: readonly string[] = ['cpu', 'trace'];

/** A trace grows by megabytes in a second: beside others it is short. */
const longestTrace: Milliseconds = 5000;

/** The names of the profiles that an index page lists. */
export function listed({ text }: Page): readonly string[] {
  // Unquoted up to Go 1.18.
  const names = [...text.matchAll(/href=['"]?(?:[^'"?>\s]*\/)?([\w.%-]+)\?debug=\d/g)].map((match) => decoded(match[1] as string));
  return [...new Set(names)].filter((name) => !['cmdline', 'symbol', 'profile', 'trace'].includes(name));
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // then it is its name
  }
}

/** What to ask for a kind; for `all`, one after another what the index page lists. Throws when there is no such kind. */
export function asks(asked: Asked, index: Page): readonly HttpGet[] {
  const names = isIndex(index) ? listed(index) : undefined;
  if (asked.kind === 'all')
    return [...timed, ...(names ?? takesDelta)].map((kind) => ask({ ...asked, kind, delta: undefined, debug: 0 }, true));
  if (timed.includes(asked.kind) || names === undefined || names.includes(asked.kind)) return [ask(asked, false)];
  const kinds = [...timed, ...names, 'all'];
  const near = nearest(asked.kind, kinds);
  throw new KprofError('usage', `The app has no profile "${asked.kind}"`, {
    hint: `${near === undefined ? '' : `did you mean ${near}? `}It has ${kinds.join(', ')}`,
  });
}

/** The package counts in whole seconds, of a trace also in parts of one. */
const seconds = (time: Milliseconds): string => String(Math.ceil(time / 1000));

function ask({ kind, duration, delta, gc, debug }: Asked, together: boolean): HttpGet {
  const refused = (page: Page): KprofError => explain(kind, page);
  const name = `${kind.replace(/[^\w.-]/g, '_')}${kind === 'trace' ? '.trace' : '.pb.gz'}`;
  if (kind === 'cpu')
    return { path: 'profile', query: { seconds: seconds(duration) }, takes: duration, says: 'sampling the CPU', name, refused };
  if (kind === 'trace') {
    const takes = together ? Math.min(duration, longestTrace) : duration;
    return { path: 'trace', query: { seconds: String(takes / 1000) }, takes, says: 'tracing', name, refused };
  }
  const query = {
    ...(delta === undefined ? {} : { seconds: seconds(delta) }),
    ...(gc && kind === 'heap' ? { gc: '1' } : {}),
    ...(debug === 0 ? {} : { debug: String(debug) }),
  };
  return { path: encodeURIComponent(kind), query, takes: delta ?? 0, says: `fetching ${kind}`, name, refused };
}

/** Throws where flags don't go together with a kind; before anything is sent. */
export function checkAsked({ kind, delta, gc, debug }: Asked): void {
  const refuse = (what: string, hint: string) => new KprofError('usage', what, { hint });
  if (timed.includes(kind) && (delta !== undefined || debug !== 0))
    throw refuse(
      `${delta === undefined ? '--debug' : '--delta'} is not for ${kind}, which is of a length of time anyway`,
      '--duration says which',
    );
  if (kind === 'all' && (delta !== undefined || debug !== 0))
    throw refuse('--delta and --debug are for a single kind, not for all', 'name one: heap');
  if (delta !== undefined && debug !== 0) throw refuse('--delta and --debug do not go together', 'leave one out');
  if (gc && kind !== 'heap' && kind !== 'all') throw refuse(`--gc is for heap, not for ${kind}`, 'kprof pprof NAME heap --gc');
}

/** What an answer that is no profile means. */
export function explain(kind: string, page: Page): KprofError {
  const { status, text } = page;
  const cause = excerpt(text) ?? `it answered ${status}`;
  const fail = (failure: 'failed' | 'unsupported', message: string, hint?: string) => new KprofError(failure, message, { cause, hint });
  if (status === 401 || status === 403) return locked(page, `The ${kind} profile`);
  if (/cpu profiling already in use/.test(text))
    return fail(
      'failed',
      'Somebody else takes a CPU profile of this process, and Go takes one at a time',
      'wait for its end, then try again',
    );
  if (/tracing is already enabled/.test(text))
    return fail('failed', 'Somebody else traces this process, and Go does it once at a time', 'try again later');
  if (/exceeds server's WriteTimeout/.test(text))
    return fail(
      'failed',
      "The app's server ends its answers sooner than the profile takes (WriteTimeout)",
      'take a shorter one: --duration 5s',
    );
  if (/"seconds" parameter is not supported/.test(text))
    return fail('unsupported', `The app gives no difference over time of ${kind}`, 'leave out --delta');
  if (status === 404)
    return fail('unsupported', `The app has no ${kind} profile`, 'another path: --path PATH; the kinds it has: --path of its index page');
  return fail('failed', `The app answered ${status} and no ${kind} profile`);
}

const rates: Readonly<Record<string, string>> = {
  block: 'runtime.SetBlockProfileRate(1)',
  mutex: 'runtime.SetMutexProfileFraction(1)',
};

/** What to say of a profile without a single sample. */
export function remarkOnEmpty(kind: string, samples: unknown): string | undefined {
  if (samples !== 0) return undefined;
  const rate = rates[kind];
  if (rate !== undefined)
    return `The ${kind} profile is empty: nothing waited yet, or the app does not record it, which it does after ${rate}`;
  if (kind === 'cpu') return 'The CPU profile is empty: the process did next to nothing meanwhile';
  return `The ${kind} profile is empty`;
}

/** The endpoint of a Go program, as data. */
export const pprofEndpoint = (found: Pick<Endpoint, 'ports' | 'named' | 'scheme' | 'paths' | 'headers'>): Endpoint => ({
  looksFor: 'pprof endpoint',
  judge,
  whoami: 'cmdline',
  hint: 'a Go app has one after import _ "net/http/pprof" and http.ListenAndServe("localhost:6060", nil); --port and --path say where another one is',
  ...found,
});
