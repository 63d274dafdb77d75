/** One run: a scenario in a slot, with faults armed, and the judgement of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { lateness } from '../../src/controller/memory.ts';
import { expectedWithin } from '../contract/excuses.ts';
import { granted } from '../contract/liveness.ts';
import { hotLoops, loudRequests } from '../contract/requests.ts';
import type { Stored } from '../contract/revision.ts';
import { createSafetyJudges, type SafetyJudges } from '../contract/safety/namespaces.ts';
import { patience as tellsWithin } from '../contract/truth.ts';
import { type Admin, createAdmin } from './admin.ts';
import { type Authors, asSent, createAuthors, type Source } from './authors.ts';
import { type Armed, arm, type Counts, type Fault } from './faults.ts';
import { type Everywhere, everywhere, type Place, places } from './places.ts';
import type { Seen } from './proxy.ts';
import { costly } from './requests.ts';
import type { Committed, StoredObject } from './revisions.ts';
import type { Scenario, Step } from './scenarios.ts';
import { createScene, type Scene } from './scene.ts';
import { defectsIn, type Slot } from './slot.ts';
import { cleanUp, isLook, type Look, mirror, neighbour, take } from './steps.ts';

export type Job = {
  readonly scenario: Scenario;
  readonly faults: readonly Fault[];
  /** Two, with a lease, unless it is one. */
  readonly replicas?: 2;
  /** For the table: the kind of fault. */
  readonly label: string;
  /** Arguments of `npm run faults --` that do this run alone. */
  readonly replay: string;
  /** True to listen for a while whether it stays quiet; undefined: so is one run in ten. */
  readonly listens?: boolean;
};

export type Result = {
  readonly job: Job;
  /** On `performance.now()`. */
  readonly started: number;
  /** How many of the faults found what they were armed for, or how many disturbances of all befell it. */
  readonly struck: number;
  readonly violations: readonly string[];
  /** Revisions of the run's objects that were judged. */
  readonly judged: number;
  readonly counts: Counts;
  readonly milliseconds: number;
  /** The longest time in which something converged after its last step and the last fault, in milliseconds. */
  readonly slowest: number;
  /** What happened, in order. */
  readonly story: () => readonly string[];
};

/** What L1 grants after a change, in milliseconds, with a settleSeconds of 1 that is waited for twice. */
const convergence = granted({ settle: 2 * 1_000 });
/** What L1 grants where something is tried again slowly. */
const slowConvergence = expectedWithin.slowly;
/** What a busy machine needs besides; the time that the API server takes to answer is added to it. */
const slack = 3_000;
/** No request for so long, in milliseconds: quiet. */
const quietFor = 100;
/** How long some runs listen in the end, in milliseconds: S8. */
const listensFor = 2_500;
/** Nothing excuses more. */
const patience = 150_000;

let runs = 0;

/** Told by what the run is, so that it is the same ones each time. */
const isListener = ({ listens, replay }: Job): boolean =>
  listens ?? [...replay].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 9_973, 0) % 10 === 0;

/** A run under way. Times are milliseconds of `performance.now()`. */
type Course = {
  readonly slot: Slot;
  readonly job: Job;
  readonly started: number;
  readonly prefix: string;
  readonly armed: Armed;
  readonly judges: SafetyJudges;
  readonly scenes: Everywhere<Scene>;
  readonly admins: Everywhere<Admin>;
  readonly authors: Authors;
  readonly problems: string[];
  readonly steps: readonly Step[];
  /** When people changed anything. */
  readonly changes: number[];
  readonly tell: (what: string) => void;
  readonly told: readonly { readonly at: number; readonly what: string }[];
  /** The longest way back so far. */
  slowest: number;
  /** When garbage was last there that only the collector may take, a process was starting, or a create was kept out. */
  elsewhere: number;
  /** While every request is slow. */
  isSlow: boolean;
  /** When those who act for a while last acted. */
  acted: number;
};

