/** A kind that is watched: its copy is kept current, and each change tells which keys have to be reconciled. */
import type { Barrier } from './barrier.ts';
import type { Client } from './client.ts';
import { type Clock, whenAborted } from './clock.ts';
import { ApiError } from './errors.ts';
import { isolate } from './isolate.ts';
import { identityOf, type KubeObject, versionOf } from './object.ts';
import { collectionPath, type Resource } from './paths.ts';
import { Reflector, type ReflectorTiming, type Sink } from './reflector.ts';
import type { RestartReason } from './restart.ts';
import type { Store } from './store.ts';

/** A kind to watch, what is kept of its objects, and what a change of one means. */
export type Kind<T extends KubeObject> = {
  readonly resource: Resource;
  readonly labelSelector?: string;
  /** Filled by the informers of all scopes. */
  readonly store: Store<T>;
  /** What is kept of an object. */
  project(object: KubeObject): T;
  /** What is kept of an object on which `project`, `keysOf`, `asks` or the store's index throws. */
  unreadable(object: KubeObject, words: string): T;
  /** The keys that have to be reconciled when the object changes. */
  keysOf(object: T): readonly string[];
  /**
   * What people ask for with the object, in a text that is another one when they ask for something else: such a change
   * ends the wait after a failure. Undefined: nothing. Left out: no change of this kind does.
   */
  asks?(object: T): string | undefined;
  /** Told of each that is gone. */
  gone?(object: T): void;
};

/** A list and watch: of which resource, and in which namespace; empty: in all, or in none. */
export type WatchPlace = { readonly resource: string; readonly namespace: string };

/** Who is told how a watch fares, and has words for it. All are optional; none may throw. */
export type WatchObserver = {
  /** The first list is complete, and the store has so many objects. */
  synced?(objects: number): void;
  /** List or watch begins again. `error` is missing when the server ended the watch as agreed. */
  restarted?(reason: RestartReason, error?: ApiError): void;
  /** The watch has shown that it works. */
  watching?(): void;
  /** An object could not be read. */
  unreadable?(key: string, error: unknown): void;
  /** What is wrong now and how to mend it; undefined while nothing is. */
  trouble?(): string | undefined;
};

/** How a watch is now. */
export type WatchState = {
  readonly resource: string;
  /** True while its copy is current: the list that is waited for is complete, and there was a sign within `currentFor`. */
  readonly synced: boolean;
  /** What the observer says; a copy may be current all the same, as where lists work and watches don't. */
  readonly trouble: string | undefined;
};

/**
 * What has changed for a key. `isFirst`: the first list tells of it; `wakes`: people ask for something else; `version`: of
 * which object, as `versionOf` names it.
 */
export type Change = { readonly isFirst: boolean; readonly wakes: boolean; readonly version: string };

/** What an informer needs of its scope. */
export type InformerOptions = {
  readonly client: Client;
  readonly clock: Clock;
  /** Empty: all, or a cluster-scoped kind. */
  readonly namespace: string;
  /** A copy that no list, event, bookmark or agreed end of a watch has confirmed for longer, in milliseconds, is not current. */
  readonly currentFor: number;
  readonly timing: Partial<ReflectorTiming>;
  /** Told how far the copy has come. */
  readonly barrier: Barrier;
  readonly observer: (place: WatchPlace) => WatchObserver;
  /** Told of each key that has to be reconciled. */
  readonly onChange: (key: string, change: Change) => void;
  /** The server has older data than before: until all copies of the scope are listed anew they may be of different times. */
  readonly onWentBack: () => void;
};

/** One kind in one scope. */
export type Informer = {
  /** Keeps the copy current until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Resolves when the copy is complete, or as soon as `signal` is aborted. With `anew` only a list that was begun after
   * this call counts.
   */
  listed(signal: AbortSignal, anew: boolean): Promise<void>;
  state(): WatchState;
};

/** A kind as a controller takes it, whatever its objects are. */
export type Watched = {
  /** Plural name. */
  readonly resource: string;
  /** The keys of all objects that are known, of every scope. */
  keys(): Iterable<string>;
  /** The informer of this kind in one scope. */
  informerIn(options: InformerOptions): Informer;
};

/** What is given for a kind: the object is kept whole, and one that can't be read by its name alone, unless told. */
export type KindInit<T extends KubeObject> = Omit<Kind<T>, 'project' | 'unreadable'> &
  Partial<Pick<Kind<T>, 'project' | 'unreadable'>>;

/** A kind for a controller. */
export function watched<T extends KubeObject>(init: KindInit<T>): Watched {
  const kind: Kind<T> = {
    project: (object) => object as T,
    unreadable: ({ metadata: { name, namespace, uid, resourceVersion } }) =>
      ({ metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion } }) as T,
    ...init,
  };
  return {
    resource: kind.resource.plural,
    keys: () => kind.store.keys(),
    informerIn: (options) => createInformer(options, kind),
  };
}

