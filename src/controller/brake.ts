/**
 * Ends what would go on for ever: two writers that undo each other, a policy that changes what is written (L4).
 * What is remembered is of one object and one term, and bounded by its ConfigMaps.
 */
import type { Clock } from '../kube/index.ts';
import type { Halt } from './halt.ts';

/** A write that somebody undid after it had stood for longer than this, in milliseconds, was ordinary drift. */
const recent = 60_000;
/** So many undone writes are healed at once: people who edit by hand are no fight. */
const allowance = 4;
/** From one trial to the end of its hold: at first, and at most, in milliseconds. */
const firstRound = 10_000; // R9.13
const longestRound = 60_000;
/**
 * How long a trial has to hold before the other ConfigMaps follow, in milliseconds: at least, and at most. What is left of a
 * round is the pause: without one there would be a trial a second.
 */
const shortestHold = 3_000;
const longestHold = 45_000;
/** So long after the last undone write the next one is the first again, in milliseconds. */
const forgetAfter = 300_000;
/** Writes of a status that no change by people asked for: so many at once, then one each so many milliseconds. */
const statusesAtOnce = 4;
const statusEach = 10_000; // R9.14

/** A write that was as wanted when it was answered: what it was for, and when. */
type Written = { readonly aim: string; readonly at: number };

/** The one ConfigMap that is written after a pause. `since`: when it was, undefined before. */
type Trial = { readonly name: string; since: number | undefined; isRight: (() => boolean) | undefined };

/** Why a ConfigMap is not as it should be. `undone`: its write was right when it was answered, so only time shows the next one. */
type Contest = { readonly halt: Refusal; readonly undone: boolean };

/** Why a ConfigMap may not be written now. */
type Refusal = Extract<Halt, { kind: 'contested' | 'refused' }>;

export type Brake = {
  readonly written: Map<string, Written>;
  /** ConfigMaps whose writes are refused or don't stay. */
  readonly contests: Map<string, Contest>;
  /** Those of them that this look had to do with: what a plan does not come to now keeps nothing from being said. */
  readonly met: Set<string>;
  trial: Trial | undefined;
  /** No contested ConfigMap is written before, on the monotonic clock. */
  until: number;
  /** How many writes were undone, and how many rounds were lost, and when the last was. */
  undone: number;
  rounds: number;
  last: number;
  /** Longest time after which a write was undone, in milliseconds: a trial has to hold for longer. */
  stood: number;
  /** When the writes of the status so far will have been paid for, on the monotonic clock, at one each 10 s. */
  statusPaid: number;
};

export const createBrake = (): Brake => ({
  ...{ written: new Map(), contests: new Map(), met: new Set(), trial: undefined, until: 0 },
  ...{ undone: 0, rounds: 0, last: Number.NEGATIVE_INFINITY, stood: 0, statusPaid: 0 },
});

/** True where nothing is left to remember. */
export function isIdle({ written, contests, last, statusPaid }: Brake, now: number): boolean {
  if (contests.size > 0 || now - last <= forgetAfter || statusPaid > now) return false;
  for (const { at } of written.values()) if (now - at <= recent) return false;
  return true;
}

/** A look begins: a trial that has held sets the other ConfigMaps free; after a long quiet nothing is remembered (R9.12). */
export function beginLook(brake: Brake, clock: Clock): void {
  const now = clock.monotonic();
  const { trial } = brake;
  brake.met.clear();
  // It was not needed, or its write failed: another may be tried.
  if (trial?.since === undefined) brake.trial = undefined;
  else if (trial.isRight?.() && now - trial.since >= holdOf(brake)) {
    brake.contests.clear();
    brake.trial = undefined;
  }
  for (const [name, { at }] of brake.written) if (now - at > recent) brake.written.delete(name);
  if (brake.contests.size === 0 && now - brake.last > forgetAfter)
    Object.assign(brake, { undone: 0, rounds: 0, stood: 0 });
}

/** A write that is about to be sent: of which ConfigMap, what for, and what is said if somebody undid the one before. */
export type Attempt = { readonly name: string; readonly aim: string; readonly words: string };

/** Notes where somebody undid our last write of a ConfigMap. Gives why it may not be written again now; undefined: it may (R9.11). */
export function mayWrite(brake: Brake, clock: Clock, { name, aim, words }: Attempt): Halt | undefined {
  const now = clock.monotonic();
  const before = brake.written.get(name);
  if (before?.aim === aim && now - before.at <= recent) {
    brake.written.delete(name);
    // When the first was undone says when that began, not how long it takes.
    if (brake.undone > 0) brake.stood = Math.max(brake.stood, now - before.at);
    brake.undone++;
    brake.last = now;
    if (brake.undone > allowance)
      lose(brake, clock, name, { halt: { kind: 'contested', words, after: 0 }, undone: true });
  }
  if (!brake.contests.has(name)) return undefined;
  brake.met.add(name);
  if (now >= brake.until) brake.trial ??= { name, since: undefined, isRight: undefined };
  return now < brake.until || brake.trial?.name !== name ? contestOf(brake, clock) : undefined;
}

