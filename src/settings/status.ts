/** From what is known to a status. The condition table of the contract stands here as data, row by row. */
import {
  type Applied,
  belongsTo,
  type Condition,
  type Declaration,
  type FieldError,
  maxConfigMapNameLength,
  maxHistory,
  maxZoneNameLength,
  maxZones,
  type Status,
} from '../api/licensesettings.ts';
import { annotations } from '../api/names.ts';
import { shownText } from '../api/text.ts';
import { canonicalJson } from './hash.ts';
import type { Live } from './live.ts';
import { liveNumbers, zoneNumbers } from './render.ts';
import { cutErrors } from './validate.ts';

/** Why the ConfigMap can't be brought to what it should be. */
export type Problem = {
  readonly kind: 'ConfigMapConflict' | 'WriteRejected' | 'Contested' | 'WriteFailed';
  readonly message: string;
};

/** Everything that a status is made of. */
export type Facts = {
  readonly generation: number;
  readonly suspended: boolean;
  /** Mistakes in the newest spec. */
  readonly errors: readonly FieldError[];
  /** What is live, after this reconcile. */
  readonly live: Live | undefined;
  /** What was live before this reconcile: an apply that no status has told of yet goes into the history. */
  readonly before?: Live | undefined;
  /** Settings that are on their way: a plan is under way. */
  readonly applying: Status['applying'] | undefined;
  /** True when the newest spec is valid and what it declares is live. */
  readonly current: boolean;
  readonly problem: Problem | undefined;
  /** settingsHash of a saved spec that is neither live nor approved. */
  readonly pending: string | undefined;
  /** What the annotation that approves holds, where that can approve nothing. */
  readonly unusable?: string | undefined;
  /** What the ConfigMaps hold; undefined: as it was. */
  readonly configMaps: Status['configMaps'] | undefined;
  /** RFC 3339, whole seconds. */
  readonly now: string;
};

type Verdict = { readonly status: 'True' | 'False'; readonly reason?: string };
const yes: Verdict = { status: 'True' };
const no: Verdict = { status: 'False' };

/** One row of the condition table: its name is the reason of Applied and Ready unless a verdict has its own. */
type Row = {
  readonly reason: string;
  readonly holds: (facts: Facts) => boolean;
  readonly applied: (facts: Facts) => Verdict;
  readonly ready: Verdict;
  readonly also?: 'Stalled' | 'Reconciling';
  readonly message: (facts: Facts) => string;
};

const problemRow = (kind: Problem['kind'], also: 'Stalled' | 'Reconciling'): Row => ({
  reason: kind,
  holds: ({ problem }) => problem?.kind === kind,
  applied: () => no,
  ready: no,
  also,
  // In it an API server, or a webhook behind it, has its say.
  message: ({ problem }) => shownText(problem?.message ?? ''),
});

const pendingRow = (_situation: string, which: (facts: Facts) => boolean, ready: Verdict): Row => ({
  reason: 'ApplyPending',
  holds: (facts) => facts.pending !== undefined && which(facts),
  applied: () => no,
  ready,
  message: ({ pending = '', unusable, generation }) =>
    [
      `generation ${generation} is saved and waits for its approval: set the annotation ${annotations.apply} to ${pending}`,
      ...(unusable === undefined ? [] : [unusable]),
    ].join('; '),
});

