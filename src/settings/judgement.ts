/** What a LicenseSettings says: its spec judged, what is live, what has to be live, and whether that takes a plan. Pure. */
import {
  type Declaration,
  defaultSettleSeconds,
  type FieldError,
  maxSettleSeconds,
  type Spec,
  type Status,
} from '../api/licensesettings.ts';
import { isApproved, unusableApproval } from './approval.ts';
import { type ConfigMapView, isOwnedBy, type Owner, stampOf } from './configmap.ts';
import { declare } from './declaration.ts';
import { settingsHash } from './hash.ts';
import type { HiddenField } from './hidden.ts';
import { type Live, liveSettings, planUnderWay } from './live.ts';
import { type Rendered, render } from './render.ts';
import { knownConfigMaps } from './status.ts';
import { validate } from './validate.ts';
import { holdOthers, involvesZones } from './zones.ts';

/** A LicenseSettings as stored, as far as it is judged. */
export type SettingsView = {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation?: number;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: unknown;
  readonly status?: Status;
  readonly hidden?: readonly HiddenField[];
  readonly unreadable?: string;
};

/** What the object says by itself, whatever its ConfigMaps hold. */
export type Reading = {
  readonly owner: Owner;
  readonly generation: number;
  readonly status: Status | undefined;
  readonly errors: readonly FieldError[];
  /** The newest spec, where it is valid. */
  readonly spec: Spec | undefined;
  readonly newest: Declaration | undefined;
  readonly newestHash: string | undefined;
  /** True when the annotation approves the newest spec. */
  readonly approved: boolean;
  /** The plan that the status tells of. */
  readonly applying: Live | undefined;
  /** What the status says that the ConfigMaps hold, as far as it can be true. */
  readonly known: Status['configMaps'];
  readonly suspended: boolean;
  /** True when the ConfigMaps outlive the object. */
  readonly retained: boolean;
  /** How long dialers get to see that licenses were taken away, in milliseconds. */
  readonly settle: number;
};

/** What has to be done about the ConfigMaps, and what the status says of it. */
export type Judgement = Reading & {
  /** The last finished apply. */
  readonly applied: Live | undefined;
  /** `applying` if present, else `applied`. */
  readonly live: Live | undefined;
  /** settingsHash of a saved spec that waits for its approval; and what is wrong with the one that is there. */
  readonly pending: string | undefined;
  readonly unusable: string | undefined;
  /** True when the newest spec is valid, and Automatic or approved. */
  readonly applicable: boolean;
  /** What has to be live; undefined: nothing is written. */
  readonly target: Target | undefined;
  /** What was live, and what a plan was bringing: undefined stands for nothing, as before a first apply. */
  readonly before: readonly (Declaration | undefined)[];
  /** True when the way to the target is a plan: rule 2. */
  readonly planned: boolean;
};

export type Target = {
  readonly declaration: Declaration;
  readonly hash: string;
  /** All its ConfigMaps, that of the system first. */
  readonly rendered: readonly Rendered[];
  /** True when it is what is live: then nothing of the settings changes. */
  readonly unchanged: boolean;
  /** The generation that a ConfigMap is stamped with whose data change. */
  readonly generation: number;
};

/** True where people want to work on the ConfigMaps by hand. */
export const isSuspended = (spec: unknown): boolean => (spec as { suspend?: unknown } | undefined)?.suspend === true;

/** Reads an object. What acts at once is read also where the rest of the spec is invalid (A6). */
export function read(object: SettingsView): Reading {
  const { metadata, spec, status, hidden = [], unreadable } = object;
  const { name, uid, generation = 0 } = metadata;
  const { errors, spec: valid } = validate({ name, spec, hidden, unreadable });
  const { deletionPolicy, settleSeconds } = (spec ?? {}) as Record<string, unknown>;
  const known = knownConfigMaps(status, name);
  const newest = valid && declare(name, valid);
  const retainedBefore = known?.every(({ retained }) => retained) ?? false;
  const newestHash = newest && settingsHash(newest);
  return {
    owner: { name, uid },
    ...{ generation, status, errors, spec: valid, newest, newestHash, known },
    approved: newestHash !== undefined && isApproved(metadata.annotations, newestHash),
    applying: planUnderWay(status, name, generation),
    suspended: isSuspended(spec),
    // A policy that can't be read takes no protection away (R5.6).
    retained: deletionPolicy === 'Retain' || (!isDelete(deletionPolicy) && retainedBefore),
    settle: 1000 * (isSettleSeconds(settleSeconds) ? settleSeconds : defaultSettleSeconds),
  };
}