/** True where a ConfigMap may not be written now, so that nothing need be read for it. */
export const isHeldBack = (brake: Brake | undefined, name: string, now: number): boolean =>
  brake?.contests.has(name) === true && (now < brake.until || (brake.trial?.name ?? name) !== name);

/** A write was answered as it was sent. `isRight` tells later whether the ConfigMap still is. */
export function wrote(
  brake: Brake,
  clock: Clock,
  { name, aim }: Pick<Attempt, 'name' | 'aim'>,
  isRight: () => boolean,
) {
  const at = clock.monotonic();
  brake.written.set(name, { aim, at });
  if (brake.trial?.name !== name) return;
  if (brake.contests.get(name)?.undone) {
    Object.assign(brake.trial, { since: at, isRight });
    return;
  }
  // What refused or changed it has gone: the others may follow.
  brake.trial = undefined;
  for (const [one, { undone }] of brake.contests) if (!undone) brake.contests.delete(one);
}

/**
 * The write of a ConfigMap was refused, or its answer shows something else than what was sent: the others are tried once, and
 * then one of them after each pause. Gives the halt.
 */
export function refused(brake: Brake, clock: Clock, name: string, halt: Refusal): Halt {
  brake.last = clock.monotonic();
  lose(brake, clock, name, { halt, undone: false });
  return contestOf(brake, clock);
}

/** All ConfigMaps are as they should be: what this look did not write is contested no more, unless it is on trial. */
export function allRight({ contests, met, trial }: Brake): void {
  for (const name of contests.keys()) if (trial?.name !== name && !met.has(name)) contests.delete(name);
}

/** True while a trial has been written, and has to hold: what happens to it is looked at as soon as it is told. */
export const isOnTrial = (brake: Brake | undefined): boolean => brake?.trial?.since !== undefined;

/** What this look found contested, or is on trial; undefined: nothing. */
export const contestIn = (brake: Brake, clock: Clock): Halt | undefined =>
  [...brake.met, brake.trial?.name].some((name) => name !== undefined && brake.contests.has(name))
    ? contestOf(brake, clock)
    : undefined;

/** The halt where somebody rewrites the status each time. */
export function mayWriteStatus(brake: Brake, clock: Clock): Halt | undefined {
  const now = clock.monotonic();
  const after = Math.max(brake.statusPaid, now) + statusEach - now - statusesAtOnce * statusEach;
  const words = 'somebody else writes the status of this object again and again: look for a second operator';
  return after > 0 ? { kind: 'contested', words, after } : undefined;
}

/** Counts a write of the status that was answered as sent: one that failed was rewritten by nobody. */
export function wroteStatus(brake: Brake, clock: Clock): void {
  brake.statusPaid = Math.max(brake.statusPaid, clock.monotonic()) + statusEach;
}

/** A round is lost, unless a pause runs already: the next pause is longer. */
function lose(brake: Brake, clock: Clock, name: string, contest: Contest): void {
  const now = clock.monotonic();
  brake.contests.set(name, contest);
  brake.met.add(name);
  if (brake.trial ? brake.trial.name !== name : now < brake.until) return;
  brake.rounds++;
  brake.trial = undefined;
  const round = Math.min(longestRound, firstRound * 2 ** (brake.rounds - 1));
  // Spread, so that the objects of a cluster don't come back together after a policy has stopped them all.
  const pause = (round - holdOf(brake)) * (0.75 + 0.25 * clock.random());
  brake.until = now + Math.max(pause, 1_000);
}

const holdOf = ({ stood }: Brake): number => Math.min(Math.max(shortestHold, 2 * stood), longestHold);

function contestOf(brake: Brake, clock: Clock): Refusal {
  const { trial } = brake;
  const next = trial?.since === undefined ? brake.until : trial.since + holdOf(brake);
  const [first] = brake.contests.values();
  const more = brake.contests.size > 1 ? `; and ${brake.contests.size - 1} more ConfigMaps` : '';
  const halt = first?.halt ?? { kind: 'contested', words: '', after: 0 };
  return { ...halt, words: `${halt.words}${more}`, after: Math.max(next - clock.monotonic(), 1_000) };
}
