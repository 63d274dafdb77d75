/** The operator's loop: reflectors fill the caches, changes fill the queue, workers reconcile. */
import { kind, labels, manager, plural } from '../api/names.ts';
import type { Client } from '../kube/client.ts';
import { type Clock, randomId } from '../kube/clock.ts';
import type { ApiError } from '../kube/errors.ts';
import { controllerOf, type KubeObject, keyOf } from '../kube/object.ts';
import { type Priority, priorities, type Task, WorkQueue } from '../kube/queue.ts';
import { Reflector, type Sink } from '../kube/reflector.ts';
import { Store } from '../kube/store.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import {
  configMapsPath,
  createApi,
  indexConfigMap,
  type LicenseSettings,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
  settingsPath,
} from './api.ts';
import { backoffs, type RetryKind } from './backoffs.ts';
import { eventFor } from './events.ts';
import { type Outcome, reconcile, type World } from './reconcile.ts';
import { explainRestart } from './restarts.ts';

export type ControllerOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  /** How many objects are worked on at once. */
  readonly workers: number;
  /** How often every object is looked at again, in milliseconds. */
  readonly resync: number;
  /** Names this process in events. */
  readonly instance: string;
  /** For how many milliseconds this process may still write; left out: for ever, it is the only one. */
  readonly fence?: () => number;
};

/** One leadership: from the start, or from winning the lease, to the end, or to losing it. */
type Term = {
  readonly queue: WorkQueue<RetryKind>;
  readonly world: World;
  /** True while requests get no answer. */
  outage: boolean;
};

/** After an outage waiting objects come back spread over this time, in milliseconds. */
const hurrySpread = 2_000;
/** Events that are sent at once, of which main.ts counts the connections; and how many more may wait for their turn. */
export const maxEventsUnderWay = 2;
const maxEventsWaiting = 1_000;

/** The operator's loop, in two parts: a standby only watches, so that it can take over at once. */
export type Controller = {
  /** Keeps the caches current until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Works until `term` is aborted and what was in flight is finished. Nothing is remembered of an earlier term, and
   * everything is listed anew: what another leader wrote may not have been seen yet.
   */
  lead(term: AbortSignal): Promise<void>;
  /** What is not ready yet, in words; empty when the caches are complete. */
  notReady(): string[];
  /** Objects counted by the reason of their Ready condition. */
  objectsByReason(): Map<string, number>;
};

/**
 * An answer by which the server is back: it decided on the request. Most reconciles send none; a gateway answers 503 and
 * 504 for a server that is away, and 429 and 401 come from one that is not well yet.
 */
const isVerdict = (error: ApiError | undefined): boolean =>
  error !== undefined && error.code > 0 && error.class !== 'retry';

