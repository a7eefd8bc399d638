/** Heap dumps of JVMs: checked record by record, summed up by class. */
import { KprofError } from '../errors.ts';
import { bytes as inBytes, plural } from '../report.ts';
import { type Format, openFile, type Summary } from './format.ts';
import { type HeapDump, magic, readHeapDump } from './hprof-reader.ts';
import { NotWhole } from './hprof-window.ts';
import { largest, objectTable } from './objects.ts';

/** What a heap dump holds, by class. Throws a KprofError `incomplete` when it is not whole. */
export async function heapDumpOf(path: string): Promise<HeapDump> {
  await using file = await openFile(path);
  try {
    return await readHeapDump(file);
  } catch (error) {
    if (error instanceof NotWhole) throw new KprofError('incomplete', `${path} is not a whole heap dump: ${error.message}`);
    throw error;
  }
}

function summarise({ classes, loaded, roots, takenAt }: HeapDump): Summary {
  const sum = (of: 'instances' | 'bytes') => classes.reduce((all, each) => all + each[of], 0);
  const [instances, bytes] = [sum('instances'), sum('bytes')];
  return {
    text: `${inBytes(bytes)} in ${plural(instances, 'object')} of ${plural(classes.length, 'class', 'classes')}`,
    details: (columns, count) => objectTable(classes, columns, count),
    facts: {
      bytes,
      instances,
      classes: classes.length,
      loaded,
      roots,
      ...(Number.isFinite(takenAt) && takenAt < 8.64e15 ? { takenAt: new Date(takenAt).toISOString() } : {}),
      top: Object.fromEntries(largest(classes, 10).map((each) => [each.name, each.bytes])),
      counts: Object.fromEntries(largest(classes, 1000).map((each) => [each.name, each.instances])),
    },
  };
}

/** Heap dumps; the check reads all of it, in bounded memory. */
export const hprof: Format = {
  name: 'hprof',
  extension: 'hprof',
  viewers: ['mat', 'visualvm'],
  matches: (head) => magic.test(head.toString('latin1')),
  check: async (path) => summarise(await heapDumpOf(path)),
};
