/** A scope: one namespace that is watched, or all of them. It has two watches, and is served by itself. */
import { kind, labels, manager, plural } from '../api/names.ts';
import type { Client } from '../kube/client.ts';
import { type Clock, whenAborted } from '../kube/clock.ts';
import { controllerOf, type KubeObject, keyOf } from '../kube/object.ts';
import type { Priority } from '../kube/queue.ts';
import { Reflector, type Sink } from '../kube/reflector.ts';
import type { Store } from '../kube/store.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { onceAMinute } from '../observe/once-a-minute.ts';
import { isOurs } from '../settings/configmap.ts';
import { isolate } from './isolate.ts';
import { leaveOut } from './kept.ts';
import {
  askedFor,
  carrying,
  indexConfigMap,
  type LicenseSettings,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
  unreadableConfigMap,
  unreadableSettings,
} from './objects.ts';
import { configMapsPath, settingsPath } from './requests.ts';
import { createTrouble } from './restarts.ts';

export type ScopeOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly settings: Store<LicenseSettings>;
  readonly configMaps: Store<StoredConfigMap>;
  /** Told of each LicenseSettings, by key, that has changed or whose ConfigMaps have; `wakes`: people ask for something else. */
  readonly onChange: (key: string, priority: Priority, wakes: boolean) => void;
  /** The API server has older data than before: until both copies are listed anew they may be of different times. */
  readonly onWentBack: () => void;
};

/** One of the two watches of a scope, as it is now. */
export type WatchState = {
  readonly resource: string;
  /** True while its copy is current: the list that is waited for is complete, and no more than a minute went by without a sign. */
  readonly synced: boolean;
  /** What is wrong and how to mend it; a copy may be current all the same, as where lists work and watches don't. */
  readonly trouble: string | undefined;
};

export type Scope = {
  /** Empty: all namespaces. */
  readonly namespace: string;
  /** Keeps the two copies current until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Resolves when both copies are complete, or as soon as `signal` is aborted. With `anew` only lists that were begun
   * after this call count.
   */
  listed(signal: AbortSignal, anew: boolean): Promise<void>;
  /** How its watches are. */
  watches(): WatchState[];
  /** Whether an object of this key belongs to it. */
  has(key: string): boolean;
};

/**
 * A copy that no list, event, bookmark or agreed end of a watch has confirmed for longer than this, in milliseconds, is
 * not current: a watch lasts less.
 */
const currentFor = 60_000;

/** What a watch needs to know of its resource. */
type Kind<T> = {
  readonly resource: string;
  readonly path: string;
  readonly labelSelector?: string;
  readonly store: Store<T & KubeObject>;
  readonly project: (object: KubeObject) => T;
  /** What is kept of an object that can't be read. */
  readonly unreadable: (object: KubeObject, words: string) => T;
  /** What the store finds it by. */
  readonly index?: (object: T) => string[];
  /** The keys of the LicenseSettings that an object speaks of. */
  readonly keysOf: (object: T) => string[];
  /** What people ask for with it, in a text that is another one when they ask for something else; undefined: nothing. */
  readonly asks: (object: T) => string | undefined;
  /** Told of each that is gone. */
  readonly gone?: (object: T) => void;
};

type Watch = {
  run(signal: AbortSignal): Promise<void>;
  listed(signal: AbortSignal, anew: boolean): Promise<void>;
  state(): WatchState;
};

export function createScope(options: ScopeOptions): Scope {
  const { namespace, settings, configMaps } = options;
  const hasObject = canBeOf(settings);
  const ofSettings = createWatch<LicenseSettings>(options, {
    ...{ resource: plural, path: settingsPath(namespace), store: settings, project: projectSettings },
    ...{ unreadable: unreadableSettings, keysOf: (object) => [keyOf(object)], asks: askedFor },
    gone: (object) => leaveOutOf(configMaps, object),
  });
  const ofConfigMaps = createWatch<StoredConfigMap>(options, {
    ...{ resource: 'configmaps', path: configMapsPath(namespace), store: configMaps },
    project: (object) => projectConfigMap(object, hasObject),
    ...{ unreadable: unreadableConfigMap, index: indexConfigMap, keysOf: settingsOf, asks: () => undefined },
    labelSelector: `${labels.managedBy}=${manager}`,
  });
  const watches = [ofSettings, ofConfigMaps];
  return {
    namespace,
    async run(signal) {
      const after = async () => {
        // Of a ConfigMap that has no object little is kept: which objects there are has to be known first.
        await ofSettings.listed(signal, false);
        await ofConfigMaps.run(signal);
      };
      await Promise.all([ofSettings.run(signal), after()]);
    },
    async listed(signal, anew) {
      await Promise.all(watches.map((watch) => watch.listed(signal, anew)));
    },
    watches: () => watches.map((watch) => watch.state()),
    has: (key) => namespace === '' || key.startsWith(`${namespace}/`),
  };
}

