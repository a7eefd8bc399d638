import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterProxy } from './big-file.ts';
import { addressOf, applyNetPods, asking, restricted, sendRequests } from './net-pods.ts';
import {
  type Desk,
  debugContainers,
  desk,
  eventually,
  hasEnded,
  inside,
  kubeconfig,
  kubectl,
  type Place,
  place,
  record,
} from './support.ts';

let ground: Place;
let laptop: Desk;
let web: string;

const idle = ['sh', '-c', 'sleep 1000000'];

beforeAll(() => {
  laptop = desk();
  ground = place('baseline');
  applyNetPods(ground.namespace, {
    web: restricted,
    client: { command: ['node', '-e', 'setInterval(() => {}, 1e6)'] },
    quiet: { image: 'workload-idle', command: idle, beside: ['other'] },
    doomed: { ...restricted },
    static: { ...restricted, image: 'workload-go-newest', command: ['/app'] },
  });
  web = addressOf(ground.namespace, 'web');
});
afterAll(() => {
  ground?.remove();
  laptop?.remove();
});

const args = (pod: string, more: readonly string[]) => ['pcap', '-n', ground.namespace, '--no-open', pod, ...more];
const start = (pod: string, ...more: readonly string[]) => laptop.start(...args(pod, more));
const kprof = (pod: string, ...more: readonly string[]) => start(pod, ...more).ended;

const tool = (program: string, ...argv: readonly string[]): string =>
  execFileSync(program, [...argv], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });
const lines = (text: string): number => text.split('\n').filter((line) => line !== '').length;
const requests = (file: string, path = '/'): number => lines(tool('tshark', '-r', file, '-Y', `http.request.uri == "${path}"`));
const packets = (file: string): number => Number(/Number of packets: +(\d+)/.exec(tool('capinfos', '-M', '-c', file))?.[1]);
const send = (count: number, path = '/') => sendRequests(ground.namespace, 'client', { host: web, count, path });

/** What the status of a pod's first container tells. */
const statusOf = (pod: string, what: string): string =>
  kubectl('get', 'pod', '-n', ground.namespace, pod, '-o', `jsonpath={.status.containerStatuses[0].${what}}`);

/** Where a capture with --force writes until it is whole. */
const partialOf = (file: string, { child }: ReturnType<typeof start>): string => `${file}.${child.pid}.partial`;

/** Programs that run in all debug containers of a pod. */
const running = (pod: string): string =>
  debugContainers(ground.namespace, pod)
    .map((name) => {
      try {
        return inside(ground.namespace, pod, name, 'ps');
      } catch {
        return ''; // it has ended
      }
    })
    .join('\n');

