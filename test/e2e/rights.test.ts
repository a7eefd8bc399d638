/** What kprof may do is what its Role says: what suffices, what each missing rule is called, and who else may refuse. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refused } from '../../src/kube/errors.ts';
import { type Desk, desk, eventually, kubeconfig, kubectl, kubectlLater, type Place, place } from './support.ts';
import { applyTargets } from './targets.ts';

const pod = 'jdk17-root';
let home: Place;
let laptop: Desk;

beforeAll(async () => {
  laptop = desk();
  home = place('baseline');
  await applyTargets([pod, 'jdk17-deaf'], { baseline: home });
});
afterAll(() => {
  home?.remove();
  laptop?.remove();
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}
const rule = (resource: string, ...verbs: readonly string[]): Rule => ({ apiGroups: [''], resources: [resource], verbs });

/** What the README shows. */
const whole: readonly Rule[] = [
  rule('pods', 'get', 'list', 'watch'),
  rule('pods/ephemeralcontainers', 'patch'),
  rule('pods/exec', 'get', 'create'),
  rule('pods/portforward', 'get', 'create'),
];

/** All but one verb of a resource. */
const without = (resource: string, verb: string): readonly Rule[] =>
  whole
    .map((each) => (each.resources.includes(resource) ? { ...each, verbs: each.verbs.filter((one) => one !== verb) } : each))
    .filter(({ verbs }) => verbs.length > 0);

const apply = (object: object) =>
  execFileSync('kubectl', ['--kubeconfig', kubeconfig, 'apply', '-f', '-'], {
    input: JSON.stringify(object),
    stdio: ['pipe', 'ignore', 'pipe'],
  });

/** A kubeconfig for a service account with these rights. */
function userWith(name: string, rules: readonly Rule[]): string {
  const metadata = { name, namespace: home.namespace };
  apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  apply({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules });
  const subjects = [{ kind: 'ServiceAccount', ...metadata }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  apply({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata, roleRef, subjects });
  const token = kubectl('create', 'token', name, '-n', home.namespace).trim();
  const config = JSON.parse(kubectl('config', 'view', '--raw', '-o', 'json')) as { users: object[] };
  config.users = config.users.map((user) => ({ ...user, user: { token } }));
  const path = join(laptop.folder, `${name}.kubeconfig`);
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

/** A user whose journal is empty: no container of before is used again. */
async function threadsAs(config: string, name: string = pod) {
  using newcomer = { ...desk(), [Symbol.dispose]: () => newcomer.remove() };
  return await newcomer.kprof('threads', name, '-n', home.namespace, '--kubeconfig', config);
}

describe('the Role of the README', () => {
  it.each([
    ['as it is', whole],
    ['for this one pod', whole.map((each) => ({ ...each, resourceNames: [pod] }))],
  ] as const)('suffices %s', async (name, rules) => {
    const ended = await threadsAs(userWith(`whole-${name.length}`, rules));
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('kprof-worker-1') });
  });

  it('does not let anybody at another pod', async () => {
    const rules = whole.map((each) => ({ ...each, resourceNames: ['other'] }));
    expect(await threadsAs(userWith('elsewhere', rules))).toMatchObject({ code: 4, stdout: '' });
  });
});

describe('a right that is missing', () => {
  it.each([
    ['pods', 'get'],
    ['pods/ephemeralcontainers', 'patch'],
    ['pods/exec', 'get'],
    ['pods/exec', 'create'],
  ] as const)('is named, with the Role to paste: %s %s', async (resource, verb) => {
    const ended = await threadsAs(userWith(`no-${verb}-${resource.replace('/', '-')}`, without(resource, verb)));
    expect({ code: ended.code, stdout: ended.stdout }, ended.stderr).toEqual({ code: 4, stdout: '' });
    expect(ended.stderr).toMatch(new RegExp(`${verb}\\b[\\s\\S]*${resource}|${resource}[\\s\\S]*\\b${verb}`));
    if (resource === 'pods/exec') expect(ended.stderr).toMatch(verb === 'get' ? /has create .*lacks get/ : /has get .*not create/);
    expect(ended.stderr).toMatch(/kind: Role[\s\S]*pods\/ephemeralcontainers[\s\S]*kind: RoleBinding/);
  });

  it.each(['get', 'create'])('is named by what needs it alone: pods/portforward %s', async (verb) => {
    const config = userWith(`no-${verb}-forward`, without('pods/portforward', verb));
    const ended = await laptop.kprof('pprof', pod, '-n', home.namespace, '--kubeconfig', config, '--port', '6060');
    expect({ code: ended.code, stdout: ended.stdout }, ended.stderr).toEqual({ code: 4, stdout: '' });
    expect(ended.stderr).toMatch(
      verb === 'get' ? /has create on pods\/portforward, it lacks get/ : /has get on pods\/portforward but not create/,
    );
    expect(ended.stderr).toMatch(/kind: Role[\s\S]*pods\/portforward[\s\S]*kind: RoleBinding/);
  });

  it('to list pods, or to watch them, is not needed for a pod that is named', async () => {
    for (const verb of ['list', 'watch']) {
      const ended = await threadsAs(userWith(`no-${verb}-pods`, without('pods', verb)));
      expect(ended, `${verb}: ${ended.stderr}`).toMatchObject({ code: 0, stdout: expect.stringContaining('kprof-worker-1') });
    }
  });

  it('to read logs is named where a dump is in them, and in the Role then', async () => {
    const ended = await threadsAs(userWith('no-log', whole), 'jdk17-deaf');
    expect(ended).toMatchObject({ code: 4, stdout: '' });
    expect(ended.stderr).toMatch(/may not get pods\/log[\s\S]*kind: Role[\s\S]*"pods\/log"/);
    const allowed = await threadsAs(userWith('with-log', [...whole, rule('pods/log', 'get')]), 'jdk17-deaf');
    expect(allowed, allowed.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('Full thread dump') });
  });
});

