/** Words of this operator that its own ApiErrors carry, where no request failed. */
import type { Reason } from '../kube/index.ts';

type OwnReason = 'Contested' | 'Overtaken' | 'OwnerGone' | 'TurnIsOver' | 'Waiting';

/** The word as a reason of an ApiError: an API server never says it. */
export const ownReason = (word: OwnReason): Reason => word as string as Reason;
