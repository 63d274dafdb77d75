/** The one flow: read, judge, decide, apply, and one status at the end. */
import {
  type Declaration,
  defaultSettleSeconds,
  type FieldError,
  maxSettleSeconds,
  type Status,
} from '../api/licensesettings.ts';
import { type ApiError, asApiError, type Clock, type NamespacedStore, type Store, type Task } from '../kube/index.ts';
import { isApproved, unusableApproval } from '../settings/approval.ts';
import { isLeftBehind, isOwnedBy, type Owner, stampOf } from '../settings/configmap.ts';
import { declare } from '../settings/declaration.ts';
import { settingsHash } from '../settings/hash.ts';
import { isInherited, type Live, liveSettings, planUnderWay } from '../settings/live.ts';
import { configMapNames } from '../settings/render.ts';
import { type Facts, failedStatus, knownConfigMaps, nextStatus, type Problem, sameStatus } from '../settings/status.ts';
import { validate } from '../settings/validate.ts';
import { holdOthers, involvesZones } from '../settings/zones.ts';
import {
  type Api,
  askedFor,
  carrying,
  controlledBy,
  type LicenseSettings,
  labelledFor,
  type StoredConfigMap,
} from './api.ts';
import { forgetUnwatched, hasToGo, lookAgain, type Means, ownerGone, type Restored, readLeftOut } from './apply.ts';
import type { RetryKind } from './backoffs.ts';
import {
  type Brakes,
  beginLook,
  contested,
  contestIn,
  createBrake,
  isOnTrial,
  keepBrake,
  mayWriteStatus,
  wroteStatus,
} from './brake.ts';
import { type Note, transition } from './events.ts';
import { hold } from './hold.ts';
import type { LateWrites } from './late.ts';
import { believeAgain, forgetFound, type Missing } from './missing.ts';
import { look, lookForLost, type MoveInput, move, type PlanMemory, sightOf, takenName, takeOver } from './move.ts';
import { priorities } from './priorities.ts';
import { isOutOfDate, isSuspended, overtaken, renewed } from './renew.ts';
import { createTurn, turnIsOver } from './turn.ts';

/** Until a write failure has lasted this long, in milliseconds, the conditions stay as they were. */
export const failurePatience = 10_000;

/** What a term works with, in every namespace that is watched. */
export type World = {
  readonly api: Api;
  readonly clock: Clock;
  readonly settings: Store<LicenseSettings>;
  readonly configMaps: Store<StoredConfigMap>;
  /** Random id of this term: from the start, or from winning the lease, to the end, or to losing it. */
  readonly epoch: string;
  /** What this term remembers of each object, by namespace and name. */
  readonly memories: Map<string, Memory>;
  /** What this term remembers of writes that did not stay. */
  readonly brakes: Brakes;
  /** What this term remembers of writes that got no answer, by namespace. */
  readonly late: Map<string, LateWrites>;
};

/** What a reconcile reads and writes: the namespace of its object, whatever lies in others. */
type Place = Means & {
  readonly settings: NamespacedStore<LicenseSettings>;
  readonly epoch: string;
  /** Whether a LicenseSettings with a uid is there, in whichever namespace. */
  readonly isThere: (uid: string) => boolean;
};
type Surroundings = Omit<Place, 'brake' | 'missing' | 'turn'>;

function surroundingsIn({ api, clock, settings, configMaps, epoch, late }: World, namespace: string): Surroundings {
  const ours: LateWrites = late.get(namespace) ?? new Map();
  late.set(namespace, ours);
  return {
    ...{ api: api.in(namespace), settings: settings.in(namespace), configMaps: configMaps.in(namespace) },
    ...{ clock, epoch, late: ours, isThere: (uid: string) => settings.has(uid) },
  };
}

