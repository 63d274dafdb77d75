/**
 * What people and machines do to LicenseSettings and ConfigMaps: drawn from a seed as plain JSON data, so that a sequence
 * can be printed, run again and made shorter. An action that finds nothing to act on does nothing, so any part of a
 * sequence is a sequence too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Spec } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { validate } from '../../src/settings/validate.ts';
import { keys } from './document.ts';
import type { Stored } from './judge.ts';
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

/** `name` is that of a LicenseSettings, `map` that of a ConfigMap. */
export type Action =
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
  /** The harness waits until the system has converged. */
  | { readonly do: 'settle' }
  /** The harness waits so long, in milliseconds. */
  | { readonly do: 'pause'; readonly milliseconds: number }
  /** The harness ends the operator orderly and starts it again, kills it and starts it again, or makes another one leader. */
  | { readonly do: 'restart' | 'kill' | 'fail over' };

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
};

type Zone = NonNullable<Spec['zones']>[number];
type Counts = Record<string, number>;
type Range = { minimum: number; maximum: number };
/** An object as its people think of it. Undefined numbers stand for an object that isn't there. */
type Thought = { readonly name: string; there: boolean; spec: Spec; good: Spec; backedUp: boolean };

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
  const thoughts: Thought[] = objectNames.slice(0, count).map((name) => {
    const spec = firstSpec(name);
    return { name, there: false, spec, good: spec, backedUp: false };
  });
  const foreign = new Set<string>();
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

  const create = (thought: Thought, how: 'create' | 'recreate') => {
    const good = firstSpec(thought.name);
    const bad = chance(0.1);
    thought.good = good;
    const { what, spec } = bad ? broken(thought) : { what: 'good', spec: good };
    thought.there = true;
    const action = { name: thought.name, what, spec };
    actions.push(how === 'create' ? { do: how, ...action } : { do: how, ...action, policy: pick(policies) });
  };
  const edits = weighted<Edit>({
    ...{ raise: 3, empty: 2, 'break JSON': 1, 'add key': 1, 'remove key': 1, clear: 1, 'add binaryData': 1 },
    ...{ 'strip labels': 2, 'strip owner': 1, 'strip annotations': 1, annotate: 1, 'make immutable': 2, delete: 3 },
  });
  const deeds: Record<string, (thought: Thought) => void> = {
    change(thought) {
      const { what, spec } = changed(thought);
      thought.good = spec;
      actions.push({ do: 'save', name: thought.name, what, spec });
    },
    break: (thought) => actions.push({ do: 'save', name: thought.name, ...broken(thought) }),
    fix: (thought) =>
      actions.push({ do: 'save', name: thought.name, what: 'fix', spec: structuredClone(thought.good) }),
    approve: ({ name }) =>
      actions.push({ do: 'approve', name, digits: pick([12, 12, 20, 64, 64, 11, 0]), wrong: chance(0.15) }),
    touch: ({ name }) => actions.push({ do: 'touch', name, value: `t${below(1_000)}` }),
    delete(thought) {
      thought.there = false;
      actions.push({ do: 'delete', name: thought.name, policy: pick(policies) });
    },
    recreate: (thought) => create(thought, 'recreate'),
    foreign(thought) {
      const map = pick(mapsOf(thought));
      // The way to it: one that is there is deleted first, and the operator may be faster.
      if (chance(0.5)) actions.push({ do: 'edit', map, edit: 'delete' });
      actions.push({ do: 'foreign', map });
      foreign.add(map);
    },
    foreignAhead(thought) {
      const map = `${thought.name}-${pick(['a', 'b', 'licenses'])}`;
      const of = chance(0.5) ? map : `${map}-${pick(zoneNames)}`;
      actions.push({ do: 'foreign', map: of });
      foreign.add(of);
    },
    removeForeign() {
      const map = [...foreign][0];
      if (map === undefined) return;
      foreign.delete(map);
      actions.push({ do: 'remove foreign', map });
    },
    edit: (thought) => actions.push({ do: 'edit', map: pick(mapsOf(thought)), edit: pick(edits) }),
    status(thought) {
      if (!lostStatus) return;
      if (!thought.backedUp || chance(0.2)) {
        thought.backedUp = true;
        actions.push({ do: 'back up status', name: thought.name });
      } else actions.push({ do: chance(0.5) ? 'restore status' : 'lose status', name: thought.name });
    },
    settle: () => actions.push({ do: 'settle' }),
    pause: () => actions.push({ do: 'pause', milliseconds: pick([0, 1, 5, 20, 100, 500, 1_500]) }),
    machine() {
      if (machines) actions.push({ do: pick(['restart', 'kill', 'kill', 'fail over']) });
    },
  };
  const drawnDeeds = weighted({
    ...{ change: 30, break: 7, fix: 4, approve: 9, touch: 2, delete: 2, recreate: 3, foreign: 3, foreignAhead: 2 },
    ...{ removeForeign: 4, edit: 12, status: 4, settle: 12, pause: 5, machine: 6 },
  });
  while (actions.length < length) {
    const thought = pick(thoughts);
    if (thought.there) deeds[pick(drawnDeeds)]?.(thought);
    else create(thought, 'create');
  }
  return actions;
}

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

/** Does it, with what is there read anew after each conflict. Throws for an answer that no action explains. */
export async function carryOut(action: Action, desk: ActionDesk): Promise<Result> {
  for (let n = 0; ; n++) {
    try {
      return await attempt(action, desk);
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code === 404) return 'skipped';
      if (code === 422) return 'refused';
      if (code !== 409 || n >= maxTries) throw error;
    }
  }
}

async function attempt(action: Action, desk: ActionDesk): Promise<Result> {
  switch (action.do) {
    case 'create': {
      const object = await desk.get('LicenseSettings', action.name);
      if (object && !object.metadata.deletionTimestamp) return 'skipped';
      if (object) await untilFree(object, desk);
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
      if (object) await untilFree(object, desk);
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

/** Waits until an object that is being deleted has gone. */
async function untilFree({ metadata: { name, uid } }: Stored, desk: ActionDesk): Promise<void> {
  for (let n = 0; n < mostPauses; n++) {
    const found = await desk.get('LicenseSettings', name);
    if (found?.metadata.uid !== uid) return;
    await (desk.pause?.() ?? sleep(100));
  }
  throw new Error(`LicenseSettings ${name} is deleted, and does not go`);
}

const newSettings = (name: string, spec: unknown) => ({
  ...{ apiVersion, kind: 'LicenseSettings', metadata: { name }, spec },
});
const isForeign = ({ metadata }: Stored) => metadata.labels?.['test/foreign'] === 'true';

/** The ConfigMap as somebody leaves it; undefined where there is nothing to edit. */
function edit(map: Stored, how: Exclude<Edit, 'delete'>): Stored | undefined {
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
