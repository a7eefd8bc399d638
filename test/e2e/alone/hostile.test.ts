import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attack, fakeJvm } from '../hostile.ts';
import {
  type Desk,
  debugContainers,
  desk,
  type Ended,
  eventually,
  hasEnded,
  inside,
  jfr as jfrTool,
  type Manifest,
  type Place,
  place,
  record,
  recordings,
  vitals,
} from '../support.ts';

let ours: Place;
let laptop: Desk;

beforeAll(() => {
  laptop = desk();
  ours = place();
});
afterAll(() => {
  ours?.remove();
  laptop?.remove();
});

const sh = async (pod: string, script: string, container = 'app'): Promise<string> => {
  const words = ['exec', '-n', ours.namespace, pod, '-c', container, '--', 'sh', '-c', script];
  return (await promisify(execFile)('kubectl', words, { env: laptop.env })).stdout;
};

/** What came of a capture: its files by what they are called, with their content. */
const made = (name: string) =>
  readdirSync(laptop.folder)
    .filter((each) => each.startsWith(name))
    .map((each) => ({ name: each, content: readFileSync(join(laptop.folder, each), 'latin1') }));

/** Only what a terminal shows as it is. */
const clean = (text: string) => !/[^\t\n\x20-\x7e\u00a1-\ufffd]|[\u200b-\u200f\u2028-\u202e]/.test(text);

/** Ended in time and said what it says in words that a terminal can bear. */
function expectCalm(ended: Ended, seconds = 150) {
  expect({ clean: clean(ended.stderr), inTime: ended.took < seconds * 1000 }, `${ended.took} ms: ${JSON.stringify(ended.stderr)}`).toEqual({
    clean: true,
    inTime: true,
  });
}

const jfr = (pod: string, name: string, ...more: readonly string[]) =>
  laptop.start('jfr', pod, '-n', ours.namespace, '--no-open', '-f', name, ...more);

