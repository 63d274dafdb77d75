/**
 * What a reconcile looks at, before anything is decided: the object and its ConfigMaps as the caches have them, and one GET for
 * each thing that the caches can't tell (R8.5). Nothing of it is put into a cache (R6.4).
 */
import type { Declaration } from '../api/licensesettings.ts';
import { asApiError, compareResourceVersions } from '../kube/index.ts';
import { isLeftBehind, isOurs, isOwnedBy, stampOf, uidOf } from '../settings/configmap.ts';
import { isSuspended, type Reading, read } from '../settings/judgement.ts';
import { isInherited } from '../settings/live.ts';
import type { Seen } from '../settings/next.ts';
import { configMapNames } from '../settings/render.ts';
import { involvesZones } from '../settings/zones.ts';
import { isHeldBack } from './brake.ts';
import { type Halt, haltOf } from './halt.ts';
import { isFree, remember } from './memory.ts';
import { carrying, controlledBy, type LicenseSettings, labelledFor, type StoredConfigMap } from './objects.ts';
import type { Place } from './place.ts';

/**
 * What was seen. `halt`: why it may not be all, so that nothing but the status may be written. `blind`: it is not even known
 * what the object says, or what is live.
 */
export type Observation = {
  readonly object: LicenseSettings;
  readonly reading: Reading;
  readonly seen: Seen & { readonly configMaps: ReadonlyMap<string, StoredConfigMap> };
  readonly halt?: Halt;
  readonly blind: boolean;
};

/** @param pause why the API server is not asked anything yet */
export async function observe(place: Place, cached: LicenseSettings, pause: Halt | undefined): Promise<Observation> {
  const looks = new Looks(place);
  const isBehind = needsLook(place, cached);
  const object = (isBehind && !pause && (await looks.fresh(cached))) || cached;
  const isPruned = isBehind && (pause ?? looks.halt) !== undefined;
  const reading = read(object);
  const configMaps = inSight(place, reading);
  catchUp(place, configMaps);
  if (!pause && !reading.suspended) {
    await looks.contents(configMaps, reading);
    if (mayWrite(reading, configMaps)) await looks.outOfSight(configMaps, reading);
  }
  const views = [...configMaps.values()];
  // What was found beside the cache may be of a later generation.
  if (!isBehind && !looks.halt && !pause && !reading.suspended && isAhead(object, views)) {
    remember(place.memory, { what: 'doubts the object', is: true }, place.clock.monotonic());
    return observe(place, cached, pause);
  }
  const isNew = reading.status?.applied === undefined;
  const inherited = isNew ? views.filter((view) => isInherited(view, reading.owner, place.isThere)) : [];
  const seen = { configMaps, inherited: new Set(inherited.map(({ metadata }) => metadata.name)) };
  const halt = pause ?? looks.halt;
  const blind = isPruned || views.some((view) => view.unread && isOurs(view, reading.owner));
  return { object, reading, seen, blind, ...(halt ? { halt } : {}) };
}

/**
 * True where the cache may be behind: a write met a newer object; a field is hidden that this release knows, as a watch that was
 * opened under an older CRD goes on to prune by it; or a ConfigMap has a stamp above the generation.
 */
function needsLook({ memory, configMaps }: Place, object: LicenseSettings): boolean {
  const { metadata, spec, hidden = [] } = object;
  const views = () => (isSuspended(spec) ? [] : configMaps.by(carrying(metadata.uid)));
  return memory.doubted || hidden.some(({ known }) => known) || isAhead(object, views()); // V11
}

/** True where a ConfigMap has a stamp of a later generation than the object as it was read (R6.3). */
const isAhead = ({ metadata }: LicenseSettings, views: readonly StoredConfigMap[]): boolean =>
  views.some((view) => (stampOf(view, metadata) ?? 0) > (metadata.generation ?? 0));

