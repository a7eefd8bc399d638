/** The `file` kind: the target writes a file, which is pulled when the steps are done. */
import { pull } from '../pull/pull.ts';
import { start } from '../remote/remote.ts';
import type { CaptureRecord, RemoteFile } from '../state/captures.ts';
import type { Plan } from '../toolkit.ts';
import { inTarget, makeFolder, perform, type Session, upload } from './session.ts';

const maxFile = 64 * 2 ** 30;

/** Size and digest of what was written to `partial`. */
export interface Captured {
  readonly bytes: number;
  readonly sha256: string;
}

/** Captures into the local file `partial`. Rejects with `incomplete` when what arrived is not whole. */
export async function captureFile(session: Session, plan: Extract<Plan, { kind: 'file' }>, partial: string): Promise<Captured> {
  await makeFolder(session);
  for (const { place, content } of plan.files) await upload(session, place, content);
  await perform(session, plan.steps, { breaks: false, maxBytes: 2 ** 20 });
  const { seenByTarget: path, at } = plan.result.file;
  const remote = { path, at };
  session.journal({ stage: 'pulling', remote, early: session.stops.early.aborted });
  return pullFile({ ...session, cpuLimit: session.target.cpuLimit }, remote, partial);
}

/** The pod's processor time is the app's: below one whole core next to none of it goes into compressing. */
const level = (cpuLimit: number | undefined): string => (cpuLimit !== undefined && cpuLimit < 1 ? '-fast=20' : '1');

/** What a pull needs of a session; a later kprof has no more. */
export interface Pulling extends Pick<Session, 'container' | 'tools' | 'report' | 'signal' | 'journal'> {
  readonly process: CaptureRecord['process'];
  readonly cpuLimit: number | undefined;
}

/** Pulls a finished file into `partial`, from where an earlier pull of it ended. */
export async function pullFile(pulling: Pulling, { path, at }: RemoteFile, partial: string): Promise<Captured> {
  const { container, report, signal, cpuLimit } = pulling;
  report.stage('pulling');
  const words = at === 'target' ? ['pull', level(cpuLimit), ...inTarget(pulling, 'tar', path)] : ['pull', 'plain', path];
  return pull((io) => start(container, words, io), {
    codec: at === 'target' ? 'zstd' : 'none',
    name: path.slice(path.lastIndexOf('/') + 1),
    to: partial,
    maxBytes: maxFile,
    signal,
    onProgress: (done, total) => report.progress('pulling', { done, total, unit: 'bytes' }),
  });
}
