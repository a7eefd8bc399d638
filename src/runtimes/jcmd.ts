/**
 * Diagnostic commands of HotSpot as they are typed: what there is to be said before, which files they write, and what of their answers is a
 * failure, since a JVM calls most of them a success (https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html).
 */
import { KprofError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { Argv, Ends, Facts, FormatName, Process, Tools } from '../toolkit.ts';
import { answer } from './jvm.ts';
import { endOfThreads } from './virtual-threads.ts';

/** Where a command takes the name of the file that it writes. */
export interface Writer {
  readonly format: FormatName;
  readonly file: string;
  /** Behind this; absent, as the first word that is no option, behind so many others. */
  readonly option?: string;
  readonly behind?: number;
  /** What is written in Java, as recordings and threads are, does not go through a link of /proc. */
  readonly at?: 'tool';
  readonly written: RegExp;
  /** What the file of such a command ends in, where nothing else tells that it was cut. */
  readonly ends?: (words: readonly string[]) => Ends;
}

/** JDK 21 to 24 say nothing of a disk that is full. */
const endsOfThreads = (words: readonly string[]): Ends =>
  words.some((word) => /^-format=["']?json["']?$/.test(word)) ? ['\n}\n', '\n}'] : [endOfThreads];

/** By name. */
export const writers: Readonly<Record<string, Writer>> = {
  'GC.heap_dump': { format: 'hprof', file: 'heap.hprof', at: 'tool', written: /^Heap dump file created/m },
  'JFR.dump': { format: 'jfr', file: 'recording.jfr', option: 'filename=', written: /written to:/ },
  'JFR.stop': { format: 'jfr', file: 'recording.jfr', option: 'filename=', written: /written to:/ },
  'Thread.dump_to_file': { format: 'text', file: 'threads.txt', written: /^Created /m, ends: endsOfThreads },
  'VM.cds': { format: 'file', file: 'classes.jsa', behind: 1, at: 'tool', written: /^(?:Static|Dynamic) dump:\s*(?:\/\S*\s*)?$/ },
  'System.dump_map': { format: 'text', file: 'map.txt', option: '-F=', at: 'tool', written: /dumped to|written/i },
};

/** What has effects that the JVM's own list does not call one; some commands only with a word behind them. */
const effects: Readonly<Record<string, string>> = {
  'AOT.end_recording': 'ends a recording that was begun with the JVM',
  'Compiler.directives_add': 'changes what the JVM compiles, and how',
  'Compiler.directives_clear': 'changes what the JVM compiles, and how',
  'Compiler.directives_remove': 'changes what the JVM compiles, and how',
  'Compiler.perfmap': 'writes a file into the app’s container (/tmp/perf-PID.map, unless it is given a name), where it stays',
  'GC.run': 'collects all garbage, for which the app stands still',
  'GC.run_finalization': 'runs the finalizers of the app’s objects',
  'GC.heap_dump': 'stops the app until the whole heap is written; kprof heapdump says before for how long',
  'JFR.configure': 'changes how everybody records in this JVM',
  'JFR.start': 'begins a recording that nobody stops, and with a filename leaves it in the app’s container: kprof jfr does neither',
  'JFR.stop': 'ends a recording, maybe somebody else’s',
  'JVMTI.agent_load': 'loads a program into the JVM',
  'ManagementAgent.start': 'opens a port of the JVM for whoever reaches it',
  'ManagementAgent.start_local': 'starts a management agent, which stays',
  'ManagementAgent.stop': 'ends the management agent for everybody',
  'System.trim_native_heap': 'gives memory back to the kernel, which may hold the app up',
  'VM.cds': 'stops the app until its classes are written',
  'VM.log': 'changes what the JVM logs, and where: a file that it names stays in the app’s container',
  'VM.native_memory shutdown': 'ends the tracking of native memory, until the JVM begins anew',
  'VM.set_flag': 'changes how the JVM works',
};

/** Of those, what only looks. */
const looks: readonly string[] = ['JFR.configure', 'VM.log list'];

/** What has to be agreed to before; undefined where there is nothing. */
export function effectOf(typed: readonly string[], { about = '' }: Facts): string | undefined {
  const [name = '', ...words] = typed;
  const impact = /^Impact: (High\b.*)$/m.exec(answer(about))?.[1];
  const keys = [...words.map((word) => `${name} ${word.replace(/=.*/s, '')}`), name];
  const effect = looks.includes(typed.join(' ')) ? undefined : keys.map((key) => effects[key]).find((each) => each !== undefined);
  if (effect === undefined && impact === undefined) return undefined;
  return `${name} ${effect ?? `may hold the app up (the JVM says of its impact: ${impact?.trim()})`}`;
}

/** Throws for what would cost the app something, and give nothing that is not had otherwise. */
export function checkWords([name, ...words]: readonly string[]): void {
  const packs = name === 'GC.heap_dump' ? words.find((word) => /^-gz\b/.test(word)) : undefined;
  if (packs !== undefined)
    throw new KprofError('usage', `With ${packs} the JVM would pack the dump, and the app stand still for that long`, {
      hint: 'leave it out: kprof packs what it pulls',
    });
}

/** Throws where the JVM has no such command, with one that is near. */
export function checkKnown(name: string, { list = '', about = '' }: Facts): void {
  const names = answer(list)
    .split('\n')
    .filter((line) => /^[A-Za-z][\w.]*$/.test(line));
  // Some are hidden from the list.
  if (names.length === 0 || names.includes(name) || !/No such command|Help unavailable/.test(about)) return;
  const near = nearest(name, names) ?? names.find((each) => each.toLowerCase().endsWith(`.${name.toLowerCase()}`));
  throw new KprofError('usage', `This JVM has no command ${name}`, {
    hint: near === undefined ? 'the JVM’s own list: kprof jcmd POD' : `did you mean ${near}?`,
  });
}

/** jcmd says this where a JVM says nothing. */
const silence = /^(?:Command executed successfully)?$/;
/** What some say when they did it; whatever else they say, they did not. */
const successes: Readonly<Record<string, RegExp>> = {
  'Compiler.perfmap': silence,
  'GC.run': silence,
  'GC.run_finalization': silence,
  'JFR.start': /^(?:Started recording \d+|Recording \d+ scheduled to start in )/m,
  'JVMTI.agent_load': /^return code: 0$/m,
  'ManagementAgent.start': silence,
  'ManagementAgent.start_local': silence,
  'ManagementAgent.stop': silence,
  'VM.set_flag': silence,
};
/** What all others say when they did not. */
const complaints =
  /^(?:java\.[\w.]+(?:Exception|Error)\b|Could not |Unable to |Cannot |Can't |(?:Warning: )?Failed |Error\b|ERROR\b|Dump failed|No recordings? (?!found)|No baseline |No tag set matches|Integer parsing error|Invalid |Unknown |Syntax error|Help unavailable|Usage:)|\b(?:is not enabled|was not loaded|does not exist|not supported|is unsupported|not available|has already ended|will be ignored|exists, use -overwrite)\b|\brequires -XX:/;
/** A long answer is one. */
const shortest = 6;

/** Throws where a command failed that the JVM, or jcmd, calls a success. */
export function checkAnswer(name: string, stdout: string): void {
  const said = answer(stdout).trim();
  const success = successes[name];
  if (success === undefined ? !complains(said) : success.test(said)) return;
  throw new KprofError('failed', `The JVM could not do ${name}`, { cause: said.slice(0, 2000) });
}

function complains(said: string): boolean {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  return lines.length <= shortest && lines.slice(0, 2).some((line) => complaints.test(line.trim()));
}

/** A word as HotSpot's own parser of commands reads it back: values in quotes where they have spaces. */
function quoted(word: string): string {
  if (/^[^\s"'\p{Cc}]+$/u.test(word)) return word;
  const [, key = '', value = ''] = /^([\w#$.-]+=)?(.*)$/s.exec(word) ?? [];
  const quote = ['"', "'"].find((each) => !value.includes(each));
  if (quote === undefined || /\p{Cc}/u.test(word) || /["'\s]/.test(key))
    throw new KprofError('usage', `A command of a JVM can't hold ${JSON.stringify(word)}`, {
      hint: 'its words have no line breaks, and one kind of quotes',
    });
  return `${key}${quote}${value}${quote}`;
}

/** The argv that sends a command as it was typed. */
export function typedCommand(tools: Tools, { pid }: Process, words: readonly string[]): Argv {
  const [name = 'help', ...rest] = words;
  if (!/^[A-Za-z][\w.]{0,99}$/.test(name))
    throw new KprofError('usage', `"${name}" is no name of a command`, { hint: 'the JVM’s own list: kprof jcmd POD' });
  const command = [name, ...rest.map(quoted)];
  if (tools.has('jattach')) return ['jattach', String(pid), 'jcmd', command.join(' ')];
  return ['jcmd', '-J-Xmx64m', '-J-XX:+UseSerialGC', '-J-XX:-UsePerfData', String(pid), ...command];
}

/** The words with the file's name as the command takes it; `replaced` is what was typed for it. */
export function withFile(
  words: readonly string[],
  { option, behind = 0 }: Writer,
  path: string,
): { readonly words: readonly string[]; readonly replaced: string | undefined } {
  const at = option === undefined ? positional(words, behind) : words.findIndex((word) => word.startsWith(option));
  const replaced = words[at];
  const word = `${option ?? ''}${path}`;
  return at < 0 ? { words: [...words, word], replaced: undefined } : { words: words.with(at, word), replaced };
}

/** The index of a word that is no option, behind the name and `behind` others; -1 where there is none. */
function positional(words: readonly string[], behind: number): number {
  const found = words.flatMap((word, index) => (index > 0 && !word.startsWith('-') ? [index] : []));
  return found[behind] ?? -1;
}
