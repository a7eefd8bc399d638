import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Desk,
  debugContainers,
  desk,
  inside,
  jfr,
  kubectl,
  longestStall,
  type Place,
  place,
  record,
  recordings,
  vitals,
} from './support.ts';

/** What the workload is, whom its JVM runs as, and the rung that this takes. */
const workloads = [
  ['jdk17-root', 'baseline', 0, 'root', '17'],
  ['jdk25-restricted', 'restricted', 1000, 'same-user', '25'],
  ['gosu', 'baseline', 1000, 'root', '17'],
  ['sidecar', 'baseline', 0, 'root', '17'],
] as const;

const secrets = ['jdk.InitialEnvironmentVariable', 'jdk.InitialSystemProperty'];

let baseline: Place;
let restricted: Place;
let laptop: Desk;
const namespaceOf = (level: string) => (level === 'restricted' ? restricted : baseline).namespace;

beforeAll(async () => {
  laptop = desk();
  baseline = place('baseline');
  restricted = place('restricted');
  await Promise.all([baseline.apply('jdk17-root', 'gosu', 'sidecar'), restricted.apply('jdk25-restricted')]);
});
afterAll(() => {
  baseline?.remove();
  restricted?.remove();
  laptop?.remove();
});

/** What is left of us in the target: files, and processes that are dead and unburied. */
function litter(namespace: string, pod: string, container: string, pid: number): string {
  const script = `ls -a /proc/${pid}/root/tmp /proc/${pid}/cwd/ /dev/shm | grep -E 'kprof|attach_pid|\\.jfr'; for s in /proc/[0-9]*/stat; do case $(cat $s 2>/dev/null) in *') Z '*) cat $s;; esac; done; true`;
  const asTarget =
    kubectl('get', 'pod', '-n', namespace, pod, '-o', 'jsonpath={.metadata.name}') === 'gosu'
      ? ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups']
      : [];
  return inside(namespace, pod, container, ...asTarget, 'sh', '-c', script);
}

describe.each(workloads)('%s in a %s namespace', (pod, level, uid, rung, version) => {
  it('gives a recording of 15s, and leaves no trace', async () => {
    const namespace = namespaceOf(level);
    const before = vitals(namespace, pod);
    const usual = longestStall(namespace, pod, 20);
    const ended = await laptop.kprof('jfr', pod, '-n', namespace, '--duration', '15s');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });

    const path = ended.stdout.trimEnd();
    expect(path.split('\n')).toHaveLength(1);
    expect(path).toMatch(new RegExp(`^${laptop.folder}/jfr-${namespace}-${pod}-app-\\d+-\\d{8}T\\d{6}Z\\.jfr$`));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const seconds = Number(/Duration: (\d+) s/.exec(jfr('summary', path))?.[1]);
    expect(seconds).toBeGreaterThanOrEqual(14);
    const samples = jfr('print', '--events', 'jdk.ExecutionSample', path);
    expect(samples).toContain('Busy.hotLoop');
    for (const event of secrets) expect(jfr('print', '--events', event, path).trim()).toBe('');

    expect(vitals(namespace, pod)).toEqual(before);
    expect(longestStall(namespace, pod, 20)).toBeLessThan(Math.max(250, usual * 4));
  });

  it('uses the debug container again, adds no capability, and says all of it in JSON', async () => {
    const namespace = namespaceOf(level);
    const containers = debugContainers(namespace, pod);
    const ended = await laptop.kprof('jfr', pod, '-n', namespace, '--duration', '2s', '-o', 'json');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const made = record(ended);
    expect(debugContainers(namespace, pod)).toEqual(containers);
    expect(containers).toHaveLength(1);
    expect(made).toMatchObject({
      apiVersion: 'kprof.dev/v1',
      kind: 'Artifact',
      namespace,
      pod,
      container: 'app',
      rung,
      way: 'debug',
      debugContainer: containers[0],
      early: false,
    });
    expect(made['runtime']).toMatch(new RegExp(`VM ${version}\\.`));
    expect(made['bytes']).toBe(statSync(made.path).size);
    expect(made['sha256']).toBe(createHash('sha256').update(readFileSync(made.path)).digest('hex'));
    expect(made['uid']).toBe(kubectl('get', 'pod', '-n', namespace, pod, '-o', 'jsonpath={.metadata.uid}'));
    const spec = kubectl('get', 'pod', '-n', namespace, pod, '-o', 'jsonpath={.spec.ephemeralContainers[0].securityContext}');
    expect(JSON.parse(spec).capabilities?.add).toBeUndefined();
    expect(inside(namespace, pod, made.debugContainer, 'grep', 'Uid', `/proc/${made.pid}/status`)).toContain(String(uid));
    expect(litter(namespace, pod, made.debugContainer, made.pid)).not.toMatch(/kprof|attach_pid|\.jfr|\) Z /);
  });

  it('names the threads', async () => {
    const ended = await laptop.kprof('threads', pod, '-n', namespaceOf(level), '--count', '2', '--interval', '500ms');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stdout.match(/^Full thread dump/gm)).toHaveLength(2);
    for (const name of ['kprof-worker-1', 'kprof-worker-2', 'kprof-allocator']) expect(ended.stdout).toContain(`"${name}"`);
    const file = await laptop.kprof('threads', pod, '-n', namespaceOf(level), '-f', `${pod}.txt`);
    expect(file).toMatchObject({ code: 0, stdout: `${laptop.folder}/${pod}.txt\n` });
    expect(readFileSync(`${laptop.folder}/${pod}.txt`, 'utf8')).toContain('kprof-worker-1');
  });
});

