/** The `flow` kind: what a program in the debug container prints is the artifact, piece by piece as it comes. */
import { KprofError } from '../errors.ts';
import type { Intake } from '../formats/format.ts';
import { insist, start } from '../remote/remote.ts';
import { duration, bytes as inBytes } from '../report.ts';
import type { FlowPlan, Tallied } from '../toolkit.ts';
import type { Session } from './session.ts';

/** Where the pieces go. */
export interface Outlet {
  readonly bytes: number;
  /** The tail stands in no file of its own. */
  write(pieces: Buffer, isTail?: boolean): Promise<void>;
  /** Aborts when nobody takes them any more: then the capture ends well. */
  readonly closed?: AbortSignal;
}

/** How it went. */
export interface Flowed {
  readonly tallied: Tallied | undefined;
  /** What ended it. */
  readonly end: 'time' | 'size' | 'early' | 'closed' | 'itself';
  /** More came at its end than could be waited for. */
  readonly cut: boolean;
}

/** The exit code that the pod has told, once it has. */
function exitCode(said: string): number | undefined {
  const code = /(?:^|\n)kprof-exit (\d+)\n/.exec(said)?.[1];
  return code === undefined ? undefined : Number(code);
}

type Flowing = Pick<Session, 'container' | 'report' | 'stops' | 'signal'>;

const longestTalk = 64 * 1024;
const beginsWithin = 20_000;
/** What waits in the kernel when it is to end is still taken, for so long at most. */
const drainsWithin = 8_000;
/** A packet waits in the kernel for a second at most, then for the line; nothing that was sent before the end is to be missing. */
const grace = 1500;
/** For the last pieces, once the program has ended. */
const lastWithin = 10_000;

/** Asks before anything is captured; throws what the plan makes of a refusal. */
export async function checkFlow({ container, signal, stops }: Flowing, { check }: FlowPlan): Promise<void> {
  const checked = await insist(container, ['run', ...check.run], { what: check.what, signal: AbortSignal.any([signal, stops.early]) });
  if (checked.code !== 0) throw check.refused(checked);
}

/** Captures until the plan's end, a first Ctrl-C, or a closed outlet. Rejects when the line is lost; what came until then is in the outlet. */
export async function captureFlow(session: Flowing, plan: FlowPlan, intake: Intake, outlet: Outlet): Promise<Flowed> {
  session.report.debug(1, plan.run.join(' '));
  const flow = createFlow(session, plan, intake, outlet);
  try {
    await flow.done;
  } finally {
    flow.over();
  }
  return flow.outcome();
}

