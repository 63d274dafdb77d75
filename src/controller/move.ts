/** Carries out a plan that moves licenses between zones: DESIGN section 3, rule 2. */

import type { Declaration, Status } from '../api/licensesettings.ts';
import { annotations } from '../api/names.ts';
import { ApiError, asApiError, type Clock, type NamespacedStore } from '../kube/index.ts';
import {
  carriesUid,
  isLeftBehind,
  isOurs,
  metadataRight,
  type Owner,
  stampFor,
  stampOf,
  type Want,
} from '../settings/configmap.ts';
import { configMapNames, type Rendered, render, renderZone, renderZones } from '../settings/render.ts';
import { configMapEntry } from '../settings/status.ts';
import { holdsLess, planTakeover, planZones, readZone, within } from '../settings/zones.ts';
import { carrying, type StoredConfigMap } from './api.ts';
import {
  bring,
  bringBack,
  type Caches,
  confirmBeforeOwning,
  confirmOwner,
  discard,
  keepAnswer,
  type Means,
} from './apply.ts';
import { contested } from './brake.ts';
import { forgetLate, type LateWrite, lateness, lateOf, noteLate } from './late.ts';
import { findConfigMap } from './missing.ts';
import { afterSight, type Sight, type TakenAway, waitLeft } from './taken.ts';

/** What a term remembers of an object that has zones. */
export type PlanMemory = {
  /** When this term first saw the object, on the monotonic clock: every write of an earlier term was sent before. */
  readonly firstSeen: number;
  /** When licenses were last taken away from a dialer: every raise waits until settleSeconds after it. */
  takenAway: TakenAway;
  /** True once this term has begun a plan of the object, or taken over the one that it found. */
  ownsPlan: boolean;
  /** What plans that were superseded may have given: a zone that is edited by hand now counts as the least of all. */
  superseded: readonly Declaration[];
};

/** Moves the moment of `takenAway` by what is seen now. */
export const look = (memory: PlanMemory, sight: Sight, clock: Clock): void => {
  memory.takenAway = afterSight(memory.takenAway, sight, clock.monotonic());
};

export type MoveInput = {
  readonly owner: Owner;
  readonly target: Declaration;
  readonly before: readonly Declaration[];
  /** Stamp of what is written: the generation of the plan. */
  readonly generation: number;
  readonly retained: boolean;
  /** How long dialers get to see what was taken away, in milliseconds. */
  readonly settle: number;
  /** What an earlier object of the name left: it is this one's until the plan is done. */
  readonly inherited: readonly StoredConfigMap[];
  /** Names of ConfigMaps that this object had a moment ago. */
  readonly names: readonly string[];
};

export type MoveResult =
  | { readonly kind: 'done'; readonly configMaps: NonNullable<Status['configMaps']>; readonly writes: number }
  /** Dialers get time to see what was taken away: so many milliseconds more. */
  | { readonly kind: 'settling'; readonly remaining: number; readonly writes: number }
  | { readonly kind: 'conflict'; readonly name: string };

/** Each step of a plan is one, and so is a look that all is done; each may be repeated when someone interferes. */
const maxRounds = 15;

/**
 * The ConfigMaps of this object by name: those that carry its uid, and those of a name that it wants that it may adopt. Under
 * Retain an annotation alone says whose they are, so there a name that it wanted before counts too.
 */
function presentOf(
  cache: NamespacedStore<StoredConfigMap>,
  {
    owner,
    target,
    before,
    retained,
    inherited,
  }: Pick<MoveInput, 'owner' | 'target' | 'before' | 'retained' | 'inherited'>,
) {
  const left = inherited.map(({ metadata }) => metadata.name);
  const names = [...left, ...[target, ...(retained ? before : [])].flatMap(configMapNames)];
  const wanted = names.flatMap((name) => cache.get(name) ?? []);
  const ours = [...cache.by(carrying(owner.uid)), ...wanted];
  return new Map(ours.filter((view) => isOurs(view, owner)).map((view) => [view.metadata.name, view]));
}

/** The first new name of those given that is someone else's, before anything is written: one GET for each that isn't known. */
export async function takenName(
  means: Means,
  { owner, target }: Pick<MoveInput, 'owner' | 'target'>,
  among: readonly string[] = configMapNames(target),
): Promise<string | undefined> {
  for (const name of configMapNames(target).filter((one) => among.includes(one))) {
    const known = means.configMaps.get(name);
    const view = known ?? (await findConfigMap(means, name));
    // Without its label it is out of sight, and ours all the same.
    if (view && !known && carriesUid(view, owner) && means.configMaps.put(view)) means.turn.progressed();
    if (view && !isOurs(view, owner) && !isLeftBehind(view, owner)) return name;
  }
  return undefined;
}

