/** What happens in a run, as data: drawn from a seed, and small enough to be taken apart when something went wrong. */
import { type Action, drawActions } from '../support/actions.ts';
import { createRandom, type Random } from '../support/random.ts';
import { drawFaults, drawWideFaults, type Fault, speeds, type TimeFault } from './faults.ts';

export type Schedule = {
  /** Also of everything that is left to chance during the run: latency, jitter. */
  readonly seed: number;
  readonly replicas: number;
  /** True to elect a leader; else there is one replica, which leads. */
  readonly election: boolean;
  /** True where the CRD has its rules: an invalid spec is refused. */
  readonly rules: boolean;
  /** The namespaces that the operator watches, each by itself; none given: all of them at once. */
  readonly watched?: readonly string[] | undefined;
  /** No fault begins after this time, in milliseconds. */
  readonly horizon: number;
  /** `after`: milliseconds since the one before was done. */
  readonly actions: readonly { readonly after: number; readonly action: Action }[];
  readonly faults: readonly Fault[];
  /** What lasts until all that it does not concern have converged: L2. */
  readonly lasting?: Lasting | undefined;
};

/**
 * One object whose ConfigMaps can't be written; one namespace that can't be worked in; requests that are all slow; or a
 * quota that is just enough. `from`: when it begins, in milliseconds.
 */
export type Lasting = Extract<TimeFault, { kind: 'poison' | 'scope' | 'slow' | 'quota' }> & { readonly from?: number };

/** Where people work where nothing else is said. */
export const home = 'dialer';
const names = ['pom', 'pom-east', 'night'];
/** So many of all schedules play in the wider world. */
const wide = 0.25;

/** The schedule of a seed. */
export function drawSchedule(seed: number): Schedule {
  const random = createRandom(seed);
  return random.chance(wide) ? drawWide(seed, random) : drawNarrow(seed, random);
}

/** One namespace, in which nobody works but people and the operator. */
function drawNarrow(seed: number, random: Random): Schedule {
  const { below, chance, pick } = random;
  const rules = chance(0.5);
  const settleSeconds = pick([1, 1, 5, 20]);
  const poisoned = chance(0.1);
  const objects = poisoned ? 2 + below(2) : 1 + below(3);
  const drawn = drawActions(random, { objects, length: 3 + below(10), invalidStorable: !rules, settleSeconds });
  const used = names.slice(0, objects);
  const common = drawCommon(random, drawn, used);
  if (!poisoned) return { seed, rules, ...common };
  const code = pick([0, 403, 422, 429, 500, 503]);
  return {
    seed,
    rules,
    ...common,
    lasting: { kind: 'poison', object: pick(used), code, for: Number.MAX_SAFE_INTEGER },
  };
}

/** Namespaces with objects of the same names, copies in others, and who acts beside people. */
function drawWide(seed: number, random: Random): Schedule {
  const { below, chance, pick, shuffle } = random;
  const rules = chance(0.5);
  const namespaces = chance(0.7) ? [home, 'second'] : [home];
  const elsewhere = ['mirror'];
  const watched = pick([[], [...namespaces], [...namespaces, ...elsewhere]]);
  const actors = chance(0.6) ? shuffle(['hold', 'fight', 'fight status', 'police', 'limit'] as const).slice(0, 2) : [];
  const objects = 1 + below(2);
  const drawn = drawActions(random, {
    ...{ objects, namespaces, elsewhere, actors, length: 3 + below(12), invalidStorable: !rules },
    settleSeconds: pick([0, 1, 5, 90]),
  });
  const common = drawCommon(random, drawn, names.slice(0, objects));
  const faults = [...common.faults, ...drawWideFaults(random, { horizon: common.horizon, scopes: watched })];
  const lasts = chance(0.1) && faults.length === 0;
  return { seed, rules, watched, ...common, faults, ...(lasts ? { lasting: drawLasting(random, watched) } : {}) };
}

function drawLasting({ pick, chance }: Random, watched: readonly string[]): Lasting {
  const lasting = { for: Number.MAX_SAFE_INTEGER };
  if (watched.length < 2 || chance(0.5)) return { kind: 'slow', ...pick(speeds), ...lasting };
  return { kind: 'scope', namespace: pick(watched), how: pick(['forbidden', 'gone', 'slow'] as const), ...lasting };
}

/** Replicas, when it all happens, and what fails. */
function drawCommon(random: Random, drawn: readonly Action[], objects: readonly string[]) {
  const { below, chance, pick } = random;
  const election = chance(0.5);
  const replicas = election ? 1 + below(2) : 1;
  const actions = drawn.map((action) => ({ after: chance(0.5) ? below(30) : below(4_000), action }));
  const settles = drawn.filter((action) => action.do === 'settle').length;
  const horizon = actions.reduce((sum, { after }) => sum + after, 3_000) + settles * 4_000 + (election ? 3_000 : 0);
  const most = pick([0, 1, 1, 2, 4, 8]);
  return {
    replicas,
    election,
    horizon,
    actions,
    faults: drawFaults(random.next, { replicas, horizon, objects, most }),
  };
}
