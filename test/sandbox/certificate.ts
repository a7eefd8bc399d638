/** A certificate for 127.0.0.1 that signs itself, made anew for each sandbox: the few parts of X.509 (RFC 5280) that it takes. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** Both as PEM; the certificate is its own authority. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

const encode = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.of(tag, ...length), body]);
};
const sequence = (...parts: readonly Uint8Array[]) => encode(0x30, ...parts);
const oid = (hex: string) => encode(0x06, Buffer.from(hex, 'hex'));
const utc = (date: Date) => encode(0x17, Buffer.from(`${date.toISOString().replace(/\.\d+/, '').replace(/[-:T]/g, '').slice(2)}`));

const yes = encode(0x01, Buffer.of(0xff));
const extension = (id: string, value: Uint8Array, ...critical: readonly Uint8Array[]) =>
  sequence(oid(id), ...critical, encode(0x04, value));

/** Makes a key and its certificate, good from an hour ago for a day. */
export function selfSigned(): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const name = sequence(encode(0x31, sequence(oid('550403'), encode(0x0c, Buffer.from('kprof sandbox')))));
  const names = sequence(encode(0x82, Buffer.from('localhost')), encode(0x87, Buffer.of(127, 0, 0, 1)));
  const serial = Buffer.concat([Buffer.of(1), randomBytes(8)]);
  const body = sequence(
    encode(0xa0, encode(0x02, Buffer.of(2))),
    encode(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(utc(new Date(Date.now() - 3_600_000)), utc(new Date(Date.now() + 86_400_000))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    encode(0xa3, sequence(extension('551d13', sequence(yes), yes), extension('551d11', names))),
  );
  const signature = encode(0x03, Buffer.of(0), sign('sha256', body, privateKey));
  const base64 = sequence(body, ecdsaWithSha256, signature)
    .toString('base64')
    .match(/.{1,64}/g);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${base64?.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}
