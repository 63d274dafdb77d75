/**
 * What has to be done next for one object, from what it says, what its ConfigMaps hold and what is remembered: rules 1 to 6. Pure:
 * called again after each step, it goes on from what is there then.
 *
 * Without zones, and where what is live only has to be healed, every ConfigMap is brought to what it should be at once. A change
 * with zones is a plan: its steps stand in `order`, and each is complete before the next begins.
 */
import type { Applied, DeclaredZone, Status } from '../api/licensesettings.ts';
import {
  type ConfigMapView,
  carriesUid,
  isLeftBehind,
  isOurs,
  metadataRight,
  type Owner,
  stampFor,
  stampOf,
  type Want,
} from './configmap.ts';
import type { Judgement, Target } from './judgement.ts';
import type { Live } from './live.ts';
import { configMapNames, type Rendered, renderZone } from './render.ts';
import { configMapEntry } from './status.ts';
import { afterSight, type Sight, type TakenAway, waitLeft } from './taken.ts';
import { isOfOlderRelease, obsolete, verdictOn } from './verdict.ts';
import { held, holdsLess, planZones, readZone, spoiledZones, within, type ZonePlan } from './zones.ts';

/** The ConfigMaps that an object has to do with: those that carry its uid, and those of a name that it has, had or wants. */
export type Seen = {
  readonly configMaps: ReadonlyMap<string, ConfigMapView>;
  /** Names of those that an earlier object of the name left to nobody: they are this one's until its first apply. */
  readonly inherited: ReadonlySet<string>;
};

/** A ConfigMap whose last write is not known: it got no answer, or somebody else was writing. It may still land. */
export type Unknown = {
  /** What that write holds; undefined: somebody else's, of which nobody tells. */
  readonly dataHash: string | undefined;
  readonly zone: DeclaredZone | undefined;
  /** A create lands as soon as there is no ConfigMap of the name; an update conflicts with any later write. It may be both. */
  readonly create: boolean;
  readonly update: boolean;
  /** True where a single create was sent, and no other since: then the ConfigMap that it makes shows that it has landed. */
  readonly once: boolean;
  /** Until when it may land, on the monotonic clock. */
  readonly until: number;
  /** True when it can't land any more while the ConfigMap stays that is there now. */
  readonly fenced: boolean;
};

/** What a term remembers of an object that has zones. */
export type PlanMemory = {
  /** When licenses were last taken away from a dialer: every raise waits until settleSeconds after it. */
  readonly takenAway: TakenAway;
  /** By the name of the ConfigMap. */
  readonly unknown: ReadonlyMap<string, Unknown>;
  /** What this term wrote last into the ConfigMap of each zone, by its name, since the plan began. */
  readonly given: ReadonlyMap<string, DeclaredZone>;
};

export type Situation = {
  readonly judged: Judgement;
  readonly seen: Seen;
  readonly memory: PlanMemory;
  /** On the monotonic clock, in milliseconds. */
  readonly now: number;
  /** Id of this leader's term: rule 7. */
  readonly epoch: string;
  /** True when no other work waits. */
  readonly background: boolean;
  /** ConfigMaps that something kept from being written or deleted in this reconcile, and in which way. */
  readonly halted: ReadonlyMap<string, 'refused' | 'other'>;
};

/** One write of one ConfigMap. */
export type Write = {
  readonly how: 'create' | 'update' | 'replace' | 'relabel';
  readonly want: Want;
  /** What the write is decided from; undefined where there is none. */
  readonly view: ConfigMapView | undefined;
  /** True where somebody had edited or deleted what was live. */
  readonly restores?: boolean;
};

/** A step. `each`: what one ConfigMap meets does not keep the others from their turn. */
export type Step =
  | { readonly do: 'begin'; readonly applying: Omit<Applied, 'time'> }
  | { readonly do: 'write'; readonly writes: readonly Write[]; readonly each?: boolean }
  | { readonly do: 'delete'; readonly views: readonly ConfigMapView[]; readonly each?: boolean }
  /** So many milliseconds. */
  | { readonly do: 'wait'; readonly milliseconds: number }
  | { readonly do: 'stop'; readonly why: Stop }
  | { readonly do: 'done'; readonly result: Done };