/** The first row that holds gives the reasons; the messages of all that hold are shown (T4). */
export const rows: readonly Row[] = [
  {
    reason: 'Suspended', // T11
    holds: ({ suspended }) => suspended,
    applied: ({ current }) => (current ? { ...yes, reason: 'Applied' } : no),
    ready: yes,
    message: () => 'spec.suspend is true: nothing but the status is written',
  },
  {
    reason: 'Invalid', // T12
    holds: ({ errors }) => errors.length > 0,
    applied: () => no,
    ready: no,
    also: 'Stalled',
    message: ({ errors }) => describeErrors(errors),
  },
  problemRow('ConfigMapConflict', 'Stalled'), // T13
  problemRow('WriteRejected', 'Stalled'), // T14
  problemRow('Contested', 'Stalled'), // T15
  problemRow('WriteFailed', 'Reconciling'), // T16
  {
    reason: 'Settling', // T17
    holds: ({ applying }) => applying !== undefined,
    applied: () => no,
    ready: no,
    also: 'Reconciling',
    message: ({ applying }) =>
      `the settings of generation ${applying?.generation} are on their way: licenses move between zones, and dialers get time to see it`,
  },
  pendingRow('nothing live', ({ live }) => live === undefined, no), // T18
  pendingRow('older settings live', ({ live }) => live !== undefined, yes), // T19
  {
    reason: 'Applied', // T20
    holds: ({ current }) => current,
    applied: () => yes,
    ready: yes,
    message: () => '',
  },
];

/**
 * The status that says these facts, or undefined when they have no row yet: then the one before stays.
 * `lastTransitionTime` moves only with the status of a condition (T5).
 */
export function nextStatus(previous: Status | undefined, facts: Facts): Status | undefined {
  const holding = rows.filter((row) => row.holds(facts));
  const [first] = holding;
  if (!first) return undefined;
  const { live, errors, generation } = facts;
  const message = [...holding.map((row) => row.message(facts)), describeLive(facts)].filter(Boolean).join('; ');
  const condition = (type: string, { status, reason = first.reason }: Verdict, text = message): Condition =>
    nextCondition(previous, { type, status, reason, observedGeneration: generation, message: text }, facts.now);
  const valid = errors.length === 0;
  const applies = appliesSince(previous?.applied, facts);
  const applied = nextApplied(previous?.applied, applies, facts.now);
  const configMaps = facts.configMaps ?? previous?.configMaps;
  const licenses = live?.declaration ? liveNumbers(live.declaration) : previous?.licenses;
  const zones = live?.declaration ? zoneNumbers(live.declaration) : previous?.zones;
  const history = nextHistory(previous?.history, applies, facts.now);
  return {
    observedGeneration: generation,
    ...(applied ? { applied } : {}),
    ...(facts.applying === undefined ? {} : { applying: countable(facts.applying) }),
    ...(facts.pending === undefined ? {} : { pending: { generation, settingsHash: facts.pending } }),
    ...(licenses ? { licenses } : {}),
    ...(zones?.length ? { zones } : {}),
    ...(configMaps?.length ? { configMaps } : {}),
    ...(history.length ? { history } : {}),
    ...(valid ? {} : { errors: cutErrors(errors) }),
    conditions: [
      condition('Ready', first.ready),
      condition(
        'Valid',
        valid ? { ...yes, reason: 'Valid' } : { ...no, reason: 'Invalid' },
        valid ? 'the spec keeps every rule' : describeErrors(errors),
      ),
      condition('Applied', first.applied(facts)),
      ...(first.also ? [condition(first.also, yes)] : []),
    ],
  };
}

/** A condition with the time since when it has its status. */
function nextCondition(
  previous: Status | undefined,
  next: Omit<Condition, 'lastTransitionTime'>,
  now: string,
): Condition {
  const before = previous?.conditions?.find(({ type }) => type === next.type);
  const lastTransitionTime = before?.status === next.status ? before.lastTransitionTime : now;
  return { ...next, lastTransitionTime };
}

/**
 * The status of an object of which is not known what it says now: all that was told of what is live stays, and of the spec only
 * what was told of this generation.
 */
