/** What the operator reads of a ConfigMap, whose it is, and the metadata that ours carry. */
import { annotations, apiVersion, kind, labels, manager } from '../api/names.ts';
import type { Editor } from './editor.ts';
import type { Rendered } from './render.ts';

/** The LicenseSettings that a ConfigMap belongs to. Nothing else of its metadata gets into a ConfigMap (C8). */
export type Owner = { readonly name: string; readonly uid: string };

type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

/** A ConfigMap as it is kept in memory: its metadata, its data as a hash, its record. */
export type ConfigMapView = {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly ownerReferences?: OwnerReference[];
  };
  readonly dataHash: string;
  /** True when `binaryData` holds anything: ours never do. */
  readonly binary: boolean;
  readonly immutable: boolean;
  /** The text of `licenses.json`: the record of what is live (rule 1). */
  readonly record?: string;
  /** Who else than this operator wrote the contents last, if the API server noted it. */
  readonly editor?: Editor;
  /** True when others wrote more on it than is kept: whoever writes it reads it first, as what others wrote stays. */
  readonly partial?: boolean;
  /** True when its contents were left out, as it had no object: it is read again before anything is decided from them. */
  readonly unread?: boolean;
};

/** What a ConfigMap should be: the rendering, the generation that it is stamped with, and whether it outlives its object. */
export type Want = {
  readonly rendered: Rendered;
  readonly generation: number;
  readonly retained: boolean;
  /** Id of a leader's term, put on what it takes over (rule 7); else the one that is there stays. */
  readonly epoch?: string;
};

const controllerOf = ({ metadata }: ConfigMapView) =>
  metadata.ownerReferences?.find((owner) => owner.controller === true);

const labelled = ({ metadata }: ConfigMapView, owner: Owner): boolean =>
  metadata.labels?.[labels.managedBy] === manager && metadata.labels[labels.settings] === owner.name;

/** True when this object controls the ConfigMap. */
const isControlled = (view: ConfigMapView, owner: Owner): boolean => controllerOf(view)?.uid === owner.uid;

/** True when a ConfigMap that nobody controls says that this object wrote it, as one under Retain does. */
const isNoted = (view: ConfigMapView, owner: Owner): boolean =>
  controllerOf(view) === undefined && view.metadata.annotations?.[annotations.ownerUid] === owner.uid;

/** True when a ConfigMap carries this object's uid: as its controller, or as owner-uid where nobody controls it (R4.1). */
export const carriesUid = (view: ConfigMapView, owner: Owner): boolean =>
  isControlled(view, owner) || isNoted(view, owner);

/**
 * True when a ConfigMap with a desired name may be written: it carries this object's uid; or nobody controls it and it
 * carries our labels with this object's name (left by an earlier object of the same name: R4.2). Anything else is foreign.
 */
export const isOurs = (view: ConfigMapView, owner: Owner): boolean =>
  carriesUid(view, owner) || (controllerOf(view) === undefined && labelled(view, owner));

/** True when an earlier object of the same name controls it: the garbage collector is about to take it. */
export const isLeftBehind = (view: ConfigMapView, owner: Owner): boolean => {
  const controller = controllerOf(view);
  const sameName = controller?.kind === kind && controller.apiVersion === apiVersion && controller.name === owner.name;
  return sameName && controller.uid !== owner.uid;
};

/** The uid that a ConfigMap carries, if it carries one: what caches find it by. */
export const uidOf = (view: ConfigMapView): string | undefined =>
  controllerOf(view)?.uid ?? view.metadata.annotations?.[annotations.ownerUid];

/** True where a ConfigMap holds what the operator wrote last. */
export const isUnedited = ({ metadata, dataHash }: ConfigMapView): boolean =>
  metadata.annotations?.[annotations.dataHash] === dataHash;

/** The generation stamp, if it is one and this object wrote it. */
export function stampOf({ metadata }: ConfigMapView, owner: Owner): number | undefined {
  const text = metadata.annotations?.[annotations.generation] ?? '';
  return metadata.annotations?.[annotations.ownerUid] === owner.uid && /^\d{1,15}$/.test(text)
    ? Number(text)
    : undefined;
}

/** The stamp that a ConfigMap should have: a zone's is that of the change that touched it last. */
export function stampFor(
  { zone }: Rendered,
  view: ConfigMapView | undefined,
  owner: Owner,
  generation: number,
): number {
  const since = zone === undefined || view === undefined ? undefined : stampOf(view, owner);
  return Math.min(generation, since ?? generation);
}

/** Labels, annotations and ownerReferences with ours set; what others put there stays (C7, R3.3). */
export function wantedMetadata(owner: Owner, want: Want, present?: ConfigMapView['metadata']) {
  const reference = { apiVersion, kind, name: owner.name, uid: owner.uid, controller: true, blockOwnerDeletion: false }; // C9
  const others = (present?.ownerReferences ?? []).filter(({ uid }) => uid !== owner.uid);
  const { dataHash, settingsHash, zone } = want.rendered;
  // It may have been a zone's before.
  const { [labels.zone]: _, ...theirs } = present?.labels ?? {};
  return {
    labels: {
      ...theirs,
      [labels.managedBy]: manager,
      [labels.partOf]: manager,
      [labels.settings]: owner.name,
      ...(zone === undefined ? {} : { [labels.zone]: zone }),
    } as Record<string, string>,
    annotations: {
      ...present?.annotations,
      [annotations.ownerUid]: owner.uid,
      [annotations.generation]: String(want.generation),
      [annotations.dataHash]: dataHash,
      ...(settingsHash === undefined ? {} : { [annotations.settingsHash]: settingsHash }),
      ...(want.epoch === undefined ? {} : { [annotations.epoch]: want.epoch }),
    } as Record<string, string>,
    // The garbage collector takes what the object owns: what is retained must not be owned (R5.5).
    ownerReferences: [...others, ...(want.retained ? [] : [reference])],
  };
}

/** True when the object owns it: the garbage collector takes it with the object. */
export const isOwnedBy = ({ uid }: Pick<Owner, 'uid'>, { metadata }: ConfigMapView): boolean =>
  metadata.ownerReferences?.some((reference) => reference.uid === uid) ?? false;

/** True when nothing of ours is missing from the metadata, or other than wanted. */
export function metadataRight(owner: Owner, want: Want, { metadata }: ConfigMapView): boolean {
  const wanted = wantedMetadata(owner, want);
  const holds = (all: Record<string, string> | undefined, ours: Record<string, string>) =>
    Object.entries(ours).every(([key, value]) => all?.[key] === value);
  const references = metadata.ownerReferences?.filter(({ uid }) => uid === owner.uid) ?? [];
  const [reference] = references;
  const noted =
    metadata.labels?.[labels.zone] === want.rendered.zone &&
    holds(metadata.labels, wanted.labels) &&
    holds(metadata.annotations, wanted.annotations);
  if (want.retained) return noted && references.length === 0;
  return (
    noted &&
    references.length === 1 &&
    reference?.controller === true &&
    reference.blockOwnerDeletion !== true &&
    reference.apiVersion === apiVersion &&
    reference.kind === kind &&
    reference.name === owner.name
  );
}
