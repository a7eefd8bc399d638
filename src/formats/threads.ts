/** Files of HotSpot's thread dumps, one or more in a file, with virtual threads behind them. */
import { KprofError } from '../errors.ts';
import { plural } from '../report.ts';
import type { Fact, Format, Summary } from './format.ts';
import { linesOf } from './lines.ts';
import { type Dump, readLine } from './thread-dump.ts';
import { crowds, hotThreads, standsOut } from './thread-summary.ts';

async function dumpsOf(path: string): Promise<readonly Dump[]> {
  const dumps: Dump[] = [];
  for await (const { line } of linesOf(path)) readLine(dumps, line);
  return dumps;
}

const byState = ({ threads }: Dump): Readonly<Record<string, number>> => {
  const states = new Map<string, number>();
  for (const { state } of threads) if (state !== undefined) states.set(state, (states.get(state) ?? 0) + 1);
  return Object.fromEntries([...states].sort(([, a], [, b]) => b - a));
};

const rounded = (share: number): number => Math.round(share * 1000) / 1000;

/** The shares of cores by thread's name, and how many wait for a lock by its owner's name and its class; where there are any. */
function more(dumps: readonly Dump[], last: Dump): Readonly<Record<string, Fact>> {
  const hot = hotThreads(dumps).slice(0, 10);
  const locks = crowds(last).slice(0, 10);
  const stuck = dumps.find((dump) => dump.stuck.length > 0)?.stuck ?? [];
  return {
    ...(last.virtual === 0 ? {} : { virtual: last.virtual }),
    ...(stuck.length === 0 ? {} : { deadlocked: stuck.map(({ name }) => name).join(', ') }),
    ...(hot.length === 0 ? {} : { cpu: Object.fromEntries(hot.map(({ name, share }) => [name, rounded(share)])) }),
    ...(locks.length === 0
      ? {}
      : { waiters: Object.fromEntries(locks.map(({ lock, owner, waiters }) => [`${owner} ${lock.type}`, waiters.length])) }),
  };
}

function summarise(dumps: readonly Dump[]): Summary {
  const last = dumps.at(-1) as Dump;
  const states = byState(last);
  const deadlocks = Math.max(...dumps.map((dump) => dump.deadlocks));
  const inStates = Object.entries(states).map(([name, count]) => `${count} ${name}`);
  const count = dumps.length === 1 ? '1 dump' : `${dumps.length} dumps, the last`;
  const besides = last.virtual === 0 ? '' : `; ${plural(last.virtual, 'virtual thread')} besides`;
  const alarm = deadlocks === 0 ? '' : `; ${plural(deadlocks, 'deadlock')} found`;
  const details = (columns: number, most = 10) => standsOut(dumps, columns, most);
  return {
    text: `${count} of ${plural(last.threads.length, 'thread')}: ${inStates.join(', ')}${besides}${alarm}`,
    ...(details(200) === '' ? {} : { details }),
    facts: { dumps: dumps.length, threads: last.threads.length, states, deadlocks, ...more(dumps, last) },
  };
}

/** Thread dumps; the check wants every dump of the file to be whole. The states are those of the last one. */
export const threads: Format = {
  name: 'threads',
  extension: 'txt',
  viewers: [],
  matches: (head) => /^Full thread dump /m.test(head.toString('latin1')),
  async check(path) {
    const dumps = await dumpsOf(path);
    const broken = dumps.findIndex((dump) => !dump.ended || dump.telling);
    if (dumps.length === 0) throw new KprofError('incomplete', `${path} holds no thread dump`);
    if (broken >= 0) throw new KprofError('incomplete', `${path} is not a whole thread dump: dump ${broken + 1} ends in the middle`);
    return summarise(dumps);
  },
};
