/** The one flow: observe, judge, and then step by step what is next, until the end is concluded in the status. */
import type { Applied } from '../api/licensesettings.ts';
import type { Task } from '../kube/index.ts';
import { uidOf } from '../settings/configmap.ts';
import { isSuspended, type Judgement, judge, type Reading, read } from '../settings/judgement.ts';
import { hasLanded, next, type Situation, type Step, type Stop } from '../settings/next.ts';
import { failedStatus, sameStatus } from '../settings/status.ts';
import { allRight, beginLook, contestIn, isIdle } from './brake.ts';
import { conclude, type End, nothingMore, type Outcome, rfc3339, statusOfBeginning } from './conclude.ts';
import type { Halt } from './halt.ts';
import { createMemory, type Memory, remember } from './memory.ts';
import { askedFor, type LicenseSettings, type StoredConfigMap } from './objects.ts';
import { lookAtDoubts, lookAtOwner, type Observation, observe } from './observe.ts';
import { begin, hasToGo, perform, type Run } from './perform.ts';
import type { Place, World } from './place.ts';
import { priorities } from './priorities.ts';
import { createRequests } from './requests.ts';
import { createTurn } from './turn.ts';

/** Steps of one reconcile at most: each step of a plan is one, and each may be repeated where somebody interferes. */
const mostSteps = 20;

/** Reconciles one object, for one turn. It throws only for a mistake in our own code, and tells of it in the object's status. */
export async function reconcile(
  world: World,
  { key, priority }: Task,
): Promise<Outcome & { readonly requests: number }> {
  const [namespace = '', name = ''] = key.split('/');
  const requests = createRequests(world.client, namespace);
  const settings = world.settings.in(namespace);
  const object = settings.get(name);
  // While an object is being deleted nothing at all is written: healing during an orphaning delete loses the ConfigMap (T9, R5.1).
  if (!object || object.metadata.deletionTimestamp) {
    world.memories.delete(key);
    return { said: 'gone', again: nothingMore, requests: 0 };
  }
  const place: Place = {
    ...{ key, name, requests, settings, configMaps: world.configMaps.in(namespace) },
    ...{ clock: world.clock, epoch: world.epoch, own: world.own, isThere: (uid: string) => world.settings.has(uid) },
    memory: memoryOf(world, key, object),
    turn: createTurn(world.clock, requests.sent),
  };
  try {
    const outcome = await reconcileHere(place, object, priority <= priorities.background);
    return { ...outcome, requests: requests.sent() };
  } catch (thrown) {
    await tellDefect(place, object, thrown);
    throw thrown;
  }
}

/** What this term remembers of the object; of another one of the name nothing. */
function memoryOf({ memories, clock }: World, key: string, object: LicenseSettings): Memory {
  const { uid } = object.metadata;
  const asked = askedFor(object);
  const known = memories.get(key);
  const memory = known?.uid === uid ? known : createMemory(uid, asked);
  memories.set(key, memory);
  if (memory.asked !== asked) remember(memory, { what: 'asked', asked }, clock.monotonic());
  return memory;
}

async function reconcileHere(place: Place, cached: LicenseSettings, background: boolean): Promise<Outcome> {
  const { memory, clock } = place;
  const started = clock.monotonic();
  const pause = isSuspended(cached.spec) ? undefined : pauseOf(memory, started);
  const observed = await observe(place, cached, pause);
  const run = runOf(observed);
  noteSight(place, run);
  const { blind } = observed;
  const { target, suspended } = run.judged;
  const halt = observed.halt ?? (target && !suspended ? await lookAtOwner(place, observed) : undefined);
  const end = halt ? { halt, blind } : await work(place, run, background);
  const outcome = await conclude(place, run, end, started);
  const stopped = outcome.halt !== undefined || end.wait !== undefined;
  remember(memory, { what: 'ends', goesOn: outcome.said === 'more', stopped }, started);
  const now = clock.monotonic();
  if (memory.brake && isIdle(memory.brake, now)) remember(memory, { what: 'needs no brake' }, now);
  return outcome;
}

/** Why nothing is asked of the API server yet: it, or the brake, said so, and people have changed nothing since. */
function pauseOf({ failing }: Memory, now: number): Halt | undefined {
  const left = (failing?.until ?? 0) - now;
  return failing && left > 0 ? { ...failing.halt, ...('after' in failing.halt ? { after: left } : {}) } : undefined;
}

function runOf({ object, reading, seen }: Observation): Run {
  const configMaps = new Map(seen.configMaps);
  return {
    judged: judgedOf(object, reading, { configMaps, inherited: seen.inherited }),
    ...{ object, about: object, configMaps, inherited: seen.inherited, halted: new Map(), writes: 0 },
  };
}

function judgedOf(
  object: LicenseSettings,
  reading: Reading,
  { configMaps, inherited }: Observation['seen'],
): Judgement {
  const views = [...configMaps.values()];
  return judge(
    object,
    reading,
    views.filter((view) => uidOf(view) === reading.owner.uid),
    views.filter(({ metadata }) => inherited.has(metadata.name)),
  );
}

