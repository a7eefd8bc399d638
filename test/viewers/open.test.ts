import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { findViewer } from '../../src/viewers/find.ts';
import { jmc } from '../../src/viewers/jmc.ts';
import { type Desk, howTo, obstacle, openArtifact } from '../../src/viewers/open.ts';
import { sandbox } from '../support/sandbox.ts';

const desktop: Desk = { platform: 'linux', isTTY: true, stays: true, env: { DISPLAY: ':0' } };

describe('where something is opened', () => {
  const cases: readonly [string, Partial<Desk>, string | undefined][] = [
    ['X', {}, undefined],
    ['Wayland', { env: { WAYLAND_DISPLAY: 'wayland-0' } }, undefined],
    ['no display', { env: {} }, 'no-display'],
    ['an empty DISPLAY', { env: { DISPLAY: '' } }, 'no-display'],
    ['macOS', { env: {}, platform: 'darwin' }, undefined],
    ['Windows', { env: {}, platform: 'win32' }, undefined],
    ['CI', { env: { DISPLAY: ':0', CI: 'true' } }, 'ci'],
    ['CI=false', { env: { DISPLAY: ':0', CI: 'false' } }, undefined],
    ['SSH with a forwarded display', { env: { DISPLAY: ':10', SSH_CONNECTION: '10.0.0.1 5 10.0.0.2 22' } }, 'ssh'],
    ['SSH on macOS', { env: { SSH_TTY: '/dev/ttys1' }, platform: 'darwin' }, 'ssh'],
    ['a pipe', { isTTY: false }, 'no-terminal'],
  ];
  test.each(cases)('%s', (_, desk, why) => expect(obstacle({ ...desktop, ...desk })).toBe(why));
});

describe('how to open it', () => {
  test('names what to paste, and where to get the program', () => {
    expect(howTo('/tmp/x.jfr', formats.jfr, 'ci', { env: {} })).toBe(
      'kprof open /tmp/x.jfr\njfr summary /tmp/x.jfr\nJDK Mission Control: https://adoptium.net/jmc',
    );
    expect(howTo("/tmp/it's.txt", formats.threads, undefined, { env: {} })).toBe("less '/tmp/it'\\''s.txt'");
  });

  test('does not send back to kprof open who comes from there', async () => {
    expect(howTo('/tmp/x.jfr', formats.jfr, 'ci', { env: {}, again: false })).toBe(
      'kprof open --no-browser /tmp/x.jfr    # gives an address, for a browser that reaches this machine\njfr summary /tmp/x.jfr\nJDK Mission Control: https://adoptium.net/jmc',
    );
    expect(await openArtifact('/tmp/x.jfr', formats.jfr, { ...desktop, env: {}, again: false })).toMatchObject({
      how: expect.not.stringContaining('kprof open /'),
    });
  });

  test.each([
    ['10.0.0.1 50000 10.0.0.2 22', 'scp me@10.0.0.2:/tmp/x.jfr .'],
    ['10.0.0.1 50000 10.0.0.2 2222', 'scp -P 2222 me@10.0.0.2:/tmp/x.jfr .'],
    ['fd00::1 50000 fd00::2 22', "scp 'me@[fd00::2]:/tmp/x.jfr' ."],
    ['nonsense', 'kprof open /tmp/x.jfr'],
    ['a b $(reboot) 22', 'kprof open /tmp/x.jfr'],
  ])('over SSH (%s)', (connection, first) => {
    const how = howTo('/tmp/x.jfr', formats.jfr, 'ssh', { env: { SSH_CONNECTION: connection, USER: 'me' } });
    expect(how.startsWith(first)).toBe(true);
    expect(how).not.toContain('$(');
  });
});

