/**
 * Who committed a revision: the operator, or somebody else. etcd does not know, but the proxies saw every write of the
 * operator, with the version that the API server answered.
 */

import { canonical } from '../contract/document.ts';
import type { Seen } from './proxy.ts';
import type { Committed, StoredObject } from './revisions.ts';

export type Author = 'operator' | 'other';

const verbs = { ADDED: 'create', MODIFIED: 'update', DELETED: 'delete' } as const;
const resources = { LicenseSettings: /^licensesettings(\/status)?$/, ConfigMap: /^configmaps$/ } as const;

/** Who it was, and by which request of the operator. */
export type Source = { readonly by: Author; readonly request?: Seen };

/**
 * Where a revision comes from; undefined as long as a request that may have been it is not answered yet.
 * @param before the object as it was until then
 */
export function sourceOf(committed: Committed, requests: readonly Seen[], before?: StoredObject): Source | undefined {
  const { type, kind, object, revision } = committed;
  const { name, namespace, uid, deletionTimestamp } = object.metadata;
  const wasHeld = before?.metadata.deletionTimestamp !== undefined;
  // Whoever takes the last finalizer away ends it: never the operator.
  if (type === 'DELETED' && wasHeld) return { by: 'other' };
  const isMarked = type === 'MODIFIED' && deletionTimestamp !== undefined && !wasHeld;
  const verb = isMarked ? 'delete' : verbs[type];
  let open = false;
  for (const request of requests) {
    const { body, committed: code, version, forwarded, ended } = request;
    if (!forwarded || request.verb !== verb || !resources[kind].test(request.resource)) continue;
    if (request.name !== name || request.namespace !== namespace) continue;
    // A connection that broke under the request: what it asked for may have been done.
    const unknown = (code === undefined && ended !== undefined) || (code ?? 0) >= 500;
    const isAsked =
      verb === 'delete'
        ? body.includes(`"uid":"${uid}"`) && (unknown || (code === 200 && !isMarked))
        : unknown && asks(body, object, kind, before);
    if (isAsked || version === revision) return { by: 'operator', request };
    if (code === undefined && ended === undefined) open = true;
  }
  return open ? undefined : { by: 'other' };
}

/** A ConfigMap as the operator sent it; undefined where that is what was stored: no admission policy came between. */
export function asSent({ kind, object }: Committed, { request }: Source): StoredObject | undefined {
  if (kind !== 'ConfigMap' || !request || request.verb === 'delete') return undefined;
  const { metadata, data, binaryData, immutable } = JSON.parse(request.body) as StoredObject;
  const { labels, annotations } = metadata;
  const sent = { ...object, data, binaryData, immutable, metadata: { ...object.metadata, labels, annotations } };
  const content = ({ metadata: { labels, annotations }, data, binaryData, immutable }: StoredObject) =>
    canonical([labels ?? {}, annotations ?? {}, data ?? {}, binaryData ?? {}, immutable ?? false]);
  return content(sent as StoredObject) === content(object) ? undefined : (sent as StoredObject);
}

/** True when the body of a request asks for what an object has become. */
function asks(body: string, object: StoredObject, kind: Committed['kind'], before: StoredObject | undefined): boolean {
  const wanted = JSON.parse(body) as Pick<StoredObject, 'metadata' | 'data' | 'status'>;
  const same = (a: unknown, b: unknown) => canonical(a) === canonical(b);
  if (kind === 'ConfigMap') {
    return same(wanted.data, object['data']) && same(wanted.metadata.annotations, object.metadata.annotations);
  }
  const rest = ({ metadata: { annotations, labels, generation }, spec }: StoredObject) => [
    annotations,
    labels,
    generation,
    spec,
  ];
  return same(wanted.status, object['status']) && before !== undefined && same(rest(before), rest(object));
}

export type Authors = {
  add(committed: Committed): void;
  /** Looks again: call it when a request is over. */
  look(): void;
  /** Revisions whose author is not known yet. */
  waiting(): number;
};

/**
 * Passes revisions on in their order, each once its author is known.
 * @param requests what the proxies have seen
 */
export function createAuthors(
  requests: () => readonly Seen[],
  take: (committed: Committed, source: Source) => void,
): Authors {
  const queue: Committed[] = [];
  const last = new Map<string, StoredObject>();
  const look = () => {
    for (let first = queue[0]; first; first = queue[0]) {
      const { uid } = first.object.metadata;
      const source = sourceOf(first, requests(), last.get(uid));
      if (!source) return;
      last.set(uid, first.object);
      queue.shift();
      take(first, source);
    }
  };
  return {
    add(committed) {
      queue.push(committed);
      look();
    },
    look,
    waiting: () => queue.length,
  };
}
