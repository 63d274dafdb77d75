/**
 * Judges the end state. A small model of the contract, told what people did, says what must be there once the operator has converged. It
 * shares with the operator only what has proofs of its own: validation, the normal form, hash and rendering.
 *
 * Most of the answer follows from the newest specs and from whose the ConfigMaps are. Only what is live while the newest
 * spec is not applicable depends on the past: where that leaves more than one outcome, because spec followed spec before
 * the first was seen, each of them is allowed.
 */
import { type Declaration, maxErrors, type Status } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { type Rendered, render } from '../../src/settings/render.ts';
import { validate } from '../../src/settings/validate.ts';
import { brief, canonical, keys } from './document.ts';
import {
  controllerOf,
  isLabelled,
  isRetained,
  isSuspended,
  note,
  type Revision,
  type Snapshot,
  type Stored,
  uidIn,
} from './revision.ts';

export type Model = {
  /** Takes in a change; those by the operator say nothing. The same revisions as the judge's, in the same order. */
  take(revision: Revision): void;
  /** The system has converged to this: only that is live from here on. `isWaiting`: as the judge has it. */
  settled(snapshot: Snapshot, isWaiting?: (object: Stored) => boolean): void;
  /** The store went back to what this model was told; what was live by the other one may still be created, and be a record. */
  wentBack(lost: Model): void;
  /** What may be live of the object with this uid; undefined stands for nothing. */
  liveOf(uid: string): readonly (Declaration | undefined)[];
};

type Life = {
  object: Stored;
  /** By hash; the empty hash stands for nothing. */
  live: Map<string, Declaration | undefined>;
  /** True from a settled state to the next change of the object or its ConfigMaps. */
  quiet: boolean;
};

/** Stands for "nothing is live" among the hashes. */
const nothing = '';

type Lives = Map<string, Life>;

/** Begins with a namespace without LicenseSettings. */
export function createModel(): Model {
  const lives: Lives = new Map();
  return {
    take(revision) {
      if (revision.by === 'operator') {
        const life = lives.get(revision.object.metadata.uid);
        if (life && revision.kind === 'LicenseSettings' && revision.type === 'MODIFIED') life.object = revision.object;
        return;
      }
      if (revision.kind === 'LicenseSettings') takeSettings(lives, revision);
      // Which ConfigMap proves what may have changed: from here on a lost status is lost.
      else for (const life of lives.values()) life.quiet = false;
    },
    settled({ settings }, isWaiting = () => false) {
      for (const object of settings) {
        const life = lives.get(object.metadata.uid);
        if (!life || isWaiting(object)) continue;
        life.live = saidToBeLive(object.status);
        life.quiet = true;
      }
    },
    wentBack(lost) {
      for (const [uid, life] of lives) {
        life.quiet = false;
        for (const one of lost.liveOf(uid)) life.live.set(one ? settingsHash(one) : nothing, one);
      }
    },
    liveOf: (uid) => [...(lives.get(uid)?.live.values() ?? [])],
  };
}

/** Somebody else changed a LicenseSettings. */
function takeSettings(lives: Lives, { type, object }: Revision): void {
  const { uid } = object.metadata;
  if (type === 'DELETED') {
    lives.delete(uid);
    return;
  }
  const known = lives.get(uid);
  const life: Life = known ?? { object, live: new Map([[nothing, undefined]]), quiet: false };
  const before = known?.object.status;
  lives.set(uid, life);
  life.object = object;
  if (canonical(object.status ?? {}) !== canonical(before ?? {})) takeStatus(life, before, object.status);
  life.quiet = false;
  const { newest, applicable } = read(object);
  if (newest && applicable && !isSuspended(object)) life.live.set(settingsHash(newest), newest);
}

/** Somebody else wrote the status: as if it had been lost, or had come from a backup. */
function takeStatus(life: Life, before: Status | undefined, after: Status | undefined): void {
  const said = [after?.applied, after?.applying].flatMap((one) => (one ? [one.settings] : []));
  const believed = new Map<string, Declaration | undefined>(said.map((one) => [settingsHash(one), one]));
  if (said.length === 0) believed.set(nothing, undefined);
  const conflict = before?.conditions?.some(({ reason }) => reason === 'ConfigMapConflict');
  const certain = life.quiet && !before?.applying && !after?.applying && !conflict && !isSuspended(life.object);
  const records = [...life.live].filter(([, one]) => one && !one.zones);
  // Without zones the ConfigMap proves what is live, and is newer than the backup; with zones nothing does.
  if (certain) life.live = records.length > 0 ? new Map(records) : believed;
  else life.live = new Map([...life.live, ...believed]);
}

