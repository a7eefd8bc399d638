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
  /** What is typed besides. */
  readonly argv: readonly string[];
  /** What it does is noticed after a minute only. */
  readonly waits: boolean;
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
  'flipped bits': [(when, { chance }) => [{ when, fault: 'flip', every: 100, seed: seedOf(chance) }], [0]],
  'lost bytes': [
    (when, { chance }) => [{ when, fault: 'lose', from: Math.floor(chance() * 40), bytes: 1 + Math.floor(chance() * 40) }],
    [0],
  ],
};

type Field = readonly [fault: string, make: Make, codes: readonly number[], waits?: 'waits'];
const all = (makes: Readonly<Record<string, Make>>, ...codes: readonly number[]): readonly Field[] =>
  Object.entries(makes).map(([fault, make]) => [fault, make, codes]);
const each = (makes: Readonly<Record<string, readonly [Make, readonly number[]]>>): readonly Field[] =>
  Object.entries(makes).map(([fault, [make, codes]]) => [fault, make, codes]);

interface Stage {
  readonly stage: string;
  readonly argv?: readonly string[];
  readonly when: (pod: string) => When;
  readonly fields: readonly Field[];
}

const nth = (when: When, n: number): When => ({ ...when, nth: n });
const seedOf = (chance: () => number): number => Math.floor(chance() * 2 ** 31);
/** Several faults at once. */
const both =
  (...makes: readonly Make[]): Make =>
  (when, around) =>
    makes.flatMap((make) => make(when, around));
/** The same of every such request, and not of one of them. */
const always =
  (make: Make): Make =>
  ({ nth: _, ...when }, around) =>
    make(when, around);
/** Anywhere in the stream of a recording. */
const along = (makes: readonly Field[]): readonly Field[] =>
  makes.map(([fault, make, ...rest]) => [
    fault,
    (when, around) =>
      make(when, around).map((one) => ('after' in one ? { ...one, after: Math.floor(around.chance() * around.bytes) } : one)),
    ...rest,
  ]);

/** At the end of the stream of a recording. */
const atEnd =
  (make: Make): Make =>
  (when, around) =>
    make(when, around).map((one) => ('after' in one ? { ...one, after: around.bytes } : one));

const flipped =
  (least: number, spread: number): Make =>
  (when, { chance }) => [{ when, fault: 'flip', every: least + Math.floor(chance() * spread), seed: seedOf(chance) }];
const tailLost: Make = (when, { chance, bytes }) => [
  { when, fault: 'lose', from: Math.floor(chance() * bytes), bytes: 1 + Math.floor(chance() * bytes) },
];

/** What becomes of what the pod says of the file: which one it is, and its sums. */
const account = {
  lost: (when) => [{ when, fault: 'lose', channel: 2, from: 0, bytes: 2 ** 20 }],
  cut: (when, { chance }) => [{ when, fault: 'lose', channel: 2, from: Math.floor(chance() * 130), bytes: 1 + Math.floor(chance() * 60) }],
  flipped: (when, { chance }) => [{ when, fault: 'flip', channel: 2, every: 20 + Math.floor(chance() * 60), seed: seedOf(chance) }],
} satisfies Record<string, Make>;

/** The end of a capture is a word on the line that holds it; where that is cut, on the next one. */
const lastWord =
  (make: Make): Make =>
  (_, around) =>
    make(nth(execs(around.pod, 'hold'), 1), around);
const lastWordAgain =
  (make: Make): Make =>
  (when, around) => [...atEnd(broken['all lines cut'] as Make)(when, around), ...make(nth(execs(around.pod, 'hold'), 2), around)];

