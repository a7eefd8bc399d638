/** A map that keeps to its memory: what was not asked for the longest is forgotten, many at a time, which costs next to nothing for each. */

/** Values by their keys, for a while. */
export interface Recent<V> {
  /** From then on it is as good as new. */
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  /** Of all that is not forgotten. */
  values(): Iterable<V>;
}

/** Holds `most` values, and half of them at least; `forgets` hears of each that goes. */
export function createRecent<V>(most: number, forgets: (value: V) => void = () => {}): Recent<V> {
  // One map would be walked through from its beginning, over all that was taken out of it, to find its oldest.
  let old = new Map<string, V>();
  let young = new Map<string, V>();

  function set(key: string, value: V): void {
    old.delete(key);
    if (young.size >= most / 2 && !young.has(key)) {
      for (const each of old.values()) forgets(each);
      old = young;
      young = new Map();
    }
    young.set(key, value);
  }

  return {
    get(key) {
      const known = young.get(key);
      if (known !== undefined) return known;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
    set,
    *values() {
      yield* old.values();
      yield* young.values();
    },
  };
}
