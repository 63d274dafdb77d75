/** How long an object waits for its next try after a failure: DESIGN section 3, rule 9. */
import type { Backoff, BudgetOptions, Retries } from '../kube/index.ts';

/**
 * What a failure waits for:
 * - `transport`: no answer, 401, 5xx and 429: the server, which may be back in a moment.
 * - `slow`: 403, 413, 422 and ConfigMaps of others: somebody who has to change something.
 * - `again`: a look that came to nothing: what it was decided from was out of date.
 * - `pause`: writes that don't stay: the brake says for how long.
 */
export type RetryKind = 'transport' | 'slow' | 'again' | 'pause';

/** Bounds of each kind, in milliseconds. */
export const backoffs: Readonly<Record<RetryKind, Backoff>> = {
  transport: { base: 100, cap: 5_000 },
  slow: { base: 1_000, cap: 60_000 },
  again: { base: 200, cap: 60_000 },
  pause: { base: 0, cap: 0 },
};

/**
 * What the tries of an object that fails may cost, whatever each costs: at most 30 requests in any 60 s (L4 of DESIGN
 * section 7). No try waits longer for what was spent than its kind of failure waits at most.
 */
export const tryBudget: BudgetOptions = { burst: 6, refillEvery: 2_500, longest: 60_000 };

/** As the runtime takes them. After an outage waiting objects come back spread over 2 s, at most once in 30 s. */
export const retries: Retries<RetryKind> = {
  backoffs,
  outage: { kind: 'transport', spread: 2_000, each: 30_000 },
  budget: tryBudget,
};
