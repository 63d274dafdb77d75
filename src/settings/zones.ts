/**
 * Moving licenses between zones without ever giving one out twice: DESIGN section 3, rule 2. Pure, and read from what
 * the ConfigMaps hold now: called again after each write, after a crash or with a newer target, it says what is next.
 */
import { licenseTypes } from '../api/license-types.ts';
import { type ZoneJson, zoneJsonSchema } from '../api/licenses-json.ts';
import type { Allocation, Declaration, DeclaredZone } from '../api/licensesettings.ts';
import { annotations, labels } from '../api/names.ts';
import type { ConfigMapView } from './configmap.ts';
import { normalZone } from './declaration.ts';
import { type Rendered, renderSystem, renderZone, renderZones, zoneConfigMapName } from './render.ts';

/** What a plan is made from. */
export type PlanInput = {
  readonly target: Declaration;
  /** What was live before the plan, and what is on its way: bounds for a ConfigMap that was edited by hand. */
  readonly before: readonly Declaration[];
  /** The ConfigMaps of this object, by name; those of others are not among them. */
  readonly present: ReadonlyMap<string, ConfigMapView>;
};

/** The steps of a plan that are still to do, each complete before the next. */
export type ZonePlan = {
  /** Zones, and a system ConfigMap that must not be obeyed beside them, that give licenses back. */
  readonly decreases: Rendered[];
  /** The system ConfigMap. Missing when it is as it should be, or has to wait for the increases. */
  readonly system: Rendered | undefined;
  /** True when that takes CAPACITY keys away from dialers. */
  readonly systemTakesAway: boolean;
  /** Zones that get more licenses, and a system that gets its CAPACITY keys back. */
  readonly increases: Rendered[];
  /**
   * Names of ConfigMaps of zones that are not wanted any more. They hold nothing once the decreases are done, and go before a
   * new one is created: a quota may have room for no more ConfigMaps than the settings need.
   */
  readonly emptied: string[];
  /** Zones, or a system that waited for the increases, that have no ConfigMap yet: created with their final numbers. */
  readonly creations: Rendered[];
  /** Names of other ConfigMaps that have to go, as after a rename: not before the new ones are there. */
  readonly obsolete: string[];
};

/** True when the settings, or any ConfigMap, have to do with zones: then every change is a plan. */
export const involvesZones = (
  declarations: readonly (Declaration | undefined)[],
  views: Iterable<ConfigMapView>,
): boolean =>
  declarations.some((one) => one?.zones !== undefined) || [...views].some((view) => zoneOf(view) !== undefined);

/**
 * True when zones hold, unedited, what other settings gave them, as where the status is that of a backup: to bring them to
 * the target is a plan too.
 *
 * @param known what the status says that they hold: today's rendering, or that of an older release
 */
export function holdOthers(
  views: readonly ConfigMapView[],
  target: Declaration,
  known: readonly { name: string; dataHash: string }[] = [],
): boolean {
  const strays = views.filter(
    (view) =>
      view.metadata.labels?.[labels.zone] !== undefined &&
      view.metadata.annotations?.[annotations.dataHash] === view.dataHash &&
      !isLeaving(view) &&
      !known.some((one) => one.name === view.metadata.name && one.dataHash === view.dataHash),
  );
  if (strays.length === 0) return false;
  const wanted = new Map(renderZones(target).map(({ name, dataHash }) => [name, dataHash]));
  return strays.some(({ metadata, dataHash }) => wanted.get(metadata.name) !== dataHash);
}

/** True for the ConfigMap of a zone that holds nothing, and is deleted already: somebody's finalizer keeps it. */
export function isLeaving({ metadata: { name, deletionTimestamp }, dataHash, ...view }: ConfigMapView): boolean {
  const zone = deletionTimestamp === undefined ? undefined : readZone(view)?.name;
  return zone !== undefined && dataHash === renderZone(name, { name: zone }).dataHash;
}

/**
 * The zone that a ConfigMap speaks of: by its record, or its label; where somebody took both, by its name in what was live
 * and what is on its way, unless one of them had it for the system.
 */
const zoneOf = (view: ConfigMapView, before: readonly Declaration[] = []): string | undefined =>
  readZone(view)?.name ?? view.metadata.labels?.[labels.zone] ?? zoneByName(view.metadata.name, before);

