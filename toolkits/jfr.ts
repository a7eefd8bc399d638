import { KprofError } from '../src/errors.ts';
import { choiceOrFile, duration, type LocalFile, type Reading, toggle } from '../src/flags.ts';
import { answers, attaching, diagnosticCommand, jvm, parseVersion } from '../src/runtimes/jvm.ts';
import { defineToolkit, type Facts, type Milliseconds } from '../src/toolkit.ts';

/** Held by the JVM itself: a recording that everybody forgot ends so long after its time. */
const slack: Milliseconds = 60_000;

/** These events carry the environment and the command line's properties, and with them secrets. */
const secretEvents = ['jdk.InitialEnvironmentVariable#enabled', 'jdk.InitialSystemProperty#enabled'];

/** The first JDK whose JFR.start takes settings of single events. */
const firstWithEventSettings = 17;

const settings = choiceOrFile(['default', 'profile'], '.jfc', 'profile', 'What to record: JFR event settings');

// https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html
export const jfr = defineToolkit({
  name: 'jfr',
  summary: 'Record a JVM with JDK Flight Recorder',
  examples: [
    'kprof jfr mypod --duration 15s',
    'kprof jfr deploy/api -n shop -c app --settings default',
    'kprof jfr mypod --pid 7 -f slow.jfr --no-open',
  ],
  flags: {
    duration: duration('30s', 'How long to record'),
    settings: { ...settings, parse: (typed: string, reading: Reading) => checkSettings(settings.parse(typed, reading)) },
    'with-environment': toggle('Also record the environment and the system properties, which may hold secrets'),
  },
  ...jvm,
  ways: () => [
    {
      ...attaching,
      risk: 'sample',
      format: 'jfr',
      probe: (process, tools) => ({
        ...attaching.probe(process, tools),
        recordings: diagnosticCommand(tools, process, 'JFR.check', [['verbose', 'true']]),
      }),
      plan({ options, process, tools, facts, id, place }) {
        const recording = place('recording.jfr');
        const custom =
          typeof options.settings === 'object' ? { place: place('settings.jfc'), content: options.settings.content } : undefined;
        const quiet = options['with-environment'] ? [] : withoutSecrets(facts);
        const name = ['name', `kprof-${id}`] as const;
        const filename = ['filename', recording.seenByTarget] as const;
        const chosen = ['settings', custom?.place.seenByTarget ?? String(options.settings)] as const;
        const limit = ['duration', `${Math.ceil((options.duration + slack) / 1000)}s`] as const;
        const maxsize = ['maxsize', recording.at === 'shared-memory' ? '48M' : '256M'] as const;
        const stop = diagnosticCommand(tools, process, 'JFR.stop', [name, filename]);
        return {
          kind: 'file',
          files: custom === undefined ? [] : [custom],
          steps: [
            {
              run: diagnosticCommand(tools, process, 'JFR.start', [
                name,
                chosen,
                ['disk', 'true'],
                ['dumponexit', 'false'],
                maxsize,
                limit,
                filename,
                ...quiet,
              ]),
              check: answers(/^Started recording \d+/m, 'start a recording'),
              undo: diagnosticCommand(tools, process, 'JFR.stop', [name]),
              says: 'starting the recording',
              what: 'start a recording',
            },
            { wait: options.duration, says: 'recording' },
            {
              run: stop,
              check: answers(/^Stopped recording .* written to:/m, 'finish the recording'),
              undo: 'ends an earlier step',
              says: 'stopping the recording',
              what: 'finish the recording',
            },
          ],
          result: { early: 'keeps', file: recording },
        };
      },
    },
  ],
});

/** A recording shares its chunks with whatever else records in the JVM: what one of them takes, all files have. */
const secretsTaken = /\(jdk\.Initial(?:EnvironmentVariable|SystemProperty)\)\s*\[[^\]]*enabled=true/;

function withoutSecrets({ version = '', recordings = '' }: Facts): readonly (readonly [string, string])[] {
  const major = parseVersion(version)?.major;
  const hint = 'record them too, and mind who gets the file: --with-environment';
  if (major !== undefined && major < firstWithEventSettings) {
    throw new KprofError('unsupported', `JDK ${major} can't leave the environment out of a recording`, { hint });
  }
  if (secretsTaken.test(recordings)) {
    throw new KprofError(
      'unsupported',
      'Another recording runs in this JVM, and its environment and system properties, where secrets live, would be in ours',
      { hint },
    );
  }
  return secretEvents.map((event) => [event, 'false']);
}

/** JFR's own message names the copy in the pod: what is no settings file is refused here, by its name. */
function checkSettings(settings: 'default' | 'profile' | LocalFile): typeof settings {
  if (typeof settings === 'string') return settings;
  const isSettings =
    settings.content.length <= 2 ** 20 && /<configuration\b[\s\S]*<\/configuration>/.test(Buffer.from(settings.content).toString('utf8'));
  if (!isSettings)
    throw new KprofError('usage', `${settings.path} is no JFR settings file`, { hint: 'jfr configure --output my.jfc makes one' });
  return settings;
}
