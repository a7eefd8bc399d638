import { KprofError } from '../src/errors.ts';
import { choiceOrFile, duration, type Flag, type LocalFile, type Options, type Reading, toggle } from '../src/flags.ts';
import {
  bytesOfSize,
  copyThatFits,
  explainedByRecorder,
  guardAlone,
  guardRecorder,
  guardSecrets,
  inMebibytes,
  inSharedMemory,
  nameOfLeft,
  parseRecordings,
  partly,
  type Recording,
  recordingProbe,
  sizeThatFits,
  theLeft,
  usualSize,
  withoutSecrets,
} from '../src/runtimes/jfr.ts';
import { answer, answers, attaching, diagnosticCommand, jvm } from '../src/runtimes/jvm.ts';
import { type Composed, defineToolkit, type Input, type Milliseconds, type Plan, type Step, type Upload } from '../src/toolkit.ts';

/** Held by the JVM itself: a recording that everybody forgot ends so long after its time. */
const slack: Milliseconds = 60_000;

const settings = choiceOrFile(['default', 'profile'], '.jfc', 'profile', 'What to record: JFR event settings');

const size: Flag<string> = {
  value: 'SIZE',
  default: '256m',
  description: 'With --start: forget the oldest beyond that size',
  parse(typed, { flag }) {
    if (!/^[1-9]\d{0,5}[mg]$/i.test(typed))
      throw new KprofError('usage', `${flag} "${typed}" is no size`, { hint: `write it as 256m or 1g: ${flag} 256m` });
    return typed.toLowerCase();
  },
};

const flags = {
  duration: { ...duration('30s', 'How long to record'), without: ['start', 'dump', 'stop', 'status'] },
  settings: {
    ...settings,
    without: ['dump', 'stop', 'status'],
    parse: (typed: string, reading: Reading) => checkSettings(settings.parse(typed, reading)),
  },
  'with-environment': toggle('Also record the environment and the system properties, which may hold secrets'),
  start: { ...toggle('Leave a recording running, which keeps the last of what happens'), without: ['dump', 'stop', 'status'] },
  dump: { ...toggle('Fetch what the recording has that was left running'), without: ['stop', 'status'] },
  stop: { ...toggle('Fetch it and end the recording'), without: ['status'] },
  status: toggle('List the recordings of the JVM'),
  maxage: { ...duration('1h', 'With --start: forget what is older'), with: 'start' },
  maxsize: { ...size, with: 'start' },
};

type Flags = typeof flags;
type Told = Pick<Options<Flags>, 'start' | 'dump' | 'stop' | 'status'>;

const verbs = ['start', 'dump', 'stop', 'status'] as const;

const verbOf = (options: Partial<Told>): keyof Told | undefined => verbs.find((verb) => options[verb]);

type Named = readonly [name: string, value: string];

/** A command to the JVM as a step. */
const command = (
  { process, tools }: Pick<Input<Flags>, 'process' | 'tools'>,
  verb: string,
  words: readonly Named[],
  step: Pick<Step, 'says' | 'what' | 'check' | 'keep' | 'undo'>,
): Step => ({ run: diagnosticCommand(tools, process, verb, words), ...step });

/** The step that begins a recording, with what the JVM has to read for it. */
function starting(
  input: Input<Flags>,
  name: string,
  limits: readonly Named[],
): { readonly start: Step; readonly files: readonly Upload[] } {
  const { options, tools, process, facts, place } = input;
  const custom = typeof options.settings === 'object' ? { place: place('settings.jfc'), content: options.settings.content } : undefined;
  const quiet = options['with-environment'] ? [] : withoutSecrets(facts);
  const chosen = ['settings', custom?.place.seenByTarget ?? String(options.settings)] as const;
  const start = command(input, 'JFR.start', [['name', name], chosen, ['disk', 'true'], ['dumponexit', 'false'], ...limits, ...quiet], {
    check: answers(/^Started recording \d+/m, 'start a recording'),
    undo: diagnosticCommand(tools, process, 'JFR.stop', [['name', name]]),
    says: 'starting the recording',
    what: 'start a recording',
  });
  return { start, files: custom === undefined ? [] : [custom] };
}

/** What others record meanwhile is only seen in the file. */
const quietOf = (options: Pick<Options<Flags>, 'with-environment'>) =>
  options['with-environment'] ? {} : ({ secrets: 'refused' } as const);

/** Records for a time. */
function record(input: Input<Flags>): Plan {
  const { options, id, place } = input;
  const recording = place('recording.jfr');
  const name = ['name', `kprof-${id}`] as const;
  const filename = ['filename', recording.seenByTarget] as const;
  const limit = ['duration', `${Math.ceil((options.duration + slack) / 1000)}s`] as const;
  const maxsize = ['maxsize', inMebibytes(sizeThatFits(recording.at === 'shared-memory' ? inSharedMemory : usualSize, input))] as const;
  const { start, files } = starting(input, name[1], [maxsize, limit, filename]);
  const stop = command(input, 'JFR.stop', [name, filename], {
    check: answers(/^Stopped recording .* written to:/m, 'finish the recording'),
    undo: 'ends an earlier step',
    says: 'stopping the recording',
    what: 'finish the recording',
  });
  return {
    kind: 'file',
    files,
    steps: [start, { wait: options.duration, says: 'recording' }, stop],
    result: { early: 'keeps', file: recording, ...quietOf(options) },
  };
}

