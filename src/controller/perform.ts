/** Does a step: the only writes of ConfigMaps, and of the status that begins a plan. */
import type { Status } from '../api/licensesettings.ts';
import { labels, manager } from '../api/names.ts';
import { type ApiError, asApiError, mayStillLand } from '../kube/index.ts';
import { editorInWords } from '../settings/editor.ts';
import type { Judgement } from '../settings/judgement.ts';
import type { Step, Write } from '../settings/next.ts';
import { jsonKey } from '../settings/render.ts';
import { verdictOn } from '../settings/verdict.ts';
import { readZone } from '../settings/zones.ts';
import { mayWrite, mayWriteStatus, refused, wrote, wroteStatus } from './brake.ts';
import { type Halt, haltOf, stopsOneOnly } from './halt.ts';
import { brakeOf, isFree, remember, type Sent } from './memory.ts';
import type { LicenseSettings, StoredConfigMap } from './objects.ts';
import { overtaken, type Place } from './place.ts';
import { type AnsweredConfigMap, configMapsResource, settingsResource } from './requests.ts';

/** A reconcile on its way. */
export type Run = {
  judged: Judgement;
  /** The object as it was decided from, and with the status that was written last. */
  readonly object: LicenseSettings;
  about: LicenseSettings;
  /** The ConfigMaps as they were seen, and as the answers to writes show them since. */
  readonly configMaps: Map<string, StoredConfigMap>;
  readonly inherited: ReadonlySet<string>;
  /** What kept a ConfigMap from being written or deleted. */
  readonly halted: Map<string, Halt>;
  writes: number;
};

type Doing = { readonly place: Place; readonly run: Run };

/** Does the writes or deletions of a step one after the other. Gives what stops the whole reconcile. */
export async function perform(
  place: Place,
  run: Run,
  step: Extract<Step, { do: 'write' | 'delete' }>,
): Promise<Halt | undefined> {
  const doing = { place, run };
  const jobs: [string, () => Promise<Halt | undefined>][] =
    step.do === 'write'
      ? step.writes.map((one) => [one.want.rendered.name, () => write(doing, one)])
      : step.views.map((view) => [view.metadata.name, () => discard(doing, view as StoredConfigMap)]);
  for (const [name, job] of jobs) {
    const halt = place.turn.isOver()
      ? ({ kind: 'turn is over' } as const)
      : (overtaken(place, run.object.metadata) ?? (await job()));
    if (!halt) continue;
    if (!step.each || !stopsOneOnly(halt)) return halt;
    run.halted.set(name, halt);
  }
  return undefined;
}

async function write({ place, run }: Doing, one: Write): Promise<Halt | undefined> {
  const braked = mayWrite(brakeOf(place.memory), place.clock, attemptOf(one));
  if (braked) return braked;
  const view = one.view as StoredConfigMap | undefined;
  const { owner } = run.judged;
  const { requests } = place;
  switch (one.how) {
    case 'create':
      return send({ place, run }, one, () => requests.createConfigMap(owner, one.want));
    case 'update':
      return send({ place, run }, one, () => requests.updateConfigMap(view as StoredConfigMap, owner, one.want));
    case 'relabel':
      return send({ place, run }, one, () => requests.relabelConfigMap(view as StoredConfigMap, owner, one.want));
    case 'replace':
      return replace({ place, run }, one, view as StoredConfigMap);
  }
}

/** An immutable ConfigMap is deleted, and created again with what others wrote on it. */
async function replace(doing: Doing, one: Write, view: StoredConfigMap): Promise<Halt | undefined> {
  const { place, run } = doing;
  const former = await answered(() => place.requests.wholeMetadata(view));
  if ('halt' in former) return former.halt;
  const halt = await discard(doing, view);
  if (halt) return halt;
  return send(doing, one, () => place.requests.createConfigMap(run.judged.owner, one.want, former.value));
}

/** Sends a write of a ConfigMap, and remembers what came of it. */
async function send(doing: Doing, one: Write, request: () => Promise<AnsweredConfigMap>): Promise<Halt | undefined> {
  const { place } = doing;
  const { memory, clock } = place;
  const { name } = one.want.rendered;
  const write = sentOf(one, isFree(memory, name, clock.monotonic()));
  const answer = await answered(request);
  if ('value' in answer) return keep(doing, one, answer.value);
  const { halt, error } = answer;
  if (mayStillLand(error)) remember(memory, { what: 'got no answer', write }, clock.monotonic());
  if (halt.kind === 'outdated') remember(memory, { what: 'doubts', name }, clock.monotonic());
  // A namespace that is gone.
  if (error.class === 'missing' && one.how === 'create') return { kind: 'overtaken', words: error.message, error };
  if (halt.kind !== 'refused') return halt;
  return refused(brakeOf(memory), clock, name, halt);
}

/** Keeps the answer to a write for this reconcile; the cache learns of it from its watch. */
function keep({ place, run }: Doing, one: Write, { changed, ...view }: AnsweredConfigMap): Halt | undefined {
  const { memory, clock, turn, own, key, configMaps } = place;
  const { name } = view.metadata;
  run.configMaps.set(name, view);
  run.writes++;
  if (isWatched(view)) own.wrote(key, configMapsResource.plural, view);
  remember(memory, { what: 'sees', names: new Set([name]) }, clock.monotonic());
  turn.progressed();
  remember(memory, { what: 'was answered', write: sentOf(one, false) }, clock.monotonic());
  // Not what was sent: it is not written again in this reconcile (R9.10).
  if (changed !== undefined) {
    const words = changedInWords(name, changed);
    return refused(brakeOf(memory), clock, name, { kind: 'contested', words, after: 0 });
  }
  const { owner } = run.judged;
  const isRight = () => {
    const now = configMaps.get(name);
    return now !== undefined && verdictOn(now, { owner, want: one.want }) === 'right';
  };
  wrote(brakeOf(memory), clock, { name, aim: aimOf(one) }, isRight);
  if (one.restores) {
    const before = one.view as StoredConfigMap | undefined;
    const restored = memory.restored ?? { name, editor: before?.editor, deleted: before === undefined };
    remember(memory, { what: 'restored', restored }, clock.monotonic());
  }
  return undefined;
}

