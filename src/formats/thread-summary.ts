/** What stands out in thread dumps: deadlocks, threads that burn CPU, locks that others wait for. */
import { wrap } from '../report.ts';
import { safeLine } from '../safe.ts';
import type { Dump, Lock, Thread } from './thread-dump.ts';

/** A thread and the part of one core that it used. */
export interface Hot {
  readonly name: string;
  readonly share: number;
  /** Milliseconds. */
  readonly cpu: number;
}

/** A lock, who holds it, and who waits for it. */
export interface Crowd {
  readonly lock: Lock;
  readonly owner: string | undefined;
  readonly waiters: readonly string[];
}

const least = 0.01;

/** Threads that used 1 % of a core or more, most first: between the first and the last dump, or, of a single one, since they began. */
export function hotThreads(dumps: readonly Dump[]): readonly Hot[] {
  const [first, last] = [dumps[0], dumps.at(-1)];
  const before = new Map((dumps.length > 1 ? (first?.threads ?? []) : []).map((thread) => [thread.tid, thread]));
  return (last?.threads ?? [])
    .map((thread) => use(thread, before.get(thread.tid)))
    .filter((hot) => hot !== undefined)
    .filter(({ share }) => share >= least)
    .sort((one, other) => other.share - one.share);
}

function use({ name, cpu, elapsed }: Thread, earlier: Thread | undefined): Hot | undefined {
  if (cpu === undefined || elapsed === undefined) return undefined;
  const [used, passed] = [cpu - (earlier?.cpu ?? 0), elapsed - (earlier?.elapsed ?? 0)];
  // A thread that has just begun used a lot of hardly any time.
  return passed < 100 ? undefined : { name, cpu: used, share: used / passed };
}

/** Locks of a dump that somebody waits for, those with most waiters first. Who holds none of them, as a condition's, is left out. */
export function crowds({ threads }: Dump): readonly Crowd[] {
  const owners = new Map(threads.flatMap(({ name, holds }) => holds.map(({ address }) => [address, name] as const)));
  const found = new Map<string, { lock: Lock; waiters: string[] }>();
  for (const { name, waitsFor: lock } of threads) {
    if (lock === undefined || !owners.has(lock.address)) continue;
    const crowd = found.get(lock.address);
    if (crowd === undefined) found.set(lock.address, { lock, waiters: [name] });
    else crowd.waiters.push(name);
  }
  return [...found.values()]
    .map(({ lock, waiters }) => ({ lock, waiters, owner: owners.get(lock.address) }))
    .sort((one, other) => other.waiters.length - one.waiters.length);
}

const quoted = (name: string): string => `"${safeLine(name).slice(0, 100)}"`;
const inWords = ({ type, address }: Lock): string => `${safeLine(type).slice(0, 100)} <${address}>`;

const cycles = ({ stuck }: Dump): readonly string[] =>
  stuck.map(({ name, lock, heldBy }) => {
    const what = lock === undefined ? 'a lock' : inWords(lock);
    return `deadlock: ${quoted(name)} waits for ${heldBy === undefined ? what : `${quoted(heldBy)}, which holds ${what}`}`;
  });

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;

const some = (names: readonly string[]): string =>
  names.slice(0, 4).map(quoted).join(', ') + (names.length > 4 ? ` and ${names.length - 4} more` : '');

/** Printable lines, the worst first: of each kind so many at most. What is longer than the terminal goes on in the next line. */
export function standsOut(dumps: readonly Dump[], columns: number, count: number): string {
  const last = dumps.at(-1) as Dump;
  const worst = dumps.find(({ stuck }) => stuck.length > 0) ?? last;
  const since = dumps.length > 1 ? 'between the dumps' : 'since it began';
  const hot = hotThreads(dumps).map(
    ({ name, share, cpu }) => `cpu: ${quoted(name)} ${percent(share)} of a core, ${Math.round(cpu)} ms ${since}`,
  );
  const locks = crowds(last).map(
    ({ lock, owner, waiters }) => `lock: ${quoted(owner ?? '?')} holds ${inWords(lock)}: ${waiters.length} waiting, ${some(waiters)}`,
  );
  return [cycles(worst), hot, locks].flatMap((lines) => lines.slice(0, count).map((line) => wrap(line, columns, '  '))).join('\n');
}
