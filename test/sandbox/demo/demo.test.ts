import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { toolkits } from '../../../toolkits/index.ts';
import { sandbox as scratch } from '../../support/sandbox.ts';
import { variants } from './variants.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const isRoot = process.getuid?.() === 0;
const [jfr] = variants();
const hasJdk = jfr?.lacks === undefined;
const hasNode = toolkits.some(({ name }) => name === 'node');
const canHide = isRoot && spawnSync('unshare', ['-m', 'true']).status === 0;
const isReady = existsSync(join(root, 'dist')) && process.platform === 'linux';

// Nobody, if that can be: what it makes and what it leaves is to need no rights.
const nobody = isRoot ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : [];
const hide = canHide ? ['unshare', '-m', 'sh', '-c', '[ ! -d /usr/lib/jvm ] || mount -t tmpfs none /usr/lib/jvm; exec "$@"', 'sh'] : [];

interface Told {
  readonly code: number | null;
  readonly text: string;
}

const open: ChildProcess[] = [];
afterEach(() => {
  for (const child of open.splice(0)) child.kill('SIGKILL');
});

/** Runs it in an empty environment; `heard` is told all that it said so far. */
function run(argv: readonly string[], folder: string, heard?: (text: string, child: ChildProcess) => void): Promise<Told> {
  chmodSync(folder, 0o777);
  const env = { PATH: `${join(root, 'node_modules/.bin')}:/usr/bin:/bin:/usr/sbin`, HOME: '/nonexistent', TMPDIR: folder };
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd: root, env, stdio: [heard === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  open.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (bytes: Buffer) => {
      text += bytes.toString('utf8');
      heard?.(text, child);
    });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })));
}

const left = (folder: string): readonly string[] => readdirSync(folder).filter((name) => !name.startsWith('kprof-demo-'));

describe.runIf(isReady)('the demo', { timeout: 110_000 }, () => {
  it.runIf(hasJdk)('records a JVM, stays up on a terminal, and ends with Ctrl-C', async () => {
    using folder = scratch();
    let played: Promise<{ readonly stdout: string }> | undefined;
    const { code, text } = await run([...nobody, 'script', '-qec', 'exec bash scripts/demo', '/dev/null'], folder.path, (said, child) => {
      const [, line] = /^ {3}(\S+\/kprof) threads shop\r$[\s\S]*kubectl/m.exec(said) ?? [];
      if (line === undefined || played !== undefined) return;
      const [program = '', ...args] = [...nobody, line, 'threads', 'shop'];
      played = promisify(execFile)(program, args).finally(() => child.stdin?.write('\x03'));
    });
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/samples of\s+Java\s+methods[\s\S]* Shop\.discount/) });
    expect((await played)?.stdout).toMatch(/^"till-1" /m);
    const [, file = ''] = /That file stays: (\S+)/.exec(text) ?? [];
    expect(readFileSync(file).subarray(0, 4).toString('latin1')).toBe('FLR\0');
    expect(left(folder.path)).toEqual([]);
  });

  it('without a JDK does with Node, or says what is missing', async () => {
    using folder = scratch();
    const isHidden = canHide || !hasJdk;
    const { code, text } = await run([...hide, ...nobody, 'bash', 'scripts/demo', ...(isHidden ? [] : ['node'])], folder.path);
    if (isHidden) expect(text).toMatch(/There is no JDK 17 or newer/);
    expect(code, text).toBe(hasNode ? 0 : 1);
    expect(text).toMatch(
      hasNode ? /discount shop\.js[\s\S]*That file stays: \S+\.cpuprofile/ : /There is nothing here to show[\s\S]*no tool `node`/,
    );
    expect(left(folder.path)).toEqual([]);
  });

  it('knows what it can show', async () => {
    using folder = scratch();
    const { code, text } = await run(['bash', 'scripts/demo', 'ruby'], folder.path);
    expect({ code, text }).toEqual({ code: 1, text: 'error: The demo knows jfr and node, and not ruby.\n' });
  });
});

it('an old Node is told which one it takes', () => {
  using folder = scratch();
  const old = join(folder.path, 'node');
  execFileSync('sh', ['-c', `printf '#!/bin/sh\\n[ "$1" = --version ] && echo v20.0.0; exit 1\\n' > ${old}; chmod 755 ${old}`]);
  const { status, stderr } = spawnSync('bash', [join(root, 'scripts/demo')], {
    env: { PATH: `${folder.path}:/usr/bin:/bin` },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/runs on Node 24.*this is v20\.0\.0\.\n.*npm rebuild node/),
  });
});
