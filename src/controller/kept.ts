/**
 * What the caches keep of metadata. Others may write up to the megabyte that an object may have, into any number of objects:
 * so what decides is kept, in bounds, and the rest of a ConfigMap only while it is small (R9.24).
 */
import { annotations, labels } from '../api/names.ts';
import { cutText } from '../api/text.ts';
import type { NamespacedMeta, OwnerReference } from '../kube/index.ts';
import type { StoredConfigMap } from './objects.ts';

/**
 * Longest metadata of a ConfigMap that are kept whole, in characters of their JSON. Ours take less than 2 KiB; the rest is
 * room for what tools put on it (a tracking id of Argo CD, the labels of a chart), so that a write need not read it first.
 * Ten thousand ConfigMaps that use all of it take 40 MB.
 */
export const maxMetadata = 4 * 1024;
/** Longest text that decides, in bytes: hashes have 64, names of LicenseSettings 63. A longer one is none of ours. */
const maxDecisive = 128;
/** Longest approval that is kept, in bytes: a settingsHash has 64, and of another value a status shows no more than 80. */
const maxApproval = 256;
/** Of references to one object: a second one is wrong, whatever comes after it. */
const maxReferences = 2;

/** What says which object it is, and nothing that anybody may have written on it. */
export const identityOf = ({
  name,
  namespace,
  uid,
  resourceVersion,
  generation,
  deletionTimestamp,
}: NamespacedMeta): NamespacedMeta => ({
  ...{ name, namespace, uid, resourceVersion },
  ...(generation === undefined ? {} : { generation }),
  ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
});

/** Of the metadata of a LicenseSettings only the approval decides. */
export function settingsMetadata(metadata: NamespacedMeta): NamespacedMeta {
  const approval = metadata.annotations?.[annotations.apply];
  const kept = approval === undefined ? {} : { annotations: { [annotations.apply]: keptApproval(approval) } };
  return { ...identityOf(metadata), ...kept };
}

/** Surrounding spaces don't matter. What was cut ends with `…`, so it is no hash. */
function keptApproval(text: string): string {
  const bare = text.trim();
  // A part of a text keeps the whole of it in memory; a copy does not.
  return bare.length === text.length ? cutText(text, maxApproval) : copyOf(cutText(bare, maxApproval));
}

const copyOf = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');

/** The metadata of a ConfigMap: whole where they are small; else what decides, and that the rest was left out. */
export function configMapMetadata({
  managedFields: _,
  ...metadata
}: NamespacedMeta): Pick<StoredConfigMap, 'metadata' | 'partial'> {
  return JSON.stringify(metadata).length <= maxMetadata
    ? { metadata }
    : { metadata: decisiveMetadata(metadata), partial: true };
}

/** Leaves out of a ConfigMap all that only its object needs: what it is found by stays, and that it has to be read again. */
export const leaveOut = ({ metadata, immutable }: StoredConfigMap): StoredConfigMap => ({
  ...{ metadata: decisiveMetadata(metadata), dataHash: 'unread', binary: false, immutable, unread: true },
});

function decisiveMetadata(metadata: NamespacedMeta): NamespacedMeta {
  const { labels: allLabels, annotations: allAnnotations, ownerReferences } = metadata;
  return {
    ...identityOf(metadata),
    ...(allLabels ? { labels: decisiveTexts(allLabels, Object.values(labels)) } : {}),
    ...(allAnnotations ? { annotations: decisiveTexts(allAnnotations, Object.values(annotations)) } : {}),
    ...(ownerReferences ? { ownerReferences: decisiveReferences(metadata) } : {}),
  };
}

function decisiveTexts(all: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const key of keys) if (Object.hasOwn(all, key)) texts[key] = cutText(all[key] ?? '', maxDecisive);
  return texts;
}

/** The controller, and what refers to the LicenseSettings whose uid is noted: by any other nobody is found. */
function decisiveReferences({ ownerReferences = [], annotations: all }: NamespacedMeta): OwnerReference[] {
  const controller = ownerReferences.find((one) => one.controller === true);
  const uid = controller?.uid ?? all?.[annotations.ownerUid];
  const noted = ownerReferences.filter((one) => one.uid === uid).slice(0, maxReferences);
  return (controller && !noted.includes(controller) ? [controller, ...noted] : noted).map(cutReference);
}

const cutReference = (one: OwnerReference): OwnerReference => ({
  ...{ apiVersion: cutText(one.apiVersion, maxDecisive), kind: cutText(one.kind, maxDecisive) },
  ...{ name: cutText(one.name, maxDecisive), uid: cutText(one.uid, maxDecisive) },
  ...(one.controller === undefined ? {} : { controller: one.controller }),
  ...(one.blockOwnerDeletion === undefined ? {} : { blockOwnerDeletion: one.blockOwnerDeletion }),
});
