import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openers, openInBrowser } from '../../../src/viewers/page/browser.ts';
import { sandbox } from '../../support/sandbox.ts';

test('what opens a file in the browser', () => {
  expect(openers({ env: {}, platform: 'darwin' })).toEqual(['/usr/bin/open']);
  expect(openers({ env: { SystemRoot: 'D:\\Windows' }, platform: 'win32' })).toEqual(['D:\\Windows\\System32\\rundll32.exe']);
  expect(openers({ env: { PATH: '/usr/bin:.' }, platform: 'linux' })[0]).toBe('/usr/bin/xdg-open');
  expect(openers({ env: { PATH: '/usr/bin', WSL_DISTRO_NAME: 'Debian' }, platform: 'linux' })[0]).toBe('/usr/bin/wslview');
});

function install(folder: string, name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

test('the next one is tried where one fails, and none is no error', async () => {
  using box = sandbox();
  const here = { env: { PATH: box.path, OUT: join(box.path, 'out') }, platform: 'linux' as const };
  expect(await openInBrowser('/tmp/x.html', here)).toBe(false);
  install(box.path, 'xdg-open', 'exit 3');
  expect(await openInBrowser('/tmp/x.html', here)).toBe(false);
  install(box.path, 'x-www-browser', 'printf "%s|" "$@" >"$OUT"');
  expect(await openInBrowser('/tmp/x.html', here)).toBe(true);
  expect(readFileSync(join(box.path, 'out'), 'utf8')).toBe('/tmp/x.html|');
});
