/**
 * Who committed a revision: the operator, or somebody else. etcd does not know, but the proxies saw every write of the
 * operator, with the version that the API server answered.
 */

import { canonical } from '../support/document.ts';
import type { Seen } from './proxy.ts';
import type { Committed, StoredObject } from './revisions.ts';

export type Author = 'operator' | 'other';

const verbs = { ADDED: 'create', MODIFIED: 'update', DELETED: 'delete' } as const;
const resources = { LicenseSettings: /^licensesettings(\/status)?$/, ConfigMap: /^configmaps$/ } as const;

/**
 * The author of a revision; undefined as long as a request that may have been it is not answered yet.
 * @param before the object as it was until then
 */
export function authorOf(
  { type, kind, object, revision }: Committed,
  requests: readonly Seen[],
  before?: StoredObject,
): Author | undefined {
  const { name, uid } = object.metadata;
  let open = false;
  for (const { verb, resource, name: of, body, committed, version, forwarded, ended } of requests) {
    if (!forwarded || verb !== verbs[type] || of !== name || !resources[kind].test(resource)) continue;
    // A connection that broke under the request: what it asked for may have been done.
    const unknown = (committed === undefined && ended !== undefined) || (committed ?? 0) >= 500;
    if (type === 'DELETED') {
      if (body.includes(`"uid":"${uid}"`) && (unknown || committed === 200)) return 'operator';
    } else if (version === revision || (unknown && asks(body, object, kind, before))) return 'operator';
    if (committed === undefined && ended === undefined) open = true;
  }
  return open ? undefined : 'other';
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

/**
 * Passes revisions on in their order, each once its author is known.
 * @param requests what the proxies have seen
 */
export function createAuthors(
  requests: () => readonly Seen[],
  take: (committed: Committed, by: Author) => void,
): {
  add(committed: Committed): void;
  /** Looks again: call it when a request is over. */
  look(): void;
  /** Revisions whose author is not known yet. */
  waiting(): number;
} {
  const queue: Committed[] = [];
  const last = new Map<string, StoredObject>();
  const look = () => {
    for (let first = queue[0]; first; first = queue[0]) {
      const { uid } = first.object.metadata;
      const author = authorOf(first, requests(), last.get(uid));
      if (!author) return;
      last.set(uid, first.object);
      queue.shift();
      take(first, author);
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