describe.concurrent('a process that only looks like a JVM', () => {
  // Three pods, so that they don't wait for each other.
  const plants: readonly (readonly [pod: string, plant: string, says: RegExp])[] = [
    ['fake-1', 'link', /not a regular file/],
    ['fake-1', 'magic', /not a regular file/],
    ['fake-1', 'fifo', /not a regular file/],
    ['fake-1', 'device', /not a regular file/],
    ['fake-1', 'folder', /not a regular file/],
    ['fake-1', 'socket', /not a regular file/],
    ['fake-2', 'hard', /is not a whole JFR recording/],
    ['fake-2', 'sparse', /more than the \d+ that are taken/],
    ['fake-2', 'noise', /is not a whole JFR recording/],
    ['fake-2', 'grows', /was changed/],
    ['fake-2', 'shrinks', /became shorter|was changed/],
    ['fake-2', 'rewritten', /was changed/],
    ['fake-2', 'swapped', /did not arrive whole|is not a whole JFR/],
  ];
  const answers: readonly (readonly [mode: string, tool: string, code: number, says: RegExp])[] = [
    ['endless', 'threads', 1, /printed more than 1048576 bytes/],
    ['number', 'threads', 1, /could not/],
    ['flood', 'threads', 1, /could not|printed more/],
    ['escapes', 'threads', 1, /could not print its threads|thread dump/],
    ['escapes', 'jfr', 1, /could not start a recording/],
    ['escapes', 'histogram', 1, /could not count its objects/],
    ['escapes', 'heapdump', 1, /could not write its heap down/],
    ['endless', 'jvm', 1, /printed more than 1048576 bytes/],
    ['never', 'threads', 6, /within 30s/],
  ];

  const planted = async (pod: string) => {
    await fakeJvm(ours, pod);
    for (const [, plant, says] of plants.filter(([where]) => where === pod)) {
      await sh(pod, `echo ${plant} >/tmp/mode`);
      const name = `${plant}.jfr`;
      const ended = await jfr(pod, name, '--duration', '1s').ended;
      expectCalm(ended);
      expect(ended, `${plant}: ${ended.stderr}`).toMatchObject({ code: 3, stdout: '', stderr: expect.stringMatching(says) });
      expect(made(name).filter((each) => each.name === name || /root:/.test(each.content))).toEqual([]);
      for (const { name: part } of made(name)) rmSync(join(laptop.folder, part));
    }
    expect(await sh(pod, 'cat /tmp/asked')).toMatch(/JFR\.stop/);
  };

  it('and plants something in the place of its file: nothing of it is called a recording', () => planted('fake-1'));
  it('and has a file that is never the same: it is not called a recording', () => planted('fake-2'));

  it('and plants something where its heap dump is to be, in the debug container: nothing of it is called a heap dump', async () => {
    await fakeJvm(ours, 'fake-4');
    for (const [plant, says] of [
      ['link', /not a regular file/],
      ['fifo', /not a regular file/],
      ['noise', /is not a whole heap dump/],
    ] as const) {
      await sh('fake-4', `echo ${plant} >/tmp/mode`);
      const name = `${plant}.hprof`;
      const ended = await laptop.start('heapdump', 'fake-4', '-n', ours.namespace, '--no-open', '-f', name).ended;
      expectCalm(ended);
      expect(ended, `${plant}: ${ended.stderr}`).toMatchObject({ code: 3, stdout: '', stderr: expect.stringMatching(says) });
      expect(made(name).filter((each) => each.name === name || /root:/.test(each.content))).toEqual([]);
    }
  });

  it('and answers without end, never, or to the terminal', async () => {
    await fakeJvm(ours, 'fake-3', { uid: 1000 });
    for (const [mode, tool, code, says] of answers) {
      await sh('fake-3', `echo ${mode} >/tmp/mode`);
      const ended = await laptop.start(tool, 'fake-3', '-n', ours.namespace, '-f', `${mode}.out`).ended;
      expectCalm(ended);
      expect(ended, `${mode}: ${ended.stderr}`).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(says) });
      expect(made(`${mode}.out`).map(({ name }) => name)).not.toContain(`${mode}.out`);
      // Who answers is a JVM to look at for as long as somebody listens: in a minute nobody does.
      const isAlone = async () => (await sh('fake-3', 'grep -l -s libjvm.so /proc/[0-9]*/maps | wc -l')).trim() === '1';
      expect(await eventually(isAlone, 60), `${mode}: who answered is still there`).toBe(true);
    }
    const container = debugContainers(ours.namespace, 'fake-3')[0] as string;
    expect(await eventually(() => !/jattach|step/.test(inside(ours.namespace, 'fake-3', container, 'ps')), 30)).toBe(true);
  });
});

