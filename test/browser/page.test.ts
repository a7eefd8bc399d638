import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sandbox } from '../support/sandbox.ts';
import { makeProfiles } from './files.ts';
import { diff, endAll, open, openOnDesktop } from './kprof.ts';

const box = sandbox();
const file = (name: string) => join(box.path, name);
const inPage = new URL('./in-page.js', import.meta.url).pathname;
let browser: Browser;

beforeAll(async () => {
  makeProfiles(box.path);
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    // Root can't have Chromium's own sandbox; software draws what a GPU would.
    args: ['--no-sandbox', '--enable-unsafe-swiftshader', '--host-resolver-rules=MAP evil.example 127.0.0.1'],
  });
});
afterAll(async () => {
  endAll();
  await browser?.close();
  box[Symbol.dispose]();
});

interface Watched {
  readonly page: Page;
  /** What the browser complained about. */
  readonly errors: readonly string[];
  readonly requests: readonly string[];
  /** The texts that were drawn on canvases so far. */
  drawn(): Promise<readonly string[]>;
}

/** A page that notes what it draws, asks for, and may not. */
async function newPage(): Promise<Watched> {
  const page = await (await browser.newContext({ viewport: { width: 1200, height: 700 } })).newPage();
  await page.addInitScript({ path: inPage });
  const [errors, requests]: [string[], string[]] = [[], []];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  const drawn = () => page.evaluate<readonly string[]>('kprofTest.drawn()');
  return { page, errors, requests, drawn };
}

const patient = { timeout: 90_000 };

/** Keeps a screenshot for people to look at, if $KPROF_SCREENSHOTS says where; gives the share of its pixels that have a colour. */
async function coloured(page: Page, name: string): Promise<number> {
  const folder = process.env['KPROF_SCREENSHOTS'];
  const png = await page.screenshot(folder === undefined ? {} : { path: join(folder, `${name}.png`) });
  const blank = await page.context().newPage();
  await blank.addInitScript({ path: inPage });
  await blank.goto('about:blank');
  const share = await blank.evaluate<number>(`kprofTest.coloured('${png.toString('base64')}')`);
  await blank.close();
  return share;
}

describe.concurrent('a real profile, in Chromium', () => {
  test.for([
    ['cpu.pb.gz', 'main.hotLoop', 'main.hotLoop'],
    ['app.jfr', 'Hot.hotLoop', 'Hot.hotLoop'],
    ['cpu.cpuprofile', 'hotLoop', 'hotLoop'],
    ['heap.heapprofile', 'hotAllocation', 'hot.cjs'],
    ['perf.txt', 'hotLoop', 'hotLoop'],
    ['stacks.txt', 'hotLoop', 'hotLoop'],
  ] as const)('%s shows %s in the flame graph, and %s on top of the list', async ([name, hot, top], { expect }) => {
    const { address, exit } = await open(file(name));
    const { page, errors, requests, drawn } = await newPage();
    await page.goto(address);
    await expect.poll(drawn, patient).toContainEqual(expect.stringContaining(hot));
    expect(await coloured(page, name)).toBeGreaterThan(0.02);
    await page.keyboard.press('3');
    const rows = async () => (await page.locator('tr').allInnerTexts()).filter((row) => row.includes('%'));
    await expect.poll(rows, patient).toContainEqual(expect.stringContaining(hot));
    expect((await rows())[0]).toContain(top);
    expect(await coloured(page, `${name}-list`)).toBeGreaterThan(0);
    expect(errors).toEqual([]);
    expect(requests.filter((url) => !url.startsWith(`${new URL(address).origin}/`))).toEqual([]);
    await page.close();
    expect(await exit).toBe(0);
  });

  test('go tool pprof behind our gate', async ({ expect }) => {
    const { address, exit } = await open(file('cpu.pb.gz'), '--viewer', 'pprof');
    const { page, requests } = await newPage();
    await page.goto(address);
    await expect.poll(() => page.innerText('body'), patient).toContain('main.hotLoop');
    expect(await coloured(page, 'pprof')).toBeGreaterThan(0.01);
    await page.goto(new URL('top', page.url()).href);
    await expect.poll(() => page.innerText('body'), patient).toContain('main.hotLoop');
    expect(requests.filter((url) => !url.startsWith(`${new URL(address).origin}/`))).toEqual([]);
    await page.close();
    expect(await exit).toBe(0);
  });
});

describe.concurrent('what differs, in Chromium', () => {
  test.for([
    ['cpu.pb.gz', 'later.pb.gz', 'main.newLoop'],
    ['earlier.jfr', 'later.jfr', 'app.Main.newLoop'],
    ['cpu.cpuprofile', 'later.cpuprofile', 'newLoop'],
    ['stacks.txt', 'later.txt', 'newLoop'],
  ] as const)('between %s and %s is %s, which grew', async ([earlier, later, grown], { expect }) => {
    const { address, exit } = await diff(file(earlier), file(later));
    const { page, errors, drawn } = await newPage();
    await page.goto(address);
    await expect.poll(drawn, patient).toContainEqual(expect.stringContaining(grown));
    await expect.poll(() => page.innerText('body'), patient).toMatch(/Grew by .*\(1\/[34]\)/);
    expect(await coloured(page, `${later}-diff`)).toBeGreaterThan(0.02);
    await page.keyboard.press('3');
    const rows = async () => (await page.locator('tr').allInnerTexts()).filter((row) => row.includes('%'));
    await expect.poll(async () => (await rows())[0], patient).toContain(grown);
    // The last of them is the later file.
    await page.keyboard.press('p');
    await page.keyboard.press('p');
    await page.keyboard.press('n');
    await page.keyboard.press('n');
    await page.keyboard.press('n');
    await expect.poll(() => page.innerText('body'), patient).toMatch(/After: /);
    await expect.poll(rows, patient).toContainEqual(expect.stringContaining(grown));
    expect(errors).toEqual([]);
    await page.close();
    expect(await exit).toBe(0);
  });

  test('is coloured by go tool pprof', async ({ expect }) => {
    const { address, exit } = await diff(file('cpu.pb.gz'), file('later.pb.gz'), '--viewer', 'pprof');
    const { page } = await newPage();
    await page.goto(address);
    await expect.poll(() => page.innerText('body'), patient).toContain('main.newLoop');
    expect(await coloured(page, 'pprof-diff')).toBeGreaterThan(0.01);
    await page.goto(new URL('top', page.url()).href);
    await expect.poll(() => page.innerText('body'), patient).toContain('main.newLoop');
    await page.close();
    expect(await exit).toBe(0);
  });
});