/** What stands in the way: a ConfigMap of somebody else, one that has to go first, or what a write met. */
export type Stop =
  | { readonly kind: 'conflict'; readonly name: string }
  | { readonly kind: 'waits'; readonly view: ConfigMapView }
  | { readonly kind: 'halted' };

export type Done = {
  /** What is live now; undefined: as it was. */
  readonly live: Live | undefined;
  readonly configMaps: NonNullable<Status['configMaps']> | undefined;
  /** True when a rollout is left, which comes behind all other work. */
  readonly later: boolean;
};

/** The next step, and what was seen of licenses that dialers lose: to be remembered before the step is done. */
export type Next = { readonly step: Step; readonly sight?: Sight };

export function next(situation: Situation): Next {
  const { judged, seen } = situation;
  const { target, owner, planned } = judged;
  if (!target) return { step: { do: 'done', result: { live: undefined, configMaps: undefined, later: false } } };
  // What an earlier object of the name gave out is obeyed until the garbage collector has taken it (R4.4).
  const views = [...seen.configMaps.values()];
  const isLive = target.unchanged && views.some((view) => carriesUid(view, owner));
  const left = isLive ? undefined : views.find((view) => isLeftBehind(view, owner));
  if (left) return { step: { do: 'stop', why: { kind: 'waits', view: left } } };
  return planned ? nextOfPlan(situation, target) : { step: nextOfHealing(situation, target) };
}

// --- Healing, and changes without zones ---

/** Each ConfigMap that is not as it should be is written once, to what it should be (R8.2, R8.4, S1). */
function nextOfHealing(situation: Situation, target: Target): Step {
  const { judged, seen, halted } = situation;
  const { owner, retained } = judged;
  const looks = target.rendered.map((rendered) => lookAt(situation, target, rendered));
  const writes = looks.flatMap(({ write }) => (write && !halted.has(write.want.rendered.name) ? write : []));
  if (writes.length > 0) return { do: 'write', writes, each: true };
  const taken = looks.find(({ verdict }) => verdict === 'conflict');
  if (taken) return { do: 'stop', why: { kind: 'conflict', name: taken.rendered.name } };
  const leaving = looks.find(({ verdict }) => verdict === 'wait');
  if (halted.size === 0 && leaving?.view) return { do: 'stop', why: { kind: 'waits', view: leaving.view } };
  const names = new Set(target.rendered.map(({ name }) => name));
  if (leaving || [...halted.keys()].some((name) => names.has(name))) return { do: 'stop', why: { kind: 'halted' } };
  // As after a rename (R2.17).
  const views = obsolete(oursOf(situation, false).values(), owner, names).filter(
    ({ metadata }) => !halted.has(metadata.name),
  );
  if (views.length > 0) return claim(situation, target, views) ?? { do: 'delete', views, each: true };
  const { hash, declaration, generation } = target;
  return {
    do: 'done',
    result: {
      live: target.unchanged ? undefined : { generation, settingsHash: hash, declaration },
      configMaps: target.rendered.map(({ name, dataHash }) =>
        configMapEntry({ name, dataHash: seen.configMaps.get(name)?.dataHash ?? dataHash }, retained),
      ),
      later: looks.some(({ later }) => later),
    },
  };
}

/** What an earlier object left gets this object's uid before it is deleted: nothing else may be (R4.7). */
function claim({ judged }: Situation, { generation }: Target, views: readonly ConfigMapView[]): Step | undefined {
  const { owner, retained } = judged;
  const writes = views.flatMap((view): Write[] => {
    if (carriesUid(view, owner)) return [];
    const zone = readZone(view)?.name;
    const rendered = {
      name: view.metadata.name,
      data: {},
      dataHash: view.dataHash,
      ...(zone === undefined ? {} : { zone }),
    };
    return [{ how: 'relabel', want: { rendered, generation, retained }, view }];
  });
  return writes.length > 0 ? { do: 'write', writes, each: true } : undefined;
}

