/**
 * Judges S10 of docs/contract.md: a status does not say Ready or Applied for longer than 15 s while a ConfigMap does not
 * hold what the settings want, or lacks what marks it as theirs. The judge of safety knows no time; the harness brings it
 * to this one, on one monotonic clock.
 */
import type { Declaration } from '../../src/api/licensesettings.ts';
import { render } from '../../src/settings/render.ts';
import { brief, canonical } from './document.ts';
import { isRetained, isSuspended, manager, note, type Revision, type Stored } from './revision.ts';

/** How long a status may be wrong, in milliseconds. */
export const patience = 15_000;
/**
 * Right again is only what stays right for so long, in milliseconds: where two writers undo each other it is right for a
 * moment between two writes, and of no use to a dialer.
 */
const steady = 2_000;

export type TruthJudge = {
  /** Takes in a revision that was committed at `now`. */
  take(revision: Revision, now: number): void;
  /**
   * Tells what has been untrue for too long, each time once. To be called every second or so.
   * @param isExcused true for an object that nobody could look at since the last call: nobody leads, or a fault is between
   */
  look(now: number, isExcused: (object: Stored) => boolean): string[];
};

type Life = {
  object: Stored;
  /** The status is what somebody else made of it: that is not the operator's word, until it has written its own. */
  isTheirs: boolean;
  /** What is untrue of its status now. */
  wrong: string | undefined;
  /** Milliseconds in which it was untrue, since it was right for long enough. */
  wrongFor: number;
  /** When it was last found to be right after it was wrong. */
  rightSince: number;
  told: boolean;
};

/** Judges the objects of one namespace. */
export function createTruthJudge(): TruthJudge {
  const lives = new Map<string, Life>();
  const maps = new Map<string, Stored>();
  let last = 0;

  const pass = (now: number, isExcused: (object: Stored) => boolean) => {
    for (const life of lives.values()) {
      if (isExcused(life.object)) forgive(life, now);
      else if (life.wrong !== undefined) life.wrongFor += now - last;
      else if (now - life.rightSince >= steady) forgive(life, now);
    }
    last = now;
  };
  const judge = (life: Life, now: number) => {
    const wrong = life.isTheirs ? undefined : untruth(life.object, maps);
    if (life.wrong !== undefined && wrong === undefined) life.rightSince = now;
    life.wrong = wrong;
  };

  return {
    take({ type, kind, object, by }, now) {
      pass(now, () => false);
      const { uid, name } = object.metadata;
      if (kind === 'ConfigMap') {
        if (type === 'DELETED') maps.delete(name);
        else maps.set(name, object);
        for (const life of lives.values()) judge(life, now);
        return;
      }
      if (type === 'DELETED') {
        lives.delete(uid);
        return;
      }
      const fresh = { object, isTheirs: false, wrong: undefined, wrongFor: 0, rightSince: now, told: false };
      const life = lives.get(uid) ?? fresh;
      lives.set(uid, life);
      const isChanged = canonical(life.object.status ?? {}) !== canonical(object.status ?? {});
      if (by === 'operator' || isChanged) life.isTheirs = by !== 'operator';
      life.object = object;
      judge(life, now);
    },
    look(now, isExcused) {
      pass(now, isExcused);
      return [...lives.values()].flatMap((life) => {
        if (life.told || life.wrongFor <= patience) return [];
        life.told = true;
        const { name } = life.object.metadata;
        return `${name}: S10: for ${(life.wrongFor / 1000).toFixed(1)} s its status is not true: ${life.wrong ?? 'another one undoes it again and again'}`;
      });
    },
  };
}

function forgive(life: Life, now: number): void {
  life.wrongFor = 0;
  life.rightSince = now;
  life.told = false;
}

/** What the status says that isn't so, if anything. What is suspended, or goes, says nothing of its ConfigMaps. */
function untruth({ metadata, spec, status }: Stored, maps: ReadonlyMap<string, Stored>): string | undefined {
  if (metadata.deletionTimestamp || isSuspended({ spec })) return undefined;
  const said = status?.conditions?.find(
    ({ type, status: is, reason }) =>
      (type === 'Ready' || type === 'Applied') && is === 'True' && reason !== 'Suspended',
  );
  if (!said || !status?.applied) return undefined;
  for (const { name, data, zone } of renderingOf(status.applied.settings)) {
    const map = maps.get(name);
    const extra = Object.keys(map?.binaryData ?? {});
    const marks = map && markOf(map, { metadata, spec, zone });
    if (map && holds(map.data, data) && extra.length === 0 && marks === undefined) continue;
    if (marks !== undefined) return `${said.type} is True, but ConfigMap ${name} ${marks}`;
    const found = map ? brief(`${canonical(map.data)}${extra.length > 0 ? ` and binaryData ${extra}` : ''}`) : 'none';
    return `${said.type} is True, but ConfigMap ${name} is not as wanted: ${found}`;
  }
  return undefined;
}

/** What besides the data is not as C7 and C9 have it: a dialer, or the garbage collector, goes by that. */
function markOf(
  map: Stored,
  { metadata, spec, zone }: Pick<Stored, 'metadata' | 'spec'> & { readonly zone: string | undefined },
): string | undefined {
  const { labels = {}, ownerReferences = [] } = map.metadata;
  const wanted: Record<string, string | undefined> = {
    'app.kubernetes.io/managed-by': manager,
    'app.kubernetes.io/part-of': manager,
    [note('settings')]: metadata.name,
    ...(zone === undefined ? {} : { [note('zone')]: zone }),
  };
  for (const [label, value] of Object.entries(wanted)) if (labels[label] !== value) return `lacks the label ${label}`;
  const mayHaveNone = isRetained({ spec });
  const isOwned = ownerReferences.some(({ uid, controller }) => uid === metadata.uid && controller === true);
  if (isOwned === mayHaveNone) return mayHaveNone ? 'has its owner still' : 'lacks its owner';
  return map.immutable === true ? 'is immutable' : undefined;
}

/** True when the data are these, and nothing besides. */
const holds = (found: Stored['data'], wanted: Readonly<Record<string, string>>): boolean => {
  const names = Object.keys(wanted);
  return Object.keys(found ?? {}).length === names.length && names.every((name) => found?.[name] === wanted[name]);
};

type Wanted = { name: string; data: Readonly<Record<string, string>>; zone?: string | undefined };
const renderings = new WeakMap<object, Wanted[]>();

/** A status that somebody wrote may hold anything. */
function renderingOf(settings: Declaration) {
  let known = renderings.get(settings);
  if (!known) {
    try {
      known = render(settings);
    } catch {
      known = [];
    }
    renderings.set(settings, known);
  }
  return known;
}
