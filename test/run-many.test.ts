import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Request } from '../src/capture/request.ts';
import type { Artifact } from '../src/record.ts';
import type { Around } from '../src/run.ts';
import { run } from '../src/run.ts';
import { runMany } from '../src/run-many.ts';
import { apiServer, json, status } from './support/api-server.ts';
import { kprof, kubeconfig } from './support/cli.ts';
import { pcapFile } from './support/packets.ts';
import { recorder } from './support/recorder.ts';

vi.mock('../src/run.ts', async (original) => {
  const real = await original<typeof import('../src/run.ts')>();
  return { ...real, run: vi.fn(real.run) };
});

const folder = mkdtempSync(join(tmpdir(), 'kprof-many-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pod = { metadata: { name: 'api', namespace: 'shop', uid: 'u' }, spec: { containers: [] }, status: { phase: 'Running' } };

/** Runs it where one pod has the labels, and can't be read. */
async function asked(...argv: readonly string[]) {
  await using server = await apiServer((response, { url }) =>
    url.includes('labelSelector') ? json(response, { items: [pod] }) : status(response, 404, 'not found'),
  );
  const said = await kprof(folder, ['pcap', ...argv], { KUBECONFIG: kubeconfig(folder, server.api.connection.server) });
  return { ...said, seen: server.seen };
}

describe('several pods', () => {
  it('may be one', async () => {
    expect((await asked('-l', 'app=api')).stderr).toContain('Capturing from 1 pod: api');
  });

  it.each([
    [['api', '--keylog', '/nonexistent/keys'], '--keylog /nonexistent/keys is not there'],
    [['-l', 'app=api', '--keylog', '/nonexistent/keys'], '--keylog /nonexistent/keys is not there'],
    [['p-idle', '-l', 'app=api'], 'With -l the words are the filter'],
  ])('are not asked for where what was typed will not do: %j', async (argv, message) => {
    const { code, stderr, seen } = await asked(...argv);
    expect({ code, seen }).toEqual({ code: 2, seen: [] });
    expect(stderr).toContain(message);
  });

  /** Merges what two pods gave, of which the second has this file. */
  async function mergedWith(name: string, second: Buffer) {
    const [whole, files] = [pcapFile([{ seconds: 1, nanos: 0, data: Buffer.alloc(9) }]), join(folder, name)];
    mkdirSync(files);
    const path = (pod: string) => join(files, `${pod}.pcap`);
    writeFileSync(path('one'), whole);
    writeFileSync(path('two'), second);
    for (const pod of ['one', 'two']) vi.mocked(run).mockResolvedValueOnce({ path: path(pod), pod, namespace: 'shop' } as Artifact);
    const request = {
      toolkit: { name: 'pcap' },
      options: { merge: true },
      where: { name: '' },
      file: join(files, 'all.pcapng'),
      force: false,
    };
    const [stops, report] = [{ early: new AbortController().signal, abort: new AbortController().signal }, recorder()];
    const around = { cluster: { list: async () => ['one', 'two'] }, report, stops, capturing: () => {} };
    const several = await runMany(request as unknown as Request, around as unknown as Around);
    return { ...several, files: readdirSync(files) };
  }

  it('are merged', async () => {
    const { merged, error, files } = await mergedWith('whole', pcapFile([]));
    expect([merged, error]).toEqual([join(folder, 'whole', 'all.pcapng'), undefined]);
    expect(files).toEqual(['all.pcapng', 'one.pcap', 'two.pcap']);
  });

  it('give their files though these can not be merged, of which nothing else is left', async () => {
    const { artifacts, merged, error, files } = await mergedWith('cut', pcapFile([]).subarray(0, 9));
    expect(artifacts.map(({ pod: name }) => name)).toEqual(['one', 'two']);
    expect([merged, error]).toEqual([undefined, expect.objectContaining({ failure: 'incomplete' })]);
    expect(files).toEqual(['one.pcap', 'two.pcap']);
  });
});
