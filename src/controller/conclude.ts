/** The end of a reconcile: one status, one event, and when to look again. */
import type { Status } from '../api/licensesettings.ts';
import { shownText } from '../api/text.ts';
import type { Note } from '../kube/index.ts';
import { uidOf } from '../settings/configmap.ts';
import { toldConfigMaps } from '../settings/judgement.ts';
import type { Done } from '../settings/next.ts';
import { type Facts, failedStatus, nextStatus, type Problem, sameStatus } from '../settings/status.ts';
import { isOnTrial } from './brake.ts';
import { transition } from './events.ts';
import type { Halt } from './halt.ts';
import { type Failing, type Memory, remember } from './memory.ts';
import type { LicenseSettings } from './objects.ts';
import { putStatus, type Run } from './perform.ts';
import type { Place } from './place.ts';
import { type Again, againAfter, failurePatience } from './retries.ts';

/** What a reconcile came to. */
export type Outcome = {
  /** For the log and the metrics. */
  readonly said: 'unchanged' | 'written' | 'gone' | 'quiet' | 'later' | 'retry' | 'problem' | 'more';
  readonly again: Again;
  readonly halt?: Halt;
  /** The event to send, about this version of the object. */
  readonly event?: { readonly about: LicenseSettings; readonly note: Note };
  /** What the log says besides. */
  readonly detail?: Record<string, unknown>;
};

/**
 * How the steps of a reconcile ended: all is done, a plan waits so many milliseconds, or something is in the way. `blind`: it is
 * not known what the object says, or what is live.
 */
export type End = { readonly done?: Done; readonly wait?: number; readonly halt?: Halt; readonly blind?: boolean };

export const nothingMore: Again = { after: 'nothing' };

/** Halts of which a status says nothing (R9.19). */
const unsaid: readonly Halt['kind'][] = ['overtaken', 'terminating', 'turn is over'];

/** Says in the status what came of it, sends the event, and gives the outcome (R8.6). */
export async function conclude(place: Place, run: Run, end: End, started: number): Promise<Outcome> {
  const { memory } = place;
  const halt = end.halt ?? [...run.halted.values()][0];
  if (!halt) remember(memory, { what: 'fails', failing: undefined }, place.clock.monotonic());
  const met = halt && meet(place, halt, started);
  if (met && isQuiet(met, run, end)) return met.outcome;
  const { problem } = met ?? {};
  const facts = factsOf(place, run, end.done, problem);
  const before = run.about.status;
  const after = end.blind && problem ? failedStatus(before, { ...facts, problem }) : nextStatus(before, facts);
  if (!after) return met?.outcome ?? { said: 'unchanged', again: nothingMore };
  const note = transition(run.object.status, after, memory.restored);
  const refused = await writeStatus(place, run, after);
  if (refused) return meet(place, refused, started).outcome;
  return {
    said: problem ? 'problem' : saidOf(run, end),
    again: met?.outcome.again ?? againAfterWait(end),
    ...(halt ? { halt } : {}),
    ...(note ? { event: { about: run.about, note } } : {}),
    detail: detailOf(facts, run.writes, takeRestored(place)),
  };
}

/** A halt, what the status says of it, and the outcome where no status is written. */
type Met = { readonly problem: Problem | undefined; readonly outcome: Outcome & { readonly halt: Halt } };

/** Of an object that is gone its own event follows; where none comes the answer was that of a server that is behind. */
function meet(place: Place, halt: Halt, started: number): Met {
  const isUnsaid = unsaid.includes(halt.kind);
  const problem = isUnsaid ? undefined : problemOf(place, halt, started);
  const again = againAfter(halt, place.memory, place.clock.monotonic(), isUnsaid || problem !== undefined);
  const said = halt.kind === 'turn is over' ? 'more' : isUnsaid ? 'quiet' : 'retry';
  return { problem, outcome: { said, again, halt } };
}

/** A failure may pass; only what doesn't depend on it is said meanwhile. */
function isQuiet({ problem, outcome }: Met, { judged }: Run, { blind = false }: End): boolean {
  if (unsaid.includes(outcome.halt.kind)) return true;
  return !problem && (blind || (judged.errors.length === 0 && !judged.pending));
}

