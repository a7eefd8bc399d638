import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawing } from '../support/seed.ts';
import { type BigFile, bigFile, clusterProxy, type Puller, puller, sha256 } from './big-file.ts';
import { type Desk, debugContainers, desk, eventually, inside, kubectl, type Manifest, type Place, place } from './support.ts';

// All at once, as most of the time is waiting: each case has a line of its own, and what is attacked has a pod of its own.
const draw = drawing();
let ours: Place;
let laptop: Desk;
const pod = 'pulled';
const attacked = 'attacked';

beforeAll(async () => {
  laptop = desk();
  ours = place('baseline');
  // Below two cores nothing is compressed, so that what came is there to see.
  const limited = ({ spec }: Manifest) => void Object.assign(spec.containers[0] as object, { resources: { limits: { cpu: '1900m' } } });
  await Promise.all([ours.applyAs(pod, 'jdk17-root', limited), ours.applyAs(attacked, 'jdk17-root')]);
});
afterAll(() => {
  ours?.remove();
  laptop?.remove();
});

const sh = (of: string, script: string) => kubectl('exec', '-n', ours.namespace, of, '-c', 'app', '--', 'sh', '-c', script);

describe.concurrent('the pull', () => {
  let pulls: Puller;
  let file: BigFile;
  const mebibytes = 32;
  const size = mebibytes * 2 ** 20;

  beforeAll(async () => {
    pulls = await puller();
    file = bigFile(ours.namespace, pod, mebibytes);
    // The debug container that all of them use.
    await pulls.start(laptop.env, ours.namespace, pod, bigFile(ours.namespace, pod, 1).path, join(laptop.folder, 'first.partial')).moved;
  });
  afterAll(() => pulls?.remove());

  const start = (proxy: { readonly url: string }, path: string, to: string, ...flags: readonly string[]) =>
    pulls.start(laptop.env, ours.namespace, pod, path, to, '--server', proxy.url, ...flags).moved;

  it('falls silent: noticed within 61 s, and resumed', async () => {
    const proxy = await clusterProxy();
    const to = join(laptop.folder, 'silent.partial');
    const pulling = start(proxy, file.path, to, '--cores', '0.5');
    expect(await eventually(() => proxy.received() > 4 * 2 ** 20, 60)).toBe(true);
    const since = Date.now();
    proxy.silence('once');
    const moved = await pulling;
    expect(moved).toMatchObject({ bytes: size, sha256: file.sha256 });
    expect(moved.notes).toHaveLength(1);
    expect((moved.noticed ?? 0) - since).toBeGreaterThan(0);
    expect((moved.noticed ?? 0) - since).toBeLessThanOrEqual(61_000);
    proxy.close();
  });

  it('that stays cut exits with 3, keeps the .partial, and says how to go on', async () => {
    const proxy = await clusterProxy();
    const server = ['--server', proxy.url, '--insecure-skip-tls-verify'];
    const running = laptop.start('jfr', pod, '-n', ours.namespace, '--duration', '5s', '-f', 'cut.jfr', ...server);
    running.child.stderr?.once('data', function begun(this: Readable, text: string) {
      if (/pulling/.test(text))
        proxy.cutAfter(150_000); // A handshake, and a part of 200 kB at least.
      else this.once('data', begun);
    });
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toMatch(/cut\.jfr did not arrive whole/);
    expect(ended.stderr).toMatch(/^try: kprof resume [0-9a-f]{16}/m);
    expect(readdirSync(laptop.folder)).not.toContain('cut.jfr');
    expect(statSync(join(laptop.folder, 'cut.jfr.partial')).mode & 0o777).toBe(0o600);
    proxy.close();
  });

  it.each([
    ['compressed', '4'],
    ['bare, for a pod with half a core', '0.5'],
  ])('%s: cut at random offsets, it resumes and arrives, and the bytes come once', async (_, cores) => {
    const proxy = await clusterProxy();
    for (let run = 0; run < 3; run++) {
      const to = join(laptop.folder, `cut-${cores}-${run}.partial`);
      const at = Math.floor((0.35 + 0.6 * draw()) * size);
      const before = proxy.received();
      proxy.cutAfter(at, 'once');
      const moved = await start(proxy, file.path, to, '--cores', cores);
      expect(moved, `cut at ${at}`).toMatchObject({ bytes: size, sha256: file.sha256 });
      expect(moved.notes.join(), `cut at ${at}`).toMatch(/^the line to the pod was lost at .* of 33\.6 MB; resuming$/);
      expect(await sha256(to)).toBe(file.sha256);
      // Beside the file: two handshakes and looks, and what died in the line's buffers, some megabytes whatever the file's size; less than
      // a second beginning would cost.
      expect(proxy.received() - before, `cut at ${at}`).toBeLessThan(size * 1.02 + 8 * 2 ** 20);
      rmSync(to);
    }
    proxy.close();
  });

  it('of a file that is changed after the cut says so, and keeps what came', async () => {
    const proxy = await clusterProxy();
    const other = bigFile(ours.namespace, pod, 16);
    const to = join(laptop.folder, 'changed.partial');
    proxy.cutAfter(8 * 2 ** 20, 'once');
    const pulling = start(proxy, other.path, to, '--cores', '0.1');
    expect(await eventually(() => existsSync(to) && statSync(to).size > 2 ** 20, 60)).toBe(true);
    sh(pod, `touch ${other.path}`);
    expect(await pulling).toMatchObject({
      failure: 'incomplete',
      message: expect.stringMatching(
        /^changed did not arrive whole: the file in the pod is another one now, or was changed \(\d+ bytes are kept in /,
      ),
    });
    proxy.close();
  });

  it('of which the line stays cut keeps what came as .partial, and says so', async () => {
    const proxy = await clusterProxy();
    const to = join(laptop.folder, 'half.partial');
    proxy.cutAfter(12 * 2 ** 20);
    const moved = await start(proxy, file.path, to, '--fruitless', '3000', '--cores', '4');
    const kept = statSync(to);
    expect(moved).toMatchObject({ failure: 'incomplete', message: expect.stringContaining(`${kept.size} bytes are kept in ${to}`) });
    expect({ some: kept.size > 2 ** 20, whole: kept.size >= size, mode: kept.mode & 0o777 }).toEqual({
      some: true,
      whole: false,
      mode: 0o600,
    });
    proxy.close();
  });
});

describe.concurrent('links that the target plants', () => {
  /** What the target does to the capture's folder while it records (DEBUG is the pid of a process of the debug container), and whether what it is left with is a recording all the same. */
  const attacks = [
    ['the file for an absolute link', 'echo secret >/tmp/other; rm $d/recording.jfr; ln -s /tmp/other $d/recording.jfr', false],
    ['the file for a relative link', 'echo secret >/tmp/other; rm $d/recording.jfr; ln -s ../../tmp/other $d/recording.jfr', false],
    ['the folder for a link into the debug container', 'mv $d /tmp/moved; ln -s /proc/DEBUG/root/tmp/bait $d', false],
    [
      'the folder for a link by a path of its own',
      'mv $d /tmp/moved; mkdir /tmp/other; echo secret >/tmp/other/recording.jfr; ln -s /tmp/other $d',
      true,
    ],
  ] as const;

  it.sequential.each(attacks)('%s: lead nowhere', async (_, attack, delivered) => {
    const running = laptop.start('jfr', attacked, '-n', ours.namespace, '--duration', '60s', '-f', 'attacked.jfr');
    await running.until(/recording {2}/);
    const container = debugContainers(ours.namespace, attacked)[0] as string;
    inside(ours.namespace, attacked, container, 'sh', '-c', 'mkdir -p /tmp/bait && echo bait >/tmp/bait/recording.jfr');
    const supervisor = inside(
      ours.namespace,
      attacked,
      container,
      'sh',
      '-c',
      'for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline | grep -q "^tini.*supervise" && echo ${p#/proc/}; done; true',
    ).trim();
    // The JVM writes when the recording stops, by its path: swapped only after that would be a race that we may lose.
    sh(attacked, `d=$(ls -td /tmp/kprof-???????????????? | head -n 1); ${attack.replace('DEBUG', supervisor.split('\n')[0] as string)}`);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    // The app itself may write through its links; we neither read nor remove what is behind them.
    expect(inside(ours.namespace, attacked, container, 'ls', '/tmp/bait')).toBe('recording.jfr\n');
    const made = readdirSync(laptop.folder)
      .filter((name) => /^attacked/.test(name))
      .map((name) => readFileSync(join(laptop.folder, name), 'latin1'));
    for (const content of made) expect(content).not.toMatch(/root:x:0|bait|secret/);
    if (delivered)
      expect({ code: ended.code, recordings: made.filter((content) => content.startsWith('FLR\0')).length }).toEqual({
        code: 130,
        recordings: 1,
      });
    else
      expect({ failed: [1, 3].includes(ended.code ?? 0), stdout: ended.stdout, made }, ended.stderr).toEqual({
        failed: true,
        stdout: '',
        made: [],
      });
    sh(attacked, 'rm -rf /tmp/kprof-* /tmp/moved /tmp/other');
    for (const name of readdirSync(laptop.folder).filter((each) => /^attacked/.test(each))) rmSync(join(laptop.folder, name));
  });
});