export function createController(options: ControllerOptions): Controller {
  const { client, clock, log, metrics, workers, resync, instance, fence } = options;
  const shared = {
    api: createApi(client, fence),
    clock,
    settings: new Store<LicenseSettings>(),
    configMaps: new Store<StoredConfigMap>(
      indexConfigMap,
      ({ metadata }) => metadata.labels?.[labels.managedBy] === manager,
    ),
  };
  /** The term under way: what is decided, and remembered, by one leader. */
  let current: Term | undefined;
  let eventsUnderWay = 0;
  const eventsWaiting: (() => void)[] = [];

  /** How many reflectors of each resource have no complete list yet. */
  const unsynced = new Map<string, number>();
  const scopes = options.namespaces.length > 0 ? options.namespaces : [undefined];
  const reflectors = scopes.flatMap((namespace) => [settingsReflector(namespace), configMapReflector(namespace)]);

  function settingsReflector(namespace: string | undefined) {
    return reflectorFor(plural, settingsPath(namespace), namespace, shared.settings, projectSettings, (object) => [
      keyOf(object),
    ]);
  }

  function configMapReflector(namespace: string | undefined) {
    const selector = `${labels.managedBy}=${manager}`;
    return reflectorFor(
      'configmaps',
      configMapsPath(namespace),
      namespace,
      shared.configMaps,
      projectConfigMap,
      settingsOf,
      selector,
    );
  }

  function reflectorFor<T extends KubeObject>(
    resource: string,
    path: string,
    namespace: string | undefined,
    store: Store<T>,
    project: (object: KubeObject) => T,
    keysOf: (object: T) => string[],
    labelSelector?: string,
  ) {
    /** `before`: the label that names the owner may have been taken off or changed. */
    const enqueue = (object: T, priority: Priority, before?: T) => {
      const keys = new Set([object, before].flatMap((one) => (one ? keysOf(one) : [])));
      for (const key of keys) current?.queue.add(key, priority);
    };
    const explain = explainRestart(log, clock, { resource, namespace });
    let first = true;
    unsynced.set(resource, (unsynced.get(resource) ?? 0) + 1);
    metrics.watchSynced(resource, false);
    const sink: Sink<T> = {
      listing: () => store.listing(namespace),
      replace(objects, version) {
        const { changed, gone } = store.replace(objects, version, namespace);
        for (const object of [...changed, ...gone]) enqueue(object, first ? 'resync' : 'fresh');
        first = false;
        explain(undefined);
      },
      put(object) {
        const before = store.get(keyOf(object));
        if (store.put(object)) enqueue(object, 'fresh', before);
      },
      remove(object) {
        if (store.remove(object)) enqueue(object, 'fresh');
      },
    };
    return new Reflector<T>({
      ...{ client, clock, path, resource, sink, project },
      ...(labelSelector ? { labelSelector } : {}),
      onRestart(reason: string, error?: ApiError) {
        metrics.watchRestarted(resource, reason);
        explain(error);
      },
      onSynced() {
        const left = (unsynced.get(resource) ?? 0) - 1;
        unsynced.set(resource, left);
        metrics.watchSynced(resource, left === 0);
        log.info({ resource, namespace, objects: store.size }, 'cache is complete');
      },
    });
  }

  /** The LicenseSettings that a ConfigMap speaks of: by its controller, and by our label where that was removed. */
  function settingsOf(view: StoredConfigMap): string[] {
    const owner = controllerOf(view);
    const names = [owner?.kind === kind ? owner.name : undefined, view.metadata.labels?.[labels.settings]];
    return [...new Set(names)].flatMap((name) => (name ? [`${view.metadata.namespace}/${name}`] : []));
  }

  async function work(term: Term): Promise<void> {
    const { queue, world } = term;
    for (let task = await queue.next(); task; task = await queue.next()) {
      const started = clock.monotonic();
      try {
        const outcome = await reconcile(world, task);
        follow(term, task, outcome);
        report(task, outcome, (clock.monotonic() - started) / 1000);
      } catch (error) {
        // A mistake of ours: this object waits, the others go on.
        log.error({ key: task.key, err: error }, 'reconcile failed by a defect of the operator');
        metrics.reconciled('defect', (clock.monotonic() - started) / 1000);
        queue.retry(task.key, 'slow', task.priority);
      } finally {
        queue.done(task.key);
      }
      for (const priority of priorities) metrics.queueDepth(priority, queue.depth(priority));
    }
  }

  /** What comes after a reconcile: another try, and the event. */
  function follow(term: Term, { key, priority }: Task, { result, retry, again, error, event }: Outcome): void {
    const { queue } = term;
    if (error?.reason === 'NoAnswer') term.outage = true;
    else if (term.outage && (result === 'written' || isVerdict(error))) {
      queue.hurry('transport', hurrySpread);
      term.outage = false;
    }
    if (retry) queue.retry(key, retry.kind, priority, retry.atLeast);
    else queue.forget(key);
    if (again !== undefined) queue.addAfter(key, again, 'fresh');
    if (result === 'stale') queue.add(key, 'fresh');
    if (result === 'later') queue.add(key, 'background');
    if (event) void sendEvent(event);
  }

  /** Failing to send an event never fails a reconcile; nor do events take the connections that writes and the lease need. */
  async function sendEvent({ about, note }: NonNullable<Outcome['event']>): Promise<void> {
    if (eventsWaiting.length >= maxEventsWaiting) {
      metrics.eventFailed();
      log.warn({ key: keyOf(about), reason: note.reason }, 'event not sent: too many wait');
      return;
    }
    if (eventsUnderWay >= maxEventsUnderWay) await new Promise<void>((resolve) => eventsWaiting.push(resolve));
    else eventsUnderWay++;
    const suffix = randomId(clock);
    try {
      await shared.api.createEvent(
        about.metadata.namespace,
        eventFor(about, note, { instance, suffix, now: clock.wall() }),
      );
    } catch (error) {
      metrics.eventFailed();
      log.warn({ key: keyOf(about), reason: note.reason, err: error }, 'event not sent');
    }
    // The next takes the place.
    const next = eventsWaiting.shift();
    if (next) next();
    else eventsUnderWay--;
  }

  /** One line a decision: information when something was written or is wrong, else only for debugging. */
  function report({ key, priority }: Task, { result, error, detail, retry }: Outcome, seconds: number): void {
    metrics.reconciled(result, seconds);
    const fields = {
      ...{ key, priority, result, ...detail },
      ...(retry ? { retry: retry.kind } : {}),
      ...(error ? { err: error } : {}),
      milliseconds: Math.round(seconds * 1000),
    };
    if (result === 'problem' || (result === 'retry' && error?.class !== 'conflict')) log.warn(fields, 'reconciled');
    else if (result === 'written') log.info(fields, 'reconciled');
    else log.debug(fields, 'reconciled');
  }

  return {
    async run(signal) {
      await Promise.all(reflectors.map((reflector) => reflector.run(signal)));
    },

    async lead(signal) {
      const queue = new WorkQueue(clock, backoffs);
      const world: World = { ...shared, epoch: randomId(clock), memories: new Map(), late: new Map() };
      const term: Term = { queue, world, outage: false };
      current = term;
      const ended = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      // No decision before the caches are complete: a ConfigMap that isn't seen yet would look deleted. Without a lease
      // this process is the only one, and its first list is as good as a new one.
      const listed = reflectors.map((reflector) => (fence ? reflector.refresh(signal) : reflector.firstSync));
      await Promise.race([Promise.all(listed), ended]);
      let cancelResync = () => {};
      const lookAtAll = () => {
        for (const key of shared.settings.keys()) queue.add(key, 'resync');
        // Spread, so that replicas and restarts don't fall into step.
        cancelResync = clock.after(resync * (0.9 + 0.2 * clock.random()), lookAtAll);
      };
      if (!signal.aborted) {
        lookAtAll();
        const working = Array.from({ length: workers }, () => work(term));
        await ended;
        cancelResync();
        queue.close();
        await Promise.all(working);
      }
      current = undefined;
    },

    notReady: () =>
      reflectors.flatMap((reflector) =>
        reflector.synced ? [] : [`${reflector.name}: the first list is not complete`],
      ),

    objectsByReason() {
      const counts = new Map<string, number>();
      for (const { status } of shared.settings.values()) {
        const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason ?? 'Unknown';
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
      return counts;
    },
  };
}
