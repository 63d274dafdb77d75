/** What has to be done to a ConfigMap: DESIGN section 3, rules 3 and 4. Pure: the answer depends on its arguments alone. */
import {
  type ConfigMapView,
  isLeftBehind,
  isOurs,
  isOwnedBy,
  mayDelete,
  metadataRight,
  type Owner,
  type Want,
} from './configmap.ts';
import { isLeaving } from './zones.ts';

/**
 * - `create`: there is none.
 * - `update`: it is not as it should be.
 * - `replace`: someone made it immutable: it is deleted and created again.
 * - `claim`: the same, but it does not carry our labels and this object's uid: that comes first, nothing else may be deleted.
 * - `right`: it is as it should be.
 * - `rollout`: an older release rendered the same settings another way: rewritten behind all other work.
 * - `keep`: the same, while the newest spec is not applicable: left alone.
 * - `relabel`: an older release rendered it; its metadata are mended, and the data stay for now.
 * - `wait`: it is being deleted, or is about to be with an earlier object of the same name.
 * - `conflict`: it is someone else's.
 */
export type Decision =
  | 'create'
  | 'update'
  | 'replace'
  | 'claim'
  | 'right'
  | 'rollout'
  | 'keep'
  | 'relabel'
  | 'wait'
  | 'conflict';

/** True for a decision by which the ConfigMap itself is written, created or deleted. */
export const asksForWrite = (decision: Decision): boolean =>
  ['create', 'update', 'replace', 'claim', 'rollout', 'relabel'].includes(decision);

/** What a decision depends on besides the ConfigMap itself. */
export type Context = {
  readonly owner: Owner;
  readonly want: Want;
  /** dataHash that the status has for this name: what this operator, or an older release, wrote last. */
  readonly knownDataHash: string | undefined;
  /** True when the wanted settings are the live ones: nothing of the settings changes. */
  readonly unchanged: boolean;
  /** True when the newest spec is applicable. */
  readonly applicable: boolean;
};

/** Judges the ConfigMap that has the wanted name; undefined: there is none. */
export function decide(
  view: ConfigMapView | undefined,
  { owner, want, knownDataHash, unchanged, applicable }: Context,
): Decision {
  if (!view) return 'create';
  if (isLeftBehind(view, owner)) return 'wait';
  if (!isOurs(view, owner)) return 'conflict';
  if (view.metadata.deletionTimestamp) return 'wait';
  if (view.immutable) return mayDelete(view, owner) ? 'replace' : 'claim';
  const intact = !view.binary;
  if (intact && view.dataHash === want.rendered.dataHash) return metadataRight(owner, want, view) ? 'right' : 'update';
  if (intact && unchanged && view.dataHash === knownDataHash) {
    // Who owns it does not wait for a turn: under Retain that is what keeps it.
    if (applicable) return isOwnedBy(owner, view) === want.retained ? 'relabel' : 'rollout';
    const older = { ...want, rendered: { ...want.rendered, dataHash: view.dataHash } };
    return metadataRight(owner, older, view) ? 'keep' : 'relabel';
  }
  return 'update';
}

/**
 * The ConfigMaps that have to go once the wanted ones are there, as after a rename. One that goes already, and holds nothing, is
 * waited for by nobody.
 */
export const obsolete = (views: readonly ConfigMapView[], owner: Owner, wanted: ReadonlySet<string>): ConfigMapView[] =>
  views.filter((view) => !wanted.has(view.metadata.name) && isOurs(view, owner) && !isLeaving(view));
