/** The `file` kind: the target writes a file, which is pulled when the steps are done. */
import { pull } from '../pull/pull.ts';
import { start } from '../remote/remote.ts';
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
  return pullFile(session, plan.result.file.seenByTarget, plan.result.file.at, partial);
}

/** The pod's processor time is the app's: below one whole core next to none of it goes into compressing. */
const level = (cpuLimit: number | undefined): string => (cpuLimit !== undefined && cpuLimit < 1 ? '-fast=20' : '1');

async function pullFile(session: Session, path: string, at: 'target' | 'shared-memory', partial: string): Promise<Captured> {
  const { container, report, signal, target } = session;
  report.stage('pulling');
  const words = at === 'target' ? ['pull', level(target.cpuLimit), ...inTarget(session, 'tar', path)] : ['pull', 'plain', path];
  return pull((io) => start(container, words, io), {
    codec: at === 'target' ? 'zstd' : 'none',
    name: path.slice(path.lastIndexOf('/') + 1),
    to: partial,
    maxBytes: maxFile,
    signal,
    onProgress: (done, total) => report.progress('pulling', { done, total, unit: 'bytes' }),
  });
}
