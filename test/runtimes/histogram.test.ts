import { describe, expect, it } from 'vitest';
import { changesOf, changeTable, type Histogram, parseChanges, parseHistogram } from '../../src/runtimes/histogram.ts';
import { histogramText } from '../support/histograms.ts';

const text = histogramText([
  ['[B (java.base@25.0.3)', 3, 300],
  ['App$Known', 2, 64],
]);

describe('a histogram', () => {
  it('is read with its modules, and with what a JVM says before it', () => {
    expect(parseHistogram(`4711:\n${text}`)).toEqual({
      entries: [
        { name: '[B (java.base@25.0.3)', instances: 3, bytes: 300 },
        { name: 'App$Known', instances: 2, bytes: 64 },
      ],
      instances: 5,
      bytes: 364,
    });
  });

  it.each([
    ['cut', text.slice(0, -20)],
    ['without a row', text.replace(/^ {3}1:.*\n/m, '')],
    ['with a forged row', text.replace('300', '301')],
    ['with another total', text.replace(/(Total +)5/, '$16')],
    ['another text', 'java.lang.IllegalArgumentException: Unknown diagnostic command\n'],
  ])('%s is none', (_, broken) => {
    expect(parseHistogram(broken)).toBeUndefined();
  });
});

const of = (...rows: readonly (readonly [string, number, number])[]): Histogram => {
  const found = parseHistogram(histogramText(rows));
  if (found === undefined) throw new Error('not whole');
  return found;
};

describe('what changed', () => {
  const earlier = of(['[B', 3, 300], ['Same', 1, 16], ['Twice', 1, 8], ['Twice', 1, 8], ['Gone', 1, 4]);
  const later = of(['[B', 5, 500], ['Same', 1, 16], ['Twice', 3, 24], ['New', 1, 8]);

  it('has what grew first, leaves out what did not change, and takes classes of one name together', () => {
    expect(changesOf(earlier, later).map(({ name, moreInstances, moreBytes }) => [name, moreInstances, moreBytes])).toEqual([
      ['[B', 2, 200],
      ['Twice', 1, 8],
      ['New', 1, 8],
      ['Gone', -1, -4],
    ]);
  });

  it('is a table that can be read again', () => {
    const table = changeTable(earlier, later);
    expect(table).toContain('           +2           +200            5            500  [B\n');
    expect(parseChanges(table)).toEqual({
      changes: changesOf(earlier, later),
      all: { name: '(all classes)', moreInstances: 3, moreBytes: 212, instances: 10, bytes: 548 },
    });
    expect(parseChanges(table.slice(0, -1))).toBeUndefined();
    expect(parseChanges(table.replace('+200', '+201'))).toBeUndefined();
  });

  it('is an empty table where nothing did', () => {
    expect(parseChanges(changeTable(later, later))).toMatchObject({ changes: [], all: { moreBytes: 0, bytes: 548 } });
  });
});
