/** Where a capture that comes as a stream is kept: in a file or several, with whoever watches it, and with the secrets that make it readable. */
import type { Destination } from '../artifact.ts';
import { KprofError } from '../errors.ts';
import type { Intake } from '../formats/format.ts';
import type { FlowPlan } from '../toolkit.ts';
import type { Found } from '../viewers/live.ts';
import type { Captured } from './file.ts';
import { createReel } from './reel.ts';
import type { Session } from './session.ts';
import { show } from './show.ts';
import { createTape, type Tape } from './tape.ts';

/** The file, and whoever watches it. */
export async function taped(destination: Destination, { session, plan, intake, viewer, force }: Taping): Promise<Tape> {
  const { partial } = destination;
  if (plan.rotate !== undefined) {
    const seal = (path: string, captured: Captured) => sealed(path, captured, session, plan, intake);
    const onBegin = ({ final, partial }: Destination) => session.journal({ final, partial });
    return createReel(destination, { ...plan.rotate, force, head: intake.head, seal, onBegin });
  }
  const { target, report } = session;
  const tape = await createTape(partial);
  return viewer === undefined
    ? tape
    : show(tape, partial, viewer, { title: `${target.namespace}/${target.pod}`, secrets: plan.secrets }, report);
}

/** What a file is made for. */
export interface Taping {
  readonly plan: FlowPlan;
  readonly intake: Intake;
  readonly session: Session;
  readonly viewer: Found | undefined;
  readonly force: boolean;
}

/** The file with its secrets, where there are some; without them it is a whole one, too. */
export async function sealed(
  path: string,
  captured: Captured,
  { report }: Session,
  { secrets }: FlowPlan,
  intake: Intake,
): Promise<Captured> {
  if (secrets === undefined) return captured;
  try {
    const { sha256, bytes } = (await intake.addSecrets?.(path, secrets)) ?? captured;
    if (bytes === captured.bytes) report.warn(`There are no TLS secrets in ${secrets}`);
    return { sha256, bytes };
  } catch (error) {
    if (!(error instanceof KprofError)) throw error;
    report.warn(`The file is whole, but without the TLS secrets: ${error.message}`);
    return captured;
  }
}
