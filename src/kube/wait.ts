/** Following a pod: until it is gone, until its debug container runs. */
import { setTimeout as delay } from 'node:timers/promises';
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { KprofError } from '../errors.ts';
import { duration } from '../report.ts';
import type { ImageName } from '../toolkit.ts';
import { answeredPod } from './answered-pod.ts';
import { type Api, isPassing } from './api.ts';
import { type Debugger, ephemeralState, notYet, type Snapshot, wrongArchitecture } from './ephemeral-state.ts';
import { ApiError, isMissing } from './errors.ts';
import { goneReason, type Pinned } from './gone.ts';
import { isRestarting } from './pod-state.ts';
import { readPod } from './target.ts';

/** A pod by its name. */
export interface PodName {
  readonly namespace: string;
  readonly pod: string;
}

const longestPause = 10_000;
const pollPeriod = 2000;

/**
 * The pod as it is, then each change, until the signal aborts or the pod is gone (the last snapshot has `deleted`).
 * Survives dropped lines, an API server that restarts, and a Role without `watch`; throws what waiting does not cure.
 */
export async function* watchPod(api: Api, name: PodName, signal: AbortSignal): AsyncGenerator<Snapshot> {
  let failures = 0;
  let canWatch = true;
  for (;;) {
    try {
      const pod = await present(api, name, signal);
      yield { pod, deleted: pod === undefined };
      if (pod === undefined) return;
      failures = 0;
      const began = performance.now();
      if (canWatch && (yield* changes(api, name, pod, signal))) return;
      // A proxy that ends each watch at once must not make this a busy loop.
      if (performance.now() - began < pollPeriod) await pause(pollPeriod, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isForbidden(error) && canWatch && failures === 0) canWatch = false;
      else if (!isCurable(error)) throw error;
      await pause(Math.min(longestPause, 500 * 2 ** failures++) * (0.5 + Math.random() / 2), signal);
    }
  }
}

