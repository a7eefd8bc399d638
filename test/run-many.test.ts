import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apiServer, json, status } from './support/api-server.ts';
import { kprof, kubeconfig } from './support/cli.ts';

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
});