function createInformer<T extends KubeObject>(options: InformerOptions, kind: Kind<T>): Informer {
  const { client, clock, namespace, timing, currentFor } = options;
  const { plural } = kind.resource;
  const observer = options.observer({ resource: plural, namespace });
  const onRestart = (reason: RestartReason, error: ApiError | undefined) => {
    if (reason === 'TimeWentBack') options.onWentBack();
    observer.restarted?.(reason, error);
  };
  const reflector = new Reflector<T>({
    ...{ client, clock, timing, path: collectionPath(kind.resource, namespace), resource: plural },
    ...(kind.labelSelector === undefined ? {} : { labelSelector: kind.labelSelector }),
    project: createProjection(kind, observer),
    sink: createSink(options, kind, () => onRestart('TimeWentBack', lostWrite(plural))),
    onRestart,
    onSynced: () => observer.synced?.(kind.store.size),
    onWatching: () => observer.watching?.(),
  });
  /** A list is waited for that has not come yet. */
  let isAwaited = false;
  return {
    run: (signal) => reflector.run(signal),
    async listed(signal, anew) {
      if (!anew) return Promise.race([reflector.firstSync, whenAborted(signal)]);
      isAwaited = true;
      await reflector.refresh(signal);
      isAwaited = false;
    },
    state: () => ({
      resource: plural,
      synced: !isAwaited && (reflector.age ?? Number.POSITIVE_INFINITY) <= currentFor,
      trouble: observer.trouble?.(),
    }),
  };
}

/** Reads an object, with all that is asked of it when it is put into the store: there nothing may throw any more. */
function createProjection<T extends KubeObject>(kind: Kind<T>, observer: WatchObserver): (object: KubeObject) => T {
  const read = (object: KubeObject): T => {
    const kept = kind.project(object);
    kind.keysOf(kept);
    kind.asks?.(kept);
    kind.store.index(kept);
    return kept;
  };
  return isolate(
    read,
    (object, words) => kind.unreadable(object, words),
    (key, error) => observer.unreadable?.(key, error),
  );
}

const lostWrite = (resource: string): ApiError =>
  new ApiError(
    `a write of ${resource} was answered, and the watch has passed it without telling of it: restored from a backup?`,
    {
      code: 0,
      reason: 'TimeWentBack',
    },
  );

/**
 * Puts what a list or watch brings into the store, and tells which keys have changed by it: not where it is our own write.
 *
 * @param onLost told where a write of ours was lost
 */
function createSink<T extends KubeObject>(
  { namespace, barrier, onChange, onWentBack }: InformerOptions,
  kind: Kind<T>,
  onLost: () => void,
): Sink<T> {
  const { store } = kind;
  const { plural } = kind.resource;
  const goes = (object: T) => {
    kind.gone?.(object);
    barrier.gone(identityOf(object));
  };
  const seen = (version: string, listed?: (identity: string) => string | undefined) => {
    if (!barrier.seen(plural, namespace, version, listed)) onLost(); // R7.10
  };
  let isFirst = true;
  /** Also the keys of the version `before` are told: a label that names one may have been taken off or changed. */
  const tell = (object: T, { before, isGone = false }: { before?: T | undefined; isGone?: boolean } = {}) => {
    const keys = new Set([object, before].flatMap((version) => (version ? kind.keysOf(version) : [])));
    const asked = kind.asks?.(object);
    const wakes = asked !== undefined && asked !== (before && kind.asks?.(before));
    const version = versionOf(identityOf(object), isGone ? 'gone' : object.metadata.resourceVersion);
    for (const key of keys) onChange(key, { isFirst, wakes, version });
  };
  return {
    replace(objects, version) {
      const { changed, gone, wentBack } = store.replace(objects, version, namespace);
      if (wentBack) onWentBack();
      for (const object of gone) goes(object);
      for (const object of changed) tell(object);
      for (const object of gone) tell(object, { isGone: true });
      isFirst = false;
      const versions = new Map(objects.map((object) => [identityOf(object), object.metadata.resourceVersion]));
      seen(version, (identity) => versions.get(identity));
    },
    put(object) {
      const isOwn = barrier.tells(identityOf(object), object.metadata.resourceVersion);
      const before = store.put(object);
      if (!isOwn) tell(object, { before });
    },
    remove(object) {
      const isOwn = barrier.isOwnDelete(identityOf(object));
      if (store.remove(object) && !isOwn) tell(object, { isGone: true });
      goes(object);
    },
    seen,
    doubted: () => barrier.doubted(plural, namespace),
    proven: () => barrier.proven(plural, namespace),
  };
}