/** What the cache has: the ConfigMaps with the object's uid, and those of a name that it has, had or wants. */
function inSight({ configMaps }: Place, reading: Reading): Map<string, StoredConfigMap> {
  const { owner, applying } = reading;
  const named = [newestOf(reading), applying?.declaration].flatMap((one) => (one ? configMapNames(one) : []));
  // What an earlier object of the name left is taken over by the first apply.
  const isFirst = reading.status?.applied === undefined && (newestOf(reading) ?? applying?.declaration) !== undefined;
  const views = [
    ...configMaps.by(carrying(owner.uid)),
    ...configMaps.by(controlledBy(owner.name)),
    ...(isFirst ? configMaps.by(labelledFor(owner.name)) : []),
    ...[...named, ...namesTold(reading)].flatMap((name) => configMaps.get(name) ?? []),
  ];
  return new Map(views.map((view) => [view.metadata.name, view]));
}

/** What was read counts for as long as the cache is behind it: a watch may be silent for a minute. */
function catchUp({ memory, clock }: Place, configMaps: Map<string, StoredConfigMap>): void {
  for (const [name, found] of memory.contents) {
    const cached = configMaps.get(name);
    if (cached?.unread) continue;
    if (cached && isOlder(cached, found)) configMaps.set(name, found);
    else remember(memory, { what: 'caught up', name }, clock.monotonic());
  }
}

/** True unless nothing is live, and the newest spec may not be applied: then nothing is written, and nothing need be asked. */
const mayWrite = (reading: Reading, configMaps: ReadonlyMap<string, StoredConfigMap>): boolean =>
  newestOf(reading) !== undefined ||
  reading.status?.applied !== undefined ||
  reading.applying !== undefined ||
  [...configMaps.values()].some((view) => uidOf(view) === reading.owner.uid);

const namesTold = ({ known = [] }: Reading): string[] => known.map(({ name }) => name);

/**
 * True where an object may be gone that the cache still has: the garbage collector took one of its ConfigMaps, or an orphaning
 * delete released one. What is created or owned then would be nobody's, or would be lost (R5.3, S7). One that is immutable is created again.
 */
function mayBeGone(
  { memory, clock }: Place,
  configMaps: ReadonlyMap<string, StoredConfigMap>,
  reading: Reading,
): boolean {
  const { owner, retained } = reading;
  const now = clock.monotonic();
  const isMissed = (name: string) => !configMaps.has(name) && !isHeldBack(memory.brake, name, now);
  const newest = newestOf(reading);
  const wanted = newest ? configMapNames(newest) : namesTold(reading);
  if (namesTold(reading).some((name) => wanted.includes(name) && isMissed(name))) return true;
  const mine = [...configMaps.values()].filter(
    (view) => isOurs(view, owner) && !isHeldBack(memory.brake, view.metadata.name, now),
  );
  return mine.some((view) => view.immutable || (!retained && !isOwnedBy(owner, view)));
}

/** Asks whether the object is still there, where it may be gone. Gives why nothing may be written. */
export async function lookAtOwner(place: Place, { object, reading, seen }: Observation): Promise<Halt | undefined> {
  if (!mayBeGone(place, seen.configMaps, reading)) return undefined;
  const looks = new Looks(place);
  await looks.owner(object);
  return looks.halt;
}

/** Reads again what a write has met that the cache did not show. Gives why nothing can be decided from that. */
export async function lookAtDoubts(
  place: Place,
  { configMaps, about }: { configMaps: Map<string, StoredConfigMap>; about: LicenseSettings },
): Promise<Halt | undefined> {
  const looks = new Looks(place);
  await looks.doubts(configMaps);
  if (looks.halt || !isAhead(about, [...configMaps.values()])) return looks.halt;
  const fresh = await looks.fresh(about);
  if (!fresh) return looks.halt;
  remember(place.memory, { what: 'doubts the object', is: true }, place.clock.monotonic());
  return { kind: 'outdated', words: `LicenseSettings ${place.name} has changed since it was read` };
}

/**
 * Of so many names that are somebody else's one try asks again, and believes the rest: an object may have many, and what it
 * asks for is paid for by time (R9.3, L4).
 */
const mostAskedAgain = 6;

const isTheirs = (view: StoredConfigMap | undefined, { owner }: Reading): boolean =>
  view !== undefined && !isOurs(view, owner) && !isLeftBehind(view, owner);

