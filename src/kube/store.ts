import { isDeepStrictEqual } from 'node:util';
import { compareResourceVersions, identityOf, type KubeObject, keyIn, keyOf } from './object.ts';

/** Stands for all namespaces, and for the cluster where a kind is cluster-scoped. */
const everywhere = '';

/** False also where it can't be told: somebody's object that nests too deep must not end the list of all. */
function isSame(known: unknown, object: unknown): boolean {
  try {
    return isDeepStrictEqual(known, object);
  } catch {
    return false;
  }
}

/** What a store has of one namespace: nothing of another is found through it. */
export type NamespacedStore<T extends KubeObject> = {
  get(name: string): T | undefined;
  /** The objects for which `index` gave this value. */
  by(value: string): T[];
};

/** What a list has brought. `wentBack`: it has an object at an older version than was known, and is itself no older than that. */
export type Replaced<T> = { readonly changed: T[]; readonly gone: T[]; readonly wentBack: boolean };

/**
 * A copy of all objects of a kind, as its watches tell of them. The informers alone write it (R6.4): what this process writes to the
 * cluster comes in by the watch like anything else, and `Barrier` says when it has. Values are found by key; in a
 * namespace also by what `index` gives: there is no way to ask for that across namespaces.
 */
export class Store<T extends KubeObject> {
  /** What `by` finds an object by, in its namespace. It is asked when the object is put into the store, and must not throw then. */
  readonly index: (object: T) => string[];
  readonly #objects = new Map<string, T>();
  readonly #keysByIndex = new Map<string, Set<string>>();
  /** How many objects have each uid: in more than one namespace, where a backup was restored. */
  readonly #uids = new Map<string, number>();

  /** @param index values by which `by` finds an object in its namespace. */
  constructor(index: (object: T) => string[] = () => []) {
    this.index = index;
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

  /** The part of one namespace. */
  in(namespace: string): NamespacedStore<T> {
    return {
      get: (name) => this.#objects.get(keyIn(namespace, name)),
      by: (value) =>
        [...(this.#keysByIndex.get(`${namespace}/${value}`) ?? [])].flatMap((key) => this.#objects.get(key) ?? []),
    };
  }

  /** Takes an object as it is now, or more or less of it than was kept. Gives the version before. */
  put(object: T): T | undefined {
    const key = keyOf(object);
    const known = this.#objects.get(key);
    this.#set(key, known, object);
    return known;
  }

  /** Takes out an object that is gone. False where it is not there, or another has its name by now. */
  remove(object: T): boolean {
    const key = keyOf(object);
    const known = this.#objects.get(key);
    if (known?.metadata.uid !== object.metadata.uid) return false;
    this.#set(key, known, undefined);
    return true;
  }

  /**
   * Takes a whole list, of one namespace or of all, as it was at `version`. A list is the truth, even where its versions are
   * older than what was known: the cluster may have been restored from a backup.
   */
  replace(objects: readonly T[], version: string, namespace = everywhere): Replaced<T> {
    const listed = new Set(objects.map(keyOf));
    const inScope = (place = '') => namespace === everywhere || place === namespace;
    const gone = [...this.#objects].flatMap(([key, object]) =>
      listed.has(key) || !inScope(object.metadata.namespace) ? [] : [object],
    );
    for (const object of gone) this.#set(keyOf(object), object, undefined);
    let wentBack = false;
    const changed = objects.filter((object) => {
      const known = this.#objects.get(keyOf(object));
      wentBack ||= known !== undefined && isOlder(object, known) && !isOlderThan(version, known);
      // One of the same version too: the schema that prunes what is shown may have changed since.
      if (isSame(known, object)) return false;
      this.#set(keyOf(object), known, object);
      return true;
    });
    return { changed, gone, wentBack };
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
    return this.index(object).map((value) => `${object.metadata.namespace ?? ''}/${value}`);
  }
}

const isOlderThan = (version: string, { metadata }: KubeObject): boolean =>
  compareResourceVersions(version, metadata.resourceVersion) < 0;

const isOlder = (object: KubeObject, known: KubeObject): boolean =>
  identityOf(object) === identityOf(known) && isOlderThan(object.metadata.resourceVersion, known);
