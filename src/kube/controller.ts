/**
 * A controller: informers keep copies of a few kinds, changes fill a queue, workers reconcile. A standby only watches, so
 * that it can take over at once.
 */
import { Barrier } from './barrier.ts';
import type { Client } from './client.ts';
import type { Clock } from './clock.ts';
import type { Watched, WatchObserver, WatchPlace, WatchState } from './informer.ts';
import type { ReflectorTiming } from './reflector.ts';
import type { Result } from './result.ts';
import type { Retries } from './retries.ts';
import { createScope, type Scope } from './scope.ts';
import { type Priorities, Term, type TermContext, type Work } from './term.ts';

export type ControllerOptions<Kind extends string, R extends Result<Kind>> = {
  readonly client: Client;
  readonly clock: Clock;
  /** The first is the kind whose objects are reconciled; what is kept of the others may depend on which of them there are. */
  readonly kinds: readonly Watched[];
  /** Each is a scope, served by itself. Empty or left out: one scope of all namespaces, and of cluster-scoped kinds. */
  readonly namespaces?: readonly string[];
  /** What is done in a term that begins. */
  readonly begin: (term: TermContext) => Work<Kind, R>;
  readonly retries: Retries<Kind>;
  /** How many objects are worked on at once; 4 unless told. */
  readonly workers?: number;
  /** How often every object is looked at again, in milliseconds; ten minutes unless told. */
  readonly resync?: number;
  /** `defaultPriorities` unless told. */
  readonly priorities?: Priorities;
  /**
   * For how many milliseconds this process may still write, as the lease has it: asked before each write of a term. Another
   * process may have led before, so each term waits for lists of its own: what the other wrote may not have been seen yet.
   * Without it this process is the only one, and the first list is as good as a new one.
   */
  readonly fence?: () => number;
  /** Who is told how each watch fares. */
  readonly observer?: (place: WatchPlace) => WatchObserver;
  /** Told when a scope, by its namespace, is served from now on. */
  readonly onServed?: (namespace: string) => void;
  readonly timing?: Partial<ReflectorTiming>;
  /**
   * A copy that no list, event, bookmark or agreed end of a watch has confirmed for longer, in milliseconds, is not current,
   * and nothing is decided from it. A minute unless told: a watch lasts less.
   */
  readonly currentFor?: number;
};

/** A scope, by its namespace (empty: all), and its watches. */
export type ScopeState = { readonly namespace: string; readonly watches: readonly WatchState[] };

export type Controller = {
  /** Keeps the copies current until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Works until `term` is aborted and what was in flight is finished. Nothing is remembered of an earlier term. Each scope
   * is served as soon as its own lists are complete. `lost` is aborted when the lease is: then what is in flight is broken
   * off. To be called again only after it has resolved.
   */
  lead(term: AbortSignal, lost?: AbortSignal): Promise<void>;
  /** What it watches, and how the watches are now. */
  scopes(): ScopeState[];
};

/** As controller-runtime's: a change goes before what is looked at anyway. */
export const defaultPriorities: Priorities = { change: 0, resync: -100 };

export function createController<Kind extends string, R extends Result<Kind>>(
  options: ControllerOptions<Kind, R>,
): Controller {
  const { client, clock, kinds, begin, retries, namespaces = [] } = options;
  const { workers = 4, resync = 600_000, priorities = defaultPriorities, fence } = options;
  const { observer = () => ({}), onServed = () => {}, timing = {}, currentFor = 60_000 } = options;
  /** The term under way: what is decided, and remembered, by one leader. */
  let current: Term<Kind, R> | undefined;
  const barrier = new Barrier();
  const scopes = (namespaces.length > 0 ? namespaces : ['']).map((namespace): Scope => {
    const scope: Scope = createScope(
      {
        ...{ client, clock, namespace, observer, timing, currentFor, barrier },
        onChange: (key, change) => current?.changed(scope, key, change),
        onWentBack: () => {
          // Versions of a time that is no more may never come.
          const untold = barrier.forget(namespace);
          void current?.listAnew(scope);
          for (const key of untold) current?.changed(scope, key, { isFirst: false, wakes: false, version: '' });
        },
      },
      kinds,
    );
    return scope;
  });
  const [reconciled] = kinds;
  return {
    async run(signal) {
      await Promise.all(scopes.map((scope) => scope.run(signal)));
    },

    async lead(signal, lost) {
      const term = new Term<Kind, R>({
        ...{
          client,
          clock,
          barrier,
          scopes,
          workers,
          resync,
          priorities,
          retries,
          fence,
          begin,
          onServed,
          signal,
          lost,
        },
        keys: () => reconciled?.keys() ?? [],
      });
      current = term;
      await term.run();
      current = undefined;
    },

    scopes: () => scopes.map((scope) => ({ namespace: scope.namespace, watches: scope.watches() })),
  };
}
