/** Watches: what is there, then each change, a line of JSON each. */
import type { Call } from './call.ts';
import type { Thing } from './objects.ts';
import { Refusal } from './refusal.ts';
import { selector } from './select.ts';
import type { Change, Store } from './store.ts';

/** Where the lines of a watch go. */
export interface Lines {
  write(line: string): void;
  end(): void;
  onClose(listener: () => void): void;
}

/** Milliseconds between two bookmarks. */
const bookmarks = 5000;

/** Serves a watch until its time is up or the client leaves. `show` gives the form in which an object was asked for. */
export function watch(
  store: Store,
  call: Call,
  { namespaced, show }: { namespaced: boolean; show: (object: Thing) => object },
  lines: Lines,
): void {
  const { query, resource, namespace } = call;
  const select = selector(query);
  const isHere = (object: Thing) => (!namespaced || namespace === undefined || object.metadata.namespace === namespace) && select(object);
  const event = (type: string, object: object) => lines.write(`${JSON.stringify({ type, object })}\n`);
  const bookmark = (annotations?: object) => {
    const metadata = {
      resourceVersion: String(store.version()),
      creationTimestamp: null,
      ...(annotations === undefined ? {} : { annotations }),
    };
    event('BOOKMARK', { kind: call.resource === 'pods' ? 'Pod' : 'Event', apiVersion: 'v1', metadata });
  };
  const tell = (change: Change): void => {
    if (change.resource !== resource) return;
    const was = change.before !== undefined && isHere(change.before);
    const is = change.type !== 'DELETED' && isHere(change.object);
    // To who watches a selection, an object that leaves it is deleted.
    if (is) event(was ? 'MODIFIED' : 'ADDED', show(change.object));
    else if (was) event('DELETED', show(change.object));
  };
  const from = query.get('resourceVersion') ?? '';
  const initial = query.get('sendInitialEvents') === 'true';
  try {
    if (from !== '' && from !== '0' && !initial) store.since(Number(from)).forEach(tell);
    else for (const object of store.list(resource, namespaced ? namespace : undefined)) if (isHere(object)) event('ADDED', show(object));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    event('ERROR', error.body as object);
    lines.end();
    return;
  }
  const wantsBookmarks = query.get('allowWatchBookmarks') === 'true';
  if (initial) bookmark({ 'k8s.io/initial-events-end': 'true' });
  const leave = store.listen(tell);
  const ticking = wantsBookmarks ? setInterval(bookmark, bookmarks) : undefined;
  const timer = setTimeout(() => lines.end(), Number(query.get('timeoutSeconds') ?? 1800) * 1000);
  lines.onClose(() => {
    leave();
    clearInterval(ticking);
    clearTimeout(timer);
  });
}
