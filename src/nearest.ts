/** Near misses: what somebody may have meant. */

/** Edit distance where swapping two neighbours counts as one slip (optimal string alignment). */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const replaced = at(above, column - 1) + (same ? 0 : 1);
      const least = Math.min(at(above, column) + 1, at(line, column - 1) + 1, replaced);
      line.push(swapped ? Math.min(least, at(before, column - 2) + 1) : least);
    }
    [before, above] = [above, line];
  }
  return at(above, b.length);
}

const at = (line: readonly number[], column: number): number => line[column] ?? Number.POSITIVE_INFINITY;

// A longer word than any real name would only cost time.
const longest = 253;

/** The candidates, nearest first; those that begin with the name count as near: a pod is often typed without its suffix. */
export function byDistance(name: string, candidates: readonly string[]): readonly string[] {
  const score = (candidate: string): number =>
    candidate.startsWith(name) || name.startsWith(candidate) ? 0.5 : distance(name.slice(0, longest), candidate.slice(0, longest));
  return candidates
    .map((candidate) => ({ candidate, score: score(candidate) }))
    .sort((a, b) => a.score - b.score || (a.candidate < b.candidate ? -1 : 1))
    .map(({ candidate }) => candidate);
}

/** The candidate that was probably meant, or undefined when none is near. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const first = name === '' ? undefined : byDistance(name, candidates)[0];
  if (first === undefined) return undefined;
  const isPrefix = name.length > 1 && first.startsWith(name);
  return isPrefix || distance(name.slice(0, longest), first.slice(0, longest)) <= Math.max(1, Math.floor(name.length / 3))
    ? first
    : undefined;
}
