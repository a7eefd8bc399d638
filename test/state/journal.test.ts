import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Entry, forgetContainers, readJournal, remember } from '../../src/state/journal.ts';

let home: string;
const env = () => ({ XDG_STATE_HOME: home });
const files = () => readdirSync(join(home, 'kprof/containers')).map((name) => join(home, 'kprof/containers', name));
const entry = (more: Partial<Entry> = {}): Entry => ({
  context: 'test',
  namespace: 'shop',
  pod: 'api',
  podUid: 'u',
  container: 'c',
  targetContainerId: 't',
  imageId: 'i',
  spec: 's',
  at: Date.now(),
  ...more,
});

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kprof-journal-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('the journal', () => {
  it('is empty where there is none', async () => expect(await readJournal(env())).toEqual([]));

  it('remembers, for its owner alone', async () => {
    expect(await remember(env(), entry({ container: 'a' }))).toBe(true);
    expect(await remember(env(), entry({ container: 'b' }))).toBe(true);
    expect((await readJournal(env())).map(({ container }) => container)).toEqual(['a', 'b']);
    expect(files().map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(statSync(join(home, 'kprof')).mode & 0o777).toBe(0o700);
  });

  it('forgets after a day', async () => {
    await remember(env(), entry({ container: 'old', at: Date.now() - 25 * 3_600_000 }));
    await remember(env(), entry({ container: 'new' }));
    expect(files()).toHaveLength(1);
    expect((await readJournal(env())).map(({ container }) => container)).toEqual(['new']);
  });

  it.each(['{"podUid": "u", "spec"', 'null', '{"podUid": 1}'])('goes without what is damaged: %s', async (content) => {
    await remember(env(), entry({ container: 'a' }));
    writeFileSync(files()[0] as string, content);
    expect(await readJournal(env())).toEqual([]);
    expect(await remember(env(), entry({ container: 'b' }))).toBe(true);
    expect((await readJournal(env())).map(({ container }) => container)).toEqual(['b']);
  });

  it('forgets what it is told to, whoever remembers at that moment', async () => {
    const [old, ended, stays] = [entry({ container: 'old', at: Date.now() - 25 * 3_600_000 }), entry({ container: 'ended' }), entry()];
    for (const each of [old, ended, stays]) await remember(env(), each);
    const added = Array.from({ length: 20 }, (_, index) => entry({ container: `new-${index}` }));
    await Promise.all([forgetContainers(env(), [ended]), ...added.map((each) => remember(env(), each))]);
    expect((await readJournal(env())).map(({ container }) => container).sort()).toEqual(
      [stays, ...added].map(({ container }) => container).sort(),
    );
  });

  it('makes no paths of names that a cluster gives', async () => {
    await remember(env(), entry({ podUid: '../../..', container: '../x' }));
    expect(files()).toHaveLength(1);
  });

  it('says so when it can not be written', async () => {
    expect(await remember({ XDG_STATE_HOME: '/proc/nowhere' }, entry())).toBe(false);
    writeFileSync(join(home, 'file'), '');
    expect(await remember({ XDG_STATE_HOME: join(home, 'file') }, entry())).toBe(false);
  });
});