describe.concurrent('a process beside the JVM, of its user', () => {
  /** A recording of a pod of its own, while it is attacked; Ctrl-C ends it. */
  async function attacked(pod: string, what: string, { again = false, container = 'app', change = (_: Manifest) => {} } = {}) {
    if (!again) await ours.applyAs(pod, 'jdk17-root', change);
    const before = vitals(ours.namespace, pod);
    const name = `${what}.jfr`;
    const running = jfr(pod, name, '--duration', '60s', '-c', 'app');
    await running.until(/recording {2}/, 150);
    const acts = attack(ours, pod, what, { container });
    await acts.begun;
    running.child.kill('SIGINT');
    const ended = await running.ended;
    await sh(pod, 'touch /tmp/over', container);
    const did = await acts.ended;
    expectCalm(ended);
    return { ended, did, before, file: made(name).find((each) => each.name === name) };
  }
  /** Either all is well, and the file is what the JVM wrote; or nothing is called a recording. */
  function expectTruth({ ended, file }: Pick<Awaited<ReturnType<typeof attacked>>, 'ended' | 'file'>, what: string) {
    const good = ended.stdout !== '';
    expect(
      { code: good ? ended.code === 130 : [1, 3, 5, 6].includes(ended.code ?? 0), file: file !== undefined },
      `${ended.code}: ${ended.stderr}`,
    ).toEqual({
      code: true,
      file: good,
    });
    if (file !== undefined) {
      expect(file.content).not.toMatch(/forged|owned|^12 34 56/);
      expect(jfrTool('summary', join(laptop.folder, `${what}.jfr`))).toMatch(/jdk\.ExecutionSample/);
    }
  }

  it('forges how a step ended: there is no recording, and none is called one', async () => {
    const { ended, did, file, before } = await attacked('forged', 'forge-state');
    expect(did).toContain('forged a step');
    expect({ stdout: ended.stdout, file, failed: [1, 3].includes(ended.code ?? 0) }, ended.stderr).toEqual({
      stdout: '',
      file: undefined,
      failed: true,
    });
    expect(vitals(ours.namespace, 'forged')).toEqual(before);
  });

  it('forges sums and bytes of what is sent: it is not called a recording', async () => {
    const it = await attacked('sent', 'forge-pull');
    expectTruth(it, 'forge-pull');
    expect(vitals(ours.namespace, 'sent')).toEqual(it.before);
  });

  it('floods what answers: the capture fails, or is right', async () => {
    const it = await attacked('flooded', 'flood');
    expect(it.did).toContain('took a stream');
    expectTruth(it, 'flood');
    expect(vitals(ours.namespace, 'flooded')).toEqual(it.before);
  });

  it('forks as fast as it can: the capture ends well, or says why not', async () => {
    const it = await attacked('sent', 'storm', { again: true });
    expect(it.did).toContain('forked');
    expectTruth(it, 'storm');
    expect(vitals(ours.namespace, 'sent')).toEqual(it.before);
  });

  it('plants undo, links and pipes in our folder: what is called a recording is one, and the supervisor goes on', async () => {
    const it = await attacked('planted', 'plant');
    expect(it.did).toContain('planted');
    expectTruth(it, 'plant');
    const container = debugContainers(ours.namespace, 'planted')[0] as string;
    const ended = await laptop.kprof('stop', 'planted', '-n', ours.namespace);
    expectCalm(ended);
    // What says who the main process is was forged; that it is still one that can be ended is not.
    const end =
      'for p in /proc/[0-9]*; do case $(tr "\\0" " " 2>/dev/null <$p/cmdline) in "tini -s -- "*"kprof/run supervise "*) kill ${p#/proc/};; esac; done';
    inside(ours.namespace, 'planted', container, 'sh', '-c', end);
    expect(await eventually(() => hasEnded(ours.namespace, 'planted', container), 45)).toBe(true);
    expect(await sh('planted', 'ls -a /tmp')).not.toMatch(/kprof-[0-9a-f]{16}/);
    expect(vitals(ours.namespace, 'planted')).toEqual(it.before);
  });

  it('or in another container that shares the processes, puts a script of its own in the place of ours: nothing of it is believed', async () => {
    const beside = {
      name: 'beside',
      image: 'registry.local/workload-jdk17-root:test',
      command: ['sh', '-c', 'echo the-neighbours >/secret; sleep 600'],
    };
    const change = ({ spec }: Manifest) => {
      Object.assign(spec, { shareProcessNamespace: true });
      spec.containers.push({ ...beside, imagePullPolicy: 'IfNotPresent' });
    };
    const it = await attacked('replaced', 'replace', { container: 'beside', change });
    expect(it.did).toContain('replaced the folder');
    expect({ stdout: it.ended.stdout, file: it.file, failed: [1, 3, 6].includes(it.ended.code ?? 0) }, it.ended.stderr).toEqual({
      stdout: '',
      file: undefined,
      failed: true,
    });
    for (const words of [
      ['ls', 'replaced'],
      ['stop', 'replaced'],
      ['threads', 'replaced', '-c', 'app', '-f', 'replaced.txt'],
    ]) {
      const ended = await laptop.kprof(...words, '-n', ours.namespace);
      expectCalm(ended);
      expect({ clean: clean(ended.stdout), stdout: /owned|password/.test(ended.stdout) }, words.join(' ')).toEqual({
        clean: true,
        stdout: false,
      });
    }
    expect(await sh('replaced', 'cat /secret', 'beside')).toBe('the-neighbours\n');
    expect(vitals(ours.namespace, 'replaced')).toEqual(it.before);
  });

  it('kills the supervisor: what ran in the debug container dies, and the app lives', async () => {
    await ours.applyAs('killed', 'jdk17-root');
    const before = vitals(ours.namespace, 'killed');
    const running = jfr('killed', 'killed.jfr', '--duration', '60s');
    await running.until(/recording {2}/, 150);
    const container = debugContainers(ours.namespace, 'killed')[0] as string;
    await sh(
      'killed',
      `for p in /proc/[0-9]*; do case $(tr '\\0' ' ' 2>/dev/null <$p/cmdline) in 'sh /tmp/kprof/run supervise '*) kill -9 \${p#/proc/};; esac; done`,
    );
    const ended = await running.ended;
    expectCalm(ended);
    expect({ stdout: ended.stdout, files: made('killed.jfr'), failed: [1, 5].includes(ended.code ?? 0) }, ended.stderr).toEqual({
      stdout: '',
      files: [],
      failed: true,
    });
    expect(hasEnded(ours.namespace, 'killed', container)).toBe(true);
    // kprof made another one, which ended the recording and removed its file.
    expect(await sh('killed', 'ls -a /tmp')).not.toMatch(/kprof/);
    const again = await laptop.kprof('threads', 'killed', '-n', ours.namespace, '-o', 'json');
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(recordings(ours.namespace, 'killed', record(again).debugContainer)).toMatch(/No available recordings/);
    expect(vitals(ours.namespace, 'killed')).toEqual(before);
  });
});

