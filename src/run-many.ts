/** The same capture of several pods, side by side; one that fails leaves the others alone. */
import { randomBytes } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import { artifactName, isFolder, prepareDestination, publish } from './artifact.ts';
import type { Request } from './capture/request.ts';
import { createTape } from './capture/tape.ts';
import { KprofError } from './errors.ts';
import type { FirstInterrupt } from './interrupts.ts';
import { merge } from './packets/merge.ts';
import type { Artifact } from './record.ts';
import type { Report } from './report.ts';
import { plural } from './report.ts';
import { type Around, run } from './run.ts';

/** At a time: each is several lines to the API server. */
const most = 10;

/** What came of them. */
export interface Several {
  readonly artifacts: readonly Artifact[];
  /** The path of the merged file. */
  readonly merged: string | undefined;
  /** Of merging, else of the first pod that failed, which was told already. */
  readonly error: unknown;
}

/** Captures from all pods that are meant. Throws when none gave anything. */
export async function runMany(request: Request, around: Around): Promise<Several> {
  const { cluster, report, stops } = around;
  const { selector, 'all-pods': _, merge: merges } = request.options;
  const pods = await cluster.list({ name: request.where.name, selector: selector as string | undefined }, stops.early);
  if (pods.length > most)
    throw new KprofError('usage', `These are ${pods.length} pods, and kprof captures from ${most} at a time at most`, {
      hint: `name fewer by their labels: -l …\n${pods.slice(0, most + 1).join('\n')}\n…`,
    });
  report.note(`Capturing from ${plural(pods.length, 'pod')}: ${pods.join(', ')}`);
  const folder = await folderOf(request);
  const capturing = together(around.capturing);
  const outcomes = await Promise.all(
    pods.map(async (pod) => {
      const own = { ...request, where: { ...request.where, name: `pod/${pod}` }, file: folder };
      try {
        return { artifact: await run(own, { ...around, report: named(report, pod), capturing: capturing() }) };
      } catch (error) {
        if (pods.length > 1) report.warn(`${pod}: ${error instanceof Error ? error.message : error}`);
        return { error };
      }
    }),
  );
  const artifacts = outcomes.flatMap(({ artifact }) => (artifact === undefined ? [] : [artifact]));
  const error = outcomes.find((outcome) => outcome.error !== undefined)?.error;
  if (artifacts.length === 0) throw error;
  if (merges !== true) return { artifacts, error, merged: undefined };
  // The files of the pods are there whatever becomes of the merged one.
  return mergeAll(request, artifacts, report).then(
    (merged) => ({ artifacts, error, merged }),
    (reason: unknown) => ({ artifacts, error: reason, merged: undefined }),
  );
}

/** Where the files of the pods go: beside the merged one, where that was named. */
async function folderOf({ file, options }: Request): Promise<string | undefined> {
  if (file === undefined || file.endsWith('/') || file.endsWith(sep) || (await isFolder(file))) return file;
  if (options['merge'] === true) return `${dirname(file)}${sep}`;
  throw new KprofError('usage', `-f ${file} is one file, and several pods give several`, { hint: 'name a folder: -f captures/' });
}

/** What is said of one pod among others: its stages and notes by its name, its progress not at all. */
const named = (report: Report, pod: string): Report => ({
  ...report,
  get warnings() {
    return report.warnings.filter((warning) => warning.startsWith(`${pod}: `));
  },
  stage: (text) => report.stage(`${pod}: ${text}`),
  note: (text) => report.note(`${pod}:${text.includes('\n') ? '\n' : ' '}${text}`),
  warn: (text) => report.warn(`${pod}: ${text}`),
  progress: () => {},
  clear: () => {},
});

/** A first Ctrl-C keeps what there is as long as one of them runs that it would keep. */
function together(capturing: Around['capturing']): () => Around['capturing'] {
  const running = new Map<symbol, FirstInterrupt>();
  return () => {
    const me = Symbol();
    return (early) => {
      if (early === undefined) running.delete(me);
      else running.set(me, early);
      capturing(running.values().next().value);
    };
  };
}

async function mergeAll({ file, force, toolkit }: Request, artifacts: readonly Artifact[], report: Report): Promise<string> {
  const { namespace } = artifacts[0] as Artifact;
  const name = artifactName({ tool: toolkit.name, namespace, pod: 'merged', container: '', at: new Date() }, 'pcapng');
  const isNamed = file !== undefined && (await folderOf({ file, options: { merge: true } } as unknown as Request)) !== file;
  const destination = await prepareDestination(
    isNamed ? file : (file ?? name),
    isNamed ? `kprof-${randomBytes(8).toString('hex')}` : name,
    { force },
  );
  const tape = await createTape(destination.partial);
  try {
    await merge(
      artifacts.map(({ path, pod }) => ({ path, name: pod, comment: `pod ${namespace}/${pod}` })),
      tape.write,
    );
    await tape.close(false);
  } catch (error) {
    await tape.close(false).catch(() => {}); // the error that ended it is told
    await unlink(destination.partial).catch(() => {}); // all of it is in the files that it was made of
    throw error;
  }
  const path = await publish(destination, { force });
  report.note(`Merged ${plural(artifacts.length, 'file')}`);
  return path;
}
