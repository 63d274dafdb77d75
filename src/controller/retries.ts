/** How long an object waits for its next try: rule 9. */
import type { Backoff, BudgetOptions, Retries } from '../kube/index.ts';
import { isOnTrial } from './brake.ts';
import type { Halt } from './halt.ts';
import type { Memory } from './memory.ts';

/**
 * What a failure waits for:
 * - `transport`: no answer, 401, 5xx and 429: the server, which may be back in a moment.
 * - `slow`: 403, 413, 422 and ConfigMaps of others: somebody who has to change something.
 * - `again`: what was decided from was out of date: it has to be read and decided again.
 * - `pause`: writes that don't stay: the brake says for how long.
 */
export type RetryKind = 'transport' | 'slow' | 'again' | 'pause';

/** Bounds of each kind, in milliseconds. */
export const backoffs: Readonly<Record<RetryKind, Backoff>> = {
  transport: { base: 100, cap: 5_000 }, // R9.1, L1
  slow: { base: 1_000, cap: 60_000 }, // R9.2
  again: { base: 100, cap: 60_000 },
  pause: { base: 0, cap: 0 },
};

/**
 * What the tries of an object that fails may cost, whatever each costs: at most 30 requests in any 60 s (L4). No try waits longer
 * for what was spent than its kind of failure waits at most.
 */
export const tryBudget: BudgetOptions = { burst: 6, refillEvery: 2_500, longest: 60_000 }; // R9.3

/** As the runtime takes them. After an outage waiting objects come back spread over 2 s, at most once in 30 s. */
export const retries: Retries<RetryKind> = {
  backoffs,
  outage: { kind: 'transport', spread: 2_000, each: 30_000 }, // R9.5
  budget: tryBudget,
};

/** Until a write failure has lasted this long, in milliseconds, the conditions stay as they were (T7, R9.6). */
export const failurePatience = 10_000;

/** When an object is looked at again after this reconcile. */
export type Again =
  | { readonly after: 'nothing' }
  /** At once, behind the others of its lane. */
  | { readonly after: 'others' }
  /** In so many milliseconds. */
  | { readonly after: 'time'; readonly milliseconds: number }
  | { readonly after: 'backoff'; readonly kind: RetryKind; readonly atLeast: number; readonly atMost?: number };

/** How each halt is tried again, where its failure has been told, or need not be. */
const kinds = {
  conflict: 'slow',
  waits: 'transport',
  contested: 'pause',
  refused: 'slow',
  failed: 'transport',
  outdated: 'again',
  overtaken: 'slow',
} as const satisfies Partial<Record<Halt['kind'], RetryKind>>;

/**
 * When to come back after a halt. What the status does not tell yet has to be told when the patience ends.
 *
 * @param isTold whether the status tells of it
 */
export function againAfter(halt: Halt, { failing, brake }: Memory, now: number, isTold: boolean): Again {
  if (halt.kind === 'turn is over') return { after: 'others' };
  if (halt.kind === 'terminating') return { after: 'nothing' };
  const atLeast = 'after' in halt ? halt.after : 0;
  const kind = halt.kind === 'refused' && atLeast > 0 ? 'pause' : kinds[halt.kind];
  // What happens to the ConfigMap on trial is looked at as soon as it is told.
  if (kind === 'pause' && isOnTrial(brake)) return { after: 'time', milliseconds: atLeast };
  const left = (failing?.since ?? now) + failurePatience - now;
  const isQuiet = halt.kind === 'overtaken' || halt.kind === 'conflict';
  return { after: 'backoff', kind, atLeast, ...(isTold || isQuiet || left <= 0 ? {} : { atMost: left }) }; // R9.16
}
