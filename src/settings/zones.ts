/**
 * How many licenses each zone holds now, and which of its ConfigMaps have to shrink, grow, come and go until a target is live:
 * rule 2. Pure, and read from what the ConfigMaps hold now: called again after each write, after a crash or with a newer
 * target, it says what is left to do. The order of the steps stands in next.ts.
 */
import { licenseTypes } from '../api/license-types.ts';
import { type ZoneJson, zoneJsonSchema } from '../api/licenses-json.ts';
import type { Allocation, Declaration, DeclaredZone } from '../api/licensesettings.ts';
import { labels } from '../api/names.ts';
import { type ConfigMapView, carriesUid, isUnedited, type Owner } from './configmap.ts';
import { normalZone } from './declaration.ts';
import { type Rendered, renderSystem, renderZone, zoneConfigMapName } from './render.ts';

/** What a plan is made from. */
export type PlanInput = {
  /** What has to be live, and all its ConfigMaps, that of the system first. */
  readonly target: { readonly declaration: Declaration; readonly rendered: readonly Rendered[] };
  /**
   * What was live before the plan, and what is on its way: bounds for a ConfigMap that was edited by hand. Undefined stands
   * for nothing, as before a first apply; with none at all nothing is known.
   */
  readonly before: readonly (Declaration | undefined)[];
  /** Whose plan it is. */
  readonly owner: Owner;
  /** The ConfigMaps of this object, by name; those of others are not among them. */
  readonly present: ReadonlyMap<string, ConfigMapView>;
  /** What the operator itself wrote last into the ConfigMap of a zone, by name, as far as it remembers. */
  readonly given: ReadonlyMap<string, DeclaredZone>;
};

/** What is left of a plan: each part is complete before the next begins. */
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
  /** Names of other ConfigMaps that have to go, as after a rename: not before the new ones are there (R2.16). */
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
 * @param rendered the ConfigMaps of the target
 * @param known what the status says that they hold: today's rendering, or that of an older release
 */
export function holdOthers(
  views: readonly ConfigMapView[],
  rendered: readonly Rendered[],
  known: readonly { name: string; dataHash: string }[] = [],
): boolean {
  const strays = views.filter(
    (view) =>
      view.metadata.labels?.[labels.zone] !== undefined &&
      isUnedited(view) &&
      !isLeaving(view) &&
      !known.some((one) => one.name === view.metadata.name && one.dataHash === view.dataHash),
  );
  if (strays.length === 0) return false;
  const wanted = new Map(rendered.map(({ name, dataHash }) => [name, dataHash]));
  return strays.some(({ metadata, dataHash }) => wanted.get(metadata.name) !== dataHash);
}

/** True for the ConfigMap of a zone that holds nothing, and is deleted already: somebody's finalizer keeps it. */
export function isLeaving({ metadata: { name, deletionTimestamp }, dataHash, ...view }: ConfigMapView): boolean {
  const zone = deletionTimestamp === undefined ? undefined : readZone(view)?.name;
  return zone !== undefined && dataHash === renderZone(name, { name: zone }).dataHash;
}

/**
 * The zone that a ConfigMap speaks of: by its record, or its label; where somebody took both, by its name in what was live
 * and what is on its way, unless one of them had it for the system, or its data are as the operator wrote them: then it is one.
 */
const zoneOf = (view: ConfigMapView, before: PlanInput['before'] = []): string | undefined =>
  readZone(view)?.name ??
  view.metadata.labels?.[labels.zone] ??
  (isUnedited(view) ? undefined : zoneByName(view.metadata.name, before));

const zoneByName = (name: string, before: PlanInput['before']): string | undefined =>
  before.some((one) => one?.configMap.name === name)
    ? undefined
    : before
        .flatMap((one) => one?.zones?.find((zone) => zoneConfigMapName(one, zone.name) === name) ?? [])
        .map((zone) => zone.name)[0];

