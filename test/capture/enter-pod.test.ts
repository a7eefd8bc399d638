import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { enterPod } from '../../src/capture/enter-pod.ts';
import type { Request } from '../../src/capture/request.ts';
import type { DebugContainer, DebugSpec, Target } from '../../src/cluster.ts';
import { askYes } from '../../src/confirm.ts';
import { KprofError } from '../../src/errors.ts';
import type { Flags } from '../../src/flags.ts';
import type { PodWay } from '../../src/toolkit.ts';
import { answers } from '../support/answers.ts';
import { recorder } from '../support/recorder.ts';

vi.mock('../../src/confirm.ts', () => ({ askYes: vi.fn() }));

const way = { via: 'pod', image: 'net', access: 'network', risk: 'observe', format: 'pcapng' } as PodWay<Flags>;
const masks = { containerd: '00000000a80425fb', crio: '00000000800405fb', granted: '00000000000020e0' };

/** A debug container that says that it has these capabilities. */
const container = (capabilities: string): DebugContainer => ({
  name: 'kprof-net-x',
  reference: 'net',
  imageId: 'sha256:0',
  user: { uid: 0, gid: 0 },
  rung: capabilities === masks.granted ? 'network' : 'root',
  why: 'as it is',
  reused: false,
  exec: (_, io) => answers(`tools tcpdump\njdk \nself 0 0 ${capabilities} \nmore 0\n`, io),
});

/** Goes in where containers have these capabilities by default, or where they are refused. */
async function enter(
  usual: string | KprofError,
  { options = {}, target = {}, gone = new AbortController() }: { options?: object; target?: Partial<Target>; gone?: AbortController } = {},
) {
  const asked: DebugSpec[] = [];
  const report = recorder();
  const request = { options, where: { name: 'web' }, reference: () => 'net', pullPolicy: 'IfNotPresent', timeout: 1000, yes: false };
  const inject = async (spec: DebugSpec) => {
    asked.push(spec);
    if (usual instanceof KprofError) throw usual;
    return container(spec.adds === 'NET_RAW' ? masks.granted : usual);
  };
  const given = { namespace: 'shop', pod: 'web', hostNetwork: false, inject, ...target };
  const entered = enterPod(request as unknown as Request, way, given as unknown as Target, report, gone.signal);
  const outcome = await entered.then(
    ({ container: { rung } }) => rung,
    (error: unknown) => error as KprofError,
  );
  return { outcome, asked, ...report };
}

