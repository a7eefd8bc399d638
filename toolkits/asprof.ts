import { KprofError } from '../src/errors.ts';
import { choice, duration, type Flag, type Habit, text, toggle } from '../src/flags.ts';
import {
  checkInterval,
  dropProfiler,
  type Event,
  events,
  fellBack,
  guardProfiler,
  outputs,
  profilerDid,
  profilerWrote,
  startProfiler,
  stopProfiler,
} from '../src/runtimes/async-profiler.ts';
import { attaching, jvm } from '../src/runtimes/jvm.ts';
import { roomInWords, roomsIn, scratchOf, spaceProbe, tightest } from '../src/runtimes/space.ts';
import { defineToolkit, type FormatName, type Input, type Milliseconds } from '../src/toolkit.ts';

/** Held by the JVM itself: a profiler that everybody forgot stops so long after its time. */
const slack: Milliseconds = 60_000;

/** A profile of the usual length takes no more. */
const leastRoom = 8 * 2 ** 20;

/** Throws where a profile might fill the disk of the app, or the memory that stands for one. */
function guardRoom({ process, tools, facts, bears, name }: Pick<Input<never>, 'process' | 'tools' | 'facts' | 'bears' | 'name'>): void {
  const rooms = roomsIn([scratchOf(tools)], facts, bears);
  if (tightest(rooms) >= leastRoom) return;
  throw new KprofError('unsupported', `A profile might fill the disk of JVM ${process.pid}, so none is taken`, {
    cause: rooms.map(roomInWords).join('; '),
    hint: `what writes nothing there: kprof threads ${name} --count 5 --interval 1s`,
  });
}

const event: Flag<Event> = { ...choice(events, 'cpu', 'What to sample'), short: 'e' };

// https://github.com/async-profiler/async-profiler/blob/master/docs/ProfilerOptions.md
const habits: readonly Habit[] = [
  { typed: /^-d$/, hint: '--duration 30s samples for so long' },
  { typed: /^-i$/, hint: '--interval 1ms is the time between two samples' },
  { typed: /^-t$/, hint: '--threads tells threads apart' },
];

const extensions = { jfr: 'jfr', flamegraph: 'html', collapsed: 'collapsed' } as const;

export const asprof = defineToolkit({
  name: 'asprof',
  summary: 'Profile a JVM with async-profiler',
  examples: [
    'kprof asprof mypod --duration 15s',
    'kprof asprof mypod -e wall --threads -o flamegraph',
    'kprof asprof deploy/api -e alloc --interval 512k -o collapsed',
  ],
  flags: {
    event,
    duration: duration('30s', 'How long to sample'),
    interval: text('INTERVAL', 'Time between two samples (1ms, 500us; else 10ms), of alloc the bytes (512k)'),
    threads: toggle('Tell threads apart'),
    format: choice(outputs, 'jfr', 'What to write; -o takes these words, too, and a file that is called x.html or x.collapsed is one'),
  },
  habits,
  outputs: 'format',
  endings: { '.html': 'flamegraph', '.collapsed': 'collapsed' },
  ...jvm,
  ways(options) {
    // What no flag's own reader can see.
    checkInterval({ event: options.event ?? 'cpu', interval: options.interval });
    return [
      {
        ...attaching,
        guard: (process, tools) => guardProfiler(process, tools, options.event ?? 'cpu'),
        risk: 'sample',
        format: (options.format ?? 'jfr') satisfies FormatName,
        probe: (process, tools) => ({ ...attaching.probe(process, tools), space: spaceProbe(process, scratchOf(tools)) }),
        plan(input) {
          guardRoom(input);
          const {
            options: { duration: time, format, ...how },
            process,
            place,
          } = input;
          const file = place(`profile.${extensions[format]}`);
          const written = { folder: file.seenByTarget.replace(/\/[^/]*$/, ''), file: file.seenByTarget, output: format };
          return {
            kind: 'file',
            files: [],
            steps: [
              {
                run: startProfiler(process, how, Math.ceil((time + slack) / 1000), written),
                check: profilerDid('start'),
                remark: (stdout) => fellBack(how.event, stdout),
                undo: dropProfiler(process, written.folder),
                says: 'starting async-profiler',
                what: 'start async-profiler',
              },
              { wait: time, says: 'sampling' },
              {
                run: stopProfiler(process, how, written),
                check: profilerWrote,
                undo: 'ends an earlier step',
                says: 'stopping async-profiler',
                what: 'stop async-profiler',
              },
            ],
            // One without samples is empty.
            result: { early: 'keeps', file, ...(format === 'collapsed' ? { ends: ['\n', ''] } : {}) },
          };
        },
      },
    ];
  },
});
