/** Writes of zones that got no answer, and may still land: DESIGN section 3, rule 2 must hold when they do. */
import type { DeclaredZone } from '../api/licensesettings.ts';
import type { Clock } from '../kube/clock.ts';

/**
 * So long after it was sent, in milliseconds, a write is no longer expected: the deadline of a request, and 10 s on the way.
 * What keeps it out until then has to move its resourceVersion; a create carries none: only a ConfigMap that is there
 * keeps that out.
 */
const lateness = 25_000;

/** What may still land: whose it is, what it gives the zone, and until when, on the monotonic clock. */
export type LateWrite = {
  readonly uid: string;
  readonly zone: DeclaredZone;
  /** The resourceVersion that an update was decided from; a create has none. */
  readonly version?: string | undefined;
  readonly until: number;
};

/** What this term remembers of such writes, by `namespace/name` of the ConfigMap. */
export type LateWrites = Map<string, LateWrite>;

/** Notes a write that was sent at `sent`, on the monotonic clock. */
export function noteLate(
  late: LateWrites,
  clock: Clock,
  key: string,
  { sent, ...write }: Omit<LateWrite, 'until'> & { readonly sent: number },
): void {
  forget(late, clock);
  late.set(key, { ...write, until: sent + lateness });
}

/** Those of an object by its uid, that are still expected. */
export function lateOf(late: LateWrites, clock: Clock, uid: string): [key: string, LateWrite][] {
  forget(late, clock);
  return [...late].filter(([, one]) => one.uid === uid);
}

function forget(late: LateWrites, clock: Clock): void {
  for (const [key, { until }] of late) if (until <= clock.monotonic()) late.delete(key);
}
