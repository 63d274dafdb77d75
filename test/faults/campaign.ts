/** The fault campaign: jobs are drawn from scenarios, and slots work them off side by side. */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, install, removeRules, serviceAccount, until } from '../operator.ts';
import { createRandom } from '../support/random.ts';
import { everySingleFault, type Fault, faultText } from './faults.ts';
import { places } from './places.ts';
import { definePolicies } from './policies.ts';
import { eventFaults, killFaults, requestFaults, watchFaults } from './proxy.ts';
import { type Committed, storesJson, watchRevisions } from './revisions.ts';
import { type Job, type Result, run } from './run.ts';
import { type Needs, randomScenario, type Scenario } from './scenarios.ts';
import { openSlot, type Slot, type SlotOptions } from './slot.ts';

/** A control plane for campaigns: it stores JSON, collects garbage fast, and takes invalid objects as an older CRD would. */
export async function startCampaignPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const plane = await startControlPlane({
    audit: false,
    apiServerArgs: [storesJson],
    controllers: ['resourcequota-controller'],
    // One garbage collector cleans up after many runs at once.
    managerArgs: ['--kube-api-qps=500', '--kube-api-burst=1000'],
    ...options,
  });
  await install(plane);
  await removeRules(plane);
  await definePolicies(plane);
  // The garbage collector looks for new kinds at its start, and then only twice a minute.
  await plane.restart('kube-controller-manager');
  await collectsGarbage(plane);
  return plane;
}