function createFlow({ container, report, signal, stops }: Flowing, plan: FlowPlan, intake: Intake, outlet: Outlet) {
  let said = '';
  // Read where it is heard, and not at each of the many pieces that come meanwhile.
  let told: { readonly tallied: Tallied | undefined; readonly code: number | undefined } = { tallied: undefined, code: undefined };
  let began: number | undefined;
  let end: Flowed['end'] | undefined;
  let full = false;
  let cut = false;
  let taken = Number.NEGATIVE_INFINITY;
  const failed = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const later = (work: () => void, after: number) => timers.push(setTimeout(work, after));
  const fail = (error: KprofError) => failed.abort(error);

  const stop = (why: Flowed['end']): void => {
    if (end !== undefined) return;
    end = why;
    if (why === 'early') report.stage('stopping');
    const stopped = performance.now();
    const waits = why === 'early' || why === 'time';
    // On a busy link there is always more. Only the pod's clock tells what came before the end.
    if (waits) intake.endAt(stopped + grace);
    const drain = (): void => {
      const now = performance.now();
      const isBusy = waits && !intake.isOver() && now - taken < 300;
      cut = isBusy && now - stopped >= drainsWithin;
      if (isBusy && !cut) later(drain, 100);
      else execution.send('stop\n');
    };
    drain();
  };
  const begin = (): void => {
    began = performance.now();
    report.stage(plan.says + (plan.for === undefined ? ' until Ctrl-C' : ` for ${duration(plan.for)}`));
    if (plan.for !== undefined) later(() => stop('time'), plan.for);
    timers.push(
      setInterval(() => execution.send('ask\n'), 2000),
      setInterval(() => report.progress('capturing', progress()), 250),
    );
    if (stops.early.aborted) stop('early');
    if (outlet.closed?.aborted) stop('closed');
  };
  const progress = () => {
    const { dropped } = told.tallied ?? {};
    const more = `${intake.progress()}${dropped === undefined ? '' : `, ${dropped} dropped`}`;
    return { done: Math.min(performance.now() - (began ?? 0), plan.for ?? Infinity), total: plan.for, unit: 'time' as const, more };
  };
  const hasAll = ({ tallied, code }: typeof told): boolean =>
    code !== undefined && (code !== 0 || full || (tallied !== undefined && intake.pieces() >= tallied.captured));
  let leaving = false;
  const acknowledge = (): void => {
    if (!leaving && hasAll(told)) {
      leaving = true;
      execution.send('ack\n');
    }
  };

  async function take(bytes: Uint8Array): Promise<void> {
    taken = performance.now();
    await outlet.write(intake.take(bytes, taken));
    if (plan.mostBytes !== undefined && outlet.bytes >= plan.mostBytes) {
      full = true;
      intake.endAt(Number.NEGATIVE_INFINITY);
      stop('size');
    }
    acknowledge();
  }
  function hear(bytes: Uint8Array): void {
    said = (said + Buffer.from(bytes).toString('latin1')).slice(-longestTalk);
    told = { tallied: plan.tallied(said), code: exitCode(said) };
    if (began === undefined && plan.begun.test(said)) begin();
    if (told.code === undefined) return;
    acknowledge();
    later(() => execution.send('ack\n'), lastWithin);
  }

  const onEarly = () => began !== undefined && stop('early');
  const onClosed = () => began !== undefined && stop('closed');
  const execution = start(container, ['flow', ...plan.run], {
    stdout: take,
    stderr: hear,
    signal: AbortSignal.any([signal, failed.signal]),
  });
  stops.early.addEventListener('abort', onEarly);
  outlet.closed?.addEventListener('abort', onClosed);
  later(
    () => began === undefined && fail(new KprofError('timeout', `${plan.run[0]} did not begin within ${beginsWithin / 1000}s`)),
    beginsWithin,
  );

  const done = execution.done.then(({ code }) => {
    // The program's own would be told: it was ended with all that is in there.
    if (told.code === undefined && code === 143)
      throw new KprofError('gone', `The debug container ${container.name} was ended: by kprof stop, or since it lives for a day at most`);
    const known = told.code ?? code;
    if (known !== 0)
      throw new KprofError('failed', `${plan.run[0]} ended with exit code ${known}`, {
        cause: said
          .replace(/kprof-exit \d+\n/, '')
          .trim()
          .slice(-2000),
      });
    const missing = full ? 0 : (told.tallied?.captured ?? 0) - intake.pieces();
    // The very last one may be lost when it waited for us while it was stopped.
    if (missing > 1) throw new KprofError('incomplete', `${missing} of what ${plan.run[0]} captured did not arrive here`);
  });

  return {
    done,
    over() {
      for (const timer of timers) clearTimeout(timer);
      stops.early.removeEventListener('abort', onEarly);
      outlet.closed?.removeEventListener('abort', onClosed);
      report.clear();
    },
    outcome: (): Flowed => ({ tallied: told.tallied, end: end ?? 'itself', cut }),
  };
}

/** What is not in the file: dropped by the kernel, or waiting there until the end; and what helps. Nothing where all was taken. */
export function lossNotes({ remedy }: Pick<FlowPlan, 'remedy'>, { tallied, cut }: Pick<Flowed, 'tallied' | 'cut'>): readonly string[] {
  const { captured = 0, received = captured, dropped = 0 } = tallied ?? {};
  const waiting = cut ? received - captured - dropped : 0;
  const notes: string[] = [];
  if (dropped > 0)
    notes.push(`The kernel dropped ${dropped} of ${tallied?.received ?? '?'} packets, for which there was no room. Try ${remedy}`);
  if (waiting > 0) notes.push(`At the end ${waiting} packets still waited in the kernel, and are not kept. Try ${remedy}`);
  return notes;
}

/** An error that says what is kept nevertheless, in one file or in the first to the last of several. */
export function keeping(error: unknown, intake: Intake, files: readonly string[], bytes: number): unknown {
  const [first, last] = [files[0], files.at(-1)];
  if (!(error instanceof KprofError) || bytes === 0 || first === undefined) return error;
  const where = first === last ? first : `${files.length} files, ${first} to ${last}`;
  return new KprofError(
    error.failure,
    `${error.message} (what came before, ${intake.progress()}, is whole and kept in ${where}: ${inBytes(bytes)})`,
    {
      hint: error.hint,
      cause: error.cause,
    },
  );
}
