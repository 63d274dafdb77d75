/**
 * An independent judge of the invariants of DESIGN section 7: it is shown every committed revision of a namespace, and
 * tells what the operator should not have written. Pure: a harness brings the revisions (a watch, or a simulation) and
 * says who wrote each. Of the operator's code it shares the table of types, and what has proofs of its own: validation,
 * the normal form, hash and rendering of a declaration.
 *
 * What it tolerates, and why. A ConfigMap's write does not carry the version of the LicenseSettings that it was decided
 * from, so one may land after a newer spec was saved. Until `settled()` says that nothing was in flight, every declaration
 * that was applicable since may still be written; where the harness knows when each request was sent, only until the
 * operator has written a status, which shows that it knows the newest spec. A status is written with the version of the object that it was decided
 * from, and a ConfigMap's write or delete with that of the ConfigMap: what depends on those alone is judged strictly.
 *
 * It judges one namespace: of the others it knows nothing, so that what the operator writes for an object of another one
 * breaks S6. `judges.ts` has one for each. S5 (leases), S8 between settled states only, and L1 to L3 (time, processes)
 * belong to the harness; L4 is judged by `cost.ts`, S10 by `truth.ts`.
 */
import type { Declaration, Status } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { dataHash, settingsHash } from '../../src/settings/hash.ts';
import { type Rendered, render, renderSystem } from '../../src/settings/render.ts';
import { validate } from '../../src/settings/validate.ts';
import { brief, type Counts, canonical, type Document, keys, readData } from './document.ts';

export type Metadata = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly {
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly name?: string;
    readonly uid: string;
    readonly controller?: boolean;
    readonly blockOwnerDeletion?: boolean;
  }[];
};

/** A LicenseSettings or a ConfigMap, as stored. */
export type Stored = {
  readonly metadata: Metadata;
  readonly spec?: unknown;
  readonly status?: Status;
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
};

/** One committed change. `DELETED` carries the last state. The garbage collector, and everybody else, is `other`. */
export type Revision = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly kind: 'LicenseSettings' | 'ConfigMap';
  readonly object: Stored;
  readonly by: 'operator' | 'other';
  /** Its sender had given it up before it landed, and may have decided otherwise since. */
  readonly late?: boolean;
  /** When it was committed, and sent, in milliseconds on one clock; not known to every harness. */
  readonly at?: number;
  readonly sent?: number | undefined;
  /** Since when nothing keeps the operator from seeing what happens, on the same clock; it may be still to come. */
  readonly calmSince?: number;
  /** Its sender may not have seen what came before it: its watches are away, or silent. */
  readonly deaf?: boolean;
};

export type Judge = {
  /** Judges the next revision: in the order of their resourceVersions, without a gap. */
  take(revision: Revision): void;
  /**
   * The system has converged and no write is in flight: what follows is judged strictly until the next settled state.
   * @param isWaiting true for an object that waits for something, looks at it now and then, and may have more to say
   */
  settled(isWaiting?: (object: Stored) => boolean): void;
  /**
   * The store went back to what this judge has been shown; `lost` has seen what came after that, and is gone. Nobody who
   * works knows it yet: what was possible then may still be created, and a new ConfigMap can carry a stamp of then.
   */
  wentBack(lost: Judge): void;
  /** Since then the operator has had its time to find that out: what was lost excuses nothing any more. */
  recovered(): void;
  /** Judges the end state (S7): call it once converged, and when the garbage collector is done. */
  finish(): void;
  /** Every broken rule: revision, object, invariant, expected and found. */
  readonly violations: string[];
  /** Revisions judged. */
  readonly judged: number;
  /** How many of them had zones whose capacity of some type was exactly the total: where one license more is too many. */
  readonly tight: number;
};

const group = 'licensing.dialer.dev';
const manager = 'license-settings-operator';
const note = (name: string) => `${group}/${name}`;

/** A declaration, with what it renders to. */
type Known = {
  readonly declaration: Declaration;
  readonly hash: string;
  readonly rendered: ReadonlyMap<string, Rendered>;
};

/** What the operator may decide from. */
type View = {
  /** What may be written: live at the last settled state, or applicable since. By hash. */
  possible: Map<string, Known>;
  /** Values of `spec.suspend` and of Retain that the operator may have decided from. */
  suspended: Set<boolean>;
  retained: Set<boolean>;
};

/** How long after a deletion a write may be sent, in milliseconds, by who has just not heard of it. */
const unheard = 1_000;

/** One LicenseSettings from its creation to its end. */
type Life = View & {
  readonly name: string;
  readonly uid: string;
  object: Stored;
  /** By generation; undefined for an invalid spec. */
  readonly generations: Map<number, Known | undefined>;
  /** The same for what is sent since the operator last wrote a status, and when that was. */
  informed: (View & { readonly at: number }) | undefined;
  /** Set at its deletion: true when a write decided before may still land. */
  gone: { readonly inFlight: boolean; readonly at?: number | undefined } | undefined;
  /** True once it is deleted for good. */
  ended: boolean;
  /** Not among what is settled. */
  waiting: boolean;
  /** Somebody else wrote the status, and nothing was applied since: it may say what is not so. */
  restored: boolean;
  /** What somebody else wrote into the status as applied last. */
  backup: Known | undefined;
  /**
   * The newest generation that was lost when the store went back, until the operator has written a status since: that
   * carries the version of what there is now. 0: none.
   */
  lostGeneration: number;
  /** Settings that the operator wrote into a ConfigMap, by hash, with the highest stamp: each was live once. */
  readonly recorded: Map<string, number>;
  /** When the operator last named a ConfigMap as that of the system. */
  readonly ranks: Map<string, number>;
};

