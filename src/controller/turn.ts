/** No object holds a worker for long: its work is done in turns, and between two of them others have theirs (R9.17, L2). */
import type { Clock } from '../kube/index.ts';

/** After so many milliseconds, or so many requests, a turn ends before the next ConfigMap. */
const longest = 1_000;
/** One ConfigMap takes up to four requests and a status two: so a turn has no more than 50. */
const mostRequests = 40;

/** What an object may do before others have their turn. */
export type Turn = {
  /** True when the next ConfigMap has to wait for the next turn. */
  isOver(): boolean;
  /**
   * Something was done that the next turn finds done: written, or read and remembered. A turn ends only after that; one
   * that gets nowhere comes to its own end, and its object waits as after any failure.
   */
  progressed(): void;
};

/** @param sent how many requests the object has made since the turn began. */
export function createTurn(clock: Clock, sent: () => number): Turn {
  const began = clock.monotonic();
  let hasProgressed = false;
  return {
    isOver: () => hasProgressed && (clock.monotonic() - began >= longest || sent() >= mostRequests), // R9.19
    progressed() {
      hasProgressed = true;
    },
  };
}
