/** Each stage of a capture, and what can go wrong with it; with the exit codes that are right then. */
import type { Fault, When } from '../sandbox/faults.ts';
import type { Pod } from '../sandbox/objects.ts';
import type { ChaosProxy } from '../support/chaos-proxy.ts';
import { execs } from './bench.ts';

/** What a fault may know of its run. */
export interface Around {
  readonly pod: string;
  readonly proxy: ChaosProxy;
  /** From 0 to 1, by the seed. */
  readonly chance: () => number;
  /** Bytes of the recording. */
  readonly bytes: number;
}

/** One field of the matrix. */
export interface Trial {
  readonly stage: string;
  readonly fault: string;
  readonly codes: readonly number[];
  readonly targetEnds?: boolean;
  readonly faults: (around: Around) => readonly Fault[];
}

type Make = (when: When, around: Around) => readonly Fault[];

const refuse =
  (code: number, retryAfter?: number): Make =>
  (when) => [{ when, fault: 'refuse', code, ...(retryAfter === undefined ? {} : { retryAfter }) }];
const page: Make = (when) => [{ when, fault: 'page', code: 502, html: '<html><title>Bad Gateway</title><h1>502</h1></html>' }];
const delay: Make = (when, { chance }) => [{ when, fault: 'delay', milliseconds: Math.round(500 + 2000 * chance()) }];
const cut =
  (how: 'rst' | 'fin', most: number): Make =>
  (when, { chance }) => [{ when, fault: 'cut', how, after: Math.floor(chance() * most) }];
const happen =
  (what: (around: Around) => Extract<Fault, { fault: 'happen' }>['what']): Make =>
  (when, around) => [{ when, fault: 'happen', after: 0, what: what(around) }];
const verdict =
  (code: number | 'none'): Make =>
  (when) => [{ when, fault: 'verdict', code }];
const weather = (act: (proxy: ChaosProxy) => void): Make =>
  happen(
    ({ proxy }) =>
      () =>
        act(proxy),
  );

const targetGone = {
  'the app restarts': happen(
    ({ pod }) =>
      (sandbox) =>
        sandbox.restart(pod, 'app'),
  ),
  'the pod is deleted': happen(
    ({ pod }) =>
      (sandbox) =>
        sandbox.remove(pod),
  ),
  'the pod is evicted': happen(
    ({ pod }) =>
      (sandbox) =>
        sandbox.evict(pod),
  ),
} as const;

/** Its supervisor can do nothing more; what it began is undone from another one. */
const killed: Readonly<Record<string, Make>> = {
  'the debug container is killed': happen(({ pod }) => (sandbox) => {
    const found = sandbox.store.get('pods', 'default', pod) as Pod;
    for (const { name } of found.spec.ephemeralContainers ?? []) sandbox.kubelet.end(found, name);
  }),
};

/** What any line of the API may suffer, and is not to be noticed. */
const passing: Readonly<Record<string, Make>> = {
  delay,
  'a 429': refuse(429, 1),
  'a 500': refuse(500),
  'a 503': refuse(503),
  'an HTML page': page,
  'a cut by RST': cut('rst', 300),
  'a cut by FIN': cut('fin', 300),
};

const refusing: Readonly<Record<string, readonly [Make, readonly number[]]>> = {
  'a 401': [refuse(401), [4]],
  'a 403': [refuse(403), [4]],
};

/** What a line that runs a command may suffer. */
const broken: Readonly<Record<string, Make>> = {
  ...passing,
  'no verdict': verdict('none'),
  'all lines cut': weather((proxy) => proxy.cutAfter(0, 'once')),
  'all lines ended': weather((proxy) => proxy.cutAfter(0, 'once', 'fin')),
  'lines half closed': weather((proxy) => proxy.halfClose()),
  'nobody listens for a while': weather((proxy) => {
    proxy.cutAfter(0, 'once');
    void proxy.refuse(4000);
  }),
};

/** Once: what is asked for again comes whole. */
const lied: Readonly<Record<string, readonly [Make, readonly number[]]>> = {
  'another exit code': [verdict(7), [0]],
  'flipped bits': [(when, { chance }) => [{ when, fault: 'flip', every: 100, seed: Math.floor(chance() * 2 ** 31) }], [0]],
  'lost bytes': [
    (when, { chance }) => [{ when, fault: 'lose', from: Math.floor(chance() * 40), bytes: 1 + Math.floor(chance() * 40) }],
    [0],
  ],
};

type Field = readonly [fault: string, make: Make, codes: readonly number[]];
const all = (makes: Readonly<Record<string, Make>>, ...codes: readonly number[]): readonly Field[] =>
  Object.entries(makes).map(([fault, make]) => [fault, make, codes]);
const each = (makes: Readonly<Record<string, readonly [Make, readonly number[]]>>): readonly Field[] =>
  Object.entries(makes).map(([fault, [make, codes]]) => [fault, make, codes]);

interface Stage {
  readonly stage: string;
  readonly when: (pod: string) => When;
  readonly fields: readonly Field[];
}

