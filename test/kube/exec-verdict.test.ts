import { expect, test } from 'vitest';
import { exitCode } from '../../src/kube/exec-verdict.ts';

const command = { namespace: 'shop', pod: 'api', container: 'debug', argv: ['sh'] } as const;
const failed = (message: string) => JSON.stringify({ status: 'Failure', reason: 'InternalError', message });

test.each([
  'error executing command in container: failed to exec in container: failed to load task: container is not running',
  'error executing command in container: failed to exec in container: failed to create exec "8aa5": cannot exec in a stopped state',
  'error executing command in container: container is in CONTAINER_EXITED state',
])('a container that has ended is gone, whatever the runtime calls it: %s', (said) => {
  expect(() => exitCode(failed(said), command)).toThrow(expect.objectContaining({ failure: 'gone', cause: said }));
});

test.each([
  ['exec: "sh": executable file not found in $PATH', 'unsupported', false],
  ['error sending request: connection reset by peer', 'failed', true],
  ['no space left on device', 'failed', false],
] as const)('what could not be run says why: %s', (said, failure, lost) => {
  expect(() => exitCode(failed(said), command)).toThrow(expect.objectContaining({ failure, lost, cause: said }));
});
