/**
 * `SPDY/3.1+portforward.k8s.io`: kubectl's port-forward, SPDY in a WebSocket, as far as that takes:
 * each connection is two streams of one `requestid`, one for data, one for an error.
 * https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
 */
import type { Socket } from 'node:net';
import { constants, inflateSync } from 'node:zlib';
import type WebSocket from 'ws';
import type { Pod } from './objects.ts';
import { dial, refusedText } from './port-forward.ts';
import type { Wire } from './wire.ts';

const words =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin';
const rest =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** The texts that both sides know, which headers are compressed with. */
const dictionary = Buffer.concat([
  ...words.split(' ').flatMap((word) => [uint32(word.length), Buffer.from(word.replace('_', ' '))]),
  Buffer.from(rest),
]);

/** Reads header blocks: all of a connection are one zlib stream. */
function headerReader(): (block: Buffer) => Readonly<Record<string, string>> {
  let [packed, read] = [Buffer.alloc(0), 0];
  return (block) => {
    packed = Buffer.concat([packed, block]);
    const all = inflateSync(packed, { dictionary, finishFlush: constants.Z_SYNC_FLUSH });
    const bytes = all.subarray(read);
    read = all.length;
    let at = 4;
    const text = () => {
      const length = bytes.readUInt32BE(at);
      at += 4 + length;
      return bytes.toString('utf8', at - length, at);
    };
    return Object.fromEntries(Array.from({ length: bytes.readUInt32BE(0) }, () => [text().toLowerCase(), text()]));
  };
}

/** Writes empty header blocks: zlib's own header first, then a stored block, and an empty one that flushes it. */
function emptyHeaders(): () => Buffer {
  let begun = false;
  return () => {
    const block = Buffer.concat([Buffer.from(begun ? '' : '7801', 'hex'), Buffer.from('000400fbff00000000000000ffff', 'hex')]);
    begun = true;
    return block;
  };
}

const [synStream, synReply, reset, ping] = [1, 2, 3, 6];
const fin = 1;

const control = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.of(0x80, 3, 0, type), uint32(body.length), body]);
const dataFrame = (stream: number, bytes: Buffer, flags = 0): Buffer =>
  Buffer.concat([uint32(stream), uint32(flags * 2 ** 24 + bytes.length), bytes]);

/** A connection through the tunnel, while its streams come. */
interface Connection {
  error?: number;
  data?: number;
  line?: Socket;
}

/** Serves the tunnel until the client leaves. */
export function tunnel(socket: WebSocket, wire: Wire, pod: Pod): void {
  const readHeaders = headerReader();
  const noHeaders = emptyHeaders();
  const connections = new Map<string, Connection>();
  const lines = new Map<number, Connection>();
  let buffered = Buffer.alloc(0);
  let last = Promise.resolve();
  const send = (bytes: Buffer, isData = false): Promise<void> => {
    last = last.then(() => (isData ? wire.data(-1, bytes) : wire.control(-1, bytes)));
    return last;
  };

  function open(stream: number, headers: Readonly<Record<string, string>>): void {
    void send(control(synReply, Buffer.concat([uint32(stream), noHeaders()])));
    const id = headers['requestid'] ?? '';
    const connection = connections.get(id) ?? {};
    connections.set(id, connection);
    if (headers['streamtype'] === 'error') connection.error = stream;
    else connection.data = stream;
    if (connection.error === undefined || connection.data === undefined) return;
    connection.line = dial(pod, Number(headers['port']));
    lines.set(connection.data, connection);
    void relay(connection, Number(headers['port']));
  }

  async function relay({ line, data = 0, error = 0 }: Connection, port: number): Promise<void> {
    try {
      for await (const chunk of line ?? []) await send(dataFrame(data, chunk as Buffer), true);
    } catch {
      await send(dataFrame(error, Buffer.from(refusedText(pod, port))));
    }
    await send(dataFrame(data, Buffer.alloc(0), fin));
    await send(dataFrame(error, Buffer.alloc(0), fin));
  }

  function take(head: Buffer, flags: number, body: Buffer): void {
    if ((head[0] ?? 0) < 0x80) {
      const line = lines.get(head.readUInt32BE(0))?.line;
      if (body.length > 0) line?.write(body);
      if ((flags & fin) !== 0) line?.end();
      return;
    }
    const type = head.readUInt16BE(2);
    if (type === synStream) open(body.readUInt32BE(0), readHeaders(body.subarray(10)));
    else if (type === ping) void send(Buffer.concat([head, uint32(body.length), body]));
    else if (type === reset) lines.get(body.readUInt32BE(0))?.line?.destroy();
  }

  socket.on('message', (message) => {
    buffered = Buffer.concat([buffered, message as Buffer]);
    while (buffered.length >= 8) {
      const length = buffered.readUIntBE(5, 3);
      if (buffered.length < 8 + length) return;
      const frame = buffered.subarray(0, 8 + length);
      buffered = buffered.subarray(8 + length);
      take(frame.subarray(0, 4), frame[4] ?? 0, frame.subarray(8));
    }
  });
  socket.once('close', () => {
    for (const { line } of lines.values()) line?.destroy();
  });
}
