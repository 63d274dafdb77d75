/** The parts of the campaign: which runs there are, and in which slots they are done. */
import { createRandom } from '../support/random.ts';
import { cleanJobs, killJobs, pairJobs, randomJob, runAll, runEach, type Stage, singleJobs } from './campaign.ts';
import type { Part } from './report.ts';
import type { Job, Result } from './run.ts';
import type { Scenario } from './scenarios.ts';
import type { Slot } from './slot.ts';
import { specials } from './specials.ts';

export const parts = ['singles', 'kills', 'pairs', 'randoms', 'failovers', 'wider', 'specials'] as const;

export type Options = {
  readonly wanted: ReadonlySet<(typeof parts)[number]>;
  /** Of random schedules, and of what is drawn. */
  readonly seed: number;
  /** Runs of each part at most. */
  readonly limit: number;
  /** Slots with one replica. */
  readonly slots: number;
  /** Single faults and kills with two replicas, at most. */
  readonly failovers: number;
  /** The name of the only special that is wanted; undefined: all. */
  readonly special: string | undefined;
  readonly scenarios: {
    readonly usual: readonly Scenario[];
    readonly failovers: readonly Scenario[];
    readonly wider: readonly Scenario[];
  };
};

/** Slots with two replicas, and slots of each kind for the wider world. */
const pairSlots = 8;
const widerSlots = 24;
const mostRandoms = 2_000;
const mostPairs = { one: 500, two: 100 };

/** A campaign under way. */
type Campaign = Options & {
  readonly stage: Stage;
  readonly done: Part[];
  /** Does the jobs, and tells of each result. */
  readonly work: (slots: readonly Slot[], jobs: readonly Job[]) => Promise<Result[]>;
  readonly onPlanned: (jobs: number) => void;
  readonly onResult: (result: Result) => void;
};

const isWanted = ({ wanted }: Options, ...some: (typeof parts)[number][]) => some.some((one) => wanted.has(one));

/** Those of a seed, in its order. */
const drawn = ({ seed, limit }: Options, jobs: readonly Job[], most = limit): Job[] =>
  createRandom(seed).shuffle(jobs).slice(0, Math.min(limit, most));

/** Does jobs as a part of their own. `of`: how many there are, of which they were drawn. */
async function part(campaign: Campaign, name: string, slots: readonly Slot[], { jobs, of = jobs.length }: Jobs) {
  const results = await campaign.work(slots, jobs);
  if (results.length > 0) campaign.done.push({ name, results, of });
  return results;
}
type Jobs = { readonly jobs: readonly Job[]; readonly of?: number };

/**
 * Does every part that is wanted. Gives them with their results.
 * @param onPlanned told how many runs there will be more
 */
export async function doParts(
  options: Options,
  stage: Stage,
  { onPlanned, onResult }: Pick<Campaign, 'onPlanned' | 'onResult'>,
): Promise<Part[]> {
  const campaign: Campaign = {
    ...{ ...options, stage, onPlanned, onResult, done: [] },
    work(slots, jobs) {
      onPlanned(jobs.length);
      return runAll(slots, jobs, onResult);
    },
  };
  const one = isWanted(options, 'singles', 'kills', 'pairs', 'randoms', 'specials')
    ? await stage.open(options.slots)
    : [];
  const two = isWanted(options, 'failovers', 'pairs', 'randoms')
    ? await stage.open(Math.min(pairSlots, options.slots), { replicas: 2 })
    : [];
  await Promise.all([alone(campaign, one), together(campaign, two), paged(campaign)]);
  // By itself: its slots are opened meanwhile, and many processes that start at once make everybody late.
  await wider(campaign);
  await befallen(campaign, one);
  return campaign.done;
}

const randoms = (campaign: Campaign): Job[] =>
  isWanted(campaign, 'randoms')
    ? Array.from({ length: Math.min(campaign.limit, mostRandoms) }, (_, n) => randomJob(campaign.seed + n))
    : [];

/** Scenarios of the wider world that are over soon, in slots as all have them: they are struck like the usual ones. */
const soon = ({ scenarios }: Options) => scenarios.wider.filter(({ plain, needs }) => !plain && !needs);

