import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { remember } from '../../src/state/journal.ts';
import { apiServer, json } from '../support/api-server.ts';
import { kprof, kubeconfig } from '../support/cli.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kprof-around-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const containers = ['proxy', 'app', 'other'];
const pod = {
  metadata: { name: 'api', namespace: 'shop', uid: 'u', resourceVersion: '1' },
  spec: { containers: containers.map((name) => ({ name, image: 'a' })) },
  status: {
    phase: 'Running',
    containerStatuses: containers.map((name) => ({ name, state: { running: {} }, restartCount: 0, containerID: `containerd://${name}` })),
  },
};

const known = { context: 'one', namespace: 'shop', pod: 'api', podUid: 'u', container: 'kprof-jvm-x' };

it.each([['gc'], ['stop', 'api'], ['ls', 'api']])('kprof %s says nothing of containers that do not matter', async (...argv) => {
  await using server = await apiServer((response, { url }) =>
    url.includes('watch=true') ? void response.writeHead(200).flushHeaders() : json(response, pod),
  );
  const KUBECONFIG = kubeconfig(folder, server.api.connection.server);
  await remember({ XDG_STATE_HOME: join(folder, 'state') }, { ...known, targetContainerId: 't', imageId: 'i', spec: 's', at: Date.now() });
  const said = await kprof(folder, argv, { KUBECONFIG });
  expect(said).toMatchObject({ code: 0, stderr: expect.not.stringContaining('container "proxy"') });
  expect(server.seen.length).toBeGreaterThan(0);
});
