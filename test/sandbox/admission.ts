/** What stands between an accepted request and the store: Pod Security, and webhooks that a test plays. */
import type { Container, Pod, Thing } from './objects.ts';
import { violation } from './pod-security.ts';
import { failure, forbidden, Refusal } from './refusal.ts';

/** A webhook: it changes the pod in place, or says what it answers. */
export interface Webhook {
  readonly name: string;
  /** `denies` is its text, empty for a denial without explanation; `breaks` is why it can't be called. */
  review(pod: Pod, added: readonly Container[]): undefined | { readonly denies: string } | { readonly breaks: string };
}

/** Throws what a webhook or Pod Security says against the pod. */
export function admit(pod: Pod, added: readonly Container[], webhooks: readonly Webhook[], namespace: Thing | undefined): void {
  for (const { name, review } of webhooks) {
    const verdict = review(pod, added);
    if (verdict === undefined) continue;
    if ('denies' in verdict) {
      const said = `admission webhook "${name}" denied the request${verdict.denies === '' ? ' without explanation' : `: ${verdict.denies}`}`;
      throw new Refusal(400, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: said, code: 400 });
    }
    const said = `Internal error occurred: failed calling webhook "${name}": ${verdict.breaks}`;
    throw new Refusal(500, failure(500, said, { causes: [{ message: said.replace('Internal error occurred: ', '') }] }));
  }
  const said = violation(pod, namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce']);
  if (said !== undefined) throw forbidden('pods', pod.metadata.name, said);
}