const zoneByName = (name: string, before: readonly Declaration[]): string | undefined =>
  before.some(({ configMap }) => configMap.name === name)
    ? undefined
    : before
        .flatMap((one) => one.zones?.find((zone) => zoneConfigMapName(one, zone.name) === name) ?? [])
        .map((zone) => zone.name)[0];

/** What is still to do until the target is live. */
export function planZones({ target, before, present }: PlanInput): ZonePlan {
  const wantedZones = renderZones(target);
  const wantedSystem = renderSystem(target);
  const wantedNames = new Set([wantedSystem.name, ...wantedZones.map(({ name }) => name)]);
  const targetZones = new Map(target.zones?.map((zone) => [zone.name, zone]));
  const differs = (rendered: Rendered) => {
    const view = present.get(rendered.name);
    return !view || view.binary || view.dataHash !== rendered.dataHash;
  };
  const known = boundsOf({ target, before });
  const others = othersThan(wantedSystem.name, { before, present });

  const decreases = others.flatMap(({ name, view, zone }) => {
    if (zone !== undefined) return renderZone(name, lower(held(view, zone, known), targetZones.get(zone)));
    // From no zones to zones under a new name: the old system ConfigMap must not be obeyed beside the zones, nor when its
    // name is to be that of a zone.
    return target.zones && hasCapacity(view) ? { ...wantedSystem, name } : [];
  });

  // When the last zone goes the system gets its CAPACITY keys back: not before all zones are at zero and were seen so.
  const systemWaits = target.zones === undefined && others.some(({ zone }) => zone !== undefined);
  const system = differs(wantedSystem) ? wantedSystem : undefined;
  const presentSystem = present.get(wantedSystem.name);
  const emptied = others.flatMap(({ name, zone }) =>
    zone === undefined || targetZones.has(zone) || wantedNames.has(name) ? [] : [name],
  );
  const raised = [...wantedZones.filter(differs), ...(systemWaits && system ? [system] : [])];
  return {
    decreases: decreases.filter(differs),
    system: systemWaits ? undefined : system,
    systemTakesAway: target.zones !== undefined && presentSystem !== undefined && hasCapacity(presentSystem),
    increases: raised.filter(({ name }) => present.has(name)),
    emptied,
    creations: raised.filter(({ name }) => !present.has(name)),
    obsolete: [...present.keys()].filter((name) => !wantedNames.has(name) && !emptied.includes(name)),
  };
}

/** The ConfigMaps beside that of the system, with the zone that each speaks of. */
const othersThan = (system: string, { before, present }: Pick<PlanInput, 'before' | 'present'>) =>
  [...present].flatMap(([name, view]) => (name === system ? [] : [{ name, view, zone: zoneOf(view, before) }]));

/** What this plan has already given is no drift. With a lost status nothing is known, and what can be read is believed. */
const boundsOf = ({ target, before }: Pick<PlanInput, 'target' | 'before'>): readonly Declaration[] =>
  before.length > 0 ? [...before, target] : [];

/** What a leader writes before it goes on with a plan that it did not begin: DESIGN section 3, rule 7. */
export type Takeover = {
  /** ConfigMaps as they are, to be stamped with the epoch: a late write that was decided before then conflicts. */
  readonly stamp: Rendered[];
  /** Zones at zero where there is no ConfigMap: a late create with other numbers then conflicts. */
  readonly create: Rendered[];
};

/**
 * What keeps a predecessor's late writes from landing in a plan that was taken over. The system's ConfigMap is among
 * them when it is right already: else a step of the plan writes it.
 *
 * @param plans the declarations that the predecessor may have been writing, and the one to write now
 */
export function planTakeover({ target, before, present }: PlanInput, plans: readonly Declaration[]): Takeover {
  const system = renderSystem(target);
  const wanted = new Map(plans.flatMap(renderZones).map((rendered) => [rendered.name, rendered]));
  const known = boundsOf({ target, before });
  return {
    stamp: [
      ...othersThan(system.name, { before, present }).flatMap(({ name, view, zone }) =>
        zone === undefined ? [] : renderZone(name, held(view, zone, known)),
      ),
      ...(present.get(system.name)?.dataHash === system.dataHash ? [system] : []),
    ],
    create: [...wanted].flatMap(([name, { zone }]) =>
      zone === undefined || present.has(name) ? [] : [renderZone(name, { name: zone })],
    ),
  };
}

/**
 * True when the ConfigMap of a zone holds less than what was live and what is on its way both give it: somebody took
 * licenses away by hand, and dialers may not have seen it yet.
 */
