import { compareResourceVersions, type KubeObject, keyOf } from './object.ts';

/** How many objects that went are remembered: more than can have a request under way. */
const rememberedGone = 1_000;
/** Stands for all namespaces. */
const everywhere = '';

/**
 * The newest known version of each object, fed by a reflector and by the answers to our own writes, so that a decision
 * never rests on something older than what we wrote ourselves. Values are found by key, and by what `index` gives.
 */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #index: (object: T) => string[];
  readonly #keysByIndex = new Map<string, Set<string>>();
  /**
   * uids that we deleted and whose DELETED event is still under way, with their namespaces: older events must not
   * bring them back.
   */
  readonly #deleted = new Map<string, string>();
  /** By the namespace of each list under way, '' for all: keys of what came since it began, by answers to our writes. */
  readonly #sinceList = new Map<string, Set<string>>();
  /** Version at which each uid went last: the late answer to a write of ours must not bring it back. Bounded. */
  readonly #gone = new Map<string, string>();

  constructor(index: (object: T) => string[] = () => []) {
    this.#index = index;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** The objects for which `index` gave this value. */
  by(value: string): T[] {
    return [...(this.#keysByIndex.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** Takes a version of an object; false, and nothing changes, when one as new is known or the object was deleted. */
  put(object: T): boolean {
    const key = keyOf(object);
    const known = this.#objects.get(key);
    if (this.#deleted.has(object.metadata.uid)) return false;
    const wentAt = this.#gone.get(object.metadata.uid);
    // Only one that went out of sight, its label removed, is still there at the version of its DELETED event.
    if (wentAt !== undefined && compareResourceVersions(object.metadata.resourceVersion, wentAt) < 0) return false;
    if (known && compareResourceVersions(object.metadata.resourceVersion, known.metadata.resourceVersion) <= 0)
      return false;
    this.#set(key, known, object);
    for (const [place, keys] of this.#sinceList)
      if (place === everywhere || place === object.metadata.namespace) keys.add(key);
    return true;
  }

  /** Takes the event that an object is gone; false when a newer object of that name is known already. */
  remove(object: T): boolean {
    this.#deleted.delete(object.metadata.uid);
    this.#gone.delete(object.metadata.uid);
    this.#gone.set(object.metadata.uid, object.metadata.resourceVersion);
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= rememberedGone) break;
      this.#gone.delete(oldest);
    }
    const key = keyOf(object);
    const known = this.#objects.get(key);
    if (known?.metadata.uid !== object.metadata.uid) return false;
    this.#set(key, known, undefined);
    return true;
  }

  /** Forgets an object that we deleted ourselves, until its DELETED event arrives. */
  deleted(object: T): void {
    const known = this.remove(object);
    if (known) this.#deleted.set(object.metadata.uid, object.metadata.namespace);
  }

  /** A list begins, of one namespace or of all: `replace` does not take back what we write from now on. */
  listing(namespace = everywhere): void {
    this.#sinceList.set(namespace, new Set());
  }

  /**
   * Takes a whole list, of one namespace or of all, as it was at `version`. Gives what is new or changed, and what is
   * gone.
   */
  replace(objects: readonly T[], version: string, namespace = everywhere): { changed: T[]; gone: T[] } {
    const listed = new Set(objects.map(keyOf));
    const inScope = (place: string) => namespace === everywhere || place === namespace;
    const since = this.#sinceList.get(namespace);
    this.#sinceList.delete(namespace);
    const isNewer = (key: string, known: T | undefined) =>
      known !== undefined && since?.has(key) && compareResourceVersions(known.metadata.resourceVersion, version) > 0;
    const gone = [...this.#objects].flatMap(([key, object]) =>
      listed.has(key) || !inScope(object.metadata.namespace) || isNewer(key, object) ? [] : [object],
    );
    // What a list doesn't have will get no DELETED event.
    const uids = new Set(objects.map(({ metadata }) => metadata.uid));
    for (const [uid, place] of this.#deleted) if (inScope(place) && !uids.has(uid)) this.#deleted.delete(uid);
    for (const object of gone) this.#set(keyOf(object), object, undefined);
    const changed = objects.filter((object) => {
      const known = this.#objects.get(keyOf(object));
      if (isNewer(keyOf(object), known)) return false;
      // A list is the truth, even where its versions are older: the store may have been restored from a backup.
      if (known?.metadata.resourceVersion === object.metadata.resourceVersion) return false;
      if (this.#deleted.has(object.metadata.uid)) return false;
      this.#set(keyOf(object), known, object);
      return true;
    });
    return { changed, gone };
  }

  #set(key: string, known: T | undefined, object: T | undefined): void {
    for (const value of known ? this.#index(known) : []) {
      const keys = this.#keysByIndex.get(value);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysByIndex.delete(value);
    }
    if (object === undefined) {
      this.#objects.delete(key);
      return;
    }
    this.#objects.set(key, object);
    for (const value of this.#index(object)) {
      const keys = this.#keysByIndex.get(value) ?? new Set();
      this.#keysByIndex.set(value, keys.add(key));
    }
  }
}