/** What a term remembers of one object. */
export type Memory = PlanMemory & {
  /** A new object of the same name begins with nothing. */
  readonly uid: string;
  /** A ConfigMap whose contents someone had changed, and that is whole again; until the event was sent. */
  restored: Restored | undefined;
  /** What people asked for when the rest was noted: anything else is tried at once. */
  asked: string;
  failing: Failing | undefined;
  /** A name that a plan wants, and that was someone else's when it was looked at last. */
  taken: string | undefined;
  readonly missing: Missing;
  /** True where the last turn ended with more to do; and what was read again since the first one of that work. */
  goesOn: boolean;
  readonly looked: Set<string>;
};

/** Since when, on the monotonic clock, writes fail, what was told of it, and how, and before when nothing is asked again. */
type Failing = { readonly since: number; readonly told: string; readonly error: ApiError; readonly until: number };

/**
 * What a reconcile came to. `retry` says how to try again; `error` why. `more`: others have their turn first, and nothing is
 * said before it has gone on.
 */
export type Outcome = {
  readonly result: 'unchanged' | 'written' | 'gone' | 'quiet' | 'later' | 'stale' | 'retry' | 'problem' | 'more';
  readonly retry?: { readonly kind: RetryKind; readonly atLeast: number; readonly atMost?: number };
  readonly error?: ApiError;
  /** When to look again, in milliseconds: a plan waits. */
  readonly again?: number;
  /** The event to send, about this version of the object. */
  readonly event?: { readonly about: LicenseSettings; readonly note: Note };
  /** What the log says besides. */
  readonly detail?: Record<string, unknown>;
};

/** Reconciles one object, for one turn. It throws only for a mistake in our own code, and tells of it in the object's status. */
export async function reconcile(world: World, task: Task): Promise<Outcome & { readonly requests: number }> {
  const [namespace = '', name = ''] = task.key.split('/');
  const here = surroundingsIn(world, namespace);
  try {
    const outcome = await reconcileHere(world, here, name, task);
    return { ...outcome, requests: here.api.sent() };
  } catch (thrown) {
    await tellDefect(here, name, thrown);
    throw thrown;
  }
}

/** Says in the status that the operator fails on an object, where that can be said: what is live stays as it is. */
async function tellDefect(here: Surroundings, name: string, thrown: unknown): Promise<void> {
  const object = here.settings.get(name);
  if (!object || object.metadata.deletionTimestamp) return;
  try {
    const { generation = 0 } = object.metadata;
    const after = failedStatus(object.status, { generation, words: String(thrown), now: rfc3339(here.clock.wall()) });
    if (!sameStatus(object.status, after)) here.settings.put(await here.api.putStatus(object, after));
  } catch {
    // Then the log and the metric alone tell it.
  }
}