/** Deletes a ConfigMap of this object, if it is still the one that was looked at. */
async function discard({ place, run }: Doing, view: StoredConfigMap): Promise<Halt | undefined> {
  const { memory, turn, own, key } = place;
  const { name } = view.metadata;
  // Asking again would not hurry it (R9.15).
  if (view.metadata.deletionTimestamp) return hasToGo(view);
  const answer = await answered(() => place.requests.deleteConfigMap(view));
  if ('halt' in answer) {
    if (answer.halt.kind === 'outdated') remember(memory, { what: 'doubts', name }, place.clock.monotonic());
    return answer.halt;
  }
  run.writes++;
  turn.progressed();
  const { value: held } = answer;
  if (held) {
    run.configMaps.set(name, held);
    if (isWatched(held)) own.wrote(key, configMapsResource.plural, held);
    return hasToGo(held);
  }
  run.configMaps.delete(name);
  if (isWatched(view)) own.deleted(key, configMapsResource.plural, view);
  remember(memory, { what: 'looked', name, found: undefined }, place.clock.monotonic());
  return undefined;
}

/** Of a ConfigMap without this label no event ever comes: to wait for it would be for ever. */
const isWatched = ({ metadata }: StoredConfigMap): boolean => metadata.labels?.[labels.managedBy] === manager;

/** Writes into the status that a plan begins. Its answer may get lost, and the plan is this term's all the same. */
export async function begin(place: Place, run: Run, status: Status): Promise<Halt | undefined> {
  const { memory, clock } = place;
  const before = memory.plan;
  if (status.applying) remember(memory, { what: 'begins a plan', plan: status.applying }, clock.monotonic());
  const answer = await putStatus(place, run, status);
  if (!answer) return undefined;
  // Where it was refused the status may tell of somebody else's plan.
  if (!('error' in answer && answer.error && mayStillLand(answer.error)))
    remember(memory, { what: 'may not begin', plan: before }, clock.monotonic());
  return answer;
}

export async function putStatus(place: Place, run: Run, status: Status): Promise<Halt | undefined> {
  const { memory, clock, requests, own, key } = place;
  const stop = overtaken(place, run.object.metadata, true) ?? mayWriteStatus(brakeOf(memory), clock);
  if (stop) return stop;
  const answer = await answered(() => requests.putStatus(run.about, status));
  if ('halt' in answer) {
    if (answer.error.class === 'missing')
      return { kind: 'overtaken', words: answer.error.message, error: answer.error };
    if (answer.halt.kind === 'outdated') remember(memory, { what: 'doubts the object', is: true }, clock.monotonic());
    return answer.halt;
  }
  run.about = answer.value;
  own.wrote(key, settingsResource.plural, answer.value);
  wroteStatus(brakeOf(memory), clock);
  return undefined;
}

type Answered<T> = { readonly value: T } | { readonly halt: Halt; readonly error: ApiError };

async function answered<T>(request: () => Promise<T>): Promise<Answered<T>> {
  try {
    return { value: await request() };
  } catch (thrown) {
    const error = asApiError(thrown);
    if (!error) throw thrown;
    return { halt: haltOf(error), error };
  }
}

function sentOf({ want: { rendered }, how }: Write, free: boolean): Sent {
  const { name, dataHash } = rendered;
  const create = how === 'create' || how === 'replace';
  return { name, dataHash, zone: readZone({ record: rendered.data[jsonKey] }), create, free };
}

/** What a write is for: another write for the same is a repetition. */
const aimOf = ({ how, want: { rendered, retained } }: Write): string =>
  how === 'relabel' ? `relabel ${retained}` : `whole ${rendered.dataHash} ${retained}`;

/** What is about to be written, and what is said where our last write for the same was undone. */
function attemptOf(one: Write) {
  const { name } = one.want.rendered;
  const how = one.view
    ? `changed again after each write, last by ${editorInWords(one.view.editor)}`
    : 'deleted again after each write';
  const mend = 'find out who does it, and let only one of the two write it; it is tried again within a minute';
  return { name, aim: aimOf(one), words: `ConfigMap ${name} is ${how}: ${mend}` };
}

const changedInWords = (name: string, changed: string): string =>
  `ConfigMap ${name}: ${changed} on the way into the API server, by an admission policy or webhook: ` +
  `exempt ConfigMaps with the label ${labels.managedBy}=${manager} from it; it is tried again within a minute`;

/** Why nothing is written while a ConfigMap is still there. */
export function hasToGo({ metadata: { name, deletionTimestamp, finalizers } }: StoredConfigMap): Halt {
  const held = deletionTimestamp
    ? `it is being deleted, and ${finalizers?.join(', ') || 'something'} holds it back`
    : 'an earlier object of the same name owns it, until the garbage collector has taken it';
  return { kind: 'waits', words: `ConfigMap ${name} has to go first: ${held}` };
}
