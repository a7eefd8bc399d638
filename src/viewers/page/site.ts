/** What a page is made of. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A page: what it answers to requests that passed the gate. */
export interface Site {
  /** As people know it. */
  readonly title: string;
  /** What people have to know of it; a sentence. */
  readonly remark?: string;
  /** Where to begin, seen from the site's folder; with its query and fragment. */
  readonly entry: string;
  /** The Content-Security-Policy of its answers. */
  readonly policy: string;
  /** Answers a GET or HEAD; gives false when there is nothing of this name. `name` is the path below the site's folder, as it was sent. */
  answer(name: string, request: IncomingMessage, response: ServerResponse): boolean;
  close(): Promise<void>;
}

/** A file that is served from memory. */
export interface Blob {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** The name under which alive.js keeps a request open. */
export const aliveName = 'alive';

/** Answers from a map: no name leads to the disk. */
export function answerFrom(blobs: ReadonlyMap<string, Blob>): Site['answer'] {
  return (name, { method }, response) => {
    const blob = blobs.get(name);
    if (blob === undefined) return false;
    response.writeHead(200, { 'Content-Type': blob.type, 'Content-Length': blob.bytes.length });
    response.end(method === 'HEAD' ? undefined : blob.bytes);
    return true;
  };
}
