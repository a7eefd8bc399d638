/** `node pull-file.ts NAMESPACE POD PATH TO [SERVER]`: pulls any file of a container as a capture's file is pulled; prints size, digest and peak memory, or the error. */

import { debugSpec } from '../../src/capture/request.ts';
import { inTarget, type Session } from '../../src/capture/session.ts';
import { connect } from '../../src/kube/cluster.ts';
import { pull } from '../../src/pull/pull.ts';
import { answerOf, start } from '../../src/remote/remote.ts';
import { parseView } from '../../src/runtimes/processes.ts';
import { terminalReport } from '../../src/terminal.ts';
import { version } from '../../src/version.ts';
import { jfr } from '../../toolkits/jfr.ts';

const [namespace = '', pod = '', path = '', to = '', server] = process.argv.slice(2);
const { signal } = new AbortController();
const cluster = await connect(
  { namespace, server, insecureSkipTlsVerify: server !== undefined },
  { report: terminalReport({ quiet: true }), version, tool: 'test' },
);
const target = await cluster.find({ name: pod, container: 'app' }, signal);
const way = jfr.ways({} as never)[0] as never;
const reference = (image: string) => `${process.env['KPROF_REGISTRY']}/kprof-${image}:${version}`;
const container = await target.inject(debugSpec({ reference, pullPolicy: 'IfNotPresent', timeout: 60_000 }, way), signal);
const view = parseView(await answerOf(container, ['look', target.containerId], { what: 'look', signal }));
const session = { container, process: view.processes[0], tools: view.tools } as Session;
const began = performance.now();
const pulling = pull((io) => start(container, ['pull', '1', ...inTarget(session, 'tar', path)], io), {
  codec: 'zstd',
  name: path.slice(path.lastIndexOf('/') + 1),
  to,
  maxBytes: 8 * 2 ** 30,
});
process.stderr.write('pulling\n');
const result = await pulling.catch(({ failure, message }: { failure: string; message: string }) => ({ failure, message }));
target.close();
const seconds = (performance.now() - began) / 1000;
process.stdout.write(`${JSON.stringify({ ...result, seconds, maxRssMiB: process.resourceUsage().maxRSS / 1024 })}\n`);
