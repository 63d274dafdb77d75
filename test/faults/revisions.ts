/**
 * Every committed revision of LicenseSettings and ConfigMaps, in the one order in which they were committed: read from
 * etcd itself. Two watches of the API server have no order between them, and some invariants are about that order.
 * The API server must store JSON: `--storage-media-type=application/json`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { linesOf } from '../support/lines.ts';

/** An object as the API server would give it. */
export type StoredObject = {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly deletionTimestamp?: string | undefined;
  };
  readonly [field: string]: unknown;
};

export type Committed = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly kind: 'LicenseSettings' | 'ConfigMap';
  /** Of a deleted object its last state. */
  readonly object: StoredObject;
  /** Revision of etcd: the resourceVersion. */
  readonly revision: number;
};

/** Makes the API server store what {@link watchRevisions} reads. */
export const storesJson = '--storage-media-type=application/json';

/** The first key of ConfigMaps, and the first after LicenseSettings: other kinds between them are left out. */
const range = { key: '/registry/configmaps/', range_end: '/registry/licensing.dialer.dev/licensesettings0' };
const keys = /^\/registry\/(configmaps|licensing\.dialer\.dev\/licensesettings)\/([^/]+)\/([^/]+)$/;

type Pair = { key: string; value?: string; mod_revision: string };
type WireEvent = { type?: 'DELETE'; kv: Pair & { create_revision?: string }; prev_kv?: Pair };
type Line = {
  result?: { events?: WireEvent[]; canceled?: boolean; compact_revision?: string };
  error?: unknown;
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/**
 * Calls `take` for each revision from now on, until `stop` is called; an etcd that goes away is waited for.
 * @param etcd URL of etcd
 * @param onFailure told when revisions may have been missed: whoever judges by them must not acquit
 */
export async function watchRevisions(
  etcd: string,
  take: (committed: Committed) => void,
  onFailure: (problem: string) => void,
): Promise<{ stop: () => Promise<void>; taken: () => number }> {
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  const post = (path: string, body: unknown, signal?: AbortSignal) =>
    request(`${etcd}${path}`, {
      ...{ dispatcher, method: 'POST' as const, body: JSON.stringify(body) },
      ...(signal ? { signal } : {}),
    });
  const now = (await (await post('/v3/kv/range', { key: base64('/none') })).body.json()) as {
    header: { revision: string };
  };
  let next = Number(now.header.revision) + 1;
  let taken = 0;
  const abort = new AbortController();

  const follow = async () => {
    const create = {
      create_request: {
        key: base64(range.key),
        range_end: base64(range.range_end),
        start_revision: String(next),
        prev_kv: true,
        fragment: false,
      },
    };
    const answer = await post('/v3/watch', create, abort.signal);
    for await (const text of linesOf(answer.body.setEncoding('utf8'))) {
      if (text === '') continue;
      const { result, error } = JSON.parse(text) as Line;
      if (error || result?.canceled) {
        if (result?.compact_revision) {
          onFailure(`etcd compacted revisions from ${next} on that were not judged`);
          next = Number(result.compact_revision);
        }
        return;
      }
      for (const event of result?.events ?? []) {
        next = Number(event.kv.mod_revision) + 1;
        const committed = read(event);
        if (!committed) continue;
        taken++;
        take(committed);
      }
    }
  };
  const following = (async () => {
    while (!abort.signal.aborted) {
      await follow().catch((error: unknown) => {
        if (error instanceof SyntaxError || error instanceof TypeError) onFailure(`reading revision ${next}: ${error}`);
      });
      await sleep(100, undefined, { signal: abort.signal }).catch(() => {});
    }
  })();
  return {
    taken: () => taken,
    async stop() {
      abort.abort();
      await following;
      await dispatcher.destroy();
    },
  };
}

function read({ type, kv, prev_kv }: WireEvent): Committed | undefined {
  const [, resource, namespace, name] = keys.exec(Buffer.from(kv.key, 'base64').toString()) ?? [];
  if (!resource || !namespace || !name) return undefined;
  const deleted = type === 'DELETE';
  const value = deleted ? prev_kv?.value : kv.value;
  if (value === undefined) throw new TypeError(`no value of ${namespace}/${name}`);
  const object = JSON.parse(Buffer.from(value, 'base64').toString()) as StoredObject;
  return {
    type: deleted ? 'DELETED' : kv.create_revision === kv.mod_revision ? 'ADDED' : 'MODIFIED',
    kind: resource === 'configmaps' ? 'ConfigMap' : 'LicenseSettings',
    object: { ...object, metadata: { ...object.metadata, resourceVersion: kv.mod_revision } },
    revision: Number(kv.mod_revision),
  };
}
