/** Keeps the ConfigMaps of an object at what its settings say: a change without zones, drift, a rename, a rollout. */
import type { Declaration, Status } from '../api/licensesettings.ts';
import { type ApiError, asApiError } from '../kube/errors.ts';
import { type Owner, stampFor } from '../settings/configmap.ts';
import { obsolete } from '../settings/plan.ts';
import { configMapNames, render } from '../settings/render.ts';
import { configMapEntry } from '../settings/status.ts';
import type { StoredConfigMap } from './api.ts';
import { bring, bringBack, discard, type Means, type Restored, stopsOneOnly } from './apply.ts';

export type HoldInput = {
  readonly owner: Owner;
  readonly target: Declaration;
  /** Stamp of a ConfigMap whose data change. */
  readonly generation: number;
  readonly retained: boolean;
  /** What the status says that the ConfigMaps hold. */
  readonly known: Status['configMaps'];
  readonly unchanged: boolean;
  readonly applicable: boolean;
  readonly background: boolean;
  readonly owned: readonly StoredConfigMap[];
  /** What an earlier object of the name left. */
  readonly inherited: readonly StoredConfigMap[];
  /** Told of each ConfigMap whose contents someone had changed, when it is whole again, whatever comes of the others. */
  readonly onRestored: (restored: Restored) => void;
};

export type HoldResult =
  | {
      readonly kind: 'held';
      readonly configMaps: NonNullable<Status['configMaps']>;
      readonly writes: number;
      /** True when a rollout is left, and has to wait for its turn. */
      readonly later: boolean;
      /** Why what a rename left behind could not be deleted: the settings are live all the same. */
      readonly failure: ApiError | undefined;
    }
  | { readonly kind: 'conflict'; readonly name: string }
  /** A ConfigMap that had been out of sight is in the cache now: what is live has to be judged anew. */
  | { readonly kind: 'found' };

/**
 * Brings each ConfigMap to what it should be; then what a rename left behind goes. One that is someone else's, whose write
 * is refused or does not stay, or that has to go first, does not keep the others from being healed. Throws an ApiError.
 */
export async function hold(world: Means, input: HoldInput): Promise<HoldResult> {
  const { owner, target, generation, retained, known = [], unchanged, applicable, background } = input;
  const wanted = new Set(configMapNames(target));
  const givenUp = known.flatMap(({ name }) => (wanted.has(name) ? [] : name));
  if ((await bringBack(world, owner, givenUp)).found) return { kind: 'found' };
  const held: NonNullable<Status['configMaps']> = [];
  let [writes, later] = [0, false];
  let taken: string | undefined;
  let first: ApiError | undefined;
  for (const rendered of render(target)) {
    const { name } = rendered;
    const knownDataHash = known.find((one) => one.name === name)?.dataHash;
    const stamp = stampFor(rendered, world.configMaps.get(name), owner, generation);
    const want = { rendered, generation: stamp, retained };
    const context = { owner, want, knownDataHash, unchanged, applicable, background };
    try {
      const result = await bring(world, context);
      if (result.kind === 'found') return result;
      if (result.kind === 'conflict') {
        taken ??= name;
        continue;
      }
      writes += result.writes;
      later ||= result.later;
      if (result.restored) input.onRestored(result.restored);
      held.push(configMapEntry({ name, dataHash: result.dataHash }, retained));
    } catch (error) {
      const failed = asApiError(error);
      if (!failed || !stopsOneOnly(failed)) throw error;
      first ??= failed;
    }
  }
  if (taken) return { kind: 'conflict', name: taken };
  if (first) throw first;
  let failure: ApiError | undefined;
  const left = [...input.owned, ...input.inherited];
  for (const old of obsolete(left, owner, new Set(held.map(({ name }) => name)))) {
    try {
      writes += await discard(world, input, old as StoredConfigMap);
    } catch (error) {
      failure = asApiError(error);
      // What is out of date is decided anew, and what has had its turn goes on in the next.
      if (!failure || failure.class === 'conflict') throw error;
    }
  }
  return { kind: 'held', configMaps: held, writes, later, failure };
}