/** GETs, until one fails or the turn is over: then `halt` says why. */
class Looks {
  readonly #place: Place;
  halt: Halt | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  /** The object as the API server has it; undefined where the cache's is as new, or that can't be told. */
  async fresh({ metadata: { name, uid, resourceVersion } }: LicenseSettings): Promise<LicenseSettings | undefined> {
    const fresh = await this.#get(() => this.#place.requests.getSettings(name));
    if (this.halt) return undefined;
    remember(this.#place.memory, { what: 'doubts the object', is: false }, this.#place.clock.monotonic());
    if (!fresh || fresh.metadata.uid !== uid || fresh.metadata.deletionTimestamp) return this.#gone(name);
    return compareResourceVersions(fresh.metadata.resourceVersion, resourceVersion) < 0 ? undefined : fresh;
  }

  /** Asks whether an object is still there. */
  async owner({ metadata: { name, uid } }: LicenseSettings): Promise<void> {
    const fresh = await this.#get(() => this.#place.requests.getSettings(name));
    if (!this.halt && (fresh?.metadata.uid !== uid || fresh.metadata.deletionTimestamp)) this.#gone(name);
  }

  /** The contents of ConfigMaps that the cache left out, as where a backup brought them before their object. */
  async contents(configMaps: Map<string, StoredConfigMap>, { owner }: Reading): Promise<void> {
    const { memory, clock } = this.#place;
    for (const [name, view] of [...configMaps]) {
      if (!view.unread || !isOurs(view, owner)) continue;
      const known = memory.contents.get(name);
      const isSame = known?.metadata.resourceVersion === view.metadata.resourceVersion;
      const found = isSame ? known : await this.#look(name);
      if (this.halt) return;
      if (found) {
        configMaps.set(name, found);
        remember(memory, { what: 'read', found }, clock.monotonic());
      } else configMaps.delete(name);
    }
  }

  /** What is not in the cache under a name that the object has, had or wants: it may only have lost its label. */
  async outOfSight(configMaps: Map<string, StoredConfigMap>, reading: Reading): Promise<void> {
    const { memory, clock } = this.#place;
    const { taken } = memory;
    // While one name is somebody else's nothing else need be looked at again.
    const names = taken === undefined ? namesToLookUp(reading, configMaps, memory.hidden) : [taken];
    remember(memory, { what: 'sees', names: configMaps }, clock.monotonic());
    await this.doubts(configMaps);
    const now = clock.monotonic();
    const unseen = [...new Set(names)].filter((name) => !configMaps.has(name) && !isHeldBack(memory.brake, name, now));
    const { asked, believed } = this.#theirs(unseen, reading);
    for (const name of unseen) if (!believed.has(name)) await this.#lookUp(name, configMaps);
    if (this.halt) return;
    if (asked.every((name) => isTheirs(configMaps.get(name), reading)))
      for (const [name, view] of believed) configMaps.set(name, view);
    else {
      // Whoever gives one name back may give back all.
      remember(memory, { what: 'sees', names: believed }, now);
      for (const name of believed.keys()) await this.#lookUp(name, configMaps);
    }
    if (this.halt || taken === undefined) return;
    if (isTheirs(configMaps.get(taken), reading)) {
      this.halt = { kind: 'conflict', name: taken };
      return;
    }
    remember(memory, { what: 'is taken', name: undefined }, clock.monotonic());
    await this.outOfSight(configMaps, reading);
  }

  /**
   * Names that were somebody else's when they were looked at last. Those that are asked again are the first, of which the
   * status tells, and those of the longest ago.
   */
  #theirs(names: readonly string[], reading: Reading): { asked: string[]; believed: Map<string, StoredConfigMap> } {
    const { looks } = this.#place.memory;
    const theirs = names.flatMap((name) => {
      const { at, found } = looks.get(name) ?? { at: 0, found: undefined };
      return found && isTheirs(found, reading) ? [{ name, at, found }] : [];
    });
    const [first, ...others] = theirs;
    const order = [...(first ? [first] : []), ...others.sort((a, b) => a.at - b.at)];
    return {
      asked: order.slice(0, mostAskedAgain).map(({ name }) => name),
      believed: new Map(order.slice(mostAskedAgain).map(({ name, found }) => [name, found])),
    };
  }

