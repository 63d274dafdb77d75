import { type Backoff, fullJitter } from './backoff.ts';
import type { Clock } from './clock.ts';

/** What goes first: a fresh change, then resyncs and the first list, then what can wait for all other work. */
export const priorities = ['fresh', 'resync', 'background'] as const;
export type Priority = (typeof priorities)[number];

/** A key that a worker has to look at, and why it stood in the queue. */
export type Task = { readonly key: string; readonly priority: Priority };

/** A kind of waiting before the next try; each kind counts a key's tries for itself. */
export type RetryKind = 'transport' | 'slow';

/** Bounds of each kind: DESIGN section 3, rule 9. */
export const backoffs: Record<RetryKind, Backoff> = {
  transport: { base: 100, cap: 5_000 },
  slow: { base: 1_000, cap: 60_000 },
};

const rank = (priority: Priority): number => priorities.indexOf(priority);
/** `notBefore`: until then the server asked to be left alone. */
type Delayed = { due: number; priority: Priority; kind?: RetryKind; notBefore: number; cancel: () => void };

/**
 * Keys that wait for a worker. One worker a key at a time; a key that is added again while it waits is looked at once,
 * one that is added while it is worked on is looked at again afterwards, behind the others.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #lanes = priorities.map(() => new Set<string>());
  readonly #delayed = new Map<string, Delayed>();
  readonly #attempts = new Map<string, { kind: RetryKind; count: number }>();
  /** Keys that are worked on; the value is the priority with which they were added again meanwhile. */
  readonly #working = new Map<string, Priority | undefined>();
  readonly #waiters: ((task: Task | undefined) => void)[] = [];
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many keys wait at a priority. */
  depth(priority: Priority): number {
    return this.#lanes[rank(priority)]?.size ?? 0;
  }

  /** Adds a key now. A better priority than the one it waits at wins; a delay that was running ends. */
  add(key: string, priority: Priority): void {
    if (this.#closed) return;
    this.#undelay(key);
    if (this.#working.has(key)) {
      const again = this.#working.get(key);
      if (again === undefined || rank(priority) < rank(again)) this.#working.set(key, priority);
      return;
    }
    const lane = this.#lanes.findIndex((keys) => keys.has(key));
    if (lane >= 0 && lane <= rank(priority)) return;
    this.#lanes[lane]?.delete(key);
    this.#lanes[rank(priority)]?.add(key);
    this.#hand();
  }

  /** Adds a key after `delay` milliseconds, unless it is to be added earlier anyway; `hurry` leaves it `atLeast`. */
  addAfter(key: string, delay: number, priority: Priority, kind?: RetryKind, atLeast = 0): void {
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

  /** Adds a key after its next backoff of this kind, but not before `atLeast` milliseconds. Gives the delay. */
  retry(key: string, kind: RetryKind, atLeast = 0): number {
    const known = this.#attempts.get(key);
    const count = known?.kind === kind ? known.count + 1 : 0;
    this.#attempts.set(key, { kind, count });
    const delay = Math.max(atLeast, fullJitter(backoffs[kind], count, this.#clock.random()));
    this.addAfter(key, delay, 'fresh', kind, atLeast);
    return delay;
  }

  /** Forgets the failures of a key: its next backoff begins small. */
  forget(key: string): void {
    this.#attempts.delete(key);
  }

  /**
   * The server is back: keys that wait for a transport backoff come back spread over `spread` milliseconds, but none
   * before the time that the server asked for.
   */
  hurry(spread: number): void {
    const now = this.#clock.monotonic();
    for (const [key, { due, priority, kind, notBefore }] of [...this.#delayed]) {
      if (kind !== 'transport') continue;
      this.#attempts.delete(key);
      const atLeast = Math.max(0, notBefore - now);
      const delay = atLeast + this.#clock.random() * spread;
      if (now + delay < due) this.addAfter(key, delay, priority, kind, atLeast);
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
    if (again !== undefined) this.add(key, again);
  }

  /** Hands out nothing more; waiting workers get undefined. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    for (const keys of this.#lanes) keys.clear();
    for (const resolve of this.#waiters.splice(0)) resolve(undefined);
  }

  #undelay(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  #take(): Task | undefined {
    for (const [lane, keys] of this.#lanes.entries()) {
      for (const key of keys) {
        keys.delete(key);
        this.#working.set(key, undefined);
        return { key, priority: priorities[lane] ?? 'fresh' };
      }
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
