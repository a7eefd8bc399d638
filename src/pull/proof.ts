/** Whether what is here is what the pod has: the sums that its side says, against our own. */
import { KprofError } from '../errors.ts';
import type { Arrival } from './arrival.ts';
import { Fault } from './fault.ts';
import { changed } from './reasons.ts';
import { type Identity, isSame, type Remarks } from './remarks.ts';

/** The proof of one try. */
export interface Proof {
  /** Throws when something that was said does not agree. `size`: bytes of the file by the stream itself, once that is known. */
  check(size: number | undefined): void;
  /** Whether the beginning of the file, if it was here already, was proven. */
  given(): boolean;
  /** Whether the sum of the whole file is there; throws when it differs. Ask only when all came. */
  agrees(): boolean;
}

/** `identity`: the file that it must be, if that is known; `told` is called when it becomes known. */
export function createProof(
  arrival: Arrival,
  remarks: Remarks,
  { identity, told }: { readonly identity: Identity | undefined; readonly told: (identity: Identity) => void },
): Proof {
  const offset = arrival.bytes();
  const beginning = arrival.crc32();
  let known = identity;

  const checkIdentity = (): void => {
    const said = remarks.identity();
    if (said === undefined || said === known) return;
    if (known === undefined) told(said);
    else if (!isSame(known, said)) throw new KprofError('incomplete', changed);
    known = said;
  };
  const checkPrefix = (): void => {
    if (offset > 0 && (remarks.prefix() ?? beginning) !== beginning)
      throw new Fault('anew', 'what is here differs from the beginning of the file in the pod');
  };
  const agrees = (): boolean => {
    const sums = [
      [remarks.sha256(), arrival.sha256],
      [remarks.crc32(), arrival.crc32],
    ] as const;
    const said = sums.filter(([sum]) => sum !== undefined);
    if (said.some(([sum, own]) => sum !== own())) throw new Fault('anew', 'its checksum differs from that of the file in the pod');
    return said.length > 0;
  };

  return {
    check(size) {
      checkIdentity();
      if (size !== undefined && known !== undefined && size !== known.size) throw new KprofError('incomplete', changed);
      checkPrefix();
    },
    // A digest of the whole file proves its beginning too.
    given: () => offset === 0 || remarks.prefix() !== undefined || remarks.sha256() !== undefined,
    agrees,
  };
}