async function reconcileHere(
  world: World,
  here: Surroundings,
  name: string,
  { key, priority }: Task,
): Promise<Outcome> {
  const cached = here.settings.get(name);
  // While an object is being deleted nothing at all is written: healing during an orphaning delete loses the ConfigMap.
  if (!cached || cached.metadata.deletionTimestamp) {
    const known = world.memories.get(key);
    if (known) forget(here, known.uid);
    world.memories.delete(key);
    world.brakes.delete(key);
    return { result: 'gone' };
  }
  const known = world.memories.get(key);
  const askedBefore = known?.asked;
  const memory = remembered(here, known, cached);
  if (memory !== known) world.memories.set(key, memory);
  // Something else is asked for: what was in the way may be gone.
  const brake = (memory.asked === askedBefore && world.brakes.get(key)) || createBrake();
  const { missing } = memory;
  forgetFound(missing, here.configMaps);
  if (memory.goesOn) believeAgain(missing, here.clock);
  else memory.looked.clear();
  memory.goesOn = false;
  const turn = createTurn(here.clock, here.api.sent);
  const place = { ...here, api: renewed(here.api, here.settings, cached.metadata), brake, missing, turn };
  try {
    const pause = isSuspended(cached.spec) ? undefined : pauseOf(memory, world.clock);
    const object = pause ? cached : await shownWhole(place, cached);
    if (!object) return stale;
    const suspended = isSuspended(object.spec);
    const unseen = suspended
      ? undefined
      : (pause ?? (await failureOf(lookAgain(place, object.metadata, memory.looked))));
    const owned = await ownedBy(place, object.metadata, pause);
    const judged = judge(object, owned);
    // By hand it may happen at any moment; of what happened before this term nobody tells when.
    if (owned.length > 0 && suspended) look(memory, 'being taken', world.clock);
    else if (owned.length > 0 && memory.takenAway === undefined) look(memory, 'taken', world.clock);
    else look(memory, 'nothing to take', world.clock);
    // Where nothing can be written nothing can be wrong, and nothing is read again for it.
    const writes = !judged.suspended && judged.target !== undefined;
    if (!writes) forgetUnwatched(place, object.metadata.uid);
    if (writes && !pause && looksStale(object, owned) && (await isStale(place, object))) return stale;
    return await judgeAndApply(place, memory, judged, unseen, priority === priorities.background);
  } catch (thrown) {
    const error = asApiError(thrown);
    if (!error) throw thrown;
    memory.goesOn = error.reason === turnIsOver;
    if (memory.goesOn) return { result: 'more' };
    // The object itself is gone, or its namespace; or it is no longer one to be written for.
    if (error.class === 'missing' || error.reason === overtaken) return quietly(error);
    return retryOf(error);
  } finally {
    keepBrake(world.brakes, world.clock, key, brake);
  }
}

/** The ConfigMaps that carry the uid of an object, each with its contents. Throws an ApiError where one can't be read. */
async function ownedBy(place: Place, owner: Owner, pause: ApiError | undefined): Promise<readonly StoredConfigMap[]> {
  const views = place.configMaps.by(carrying(owner.uid));
  if (!views.some(({ unread }) => unread)) return views;
  if (pause) throw pause;
  await readLeftOut(place, owner, views);
  return place.configMaps.by(carrying(owner.uid));
}

/** What an earlier object of the name left to nobody. Throws an ApiError where one can't be read. */
async function inheritedBy(place: Place, owner: Owner): Promise<readonly StoredConfigMap[]> {
  const named = () => place.configMaps.by(labelledFor(owner.name));
  await readLeftOut(place, owner, named());
  return named().filter((view) => isInherited(view, owner, place.isThere));
}

/** True where the spec lacks what somebody wrote, and what this release knows. */
const missesFields = ({ hidden }: LicenseSettings): boolean => hidden?.some(({ known }) => known) ?? false;

/**
 * A watch that was opened under an older CRD goes on to prune by it; a GET shows what the CRD of now knows. Undefined when
 * a newer version came of it.
 */
async function shownWhole(place: Place, object: LicenseSettings): Promise<LicenseSettings | undefined> {
  if (!missesFields(object)) return object;
  const fresh = await place.api.getSettings(object.metadata.name);
  if (place.settings.put(fresh)) return undefined;
  return fresh.metadata.resourceVersion === object.metadata.resourceVersion ? fresh : object;
}

function remembered(here: Surroundings, known: Memory | undefined, object: LicenseSettings): Memory {
  const { uid } = object.metadata;
  const asked = askedFor(object);
  if (known?.uid === uid) {
    if (known.asked === asked) return known;
    known.asked = asked;
    known.missing.clear();
    known.goesOn = false;
    if (known.failing) known.failing = { ...known.failing, until: 0 };
    return known;
  }
  if (known) forget(here, known.uid);
  return {
    ...{ uid, asked, firstSeen: here.clock.monotonic() },
    ...{ takenAway: undefined, ownsPlan: false, superseded: [] },
    ...{ restored: undefined, failing: undefined, taken: undefined, missing: new Map() },
    ...{ goesOn: false, looked: new Set() },
  };
}

