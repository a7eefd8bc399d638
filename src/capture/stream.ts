/** The `stream` kind: what the steps print, one after another, is the artifact. */
import { createHash } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import type { Plan } from '../toolkit.ts';
import type { Captured } from './file.ts';
import { makeFolder, perform, type Session } from './session.ts';

const maxText = 64 * 2 ** 20;

/** Captures into the local file `partial`, which always holds what came so far. */
export async function captureStream(session: Session, plan: Extract<Plan, { kind: 'stream' }>, partial: string): Promise<Captured> {
  const hash = createHash('sha256');
  let bytes = 0;
  const outputs: string[] = [];
  const { compose } = plan;
  const failed = (cause: unknown): never => {
    throw new KprofError('disk', `${partial} could not be written`, { cause });
  };
  const file = await open(partial, 'wx', 0o600).catch(failed);
  const write = async (text: string) => {
    const content = Buffer.from(text);
    await file.write(content).catch(failed);
    hash.update(content);
    bytes += content.length;
  };
  try {
    if (plan.needsFolder !== undefined) await makeFolder(session, plan.needsFolder);
    await perform(session, plan.steps, {
      // What is made of all of them needs all of them.
      breaks: compose === undefined,
      maxBytes: maxText,
      alive: true,
      onOutput: async (output, { keep = (text) => text }) => {
        const kept = keep(output);
        if (compose === undefined && kept !== '') await write(`${bytes > 0 ? '\n' : ''}${kept}`);
        if (compose !== undefined) outputs.push(kept);
      },
    });
    const { text = '', facts } = compose?.(outputs) ?? {};
    await write(text);
    await file.sync().catch(failed);
    return { bytes, sha256: hash.digest('hex'), ...(facts === undefined ? {} : { facts }) };
  } catch (error) {
    if (bytes === 0) await unlink(partial).catch(() => {});
    throw kept(error, bytes, partial);
  } finally {
    await file.close();
  }
}

/** What came before the trouble is worth having, and is said. */
function kept(error: unknown, bytes: number, partial: string): unknown {
  if (bytes === 0 || !(error instanceof KprofError)) return error;
  return new KprofError(error.failure, `${error.message} (what came before, ${bytes} bytes, is kept in ${partial})`, {
    hint: error.hint,
    cause: error.cause,
  });
}
