/**
 * HotSpot's thread dumps, as jcmd Thread.print, jattach and SIGQUIT print them, read line by line; all names in them are the target's to choose.
 * https://github.com/openjdk/jdk/blob/master/src/hotspot/share/runtime/vmOperations.cpp (VM_PrintThreads, then VM_FindDeadlocks)
 */

import { threadTime } from '../runtimes/thread-times.ts';
import { virtualThread } from '../runtimes/virtual-threads.ts';

/** A lock: its address, which a collection may change between two dumps, and its class. */
export interface Lock {
  readonly address: string;
  readonly type: string;
}

/** One thread of a dump. */
export interface Thread {
  readonly name: string;
  /** Its address in the JVM: the same in all dumps. */
  readonly tid: string;
  /** Milliseconds since it began; up to JDK 10 not in the dump, and behind it where the kernel was asked. */
  cpu: number | undefined;
  elapsed: number | undefined;
  /** None of the VM's own. */
  state: string | undefined;
  readonly holds: Lock[];
  waitsFor: Lock | undefined;
}

/** A thread of a cycle, what it waits for, and who holds that. */
export interface Stuck {
  readonly name: string;
  lock: Lock | undefined;
  heldBy: string | undefined;
}

/** One dump. */
export interface Dump {
  readonly threads: Thread[];
  /** By the kernel's number of them. */
  readonly byNid: Map<string, Thread>;
  /** Virtual ones, which stand behind the dump. */
  virtual: number;
  /** Cycles found, as the last line says. */
  deadlocks: number;
  readonly stuck: Stuck[];
  /** The line that ends the list of threads was seen. */
  ended: boolean;
  /** Deadlocks are announced, and not all told. */
  telling: boolean;
  /** Where in that: who waits for whom, or their stacks, which were there already. */
  part: 'cycle' | 'stacks';
}

const begin = /^Full thread dump /;
// The name, which may hold line breaks, ends before it.
const header = /^(?:"(.*))?" .*?(?:cpu=([\d.]+)ms elapsed=([\d.]+)s .*?)?\btid=(0x[0-9a-f]+) nid=(\w+)/;
const otherHeader = /" .*\bnid=/;
// `JNI global references: 232` up to JDK 8.
const end = /^JNI global ref/;
const state = /^ {3}java\.lang\.Thread\.State: ([A-Z_]+)/;
const locking =
  /^\t- (locked|waiting to lock|waiting to re-lock in wait\(\)|waiting on|parking to wait for)? *<(0x[0-9a-f]+)> \(an? (.*)\)$/;
// Deadlocks are printed behind the end, from `Found one Java-level deadlock:` to `Found 1 deadlock.`
const announced = /^Found (?:one|\d+) Java-level deadlock/;
const told = /^Found (\d+) deadlocks?\./;
const named = /^"(.*)":$/;
const wanted = /^ {2}waiting to lock monitor 0x[0-9a-f]+ \(object (0x[0-9a-f]+), an? (.*)\),?$/;
const wantedSynchronizer = /^ {2}waiting for ownable synchronizer (0x[0-9a-f]+), \(an? (.*)\),?$/;
const holder = /^ {2}which is held by "(.*)"$/;

const number = (text: string | undefined, unit: number): number | undefined => (text === undefined ? undefined : Number(text) * unit);

function readThread(dump: Dump, line: string): void {
  const found = header.exec(line);
  if (found !== null || otherHeader.test(line)) {
    const [, name = '…', cpu, elapsed, tid = '', nid = ''] = found ?? [];
    const thread = { name, tid, cpu: number(cpu, 1), elapsed: number(elapsed, 1000), state: undefined, holds: [], waitsFor: undefined };
    dump.threads.push(thread);
    dump.byNid.set(nid, thread);
    return;
  }
  const thread = dump.threads.at(-1);
  if (thread === undefined) return;
  thread.state ??= state.exec(line)?.[1];
  const [, how = 'locked', address, type] = locking.exec(line) ?? [];
  if (address === undefined || type === undefined) return;
  // Who waits on a monitor in wait() has let go of it, though the frames below say `locked`.
  if (how === 'locked' && thread.waitsFor?.address !== address) thread.holds.push({ address, type });
  else if (how !== 'locked') thread.waitsFor ??= { address, type };
}

/** Whether it tells what a thread used. */
function readTime({ byNid }: Dump, line: string): boolean {
  const [, nid = '', cpu, elapsed] = threadTime.exec(line) ?? [];
  const thread = byNid.get(nid);
  if (thread !== undefined) {
    thread.cpu ??= number(cpu, 1);
    thread.elapsed ??= number(elapsed, 1000);
  }
  return cpu !== undefined;
}

function readDeadlock(dump: Dump, line: string): void {
  const count = told.exec(line)?.[1];
  if (count !== undefined) {
    dump.deadlocks = Number(count);
    dump.telling = false;
  } else if (announced.test(line)) {
    dump.telling = true;
    dump.part = 'cycle';
  } else if (line.startsWith('Java stack information')) dump.part = 'stacks';
  else if (dump.telling && dump.part === 'cycle') readCycle(dump.stuck, line);
}

function readCycle(stuck: Stuck[], line: string): void {
  const name = named.exec(line)?.[1];
  if (name !== undefined && stuck.length < 1000) stuck.push({ name, lock: undefined, heldBy: undefined });
  const last = stuck.at(-1);
  if (last === undefined) return;
  const [, address, type] = wanted.exec(line) ?? wantedSynchronizer.exec(line) ?? [];
  if (address !== undefined && type !== undefined) last.lock = { address, type };
  last.heldBy ??= holder.exec(line)?.[1];
}

/** Adds a line of a file to the dumps that were found in it so far. */
export function readLine(dumps: Dump[], line: string): void {
  const dump = dumps.at(-1);
  // A thread's name may hold any line: only after the end of a dump does the next one begin.
  if (begin.test(line) && dump?.ended !== false)
    dumps.push({ threads: [], byNid: new Map(), virtual: 0, deadlocks: 0, stuck: [], ended: false, telling: false, part: 'cycle' });
  else if (dump === undefined) return;
  else if (end.test(line)) dump.ended = true;
  else if (!dump.ended) readThread(dump, line);
  else if (virtualThread.test(line)) dump.virtual += 1;
  else if (!readTime(dump, line)) readDeadlock(dump, line);
}