/**
 * What a plan finds when it begins: whether licenses may have been taken away by others than this term since it last looked.
 * Called when all names of the plan have been looked up.
 */
export function sightOf(
  { configMaps }: Caches,
  memory: PlanMemory,
  input: Pick<MoveInput, 'owner' | 'target' | 'retained' | 'before' | 'inherited'>,
): Sight {
  const present = presentOf(configMaps, input);
  if (present.size === 0) return 'no ConfigMap';
  // Of what is adopted nobody tells what an earlier object took away, and when.
  const isAdopted = [...present.values()].some((view) => stampOf(view, input.owner) === undefined);
  const isNew = memory.takenAway === undefined;
  return isNew || isAdopted || holdsLess({ ...input, present }) ? 'taken' : 'nothing to take';
}

/** Brings one ConfigMap to what a plan wants, whatever it holds. */
const bringOf = (world: Means, owner: Owner, want: Want) =>
  bring(world, {
    ...{ owner, want, knownDataHash: undefined },
    ...{ unchanged: false, applicable: true, background: true },
  });

/** Writes a ConfigMap as it is but for the epoch, so that a write which was decided before conflicts. True if it wrote. */
async function restamp(
  means: Means,
  { owner, generation, retained }: Pick<MoveInput, 'owner' | 'generation' | 'retained'>,
  view: StoredConfigMap,
  rendered: Rendered,
  epoch: string,
): Promise<boolean> {
  // One that has to be deleted and created again is safe: a late write has its old uid.
  if (view.immutable || view.metadata.deletionTimestamp) return false;
  if (view.metadata.annotations?.[annotations.epoch] === epoch) return false;
  const want = { rendered, generation: stampOf(view, owner) ?? generation, retained, epoch };
  means.turn.goOn();
  await confirmBeforeOwning(means, { owner, want }, view);
  keepAnswer(means, await means.api.updateConfigMap(view, owner, want));
  return true;
}

/**
 * Takes over a plan that an earlier term began: each ConfigMap that it may still be writing gets this term's epoch, or is
 * created at zero, so that a late write conflicts. Called again it goes on where it failed. Gives the first name that is
 * someone else's; zones that are no longer wanted, but whose create may still land, are noted. Throws an ApiError.
 *
 * @param plans what the earlier term may have been writing, and what is to be written now
 */
export async function takeOver(
  world: Means & { epoch: string },
  memory: PlanMemory,
  input: Omit<MoveInput, 'settle' | 'names'>,
  plans: readonly Declaration[],
): Promise<{ writes: number; taken: string | undefined }> {
  const { clock, configMaps: cache, epoch } = world;
  // Nothing can land any more: so a plan goes on in the end where a quota has no room for what would keep it out.
  if (clock.monotonic() >= memory.firstSeen + lateness) return { writes: 0, taken: undefined };
  const { owner, generation, retained } = input;
  const present = presentOf(cache, input);
  const { stamp, create } = planTakeover({ ...input, present }, plans);
  const wanted = new Set(configMapNames(input.target));
  let writes = 0;
  for (const rendered of stamp) {
    const view = present.get(rendered.name);
    if (view && (await restamp(world, input, view, rendered, epoch))) writes++;
  }
  for (const rendered of create) {
    const result = await bringOf(world, owner, { rendered, generation, retained, epoch });
    // Where the newest settings don't want the name, it is nobody's concern whose it is: a late create conflicts too.
    if (result.kind === 'conflict' && wanted.has(result.name)) return { writes, taken: result.name };
    if (result.kind === 'applied') writes += result.writes;
  }
  // One at zero keeps out a create of the earlier term, wherever this began: it must not go too soon.
  for (const { name, zone } of plans.flatMap(renderZones)) {
    if (zone === undefined || wanted.has(name)) continue;
    if (cache.get(name)?.dataHash === renderZone(name, { name: zone }).dataHash)
      noteLate(world.late, clock, owner.uid, { name, zone: { name: zone }, sent: clock.monotonic() });
  }
  return { writes, taken: undefined };
}

/** A plan on its way through the steps. */
type Way = {
  readonly world: Means & { epoch: string };
  readonly memory: PlanMemory;
  readonly input: MoveInput;
  /** Names of ConfigMaps of this object that were seen: one that goes out of sight may only have lost its label. */
  readonly names: Set<string>;
  /** How many writes of ConfigMaps the plan has cost. */
  writes: number;
};