describe.concurrent('below root, a process of another user', () => {
  it('reaches what runs as its user, and neither our files nor another process through us', async () => {
    await ours.applyAs('below', 'gosu');
    const forging = attack(ours, 'below', 'forge-look', { uid: 1000 });
    const writing = attack(ours, 'below', 'write', { uid: 1000 });
    await Promise.all([forging.begun, writing.begun]);
    const looks = [
      await laptop.kprof('threads', 'below', '-n', ours.namespace),
      await laptop.kprof('threads', 'below', '-n', ours.namespace),
    ];
    await sh('below', 'touch /tmp/over');
    const [forged, wrote] = await Promise.all([forging.ended, writing.ended]);
    expect(forged).toContain('took the output of a look');
    expect(wrote).toEqual(['reached a process']);
    for (const ended of looks) {
      expectCalm(ended);
      // The shell of root's, as which it posed, is no JVM; where the real one is hidden, that there is none may be said.
      if (!ended.stderr.includes('There is no JVM')) expect(ended.stderr).not.toMatch(/^ +1 {2}/m);
    }
    const honest = await laptop.kprof('threads', 'below', '-n', ours.namespace, '-o', 'json');
    expect(honest, honest.stderr).toMatchObject({ code: 0 });
    expect(record(honest)).toMatchObject({ rung: 'root' });
  });
});

describe.concurrent('the neighbour in a pod whose containers share their processes', () => {
  it('is not captured from, and no link leads to it', async () => {
    const script = 'echo secret-of-the-neighbour >/secret; echo $$$$ >/dev/shm/neighbour; while :; do sleep 1; done';
    const beside = {
      name: 'beside',
      image: 'registry.local/workload-jdk17-root:test',
      imagePullPolicy: 'IfNotPresent',
      command: ['sh', '-c', script],
    };
    await fakeJvm(ours, 'shared', { beside });
    const neighbour = (await sh('shared', 'cat /dev/shm/neighbour')).trim();
    await sh('shared', `echo neighbour >/tmp/mode; echo /proc/${neighbour}/root/secret >/tmp/neighbour; cat /tmp/neighbour`);
    expect(await sh('shared', `cat /proc/${neighbour}/root/secret`)).toBe('secret-of-the-neighbour\n');
    const ended = await jfr('shared', 'shared.jfr', '--duration', '1s').ended;
    expectCalm(ended);
    expect(ended, ended.stderr).toMatchObject({ code: 3, stdout: '', stderr: expect.stringMatching(/not a regular file/) });
    expect(made('shared.jfr')).toEqual([]);
    const other = await jfr('shared', 'other.jfr', '-c', 'beside').ended;
    expect(other, other.stderr).toMatchObject({
      code: 7,
      stdout: '',
      stderr: expect.stringMatching(/There is no JVM in container beside/),
    });
    expect(other.stderr).not.toMatch(/fake\.pl|owned/);
    const foreign = await jfr('shared', 'foreign.jfr', '-c', 'app', '--pid', neighbour).ended;
    expect(foreign, foreign.stderr).toMatchObject({ code: 2, stdout: '' });
  });
});

