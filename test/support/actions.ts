/**
 * What people and machines do to LicenseSettings and ConfigMaps: drawn from a seed as plain JSON data, so that a sequence
 * can be printed, run again and made shorter. An action that finds nothing to act on does nothing, so any part of a
 * sequence is a sequence too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Declaration, Spec } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { dataHash, settingsHash } from '../../src/settings/hash.ts';
import { render } from '../../src/settings/render.ts';
import { validate } from '../../src/settings/validate.ts';
import { keys } from '../contract/document.ts';
import type { Stored } from '../contract/revision.ts';
import type { Random } from './random.ts';

export type Kind = 'LicenseSettings' | 'ConfigMap';

/** What becomes of the ConfigMaps when a LicenseSettings is deleted: `kubectl delete --cascade`. */
export type DeletePolicy = 'Background' | 'Foreground' | 'Orphan';

/** How somebody lays hands on a ConfigMap. */
export type Edit =
  /** Changes a key: more licenses for dialers that read it. */
  | 'raise'
  /** A zone's document, whole, at zero: somebody took all licenses back by hand. */
  | 'empty'
  | 'break JSON'
  | 'add key'
  | 'remove key'
  | 'clear'
  | 'add binaryData'
  | 'strip labels'
  | 'strip owner'
  | 'strip annotations'
  | 'annotate'
  | 'make immutable'
  | 'delete';

/** What becomes of the numbers of a ConfigMap that is copied to another namespace. `forge`: a record of settings nobody saved. */
export type CopyChange = 'none' | 'raise' | 'zero' | 'forge';

/** What an admission policy does to each ConfigMap of the operator that is written: `PoliceDesk` has it done. */
export type PolicyEffect = 'add key' | 'add label' | 'add annotation' | 'make immutable' | 'change number' | 'refuse';

/**
 * `name` is that of a LicenseSettings, `map` that of a ConfigMap; of the namespace that is named, else of the first one.
 */
export type Action = Deed & { readonly namespace?: string };

type Deed =
  /** `what` says in a word what it is; the spec is whole. A spec that can't be stored is refused, and changes nothing. */
  | { readonly do: 'create'; readonly name: string; readonly what: string; readonly spec: unknown }
  | { readonly do: 'save'; readonly name: string; readonly what: string; readonly spec: unknown }
  /** Sets the annotation to so many digits of the hash of the newest spec; `wrong`: to others; 0 digits: takes it away. */
  | { readonly do: 'approve'; readonly name: string; readonly digits: number; readonly wrong: boolean }
  /** Labels and annotations that mean nothing. */
  | { readonly do: 'touch'; readonly name: string; readonly value: string }
  /** In the background where no policy is given. With another one the object stays for a while, with a deletionTimestamp. */
  | { readonly do: 'delete'; readonly name: string; readonly policy?: DeletePolicy }
  /** Deleted, and created again under the same name as soon as that is free. */
  | {
      readonly do: 'recreate';
      readonly name: string;
      readonly what: string;
      readonly spec: unknown;
      readonly policy?: DeletePolicy;
    }
  /** Somebody else's ConfigMap of that name appears, where there is none; and goes away. */
  | { readonly do: 'foreign'; readonly map: string }
  | { readonly do: 'remove foreign'; readonly map: string }
  /** One of the operator's ConfigMaps; one that is somebody else's is left alone. */
  | { readonly do: 'edit'; readonly map: string; readonly edit: Edit }
  /** The status as a backup that is made, that is restored, or that had none. */
  | { readonly do: 'back up status'; readonly name: string }
  | { readonly do: 'restore status'; readonly name: string }
  | { readonly do: 'lose status'; readonly name: string }
  /** One of the operator's ConfigMaps, copied to another namespace as tools that mirror do it, with what is named left out. */
  | {
      readonly do: 'copy';
      readonly map: string;
      readonly to: string;
      readonly without: readonly ('owners' | 'labels' | 'annotations')[];
      readonly change: CopyChange;
    }
  /** A backup, restored into another namespace: the object and its status, with a uid of its own, and its ConfigMaps. */
  | { readonly do: 'restore backup'; readonly name: string; readonly to: string }
  /** Copies of a name go away, by hand. */
  | { readonly do: 'remove copy'; readonly map: string }
  | Actor
  /** The harness waits until the system has converged. */
  | { readonly do: 'settle' }
  /** The harness waits so long, in milliseconds. */
  | { readonly do: 'pause'; readonly milliseconds: number }
  /** The harness ends the operator orderly and starts it again, kills it and starts it again, or makes another one leader. */
  | { readonly do: 'restart' | 'kill' | 'fail over' };