/**
 * Does the steps of a plan, each complete before the next, as far as it goes now. Called again it goes on from what the
 * ConfigMaps hold. Throws an ApiError, with the reason `TurnIsOver` where others have their turn before it goes on.
 */
export async function move(
  world: Means & { epoch: string },
  memory: PlanMemory,
  input: MoveInput,
): Promise<MoveResult> {
  const way: Way = { world, memory, input, names: new Set(input.names), writes: 0 };
  for (let round = 0; round < maxRounds; round++) {
    const end = await nextStep(way);
    if (end) return end;
  }
  throw new ApiError(
    `something changes the ConfigMaps of ${input.owner.name} at each write: look for a mutating webhook`,
    { code: 0, reason: contested },
  );
}

/** Does the step that is next by what the ConfigMaps hold; undefined: the one after it may follow at once. */
async function nextStep(way: Way): Promise<MoveResult | undefined> {
  const { world, memory, input } = way;
  await findLost(way);
  await fenceCreates(way);
  const present = presentOf(world.configMaps, input);
  for (const name of present.keys()) way.names.add(name);
  const plan = planZones({ ...input, present });
  // Noted before the write: its answer may get lost.
  if (plan.decreases.length > 0 || (plan.system && plan.systemTakesAway)) look(memory, 'being taken', world.clock);
  if (plan.decreases.length > 0) return lowerAll(way, plan.decreases);
  // The versions of what was fenced have moved: look again.
  if (await fenceUpdates(way)) return undefined;
  if (plan.system) return writeAll(way, [plan.system]);
  look(memory, 'nothing to take', world.clock);
  const [emptied = [], obsolete = []] = [plan.emptied, plan.obsolete].map((names) =>
    names.flatMap((name) => present.get(name) ?? []).filter((view) => !view.metadata.deletionTimestamp),
  );
  const leftovers = [...emptied, ...obsolete];
  if (plan.increases.length + plan.creations.length + leftovers.length === 0) return finish(way, present);
  const remaining = waitLeft(memory.takenAway, input.settle, world.clock.monotonic());
  if (remaining > 0) return { kind: 'settling', remaining, writes: way.writes };
  if (plan.increases.length > 0) return writeAll(way, plan.increases);
  if (plan.creations.length > 0) return (await makeRoom(way, emptied)) ? undefined : writeAll(way, plan.creations);
  return removeAll(way, leftovers);
}

/** Writes a ConfigMap of the plan; gives its name if it is someone else's. */
async function write(way: Way, rendered: Rendered, generation = way.input.generation): Promise<string | undefined> {
  const { world, input } = way;
  const result = await bringOf(world, input.owner, { rendered, generation, retained: input.retained });
  if (result.kind === 'applied') way.writes += result.writes;
  return result.kind === 'conflict' ? result.name : undefined;
}

/** One after the other; the first name that is someone else's ends the plan where it stands. */
async function writeAll(way: Way, step: readonly Rendered[]): Promise<MoveResult | undefined> {
  for (const rendered of step) {
    const taken = await write(way, rendered);
    if (taken) return { kind: 'conflict', name: taken };
  }
  return undefined;
}

/** As `writeAll`, but a ConfigMap that has gone meanwhile is not made again to be lowered: it holds nothing. */
async function lowerAll(way: Way, decreases: readonly Rendered[]): Promise<MoveResult | undefined> {
  for (const rendered of decreases) {
    if (!way.world.configMaps.get(rendered.name)) continue;
    const end = await writeAll(way, [rendered]);
    if (end) return end;
  }
  return undefined;
}

/** A ConfigMap that goes out of sight during the plan may only have lost its label, and still hold what it held. */
async function findLost({ world, input, names }: Way): Promise<void> {
  const lost = [...names].filter((one) => !world.configMaps.get(one));
  for (const name of lost) names.delete(name);
  await lookForLost(world, input.owner, lost);
}

/** Writes without an answer that would give a zone more than the plan gives it, if they landed now. */
const threats = ({ world, input }: Way): LateWrite[] =>
  lateOf(world.late, world.clock, input.owner.uid).filter(({ zone }) => {
    const wanted = input.target.zones?.find(({ name }) => name === zone.name);
    return !(wanted && within(zone, [wanted]));
  });