const nth = (when: When, n: number): When => ({ ...when, nth: n });
/** Anywhere in the stream of a recording. */
const along = (makes: readonly Field[]): readonly Field[] =>
  makes.map(([fault, make, codes]) => [
    fault,
    (when, around) =>
      make(when, around).map((one) => ('after' in one ? { ...one, after: Math.floor(around.chance() * around.bytes) } : one)),
    codes,
  ]);

const stages: readonly Stage[] = [
  {
    stage: 'resolve',
    when: (pod) => ({ verb: 'get', path: new RegExp(`/pods/${pod}$`), nth: 1 }),
    fields: [...all(passing, 0), ...each(refusing), ...all(targetGone, 0, 1, 5)],
  },
  {
    stage: 'inject',
    when: (pod) => ({ verb: 'patch', path: new RegExp(`/pods/${pod}/ephemeralcontainers`), nth: 1 }),
    fields: [
      ...all({ delay, 'a 429': refuse(429, 1), 'a 409': refuse(409) }, 0),
      // Nothing tells whether it was done.
      ...all({ 'a 500': refuse(500), 'an HTML page': page }, 1),
      ...all({ 'a cut by RST': cut('rst', 300), 'a cut by FIN': cut('fin', 300) }, 0),
      ...each(refusing),
      ...all(targetGone, 1, 5),
    ],
  },
  {
    stage: 'wait',
    when: (pod) => ({ verb: 'watch', path: new RegExp(`metadata.name=${pod}(&|$)`) }),
    fields: [...all(passing, 0), ['a 403', refuse(403), [0]], ...all(targetGone, 1, 5)],
  },
  {
    stage: 'discover',
    when: (pod) => nth(execs(pod, 'look'), 1),
    fields: [...all(broken, 0), ...each(refusing), ...each(lied), ...all(killed, 1, 5), ...all(targetGone, 5)],
  },
  {
    stage: 'lease',
    when: (pod) => nth(execs(pod, 'hold'), 1),
    fields: [...all(broken, 0), ...each(refusing), ...all(killed, 1, 5), ...all(targetGone, 5)],
  },
  {
    stage: 'probe',
    when: (pod) => nth(execs(pod, 'run'), 1),
    fields: [...all(broken, 0), ...each(refusing), ...each(lied), ...all(killed, 1, 5), ...all(targetGone, 5)],
  },
  {
    stage: 'start',
    when: (pod) => nth(execs(pod, 'step'), 2),
    fields: [...all(broken, 0), ...each(refusing), ...each(lied), ...all(killed, 1, 5), ...all(targetGone, 5)],
  },
  {
    stage: 'stop',
    when: (pod) => nth(execs(pod, 'step'), 3),
    fields: [...all(broken, 0), ...each(refusing), ...each(lied), ...all(killed, 1, 5), ...all(targetGone, 5)],
  },
  {
    stage: 'pull',
    when: (pod) => nth(execs(pod, 'pull'), 1),
    fields: along([
      ...all(broken, 0),
      ...each(refusing),
      ['another exit code', verdict(7), [0, 3]],
      ['a success that is none', verdict(0), [0]],
      [
        'flipped bits',
        (when, { chance }) => [{ when, fault: 'flip', every: 2000 + Math.floor(chance() * 20_000), seed: Math.floor(chance() * 2 ** 31) }],
        [0, 3],
      ],
      [
        'a tail that is lost',
        (when, { chance, bytes }) => [{ when, fault: 'lose', from: Math.floor(chance() * bytes), bytes: 1 + Math.floor(chance() * bytes) }],
        [0, 3],
      ],
      ['one byte at a time', (when) => [{ when, fault: 'pace', bytesPerSecond: 400_000 }], [0]],
      ...all(killed, 3, 5),
      ...all(targetGone, 3, 5),
    ]),
  },
  {
    stage: 'clean up',
    // At the end of the pull's own stream: what comes next is the word that ends the capture.
    when: (pod) => nth(execs(pod, 'pull'), 1),
    fields: Object.entries({ 'all lines cut': broken['all lines cut'], 'nobody listens for a while': broken['nobody listens for a while'] })
      .map(
        ([fault, make]): Field => [
          fault,
          (when, around) => (make as Make)(when, around).map((one) => ({ ...one, after: around.bytes }) as Fault),
          [0],
        ],
      )
      .concat(
        all(targetGone, 0, 3, 5).map(
          ([fault, make, codes]): Field => [
            fault,
            (when, around) => make(when, around).map((one) => ({ ...one, after: around.bytes }) as Fault),
            codes,
          ],
        ),
      ),
  },
];

/** All fields. */
export const trials: readonly Trial[] = stages.flatMap(({ stage, when, fields }) =>
  fields.map(([fault, make, codes]) => ({
    stage,
    fault,
    codes,
    targetEnds: fault in targetGone,
    faults: (around: Around) => make(when(around.pod), around),
  })),
);
