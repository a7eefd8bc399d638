/** Label and field selectors. */
import type { Thing } from './objects.ts';

/** Whether an object is meant by a query's `labelSelector` and `fieldSelector`. */
export function selector(query: URLSearchParams): (object: Thing) => boolean {
  const labels = split(query.get('labelSelector') ?? '');
  const fields = split(query.get('fieldSelector') ?? '');
  return (object) =>
    labels.every((term) => matches(term, object.metadata.labels ?? {})) &&
    fields.every((term) => matches(term, { [nameOf(term)]: field(object, nameOf(term)) }));
}

// Not at the commas inside of `in (a, b)`.
const split = (text: string): readonly string[] => text.split(/,(?![^(]*\))/).filter((term) => term.trim() !== '');

const nameOf = (term: string): string => /^[^=!]+/.exec(term)?.[0].trim() ?? '';

function field(object: Thing, path: string): string {
  const value = path.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], object);
  return value === undefined ? '' : String(value);
}

function matches(term: string, values: Readonly<Record<string, string>>): boolean {
  const set = /^\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*$/.exec(term);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const has = values[key] !== undefined && list.split(',').some((each) => each.trim() === values[key]);
    return has === (operator === 'in');
  }
  const equal = /^\s*([^=!\s]+)\s*(==?|!=)\s*(\S*)\s*$/.exec(term);
  if (equal !== null) return (values[equal[1] ?? ''] === equal[3]) === (equal[2] !== '!=');
  const [, not, key = ''] = /^\s*(!?)\s*(\S+)\s*$/.exec(term) ?? [];
  return (values[key] !== undefined) === (not !== '!');
}