/**
 * Runs a job. Whatever goes wrong is in the result's violations.
 * @param onQuiet called when all that is left is to listen: that costs no more than time
 */
export async function run(slot: Slot, job: Job, onQuiet: () => void = () => {}): Promise<Result> {
  const course = await begin(slot, job);
  const looking = setInterval(() => lookForUntruth(course), 1_000);
  try {
    let finished = await perform(course);
    if (finished && course.steps.at(-1)?.do !== 'settle') finished = await settle(course, {});
    if (finished) course.judges.finish((namespace) => namespace !== slot.desks.aside.namespace);
    if (finished && isListener(job)) await listen(course, onQuiet);
  } catch (error) {
    course.problems.push(`the harness failed: ${(error as Error).stack}`);
  }
  clearInterval(looking);
  return conclude(course);
}

/** Makes the slot strike and judge for this run from now on. */
async function begin(slot: Slot, job: Job): Promise<Course> {
  const started = performance.now();
  const prefix = `r${(++runs).toString(36)}-`;
  const told: { at: number; what: string }[] = [];
  const admins: Everywhere<Admin> = everywhere((place) =>
    createAdmin({ desk: slot.desks[place], prefix, there: (other) => admins[other as Place].desk }),
  );
  const course: Course = {
    ...{ slot, job, started, prefix, admins, told },
    ...{ slowest: 0, elsewhere: 0, isSlow: false, acted: 0, problems: [], changes: [] },
    armed: arm(job.faults, { namespace: slot.desks.home.namespace, prefix }),
    judges: createSafetyJudges(),
    scenes: everywhere((place) => createScene(admins[place], place !== 'aside')),
    steps: job.scenario.steps((name) => `${prefix}${name}`),
    authors: createAuthors(
      () => slot.replicas.flatMap(({ proxy }) => proxy.requests),
      (committed, source) => judge(course, committed, source),
    ),
    tell: (what) => told.push({ at: performance.now() - started, what }),
  };
  slot.take = (committed) => {
    if (!committed.object.metadata.name.startsWith(prefix)) return;
    course.authors.add(committed);
    slot.wake();
  };
  slot.over = () => {
    course.authors.look();
    slot.wake();
  };
  for (const { proxy, takeLog } of slot.replicas) {
    proxy.forget();
    course.problems.push(...defectsIn(takeLog()).map((defect) => `${defect} (before this run)`));
  }
  if (job.faults.some(({ kind }) => kind === 'stale-list')) {
    await Promise.all(slot.replicas.map(({ proxy }) => proxy.snapshot()));
  }
  slot.armed = course.armed;
  return course;
}

/** Shows a revision to all who judge. What a policy changed on its way was sent by the operator, and then changed by others. */
function judge(course: Course, committed: Committed, source: Source): void {
  const { type, kind, object, revision } = committed;
  const place = placeOf(course, object);
  const sent = asSent(committed, source);
  const before = course.judges.violations.length;
  const show = (object: StoredObject, type: Committed['type'], by: Source['by']) => {
    const { namespace, name } = object.metadata;
    course.tell(`revision ${revision} ${type} ${kind} ${namespace}/${name} by ${by}`);
    const taken = { type, kind, object: object as Stored, by, deaf: isDeaf(course) };
    course.judges.take(taken);
    course.problems.push(...course.scenes[place].take(taken, committed));
  };
  if (sent) show(sent, type, 'operator');
  show(object, sent ? 'MODIFIED' : type, sent ? 'other' : source.by);
  for (const violation of course.judges.violations.slice(before)) course.tell(`VIOLATION ${violation}`);
}

/** What was sent before a watch was open is seen so much later, in milliseconds, on a busy machine. */
const seenWithin = 2_000;

