/**
 * HotSpot thread dumps, as jcmd Thread.print and jattach print them, one or more in a file.
 * https://github.com/openjdk/jdk/blob/master/src/hotspot/share/runtime/vmOperations.cpp (VM_PrintThreads, then VM_FindDeadlocks)
 */
import { createInterface } from 'node:readline';
import { KprofError } from '../errors.ts';
import { type Format, openFile, type Summary } from './format.ts';

/** One dump. */
interface Dump {
  threads: number;
  /** Java threads by state; the VM's own have none. */
  readonly states: Map<string, number>;
  /** Cycles found. */
  deadlocks: number;
  /** The line that ends the list of threads was seen. */
  ended: boolean;
  /** Deadlocks are announced, and not all told. */
  telling: boolean;
}

const begin = /^Full thread dump /;
// The name, which may hold line breaks, ends before it.
const thread = /" .*\bnid=/;
// `JNI global references: 232` up to JDK 8.
const end = /^JNI global ref/;
const state = /^ {3}java\.lang\.Thread\.State: ([A-Z_]+)/;
// Deadlocks are printed behind the end, from `Found one Java-level deadlock:` to `Found 1 deadlock.`
const announced = /^Found (?:one|\d+) Java-level deadlock/;
const told = /^Found (\d+) deadlocks?\./;

function readLine(dump: Dump, line: string): void {
  const found = dump.ended ? undefined : state.exec(line)?.[1];
  if (found !== undefined) dump.states.set(found, (dump.states.get(found) ?? 0) + 1);
  else if (!dump.ended && thread.test(line)) dump.threads += 1;
  else if (end.test(line)) dump.ended = true;
  else if (dump.ended && announced.test(line)) dump.telling = true;
  const count = dump.ended ? told.exec(line)?.[1] : undefined;
  if (count === undefined) return;
  dump.deadlocks = Number(count);
  dump.telling = false;
}

async function dumpsOf(path: string): Promise<readonly Dump[]> {
  await using file = await openFile(path);
  const dumps: Dump[] = [];
  for await (const line of createInterface({ input: file.createReadStream({ autoClose: false }), crlfDelay: Number.POSITIVE_INFINITY })) {
    const last = dumps.at(-1);
    // A thread's name may hold any line: only after the end of a dump does the next one begin.
    if (begin.test(line) && last?.ended !== false)
      dumps.push({ threads: 0, states: new Map(), deadlocks: 0, ended: false, telling: false });
    else if (last) readLine(last, line);
  }
  return dumps;
}

function summarise(dumps: readonly Dump[]): Summary {
  const last = dumps.at(-1) as Dump;
  const states = Object.fromEntries([...last.states].sort(([, a], [, b]) => b - a));
  const deadlocks = Math.max(...dumps.map((dump) => dump.deadlocks));
  const inStates = Object.entries(states).map(([name, count]) => `${count} ${name}`);
  const count = dumps.length === 1 ? '1 dump' : `${dumps.length} dumps, the last`;
  const alarm = deadlocks === 0 ? '' : `; ${deadlocks} deadlock${deadlocks === 1 ? '' : 's'} found`;
  return {
    text: `${count} of ${last.threads} threads: ${inStates.join(', ')}${alarm}`,
    facts: { dumps: dumps.length, threads: last.threads, states, deadlocks },
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
