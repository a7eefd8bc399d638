/** All that people read: on stderr, printable, wrapped to the terminal. */
import type { Writable } from 'node:stream';
import { KprofError } from './errors.ts';
import { safe, safeLine } from './safe.ts';

const powers = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** A size in bytes, decimal, in three digits: `783 kB`, `1.5 GB`. */
export function bytes(n: number): string {
  let value = n;
  let power = 0;
  for (; Math.round(value) >= 1000 && power < powers.length - 1; power += 1) value /= 1000;
  const digits = power === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${power === 0 ? value : Number(value.toFixed(digits))} ${powers[power]}`;
}

/** A length of time in milliseconds: `340ms`, `15s`, `1m30s`, `2h5m`. */
export function duration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.round(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const parts = h > 0 ? [`${h}h`, m > 0 ? `${m}m` : ''] : [m > 0 ? `${m}m` : '', s > 0 ? `${s}s` : ''];
  return parts.join('');
}

/** So many of something: `1 class`, `3 classes`. */
export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** How far something is. */
export interface Progress {
  readonly done: number;
  readonly total?: number | undefined;
  /** `time`: in milliseconds. Bytes, if absent. */
  readonly unit?: 'bytes' | 'time' | undefined;
  /** What else there is to say of it. */
  readonly more?: string | undefined;
}

/** What a report is made for. */
export interface ReportOptions {
  readonly stream: Writable;
  /** Of the terminal. */
  readonly columns?: number | undefined;
  readonly isTTY: boolean;
  readonly color: boolean;
  /** Keeps warnings and errors only. */
  readonly quiet: boolean;
  /** The highest level of debug lines that is printed; 0 for none. */
  readonly verbose: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/** Prints for people. All that it is given may hold text that others chose. */
export interface Report {
  /** What begins now. */
  stage(text: string): void;
  /** How far it is: one line that is rewritten, or without a terminal one line each 10 s. */
  progress(text: string, progress: Progress): void;
  note(text: string): void;
  warn(text: string): void;
  debug(level: number, text: string): void;
  /** What a program of the user's says, a credential plugin's question for one, piece by piece as it comes. */
  foreign(text: string): void;
  /** An error with its causes and what to try; what is not a KprofError is told as a bug of kprof. */
  error(error: unknown): void;
  /** Takes the progress line away. */
  clear(): void;
  /** Leaves the terminal to another program: what is said before the function that it gives is called is told then, and progress is not. */
  lend(): () => void;
  /** All warnings so far, for the JSON record. */
  readonly warnings: readonly string[];
}

/** Whether to use colour: https://no-color.org */
export const wantsColor = (env: Readonly<Record<string, string | undefined>>, isTTY: boolean): boolean =>
  isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';

// A message is a few lines; a server or a tool that says more than this is not read any more.
const longestText = 8192;
const mostLines = 200;

const rewriteEvery = 100;
const lineEvery = 10_000;
const styles = { red: '31;1', yellow: '33', dim: '2', plain: '' } as const;

/** Breaks lines between words; what is longer than a line is left to the terminal. */
export function wrap(text: string, columns: number, indent: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const fits = last !== undefined && (last.trim() === '' || last.length + 1 + word.length <= columns);
    if (fits) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : indent + word);
  }
  return lines.join('\n');
}

/** An error and what lies below it, top first. A chain may be a circle. */
function chainOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let at = error; at !== undefined && at !== null && chain.length < 8; at = at instanceof Error ? at.cause : undefined) chain.push(at);
  return chain;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The causes as lines, without what the line above says already. */
function causes(error: Error): readonly string[] {
  const messages = chainOf(error).map(messageOf);
  return messages.filter((message, at) => at > 0 && message !== '' && !messages[at - 1]?.includes(message));
}

/** The first hint from the top. */
const hintOf = (error: unknown): string | undefined =>
  chainOf(error)
    .map((at) => (at instanceof KprofError ? at.hint : undefined))
    .find((hint) => hint !== undefined && hint !== '');

interface Rate {
  readonly text: string;
  readonly since: number;
  readonly from: number;
}

function describe(text: string, { done, total, unit = 'bytes', more }: Progress, { since, from }: Rate, now: number): string {
  const show = unit === 'time' ? duration : bytes;
  const rest = more === undefined ? '' : `  ${more}`;
  if (total === undefined) return `${text}  ${show(done)}${rest}`;
  const rate = unit === 'time' ? 1 : (done - from) / (now - since);
  const left = (total - done) / rate;
  const until = rate > 0 && Number.isFinite(left) && left >= 1000 ? `  ${duration(Math.round(left / 1000) * 1000)} left` : '';
  return `${text}  ${show(done)} of ${show(total)}${until}${rest}`;
}

type Style = keyof typeof styles;

interface Printer {
  /** A text behind its label, wrapped. */
  say(label: string, style: Style, text: string): void;
  /** Lines as they are: a command stays in one piece, so that it can be pasted. */
  raw(text: string): void;
  /** A piece of a text, without a line break of its own. */
  piece(text: string): void;
  /** A line that the next one replaces. */
  transient(line: string): void;
  clear(): void;
  /** Keeps what it is given until the function that it gives is called. */
  hold(): () => void;
}

function createPrinter({ stream, columns = 80, isTTY, color }: ReportOptions): Printer {
  let shown = false;
  let held: string[] | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
  });
  const write = (text: string): void => {
    if (held !== undefined) held.push(text);
    else if (!stream.destroyed) stream.write(text);
  };
  const clear = (): void => {
    if (shown) write('\r\x1b[K');
    shown = false;
  };
  const paint = (style: Style, text: string): string => (color && text !== '' ? `\x1b[${styles[style]}m${text}\x1b[0m` : text);
  // Without a terminal a log keeps its lines.
  const fold = (line: string, indent: string): string => (isTTY ? wrap(line, columns, indent) : line);

  return {
    clear,
    say(label, style, text) {
      clear();
      const indent = ' '.repeat(label.length);
      const all = safe(text, longestText).split('\n');
      const more = all.length > mostLines ? [`… (${all.length - mostLines} more lines)`] : [];
      const lines = [...all.slice(0, mostLines), ...more].map((line) => fold(indent + line, indent));
      write(`${paint(style, label)}${lines.join('\n').slice(label.length)}\n`);
    },
    raw(text) {
      clear();
      write(`${safe(text, 2 * longestText)}\n`);
    },
    piece(text) {
      clear();
      write(safe(text, longestText));
    },
    transient(line) {
      if (held !== undefined) return;
      write(`\r${[...line].slice(0, Math.max(0, columns - 1)).join('')}\x1b[K`);
      shown = true;
    },
    hold() {
      clear();
      held ??= [];
      return () => {
        const kept = held ?? [];
        held = undefined;
        write(kept.join(''));
      };
    },
  };
}

const hint = (text: string): string => `try: ${text.replaceAll('\n', '\n     ')}`;

function sayKnown({ say, raw }: Printer, error: KprofError): void {
  say('error: ', 'red', error.message);
  for (const cause of causes(error)) say('cause: ', 'dim', cause);
  const found = hintOf(error);
  if (found) raw(hint(found));
}

function sayBug({ say, raw }: Printer, error: unknown): void {
  const isError = error instanceof Error;
  say('error: ', 'red', `This is a bug of kprof: ${messageOf(error)}`);
  for (const cause of isError ? causes(error) : []) say('cause: ', 'dim', cause);
  if (isError && error.stack) raw(error.stack);
  raw(hint('report it with the lines above, without what is secret in them: npm bugs kprof'));
}

function createProgress(printer: Printer, isTTY: boolean, now: () => number): Report['progress'] {
  let rate: Rate = { text: '', since: 0, from: 0 };
  let shownAt = 0;
  const begin = (text: string, from: number, time: number): void => {
    rate = { text, since: time, from };
    // The stage was announced already: a log needs no line at once.
    shownAt = isTTY ? Number.NEGATIVE_INFINITY : time;
  };
  return (text, progress) => {
    const time = now();
    if (rate.text !== text) begin(text, progress.done, time);
    if (time - shownAt < (isTTY ? rewriteEvery : lineEvery)) return;
    shownAt = time;
    const line = safeLine(describe(text, progress, rate, time));
    if (isTTY) printer.transient(line);
    else printer.raw(line);
  };
}

/** Makes a report on `stream`. A reader that has gone away is not an error. */
export function createReport(options: ReportOptions): Report {
  const { isTTY, quiet, verbose, now = () => performance.now() } = options;
  const warnings: string[] = [];
  const printer = createPrinter(options);
  const talk = (text: string): void => {
    if (!quiet) printer.say('', 'plain', text);
  };
  return {
    warnings,
    clear: printer.clear,
    lend: () => (isTTY ? printer.hold() : () => {}),
    stage: talk,
    note: talk,
    progress: quiet ? () => {} : createProgress(printer, isTTY, now),
    warn(text) {
      warnings.push(text);
      printer.say('warning: ', 'yellow', text);
    },
    debug(level, text) {
      if (!quiet && level <= verbose) printer.say('debug: ', 'dim', text);
    },
    // Colours alone are left out without a trace; a login may well need to be read by someone who asked for quiet.
    foreign: (text) => printer.piece(text.replace(/\x1b\[[\d;]*m/g, '').replaceAll('\r\n', '\n')),
    error(error) {
      if (error instanceof KprofError) sayKnown(printer, error);
      else sayBug(printer, error);
    },
  };
}
