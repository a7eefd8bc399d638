/** The kinds of file that a capture gives. */
import type { Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import type { Profile } from '../profile/profile.ts';
import { shellWord } from '../safe.ts';
import type { FormatName, Tallied } from '../toolkit.ts';

/** What opens artifacts: programs (src/viewers has one file each), and pages that we serve (src/viewers/page). */
export type ViewerName = 'jmc' | 'mat' | 'visualvm' | 'wireshark' | 'tshark' | 'termshark' | 'page' | 'pprof';

/** What a file holds. */
export interface Summary {
  /** For people: one line or a few, of which the parts that the target chose are not yet made printable. */
  readonly text: string;
  /** What stands out, most first, as a table of `count` lines (10, if absent) that fit into so many columns; printable. */
  readonly details?: (columns: number, count?: number) => string;
  /** For the JSON record. */
  readonly facts: Readonly<Record<string, Fact>>;
}

/** A value of the JSON record. Times are ISO 8601, durations milliseconds, sizes bytes. */
export type Fact = string | number | boolean | Readonly<Record<string, number>>;

/** What a capture is of, for its file to tell. */
export interface Provenance {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** As it was run in the pod. */
  readonly command: string;
  /** What it captures from, and which part of it. */
  readonly link: string;
  readonly filter: string;
}

/** Turns what a program prints while it captures into a file that is whole at every moment. */
export interface Intake {
  /**
   * What goes into the file: nothing but whole pieces. `at` is when they came, by a clock that only goes forward: performance.now(), if absent.
   * Throws a KprofError `incomplete` where the bytes can't be right.
   */
  take(bytes: Uint8Array, at?: number): Buffer;
  /** How a further file begins. */
  head(): Buffer;
  /** Puts secrets of a local file into a file that is whole. Throws a KprofError where this kind has no place for them. */
  readonly addSecrets?: (path: string, from: string) => Promise<{ readonly bytes: number; readonly sha256: string } | undefined>;
  /** What stands at the end of a file. */
  tail(tallied: Tallied | undefined): Buffer;
  /** Pieces so far, as the program counts them, whether they were kept or not. */
  pieces(): number;
  /**
   * From now on leaves out what was made later than this, by the clock of `take`; `-Infinity` keeps nothing. The pieces' own time tells, held
   * against the piece that came fastest: as much later as that was under way has to be given. Without one, nothing is left out.
   */
  endAt(at: number): void;
  /** Whether something came that was left out. */
  isOver(): boolean;
  /** How far it is, in words. */
  progress(): string;
  summary(): Summary;
}

/** One kind of file. */
export interface Format {
  readonly name: FormatName;
  /** Without its dot. */
  readonly extension: string;
  /** Whether a file that begins so (up to 4096 bytes of it) is of this kind. */
  matches(head: Buffer): boolean;
  /** Reads the structure of the whole file. Throws a KprofError `incomplete` when it is broken. */
  check(path: string): Promise<Summary>;
  /** Whether it tells the environment or other secrets of the process that it is of; undefined where that can't be told. */
  readonly tellsSecrets?: (path: string) => Promise<boolean | undefined>;
  /** How a file of a kind without stacks differs from an earlier one. Throws a KprofError `usage` when the two can't be compared. */
  readonly diff?: (earlier: string, later: string) => Promise<Summary>;
  /** Its stacks with what is counted at each: two of the kind are compared by them. Throws a KprofError when the file is not whole. */
  readonly stacks?: (path: string) => Promise<Profile>;
  /** For files that are written as they are captured. */
  readonly intake?: (provenance: Provenance) => Intake;
  /** Best first. */
  readonly viewers: readonly ViewerName[];
}

/** Opens a local regular file for reading. Throws a KprofError `usage` that names it. */
export async function openFile(path: string): Promise<FileHandle> {
  let kind: Stats;
  try {
    // Opening a FIFO would wait for its writer.
    kind = await stat(path);
    if (kind.isFile()) return await open(path, 'r');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new KprofError('usage', missing ? `There is no file ${path}` : `${path} can't be opened`, {
      cause,
      hint: missing ? 'ls -t *.jfr *.txt shows the captures of this folder, the newest first' : `ls -l ${shellWord(path)}`,
    });
  }
  throw new KprofError('usage', `${path} is ${kind.isDirectory() ? 'a folder' : 'not a regular file'}`, {
    hint: kind.isDirectory() ? `name a file in it: ls -t ${shellWord(path)}` : 'name a file that a capture made',
  });
}

/** Up to `length` bytes from `position`; fewer at the end of the file. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