const isDelete = (policy: unknown): boolean => (policy ?? 'Delete') === 'Delete';

const isSettleSeconds = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= maxSettleSeconds;

/**
 * Judges what was read beside the ConfigMaps of the object.
 *
 * @param owned those that carry its uid
 * @param inherited those that an earlier object of its name left
 */
export function judge(
  object: SettingsView,
  reading: Reading,
  owned: readonly ConfigMapView[],
  inherited: readonly ConfigMapView[] = [],
): Judgement {
  const { status, generation, owner, applying, newestHash, spec, approved } = reading;
  // While a plan is under way it is what is live: it is finished or superseded, never abandoned (R2.15, S2).
  const applied = liveSettings(status, applying ? [] : owned, owner, generation);
  const live = applying ?? applied;
  const waits = spec?.applyPolicy === 'Manual' && newestHash !== live?.settingsHash; // A5, A6
  const pending = waits && !approved ? newestHash : undefined;
  const applicable = reading.newest !== undefined && pending === undefined; // A1
  const target = targetOf(reading, { live, applicable, owned });
  const before = applying ? [applied?.declaration, applying.declaration] : [applied?.declaration].filter(Boolean);
  return {
    ...reading,
    ...{ applied, live, pending, applicable, target, before },
    unusable: pending && unusableApproval(object.metadata.annotations),
    planned: target !== undefined && isPlanned(reading, { target, applied, before, owned, inherited }),
  };
}

/** An applicable spec is always rendered from the spec (R1.2); else what is live is kept alive (R1.1). */
function targetOf(
  { newest, newestHash, generation, owner }: Reading,
  { live, applicable, owned }: { live: Live | undefined; applicable: boolean; owned: readonly ConfigMapView[] },
): Target | undefined {
  const [declaration, hash] = applicable ? [newest, newestHash] : [live?.declaration, live?.settingsHash];
  if (!declaration || !hash) return undefined; // V12, R1.6
  const unchanged = hash === live?.settingsHash;
  // Where the status is that of a backup a ConfigMap may have a later stamp, which must not go back (S3).
  const stamps = owned.flatMap((view) => stampOf(view, owner) ?? []).filter((one) => one <= generation);
  return {
    ...{ declaration, hash, unchanged, rendered: render(declaration) },
    generation: unchanged ? Math.max(live.generation, ...stamps) : generation,
  };
}

/** A change of an object with zones, before or after it, is a plan; so is what a backup of the status does not tell of. */
const isPlanned = (
  { applying, known }: Reading,
  {
    target,
    applied,
    before,
    owned,
    inherited,
  }: Pick<Judgement, 'applied' | 'before'> & {
    target: Target;
    owned: readonly ConfigMapView[];
    inherited: readonly ConfigMapView[];
  },
): boolean =>
  applying !== undefined ||
  (target.hash !== applied?.settingsHash && involvesZones([target.declaration, ...before], [...owned, ...inherited])) ||
  holdOthers(owned, target.rendered, known);

/** What the status says of the ConfigMaps before anything is done: where a ConfigMap is the record, the record. */
export function toldConfigMaps(
  { applied, status, known, owner, retained }: Judgement,
  owned: readonly ConfigMapView[],
): Status['configMaps'] {
  const isRecord = applied !== undefined && applied.settingsHash !== status?.applied?.settingsHash;
  const record = isRecord && owned.find(({ metadata }) => metadata.name === applied.declaration?.configMap.name);
  const told = record ? [{ name: record.metadata.name, dataHash: record.dataHash }] : known;
  // The garbage collector would take what the object owns, or is about to own: that is not retained yet.
  const theirs = new Set(owned.filter((view) => isOwnedBy(owner, view)).map(({ metadata }) => metadata.name));
  return told?.map((one) => (retained && !theirs.has(one.name) ? one : { name: one.name, dataHash: one.dataHash }));
}
