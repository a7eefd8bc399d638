import { describe, expect, it } from 'vitest';
import { haltInWords } from '../src/run-session.ts';

describe('what a halt does, in words', () => {
  it('is counted from the probes', () => {
    const said = haltInWords([
      { kind: 'liveness', period: 10, timeout: 1, failures: 3 },
      { kind: 'readiness', period: 5, timeout: 2, failures: 1 },
    ]);
    expect(said).toContain('a halt of more than 21s restarts it (its liveness probe, each 10s, fails 3 times)');
    expect(said).toContain('a halt of more than 2s takes its traffic away (its readiness probe, each 5s, fails 1 time)');
  });

  it('is nothing that the kubelet would notice without them', () => {
    expect(haltInWords([])).toContain('it has no liveness probe');
  });
});
