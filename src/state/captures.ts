/**
 * The captures of this user's kprof that are not over, a file each: what it takes to go on with one,
 * to end one, or to tell of one, when the kprof that began it is gone.
 */
import { execFile } from 'node:child_process';
import { readFile, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DebugSpec } from '../cluster.ts';
import type { Identity } from '../pull/remarks.ts';
import type { Argv, Ends, FormatName, Place, Secrets } from '../toolkit.ts';
import { readRecords, replaceFile, stateFolder } from './folder.ts';

/**
 * How far a capture is. What was captured can be fetched from `pulling` on; before, the pod undoes what runs when its client is gone.
 * With `done` all of it is here, and the pod is still to be cleaned up.
 */
export type Stage = 'capturing' | 'pulling' | 'done';

/** The file in the pod, by which it is known again. */
export interface RemoteFile {
  readonly path: string;
  readonly at: Place['at'];
  /** Absent until a byte came. */
  readonly identity?: Identity | undefined;
}

/** A capture that is not over. */
export interface CaptureRecord {
  readonly version: 1;
  readonly id: string;
  readonly stage: Stage;
  readonly tool: string;
  readonly format: FormatName;
  /** ISO 8601, local clock. */
  readonly startedAt: string;
  /** The flags of connection as they were typed, without secrets, and the context and `kubeconfigs` (absolute paths) that they meant. */
  readonly connection: Readonly<Record<string, string | boolean | readonly string[]>>;
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly containerId: string;
  readonly process: {
    readonly pid: number;
    readonly started: string;
    readonly uid: number;
    readonly gid: number;
    readonly groups: readonly number[];
  };
  readonly runtime: string | undefined;
  readonly debugContainer: {
    readonly name: string;
    readonly user: { readonly uid: number; readonly gid: number };
    readonly rung: string;
    readonly why: string;
  };
  readonly tools: readonly string[];
  readonly early: boolean;
  /** Whether the file may hold them. */
  readonly secrets?: Secrets | undefined;
  readonly ends?: Ends | undefined;
  readonly remote: RemoteFile | undefined;
  /** Absolute paths. */
  readonly final: string;
  readonly partial: string;
  /** The name is ours, and another one will do where it is taken. */
  readonly ours: boolean;
  /** Seconds. */
  readonly ttl: number;
  /** What was begun and has to be undone, oldest first, and from what kind of debug container: for when the one that was used is killed. */
  readonly undo?: { readonly from: Omit<DebugSpec, 'command'>; readonly words: readonly Argv[] } | undefined;
  readonly client: { readonly pid: number; readonly started: string; readonly host: string };
}

const folder = (env: NodeJS.ProcessEnv): string => join(stateFolder(env), 'captures');
const fileOf = (env: NodeJS.ProcessEnv, id: string): string => join(folder(env), `${id}.json`);

const run = promisify(execFile);

/** When process `pid` began, as `ps` tells where there is no /proc; empty where it does not tell either. */
export async function startedByPs(pid: number): Promise<string> {
  // Neither the language nor the zone of a laptop that travels may change it.
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  return run('ps', ['-o', 'lstart=', '-p', String(pid)], { env, timeout: 5000 }).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
}

/** When process `pid` of this machine began, in a unit of its own; empty where the system does not tell, undefined when there is none. */
async function started(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return stat === '' ? startedByPs(pid) : (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '');
}

/** This process, as a record names it. */
export const thisClient = async (): Promise<CaptureRecord['client']> => ({
  pid: process.pid,
  started: (await started(process.pid)) ?? '',
  host: hostname(),
});

/** What became of the kprof that made a record. */
export type Attendance = 'runs' | 'gone' | 'unknown';

/** Whether the kprof that made the record still runs. A number alone may be another process's by now, and a laptop is called otherwise in another network. */
export async function attendance({ client }: Pick<CaptureRecord, 'client'>): Promise<Attendance> {
  if (client.host !== hostname()) return 'unknown';
  const now = await started(client.pid);
  if (now === undefined) return 'gone';
  if (now === '' || client.started === '') return 'unknown';
  return now === client.started ? 'runs' : 'gone';
}

/** Whether the kprof that made the record is known to be gone. */
export const isLeft = async (record: CaptureRecord): Promise<boolean> => (await attendance(record)) === 'gone';

const isRecord = (value: unknown): value is CaptureRecord =>
  typeof value === 'object' &&
  value !== null &&
  (value as CaptureRecord).version === 1 &&
  /^[0-9a-f]{16}$/.test((value as CaptureRecord).id);

/** All captures that are not over, oldest first; what can't be read is none. */
export async function readCaptures(env: NodeJS.ProcessEnv): Promise<readonly CaptureRecord[]> {
  return (await readRecords(folder(env), isRecord)).toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
}

/** Keeps the record; false when it can't be, which costs the way back and not the capture. */
export const keepCapture = (env: NodeJS.ProcessEnv, record: CaptureRecord): Promise<boolean> =>
  replaceFile(fileOf(env, record.id), `${JSON.stringify(record)}\n`);

/** The capture is over. */
export const forgetCapture = (env: NodeJS.ProcessEnv, id: string): Promise<void> => unlink(fileOf(env, id)).catch(() => {});
