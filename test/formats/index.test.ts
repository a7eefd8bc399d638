import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formats, recognise } from '../../src/formats/index.ts';
import { chunk } from '../support/recordings.ts';
import { sandbox } from '../support/sandbox.ts';

test.each([
  ['jfr', 'x.txt', chunk()],
  ['threads', 'x.jfr', Buffer.from('4711:\n2026-11-21 07:15:02\nFull thread dump OpenJDK …\n')],
])('%s is known by its content, not its name', async (name, file, content) => {
  using box = sandbox();
  writeFileSync(join(box.path, file), content);
  expect((await recognise(join(box.path, file))).name).toBe(name);
});

test.each([
  ['an empty file', Buffer.alloc(0), 'incomplete'],
  ['a program', Buffer.from('#!/bin/sh\necho Full thread dump \n'), 'unsupported'],
])('%s is not', async (_, content, failure) => {
  using box = sandbox();
  writeFileSync(join(box.path, 'x.jfr'), content);
  await expect(recognise(join(box.path, 'x.jfr'))).rejects.toMatchObject({ failure, hint: expect.any(String) });
});

test.each([
  ['/nowhere/x.jfr', 'There is no file /nowhere/x.jfr'],
  ['/', '/ is a folder'],
  ['/dev/zero', '/dev/zero is not a regular file'],
])('%s can not be read', async (path, message) => {
  await expect(recognise(path)).rejects.toMatchObject({ failure: 'usage', message, hint: expect.any(String) });
});

test('each format has its own name as its key', () => {
  for (const [name, format] of Object.entries(formats)) expect(format.name).toBe(name);
});
