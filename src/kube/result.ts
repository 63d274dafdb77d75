/** What a reconcile came to, and what has to happen next. */
import type { ApiError } from './errors.ts';
import type { RetryBounds } from './queue.ts';

/**
 * When a key is looked at again, besides when something changes:
 * - `none`: it is not.
 * - `now`: at this priority, behind the keys that wait there already.
 * - `after`: after so many milliseconds, at the priority of a change.
 * - `retry`: it failed, and waits for the next backoff of this kind of failure, within the bounds. A change in the cluster
 *   does not end that wait, unless people ask for something else. `after`: there was something to do after so many
 *   milliseconds too, whatever failed; the earlier of both counts.
 */
export type Next<Kind extends string> =
  | { readonly when: 'none' }
  | { readonly when: 'now'; readonly priority: number }
  | { readonly when: 'after'; readonly milliseconds: number }
  | { readonly when: 'retry'; readonly kind: Kind; readonly bounds: RetryBounds; readonly after?: number | undefined };

/**
 * What a reconcile says of itself:
 * - `unchanged`: nothing had to be written.
 * - `written`: something was. It also shows that the server answers.
 * - `problem`: it came to nothing, or not to what is wanted.
 * - `unfinished`: there is more to do. What failed before is not forgotten yet.
 */
export type Said = 'unchanged' | 'written' | 'problem' | 'unfinished';

/** What a reconcile came to. */
export type Result<Kind extends string> = {
  readonly said: Said;
  readonly next: Next<Kind>;
  /** The request that failed. By it the runtime notices that the server is away, and that it is back. */
  readonly error?: ApiError | undefined;
  /** How many requests it sent: what a budget counts. 0 unless told. */
  readonly requests?: number;
};

/** It is not looked at again before something changes. */
export const none: { readonly when: 'none' } = { when: 'none' };

/** It is looked at again behind the keys that wait at this priority. */
export const now = (priority: number): { readonly when: 'now'; readonly priority: number } => ({
  when: 'now',
  priority,
});

/** It is looked at again after so many milliseconds. */
export const after = (milliseconds: number): { readonly when: 'after'; readonly milliseconds: number } => ({
  when: 'after',
  milliseconds,
});

/** It is tried again after the next backoff of this kind. */
export const retry = <Kind extends string>(kind: Kind, bounds: RetryBounds = {}): Next<Kind> => ({
  when: 'retry',
  kind,
  bounds,
});