/** What a status calls live, by the hashes that it gives. */
function saidToBeLive(status: Status | undefined): Life['live'] {
  const said = [status?.applied, status?.applying].flatMap((one) => (one ? [one] : []));
  const live: Life['live'] = new Map(said.map((one) => [one.settingsHash, one.settings]));
  if (said.length === 0) live.set(nothing, undefined);
  return live;
}

/** What the newest spec says. */
function read({ metadata, spec }: Stored) {
  const { errors, spec: valid } = validate({ name: metadata.name, spec });
  const newest = valid && declare(metadata.name, valid);
  const approval = (metadata.annotations?.[note('apply')] ?? '').trim().toLowerCase();
  const approved = newest !== undefined && settingsHash(newest) === approval;
  return {
    newest,
    errors: errors.length,
    applicable: newest !== undefined && (valid?.applyPolicy !== 'Manual' || approved),
  };
}

/** What is not as it must be; empty once converged. Where several outcomes are allowed: measured against the nearest. */
export function differences(model: Model, snapshot: Snapshot): string[] {
  return [...snapshot.settings.flatMap((object) => differencesOf(model, snapshot, object)), ...orphans(snapshot)];
}

/** One object against each of its outcomes. */
function differencesOf(model: Model, snapshot: Snapshot, object: Stored): string[] {
  // What is being deleted stays as it is.
  if (object.metadata.deletionTimestamp) return [];
  const live = model.liveOf(object.metadata.uid);
  if (live.length === 0) return [`${object.metadata.name}: the model has not seen it`];
  return live
    .map((one) => compare(snapshot, object, one))
    .reduce((nearest, one) => (one.length < nearest.length ? one : nearest));
}

type Expected = {
  readonly ready: string;
  readonly applied: string;
  readonly also?: 'Stalled' | 'Reconciling';
  /** What is live; undefined: whatever of the allowed. */
  readonly live: Declaration | undefined;
  /** False where ConfigMaps stay as they are. */
  readonly held: boolean;
  readonly pending?: string;
};

/** The condition table of docs/contract.md, T9 to T20, for a system that has converged. */
function expect(snapshot: Snapshot, object: Stored, live: Declaration | undefined): Expected {
  const { newest, errors, applicable } = read(object);
  const hash = newest && settingsHash(newest);
  const isLive = hash !== undefined && live !== undefined && hash === settingsHash(live);
  const may = applicable || isLive;
  const pending = newest && !may && hash ? { pending: hash } : {};
  if (isSuspended(object)) {
    const applied = isLive && !object.status?.applying ? 'True Applied' : 'False Suspended';
    return { ready: 'True Suspended', applied, live, held: false, ...pending };
  }
  const target = newest && may ? newest : live;
  const taken = target && render(target).some(({ name }) => isTaken(snapshot, object, name));
  const held = !taken;
  if (errors > 0) return { ready: 'False Invalid', applied: 'False Invalid', also: 'Stalled', live, held };
  if (taken) {
    const reason = 'False ConfigMapConflict';
    return { ready: reason, applied: reason, also: 'Stalled', live, held, ...pending };
  }
  if (newest && may) return { ready: 'True Applied', applied: 'True Applied', live: newest, held };
  const ready = live ? 'True ApplyPending' : 'False ApplyPending';
  return { ready, applied: 'False ApplyPending', live, held: live !== undefined, ...pending };
}

/** Says what is not as it is wanted, of one thing of one object. */
type Same = (what: string, wanted: unknown, is: unknown) => void;

/** One object against one outcome. */
function compare(snapshot: Snapshot, object: Stored, allowed: Declaration | undefined): string[] {
  const expected = expect(snapshot, object, allowed);
  const found: string[] = [];
  const same: Same = (what, wanted, is) => {
    const [one, other] = [canonical(wanted), canonical(is)];
    if (one === other) return;
    found.push(`${object.metadata.name}: ${what}: expected ${brief(String(one))}, found ${brief(String(other))}`);
  };
  compareConditions(object, expected, same);
  compareLive(object, expected, same);
  if (!expected.held || !expected.live) return found;
  const left = compareMaps(snapshot, object, expected.live, same);
  return [...found, ...left];
}

function compareConditions({ metadata, spec, status = {} as Status }: Stored, expected: Expected, same: Same): void {
  const { errors } = read({ metadata, spec });
  const { generation } = metadata;
  const condition = (type: string) => status.conditions?.find((one) => one.type === type);
  const words = (type: string) => {
    const one = condition(type);
    return one && `${one.status} ${one.reason} ${one.observedGeneration}`;
  };
  same('observedGeneration', generation, status.observedGeneration);
  same('Ready', `${expected.ready} ${generation}`, words('Ready'));
  same('Valid', `${errors > 0 ? 'False Invalid' : 'True Valid'} ${generation}`, words('Valid'));
  same('Applied', `${expected.applied} ${generation}`, words('Applied'));
  for (const type of ['Stalled', 'Reconciling'])
    same(type, type === expected.also ? 'True' : undefined, condition(type)?.status);
  same('errors', Math.min(errors, maxErrors), status.errors?.length ?? 0);
  same('pending', expected.pending, status.pending?.settingsHash);
  if (expected.pending) same('generation of pending', generation, status.pending?.generation);
}

