/** Refusals by what stands behind RBAC: Pod Security, policies, webhooks, quotas. */
import type { Failure } from '../errors.ts';
import { shellWord } from '../safe.ts';

/** Message and the rest of an error, before it is one. */
export interface Explanation {
  readonly failure: Failure;
  readonly message: string;
  readonly cause?: string | undefined;
  readonly hint?: string | undefined;
}

interface Rule {
  readonly pattern: RegExp;
  explain(doing: string, match: RegExpExecArray): Explanation;
}

const group = (match: RegExpExecArray, index: number): string => match[index]?.trim() ?? '';

const rules: readonly Rule[] = [
  {
    pattern: /violates PodSecurity "([^":]+)(?::([^"]*))?":\s*([\s\S]*)$/,
    explain: (doing, match) => ({
      failure: 'forbidden',
      message: `Pod Security «${group(match, 1)}» of this namespace refuses to ${doing}`,
      cause: group(match, 3),
      // Its verdict is on the whole pod: what an earlier entry violates is refused again with each new one.
      hint: 'the verdict is on the whole pod: debug containers of before count too, until the pod is replaced',
    }),
  },
  {
    pattern: /ValidatingAdmissionPolicy '([^']*)' with binding '([^']*)' denied request: ?([\s\S]*)$/,
    explain: (doing, match) => ({
      failure: 'forbidden',
      message: `The admission policy ${group(match, 1)} refuses to ${doing}`,
      cause: group(match, 3),
      hint: `kubectl describe validatingadmissionpolicy ${shellWord(group(match, 1))}`,
    }),
  },
  {
    pattern: /admission webhook "([^"]*)" denied the request(?:: ?([\s\S]*)| without explanation)$/,
    explain: (doing, match) => ({
      failure: 'forbidden',
      message: `The admission webhook ${group(match, 1)} refuses to ${doing}`,
      cause: group(match, 2) || undefined,
    }),
  },
  {
    pattern: /failed calling webhook "([^"]*)": ?([\s\S]*)$/,
    explain: (doing, match) => ({
      failure: 'failed',
      message: `The admission webhook ${group(match, 1)} does not work, and without it the API server does not ${doing}`,
      cause: group(match, 2),
    }),
  },
  {
    pattern: /(exceeded quota: [\s\S]*|failed quota: [\s\S]*)$/,
    explain: (doing, match) => ({
      failure: 'forbidden',
      message: `A quota of this namespace refuses to ${doing}`,
      cause: group(match, 1),
      hint: 'kubectl describe resourcequota',
    }),
  },
  {
    pattern: /because it is being terminated|NamespaceTerminating/,
    explain: (doing, match) => ({ failure: 'gone', message: `Cannot ${doing}: its namespace is being deleted`, cause: match.input }),
  },
];

/** The refusal in words, or undefined when the text is not one of admission. */
export function admission(doing: string, said: string): Explanation | undefined {
  for (const { pattern, explain } of rules) {
    const match = pattern.exec(said);
    if (match !== null) return explain(doing, match);
  }
  return undefined;
}
