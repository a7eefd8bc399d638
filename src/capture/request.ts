/** What is asked of the engine, and what that means for the debug container and the plan; pure. */
import type { DebugSpec, Where } from '../cluster.ts';
import type { Flags, Options } from '../flags.ts';
import { supervisor } from '../remote/script.ts';
import type { CaptureRecord } from '../state/captures.ts';
import type { Input, Plan, Toolkit, Way } from '../toolkit.ts';
import { room, folder as sharedFolder } from './session.ts';

/** What the command line asks for. */
export interface Request {
  readonly toolkit: Toolkit;
  readonly options: Options<Flags>;
  readonly where: Where;
  /** How to reach this cluster again: the flags of connection as they were typed, without secrets. */
  readonly connection: CaptureRecord['connection'];
  readonly pid: number | undefined;
  readonly file: string | undefined;
  /** It goes to stdout as it comes. */
  readonly stdout?: boolean;
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
export const lifetimes = { ttl: 600, first: 60, cap: 86_400 };

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

/** What is known of a pod that has no limits. */
const boundless: Input<Flags>['bears'] = {
  liveness: undefined,
  readiness: undefined,
  memory: undefined,
  storage: undefined,
  cores: undefined,
  volumes: [],
};

/** The plan for a process; pure. */
export function makePlan(
  { options, yes = false, where }: Pick<Request, 'options'> & Partial<Pick<Request, 'yes' | 'where'>>,
  way: Way<Flags>,
  {
    process,
    tools,
    facts,
    id,
    bears = boundless,
  }: Omit<Input<Flags>, 'options' | 'yes' | 'name' | 'place' | 'bears'> & Partial<Pick<Input<Flags>, 'bears'>>,
): Plan {
  const input: Input<Flags> = {
    options,
    process,
    tools,
    facts,
    id,
    name: where?.name ?? 'POD',
    bears,
    yes,
    place: (name, at) => {
      const folder = at === 'tool' ? room(id) : sharedFolder(tools, id);
      const { seenByTool } = folder;
      return {
        at: folder.at,
        seenByTarget: `${folder.seenByTarget}/${name}`,
        ...(seenByTool === undefined ? {} : { seenByTool: `${seenByTool}/${name}` }),
      };
    },
  };
  return way.plan(input);
}
