/** The operator's loop: reflectors fill the caches, changes fill the queue, workers reconcile. */
import { randomBytes } from 'node:crypto';
import { kind, labels, manager, plural } from '../api/names.ts';
import type { Client } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import type { ApiError } from '../kube/errors.ts';
import { controllerOf, type KubeObject, keyOf } from '../kube/object.ts';
import { type Priority, priorities, type Task, WorkQueue } from '../kube/queue.ts';
import { Reflector, type Sink } from '../kube/reflector.ts';
import { Store } from '../kube/store.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { uidOf } from '../settings/configmap.ts';
import {
  configMapsPath,
  createApi,
  type LicenseSettings,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
  settingsPath,
} from './api.ts';
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
};

/** After an outage waiting objects come back spread over this time, in milliseconds. */
const hurrySpread = 2_000;

export type Controller = {
  /** Runs until `signal` is aborted and what was in flight is finished. */
  run(signal: AbortSignal): Promise<void>;
  /** What is not ready yet, in words; empty when the caches are complete. */
  notReady(): string[];
  /** Objects counted by the reason of their Ready condition. */
  objectsByReason(): Map<string, number>;
};

export function createController(options: ControllerOptions): Controller {
  const { client, clock, log, metrics, workers, resync, instance } = options;
  const queue = new WorkQueue(clock);
  const world: World = {
    api: createApi(client),
    clock,
    settings: new Store<LicenseSettings>(),
    configMaps: new Store<StoredConfigMap>((view) => [uidOf(view) ?? []].flat()),
    failingSince: new Map(),
    plans: new Map(),
  };
  let outage = false;

  const scopes = options.namespaces.length > 0 ? options.namespaces : [undefined];
  const reflectors = scopes.flatMap((namespace) => [settingsReflector(namespace), configMapReflector(namespace)]);

  function settingsReflector(namespace: string | undefined) {
    return reflectorFor(plural, settingsPath(namespace), namespace, world.settings, projectSettings, (object) => [
      keyOf(object),
    ]);
  }

  function configMapReflector(namespace: string | undefined) {
    const selector = `${labels.managedBy}=${manager}`;
    return reflectorFor(
      'configmaps',
      configMapsPath(namespace),
      namespace,
      world.configMaps,
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
    const enqueue = (object: T, priority: Priority) => {
      for (const key of keysOf(object)) queue.add(key, priority);
    };
    const explain = explainRestart(log, clock, { resource, namespace });
    let first = true;
    const sink: Sink<T> = {
      replace(objects) {
        const { changed, gone } = store.replace(objects, namespace);
        for (const object of [...changed, ...gone]) enqueue(object, first ? 'resync' : 'fresh');
        first = false;
        explain(undefined);
      },
      put(object) {
        if (store.put(object)) enqueue(object, 'fresh');
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
        metrics.watchSynced(resource, true);
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

  async function work(): Promise<void> {
    for (let task = await queue.next(); task; task = await queue.next()) {
      const started = clock.monotonic();
      try {
        const outcome = await reconcile(world, task);
        follow(task, outcome);
        report(task, outcome, (clock.monotonic() - started) / 1000);
      } catch (error) {
        // A mistake of ours: this object waits, the others go on.
        log.error({ key: task.key, err: error }, 'reconcile failed by a defect of the operator');
        metrics.reconciled('defect', (clock.monotonic() - started) / 1000);
        queue.retry(task.key, 'slow');
      } finally {
        queue.done(task.key);
      }
      for (const priority of priorities) metrics.queueDepth(priority, queue.depth(priority));
    }
  }

  /** What comes after a reconcile: another try, and the event. */
  function follow({ key }: Task, { result, retry, again, error, event }: Outcome): void {
    if (error?.reason === 'NoAnswer') outage = true;
    // Only a request that was answered says that the server is back: most reconciles send none.
    else if (outage && (result === 'written' || (error?.code ?? 0) > 0)) {
      queue.hurry(hurrySpread);
      outage = false;
    }
    if (retry) queue.retry(key, retry.kind, retry.atLeast);
    else queue.forget(key);
    if (again !== undefined) queue.addAfter(key, again, 'fresh');
    if (result === 'stale') queue.add(key, 'fresh');
    if (result === 'later') queue.add(key, 'background');
    if (event) void sendEvent(event);
  }

  /** Failing to send an event never fails a reconcile. */
  async function sendEvent({ about, note }: NonNullable<Outcome['event']>): Promise<void> {
    const suffix = randomBytes(8).toString('hex');
    try {
      await world.api.createEvent(
        about.metadata.namespace,
        eventFor(about, note, { instance, suffix, now: clock.wall() }),
      );
    } catch (error) {
      metrics.eventFailed();
      log.warn({ key: keyOf(about), reason: note.reason, err: error }, 'event not sent');
    }
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
      const reflecting = reflectors.map((reflector) => reflector.run(signal));
      let cancelResync = () => {};
      const scheduleResync = () => {
        // Spread, so that replicas and restarts don't fall into step.
        cancelResync = clock.after(resync * (0.9 + 0.2 * clock.random()), () => {
          for (const key of world.settings.keys()) queue.add(key, 'resync');
          scheduleResync();
        });
      };
      scheduleResync();
      const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      // No decision before the caches are complete: a ConfigMap that isn't seen yet would look deleted.
      const synced = Promise.all(reflectors.map((reflector) => reflector.firstSync));
      await Promise.race([synced, stopped]);
      const working = signal.aborted ? [] : Array.from({ length: workers }, work);
      await stopped;
      cancelResync();
      queue.close();
      await Promise.all([...working, ...reflecting]);
    },

    notReady: () =>
      reflectors.flatMap((reflector) =>
        reflector.synced ? [] : [`${reflector.name}: the first list is not complete`],
      ),

    objectsByReason() {
      const counts = new Map<string, number>();
      for (const { status } of world.settings.values()) {
        const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason ?? 'Unknown';
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
      return counts;
    },
  };
}
