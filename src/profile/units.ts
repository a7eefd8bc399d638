/** Values with their units, as pprof writes them (internal/measurement there). */

interface Unit {
  readonly name: string;
  readonly also: readonly string[];
  readonly factor: number;
}

interface Family {
  readonly units: readonly Unit[];
  /** Of what is smaller than each unit. */
  readonly base: Omit<Unit, 'also'>;
}

const unit = (name: string, factor: number, ...also: readonly string[]): Unit => ({ name, factor, also });

const families: readonly Family[] = [
  {
    units: ['B', 'kB', 'MB', 'GB', 'TB', 'PB'].map((name, power) =>
      unit(
        name,
        1024 ** power,
        name.toLowerCase(),
        `${['', 'kilo', 'mega', 'giga', 'tera', 'peta'][power]}byte`,
        ...(power === 0 ? [] : [`${name.toLowerCase()}yte`]),
      ),
    ),
    base: { name: 'B', factor: 1 },
  },
  {
    units: [
      unit('ns', 1, 'ns', 'nanosecond'),
      unit('us', 1e3, 'μs', 'us', 'microsecond'),
      unit('ms', 1e6, 'ms', 'millisecond'),
      unit('s', 1e9, 's', 'sec', 'second'),
      unit('hrs', 3.6e12, 'hour', 'hr'),
    ],
    base: { name: 's', factor: 1e9 },
  },
];

function known({ units }: Family, name: string): Unit | undefined {
  const lower = name.toLowerCase();
  const one = lower.length > 2 ? lower.replace(/s$/, '') : lower;
  return units.find(({ also }) => also.includes(one));
}

/** A value in another unit; `minimum` is the largest that leaves at least 1. */
export function scale(value: number, from: string, to: string): { readonly value: number; readonly unit: string } {
  if (value < 0) {
    const positive = scale(-value, from, to);
    return { ...positive, value: -positive.value };
  }
  for (const family of families) {
    const source = known(family, from);
    if (source === undefined) continue;
    const base = value * source.factor;
    const chosen = to === 'minimum' ? family.units.findLast(({ factor }) => base / factor >= 1) : known(family, to);
    const { name, factor } = chosen ?? family.base;
    return { value: base / factor, unit: name };
  }
  return { value, unit: ['count', 'sample', 'unit', 'minimum'].includes(to) ? '' : to };
}

/** `1.53s`, `512kB`, `0`. */
export function inUnit(value: number, from: string, to: string): string {
  const scaled = scale(value, from, to);
  const digits = fixed(scaled.value).replace(/\.00$/, '');
  return digits === '0' || digits === '-0' ? '0' : digits + scaled.unit;
}

// Exactly half way it is the even digit that counts; toFixed works on the exact value of the double, as Go does, but for the ties.
function fixed(value: number): string {
  const tie = value * 8;
  if (!Number.isInteger(tie) || tie % 2 === 0) return value.toFixed(2);
  const below = Math.floor(value * 100);
  return ((below % 2 === 0 ? below : below + 1) / 100).toFixed(2);
}

// The same for two digits of what is below 1: half way are eighths, and a sixteenth.
function significant(value: number): number {
  const three = value.toPrecision(3);
  const isTie = Number.isInteger(value * 16) && Number(three) === value && three.endsWith('5');
  const below = three.slice(0, -1);
  return Number(isTie && Number(below.at(-1)) % 2 === 0 ? below : value.toPrecision(2));
}

/** The unit for a list whose smallest and largest values are these, so that the smallest is still seen. */
export function unitFor(smallest: number, largest: number, from: string): string {
  const least = smallest === 0 ? largest : smallest;
  const [low, high] = [scale(least, from, 'minimum').unit, scale(largest, from, 'minimum').unit];
  const chosen = low !== high && least * 100 < largest ? scale(100 * least, from, 'minimum').unit : low;
  return chosen === '' ? from : chosen;
}

/** `12.34%`, `100%`; at least two digits. */
export function percent(value: number, total: number): string {
  const ratio = total === 0 ? 0 : Math.abs(value / total) * 100;
  if (ratio >= 99.95 && ratio <= 100.05) return '100%';
  if (ratio >= 1) return `${fixed(ratio)}%`;
  if (ratio === 0) return '0%';
  const [digits = '', exponent = '0'] = ratio.toExponential(1).split('e');
  const power = Number(exponent);
  return power < -4 ? `${digits.replace(/\.0$/, '')}e-${String(-power).padStart(2, '0')}%` : `${significant(ratio)}%`;
}
