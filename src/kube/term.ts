/** A term: the work of one leader, from the start, or from winning the lease, to the end, or to losing it. */
import type { Barrier } from './barrier.ts';
import { Budget } from './budget.ts';
import type { Client, Request } from './client.ts';
import { type Clock, whenAborted } from './clock.ts';
import type { ApiError } from './errors.ts';
import type { Change } from './informer.ts';
import { identityOf, type KubeObject, versionOf } from './object.ts';
import { type Task, WorkQueue } from './queue.ts';
import type { Next, Result } from './result.ts';
import type { Retries } from './retries.ts';
import type { Scope } from './scope.ts';

/** What a program does in one term. Nothing that one term remembers is known to the next. */
export type Work<Kind extends string, R extends Result<Kind>> = {
  /** Brings the cluster closer to what an object asks for. Of one key at a time. */
  reconcile(task: Task): Promise<R>;
  /** What comes after a reconcile that threw. */
  threw(task: Task, thrown: unknown, seconds: number): Next<Kind>;
  /** Told of each result, after it is known when the key is looked at again. */
  reconciled?(task: Task, result: R, seconds: number): void;
  /** Told when a worker has given its key back. */
  idle?(): void;
  /** Told at the end of the term, before what is in flight is waited for. */
  ended?(): void;
};

/** What a program writes and deletes for a key, by the plural name of the kind, with the object as it was answered. */
export type OwnWrites = {
  wrote(key: string, resource: string, object: KubeObject): void;
  deleted(key: string, resource: string, object: KubeObject): void;
  /**
   * False while a watch of the key broke off, and the server is not known yet to be as new as the copies: it may have been
   * restored from a backup, and nothing may be written from what was decided before.
   */
  isCurrent(key: string): boolean;
};

/** The requests of one term. */
export type TermClient = Pick<Client, 'request'>;

/** What a program is given of a term that begins. */
export type TermContext = {
  /** Aborted at its end. */
  readonly signal: AbortSignal;
  /** Its writes are sent only while the lease allows it, and all of its requests are broken off when the lease is lost. */
  readonly client: TermClient;
  /** To be told of what is written for a key: it is not worked on again before the watches have told of that. */
  readonly own: OwnWrites;
  /** How many keys wait at a priority. */
  depth(priority: number): number;
  /** True while a key of this priority, or of a higher one, waits or is worked on. */
  isBusy(lowest: number): boolean;
};

/** The priorities that the runtime itself gives to keys; the highest goes first. */
export type Priorities = {
  /** Of a key that something changed for, or whose time has come. */
  readonly change: number;
  /** Of the keys of the first list, and of all keys when they are looked at again. */
  readonly resync: number;
};

export type TermOptions<Kind extends string, R extends Result<Kind>> = {
  readonly client: Client;
  readonly clock: Clock;
  readonly barrier: Barrier;
  readonly scopes: readonly Scope[];
  /** The keys of all objects that are known. */
  readonly keys: () => Iterable<string>;
  readonly workers: number;
  readonly resync: number;
  readonly priorities: Priorities;
  readonly retries: Retries<Kind>;
  readonly fence: (() => number) | undefined;
  readonly begin: (term: TermContext) => Work<Kind, R>;
  readonly onServed: (namespace: string) => void;
  /** Aborted at its end. */
  readonly signal: AbortSignal;
  readonly lost: AbortSignal | undefined;
};

/** A key that is worked on: what changed for it meanwhile, and what was written and deleted for it, as `versionOf` names it. */
type AtWork = { readonly priority: number; readonly changes: Change[]; readonly own: Set<string> };

/** A scope whose lists are awaited: the last ones that were asked for, and the keys that have changed meanwhile. */
type Unserved = { lists: Promise<void>; readonly changed: Set<string> };

type Fenced = {
  readonly client: Client;
  readonly fence: (() => number) | undefined;
  readonly lost: AbortSignal | undefined;
};

const fenced = ({ client, fence, lost }: Fenced): TermClient => ({
  request: <T>(request: Request): Promise<T> =>
    client.request({
      ...request,
      ...(lost ? { signal: request.signal ? AbortSignal.any([request.signal, lost]) : lost } : {}),
      ...(fence && request.method !== 'GET' ? { fence } : {}),
    }),
});

/**
 * An answer by which the server is back: it decided on the request. Most reconciles send none; a gateway answers 503 and
 * 504 for a server that is away, and 429 and 401 come from one that is not well yet.
 */
const isVerdict = (error: ApiError | undefined): boolean =>
  error !== undefined && error.code > 0 && error.class !== 'retry';

