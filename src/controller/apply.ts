/** Brings ConfigMaps to what they should be. */
import { labels, manager } from '../api/names.ts';
import {
  ApiError,
  asApiError,
  type Clock,
  controllerOf,
  mayStillLand,
  type NamespacedMeta,
  type NamespacedStore,
} from '../kube/index.ts';
import {
  carriesUid,
  isOurs,
  isOwnedBy,
  mayDelete,
  type Owner,
  stampOf,
  uidOf,
  type Want,
} from '../settings/configmap.ts';
import { type Editor, editorInWords } from '../settings/editor.ts';
import { asksForWrite, type Context, type Decision, decide } from '../settings/plan.ts';
import { jsonKey } from '../settings/render.ts';
import { readZone } from '../settings/zones.ts';
import { type AnsweredConfigMap, type NamespacedApi, type StoredConfigMap, unwatched } from './api.ts';
import { type Attempt, type Brake, changedOnItsWay, contested, isRightNow, mayWrite, refused, wrote } from './brake.ts';
import { type LateWrites, noteLate } from './late.ts';
import { findConfigMap, type Missing, missingAsUndefined } from './missing.ts';
import { ownReason } from './own-reasons.ts';
import { isOutOfDate } from './renew.ts';
import type { Turn } from './turn.ts';

/** Where the ConfigMaps of one namespace are read and written: those of another can't be told apart from none. */
export type Caches = { readonly api: NamespacedApi; readonly configMaps: NamespacedStore<StoredConfigMap> };

/** What bringing ConfigMaps to what they should be takes. */
export type Means = Caches & {
  readonly clock: Clock;
  readonly late: LateWrites;
  readonly brake: Brake;
  readonly missing: Missing;
  readonly turn: Turn;
};

export type ApplyInput = Context & {
  /** True when nothing else is waiting for this worker: then a rollout may be done. */
  readonly background: boolean;
};

/** A ConfigMap that somebody had changed or deleted, and that is whole again. */
export type Restored = { readonly name: string; readonly editor: Editor | undefined; readonly deleted: boolean };

export type ApplyResult =
  /**
   * It is as it should be; `dataHash` is what it holds. `restored`: its contents had been changed, and by whom. `later`:
   * an older release rendered them, and the rollout has to wait for its turn.
   */
  | {
      readonly kind: 'applied';
      readonly dataHash: string;
      readonly restored?: Restored;
      readonly later: boolean;
      readonly writes: number;
    }
  /** The name is someone else's. */
  | { readonly kind: 'conflict'; readonly name: string }
  /** It had only been out of sight, and is in the cache now: what is live has to be judged anew, it may be the record. */
  | { readonly kind: 'found' };

/** Brings one ConfigMap to what it should be, with as few writes as it takes. Throws an ApiError. */
export async function bring(means: Means, input: ApplyInput): Promise<ApplyResult> {
  const { api, configMaps: cache } = means;
  const { owner, want, knownDataHash, unchanged, applicable, background } = input;
  const { name } = want.rendered;
  means.turn.goOn();
  let view = cache.get(name);
  const before = view;
  const first = decide(view, input);
  if (first === 'rollout' ? background : asksForWrite(first))
    mayWrite(means.brake, means.clock, attemptOf(input, before));

  // One that was there has gone from the cache: deleted, or only without its label. A look tells.
  if (!view && knownDataHash !== undefined) {
    view = await findConfigMap(means, name);
    if (!view) await confirmOwner(means, owner);
    else if (carriesUid(view, owner)) {
      cache.put(view);
      return { kind: 'found' };
    }
  }
  // Mended metadata are no news; contents that someone changed are. New settings change them too.
  const drifted = unchanged && (!view || view.immutable || view.binary || view.dataHash !== want.rendered.dataHash);
  let decision: Decision = decide(view, input);
  let writes = 0;
  if (decision === 'create') {
    try {
      view = await create(means, input);
      writes++;
    } catch (error) {
      if (asApiError(error)?.reason !== 'AlreadyExists') throw error;
      view = await api.getConfigMap(name);
      // Ours, and not in the cache: what was decided without it is decided anew.
      if (carriesUid(view, owner) && cache.put(view)) throw error;
      decision = decide(view, input);
    }
  }
  if (view && decision !== 'create') {
    if (decision === 'conflict') return { kind: 'conflict', name };
    const mended = await mend(means, input, view, decision);
    view = mended.view;
    writes += mended.writes;
  }
  if (!view) throw new ApiError(`ConfigMap ${name} vanished`, { code: 0 });
  const older = decision === 'rollout' || decision === 'relabel';
  const restored = writes > 0 && drifted && knownDataHash !== undefined && !older;
  const later = older && applicable && view.dataHash !== want.rendered.dataHash;
  return {
    ...{ kind: 'applied', dataHash: view.dataHash, later, writes },
    ...(restored ? { restored: { name, editor: before?.editor, deleted: before === undefined } } : {}),
  };
}

