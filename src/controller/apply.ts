/** Brings ConfigMaps to what they should be. */
import { ApiError, asApiError } from '../kube/errors.ts';
import type { Store } from '../kube/store.ts';
import { type Context, type Decision, decide } from '../settings/plan.ts';
import type { Api, StoredConfigMap } from './api.ts';

/** Where ConfigMaps are read and written. */
export type Caches = { readonly api: Api; readonly configMaps: Store<StoredConfigMap> };

export type ApplyInput = Context & {
  readonly namespace: string;
  /** True when nothing else is waiting for this worker: then a rollout may be done. */
  readonly background: boolean;
};

export type ApplyResult =
  /** It is as it should be; `dataHash` is what it holds. `restored`: its contents had been changed by someone else. */
  | { readonly kind: 'applied'; readonly dataHash: string; readonly restored: boolean; readonly writes: number }
  /** The name is someone else's. */
  | { readonly kind: 'conflict'; readonly name: string }
  /** Only a rollout is left, and it has to wait for its turn. */
  | { readonly kind: 'later' };

/** Brings one ConfigMap to what it should be, with as few writes as it takes. Throws an ApiError. */
export async function bring(caches: Caches, input: ApplyInput): Promise<ApplyResult> {
  const { api, configMaps: cache } = caches;
  const { owner, want, namespace, unchanged, knownDataHash, background } = input;
  const name = want.rendered.name;
  const keep = (written: StoredConfigMap) => {
    cache.put(written);
    return written;
  };
  const create = async () => keep(await api.createConfigMap(namespace, owner, want));

  let view = cache.get(`${namespace}/${name}`);
  // One that was there has gone from the cache: deleted, or only without its label. A look tells.
  if (!view && knownDataHash !== undefined) view = await missingAsUndefined(api.getConfigMap(namespace, name));
  let decision: Decision = decide(view, input);
  // Mended metadata are no news; contents that someone changed are.
  const drifted = !view || view.immutable || view.binary || view.dataHash !== want.rendered.dataHash;
  let writes = 0;

  if (decision === 'create') {
    try {
      view = await create();
      writes++;
    } catch (error) {
      if (asApiError(error)?.reason !== 'AlreadyExists') throw error;
      view = await api.getConfigMap(namespace, name);
      decision = decide(view, input);
    }
  }
  if (view && decision !== 'create') {
    switch (decision) {
      case 'conflict':
        return { kind: 'conflict', name };
      case 'wait':
        throw new ApiError(`ConfigMap ${name} is being deleted, and ${finalizersOf(view)} holds it back`, { code: 0 });
      case 'rollout':
        if (!background) return { kind: 'later' };
        view = keep(await api.updateConfigMap(view, owner, want));
        writes++;
        break;
      case 'update':
        view = keep(await api.updateConfigMap(view, owner, want));
        writes++;
        break;
      case 'relabel':
        view = keep(await api.relabelConfigMap(view, owner, want));
        writes++;
        break;
      case 'replace':
        await remove(caches, view);
        view = await create();
        writes += 2;
        break;
      case 'right':
      case 'keep':
        keep(view);
        break;
    }
  }
  if (!view) throw new ApiError(`ConfigMap ${name} vanished`, { code: 0 });
  const restored = writes > 0 && drifted && unchanged && knownDataHash !== undefined && decision !== 'rollout';
  return { kind: 'applied', dataHash: view.dataHash, restored, writes };
}

/** Deletes a ConfigMap, if it is still the one that was looked at. */
export async function remove({ api, configMaps }: Caches, view: StoredConfigMap): Promise<void> {
  await api.deleteConfigMap(view);
  configMaps.deleted(view);
}

const finalizersOf = ({ metadata }: StoredConfigMap): string => metadata.finalizers?.join(', ') || 'something';

/** Undefined for an object that isn't there. */
export async function missingAsUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (asApiError(error)?.class === 'missing') return undefined;
    throw error;
  }
}
