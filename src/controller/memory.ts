/**
 * What a term remembers of one object, from when it first sees it to when the object is gone. `remember` alone changes it.
 *
 * Of licenses that move (rule 2): `takenAway` is a moment, and settings/taken.ts says how it moves.
 *
 * Of a plan (rules 2 and 7):
 *
 *     no plan --begins--> own plan --ends--> no plan
 *        \---found in the status, begun by somebody else--/^
 *
 * A plan that somebody else began is this term's from then on, and the last write of each of its ConfigMaps is `unknown`. So is a
 * write of this term that got no answer. An unknown write is a threat until it is fenced, or can't land any more.
 *
 * Of what was read: a name that was found free is believed to be free for a while, one that is in doubt is read again before
 * anything is decided, and what a turn has read is not read again in the next turn of the same work.
 *
 * Of failures: since when writes fail, and until when nothing is asked of the API server.
 */
import type { Applied, DeclaredZone } from '../api/licensesettings.ts';
import type { PlanMemory, Unknown } from '../settings/next.ts';
import { zoneConfigMapName } from '../settings/render.ts';
import { afterSight, type Sight, type TakenAway } from '../settings/taken.ts';
import { type Brake, createBrake } from './brake.ts';
import type { Halt } from './halt.ts';
import type { StoredConfigMap } from './objects.ts';

/**
 * So long after a write was sent, in milliseconds, it can't land any more: the API server gives a request up after 60 s
 * (its default `--request-timeout`, whatever our own deadline), and 5 s are for the way there.
 */
export const lateness = 65_000;
/** So long a name is believed to have no ConfigMap, in milliseconds, unless one of it was seen since (R9.4). */
export const believedFree = 30_000;

/** What tells a plan in a status from another, also from one that leads to the same settings. */
export type PlanId = Pick<Applied, 'generation' | 'settingsHash' | 'time'>;

/** A ConfigMap that somebody had changed or deleted, and that is whole again. */
export type Restored = { readonly name: string; readonly editor: StoredConfigMap['editor']; readonly deleted: boolean };

/** Since when, on the monotonic clock, writes fail, why, and before when nothing is asked again. */
export type Failing = { readonly since: number; readonly halt: Halt; readonly told: string; readonly until: number };

/** What was read under a name that the cache does not have; undefined: nothing. */
export type Look = { readonly at: number; readonly found: StoredConfigMap | undefined };

export type Memory = PlanMemory & {
  /** A new object of the same name begins with nothing. */
  readonly uid: string;
  /** What people asked for when the rest was noted: anything else is tried at once. */
  asked: string;
  takenAway: TakenAway;
  unknown: ReadonlyMap<string, Unknown>;
  given: ReadonlyMap<string, DeclaredZone>;
  /** The plan that this term began, from when that was sent, or took over. */
  plan: PlanId | undefined;
  /** A name that a plan wants, and that was somebody else's when it was looked at last. */
  taken: string | undefined;
  looks: ReadonlyMap<string, Look>;
  /** What was read of ConfigMaps that the cache has without their contents, or at an older version: until it has caught up. */
  contents: ReadonlyMap<string, StoredConfigMap>;
  /** Names of which the cache is not believed. */
  doubts: ReadonlySet<string>;
  /** Names under which something is that the watch did not show: they are looked at before they are written. */
  hidden: ReadonlySet<string>;
  /** True when the cached LicenseSettings is not believed. */
  doubted: boolean;
  /** Where the last turn ended with more to do: when the first turn of this work began, on the monotonic clock. */
  goesOnSince: number | undefined;
  failing: Failing | undefined;
  /** Until its event was sent. */
  restored: Restored | undefined;
  /** What keeps writes that don't stay from being a loop; undefined while there is nothing to remember of them. */
  brake: Brake | undefined;
};

/** Of most objects nothing is remembered, and there are many. */
const none: ReadonlyMap<string, never> = new Map<string, never>();
const nobody: ReadonlySet<string> = new Set();

export const createMemory = (uid: string, asked: string): Memory => ({
  ...{ uid, asked, takenAway: undefined, plan: undefined, taken: undefined },
  ...{
    unknown: none,
    given: none,
    looks: none,
    contents: none,
    doubts: nobody,
    hidden: nobody,
    doubted: false,
    goesOnSince: undefined,
  },
  ...{ failing: undefined, restored: undefined, brake: undefined },
});

