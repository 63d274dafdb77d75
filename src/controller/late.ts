/** Writes of zones that got no answer, and may still land: DESIGN section 3, rule 2 must hold when they do. */
import type { DeclaredZone } from '../api/licensesettings.ts';
import type { Clock } from '../kube/index.ts';
import { within } from '../settings/zones.ts';

/**
 * So long after a write was sent, in milliseconds, it can't land any more: the API server gives a request up after 60 s
 * (its default `--request-timeout`, whatever our own deadline), and 5 s are for the way there.
 */
export const lateness = 65_000;

/** A write that may still land. */
export type LateWrite = {
  /** Of the ConfigMap. */
  readonly name: string;
  /** What the write gives to which zone. */
  readonly zone: DeclaredZone;
  /**
   * The resourceVersion that an update was decided from: it conflicts as soon as the ConfigMap has another. Undefined for a
   * create: it conflicts as long as there is a ConfigMap of the name.
   */
  readonly version?: string | undefined;
  /** Until when it is expected, on the monotonic clock. */
  readonly until: number;
};

/** What this term remembers of such writes in one namespace, by the uid of the object that they were for. */
export type LateWrites = Map<string, readonly LateWrite[]>;

/** Notes a write that was sent at `sent`, on the monotonic clock. */
export function noteLate(
  late: LateWrites,
  clock: Clock,
  uid: string,
  { sent, ...write }: Omit<LateWrite, 'until'> & { readonly sent: number },
): void {
  // One that was sent again and again, as in an outage, is remembered once.
  const others = lateOf(late, clock, uid).filter((one) => !isCoveredBy(one, write));
  late.set(uid, [...others, { ...write, until: sent + lateness }]);
}

/** Those of an object, by its uid, that are still expected. */
export function lateOf(late: LateWrites, clock: Clock, uid: string): readonly LateWrite[] {
  const expected = (late.get(uid) ?? []).filter(({ until }) => until > clock.monotonic());
  if (expected.length > 0) late.set(uid, expected);
  else late.delete(uid);
  return expected;
}

/** Forgets writes of an object that can't land any more. */
export function forgetLate(late: LateWrites, uid: string, which: (write: LateWrite) => boolean): void {
  const left = (late.get(uid) ?? []).filter((one) => !which(one));
  if (left.length > 0) late.set(uid, left);
  else late.delete(uid);
}

/** True when whatever keeps out the later write keeps out this one too, and this one gives no more. */
const isCoveredBy = (one: LateWrite, later: Pick<LateWrite, 'name' | 'zone' | 'version'>): boolean =>
  one.name === later.name && one.version === later.version && within(one.zone, [later.zone]);