/** Why nothing is asked of the API server yet: it, or the brake, said so, and people have changed nothing since. */
function pauseOf({ failing }: Memory, clock: Clock): ApiError | undefined {
  const left = (failing?.until ?? 0) - clock.monotonic();
  return left > 0 ? failing?.error.again(left) : undefined;
}

/** More is known than when it was decided. It waits a little: what is out of date again and again must not be a loop. */
const stale: Outcome = { result: 'stale', retry: { kind: 'again', atLeast: 0 } };

/** Forgets what was remembered of an object that is gone, or being deleted. */
function forget(here: Surroundings, uid: string): void {
  forgetUnwatched(here, uid);
  here.late.delete(uid);
}

/** What the object and the caches say, before anything is done. */
type Judgement = ReturnType<typeof judge>;

function judge(object: LicenseSettings, owned: readonly StoredConfigMap[]) {
  const { metadata, spec, status, hidden = [], unreadable } = object;
  const { name, uid, generation = 0 } = metadata;
  const owner: Owner = { name, uid };
  const { errors, spec: valid } = validate({ name, spec, hidden, unreadable });
  // These act at once, also while the rest of the spec is invalid or waits for its approval.
  const { deletionPolicy, settleSeconds } = (spec ?? {}) as Record<string, unknown>;
  const known = knownConfigMaps(status, name);
  const retainedBefore = known?.every(({ retained }) => retained) ?? false;
  const newest = valid && declare(name, valid);
  const newestHash = newest && settingsHash(newest);
  // While a plan is under way it is what is live: it is finished, or superseded, never abandoned.
  const applying = planUnderWay(status, name, generation);
  const applied = liveSettings(status, applying ? [] : owned, owner, generation);
  const live = applying ?? applied;
  const waits = valid?.applyPolicy === 'Manual' && newestHash !== live?.settingsHash;
  const pending = waits && newestHash && !isApproved(metadata.annotations, newestHash) ? newestHash : undefined;
  const applicable = newest !== undefined && pending === undefined;
  return {
    ...{
      object,
      known,
      owned,
      owner,
      generation,
      errors,
      newestHash,
      applying,
      applied,
      live,
      pending,
      unusable: pending && unusableApproval(metadata.annotations),
      applicable,
    },
    suspended: isSuspended(spec),
    // What can't be read takes no protection away.
    retained: deletionPolicy === 'Retain' || (!isDelete(deletionPolicy) && retainedBefore),
    settle: 1000 * (isSettleSeconds(settleSeconds) ? settleSeconds : defaultSettleSeconds),
    // An applicable spec is always rendered from the spec; else what is live is kept alive.
    ...(applicable ? { target: newest, hash: newestHash } : { target: live?.declaration, hash: live?.settingsHash }),
  };
}

const isDelete = (policy: unknown): boolean => (policy ?? 'Delete') === 'Delete';

const isSettleSeconds = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= maxSettleSeconds;

/** What has been done so far, and what the status has to say of it. */
type Progress = {
  /** The last finished apply. */
  live: Live | undefined;
  /** The plan that is under way. */
  applying: Status['applying'];
  configMaps: Status['configMaps'];
  problem: Problem | undefined;
  /** The object, with the status that was written last. */
  about: LicenseSettings;
  writes: number;
  /** True when only a rollout is left, and has to wait for its turn. */
  later?: boolean;
  /** True when more is known of the ConfigMaps than when it was judged: nothing is said before it is judged anew. */
  stale?: boolean;
  /** When a plan goes on, in milliseconds. */
  again?: number;
};