/** A ConfigMap that is written for an object. */
type Writing = {
  readonly life: Life;
  readonly view: View;
  readonly object: Stored;
  readonly document: Document;
  readonly wrong: (rule: string, text: string) => void;
};

/** A ConfigMap as the operator wrote it. `adopted`: for this uid it was never created, it was there. */
type Written = {
  readonly uid: string;
  readonly object: Stored;
  readonly document: Document;
  readonly adopted: boolean;
  /** Adopted, and its data were never changed: what it gives out was given out by another. */
  readonly asFound: boolean;
};

/** What is known of one name. */
type Kept = {
  readonly name: string;
  /** As stored now. */
  current: Stored | undefined;
  /** As last written by the operator, until the operator deletes it. */
  written: Written | undefined;
  /** Somebody else deleted or replaced what the operator wrote. */
  lost: boolean;
  /** The uid of what the operator deleted, and what somebody's finalizer holds: it goes when that is taken away. */
  held: string | undefined;
  /** Capacities as last written by the operator, less what others took away since: that is what the operator finds. */
  left: Counts;
  /** The highest generation stamp, by owner uid. */
  readonly stamps: Map<string, number>;
};

/**
 * Begins with a namespace that has no LicenseSettings and none of our ConfigMaps: what came before can't be judged.
 * @param quiet false where the harness calls it settled by the status alone: the operator may still mend metadata then,
 *   and S8 is not judged
 */
