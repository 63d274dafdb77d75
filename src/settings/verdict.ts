/** What one ConfigMap is against what it should be: rules 3 and 4. Pure. */
import {
  type ConfigMapView,
  carriesUid,
  isLeftBehind,
  isOurs,
  isOwnedBy,
  metadataRight,
  type Owner,
  type Want,
} from './configmap.ts';
import { isLeaving } from './zones.ts';

/**
 * - `create`: there is none.
 * - `update`: it is not as it should be.
 * - `replace`: somebody made it immutable: it is deleted and created again.
 * - `relabel`: an older release rendered it, and the newest spec may not be rolled out: its metadata are mended, the data stay.
 * - `right`: it is as it should be.
 * - `keep`: an older release rendered it, and the rollout has to wait: it stays as it is for now.
 * - `wait`: it is being deleted, or is about to be with an earlier object of the same name.
 * - `conflict`: it is somebody else's.
 */
export type Verdict = 'create' | 'update' | 'replace' | 'relabel' | 'right' | 'keep' | 'wait' | 'conflict';

/** What a verdict depends on besides the ConfigMap itself. */
export type Context = {
  readonly owner: Owner;
  readonly want: Want;
  /** Where the wanted settings are those that are live already; undefined where the settings change. */
  readonly healing?: {
    /** The dataHash that the status has for this name: what this operator, or an older release, wrote last. */
    readonly knownDataHash: string | undefined;
    /** True when the newest spec is applicable: then what an older release rendered is rolled out. */
    readonly applicable: boolean;
    /** True when no other work waits: a rollout comes behind all of it. */
    readonly background: boolean;
  };
};

/** Judges the ConfigMap that has the wanted name; undefined: there is none. */
export function verdictOn(view: ConfigMapView | undefined, { owner, want, healing }: Context): Verdict {
  if (!view) return 'create'; // R3.1
  if (isLeftBehind(view, owner)) return 'wait';
  if (!isOurs(view, owner)) return 'conflict'; // R4.5, S6
  if (view.metadata.deletionTimestamp) return 'wait';
  // To be created again it has to be deleted, and only what carries this object's uid may be.
  if (view.immutable) return carriesUid(view, owner) ? 'replace' : 'conflict'; // R3.2, R4.7
  if (!view.binary && view.dataHash === want.rendered.dataHash)
    return metadataRight(owner, want, view) ? 'right' : 'update';
  if (!healing || !isOfOlderRelease(view, healing)) return 'update'; // R3.5
  if (healing.applicable) {
    // Who owns it does not wait for a rollout: under Retain that is what keeps it.
    return healing.background || isOwnedBy(owner, view) === want.retained ? 'update' : 'keep';
  }
  const older = { ...want, rendered: { ...want.rendered, dataHash: view.dataHash } };
  return metadataRight(owner, older, view) ? 'keep' : 'relabel';
}

/** True where a ConfigMap holds what the status says: nobody edited it, but today's release renders it another way (R3.4). */
export const isOfOlderRelease = (view: ConfigMapView, { knownDataHash }: NonNullable<Context['healing']>): boolean =>
  !view.binary && view.dataHash === knownDataHash;

/**
 * The ConfigMaps that have to go once the wanted ones are there, as after a rename. One that goes already, and holds nothing, is
 * waited for by nobody.
 */
export const obsolete = (views: Iterable<ConfigMapView>, owner: Owner, wanted: ReadonlySet<string>): ConfigMapView[] =>
  [...views].filter((view) => !wanted.has(view.metadata.name) && isOurs(view, owner) && !isLeaving(view));
