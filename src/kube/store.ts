import { isDeepStrictEqual } from 'node:util';
import { compareResourceVersions, type KubeObject, keyOf, namespaceOf } from './object.ts';

/** How many objects that went are remembered: more than a list may drop while a write of ours is under way. */
const rememberedGone = 10_000;
/** Stands for all namespaces. */
const everywhere = '';

/** An object among all of its kind: a uid alone may appear twice, where a backup was restored beside what it was taken of. */
const identityOf = ({ metadata: { namespace, uid } }: KubeObject): string => `${namespace}/${uid}`;
const isOlderThan = (version: string, { metadata }: KubeObject): boolean =>
  compareResourceVersions(version, metadata.resourceVersion) < 0;
const isOlder = (object: KubeObject, known: KubeObject): boolean =>
  object.metadata.uid === known.metadata.uid && isOlderThan(object.metadata.resourceVersion, known);

/** False also where it can't be told: somebody's object that nests too deep must not end the list of all. */
function isSame(known: unknown, object: unknown): boolean {
  try {
    return isDeepStrictEqual(known, object);
  } catch {
    return false;
  }
}

/** What we did since a list began, which it may not have: keys that we wrote, identities of what we deleted. */
type Since = { readonly written: Set<string>; readonly deleted: Set<string> };

/** What a store has of one namespace: nothing of another is seen, put or removed through it. */
export type NamespacedStore<T extends KubeObject> = Pick<Store<T>, 'put' | 'refill' | 'remove' | 'deleted'> & {
  get(name: string): T | undefined;
  /** The objects for which `index` gave this value. */
  by(value: string): T[];
};