export function createJudge({ quiet = true }: { quiet?: boolean } = {}): Judge {
  const lives = new Map<string, Life>();
  const maps = new Map<string, Kept>();
  const violations: string[] = [];
  const knownByHash = new Map<string, Known>();
  /** Objects that are not there any more since the store went back. */
  const lostUids = new Set<string>();
  let judged = 0;
  let tight = 0;
  let at = '0';
  /** Changes by others since the last settled state; undefined before the first. */
  let changes: number | undefined;

  const fail = (what: string, rule: string, text: string) =>
    violations.push(`revision ${at}: ${what}: ${rule}: ${brief(text)}`);
  const changed = () => {
    if (changes !== undefined) changes++;
  };

  const know = (declaration: Declaration): Known => {
    const hash = settingsHash(declaration);
    const known = knownByHash.get(hash) ?? {
      declaration,
      hash,
      rendered: new Map(render(declaration).map((one) => [one.name, one])),
    };
    knownByHash.set(hash, known);
    return known;
  };
  const knowStored = (applied: Status['applied']): Known | undefined => {
    try {
      return applied && know(applied.settings);
    } catch {
      return undefined; // What somebody else wrote into a status can have any shape.
    }
  };
  const newestOf = ({ object, generations }: Life): Known | undefined =>
    generations.get(object.metadata.generation ?? 0);
  /** True when the newest spec may be applied, suspended or not. */
  const isApplicable = (life: Life): boolean => {
    const newest = newestOf(life);
    if (!newest) return false;
    const { applyPolicy } = life.object.spec as { applyPolicy?: string };
    const approval = (life.object.metadata.annotations?.[note('apply')] ?? '').trim().toLowerCase();
    return applyPolicy !== 'Manual' || approval === newest.hash;
  };
  const isSuspended = ({ object }: Life) => (object.spec as { suspend?: unknown } | undefined)?.suspend === true;
  const isRetained = ({ object }: Life) =>
    (object.spec as { deletionPolicy?: unknown } | undefined)?.deletionPolicy === 'Retain';

  /** Takes in a version of an object that the operator may decide from. */
  const learn = (life: Life, object: Stored) => {
    life.object = object;
    const generation = object.metadata.generation ?? 0;
    if (!life.generations.has(generation)) {
      const { spec } = validate({ name: life.name, spec: object.spec });
      life.generations.set(generation, spec && know(declare(life.name, spec)));
    }
    const newest = newestOf(life);
    for (const view of viewsOf(life)) {
      view.suspended.add(isSuspended(life));
      view.retained.add(isRetained(life));
      if (newest && isApplicable(life) && !isSuspended(life)) view.possible.set(newest.hash, newest);
    }
  };
  const viewsOf = (life: Life): View[] => [life, ...(life.informed ? [life.informed] : [])];
  /** What was decided after that status knows the newest spec, and no other. */
  const viewOf = (life: Life, { sent }: Revision): View =>
    life.informed && sent !== undefined && sent >= life.informed.at ? life.informed : life;
  /** What the newest spec and the status leave possible. */
  const narrowest = (life: Life): View => {
    const { applied, applying } = life.object.status ?? {};
    const newest = newestOf(life);
    const may = [
      ...(isApplicable(life) && !isSuspended(life) && newest ? [newest] : []),
      ...[applied, applying].flatMap((stored) => knowStored(stored) ?? []),
    ];
    return {
      possible: new Map(may.map((known) => [known.hash, known])),
      suspended: new Set([isSuspended(life)]),
      retained: new Set([isRetained(life)]),
    };
  };
  /** A status that others wrote is believed: what it says is live may be written. */
  const believe = (life: Life, status: Status | undefined) => {
    life.restored = true;
    life.backup = knowStored(status?.applied);
    for (const stored of [status?.applied, status?.applying]) {
      const known = knowStored(stored);
      if (known) for (const { possible } of viewsOf(life)) possible.set(known.hash, known);
    }
  };

  const takeSettings = ({ type, object, by, late = false, at: now }: Revision) => {
    const { name, uid } = object.metadata;
    let life = lives.get(uid);
    if (type === 'DELETED') {
      if (by === 'operator') fail(name, 'status', 'the operator deleted a LicenseSettings');
      if (life) {
        life.gone ??= { inFlight: changes !== 0, at: now };
        life.ended = true;
      }
      changed();
      return;
    }
    if (!life) {
      life = {
        ...{
          name,
          uid,
          object,
          gone: undefined,
          ended: false,
          waiting: false,
          restored: object.status?.applied !== undefined,
        },
        ...{ generations: new Map(), possible: new Map(), ranks: new Map(), recorded: new Map() },
        ...{ suspended: new Set(), retained: new Set(), lostGeneration: 0, backup: undefined, informed: undefined },
      };
      lives.set(uid, life);
      if (by === 'operator') fail(name, 'status', 'the operator created a LicenseSettings');
      changed();
      learn(life, object);
      return;
    }
    const before = life.object;
    if (by === 'operator') {
      judgeStatus(life, before, object, late);
      life.object = object;
      if (now !== undefined) life.informed = { ...narrowest(life), at: now };
      return;
    }
    const deletedNow = object.metadata.deletionTimestamp !== undefined && life.gone === undefined;
    if (deletedNow) life.gone = { inFlight: changes !== 0, at: now };
    changed();
    learn(life, object);
    if (canonical(before.status ?? {}) !== canonical(object.status ?? {})) believe(life, object.status);
  };

  const judgeStatus = (life: Life, before: Stored, object: Stored, late: boolean) => {
    const { metadata, spec, status } = object;
    const wrong = (rule: string, text: string) => fail(`LicenseSettings ${life.name}`, rule, text);
    const told = ({ metadata: { labels, annotations, finalizers, generation }, spec: said }: Stored) =>
      canonical({ labels, annotations, finalizers, generation, said });
    if (told({ metadata, spec }) !== told(before))
      wrong('status', `nothing but the status may be written: expected ${told(before)}, found ${told(object)}`);
    // These are strict: the write carries the version of the object that it was decided from.
    if (life.gone) wrong('rule 5', 'a status is written on an object that is being deleted');
    if (quiet && changes === 0 && !life.waiting)
      wrong('S8', 'a status is written, though nothing has changed since it settled');
    const generation = metadata.generation ?? 0;
    if (status?.observedGeneration !== generation)
      wrong('status', `observedGeneration: expected ${generation}, found ${status?.observedGeneration}`);
    judgeLive(life, before.status, status, wrong);
    // What it was decided from is lost, where the LicenseSettings itself came back at the same version.
    const isOfBefore = life.lostGeneration > 0;
    life.lostGeneration = 0;
    const target = status?.applying ?? status?.applied;
    const previous = before.status?.applying ?? before.status?.applied;
    // A plan also begins with the settings that are live, where a status of a backup says so.
    const begins = status?.applying !== undefined && before.status?.applying === undefined;
    if (target && (begins || target.settingsHash !== previous?.settingsHash || life.ranks.size === 0))
      life.ranks.set(target.settings.configMap.name, judged);

    for (const { name, retained } of status?.configMaps ?? []) {
      const kept = maps.get(name);
      const owned = (one: Stored | undefined) => one?.metadata.ownerReferences?.some(({ uid }) => uid === life.uid);
      if (retained && isRetained(life) && owned(kept?.written?.object) && owned(kept?.current))
        wrong('rule 5', `ConfigMap ${name} is said to be retained, but it still has its owner`);
    }

    const applied = status?.conditions?.find((one) => one.type === 'Applied');
    if (applied?.status !== 'True' || applied.reason !== 'Applied') return;
    if (isOfBefore) return;
    // While suspended nothing looks at the ConfigMaps: then the status of a backup can only be believed.
    if (isSuspended(life) && life.restored) return;
    const known = life.generations.get(applied.observedGeneration);
    if (!known) {
      wrong('S4', `Applied for generation ${applied.observedGeneration}, which is not valid`);
      return;
    }
    // What was true when it was sent may have been edited, and lowered for that, before it landed.
    for (const { name, data } of late ? [] : known.rendered.values()) {
      const found = maps.get(name)?.written?.object.data;
      // An edit by others can make it right, too.
      if (![found, maps.get(name)?.current?.data].some((one) => canonical(one) === canonical(data)))
        wrong(
          'S4',
          `Applied for generation ${applied.observedGeneration} before ConfigMap ${name}: expected ${canonical(data)}, found ${canonical(found) ?? 'none written'}`,
        );
    }
    if (status?.applied?.settingsHash !== known.hash)
      wrong('S4', `Applied: expected settingsHash ${known.hash}, found ${status?.applied?.settingsHash}`);
    if (!isSuspended(life)) life.restored = false;
  };

  /** S2, on what the status calls live. */
  const judgeLive = (
    life: Life,
    before: Status | undefined,
    after: Status | undefined,
    wrong: (rule: string, text: string) => void,
  ) => {
    const newest = newestOf(life);
    const applicable = isApplicable(life) && !isSuspended(life);
    for (const field of ['applied', 'applying'] as const) {
      const stored = after?.[field];
      if (!stored || canonical(stored) === canonical(before?.[field])) continue;
      const hash = knowStored(stored)?.hash;
      const same = field === 'applied' && before?.applied?.settingsHash === stored.settingsHash && !life.restored;
      // What was live in between, for a moment, stands between them in the history.
      const [last, former] = after?.history ?? [];
      const isBack = last?.generation === stored.generation && former?.settingsHash !== stored.settingsHash;
      if (same && !isBack && canonical(before?.applied?.settings) === canonical(stored.settings))
        wrong('status', `applied moves to generation ${stored.generation}, though its settingsHash does not`);
      if (hash !== stored.settingsHash) wrong('status', `${field}: settingsHash ${stored.settingsHash} is not its own`);
      if (stored.generation > (life.object.metadata.generation ?? 0))
        wrong('status', `${field}: generation ${stored.generation} is still to come`);
      // A change of the newest spec; the end of a plan; or, after a crash, what a ConfigMap proves.
      const since = before?.applied?.generation ?? 0;
      const records = [...life.recorded].flatMap(([hash, generation]) => (generation >= since ? hash : []));
      const allowed = [
        ...(applicable ? [newest?.hash] : []),
        // To bring zones that hold something else to what is live is a plan too.
        before?.applied?.settingsHash,
        ...(field === 'applied' ? [before?.applying?.settingsHash, ...records] : []),
      ];
      if (!allowed.includes(stored.settingsHash))
        wrong(
          'S2',
          `${field} becomes ${stored.settingsHash} of generation ${stored.generation}: expected one of ${allowed.join(', ') || 'nothing'} (the newest spec is ${applicable ? '' : 'not '}applicable)`,
        );
    }
    // Rule 2: what has zones, before or after it, changes by a plan, and a plan begins with its status.
    const [was, is] = [before?.applied, after?.applied];
    const isPlanned =
      knowStored(was)?.declaration.zones !== undefined || knowStored(is)?.declaration.zones !== undefined;
    if (is && is.settingsHash !== was?.settingsHash && isPlanned && before?.applying?.settingsHash !== is.settingsHash)
      wrong('rule 2', `applied becomes ${is.settingsHash}, though it was not applying`);
    // Section 2: they move only with the settingsHash.
    const history = after?.history ?? [];
    const twice = history.find(({ settingsHash }, i) => settingsHash === history[i + 1]?.settingsHash);
    if (twice && canonical(history) !== canonical(before?.history))
      wrong('status', `history: generation ${twice.generation} has the settingsHash of the apply before it`);
    if (before?.applying && !after?.applying && after?.applied?.settingsHash !== before.applying.settingsHash)
      wrong(
        'S2',
        `the plan of ${before.applying.settingsHash} is abandoned; applied is ${after?.applied?.settingsHash}`,
      );
  };

  const takeMap = (revision: Revision) => {
    const { type, object, by } = revision;
    const { name } = object.metadata;
    const kept: Kept = maps.get(name) ?? {
      name,
      current: undefined,
      written: undefined,
      lost: false,
      held: undefined,
      left: {},
      stamps: new Map(),
    };
    maps.set(name, kept);
    const isHeld = kept.held === object.metadata.uid;
    if (type === 'DELETED') kept.held = undefined;
    if (by === 'other' && isHeld) {
      // It was judged when the operator deleted it: whoever lets go of it, or lays hands on it before, changes nothing of that.
      changed();
    } else if (by === 'other') {
      changed();
      // Healed, perhaps, before it was seen that its owner has gone.
      const life = lives.get(uidIn(object) ?? '');
      if (life?.ended) life.gone = { ...life.gone, inFlight: true };
      if (type !== 'MODIFIED') kept.lost = true;
      else takeAway(kept, object);
    } else {
      const isWaiting = lives.get(object.metadata.annotations?.[note('owner-uid')] ?? '')?.waiting ?? false;
      if (quiet && changes === 0 && !isWaiting && !isStamping(object, kept.current))
        fail(`ConfigMap ${name}`, 'S8', 'it is written, though nothing has changed since it settled');
      const isDeleted = type === 'DELETED' || isMarked(object, kept.current);
      if (isDeleted) judgeDelete(kept, kept.current ?? object, revision);
      else judgeWrite(kept, object, revision);
      if (isDeleted && type !== 'DELETED') kept.held = object.metadata.uid;
    }
    kept.current = type === 'DELETED' ? undefined : object;
    judgeSums();
  };

  /** True when a new leader stamps a ConfigMap of a plan that stands still. */
  const isStamping = (object: Stored, before: Stored | undefined): boolean => {
    const epochOf = (one: Stored | undefined) => one?.metadata.annotations?.[note('epoch')];
    const life = lives.get(object.metadata.annotations?.[note('owner-uid')] ?? '');
    return life?.object.status?.applying !== undefined && epochOf(object) !== epochOf(before);
  };

  /** Notes what an edit took from a zone. What is no whole document of that zone is healed without being believed. */
  const takeAway = (kept: Kept, object: Stored) => {
    const { document, problems } = readData(object.data);
    if (problems.length > 0 || document?.scope !== 'Zone' || document.zone !== kept.written?.document.zone) return;
    const now = capacitiesOf(document);
    kept.left = Object.fromEntries(keys.map((key) => [key, Math.min(kept.left[key] ?? 0, now[key] ?? 0)]));
  };

  /** Rules 4 and 5: whether anything may be written for this object. */
  const mayWrite = (life: Life, revision: Revision, wrong: (rule: string, text: string) => void) => {
    const { sent, calmSince, deaf = false } = revision;
    const { gone } = life;
    // Where nothing was between, who sends this has seen that it goes.
    const isHeard =
      gone?.at !== undefined &&
      sent !== undefined &&
      calmSince !== undefined &&
      sent > Math.max(gone.at, calmSince) + unheard;
    if (gone && !deaf && (!gone.inFlight || isHeard))
      wrong('rule 5', `it is written while LicenseSettings ${life.name} is being deleted`);
    const { suspended } = viewOf(life, revision);
    if (suspended.size === 1 && suspended.has(true))
      wrong('suspend', `it is written while LicenseSettings ${life.name} is suspended`);
  };

  const judgeWrite = (kept: Kept, object: Stored, revision: Revision) => {
    const { metadata } = object;
    const wrong = (rule: string, text: string) => fail(`ConfigMap ${kept.name}`, rule, text);
    const uid = metadata.annotations?.[note('owner-uid')] ?? '';
    const life = lives.get(uid);
    // Created for an object that the store lost: that it is gone nobody can know yet, and the garbage collector takes it.
    if (!life && lostUids.has(uid) && kept.current === undefined) return;
    if (!life) {
      wrong('S6', `its owner-uid ${uid} is that of no LicenseSettings of this namespace`);
      return;
    }
    mayWrite(life, revision, wrong);
    const view = viewOf(life, revision);
    const desired = [...view.possible.values()].some(({ rendered }) => rendered.has(kept.name));
    if (kept.current && !isOurs(kept.current, life, desired))
      wrong('S6', `it belongs to someone else: ${canonical(kept.current.metadata)}`);

    const stamp = Number(metadata.annotations?.[note('generation')]);
    const newest = Math.max(...life.generations.keys());
    // Where the store went back so did the generation: what was written from the lost one meanwhile is written again.
    const highest = Math.min(kept.stamps.get(uid) ?? 1, newest);
    // A create can't carry a version, so one may land late; of an object that is gone the collector takes it.
    const isBelated = life.ended && kept.current === undefined;
    // Nor can anybody know the stamp of one that was deleted before the status could tell of it.
    const isUnknown = kept.current === undefined && kept.lost && stamp === life.object.status?.applied?.generation;
    if (!(stamp >= highest || isBelated || isUnknown))
      wrong('S3', `its generation stamp goes back: expected ${highest} or more, found ${stamp}`);
    kept.stamps.set(uid, Math.max(highest, stamp || 0));
    if (stamp > Math.max(newest, life.lostGeneration))
      wrong('S3', `its generation stamp is ${stamp}, the newest generation ${newest}`);

    const before = kept.current;
    // What may not be deleted as it is gets our labels first, its data as they are.
    const isUnclaimed = before && (!isLabelled(before, life.name) || uidIn(before) !== life.uid);
    if (before && isUnclaimed && (!object.immutable || before.immutable) && isClaim(before, object)) {
      for (const [label, wanted] of [
        ['app.kubernetes.io/managed-by', manager],
        [note('settings'), life.name],
      ] as const)
        if (metadata.labels?.[label] !== wanted) wrong('ownership', `label ${label}: expected ${wanted}`);
      if (uidIn(object) !== life.uid) wrong('ownership', `expected the uid ${life.uid}, found ${uidIn(object)}`);
      return;
    }
    if (object.immutable) wrong('S1', 'it is immutable');
    if (Object.keys(object.binaryData ?? {}).length > 0) wrong('S1', 'it has binaryData');
    const { document, problems } = readData(object.data);
    for (const problem of problems) wrong('S1', problem);
    if (!document) return;
    const match = judgeData({ life, view, name: kept.name, object, document, before, wrong });
    judgeMetadata({ life, view, object, document, match, wrong });
    // Without zones the ConfigMap is the record of what is live.
    if (match && document.scope === 'Default' && !life.restored) {
      const stamped = life.generations.get(stamp);
      // A stamp does not go back (S3), also where what was live before is rebuilt, under whichever name.
      const reached = Math.max(...[...maps.values()].map(({ stamps }) => stamps.get(uid) ?? 0));
      const isRebuilt = stamp === reached && match.hash === life.object.status?.applied?.settingsHash;
      if (stamped?.hash !== match.hash && !isRebuilt && life.lostGeneration === 0)
        wrong('S1', `it is stamped with generation ${stamp}, which declares ${stamped?.hash}; it holds ${match.hash}`);
    }
    const adopted = before !== undefined && (kept.written?.uid !== uid || kept.written.adopted);
    const isAsFound = kept.written?.uid !== uid || kept.written.asFound;
    const asFound = adopted && isAsFound && canonical(before.data) === canonical(object.data);
    kept.written = { uid, object, document, adopted, asFound };
    const hash = metadata.annotations?.[note('settings-hash')];
    if (hash !== undefined) life.recorded.set(hash, Math.max(stamp || 0, life.recorded.get(hash) ?? 0));
    kept.left = capacitiesOf(document);
    kept.lost = false;
    if (document.scope === 'System' && !life.object.status?.applying) life.ranks.set(kept.name, judged);
  };

  /** S1 and S2, on data. Gives the declaration that a whole rendering is of. */
  const judgeData = ({
    life,
    view,
    name,
    object: { metadata, data },
    document,
    before,
    wrong,
  }: Writing & { readonly name: string; readonly before: Stored | undefined }): Known | undefined => {
    const text = canonical(data);
    const possible = [...view.possible.values()];
    // Step 2: the old system ConfigMap loses its CAPACITY keys.
    const old = formerOf(name, before);
    const candidates = possible.filter(
      ({ declaration, rendered }) =>
        canonical(rendered.get(name)?.data) === text ||
        (old && declaration.zones && !rendered.has(name) && canonical(renderSystem(declaration).data) === text),
    );
    // Declarations that differ in a name, or in their organizations, can have the same system.
    const noted = metadata.annotations?.[note('settings-hash')];
    if (candidates.length > 0) return candidates.find(({ hash }) => hash === noted) ?? candidates[0];
    if (document.scope === 'Zone') {
      const why = stepProblems(possible, document, name, before);
      if (why.length > 0) wrong('S1', `no step of rule 2: ${why.join('; ')}`);
      return undefined;
    }
    const other = [...life.generations].find(([, known]) => canonical(known?.rendered.get(name)?.data) === text);
    if (other)
      wrong('S2', `the rendering of generation ${other[0]}, which may not be written: expected ${namesOf(possible)}`);
    else wrong('S1', `the rendering of no declaration: expected ${namesOf(possible)}, found ${text}`);
    return undefined;
  };

  /** What a write takes the place of: an immutable ConfigMap is deleted and created again. */
  const formerOf = (name: string, before: Stored | undefined): Stored | undefined => {
    const kept = maps.get(name);
    return before ?? (kept?.lost ? undefined : kept?.written?.object);
  };

  /** Why what a zone gets is not what it held, what it shall hold, the smaller of both, or zero. */
  const stepProblems = (
    possible: readonly Known[],
    document: Document,
    name: string,
    before: Stored | undefined,
  ): string[] => {
    const { zone = '' } = document;
    // A zone of an earlier name of the ConfigMap too: it is not rendered, but lowered.
    const shares = possible.flatMap(({ declaration }) => declaration.zones?.find((one) => one.name === zone) ?? []);
    const former = formerOf(name, before);
    const held = readData(former?.data).document;
    const old = held?.scope === 'Zone' && held.zone === zone ? held : undefined;
    const problems: string[] = [];
    if (!former && keys.some((key) => document.licenses[key]?.['capacity']))
      problems.push('it is created neither with its final numbers nor at zero');
    if (!name.endsWith(`-${zone}`)) problems.push(`the zone ${zone} does not belong into ${name}`);
    const judgeCounts = (whose: string, found: number, allowed: readonly number[]) => {
      if (found !== 0 && !allowed.includes(found))
        problems.push(`${whose}: expected 0 or one of ${[...new Set(allowed)].join(', ')}, found ${found}`);
    };
    for (const key of keys) {
      const counts = shares.map(({ licenses }) => (licenses as Record<string, number> | undefined)?.[key] ?? 0);
      judgeCounts(key, document.licenses[key]?.['capacity'] ?? 0, [...counts, old?.licenses[key]?.['capacity'] ?? 0]);
      for (const organization of document.organizations ?? []) {
        const one = <T extends { name: string }>(list: readonly T[] = []) =>
          list.find((other) => other.name === organization.name);
        const parts = shares.map((share) => (one(share.organizations)?.licenses as Record<string, number>)?.[key] ?? 0);
        const oldPart = one(old?.organizations)?.licenses[key]?.capacity ?? 0;
        judgeCounts(`${key} of ${organization.name}`, organization.licenses[key]?.capacity ?? 0, [...parts, oldPart]);
      }
    }
    for (const { name: tenant } of document.organizations ?? [])
      if (![...shares, ...(old ? [old] : [])].some((one) => one.organizations?.some((other) => other.name === tenant)))
        problems.push(`nobody gave it an organization ${tenant}`);
    return problems;
  };

  /** Labels, annotations and owner of what the operator writes. */
  const judgeMetadata = ({
    life,
    view,
    object: { metadata, data = {} },
    document,
    match,
    wrong,
  }: Writing & { readonly match: Known | undefined }) => {
    const expect = (what: string, expected: string | undefined, found: string | undefined) => {
      if (expected !== found) wrong('ownership', `${what}: expected ${expected}, found ${found}`);
    };
    expect('label managed-by', manager, metadata.labels?.['app.kubernetes.io/managed-by']);
    expect('label part-of', manager, metadata.labels?.['app.kubernetes.io/part-of']);
    expect('label settings', life.name, metadata.labels?.[note('settings')]);
    if (document.scope === 'Zone') expect('label zone', document.zone, metadata.labels?.[note('zone')]);
    expect('data-hash', dataHash(data), metadata.annotations?.[note('data-hash')]);
    if (match && document.scope !== 'Zone')
      expect('settings-hash', match.hash, metadata.annotations?.[note('settings-hash')]);
    const ours = (metadata.ownerReferences ?? []).filter(({ uid }) => uid === life.uid);
    const reference = canonical({
      ...{ apiVersion: `${group}/v1`, kind: 'LicenseSettings', name: life.name, uid: life.uid },
      ...{ controller: true, blockOwnerDeletion: false },
    });
    const found = canonical(ours);
    const allowed = [...view.retained].map((retained) => (retained ? '[]' : `[${reference}]`));
    if (!allowed.includes(found))
      wrong('ownership', `ownerReferences: expected ${allowed.join(' or ')}, found ${found}`);
  };

  /** Rule 4: whether the ConfigMap may be written for this object. `desired`: its name is a wanted one. */
  const isOurs = (object: Stored, life: Life, desired: boolean): boolean => {
    const controller = object.metadata.ownerReferences?.find((one) => one.controller === true);
    if (controller) return controller.uid === life.uid;
    if (object.metadata.annotations?.[note('owner-uid')] === life.uid) return true;
    // What an earlier object of the name left to nobody is the next one's.
    const former = lives.get(object.metadata.annotations?.[note('owner-uid')] ?? '');
    const inherits = former?.ended === true && former.name === life.name;
    return (desired || inherits) && isLabelled(object, life.name);
  };
  const isLabelled = ({ metadata }: Stored, name: string): boolean =>
    metadata.labels?.['app.kubernetes.io/managed-by'] === manager && metadata.labels[note('settings')] === name;
  /** The uid that a ConfigMap carries, as rule 4 has it for deletions. */
  const uidIn = ({ metadata }: Stored): string | undefined =>
    (
      metadata.ownerReferences?.find((one) => one.controller === true) ?? {
        uid: metadata.annotations?.[note('owner-uid')],
      }
    ).uid;

  const judgeDelete = (kept: Kept, before: Stored, revision: Revision) => {
    const wrong = (rule: string, text: string) => fail(`ConfigMap ${kept.name}`, rule, text);
    const life = lives.get(uidIn(before) ?? '');
    if (!life) {
      wrong('S6', `it is deleted, but it belongs to someone else: ${canonical(before.metadata)}`);
      return;
    }
    if (life.ended && !life.gone?.inFlight && [...lives.values()].some((one) => !one.ended && one.name === life.name)) {
      wrong('S6', `it is deleted for an object of the same name, but it has the uid ${life.uid} of an earlier one`);
      return;
    }
    mayWrite(life, revision, wrong);
    // One that was made immutable is deleted and created again.
    if (before.immutable) return;
    const possible = [...viewOf(life, revision).possible.values()];
    if (possible.every(({ rendered }) => rendered.has(kept.name)))
      wrong('S1', `it is deleted, but wanted by ${namesOf(possible)}`);
    const document = kept.written?.document;
    if (document?.scope === 'Zone') {
      // After a rename the same zone has another one.
      const successors = [...maps.values()].flatMap(({ written }) =>
        written && written !== kept.written && written.uid === life.uid && written.document.zone === document.zone
          ? [written.document]
          : [],
      );
      for (const key of keys) {
        const mine = kept.left[key] ?? 0;
        const successor = Math.max(0, ...successors.map(({ licenses }) => licenses[key]?.['capacity'] ?? 0));
        if (!kept.lost && mine > successor)
          wrong('S1', `it is deleted while it holds ${mine} of ${key}: expected no more than ${successor}`);
      }
    }
    kept.written = undefined;
  };

  /**
   * What the operator wrote for this object, or for an earlier one of its name, and nobody else took away: a dialer obeys
   * what is there, whoever's it was, until it is gone. The system of this one counts on: it is a bound, not a gift.
   */
  const heldBy = (life: Life) =>
    [...maps.values()].flatMap((kept) => {
      const { written, current } = kept;
      if (!written) return [];
      const own = written.uid === life.uid;
      if (!own && !(lives.get(written.uid)?.ended && isLabelled(written.object, life.name))) return [];
      const there = current !== undefined && !kept.lost;
      return there || (own && written.document.scope === 'System') ? [{ kept, own, ...written }] : [];
    });
  /** Systems that an earlier object of the same name left behind, or a backup brought, to be adopted. */
  const inherited = (life: Life) =>
    [...maps.values()].flatMap((kept) => {
      const object = kept.written?.object ?? kept.current;
      const document = kept.written?.document ?? (object && readData(object.data).document);
      return object && document?.scope === 'System' && isLabelled(object, life.name) ? [{ kept, document }] : [];
    });

  /** S9, over every object that is there. */
  const judgeSums = () => {
    let isTight = false;
    for (const life of lives.values()) {
      // What an object leaves behind is as it was, until there is another of its name.
      if (life.gone) continue;
      const all = heldBy(life);
      const zoned = all.filter(({ document }) => document.scope === 'Zone');
      if (zoned.length === 0) continue;
      const obeyed = all.filter(({ document }) => document.scope === 'Default');
      const systems = all.filter(({ own, document }) => own && document.scope === 'System');
      const [system] = (systems.length > 0 ? systems : inherited(life)).sort(
        (a, b) => (life.ranks.get(b.kept.name) ?? 0) - (life.ranks.get(a.kept.name) ?? 0),
      );
      // Zones that an earlier object left behind are lowered first, also where its system has gone.
      if (!system && obeyed.length === 0 && zoned.every(({ own, adopted }) => adopted || !own)) continue;
      for (const key of keys) {
        const zones = new Map<string, number>();
        for (const { kept, document } of zoned) {
          const zone = document.zone ?? '';
          zones.set(zone, Math.max(zones.get(zone) ?? 0, kept.left[key] ?? 0));
        }
        const sum = [...zones.values()].reduce((a, b) => a + b, 0);
        // A system that is obeyed beside zones gives out every license that a zone holds a second time.
        const giving = zoned.filter(({ kept }) => (kept.left[key] ?? 0) > 0);
        for (const { kept, own } of obeyed)
          if (giving.some((zone) => (zone.own ? !zone.asFound : own)))
            fail(
              `LicenseSettings ${life.name}`,
              'S9',
              `zones hold ${sum} of ${key} while ${kept.name} has CAPACITY keys`,
            );
        if (obeyed.length > 0) continue;
        // A status that was restored from a backup has settings that no ConfigMap of this object was written for yet.
        const total = system?.document.licenses[key]?.['total'] ?? maximumIn(life.backup?.declaration, key);
        if (sum > total)
          fail(
            `LicenseSettings ${life.name}`,
            'S9',
            `zones hold ${sum} of ${key}, the total of ${system?.kept.name ?? 'no system'} is ${total}: ${[...zones].map(([zone, count]) => `${zone} ${count}`).join(', ')}`,
          );
        if (sum === total && sum > 0) isTight = true;
      }
    }
    if (isTight) tight++;
  };

  const settled = (isWaiting: (object: Stored) => boolean = () => false) => {
    changes = 0;
    for (const life of lives.values()) {
      life.waiting = !life.gone && isWaiting(life.object);
      if (life.waiting) continue;
      if (life.gone) {
        life.gone = { inFlight: false };
        continue;
      }
      Object.assign(life, narrowest(life), { informed: undefined, lostGeneration: 0 });
    }
  };

  const wentBack = (lost: Judge) => {
    changed();
    for (const [uid, then] of livesOf.get(lost) ?? []) {
      const life = lives.get(uid);
      if (!life) lostUids.add(uid);
      if (!life) continue;
      life.informed = undefined;
      for (const [hash, known] of then.possible) life.possible.set(hash, known);
      for (const one of then.suspended) life.suspended.add(one);
      for (const one of then.retained) life.retained.add(one);
      life.lostGeneration = Math.max(then.lostGeneration, ...then.generations.keys());
    }
  };

  const recovered = () => {
    for (const life of lives.values()) life.lostGeneration = 0;
    lostUids.clear();
  };

  /** S7, and whether what is there in the end is what the operator says. */
  const finish = () => {
    at = `${at} (the end)`;
    for (const { name, current } of maps.values()) {
      const uid = current && uidIn(current);
      const life = uid === undefined ? undefined : lives.get(uid);
      if (!current || !life) continue;
      const wrong = (rule: string, text: string) => fail(`ConfigMap ${name}`, rule, text);
      if (life.gone) {
        if (!life.ended) continue;
        const owned = current.metadata.ownerReferences?.some((one) => one.uid === life.uid);
        if (owned) wrong('S7', `an orphan: LicenseSettings ${life.name} with uid ${life.uid} is gone`);
        continue;
      }
      const { applied, applying } = life.object.status ?? {};
      // What keeps it from being done is told in the status.
      if (isSuspended(life) || applying) continue;
      const newest = newestOf(life);
      const wanted = [newest, knowStored(applied)].filter((one) => one !== undefined);
      const mine = isLabelled(current, life.name) && applied !== undefined;
      if (mine && !wanted.some(({ rendered }) => rendered.has(name)))
        wrong('S7', `an orphan: expected the ConfigMaps of ${namesOf(wanted)}`);
    }
    for (const life of lives.values()) {
      const condition = life.object.status?.conditions?.find((one) => one.type === 'Applied');
      if (life.gone || isSuspended(life) || condition?.status !== 'True') continue;
      if (condition.observedGeneration !== life.object.metadata.generation) continue;
      for (const { name, data } of newestOf(life)?.rendered.values() ?? []) {
        const found = maps.get(name)?.current?.data;
        if (canonical(found) !== canonical(data))
          fail(
            `ConfigMap ${name}`,
            'S1',
            `in the end: expected ${canonical(data)}, found ${canonical(found) ?? 'none'}`,
          );
      }
    }
  };

  const judge: Judge = {
    violations,
    get judged() {
      return judged;
    },
    get tight() {
      return tight;
    },
    take(revision) {
      judged++;
      at = revision.object.metadata.resourceVersion;
      if (revision.kind === 'LicenseSettings') takeSettings(revision);
      else takeMap(revision);
    },
    settled,
    wentBack,
    recovered,
    finish,
  };
  livesOf.set(judge, lives);
  return judge;
}

/** What each judge knows of the objects. */
const livesOf = new WeakMap<Judge, ReadonlyMap<string, Life>>();

/** True when a deletion marks an object that a finalizer holds. */
const isMarked = (object: Stored, before: Stored | undefined): boolean =>
  object.metadata.deletionTimestamp !== undefined && before?.metadata.deletionTimestamp === undefined;

/** True when our labels and a uid are put on what someone made immutable, so that it may be deleted: its data stay. */
const isClaim = (before: Stored, after: Stored): boolean =>
  canonical([before.data ?? {}, before.binaryData ?? {}]) === canonical([after.data ?? {}, after.binaryData ?? {}]);

/** The maximum that settings give a type of licenses. */
const maximumIn = (declaration: Declaration | undefined, key: string): number =>
  (declaration?.licenses as Record<string, { maximum: number }> | undefined)?.[key]?.maximum ?? 0;
const namesOf = (list: readonly Known[]): string =>
  list.map(({ hash, declaration }) => `${hash.slice(0, 12)} ${canonical(declaration)}`).join(' or ') || 'nothing';

const capacitiesOf = ({ licenses }: Document): Counts =>
  Object.fromEntries(keys.map((key) => [key, licenses[key]?.['capacity'] ?? 0]));