describe.concurrent('many processes with odd names', () => {
  it('hide no JVM', async () => {
    await ours.applyAs('crowd', 'jdk17-root');
    const crowd = `for (1 .. 1500) { next if fork; $0 = join '', map { chr(1 + int rand 255) } 1 .. 40; $0 .= ") S 1\\n1/map:libjvm.so\\nmore 0\\n" . ("x" x 9000); sleep 600; exit }`;
    await sh('crowd', `perl -e '${crowd.replaceAll("'", "'\\''")}' </dev/null >/dev/null 2>&1 & sleep 4`);
    const ended = await laptop.kprof('threads', 'crowd', '-n', ours.namespace, '-o', 'json');
    expectCalm(ended);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(record(ended).pid).toBe(1);
    const none = await laptop.kprof('threads', 'crowd', '-n', ours.namespace, '--pid', '4000000');
    expectCalm(none);
    expect(none, none.stderr).toMatchObject({ code: 2, stdout: '' });
  });
});

// A bench: KPROF_KILLS=200.
const kills = Number(process.env['KPROF_KILLS'] ?? 0);
describe.runIf(kills > 0).concurrent('kills at random', () => {
  const seed = Number(process.env['KPROF_SEED'] ?? Date.now() % 1e6);
  const none = /No available recordings/;
  const victims = { shells: 'hold|step|run|pull|look', main: 'supervise' };
  const killing = (verbs: string) =>
    `for p in /proc/[0-9]*; do tr '\\0' ' ' 2>/dev/null <$p/cmdline | grep -q -E 'kprof/run (${verbs}) ' && kill -9 \${p#/proc/}; done; true`;

  it.each([
    ['kills-1', 'jdk17-root', ['client', 'shells']],
    ['kills-2', 'jdk17-root', ['main', 'shells']],
    ['kills-3', 'gosu', ['client', 'shells']],
  ] as const)(
    '%s (%s; %s): the app lives, and in the end nothing of ours is there',
    async (pod, workload, who) => {
      const random = createRandom(seed + Number(pod.at(-1)));
      await ours.applyAs(pod, workload);
      const before = vitals(ours.namespace, pod);
      for (let run = 0; run < kills / 3; run++) {
        const name = `${pod}-${run}.out`;
        const words = random() < 0.6 ? ['jfr', pod, '--duration', '3s'] : ['threads', pod, '--count', '3', '--interval', '1s'];
        const running = laptop.start(...words, '-n', ours.namespace, '-f', name, '--no-open');
        const victim = who[Math.floor(random() * who.length)] as (typeof who)[number];
        const after = Math.floor(random() * 6000);
        const what = `KPROF_SEED=${seed} ${pod} run ${run}: ${words[0]}, ${victim} after ${after} ms`;
        await running.until(/(?:started|using) kprof-|error/, 150);
        await sleep(after);
        if (victim === 'client') running.child.kill('SIGKILL');
        else await sh(pod, killing(victims[victim]));
        const ended = await running.ended;
        expectCalm(ended);
        const whole = made(name).some((each) => each.name === name);
        if (victim !== 'client') expect({ done: ended.code === 0, whole }, `${what}: ${ended.stderr}`).toEqual({ done: whole, whole });
      }
      expect(vitals(ours.namespace, pod), `KPROF_SEED=${seed}`).toEqual(before);
      const last = await laptop.kprof('threads', pod, '-n', ours.namespace, '-o', 'json');
      expect(last, `KPROF_SEED=${seed} ${last.stderr}`).toMatchObject({ code: 0 });
      const { debugContainer, pid } = record(last);
      const as = workload === 'gosu' ? 'setpriv --reuid=1000 --regid=1000 --clear-groups ' : '';
      const check = () => inside(ours.namespace, pod, debugContainer, 'sh', '-c', `${as}jattach ${pid} jcmd JFR.check`);
      expect(await eventually(() => none.test(check()), 60), `KPROF_SEED=${seed}`).toBe(true);
      const stopped = await laptop.kprof('stop', pod, '-n', ours.namespace);
      expect(stopped, stopped.stderr).toMatchObject({ code: 0 });
      expect(await eventually(() => hasEnded(ours.namespace, pod, debugContainer), 20)).toBe(true);
      expect(await sh(pod, 'ls -a /tmp'), `KPROF_SEED=${seed}`).not.toMatch(/kprof|attach_pid/);
    },
    240_000 + kills * 10_000,
  );
});

/** Mulberry32: the same numbers in [0, 1) for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