/** Who goes on acting for so many milliseconds, while others act: `act` of `actors.ts`. */
export type Actor =
  /** A finalizer on an object, as other controllers put it there; taken away in the end. */
  | { readonly do: 'hold'; readonly kind: Kind; readonly name: string; readonly milliseconds: number }
  /** A second operator: as soon as a ConfigMap is not as it left it, edited like this, it writes its version. */
  | { readonly do: 'fight'; readonly map: string; readonly edit: Edit; readonly milliseconds: number }
  /** The same, with a status: that of before, or none. */
  | { readonly do: 'fight status'; readonly name: string; readonly milliseconds: number }
  /** An admission policy for the operator's ConfigMaps in every namespace. */
  | { readonly do: 'police'; readonly effect: PolicyEffect; readonly milliseconds: number }
  /** A quota of ConfigMaps in the namespace: those that are there, and so many more. */
  | { readonly do: 'limit'; readonly spare: number; readonly milliseconds: number };

export type DrawOptions = {
  /** Objects: 1 to 3. */
  readonly objects?: number;
  /** Actions: 5 to 20. */
  readonly length?: number;
  /** True where specs that break the rules can be stored: without CEL in the CRD. */
  readonly invalidStorable?: boolean;
  /** True to have zones in every object: most licenses move there. */
  readonly zonesOnly?: boolean;
  /** True to draw 'restart', 'kill' and 'fail over'. */
  readonly machines?: boolean;
  /** False to leave the status alone. */
  readonly lostStatus?: boolean;
  /** Longest settleSeconds: 0 or 1. */
  readonly settleSeconds?: number;
  /** Where people work, the first one by default: objects of the same names are in each. */
  readonly namespaces?: readonly string[];
  /** Where copies go besides: nobody watches there. */
  readonly elsewhere?: readonly string[];
  /** Who acts beside people; nobody by default. */
  readonly actors?: readonly Actor['do'][];
};

type Zone = NonNullable<Spec['zones']>[number];
type Counts = Record<string, number>;
type Range = { minimum: number; maximum: number };
/** An object as its people think of it, with the namespace where that isn't the first. */
type Thought = {
  readonly name: string;
  readonly place: { readonly namespace?: string };
  there: boolean;
  good: Spec;
  backedUp: boolean;
};

const objectNames = ['pom', 'pom-east', 'night'];
const zoneNames = ['amer', 'apac', 'emea', 'lab'];
const tenants = ['care', 'retail'];

