/**
 * `node pull-file.ts NAMESPACE POD PATH TO [--server URL] [--fruitless MS] [--cores N] [--image REF]`: pulls any file of a container as a
 * capture's file is pulled; prints what came of it, as JSON. `--fruitless`: how patient it is; `--cores`: as if that were the pod's CPU limit;
 * `--image`: by a stock image, from the pod's shared memory.
 */
import { parseArgs } from 'node:util';
import { pullFile } from '../../src/capture/file.ts';
import { debugSpec } from '../../src/capture/request.ts';
import { connect } from '../../src/kube/cluster.ts';
import { usual } from '../../src/pull/pull.ts';
import { answerOf } from '../../src/remote/remote.ts';
import type { Report } from '../../src/report.ts';
import { parseView } from '../../src/runtimes/processes.ts';
import { terminalReport } from '../../src/terminal.ts';
import { version } from '../../src/version.ts';
import { jfr } from '../../toolkits/jfr.ts';

/** What it prints. */
export interface Moved {
  readonly bytes?: number;
  readonly sha256?: string;
  readonly failure?: string;
  readonly message?: string;
  readonly seconds: number;
  readonly maxRssMiB: number;
  /** What was said of lines that were lost. */
  readonly notes: readonly string[];
  /** When the first of it was said, in milliseconds since 1970. */
  readonly noticed?: number;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { server: { type: 'string' }, fruitless: { type: 'string' }, cores: { type: 'string' }, image: { type: 'string' } },
});
const [namespace = '', pod = '', path = '', to = ''] = positionals;
const { server } = values;
const { signal } = new AbortController();
const cluster = await connect(
  { namespace, server, insecureSkipTlsVerify: server !== undefined },
  { report: terminalReport({ quiet: true }), version, tool: 'test' },
);
const target = await cluster.find({ name: pod, container: 'app' }, signal);
const way = jfr.ways({} as never)[0] as never;
const reference = (image: string) => values.image ?? `${process.env['KPROF_REGISTRY']}/kprof-${image}:${version}`;
const container = await target.inject(debugSpec({ reference, pullPolicy: 'IfNotPresent', timeout: 60_000 }, way), signal);
const view = parseView(await answerOf(container, ['look', target.containerId], { what: 'look', signal }));
const [first] = view.processes;
if (first === undefined) throw new Error('no process');
const notes: string[] = [];
let noticed: number | undefined;
const note = (text: string): void => {
  noticed ??= Date.now();
  notes.push(text);
};
const report = { stage: () => {}, progress: () => {}, note } as unknown as Report;
const cpuLimit = values.cores === undefined ? target.cpuLimit : Number(values.cores);
const began = performance.now();
const pulling = pullFile(
  { container, process: first, tools: view.tools, report, signal, target: { cpuLimit } },
  { at: values.image === undefined ? 'target' : 'shared-memory', seenByTarget: path },
  to,
  { patience: { ...usual, fruitless: Number(values.fruitless ?? usual.fruitless) } },
);
process.stderr.write('pulling\n');
const result = await pulling.catch(({ failure, message }: { failure: string; message: string }) => ({ failure, message }));
target.close();
const seconds = (performance.now() - began) / 1000;
const moved: Moved = {
  ...result,
  seconds,
  maxRssMiB: process.resourceUsage().maxRSS / 1024,
  notes,
  ...(noticed === undefined ? {} : { noticed }),
};
process.stdout.write(`${JSON.stringify(moved)}\n`);
