/** The help texts, made from the definitions, so that they can't differ. Loads nothing but them. */
import { toolkits } from '../toolkits/index.ts';
import { commands } from './commands/index.ts';
import { captureFlagsOf, connectionFlags } from './common.ts';
import type { Flag, Flags } from './flags.ts';
import type { Risk, Toolkit } from './toolkit.ts';

const risks: Readonly<Record<Risk, string>> = {
  observe: 'Only reads.',
  sample: 'Samples the process: it runs on, a little slower.',
  pause: 'Pauses the process for moments.',
  stop: 'Stops the process until it is done.',
  control: 'Takes control of the process.',
};

/** What acting on this risk means to the app, as one sentence. */
export const riskInWords = (risk: Risk): string => risks[risk];

function wrap(words: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of words.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function rows(entries: readonly (readonly [left: string, right: string])[], columns: number): string {
  const widest = Math.max(...entries.map(([left]) => left.length));
  const indent = Math.min(widest + 4, 32);
  const narrow = columns < indent + 24;
  return entries
    .map(([left, right]) => {
      if (narrow) return [`  ${left}`, ...wrap(right, columns - 6).map((line) => `      ${line}`)].join('\n');
      const [first = '', ...rest] = wrap(right, columns - indent);
      const head = left.length + 4 > indent ? `  ${left}\n${' '.repeat(indent)}${first}` : `  ${left}`.padEnd(indent) + first;
      return [head, ...rest.map((line) => ' '.repeat(indent) + line)].join('\n');
    })
    .join('\n');
}

function flagRow([name, flag]: readonly [string, Flag<unknown>]): readonly [string, string] {
  const long = name.length === 1 ? `-${name}` : `--${name}`;
  const names =
    flag.short === undefined || name.length === 1 ? `${flag.short === undefined ? '    ' : ''}${long}` : `-${flag.short}, ${long}`;
  const preset = flag.default === undefined ? '' : ` (default ${flag.default})`;
  return [`${names}${flag.value === undefined ? '' : ` ${flag.value}`}`, `${flag.description}${preset}`];
}

const section = (title: string, flags: Flags, columns: number): string =>
  Object.keys(flags).length === 0 ? '' : `\n${title}:\n${rows(Object.entries(flags).map(flagRow), columns)}\n`;

const examples = (lines: readonly string[]): string => `Examples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;

const paragraph = (text: string, columns: number): string => `${wrap(text, columns).join('\n')}\n`;

/** How a tool is called: `kprof pprof [TYPE/]NAME [KIND]`. */
export const usageOf = ({ name, second, rest, flags }: Toolkit): string =>
  `kprof ${name} [TYPE/]NAME${second === undefined ? '' : ` [${flags[second]?.value}]`}${rest === undefined ? '' : ` [${flags[rest]?.value}…]`}`;

const needs = (way: ReturnType<Toolkit['ways']>[number]): string =>
  way.via === 'forward'
    ? `Goes over a forwarded port and puts nothing into the pod; needs the rights to get the pod, and to get and create pods/portforward. Where the port is none of those that are usual or declared, an ephemeral container with the image kprof-${way.image} looks for it, and says so.`
    : `Uses an ephemeral container with the image kprof-${way.image}; needs the rights to get the pod, to patch pods/ephemeralcontainers, and to get and create ${'forwards' in way ? 'pods/exec and pods/portforward' : 'pods/exec'}${way.via === 'pod' ? '; for several pods also to list pods' : ''}.`;

function toolkitHelp(toolkit: Toolkit, columns: number): string {
  const [way] = toolkit.ways({});
  const does = way === undefined ? '' : `${riskInWords(way.risk)} ${needs(way)}`;
  return [
    examples(toolkit.examples),
    `\n${paragraph(`${toolkit.summary}. ${does}`, columns)}`,
    `\nUsage:\n  ${usageOf(toolkit)} [flags]\n`,
    section('Flags', toolkit.flags, columns),
    section('Flags of every capture', captureFlagsOf(toolkit), columns),
    section("kubectl's flags", connectionFlags, columns),
  ].join('');
}

function overview(columns: number): string {
  return [
    examples([...toolkits.map((toolkit) => toolkit.examples[0] as string), ...commands.map((command) => command.examples[0] as string)]),
    `\n${paragraph('kprof takes a profiler to a running pod and brings the result here: with an ephemeral container, the least privilege that works, and nothing left running behind.', columns)}`,
    `\nTools:\n${rows(
      toolkits.map(({ name, summary }) => [name, summary]),
      columns,
    )}\n`,
    `\nOther commands:\n${rows(
      commands.map(({ name, summary }) => [name, summary]),
      columns,
    )}\n`,
    `\n${paragraph('kprof TOOL --help shows the flags of a tool.', columns)}`,
  ].join('');
}

/** The text for `kprof --help` or `kprof NAME --help`; undefined when there is no such command. */
export function help(name: string | undefined, columns: number): string | undefined {
  const width = Math.max(30, Math.min(columns, 100));
  if (name === undefined) return overview(width);
  const toolkit = toolkits.find((each) => each.name === name || each.aliases?.includes(name));
  if (toolkit !== undefined) return toolkitHelp(toolkit, width);
  const command = commands.find((each) => each.name === name);
  if (command === undefined) return undefined;
  return [
    examples(command.examples),
    `\n${paragraph(`${command.summary}.`, width)}`,
    `\nUsage:\n  ${command.usage}\n`,
    section('Flags', command.flags, width),
  ].join('');
}
