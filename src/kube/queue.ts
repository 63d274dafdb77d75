/** Keys that wait for a worker: by priority, then namespace by namespace in turn, and after a failure for their next try. */
import { type Backoff, fullJitter } from './backoff.ts';
import type { Clock } from './clock.ts';
import { Lane } from './lane.ts';

/**
 * Bounds of the wait before a next try, in milliseconds: the server asked to be left alone for `atLeast`; what the try has
 * cost is paid for after `pace`, of which no more counts than its kind waits at most; and it is looked at again after
 * `atMost`, whatever the others say.
 */
export type RetryBounds = { readonly atLeast?: number; readonly atMost?: number; readonly pace?: number };

/** A key that a worker has to look at, and why it stood in the queue. */
export type Task = { readonly key: string; readonly priority: number };

/** `notBefore`: until then the server asked to be left alone. `kind`: it waits for the next try after a failure. */
type Delayed<Kind> = { due: number; priority: number; kind?: Kind; notBefore: number; cancel: () => void };

/** A key is the next try after a failure of this kind; `hurry` leaves it `atLeast` milliseconds. */
type AfterFailure<Kind> = { readonly kind?: Kind; readonly atLeast?: number };

const highestFirst = (a: number, b: number): number => b - a;

/**
 * Keys, `namespace/name`, that wait for a worker. The highest priority goes first; a priority is any number, and each that
 * was used once has a lane of its own from then on. Within a lane namespaces take turns. One worker a key at a time; a key
 * that is added again while it waits is looked at once, one that is added while it is worked on is looked at again
 * afterwards, behind the others.
 * After a failure a key waits for its next try; each `Kind` of failure has bounds of its own and counts for itself.
 */
export class WorkQueue<Kind extends string> {
  readonly #clock: Clock;
  readonly #backoffs: Readonly<Record<Kind, Backoff>>;
  /** By priority, the highest first. */
  #lanes = new Map<number, Lane>();
  readonly #delayed = new Map<string, Delayed<Kind>>();
  /** How often each key was tried again, by kind. */
  readonly #attempts = new Map<string, Partial<Record<Kind, number>>>();
  /** Keys that are worked on; the value is how they were added again meanwhile. */
  readonly #working = new Map<string, { priority: number; wakes: boolean } | undefined>();
  readonly #waiters: ((task: Task | undefined) => void)[] = [];
  #closed = false;

  /** @param backoffs bounds of the wait before the next try, in milliseconds. */
  constructor(clock: Clock, backoffs: Readonly<Record<Kind, Backoff>>) {
    this.#clock = clock;
    this.#backoffs = backoffs;
  }

  /** How many keys wait at a priority. */
  depth(priority: number): number {
    return this.#lanes.get(priority)?.size ?? 0;
  }

