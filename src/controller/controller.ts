/** The operator's loop: which kinds are watched, what reconciles them, and who is told of it. */
import {
  after,
  type Client,
  type Clock,
  createController as createRuntime,
  type Next,
  none,
  now,
  type Result,
  type Controller as Runtime,
  randomId,
  retry,
  type Said,
  type Task,
  type TermContext,
  type Work,
} from '../kube/index.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { observeWatch } from '../observe/watch-trouble.ts';
import { createApi } from './api.ts';
import { type RetryKind, retries } from './backoffs.ts';
import { createEventSender } from './event-sender.ts';
import { createStores, kindsIn, type Stores } from './kinds.ts';
import { nameOfPriority, priorities, priorityNames } from './priorities.ts';
import { type Outcome, reconcile, type World } from './reconcile.ts';

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

/** The operator's loop. */
export type Controller = Runtime & {
  /** Objects of each scope, by its namespace, counted by the reason of their Ready condition. */
  objects(): ReadonlyMap<string, ReadonlyMap<string, number>>;
};

/** What a reconcile came to, as the runtime takes it, and as it is told. */
type Reconciled = Result<RetryKind> & { readonly outcome: Outcome };

export function createController(options: ControllerOptions): Controller {
  const { client, clock, log, metrics, namespaces, workers, resync, fence } = options;
  const stores = createStores();
  const runtime = createRuntime<RetryKind, Reconciled>({
    ...{ client, clock, namespaces, workers, resync, retries },
    kinds: kindsIn(stores),
    priorities: { change: priorities.fresh, resync: priorities.resync },
    listsAnew: fence !== undefined,
    begin: (term) => beginWork(options, stores, term),
    observer: (place) => observeWatch({ log, metrics, clock }, place),
    onServed: (namespace) => log.info({ namespace: namespace || undefined }, 'served from now on'),
  });
  return { ...runtime, objects: () => countByReason(runtime, stores) };
}

/** The work of one term: nothing that it remembers is known to the next. */
function beginWork(options: ControllerOptions, stores: Stores, term: TermContext): Work<RetryKind, Reconciled> {
  const { client, clock, log, metrics, instance, fence } = options;
  const api = createApi(client, { fence, lost: term.lost });
  const memory = { memories: new Map(), brakes: new Map(), late: new Map() };
  const world: World = { ...stores, clock, api, epoch: randomId(clock), ...memory };
  // A write may be under way or about to be: an event would take the API server's time from it. Nobody waits for rollouts.
  const isBusy = () => term.isBusy(priorities.resync);
  const events = createEventSender({ api, clock, log, metrics, instance, isBusy });
  return {
    reconcile: async (task) => resultOf(await reconcile(world, task), task),
    threw({ key }, thrown, seconds) {
      // A mistake of ours: this object waits, the others go on.
      log.error({ key, err: thrown }, 'reconcile failed by a defect of the operator');
      metrics.reconciled('defect', seconds);
      return retry('slow', { pace: 0 });
    },
    reconciled(task, { outcome }, seconds) {
      if (outcome.event) events.add(outcome.event.about, outcome.event.note);
      metrics.reconciled(outcome.result, seconds);
      report(log, task, outcome, seconds);
    },
    idle() {
      for (const name of priorityNames) metrics.queueDepth(name, term.depth(priorities[name]));
      events.pump();
    },
    ended: () => events.clear(),
  };
}

/** Translates what a reconcile of this operator came to. */
function resultOf(outcome: Outcome & { readonly requests: number }, task: Task): Reconciled {
  const { result, error, requests } = outcome;
  return { outcome, said: said[result], next: nextOf(outcome, task), error, requests };
}

const said: Readonly<Record<Outcome['result'], Said>> = {
  ...{ written: 'written', more: 'unfinished' },
  ...{ unchanged: 'unchanged', gone: 'unchanged', later: 'unchanged' },
  ...{ problem: 'problem', retry: 'problem', quiet: 'problem', stale: 'problem' },
};

function nextOf({ result, retry: failed, again }: Outcome, { priority }: Task): Next<RetryKind> {
  if (result === 'more') return now(priority);
  if (failed) {
    const { kind, ...bounds } = failed;
    // The brake has its own pauses.
    return { when: 'retry', kind, bounds: kind === 'pause' ? { ...bounds, pace: 0 } : bounds, after: again };
  }
  if (result === 'later') return now(priorities.background);
  return again === undefined ? none : after(again);
}

/** One line a decision: information when something was written or is wrong, else only for debugging. */
function report(log: Logger, { key, priority }: Task, outcome: Outcome, seconds: number): void {
  const { result, error, detail, retry } = outcome;
  const fields = {
    ...{ key, priority: nameOfPriority(priority), result, ...detail },
    ...(retry ? { retry: retry.kind } : {}),
    ...(error ? { err: error } : {}),
    milliseconds: Math.round(seconds * 1000),
  };
  if (result === 'problem' || (result === 'retry' && error?.class !== 'conflict')) log.warn(fields, 'reconciled');
  else if (result === 'written') log.info(fields, 'reconciled');
  else log.debug(fields, 'reconciled');
}

function countByReason(runtime: Runtime, { settings }: Stores): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const counts = new Map(runtime.scopes().map(({ namespace }) => [namespace, new Map<string, number>()]));
  for (const { metadata, status } of settings.values()) {
    const reasons = counts.get(metadata.namespace) ?? counts.get('');
    const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason ?? 'Unknown';
    reasons?.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return counts;
}
