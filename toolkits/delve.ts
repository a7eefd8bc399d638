import { KprofError } from '../src/errors.ts';
import { type Flag, text, toggle } from '../src/flags.ts';
import { checkTraceable, connectArgv, ended, explainFailure, isGo, limits, served } from '../src/runtimes/delve.ts';
import { defineToolkit } from '../src/toolkit.ts';

const port: Flag<number | undefined> = {
  ...text(
    'PORT',
    'Serve at this port of 127.0.0.1, 0 for any, which every user of this machine can connect to; else a socket that only you can open',
  ),
  parse(typed, { flag }) {
    if (/^\d{1,5}$/.test(typed) && Number(typed) <= 65_535) return Number(typed);
    throw new KprofError('usage', `${flag} "${typed}" is no port: 0 to 65535`, { hint: `${flag} 2345` });
  },
};

const usualPort = 2345;

// https://github.com/go-delve/delve
export const delve = defineToolkit({
  name: 'delve',
  summary: 'Debug a Go program with Delve',
  examples: [
    'kprof delve mypod',
    'kprof delve mypod --client',
    'kprof delve deploy/api --port 2345 --write-launch-json',
    'kprof delve mypod --ttl 1h --yes',
  ],
  flags: {
    port,
    client: toggle('Run dlv connect in this terminal'),
    'write-launch-json': toggle(
      `Put a configuration for VS Code into .vscode/launch.json, whose comments stay, with --port ${usualPort} unless it is given`,
    ),
  },
  looksFor: 'Go program',
  likely: /\bgo\b|golang/i,
  matches: isGo,
  ways: () => [
    {
      via: 'session',
      image: 'go',
      access: 'attach',
      risk: 'control',
      doorway: ({ port: typed, client, 'write-launch-json': launch }) => ({
        port: typed ?? (launch ? usualPort : undefined),
        client: client ? connectArgv : undefined,
        clientHint: 'go install github.com/go-delve/delve/cmd/dlv@latest, and have its folder in $PATH',
        launch,
      }),
      guard(process, tools) {
        checkTraceable(process, tools);
        return limits(process);
      },
      plan({ process, id, pod, key, first }) {
        const folder = `/tmp/kprof-delve-${id}`;
        return {
          kind: 'session',
          serve: {
            run: ['keeper', 'serve', folder, String(process.pid), process.started, key, String(first)],
            undo: ['keeper', 'end', folder],
            says: 'attaching Delve',
            what: `attach Delve to process ${process.pid}`,
            failed: (error) => explainFailure(error, process),
          },
          ready: ['keeper', 'ready', folder, '60'],
          relay: ['keeper', 'relay', folder],
          served: (answer, address, isWritten) => served(process, pod, answer, address, isWritten),
          ended: (word) => ended(word, first),
        };
      },
    },
  ],
});