/** What the ConfigMaps and the status show of licenses that dialers may have lost, and of a plan that somebody else began (R2.9). */
function noteSight({ memory, clock }: Place, run: Run): void {
  const { judged, object, configMaps } = run;
  const now = clock.monotonic();
  const isThere = [...configMaps.values()].some((view) => uidOf(view) === judged.owner.uid);
  // By hand it may happen at any moment; of what happened before this term nobody tells when.
  const first = memory.takenAway === undefined ? 'taken' : 'nothing to take';
  const sight = isThere && judged.suspended ? 'being taken' : isThere ? first : 'nothing to take';
  remember(memory, { what: 'saw', sight }, now);
  noteLanded(memory, run, now);
  const applying = object.status?.applying;
  // One that no spec of the object could give is no plan of ours: somebody made it up, or a later release knows what it is.
  if (applying && judged.applying?.declaration)
    remember(memory, { what: 'found a plan', applying, isThere: (name) => configMaps.has(name) }, now);
}

/** A create that got no answer may have been carried out all the same. */
function noteLanded(memory: Memory, { judged, configMaps }: Run, now: number): void {
  for (const [name, unknown] of memory.unknown) {
    const view = configMaps.get(name);
    if (view && hasLanded(unknown, view, judged.owner)) remember(memory, { what: 'landed', name }, now);
  }
}

/** Does one step after the other, until nothing is left to do, a plan waits, or something is in the way. */
async function work(place: Place, run: Run, background: boolean): Promise<End> {
  if (run.judged.suspended) return {}; // A9
  if (place.memory.brake) beginLook(place.memory.brake, place.clock);
  for (let steps = 0; steps < mostSteps; steps++) {
    const now = place.clock.monotonic();
    const { step, sight } = next(situationOf(place, run, background));
    if (sight) remember(place.memory, { what: 'saw', sight }, now);
    const end = await doStep(place, run, step);
    if (end) return end;
  }
  const words = `something changes the ConfigMaps of ${run.judged.owner.name} at each write: look for a mutating webhook`;
  return { halt: { kind: 'contested', words, after: 0 } };
}

function situationOf({ memory, clock, epoch }: Place, run: Run, background: boolean): Situation {
  const { judged, configMaps, inherited, halted } = run;
  return {
    ...{ judged, memory, epoch, background, seen: { configMaps, inherited }, now: clock.monotonic() },
    halted: new Map([...halted].map(([name, { kind }]) => [name, kind === 'refused' ? kind : 'other'])),
  };
}

/** Gives the end of the work; undefined: another step may follow at once. */
async function doStep(place: Place, run: Run, step: Step): Promise<End | undefined> {
  switch (step.do) {
    case 'begin':
      return endOf(await beginPlan(place, run, step.applying));
    case 'write':
    case 'delete':
      return endOf(await performOrLook(place, run, step));
    case 'wait':
      return { wait: step.milliseconds, ...contested(place) };
    case 'stop':
      return stopped(place, run, step.why);
    case 'done': {
      if (place.memory.brake) allRight(place.memory.brake);
      return { done: step.result, ...contested(place) };
    }
  }
}

/** What was written, and may not stay: the status tells of it until it has stayed (S10). */
function contested({ memory, clock }: Place): { readonly halt?: Halt } {
  const halt = memory.brake && contestIn(memory.brake, clock);
  return halt ? { halt } : {};
}

const endOf = (halt: Halt | undefined): End | undefined => halt && { halt };

async function beginPlan(place: Place, run: Run, plan: Omit<Applied, 'time'>): Promise<Halt | undefined> {
  const { memory, clock } = place;
  const { generation, settingsHash } = memory.plan ?? {};
  const isRepeated = generation === plan.generation && settingsHash === plan.settingsHash;
  // The first one may have landed without an answer: the second must not make another plan of it.
  const time = (isRepeated && memory.plan?.time) || rfc3339(clock.wall());
  const status = statusOfBeginning(place, run, { ...plan, time });
  const halt = status && (await begin(place, run, status));
  if (!halt) run.judged = judgedOf(run.about, read(run.about), run);
  return halt;
}

/** A name that turns out to be taken is looked at once, and decided on anew (R9.6). */
async function performOrLook(
  place: Place,
  run: Run,
  step: Extract<Step, { do: 'write' | 'delete' }>,
): Promise<Halt | undefined> {
  const halt = await perform(place, run, step);
  if (halt?.kind !== 'outdated' || halt.error?.reason !== 'AlreadyExists') return halt;
  const failed = await lookAtDoubts(place, run);
  noteLanded(place.memory, run, place.clock.monotonic());
  // It may be the record of newer settings.
  if (!failed) run.judged = judgedOf(run.about, read(run.about), run);
  return failed;
}

function stopped({ memory, clock }: Place, { judged }: Run, why: Stop): End {
  switch (why.kind) {
    case 'conflict':
      if (judged.planned) remember(memory, { what: 'is taken', name: why.name }, clock.monotonic());
      return { halt: { kind: 'conflict', name: why.name } };
    case 'waits':
      return { halt: hasToGo(why.view as StoredConfigMap) };
    case 'halted':
      return {};
  }
}

/** Says in the status that the operator fails on an object, where that can be said: what is live stays as it is (R9.22). */
async function tellDefect(place: Place, object: LicenseSettings, thrown: unknown): Promise<void> {
  const { clock, requests } = place;
  if (place.settings.get(place.name)?.metadata.deletionTimestamp) return;
  try {
    const { generation = 0 } = object.metadata;
    const message = `the operator fails on this object, which is a defect of it: ${thrown}; what is live stays, and it tries again within a minute; please report it with its log`;
    const problem = { kind: 'WriteFailed', message } as const;
    const after = failedStatus(object.status, { generation, problem, now: rfc3339(clock.wall()) });
    if (!sameStatus(object.status, after)) await requests.putStatus(object, after);
  } catch {
    // Then the log and the metric alone tell it.
  }
}
