/**
 * Judges liveness: L1, that all is as it must be soon after the last fault, and L2, that a poisoned object delays no other.
 * What has to be there the end state says (`end-state.ts`), and the harness looks at it again and again; here it is told
 * how long that may take, and why longer than 5 s. No harness grants time for a reason that is not in `Grants`.
 */
import { expectedWithin } from './excuses.ts';

/** Why the way back may take longer than `expectedWithin.soon`. Milliseconds; what is left out grants nothing. */
export type Grants = {
  /** What the harness needs besides: requests that take their time, a busy machine that shows a revision late. */
  readonly harness?: number;
  /** settleSeconds of the plans, once for each time that a plan may wait in full (R2.8). */
  readonly settle?: number;
  /** What is left of a Retry-After that the API server sent. */
  readonly retryAfter?: number;
  /** A leader is gone, and its lease has to run out first. */
  readonly lease?: number;
  /** A zone that is not wanted any more stays at zero, while a create of it may still land (R7.7). */
  readonly lateness?: number;
  /** Something was refused, undone or somebody else's: it is tried again within 65 s (R9.2, R9.13). */
  readonly slowRetry?: number;
};

/** L1: how long it may take from the moment on when nothing disturbs any more, in milliseconds. */
export const granted = (grants: Grants): number =>
  Object.values(grants).reduce((sum, one) => sum + (one ?? 0), expectedWithin.soon);

/**
 * What is late.
 * @param missing what is not as it must be, in words
 * @param dueBy until when each has to be as it must be, on the clock of `now`
 */
export const overdue = (missing: readonly string[], now: number, dueBy: (what: string) => number): string[] =>
  missing.filter((what) => now >= dueBy(what));
