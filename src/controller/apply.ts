/** Brings ConfigMaps to what they should be. */
import type { Clock } from '../kube/clock.ts';
import { ApiError, asApiError, mayStillLand } from '../kube/errors.ts';
import { controllerOf } from '../kube/object.ts';
import type { NamespacedStore } from '../kube/store.ts';
import { carriesUid, isOwnedBy, type Owner, uidOf, type Want } from '../settings/configmap.ts';
import { type Context, type Decision, decide } from '../settings/plan.ts';
import { jsonKey } from '../settings/render.ts';
import { readZone } from '../settings/zones.ts';
import { type NamespacedApi, type StoredConfigMap, unwatched } from './api.ts';
import { type LateWrites, noteLate } from './late.ts';

/** Where the ConfigMaps of one namespace are read and written: those of another can't be told apart from none. */
export type Caches = { readonly api: NamespacedApi; readonly configMaps: NamespacedStore<StoredConfigMap> };

/** What bringing ConfigMaps to what they should be takes. */
export type Means = Caches & { readonly clock: Clock; readonly late: LateWrites };

export type ApplyInput = Context & {
  /** True when nothing else is waiting for this worker: then a rollout may be done. */
  readonly background: boolean;
};

export type ApplyResult =
  /**
   * It is as it should be; `dataHash` is what it holds. `restored`: its contents had been changed by someone else. `later`:
   * an older release rendered them, and the rollout has to wait for its turn.
   */
  | {
      readonly kind: 'applied';
      readonly dataHash: string;
      readonly restored: boolean;
      readonly later: boolean;
      readonly writes: number;
    }
  /** The name is someone else's. */
  | { readonly kind: 'conflict'; readonly name: string }
  /** It had only been out of sight, and is in the cache now: what is live has to be judged anew, it may be the record. */
  | { readonly kind: 'found' };

/** Brings one ConfigMap to what it should be, with as few writes as it takes. Throws an ApiError. */
export async function bring(means: Means, input: ApplyInput): Promise<ApplyResult> {
  const { api, configMaps: cache, clock, late } = means;
  const { owner, want, knownDataHash, unchanged, applicable, background } = input;
  const { name } = want.rendered;
  const keep = (written: StoredConfigMap) => {
    cache.put(written);
    return written;
  };
  /** `version`: of what is updated. */
  const write = async (version: string | undefined, send: () => Promise<StoredConfigMap>) => {
    const sent = clock.monotonic();
    try {
      return keep(await send());
    } catch (thrown) {
      const error = asApiError(thrown);
      const zone = readZone({ record: want.rendered.data[jsonKey] });
      if (zone && error && mayStillLand(error)) noteLate(late, clock, owner.uid, { name, zone, version, sent });
      throw thrown;
    }
  };
  const create = (former?: StoredConfigMap) => write(undefined, () => api.createConfigMap(owner, want, former));
  const update = (from: StoredConfigMap) =>
    write(from.metadata.resourceVersion, () => api.updateConfigMap(from, owner, want));

  let view = cache.get(name);
  // One that was there has gone from the cache: deleted, or only without its label. A look tells.
  if (!view && knownDataHash !== undefined) {
    view = await missingAsUndefined(api.getConfigMap(name));
    if (!view) await confirmOwner(means, owner);
    else if (carriesUid(view, owner)) {
      keep(view);
      return { kind: 'found' };
    }
  }
  let decision: Decision = decide(view, input);
  // Mended metadata are no news; contents that someone changed are. New settings change them too.
  const drifted = unchanged && (!view || view.immutable || view.binary || view.dataHash !== want.rendered.dataHash);
  let writes = 0;

  if (decision === 'create') {
    try {
      view = await create();
      writes++;
    } catch (error) {
      if (asApiError(error)?.reason !== 'AlreadyExists') throw error;
      view = await api.getConfigMap(name);
      decision = decide(view, input);
    }
  }
  if (view && decision !== 'create') {
    if (decision === 'update' || decision === 'relabel' || decision === 'rollout')
      await confirmBeforeOwning(means, input, view);
    switch (decision) {
      case 'conflict':
        return { kind: 'conflict', name };
      case 'wait':
        throw hasToGo(view);
      case 'rollout':
        if (!background) break;
        view = await update(view);
        writes++;
        break;
      case 'update':
        view = await update(view);
        writes++;
        break;
      case 'relabel':
        view = keep(await api.relabelConfigMap(view, owner, want));
        writes++;
        break;
      case 'claim':
      case 'replace':
        // The new one is created: what carries no version must not be made for an object that is gone.
        await confirmOwner(means, owner);
        if (decision === 'claim') {
          view = keep(await api.claimConfigMap(view, owner, want));
          writes++;
        }
        await remove(means, view);
        view = await create(view);
        writes += 2;
        break;
      case 'right':
      case 'keep':
        keep(view);
        break;
    }
  }
  if (!view) throw new ApiError(`ConfigMap ${name} vanished`, { code: 0 });
  const older = decision === 'rollout' || decision === 'relabel';
  const restored = writes > 0 && drifted && knownDataHash !== undefined && !older;
  const later = older && applicable && view.dataHash !== want.rendered.dataHash;
  return { kind: 'applied', dataHash: view.dataHash, restored, later, writes };
}