/** All with one replica, at once: some wait while others work. */
async function alone(campaign: Campaign, slots: readonly Slot[]): Promise<void> {
  const { scenarios, done, seed, limit } = campaign;
  if (slots.length === 0) return;
  const clean = await part(campaign, 'clean', slots.slice(0, 6), { jobs: cleanJobs(scenarios.usual) });
  const strikes = isWanted(campaign, 'wider') && isWanted(campaign, 'singles');
  const cleanWider = strikes
    ? await part(campaign, 'clean, wider world', slots.slice(0, 6), { jobs: cleanJobs(soon(campaign)) })
    : [];
  const singles = isWanted(campaign, 'singles') ? singleJobs(clean) : [];
  const widerSingles = singleJobs(cleanWider);
  const kills = isWanted(campaign, 'kills') ? killJobs(clean) : [];
  const pairs = isWanted(campaign, 'pairs') ? pairJobs(clean, seed, Math.min(limit, mostPairs.one)) : [];
  const of: [string, readonly Job[], number][] = [
    ['singles', drawn(campaign, singles), singles.length],
    ['singles, wider world', drawn(campaign, widerSingles), widerSingles.length],
    ['kills', drawn(campaign, kills), kills.length],
    ['pairs', pairs, 0],
    ['randoms', randoms(campaign).filter(({ replicas }) => !replicas), 0],
  ];
  const results = await campaign.work(
    slots,
    of.flatMap(([, some]) => some),
  );
  for (const [name, some, all] of of) {
    const members = new Set(some);
    const ofPart = results.filter(({ job }) => members.has(job));
    if (ofPart.length > 0) done.push({ name, results: ofPart, of: Math.max(all, ofPart.length) });
  }
}

/** All with two replicas. */
async function together(campaign: Campaign, slots: readonly Slot[]): Promise<void> {
  const { scenarios, seed, limit } = campaign;
  if (slots.length === 0) return;
  const jobs = randoms(campaign).filter(({ replicas }) => replicas);
  await part(campaign, 'randoms, two replicas', slots, { jobs });
  if (!isWanted(campaign, 'failovers', 'pairs')) return;
  const clean = await part(campaign, 'clean, two replicas', slots, { jobs: cleanJobs(scenarios.failovers) });
  if (isWanted(campaign, 'pairs')) {
    const pairs = pairJobs(clean, seed, Math.min(limit, mostPairs.two));
    await part(campaign, 'pairs, two replicas', slots, { jobs: pairs });
  }
  if (!isWanted(campaign, 'failovers')) return;
  const all = [...singleJobs(clean), ...killJobs(clean)];
  const most = Math.min(limit, campaign.failovers);
  const isSilent = ({ faults }: Job) => faults.some(({ kind }) => kind === 'silent');
  // Each takes a minute.
  const silent = drawn(campaign, all.filter(isSilent), Math.ceil(most / 50));
  const quick = drawn(
    campaign,
    all.filter((job) => !isSilent(job)),
    most - silent.length,
  );
  await part(campaign, 'failovers', slots, { jobs: [...silent, ...quick], of: all.length });
}

/** What lists, with lists in pages: the other slots have them as streams. */
async function paged(campaign: Campaign): Promise<void> {
  if (!isWanted(campaign, 'singles')) return;
  const slots = await campaign.stage.open(4, { pages: true });
  const lists = campaign.scenarios.usual.filter(({ name }) => name === 'expired' || name === 'restart');
  const clean = await part(campaign, 'clean, lists in pages', slots, { jobs: cleanJobs(lists) });
  const all = singleJobs(clean, ' --pages');
  await part(campaign, 'singles, lists in pages', slots, { jobs: drawn(campaign, all), of: all.length });
}

/** The wider world, each scenario as it is, in a slot as it needs it. */
async function wider({ stage, scenarios, done, onPlanned, onResult, ...options }: Campaign): Promise<void> {
  if (!options.wanted.has('wider')) return;
  const jobs = cleanJobs(scenarios.wider);
  onPlanned(jobs.length);
  const results = await runEach(stage, jobs, widerSlots, onResult);
  done.push({ name: 'wider world', results, of: results.length });
}

/** What befalls all at once. */
async function befallen(campaign: Campaign, slots: readonly Slot[]): Promise<void> {
  if (!isWanted(campaign, 'specials')) return;
  const { stage, scenarios, done, onPlanned, onResult } = campaign;
  const results: Result[] = [];
  for (const [name, special] of Object.entries(specials)) {
    if (campaign.special !== undefined && campaign.special !== name) continue;
    const some = await special(stage, slots.slice(0, 6), scenarios.usual);
    onPlanned(some.length);
    some.forEach(onResult);
    results.push(...some);
  }
  done.push({ name: 'specials', results, of: results.length });
}