describe('who else refuses is named', () => {
  const name = () => `${home.namespace}-no-debug`;

  it('a quota, which is about pods and not about debug containers: its words are known all the same', async () => {
    const metadata = { name: 'full', namespace: home.namespace };
    apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: { pods: '1', 'limits.memory': '1Mi', 'count/pods': '1' } } });
    try {
      const used = () => kubectl('get', 'resourcequota', 'full', '-n', home.namespace, '-o', 'jsonpath={.status.used.pods}');
      expect(await eventually(() => Number(used()) >= 2, 30)).toBe(true);
      const made = await kubectlLater(
        ['create', '-f', '-'],
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'more', namespace: home.namespace },
          spec: { containers: [{ name: 'app', image: 'x', resources: { limits: { memory: '2Mi' } } }] },
        }),
      ).catch(({ stderr }: { stderr: string }) => stderr);
      const message = /^Error from server \(Forbidden\):.*?(pods "more" is forbidden: [\s\S]*)$/m.exec(made)?.[1]?.trim() ?? '';
      const asked = { server: new URL('https://k8s.example'), doing: 'add a debug container to pod shop/api' };
      expect(refused(asked, { code: 403, body: JSON.stringify({ kind: 'Status', message }) }), made).toMatchObject({
        failure: 'forbidden',
        message: 'A quota of this namespace refuses to add a debug container to pod shop/api',
        cause: expect.stringMatching(/^exceeded quota: full, requested: .*, limited: /),
      });
      const ended = await threadsAs(kubeconfig);
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
    } finally {
      kubectl('delete', 'resourcequota', 'full', '-n', home.namespace);
    }
  });

  it('a ValidatingAdmissionPolicy', async () => {
    const metadata = { name: name() };
    const matchConstraints = {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': home.namespace } },
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'] }],
    };
    const validations = [{ expression: 'false', message: 'nobody debugs here' }];
    apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: { failurePolicy: 'Fail', matchConstraints, validations },
    });
    apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: name(), validationActions: ['Deny'] },
    });
    try {
      // The API server takes a moment to know it.
      const tried = async () => {
        using newcomer = { ...desk(), [Symbol.dispose]: () => newcomer.remove() };
        return await newcomer.kprof('threads', pod, '-n', home.namespace);
      };
      let ended = await tried();
      for (let tries = 0; ended.code === 0 && tries < 10; tries++) ended = await tried();
      expect(ended).toMatchObject({ code: 4, stdout: '' });
      expect(ended.stderr).toContain(`The admission policy ${name()} refuses`);
      expect(ended.stderr).toContain('nobody debugs here');
      expect(ended.stderr).not.toContain('kind: Role');
    } finally {
      kubectl('delete', 'validatingadmissionpolicybinding,validatingadmissionpolicy', name(), '--wait=true');
    }
  });

  it('a webhook, that denies or that does not work', async () => {
    const hook = await webhook((uid) => ({ uid, allowed: false, status: { message: 'not on a Friday' } }));
    const metadata = { name: name() };
    const install = (url: string) =>
      apply({
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata,
        webhooks: [
          {
            name: 'guard.kprof.test',
            clientConfig: { url, caBundle: hook.ca },
            rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'] }],
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': home.namespace } },
            admissionReviewVersions: ['v1'],
            sideEffects: 'None',
            failurePolicy: 'Fail',
            timeoutSeconds: 5,
          },
        ],
      });
    const said = async (expected: RegExp): Promise<string> => {
      let text = '';
      await eventually(() => true, 1);
      for (let tries = 0; tries < 10 && !expected.test(text); tries++) {
        using newcomer = { ...desk(), [Symbol.dispose]: () => newcomer.remove() };
        const ended = await newcomer.kprof('threads', pod, '-n', home.namespace);
        text = `${ended.code} ${ended.stderr}`;
      }
      return text;
    };
    try {
      install(hook.url);
      expect(await said(/guard\.kprof\.test refuses/)).toMatch(
        /^4 [\s\S]*The admission webhook guard\.kprof\.test refuses[\s\S]*not on a Friday/,
      );
      install('https://127.0.0.1:1/');
      expect(await said(/does not work/)).toMatch(/^1 [\s\S]*The admission webhook guard\.kprof\.test does not work/);
    } finally {
      kubectl('delete', 'validatingwebhookconfiguration', name());
      hook.server.close();
    }
  });
});

/** A webhook on this machine, where the API server reaches it; its certificate is made for its address. */
async function webhook(answer: (uid: string) => object): Promise<{ readonly server: Server; readonly url: string; readonly ca: string }> {
  const host = new URL(kubectl('config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}')).hostname;
  const near = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.address.startsWith(host.replace(/\d+$/, '')))?.address;
  const [key, cert] = [join(laptop.folder, 'hook.key'), join(laptop.folder, 'hook.crt')];
  const names = ['-subj', '/CN=hook', '-addext', `subjectAltName=IP:${near}`];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '1',
      '-keyout',
      key,
      '-out',
      cert,
      ...names,
    ],
    {
      stdio: 'ignore',
    },
  );
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { uid } = (JSON.parse(body) as { request: { uid: string } }).request;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer(uid) }));
  });
  await new Promise<void>((resolve) => server.listen(0, near, resolve));
  const { port } = server.address() as { port: number };
  return { server, url: `https://${near}:${port}/`, ca: readFileSync(cert).toString('base64') };
}
