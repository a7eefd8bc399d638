/** The objects, their versions, and what happened to them. */
import { randomUUID } from 'node:crypto';
import { type Meta, now, type Thing } from './objects.ts';
import { refuse } from './refusal.ts';

/** Something that happened; `before` is missing for what is new. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly resource: string;
  readonly object: Thing;
  readonly before?: Thing | undefined;
}

/** What a new object may leave out. */
export type Draft = Omit<Thing, 'metadata'> & { metadata: Meta };

/** A resource is its plural; objects are never altered in place. */
export interface Store {
  readonly version: () => number;
  get(resource: string, namespace: string | undefined, name: string): Thing | undefined;
  list(resource: string, namespace?: string): readonly Thing[];
  add(resource: string, draft: Draft): Thing;
  /** Applies `alter` to a copy; undefined when there is no such object. Nothing happens when nothing changed. */
  update<T extends Thing>(resource: string, namespace: string | undefined, name: string, alter: (draft: T) => void): T | undefined;
  remove(resource: string, namespace: string | undefined, name: string): Thing | undefined;
  /** Changes after a version; throws 410 when they are forgotten. */
  since(version: number): readonly Change[];
  /** Forgets the past: who watches from it is told 410. */
  compact(): void;
  listen(listener: (change: Change) => void): () => void;
}

/** An empty store. */
export function openStore(): Store {
  const objects = new Map<string, Thing>();
  const listeners = new Set<(change: Change) => void>();
  let changes: Change[] = [];
  let [version, oldest] = [1, 1];
  const key = (resource: string, namespace: string | undefined, name: string) => `${resource}/${namespace ?? ''}/${name}`;

  function note(type: Change['type'], resource: string, object: Thing, before?: Thing): Thing {
    const change: Change = { type, version: ++version, resource, object, before };
    object.metadata.resourceVersion = String(version);
    const { namespace, name } = object.metadata;
    if (type === 'DELETED') objects.delete(key(resource, namespace, name));
    else objects.set(key(resource, namespace, name), object);
    changes.push(change);
    for (const listener of listeners) listener(change);
    return object;
  }
  const get: Store['get'] = (resource, namespace, name) => objects.get(key(resource, namespace, name));
  return {
    version: () => version,
    get,
    list: (resource, namespace) =>
      [...objects]
        .filter(([id]) => id.startsWith(namespace === undefined ? `${resource}/` : `${resource}/${namespace}/`))
        .map(([, object]) => object),
    add: (resource, draft) =>
      note('ADDED', resource, {
        ...structuredClone(draft),
        metadata: { ...structuredClone(draft.metadata), uid: randomUUID(), creationTimestamp: now(), generation: 1 },
      } as Thing),
    update<T extends Thing>(resource: string, namespace: string | undefined, name: string, alter: (draft: T) => void) {
      const before = get(resource, namespace, name);
      if (before === undefined) return undefined;
      const draft = structuredClone(before) as T;
      alter(draft);
      return JSON.stringify(draft) === JSON.stringify(before) ? (before as T) : (note('MODIFIED', resource, draft, before) as T);
    },
    remove(resource, namespace, name) {
      const before = get(resource, namespace, name);
      return before === undefined ? undefined : note('DELETED', resource, structuredClone(before), before);
    },
    since(from) {
      if (from < oldest) throw refuse(410, `too old resource version: ${from} (${oldest})`);
      return changes.filter((change) => change.version > from);
    },
    compact() {
      [changes, oldest] = [[], version];
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