/** The operator's watches are away, or were when it sent this, or one of them is silent and it has not found out yet. */
const isDeaf = ({ slot, armed }: Course): boolean =>
  !slot.isConnected() ||
  slot.replicas.some(({ proxy }) => performance.now() - proxy.lastOpened() < seenWithin) ||
  (armed.struck.some(({ kind }) => kind === 'silent') && armed.excusedUntil() > performance.now());

const placeOf = ({ slot }: Course, { metadata: { namespace } }: StoredObject): Place => {
  const place = places.find((one) => slot.desks[one].namespace === namespace);
  if (!place) throw new Error(`${namespace} is no namespace of this slot`);
  return place;
};

/** Takes the steps of the scenario in turn, with a neighbour of the same name. False when something did not converge. */
async function perform(course: Course): Promise<boolean> {
  const { slot, admins, steps, job } = course;
  let isMirrored = job.scenario.alone === true;
  const twin = isMirrored ? undefined : neighbour(steps);
  if (twin) await admins.twin.create('LicenseSettings', { metadata: { name: twin.name }, spec: twin.spec });
  for (const step of steps) {
    course.tell(`step ${JSON.stringify(step)}`);
    if (isLook(step)) {
      if (!(await look(course, step))) return false;
      if (step.do === 'settle' && !isMirrored) await mirror(course.scenes);
      if (step.do === 'settle') isMirrored = true;
    } else {
      course.changes.push(performance.now());
      if (step.do === 'slow') course.isSlow = step.to > 0;
      await take(slot, admins, step);
      // What comes of a step comes after it.
      course.changes.push(performance.now());
    }
  }
  return true;
}

async function look(course: Course, step: Look): Promise<boolean> {
  const { problems, scenes } = course;
  switch (step.do) {
    case 'settle':
      return settle(course, step);
    case 'endure':
      await endure(course, step);
      return true;
    case 'history': {
      const { history = [] } = scenes.home.find('LicenseSettings', step.name)?.status ?? {};
      if (history.length !== step.entries)
        problems.push(`the history of ${step.name} has ${history.length} entries, not ${step.entries}`);
      return true;
    }
    case 'survived': {
      const map = scenes[step.place ?? 'home'].find('ConfigMap', step.name);
      // A garbage collector whose watch breaks orphans what it has seen, and takes the rest: not the operator's doing.
      if (!map && !isDisturbed(course)) problems.push(`rule 5: ConfigMap ${step.name} did not survive`);
      if (map?.metadata.ownerReferences?.length) problems.push(`rule 5: ConfigMap ${step.name} has an owner again`);
      return true;
    }
  }
}

/** What befalls all has been under way, or just over, since this run began. */
const isDisturbed = ({ slot, started }: Course): boolean => slot.excusedUntil() > started;

/** True while those act who act for a while: whoever undoes what the operator writes will do so again. */
const othersAct = ({ admins }: Course): boolean => Object.values(admins).some((admin) => admin.acting() > 0);

/** What keeps the run from being settled; empty when nothing does. The cheap looks come first. */
function unsettled(course: Course, { except, meanwhile = false }: Settling): string[] {
  const { slot, authors, scenes } = course;
  if (!meanwhile && othersAct(course)) return ['others act still'];
  if (!slot.isConnected()) return ['the operator does not watch'];
  if (slot.inFlight() > 0) return ['requests are under way'];
  if (performance.now() - slot.lastActivity() < quietFor) return ['S8: requests go on'];
  const unseen = places.flatMap((place) => scenes[place].unseen());
  if (unseen.length > 0 || authors.waiting() > 0) return [`the harness has not seen ${unseen.join(', ') || 'all'}`];
  const left = places.filter((place) => place === 'aside' || slot.served.has(place));
  return left.flatMap((place) =>
    scenes[place]
      .missing(place === 'home' ? except : undefined)
      .map((one) => (place === 'home' ? one : `${place}: ${one}`)),
  );
}

type Settling = Pick<Extract<Step, { do: 'settle' }>, 'patience' | 'except' | 'meanwhile'>;

