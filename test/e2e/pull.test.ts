import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts';
import { type Desk, debugContainers, desk, inside, kubectl, type Place, place } from './support.ts';

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
  const behindProxy = async (test: (proxy: TcpProxy, ...flags: readonly string[]) => Promise<void>) => {
    const server = new URL(kubectl('config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}'));
    const proxy = await tcpProxy(server.hostname, Number(server.port));
    try {
      await test(proxy, '--server', `https://127.0.0.1:${proxy.port}`, '--insecure-skip-tls-verify');
    } finally {
      proxy.close();
    }
  };

  it('that is cut keeps what came as .partial, and says so', async () => {
    sh('mkdir -m 700 /tmp/half && head -c 67108864 /dev/urandom >/tmp/half/half.bin');
    await behindProxy(async (proxy, _, address) => {
      const to = join(laptop.folder, 'half.bin.partial');
      proxy.cutAfter(20 * 2 ** 20);
      const script = new URL('../support/pull-file.ts', import.meta.url).pathname;
      const printed = await promisify(execFile)(
        process.execPath,
        [script, ours.namespace, pod, '/tmp/half/half.bin', to, address as string],
        { env: laptop.env },
      );
      const { size, mode } = statSync(to);
      expect(JSON.parse(printed.stdout)).toMatchObject({
        failure: 'incomplete',
        message: expect.stringContaining(`${size} bytes are kept in ${to}`),
      });
      expect({ some: size > 2 ** 20, whole: size >= 2 ** 26, mode: mode & 0o777 }).toEqual({ some: true, whole: false, mode: 0o600 });
    });
    sh('rm -r /tmp/half');
  });

  it('that is cut exits with 3, and nothing is called a recording', async () => {
    await behindProxy(async (proxy, ...flags) => {
      const running = laptop.start('jfr', pod, '-n', ours.namespace, '--duration', '5s', '-f', 'cut.jfr', ...flags);
      await running.until(/stopping the recording/);
      proxy.cutAfter(60_000); // Two handshakes, and a part of the file.
      const ended = await running.ended;
      expect(ended, ended.stderr).toMatchObject({ code: 3, stdout: '' });
      expect(ended.stderr).toMatch(/cut\.jfr did not arrive whole/);
      expect(readdirSync(laptop.folder)).not.toContain('cut.jfr');
    });
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
