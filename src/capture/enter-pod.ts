/** Going in where the pod as a whole is looked at: the runtime's default rights first, more of them only with consent. */
import type { DebugContainer, DebugSpec, Target } from '../cluster.ts';
import { type Asking, askYes } from '../confirm.ts';
import { KprofError } from '../errors.ts';
import type { Flags } from '../flags.ts';
import { answerOf, insist } from '../remote/remote.ts';
import type { Report } from '../report.ts';
import { parseView, type View } from '../runtimes/processes.ts';
import { shellWord } from '../safe.ts';
import type { PodWay } from '../toolkit.ts';
import { orRetire } from './ladder.ts';
import { debugSpec, type Request } from './request.ts';

/** A debug container that can do what the way needs. */
export interface EnteredPod {
  readonly container: DebugContainer;
  readonly view: View;
}

// https://man7.org/linux/man-pages/man7/capabilities.7.html
const needed = { SETGID: 6, SETUID: 7, NET_RAW: 13 } as const;

const lacking = ({ capabilities }: View): readonly string[] =>
  Object.entries(needed).flatMap(([name, bit]) => (capabilities & (1n << BigInt(bit)) ? [] : [name]));

const flag = 'allow-net-raw';

/** Goes in. Throws a KprofError that says who must allow what, where it is refused. */
export async function enterPod(
  request: Request,
  way: PodWay<Flags>,
  target: Target,
  report: Report,
  signal: AbortSignal,
): Promise<EnteredPod> {
  if (target.hostNetwork) checkNode(request, target);
  if (target.hostNetwork) report.warn(`Pod ${target.pod} has no network of its own: this captures what passes its node`);
  else if (target.mesh !== undefined)
    report.note(
      `${target.mesh} has a proxy in this pod: on eth0 the packets between services are encrypted, on lo (-i lo), between the app and the proxy, they are not`,
    );
  const usual = await injected(request, way, target, {}, report, signal);
  const missing = lacking(usual.view);
  if (missing.length === 0) return usual;
  await agree(missing, request, target, { report, signal });
  return injected(request, way, target, { adds: 'NET_RAW' }, report, signal);
}

/** A node's packets are captured only when told to, and its loopback only in part: what is captured there comes by again, at a port of chance. */
function checkNode({ options, where }: Request, { namespace, pod }: Target): void {
  if (options['host-network'] !== true)
    throw new KprofError(
      'usage',
      `Pod ${pod} is in the network of its node: its packets can't be told from those of the node's other pods`,
      { hint: `add --host-network to capture what passes the node` },
    );
  if (options['interface'] === 'lo' && (options['filter'] as readonly string[]).length === 0)
    throw new KprofError('usage', `Pod ${pod} has the loopback of its node, by which all that is captured passes again`, {
      hint: `add a filter: kprof pcap -n ${shellWord(namespace)} ${shellWord(where.name)} --host-network -i lo port 8080`,
    });
}

/**
 * There is one terminal: of several pods each is asked about once the question before is answered, or one «y» would answer for all. A no, and
 * Ctrl-C at a question, which is one, is for all that were not asked about yet.
 */
let answered: Promise<void> = Promise.resolve();

function inTurn(ask: () => Promise<void>, { signal }: Asking): Promise<void> {
  const answer = answered.then(ask);
  answered = answer.catch((error: unknown) => {
    if (!signal.aborted) throw error; // a pod that is gone answers for none
  });
  answered.catch(() => {}); // whoever asked hears of it
  return answer;
}

/** Throws unless a container with NET_RAW was agreed to: by the flag, or on the terminal. Not by --yes, which answers other questions. */
async function agree(missing: readonly string[], { options, where }: Request, { namespace, pod }: Target, asking: Asking): Promise<void> {
  if (options[flag] === true) return;
  const what = `Containers in pod ${pod} have no ${missing.join(', ')} by default, without which no packets can be captured`;
  if (!process.stdin.isTTY)
    throw new KprofError('forbidden', what, {
      hint: `kprof pcap -n ${shellWord(namespace)} ${shellWord(where.name)} --${flag}\nadds a container as root with NET_RAW, SETGID, SETUID and KILL, which ends with the capture; its entry stays in the pod`,
    });
  await inTurn(async () => {
    asking.signal.throwIfAborted();
    asking.report.warn(what);
    const rights = 'a container as root with the capabilities NET_RAW, SETGID, SETUID and KILL';
    await askYes(`Add to ${pod} ${rights}, whose entry stays in the pod`, asking);
  }, asking);
}

async function injected(
  request: Request,
  way: PodWay<Flags>,
  target: Target,
  more: Pick<DebugSpec, 'adds'>,
  report: Report,
  signal: AbortSignal,
): Promise<EnteredPod> {
  report.stage('starting the debug container');
  const container = await target.inject(debugSpec(request, way, more), signal).catch((error: unknown) => {
    throw explained(error, target, more);
  });
  report.stage(`${container.reused ? 'using' : 'started'} ${container.name}, ${container.why}`);
  // No container has this ID: only the debug container itself is looked at.
  const look = () => answerOf(container, ['look', 'none'], { what: 'look at itself', signal }, insist);
  const view = await orRetire(container, async () => parseView(await look()));
  return { container, view };
}

const alternatives = (namespace: string): string =>
  [
    `kubectl label namespace ${shellWord(namespace)} pod-security.kubernetes.io/enforce=privileged --overwrite    # whoever administers the cluster, for as long as the capture takes`,
    'or capture where the app itself tells: its logs, its metrics, a proxy of a service mesh',
  ].join('\n');

/** Pod Security and what else refuses: said with what it would take. */
function explained(error: unknown, { namespace }: Target, { adds }: Pick<DebugSpec, 'adds'>): unknown {
  if (!(error instanceof KprofError) || error.failure !== 'forbidden' || !/^(Pod Security|The admission)/.test(error.message)) return error;
  const wants =
    adds !== undefined ? 'the capability NET_RAW added' : 'a container that runs as root, with the capability NET_RAW of the runtime';
  return new KprofError('forbidden', `${error.message}: to capture packets takes ${wants}`, {
    cause: error.cause,
    hint: alternatives(namespace),
  });
}
