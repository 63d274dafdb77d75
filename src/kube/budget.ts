/** What one key may cost while it comes to nothing: a bucket of requests that fills slowly. */
import type { Clock } from './clock.ts';

export type BudgetOptions = {
  /** Requests that a key may send at once. */
  readonly burst: number;
  /** Milliseconds after which it may send one more. */
  readonly refillEvery: number;
  /** No key waits longer for what it has sent, in milliseconds. */
  readonly longest: number;
};

/**
 * Keeps a key that fails again and again from costing more than `burst` and one request each `refillEvery`. It holds only
 * keys that failed and were not forgotten since.
 */
export class Budget {
  readonly #clock: Clock;
  readonly #options: BudgetOptions;
  readonly #left = new Map<string, { readonly requests: number; readonly at: number }>();

  constructor(clock: Clock, options: BudgetOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /**
   * Notes what a try of a key has cost. Gives the milliseconds until that is paid for: 0 while it has some left.
   */
  spend(key: string, requests: number): number {
    const { burst, refillEvery, longest } = this.#options;
    const now = this.#clock.monotonic();
    const known = this.#left.get(key) ?? { requests: burst, at: now };
    const filled = Math.min(burst, known.requests + (now - known.at) / refillEvery);
    const left = Math.max(filled - requests, -longest / refillEvery);
    this.#left.set(key, { requests: left, at: now });
    return Math.max(0, -left * refillEvery);
  }

  /** A try came to something: the key has the whole burst again. */
  forget(key: string): void {
    this.#left.delete(key);
  }
}