  /** Names of which the cache is not believed. */
  async doubts(configMaps: Map<string, StoredConfigMap>): Promise<void> {
    for (const name of this.#place.memory.doubts) await this.#lookUp(name, configMaps);
  }

  async #lookUp(name: string, configMaps: Map<string, StoredConfigMap>): Promise<void> {
    const found = await this.#look(name);
    if (this.halt) return;
    const { configMaps: cache, memory, clock } = this.#place;
    const known = configMaps.get(name);
    if (!found) configMaps.delete(name);
    else if (!known || isNewer(found, known)) configMaps.set(name, found);
    const cached = cache.get(name);
    if (found && !cached) remember(memory, { what: 'is hidden', name }, clock.monotonic());
    if (found && cached && isOlder(cached, found)) remember(memory, { what: 'read', found }, clock.monotonic());
  }

  /** What stands under a name: one GET, unless the name was just found free, or this work has read it already. */
  async #look(name: string): Promise<StoredConfigMap | undefined> {
    const { memory, clock, requests, turn } = this.#place;
    const known = memory.doubts.has(name) ? undefined : memory.looks.get(name);
    const isOfThisWork = known !== undefined && known.at >= (memory.goesOnSince ?? Number.POSITIVE_INFINITY);
    if (known && (isOfThisWork || isFree(memory, name, clock.monotonic()))) return known.found;
    const found = await this.#get(() => requests.getConfigMap(name));
    if (this.halt) return undefined;
    remember(memory, { what: 'looked', name, found }, clock.monotonic());
    turn.progressed();
    return found;
  }

  async #get<T>(request: () => Promise<T>): Promise<T | undefined> {
    if (this.halt) return undefined;
    if (this.#place.turn.isOver()) this.halt = { kind: 'turn is over' };
    else {
      try {
        return await request();
      } catch (thrown) {
        const error = asApiError(thrown);
        if (!error) throw thrown;
        if (error.class !== 'missing') this.halt = haltOf(error);
      }
    }
    return undefined;
  }

  #gone(name: string): undefined {
    this.halt = { kind: 'overtaken', words: `LicenseSettings ${name} is gone, or being deleted` };
  }
}

const isOlder = (known: StoredConfigMap, found: StoredConfigMap): boolean =>
  compareResourceVersions(known.metadata.resourceVersion, found.metadata.resourceVersion) < 0;

const isNewer = (found: StoredConfigMap, known: StoredConfigMap): boolean =>
  found.metadata.uid !== known.metadata.uid || isOlder(known, found);

/** Names that the status tells of; and for a plan those that it wants, and those that the plan under way was writing. */
function namesToLookUp(
  reading: Reading,
  configMaps: ReadonlyMap<string, StoredConfigMap>,
  hidden: ReadonlySet<string>,
): string[] {
  const { applying, newestHash, status } = reading;
  const newest = newestOf(reading);
  const declared = [newest, applying?.declaration].flatMap((one) => (one ? configMapNames(one) : []));
  const mine = [...configMaps.values()].filter((view) => uidOf(view) === reading.owner.uid);
  const isChange = newest !== undefined && newestHash !== status?.applied?.settingsHash;
  if (applying || (isChange && involvesZones([newest], mine))) return [...namesTold(reading), ...declared];
  // One that is wanted is created again: where there is one, that tells. What somebody hides is looked for.
  const wanted = new Set(newest ? declared : namesTold(reading));
  return namesTold(reading).filter((name) => !wanted.has(name) || hidden.has(name));
}

/** The newest spec, where it may be applied as far as the object alone tells. */
function newestOf({ spec, newest, newestHash, status, approved }: Reading): Declaration | undefined {
  const isWaiting = spec?.applyPolicy === 'Manual' && !approved && newestHash !== status?.applied?.settingsHash;
  return isWaiting ? undefined : newest;
}
