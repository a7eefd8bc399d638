/** What goes wrong, told beforehand: which request, and how. Nothing here is left to chance but by a seed. */
import type { Call } from './call.ts';
import type { Sandbox } from './sandbox.ts';

/** Which requests a fault is for; what is left out matches all. */
export interface When {
  /** As RBAC calls it: get, list, watch, create, patch, delete … */
  readonly verb?: string;
  /** With its subresource: `pods/exec`. */
  readonly resource?: string;
  /** Of path and query, decoded. */
  readonly path?: RegExp;
  /** The n-th such request, counted from 1; else each. */
  readonly nth?: number;
}

/** Bytes of a stream are those that its command or the watch sends, without framing. */
export type Fault = { readonly when?: When } & (
  | { readonly fault: 'delay'; readonly milliseconds: number }
  /** A Status, on an upgrade as well. */
  | { readonly fault: 'refuse'; readonly code: number; readonly message?: string; readonly retryAfter?: number }
  /** What a proxy answers. */
  | { readonly fault: 'page'; readonly code: number; readonly html: string }
  /** The connection ends after so many bytes; `silence` leaves it open, and not even a pong comes. */
  | { readonly fault: 'cut'; readonly how: 'rst' | 'fin' | 'silence'; readonly after: number }
  /** `from`: how many bytes pass at full speed before. */
  | { readonly fault: 'pace'; readonly bytesPerSecond: number; readonly from?: number }
  /** One bit in so many bytes on average; which ones depends on the seed alone. `channel`: of stdout (1) or stderr (2) alone. */
  | { readonly fault: 'flip'; readonly every: number; readonly seed: number; readonly channel?: 1 | 2 }
  /** So many bytes of stdout, or of stderr (2), never come, counted from an offset; all else is as if they had. */
  | { readonly fault: 'lose'; readonly from: number; readonly bytes: number; readonly channel?: 1 | 2 }
  /** The verdict of a command: another exit code, or none before the close with 1000. */
  | { readonly fault: 'verdict'; readonly code: number | 'none' }
  /** Something happens to the pod, after so many bytes. */
  | { readonly fault: 'happen'; readonly after: number; readonly what: (sandbox: Sandbox, call: Call) => void }
);

export interface Faults {
  /** Those that are for this call, which counts for each. */
  of(call: Call): readonly Fault[];
  add(...faults: readonly Fault[]): void;
  clear(): void;
}

/** Keeps the faults and how often each matched. */
export function openFaults(told: readonly Fault[]): Faults {
  let faults = told.map((fault) => ({ fault, seen: 0 }));
  return {
    of: (call) =>
      faults.flatMap((entry) => {
        const { when = {} } = entry.fault;
        if (!matches(when, call)) return [];
        entry.seen++;
        return when.nth === undefined || when.nth === entry.seen ? [entry.fault] : [];
      }),
    add: (...more) => void faults.push(...more.map((fault) => ({ fault, seen: 0 }))),
    clear: () => {
      faults = [];
    },
  };
}

const matches = ({ verb, resource, path }: When, call: Call): boolean =>
  (verb === undefined || verb === call.verb) &&
  (resource === undefined || resource === call.resource + (call.subresource === undefined ? '' : `/${call.subresource}`)) &&
  (path === undefined || path.test(decodeURIComponent(call.url)));

/** Numbers from 0 to 1, always the same for a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