/** A sequence of actions: that of the same random numbers and options is the same. */
export function drawActions(random: Random, options: DrawOptions = {}): Action[] {
  const { chance, below, pick, shuffle } = random;
  const { invalidStorable = false, machines = true, lostStatus = true, settleSeconds = 1 } = options;
  const count = options.objects ?? 1 + below(3);
  const length = options.length ?? 5 + below(16);
  const types = shuffle(keys).slice(0, 1 + below(2));
  const { namespaces = [undefined], elsewhere = [], actors = [] } = options;
  const places = namespaces.map((namespace, i) => (i === 0 || namespace === undefined ? {} : { namespace }));
  const thoughts: Thought[] = places.flatMap((place) =>
    objectNames.slice(0, count).map((name) => ({ name, place, there: false, good: firstSpec(name), backedUp: false })),
  );
  /** Foreign ConfigMaps, and copies that lie elsewhere. */
  const foreign: { map: string; place: Thought['place'] }[] = [];
  const copies: { map: string; namespace: string }[] = [];
  const actions: Action[] = [];

  function firstSpec(name: string): Spec {
    const ranges: Record<string, Range> = {};
    for (const key of types) ranges[key] = { minimum: below(3), maximum: 4 + below(9) };
    const spec: Spec = { licenses: ranges, settleSeconds: below(settleSeconds + 1) };
    if (options.zonesOnly || chance(0.5)) spec.zones = drawZones(spec);
    if (chance(0.2)) spec.applyPolicy = 'Manual';
    if (chance(0.15)) spec.deletionPolicy = 'Retain';
    if (chance(0.05)) spec.suspend = true;
    if (chance(0.3)) spec.configMap = { name: chance(0.3) ? name : `${name}-${pick(['a', 'b'])}` };
    return spec;
  }
  function drawZones(spec: Spec): Zone[] {
    const zones = shuffle(zoneNames)
      .slice(0, 1 + below(4))
      .map((name): Zone => ({ name, licenses: {} }));
    for (const key of types) {
      // Mostly all of it: then one license more is too many.
      let left = chance(0.8) ? maximumOf(spec, key) : below(maximumOf(spec, key) + 1);
      while (left > 0) {
        const part = 1 + below(left);
        add(pick(zones), key, part);
        left -= part;
      }
    }
    for (const zone of zones) organize(zone);
    return zones;
  }
  function organize(zone: Zone): void {
    delete zone.organizations;
    if (chance(0.6)) return;
    const left: Counts = { ...(zone.licenses as Counts) };
    zone.organizations = shuffle(tenants)
      .slice(0, 1 + below(2))
      .map((name) => {
        const licenses: Counts = {};
        for (const key of types) {
          const part = below((left[key] ?? 0) + 1);
          left[key] = (left[key] ?? 0) - part;
          if (part > 0) licenses[key] = part;
        }
        return { name, licenses };
      });
  }
  function add(zone: Zone, key: string, part: number): void {
    const licenses = (zone.licenses ?? {}) as Counts;
    zone.licenses = { ...licenses, [key]: (licenses[key] ?? 0) + part };
  }
  /** Makes organizations and zones hold no more than there is. */
  const fit = (spec: Spec) => {
    for (const key of types) {
      let left = maximumOf(spec, key);
      for (const zone of spec.zones ?? []) {
        const held = Math.min(left, countOf(zone, key));
        left -= held;
        add(zone, key, held - countOf(zone, key));
        let inside = held;
        for (const tenant of zone.organizations ?? []) {
          const part = Math.min(inside, countOf(tenant, key));
          inside -= part;
          tenant.licenses = { ...tenant.licenses, [key]: part };
        }
      }
    }
  };

  /** Changes of a valid spec. */
  const changes: Record<string, (spec: Spec, name: string) => void> = {
    numbers(spec) {
      const key = pick(types);
      const maximum = 1 + below(15);
      (spec.licenses as Record<string, Range>)[key] = { minimum: below(maximum + 1), maximum };
    },
    move(spec) {
      if (!spec.zones || spec.zones.length < 2) spec.zones = drawZones(spec);
      const key = pick(types);
      const [from, to] = shuffle(spec.zones) as [Zone, Zone?];
      const part = chance(0.3) ? countOf(from, key) : below(countOf(from, key) + 1);
      add(from, key, -part);
      add(to ?? from, key, part);
    },
    zones(spec) {
      spec.zones = drawZones(spec);
    },
    'zones on or off'(spec) {
      if (spec.zones && !options.zonesOnly) delete spec.zones;
      else spec.zones = drawZones(spec);
    },
    organizations(spec) {
      for (const zone of spec.zones ?? []) organize(zone);
    },
    rename(spec, name) {
      spec.configMap = { name: chance(0.2) ? name : `${name}-${pick(['a', 'b', 'licenses', 'east-licenses'])}` };
    },
    policy(spec) {
      spec.applyPolicy = spec.applyPolicy === 'Manual' ? 'Automatic' : 'Manual';
    },
    retain(spec) {
      spec.deletionPolicy = spec.deletionPolicy === 'Retain' ? 'Delete' : 'Retain';
    },
    suspend(spec) {
      if (spec.suspend) delete spec.suspend;
      else spec.suspend = true;
    },
    settle(spec) {
      spec.settleSeconds = below(settleSeconds + 1);
    },
  };
  const drawnChanges = weighted({
    ...{ numbers: 4, move: 6, zones: 2, 'zones on or off': 2, organizations: 1, rename: 2, policy: 2 },
    ...{ retain: 1, suspend: 1, settle: 1 },
  });
  const changed = (thought: Thought): { what: string; spec: Spec } => {
    const spec = structuredClone(thought.good);
    const whats: string[] = [];
    // Nobody leaves it suspended for long.
    if (spec.suspend && chance(0.6)) whats.push('suspend');
    else whats.push(pick(drawnChanges));
    while (chance(0.25)) whats.push(pick(drawnChanges));
    for (const what of whats) changes[what]?.(spec, thought.name);
    fit(spec);
    return { what: whats.join('+'), spec };
  };
  /** A spec that may not be applied: it breaks a rule, or waits for an approval. */
  const broken = (thought: Thought): { what: string; spec: unknown } => {
    const spec = structuredClone(thought.good);
    const key = pick(types);
    if (!invalidStorable) {
      changes['numbers']?.(spec, thought.name);
      fit(spec);
      return { what: 'wait for approval', spec: { ...spec, applyPolicy: 'Manual' } };
    }
    const maximum = maximumOf(spec, key);
    const ways: (() => unknown)[] = [
      () => ({ ...spec, licenses: { ...spec.licenses, [key]: { minimum: maximum + 1, maximum } } }),
      () => ({ ...spec, zones: [...(spec.zones ?? []), { name: 'too-much', licenses: { [key]: maximum + 1 } }] }),
      () => ({ ...spec, zones: [{ name: 'amer', organizations: [{ name: 'care', licenses: { [key]: 1 } }] }] }),
      () => ({ ...spec, licenses: { ...spec.licenses, [key]: { minimum: 0, maximum: 1_000_001 } } }),
      () => ({ ...spec, configMap: { name: `other-${thought.name}` } }),
    ];
    return { what: 'break', spec: pick(ways)() };
  };
  const mapsOf = ({ name, good }: Thought) => {
    const map = good.configMap?.name ?? `${name}-licenses`;
    return [map, ...(good.zones ?? []).map((zone) => `${map}-${zone.name}`)];
  };

  /** What is done in the namespace of an object. */
  const act = ({ place }: Pick<Thought, 'place'>, action: Action) => actions.push({ ...action, ...place });

  const create = (thought: Thought, how: 'create' | 'recreate') => {
    const good = firstSpec(thought.name);
    const bad = chance(0.1);
    thought.good = good;
    const { what, spec } = bad ? broken(thought) : { what: 'good', spec: good };
    thought.there = true;
    const action = { name: thought.name, what, spec };
    act(thought, how === 'create' ? { do: how, ...action } : { do: how, ...action, policy: pick(policies) });
  };
  const edits = weighted<Edit>({
    ...{ raise: 3, empty: 2, 'break JSON': 1, 'add key': 1, 'remove key': 1, clear: 1, 'add binaryData': 1 },
    ...{ 'strip labels': 2, 'strip owner': 1, 'strip annotations': 1, annotate: 1, 'make immutable': 2, delete: 3 },
  });
  const deeds: Record<string, (thought: Thought) => void> = {
    change(thought) {
      const { what, spec } = changed(thought);
      thought.good = spec;
      act(thought, { do: 'save', name: thought.name, what, spec });
    },
    break: (thought) => act(thought, { do: 'save', name: thought.name, ...broken(thought) }),
    fix: (thought) =>
      act(thought, { do: 'save', name: thought.name, what: 'fix', spec: structuredClone(thought.good) }),
    approve(thought) {
      const digits = pick([64, 64, 64, 64, 63, 12, 0]);
      act(thought, { do: 'approve', name: thought.name, digits, wrong: chance(0.15) });
    },
    touch: (thought) => act(thought, { do: 'touch', name: thought.name, value: `t${below(1_000)}` }),
    delete(thought) {
      thought.there = false;
      act(thought, { do: 'delete', name: thought.name, policy: pick(policies) });
    },
    recreate: (thought) => create(thought, 'recreate'),
    foreign(thought) {
      const map = pick(mapsOf(thought));
      // The way to it: one that is there is deleted first, and the operator may be faster.
      if (chance(0.5)) act(thought, { do: 'edit', map, edit: 'delete' });
      act(thought, { do: 'foreign', map });
      foreign.push({ map, place: thought.place });
    },
    foreignAhead(thought) {
      const name = `${thought.name}-${pick(['a', 'b', 'licenses'])}`;
      const map = chance(0.5) ? name : `${name}-${pick(zoneNames)}`;
      act(thought, { do: 'foreign', map });
      foreign.push({ map, place: thought.place });
    },
    removeForeign() {
      const one = foreign.shift();
      if (one) act(one, { do: 'remove foreign', map: one.map });
    },
    edit: (thought) => act(thought, { do: 'edit', map: pick(mapsOf(thought)), edit: pick(edits) }),
    status(thought) {
      if (!lostStatus) return;
      if (!thought.backedUp || chance(0.2)) {
        thought.backedUp = true;
        act(thought, { do: 'back up status', name: thought.name });
      } else act(thought, { do: chance(0.5) ? 'restore status' : 'lose status', name: thought.name });
    },
    copy(thought) {
      const { name, place } = thought;
      const here = place.namespace ?? namespaces[0];
      const others = [...namespaces, ...elsewhere].filter((one) => one !== undefined && one !== here);
      if (others.length === 0) return;
      const to = pick(others) as string;
      if (chance(0.15)) return act(thought, { do: 'restore backup', name, to });
      const without = (['owners', 'labels', 'annotations'] as const).filter((part) =>
        chance(part === 'owners' ? 0.7 : 0.15),
      );
      const change = pick<CopyChange>(['none', 'none', 'raise', 'zero', 'forge']);
      // Mostly all of them, as a tool does that mirrors a namespace.
      const maps = chance(0.6) ? mapsOf(thought) : [pick(mapsOf(thought))];
      for (const map of maps) {
        act(thought, { do: 'copy', map, to, without, change });
        copies.push({ map, namespace: to });
      }
      return undefined;
    },
    removeCopy() {
      const one = copies.shift();
      if (one) actions.push({ do: 'remove copy', ...one });
    },
    actor(thought) {
      if (actors.length > 0) act(thought, drawActor(thought));
    },
    settle: () => actions.push({ do: 'settle' }),
    pause: () => actions.push({ do: 'pause', milliseconds: pick([0, 1, 5, 20, 100, 500, 1_500]) }),
    machine() {
      if (machines) actions.push({ do: pick(['restart', 'kill', 'kill', 'fail over']) });
    },
  };
  function drawActor(thought: Thought): Actor {
    const what = pick(actors);
    const { name } = thought;
    const map = pick(mapsOf(thought));
    const milliseconds = pick([1_000, 10_000, 40_000, 90_000]);
    const effects = ['add key', 'add label', 'add annotation', 'make immutable', 'change number', 'refuse'] as const;
    switch (what) {
      case 'hold': {
        const kind = pick<Kind>(['ConfigMap', 'ConfigMap', 'LicenseSettings']);
        return { do: what, kind, name: kind === 'ConfigMap' ? map : name, milliseconds };
      }
      case 'fight':
        return { do: what, map, edit: pick(fights), milliseconds };
      case 'fight status':
        return { do: what, name, milliseconds };
      case 'police':
        return { do: what, effect: pick(effects), milliseconds };
      case 'limit':
        return { do: what, spare: below(2), milliseconds };
    }
  }
  const drawnDeeds = weighted({
    ...{ change: 30, break: 7, fix: 4, approve: 9, touch: 2, delete: 2, recreate: 3, foreign: 3, foreignAhead: 2 },
    ...{ removeForeign: 4, edit: 12, status: 4, settle: 12, pause: 5, machine: 6 },
    ...(namespaces.length + elsewhere.length > 1 ? { copy: 10, removeCopy: 3 } : { copy: 0, removeCopy: 0 }),
    actor: actors.length > 0 ? 10 : 0,
  });
  while (actions.length < length) {
    const thought = pick(thoughts);
    if (thought.there) deeds[pick(drawnDeeds)]?.(thought);
    else create(thought, 'create');
  }
  return actions;
}