/** Writes a status that says something new. Gives why it could not be written. */
async function writeStatus(place: Place, run: Run, after: Status): Promise<Halt | undefined> {
  const refused = sameStatus(run.about.status, after) ? undefined : await putStatus(place, run, after);
  if (!refused && !after.applying) remember(place.memory, { what: 'has no plan' }, place.clock.monotonic());
  return refused;
}

const saidOf = ({ about, object, writes }: Run, { done }: End): Outcome['said'] =>
  done?.later ? 'later' : about !== object || writes > 0 ? 'written' : 'unchanged';

const againAfterWait = ({ wait }: End): Again =>
  wait === undefined ? nothingMore : { after: 'time', milliseconds: wait }; // R9.7

/** The name of what was restored; its event is sent now. */
function takeRestored({ memory, clock }: Place): string | undefined {
  const { restored } = memory;
  remember(memory, { what: 'restored', restored: undefined }, clock.monotonic());
  return restored?.name;
}

/** What is live, and what the status says of the rest. */
function factsOf(
  { clock }: Place,
  { judged, about, configMaps }: Run,
  done: Done | undefined,
  problem: Problem | undefined,
): Facts {
  const { generation, suspended, errors, pending, unusable, applied, newestHash, owner } = judged;
  const live = done?.live ?? applied;
  // A plan that has come to its end is no longer under way.
  const applying = done?.configMaps && judged.planned ? undefined : about.status?.applying;
  const owned = [...configMaps.values()].filter((view) => uidOf(view) === owner.uid);
  return {
    ...{ generation, suspended, errors, pending, unusable, live, applying, problem, before: applied },
    configMaps: done?.configMaps ?? toldConfigMaps(judged, owned),
    current: applying === undefined && newestHash !== undefined && newestHash === live?.settingsHash,
    now: rfc3339(clock.wall()),
  };
}

/** The status with which a plan begins. */
export function statusOfBeginning(
  place: Place,
  run: Run,
  applying: NonNullable<Status['applying']>,
): Status | undefined {
  return nextStatus(run.about.status, { ...factsOf(place, run, undefined, undefined), applying, current: false });
}

export const rfc3339 = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');

/** What the status says of a halt; nothing yet while it is young. `started`: when this reconcile began. */
function problemOf({ memory, clock }: Place, halt: Halt, started: number): Problem | undefined {
  if (halt.kind === 'conflict') return { kind: 'ConfigMapConflict', message: conflictInWords(halt.name) };
  const now = clock.monotonic();
  const { told, since } = noteFailure(memory, halt, { started, now });
  if (halt.kind === 'contested') return { kind: 'Contested', message: told };
  if (halt.kind === 'refused') return { kind: 'WriteRejected', message: `the API server refuses the write: ${told}` };
  return now - since < failurePatience ? undefined : { kind: 'WriteFailed', message: `the write fails: ${told}` };
}

/** Words that differ only in a number or an id, as a webhook's request id, are no news: the first ones stay. */
function noteFailure(memory: Memory, halt: Halt, { started, now }: { started: number; now: number }): Failing {
  const known = memory.failing;
  const words = 'words' in halt ? halt.words : '';
  const isSame = known !== undefined && withoutIds(known.told) === withoutIds(words);
  const after = 'after' in halt ? halt.after : 0;
  const until = isOnTrial(memory.brake) ? 0 : now + after;
  const failing = { since: known?.since ?? started, halt, told: isSame ? known.told : words, until };
  remember(memory, { what: 'fails', failing }, now);
  return failing;
}

const withoutIds = (words: string): string => words.replace(/\b(?=\w*\d)[\w-]+\b/g, '#');

const conflictInWords = (name: string): string =>
  `ConfigMap ${shownText(name)} belongs to someone else: delete or rename it, or give another spec.configMap.name; it is looked at again within a minute`;

const detailOf = ({ live, applying, errors, problem }: Facts, writes: number, restored: string | undefined) => ({
  ...(live ? { live: { generation: live.generation, settingsHash: live.settingsHash } } : {}),
  ...(applying ? { applying: { generation: applying.generation, settingsHash: applying.settingsHash } } : {}),
  ...(writes ? { configMapWrites: writes } : {}),
  ...(restored ? { restored } : {}),
  ...(errors.length ? { errors: errors.length, firstError: errors[0] } : {}),
  ...(problem ? { problem: problem.kind } : {}),
});
