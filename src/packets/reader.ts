/** Reads packets from bytes as they come: pcap and pcapng, of either byte order, in bounded memory. */
import { KprofError } from '../errors.ts';
import { Broken, type Grammar } from './grammar.ts';
import type { PacketSink } from './packet.ts';
import { isPcap, pcapGrammar } from './pcap.ts';
import { isPcapng, pcapngGrammar } from './pcapng.ts';

/** A reader of one file. */
export interface Reader {
  /** Gives the records that the bytes complete to the sink. Throws a KprofError `incomplete` where they can't be right. */
  take(bytes: Uint8Array): void;
  /** Says that no more comes. Throws a KprofError `incomplete` when a record is cut. */
  end(): void;
  /** Bytes of whole records so far. */
  readonly whole: number;
}

/** Reads the file that errors call `name`. */
export function createReader(sink: PacketSink, name: string): Reader {
  let grammar: Grammar | undefined;
  let held: Buffer[] = [];
  let heldBytes = 0;
  let needed = 4;
  let pass = 0;
  let whole = 0;
  const incomplete = (why: string): KprofError => new KprofError('incomplete', `${name} is not a whole file of packets: ${why}`);

  function walk(bytes: Buffer): number {
    grammar ??= isPcap(bytes) ? pcapGrammar(sink) : isPcapng(bytes) ? pcapngGrammar(sink) : undefined;
    if (grammar === undefined) throw new Broken('it begins as none does');
    let at = 0;
    for (;;) {
      needed = grammar.needs(bytes, at, bytes.length - at);
      if (bytes.length - at < needed) return at;
      const length = grammar.read(bytes, at);
      whole += length;
      if (length > bytes.length - at) {
        pass = length - (bytes.length - at);
        needed = 0;
        return bytes.length;
      }
      at += length;
    }
  }

  return {
    get whole() {
      return whole - pass;
    },
    take(chunk) {
      let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      const passed = Math.min(pass, bytes.length);
      pass -= passed;
      bytes = bytes.subarray(passed);
      if (bytes.length === 0) return;
      held.push(bytes);
      heldBytes += bytes.length;
      if (heldBytes < needed) return;
      const all = held.length === 1 ? bytes : Buffer.concat(held);
      try {
        const rest = all.subarray(walk(all));
        // What is kept may belong to whoever lent it.
        held = rest.length === 0 ? [] : [Buffer.from(rest)];
        heldBytes = rest.length;
      } catch (error) {
        throw error instanceof Broken ? incomplete(error.message) : error;
      }
    },
    end() {
      if (heldBytes > 0 || pass > 0 || grammar === undefined) throw incomplete(whole === 0 ? 'it has no header' : 'it ends in the middle');
    },
  };
}
