/**
 * Judges the wait of R2.8: what a plan took away is given to others no sooner than settleSeconds later, be it from zone to
 * zone, or to and from a system with CAPACITY keys; whatever the status says. The judge of safety knows no time; the harness
 * brings it.
 */
import { defaultSettleSeconds } from '../../src/api/licensesettings.ts';
import { type Change, type Changed, note } from './revision.ts';

/** How long a request takes at most, in milliseconds, where nothing befalls it. */
const underWay = 1_000;
type Life = {
  /** When each spec was saved, and its settleSeconds in milliseconds. */
  readonly saved: { at: number; settle: number }[];
  /** When the operator took something from a zone last, and when CAPACITY keys from a system. */
  lowered: { zone: number | undefined; system: number | undefined };
  /** What the operator wrote last, by name of the ConfigMap. */
  readonly written: Map<string, Map<string, number>>;
  /** The same, less what others took away since. */
  readonly left: Map<string, Map<string, number>>;
  /** Names of ConfigMaps that others changed or deleted since the operator wrote them. */
  readonly edited: Set<string>;
  /** Who deleted a ConfigMap to create it again, by its name: a later process finds none, which holds nothing. */
  readonly replacing: Map<string, string>;
};

/**
 * A function to be told of every change, with the time in milliseconds. Gives what is wrong with it, if anything.
 * @param tolerance how late a change may be seen, in milliseconds: none on a virtual clock
 */
export function createWaitJudge(tolerance = 0): (change: Change, now: number) => string | undefined {
  const lives = new Map<string, Life>();
  return (change, now) => {
    const { object, type, by } = change;
    const { uid } = object.metadata;
    if (object.kind === 'LicenseSettings') {
      if (type === 'DELETED') lives.delete(uid);
      else noteSpec(lives.get(uid) ?? create(lives, uid), object, now);
      return undefined;
    }
    const owner = object.metadata.annotations?.[note('owner-uid')] ?? '';
    const life = lives.get(owner);
    if (object.kind !== 'ConfigMap' || !life) return undefined;
    if (!by.startsWith('operator')) takeEdit(life, change);
    else if (type === 'DELETED') takeDelete(life, change);
    else if (isRaised(life, change, now)) return tooEarly(life, change, { now, tolerance });
    return undefined;
  };
}

function takeEdit(life: Life, { type, object }: Change): void {
  const { name } = object.metadata;
  if (type === 'DELETED') life.left.delete(name);
  else takeAway(life, object);
  life.edited.add(name);
}

function takeDelete(life: Life, { object, by }: Change): void {
  const { name } = object.metadata;
  // What somebody made immutable is deleted and created again: what the new one lacks is taken away.
  if (object['immutable'] === true) {
    life.edited.add(name);
    life.replacing.set(name, by);
  } else {
    life.written.delete(name);
    life.left.delete(name);
  }
}

const kindOf = ({ metadata }: Changed) => (metadata.labels?.[note('zone')] === undefined ? 'system' : 'zone');

/** Takes in what the operator wrote. True when that gives licenses which the ConfigMap did not have before. */
function isRaised(life: Life, { object, previous, by }: Change, now: number): boolean {
  const { name } = object.metadata;
  const after = capacities(object);
  if ((life.replacing.get(name) ?? by) !== by) life.left.set(name, new Map());
  life.replacing.delete(name);
  // One of an earlier object of the same name is adopted as it is.
  const [written, left] = [life.written, life.left].map((known) => known.get(name) ?? capacities(previous));
  life.written.set(name, after);
  life.left.set(name, new Map(after));
  // What an edited one held was taken from what the status says, which is no increase.
  const isHealed = life.edited.delete(name);
  if (exceeds(left, after)) life.lowered[kindOf(object)] = now;
  return !isHealed && exceeds(after, written);
}

/** What is wrong with licenses that are given now, if anything. */
function tooEarly(life: Life, { object }: Change, { now, tolerance }: { now: number; tolerance: number }) {
  // A system gets back what it lost itself: while no zone had anything of it, that is no move.
  const counting = [life.lowered.zone, kindOf(object) === 'zone' ? life.lowered.system : undefined];
  const taken = Math.max(...counting.map((at) => at ?? -1));
  if (taken < 0) return undefined;
  // Whatever was asked for since, and just before: a write may have been under way when that changed.
  const lowered = taken - underWay;
  const since = life.saved.filter(
    ({ at }, i) => (life.saved[i + 1]?.at ?? Number.POSITIVE_INFINITY) > lowered && at <= now,
  );
  const least = Math.min(...since.map(({ settle }) => settle));
  const waited = now - taken;
  if (waited >= least - tolerance) return undefined;
  const owner = object.metadata.annotations?.[note('owner-uid')];
  return `rule 2: ${object.metadata.name} gets licenses ${waited.toFixed(0)} ms after others of ${owner} lost some, not ${least}`;
}

function create(lives: Map<string, Life>, uid: string): Life {
  const life: Life = {
    saved: [],
    lowered: { zone: undefined, system: undefined },
    written: new Map(),
    left: new Map(),
    edited: new Set(),
    replacing: new Map(),
  };
  lives.set(uid, life);
  return life;
}

function noteSpec(life: Life, { spec }: Changed, now: number): void {
  const { settleSeconds = defaultSettleSeconds } = (spec ?? {}) as { settleSeconds?: unknown };
  const settle = typeof settleSeconds === 'number' ? settleSeconds * 1000 : 0;
  if (life.saved.at(-1)?.settle !== settle) life.saved.push({ at: now, settle });
}

/** What others took away is no decrease of the operator's; what they gave is healed at once. */
function takeAway(life: Life, object: Changed): void {
  const now = capacities(object);
  const left = life.left.get(object.metadata.name);
  for (const [key, count] of left ?? []) left?.set(key, Math.min(count, now.get(key) ?? 0));
}

/** True when one has more of any key than the other. */
const exceeds = (
  one: ReadonlyMap<string, number> = new Map(),
  other: ReadonlyMap<string, number> = new Map(),
): boolean => [...one].some(([key, count]) => count > (other.get(key) ?? 0));

const capacities = (object: Changed | undefined): Map<string, number> =>
  new Map(
    Object.entries((object?.['data'] ?? {}) as Record<string, string>).flatMap(([key, value]) =>
      key.endsWith('_CAPACITY') ? [[key, Number(value)]] : [],
    ),
  );
