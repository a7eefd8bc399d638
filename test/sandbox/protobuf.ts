/**
 * Bodies in protobuf, which kubectl sends for the kinds that it has built in: those kinds, and of them what the sandbox knows. The numbers
 * are those of generated.proto in k8s.io/api and k8s.io/apimachinery; https://protobuf.dev/programming-guides/encoding/
 */
import { refuse, unknownFormat } from './refusal.ts';

/** A value as it is on the wire: a varint, or bytes with their length. */
type Wire = bigint | Buffer;

interface Type {
  readonly isBytes: boolean;
  /** Go writes what is empty unless it is a pointer, JSON leaves it out. */
  readonly keepsEmpty?: boolean;
  /** `before` is what an earlier field of this name gave. */
  read(wire: Wire, before: unknown): unknown;
}
type Fields = Readonly<Record<string, readonly [number: number, type: Type]>>;

const magic = 'k8s\0';
const bytes: Type = { isBytes: true, read: (wire) => wire };
const text: Type = { isBytes: true, read: (wire) => wire.toString() };
const flag: Type = { isBytes: false, read: (wire) => wire !== 0n };
const whole: Type = { isBytes: false, read: (wire) => Number(BigInt.asIntN(64, wire as bigint)) };
const pointer = (type: Type): Type => ({ ...type, keepsEmpty: true });
const list = (type: Type): Type => ({
  ...pointer(type),
  read: (wire, before = []) => [...(before as unknown[]), type.read(wire, undefined)],
});

/** A message; the fields of one that is named `...` are those of the message around it, as Go embeds them. */
function message(fields: Fields): Type {
  const known = new Map(Object.entries(fields).map(([name, [number, type]]) => [number, { name, type }]));
  const read = (wire: Wire): object => {
    const found: Record<string, unknown> = {};
    for (const [number, value] of fieldsOf(wire as Buffer)) {
      const { name = '', type } = known.get(number) ?? {};
      if (type === undefined || type.isBytes !== (typeof value !== 'bigint')) continue;
      const inner = type.read(value, found[name]);
      if (name === '...') Object.assign(found, inner);
      else if (type.keepsEmpty || !['', 0, false].includes(inner as string)) found[name] = inner;
    }
    return found;
  };
  return { isBytes: true, read };
}

/** A map, which on the wire is a list of its entries. */
function map(type: Type): Type {
  const entry = message({ key: [1, pointer(text)], value: [2, pointer(type)] });
  const read = (wire: Wire, before: unknown = {}) => {
    const { key = '', value = '' } = entry.read(wire, undefined) as { key?: string; value?: unknown };
    return { ...(before as object), [key]: value };
  };
  return { isBytes: true, read };
}

/** A message's fields in their order. */
function* fieldsOf(message: Buffer): Generator<readonly [number: number, value: Wire]> {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > message.length) throw refuse(400, 'unexpected EOF');
    at += length;
    return message.subarray(at - length, at);
  };
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = take(1)[0] ?? 0;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw refuse(400, 'proto: integer overflow');
  };
  while (at < message.length) {
    const tag = Number(varint());
    const kind = tag & 7;
    if (kind === 0) yield [tag >> 3, varint()];
    else if (kind === 2) yield [tag >> 3, take(Number(varint()))];
    else if (kind === 1 || kind === 5) take(kind === 1 ? 8 : 4);
    else throw refuse(400, `proto: illegal wireType ${kind}`);
  }
}

