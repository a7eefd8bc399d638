/** What a container printed: kept for `logs`, and told to whoever is attached. */

/** A piece of output. */
export interface Piece {
  readonly at: string;
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Buffer;
}

export interface ContainerLog {
  write(stream: Piece['stream'], bytes: Buffer): void;
  /** As `logs` asks for it. */
  text(query: URLSearchParams): Buffer;
  follow(listener: (piece: Piece) => void): () => void;
}

const longest = 4 * 2 ** 20;

/** An empty log; of a long one the beginning is forgotten. */
export function openLog(): ContainerLog {
  const pieces: Piece[] = [];
  let length = 0;
  const listeners = new Set<(piece: Piece) => void>();
  return {
    write(stream, bytes) {
      const piece = { at: new Date().toISOString(), stream, bytes };
      pieces.push(piece);
      length += bytes.length;
      while (length > longest) length -= pieces.shift()?.bytes.length ?? length;
      for (const listener of listeners) listener(piece);
    },
    text(query) {
      const from = sinceOf(query);
      const all = pieces
        .filter(({ at }) => Date.parse(at) >= from)
        .map(({ at, bytes }) => (query.get('timestamps') === 'true' ? stamped(at, bytes) : bytes));
      const whole = Buffer.concat(all);
      const tail = query.get('tailLines');
      const kept = tail === null ? whole : lastLines(whole, Number(tail));
      const limit = Number(query.get('limitBytes') ?? kept.length);
      return kept.subarray(0, limit);
    },
    follow(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The time, in milliseconds, before which nothing is asked for. */
function sinceOf(query: URLSearchParams): number {
  const seconds = query.get('sinceSeconds');
  return seconds === null ? Date.parse(query.get('sinceTime') || new Date(0).toISOString()) : Date.now() - Number(seconds) * 1000;
}

const stamped = (at: string, bytes: Buffer): Buffer => Buffer.from(bytes.toString('latin1').replace(/^(?=.)/gm, `${at} `), 'latin1');

function lastLines(text: Buffer, count: number): Buffer {
  let from = text.length;
  // The newline that ends the last line begins none.
  for (let left = count; left > 0 && from > 0; left--) from = from < 2 ? 0 : text.lastIndexOf(10, from - 2) + 1;
  return text.subarray(count === 0 ? text.length : from);
}
