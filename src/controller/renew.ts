/** A plan can take thousands of writes: its decision is renewed before each of them. DESIGN section 3, rule 5. */
import { ApiError, type NamespacedStore } from '../kube/index.ts';
import type { LicenseSettings, NamespacedApi } from './api.ts';
import { ownReason } from './own-reasons.ts';

/** The reason of the ApiError that stops a reconcile whose object was deleted, replaced or suspended meanwhile. */
export const overtaken = ownReason('Overtaken');

/** True where the API server has a newer version than a write was decided from: not where we stopped it ourselves. */
export const isOutOfDate = (error: ApiError | undefined): boolean =>
  error?.class === 'conflict' && error.reason !== overtaken;

/**
 * The same requests, but a write is sent only while the cache has the object as one that may be written for: with this uid, not
 * being deleted and, for ConfigMaps, not suspended. Else it throws an ApiError of the class `conflict`, with the reason
 * `Overtaken`: what was decided is out of date. The event that changed the cache has the object looked at again.
 */
export function renewed(
  api: NamespacedApi,
  settings: NamespacedStore<LicenseSettings>,
  { name, uid }: { readonly name: string; readonly uid: string },
): NamespacedApi {
  const check = (mayBeSuspended: boolean) => {
    const object = settings.get(name);
    const why = reasonToStop(object, uid, mayBeSuspended);
    if (why)
      throw new ApiError(`nothing more is written: LicenseSettings ${name} ${why}`, { code: 409, reason: overtaken });
  };
  const ifWanted =
    <A extends readonly unknown[], R>(send: (...args: A) => Promise<R>, mayBeSuspended = false) =>
    async (...args: A): Promise<R> => {
      check(mayBeSuspended);
      return send(...args);
    };
  return {
    ...api,
    putStatus: ifWanted(api.putStatus, true),
    createConfigMap: ifWanted(api.createConfigMap),
    updateConfigMap: ifWanted(api.updateConfigMap),
    relabelConfigMap: ifWanted(api.relabelConfigMap),
    claimConfigMap: ifWanted(api.claimConfigMap),
    deleteConfigMap: ifWanted(api.deleteConfigMap),
  };
}

function reasonToStop(object: LicenseSettings | undefined, uid: string, mayBeSuspended: boolean): string | undefined {
  if (object?.metadata.uid !== uid) return 'is gone';
  if (object.metadata.deletionTimestamp) return 'is being deleted';
  return !mayBeSuspended && isSuspended(object.spec) ? 'is suspended' : undefined;
}

/** True where people want to work on the ConfigMaps by hand. */
export const isSuspended = (spec: unknown): boolean => (spec as { suspend?: unknown } | undefined)?.suspend === true;
