/** What `-v` shows of requests, by kubectl's levels: 6 addresses and codes, 7 headers, 8 bodies, 9 more of them; never what is secret. */

/** Shows a line from a level on; the text is made only where it is shown. */
export type Trace = (level: number, text: () => string) => void;

const removed = '<redacted>';

/** An address without the user and password that may be in it. */
export function addressText(address: URL): string {
  const shown = new URL(address);
  if (shown.username !== '' || shown.password !== '') [shown.username, shown.password] = ['redacted', ''];
  return shown.href;
}

const harmlessHeaders =
  /^(accept|content-type|content-length|user-agent|retry-after|date|audit-id|connection|upgrade|sec-websocket-protocol)$/i;

/** Headers, one a line; the value of each that is not known to be harmless is left out. */
export const headersText = (headers: Readonly<Record<string, unknown>>): string =>
  Object.entries(headers)
    .map(([name, value]) => `    ${name}: ${harmlessHeaders.test(name) ? String(value) : removed}`)
    .join('\n');

// Where people put passwords into a pod, and what is long and tells nothing.
const secretKeys = /^(env|args|command|annotations|httpHeaders|managedFields|data|stringData)$|token|password|secret|credential/i;

const withoutSecrets = (key: string, value: unknown): unknown =>
  secretKeys.test(key) && value !== null && value !== undefined ? removed : value;

/** The beginning of a body; one that is no JSON is only counted. */
export function bodyText(body: string, longest: number): string {
  try {
    const text = JSON.stringify(JSON.parse(body), withoutSecrets);
    return text.length > longest ? `${text.slice(0, longest)} … (${text.length - longest} more)` : text;
  } catch {
    return `${Buffer.byteLength(body)} bytes that are no JSON`;
  }
}

/** Shows a body at level 8, more of it at 9. */
export function traceBody(trace: Trace | undefined, what: string, body: string): void {
  trace?.(8, () => `${what}: ${bodyText(body, 1024)}`);
  trace?.(9, () => `${what}, more of it: ${bodyText(body, 7000)}`);
}