/** `unseen`: why our view of the ConfigMaps may be old; then nothing but the status is written. */
async function judgeAndApply(
  place: Place,
  memory: Memory,
  judged: Judgement,
  unseen: ApiError | undefined,
  background: boolean,
): Promise<Outcome> {
  const { object, errors, generation, suspended, pending, unusable, newestHash } = judged;
  const { status } = object;
  const progress: Progress = {
    live: judged.applied,
    applying: status?.applying,
    configMaps: recorded(status, judged),
    problem: undefined,
    about: object,
    writes: 0,
  };
  const facts = (): Facts => ({
    ...{ generation, suspended, errors, pending, unusable, now: rfc3339(place.clock.wall()) },
    ...{ live: progress.live, applying: progress.applying, problem: progress.problem, configMaps: progress.configMaps },
    before: judged.applied,
    current: progress.applying === undefined && newestHash !== undefined && newestHash === progress.live?.settingsHash,
  });
  const { ended, failure } = await attempt({ place, memory, judged, progress, facts }, unseen, background);
  if (ended) return ended;
  const detail = detailOf(errors, progress, memory.restored);
  const before = progress.about.status;
  const after = nextStatus(before, facts());
  if (!after)
    return failure ? { result: 'retry', ...nextTry(place, memory, failure, false) } : { result: 'unchanged', detail };
  const note = transition(status, after, memory.restored);
  if (!sameStatus(before, after)) await writeStatus(place, progress, after);
  // The next plan that the status tells of may be that of a second operator.
  if (!after.applying) memory.ownsPlan = false;
  memory.restored = undefined;
  const { problem, again, about, writes, later } = progress;
  return {
    result: problem ? 'problem' : later ? 'later' : about !== object || writes ? 'written' : 'unchanged',
    ...(problem?.kind === 'ConfigMapConflict' ? { retry: { kind: 'slow', atLeast: 0 } as const } : {}),
    ...(again === undefined ? {} : { again }),
    ...(failure ? nextTry(place, memory, failure, problem !== undefined) : {}),
    ...(note ? { event: { about, note } } : {}),
    detail,
  };
}

/**
 * Does what there is to do, and notes it in `progress`. Gives the outcome where the status has nothing to say of it, and
 * else the failure that it has to tell of, if there is one.
 */
async function attempt(
  turn: Turn,
  unseen: ApiError | undefined,
  background: boolean,
): Promise<{ ended?: Outcome; failure?: ApiError }> {
  const { place, memory, judged, progress, facts } = turn;
  const started = place.clock.monotonic();
  try {
    if (!judged.suspended) {
      if (unseen) throw unseen;
      beginLook(place.brake, place.clock);
      await act(place, memory, judged, progress, facts, background);
      if (progress.stale) return { ended: stale };
      const contest = progress.problem ? undefined : contestIn(place.brake, place.clock);
      if (contest) throw contest;
    }
    memory.failing = undefined;
    return {};
  } catch (thrown) {
    const error = asApiError(thrown);
    if (!error || error.class === 'missing' || [overtaken, turnIsOver].includes(error.reason)) throw thrown;
    if (error.causes.includes('NamespaceTerminating')) return { ended: { result: 'quiet' } };
    if (error.reason === ownerGone) return { ended: quietly(error) };
    progress.problem = problemOf(place, memory, error, started);
    // A failure may pass; only what doesn't depend on it is said meanwhile.
    if (!progress.problem && judged.errors.length === 0 && !judged.pending)
      return { ended: { result: 'retry', ...nextTry(place, memory, error, false) } };
    return { failure: error };
  }
}

