/** The operator's loop: reflectors fill the caches, changes fill the queue, workers reconcile. */
import { labels, manager } from '../api/names.ts';
import { Budget } from '../kube/budget.ts';
import type { Client } from '../kube/client.ts';
import { type Clock, randomId, whenAborted } from '../kube/clock.ts';
import type { ApiError } from '../kube/errors.ts';
import { type Priority, priorities, type Task, WorkQueue } from '../kube/queue.ts';
import { Store } from '../kube/store.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Outcome } from './conclude.ts';
import { createEventSender, type EventSender } from './event-sender.ts';
import { indexConfigMap, type LicenseSettings, type StoredConfigMap } from './objects.ts';
import type { World } from './place.ts';
import { reconcile } from './reconcile.ts';
import { createRequests } from './requests.ts';
import { backoffs, type RetryKind, tryBudget } from './retries.ts';
import { createScope, type Scope, type WatchState } from './scope.ts';

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

/** A scope, by its namespace (empty: all), and its two watches. */
export type ScopeState = { readonly namespace: string; readonly watches: readonly WatchState[] };

/** One leadership: from the start, or from winning the lease, to the end, or to losing it. */
type Term = {
  readonly queue: WorkQueue<RetryKind>;
  readonly budget: Budget;
  readonly world: World;
  readonly events: EventSender;
  /** Scopes whose lists of this term are not complete, with the keys that have changed meanwhile. */
  readonly unserved: Map<Scope, Set<string>>;
  /** Aborted at its end. */
  readonly signal: AbortSignal;
  /** Workers that are at work. Rollouts are not counted: nobody waits for them, and they may be many. */
  atWork: number;
  /** True while requests get no answer. */
  outage: boolean;
  /** When one last ended, on the monotonic clock. */
  hurriedAt: number;
};

/** After an outage waiting objects come back spread over this time, in milliseconds. */
const hurrySpread = 2_000;
/** An outage ends no more often, in milliseconds: where one object alone gets no answer, every other answer seems to end one. */
const hurryEach = 30_000;

