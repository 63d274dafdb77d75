/** What happens in a run, as data: drawn from a seed, and small enough to be taken apart when something went wrong. */
import { type Action, drawActions } from '../support/actions.ts';
import { createRandom } from '../support/random.ts';
import { drawFaults, type Fault } from './faults.ts';

export type Schedule = {
  /** Also of everything that is left to chance during the run: latency, jitter. */
  readonly seed: number;
  readonly replicas: number;
  /** True to elect a leader; else there is one replica, which leads. */
  readonly election: boolean;
  /** True where the CRD has its rules: an invalid spec is refused. */
  readonly rules: boolean;
  /** No fault begins after this time, in milliseconds. */
  readonly horizon: number;
  /** `after`: milliseconds since the one before was done. */
  readonly actions: readonly { readonly after: number; readonly action: Action }[];
  readonly faults: readonly Fault[];
  /** One object whose ConfigMaps can't be written until all others have converged: L2. */
  readonly poison?: { readonly object: string; readonly code: number } | undefined;
};

const names = ['pom', 'pom-east', 'night'];

/** The schedule of a seed. */
export function drawSchedule(seed: number): Schedule {
  const random = createRandom(seed);
  const { below, chance, pick } = random;
  const election = chance(0.5);
  const replicas = election ? 1 + below(2) : 1;
  const rules = chance(0.5);
  const settleSeconds = pick([1, 1, 5, 20]);
  const poisoned = chance(0.1);
  const objects = poisoned ? 2 + below(2) : 1 + below(3);
  const drawn = drawActions(random, { objects, length: 3 + below(10), invalidStorable: !rules, settleSeconds });
  const actions = drawn.map((action) => ({ after: chance(0.5) ? below(30) : below(4_000), action }));
  const settles = drawn.filter((action) => action.do === 'settle').length;
  const horizon = actions.reduce((sum, { after }) => sum + after, 3_000) + settles * 4_000 + (election ? 3_000 : 0);
  const most = pick([0, 1, 1, 2, 4, 8]);
  const used = names.slice(0, objects);
  return {
    ...{ seed, replicas, election, rules, horizon, actions },
    faults: drawFaults(random.next, { replicas, horizon, objects: used, most }),
    ...(poisoned ? { poison: { object: pick(used), code: pick([0, 403, 422, 429, 500, 503]) } } : {}),
  };
}