/** A late create conflicts where a ConfigMap has its name: one at zero is put there. */
async function fenceCreates(way: Way): Promise<void> {
  const { world, input } = way;
  for (const { name, zone, version } of threats(way)) {
    if (version !== undefined || world.configMaps.get(name)) continue;
    const taken = await write(way, renderZone(name, { name: zone.name }));
    // A ConfigMap of someone else keeps the late create out just as well: no conflict of this plan.
    if (taken) forgetLate(world.late, input.owner.uid, (one) => one.name === name && one.version === undefined);
  }
}

/** A late update conflicts where its ConfigMap has been written since: it is written as it is. True if any was. */
async function fenceUpdates(way: Way): Promise<boolean> {
  const { world, input } = way;
  let moved = false;
  for (const { name, version } of threats(way)) {
    const view = world.configMaps.get(name);
    if (version === undefined || view?.metadata.resourceVersion !== version) continue;
    const zone = readZone(view);
    if (!zone) continue;
    // An epoch of its own: a write that changes nothing moves no version.
    const rendered = renderZone(view.metadata.name, zone);
    if (!(await restamp(world, input, view, rendered, `${world.epoch}.${version}`))) continue;
    forgetLate(world.late, input.owner.uid, (one) => one.name === name && one.version === version);
    moved = true;
    way.writes++;
  }
  return moved;
}

/** Until when a ConfigMap keeps out a late create; undefined where it keeps out none. */
function fencedUntil(way: Way): (view: StoredConfigMap) => number | undefined {
  const creates = threats(way).filter(({ version }) => version === undefined);
  const until = new Map(creates.map((one) => [one.name, one.until]));
  return ({ metadata }) => until.get(metadata.name);
}

/**
 * Deletes ConfigMaps of zones that are not wanted any more, where the plan may: a quota can have no room for both an old
 * and a new one. One whose deletion is refused does not keep others from getting licenses. True if any was deleted.
 */
async function makeRoom(way: Way, emptied: readonly StoredConfigMap[]): Promise<boolean> {
  const until = fencedUntil(way);
  let deleted = false;
  for (const view of emptied.filter((one) => until(one) === undefined)) {
    try {
      await removeOne(way, view);
      deleted = true;
    } catch (error) {
      if (asApiError(error)?.class !== 'rejected') throw error;
    }
  }
  return deleted;
}

/** Deletes all that the plan leaves behind, but no ConfigMap that keeps out a late create. */
async function removeAll(way: Way, leftovers: readonly StoredConfigMap[]): Promise<MoveResult | undefined> {
  const until = fencedUntil(way);
  const ready = leftovers.filter((view) => until(view) === undefined);
  if (ready.length === 0) {
    const next = Math.min(...leftovers.flatMap((view) => until(view) ?? []));
    return { kind: 'settling', remaining: next - way.world.clock.monotonic(), writes: way.writes };
  }
  for (const view of ready) await removeOne(way, view);
  return undefined;
}

async function removeOne(way: Way, view: StoredConfigMap): Promise<void> {
  way.writes += await discard(way.world, way.input, view);
  way.names.delete(view.metadata.name);
}

/**
 * The data are right. The rest may not be: a ConfigMap was adopted as it was, made immutable, or Retain was switched; the
 * status must not call retained what the garbage collector would take. Mends that first; then the plan is done.
 */
async function finish(way: Way, present: ReadonlyMap<string, StoredConfigMap>): Promise<MoveResult | undefined> {
  const { memory, input } = way;
  const { owner, target, generation, retained } = input;
  const wrong = render(target).flatMap((rendered) => {
    const view = present.get(rendered.name);
    const stamp = stampFor(rendered, view, owner, generation);
    const right = view && !view.immutable && metadataRight(owner, { rendered, generation: stamp, retained }, view);
    return right ? [] : [{ rendered, stamp }];
  });
  for (const { rendered, stamp } of wrong) {
    const taken = await write(way, rendered, stamp);
    if (taken) return { kind: 'conflict', name: taken };
  }
  if (wrong.length > 0) return undefined;
  memory.superseded = [];
  const configMaps = render(target).map((one) => configMapEntry(one, retained));
  return { kind: 'done', configMaps, writes: way.writes };
}

/**
 * A ConfigMap of ours that is not in the cache may only have lost its label: a plan must know what it holds. Where one has
 * gone, one GET more asks for the LicenseSettings. Throws an ApiError.
 */
export async function lookForLost(world: Means, owner: Owner, names: readonly string[]): Promise<void> {
  const { gone } = await bringBack(world, owner, names);
  if (gone) await confirmOwner(world, owner);
}