/** True where a look has found nothing under a name, so short a time ago that it is believed. */
export function isFree({ looks }: Memory, name: string, now: number): boolean {
  const known = looks.get(name);
  return known !== undefined && !known.found && now - known.at < believedFree;
}

/** The brake of an object, to be pressed. */
export function brakeOf(memory: Memory): Brake {
  memory.brake ??= createBrake();
  return memory.brake;
}

/** A write of a ConfigMap. `zone` is what it gives to which zone; `create`: it carries no version. `free`: a look found nothing there. */
export type Sent = {
  readonly name: string;
  readonly dataHash: string;
  readonly zone: DeclaredZone | undefined;
  readonly create: boolean;
  readonly free: boolean;
};

/** What happened to an object. */
export type Happened =
  /** People ask for something else than before: what was in the way may be gone. */
  | { readonly what: 'asked'; readonly asked: string }
  | { readonly what: 'saw'; readonly sight: Sight }
  /** The status tells of a plan; `isThere`: whether a ConfigMap has a name. */
  | { readonly what: 'found a plan'; readonly applying: Applied; readonly isThere: (name: string) => boolean }
  | { readonly what: 'begins a plan'; readonly plan: PlanId }
  /** The plan is again what it was before. */
  | { readonly what: 'may not begin'; readonly plan: PlanId | undefined }
  | { readonly what: 'has no plan' }
  | { readonly what: 'was answered'; readonly write: Sent }
  | { readonly what: 'got no answer'; readonly write: Sent }
  /** A create that got no answer is seen to be done. */
  | { readonly what: 'landed'; readonly name: string }
  /** A GET told what stands under a name; undefined: nothing. */
  | { readonly what: 'looked'; readonly name: string; readonly found: StoredConfigMap | undefined }
  /** More was read of a ConfigMap than the cache has, or a newer version; and the cache has it by now. */
  | { readonly what: 'read'; readonly found: StoredConfigMap }
  | { readonly what: 'caught up'; readonly name: string }
  /** There are ConfigMaps of these names. */
  | { readonly what: 'sees'; readonly names: { has(name: string): boolean } }
  | { readonly what: 'doubts'; readonly name: string }
  /** Somebody took a label off, or somebody else's is there. */
  | { readonly what: 'is hidden'; readonly name: string }
  /** The cached LicenseSettings is behind, or the API server has told how it is. */
  | { readonly what: 'doubts the object'; readonly is: boolean }
  /** A name that a plan wants is somebody else's; undefined: none is any more. */
  | { readonly what: 'is taken'; readonly name: string | undefined }
  /** Undefined: nothing fails any more. */
  | { readonly what: 'fails'; readonly failing: Failing | undefined }
  /** Undefined: its event was sent. */
  | { readonly what: 'restored'; readonly restored: Restored | undefined }
  | { readonly what: 'needs no brake' }
  /** A turn has come to its end, with more to do or not; told with when it began. `stopped`: a plan waits, or something is in the way. */
  | { readonly what: 'ends'; readonly goesOn: boolean; readonly stopped: boolean };

/** @param now on the monotonic clock, in milliseconds */
export function remember(memory: Memory, happened: Happened, now: number): void {
  switch (happened.what) {
    case 'asked':
      Object.assign(memory, {
        asked: happened.asked,
        goesOnSince: undefined,
        brake: undefined,
        looks: none,
        taken: undefined,
      });
      if (memory.failing) memory.failing = { ...memory.failing, until: 0 };
      return;
    case 'saw':
      memory.takenAway = afterSight(memory.takenAway, happened.sight, now);
      return;
    case 'found a plan':
      if (!isSamePlan(memory.plan, happened.applying)) takeOver(memory, happened, now);
      return;
    case 'begins a plan':
    case 'may not begin':
      memory.plan = happened.plan;
      return;
    case 'has no plan':
      memory.plan = undefined;
      memory.given = none;
      memory.unknown = without(memory.unknown, ({ until }) => until <= now);
      return;
    case 'was answered':
      noteAnswer(memory, happened.write);
      return;
    case 'got no answer':
      noteUnknown(memory, happened.write, now);
      return;
    case 'landed':
      noteLanded(memory, happened.name);
      return;
    case 'fails':
      memory.failing = happened.failing;
      return;
    case 'restored':
      memory.restored = happened.restored;
      return;
    case 'needs no brake':
      memory.brake = undefined;
      return;
    case 'ends':
      memory.goesOnSince = happened.goesOn ? (memory.goesOnSince ?? now) : undefined;
      if (!happened.goesOn && !happened.stopped) memory.looks = none;
      return;
    default:
      noteLook(memory, happened, now);
  }
}

