/** How long a key waits for its next try after a failure. */
import type { Backoff } from './backoff.ts';
import type { BudgetOptions } from './budget.ts';
import { asApiError } from './errors.ts';
import { type Next, none, retry } from './result.ts';

/** The kinds of failure that a controller tells apart, and what each waits for. */
export type Retries<Kind extends string> = {
  /** Bounds of the wait of each kind, in milliseconds. */
  readonly backoffs: Readonly<Record<Kind, Backoff>>;
  /** The kind of failure that ends when the server is back. */
  readonly outage: {
    readonly kind: Kind;
    /** After an outage the keys that wait come back spread over this time, in milliseconds. */
    readonly spread: number;
    /**
     * An outage ends no more often, in milliseconds: where one key alone gets no answer, every answer to another seems to
     * end one.
     */
    readonly each: number;
  };
  /** What the tries of a key that fails may cost, beside its backoff; left out: what they like. */
  readonly budget?: BudgetOptions;
};

/** `transport`: the server, which may be back in a moment. `slow`: somebody has to change something. */
export type StandardKind = 'transport' | 'slow';

/** For a controller that has no kinds of failure of its own; `retryOf` chooses between the two. */
export const standardRetries: Retries<StandardKind> = {
  backoffs: { transport: { base: 100, cap: 5_000 }, slow: { base: 1_000, cap: 60_000 } },
  outage: { kind: 'transport', spread: 2_000, each: 30_000 },
};

/**
 * What comes after a reconcile that threw: a request that was refused is tried again slowly, one that may succeed as it is,
 * or was decided from what is out of date, soon; an object that is gone has to come back first. Anything else that is
 * thrown is a defect, and is tried again slowly.
 */
export function retryOf(thrown: unknown): Next<StandardKind> {
  const error = asApiError(thrown);
  if (!error) return retry('slow');
  if (error.class === 'missing') return none;
  return retry(error.class === 'rejected' ? 'slow' : 'transport', { atLeast: error.retryAfter });
}
