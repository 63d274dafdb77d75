/** Creates of zones that got no answer, and may still land: DESIGN section 3, rule 2 must hold when they do. */
import type { Clock } from '../kube/clock.ts';

/**
 * A create carries no version that could make it conflict when it lands late: only a ConfigMap that is there keeps it out.
 * So long after it was sent, in milliseconds, it is no longer expected: the deadline of a request, and 10 s on the way.
 */
const lateness = 25_000;

/** What may still land: whose it is, for which zone, and until when, on the monotonic clock. */
export type LateCreate = { readonly uid: string; readonly zone: string; readonly until: number };

/** What this term remembers of such creates, by `namespace/name` of the ConfigMap. */
export type LateCreates = Map<string, LateCreate>;

/** Notes a create that was sent at `sent`, on the monotonic clock. */
export function noteLate(
  late: LateCreates,
  clock: Clock,
  key: string,
  { uid, zone, sent }: { readonly uid: string; readonly zone: string; readonly sent: number },
): void {
  forget(late, clock);
  late.set(key, { uid, zone, until: sent + lateness });
}

/** Those of an object by its uid, that are still expected. */
export function lateOf(late: LateCreates, clock: Clock, uid: string): [key: string, LateCreate][] {
  forget(late, clock);
  return [...late].filter(([, one]) => one.uid === uid);
}

function forget(late: LateCreates, clock: Clock): void {
  for (const [key, { until }] of late) if (until <= clock.monotonic()) late.delete(key);
}
