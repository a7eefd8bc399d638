/** Class histograms as HotSpot writes them. */

/** The text of one with these rows: name, instances, bytes. */
export function histogramText(rows: readonly (readonly [name: string, instances: number, bytes: number])[]): string {
  const cells = (n: number, width: number) => String(n).padStart(width);
  const sum = (column: 1 | 2) => rows.reduce((all, row) => all + row[column], 0);
  return [
    ' num     #instances         #bytes  class name (module)',
    '-------------------------------------------------------',
    ...rows.map(([name, instances, bytes], index) => `${cells(index + 1, 4)}:${cells(instances, 14)}${cells(bytes, 15)}  ${name}`),
    `Total ${cells(sum(1), 13)} ${cells(sum(2), 14)}`,
    '',
  ].join('\n');
}
