/** Bounds of an exponential backoff, in milliseconds. */
export type Backoff = { readonly base: number; readonly cap: number };

const ceiling = ({ base, cap }: Backoff, attempt: number): number => Math.min(cap, base * 2 ** Math.min(attempt, 30));

/**
 * Exponential backoff with full jitter: anywhere between 0 and the ceiling of this attempt (0 for the first), so that
 * many callers don't come back together. `random` is in [0, 1).
 */
export const fullJitter = (backoff: Backoff, attempt: number, random: number): number =>
  random * ceiling(backoff, attempt);

/** As full jitter, but never below half of the ceiling: for one caller that must not spin. */
export const equalJitter = (backoff: Backoff, attempt: number, random: number): number =>
  (ceiling(backoff, attempt) * (1 + random)) / 2;