/** Does to a ConfigMap that is there what was decided. Throws an ApiError. */
async function mend(
  means: Means,
  input: ApplyInput,
  view: StoredConfigMap,
  decision: Decision,
): Promise<{ view: StoredConfigMap; writes: number }> {
  const { api, configMaps: cache, brake } = means;
  const { owner, want, background } = input;
  if (decision === 'update' || decision === 'relabel' || decision === 'rollout')
    await confirmBeforeOwning(means, input, view);
  switch (decision) {
    case 'wait':
      throw hasToGo(view);
    case 'rollout':
      return background ? { view: await update(means, input, view), writes: 1 } : { view, writes: 0 };
    case 'update':
      return { view: await update(means, input, view), writes: 1 };
    case 'relabel':
      return { view: keep(means, input, 'relabel', await api.relabelConfigMap(view, owner, want)), writes: 1 };
    case 'claim':
    case 'replace': {
      // The new one is created: what carries no version must not be made for an object that is gone.
      await confirmOwner(means, owner);
      const ours =
        decision === 'claim' ? keep(means, input, 'claim', await api.claimConfigMap(view, owner, want)) : view;
      const former = await api.wholeMetadata(ours);
      await remove(means, ours);
      return { view: await create(means, input, former), writes: decision === 'claim' ? 3 : 2 };
    }
    default:
      cache.put(view);
      isRightNow(brake, want.rendered.name);
      return { view, writes: 0 };
  }
}

function create(means: Means, input: ApplyInput, former?: NamespacedMeta): Promise<StoredConfigMap> {
  means.missing.delete(input.want.rendered.name);
  return write(means, input, undefined, () => means.api.createConfigMap(input.owner, input.want, former));
}

const update = (means: Means, input: ApplyInput, from: StoredConfigMap): Promise<StoredConfigMap> =>
  write(means, input, from.metadata.resourceVersion, () => means.api.updateConfigMap(from, input.owner, input.want));

/** Sends a write of the whole ConfigMap. `version`: of what is updated; a create has none. */
async function write(
  means: Means,
  input: ApplyInput,
  version: string | undefined,
  send: () => Promise<AnsweredConfigMap>,
): Promise<StoredConfigMap> {
  const { clock, late } = means;
  const { rendered } = input.want;
  const sent = clock.monotonic();
  let answer: AnsweredConfigMap;
  try {
    answer = await send();
  } catch (thrown) {
    const error = asApiError(thrown);
    const zone = readZone({ record: rendered.data[jsonKey] });
    if (zone && error && mayStillLand(error))
      noteLate(late, clock, input.owner.uid, { name: rendered.name, zone, version, sent });
    if (version !== undefined && isOutOfDate(error)) await lookAfterConflict(means, rendered.name);
    throw error?.class === 'rejected' ? refused(means.brake, clock, rendered.name, error) : thrown;
  }
  return keep(means, input, 'whole', answer);
}

/** Reads what a write met that was decided from an older version: a watch that is behind, or silent, may never tell. */
async function lookAfterConflict({ api, configMaps }: Caches, name: string): Promise<void> {
  const known = configMaps.get(name);
  const found = await missingAsUndefined(api.getConfigMap(name));
  if (found) configMaps.put(found);
  else if (known) configMaps.remove(known);
}

/** Keeps what a write was answered with. Throws an ApiError where that is not what was sent: it is not sent again at once. */
export function keepAnswer(
  { configMaps, brake, clock, turn }: Means,
  { changed, ...view }: AnsweredConfigMap,
): StoredConfigMap {
  configMaps.put(view);
  turn.progressed();
  const { name } = view.metadata;
  if (changed !== undefined) throw changedOnItsWay(brake, clock, name, changedInWords(name, changed));
  return view;
}

