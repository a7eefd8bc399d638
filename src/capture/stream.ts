/** The `stream` kind: what the steps print, one after another, is the artifact. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import type { Plan, Step } from '../toolkit.ts';
import type { Captured } from './file.ts';
import { perform, type Session } from './session.ts';

const maxText = 64 * 2 ** 20;

/** Captures into the local file `partial`. */
export async function captureStream(session: Session, plan: Extract<Plan, { kind: 'stream' }>, partial: string): Promise<Captured> {
  const outputs = await perform(session, plan.steps, { breaks: true, maxBytes: maxText });
  const keeps = plan.steps.filter((each): each is Step => !('wait' in each)).map(({ keep }) => keep ?? ((text: string) => text));
  const content = Buffer.from(outputs.map((output, index) => keeps[index]?.(output)).join('\n'));
  await writeFile(partial, content, { mode: 0o600, flag: 'wx', flush: true }).catch((cause: unknown) => {
    throw new KprofError('disk', `${partial} could not be written`, { cause });
  });
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}
