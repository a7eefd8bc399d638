import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../images/jvm/inroot.test.sh', import.meta.url));

it('inroot opens files inside the root of another process, and nowhere else', { timeout: 60_000 }, async ({ skip }) => {
  const { stdout } = await promisify(execFile)('bash', [script]);
  if (stdout.startsWith('inroot: skipped')) skip(stdout.trim());
  expect(stdout).toBe('inroot: all right\n');
});