/** One wanted ConfigMap: the verdict on it, and the write that follows from it. */
function lookAt({ judged, seen, background }: Situation, target: Target, rendered: Rendered) {
  const { owner, retained, applicable, known = [] } = judged;
  const view = seen.configMaps.get(rendered.name);
  const want = { rendered, generation: stampFor(rendered, view, owner, target.generation), retained };
  const knownDataHash = known.find(({ name }) => name === rendered.name)?.dataHash;
  const healing = { knownDataHash, applicable, background };
  const verdict = verdictOn(view, { owner, want, ...(target.unchanged ? { healing } : {}) });
  const isOlder = view !== undefined && isOfOlderRelease(view, healing);
  const isDrift = target.unchanged && (!view || view.immutable || view.binary || view.dataHash !== rendered.dataHash);
  const how = howOf(verdict);
  return {
    ...{ rendered, view, verdict },
    write: how && { how, want, view, restores: isDrift && !isOlder && knownDataHash !== undefined },
    later: verdict === 'keep' && applicable,
  };
}

const howOf = (verdict: ReturnType<typeof verdictOn>): Write['how'] | undefined =>
  verdict === 'create' || verdict === 'update' || verdict === 'replace' || verdict === 'relabel' ? verdict : undefined;

/** The ConfigMaps of this object: with its uid, inherited, or of a name that it wants and may adopt. */
function oursOf({ judged, seen }: Situation, withFormerNames: boolean): ReadonlyMap<string, ConfigMapView> {
  const { owner, target, before, retained } = judged;
  // Under Retain an annotation alone says whose a ConfigMap is, so there a name that was wanted before counts too.
  const former = withFormerNames && retained ? before.flatMap((one) => (one ? configMapNames(one) : [])) : [];
  const wanted = new Set([...(target?.rendered ?? []).map(({ name }) => name), ...former]);
  const isMine = (view: ConfigMapView) =>
    carriesUid(view, owner) ||
    ((wanted.has(view.metadata.name) || seen.inherited.has(view.metadata.name)) && isOurs(view, owner));
  return new Map([...seen.configMaps].filter(([, view]) => isMine(view)));
}

// --- Plans: rule 2 ---

/** A plan as it stands: what is there, what is left to do, and what may still land. */
type Plan = Situation & {
  readonly target: Target;
  readonly present: ReadonlyMap<string, ConfigMapView>;
  readonly left: ZonePlan;
};

/** The steps of a plan in their order (R2.1, R8.1): the first that has something to do is next. So S9 and S1 hold. */
export const order: readonly { readonly name: string; readonly step: (plan: Plan) => Next | undefined }[] = [
  { name: "names: none that is wanted is somebody else's", step: names },
  { name: 'fence: what a plan that is superseded may still write', step: fenceSuperseded },
  { name: 'begin: the status says what is on its way', step: begin },
  { name: 'lower: zones that give licenses back', step: lower },
  { name: 'fence: writes that are not known can not land any more', step: fence },
  { name: 'system: the ConfigMap of the system', step: system },
  { name: 'settle: dialers get time to see what was taken away', step: settle },
  { name: 'raise: zones that are there get more', step: raise },
  { name: 'room: zones that are not wanted go where new ones come', step: makeRoom },
  { name: 'create: new zones', step: create },
  { name: 'remove: what is not wanted any more', step: remove },
  { name: 'mend: labels, annotations and owners', step: mend },
];

function nextOfPlan(situation: Situation, target: Target): Next {
  const present = oursOf(situation, true);
  const { before, owner } = situation.judged;
  const left = planZones({ target, before, owner, present, given: situation.memory.given });
  const plan: Plan = { ...situation, target, present, left };
  const found = firstOf(plan) ?? { step: { do: 'done', result: doneOf(plan) } };
  const isLowered = isBegun(plan) && left.decreases.length === 0 && !left.system;
  return { ...(isLowered ? { sight: 'nothing to take' } : {}), ...found };
}

