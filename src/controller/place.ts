/** What a reconcile works with: the namespace of its object, whatever lies in others. */
import type { Clock, NamespacedStore, OwnWrites, Store, TermClient } from '../kube/index.ts';
import { isSuspended } from '../settings/judgement.ts';
import type { Halt } from './halt.ts';
import type { Memory } from './memory.ts';
import type { LicenseSettings, StoredConfigMap } from './objects.ts';
import type { Requests } from './requests.ts';
import type { Turn } from './turn.ts';

/** What a term works with, in every namespace that is watched. */
export type World = {
  readonly client: TermClient;
  readonly clock: Clock;
  readonly settings: Store<LicenseSettings>;
  readonly configMaps: Store<StoredConfigMap>;
  /** Random id of this term: from the start, or from winning the lease, to the end, or to losing it. */
  readonly epoch: string;
  /** What this term remembers of each object, by namespace and name. */
  readonly memories: Map<string, Memory>;
  readonly own: OwnWrites;
};

export type Place = {
  /** Of the object, `namespace/name`, and its name. */
  readonly key: string;
  readonly name: string;
  readonly clock: Clock;
  readonly requests: Requests;
  readonly settings: NamespacedStore<LicenseSettings>;
  readonly configMaps: NamespacedStore<StoredConfigMap>;
  readonly epoch: string;
  readonly own: OwnWrites;
  /** Whether a LicenseSettings with a uid is there, in whichever namespace. */
  readonly isThere: (uid: string) => boolean;
  readonly memory: Memory;
  readonly turn: Turn;
};

/**
 * A plan can take hundreds of writes, so the decision is renewed before each of them (R5.2): the halt where the object is gone,
 * being deleted or, for ConfigMaps, suspended, as far as the cache knows; and where a watch broke off, which may be because etcd is
 * restored from a backup (R7.10).
 *
 * @param seen the version that was decided from: the cache may be behind it
 */
export function overtaken(
  { settings, name, own, key }: Place,
  { uid, resourceVersion }: { readonly uid: string; readonly resourceVersion: string },
  mayBeSuspended = false,
): Halt | undefined {
  if (!own.isCurrent(key))
    return { kind: 'outdated', words: 'a watch broke off: the API server may be of an older time' };
  const object = settings.get(name);
  if (object?.metadata.uid === uid && object.metadata.resourceVersion === resourceVersion) return undefined;
  const why = reasonToStop(object, uid, mayBeSuspended);
  return why === undefined
    ? undefined
    : { kind: 'overtaken', words: `nothing more is written: LicenseSettings ${name} ${why}` };
}

function reasonToStop(object: LicenseSettings | undefined, uid: string, mayBeSuspended: boolean): string | undefined {
  if (object?.metadata.uid !== uid) return 'is gone';
  if (object.metadata.deletionTimestamp) return 'is being deleted';
  return !mayBeSuspended && isSuspended(object.spec) ? 'is suspended' : undefined;
}