describe('a stock JDK image', () => {
  it.each([
    ['jdk17-root', 'baseline'],
    ['jdk25-restricted', 'restricted'],
  ])('records %s, that nobody has attached to before, and leaves no trace', async (workload, level) => {
    const home = level === 'restricted' ? restricted : baseline;
    const pod = `${workload}-stock`;
    await home.applyAs(pod, workload);
    const before = vitals(home.namespace, pod);
    const ended = await laptop.kprof(
      'jfr',
      pod,
      '-n',
      home.namespace,
      '--duration',
      '5s',
      '--image',
      'eclipse-temurin:25-jdk',
      '-o',
      'json',
    );
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(jfr('print', '--events', 'jdk.ExecutionSample', record(ended).path)).toContain('Busy');
    for (const event of secrets) expect(jfr('print', '--events', event, record(ended).path).trim()).toBe('');
    expect(vitals(home.namespace, pod)).toEqual(before);
    expect(litter(home.namespace, pod, record(ended).debugContainer, record(ended).pid)).not.toMatch(/kprof-|attach_pid|\.jfr|\) Z /);
  });
});

describe('jfr', () => {
  it('leaves a recording of somebody else alone, and its secrets with it', async () => {
    await baseline.applyAs('shared', 'jdk17-root');
    const { debugContainer } = record(await laptop.kprof('threads', 'shared', '-n', baseline.namespace, '-o', 'json'));
    inside(baseline.namespace, 'shared', debugContainer, 'jattach', '1', 'jcmd', 'JFR.start name=mine settings=default');
    const refused = await laptop.kprof('jfr', 'shared', '-n', baseline.namespace, '--duration', '2s');
    expect(refused).toMatchObject({ code: 7, stdout: '', stderr: expect.stringContaining('--with-environment') });
    const taken = await laptop.kprof('jfr', 'shared', '-n', baseline.namespace, '--duration', '2s', '--with-environment');
    expect(taken, taken.stderr).toMatchObject({ code: 0 });
    const left = recordings(baseline.namespace, 'shared', debugContainer);
    expect(left).toMatch(/name=mine.*running/);
    expect(left).not.toContain('kprof');
  });

  it('gives no name to a recording into which one that came and went has put secrets', async () => {
    await baseline.applyAs('passing', 'jdk17-root');
    const at = ['passing', '-n', baseline.namespace] as const;
    expect(await laptop.kprof('jfr', ...at, '--start')).toMatchObject({ code: 0 });
    const { debugContainer } = record(await laptop.kprof('threads', ...at, '-o', 'json'));
    for (const command of ['JFR.start name=foreign settings=default', 'JFR.stop name=foreign'])
      inside(baseline.namespace, 'passing', debugContainer, 'jattach', '1', 'jcmd', command);
    const refused = await laptop.kprof('jfr', ...at, '--dump', '-f', 'passing.jfr');
    expect(refused).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('--with-environment') });
    expect(readdirSync(laptop.folder)).not.toContain('passing.jfr');
    expect(statSync(`${laptop.folder}/passing.jfr.partial`).mode & 0o777).toBe(0o600);
    // It is whole, as the hint says.
    renameSync(`${laptop.folder}/passing.jfr.partial`, `${laptop.folder}/passing.jfr`);
    expect(jfr('print', '--events', 'jdk.InitialEnvironmentVariable', `${laptop.folder}/passing.jfr`)).toContain('PATH');
    const taken = await laptop.kprof('jfr', ...at, '--stop', '--with-environment');
    expect(taken, taken.stderr).toMatchObject({ code: 0 });
  });

  it('records with a settings file of the user, and with the environment when asked', async () => {
    const settings = execJfc();
    const ended = await laptop.kprof(
      'jfr',
      'jdk17-root',
      '-n',
      baseline.namespace,
      '--duration',
      '2s',
      '--settings',
      settings,
      '--with-environment',
      '-f',
      'custom.jfr',
    );
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(jfr('print', '--events', 'jdk.InitialEnvironmentVariable', `${laptop.folder}/custom.jfr`)).toContain('PATH');
    expect(jfr('print', '--events', 'jdk.ExecutionSample', `${laptop.folder}/custom.jfr`).trim()).toBe('');
  });

  it('shows what it would do and changes nothing', async () => {
    const containers = debugContainers(baseline.namespace, 'gosu');
    const version = kubectl('get', 'pod', '-n', baseline.namespace, 'gosu', '-o', 'jsonpath={.metadata.resourceVersion}');
    const ended = await laptop.kprof('jfr', 'gosu', '-n', baseline.namespace, '--dry-run', '-o', 'yaml');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stdout).toMatch(/ephemeralContainers:[\s\S]*targetContainerName: app[\s\S]*JFR\.start/);
    expect(debugContainers(baseline.namespace, 'gosu')).toEqual(containers);
    expect(kubectl('get', 'pod', '-n', baseline.namespace, 'gosu', '-o', 'jsonpath={.metadata.resourceVersion}')).toBe(version);
    expect(readdirSync(laptop.folder).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });
});

/** A settings file that records the environment and no samples. */
function execJfc(): string {
  const path = `${laptop.folder}/mine.jfc`;
  const events = ['jdk.InitialEnvironmentVariable', 'jdk.JVMInformation'].map(
    (name) => `<event name="${name}"><setting name="enabled">true</setting><setting name="period">beginChunk</setting></event>`,
  );
  writeFileSync(
    path,
    `<?xml version="1.0" encoding="UTF-8"?>\n<configuration version="2.0" label="Mine">${events.join('')}</configuration>\n`,
  );
  return path;
}