describe('what was asked for', () => {
  const wish = { browser: true, port: 0 };
  test.each([
    [formats.cpuprofile, { ...wish, viewer: 'jmc' as const }, '--viewer is one of page'],
    [formats.jfr, { ...wish, viewer: 'pprof' as const }, '--viewer is one of jmc, page'],
    [formats.threads, { ...wish, viewer: 'page' as const }, undefined],
    [formats.threads, { browser: false, port: 0 }, undefined],
    [formats.jfr, { browser: false, port: 0, viewer: 'jmc' as const }, undefined],
  ])('%o does not go with %o', async (format, asked, hint) => {
    await expect(openArtifact('/tmp/x', format, desktop, asked)).rejects.toMatchObject({ failure: 'usage', hint });
  });

  test('a viewer that is not here is said, and where to get it', async () => {
    const bare = { ...desktop, env: { DISPLAY: ':0', PATH: '/nowhere' } };
    await expect(openArtifact('/tmp/x.jfr', formats.jfr, bare, { ...wish, viewer: 'jmc' })).rejects.toMatchObject({
      failure: 'unsupported',
      hint: jmc.home,
    });
  });

  test('where no window can be, it is told how, whatever was asked', async () => {
    const opened = await openArtifact('/tmp/x.pb.gz', formats.pprof, { ...desktop, env: {} }, { ...wish, viewer: 'page' });
    expect(opened).toMatchObject({
      kind: 'how',
      how: expect.stringMatching(/^kprof open \/tmp\/x\.pb\.gz\nkprof open --no-browser \/tmp\/x\.pb\.gz {4}#/),
    });
  });
});

function install(path: string, script: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

describe('where JMC is', () => {
  test.each([
    ['PATH', 'bin/jmc', (home: string) => ({ PATH: `/nowhere:${home}/bin/` })],
    ['JAVA_HOME', 'jdk/bin/jmc', (home: string) => ({ JAVA_HOME: `${home}/jdk` })],
    ['SDKMAN', '.sdkman/candidates/jmc/current/bin/jmc', (home: string) => ({ HOME: home })],
    ['SDKMAN elsewhere', 's/jmc/current/JDK Mission Control/jmc', (home: string) => ({ SDKMAN_CANDIDATES_DIR: `${home}/s` })],
  ])('%s', async (_, place, env) => {
    using box = sandbox();
    const path = join(box.path, place);
    const found = () => findViewer(jmc, { env: env(box.path), platform: 'linux' });
    expect(await found()).toBeUndefined();
    mkdirSync(path, { recursive: true });
    expect(await found()).toBeUndefined();
    execFileSync('rmdir', [path]);
    install(path, 'true');
    expect(await found()).toBe(path);
    chmodSync(path, 0o644);
    if (process.getuid?.() !== 0) expect(await found()).toBeUndefined();
  });

  test('never in the current folder, whatever PATH says', () => {
    expect(jmc.places({ env: { PATH: ':.:bin:/usr/bin' }, platform: 'linux' }).filter((place) => !place.startsWith('/'))).toEqual([]);
    expect(jmc.places({ env: { PATH: ':.:bin:/usr/bin' }, platform: 'linux' })[0]).toBe('/usr/bin/jmc');
  });

  test('of several in one folder, the newest', async () => {
    using box = sandbox();
    for (const version of ['jmc-8.3.1', 'jmc-9.1.0', 'jmc-10.0.0']) install(join(box.path, version, 'jmc'), 'true');
    const viewer = { ...jmc, places: () => [`${box.path}/jmc*/jmc`] };
    expect(await findViewer(viewer, { env: {}, platform: 'linux' })).toBe(join(box.path, 'jmc-10.0.0/jmc'));
  });

  test('on macOS and Windows', () => {
    expect(jmc.places({ env: {}, platform: 'darwin' })).toContain('/Applications/JDK Mission Control.app/Contents/MacOS/jmc');
    const windows = jmc.places({ env: { Path: 'C:\\tools;.', ProgramFiles: 'C:\\Program Files' }, platform: 'win32' });
    expect(windows).toContain('C:\\tools\\jmc.exe');
    expect(windows).toContain('C:\\Program Files/JDK Mission Control/jmc.exe');
    expect(windows.every((place) => place.endsWith('.exe'))).toBe(true);
  });
});

describe('opening', () => {
  // Where nobody stays, no page is opened: the machine that tests may have a browser.
  const desk = (box: string, script: string): Desk => {
    install(join(box, 'bin/jmc'), script);
    return { ...desktop, stays: false, env: { DISPLAY: ':0', PATH: `${box}/bin:/usr/bin:/bin`, OUT: join(box, 'out') } };
  };

  test('starts the program with the absolute path, and leaves it running', async () => {
    using box = sandbox();
    const opened = await openArtifact(
      'x y.jfr',
      formats.jfr,
      desk(box.path, 'printf "%s|" "$@" >"$OUT"; echo $$ >"$OUT.pid"; exec sleep 20'),
    );
    expect(opened).toMatchObject({ kind: 'launched', program: join(box.path, 'bin/jmc') });
    expect(readFileSync(join(box.path, 'out'), 'utf8')).toBe(`-open|${process.cwd()}/x y.jfr|`);
    const pid = Number(readFileSync(join(box.path, 'out.pid'), 'utf8'));
    expect(process.kill(pid, 0)).toBe(true);
    process.kill(pid);
  });

  test('a program that fails at once is not taken for opened', async () => {
    using box = sandbox();
    const opened = await openArtifact('/tmp/x.jfr', formats.jfr, desk(box.path, 'exit 3'));
    expect(opened).toEqual({ kind: 'how', how: howTo('/tmp/x.jfr', formats.jfr, undefined, { env: {} }) });
  });

  test('a launcher that ends well has opened it', async () => {
    using box = sandbox();
    expect(await openArtifact('/tmp/x.jfr', formats.jfr, desk(box.path, 'exit 0'))).toMatchObject({ kind: 'launched' });
  });

  test('where no window can be, nothing is started', async () => {
    using box = sandbox();
    const { env, ...rest } = desk(box.path, 'touch "$OUT"');
    expect(await openArtifact('/tmp/x.jfr', formats.jfr, { ...rest, env: { ...env, CI: '1' } })).toMatchObject({ kind: 'how' });
    expect(existsSync(join(box.path, 'out'))).toBe(false);
  });
});