/**
 * Whether a ConfigMap can be that of a LicenseSettings that is known. What it holds decides nothing else, and anybody may
 * store any number of others.
 */
export const canBeOf =
  (settings: Store<LicenseSettings>) =>
  (view: StoredConfigMap): boolean =>
    settingsOf(view).some((key) => {
      const object = settings.get(key);
      return object !== undefined && isOurs(view, object.metadata);
    });

/** A LicenseSettings is gone: its ConfigMaps that stay, as under Retain, are kept as those of nobody are. */
function leaveOutOf(configMaps: Store<StoredConfigMap>, { metadata: { namespace, uid } }: LicenseSettings): void {
  const here = configMaps.in(namespace);
  for (const view of here.by(carrying(uid))) here.refill(leaveOut(view));
}

/** The LicenseSettings that a ConfigMap speaks of: by its controller, and by our label where that was removed. */
function settingsOf(view: StoredConfigMap): string[] {
  const owner = controllerOf(view);
  const names = [owner?.kind === kind ? owner.name : undefined, view.metadata.labels?.[labels.settings]];
  return [...new Set(names)].flatMap((name) => (name ? [`${view.metadata.namespace}/${name}`] : []));
}

function createWatch<T extends KubeObject>(options: ScopeOptions, of: Kind<T>): Watch {
  const { client, clock, log, metrics, namespace } = options;
  const { resource, path, labelSelector, store } = of;
  const place = { resource, namespace: namespace === '' ? undefined : namespace };
  const trouble = createTrouble(log, clock, place);
  const reflector = new Reflector<T>({
    ...{ client, clock, path, resource, project: createProjection(options, of), sink: createSink(options, of) },
    ...(labelSelector === undefined ? {} : { labelSelector }),
    onRestart(reason, error) {
      metrics.watchRestarted(resource, namespace, reason);
      if (reason === 'TimeWentBack') options.onWentBack();
      if (error) trouble.failed(error);
    },
    onSynced: () => log.info({ ...place, objects: store.size }, 'cache is complete'),
    onWatching: () => trouble.over(),
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
      resource,
      synced: !isAwaited && (reflector.age ?? Number.POSITIVE_INFINITY) <= currentFor,
      trouble: trouble.words(),
    }),
  };
}

/** Reads an object, with all that is asked of it when it is put into the store: there nothing may throw any more. */
function createProjection<T extends KubeObject>({ clock, log, metrics }: ScopeOptions, of: Kind<T>) {
  const { resource, project, unreadable, index, keysOf, asks } = of;
  const mayTell = onceAMinute(clock);
  const read = (object: KubeObject): T => {
    const kept = project(object);
    for (const question of [keysOf, asks, index]) question?.(kept);
    return kept;
  };
  return isolate(read, unreadable, (key, err) => {
    metrics.unreadable(resource);
    if (mayTell(key)) log.error({ key, resource, err }, 'an object can not be read: the others go on');
  });
}

function createSink<T extends KubeObject>(
  { namespace, onChange, onWentBack }: ScopeOptions,
  { store, keysOf, asks, gone: forget }: Kind<T>,
): Sink<T> {
  const place = namespace === '' ? undefined : namespace;
  let first = true;
  /** `before`: the label that names the owner may have been taken off or changed. */
  const tell = (object: T, priority: Priority, before?: T) => {
    const keys = new Set([object, before].flatMap((one) => (one ? keysOf(one) : [])));
    const asked = asks(object);
    const wakes = asked !== undefined && asked !== (before && asks(before));
    for (const key of keys) onChange(key, priority, wakes);
  };
  return {
    listing: () => store.listing(place),
    replace(objects, version) {
      const { changed, gone, wentBack } = store.replace(objects, version, place);
      if (wentBack) onWentBack();
      for (const object of gone) forget?.(object);
      for (const object of [...changed, ...gone]) tell(object, first ? 'resync' : 'fresh');
      first = false;
    },
    put(object) {
      const before = store.get(keyOf(object));
      if (store.put(object)) tell(object, 'fresh', before);
    },
    remove(object) {
      if (!store.remove(object)) return;
      forget?.(object);
      tell(object, 'fresh');
    },
  };
}
