/** What is known of a finished artifact: the object of `-o json`. */
import type { Fact } from './formats/format.ts';
import type { FormatName } from './toolkit.ts';

/** Only ever grows: the schema's version is `kprof.dev/v1`. Times are ISO 8601 or milliseconds, sizes bytes. */
export interface Artifact {
  readonly path: string;
  /** Where the capture is in several files: those that are kept, the newest last. */
  readonly files?: readonly string[] | undefined;
  readonly bytes: number;
  readonly sha256: string;
  readonly format: FormatName;
  readonly summary: Readonly<Record<string, Fact>>;
  readonly tool: string;
  readonly namespace: string;
  readonly pod: string;
  /** Of the pod. */
  readonly uid: string;
  readonly container: string;
  /** Undefined where it was not needed to know. */
  readonly pid: number | undefined;
  /** What the process runs, with its version. */
  readonly runtime: string | undefined;
  /** The port of the pod that was asked. */
  readonly port?: number;
  /** Undefined where none was needed, as are the next two. */
  readonly debugContainer: string | undefined;
  readonly image: string | undefined;
  /** With the digest, as the runtime resolved it. */
  readonly imageId: string | undefined;
  readonly way: 'debug' | 'forward';
  /** The step of the access ladder, where there is a debug container. */
  readonly rung: string | undefined;
  /** The program that showed it while it was captured. */
  readonly live?: string | undefined;
  /** When the capture was asked for, by the local clock. */
  readonly startedAt: string;
  /** A first Ctrl-C ended it early. */
  readonly early: boolean;
  readonly timings: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}