/** Does what there is to do, and notes it in `progress`. Throws an ApiError. */
async function act(
  place: Place,
  memory: Memory,
  judged: Judgement,
  progress: Progress,
  facts: () => Facts,
  background: boolean,
): Promise<void> {
  const { known, target, hash, live, applied, applying, owner, retained, owned, generation } = judged;
  if (!target || !hash) return;
  const unchanged = hash === live?.settingsHash;
  // Where the status is that of a backup a ConfigMap may have a later stamp, which must not go back.
  const stamps = owned.flatMap((view) => stampOf(view, owner) ?? []).filter((one) => one <= generation);
  const stamp = unchanged ? Math.max(live.generation, ...stamps) : generation;
  // The garbage collector would take what the status calls retained: what is owned, and what is about to be.
  const theirs = new Set(owned.filter((view) => isOwnedBy(owner, view)).map(({ metadata }) => metadata.name));
  progress.configMaps = progress.configMaps?.map((one) =>
    retained && !theirs.has(one.name) ? one : { name: one.name, dataHash: one.dataHash },
  );
  // What an earlier object of the name gave out is obeyed until the garbage collector has taken it.
  const left = unchanged ? [] : place.configMaps.by(controlledBy(owner.name));
  const behind = left.find((view) => isLeftBehind(view, owner));
  if (behind) throw hasToGo(behind);
  // What it left to nobody is taken over by the first apply: what is not wanted goes, as after a change of settings.
  const inherited = applied ? [] : await inheritedBy(place, owner);
  const conflict = (name: string) => {
    progress.problem = conflictOf(name);
  };
  // Of a first apply that is under way nothing was live before: a zone that drifted may hold nothing yet.
  const none = applying && !applied ? { configMap: target.configMap } : undefined;
  const superseded =
    applying?.declaration && applying.settingsHash !== hash
      ? [...memory.superseded, applying.declaration]
      : memory.superseded;
  const before = [applied?.declaration ?? none, applying?.declaration, ...superseded].filter(
    (one) => one !== undefined,
  );
  const ours = { owner, target, retained, generation: stamp, inherited };
  // One that it may adopt was nobody's when it was seen.
  const named = [target, ...before].flatMap(configMapNames);
  await readLeftOut(
    place,
    owner,
    named.map((name) => place.configMaps.get(name)),
  );

  const planned =
    applying !== undefined ||
    (hash !== applied?.settingsHash && involvesZones([target, ...before], [...owned, ...inherited])) ||
    holdOthers(owned, target, known);
  if (!planned) {
    const { applicable } = judged;
    const result = await hold(place, {
      ...ours,
      known,
      unchanged,
      applicable,
      background,
      owned,
      onRestored: (restored) => {
        memory.restored ??= restored;
      },
    });
    if (result.kind === 'found') {
      progress.stale = true;
      return;
    }
    if (result.kind === 'conflict') return conflict(result.name);
    progress.writes += result.writes;
    progress.later = result.later;
    progress.configMaps = result.configMaps;
    if (!unchanged) progress.live = { generation: stamp, settingsHash: hash, declaration: target };
    if (result.failure) throw result.failure;
    return;
  }

  await carryPlan({ place, memory, judged, progress, facts }, { ...ours, hash, before, superseded });
}

/** What a step of a reconcile works with. */
type Turn = {
  readonly place: Place;
  readonly memory: Memory;
  readonly judged: Judgement;
  readonly progress: Progress;
  readonly facts: () => Facts;
};

/** Where a plan leads, and what bounds it. */
type PlanInput = Omit<MoveInput, 'settle' | 'names'> & {
  readonly hash: string;
  readonly superseded: readonly Declaration[];
};

/** Begins a plan, or goes on with it, as far as it goes now. Throws an ApiError. */
async function carryPlan(turn: Turn, input: PlanInput): Promise<void> {
  const { place, memory, judged, progress } = turn;
  const { owned, settle } = judged;
  // While that name is someone else's nothing else need be looked at again.
  memory.taken = memory.taken === undefined ? undefined : await takenName(place, input, [memory.taken]);
  memory.taken ??= (await makeReady(turn, input)) ?? (await begin(turn, input));
  if (memory.taken) {
    progress.problem = conflictOf(memory.taken);
    return;
  }
  const names = owned.map(({ metadata }) => metadata.name);
  const result = await move(place, memory, { ...input, settle, names });
  if (result.kind === 'conflict') {
    memory.taken = result.name;
    progress.problem = conflictOf(result.name);
    return;
  }
  progress.writes += result.writes;
  if (result.kind === 'settling') progress.again = result.remaining;
  if (result.kind === 'done') {
    // The way back to what is applied is no apply: it moves only with the settingsHash.
    if (input.hash !== judged.applied?.settingsHash)
      progress.live = { generation: input.generation, settingsHash: input.hash, declaration: input.target };
    progress.configMaps = result.configMaps;
    progress.applying = undefined;
  }
}