describe('going into a pod', () => {
  it('adds nothing where the runtime gives what it takes', async () => {
    const { outcome, asked } = await enter(masks.containerd);
    expect(outcome).toBe('root');
    expect(asked).toHaveLength(1);
    expect(asked[0]).not.toHaveProperty('adds');
  });

  it('says what is missing where nobody agrees to more, and adds nothing', async () => {
    const { outcome, asked } = await enter(masks.crio);
    expect(outcome).toMatchObject({
      failure: 'forbidden',
      message: expect.stringContaining('NET_RAW'),
      hint: expect.stringContaining('--allow-net-raw'),
    });
    expect(asked).toHaveLength(1);
  });

  it('adds it with consent, in a container of its own', async () => {
    const { outcome, asked } = await enter(masks.crio, { options: { 'allow-net-raw': true } });
    expect(outcome).toBe('network');
    expect(asked[1]).toMatchObject({ adds: 'NET_RAW' });
  });

  it('asks about the others where a pod is gone before it was answered', async () => {
    const asked: string[] = [];
    const gone = new AbortController();
    vi.mocked(askYes).mockImplementation(async (what) => {
      asked.push(what);
      if (asked.length > 1) return;
      gone.abort(new KprofError('gone', 'The pod is gone'));
      gone.signal.throwIfAborted();
    });
    const wasTTY = process.stdin.isTTY;
    process.stdin.isTTY = true;
    try {
      const first = enter(masks.crio, { target: { pod: 'one' }, gone });
      while (asked.length === 0) await turn();
      const second = enter(masks.crio, { target: { pod: 'two' } });
      expect((await first).outcome).toMatchObject({ message: 'The pod is gone' });
      expect((await second).outcome).toBe('network');
    } finally {
      process.stdin.isTTY = wasTTY;
    }
  });

  it('asks about one pod after another until a no, which is for all that were not asked about yet', async () => {
    const questions: { readonly what: string; readonly answer: (yes: boolean) => void }[] = [];
    vi.mocked(askYes).mockImplementation((what) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      questions.push({ what, answer: (yes) => (yes ? resolve() : reject(new KprofError('interrupted', 'Nothing was done'))) });
      return promise;
    });
    const wasTTY = process.stdin.isTTY;
    process.stdin.isTTY = true;
    try {
      const entering = ['one', 'two', 'three'].map((pod) => enter(masks.crio, { target: { pod } }));
      for (const [at, yes] of [true, false].entries()) {
        while (questions.length <= at) await turn();
        for (let times = 0; times < 20; times++) await turn();
        expect(questions).toHaveLength(at + 1);
        questions[at]?.answer(yes);
      }
      const outcomes = await Promise.all(entering);
      for (const [at, pod] of ['one', 'two', 'three'].entries()) {
        const asked = questions.findIndex(({ what }) => what.startsWith(`Add to ${pod} a container`));
        if (asked === 0) expect(outcomes[at]?.outcome).toBe('network');
        else expect(outcomes[at]?.outcome).toMatchObject({ message: 'Nothing was done' });
      }
      expect(questions).toHaveLength(2);
      expect((await enter(masks.crio, { target: { pod: 'four' } })).outcome).toMatchObject({ message: 'Nothing was done' });
    } finally {
      process.stdin.isTTY = wasTTY;
    }
  });

  it('tells of a refusal by Pod Security what it takes and who can allow it', async () => {
    const refused = new KprofError('forbidden', 'Pod Security «restricted» of this namespace refuses to add a debug container', {
      cause: 'runAsNonRoot',
    });
    expect((await enter(refused)).outcome).toMatchObject({
      failure: 'forbidden',
      message: expect.stringContaining('takes a container that runs as root'),
      cause: 'runAsNonRoot',
      hint: expect.stringContaining('kubectl label namespace shop'),
    });
    const other = new KprofError('forbidden', 'Forbidden: pods/ephemeralcontainers');
    expect((await enter(other)).outcome).toBe(other);
  });

  it("captures a node's packets only when told to", async () => {
    const { outcome, asked } = await enter(masks.containerd, { target: { hostNetwork: true } });
    expect(outcome).toMatchObject({ failure: 'usage', hint: expect.stringContaining('--host-network') });
    expect(asked).toEqual([]);
    const { outcome: allowed, warnings } = await enter(masks.containerd, {
      target: { hostNetwork: true },
      options: { 'host-network': true, interface: 'any', filter: [] },
    });
    expect([allowed, warnings]).toEqual(['root', [expect.stringContaining('captures what passes its node')]]);
  });

  it.each([
    [[], false],
    [['port 8080'], true],
  ])("captures a node's loopback in part only, by a filter: %j", async (filter, isTaken) => {
    const options = { 'host-network': true, interface: 'lo', filter };
    const { outcome } = await enter(masks.containerd, { target: { hostNetwork: true }, options });
    if (isTaken) expect(outcome).toBe('root');
    else expect(outcome).toMatchObject({ failure: 'usage', hint: expect.stringContaining('-i lo port 8080') });
  });

  it('says where a mesh encrypts', async () => {
    expect((await enter(masks.containerd, { target: { mesh: 'Istio' } })).said.join()).toMatch(/Istio has a proxy.*eth0.*encrypted.*lo/);
  });
});
