import { describe, expect, it } from 'vitest';
import { excerpt, printedInLog } from '../../src/capture/log.ts';
import type { LogLine } from '../../src/cluster.ts';

const wanted = { from: /^Full thread dump /, before: /^\d{4}-\d\d-\d\d /, to: /^Heap$/, enough: /^JNI global ref/ };
const lines = (...texts: readonly string[]): readonly LogLine[] =>
  texts.map((text, index) => ({ at: `2026-11-21T07:00:00.00000000${index}Z`, text }));
const dump = ['2026-11-21 07:15:02', 'Full thread dump OpenJDK', '"main"', 'app says', 'JNI global refs: 1', ''];

describe('what is in a log', () => {
  it('is told from what is around it', () => {
    expect(excerpt(lines('before', ...dump, 'Heap', ' def new'), wanted)).toEqual({
      text: `${dump.join('\n')}\n`,
      whole: true,
      enough: true,
    });
    expect(excerpt(lines('before', ...dump), wanted)).toMatchObject({ whole: false, enough: true });
    expect(excerpt(lines('before', ...dump.slice(0, 3)), wanted)).toMatchObject({ whole: false, enough: false });
    expect(excerpt(lines('before', 'Heap'), wanted)).toBeUndefined();
  });

  it('is what was printed since it was asked for', async () => {
    const log = [...lines('Full thread dump of yesterday', 'Heap')];
    const asked: (string | undefined)[] = [];
    const target = {
      container: 'app',
      log: async (after: string | undefined) => {
        asked.push(after);
        return after === undefined ? log.slice(-1) : log.filter(({ at }) => at > after);
      },
    };
    const begin = async () => void log.push(...lines('', '', ...dump, 'Heap').slice(2));
    expect(await printedInLog({ target, signal: new AbortController().signal }, wanted, begin)).toBe(`${dump.join('\n')}\n`);
    expect(asked[0]).toBeUndefined();
  });

  it('is waited for no longer than the capture lasts', async () => {
    const stop = new AbortController();
    const target = { container: 'app', log: async () => [] };
    const waiting = printedInLog({ target, signal: stop.signal }, wanted, async () => stop.abort(new Error('enough')));
    await expect(waiting).rejects.toThrow();
  });
});