/** Looks for what the plan has to know of, and takes over what an earlier term began. Gives a name that is someone else's. */
async function makeReady({ place, memory, judged, progress }: Turn, input: PlanInput): Promise<string | undefined> {
  const { applying } = judged;
  const wanted = configMapNames(input.target);
  // A plan that is left behind may have written more than the status says.
  const leftBehind = applying?.settingsHash === input.hash ? undefined : applying?.declaration;
  const leftBy = leftBehind ? configMapNames(leftBehind).filter((name) => !wanted.includes(name)) : [];
  const named = (progress.configMaps ?? []).map(({ name }) => name);
  await lookForLost(place, input.owner, [...new Set([...named, ...leftBy])]);
  if (applying === undefined || memory.ownsPlan) return undefined;
  const plans = [applying.declaration, input.target].filter((one) => one !== undefined);
  const { writes, taken } = await takeOver(place, memory, input, plans);
  progress.writes += writes;
  if (taken) return taken;
  memory.ownsPlan = true;
  // Of the earlier term nobody tells what dialers have seen.
  look(memory, 'taken', place.clock);
  return undefined;
}

/** Writes into the status that a plan begins, unless it has begun. Gives a name that is someone else's. */
async function begin({ place, memory, judged, progress, facts }: Turn, input: PlanInput): Promise<string | undefined> {
  const { target, hash, superseded } = input;
  if (judged.applying?.settingsHash === hash) return undefined;
  const taken = await takenName(place, input);
  if (taken) return taken;
  look(memory, sightOf(place, memory, input), place.clock);
  memory.superseded = superseded;
  progress.applying = { generation: judged.generation, settingsHash: hash, time: facts().now, settings: target };
  const begun = nextStatus(progress.about.status, facts());
  if (begun) await writeStatus(place, progress, begun);
  // Not before it is written: where that fails, what the status tells of is another's plan.
  memory.ownsPlan = true;
  return undefined;
}

async function writeStatus(place: Place, progress: Progress, status: Status): Promise<void> {
  mayWriteStatus(place.brake, place.clock);
  progress.about = await putStatus(place, progress.about, status);
  wroteStatus(place.brake, place.clock);
  place.settings.put(progress.about);
}

/** After a conflict it is read what the write met: a watch that is behind, or silent, may never tell. */
async function putStatus(place: Place, object: LicenseSettings, status: Status): Promise<LicenseSettings> {
  try {
    return await place.api.putStatus(object, status);
  } catch (thrown) {
    if (isOutOfDate(asApiError(thrown))) place.settings.put(await place.api.getSettings(object.metadata.name));
    throw thrown;
  }
}

/** What the status says of ConfigMaps before anything is applied: where a ConfigMap is the record, the record. */
function recorded(
  status: Status | undefined,
  { applied: live, owned, known }: Pick<Judgement, 'applied' | 'owned' | 'known'>,
): Status['configMaps'] {
  if (!live || live.settingsHash === status?.applied?.settingsHash) return known;
  const view = owned.find((one) => one.metadata.name === live.declaration?.configMap.name);
  return view ? [{ name: view.metadata.name, dataHash: view.dataHash }] : known;
}

/** True when a ConfigMap has a stamp above the cached generation: our view is old, or someone wrote it. */
const looksStale = ({ metadata }: LicenseSettings, owned: readonly StoredConfigMap[]): boolean =>
  owned.some((view) => (stampOf(view, metadata) ?? 0) > (metadata.generation ?? 0));