function firstOf(plan: Plan): Next | undefined {
  for (const { step } of order) {
    const found = step(plan);
    if (found) return found;
  }
  return undefined;
}

const isBegun = ({ judged: { applying }, target }: Plan): boolean =>
  applying?.declaration !== undefined && applying.settingsHash === target.hash;

/** Before the first write of a plan; who takes a name meanwhile stops the plan where it stands (R4.6). */
function names(plan: Plan): Next | undefined {
  const { owner } = plan.judged;
  const taken = plan.target.rendered.find(({ name }) => {
    const view = plan.seen.configMaps.get(name);
    return view && !isOurs(view, owner) && !isLeftBehind(view, owner);
  });
  return taken && { step: { do: 'stop', why: { kind: 'conflict', name: taken.name } } };
}

/** Once the status tells of the next plan nobody would know of these any more, nor what the one before gave to a zone. */
function fenceSuperseded(plan: Plan): Next | undefined {
  const { applying, applied, owner } = plan.judged;
  if (!applying || isBegun(plan)) return undefined;
  const { declaration } = applying;
  if (!declaration) return fence(plan);
  const input = { target: { declaration, rendered: [] }, before: [applied?.declaration], owner, present: plan.present };
  const found = writing(plan, spoiledZones({ ...input, given: plan.memory.given }), true);
  return found ? { ...found, sight: 'being taken' } : fence(plan);
}

/** The status says what is on its way before anything moves (R2.3). */
function begin(plan: Plan): Next | undefined {
  if (isBegun(plan)) return undefined;
  const { hash, declaration } = plan.target;
  const applying = { generation: plan.judged.generation, settingsHash: hash, settings: declaration };
  return { step: { do: 'begin', applying }, sight: sightOf(plan) };
}

/** Whether licenses may have been taken away by others than this term since it last looked (R2.9). */
function sightOf({ present, judged, memory }: Plan): Sight {
  if (present.size === 0) return 'no ConfigMap';
  // Of what is adopted nobody tells what an earlier object took away, and when.
  const isAdopted = [...present.values()].some((view) => stampOf(view, judged.owner) === undefined);
  const isNew = memory.takenAway === undefined;
  return isNew || isAdopted || holdsLess({ before: judged.before, present }) ? 'taken' : 'nothing to take';
}

/** Zones give licenses back before any gets more (R2.4). */
function lower(plan: Plan): Next | undefined {
  // Noted before the write: its answer may get lost.
  const found = claimFrozen(plan) ?? writing(plan, plan.left.decreases);
  return found && { ...found, sight: 'being taken' };
}

/** What an earlier object left under another name, and somebody made immutable, is replaced: so it has to carry this object's uid. */
function claimFrozen(plan: Plan): Next | undefined {
  const { left, present, seen, target } = plan;
  const frozen = left.decreases.flatMap(({ name }) => {
    const view = seen.inherited.has(name) ? present.get(name) : undefined;
    return view?.immutable && !target.rendered.some((one) => one.name === name) ? [view] : [];
  });
  const step = frozen.length > 0 ? claim(plan, target, frozen) : undefined;
  return step && { step };
}

/** A late update conflicts once its ConfigMap was written again, a late create as long as there is one of the name (R7.6). */
function fence(plan: Plan): Next | undefined {
  const { present, seen, memory, judged, epoch, target } = plan;
  const writes = [...memory.unknown].flatMap(([name, unknown]): Write[] => {
    const view = present.get(name);
    if (!isThreat(plan, name, unknown) || (view ? isSafe(view, unknown) : seen.configMaps.has(name))) return [];
    const rendered = view ? asItIs(plan, view) : unknown.zone && renderZone(name, { name: unknown.zone.name });
    if (!rendered) return [];
    const generation = (view && stampOf(view, judged.owner)) ?? target.generation;
    // An epoch of its own: a write that changes nothing moves no version.
    const mark = `${epoch}.${view?.metadata.resourceVersion ?? '0'}`;
    return [
      { how: view ? 'update' : 'create', want: { rendered, generation, retained: judged.retained, epoch: mark }, view },
    ];
  });
  return writes.length > 0 ? { step: { do: 'write', writes } } : awaitSystems(plan);
}

