/** The one request that kubectl sends as protobuf: `auth can-i`. https://protobuf.dev/programming-guides/encoding/ */

/** The fields of a message that are bytes, by their numbers; of a field that repeats, the last. */
function fields(message: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const length = varint();
    if ((tag & 7) !== 2) continue;
    found.set(tag >> 3, message.subarray(at, at + length));
    at += length;
  }
  return found;
}

/** A SelfSubjectAccessReview in the envelope that all of Kubernetes' protobuf has (k8s.io/api authorization/v1 generated.proto). */
export function readReview(body: Buffer): object {
  const raw = fields(body.subarray(4)).get(2) ?? Buffer.alloc(0);
  const spec = fields(fields(raw).get(2) ?? Buffer.alloc(0));
  const attributes = fields(spec.get(1) ?? Buffer.alloc(0));
  const names = ['namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'];
  const texts = names.map((name, index) => [name, attributes.get(index + 1)?.toString('utf8') ?? ''] as const);
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    spec: { resourceAttributes: Object.fromEntries(texts.filter(([, text]) => text !== '')) },
  };
}