describe('the end', () => {
  test('a tab that is loaded again goes on; Ctrl-C ends it, and the tab keeps what it shows', async () => {
    const { address, child, exit } = await open(file('cpu.cpuprofile'));
    const { page, drawn } = await newPage();
    await page.goto(address);
    await expect.poll(drawn, patient).toContainEqual(expect.stringContaining('hotLoop'));
    await page.reload();
    await expect.poll(drawn, patient).toContainEqual(expect.stringContaining('hotLoop'));
    // Longer than a closed tab is waited for.
    await new Promise((resolve) => setTimeout(resolve, 7000));
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    expect(await exit).toBe(0);
    await expect(fetch(address)).rejects.toThrow();
    expect(await drawn()).toContainEqual(expect.stringContaining('hotLoop'));
  });

  test('SIGTERM before anybody came', async () => {
    const { child, exit } = await open(file('cpu.cpuprofile'));
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });
});

describe('other sites', () => {
  test('a name that leads here (DNS rebinding) is refused, before and after the cookie', async () => {
    const { address } = await open(file('cpu.cpuprofile'));
    const rebound = address.replace('127.0.0.1', 'evil.example');
    const { page } = await newPage();
    expect((await page.goto(rebound))?.status()).toBe(421);
    expect((await page.goto(address))?.status()).toBe(200);
    await page.waitForURL(/profileURL/);
    expect((await page.goto(page.url().replace('127.0.0.1', 'evil.example')))?.status()).toBe(421);
  });

  test('a page of another site gets nothing, also from a browser that has the cookie', async () => {
    const { address } = await open(file('cpu.cpuprofile'));
    const { page, drawn } = await newPage();
    await page.goto(address);
    await expect.poll(drawn, patient).toContainEqual(expect.stringContaining('hotLoop'));
    const inside = new URL((await page.locator('link[sizes="32x32"]').getAttribute('href')) as string, page.url()).href;
    // It is there for the page itself.
    expect(await page.evaluate(`kprofTest.image('${inside}')`)).toBe('got');
    const server = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<p>evil')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    for (const host of ['evil.example', '127.0.0.1']) {
      const evil = await page.context().newPage();
      await evil.addInitScript({ path: inPage });
      await evil.goto(`http://${host}:${(server.address() as AddressInfo).port}/`);
      expect(await evil.evaluate(`kprofTest.image('${inside}')`)).toBe('nothing');
      expect(await evil.evaluate(`kprofTest.fetched('${inside}')`)).toBe('nothing');
      const navigated = evil.waitForResponse(inside);
      await evil.evaluate(`location.href = '${inside}'`);
      expect((await navigated).status()).toBe(403);
      await evil.close();
    }
    server.close();
  });
});

describe('on a desktop', () => {
  test('the browser gets a file that only its owner can read, and the address is nobody’s argument', async () => {
    mkdirSync(file('bin'));
    writeFileSync(
      file('bin/xdg-open'),
      `#!/bin/sh\nprintf '%s\\n' "$@" >'${file('argv.new')}' && mv '${file('argv.new')}' '${file('argv')}'\n`,
    );
    chmodSync(file('bin/xdg-open'), 0o755);
    const child = openOnDesktop(file('cpu.cpuprofile'), file('bin'));
    let said = '';
    child.stdout?.on('data', (chunk) => {
      said += chunk;
    });
    const exit = once(child, 'exit');
    await expect.poll(() => existsSync(file('argv')), patient).toBe(true);
    const [door = '', ...more] = readFileSync(file('argv'), 'utf8').trim().split('\n');
    expect(more).toEqual([]);
    expect(door).toMatch(/^\/.*\/kprof-\w+\/open\.html$/);
    expect(statSync(door).mode & 0o777).toBe(0o600);
    const { page, errors, drawn } = await newPage();
    // From a local file, which the cookie's SameSite=Strict takes for another site.
    await page.goto(`file://${door}`);
    await expect.poll(drawn, patient).toContainEqual(expect.stringContaining('hotLoop'));
    expect(errors).toEqual([]);
    await expect.poll(() => existsSync(door), patient).toBe(false);
    await page.close();
    expect(await exit).toEqual([0, null]);
    expect(said).toContain('Opened in the browser: speedscope on 127.0.0.1:');
    expect(said).toContain('The tab is closed.');
    expect(said).not.toMatch(/[0-9a-f]{32}/);
  });
});
