/** Names that were found to have no ConfigMap: what was just read is not read again at each try. */
import { asApiError, type Clock, type NamespacedStore } from '../kube/index.ts';
import type { NamespacedApi, StoredConfigMap } from './api.ts';
import type { Turn } from './turn.ts';

/** When each name was last found to have none, on the monotonic clock. Of one object and one term. */
export type Missing = Map<string, number>;

/** So long a name is believed to have no ConfigMap, in milliseconds, unless one of it was seen since. */
const believed = 30_000;

/** Forgets the names that have a ConfigMap now: when that goes again, it may only have lost its label. */
export function forgetFound(missing: Missing, configMaps: NamespacedStore<StoredConfigMap>): void {
  for (const name of missing.keys()) if (configMaps.get(name)) missing.delete(name);
}

/** What was found missing in the turn before is believed in this one, however long others had theirs. */
export function believeAgain(missing: Missing, clock: Clock): void {
  for (const name of missing.keys()) missing.set(name, clock.monotonic());
}

type Looks = { readonly api: NamespacedApi; readonly clock: Clock; readonly missing: Missing; readonly turn: Turn };

/** A ConfigMap that is not in the cache, with or without our label: one GET, unless it was just found missing. */
export async function findConfigMap(
  { api, clock, missing, turn }: Looks,
  name: string,
): Promise<StoredConfigMap | undefined> {
  const since = missing.get(name);
  if (since !== undefined && clock.monotonic() - since < believed) return undefined;
  missing.delete(name);
  turn.goOn();
  const found = await missingAsUndefined(api.getConfigMap(name));
  if (found) return found;
  missing.set(name, clock.monotonic());
  turn.progressed();
  return undefined;
}

/** Undefined for an object that isn't there. */
export async function missingAsUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (asApiError(error)?.class === 'missing') return undefined;
    throw error;
  }
}
