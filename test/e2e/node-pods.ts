/** Pods of test/workloads/node, and some that are no Node. All are as Pod Security `restricted` wants them, with a read-only root. */
import { applyStrict, envOf, eventually, kubectl, strict } from './support.ts';

interface NodePod {
  /** Of each container, the first of which is `app`. */
  readonly commands: readonly (readonly string[])[];
  readonly image?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const app = ['node', 'app.js'];

/** Each is there for one thing. */
export const pods = {
  plain: { commands: [app] },
  oldest: { commands: [app], image: 'workload-node-oldest' },
  '22': { commands: [['/opt/22/node', 'app.js']] },
  '24': { commands: [['/opt/24/node', 'app.js']] },
  npm: { commands: [['npm', 'start']], env: { HOME: '/tmp', npm_config_update_notifier: 'false' } },
  twins: { commands: [[...app, 'twins']] },
  open: { commands: [['node', '--inspect=127.0.0.1:9300', 'app.js']] },
  killed: { commands: [app] },
  'killed-early': { commands: [app] },
  handler: { commands: [[...app, 'handler']] },
  disabled: { commands: [['node', '--disable-sigusr1', 'app.js']] },
  permission: { commands: [['node', '--permission', '--allow-fs-read=*', 'app.js']] },
  taken: { commands: [app, [...app, 'taken']] },
  bun: { commands: [['/opt/bun/bun', 'app.js']] },
  'bun-as-node': { commands: [['/opt/bun/node', 'app.js']] },
  shell: { commands: [['sh', '-c', 'while :; do sleep 1; done']] },
  lookalike: { commands: [['/opt/other/node', 'infinity']] },
  go: { commands: [['/app', 'addr=127.0.0.1:0']], image: 'workload-go-newest' },
} satisfies Record<string, NodePod>;

const containers = ({ commands, image = 'workload-node-newest', env = {} }: NodePod): readonly object[] =>
  commands.map((command, index) => strict(index === 0 ? 'app' : `beside-${index}`, image, { command, env: envOf(env) }));

/** Makes them all, and waits until their apps run, which npm takes its time to start. */
export async function applyNodePods(namespace: string): Promise<void> {
  applyStrict(namespace, Object.fromEntries(Object.entries(pods).map(([name, each]) => [name, { containers: containers(each) }])));
  const apps = Object.entries(pods).filter(([, { commands }]) => commands.flat().some((word) => /^(npm|app\.js)$/.test(word)));
  const beats = () => apps.every(([name]) => kubectl('logs', '-n', namespace, name, '-c', 'app', '--tail=5').includes('beat '));
  if (!(await eventually(beats, 90))) throw new Error(`the apps in ${namespace} do not all print`);
}
