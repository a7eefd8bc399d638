/** Kubernetes' rules for names, checked before any of them becomes part of a URL. */
import { KprofError } from '../errors.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Whether it is the name of a container or namespace. */
export const isLabel = (name: unknown): name is string => typeof name === 'string' && name.length <= 63 && label.test(name);

/** Whether it is the name of a pod, a workload or a node. */
export const isSubdomain = (name: unknown): name is string => typeof name === 'string' && name.length <= 253 && subdomain.test(name);

const labelRule = 'lower case letters, digits and hyphens, at most 63';
const subdomainRule = 'lower case letters, digits, hyphens and dots, at most 253';

function check(kind: string, name: string, { pattern, longest, rule }: { pattern: RegExp; longest: number; rule: string }): string {
  if (name.length <= longest && pattern.test(name)) return name;
  throw new KprofError('usage', name === '' ? `The name of the ${kind} is empty` : `"${name}" cannot be the name of a ${kind}`, {
    hint: `such a name has ${rule}, and begins and ends with a letter or digit`,
  });
}

/** The name of a namespace, or a usage error. */
export const checkNamespace = (name: string): string => check('namespace', name, { pattern: label, longest: 63, rule: labelRule });

/** The name of a container, or a usage error. */
export const checkContainer = (name: string): string => check('container', name, { pattern: label, longest: 63, rule: labelRule });

/** The name of a pod, or of a workload of the kind given, or a usage error. */
export const checkName = (name: string, kind = 'pod'): string =>
  check(kind, name, { pattern: subdomain, longest: 253, rule: subdomainRule });