/** What somebody may do to a ConfigMap again and again. */
const fights: readonly Edit[] = [
  ...(['raise', 'add key', 'remove key', 'clear', 'delete'] as const),
  ...(['strip labels', 'strip owner', 'strip annotations', 'make immutable'] as const),
];
const policies: readonly DeletePolicy[] = ['Background', 'Foreground', 'Orphan', 'Orphan'];

const maximumOf = ({ licenses }: Spec, key: string): number =>
  (licenses as Record<string, Range | undefined>)[key]?.maximum ?? 0;
const countOf = ({ licenses }: { licenses?: object | undefined }, key: string): number =>
  (licenses as Counts | undefined)?.[key] ?? 0;
const weighted = <T extends string>(weights: Record<T, number>): T[] =>
  (Object.entries(weights) as [T, number][]).flatMap(([what, weight]) => Array.from({ length: weight }, () => what));

/**
 * Where people work: an API server, real or simulated, as a client with every right in one namespace sees it. Errors
 * carry the HTTP status as `code`. Every change is made by somebody who is not the operator.
 */
export type ActionDesk = {
  get(kind: Kind, name: string): Promise<Stored | undefined>;
  create(kind: Kind, object: object): Promise<Stored>;
  /** PUT with the object's resourceVersion. */
  update(kind: Kind, object: Stored): Promise<Stored>;
  /** PUT of the status of a LicenseSettings, with the object's resourceVersion. */
  updateStatus(object: Stored): Promise<Stored>;
  /** With the uid and resourceVersion as preconditions; in the background where no policy is given. */
  delete(kind: Kind, object: Stored, policy?: DeletePolicy): Promise<void>;
  /** The same in another namespace. */
  in?(namespace: string): ActionDesk;
  /** Puts an admission policy for our ConfigMaps in force, or out of it. */
  police?(effect: PolicyEffect, inForce: boolean): Promise<void>;
  /** Allows so many ConfigMaps more in the namespace than there are; undefined: any number. */
  limit?(spare: number | undefined): Promise<void>;
  /** Lets a moment go by, for who waits for the garbage collector. Without it: 100 ms of real time. */
  pause?(): Promise<void>;
  /** A value that was never given before: every edit of a ConfigMap puts one into its annotation `test/edit`. */
  fresh(): string;
  /** Statuses that were backed up, by name of the LicenseSettings. */
  readonly backups: Map<string, unknown>;
};

