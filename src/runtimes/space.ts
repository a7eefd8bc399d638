/** The room in the folders that a process is made to write to: asked before, and held against the limits of the pod. */
import type { Argv, Bears, Facts, Process, Tools } from '../toolkit.ts';
import { mebibytes, parseDisk, usable } from './heap.ts';

/** Where files of a capture go: the target's own folder, or, where the image may not write there, the pod's shared memory. */
export const scratchOf = (tools: Tools): '/tmp' | '/dev/shm' => (tools.has('inroot') && tools.has('zstd') ? '/tmp' : '/dev/shm');

/** The question how much room there is in each of the folders. */
export const spaceProbe = ({ pid, started }: Process, ...folders: readonly string[]): Argv => ['space', String(pid), started, ...folders];

/** What may be written to a folder, in bytes; Infinity where nothing limits it. */
export interface Room {
  readonly folder: string;
  /** Of its disk; a guess where that can't be looked at. */
  readonly free: number;
  readonly isKnown: boolean;
  /** Of all that is ever written there: what was written already is not known, so a part is left for that. */
  readonly limit: number;
  readonly isMemory: boolean;
}

/** What is taken for free in a folder that can't be looked at. */
const unknown = 122 * 2 ** 20;

/** The room in those folders that were asked about, in their order. */
export function roomsIn(folders: readonly string[], { space = '' }: Facts, bears: Pick<Bears, 'storage' | 'volumes'>): readonly Room[] {
  const answers = space.split('\n');
  return folders.map((folder, index) => {
    const disk = parseDisk(answers[index] ?? '');
    const free = disk?.free ?? (space === '' ? Number.POSITIVE_INFINITY : unknown);
    return { folder, free, isKnown: disk !== undefined, limit: limitOf(folder, bears), isMemory: disk?.isMemory === true };
  });
}

function limitOf(folder: string, { storage, volumes }: Pick<Bears, 'storage' | 'volumes'>): number {
  const [volume] = volumes
    .filter(({ path }) => `${folder}/`.startsWith(path.endsWith('/') ? path : `${path}/`))
    .sort((one, other) => other.path.length - one.path.length);
  const ephemeral = volume === undefined || volume.isEphemeral ? storage : undefined;
  return usable * Math.min(ephemeral ?? Number.POSITIVE_INFINITY, volume?.limit ?? Number.POSITIVE_INFINITY);
}

/** The least that may be written to one of them. */
export const tightest = (rooms: readonly Room[]): number => Math.min(...rooms.map(({ free, limit }) => Math.min(free, limit)));

/** How much that is, for people. */
export function roomInWords({ folder, free, isKnown, limit }: Room): string {
  if (limit < free)
    return `of what may be written to ${folder} at most, ${mebibytes(limit)} are taken for free: what was written already is not known`;
  return isKnown ? `${folder} has room for ${mebibytes(free)}` : `how much room ${folder} has can't be told`;
}

/** A thread takes a kilobyte in the JVM's file of all of them, of which there may be millions. */
const leastForThreads = 256 * 2 ** 20;

/** Why a file of all threads is not to be written where captures go: in memory it would be taken from the app, elsewhere it may fill the disk. */
export function crowded(tools: Tools, facts: Facts, bears: Pick<Bears, 'storage' | 'volumes'>): string | undefined {
  const [room] = roomsIn([scratchOf(tools)], facts, bears) as readonly [Room];
  if (room.isMemory) return `${room.folder} is memory`;
  return tightest([room]) >= leastForThreads ? undefined : roomInWords(room);
}
