/**
 * A clock that stands still until a test moves it: no sleeping, and an hour costs a few milliseconds. Chance comes from
 * a seed, so that a run can be repeated.
 */
import { type Clock, maxDelay } from '../../src/kube/clock.ts';
import { seededRandom } from './random.ts';

export type VirtualClock = Clock & {
  /** Moves the time on by `ms`, running what falls due in order; promises settle before and after each timer. */
  advance(ms: number): Promise<void>;
  /** How many timers wait. */
  readonly pending: number;
  /** Puts the wall clock elsewhere; the monotonic clock goes on, as when a machine's time is corrected. */
  setWall(milliseconds: number): void;
};

type Timer = { readonly due: number; readonly action: () => void };

/**
 * @param seed of `random`.
 * @param wall milliseconds since 1970 at the start.
 */
export function createVirtualClock({ seed = 1, wall = Date.UTC(2026, 0, 1) } = {}): VirtualClock {
  let now = 0;
  let wallOffset = wall;
  // In order of creation: of two that fall due together the older runs first, as Node does it.
  const timers = new Set<Timer>();

  const earliest = (until: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) if (timer.due <= until && (!first || timer.due < first.due)) first = timer;
    return first;
  };

  return {
    wall: () => wallOffset + now,
    monotonic: () => now,
    after(delay, action) {
      const timer = { due: now + Math.max(0, Math.min(delay, maxDelay)), action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    random: seededRandom(seed),
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (let timer = earliest(until); timer; timer = earliest(until)) {
        timers.delete(timer);
        now = timer.due;
        timer.action();
        await settle();
      }
      now = until;
    },
    get pending() {
      return timers.size;
    },
    setWall(milliseconds) {
      wallOffset = milliseconds - now;
    },
  };
}

/** Lets everything that is ready to go on go on: all microtasks run before the next immediate. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