/**
 * The newest known version of each object, fed by a reflector and by the answers to our own writes, so that a decision
 * never rests on something older than what we wrote ourselves. Values are found by key; in a namespace also by what
 * `index` gives: there is no way to ask for that across namespaces.
 */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #index: (object: T) => string[];
  readonly #selected: (object: T) => boolean;
  readonly #keysByIndex = new Map<string, Set<string>>();
  /** How many objects have each uid: in more than one namespace, where a backup was restored. */
  readonly #uids = new Map<string, number>();
  /**
   * What we deleted, and whose DELETED event is still under way: older events must not bring it back.
   */
  readonly #deleted = new Set<string>();
  /** By the namespace of each list under way, '' for all: what we did since it began. */
  readonly #sinceList = new Map<string, Since>();
  /**
   * Version at which each object went last, or of the list that did not have it: the late answer to a write of ours must
   * not bring it back. Bounded.
   */
  readonly #gone = new Map<string, string>();

  /**
   * @param index values by which `by` finds an object in its namespace.
   * @param selected whether a list has such an object: of others, which only a GET gives, it says nothing.
   */
  constructor(index: (object: T) => string[] = () => [], selected: (object: T) => boolean = () => true) {
    this.#index = index;
    this.#selected = selected;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  /** Whether an object with this uid is there, in whichever namespace. */
  has(uid: string): boolean {
    return this.#uids.has(uid);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** The part of one namespace. An object of another is not taken: that is no word of the API server on this one. */
  in(namespace: string): NamespacedStore<T> {
    const isHere = ({ metadata }: T) => metadata.namespace === namespace;
    return {
      get: (name) => this.#objects.get(`${namespace}/${name}`),
      by: (value) =>
        [...(this.#keysByIndex.get(`${namespace}/${value}`) ?? [])].flatMap((key) => this.#objects.get(key) ?? []),
      put: (object) => isHere(object) && this.put(object),
      refill: (object) => isHere(object) && this.refill(object),
      remove: (object) => isHere(object) && this.remove(object),
      deleted: (object) => {
        if (isHere(object)) this.deleted(object);
      },
    };
  }

  /** Takes a version of an object; false, and nothing changes, when one as new is known or the object was deleted. */
  put(object: T): boolean {
    const key = keyOf(object);
    const known = this.#objects.get(key);
    if (this.#deleted.has(identityOf(object))) return false;
    if (this.#wentAfter(object)) return false;
    if (known && compareResourceVersions(object.metadata.resourceVersion, known.metadata.resourceVersion) <= 0)
      return false;
    this.#set(key, known, object);
    for (const { written } of this.#listsOf(object)) written.add(key);
    return true;
  }

  /** As `put`, but of the version that is known too: more, or less, of the object is kept from now on. */
  refill(object: T): boolean {
    const key = keyOf(object);
    const known = this.#objects.get(key);
    const isKnown =
      known?.metadata.uid === object.metadata.uid && known.metadata.resourceVersion === object.metadata.resourceVersion;
    if (isKnown) this.#set(key, known, object);
    return isKnown || this.put(object);
  }

  /** Takes the event that an object is gone; false when a newer object of that name is known already. */
  remove(object: T): boolean {
    this.#deleted.delete(identityOf(object));
    this.#remember(identityOf(object), object.metadata.resourceVersion);
    const key = keyOf(object);
    const known = this.#objects.get(key);
    if (known?.metadata.uid !== object.metadata.uid) return false;
    this.#set(key, known, undefined);
    return true;
  }

  /** Forgets an object that we deleted ourselves, until its DELETED event arrives. */
  deleted(object: T): void {
    const known = this.remove(object);
    if (!known) return;
    this.#deleted.add(identityOf(object));
    for (const { deleted } of this.#listsOf(object)) deleted.add(identityOf(object));
  }

  /** A list begins, of one namespace or of all: `replace` does not take back what we write or delete from now on. */
  listing(namespace = everywhere): void {
    this.#sinceList.set(namespace, { written: new Set(), deleted: new Set() });
  }

  /**
   * Takes a whole list, of one namespace or of all, as it was at `version`. Gives what is new or changed, and what is
   * gone. A list is the truth, even where its versions are older, or where it has what went: the cluster may have been
   * restored from a backup. Only what we did since it began is newer. `wentBack`: it has an object at an older version than
   * was known, and is itself no older than that.
   */
  replace(
    objects: readonly T[],
    version: string,
    namespace = everywhere,
  ): { changed: T[]; gone: T[]; wentBack: boolean } {
    const since = this.#sinceList.get(namespace);
    this.#sinceList.delete(namespace);
    const inScope = (place: string) => namespace === everywhere || place === namespace;
    const isNewer = (key: string, known: T | undefined) =>
      known !== undefined &&
      since?.written.has(key) &&
      compareResourceVersions(known.metadata.resourceVersion, version) > 0;
    const present = new Set(objects.map(identityOf));
    this.#believe(present, version, inScope, since);

    const listed = new Set(objects.map(keyOf));
    const gone: T[] = [];
    for (const [key, object] of [...this.#objects]) {
      if (present.has(identityOf(object)) || !inScope(object.metadata.namespace) || isNewer(key, object)) continue;
      this.#remember(identityOf(object), version);
      // Else there is another of its name now: it takes the place.
      if (listed.has(key)) continue;
      this.#set(key, object, undefined);
      gone.push(object);
    }
    let wentBack = false;
    const changed = objects.filter((object) => {
      const known = this.#objects.get(keyOf(object));
      wentBack ||= known !== undefined && isOlder(object, known) && !isOlderThan(version, known);
      if (isNewer(keyOf(object), known)) return false;
      // Of the same version too: the schema that prunes what is shown may have changed since.
      if (isSame(known, object)) return false;
      if (this.#deleted.has(identityOf(object))) return false;
      this.#set(keyOf(object), known, object);
      return true;
    });
    return { changed, gone, wentBack };
  }

  /** Forgets of what is listed that we deleted it, unless that was since the list began; and what went later than the list. */
  #believe(present: ReadonlySet<string>, version: string, inScope: (place: string) => boolean, since?: Since): void {
    for (const identity of this.#deleted) {
      if (!inScope(namespaceOf(identity)) || (present.has(identity) && since?.deleted.has(identity))) continue;
      this.#deleted.delete(identity);
      // What a list doesn't have will get no DELETED event.
      if (!present.has(identity)) this.#remember(identity, version);
    }
    // What went at a version that the list has not reached went in a time that is no more.
    for (const [identity, wentAt] of this.#gone) {
      if (inScope(namespaceOf(identity)) && compareResourceVersions(wentAt, version) > 0)
        this.#gone.set(identity, version);
    }
  }

  /** True for a version from before the object went. One that only lost its label is still there, at the version of the edit. */
  #wentAfter(object: T): boolean {
    const wentAt = this.#gone.get(identityOf(object));
    const { resourceVersion } = object.metadata;
    return wentAt !== undefined && this.#selected(object) && compareResourceVersions(resourceVersion, wentAt) < 0;
  }

  /** An object went at this version. */
  #remember(identity: string, version: string): void {
    this.#gone.delete(identity);
    this.#gone.set(identity, version);
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= rememberedGone) break;
      this.#gone.delete(oldest);
    }
  }

  /** What is noted of each list under way that should have the object. */
  #listsOf({ metadata }: T): Since[] {
    return [...this.#sinceList].flatMap(([place, since]) =>
      place === everywhere || place === metadata.namespace ? [since] : [],
    );
  }

  #count(uid: string, by: 1 | -1): void {
    const count = (this.#uids.get(uid) ?? 0) + by;
    if (count > 0) this.#uids.set(uid, count);
    else this.#uids.delete(uid);
  }

  #set(key: string, known: T | undefined, object: T | undefined): void {
    if (known) this.#count(known.metadata.uid, -1);
    if (object) this.#count(object.metadata.uid, 1);
    for (const value of known ? this.#valuesOf(known) : []) {
      const keys = this.#keysByIndex.get(value);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysByIndex.delete(value);
    }
    if (object === undefined) {
      this.#objects.delete(key);
      return;
    }
    this.#objects.set(key, object);
    for (const value of this.#valuesOf(object)) {
      const keys = this.#keysByIndex.get(value) ?? new Set();
      this.#keysByIndex.set(value, keys.add(key));
    }
  }

  /** What an object is indexed by: a value means something in its namespace alone. */
  #valuesOf(object: T): string[] {
    return this.#index(object).map((value) => `${object.metadata.namespace}/${value}`);
  }
}