/** What became of it. `harness`: an action that the harness has to carry out itself. */
export type Result = 'done' | 'skipped' | 'refused' | 'harness';

export const editAnnotation = 'test/edit';
const apiVersion = 'licensing.dialer.dev/v1';
const approval = 'licensing.dialer.dev/apply';
const maxTries = 100;
/** Of a moment each, until an object that is being deleted has to be gone. */
const mostPauses = 600;

/** The desk of the namespace that an action is for. */
export function deskOf({ namespace }: { readonly namespace?: string }, desk: ActionDesk): ActionDesk {
  if (namespace === undefined) return desk;
  if (!desk.in) throw new Error(`nobody works in ${namespace} here`);
  return desk.in(namespace);
}

/** Does it, with what is there read anew after each conflict. Throws for an answer that no action explains. */
export async function carryOut(action: Action, home: ActionDesk): Promise<Result> {
  const desk = deskOf(action, home);
  for (let n = 0; ; n++) {
    try {
      return await attempt(action, desk);
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code === 404) return 'skipped';
      // A policy, or a quota, may refuse what people do too.
      if (code === 422 || code === 403) return 'refused';
      if (code !== 409 || n >= maxTries) throw error;
    }
  }
}

async function attempt(action: Action, desk: ActionDesk): Promise<Result> {
  switch (action.do) {
    case 'create': {
      const object = await desk.get('LicenseSettings', action.name);
      if (object && !object.metadata.deletionTimestamp) return 'skipped';
      if (object && !(await untilFree(object, desk))) return 'skipped';
      await desk.create('LicenseSettings', newSettings(action.name, action.spec));
      return 'done';
    }
    case 'save': {
      const object = await desk.get('LicenseSettings', action.name);
      if (!object) return 'skipped';
      await desk.update('LicenseSettings', { ...object, spec: action.spec });
      return 'done';
    }
    case 'approve': {
      const object = await desk.get('LicenseSettings', action.name);
      const { spec } = object ? validate({ name: action.name, spec: object.spec }) : {};
      if (!object || !spec) return 'skipped';
      const { [approval]: _, ...others } = object.metadata.annotations ?? {};
      const hash = settingsHash(declare(action.name, spec));
      const value = action.wrong ? hash.replace(/^./, (first) => (first === '0' ? '1' : '0')) : hash;
      const annotations = { ...others, ...(action.digits ? { [approval]: value.slice(0, action.digits) } : {}) };
      await desk.update('LicenseSettings', { ...object, metadata: { ...object.metadata, annotations } });
      return 'done';
    }
    case 'touch': {
      const object = await desk.get('LicenseSettings', action.name);
      if (!object) return 'skipped';
      const labels = { ...object.metadata.labels, 'test/touched': action.value };
      const annotations = { ...object.metadata.annotations, 'test/touched': action.value };
      await desk.update('LicenseSettings', { ...object, metadata: { ...object.metadata, labels, annotations } });
      return 'done';
    }
    case 'delete':
    case 'recreate': {
      const object = await desk.get('LicenseSettings', action.name);
      if (object) await desk.delete('LicenseSettings', object, action.policy);
      if (action.do === 'delete') return object ? 'done' : 'skipped';
      if (object && !(await untilFree(object, desk))) return 'skipped';
      await desk.create('LicenseSettings', newSettings(action.name, action.spec));
      return 'done';
    }
    case 'foreign': {
      if (await desk.get('ConfigMap', action.map)) return 'skipped';
      const annotations = { [editAnnotation]: desk.fresh() };
      const metadata = { name: action.map, labels: { 'test/foreign': 'true' }, annotations };
      await desk.create('ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mine: 'not yours' } });
      return 'done';
    }
    case 'remove foreign': {
      const map = await desk.get('ConfigMap', action.map);
      if (!map || !isForeign(map)) return 'skipped';
      await desk.delete('ConfigMap', map);
      return 'done';
    }
    case 'edit': {
      const map = await desk.get('ConfigMap', action.map);
      if (!map || isForeign(map)) return 'skipped';
      if (action.edit === 'delete') {
        await desk.delete('ConfigMap', map);
        return 'done';
      }
      // An immutable one can only be deleted, its metadata apart.
      if (map.immutable && !['strip labels', 'strip owner', 'strip annotations', 'annotate'].includes(action.edit))
        return 'skipped';
      const edited = edit(map, action.edit);
      if (!edited) return 'skipped';
      const annotations = { ...edited.metadata.annotations, [editAnnotation]: desk.fresh() };
      await desk.update('ConfigMap', { ...edited, metadata: { ...edited.metadata, annotations } });
      return 'done';
    }
    case 'copy': {
      const map = await desk.get('ConfigMap', action.map);
      const there = deskOf({ namespace: action.to }, desk);
      if (!map || isForeign(map) || (await there.get('ConfigMap', action.map))) return 'skipped';
      await there.create('ConfigMap', copyOf(map, action, desk.fresh()));
      return 'done';
    }
    case 'remove copy': {
      const map = await desk.get('ConfigMap', action.map);
      if (map?.metadata.labels?.[copyLabel] === undefined) return 'skipped';
      await desk.delete('ConfigMap', map);
      return 'done';
    }
    case 'restore backup': {
      const object = await desk.get('LicenseSettings', action.name);
      if (!object) return 'skipped';
      await restoreBackup(object, desk, deskOf({ namespace: action.to }, desk));
      return 'done';
    }
    case 'back up status': {
      const object = await desk.get('LicenseSettings', action.name);
      if (!object) return 'skipped';
      desk.backups.set(action.name, structuredClone(object.status));
      return 'done';
    }
    case 'restore status':
    case 'lose status': {
      const object = await desk.get('LicenseSettings', action.name);
      const backup = action.do === 'lose status' ? { observedGeneration: -1 } : desk.backups.get(action.name);
      if (!object || !backup) return 'skipped';
      await desk.updateStatus({ ...object, status: backup as NonNullable<Stored['status']> });
      return 'done';
    }
    default:
      return 'harness';
  }
}

/** Brings what a backup has of an object into another namespace, where it is not there yet: first its ConfigMaps. */
async function restoreBackup({ metadata, spec, status }: Stored, from: ActionDesk, to: ActionDesk): Promise<void> {
  for (const { name } of status?.configMaps ?? []) {
    const map = await from.get('ConfigMap', name);
    if (!map || (await to.get('ConfigMap', name))) continue;
    await to.create('ConfigMap', copyOf(map, { without: [], change: 'none' }, to.fresh()));
  }
  if (await to.get('LicenseSettings', metadata.name)) return;
  const restored = await to.create('LicenseSettings', newSettings(metadata.name, spec));
  if (status) await to.updateStatus({ ...restored, status });
}

/** Waits until an object that is being deleted has gone. False for one that a finalizer holds for longer than people wait. */
async function untilFree({ metadata: { name, uid } }: Stored, desk: ActionDesk): Promise<boolean> {
  for (let n = 0; n < mostPauses; n++) {
    const found = await desk.get('LicenseSettings', name);
    // Where the store went back, it is not being deleted any more.
    if (found?.metadata.uid !== uid || !found.metadata.deletionTimestamp) return true;
    await (desk.pause?.() ?? sleep(100));
  }
  return false;
}

const newSettings = (name: string, spec: unknown) => ({
  ...{ apiVersion, kind: 'LicenseSettings', metadata: { name }, spec },
});
const isForeign = ({ metadata }: Stored) => metadata.labels?.['test/foreign'] === 'true';

const copyLabel = 'test/copy';
const note = (name: string) => `licensing.dialer.dev/${name}`;

/** A ConfigMap as a tool that mirrors creates it elsewhere. */
function copyOf(
  map: Stored,
  { without, change }: Pick<Extract<Action, { do: 'copy' }>, 'without' | 'change'>,
  edit: string,
): object {
  const { name, labels = {}, annotations = {}, ownerReferences = [] } = map.metadata;
  const { data, notes } = changedCopy(map, change);
  const kept = without.includes('annotations') ? {} : { ...annotations, ...notes };
  return {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', data },
    metadata: {
      name,
      labels: { ...(without.includes('labels') ? {} : labels), [copyLabel]: 'true' },
      annotations: { ...kept, [editAnnotation]: edit },
      ...(without.includes('owners') ? {} : { ownerReferences }),
    },
  };
}

/** The data of a copy, and the annotations that they get. */
function changedCopy(map: Stored, change: CopyChange): { data: Stored['data']; notes: Record<string, string> } {
  const { data = {} } = map;
  if (change === 'raise') return { data: edit(map, 'raise')?.data ?? data, notes: {} };
  if (change === 'zero') return { data: emptied(data), notes: {} };
  const forged = change === 'forge' ? forgedSpec(data) : undefined;
  if (!forged) return { data, notes: {} };
  const [first] = render(forged);
  const hash = settingsHash(forged);
  return {
    data: first?.data,
    notes: {
      // Newer than the real one, and no more than a save that is not live would have made it.
      [note('generation')]: String(Number(map.metadata.annotations?.[note('generation')] ?? 1) + 1),
      [note('settings-hash')]: hash,
      [note('data-hash')]: dataHash(first?.data ?? {}),
    },
  };
}

/** The declaration of a record, with a number that nobody saved. Only a ConfigMap without zones holds one. */
function forgedSpec(data: Readonly<Record<string, string>>): Declaration | undefined {
  try {
    const { declaration } = JSON.parse(data['licenses.json'] ?? '') as { declaration?: Declaration };
    const [key] = Object.keys(declaration?.licenses ?? {});
    if (!declaration || key === undefined) return undefined;
    return { ...declaration, licenses: { ...declaration.licenses, [key]: { minimum: 0, maximum: 999_999 } } };
  } catch {
    return undefined;
  }
}

/** The ConfigMap as somebody leaves it; undefined where there is nothing to edit. */
export function edit(map: Stored, how: Exclude<Edit, 'delete'>): Stored | undefined {
  const { metadata, data = {} } = map;
  switch (how) {
    case 'raise': {
      const key = Object.keys(data).find((one) => /_(CAPACITY|MAXIMUM)$/.test(one) && data[one] !== '0');
      return key === undefined ? undefined : { ...map, data: { ...data, [key]: String(Number(data[key]) + 1) } };
    }
    case 'empty':
      return data['licenses.json']?.includes('"scope":"Zone"') ? { ...map, data: emptied(data) } : undefined;
    case 'break JSON':
      return { ...map, data: { ...data, 'licenses.json': '{' } };
    case 'add key':
      return { ...map, data: { ...data, mine: 'too' } };
    case 'remove key': {
      const { 'licenses.properties': _, ...others } = data;
      return { ...map, data: others };
    }
    case 'clear':
      return { ...map, data: {} };
    case 'add binaryData':
      return { ...map, binaryData: { mine: 'dG9v' } };
    case 'strip labels':
      return { ...map, metadata: { ...metadata, labels: {} } };
    case 'strip owner':
      return { ...map, metadata: { ...metadata, ownerReferences: [] } };
    case 'strip annotations':
      return { ...map, metadata: { ...metadata, annotations: {} } };
    case 'annotate':
      return { ...map, metadata: { ...metadata, annotations: { ...metadata.annotations, 'test/note': 'kept' } } };
    case 'make immutable':
      return { ...map, immutable: true };
  }
}

/** A zone's data with every number at zero, and consistent. */
function emptied(data: Readonly<Record<string, string>>): Record<string, string> {
  const zero = (text: string) => text.replaceAll(/(?<="capacity":|capacity=)\d+/g, '0');
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, key.endsWith('_CAPACITY') ? '0' : zero(value)]),
  );
}
