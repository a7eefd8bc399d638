/** The log of a container, with the moments at which its lines were printed. */
import type { LogLine } from '../cluster.ts';
import type { Api } from './api.ts';

/** More than a thread dump has. */
const mostBytes = 15 * 2 ** 20;

/** What was printed after that moment, by the node's clock; undefined gives the last line alone, and '' all there is. */
export async function logOf(
  api: Api,
  { namespace, pod, container }: { readonly namespace: string; readonly pod: string; readonly container: string },
  after: string | undefined,
  signal: AbortSignal,
): Promise<readonly LogLine[]> {
  const part = after === undefined ? { tailLines: 1 } : after === '' ? {} : { sinceTime: `${after.slice(0, 19)}Z` };
  const text = await api.text(['api', 'v1', 'namespaces', namespace, 'pods', pod, 'log'], {
    signal,
    doing: `read the log of container ${container} of pod ${namespace}/${pod}`,
    query: { container, timestamps: true, limitBytes: mostBytes, ...part },
  });
  return parseLog(text).filter(({ at }) => at > (after ?? ''));
}

/** `2026-11-21T07:15:02.123456789Z text` a line; fractions may be shorter, and are made as long as they can be. */
export const parseLog = (text: string): readonly LogLine[] =>
  text
    .split('\n')
    .map((line) => /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z (.*)$/s.exec(line))
    .filter((match) => match !== null)
    .map(([, seconds = '', fraction = '', rest = '']) => ({ at: `${seconds}.${fraction.padEnd(9, '0')}Z`, text: rest.replace(/\r$/, '') }));