/**
 * A system that may come late under a name that is not wanted, and have CAPACITY keys beside the zones (R2.5): nothing that keeps
 * it out could be written before the zones are lowered, so it is waited for.
 */
function awaitSystems(plan: Plan): Next | undefined {
  const { memory, seen, target, now } = plan;
  const isFree = (name: string) => !seen.configMaps.has(name) && !target.rendered.some((one) => one.name === name);
  const late = [...memory.unknown].flatMap(([name, unknown]) =>
    unknown.create && !unknown.zone && isFree(name) && isThreat(plan, name, unknown) ? [unknown.until] : [],
  );
  return late.length > 0 ? { step: { do: 'wait', milliseconds: Math.max(...late) - now } } : undefined;
}

/** What can't be updated at all keeps a late update out by itself, and any ConfigMap a create. */
const isSafe = ({ immutable, metadata }: ConfigMapView, { update }: Unknown): boolean =>
  immutable || metadata.deletionTimestamp !== undefined || !update;

/** A write that may land, and would give a zone, or say of the system, something else than the plan does. */
function isThreat({ target, now, present }: Plan, name: string, { until, fenced, dataHash, zone }: Unknown): boolean {
  // A hand may have taken away what kept a create out.
  if ((fenced && present.has(name)) || until <= now) return false;
  const { zones } = target.declaration;
  if (zone) {
    const wanted = zones?.find((one) => one.name === zone.name);
    return dataHash === undefined || !(wanted && within(zone, [wanted]));
  }
  const system = target.rendered.find((one) => one.name === name);
  // Under another name it may have CAPACITY keys, beside the zones (R2.5).
  return system ? system.dataHash !== dataHash : zones !== undefined;
}

/** A ConfigMap as it is, to be written once more. That of the system only where it is right: else the plan writes it. */
function asItIs({ target, judged, memory }: Plan, view: ConfigMapView): Rendered | undefined {
  const { name } = view.metadata;
  const zone = readZone(view)?.name;
  if (zone !== undefined)
    return renderZone(
      name,
      held(view, zone, { target, before: judged.before, owner: judged.owner, given: memory.given }),
    );
  const { rendered, declaration } = target;
  const [first] = rendered;
  const system = rendered.find((one) => one.name === name) ?? (declaration.zones && first && { ...first, name });
  return system?.dataHash === view.dataHash ? system : undefined;
}

/** The ConfigMap of the system, once, with its final content (R2.6). */
function system(plan: Plan): Next | undefined {
  const { system: wanted, systemTakesAway } = plan.left;
  const found = wanted && writing(plan, [wanted]);
  return found && { ...found, ...(systemTakesAway ? { sight: 'being taken' } : {}) };
}

/** Dialers get time to see what was taken away (R2.8). */
function settle(plan: Plan): Next | undefined {
  const { left, memory, judged, now } = plan;
  if (left.increases.length + left.creations.length + leavers(plan).length === 0) return undefined;
  const milliseconds = waitLeft(afterSight(memory.takenAway, 'nothing to take', now), judged.settle, now);
  return milliseconds > 0 ? { step: { do: 'wait', milliseconds } } : undefined;
}

/** What is there gets more (R2.12). */
function raise(plan: Plan): Next | undefined {
  return writing(plan, plan.left.increases);
}

/** A quota may have room for no more ConfigMaps than the settings need (R2.13). What may not be deleted keeps nobody waiting. */
function makeRoom(plan: Plan): Next | undefined {
  if (plan.left.creations.length === 0) return undefined;
  const emptied = new Set(plan.left.emptied);
  const views = leavers(plan).filter(
    ({ metadata: { name } }) => emptied.has(name) && plan.halted.get(name) !== 'refused' && !keepsOut(plan, name),
  );
  if (views.length === 0) return undefined;
  return { step: claim(plan, plan.target, views) ?? { do: 'delete', views, each: true } };
}