async function present(api: Api, { namespace, pod }: PodName, signal: AbortSignal): Promise<V1Pod | undefined> {
  try {
    return await readPod(api, namespace, pod, signal);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** One watch; true when it ended with the pod. */
async function* changes(api: Api, { namespace, pod }: PodName, from: V1Pod, signal: AbortSignal): AsyncGenerator<Snapshot, boolean> {
  const query = { fieldSelector: `metadata.name=${pod}`, resourceVersion: from.metadata?.resourceVersion };
  const events = api.watch<unknown>(['api', 'v1', 'namespaces', namespace, 'pods'], {
    signal,
    doing: `watch pod ${namespace}/${pod}`,
    query,
  });
  for await (const { type, object } of events) {
    if (type === 'BOOKMARK') continue;
    yield { pod: answeredPod(object, { server: api.connection.server, namespace, name: pod }), deleted: type === 'DELETED' };
    if (type === 'DELETED') return true;
  }
  return false;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch {
    // Only the signal ends it early, and its reason says more than an AbortError.
    throw signal.reason;
  }
}

const isForbidden = (error: unknown): boolean => error instanceof ApiError && error.code === 403;

// 410: the version to watch from is too old. Code 0: no answer, whatever the network's reason.
const isCurable = (error: unknown): boolean =>
  error instanceof KprofError &&
  (error.failure === 'timeout' || (error instanceof ApiError && (error.code === 0 || error.code === 410 || isPassing(error))));

/** A signal that aborts, with a KprofError as its reason, when the pinned container is no longer the one that runs. */
export interface Gone {
  readonly signal: AbortSignal;
  /** Ends the watch; the signal stays as it is. */
  close(): void;
}

/** Watches over a target. What goes wrong with the watch itself is not the target's end: it is tried again for a minute, then given to `onError`, and the line of each command tells the rest. */
export function watchGone(api: Api, pinned: Pinned, onError: (error: unknown) => void = () => undefined): Gone {
  const [gone, closed] = [new AbortController(), new AbortController()];
  const follow = async (attempt = 1): Promise<void> => {
    try {
      gone.abort(await untilGone(api, pinned, closed.signal));
    } catch (error) {
      if (closed.signal.aborted) return;
      // After a night's sleep a credential plugin may have no network yet; one that asks must not ask for ever.
      if (attempt === 4) return onError(error);
      await pause(longestPause * attempt, closed.signal).then(
        () => follow(attempt + 1),
        () => undefined,
      );
    }
  };
  void follow();
  return { signal: gone.signal, close: () => closed.abort() };
}

async function untilGone(api: Api, pinned: Pinned, signal: AbortSignal): Promise<KprofError> {
  for await (const snapshot of watchPod(api, pinned, signal)) {
    const reason = goneReason(pinned, snapshot);
    if (reason !== undefined) return reason;
  }
  throw signal.reason;
}

/** Milliseconds: back-offs of those that crash now and then are shorter, and those of a minute and more are nobody's patience. */
const restartsWithin = 60_000;

/** The pod once the container is no longer between two runs; as it was seen last when that takes too long. */
export async function untilRestarted(
  api: Api,
  pod: V1Pod,
  container: string,
  { say, signal, patience = restartsWithin }: { say: (text: string) => void; signal: AbortSignal; patience?: number },
): Promise<V1Pod> {
  if (!isRestarting(pod, container)) return pod;
  const { namespace = '', name = '', uid } = pod.metadata ?? {};
  say(`The container ${container} of pod ${namespace}/${name} is being restarted. Waiting for it, ${duration(patience)} at most.`);
  const expiry = AbortSignal.timeout(patience);
  let last = pod;
  try {
    for await (const { pod: now } of watchPod(api, { namespace, pod: name }, AbortSignal.any([signal, expiry]))) {
      // Another one, or none: what is said of the first is still true.
      if (now === undefined || now.metadata?.uid !== uid) break;
      last = now;
      if (!isRestarting(now, container)) break;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!expiry.aborted) throw error;
  }
  return last;
}

/** A debug container that was asked for. */
export interface Awaited extends PodName, Debugger {
  readonly uid: string;
  readonly image: ImageName;
}

/** The pod and status once the debug container runs; throws at the first definite reason why it won't. */
export async function waitForEphemeral(
  api: Api,
  wanted: Awaited,
  { timeout, signal }: { timeout: number; signal: AbortSignal },
): Promise<{ readonly pod: V1Pod; readonly status: V1ContainerStatus }> {
  const expiry = new AbortController();
  const timer = setTimeout(() => expiry.abort(), timeout);
  let last: Snapshot | undefined;
  try {
    for await (const snapshot of watchPod(api, wanted, AbortSignal.any([signal, expiry.signal]))) {
      last = snapshot;
      const state = ephemeralState(wanted, snapshot);
      if (state.kind === 'runs') return { pod: state.pod, status: state.status };
      if (state.kind === 'fails') throw state.logs ? await withLog(api, wanted, state.error, signal) : state.error;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!expiry.signal.aborted || error !== expiry.signal.reason) throw error;
  } finally {
    clearTimeout(timer);
  }
  throw notYet(wanted, last, timeout);
}

// Its last words often say more than an exit code; a Role without pods/log, or a log that is gone, leaves it at that.
async function withLog(api: Api, wanted: Awaited, error: KprofError, signal: AbortSignal): Promise<KprofError> {
  const { namespace, pod, name } = wanted;
  const path = ['api', 'v1', 'namespaces', namespace, 'pods', pod, 'log'];
  const query = { container: name, tailLines: 10, limitBytes: 4096 };
  const log = await api.text(path, { signal, doing: `read the log of ${name}`, query, timeout: 5000 }).catch(() => '');
  signal.throwIfAborted();
  if (log.trim() === '') return error;
  // Some runtimes start the container, and leave it to this line to tell that nothing could be run.
  if (/exec format error/.test(log)) return wrongArchitecture(wanted, log.trim());
  return new KprofError(error.failure, error.message, {
    hint: error.hint,
    cause: [error.cause, log.trim()].filter((part) => part !== undefined).join('\n'),
  });
}
