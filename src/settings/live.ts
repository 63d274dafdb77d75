/** Which settings are live. */
import { type Applied, belongsTo, type Declaration, type Status } from '../api/licensesettings.ts';
import { annotations, labels } from '../api/names.ts';
import { type ConfigMapView, carriesUid, isOurs, isUnedited, type Owner, stampOf, uidOf } from './configmap.ts';
import { readDeclaration } from './declaration.ts';
import { readZone } from './zones.ts';

/** The settings that are live. */
export type Live = {
  readonly generation: number;
  readonly settingsHash: string;
  /** RFC 3339; missing when the ConfigMap was the record, and nobody wrote down when. */
  readonly time?: string;
  /** Undefined when a later release wrote it, or somebody else: then it is not rendered, and its ConfigMap is left alone. */
  readonly declaration?: Declaration;
};

/**
 * The live settings: what the status says, or what a ConfigMap of ours proves to be newer. After a crash between the
 * write of the ConfigMap and that of the status, or with a lost status, the ConfigMap is the record (R1.3).
 *
 * @param generation of the object: a stamp above it can't be ours.
 */
export function liveSettings(
  status: Status | undefined,
  configMaps: readonly ConfigMapView[],
  owner: Owner,
  generation: number,
): Live | undefined {
  const stored = status?.applied && fromStatus(status.applied, owner.name);
  // A status from a backup may have a generation that this object has still to reach. It says nothing about which is newer,
  // and a stamp of it would have to go back.
  const restored = stored !== undefined && stored.generation > generation;
  const applied = restored ? { ...stored, generation } : stored;
  const since = restored ? 0 : (stored?.generation ?? 0);
  const newer = configMaps
    .flatMap((view) => fromConfigMap(view, owner) ?? [])
    .filter((record) => record.generation > since && record.generation <= generation)
    .sort((a, b) => b.generation - a.generation)[0];
  // A record of the settings that the status has is no apply of its own: they were taken back before they had gone.
  return newer && newer.settingsHash !== applied?.settingsHash ? newer : applied;
}

/**
 * The plan that the status says is under way.
 *
 * @param generation of the object: that of a plan from a backup may still be to come, and no stamp may be above it.
 */
export function planUnderWay(status: Status | undefined, objectName: string, generation: number): Live | undefined {
  const stored = status?.applying && fromStatus(status.applying, objectName);
  return stored && { ...stored, generation: Math.min(stored.generation, generation) };
}

/** The live settings as the status of an object has them. */
export function fromStatus({ generation, settingsHash, time, settings }: Applied, objectName: string): Live {
  const declaration = readDeclaration(settings, settingsHash, objectName);
  return { generation, settingsHash, time, ...(declaration ? { declaration } : {}) };
}

function fromConfigMap(view: ConfigMapView, owner: Owner): Live | undefined {
  const generation = stampOf(view, owner);
  if (generation === undefined || !carriesUid(view, owner) || view.binary) return undefined;
  if (!isUnedited(view)) return undefined;
  const recorded = recordedIn(view, owner.name);
  return recorded && { generation, ...recorded };
}

/**
 * The settings that a system's ConfigMap is the record of, where it has the name that they give it. With zones it has no
 * declaration in it: then nothing tells what is live (R1.6).
 */
function recordedIn({ metadata, record }: ConfigMapView, objectName: string) {
  const settingsHash = metadata.annotations?.[annotations.settingsHash];
  if (settingsHash === undefined || record === undefined) return undefined;
  const declaration = readDeclaration(declarationIn(record), settingsHash, objectName);
  return declaration?.configMap.name === metadata.name ? { settingsHash, declaration } : undefined;
}

/**
 * True when an earlier object of the same name wrote a ConfigMap, and left it to nobody: under Retain, or by an orphaning
 * delete (R4.3). Its name is the one that its record gives it: a copy under another name is whoever's made it, and so is that of an
 * object that is there, in whichever namespace.
 *
 * @param isThere whether an object with a uid is there
 */
export function isInherited(view: ConfigMapView, owner: Owner, isThere: (uid: string) => boolean): boolean {
  const { name, labels: tags } = view.metadata;
  if (!isOurs(view, owner) || !belongsTo(name, owner.name)) return false;
  if (isThere(uidOf(view) ?? owner.uid)) return false;
  const zone = tags?.[labels.zone];
  if (zone !== undefined) return readZone(view)?.name === zone && name.endsWith(`-${zone}`);
  return recordedIn(view, owner.name) !== undefined;
}

function declarationIn(json: string): unknown {
  try {
    return (JSON.parse(json) as { declaration?: unknown } | null)?.declaration;
  } catch {
    return undefined;
  }
}
