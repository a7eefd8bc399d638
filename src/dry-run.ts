/** What a capture would do, for a person to read: nothing here changes anything. */
import { debugSpec, makePlan, type Request } from './capture/request.ts';
import type { Cluster } from './cluster.ts';
import type { FetchPlan, FlowPlan, InspectPlan, Plan, Process, SessionPlan, Tools } from './toolkit.ts';

/** Stands for a process that only a look inside the pod would show. */
const placeholder: Process = {
  pid: 1,
  ppid: 0,
  started: '0',
  uid: 0,
  gid: 0,
  groups: [],
  comm: 'placeholder',
  argv: ['placeholder'],
  exe: '',
  handles: 0n,
  capabilities: 0n,
  tracer: 0,
  maps: [],
  tells: {},
};

const ours: Tools = { has: (program) => program !== 'jcmd', jdk: undefined };

const asking = ({ kind, start, wait, take: { method } }: InspectPlan) => ({
  kind,
  steps: [
    { signal: 'SIGUSR1', undo: 'the inspector is closed again' },
    ...start,
    ...(wait === undefined ? [] : [{ wait: `${wait.wait / 1000}s` }]),
    { method },
  ],
});

const performing = (plan: Exclude<Plan, InspectPlan>) => ({
  kind: plan.kind,
  steps: plan.steps.map((each) => ('wait' in each ? { wait: `${each.wait / 1000}s` } : { run: each.run, undo: each.undo })),
  ...(plan.kind === 'file' ? { files: plan.files.map(({ place }) => place.seenByTarget), pull: plan.result.file.seenByTarget } : {}),
});

const plain = (plan: Plan) => (plan.kind === 'inspect' ? asking(plan) : performing(plan));

const flowing = ({ kind, check, run, for: time }: FlowPlan) => ({
  kind,
  check: check.run,
  run,
  until: time === undefined ? 'Ctrl-C' : `${time / 1000}s`,
});

/** Of the headers only the names: what they hold may be secret. */
const fetching = ({ kind, endpoint: { ports, paths, scheme, headers } }: FetchPlan) => ({
  kind,
  ports,
  paths,
  ...(scheme === undefined ? {} : { scheme }),
  headers: Object.keys(headers),
  otherwise: 'a debug container looks for the ports that the processes listen on',
});

const session = { process: placeholder, id: 'ID', key: 'KEY' };

const serving = ({ kind, serve: { run, undo }, relay }: SessionPlan) => ({ kind, steps: [{ run, undo }], relay });

/** The debug container that would be added, and the plan for a placeholder process. */
export async function dryRun(request: Request, cluster: Cluster): Promise<object> {
  const target = await cluster.find(request.where, new AbortController().signal);
  target.close();
  const ways = request.toolkit.ways(request.options).map((way) =>
    way.via === 'session'
      ? { patch: target.manifest(debugSpec(request, way)), plan: serving(way.plan({ ...session, pod: target.pod, first: request.ttl })) }
      : way.via === 'forward'
        ? { plan: fetching(way.plan({ options: request.options, container: target.container, ports: target.ports })) }
        : way.via === 'pod'
          ? { patch: target.manifest(debugSpec(request, way)), plan: flowing(way.plan({ options: request.options, facts: {} })) }
          : {
              patch: target.manifest(debugSpec(request, way)),
              plan: plain(makePlan(request, way, { process: placeholder, tools: ours, facts: {}, id: 'ID' })),
            },
  );
  const { namespace, pod, container } = target;
  return JSON.parse(JSON.stringify({ dryRun: true, namespace, pod, container, ...ways[0] }));
}
