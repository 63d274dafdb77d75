/**
 * Reading one's own writes. A copy that a watch fills is behind what this process has just written, and who decides from it
 * may do twice what is done, or undo it. So nothing is decided for a key before the watch has passed what was written for
 * it. Nothing of a write goes into the copy itself: the copy has one writer, the reflector.
 *
 * After KEP-5647 (`ConsistencyStore`: of each owner the newest version that was written, against the version that the
 * informer is at) and controller-runtime's read-your-own-writes client (a DELETE is answered without a version, so it is
 * waited for by uid).
 */
import { compareResourceVersions, namespaceOf } from './object.ts';

/** More than may go while one DELETE is under way, and its event comes before its answer. */
const rememberedGone = 10_000;

/** What is waited for, and known, of one watch. */
type Watch = {
  /** The version that its copy is at. */
  version: string;
  /** Of each key the newest version that was written for it, and that the copy has not reached. */
  readonly writes: Map<string, string>;
  /** By identity what was deleted and is still in the copy, and for which key. */
  readonly deletes: Map<string, string>;
  /** By identity the writes of which it has not told, oldest first. */
  readonly own: Map<string, Own>;
};

/** The versions that were written of one object, and for which key. */
type Own = { readonly key: string; readonly versions: readonly string[] };

const hasReached = (watch: Watch, version: string): boolean => compareResourceVersions(watch.version, version) >= 0;

/**
 * What is remembered of a write goes when the watch has passed it, so there is no more of it than writes that the watch
 * has not told of yet.
 *
 * An `identity` is `namespace/uid`, of a cluster-scoped object `/uid`: a uid alone may appear twice, where a backup was
 * restored beside what it was taken of. A `scope` is the namespace that is watched, empty for all. A write to what no
 * watch of its resource covers is not waited for: no version of it would ever come.
 */
export class Barrier {
  readonly #watches = new Map<string, Watch>();
  /** Identities that went of late. */
  readonly #gone = new Set<string>();
  /** The watches that broke off, and are not found to be as new as before. */
  readonly #doubted = new Set<string>();
  /** Who is to be told when a key is ready. */
  readonly #wakes = new Map<string, () => void>();

  /** A write for a key was answered: the object is at this version, or was deleted after it. */
  wrote(key: string, resource: string, identity: string, resourceVersion: string): void {
    const watch = this.#watchOf(resource, identity);
    // Also where nothing was changed by the write: the object is at a version that came before.
    if (!watch || hasReached(watch, resourceVersion)) return;
    const newest = watch.writes.get(key);
    if (newest === undefined || compareResourceVersions(newest, resourceVersion) < 0)
      watch.writes.set(key, resourceVersion);
    const { versions = [] } = watch.own.get(identity) ?? {};
    watch.own.set(identity, { key, versions: [...versions, resourceVersion] });
  }

