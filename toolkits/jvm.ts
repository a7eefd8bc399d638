import { answers, attaching, diagnosticCommand, jvm as runtime } from '../src/runtimes/jvm.ts';
import { asked, composeSheet } from '../src/runtimes/jvm-sheet.ts';
import { defineToolkit, type Step } from '../src/toolkit.ts';

const question = (of: string) => ({ undo: 'ends by itself', says: `asking for ${of}`, what: `tell ${of}` }) as const;

// https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html
export const jvm = defineToolkit({
  name: 'jvm',
  summary: 'Tell the version, flags, heap, threads and container of a JVM',
  examples: ['kprof jvm mypod', 'kprof jvm deploy/api -o json -f jvm.txt'],
  flags: {},
  prints: true,
  ...runtime,
  ways: () => [
    {
      ...attaching,
      risk: 'observe',
      format: 'jvm',
      plan: ({ process, tools }) => ({
        kind: 'stream',
        steps: [
          ...asked.map(
            (command, index): Step => ({
              ...question(command),
              run: diagnosticCommand(tools, process, command),
              // The others differ between JVMs: what one has not is left out.
              ...(index === 0 ? { check: answers(/^JDK \d/m, 'tell its version') } : { optional: true }),
            }),
          ),
          { ...question('its status'), run: ['cat', `/proc/${process.pid}/status`], optional: true },
        ],
        compose: composeSheet,
        result: { early: 'loses' },
      }),
    },
  ],
});
