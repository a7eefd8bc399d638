/** A report that remembers what it was told. */
import type { Report } from '../../src/report.ts';

/** What was said, in order: `stage: …`, `note: …`. */
export function recorder(): Report & { readonly said: readonly string[] } {
  const said: string[] = [];
  const warnings: string[] = [];
  const keep = (kind: string) => (text: string) => void said.push(`${kind}: ${text}`);
  return {
    said,
    warnings,
    stage: keep('stage'),
    note: keep('note'),
    warn: (text) => void warnings.push(text),
    progress: (text, { done, total }) => void said.push(`progress: ${text} ${Math.round(done)}/${total}`),
    debug: () => {},
    foreign: () => {},
    error: (error) => void said.push(`error: ${error}`),
    clear: () => {},
    lend: () => () => {},
  };
}
