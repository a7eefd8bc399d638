/** What is left where nobody was there to take it away, and `kprof gc`, which does. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pod } from '../sandbox/objects.ts';
import { kill } from '../sandbox/processes.ts';
import { until } from '../support/shells.ts';
import { surely } from '../support/verdict.ts';
import { type Bench, execs, leftInTarget, type Stand, startBench } from './bench.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench({ KPROF_SILENCE: '20', KPROF_RETURN: '15' });
});
afterAll(() => bench?.[Symbol.asyncDispose]());

const running = ({ pod }: Stand) => {
  const found = bench.sandbox.store.get('pods', 'default', pod) as Pod;
  return (found.spec.ephemeralContainers ?? []).flatMap(({ name }) => bench.sandbox.kubelet.container(found, name)?.running ?? []);
};
const records = ({ desk }: Stand) => readdirSync(join(desk.folder, '.state/kprof/captures'));

/** A recording that runs. */
async function recording(stand: Stand, ...more: readonly string[]) {
  const kprof = stand.desk.start(...stand.argv('--duration', '2m', ...more));
  await kprof.until(/recording {2}/);
  return kprof;
}

describe.concurrent('of a capture', () => {
  it.each(['gc', 'stop', 'jfr'])('whose kprof and debug container were both killed, kprof %s leaves nothing', async (command) => {
    const stand = await bench.stand(`killed-${command}`);
    const kprof = await recording(stand);
    kprof.child.kill('SIGKILL');
    const [{ main } = { main: undefined }] = running(stand);
    kill(main?.pid as number, 'SIGKILL');
    await kprof.ended;
    expect(await until(() => running(stand).length === 0, 20)).toBe(true);
    expect(leftInTarget(stand, [])).not.toEqual([]);
    const words = { gc: ['gc'], stop: ['stop', ...stand.ids().slice(0, 1)], jfr: stand.argv('--duration', '1s') }[command] as string[];
    const ended = await stand.desk.kprof(...words);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    await surely(() => expect(leftInTarget(stand, []), ended.stderr).toEqual([]));
    expect(records(stand)).toEqual([]);
    if (command === 'gc') expect(await until(() => running(stand).length === 0, 20), 'nothing runs any more').toBe(true);
    stand.remove();
  });

  it('that is fetched by resume, its debug container stays only without an added right', async () => {
    for (const [rung, left] of [
      ['same-user', 1],
      ['ptrace', 0],
    ] as const) {
      const stand = await bench.stand(`fetched-${rung}`);
      const kprof = stand.desk.start(...stand.argv());
      await kprof.until(/starting the recording/);
      stand.proxy.set({ bytesPerSecond: 50_000 });
      await kprof.until(/pulling/, 120);
      const path = join(stand.desk.folder, '.state/kprof/captures', `${stand.ids()[0]}.json`);
      expect(await until(() => /"stage":"pulling".*"identity"/.test(readFileSync(path, 'utf8')), 30)).toBe(true);
      kprof.child.kill('SIGKILL');
      await kprof.ended;
      stand.proxy.calm();
      const record = JSON.parse(readFileSync(path, 'utf8'));
      writeFileSync(path, JSON.stringify({ ...record, debugContainer: { ...record.debugContainer, rung } }));
      const resumed = await stand.desk.kprof('resume', '--no-open');
      expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
      expect(await until(() => running(stand).length === left, 20), `${rung}: ${running(stand).length} left`).toBe(true);
      stand.remove();
    }
  });

  it.each([401, 403])('that is finished, a login that is refused (%i) takes nothing away', async (code) => {
    const stand = await bench.stand(`refused-${code}`);
    bench.sandbox.faults.add({ when: { ...execs(stand.pod, 'pull'), nth: 1 }, fault: 'refuse', code });
    const refused = await stand.desk.kprof(...stand.argv());
    expect(refused, refused.stderr).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringMatching(/kprof resume [0-9a-f]{16} fetches/),
    });
    const resumed = await stand.desk.kprof('resume', '--no-open');
    expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
    stand.remove();
  });

  it('whose line is out, kprof gc leaves to who comes back', async () => {
    const stand = await bench.stand('line-out');
    const kprof = await recording(stand);
    const [container] = running(stand);
    stand.proxy.cutAfter(0);
    expect(await until(() => existsSync(join(container?.folder ?? '', 'kprof/captures', stand.ids()[0] ?? '', 'orphan')), 20)).toBe(true);
    // Not by that line.
    const collected = await stand.desk.kprof('gc');
    expect(collected, collected.stderr).toMatchObject({ code: 0, stderr: expect.stringMatching(/is in use, and stays/) });
    expect(running(stand)).toHaveLength(1);
    stand.proxy.calm();
    kprof.child.kill('SIGTERM');
    expect(await kprof.ended).toMatchObject({ code: 143 });
    stand.remove();
  });

  it('whose debug container ended by itself, kprof gc makes no other one', async () => {
    const stand = await bench.stand('ended');
    const kprof = await recording(stand);
    kprof.child.kill('SIGKILL');
    const [{ main } = { main: undefined }] = running(stand);
    kill(main?.pid as number, 'SIGTERM');
    await kprof.ended;
    expect(await until(() => running(stand).length === 0, 30)).toBe(true);
    await surely(() => expect(leftInTarget(stand, [])).toEqual([]));
    const ended = await stand.desk.kprof('gc');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect((bench.sandbox.store.get('pods', 'default', 'ended') as Pod).spec.ephemeralContainers).toHaveLength(1);
    expect(records(stand)).toEqual([]);
    stand.remove();
  });

  it.each([
    ['ended', 'SIGTERM', 1],
    ['killed', 'SIGKILL', 2],
  ] as const)('whose debug container is %s, kprof leaves no other one behind', async (how, signal, made) => {
    const stand = await bench.stand(`retired-${how}`);
    const kprof = await recording(stand);
    const [{ main } = { main: undefined }] = running(stand);
    kill(main?.pid as number, signal);
    expect(await kprof.ended).toMatchObject({ code: 5 });
    expect(leftInTarget(stand, [])).toEqual([]);
    expect((bench.sandbox.store.get('pods', 'default', `retired-${how}`) as Pod).spec.ephemeralContainers).toHaveLength(made);
    expect(await until(() => running(stand).length === 0, 20)).toBe(true);
    expect(records(stand)).toEqual([]);
    stand.remove();
  });

  it.each(['gc', 'stop'])('whose pod was deleted meanwhile, kprof %s says so, and nobody is told again', async (command) => {
    const stand = await bench.stand(`deleted-${command}`);
    const kprof = await recording(stand);
    kprof.child.kill('SIGKILL');
    await kprof.ended;
    bench.sandbox.remove(`deleted-${command}`);
    const ended = await stand.desk.kprof(command, ...(command === 'gc' ? [] : stand.ids().slice(0, 1)));
    expect(ended, ended.stderr).toMatchObject({ code: 0, stderr: expect.stringContaining('went with the debug container') });
    expect(records(stand)).toEqual([]);
    expect(await stand.desk.kprof('gc')).toMatchObject({ code: 0, stderr: '' });
    stand.remove();
  });

  it.each(['gc', 'stop'])('of a kubeconfig that is named no more, kprof %s knows it still', async (command) => {
    const stand = await bench.stand(`elsewhere-${command}`);
    const { env, folder } = stand.desk;
    const used = env['KUBECONFIG'] ?? '';
    const others = join(folder, 'others');
    writeFileSync(others, 'current-context: sandbox\ncontexts: []\n', { mode: 0o600 });
    env['KUBECONFIG'] = `none:${relative(folder, used)}`;
    const kprof = await recording(stand);
    kprof.child.kill('SIGKILL');
    await kprof.ended;
    env['KUBECONFIG'] = others;
    const ended = await stand.desk.kprof(...(command === 'gc' ? ['gc'] : ['stop', ...stand.ids().slice(0, 1)]));
    expect(ended, ended.stderr).toMatchObject({ code: 0, stderr: expect.stringContaining('Nothing of capture') });
    expect(records(stand)).toEqual([]);
    if (command === 'gc') expect(await until(() => running(stand).length === 0, 20), 'its debug container ends').toBe(true);
    stand.remove();
  });

  it('whose cluster is not reached, kprof gc says so for a day', async () => {
    const stand = await bench.stand('unreached');
    const kprof = await recording(stand);
    kprof.child.kill('SIGKILL');
    await kprof.ended;
    stand.proxy.close();
    const [name = ''] = records(stand);
    const path = join(stand.desk.folder, '.state/kprof/captures', name);
    expect(await stand.desk.kprof('gc')).toMatchObject({ code: 1, stderr: expect.stringContaining('Cannot reach the API server') });
    const record = JSON.parse(readFileSync(path, 'utf8')) as { startedAt: string };
    const startedAt = new Date(Date.parse(record.startedAt) - 25 * 3_600_000).toISOString();
    writeFileSync(path, JSON.stringify({ ...record, startedAt }));
    expect(await stand.desk.kprof('gc')).toMatchObject({ code: 0, stderr: expect.stringContaining('it is forgotten') });
    expect(records(stand)).toEqual([]);
    stand.remove();
  });

  it('by an image that can only use the shared memory, in an app that restarts, kprof says what stays, and gc removes it', async () => {
    const stand = await bench.stand('restarted');
    const kprof = await recording(stand, '--image', 'registry.local/stock:1');
    bench.sandbox.restart('restarted', 'app');
    const ended = await kprof.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 5, stdout: '' });
    const [id] = stand.ids();
    expect(ended.stderr).toMatch(`The folder /dev/shm/kprof-${id} is left in the pod's shared memory`);
    expect(await until(() => stand.isUp(), 30)).toBe(true);
    expect(leftInTarget(stand, [])).toEqual([`/dev/shm/kprof-${id}`]);
    const cleaned = await stand.desk.kprof('gc');
    expect(cleaned, cleaned.stderr).toMatchObject({ code: 0 });
    await surely(() => expect(leftInTarget(stand, []), cleaned.stderr).toEqual([]));
    expect(records(stand)).toEqual([]);
    stand.remove();
  });
});