/** An image that has no more than a shell and tar: what it sends is not packed, and its sum is the only proof. */
const stock = ['--image', 'registry.local/stock:1'];

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
    fields: [
      ...all(broken, 0),
      ['a byte a second', (when) => [{ when, fault: 'pace', bytesPerSecond: 1 }], [0, 6], 'waits'],
      ...each(refusing),
      ...each(lied),
      ...all(killed, 1, 5),
      ...all(targetGone, 5),
    ],
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
      ['flipped bits', flipped(2000, 20_000), [0, 3]],
      ['a tail that is lost', tailLost, [0, 3], 'waits'],
      ['a slow line', (when) => [{ when, fault: 'pace', bytesPerSecond: 400_000 }], [0]],
      [
        'a byte a second',
        (when, { chance, bytes }) => [{ when, fault: 'pace', bytesPerSecond: 1, from: Math.floor(chance() * bytes) }],
        [0],
        'waits',
      ],
      ...all(killed, 3, 5),
      ...all(targetGone, 3, 5),
    ]),
  },
  {
    stage: 'pull as it is',
    argv: stock,
    when: (pod) => nth(execs(pod, 'pull'), 1),
    fields: along([
      ...all(
        {
          'a cut by RST': cut('rst', 0),
          'a cut by FIN': cut('fin', 0),
          'all lines cut': weather((proxy) => proxy.cutAfter(0, 'once')),
          'no verdict': verdict('none'),
          'a success that is none': verdict(0),
        },
        0,
      ),
      ['another exit code', verdict(7), [0, 3]],
      ['flipped bits', flipped(2000, 20_000), [0, 3]],
      ['a tail that is lost', tailLost, [0, 3], 'waits'],
      ...all(killed, 3, 5),
      ...all(targetGone, 3, 5),
    ]),
  },
  {
    stage: 'verify',
    when: (pod) => nth(execs(pod, 'pull'), 1),
    fields: [
      ...all({ 'the account is lost': account.lost, 'a part of it is lost': account.cut, 'bits of it are flipped': account.flipped }, 0, 3),
      ['it is lost, and bits of the file are flipped', always(both(account.lost, flipped(2000, 20_000))), [3]],
    ],
  },
  {
    stage: 'verify as it is',
    argv: stock,
    when: (pod) => nth(execs(pod, 'pull'), 1),
    fields: [
      // Without a proof nothing is whole, not even what is.
      ['the account is lost', account.lost, [3, 6], 'waits'],
      ['a part of it is lost', account.cut, [0, 3, 6], 'waits'],
      ['bits of it are flipped', account.flipped, [0, 3, 6], 'waits'],
      ['it is lost, and bits of the file are flipped', always(both(account.lost, flipped(2000, 20_000))), [3, 6], 'waits'],
    ],
  },
  {
    stage: 'clean up',
    // At the end of the pull's own stream: what comes next is the word that ends the capture.
    when: (pod) => nth(execs(pod, 'pull'), 1),
    fields: [
      ...all(
        {
          'all lines cut': atEnd(broken['all lines cut'] as Make),
          'nobody listens for a while': atEnd(broken['nobody listens for a while'] as Make),
          'all lines fall silent': atEnd(weather((proxy) => proxy.silence('once'))),
          'another exit code': lastWord(verdict(7)),
          'no verdict': lastWord(verdict('none')),
          'all lines cut, and a delay': lastWordAgain(delay),
          'all lines cut, and a 500': lastWordAgain(refuse(500)),
          'all lines cut, and another exit code': lastWordAgain(verdict(7)),
          'all lines cut, and no verdict': lastWordAgain(verdict('none')),
        },
        0,
      ),
      ...all({ 'the debug container is killed': atEnd(killed['the debug container is killed'] as Make) }, 0, 3, 5),
      ...all(targetGone, 0, 3, 5).map(([fault, make, codes]): Field => [fault, atEnd(make), codes]),
    ],
  },
];

/** All fields. */
export const trials: readonly Trial[] = stages.flatMap(({ stage, argv = [], when, fields }) =>
  fields.map(([fault, make, codes, waits]) => ({
    stage,
    fault,
    codes,
    argv,
    waits: waits !== undefined,
    targetEnds: fault in targetGone,
    faults: (around: Around) => make(when(around.pod), around),
  })),
);
