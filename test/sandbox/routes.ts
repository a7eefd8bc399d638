/** Requests by what they are for: discovery, objects, lists, watches, logs. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { containerOf, type Ground, listed, perform, resourceOf } from './api.ts';
import type { Call } from './call.ts';
import { aggregatedType, apiVersion, discovery } from './discovery.ts';
import type { Fault } from './faults.ts';
import type { Thing } from './objects.ts';
import { readProtobuf } from './protobuf.ts';
import { noSuchPage, notAllowed, refuse, unknownFormat } from './refusal.ts';
import { table } from './table.ts';
import { checkSince } from './validation.ts';
import { watch } from './watch.ts';
import { type Below, openWire } from './wire.ts';

/** A request whose body has come, and where its answer goes. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly below: Below;
  readonly faults: readonly Fault[];
}

/** Answers a request with what it is for; throws a Refusal. */
export async function route(ground: Ground, call: Call, exchange: Exchange): Promise<void> {
  const { request, body } = exchange;
  const accept = request.headers.accept ?? '';
  if (call.resource === '') {
    // kubectl up to 1.29 asks for v2beta1 alone, which API servers no longer have.
    const whole = /g=apidiscovery\.k8s\.io;v=v2\b/.test(accept) && /^\/apis?\/?$/.test(call.path);
    const found = discovery(call.path, whole);
    if (found === undefined) throw noSuchPage();
    return send(exchange, 200, found, whole ? aggregatedType : 'application/json');
  }
  const resource = resourceOf(call);
  const isTable = accept.includes('as=Table');
  if (call.verb === 'watch') {
    const show = (object: Thing) => (isTable ? table(call.resource, [object], call.query, object.metadata.resourceVersion) : object);
    return watch(ground.store, call, { namespaced: resource.namespaced, show }, linesOf(exchange));
  }
  if (call.verb === 'list') return list(ground, call, exchange, isTable);
  if (call.subresource === 'log' && call.verb === 'get') return logs(ground, call, exchange);
  if (['exec', 'attach', 'portforward'].includes(call.subresource ?? '')) throw refuse(400, 'Upgrade request required');
  if (call.subresource === 'log') throw notAllowed();
  const type = request.headers['content-type'] ?? '';
  const { code, object } = perform(ground, call, parse(body, type), type);
  return send(exchange, code, isTable && call.verb === 'get' ? table(call.resource, [object as Thing], call.query) : object);
}

function parse(body: Buffer, type: string): unknown {
  if (body.length === 0) return undefined;
  if (type.startsWith('application/vnd.kubernetes.protobuf')) return readProtobuf(body);
  if (type !== '' && !type.includes('json')) throw unknownFormat();
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw refuse(400, 'unexpected end of JSON input');
  }
}

async function send({ response, below, faults }: Exchange, code: number, object: object, type = 'application/json'): Promise<void> {
  response.writeHead(code, { 'Content-Type': type });
  const wire = openWire(below, faults);
  await wire.data(-1, Buffer.from(`${JSON.stringify(object)}\n`));
  if (!wire.isCut()) response.end();
}

function list(ground: Ground, call: Call, exchange: Exchange, isTable: boolean): Promise<void> {
  const items = listed(ground, call);
  const version = String(ground.store.version());
  const resource = resourceOf(call);
  const metadata = { resourceVersion: version };
  const { accept = '' } = exchange.request.headers;
  if (isTable) return send(exchange, 200, table(call.resource, items, call.query, version));
  if (accept.includes('as=PartialObjectMetadataList'))
    return send(exchange, 200, {
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      items: items.map(({ metadata }) => ({ metadata })),
    });
  return send(exchange, 200, { kind: `${resource.kind}List`, apiVersion: apiVersion(resource), metadata, items });
}

function linesOf({ response, below, faults }: Exchange) {
  const wire = openWire(below, faults);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' });
  response.flushHeaders();
  let last = Promise.resolve();
  const then = (next: () => Promise<void>) => {
    last = last.then(next);
  };
  return {
    write: (line: string) => then(() => wire.data(-1, Buffer.from(line))),
    end: () => then(async () => void (wire.isCut() || response.end())),
    onClose: (listener: () => void) => void response.once('close', listener),
  };
}

async function logs(ground: Ground, call: Call, exchange: Exchange): Promise<void> {
  checkSince(call.name ?? '', call.query);
  const { pod, name, kept, status } = containerOf(ground, call);
  const { name: podName } = pod.metadata;
  if (call.query.get('previous') === 'true' && kept?.previous === undefined)
    throw refuse(400, `previous terminated container "${name}" in pod "${podName}" not found`);
  const waiting = status?.state.waiting;
  if (kept?.running === undefined && waiting !== undefined && waiting.reason !== 'CrashLoopBackOff')
    throw refuse(400, `container "${name}" in pod "${podName}" is waiting to start: ${waiting.reason}`);
  const log =
    call.query.get('previous') === 'true' ? kept?.previous : kept?.running === undefined ? (kept?.previous ?? kept?.log) : kept.log;
  const { response } = exchange;
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  const wire = openWire(exchange.below, exchange.faults);
  let last = wire.data(-1, log?.text(call.query) ?? Buffer.alloc(0));
  if (call.query.get('follow') === 'true' && kept?.running !== undefined) {
    response.flushHeaders();
    const leave = log?.follow(({ bytes }) => {
      last = last.then(() => wire.data(-1, bytes));
    });
    await Promise.race([kept.ended, new Promise<void>((resolve) => response.once('close', resolve))]);
    leave?.();
  }
  await last;
  if (!wire.isCut()) response.end();
}
