import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Entry, readJournal, remember } from '../../src/state/journal.ts';

let home: string;
const env = () => ({ XDG_STATE_HOME: home });
const path = () => join(home, 'kprof', 'containers.jsonl');
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
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'kprof')).mode & 0o777).toBe(0o700);
  });

  it('forgets after a day', async () => {
    await remember(env(), entry({ container: 'old', at: Date.now() - 25 * 3_600_000 }));
    await remember(env(), entry({ container: 'new' }));
    expect(readFileSync(path(), 'utf8')).not.toContain('old');
  });

  it('is as good as empty when it is damaged', async () => {
    await remember(env(), entry());
    writeFileSync(path(), '{"podUid": "u", "spec"');
    expect(await readJournal(env())).toEqual([]);
    writeFileSync(path(), 'null\n{"podUid": 1}\n');
    expect(await readJournal(env())).toEqual([]);
    expect(await remember(env(), entry())).toBe(true);
  });

  it('says so when it can not be written', async () => {
    expect(await remember({ XDG_STATE_HOME: '/proc/nowhere' }, entry())).toBe(false);
    writeFileSync(join(home, 'file'), '');
    expect(await remember({ XDG_STATE_HOME: join(home, 'file') }, entry())).toBe(false);
  });
});
