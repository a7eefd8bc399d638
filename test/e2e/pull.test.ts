import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BigFile, bigFile, clusterProxy, type Puller, puller, sha256 } from './big-file.ts';
import { type Desk, debugContainers, desk, eventually, inside, kubectl, type Place, place } from './support.ts';

let ours: Place;
let laptop: Desk;
const pod = 'jdk17-root';

beforeAll(async () => {
  laptop = desk();
  ours = place('baseline');
  await ours.apply(pod);
});
afterAll(() => {
  ours?.remove();
  laptop?.remove();
});

const sh = (script: string) => kubectl('exec', '-n', ours.namespace, pod, '-c', 'app', '--', 'sh', '-c', script);

describe('the pull', () => {
  let proxy: Awaited<ReturnType<typeof clusterProxy>>;
  let pulls: Puller;
  let file: BigFile;
  const mebibytes = 64;

  beforeAll(async () => {
    [proxy, pulls] = [await clusterProxy(), await puller()];
    file = bigFile(ours.namespace, pod, mebibytes);
  });
  afterAll(() => {
    file?.remove();
    pulls?.remove();
    proxy?.close();
  });
  const start = (to: string, ...flags: readonly string[]) =>
    pulls.start(laptop.env, ours.namespace, pod, file.path, to, '--server', proxy.url, ...flags).moved;
  const offset = () => Math.floor((0.05 + 0.9 * Math.random()) * mebibytes * 2 ** 20);

  it.each([
    ['compressed', '4'],
    ['bare, for a pod with half a core', '0.5'],
  ])('%s: cut at random offsets, it resumes and arrives, and the bytes come once', async (_, cores) => {
    for (let run = 0; run < 3; run++) {
      const to = join(laptop.folder, `cut-${cores}-${run}.partial`);
      const at = offset();
      const before = proxy.received();
      proxy.cutAfter(at, 'once');
      const moved = await start(to, '--cores', cores);
      expect(moved, `cut at ${at}`).toMatchObject({ bytes: mebibytes * 2 ** 20, sha256: file.sha256 });
      expect(moved.notes.join(), `cut at ${at}`).toMatch(/^the line to the pod was lost at .* of 67\.1 MB; resuming$/);
      expect(await sha256(to)).toBe(file.sha256);
      // Beside the file: two handshakes and looks, and what died in the line's buffers, some megabytes whatever the file's size.
      expect(proxy.received() - before).toBeLessThan(mebibytes * 2 ** 20 * 1.02 + 8 * 2 ** 20);
      rmSync(to);
    }
  });

  it('falls silent: noticed within 61 s, and resumed', async () => {
    const to = join(laptop.folder, 'silent.partial');
    const pulling = start(to, '--cores', '0.5');
    const before = proxy.received();
    expect(await eventually(() => proxy.received() - before > 8 * 2 ** 20, 60)).toBe(true);
    proxy.silence('once');
    const moved = await pulling;
    expect(moved).toMatchObject({ bytes: mebibytes * 2 ** 20, sha256: file.sha256 });
    expect(moved.notes).toHaveLength(1);
    rmSync(to);
  });

  it('of a file that is changed after the cut says so, and keeps what came', async () => {
    const to = join(laptop.folder, 'changed.partial');
    proxy.cutAfter(32 * 2 ** 20, 'once');
    const pulling = start(to, '--cores', '0.1');
    expect(await eventually(() => existsSync(to) && statSync(to).size > 2 ** 20, 60)).toBe(true);
    sh(`touch ${file.path}`);
    const moved = await pulling;
    expect(moved).toMatchObject({
      failure: 'incomplete',
      message: expect.stringMatching(
        /^changed did not arrive whole: the file in the pod is another one now, or was changed \(\d+ bytes are kept in /,
      ),
    });
    rmSync(to);
  });

  it('of which the line stays cut keeps what came as .partial, and says so', async () => {
    const to = join(laptop.folder, 'half.partial');
    proxy.cutAfter(20 * 2 ** 20);
    const moved = await start(to, '--fruitless', '3000', '--cores', '4');
    proxy.cutAfter(Number.POSITIVE_INFINITY, 'once');
    const { size, mode } = statSync(to);
    expect(moved).toMatchObject({ failure: 'incomplete', message: expect.stringContaining(`${size} bytes are kept in ${to}`) });
    expect({ some: size > 2 ** 20, whole: size >= 2 ** 26, mode: mode & 0o777 }).toEqual({ some: true, whole: false, mode: 0o600 });
    rmSync(to);
  });

  it('that stays cut exits with 3, and nothing is called a recording', async () => {
    const running = laptop.start(
      'jfr',
      pod,
      '-n',
      ours.namespace,
      '--duration',
      '5s',
      '-f',
      'cut.jfr',
      '--server',
      proxy.url,
      '--insecure-skip-tls-verify',
    );
    await running.until(/stopping the recording/);
    proxy.cutAfter(60_000); // Two handshakes, and a part of the file.
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toMatch(/cut\.jfr did not arrive whole/);
    expect(readdirSync(laptop.folder)).not.toContain('cut.jfr');
  });
});

describe('links that the target plants', () => {
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

  it.each(attacks)('%s: lead nowhere', async (_, attack, delivered) => {
    const running = laptop.start('jfr', pod, '-n', ours.namespace, '--duration', '60s', '-f', 'attacked.jfr');
    await running.until(/recording {2}/);
    const container = debugContainers(ours.namespace, pod)[0] as string;
    inside(ours.namespace, pod, container, 'sh', '-c', 'mkdir -p /tmp/bait && echo bait >/tmp/bait/recording.jfr');
    const supervisor = inside(
      ours.namespace,
      pod,
      container,
      'sh',
      '-c',
      'for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline | grep -q "^tini.*supervise" && echo ${p#/proc/}; done; true',
    ).trim();
    // The JVM writes when the recording stops, by its path: swapped only after that would be a race that we may lose.
    sh(`d=$(ls -td /tmp/kprof-???????????????? | head -n 1); ${attack.replace('DEBUG', supervisor.split('\n')[0] as string)}`);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    // The app itself may write through its links; we neither read nor remove what is behind them.
    expect(inside(ours.namespace, pod, container, 'ls', '/tmp/bait')).toBe('recording.jfr\n');
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
    sh('rm -rf /tmp/kprof-* /tmp/moved /tmp/other');
    for (const name of readdirSync(laptop.folder).filter((each) => /^attacked/.test(each))) rmSync(join(laptop.folder, name));
  });
});
