/** The two kinds as the caches keep them: what is read of each object, and what it is found by. */
import type { Status } from '../api/licensesettings.ts';
import { annotations, labels } from '../api/names.ts';
import { controllerOf, type KubeObject, type NamespacedMeta, type NamespacedObject } from '../kube/index.ts';
import { type ConfigMapView, uidOf } from '../settings/configmap.ts';
import { lastEditor } from '../settings/editor.ts';
import { dataHash } from '../settings/hash.ts';
import { type HiddenField, hiddenFields } from '../settings/hidden.ts';
import { recordOf } from '../settings/record.ts';
import { configMapMetadata, identityOf, leaveOut, settingsMetadata } from './kept.ts';

/**
 * A LicenseSettings as stored: the spec is judged before it is believed. `hidden` are fields of it that were pruned;
 * `unreadable` says why more of it can't be read.
 */
export type LicenseSettings = NamespacedObject & {
  spec?: unknown;
  status?: Status;
  hidden?: readonly HiddenField[];
  unreadable?: string;
};

/**
 * What people ask for with an object: another text when they ask for something else. Its status says nothing of that, and
 * the approval means something under Manual alone.
 */
export const askedFor = ({ metadata, spec }: LicenseSettings): string => {
  const isManual = (spec as { applyPolicy?: unknown } | undefined)?.applyPolicy === 'Manual';
  const approval = isManual ? metadata.annotations?.[annotations.apply] : undefined;
  return [metadata.uid, metadata.generation, metadata.deletionTimestamp, approval].join(' ');
};

/** A ConfigMap as the caches keep it. */
export type StoredConfigMap = ConfigMapView & { metadata: NamespacedMeta };

/** A ConfigMap on the wire. */
export type ConfigMap = NamespacedObject & {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
};

/** Keeps of a LicenseSettings what a reconcile reads. */
export function projectSettings(object: KubeObject): LicenseSettings {
  const { metadata, spec, status } = object as LicenseSettings;
  const hidden = hiddenFields(metadata.managedFields, spec);
  return {
    metadata: settingsMetadata(metadata),
    spec,
    ...(status ? { status } : {}),
    ...(hidden.length > 0 ? { hidden } : {}),
  };
}

/** A LicenseSettings that can't be read: its status will say so, and what is live stays (R9.21). */
export function unreadableSettings(object: KubeObject, words: string): LicenseSettings {
  const { metadata, spec, status } = object as LicenseSettings;
  return { metadata: identityOf(metadata), spec, ...(status ? { status } : {}), unreadable: words };
}

/** A ConfigMap that can't be read: it is nobody's that we know, so it is neither a record nor written nor deleted (R9.21). */
export const unreadableConfigMap = (object: KubeObject): StoredConfigMap => ({
  metadata: identityOf((object as NamespacedObject).metadata),
  ...{ dataHash: 'unreadable', binary: false, immutable: false },
});

/**
 * Keeps of a ConfigMap its metadata, a hash of its data, the record of what is live, and who else wrote it last.
 *
 * @param hasObject whether it can be a LicenseSettings' that is known: of another no more is kept than it is found by.
 */
export function projectConfigMap(
  object: KubeObject,
  hasObject: (view: StoredConfigMap) => boolean = () => true,
): StoredConfigMap {
  const { metadata, data = {}, binaryData, immutable = false } = object as ConfigMap;
  const found = { ...configMapMetadata(metadata), dataHash: 'unread', binary: false, immutable };
  if (!hasObject(found)) return leaveOut(found);
  const record = recordOf(data);
  const editor = lastEditor(metadata.managedFields);
  return {
    ...found,
    dataHash: dataHash(data),
    binary: binaryData !== undefined && Object.keys(binaryData).length > 0,
    ...(record === undefined ? {} : { record }),
    ...(editor ? { editor } : {}),
  };
}

/**
 * What the cache finds ConfigMaps of a namespace by: the uid that they carry, who controls them, and whose label they have.
 */
export const indexConfigMap = (view: StoredConfigMap): string[] => [
  ...[uidOf(view) ?? []].flat().map(carrying),
  ...[controllerOf(view) ?? []].flat().map(({ name }) => controlledBy(name)),
  ...[view.metadata.labels?.[labels.settings] ?? []].flat().map(labelledFor),
];

/** Finds the ConfigMaps that carry a uid. */
export const carrying = (uid: string): string => `uid/${uid}`;

/** Finds the ConfigMaps whose controller has a name, whatever its uid. */
export const controlledBy = (name: string): string => `controller/${name}`;

/** Finds the ConfigMaps whose label names a LicenseSettings. */
export const labelledFor = (name: string): string => `settings/${name}`;
