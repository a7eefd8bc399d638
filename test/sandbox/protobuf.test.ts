import { expect, it } from 'vitest';
import { readProtobuf } from './protobuf.ts';

/** A field that is bytes. */
const field = (number: number, value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of((number << 3) | 2, bytes.length), bytes]);
};
const wrapped = (apiVersion: string, kind: string, raw: Buffer): Buffer =>
  Buffer.concat([Buffer.from('k8s\0'), field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])), field(2, raw)]);
const refusal = (code: number, message: string) => expect.objectContaining({ code, body: expect.objectContaining({ code, message }) });

const labels = Buffer.concat([
  field(11, Buffer.concat([field(1, 'a'), field(2, 'b')])),
  field(11, Buffer.concat([field(1, 'empty'), field(2, '')])),
]);
const namespace = field(1, Buffer.concat([field(1, 'shop'), field(2, ''), labels]));

it('reads an object, without what is empty or unknown', () => {
  const more = Buffer.concat([namespace, field(9, 'unknown'), Buffer.of((9 << 3) | 1, 1, 2, 3, 4, 5, 6, 7, 8)]);
  expect(readProtobuf(wrapped('v1', 'Namespace', more))).toEqual({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { a: 'b', empty: '' } },
  });
});

it('keeps the no and the 0 that were said', () => {
  const context = Buffer.of(2 << 3, 0, 4 << 3, 0, 7 << 3, 1);
  const container = Buffer.concat([field(1, 'a'), field(15, context), Buffer.of(0x80, 1, 0)]);
  expect(readProtobuf(wrapped('v1', 'Pod', field(2, field(2, container))))).toMatchObject({
    spec: { containers: [{ name: 'a', securityContext: { privileged: false, runAsUser: 0, allowPrivilegeEscalation: true } }] },
  });
});

it('refuses other kinds, and what is no protobuf', () => {
  const unknown = 'the body of the request was in an unknown format - accepted media types include: application/json';
  expect(() => readProtobuf(wrapped('v1', 'Service', namespace))).toThrow(refusal(415, unknown));
  const prefix = 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]';
  expect(() => readProtobuf(Buffer.from('{}'))).toThrow(refusal(400, prefix));
  const whole = wrapped('v1', 'Namespace', namespace);
  expect(() => readProtobuf(whole.subarray(0, -1))).toThrow(refusal(400, 'unexpected EOF'));
});