/** Resolves when what a LicenseSettings owned goes with it. */
async function collectsGarbage(plane: ControlPlane): Promise<void> {
  const desk = createDesk(plane, 'garbage');
  await desk.open();
  const { metadata } = await desk.create('owner', { licenses: {} });
  const owner = { apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', name: 'owner', uid: metadata.uid };
  await desk.createMap({ metadata: { name: 'owned', ownerReferences: [owner] } });
  await desk.remove('owner');
  await until('garbage is collected', async () => (await desk.configMap('owned')) === undefined, 70_000);
}

export type Stage = {
  readonly plane: ControlPlane;
  /** Directory with the operator that is tested; this project where it is undefined. */
  readonly operator: string | undefined;
  /** What the harness itself missed. */
  readonly problems: readonly string[];
  /** Revisions of all namespaces so far. */
  readonly taken: () => number;
  readonly open: (count: number, options?: Partial<SlotOptions>) => Promise<Slot[]>;
  readonly close: () => Promise<void>;
};

/**
 * What campaigns need on a control plane.
 * @param operator directory with the operator to test; this project by default
 */
export async function openStage(plane: ControlPlane, operator?: string): Promise<Stage> {
  if (!plane.etcd) throw new Error('the campaign needs a control plane of its own: it reads etcd');
  const problems: string[] = [];
  const slots: Slot[] = [];
  /** By namespace. */
  const owners = new Map<string, Slot>();
  const take = (committed: Committed) => owners.get(committed.object.metadata.namespace)?.take(committed);
  const revisions = await watchRevisions(plane.etcd, take, (problem) => problems.push(problem));
  const kubeconfig = await plane.serviceAccountKubeconfig(serviceAccount.namespace, serviceAccount.name);
  let opened = 0;
  return {
    ...{ plane, operator, problems, taken: revisions.taken },
    async open(count, options = {}) {
      const fresh: Slot[] = [];
      await inParallel(4, Array.from({ length: count }), async () => {
        const slot = await openSlot({ plane, kubeconfig, operator, namespace: `slot-${opened++}`, ...options });
        for (const place of places) owners.set(slot.desks[place].namespace, slot);
        slots.push(slot);
        fresh.push(slot);
      });
      return fresh;
    },
    async close() {
      // An orderly end takes its time, and is held against a deadline: not all at once.
      await inParallel(4, slots, async (slot) => void problems.push(...(await slot.close())));
      await revisions.stop();
    },
  };
}

/** Runs that keep the machine busy, at once: at least and at most. Those that mostly wait are not counted. */
const fewest = 3;
const most = 6 * availableParallelism();
/** The API server's mean answer, in milliseconds, above which there is too much at once: L1 must not judge the machine. */
const tooSlow = 60;

/** Lets as many through at once as the API server answers fast. */
function createGovernor(slots: readonly Slot[]) {
  let allowed = 2 * fewest;
  let running = 0;
  let before = { answers: 0, milliseconds: 0 };
  const sum = (of: (slot: Slot) => number) => slots.reduce((all, slot) => all + of(slot), 0);
  const timer = setInterval(() => {
    const now = {
      answers: sum((slot) => slot.answered().answers),
      milliseconds: sum((slot) => slot.answered().milliseconds),
    };
    const mean = (now.milliseconds - before.milliseconds) / Math.max(1, now.answers - before.answers);
    before = now;
    allowed = mean > tooSlow ? Math.max(fewest, allowed * 0.8) : Math.min(most, allowed + 0.5);
  }, 500);
  return {
    async enter() {
      while (running >= Math.floor(allowed)) await sleep(50);
      running++;
    },
    leave: () => void running--,
    stop: () => clearInterval(timer),
  };
}

const waits = ({ faults, scenario }: Job): boolean =>
  scenario.plain === true || faults.some(({ kind }) => kind.startsWith('hang') || kind === 'silent');
const isSilent = ({ faults }: Job): boolean => faults.some(({ kind }) => kind === 'silent');

/** Works off jobs; each slot does one after the other. */
export async function runAll(
  slots: readonly Slot[],
  jobs: readonly Job[],
  onResult: (result: Result) => void = () => {},
): Promise<Result[]> {
  const long = jobs.filter(waits).sort((a, b) => Number(isSilent(b)) - Number(isSilent(a)));
  const short = jobs.filter((job) => !waits(job));
  const results: Result[] = [];
  const governor = createGovernor(slots);
  await Promise.all(
    slots.map(async (slot, number) => {
      // Some begin with what waits, so that it waits beside the rest.
      const next = () =>
        number < slots.length / 3 ? (short.shift() ?? long.shift()) : (long.shift() ?? short.shift());
      for (let job = next(); job; job = next()) {
        const counted = !waits(job);
        if (counted) await governor.enter();
        let isCounted = counted;
        const leave = () => {
          if (isCounted) governor.leave();
          isCounted = false;
        };
        const result = await run(slot, job, leave);
        leave();
        results.push(result);
        onResult(result);
      }
    }),
  );
  governor.stop();
  return results;
}

/** Slots for scenarios of one kind: see {@link Needs}. */
export const openFor = (stage: Stage, count: number, { clockSteps, ...needs }: Needs): Promise<Slot[]> =>
  stage.open(count, { ...needs, ...(clockSteps ? { env: steppingClock } : {}) });

/** Loads a clock that steps into a process. */
export const steppingClock = { NODE_OPTIONS: `--import=${new URL('stepping-clock.ts', import.meta.url).href}` };

/** The same as {@link runAll}, each job in a slot as its scenario needs it. */
export async function runEach(
  stage: Stage,
  jobs: readonly Job[],
  most: number,
  onResult: (result: Result) => void = () => {},
): Promise<Result[]> {
  const groups = new Map<string, Job[]>();
  for (const job of jobs) {
    const key = JSON.stringify(job.scenario.needs ?? {});
    groups.set(key, [...(groups.get(key) ?? []), job]);
  }
  const results = await Promise.all(
    [...groups].map(async ([needs, some]) => {
      const slots = await openFor(stage, Math.min(most, some.length), JSON.parse(needs) as Needs);
      return runAll(slots, some, onResult);
    }),
  );
  return results.flat();
}

/** A run of each scenario without faults: what there is to strike. */
export const cleanJobs = (scenarios: readonly Scenario[]): Job[] =>
  scenarios.map((scenario) => ({
    ...{ scenario, faults: [], label: 'no fault', replay: `--replay ${scenario.name}` },
    ...replicasOf(scenario),
  }));

const replicasOf = ({ needs }: Scenario) => (needs?.replicas ? { replicas: needs.replicas } : {});
const struckJob = (scenario: Scenario, faults: readonly Fault[], label: string): Job => ({
  ...{ scenario, faults, label, ...replicasOf(scenario) },
  replay: `--replay ${[scenario.name, ...faults.map(faultText)].join(',')}`,
});

/** Every single fault at every request, watch and event of the clean runs. */
export const singleJobs = (clean: readonly Result[], more = ''): Job[] =>
  clean.flatMap(({ job: { scenario }, counts }) =>
    everySingleFault(counts)
      .map((fault) => struckJob(scenario, [fault], fault.kind))
      .map((job) => ({ ...job, replay: `${job.replay}${more}` })),
  );

/** The operator killed at every request of the clean runs, before the API server gets it and after it was done. */
export const killJobs = (clean: readonly Result[]): Job[] =>
  clean.flatMap(({ job: { scenario }, counts: { request } }) =>
    request.flatMap((_, index) =>
      killFaults.map((kind) => struckJob(scenario, [{ target: 'request', index, kind }], kind)),
    ),
  );

/** Pairs of single faults, drawn from a seed. */
export function pairJobs(clean: readonly Result[], seed: number, count: number): Job[] {
  const random = createRandom(seed);
  const faults = clean.map(({ job: { scenario }, counts }) => ({
    scenario,
    // Two that take their time would take it twice.
    faults: everySingleFault(counts).filter(({ kind }) => !kind.startsWith('hang') && kind !== 'silent'),
  }));
  return Array.from({ length: count }, () => {
    const { scenario, faults: known } = random.pick(faults);
    const first = random.pick(known);
    // Of two at the same request only one would strike.
    const others = known.filter(({ target, index }) => target !== first.target || index !== first.index);
    return struckJob(scenario, [first, random.pick(others)], 'two faults');
  });
}

/** Among how many leases and openings of watches, from the start of a run, one is drawn. */
const leasesDrawn = 12;
const watchesDrawn = 6;
/** One seed in so many is for two replicas. */
const everyPair = 8;

/** One seed in four plays in two namespaces; every other one of these has others who act beside people. */
const worldOf = (seed: number) => (seed % 8 === 3 ? 'actors' : seed % 8 === 6 ? 'twin' : undefined);

/**
 * Two to six faults at random requests and events of random actions; all from one seed. With two replicas also at
 * leases and the openings of watches, and with failovers.
 */
export function randomJob(seed: number): Job {
  const random = createRandom(seed);
  // A process more costs as much as ten runs.
  const replicas = seed % everyPair === 0 ? 2 : 1;
  const world = replicas > 1 ? undefined : worldOf(seed);
  const machines = random.chance(0.2) || replicas > 1;
  const scenario = randomScenario({ seed, random, machines, replicas, world });
  const reach = 3 * scenario.steps((name) => name).length;
  const patient = random.chance(0.08);
  const quick = <T extends string>(kinds: readonly T[]) =>
    kinds.filter((kind) => patient || !(kind.startsWith('hang') || kind === 'silent'));
  const faults = Array.from({ length: 2 + random.below(5) }, (): Fault => {
    const index = random.below(reach);
    if (replicas > 1 && random.chance(0.2)) {
      return { target: 'lease', index: random.below(leasesDrawn), kind: random.pick(quick(requestFaults)) };
    }
    if (replicas > 1 && random.chance(0.2)) {
      const kinds = [...watchFaults, 'stale-list'] as const;
      return { target: 'watch', index: random.below(watchesDrawn), kind: random.pick(quick(kinds)) };
    }
    if (random.chance(0.3)) return { target: 'event', index, kind: random.pick(quick(eventFaults)) };
    return { target: 'request', index, kind: random.pick(quick(requestFaults)) };
  });
  const label = replicas > 1 ? 'random failover' : 'random';
  return { scenario, faults, label, replay: `--random ${seed}`, ...(replicas > 1 ? { replicas: 2 as const } : {}) };
}

export async function inParallel<T>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = [...items.entries()];
  await Promise.all(
    Array.from({ length: limit }, async () => {
      for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next[1]);
    }),
  );
}