/** The operator's loop, in two parts: a standby only watches, so that it can take over at once. */
export type Controller = {
  /** Keeps the caches current until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Works until `term` is aborted and what was in flight is finished. Nothing is remembered of an earlier term, and
   * everything is listed anew: what another leader wrote may not have been seen yet. Each scope is served as soon as its
   * own lists are complete. `lost` is aborted when the lease is: then what is in flight is broken off.
   */
  lead(term: AbortSignal, lost?: AbortSignal): Promise<void>;
  /** What it watches, and how the watches are now. */
  scopes(): ScopeState[];
  /** Objects of each scope, by its namespace, counted by the reason of their Ready condition. */
  objects(): ReadonlyMap<string, ReadonlyMap<string, number>>;
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
    clock,
    settings: new Store<LicenseSettings>(),
    configMaps: new Store<StoredConfigMap>(
      indexConfigMap,
      ({ metadata }) => metadata.labels?.[labels.managedBy] === manager,
    ),
  };
  /** The term under way: what is decided, and remembered, by one leader. */
  let current: Term | undefined;
  const scopes = (options.namespaces.length > 0 ? options.namespaces : ['']).map((namespace): Scope => {
    const scope: Scope = createScope({
      ...{ client, clock, log, metrics, namespace, settings: shared.settings, configMaps: shared.configMaps },
      onChange: (key, priority, wakes) => add(scope, key, priority, wakes),
      onWentBack: () => void listAnew(scope),
    });
    return scope;
  });

  function createTerm(signal: AbortSignal, lost?: AbortSignal): Term {
    const queue = new WorkQueue(clock, backoffs);
    const requests = createRequests(client, { fence, lost });
    const own = { wrote: () => {}, deleted: () => {} };
    // A write may be under way or about to be: an event would take the API server's time from it.
    const isBusy = () => term.atWork + queue.depth('fresh') + queue.depth('resync') > 0;
    const term: Term = {
      queue,
      budget: new Budget(clock, tryBudget),
      world: { ...shared, requests, own, epoch: randomId(clock), memories: new Map() },
      events: createEventSender({ api: requests, clock, log, metrics, instance, isBusy }),
      unserved: new Map(scopes.map((scope) => [scope, new Set()])),
      ...{ signal, atWork: 0, outage: false, hurriedAt: Number.NEGATIVE_INFINITY },
    };
    return term;
  }

  /** A key of a scope that is not served yet waits for it. */
  function add(scope: Scope, key: string, priority: Priority, wakes: boolean): void {
    const changed = current?.unserved.get(scope);
    if (!changed) current?.queue.add(key, priority, wakes);
    else if (priority === 'fresh') changed.add(key);
  }

  /** Looks at every object of a scope, now and each `resync`, until the term ends. */
  function lookAtAll(queue: WorkQueue<RetryKind>, scope: Scope, signal: AbortSignal): void {
    if (signal.aborted) return;
    for (const key of shared.settings.keys()) if (scope.has(key)) queue.add(key, 'resync');
    // Spread, so that scopes, replicas and restarts don't fall into step.
    const cancel = clock.after(resync * (0.9 + 0.2 * clock.random()), () => {
      signal.removeEventListener('abort', cancel);
      lookAtAll(queue, scope, signal);
    });
    signal.addEventListener('abort', cancel, { once: true });
  }

  /**
   * Serves a scope as soon as its own caches are complete: a ConfigMap that isn't seen yet would look deleted. Others,
   * which may never be complete, are not waited for. Without a lease this process is the only one, and its first list is
   * as good as a new one.
   */
  async function serve(term: Term, scope: Scope, signal: AbortSignal): Promise<void> {
    await scope.listed(signal, fence !== undefined);
    if (signal.aborted) return;
    goOn(term, scope);
    log.info({ namespace: scope.namespace || undefined }, 'served from now on');
    lookAtAll(term.queue, scope, signal);
  }

  /** A scope is served: what has changed meanwhile is looked at. */
  function goOn(term: Term, scope: Scope): void {
    const changed = term.unserved.get(scope) ?? [];
    term.unserved.delete(scope);
    for (const key of changed) term.queue.add(key, 'fresh');
  }

  /** Nothing is decided from two copies that may be of different times: a scope waits for lists of both. */
  async function listAnew(scope: Scope): Promise<void> {
    const term = current;
    if (!term || term.unserved.has(scope)) return;
    term.unserved.set(scope, new Set());
    await scope.listed(term.signal, true);
    if (!term.signal.aborted) goOn(term, scope);
  }

  /** Keeps a key that was in the queue until its scope is served. One whose copies are too old is not: they may never tell. */
  function waits({ unserved, queue }: Term, key: string): boolean {
    for (const scope of scopes) {
      if (!scope.has(key)) continue;
      if (scope.watches().some(({ synced }) => !synced)) void listAnew(scope);
      const changed = unserved.get(scope);
      if (!changed) continue;
      changed.add(key);
      queue.done(key);
      return true;
    }
    return false;
  }

  async function work(term: Term): Promise<void> {
    const { queue, world } = term;
    for (let task = await queue.next(); task; task = await queue.next()) {
      if (waits(term, task.key)) continue;
      const started = clock.monotonic();
      const counts = task.priority === 'background' ? 0 : 1;
      term.atWork += counts;
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
        term.atWork -= counts;
      }
      for (const priority of priorities) metrics.queueDepth(priority, queue.depth(priority));
      term.events.pump();
    }
  }

  /** What comes after a reconcile: another try, and the event. */
  function follow(term: Term, { key, priority }: Task, outcome: Outcome & { readonly requests: number }): void {
    const { queue, events, budget } = term;
    const { said, again, halt, event, requests } = outcome;
    const error = halt && 'error' in halt ? halt.error : undefined;
    const now = clock.monotonic();
    if (error?.reason === 'NoAnswer') term.outage = true;
    else if (term.outage && now >= term.hurriedAt + hurryEach && (said === 'written' || isVerdict(error))) {
      queue.hurry('transport', hurrySpread);
      Object.assign(term, { outage: false, hurriedAt: now });
    }
    if (again.after === 'others') {
      // Behind the others of its lane.
      queue.add(key, priority);
      return;
    }
    if (again.after === 'backoff') {
      // The brake has its own pauses.
      const pace = again.kind === 'pause' ? 0 : budget.spend(key, requests);
      queue.retry(key, again.kind, priority, { ...again, pace });
    } else {
      queue.forget(key);
      budget.forget(key);
    }
    if (again.after === 'time') queue.addAfter(key, again.milliseconds, 'fresh');
    if (said === 'later') queue.add(key, 'background');
    if (event) events.add(event.about, event.note);
  }

  /** One line a decision: information when something was written or is wrong, else only for debugging. */
  function report({ key, priority }: Task, { said, halt, detail, again }: Outcome, seconds: number): void {
    metrics.reconciled(said, seconds);
    const fields = {
      ...{ key, priority, result: said, ...detail },
      ...(again.after === 'backoff' ? { retry: again.kind } : {}),
      ...(halt ? { halt: halt.kind, ...('words' in halt ? { why: halt.words } : {}) } : {}),
      ...(halt && 'error' in halt ? { err: halt.error } : {}),
      milliseconds: Math.round(seconds * 1000),
    };
    if (said === 'problem' || (said === 'retry' && halt?.kind !== 'outdated')) log.warn(fields, 'reconciled');
    else if (said === 'written') log.info(fields, 'reconciled');
    else log.debug(fields, 'reconciled');
  }

  return {
    async run(signal) {
      await Promise.all(scopes.map((scope) => scope.run(signal)));
    },

    async lead(signal, lost) {
      const term = createTerm(signal, lost);
      current = term;
      const working = Array.from({ length: workers }, () => work(term));
      const serving = scopes.map((scope) => serve(term, scope, signal));
      await whenAborted(signal);
      term.queue.close();
      term.events.clear();
      await Promise.all([...working, ...serving]);
      current = undefined;
    },

    scopes: () => scopes.map((scope) => ({ namespace: scope.namespace, watches: scope.watches() })),

    objects() {
      const counts = new Map(scopes.map(({ namespace }) => [namespace, new Map<string, number>()]));
      for (const { metadata, status } of shared.settings.values()) {
        const reasons = counts.get(metadata.namespace) ?? counts.get('');
        const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason ?? 'Unknown';
        reasons?.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
      return counts;
    },
  };
}
