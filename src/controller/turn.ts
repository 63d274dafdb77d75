/** No object holds a worker for long: its work is done in turns, and between two of them others have theirs. DESIGN rule 9. */
import { ApiError, type Clock } from '../kube/index.ts';
import { ownReason } from './own-reasons.ts';

/** After so many milliseconds, or so many requests, a turn ends before the next ConfigMap. */
const longest = 1_000;
/** One ConfigMap takes up to six requests and a status two: so a turn has no more than 50. */
const mostRequests = 40;

/** The reason of the ApiError that ends a turn: there is more to do, and nothing is wrong. */
export const turnIsOver = ownReason('TurnIsOver');

/** What an object may do before others have their turn. */
export type Turn = {
  /** Called before each ConfigMap that is read or written. Throws an ApiError, with the reason `TurnIsOver`, if the turn is over. */
  goOn(): void;
  /**
   * Something was done that the next turn finds done: written, or read and remembered. A turn ends only after that; one
   * that gets nowhere comes to its own end, and its object waits as after any failure.
   */
  progressed(): void;
};

/**
 * A turn begins.
 *
 * @param sent how many requests the object has made since.
 */
export function createTurn(clock: Clock, sent: () => number): Turn {
  const began = clock.monotonic();
  let hasProgressed = false;
  return {
    goOn() {
      if (!hasProgressed || (clock.monotonic() - began < longest && sent() < mostRequests)) return;
      throw new ApiError('others have their turn', { code: 409, reason: turnIsOver });
    },
    progressed() {
      hasProgressed = true;
    },
  };
}