/** New zones come with their final numbers (R2.12). */
function create(plan: Plan): Next | undefined {
  return writing(plan, plan.left.creations);
}

/** What is not wanted any more goes last (R2.14). */
function remove(plan: Plan): Next | undefined {
  const views = leavers(plan);
  if (views.length === 0) return undefined;
  const ready = views.filter(({ metadata }) => !keepsOut(plan, metadata.name));
  if (ready.some(({ metadata }) => plan.halted.has(metadata.name)))
    return { step: { do: 'stop', why: { kind: 'halted' } } };
  if (ready.length > 0) return { step: claim(plan, plan.target, ready) ?? { do: 'delete', views: ready } };
  const until = Math.min(...views.map(({ metadata }) => keepsOut(plan, metadata.name)?.until ?? plan.now));
  return { step: { do: 'wait', milliseconds: until - plan.now } };
}

/** What is not wanted any more, and was not deleted yet. */
function leavers({ left, present }: Plan): ConfigMapView[] {
  const views = [...left.emptied, ...left.obsolete].flatMap((name) => present.get(name) ?? []);
  return views.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** True where a ConfigMap can only have come of a create that got no answer: it has landed, and lands no more. */
export const hasLanded = ({ create, once, dataHash }: Unknown, view: ConfigMapView, owner: Owner): boolean =>
  create && once && view.dataHash === dataHash && view.editor === undefined && carriesUid(view, owner);

/** A ConfigMap that is not wanted stays as long as it keeps out a create that may still land (R7.7). */
function keepsOut({ memory, now }: Plan, name: string): Unknown | undefined {
  const unknown = memory.unknown.get(name);
  return unknown?.create && unknown.until > now ? unknown : undefined;
}

/** The data are right. The rest may not be: a ConfigMap was adopted as it was, made immutable, or Retain was switched. */
function mend(plan: Plan): Next | undefined {
  const { judged, present, target } = plan;
  const { owner, retained } = judged;
  const wrong = target.rendered.flatMap((rendered): Rendered[] => {
    const view = present.get(rendered.name);
    const want = { rendered, generation: stampFor(rendered, view, owner, target.generation), retained };
    return view && !view.immutable && metadataRight(owner, want, view) ? [] : [rendered];
  });
  return writing(plan, wrong, true);
}

/** What the status may say from now on: all ConfigMaps are written (S4). */
function doneOf({ judged, target }: Plan): Done {
  const { generation, hash, declaration, rendered } = target;
  // The way back to what is applied is no apply: it moves only with the settingsHash (A8).
  const isApply = hash !== judged.applied?.settingsHash;
  return {
    live: isApply ? { generation, settingsHash: hash, declaration } : undefined,
    configMaps: rendered.map((one) => configMapEntry(one, judged.retained)),
    later: false,
  };
}

/**
 * Writes of a plan; the first that is somebody else's, or has to go first, stops it where it stands.
 *
 * @param isMend the data are right: then the stamp of a zone stays
 */
function writing({ seen, judged, target }: Plan, wanted: readonly Rendered[], isMend = false): Next | undefined {
  const { owner, retained } = judged;
  const writes: Write[] = [];
  for (const rendered of wanted) {
    const view = seen.configMaps.get(rendered.name);
    const generation = isMend ? stampFor(rendered, view, owner, target.generation) : target.generation;
    const want = { rendered, generation, retained };
    const verdict = verdictOn(view, { owner, want });
    if (verdict === 'conflict') return { step: { do: 'stop', why: { kind: 'conflict', name: rendered.name } } };
    if (verdict === 'wait' && view) return { step: { do: 'stop', why: { kind: 'waits', view } } };
    const how = howOf(verdict);
    if (how) writes.push({ how, want, view });
  }
  return writes.length > 0 ? { step: { do: 'write', writes } } : undefined;
}
