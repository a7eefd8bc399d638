/** What another recording of the same JVM has put into ours: whoever fetches it, it gets no name. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/shells.ts';
import { surely } from '../support/verdict.ts';
import { type Bench, type Stand, startBench } from './bench.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench({}, 'hunter2');
});
afterAll(() => bench?.[Symbol.asyncDispose]());

/** What there is, by name: nothing but the one that has no name yet, for its owner alone. */
function kept({ desk }: Stand): void {
  const recordings = readdirSync(desk.folder).filter((name) => name.startsWith('it.jfr'));
  expect(recordings).toEqual([expect.stringMatching(/\.partial$/)]);
  const path = join(desk.folder, recordings[0] ?? '');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path).includes('hunter2')).toBe(true);
}

/** Where the captures are noted that are not over. */
const captures = ({ desk }: Stand): string => join(String(desk.env['XDG_STATE_HOME']), 'kprof', 'captures');

const refused = {
  code: 3,
  stdout: '',
  stderr: expect.stringMatching(/it\.jfr gets no name: another recording .*\ntry: .*mv -n .*--with-environment/),
};

describe.concurrent('a recording with secrets', () => {
  it('is kept without a name', async () => {
    const stand = await bench.stand('secrets');
    const ended = await stand.desk.start(...stand.argv()).ended;
    await surely(() => expect(ended, ended.stderr).toMatchObject(refused));
    await surely(() => kept(stand));
    stand.remove();
  });

  it('gets its name where they are asked for', async () => {
    const stand = await bench.stand('wanted');
    const ended = await stand.desk.start(...stand.argv('--with-environment')).ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    stand.remove();
  });

  it('is kept without one by whoever resumes it, too', async () => {
    const stand = await bench.stand('resumed');
    const running = stand.desk.start(...stand.argv());
    await running.until(/starting the recording/);
    stand.proxy.set({ bytesPerSecond: 50_000 });
    await running.until(/pulling/, 120);
    const noted = () =>
      readdirSync(captures(stand))
        .filter((name) => name.endsWith('.json'))
        .some((name) => /"stage":"pulling".*"identity"/.test(readFileSync(join(captures(stand), name), 'utf8')));
    expect(await until(noted, 30)).toBe(true);
    running.child.kill('SIGKILL');
    await running.ended;
    stand.proxy.calm();
    const resumed = await stand.desk.kprof('resume', '--no-open');
    await surely(() => expect(resumed, resumed.stderr).toMatchObject(refused));
    await surely(() => kept(stand));
    stand.remove();
  });
});
