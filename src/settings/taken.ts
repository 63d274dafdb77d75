/**
 * When licenses were last taken away from a dialer of an object (R2.10). Every raise of a zone waits until
 * `settleSeconds` after that moment. Pure; the moment is one number of an object's memory, and this is the only place that
 * moves it.
 */

/**
 * On the monotonic clock of this process, in milliseconds. `-Infinity`: nothing was ever taken away. `Infinity`: it may be
 * happening right now. Undefined: this term has not seen a ConfigMap of the object yet.
 */
export type TakenAway = number | undefined;

/**
 * What a look at an object's ConfigMaps shows:
 * - `no ConfigMap`: nobody obeys anything that could have been taken away.
 * - `being taken`: this term is about to lower a zone, and the answer may get lost; or the object is suspended, and people
 *   may do it by hand.
 * - `taken`: somebody else did it, or may have done it, and nobody knows when: an earlier term, another owner of a ConfigMap
 *   that is adopted, a hand.
 * - `nothing to take`: what was being taken away is done.
 */
export type Sight = 'no ConfigMap' | 'being taken' | 'taken' | 'nothing to take';

/** The moment after a look at `now`. */
export function afterSight(known: TakenAway, sight: Sight, now: number): TakenAway {
  switch (sight) {
    case 'no ConfigMap': // R2.11
      return known ?? Number.NEGATIVE_INFINITY;
    case 'being taken':
      return Number.POSITIVE_INFINITY;
    case 'taken':
      return now;
    case 'nothing to take':
      return known === undefined ? undefined : Math.min(known, now);
  }
}

/** How long a raise has to wait yet, in milliseconds: 0 or less when it need not. What is not known waits in full. */
export const waitLeft = (takenAway: TakenAway, settle: number, now: number): number =>
  (takenAway ?? now) + settle - now;