/** What a look has found, or has to find out. */
type Looked = Extract<
  Happened,
  { what: 'looked' | 'read' | 'caught up' | 'sees' | 'doubts' | 'is hidden' | 'doubts the object' | 'is taken' }
>;

function noteLook(memory: Memory, happened: Looked, now: number): void {
  switch (happened.what) {
    case 'looked':
      memory.looks = new Map(memory.looks).set(happened.name, { at: now, found: happened.found });
      memory.doubts = others(memory.doubts, happened.name);
      return;
    case 'read':
      memory.contents = new Map(memory.contents).set(happened.found.metadata.name, happened.found);
      return;
    case 'caught up':
      memory.contents = without(memory.contents, (_, name) => name === happened.name);
      return;
    case 'sees':
      memory.looks = without(memory.looks, (_, name) => happened.names.has(name));
      return;
    case 'doubts':
      memory.doubts = new Set([...memory.doubts, happened.name]);
      return;
    case 'is hidden':
      memory.hidden = new Set([...memory.hidden, happened.name]);
      return;
    case 'doubts the object':
      memory.doubted = happened.is;
      return;
    case 'is taken':
      memory.taken = happened.name;
  }
}

/** The same map, where nothing of it has to go: most are empty, and shared. */
function without<T>(map: ReadonlyMap<string, T>, goes: (value: T, name: string) => boolean): ReadonlyMap<string, T> {
  const left = [...map].filter(([name, value]) => !goes(value, name));
  return left.length === map.size ? map : left.length > 0 ? new Map(left) : none;
}

function others(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const left = [...names].filter((one) => one !== name);
  return left.length > 0 ? new Set(left) : nobody;
}

export const isSamePlan = (one: PlanId | undefined, other: PlanId | undefined): boolean =>
  one !== undefined &&
  one.generation === other?.generation &&
  one.settingsHash === other.settingsHash &&
  one.time === other.time;

/** Of what somebody else was writing nobody tells what has landed, nor what dialers have seen (R7.5). */
function takeOver(
  memory: Memory,
  { applying, isThere }: Extract<Happened, { what: 'found a plan' }>,
  now: number,
): void {
  memory.plan = applying;
  memory.takenAway = afterSight(memory.takenAway, 'taken', now);
  const common = { dataHash: undefined, update: true, once: false, until: now + lateness, fenced: false };
  const { settings } = applying;
  const unknown = new Map<string, Unknown>(memory.unknown);
  const add = (name: string, zone: DeclaredZone | undefined) =>
    unknown.set(name, { ...common, zone, create: !isThere(name) });
  add(settings.configMap.name, undefined);
  for (const { name } of settings.zones ?? []) add(zoneConfigMapName(settings, name), { name });
  memory.unknown = unknown;
}

/** A later write of the same ConfigMap keeps an unknown one out; a create only for as long as the ConfigMap stays. */
function noteAnswer(memory: Memory, { name, zone, create }: Sent): void {
  if (create) memory.hidden = others(memory.hidden, name);
  const known = memory.unknown.get(name);
  const kept = { update: false, once: false, fenced: true };
  if (known?.create) memory.unknown = new Map(memory.unknown).set(name, { ...known, ...kept });
  else if (known) memory.unknown = without(memory.unknown, (_, one) => one === name);
  if (zone) memory.given = new Map(memory.given).set(name, zone);
}

/** The write may have landed, or may land yet (R7.5). */
function noteUnknown(memory: Memory, { name, dataHash, zone, create, free }: Sent, now: number): void {
  const known = memory.unknown.get(name);
  // Of two that may land the later does not make the earlier one known.
  const isSame = known === undefined || known.dataHash === dataHash;
  memory.unknown = new Map(memory.unknown).set(name, {
    ...{ zone, until: now + lateness, fenced: false },
    dataHash: isSame ? dataHash : undefined,
    create: create || (known?.create ?? false),
    update: !create || (known?.update ?? false),
    once: known ? known.once && !create : create && free,
  });
}

function noteLanded(memory: Memory, name: string): void {
  const known = memory.unknown.get(name);
  if (known?.update) memory.unknown = new Map(memory.unknown).set(name, { ...known, create: false });
  else memory.unknown = without(memory.unknown, (_, one) => one === name);
}