describe('kprof pcap', () => {
  it('captures exactly what was sent, and others read it', async () => {
    const capture = start('web', '-i', 'eth0', '--duration', '25s', '-o', 'json', 'port', '8080');
    await capture.until(/capturing on eth0 for 25s/);
    await send(40);
    const ended = await capture.ended;
    expect(ended.code, ended.stderr).toBe(0);
    const { path, summary, ...rest } = record(ended);
    expect(rest).toMatchObject({ rung: 'root', early: false });
    expect(summary).toMatchObject({ dropped: 0, links: 'Ethernet', packets: packets(path) });
    expect(requests(path)).toBe(40);
    expect(lines(tool('tcpdump', '-r', path))).toBe(packets(path));
    expect(tool('capinfos', path)).toMatch(/Capture comment: +pod \S+\/web, container app: tcpdump .*port 8080/);
  });

  it('ends an open-ended capture with Ctrl-C as usual, with the last packets, through stdout too', async () => {
    const file = join(laptop.folder, 'x.pcap');
    const capture = start('web', '-i', 'eth0', '-f', file, '--format', 'pcap', 'port 8080');
    const other = laptop.start('tcpdump', 'web', '-n', ground.namespace, '-i', 'eth0', '-f', '-', 'port', '8080');
    await Promise.all([capture.until(/until Ctrl-C/), other.until(/until Ctrl-C/)]);
    await send(5);
    for (const each of [capture, other]) each.child.kill('SIGINT');
    const [ended, piped] = await Promise.all([capture.ended, other.ended]);
    expect([ended.code, piped.code], ended.stderr + piped.stderr).toEqual([0, 0]);
    expect(ended.stdout).toBe(`${file}\n`);
    expect(requests(file)).toBe(5);
    expect(readFileSync(file).readUInt32LE(0)).toBe(0xa1b23c4d);
    expect(piped.stdout).toContain('GET / HTTP/1.1');
  });

  it('stops at its duration where nothing comes, by a filter with names in it, beside two containers, of an image without anything', async () => {
    for (const ended of await Promise.all([
      kprof('quiet', '-i', 'lo', '--duration', '1s', '-o', 'json'),
      kprof('static', '--duration', '1s', '-o', 'json', 'port', 'http', 'or', 'proto', 'gre'),
    ])) {
      expect(ended.code, ended.stderr).toBe(0);
      expect(record(ended)['summary']).toMatchObject({ packets: 0 });
      expect(packets(record(ended).path)).toBe(0);
    }
  });

  it('captures from a pod whose app crashes at its start, and from one that still waits for an init container', async () => {
    const setup = { name: 'setup', image: 'registry.local/workload-node-newest:test', command: asking(web, '/setup', 'again') };
    applyNetPods(ground.namespace, {
      crashing: { command: asking(web, '/crash', 'fail'), labels: { broken: 'yes' }, isBroken: true },
      waiting: { spec: { initContainers: [{ ...setup, imagePullPolicy: 'IfNotPresent' }] }, labels: { broken: 'yes' }, isBroken: true },
    });
    expect(await eventually(() => Number(statusOf('crashing', 'restartCount')) > 0, 60)).toBe(true);
    expect(statusOf('waiting', 'state.waiting.reason')).toBe('PodInitializing');
    const folder = join(laptop.folder, 'broken');
    mkdirSync(folder);
    const only = ['--duration', '45s', '-f', `${folder}/`, '--filter', 'port 8080'];
    const ended = await laptop.kprof('pcap', '-n', ground.namespace, '--no-open', '-l', 'broken=yes', ...only);
    expect(ended.code, ended.stderr).toBe(0);
    const asked = (name: string, path: string) =>
      requests(join(folder, readdirSync(folder).find((each) => each.includes(name)) ?? ''), path);
    expect(asked('crashing', '/crash')).toBeGreaterThan(0);
    expect(asked('waiting', '/setup')).toBeGreaterThan(10);
  });

  it('refuses what is wrong before anything is captured, in the words of tcpdump, and lists what there is', async () => {
    const [filter, device] = await Promise.all([kprof('web', 'port', 'foo', 'bar'), kprof('web', '-i', 'eth7')]);
    expect(filter).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining("unknown port 'foo'") });
    expect(device).toMatchObject({ code: 2, stderr: expect.stringMatching(/There is no interface eth7.*lo \(127\.0\.0\.1.*eth0 \(/s) });
    expect(running('web')).not.toContain('tcpdump');
  });

  it('takes what injects as data', async () => {
    const filters = [
      ['--', '-z', 'id'],
      ['--', '-w', '/tmp/evil'],
      [';', 'touch', '/tmp/evil'],
      ['$(touch /tmp/evil)'],
      ['`id`'],
      ['| touch /tmp/evil'],
    ];
    for (const ended of await Promise.all(filters.map((filter) => kprof('web', ...filter))))
      expect(ended, ended.stderr).toMatchObject({ code: 2, stderr: expect.stringContaining('is none that tcpdump takes') });
    for (const ended of await Promise.all([
      kprof('web', 'port 80\n-w /tmp/evil'),
      kprof('web', '-z', 'id'),
      kprof('web', '-i', '-w/tmp/evil'),
    ]))
      expect(ended, ended.stderr).toMatchObject({ code: 2, stdout: '' });
    const [container = ''] = debugContainers(ground.namespace, 'web');
    expect(inside(ground.namespace, 'web', container, 'ls', '/tmp')).not.toContain('evil');
    expect(readdirSync(laptop.folder).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it.concurrent.each([
    ['killed', 'SIGKILL', '1001'],
    ['stopped', 'SIGSTOP', '1002'],
  ] as const)('leaves a whole file and no tcpdump when kprof is %s', async (_, signal, snaplen) => {
    const file = join(laptop.folder, `${signal}.pcapng`);
    const capture = start('web', '-i', 'eth0', '-f', file, '--force', '--snaplen', snaplen);
    await capture.until(/until Ctrl-C/);
    await send(3, `/${signal}`);
    expect(await eventually(() => requests(partialOf(file, capture), `/${signal}`) === 3, 20)).toBe(true);
    expect(running('web')).toContain(`-s ${snaplen}`);
    capture.child.kill(signal);
    expect(await eventually(() => !running('web').includes(`-s ${snaplen}`), 58)).toBe(true);
    expect(requests(partialOf(file, capture), `/${signal}`)).toBe(3);
    if (signal === 'SIGSTOP') capture.child.kill('SIGKILL');
  });

  it('ends when its line is cut: what came is whole, and tcpdump is gone', async () => {
    const proxy = await clusterProxy();
    try {
      const file = join(laptop.folder, 'cut.pcapng');
      const through = ['--server', proxy.url, '--insecure-skip-tls-verify'];
      const capture = start('web', '-i', 'eth0', '-f', file, '--force', '--snaplen', '1003', ...through);
      await capture.until(/until Ctrl-C/);
      await send(3, '/cut');
      expect(await eventually(() => requests(partialOf(file, capture), '/cut') === 3, 20)).toBe(true);
      proxy.cutAfter(0);
      expect((await capture.ended).code).not.toBe(0);
      expect(capture.stderr()).toContain('is whole and kept in');
      expect(requests(partialOf(file, capture), '/cut')).toBe(3);
      expect(await eventually(() => !running('web').includes('-s 1003'), 58)).toBe(true);
    } finally {
      proxy.close();
    }
  });

  it('keeps what came of a pod that is deleted', async () => {
    const file = join(laptop.folder, 'doomed.pcapng');
    const capture = start('doomed', '-i', 'eth0', '-f', file, '--force');
    await capture.until(/until Ctrl-C/);
    await sendRequests(ground.namespace, 'client', { host: addressOf(ground.namespace, 'doomed'), count: 3 });
    expect(await eventually(() => requests(partialOf(file, capture)) === 3, 20)).toBe(true);
    kubectl('delete', 'pod', '-n', ground.namespace, 'doomed', '--wait=false');
    const ended = await capture.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 5, stderr: expect.stringContaining('is whole and kept in') });
    expect(requests(partialOf(file, capture))).toBe(3);
  });
});

/** Takes NET_RAW from the containers that are added to pods of a namespace: as CRI-O does by default. */
function noRawSockets(namespace: string) {
  const metadata = { name: `${namespace}-no-raw` };
  const group = 'admissionregistration.k8s.io/v1';
  const there = 'object.spec.ephemeralContainers';
  const fresh = `!(oldObject.spec.?ephemeralContainers.orValue([]).exists(o, o.name == ${there}[i].name)) && !has(${there}[i].securityContext.capabilities)`;
  const patch = `JSONPatch{op: "add", path: "/spec/ephemeralContainers/" + string(i) + "/securityContext/capabilities", value: Object.spec.ephemeralContainers.securityContext.capabilities{drop: ["NET_RAW"]}}`;
  const spec = {
    failurePolicy: 'Fail',
    reinvocationPolicy: 'Never',
    matchConstraints: {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'] }],
    },
    mutations: [
      { patchType: 'JSONPatch', jsonPatch: { expression: `${there}.map(c, ${there}.indexOf(c)).filter(i, ${fresh}).map(i, ${patch})` } },
    ],
  };
  const items = [
    { apiVersion: group, kind: 'MutatingAdmissionPolicy', metadata, spec },
    { apiVersion: group, kind: 'MutatingAdmissionPolicyBinding', metadata, spec: { policyName: metadata.name } },
  ];
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  execFileSync('kubectl', ['--kubeconfig', kubeconfig, 'apply', '-f', '-'], { input, stdio: ['pipe', 'ignore', 'pipe'] });
  return { remove: () => kubectl('delete', 'mutatingadmissionpolicy,mutatingadmissionpolicybinding', metadata.name, '--wait=false') };
}

describe('kprof pcap where it may not', () => {
  it('refuses in restricted at once, with the reason and what to do', async () => {
    const strict = place('restricted');
    try {
      applyNetPods(strict.namespace, { app: { ...restricted, image: 'workload-go-newest', command: ['/app'] } });
      const ended = await laptop.kprof('pcap', 'app', '-n', strict.namespace);
      expect(ended).toMatchObject({ code: 4, stderr: expect.stringMatching(/«restricted».*NET_RAW.*kubectl label namespace/s) });
      expect(ended.took).toBeLessThan(3000);
      expect(debugContainers(strict.namespace, 'app')).toEqual([]);
    } finally {
      strict.remove();
    }
  });

  it('asks for NET_RAW where containers have it not by default, and ends the container that has it', async () => {
    const crio = place();
    const policy = noRawSockets(crio.namespace);
    try {
      applyNetPods(crio.namespace, { app: { image: 'workload-idle', command: idle } });
      const kprofThere = (...more: readonly string[]) =>
        laptop.kprof('pcap', 'app', '-n', crio.namespace, '--duration', '1s', '--no-open', '-o', 'json', ...more);
      // The API server takes its time to know of a policy.
      let refused = await kprofThere();
      for (let tries = 0; refused.code === 0 && tries < 15; tries++) refused = await kprofThere();
      expect(refused).toMatchObject({ code: 4, stdout: '', stderr: expect.stringMatching(/have no NET_RAW by default.*--allow-net-raw/s) });
      const agreed = await kprofThere('--allow-net-raw');
      expect(agreed.code, agreed.stderr).toBe(0);
      expect(record(agreed)).toMatchObject({ rung: 'network' });
      expect(await eventually(() => hasEnded(crio.namespace, 'app', record(agreed).debugContainer), 30)).toBe(true);
    } finally {
      policy.remove();
      crio.remove();
    }
  });

  it("captures the node's packets only when told to, and none of what it sends here itself", async () => {
    const free = place();
    const port = 18_080;
    try {
      const spec = { hostNetwork: true };
      const container = { env: [{ name: 'PORT', value: String(port) }] };
      applyNetPods(free.namespace, { app: { spec, container }, client: { command: ['node', '-e', 'setInterval(() => {}, 1e6)'] } });
      const kprofThere = (...more: readonly string[]) => ['pcap', 'app', '-n', free.namespace, '--no-open', ...more];
      for (const more of [[], ['--host-network', '-i', 'lo']])
        expect((await laptop.kprof(...kprofThere(...more))).code, more.join(' ')).toBe(2);
      expect(debugContainers(free.namespace, 'app')).toEqual([]);
      const capture = laptop.start(...kprofThere('--host-network', '--duration', '15s', '--max-size', '100MB', '-o', 'json'));
      await capture.until(/capturing on any/);
      await sendRequests(free.namespace, 'client', { host: addressOf(free.namespace, 'app'), port, count: 5, path: '/node' });
      const ended = await capture.ended;
      expect(ended.code, ended.stderr).toBe(0);
      // Each packet passes several interfaces of the node.
      const asked = tool('tshark', '-r', record(ended).path, '-d', `tcp.port==${port},http`, '-Y', 'http.request.uri == "/node"');
      expect(lines(asked)).toBeGreaterThanOrEqual(5);
      expect(statSync(record(ended).path).size).toBeLessThan(3_000_000);
    } finally {
      free.remove();
    }
  });
});
