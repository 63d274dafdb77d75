/** The operator's loop: which kinds are watched, what reconciles them, and who is told of it. */

import { apiVersion, kind, manager } from '../api/names.ts';
import {
  after,
  type Client,
  type Clock,
  createEventRecorder,
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
  type Unsent,
  type Work,
} from '../kube/index.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { onceAMinute } from '../observe/once-a-minute.ts';
import { observeWatch } from '../observe/watch-trouble.ts';
import type { Outcome } from './conclude.ts';
import { createStores, kindsIn, type Stores } from './kinds.ts';
import type { World } from './place.ts';
import { nameOfPriority, priorities, priorityNames } from './priorities.ts';
import { reconcile } from './reconcile.ts';
import { type RetryKind, retries } from './retries.ts';

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
    ...(fence ? { fence } : {}),
    begin: (term) => beginWork(options, stores, term),
    observer: (place) => observeWatch({ log, metrics, clock }, place),
    onServed: (namespace) => log.info({ namespace: namespace || undefined }, 'served from now on'),
  });
  return { ...runtime, objects: () => countByReason(runtime, stores) };
}

/** The work of one term: nothing that it remembers is known to the next. */
function beginWork(options: ControllerOptions, stores: Stores, term: TermContext): Work<RetryKind, Reconciled> {
  const { clock, log, metrics, instance } = options;
  const { client, own } = term;
  const world: World = { ...stores, client, clock, own, epoch: randomId(clock), memories: new Map() };
  const events = createEventRecorder({
    ...{ client, clock, instance, controller: manager, about: { apiVersion, kind } },
    // A write may be under way or about to be: an event would take the API server's time from it. Nobody waits for rollouts.
    isBusy: () => term.isBusy(priorities.resync),
    onUnsent: tellUnsent(options),
  });
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
      metrics.reconciled(outcome.said, seconds);
      report(log, task, outcome, seconds);
    },
    idle() {
      for (const name of priorityNames) metrics.queueDepth(name, term.depth(priorities[name]));
      events.pump();
    },
    ended: () => events.clear(),
  };
}

/** Counts an event that is not sent, and says why where that is news. */
function tellUnsent({ clock, log, metrics }: ControllerOptions): (event: Unsent) => void {
  const mayTell = onceAMinute(clock);
  return ({ key, reason, ...rest }) => {
    if (rest.cause === 'failed') metrics.eventFailed();
    else metrics.eventDropped(rest.cause);
    if (rest.cause === 'replaced' || rest.cause === 'term' || !mayTell(rest.cause)) return;
    const why = rest.cause === 'failed' ? { err: rest.error } : { why: dropped[rest.cause] };
    log.warn({ key, reason, ...why }, 'event not sent');
  };
}

const dropped = {
  full: 'too many wait already',
  burst: 'the object had too many: it may have one more each 5 minutes',
};

/** What a reconcile came to, as the runtime takes it. */
function resultOf(outcome: Outcome & { readonly requests: number }, task: Task): Reconciled {
  const { said, halt, requests } = outcome;
  const error = halt && 'error' in halt ? halt.error : undefined;
  return { outcome, said: saidOf(said), next: nextOf(outcome, task), error, requests };
}

function saidOf(said: Outcome['said']): Said {
  if (said === 'written') return 'written';
  if (said === 'more') return 'unfinished';
  return said === 'problem' || said === 'retry' || said === 'quiet' ? 'problem' : 'unchanged';
}

function nextOf({ said, again }: Outcome, { priority }: Task): Next<RetryKind> {
  switch (again.after) {
    case 'nothing':
      return said === 'later' ? now(priorities.background) : none;
    case 'others':
      return now(priority);
    case 'time':
      return after(again.milliseconds);
    case 'backoff': {
      const { kind, atLeast, atMost } = again;
      // The brake has its own pauses.
      return retry(kind, {
        atLeast,
        ...(atMost === undefined ? {} : { atMost }),
        ...(kind === 'pause' ? { pace: 0 } : {}),
      });
    }
  }
}

/** One line a decision: information when something was written or is wrong, else only for debugging. */
function report(log: Logger, { key, priority }: Task, outcome: Outcome, seconds: number): void {
  const { said, halt, detail, again } = outcome;
  const fields = {
    ...{ key, priority: nameOfPriority(priority), result: said, ...detail },
    ...(again.after === 'backoff' ? { retry: again.kind } : {}),
    ...(halt ? { halt: halt.kind } : {}),
    ...(halt && 'words' in halt ? { why: halt.words } : {}),
    ...(halt && 'error' in halt ? { err: halt.error } : {}),
    milliseconds: Math.round(seconds * 1000),
  };
  if (said === 'problem' || (said === 'retry' && halt?.kind !== 'outdated')) log.warn(fields, 'reconciled');
  else if (said === 'written') log.info(fields, 'reconciled');
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
