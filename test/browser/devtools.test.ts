/** Chrome's own DevTools, which the Chromium here brings along, with what is captured through the inspector. */
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captureInspect } from '../../src/capture/inspect.ts';
import type { InspectPlan } from '../../src/toolkit.ts';
import { node as toolkit } from '../../toolkits/node.ts';
import { nodeApp } from '../support/node-app.ts';

const code = `
class KeptForLong { constructor(i) { this.i = i; this.text = 'kept ' + i; } }
const kept = [];
function hotLoop() { for (const end = Date.now() + 300; Date.now() < end; ); }
function hotAllocation() { for (let i = 0; i < 200; i++) kept.push(new KeptForLong(i)); }
setInterval(hotLoop, 400);
setInterval(hotAllocation, 20)`;

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--enable-unsafe-swiftshader'] });
});
afterAll(() => browser?.close());

/** As `kprof node POD KIND` does it. */
async function capture(kind: 'cpu' | 'heap' | 'heapsnapshot', app: Awaited<ReturnType<typeof nodeApp>>): Promise<string> {
  const options = { kind, duration: 1000, interval: 1000 };
  const way = toolkit.ways(options)[0] as { plan(input: object): InspectPlan; readonly format: string };
  const plan = way.plan({ options, process: { ...app.session.process, argv: [], tells: { inspect: String(app.port) } } });
  await captureInspect(app.session, plan, app.partial, true);
  const path = join(dirname(app.partial), `it.${way.format}`);
  await rename(app.partial, path);
  return path;
}

const loaded = (page: Page) => page.locator('[role=treeitem]', { hasText: /^\s*it\s*\((\d|Loaded)/ }).first();

test.each<readonly ['cpu' | 'heap' | 'heapsnapshot', string, (page: Page) => Promise<boolean>]>([
  // Nothing is said of a profile that its reader refuses.
  ['cpu', 'timeline', async (page) => (await page.getByText('Scripting').count()) > 0],
  [
    'heap',
    'heap-profiler',
    async (page) => {
      await loaded(page).click();
      return (await page.getByText('hotAllocation').count()) > 0;
    },
  ],
  // It names the size that its own reader has added up.
  ['heapsnapshot', 'heap-profiler', async (page) => (await loaded(page).count()) > 0],
])('load a %s profile in their panel %s', async (kind, panel, shows) => {
  await using app = await nodeApp((port) => [`--inspect-port=${port}`], code);
  const path = await capture(kind, app);
  const page = await (await browser.newContext({ viewport: { width: 1400, height: 900 } })).newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.addInitScript({ path: new URL('./in-page.js', import.meta.url).pathname });
  await page.goto(`devtools://devtools/bundled/devtools_app.html?panel=${panel}`);
  await page.locator('input[type=file]').first().setInputFiles(path, { timeout: 90_000 });
  const folder = process.env['KPROF_SCREENSHOTS'];
  try {
    await expect.poll(() => shows(page), { timeout: 90_000 }).toBe(true);
  } finally {
    if (folder !== undefined) await page.screenshot({ path: join(folder, `devtools-${kind}.png`) });
  }
  expect(errors).toEqual([]);
  await page.context().close();
});