/** As `keepAnswer`, and remembers what the write was for: it may be undone. */
function keep(means: Means, input: ApplyInput, what: Aim, answer: AnsweredConfigMap): StoredConfigMap {
  const { configMaps: cache, brake, clock } = means;
  const view = keepAnswer(means, answer);
  const { name } = view.metadata;
  const isRight = () => {
    const now = cache.get(name);
    return now !== undefined && !asksForWrite(decide(now, input));
  };
  if (what !== 'claim') wrote(brake, clock, { name, aim: aimOf(input, what) }, isRight);
  return view;
}

/** What a write is for: the whole ConfigMap, its metadata alone, or only that it may be deleted. */
type Aim = 'whole' | 'relabel' | 'claim';
const aimOf = ({ want: { rendered, retained } }: ApplyInput, what: Aim): string =>
  `${what} ${what === 'whole' ? rendered.dataHash : ''} ${retained}`;

/** What is about to be written, and what is said where our last write of the same was undone. */
function attemptOf(input: ApplyInput, view: StoredConfigMap | undefined): Attempt {
  const { name } = input.want.rendered;
  const what: Aim = decide(view, input) === 'relabel' ? 'relabel' : 'whole';
  const how = view
    ? `changed again after each write, last by ${editorInWords(view.editor)}`
    : 'deleted again after each write';
  const mend = 'find out who does it, and let only one of the two write it; it is tried again within a minute';
  return { name, aim: aimOf(input, what), words: `ConfigMap ${name} is ${how}: ${mend}` };
}

const changedInWords = (name: string, changed: string): string =>
  `ConfigMap ${name}: ${changed} on the way into the API server, by an admission policy or webhook: ` +
  `exempt ConfigMaps with the label ${labels.managedBy}=${manager} from it; it is tried again within a minute`;

/**
 * Deletes a ConfigMap of this object that is not wanted any more. One without our labels and this object's uid is claimed
 * first: nothing else may be deleted. Gives the number of writes. Throws an ApiError.
 */
export async function discard(
  means: Means,
  { owner, generation, retained }: { readonly owner: Owner; readonly generation: number; readonly retained: boolean },
  view: StoredConfigMap,
): Promise<number> {
  means.turn.goOn();
  if (mayDelete(view, owner)) {
    await remove(means, view);
    return 1;
  }
  const { name } = view.metadata;
  const zone = readZone(view)?.name;
  const rendered = { name, data: {}, dataHash: view.dataHash, ...(zone === undefined ? {} : { zone }) };
  const want = { rendered, generation: stampOf(view, owner) ?? generation, retained };
  await confirmBeforeOwning(means, { owner, want }, view);
  await remove(means, keepAnswer(means, await means.api.claimConfigMap(view, owner, want)));
  return 2;
}

/** Deletes a ConfigMap, if it is still the one that was looked at. Throws an ApiError, also where a finalizer holds it back. */
export async function remove({ api, configMaps, turn }: Means, view: StoredConfigMap): Promise<void> {
  // Asking again would not hurry it.
  if (view.metadata.deletionTimestamp) throw hasToGo(view);
  const held = await api.deleteConfigMap(view);
  turn.progressed();
  if (held) {
    configMaps.put(held);
    throw hasToGo(held);
  }
  configMaps.deleted(view);
}

/** Forgets what an object has in the cache without our label: nothing is decided from it, so it need not be read again. */
export function forgetUnwatched({ configMaps }: Pick<Caches, 'configMaps'>, uid: string): void {
  for (const view of configMaps.by(unwatched)) if (uidOf(view) === uid) configMaps.remove(view);
}

/**
 * Reads again what an object has in the cache without our label, and what stands there under a name that it may want: no
 * watch tells of it. Those of others are theirs to ask for. Throws an ApiError.
 *
 * @param looked names that an earlier turn of the same work has read; those of this one are added.
 */
export async function lookAgain(
  { api, configMaps, turn }: Means,
  { name, uid }: Owner,
  looked: Set<string>,
): Promise<void> {
  for (const view of configMaps.by(unwatched)) {
    if (looked.has(view.metadata.name) || (uidOf(view) !== uid && !mayWant(name, view.metadata.name))) continue;
    turn.goOn();
    const found = await missingAsUndefined(api.getConfigMap(view.metadata.name));
    // One that another object retained tells nothing that a look at its name would not.
    const counts = found && (uidOf(found) === uid || controllerOf(found) !== undefined);
    if (counts && uidOf(found) === uidOf(view)) configMaps.put(found);
    else configMaps.remove(view);
    looked.add(view.metadata.name);
    turn.progressed();
  }
}