const quantity: Type = {
  isBytes: true,
  read: (wire) => (message({ string: [1, text] }).read(wire, undefined) as { string?: string }).string ?? '0',
};
const metadata = message({
  name: [1, text],
  generateName: [2, text],
  namespace: [3, text],
  uid: [5, text],
  resourceVersion: [6, text],
  labels: [11, map(text)],
  annotations: [12, map(text)],
});
const seccompProfile = message({ type: [1, text], localhostProfile: [2, text] });
const containerFields: Fields = {
  name: [1, text],
  image: [2, text],
  command: [3, list(text)],
  args: [4, list(text)],
  workingDir: [5, text],
  ports: [6, list(message({ name: [1, text], hostPort: [2, whole], containerPort: [3, whole], protocol: [4, text], hostIP: [5, text] }))],
  env: [7, list(message({ name: [1, text], value: [2, text] }))],
  resources: [8, message({ limits: [1, map(quantity)], requests: [2, map(quantity)] })],
  volumeMounts: [
    9,
    list(message({ name: [1, text], readOnly: [2, flag], mountPath: [3, text], subPath: [4, text], mountPropagation: [5, text] })),
  ],
  terminationMessagePath: [13, text],
  imagePullPolicy: [14, text],
  securityContext: [
    15,
    message({
      capabilities: [1, message({ add: [1, list(text)], drop: [2, list(text)] })],
      privileged: [2, pointer(flag)],
      runAsUser: [4, pointer(whole)],
      runAsNonRoot: [5, pointer(flag)],
      readOnlyRootFilesystem: [6, pointer(flag)],
      allowPrivilegeEscalation: [7, pointer(flag)],
      runAsGroup: [8, pointer(whole)],
      seccompProfile: [11, seccompProfile],
    }),
  ],
  stdin: [16, flag],
  stdinOnce: [17, flag],
  tty: [18, flag],
  terminationMessagePolicy: [20, text],
  restartPolicy: [24, text],
};
const container = message(containerFields);
const volumeSource = message({
  hostPath: [1, message({ path: [1, text], type: [2, text] })],
  emptyDir: [2, message({ medium: [1, text], sizeLimit: [2, quantity] })],
});
const podSpec = message({
  volumes: [1, list(message({ name: [1, text], '...': [2, volumeSource] }))],
  containers: [2, list(container)],
  restartPolicy: [3, text],
  terminationGracePeriodSeconds: [4, pointer(whole)],
  dnsPolicy: [6, text],
  nodeSelector: [7, map(text)],
  serviceAccountName: [8, text],
  nodeName: [10, text],
  hostNetwork: [11, flag],
  hostPID: [12, flag],
  hostIPC: [13, flag],
  securityContext: [
    14,
    message({
      runAsUser: [2, pointer(whole)],
      runAsNonRoot: [3, pointer(flag)],
      supplementalGroups: [4, list(whole)],
      fsGroup: [5, pointer(whole)],
      runAsGroup: [6, pointer(whole)],
      seccompProfile: [10, seccompProfile],
    }),
  ],
  hostname: [16, text],
  schedulerName: [19, text],
  initContainers: [20, list(container)],
  shareProcessNamespace: [27, pointer(flag)],
  ephemeralContainers: [34, list(message({ '...': [1, container], targetContainerName: [2, text] }))],
});
const deploymentSpec = message({
  replicas: [1, pointer(whole)],
  selector: [2, message({ matchLabels: [1, map(text)] })],
  template: [3, message({ metadata: [1, metadata], spec: [2, podSpec] })],
});
const resourceAttributes = message({
  namespace: [1, text],
  verb: [2, text],
  group: [3, text],
  version: [4, text],
  resource: [5, text],
  subresource: [6, text],
  name: [7, text],
});

const kinds: Readonly<Record<string, Type>> = {
  'v1/Pod': message({ metadata: [1, metadata], spec: [2, podSpec] }),
  'v1/Namespace': message({ metadata: [1, metadata] }),
  'v1/DeleteOptions': message({
    gracePeriodSeconds: [1, pointer(whole)],
    preconditions: [2, message({ uid: [1, text], resourceVersion: [2, text] })],
    propagationPolicy: [4, text],
    dryRun: [5, list(text)],
  }),
  'apps/v1/Deployment': message({ metadata: [1, metadata], spec: [2, deploymentSpec] }),
  'authorization.k8s.io/v1/SelfSubjectAccessReview': message({ spec: [2, message({ resourceAttributes: [1, resourceAttributes] })] }),
};

/** In what all of Kubernetes' protobuf is wrapped (apimachinery pkg/runtime, Unknown). */
const envelope = message({ typeMeta: [1, message({ apiVersion: [1, text], kind: [2, text] })], raw: [2, bytes] });

/** The object that a body is; throws a Refusal when it is none, or of a kind that the sandbox takes as JSON alone. */
export function readProtobuf(body: Buffer): object {
  if (body.subarray(0, magic.length).toString('latin1') !== magic)
    throw refuse(400, 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const { typeMeta, raw = Buffer.alloc(0) } = envelope.read(body.subarray(magic.length), undefined) as {
    typeMeta?: { apiVersion?: string; kind?: string };
    raw?: Buffer;
  };
  const type = kinds[`${typeMeta?.apiVersion}/${typeMeta?.kind}`];
  if (type === undefined) throw unknownFormat();
  return { ...typeMeta, ...(type.read(raw, undefined) as object) };
}