  /** How many keys wait at this priority or a higher one. */
  depthFrom(lowest: number): number {
    let keys = 0;
    for (const [priority, { size }] of this.#lanes) if (priority >= lowest) keys += size;
    return keys;
  }

  /**
   * Adds a key now. A higher priority than the one it waits at wins; a delay that was running ends. The wait for the next
   * try after a failure ends only with `wakes`, for a change of what is asked for: what our own writes and those of others
   * tell of in the meantime would make it a loop without a brake.
   */
  add(key: string, priority: number, wakes = false): void {
    if (this.#closed) return;
    if (this.#working.has(key)) {
      const again = this.#working.get(key);
      const highest = Math.max(priority, again?.priority ?? priority);
      this.#working.set(key, { priority: highest, wakes: wakes || (again?.wakes ?? false) });
      return;
    }
    if (this.#delayed.get(key)?.kind !== undefined && !wakes) return; // R9.9
    this.#undelay(key);
    const known = this.#priorityOf(key);
    if (known !== undefined && known >= priority) return;
    if (known !== undefined) this.#lane(known).delete(key);
    this.#lane(priority).add(key);
    this.#hand();
  }

  /** Adds a key after `delay` milliseconds, unless it is to be added earlier anyway. */
  addAfter(key: string, delay: number, priority: number, { kind, atLeast = 0 }: AfterFailure<Kind> = {}): void {
    if (this.#closed) return;
    const now = this.#clock.monotonic();
    const due = now + delay;
    const known = this.#delayed.get(key);
    if (known && known.due <= due) return;
    known?.cancel();
    const cancel = this.#clock.after(delay, () => {
      this.#delayed.delete(key);
      this.add(key, priority);
    });
    this.#delayed.set(key, { due, priority, notBefore: now + atLeast, cancel, ...(kind ? { kind } : {}) });
  }

  /**
   * Adds a key after its next backoff of this kind, but not before `atLeast` nor after `atMost` milliseconds, at the
   * priority that it was worked on with. Gives the delay in milliseconds.
   */
  retry(
    key: string,
    kind: Kind,
    priority: number,
    { atLeast = 0, atMost = Number.POSITIVE_INFINITY, pace = 0 }: RetryBounds = {},
  ): number {
    const counts = this.#attempts.get(key) ?? ({} as Partial<Record<Kind, number>>);
    const count = counts[kind] ?? 0;
    this.#attempts.set(key, { ...counts, [kind]: count + 1 });
    const backoff = fullJitter(this.#backoffs[kind], count, this.#clock.random());
    const paid = Math.min(pace, this.#backoffs[kind].cap);
    const delay = Math.min(Math.max(atLeast, paid, backoff), atMost);
    this.addAfter(key, delay, priority, { kind, atLeast: Math.min(atLeast, atMost) });
    return delay;
  }

  /** Forgets the failures of a key: its next backoff begins small. */
  forget(key: string): void {
    this.#attempts.delete(key);
  }

  /**
   * The reason for one kind of failure is over, such as an outage of the server: keys that wait for their next try after
   * such a failure come back spread over `spread` milliseconds, but none before the time that the server asked for.
   * Their next backoff of this kind begins small.
   */
  hurry(which: Kind, spread: number): void {
    const now = this.#clock.monotonic();
    for (const [key, { due, priority, kind, notBefore }] of [...this.#delayed]) {
      if (kind !== which) continue;
      this.#attempts.set(key, { ...this.#attempts.get(key), [kind]: 0 } as Partial<Record<Kind, number>>);
      const atLeast = Math.max(0, notBefore - now);
      const delay = atLeast + this.#clock.random() * spread;
      if (now + delay < due) this.addAfter(key, delay, priority, { kind, atLeast });
    }
  }

  /** The next key to work on; undefined once the queue is closed. Each task must be given back with `done`. */
  next(): Promise<Task | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const task = this.#take();
    if (task) return Promise.resolve(task);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The worker is done with a key: from now on another may take it. */
  done(key: string): void {
    const again = this.#working.get(key);
    this.#working.delete(key);
    if (again !== undefined) this.add(key, again.priority, again.wakes);
  }

  /** Hands out nothing more; waiting workers get undefined. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#lanes.clear();
    for (const resolve of this.#waiters.splice(0)) resolve(undefined);
  }

  #undelay(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  /** The priority at which a key waits, if it does. */
  #priorityOf(key: string): number | undefined {
    for (const [priority, lane] of this.#lanes) if (lane.has(key)) return priority;
    return undefined;
  }

  #lane(priority: number): Lane {
    const known = this.#lanes.get(priority);
    if (known) return known;
    const lane = new Lane();
    const order = [...this.#lanes.keys(), priority].sort(highestFirst);
    this.#lanes = new Map(order.map((one) => [one, this.#lanes.get(one) ?? lane]));
    return lane;
  }

  #take(): Task | undefined {
    for (const [priority, lane] of this.#lanes) {
      const key = lane.take();
      if (key === undefined) continue;
      this.#working.set(key, undefined);
      return { key, priority };
    }
    return undefined;
  }

  #hand(): void {
    const waiter = this.#waiters.shift();
    if (!waiter) return;
    const task = this.#take();
    if (task) waiter(task);
    else this.#waiters.unshift(waiter);
  }
}
