/**
 * The judges of one namespace that need more than the revisions: the time, what was there before, or who sent it. Both
 * harnesses show their changes to one bench for each namespace, and to the judges of safety (`safety/namespaces.ts`).
 */
import { createModel, type Model } from './end-state.ts';
import { createOrphanJudge } from './orphans.ts';
import type { Change, Revision } from './revision.ts';
import { createTruthJudge, type TruthJudge } from './truth.ts';
import { createWaitJudge } from './waits.ts';

export type Bench = {
  /** Says what has to be there. */
  readonly model: Model;
  /** S10: the harness asks it every second or so. */
  readonly truth: TruthJudge;
  /** Takes in one change, at a time in milliseconds on one monotonic clock. Gives everything that is wrong with it. */
  take(revision: Revision, change: Change, now: number): string[];
};

/** @param tolerance how late a change may be seen, in milliseconds: none on a virtual clock */
export function createBench(tolerance = 0): Bench {
  const waits = createWaitJudge(tolerance);
  const orphans = createOrphanJudge();
  const model = createModel();
  const truth = createTruthJudge();
  return {
    ...{ model, truth },
    take(revision, change, now) {
      const found = [waits(change, now), orphans(change)].flatMap((wrong) => wrong ?? []);
      truth.take(revision, now);
      model.take(revision);
      return found;
    },
  };
}
