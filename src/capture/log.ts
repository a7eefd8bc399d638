/** What an app prints to its own log when it is asked to. */
import type { LogLine, Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { wait } from '../retry.ts';
import type { InLog, Milliseconds } from '../toolkit.ts';

/** Of a JVM that is at work, on a machine that is. */
const patience: Milliseconds = 20_000;
const silence: Milliseconds = 3_000;
const again: Milliseconds = 300;

/** Does `begin`, and gives what the app's log has since then, from its first line to its last. */
export async function printedInLog(
  { target, signal }: { readonly target: Pick<Target, 'log' | 'container'>; readonly signal: AbortSignal },
  wanted: InLog,
  begin: () => Promise<unknown>,
): Promise<string> {
  const mark = (await target.log(undefined, signal)).at(-1)?.at;
  await begin();
  let heard = performance.now();
  const end = heard + patience;
  for (let count = 0; ; await wait(again, signal)) {
    const lines = await target.log(mark ?? '', signal);
    if (lines.length > count) [count, heard] = [lines.length, performance.now()];
    const found = excerpt(lines, wanted);
    const now = performance.now();
    if (found !== undefined && (found.whole || (found.enough && now - heard > silence))) return found.text;
    if (now < end) continue;
    throw new KprofError('failed', `The log of container ${target.container} did not show what was asked for within ${patience / 1000}s`, {
      hint: "it is printed to the standard output of the process, which may go somewhere else than to the container's log",
    });
  }
}

/** The lines that are meant; undefined as long as there is no beginning. */
export function excerpt(
  lines: readonly LogLine[],
  { from, before, to, enough }: InLog,
): { readonly text: string; readonly whole: boolean; readonly enough: boolean } | undefined {
  let first = lines.findIndex(({ text }) => from.test(text));
  if (first < 0) return undefined;
  const last = lines.findIndex(({ text }, index) => index > first && to.test(text));
  while (first > 0 && before.test(lines[first - 1]?.text ?? '')) first -= 1;
  const meant = lines.slice(first, last < 0 ? undefined : last).map(({ text }) => text);
  return { text: `${meant.join('\n')}\n`, whole: last >= 0, enough: meant.some((text) => enough.test(text)) };
}