/**
 * Reads again those of an object's ConfigMaps whose contents were left out, as where a backup brought them before it: what is
 * live, and what a zone holds, may stand there. Throws an ApiError.
 */
export async function readLeftOut(
  { api, configMaps, turn }: Means,
  owner: Owner,
  views: readonly (StoredConfigMap | undefined)[],
): Promise<void> {
  for (const view of views) {
    if (!view?.unread || !isOurs(view, owner)) continue;
    turn.goOn();
    const found = await missingAsUndefined(api.getConfigMap(view.metadata.name));
    if (!found) configMaps.remove(view);
    else configMaps.refill(found);
    turn.progressed();
  }
}

/**
 * Asks for what is not in the cache under names that an object had, and keeps what carries its uid: it may only have lost its
 * label. Someone else's would stay for ever: our watch does not see it, nor that it goes. Tells whether any was kept, and
 * whether any has gone. Throws an ApiError.
 */
export async function bringBack(
  means: Means,
  owner: Owner,
  names: readonly string[],
): Promise<{ readonly found: boolean; readonly gone: boolean }> {
  const { configMaps, turn } = means;
  let [found, gone] = [false, false];
  for (const name of names) {
    if (configMaps.get(name)) continue;
    const view = await findConfigMap(means, name);
    gone ||= !view;
    if (!view || !carriesUid(view, owner)) continue;
    found = configMaps.put(view) || found;
    turn.progressed();
  }
  return { found, gone };
}

/** Names of an object's ConfigMaps are its own, or begin with it: DESIGN section 2. */
const mayWant = (object: string, name: string): boolean => name === object || name.startsWith(`${object}-`);

/**
 * Asks, when a ConfigMap that was there has gone, whether its LicenseSettings is still there. When the garbage collector
 * took it our view of that is old, and nothing may be created for an object that is gone: one GET tells.
 * Throws an ApiError, with the reason `OwnerGone` if it is.
 */
export async function confirmOwner({ api }: Caches, owner: Owner): Promise<void> {
  const { uid, deletionTimestamp } = (await missingAsUndefined(api.getSettings(owner.name)))?.metadata ?? {};
  if (uid === owner.uid && deletionTimestamp === undefined) return;
  throw new ApiError(`LicenseSettings ${owner.name} is gone, or being deleted`, { code: 404, reason: ownerGone });
}

/**
 * A ConfigMap that its LicenseSettings does not own may have been released: by an orphaning delete that our view of the
 * LicenseSettings does not show yet. Given back to it the garbage collector would take it, so one GET tells first.
 * Throws an ApiError, with the reason `OwnerGone` if it is gone.
 */
export async function confirmBeforeOwning(
  caches: Caches,
  input: Pick<ApplyInput, 'owner'> & { readonly want: Pick<Want, 'retained'> },
  view: StoredConfigMap,
): Promise<void> {
  if (!input.want.retained && !isOwnedBy(input.owner, view)) await confirmOwner(caches, input.owner);
}

/** The reason of the error where a LicenseSettings is gone, or being deleted. */
export const ownerGone = ownReason('OwnerGone');

/** True for a failure that says something of one ConfigMap, and nothing of the others. */
export const stopsOneOnly = ({ class: what, reason }: ApiError): boolean =>
  what === 'rejected' || reason === contested || reason === waiting;

/** The reason of the error where a ConfigMap has to go before anything is written. */
export const waiting = ownReason('Waiting');

/** Why nothing is written while a ConfigMap is still there. */
export const hasToGo = (view: StoredConfigMap): ApiError =>
  new ApiError(`ConfigMap ${view.metadata.name} has to go first: ${heldBy(view)}`, { code: 0, reason: waiting });

const heldBy = ({ metadata }: StoredConfigMap): string =>
  metadata.deletionTimestamp
    ? `it is being deleted, and ${metadata.finalizers?.join(', ') || 'something'} holds it back`
    : 'an earlier object of the same name owns it, until the garbage collector has taken it';
