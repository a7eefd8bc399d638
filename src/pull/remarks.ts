/** What the pod's side says beside the bytes: which file it is, its sums, and its complaints. */
import { safeLine } from '../safe.ts';

/** What makes a file this one, in this state. */
export interface Identity {
  /** Bytes. */
  readonly size: number;
  /** Decimal. */
  readonly inode: string;
  /** Nanoseconds since 1970, decimal. */
  readonly mtime: string;
}

/** Reads the remote stderr. */
export interface Remarks {
  take(bytes: Uint8Array): void;
  /** Of the line `kprof-file SIZE INODE MTIME_NS`; undefined until it came, as all of these. */
  identity(): Identity | undefined;
  /** CRC-32 of what is left out, of the line `kprof-prefix HEX`. */
  prefix(): number | undefined;
  /** CRC-32 of the whole file, of the line `kprof-crc32 HEX`. */
  crc32(): number | undefined;
  /** The hex digest of the whole file, of the line `kprof-sha256 HEX`. */
  sha256(): string | undefined;
  /** The last of the rest, on one line, for a message. */
  text(): string;
}

const kept = 2048;

const forms = {
  file: /^kprof-file (\d{1,15} \d{1,20} -?\d{1,20})$/,
  prefix: /^kprof-prefix ([0-9a-f]{8})$/,
  crc32: /^kprof-crc32 ([0-9a-f]{8})$/,
  sha256: /^kprof-sha256 ([0-9a-f]{64})$/,
};

type Form = keyof typeof forms;

const hex = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number.parseInt(text, 16));

function identityOf(text: string | undefined): Identity | undefined {
  if (text === undefined) return undefined;
  const [size, inode, mtime] = text.split(' ') as [string, string, string];
  return { size: Number(size), inode, mtime };
}

/** Whether both are the same file in the same state. */
export const isSame = (one: Identity, other: Identity): boolean =>
  one.size === other.size && one.inode === other.inode && one.mtime === other.mtime;

/** Looks for whole lines, in pieces of any size; keeps 2 kB of the rest. */
export function createRemarks(): Remarks {
  const decoder = new TextDecoder();
  const said: Partial<Record<Form, string>> = {};
  let line = '';
  let rest = '';

  const hear = (text: string): void => {
    for (const form of Object.keys(forms) as Form[]) {
      const found = forms[form].exec(text)?.[1];
      if (found === undefined) continue;
      said[form] = found;
      return;
    }
    rest = `${rest}${text}\n`.slice(-kept);
  };

  return {
    take(bytes) {
      const lines = (line + decoder.decode(bytes, { stream: true })).split('\n');
      line = (lines.pop() as string).slice(-kept);
      for (const whole of lines) hear(whole);
    },
    identity: () => identityOf(said.file),
    prefix: () => hex(said.prefix),
    crc32: () => hex(said.crc32),
    sha256: () => said.sha256,
    text: () => safeLine((rest + line).trim().slice(-200)),
  };
}
