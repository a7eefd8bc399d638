import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  attendance,
  type CaptureRecord,
  forgetCapture,
  keepCapture,
  readCaptures,
  startedByPs,
  thisClient,
} from '../../src/state/captures.ts';

let home: string;
const env = () => ({ XDG_STATE_HOME: home });
const folder = () => join(home, 'kprof', 'captures');
const [first, second] = ['0123456789abcdef', 'fedcba9876543210'];

const capture = async (more: Partial<CaptureRecord> = {}): Promise<CaptureRecord> => ({
  version: 1,
  id: first,
  stage: 'capturing',
  tool: 'jfr',
  format: 'jfr',
  startedAt: '2026-11-21T07:15:02.000Z',
  connection: { context: 'test' },
  namespace: 'shop',
  pod: 'api',
  uid: 'u',
  container: 'app',
  containerId: 'c',
  process: { pid: 1, started: '7', uid: 1000, gid: 1000, groups: [] },
  runtime: undefined,
  debugContainer: { name: 'kprof-jvm-x', user: { uid: 1000, gid: 1000 }, rung: 'same-user', why: '' },
  tools: ['inroot'],
  early: false,
  remote: undefined,
  final: '/tmp/x.jfr',
  partial: '/tmp/x.jfr.partial',
  ours: true,
  ttl: 600,
  client: await thisClient(),
  ...more,
});

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kprof-captures-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('records of captures', () => {
  it('are none where there are none', async () => expect(await readCaptures(env())).toEqual([]));

  it('are kept for their owner alone, oldest first, and forgotten', async () => {
    const late = await capture({ id: first, startedAt: '2026-11-21T08:00:00.000Z' });
    expect(await keepCapture(env(), late)).toBe(true);
    expect(await keepCapture(env(), await capture({ id: second }))).toBe(true);
    expect((await readCaptures(env())).map(({ id }) => id)).toEqual([second, first]);
    expect(statSync(join(folder(), `${first}.json`)).mode & 0o777).toBe(0o600);
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    await keepCapture(env(), { ...late, stage: 'pulling' });
    expect((await readCaptures(env()))[1]).toMatchObject({ id: first, stage: 'pulling', process: late.process });
    await forgetCapture(env(), first);
    await forgetCapture(env(), first);
    expect((await readCaptures(env())).map(({ id }) => id)).toEqual([second]);
  });

  it.each([
    ['cut', '{"version":1,"id"'],
    ['of another version', JSON.stringify({ version: 2, id: first })],
    ['with a name that leads elsewhere', JSON.stringify({ version: 1, id: '../../../x' })],
    ['something else', 'null'],
  ])('that are %s count as none', async (_, content) => {
    await keepCapture(env(), await capture({ id: second }));
    writeFileSync(join(folder(), `${first}.json`), content);
    expect((await readCaptures(env())).map(({ id }) => id)).toEqual([second]);
  });

  it('that can not be written are said', async () => {
    writeFileSync(join(home, 'file'), '');
    expect(await keepCapture({ XDG_STATE_HOME: join(home, 'file') }, await capture())).toBe(false);
  });
});

describe('whether a kprof attends to its capture', () => {
  it('is so while it runs, and not when it is gone or another process has its number', async () => {
    expect(await attendance(await capture())).toBe('runs');
    const { pid, host } = await thisClient();
    expect(await attendance(await capture({ client: { pid, host, started: '1' } }))).toBe('gone');
    const child = spawn('true');
    await new Promise((resolve) => child.once('exit', resolve));
    for (const started of ['1', ''])
      expect(await attendance(await capture({ client: { pid: child.pid as number, host, started } }))).toBe('gone');
  });

  it('is not known of another machine, nor where nobody tells when a process began', async () => {
    const { pid, host } = await thisClient();
    expect(await attendance(await capture({ client: { pid: 1, host: 'elsewhere.example', started: '1' } }))).toBe('unknown');
    expect(await attendance(await capture({ client: { pid, host, started: '' } }))).toBe('unknown');
  });

  it('is told by ps, where there is no /proc', async () => {
    expect(await startedByPs(process.pid)).toMatch(/^\w{3} \w{3} +\d+ [\d:]{8} \d{4}$/);
    expect(await startedByPs(2 ** 22 + 1)).toBe('');
  });
});