/** Begins one that goes on without us: when this is done, there is nothing to undo any more. */
function leave(input: Input<Flags>): Plan {
  const { options, facts, id } = input;
  guardAlone(facts['recordings'] ?? '');
  const name = nameOfLeft(id);
  const wanted = bytesOfSize(options.maxsize) ?? usualSize;
  const size = sizeThatFits(wanted, input);
  const less = size < wanted ? `Its disk bears a recording of ${inMebibytes(size)} at most: that is its --maxsize` : undefined;
  const { start, files } = starting(input, name, [
    ['maxage', `${Math.ceil(options.maxage / 1000)}s`],
    ['maxsize', size < wanted ? inMebibytes(size) : options.maxsize],
  ]);
  const [file] = files;
  if (file !== undefined)
    throw new KprofError('usage', '--start takes the settings that the JVM has: default or profile', {
      hint: '--start --settings default',
    });
  return { kind: 'stream', steps: [{ ...start, remark: () => less, keep: () => `${name}\n` }], result: { early: 'keeps' } };
}

/** Fetches what the one has that was left running, and ends it where that is asked for. */
function fetchLeft(input: Input<Flags>, ends: boolean): Plan {
  const { facts, options, place } = input;
  const { name, limits } = theLeft(facts['recordings'] ?? '');
  if (!options['with-environment']) guardSecrets(facts['recordings'] ?? '');
  const recording = place('recording.jfr');
  const filename = ['filename', recording.seenByTarget] as const;
  const whole = bytesOfSize(limits) ?? usualSize;
  const copy = copyThatFits(whole, input, recording.at);
  if (copy.full !== undefined) throw tooFull(input, copy.full);
  const small = copy.size < whole;
  const what = 'write the recording';
  const dump = command(input, 'JFR.dump', [['name', name], filename, ...(small ? [['maxsize', inMebibytes(copy.size)] as const] : [])], {
    check: answers(/^Dumped recording .* written to:/m, what),
    undo: 'ends by itself',
    says: 'writing the recording',
    what,
  });
  const stop = command(input, 'JFR.stop', small ? [['name', name]] : [['name', name], filename], {
    check: answers(/^Stopped recording /m, what),
    undo: 'ends by itself',
    says: 'stopping the recording',
    what,
  });
  // All of it may be more than the pod's shared memory, or its disk, has room for: there it is written first, as much as fits.
  const steps = !ends ? [dump] : small ? [dump, stop] : [stop];
  const notes = small ? [partly(copy)] : [];
  return { kind: 'file', files: [], notes, steps, result: { early: 'keeps', file: recording, ...quietOf(options) } };
}

const tooFull = ({ process, name }: Input<Flags>, cause: string): KprofError =>
  new KprofError('unsupported', `A copy would fill the disk of JVM ${process.pid}, and a JVM ends when it is full, so none is made`, {
    cause,
    hint: `once there is room for it: kprof jfr ${name} --dump`,
  });

const whose = ({ name }: Recording): string =>
  name.startsWith(nameOfLeft('')) ? 'kprof --start' : name.startsWith('kprof-') ? 'kprof, a capture' : 'somebody else';

function tell([stdout = '']: readonly string[]): Composed {
  const found = parseRecordings(stdout);
  const facts = Object.fromEntries(found.map(({ name, state }) => [name, state]));
  if (found.length === 0) return { text: 'No recordings\n', facts };
  const rows = [['NAME', 'STATE', 'BY', 'LIMITS'], ...found.map((each) => [each.name, each.state, whose(each), each.limits])];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
  return { text: `${lines.join('\n')}\n`, facts };
}

const list = (input: Input<Flags>): Plan => ({
  kind: 'stream',
  steps: [
    command(input, 'JFR.check', [], {
      // «No available recordings.», or a line for each.
      check: answers(/recording/i, 'list its recordings'),
      keep: answer,
      undo: 'ends by itself',
      says: 'listing the recordings',
      what: 'list its recordings',
    }),
  ],
  compose: tell,
  result: { early: 'loses' },
});

// https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html
export const jfr = defineToolkit({
  name: 'jfr',
  summary: 'Record a JVM with JDK Flight Recorder',
  examples: [
    'kprof jfr mypod --duration 15s',
    'kprof jfr deploy/api -n shop -c app --settings default',
    'kprof jfr mypod --pid 7 -f slow.jfr --no-open',
    'kprof jfr mypod --start --maxage 30m',
    'kprof jfr mypod --dump',
  ],
  flags,
  tells: (options) => ['start', 'status'].includes(verbOf(options) ?? ''),
  ...jvm,
  ways(options) {
    const verb = verbOf(options);
    return [
      {
        ...attaching,
        risk: verb === 'status' ? 'observe' : 'sample',
        format: verb === 'start' || verb === 'status' ? 'recordings' : 'jfr',
        probe: (process, tools) => ({
          ...attaching.probe(process, tools),
          recordings: diagnosticCommand(tools, process, 'JFR.check', [['verbose', 'true']]),
          ...(verb === 'status' ? {} : { space: recordingProbe(process) }),
        }),
        failed: explainedByRecorder,
        plan(input) {
          guardRecorder(input.facts['recordings'] ?? '');
          if (verb === undefined) return record(input);
          if (verb === 'start') return leave(input);
          return verb === 'status' ? list(input) : fetchLeft(input, verb === 'stop');
        },
      },
    ];
  },
});

/** JFR's own message names the copy in the pod: what is no settings file is refused here, by its name. */
function checkSettings(settings: 'default' | 'profile' | LocalFile): typeof settings {
  if (typeof settings === 'string') return settings;
  const isSettings =
    settings.content.length <= 2 ** 20 && /<configuration\b[\s\S]*<\/configuration>/.test(Buffer.from(settings.content).toString('utf8'));
  if (!isSettings)
    throw new KprofError('usage', `${settings.path} is no JFR settings file`, { hint: 'jfr configure --output my.jfc makes one' });
  return settings;
}