/** One GET tells whether our view is old. */
async function isStale(place: Place, object: LicenseSettings): Promise<boolean> {
  const fresh = await place.api.getSettings(object.metadata.name);
  const newer =
    fresh.metadata.uid !== object.metadata.uid || (fresh.metadata.generation ?? 0) > (object.metadata.generation ?? 0);
  // The watch may be behind for long: what was read is as good.
  if (newer) place.settings.put(fresh);
  return newer;
}

const conflictOf = (name: string): Problem => ({
  kind: 'ConfigMapConflict',
  message: `ConfigMap ${name} belongs to someone else: delete or rename it, or give another spec.configMap.name; it is looked at again within a minute`,
});

/** What the status says of a failure; nothing yet while it is young. `started`: when this try began. */
function problemOf(place: Place, memory: Memory, error: ApiError, started: number): Problem | undefined {
  const known = memory.failing;
  // Words that differ in a number or an id alone, as a webhook's request id, are no news.
  const told = known && withoutIds(known.told) === withoutIds(error.message) ? known.told : error.message;
  const since = known?.since ?? started;
  const now = place.clock.monotonic();
  memory.failing = { since, told, error, until: isOnTrial(place.brake) ? 0 : now + error.retryAfter };
  if (error.reason === contested) return { kind: 'Contested', message: told };
  if (error.class === 'rejected')
    return { kind: 'WriteRejected', message: `the API server refuses the write: ${told}` };
  return now - since < failurePatience ? undefined : { kind: 'WriteFailed', message: `the write fails: ${told}` };
}

const withoutIds = (message: string): string => message.replace(/\b(?=\w*\d)[\w-]+\b/g, '#');

/**
 * Of an object that is gone its own event follows, and ends the wait. Where none comes the answer was that of a server
 * that is behind, as one that was restored.
 */
const quietly = (error: ApiError): Outcome => ({ result: 'quiet', error, retry: { kind: 'slow', atLeast: 0 } });

const retryOf = (error: ApiError): Outcome & { retry: NonNullable<Outcome['retry']> } => ({
  result: 'retry',
  error,
  retry: { kind: kindOf(error), atLeast: error.retryAfter },
});

const kindOf = ({ class: what, reason, retryAfter }: ApiError): RetryKind => {
  if (reason === contested || (what === 'rejected' && retryAfter > 0)) return 'pause';
  return what === 'rejected' ? 'slow' : 'transport';
};

/** When to come back after a failure. What the status does not tell yet has to be told when the patience ends. */
function nextTry(
  { brake, clock }: Place,
  { failing }: Memory,
  error: ApiError,
  isTold: boolean,
): Pick<Outcome, 'error' | 'retry' | 'again'> {
  const { retry } = retryOf(error);
  // What happens to the ConfigMap on trial is looked at as soon as it is told.
  if (retry.kind === 'pause' && isOnTrial(brake)) return { error, again: retry.atLeast };
  const now = clock.monotonic();
  const left = (failing?.since ?? now) + failurePatience - now;
  return { error, retry: isTold || left <= 0 ? retry : { ...retry, atMost: left } };
}

/** The ApiError of a request that failed. */
const failureOf = async (request: Promise<unknown>): Promise<ApiError | undefined> => {
  try {
    await request;
  } catch (thrown) {
    const error = asApiError(thrown);
    if (!error) throw thrown;
    return error;
  }
  return undefined;
};

const rfc3339 = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');

const detailOf = (
  errors: readonly FieldError[],
  { live, applying, writes, problem }: Progress,
  restored: Restored | undefined,
) => ({
  ...(live ? { live: { generation: live.generation, settingsHash: live.settingsHash } } : {}),
  ...(applying ? { applying: { generation: applying.generation, settingsHash: applying.settingsHash } } : {}),
  ...(writes ? { configMapWrites: writes } : {}),
  ...(restored ? { restored: restored.name } : {}),
  ...(errors.length ? { errors: errors.length, firstError: errors[0] } : {}),
  ...(problem ? { problem: problem.kind } : {}),
});