/** Waits until all is as it must be, and quiet: L1. False, with the problem told, when that takes too long. */
async function settle(course: Course, step: Settling): Promise<boolean> {
  const { slot, armed, judges, scenes, problems, tell } = course;
  const from = performance.now();
  const answeredBefore = slot.answered().milliseconds;
  for (;;) {
    const missing = unsettled(course, step);
    const now = performance.now();
    if (missing.length === 0) {
      const since = Math.max(from, Math.min(armed.excusedFrom(), now));
      course.slowest = Math.max(course.slowest, now - since - quietFor);
      judges.settled();
      for (const place of places) scenes[place].settled();
      tell('settled');
      return true;
    }
    const kept = Object.values(scenes);
    const isHeld = now < from + lateness && kept.some((scene) => scene.isKeptOut());
    const isStarting = slot.replicas.some((replica) => replica.isStarting());
    if (isHeld || isStarting || kept.some((scene) => scene.hasGarbage())) course.elsewhere = now;
    const answered = slot.answered().milliseconds - answeredBefore;
    const disturbed = Math.min(slot.excusedUntil(), now);
    if (now > Math.min(grantedUntil(course, from, step) + slack + answered, Math.max(from, disturbed) + patience)) {
      const rule = step.except ? 'L2' : 'L1';
      problems.push(`${rule}: ${missing.join('; ')} (${(now - from).toFixed(0)} ms after the last step)`);
      return false;
    }
    await slot.stir(quietFor / 2);
  }
}

/** Until when all has to be as it must be. */
function grantedUntil(course: Course, from: number, { patience = 0, meanwhile = false }: Settling): number {
  const { armed, slot, elsewhere } = course;
  if (othersAct(course)) course.acted = performance.now();
  const more = patience + (looksSlowly(course) ? slowConvergence - convergence : 0);
  const afterActing = course.acted > 0 && !meanwhile ? course.acted + slowConvergence : 0;
  return Math.max(
    from + convergence + more,
    afterActing,
    armed.excusedUntil(),
    slot.excusedUntil(),
    elsewhere + convergence,
  );
}

/** A foreign ConfigMap, and a rejected write, are looked at again within a minute. */
const looksSlowly = ({ job, told }: Course): boolean =>
  job.scenario.name.startsWith('random') && told.some(({ what }) => what.includes('"foreign"'));

