/** What the pod's side says beside the bytes: the digest, and its complaints. */
import { safeLine } from '../safe.ts';

/** Reads the remote stderr. */
export interface Remarks {
  take(bytes: Uint8Array): void;
  /** The hex digest of the line `kprof-sha256 HEX`; undefined until it came. */
  sha256(): string | undefined;
  /** The last of the rest, on one line, for a message. */
  text(): string;
}

const kept = 2048;

/** Looks for the digest in whole lines, in pieces of any size; keeps 2 kB of the rest. */
export function createRemarks(): Remarks {
  const decoder = new TextDecoder();
  let digest: string | undefined;
  let line = '';
  let rest = '';

  const hear = (text: string): void => {
    const found = /^kprof-sha256 ([0-9a-f]{64})$/.exec(text)?.[1];
    if (found === undefined) rest = `${rest}${text}\n`.slice(-kept);
    else digest = found;
  };

  return {
    take(bytes) {
      const lines = (line + decoder.decode(bytes, { stream: true })).split('\n');
      line = (lines.pop() as string).slice(-kept);
      for (const whole of lines) hear(whole);
    },
    sha256: () => digest,
    text: () => safeLine((rest + line).trim().slice(-200)),
  };
}
