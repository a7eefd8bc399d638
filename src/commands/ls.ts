/** `kprof ls`: the captures that are not over, or the debug containers of a pod. */
import { stat } from 'node:fs/promises';
import type { Listed, Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { printTable } from '../print.ts';
import { bytes, duration } from '../report.ts';
import { attendance, type CaptureRecord, readCaptures } from '../state/captures.ts';
import { type CommandAround, capturesIn, type Perform, rejoined } from './around.ts';

export const run: Perform = async (words, options, around) => {
  if (words.length > 1) throw new KprofError('usage', 'kprof ls takes one pod', { hint: 'kprof ls mypod' });
  const output = options['output'] as 'json' | undefined;
  if (words[0] === undefined) return listCaptures(output, around);
  const cluster = await around.connect(options);
  const target = await cluster.find({ name: words[0], whole: true }, around.signal);
  try {
    await listContainers(target, output, around);
  } finally {
    target.close();
  }
};

const states: Readonly<Record<CaptureRecord['stage'], string>> = { capturing: 'interrupted', pulling: 'can be resumed', done: 'fetched' };

async function stateOf(record: CaptureRecord): Promise<string> {
  const { stage, client } = record;
  return { runs: stage, gone: states[stage], unknown: `${stage} on ${client.host}` }[await attendance(record)];
}

async function listCaptures(output: 'json' | undefined, { report }: CommandAround): Promise<void> {
  const captures = await Promise.all(
    (await readCaptures(process.env)).map(async (record) => ({
      id: record.id,
      tool: record.tool,
      namespace: record.namespace,
      pod: record.pod,
      container: record.container,
      state: await stateOf(record),
      startedAt: record.startedAt,
      bytes: (await stat(record.partial).catch(() => undefined))?.size ?? 0,
      file: record.final,
    })),
  );
  if (captures.length === 0 && output === undefined) report.note('No capture of this user is under way or left over');
  printTable('CaptureList', captures, output, {
    ID: ({ id }) => id,
    TOOL: ({ tool }) => tool,
    POD: ({ namespace, pod }) => `${namespace}/${pod}`,
    STATE: ({ state }) => state,
    HERE: (each) => bytes(each.bytes),
    AGE: ({ startedAt }) => age(startedAt),
    FILE: ({ file }) => file,
  });
}

async function listContainers(target: Target, output: 'json' | undefined, { report, signal }: CommandAround): Promise<void> {
  const listed = await target.debugContainers(signal);
  const containers = await Promise.all(listed.map(async (each) => ({ ...each, captures: await captures(target, each, signal) })));
  if (containers.length === 0 && output === undefined)
    report.note(`The pod ${target.namespace}/${target.pod} has no debug container of kprof`);
  printTable('DebugContainerList', containers, output, {
    NAME: ({ name }) => name,
    TARGET: (each) => each.target,
    STATE: ({ state }) => state,
    SINCE: ({ since }) => age(since),
    YOURS: ({ ours }) => (ours ? 'yes' : 'no'),
    CAPTURES: (each) => each.captures.map(({ id, state }) => `${id} ${state}`).join(', '),
    IMAGE: ({ image }) => image,
  });
}

/** Of somebody else's, which may run anything, nothing is asked. */
async function captures(target: Target, { name, ours, state }: Listed, signal: AbortSignal) {
  if (!ours || state !== 'runs') return [];
  return capturesIn(await rejoined(target, name, signal), signal);
}

const age = (since: string | undefined): string => {
  const time = Date.parse(since ?? '');
  return Number.isNaN(time) ? '' : duration(Math.max(0, Date.now() - time));
};
