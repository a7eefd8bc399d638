/** What is asked of the engine, and what that means for the debug container and the plan; pure. */
import type { DebugSpec, Where } from '../cluster.ts';
import type { Flags, Options } from '../flags.ts';
import { supervisor } from '../remote/script.ts';
import type { CaptureRecord } from '../state/captures.ts';
import type { Facts, Input, Plan, Process, Toolkit, Tools, Way } from '../toolkit.ts';
import { folder } from './session.ts';

/** What the command line asks for. */
export interface Request {
  readonly toolkit: Toolkit;
  readonly options: Options<Flags>;
  readonly where: Where;
  /** How to reach this cluster again: the flags of connection as they were typed, without secrets. */
  readonly connection: CaptureRecord['connection'];
  readonly pid: number | undefined;
  readonly file: string | undefined;
  readonly force: boolean;
  /** Agreed to all that is asked. */
  readonly yes: boolean;
  /** The full reference of an image, by the name of ours. */
  readonly reference: (image: string) => string;
  readonly pullPolicy: DebugSpec['pullPolicy'];
  /** Agreed to a debug container with the capability SYS_PTRACE. */
  readonly allowPtrace: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  /** Seconds. */
  readonly ttl: number;
  /** Where a text goes that is not kept: a folder of our own. */
  readonly scratch: string | undefined;
}

/** Idle containers end by themselves; nothing of ours lives longer than a day. */
const lifetimes = { ttl: 600, first: 60, cap: 86_400 };

/** What is wanted of the cluster for a way. */
export const debugSpec = (
  { reference, pullPolicy, timeout }: Pick<Request, 'reference' | 'pullPolicy' | 'timeout'>,
  way: Pick<Way<Flags>, 'image' | 'access'>,
  more: Pick<DebugSpec, 'user' | 'adds'> = {},
): DebugSpec => ({
  image: way.image,
  reference: reference(way.image),
  pullPolicy,
  access: way.access,
  command: supervisor(lifetimes),
  timeout,
  ...more,
});

/** The plan for a process; pure. */
export function makePlan(
  request: Pick<Request, 'options'>,
  way: Way<Flags>,
  { process, tools, facts, id }: { process: Process; tools: Tools; facts: Facts; id: string },
): Plan {
  const { at, seenByTarget } = folder(tools, id);
  const input: Input<Flags> = {
    options: request.options,
    process,
    tools,
    facts,
    id,
    place: (name) => ({ at, seenByTarget: `${seenByTarget}/${name}` }),
  };
  return way.plan(input);
}
