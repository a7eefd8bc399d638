import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Session } from '../../src/capture/session.ts';
import { sealed } from '../../src/capture/taped.ts';
import { formats } from '../../src/formats/index.ts';
import type { FlowPlan } from '../../src/toolkit.ts';
import { pcapFile } from '../support/packets.ts';
import { recorder } from '../support/recorder.ts';
import { sandbox } from '../support/sandbox.ts';

const box = sandbox();
afterAll(() => box[Symbol.dispose]());

it('a file into which its secrets do not go is a whole one without them', async () => {
  const intake = formats.pcapng.intake?.({ namespace: 'n', pod: 'p', container: 'c', command: 'tcpdump', link: 'eth0', filter: '' });
  if (intake === undefined) throw new Error('no intake');
  const [path, secrets] = [join(box.path, 'x.pcapng'), join(box.path, 'keys')];
  const content = intake.take(pcapFile([{ seconds: 1, nanos: 0, data: Buffer.alloc(9) }], { nano: true }));
  writeFileSync(path, content);
  writeFileSync(secrets, `CLIENT_RANDOM ${'ab'.repeat(32)} ${'cd'.repeat(48)}\n`);
  mkdirSync(join(`${path}.keys`, 'in the way'), { recursive: true });
  const [captured, report] = [{ bytes: content.length, sha256: 'x' }, recorder()];
  const session = { report } as Partial<Session> as Session;
  expect(await sealed(path, captured, session, { secrets } as Partial<FlowPlan> as FlowPlan, intake)).toEqual(captured);
  expect(report.warnings).toEqual([
    expect.stringMatching(/^The file is whole, but without the TLS secrets: .*x\.pcapng\.keys can't be written/),
  ]);
  expect(readFileSync(path).equals(content)).toBe(true);
});