/** What is still to do until the target is live. */
export function planZones({ target, before, owner, present, given }: PlanInput): ZonePlan {
  const { declaration, rendered } = target;
  const [wantedSystem = renderSystem(declaration), ...wantedZones] = rendered;
  const wantedNames = new Set(rendered.map(({ name }) => name));
  const targetZones = new Map(declaration.zones?.map((zone) => [zone.name, zone]));
  const differs = ({ name, dataHash }: Rendered) => {
    const view = present.get(name);
    return !view || view.binary || view.dataHash !== dataHash;
  };
  const others = othersThan(wantedSystem.name, { before, present });

  const decreases = others.flatMap(({ name, view, zone }) => {
    if (zone !== undefined)
      return renderZone(name, lower(held(view, zone, { target, before, owner, given }), targetZones.get(zone)));
    // From no zones to zones under a new name: the old system ConfigMap must not be obeyed beside the zones, nor when its
    // name is to be that of a zone (R2.5).
    return declaration.zones && hasCapacity(view) ? { ...wantedSystem, name } : [];
  });

  // When the last zone goes the system gets its CAPACITY keys back: not before all zones are at zero and were seen so (R2.7).
  const systemWaits = declaration.zones === undefined && others.some(({ zone }) => zone !== undefined);
  const system = differs(wantedSystem) ? wantedSystem : undefined;
  const presentSystem = present.get(wantedSystem.name);
  const emptied = others.flatMap(({ name, zone }) =>
    zone === undefined || targetZones.has(zone) || wantedNames.has(name) ? [] : [name],
  );
  const raised = [...wantedZones.filter(differs), ...(systemWaits && system ? [system] : [])];
  return {
    decreases: decreases.filter(differs),
    system: systemWaits ? undefined : system,
    systemTakesAway: declaration.zones !== undefined && presentSystem !== undefined && hasCapacity(presentSystem),
    increases: raised.filter(({ name }) => present.has(name)),
    emptied,
    creations: raised.filter(({ name }) => !present.has(name)),
    obsolete: [...present.keys()].filter((name) => !wantedNames.has(name) && !emptied.includes(name)),
  };
}

/** The ConfigMaps beside that of the system, with the zone that each speaks of: zones first, as they give back before a total shrinks. */
const othersThan = (system: string, { before, present }: Pick<PlanInput, 'before' | 'present'>) =>
  [...present]
    .flatMap(([name, view]) => (name === system ? [] : [{ name, view, zone: zoneOf(view, before) }]))
    .sort((a, b) => Number(a.zone === undefined) - Number(b.zone === undefined));

/**
 * True when the ConfigMap of a zone holds less than what was live and what is on its way both give it: somebody took
 * licenses away by hand, and dialers may not have seen it yet.
 */
export function holdsLess({ before, present }: Pick<PlanInput, 'before' | 'present'>): boolean {
  const [first] = before;
  return (first?.zones ?? []).some(({ name }) => {
    const view = [...present.values()].find((one) => zoneOf(one, before) === name);
    return !within(leastOf(name, before), [(view && readZone(view)) ?? { name }]);
  });
}

/**
 * What a zone's ConfigMap holds now. Where somebody edited it by hand, what the operator wrote last; where that is not
 * remembered, the smaller of what was live and what is on its way (R2.2).
 */
export function held(
  view: ConfigMapView,
  zone: string,
  { target, before, owner, given }: Pick<PlanInput, 'target' | 'before' | 'owner' | 'given'>,
): DeclaredZone {
  const read = readZone(view);
  const isWhole =
    read?.name === zone && !view.binary && renderZone(view.metadata.name, read).dataHash === view.dataHash;
  const last = given.get(view.metadata.name);
  if (isWhole && last && within(read, [last])) return read;
  // What this plan has already given is no drift. With a lost status nothing is known, and what can be read is believed; so is
  // by a first apply what an earlier object of the name wrote.
  const isAdopted = before[0] === undefined && !carriesUid(view, owner);
  const known = before.length > 0 && !isAdopted ? [...before, target.declaration] : [];
  const bounds = known.map((one) => zoneIn(one, zone));
  if (isWhole && !last && (bounds.length === 0 || within(read, bounds))) return read;
  if (last) return last;
  const least = leastOf(zone, known);
  // What holds less than that stays so: nothing is raised here.
  return isWhole ? lower(read, least) : least;
}

const zoneIn = (declaration: Declaration | undefined, name: string): DeclaredZone =>
  declaration?.zones?.find((zone) => zone.name === name) ?? { name };

/**
 * Zones that hold something else than the operator can have written, brought to the smallest that each can have had. Once another
 * plan has begun, nobody would know any more what this one gave them.
 */
export const spoiledZones = ({ target, before, owner, present, given }: PlanInput): Rendered[] =>
  othersThan('', { before, present }).flatMap(({ name, view, zone }) => {
    const rendered = zone && renderZone(name, held(view, zone, { target, before, owner, given }));
    return rendered && (view.binary || view.dataHash !== rendered.dataHash) ? [rendered] : [];
  });

/** The smallest of what declarations give a zone, of each type. */
const leastOf = (zone: string, declarations: readonly (Declaration | undefined)[]): DeclaredZone =>
  declarations.map((one) => zoneIn(one, zone)).reduce((least, one) => lower(least, one), zoneIn(declarations[0], zone));

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
function lower(zone: DeclaredZone, other: DeclaredZone | undefined): DeclaredZone {
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
