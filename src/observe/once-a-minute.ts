/** Keeps the log readable while something goes wrong again and again. */
import type { Clock } from '../kube/index.ts';

const minute = 60_000;
/** More kinds of trouble than any part of the operator has. */
const remembered = 100;

/** A function that says whether something may be told now: true once a minute for each text, at most. */
export function onceAMinute({ monotonic }: Pick<Clock, 'monotonic'>): (what: string) => boolean {
  const toldAt = new Map<string, number>();
  return (what) => {
    const now = monotonic();
    if (now - (toldAt.get(what) ?? Number.NEGATIVE_INFINITY) < minute) return false;
    toldAt.delete(what);
    toldAt.set(what, now);
    const [oldest] = toldAt.keys();
    if (toldAt.size > remembered && oldest !== undefined) toldAt.delete(oldest);
    return true;
  };
}