/** Deletes a ConfigMap, if it is still the one that was looked at. */
export async function remove({ api, configMaps }: Caches, view: StoredConfigMap): Promise<void> {
  await api.deleteConfigMap(view);
  configMaps.deleted(view);
}

/** Forgets what an object has in the cache without our label: nothing is decided from it, so it need not be read again. */
export function forgetUnwatched({ configMaps }: Pick<Caches, 'configMaps'>, uid: string): void {
  for (const view of configMaps.by(unwatched)) if (uidOf(view) === uid) configMaps.remove(view);
}

/**
 * Reads again what an object has in the cache without our label, and what stands there under a name that it may want: no
 * watch tells of it. Those of others are theirs to ask for. Throws an ApiError.
 */
export async function lookAgain({ api, configMaps }: Caches, { name, uid }: Owner): Promise<void> {
  for (const view of configMaps.by(unwatched)) {
    if (uidOf(view) !== uid && !mayWant(name, view.metadata.name)) continue;
    const found = await missingAsUndefined(api.getConfigMap(view.metadata.name));
    // One that another object retained tells nothing that a look at its name would not.
    const counts = found && (uidOf(found) === uid || controllerOf(found) !== undefined);
    if (counts && uidOf(found) === uidOf(view)) configMaps.put(found);
    else configMaps.remove(view);
  }
}

/** Names of an object's ConfigMaps are its own, or begin with it: DESIGN section 2. */
const mayWant = (object: string, name: string): boolean => name === object || name.startsWith(`${object}-`);

/**
 * Asks, when a ConfigMap that was there has gone, whether its LicenseSettings is still there. When the garbage collector
 * took it our view of that is old, and nothing may be created for an object that is gone: one GET tells.
 * Throws an ApiError, with the reason `OwnerGone` if it is.
 */
export async function confirmOwner({ api }: Caches, owner: Owner): Promise<void> {
  const { uid, deletionTimestamp } = (await missingAsUndefined(api.getSettings(owner.name)))?.metadata ?? {};
  if (uid === owner.uid && deletionTimestamp === undefined) return;
  throw new ApiError(`LicenseSettings ${owner.name} is gone, or being deleted`, { code: 404, reason: 'OwnerGone' });
}

/**
 * A ConfigMap that its LicenseSettings does not own may have been released: by an orphaning delete that our view of the
 * LicenseSettings does not show yet. Given back to it the garbage collector would take it, so one GET tells first.
 * Throws an ApiError, with the reason `OwnerGone` if it is gone.
 */
export async function confirmBeforeOwning(
  caches: Caches,
  input: Pick<ApplyInput, 'owner'> & { readonly want: Pick<Want, 'retained'> },
  view: StoredConfigMap,
): Promise<void> {
  if (!input.want.retained && !isOwnedBy(input.owner, view)) await confirmOwner(caches, input.owner);
}

/** Why nothing is written while a ConfigMap is still there. */
export const hasToGo = (view: StoredConfigMap): ApiError =>
  new ApiError(`ConfigMap ${view.metadata.name} has to go first: ${heldBy(view)}`, { code: 0, reason: 'Waiting' });

const heldBy = ({ metadata }: StoredConfigMap): string =>
  metadata.deletionTimestamp
    ? `it is being deleted, and ${metadata.finalizers?.join(', ') || 'something'} holds it back`
    : 'an earlier object of the same name owns it, until the garbage collector has taken it';

/** Undefined for an object that isn't there. */
export async function missingAsUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (asApiError(error)?.class === 'missing') return undefined;
    throw error;
  }
}