/** Waits until those who act for a while have let go. Before that the status has to say what is wrong. */
async function endure(
  { admins, scenes, problems, tell }: Course,
  step: Extract<Look, { do: 'endure' }>,
): Promise<void> {
  const alone = Promise.all(Object.values(admins).map((admin) => admin.alone()));
  const told = step.says;
  if (told !== undefined) {
    await Promise.race([alone, sleep(tellsWithin)]);
    const { conditions = [] } = scenes.home.find('LicenseSettings', step.name)?.status ?? {};
    const said = conditions.map(({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`);
    for (const type of ['Ready', 'Applied'])
      if (conditions.some((one) => one.type === type && one.status === 'True'))
        problems.push(`S10: ${tellsWithin / 1000} s after it began ${type} is True: ${said.join(' | ')}`);
    for (const word of told)
      if (!said.some((text) => text.includes(word)))
        problems.push(`the status of ${step.name} does not name ${word}: ${said.join(' | ')}`);
  }
  await alone;
  tell('alone again');
}

/** S10: whoever is cut off, starts, or is slow, can't say so. */
function lookForUntruth({ slot, armed, scenes, problems, isSlow }: Course): void {
  const now = performance.now();
  const isExcused =
    isSlow ||
    Math.max(slot.excusedUntil(), armed.excusedUntil()) > now ||
    slot.replicas.some((replica) => replica.isStarting());
  for (const place of places) {
    problems.push(...scenes[place].untruths(now, isExcused || !slot.served.has(place)));
  }
}

/** S8: nothing is asked for any more. Who was refused, or found somebody else's ConfigMap, comes back now and then. */
const comesBack = (course: Course): boolean =>
  looksSlowly(course) || course.steps.some((step) => step.do === 'refuse' || step.do === 'create-map');

async function listen(course: Course, onQuiet: () => void): Promise<void> {
  const { slot, problems, tell } = course;
  if (comesBack(course) || slot.excusedUntil() > performance.now()) return;
  const from = performance.now();
  onQuiet();
  tell('listens');
  await sleep(listensFor);
  // A disturbance of all has begun meanwhile.
  if (slot.excusedUntil() > performance.now()) return;
  problems.push(...slot.replicas.flatMap(({ proxy }) => loudRequests(proxy.requests, from)));
}

/** Lets go of the slot, and gives what the run has shown. */
async function conclude(course: Course): Promise<Result> {
  const { slot, job, started, problems, judges, scenes, armed, changes } = course;
  slot.armed = undefined;
  slot.take = () => {};
  slot.over = () => slot.wake();
  const requestsOf = slot.replicas.map(({ proxy }) => proxy.requests.filter(({ at }) => at >= started));
  const names = [...new Set(course.steps.flatMap((step) => nameIn(step) ?? []))];
  for (const requests of requestsOf) problems.push(...hotLoops(requests), ...costly(requests, names, changes));
  const log = slot.replicas.flatMap(({ takeLog }) => takeLog());
  problems.push(...defectsIn(log), ...slot.takeBadEnds());
  problems.push(...slot.takeLate().map((what) => `S5: ${what}`));
  for (const { unexpectedEnd } of slot.replicas) {
    const end = unexpectedEnd();
    if (end) problems.push(`L3: the operator ended: ${end}`);
  }
  try {
    for (const { proxy } of slot.replicas) proxy.slow({ from: 0, to: 0 });
    for (const place of places) await scenes[place].admin.alone();
    for (const place of places) await cleanUp(scenes[place]);
    for (const { revive } of slot.replicas) await revive();
  } catch (error) {
    problems.push(`the harness failed to clean up: ${(error as Error).stack}`);
  }
  // Who comes back finds what an API server that has just started says, such as a 403, and tells it.
  const isExcused = (violation: string) =>
    isDisturbed(course) && comesBack(course) && violation.includes('S8: a status is written');
  const broken = judges.violations.filter((violation) => !isExcused(violation));
  return {
    ...{ job, violations: [...broken, ...problems], judged: judges.judged, slowest: course.slowest },
    ...{ started, struck: armed.struck.length, counts: armed.counts },
    milliseconds: performance.now() - started,
    story: () => storyOf(course, requestsOf.flat(), log),
  };
}

/** The LicenseSettings that a step is about. */
const nameIn = (step: Step): string | undefined => {
  if (step.do === 'create') return step.name;
  return step.do === 'act' && step.action.do === 'create' ? step.action.name : undefined;
};

/** Everything that was told, asked for and logged, in the order of time. */
function storyOf(
  { started, told }: Course,
  requests: readonly Seen[],
  log: ReturnType<Slot['replicas'][number]['takeLog']>,
): string[] {
  const origin = performance.timeOrigin + started;
  const answers = requests.map(
    ({ at, verb, resource, namespace, name, fault = '', committed = '-', code = '-', ended }) => ({
      at: at - started,
      what: `request ${verb} ${resource} ${namespace}/${name}: ${fault} the server said ${committed}, the operator got ${code}${ended ? ` after ${(ended - at).toFixed(0)} ms` : ''}`,
    }),
  );
  const lines = log.map((line) => ({
    at: Date.parse(String(line['time'])) - origin,
    what: `log ${JSON.stringify(line)}`,
  }));
  return [...told, ...answers, ...lines]
    .sort((a, b) => a.at - b.at)
    .map(({ at, what }) => `${at.toFixed(0).padStart(7)} ${what.slice(0, 600)}`);
}