  /**
   * A DELETE for a key was answered, and the object, which the copy had, is no more. One that a finalizer holds back is
   * not: it was written, at the version of the answer.
   */
  deleted(key: string, resource: string, identity: string): void {
    // Its event came before its answer.
    if (this.#gone.has(identity)) return;
    this.#watchOf(resource, identity)?.deletes.set(identity, key);
  }

  /**
   * The copy of a resource in a scope has reached a version: that of an event, a bookmark or a list, after what it brought
   * is in the copy. `listed`: at which version a list has the object of an identity, undefined where it has none: what a list
   * lacks is gone, and no event will tell of it.
   *
   * @returns false where it has passed a write without telling of it: such a write was lost, as time went back
   */
  seen(resource: string, scope: string, version: string, listed?: (identity: string) => string | undefined): boolean {
    const name = `${resource}/${scope}`;
    const watch = this.#watches.get(name) ?? { version, writes: new Map(), deletes: new Map(), own: new Map() };
    this.#watches.set(name, watch);
    watch.version = version;
    this.proven(resource, scope);
    const passed: string[] = [];
    for (const [key, written] of watch.writes) {
      if (!hasReached(watch, written)) continue;
      watch.writes.delete(key);
      passed.push(key);
    }
    for (const [identity, key] of listed ? watch.deletes : []) {
      if (listed?.(identity) !== undefined) continue;
      watch.deletes.delete(identity);
      passed.push(key);
    }
    for (const identity of listed ? [...watch.own.keys()] : []) {
      const there = listed?.(identity);
      if (there !== undefined) this.tells(identity, there);
    }
    for (const key of passed) this.#wakeIfReady(key);
    return ![...watch.own.values()].some(({ versions: [oldest] }) => oldest !== undefined && hasReached(watch, oldest));
  }

  /** A watch broke off: until it is proven, or `seen` is told of it, its copy may be of a later time than the server (R7.10). */
  doubted(resource: string, scope: string): void {
    this.#doubted.add(`${resource}/${scope}`);
  }

  /** The server of a watch is as new as the copy. */
  proven(resource: string, scope: string): void {
    if (this.#doubted.delete(`${resource}/${scope}`)) for (const key of [...this.#wakes.keys()]) this.#wakeIfReady(key);
  }

  /** False while a watch of the key's scope is in doubt. */
  isCurrent(key: string): boolean {
    for (const name of this.#doubted) {
      const scope = name.slice(name.indexOf('/') + 1);
      if (scope === '' || scope === namespaceOf(key)) return false;
    }
    return true;
  }

  /** The copy no longer has the object: its DELETED event came, or a list without it. */
  gone(identity: string): void {
    this.#gone.delete(identity);
    this.#gone.add(identity);
    const [oldest] = this.#gone;
    if (this.#gone.size > rememberedGone && oldest !== undefined) this.#gone.delete(oldest);
    for (const { deletes, own } of this.#watches.values()) {
      own.delete(identity);
      const key = deletes.get(identity);
      if (key === undefined) continue;
      deletes.delete(identity);
      this.#wakeIfReady(key);
    }
  }

  /** True where the copies have all that was written for a key, and are not in doubt. */
  isReady(key: string): boolean {
    if (!this.isCurrent(key)) return false;
    for (const { writes, deletes } of this.#watches.values()) {
      if (writes.has(key)) return false;
      for (const waiting of deletes.values()) if (waiting === key) return false;
    }
    return true;
  }

  /** Calls `wake` once, as soon as the key is ready: at once if it is. Of two calls for a key the later counts. */
  whenReady(key: string, wake: () => void): void {
    this.#wakes.set(key, wake);
    this.#wakeIfReady(key);
  }

  /**
   * The watch tells of an object at this version; `seen` is told of the version afterwards. True where it came of a write of
   * ours: then the event tells nothing new. False where the event came before the answer to the write: the term judges it once
   * it has that.
   */
  tells(identity: string, version: string): boolean {
    let isOwn = false;
    for (const { own } of this.#watches.values()) {
      const { key = '', versions = [] } = own.get(identity) ?? {};
      isOwn ||= versions.includes(version);
      const left = versions.filter((one) => compareResourceVersions(one, version) > 0);
      if (left.length > 0) own.set(identity, { key, versions: left });
      else own.delete(identity);
    }
    return isOwn;
  }

  /** True while the copy still has an object that was deleted for a key: its event will tell nothing new. */
  isOwnDelete(identity: string): boolean {
    for (const { deletes } of this.#watches.values()) if (deletes.has(identity)) return true;
    return false;
  }

  /**
   * Time went back for a scope, as after a restore of etcd: versions that were written may never come. Nothing is waited
   * for there any more, and its copies count as not watched until they are listed anew.
   *
   * @returns the keys for which something was written that no watch has told of: it may be lost, and no event will say so
   */
  forget(scope: string): ReadonlySet<string> {
    const untold = new Set<string>();
    for (const [name, { writes, deletes, own }] of this.#watches) {
      if (name.slice(name.indexOf('/') + 1) !== scope) continue;
      this.#watches.delete(name);
      for (const key of [...writes.keys(), ...deletes.values()]) untold.add(key);
      for (const { key } of own.values()) untold.add(key);
    }
    for (const identity of this.#gone) if (scope === '' || namespaceOf(identity) === scope) this.#gone.delete(identity);
    for (const key of untold) this.#wakeIfReady(key);
    return untold;
  }

  /** The watch that tells of an object: that of its namespace, or that of all. */
  #watchOf(resource: string, identity: string): Watch | undefined {
    return this.#watches.get(`${resource}/${namespaceOf(identity)}`) ?? this.#watches.get(`${resource}/`);
  }

  #wakeIfReady(key: string): void {
    const wake = this.#wakes.get(key);
    if (!wake || !this.isReady(key)) return;
    this.#wakes.delete(key);
    wake();
  }
}
