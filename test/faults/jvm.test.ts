/** A real JVM and the JDK's own client, where this machine has them: what a shell can't imitate. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { desk } from '../e2e/support.ts';
import { shell } from '../sandbox/images.ts';
import type { Pod } from '../sandbox/objects.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { chaosProxy } from '../support/chaos-proxy.ts';
import { until } from '../support/shells.ts';

/** Folders of JDKs of this machine, the newest first; a client attaches across containers from 23 on. */
const jdks = (existsSync('/usr/lib/jvm') ? readdirSync('/usr/lib/jvm') : [])
  .map((name) => join('/usr/lib/jvm', name))
  .map((path) => ({ path, release: existsSync(join(path, 'release')) ? readFileSync(join(path, 'release'), 'utf8') : '' }))
  .map(({ path, release }) => ({ path, major: Number(/^JAVA_VERSION="(\d+)/m.exec(release)?.[1] ?? 0) }))
  .filter(({ path, major }) => major >= 23 && existsSync(join(path, 'bin/javac')))
  .sort((one, other) => other.major - one.major);
const [jdk] = jdks;

describe.skipIf(jdk === undefined)('a real JVM', () => {
  it('is recorded over lines that are cut, names its threads, and keeps nothing of ours', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kprof-jvm-'));
    const bin = join(jdk?.path ?? '', 'bin');
    execFileSync(join(bin, 'javac'), ['-d', folder, new URL('../workloads/app/Busy.java', import.meta.url).pathname]);
    await using sandbox = await startSandbox({ images: { 'kprof-jvm': { programs: [...shell, 'jcmd', 'setpriv', 'tini'], from: [bin] } } });
    const pod = await sandbox.pod('app', { command: [join(bin, 'java'), '-Xmx64m', '-cp', folder, 'Busy'] });
    const proxy = await chaosProxy('127.0.0.1', Number(new URL(sandbox.server).port));
    const laptop = desk({ KUBECONFIG: sandbox.kubeconfig, KPROF_REGISTRY: 'registry.local' });
    const kept = sandbox.kubelet.container(pod as Pod, 'app');
    expect(await until(() => /stall=/.test(kept?.log.text(new URLSearchParams()).toString() ?? ''), 60)).toBe(true);
    const running = laptop.start(
      'jfr',
      'app',
      '--server',
      `https://127.0.0.1:${proxy.port}`,
      '--duration',
      '4s',
      '-f',
      'it.jfr',
      '--no-open',
    );
    await running.until(/starting the recording/);
    proxy.cutAfter(0, 'once');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const summary = execFileSync(join(bin, 'jfr'), ['summary', join(laptop.folder, 'it.jfr')], { encoding: 'utf8' });
    expect(Number(/Duration: (\d+) s/.exec(summary)?.[1])).toBeGreaterThanOrEqual(3);
    const threads = await laptop.kprof('threads', 'app');
    expect(threads.stdout, threads.stderr).toContain('"kprof-worker-1"');
    const pid = String(kept?.running?.main.pid);
    expect(execFileSync(join(bin, 'jcmd'), [pid, 'JFR.check'], { encoding: 'utf8' })).toContain('No available recordings');
    expect(readdirSync(kept?.running?.folder ?? '').filter((name) => /attach_pid|kprof/.test(name))).toEqual([]);
    expect(kept?.restarts).toBe(0);
    proxy.close();
    laptop.remove();
    rmSync(folder, { recursive: true });
  });
});
