import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { doorway } from '../../../src/viewers/page/doorway.ts';

test('leads to the address, for its owner alone, and goes away', async () => {
  const door = await doorway('http://127.0.0.1:8321/abc');
  expect(readFileSync(door.file, 'utf8')).toContain('content="0;url=http://127.0.0.1:8321/abc"');
  expect(statSync(door.file).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(door.file)).mode & 0o777).toBe(0o700);
  await door.remove();
  expect(existsSync(dirname(door.file))).toBe(false);
});
