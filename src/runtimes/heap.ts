/** What is told of a JVM's heap: which objects are meant. */
import { KprofError } from '../errors.ts';
import { type Flag, toggle } from '../flags.ts';

/** Which objects count; neither is `live`. */
export const whichObjects: { readonly live: Flag<boolean>; readonly all: Flag<boolean> } = {
  live: toggle('Only what is reachable, after a full garbage collection (default)'),
  all: toggle('Garbage, too; nothing is collected before'),
};

/** Whether garbage is wanted. Throws a usage error where both are. */
export function wantsGarbage({ live, all }: { readonly live: boolean; readonly all: boolean }): boolean {
  if (live && all) throw new KprofError('usage', '--live and --all exclude each other', { hint: 'leave one out' });
  return all;
}