/**
 * A scope is in one of two states. It is *unserved* while its lists of this term are awaited: its keys that change
 * meanwhile are kept, and none of its keys is worked on. It is *served* from then on, until its copies turn out to be of an
 * older time or without a sign for too long; then it is unserved again. The server is *away* from the first request
 * without an answer to the first one that it decides on.
 */
export class Term<Kind extends string, R extends Result<Kind>> {
  readonly #options: TermOptions<Kind, R>;
  readonly #queue: WorkQueue<Kind>;
  readonly #budget: Budget | undefined;
  readonly #work: Work<Kind, R>;
  readonly #unserved = new Map<Scope, Unserved>();
  /** The keys that are worked on. */
  readonly #atWork = new Map<string, AtWork>();
  #isAway = false;
  /** When an outage last ended, on the monotonic clock. */
  #cameBackAt = Number.NEGATIVE_INFINITY;

  constructor(options: TermOptions<Kind, R>) {
    const { clock, scopes, fence, retries, signal } = options;
    this.#options = options;
    this.#queue = new WorkQueue(clock, retries.backoffs);
    this.#budget = retries.budget && new Budget(clock, retries.budget);
    for (const scope of scopes) {
      const lists = scope.listed(signal, fence !== undefined); // R7.4
      this.#unserved.set(scope, { lists, changed: new Set() });
    }
    this.#work = options.begin({
      ...{ signal, client: fenced(options), own: this.#ownWrites() },
      depth: (priority) => this.#queue.depth(priority),
      isBusy: (lowest) => this.#isWorkedOn(lowest) || this.#queue.depthFrom(lowest) > 0,
    });
  }

  /** Works until the end of the term, and until what was in flight then is finished. To be called once. */
  async run(): Promise<void> {
    const { scopes, workers, signal } = this.#options;
    const working = Array.from({ length: workers }, () => this.#runWorker());
    const serving = scopes.map((scope) => this.#serve(scope));
    await whenAborted(signal);
    this.#queue.close();
    this.#work.ended?.();
    await Promise.all([...working, ...serving]);
  }

  /**
   * A key of a scope has changed. While the scope is unserved the key waits for it; what the first list brings is looked at
   * anyway. While the key is worked on nobody can tell yet whether it was its own write: an event may come before the answer.
   */
  changed(scope: Scope, key: string, change: Change): void {
    const unserved = this.#unserved.get(scope);
    const atWork = this.#atWork.get(key);
    if (unserved) {
      if (!change.isFirst) unserved.changed.add(key);
    } else if (atWork) atWork.changes.push(change);
    else this.#addChanged(key, change);
  }

  #addChanged(key: string, { isFirst, wakes }: Change): void {
    const { change, resync } = this.#options.priorities;
    this.#queue.add(key, isFirst ? resync : change, wakes);
  }

  /**
   * The copies of a scope may be of different times: nothing is decided from them before all are listed anew (R7.10). So may
   * be lists that are awaited already: then those that are asked for now are awaited instead.
   */
  async listAnew(scope: Scope): Promise<void> {
    const lists = scope.listed(this.#options.signal, true);
    const unserved = this.#unserved.get(scope);
    if (unserved) unserved.lists = lists;
    else {
      this.#unserved.set(scope, { lists, changed: new Set() });
      await this.#listed(scope);
    }
  }

  /** Waits for the lists of a scope, and for those that are asked for meanwhile; then what has changed is looked at. */
  async #listed(scope: Scope): Promise<void> {
    const { signal, priorities } = this.#options;
    const unserved = this.#unserved.get(scope);
    if (!unserved) return;
    let lists: Promise<void>;
    do {
      lists = unserved.lists;
      await lists;
    } while (lists !== unserved.lists);
    if (signal.aborted) return;
    this.#unserved.delete(scope);
    for (const key of unserved.changed) this.#queue.add(key, priorities.change);
  }

  /**
   * Serves a scope as soon as its own copies are complete: an object that isn't seen yet would look deleted. Others, which
   * may never be complete, are not waited for.
   */
  async #serve(scope: Scope): Promise<void> {
    const { signal, onServed } = this.#options;
    await this.#listed(scope);
    if (signal.aborted) return;
    onServed(scope.namespace);
    this.#lookAtAll(scope);
  }

  /** Looks at every object of a scope, now and each `resync`, until the term ends. */
  #lookAtAll(scope: Scope): void {
    const { clock, keys, priorities, resync, signal } = this.#options;
    if (signal.aborted) return;
    for (const key of keys()) if (scope.has(key)) this.#queue.add(key, priorities.resync);
    // Spread, so that scopes, replicas and restarts don't fall into step.
    const cancel = clock.after(resync * (0.9 + 0.2 * clock.random()), () => {
      signal.removeEventListener('abort', cancel);
      this.#lookAtAll(scope);
    });
    signal.addEventListener('abort', cancel, { once: true });
  }

  async #runWorker(): Promise<void> {
    const { clock } = this.#options;
    for (let task = await this.#queue.next(); task; task = await this.#queue.next()) {
      if (this.#keptBack(task)) continue;
      const { key, priority } = task;
      const started = clock.monotonic();
      const seconds = () => (clock.monotonic() - started) / 1000;
      this.#atWork.set(key, { priority, changes: [], own: new Set() });
      try {
        const result = await this.#work.reconcile(task);
        this.#follow(task, result);
        this.#work.reconciled?.(task, result, seconds());
      } catch (thrown) {
        this.#schedule(task, this.#work.threw(task, thrown, seconds()), 0);
      } finally {
        this.#done(key);
      }
      this.#work.idle?.();
    }
  }

  /** Gives a key back. All answers are there: what changed meanwhile by what was written for the key is nothing new (R6.5). */
  #done(key: string): void {
    const { changes = [], own } = this.#atWork.get(key) ?? {};
    this.#atWork.delete(key);
    for (const change of changes) if (!own?.has(change.version)) this.#addChanged(key, change);
    this.#queue.done(key);
  }

  /** What is written and deleted for a key: the watch has to pass it, and its events tell nothing new. */
  #ownWrites(): OwnWrites {
    const { barrier } = this.#options;
    return {
      wrote: (key, resource, object) => {
        const { resourceVersion } = object.metadata;
        barrier.wrote(key, resource, identityOf(object), resourceVersion);
        this.#atWork.get(key)?.own.add(versionOf(identityOf(object), resourceVersion));
      },
      deleted: (key, resource, object) => {
        barrier.deleted(key, resource, identityOf(object));
        this.#atWork.get(key)?.own.add(versionOf(identityOf(object), 'gone'));
      },
      isCurrent: (key) => barrier.isCurrent(key),
    };
  }

  /** True while a key of this priority, or of a higher one, is worked on. */
  #isWorkedOn(lowest: number): boolean {
    return [...this.#atWork.values()].some(({ priority }) => priority >= lowest);
  }

  /**
   * A key whose scope is unserved by now goes back until it is served. One whose copies are too old makes its scope
   * unserved: those copies may never tell. One that was written for a moment ago waits until the copies have that.
   */
  #keptBack({ key, priority }: Task): boolean {
    const scope = this.#options.scopes.find((one) => one.has(key));
    if (!scope) return false;
    const isCurrent = scope.watches().every(({ synced }) => synced);
    if (!isCurrent && !this.#unserved.has(scope)) void this.listAnew(scope);
    const unserved = this.#unserved.get(scope);
    const { barrier } = this.#options;
    if (!unserved && barrier.isReady(key)) return false; // R6.5
    this.#queue.done(key);
    if (unserved) unserved.changed.add(key);
    else barrier.whenReady(key, () => this.#queue.add(key, priority));
    return true;
  }

  /** What comes after a reconcile that did not throw. */
  #follow(task: Task, result: R): void {
    const { said, next, error, requests = 0 } = result;
    this.#noticeOutage(said === 'written' || isVerdict(error), error);
    if (said === 'unfinished') this.#budget?.spend(task.key, requests);
    else if (next.when !== 'retry') {
      this.#queue.forget(task.key);
      this.#budget?.forget(task.key);
    }
    this.#schedule(task, next, requests);
  }

  #noticeOutage(isAnswered: boolean, error: ApiError | undefined): void {
    const { clock, retries } = this.#options;
    const { kind, spread, each } = retries.outage;
    const now = clock.monotonic();
    if (error?.reason === 'NoAnswer') this.#isAway = true;
    else if (this.#isAway && now >= this.#cameBackAt + each && isAnswered) {
      this.#queue.hurry(kind, spread);
      this.#isAway = false;
      this.#cameBackAt = now;
    }
  }

  #schedule({ key, priority }: Task, next: Next<Kind>, requests: number): void {
    const { change } = this.#options.priorities;
    switch (next.when) {
      case 'none':
        break;
      case 'now':
        this.#queue.add(key, next.priority);
        break;
      case 'after':
        this.#queue.addAfter(key, next.milliseconds, change);
        break;
      case 'retry': {
        // A failure that says itself how long it is paid for is not counted.
        const pace = next.bounds.pace ?? this.#budget?.spend(key, requests) ?? 0;
        this.#queue.retry(key, next.kind, priority, { ...next.bounds, pace });
        if (next.after !== undefined) this.#queue.addAfter(key, next.after, change);
        break;
      }
    }
  }
}
