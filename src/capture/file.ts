/** The `file` kind: the target writes a file, which is pulled when the steps are done. */
import type { Fact } from '../formats/format.ts';
import type { From } from '../pull/attempt.ts';
import { type PullOptions, pull } from '../pull/pull.ts';
import { start } from '../remote/remote.ts';
import { bytes } from '../report.ts';
import type { Place, Plan } from '../toolkit.ts';
import { asTarget, inTarget, makeFolder, perform, type Reaching, type Session, upload } from './session.ts';

const maxFile = 64 * 2 ** 30;

/** Size and digest of what was written to `partial`. */
export interface Captured {
  readonly bytes: number;
  readonly sha256: string;
  /** What a script may want to know, and the file does not tell. */
  readonly facts?: Readonly<Record<string, Fact>>;
}

/**
 * Captures into the local file `partial`. Rejects with `incomplete` when what arrived is not whole. Where somebody can go on with it later,
 * `onFinished` is told that the file is there, and from then on the first Ctrl-C leaves it.
 */
export async function captureFile(
  session: Session,
  plan: Extract<Plan, { kind: 'file' }>,
  partial: string,
  onFinished?: () => void,
): Promise<Captured> {
  const { at, seenByTarget, seenByTool: path = seenByTarget } = plan.result.file;
  await makeFolder(session, { at });
  for (const { place, content } of plan.files) await upload(session, place, content);
  await perform(session, plan.steps, { breaks: false, maxBytes: 2 ** 20 });
  const { secrets, ends } = plan.result;
  session.lease.finished();
  const { early } = session.stops;
  session.journal({ stage: 'pulling', remote: { path, at }, early: early.aborted, secrets, ends });
  onFinished?.();
  const signal = onFinished === undefined || early.aborted ? session.signal : AbortSignal.any([session.signal, early]);
  return pullFile({ ...session, signal }, plan.result.file, partial, {
    onIdentity: (identity) => session.journal({ remote: { path, at, identity } }),
  });
}

/**
 * How the pod sends, as the first word of `pull`, and the thousandths of one core that it may use, 0 without a limit. A pod's processor
 * time is the app's: zstd may take a whole core, so it is left out below two, and what is left keeps to a twentieth of the pod's limit.
 */
export const pace = (cpuLimit: number | undefined): { readonly level: string; readonly permille: number } =>
  cpuLimit === undefined || cpuLimit >= 2
    ? { level: '1', permille: 0 }
    : { level: 'bare', permille: Math.max(1, Math.round(cpuLimit * 50)) };

// Bytes per millisecond that a thousandth of a core sums up at worst, by programs of the image's own.
const paced = 50;

/** Where to begin and which file it must be, as the last words of the sender's command; none where it just begins. */
function position({ offset, identity }: From, permille: number): readonly string[] {
  const which = identity === undefined ? [] : [identity.size, identity.inode, identity.mtime];
  return offset === 0 && permille === 0 && identity === undefined ? [] : [offset, permille, ...which].map(String);
}

/** What a pull needs of a session; a later kprof has no more. */
export interface Pulling extends Reaching, Pick<Session, 'report' | 'signal'> {
  readonly target: Pick<Session['target'], 'cpuLimit'>;
}

/** Pulls the file `path` of the target, or of the pod's shared memory, into `partial`; `more` can go on with one that an earlier run left. */
export async function pullFile(
  session: Pulling,
  { at, seenByTarget, seenByTool: path = seenByTarget }: Place,
  partial: string,
  more: Pick<PullOptions, 'resume' | 'onIdentity' | 'patience'> = {},
): Promise<Captured> {
  const { container, report, signal, target, tools } = session;
  report.stage('pulling');
  const { level, permille } = pace(target.cpuLimit);
  // An image without these sends a file as it is.
  const packs = at === 'target' || (at === 'tool' && tools.has('inroot') && tools.has('zstd'));
  const words = (from: From): readonly string[] =>
    packs
      ? [
          'pull',
          level,
          ...(at === 'tool' ? asTarget(session, ['own', 'tar', path]) : inTarget(session, 'tar', path)),
          ...position(from, permille),
        ]
      : ['pull', 'plain', path, ...position(from, permille)];
  return pull(({ from, ...io }) => start(container, words(from), io), {
    ...more,
    codec: packs && level !== 'bare' ? 'zstd' : 'none',
    name: path.slice(path.lastIndexOf('/') + 1),
    to: partial,
    maxBytes: maxFile,
    ...(permille === 0 ? {} : { slowestSum: permille * paced }),
    signal,
    onProgress: (done, total) => report.progress('pulling', { done, total, unit: 'bytes' }),
    onResume: (error, done, total) =>
      report.note(`${error.message} at ${bytes(done)}${total === undefined ? '' : ` of ${bytes(total)}`}; resuming`),
  });
}
