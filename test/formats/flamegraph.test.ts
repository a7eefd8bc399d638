import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { flamegraph } from '../../src/formats/flamegraph.ts';

const folder = mkdtempSync(join(tmpdir(), 'kprof-flame-'));
afterAll(() => rmSync(folder, { recursive: true }));

const page =
  "<!DOCTYPE html>\n<html lang='en'>\n<canvas id='canvas'></canvas>\n<script>\nconst cpool = [\n'all'\n];\nf(0x3,0,0,12)\nu(11,9)\nn(19,3)\n</script></body></html>\n";

const check = (content: string) => {
  const path = join(folder, 'x.html');
  writeFileSync(path, content);
  return flamegraph.check(path);
};

describe('a flame graph', () => {
  it('is told by its beginning, and has its frames counted', async () => {
    expect(flamegraph.matches(Buffer.from(page))).toBe(true);
    expect(flamegraph.matches(Buffer.from('<!DOCTYPE html><html>login</html>'))).toBe(false);
    expect((await check(page)).facts).toEqual({ frames: 3 });
  });

  it('is whole only with its end', async () => {
    for (const end of [page.length - 9, page.length - 40, 0])
      await expect(check(page.slice(0, end))).rejects.toMatchObject({ failure: 'incomplete' });
  });

  it('is opened by nobody unasked: its script is the app’s', () => expect(flamegraph.viewers).toEqual([]));
});
