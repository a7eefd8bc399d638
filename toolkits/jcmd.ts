import { type Habit, texts } from '../src/flags.ts';
import { checkAnswer, checkKnown, checkWords, effectOf, typedCommand, withFile, writers } from '../src/runtimes/jcmd.ts';
import { fitted, roomProbe } from '../src/runtimes/jcmd-room.ts';
import { answer, answers, attaching, diagnosticCommand, jvm } from '../src/runtimes/jvm.ts';
import { defineToolkit, type Milliseconds, type Step } from '../src/toolkit.ts';

/** Some walk the heap, or all that was compiled. */
const patience: Milliseconds = 600_000;

/** All that has to be agreed to. */
const agreed = (...costs: readonly (string | undefined)[]): { readonly costs?: string } => {
  const all = costs.filter((each) => each !== undefined);
  return all.length === 0 ? {} : { costs: all.join('; ') };
};

// What begins as flags of ours do is spelled out.
const habits: readonly Habit[] = [
  {
    typed: /^-(?:[^-cfnoqsvy]|format(?:=|$)|overwrite$|verbose$)/,
    hint: "the JVM's own words stand behind --: kprof jcmd POD -- VM.flags -all",
  },
];

// https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html
export const jcmd = defineToolkit({
  name: 'jcmd',
  summary: 'Send any diagnostic command to a JVM, and fetch what it writes',
  examples: ['kprof jcmd mypod -- VM.flags -all', 'kprof jcmd mypod', 'kprof jcmd mypod -- Thread.dump_to_file -format=json'],
  flags: { command: texts('WORD', 'A word of the command, as they stand behind --; once for each') },
  rest: 'command',
  habits,
  printsWith: ({ command = [] }) => writers[command[0] ?? ''] === undefined,
  ...jvm,
  ways: ({ command: typed = [] }) => {
    const [name = 'help'] = typed;
    const writer = writers[name];
    checkWords(typed);
    return [
      {
        ...attaching,
        risk: 'pause',
        format: writer?.format ?? 'text',
        probe: (process, tools) => ({
          ...attaching.probe(process, tools),
          list: diagnosticCommand(tools, process, 'help'),
          ...roomProbe(name, process, tools),
          ...(name === 'help' ? {} : { about: typedCommand(tools, process, ['help', name]) }),
        }),
        plan(input) {
          const { process, tools, facts, place } = input;
          checkKnown(name, facts);
          const effect = effectOf(typed, facts);
          const step = { undo: 'ends by itself', says: name, what: `do ${name}`, patience } as const;
          if (writer === undefined) {
            const run = typedCommand(tools, process, typed);
            const only: Step = { ...step, run, check: (stdout) => checkAnswer(name, stdout), keep: answer };
            return { kind: 'stream', ...agreed(effect), steps: [only], result: { early: 'loses' } };
          }
          const file = place(writer.file, writer.at);
          const { words: whole, replaced } = withFile(typed, writer, file.seenByTarget);
          const { words, notes, costs } = fitted(whole, input, file.at);
          const instead =
            replaced === undefined ? [] : [`What ${name} writes comes here, instead of to ${replaced} in the app's container`];
          return {
            kind: 'file',
            ...agreed(effect, costs),
            files: [],
            notes: [...instead, ...notes],
            steps: [
              {
                ...step,
                run: typedCommand(tools, process, words),
                ...(writer.at === 'tool' ? { room: true } : {}),
                check: answers(writer.written, `do ${name}`),
              },
            ],
            result: { early: 'loses', file, ...(writer.ends === undefined ? {} : { ends: writer.ends(typed) }) },
          };
        },
      },
    ];
  },
});
