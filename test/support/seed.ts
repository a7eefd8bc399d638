/** What chance is drawn from: KPROF_SEED, which a run that failed has printed, gives the same again. */
import fc from 'fast-check';

/** A number below 2^31. */
export const seed = Number(process.env['KPROF_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

process.stdout.write(`KPROF_SEED=${seed}\n`);
fc.configureGlobal({ seed });

/** Numbers from 0 up to 1, the same for the same seed: https://en.wikipedia.org/wiki/Xorshift */
export function drawing(): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Bytes that don't compress. */
export function drawBytes(length: number): Buffer {
  const draw = drawing();
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 4) bytes.writeUInt32LE(Math.floor(draw() * 2 ** 32), Math.min(at, length - 4));
  return bytes;
}