export function holdsLess({ before, present }: Pick<PlanInput, 'before' | 'present'>): boolean {
  const [first, ...others] = before;
  return (first?.zones ?? []).some((zone) => {
    const least = others.reduce(
      (one, { zones }) =>
        lower(
          one,
          zones?.find(({ name }) => name === zone.name),
        ),
      zone,
    );
    const view = [...present.values()].find((one) => zoneOf(one, before) === zone.name);
    const held = lower(least, view && readZone(view));
    return JSON.stringify(held) !== JSON.stringify(lower(least, least));
  });
}

/** What a zone's ConfigMap holds now; where it drifted, the smaller of what was live and what is on its way. */
function held(view: ConfigMapView, zone: string, declarations: readonly Declaration[]): DeclaredZone {
  const known = declarations.map(({ zones }) => zones?.find(({ name }) => name === zone) ?? { name: zone });
  const read = readZone(view);
  const whole = read?.name === zone && !view.binary && renderZone(view.metadata.name, read).dataHash === view.dataHash;
  if (whole && (known.length === 0 || within(read, known))) return read;
  const [first = { name: zone }, ...others] = known;
  return others.reduce((least, one) => lower(least, one), first);
}

/** True when a zone holds no more than the most of those known, of each type, organizations included. */
export function within(zone: DeclaredZone, known: readonly DeclaredZone[]): boolean {
  const fits = (counts: Allocation = {}, most: readonly (Allocation | undefined)[]) =>
    licenseTypes.every(({ key }) => (counts[key] ?? 0) <= Math.max(...most.map((one) => one?.[key] ?? 0)));
  return (
    fits(
      zone.licenses,
      known.map(({ licenses }) => licenses),
    ) &&
    (zone.organizations ?? []).every(({ name, licenses }) =>
      fits(
        licenses,
        known.map((one) => organizationOf(one, name)?.licenses),
      ),
    )
  );
}

const organizationOf = (zone: DeclaredZone, name: string) => zone.organizations?.find((one) => one.name === name);

/** The smaller of two, of each type, for the zone and each organization that both have. */
export function lower(zone: DeclaredZone, other: DeclaredZone | undefined): DeclaredZone {
  return normalZone({
    name: zone.name,
    licenses: smaller(zone.licenses, other?.licenses),
    organizations: (zone.organizations ?? []).flatMap(({ name, licenses }) => {
      const same = other && organizationOf(other, name);
      return same ? [{ name, licenses: smaller(licenses, same.licenses) }] : [];
    }),
  });
}

const smaller = (a: Allocation = {}, b: Allocation = {}): Allocation =>
  Object.fromEntries(licenseTypes.map(({ key }) => [key, Math.min(a[key] ?? 0, b[key] ?? 0)]));

/** True when dialers could obey a ConfigMap as that of the whole system. What can't be read could be anything. */
function hasCapacity(view: ConfigMapView): boolean {
  try {
    return (JSON.parse(view.record ?? '') as { scope?: unknown } | null)?.scope !== 'System';
  } catch {
    return true;
  }
}

/** What a zone's ConfigMap says by its record, `licenses.json`; undefined where that is none that a valid spec could have. */
export function readZone({ record }: { readonly record?: string | undefined }): DeclaredZone | undefined {
  const document = parseZone(record);
  if (!document) return undefined;
  const counts = (licenses: ZoneJson['licenses']): Allocation =>
    Object.fromEntries(licenseTypes.map(({ key }) => [key, licenses[key].capacity]));
  const { licenses, organizations } = document;
  if (!isDivided(licenses, organizations)) return undefined;
  return normalZone({
    name: document.zone,
    licenses: counts(licenses),
    organizations: organizations.map((one) => ({ name: one.name, licenses: counts(one.licenses) })),
  });
}

/** True when organizations have names of their own, and hold no more than their zone. */
const isDivided = (licenses: ZoneJson['licenses'], organizations: ZoneJson['organizations']): boolean =>
  new Set(organizations.map(({ name }) => name)).size === organizations.length &&
  licenseTypes.every(
    ({ key }) => organizations.reduce((sum, one) => sum + one.licenses[key].capacity, 0) <= licenses[key].capacity,
  );

function parseZone(record: string | undefined): ZoneJson | undefined {
  // Most ConfigMaps are no zones: a look is cheaper than parsing each.
  if (!record?.includes('"scope":"Zone"')) return undefined;
  try {
    return zoneJsonSchema.safeParse(JSON.parse(record)).data;
  } catch {
    return undefined;
  }
}
