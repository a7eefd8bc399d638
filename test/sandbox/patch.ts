/** PATCH: strategic merge and JSON merge, as far as pods and labels need them. */

type Fields = Record<string, unknown>;

/** The lists whose entries are merged by a key; all others are replaced. */
const mergeKeys: Readonly<Record<string, string>> = {
  ephemeralContainers: 'name',
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
  conditions: 'type',
};

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object with the patch in it; `null` removes a field. */
export function merge(object: unknown, patch: unknown, strategic: boolean): unknown {
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(object) ? { ...object } : {};
  for (const [name, value] of Object.entries(patch)) {
    const key = strategic ? mergeKeys[name] : undefined;
    if (value === null) delete result[name];
    else if (key !== undefined && Array.isArray(value)) result[name] = mergeList((result[name] ?? []) as Fields[], value as Fields[], key);
    else result[name] = merge(result[name], value, strategic);
  }
  return result;
}

// As Kubernetes does it: what is new comes before what was there.
function mergeList(list: readonly Fields[], patch: readonly Fields[], key: string): readonly Fields[] {
  const gone = new Set(patch.filter((each) => each['$patch'] === 'delete').map((each) => each[key]));
  const fresh = patch.filter((each) => !gone.has(each[key]) && !list.some((old) => old[key] === each[key]));
  const old = list.filter((each) => !gone.has(each[key]));
  const changed = (each: Fields) =>
    patch.filter((other) => other[key] === each[key]).reduce((now, other) => merge(now, other, true) as Fields, each);
  return [...fresh, ...old.map(changed)];
}