function compareLive({ status }: Stored, { live, held }: Expected, same: Same): void {
  // A plan that a foreign ConfigMap or a suspension stopped stands where it stands.
  if (status?.applying !== undefined && !held) return;
  same('applying', undefined, status?.applying);
  same('applied', live && settingsHash(live), status?.applied?.settingsHash);
  same('settings applied', live, status?.applied?.settings);
  if (!live) return;
  same('licenses', usageOf(live), status?.licenses);
  same('zones', (live.zones ?? []).map(zoneOf), status?.zones ?? []);
}

/** The ConfigMaps of what is live; gives those that must not be there. */
function compareMaps({ configMaps }: Snapshot, object: Stored, live: Declaration, same: Same): string[] {
  const { name: owner, uid: own } = object.metadata;
  const retained = isRetained(object);
  const maps = render(live);
  for (const { name, data } of maps) {
    const map = configMaps.find((one) => one.metadata.name === name);
    same(`ConfigMap ${name}`, data, map?.data);
    same(`binaryData of ${name}`, {}, map?.binaryData ?? {});
    const owners = (map?.metadata.ownerReferences ?? []).filter(({ uid }) => uid === own).length;
    same(`owners of ${name}`, retained ? 0 : 1, owners);
    same(`our labels on ${name}`, true, map !== undefined && isLabelled(map, owner));
    same(`owner-uid of ${name}`, own, map?.metadata.annotations?.[note('owner-uid')]);
  }
  const entry = ({ name, dataHash }: Rendered) => ({ name, dataHash, ...(retained ? { retained } : {}) });
  same('configMaps', maps.map(entry), object.status?.configMaps);
  const mine = configMaps.filter((map) => uidIn(map) === own && isLabelled(map, owner));
  const extra = mine.filter((map) => !maps.some(({ name }) => name === map.metadata.name));
  return extra.map(({ metadata }) => `ConfigMap ${metadata.name} must not be there`);
}

type Counts = Record<string, number>;
type Zone = NonNullable<Declaration['zones']>[number];
const countOf = (licenses: object | undefined, key: string) => (licenses as Counts | undefined)?.[key] ?? 0;
const sum = (list: readonly { licenses?: object | undefined }[], key: string) =>
  list.reduce((total, { licenses }) => total + countOf(licenses, key), 0);

/** `status.licenses` of settings that are live. */
function usageOf({ licenses, zones }: Declaration) {
  return Object.fromEntries(
    keys.map((key) => {
      const { minimum, maximum } = (licenses as Record<string, { minimum: number; maximum: number }> | undefined)?.[
        key
      ] ?? {
        minimum: 0,
        maximum: 0,
      };
      const allocated = zones ? sum(zones, key) : maximum;
      return [key, { minimum, maximum, capacity: maximum, allocated, unused: maximum - allocated }];
    }),
  );
}

/** An entry of `status.zones`. */
function zoneOf({ name, licenses, organizations = [] }: Zone) {
  const held = keys.filter((key) => countOf(licenses, key) > 0);
  const numbers = held.map((key) => {
    const capacity = countOf(licenses, key);
    return [key, { capacity, unallocated: capacity - sum(organizations, key) }];
  });
  return { name, licenses: Object.fromEntries(numbers) };
}

/** True when a wanted name is someone else's (R4.5). That of an earlier object that is about to go is waited for. */
function isTaken({ configMaps }: Snapshot, object: Stored, name: string): boolean {
  const map = configMaps.find((one) => one.metadata.name === name);
  if (!map) return false;
  const { uid, name: owner } = object.metadata;
  const controller = controllerOf(map);
  if (controller)
    return controller.uid !== uid && !(controller.kind === 'LicenseSettings' && controller.name === owner);
  const ours = map.metadata.annotations?.[note('owner-uid')] === uid;
  // What is to be adopted can't be written while it is immutable, and is not deleted (R4.7).
  return !ours && (map.immutable === true || !isLabelled(map, owner));
}

/** ConfigMaps that the garbage collector has to take. */
function orphans({ settings, configMaps }: Snapshot): string[] {
  return configMaps.flatMap((map) => {
    const controller = controllerOf(map);
    if (controller?.kind !== 'LicenseSettings' || settings.some((one) => one.metadata.uid === controller.uid))
      return [];
    return [`ConfigMap ${map.metadata.name} must not be there: its owner is gone`];
  });
}
