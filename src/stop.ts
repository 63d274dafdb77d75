/** The end of the process: asked for by a signal, and over in time whatever hangs. */
import type { Clock } from './kube/index.ts';

/** The process has ended so many milliseconds after the signal, also where something does not close (R11.1). */
const hardStop = 4_500;
/** What is in flight gets this long after the signal, in milliseconds; the rest is for closing connections. */
const patience = 4_000;
/** A timer that comes later than this shows that the process could not do anything meanwhile, in milliseconds. */
const beatEvery = 250;

export type Stop = {
  /** Aborted when the process is asked to end. */
  readonly signal: AbortSignal;
  /** Asks the process to end; more than once is the same. False when it was asked before. */
  ask(): boolean;
  /** Resolves when the patience for what is in flight is over. */
  patienceIsOver(): Promise<void>;
};

/**
 * @param exit ends the process. It is called from a timer, so it comes late while the process is blocked. A signal that
 *   came while it was blocked, which nothing tells, is counted from when the block began.
 */
export function createStop({ monotonic, after }: Pick<Clock, 'monotonic' | 'after'>, exit: () => void): Stop {
  const stop = new AbortController();
  /** When the last two beats came. */
  let [before, last] = [monotonic(), monotonic()];
  let askedAt = Number.POSITIVE_INFINITY;
  const beat = () => {
    [before, last] = [last, monotonic()];
    if (!stop.signal.aborted) after(beatEvery, beat);
  };
  after(beatEvery, beat);
  /** When a signal that is seen now may have come. After a block timers run before the handlers of signals. */
  function signalledAt(now: number): number {
    const lastCameLate = last - before > 2 * beatEvery;
    return Math.min(now, (lastCameLate ? before : last) + beatEvery);
  }
  return {
    signal: stop.signal,
    ask() {
      if (stop.signal.aborted) return false;
      askedAt = signalledAt(monotonic());
      after(askedAt + hardStop - monotonic(), exit);
      stop.abort();
      return true;
    },
    patienceIsOver: () => new Promise((resolve) => after(askedAt + patience - monotonic(), resolve)),
  };
}