export function failedStatus(
  previous: Status | undefined,
  { generation, problem, now }: { readonly generation: number; readonly problem: Problem; readonly now: string },
): Status {
  const { errors, pending, conditions = [], ...told } = previous ?? {};
  const isOfNow = previous?.observedGeneration === generation;
  const { kind: reason } = problem;
  const message = shownText(problem.message);
  const { also } = rows.find((row) => row.reason === reason) ?? {};
  const condition = (type: string, status: Condition['status']) =>
    nextCondition(previous, { type, status, reason, observedGeneration: generation, message }, now);
  return {
    ...{ ...told, observedGeneration: generation },
    ...(isOfNow && errors ? { errors } : {}),
    ...(isOfNow && pending ? { pending } : {}),
    conditions: [
      condition('Ready', 'False'),
      ...(isOfNow ? conditions.filter(({ type }) => type === 'Valid') : []),
      condition('Applied', 'False'),
      ...(also ? [condition(also, 'True')] : []),
    ],
  };
}

/** Longest name of a ConfigMap that a spec can give: that of a zone. */
const maxMapName = maxConfigMapNameLength + 1 + maxZoneNameLength;

/**
 * What the status says of this object's ConfigMaps, as far as it can be true: names that a spec of the object could give, and no
 * more of them than that. Each may cost a request, and is part of its path; somebody else may have written it.
 */
export const knownConfigMaps = (status: Status | undefined, objectName: string): Status['configMaps'] =>
  status?.configMaps
    ?.filter(({ name }) => name.length <= maxMapName && /^[a-z0-9.-]+$/.test(name) && belongsTo(name, objectName)) // R1.5
    .slice(0, maxZones + 1);

/** What a status says of one ConfigMap. */
export const configMapEntry = ({ name, dataHash }: { name: string; dataHash: string }, retained: boolean) => ({
  name,
  dataHash,
  ...(retained ? { retained } : {}),
});

/** True when two statuses say the same: then nothing is written (T6, R8.3, S8). */
export const sameStatus = (a: Status | undefined, b: Status): boolean =>
  a !== undefined && canonicalJson(a) === canonicalJson(b);

/**
 * The applies that the previous status does not tell of, oldest first: those by which the settingsHash moved. What was live
 * for a moment, before a status could say so, is one; settings that were taken back before others were live are none.
 */
function appliesSince(previous: Applied | undefined, { before, live }: Facts): Live[] {
  const applies: Live[] = [];
  for (const one of [before, live]) // A7
    if (one && one.settingsHash !== (applies.at(-1) ?? previous)?.settingsHash) applies.push(one);
  return applies;
}

/** What is live as a status has it. What a later release wrote is handed on as it stands. */
function nextApplied(previous: Applied | undefined, applies: readonly Live[], now: string): Applied | undefined {
  const last = applies.at(-1);
  if (!last) return previous && countable(previous);
  const { generation, settingsHash, time = now } = last;
  return { generation, settingsHash, time, settings: last.declaration as Declaration };
}

/**
 * What somebody else wrote into a status, with a generation that may be handed on: an int64 of more than 53 bits comes out of
 * JSON as another number, which may be none any more, and the API server would refuse the whole status.
 */
const countable = <T extends { readonly generation: number }>(one: T): T =>
  Number.isSafeInteger(one.generation) ? one : { ...one, generation: Number.MAX_SAFE_INTEGER };

/** The last 10 applies (T3). */
function nextHistory(previous: Status['history'] = [], applies: readonly Live[], now: string) {
  const added = applies.map(({ generation, settingsHash, time = now }) => ({ generation, settingsHash, time }));
  return [...added.reverse(), ...previous].slice(0, maxHistory).map(countable);
}

/** How many errors a message names; `status.errors` has them all. */
const shown = 3;

function describeErrors(errors: readonly FieldError[]): string {
  const named = errors.slice(0, shown).map(({ field, message }) => `${field} ${message}`);
  const more = errors.length > shown ? [`${errors.length - shown} more in status.errors`] : [];
  return `the spec has ${errors.length} ${errors.length === 1 ? 'error' : 'errors'}: ${[...named, ...more].join('; ')}`;
}

function describeLive({ live, current, problem }: Facts): string {
  if (!live) return 'nothing is live yet';
  const settings = `the settings of generation ${live.generation}`;
  if (problem) return `${settings} were applied last`;
  return current ? `${settings} are live` : `${settings} stay live`;
}
