/** From a declaration to the bytes that dialers read. The data know nothing of generations and times (C6): equal declaration, equal bytes (D4). */
import { licenseTypes, perType } from '../api/license-types.ts';
import { type DefaultJson, type SystemJson, schemaVersion, type ZoneJson } from '../api/licenses-json.ts';
import type { Allocation, Declaration, DeclaredZone } from '../api/licensesettings.ts';
import { canonicalJson, dataHash, settingsHash } from './hash.ts';

/** Key of the ConfigMap with the canonical JSON. */
export const jsonKey = 'licenses.json';
/** Key of the ConfigMap with the Java properties. */
export const propertiesKey = 'licenses.properties';

/** One ConfigMap as it should be: its name, its data, and their hash. */
export type Rendered = {
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
  readonly dataHash: string;
  /** Of the declaration; a zone's ConfigMap has none: it changes only with the zone. */
  readonly settingsHash?: string;
  /** The zone whose numbers it holds. */
  readonly zone?: string;
};

/** All ConfigMaps of a declaration, that of the system first (C2). */
export const render = (declaration: Declaration): Rendered[] => [
  renderSystem(declaration),
  ...renderZones(declaration),
];

/** Names of all ConfigMaps of a declaration, that of the system first. */
export const configMapNames = (declaration: Declaration): string[] => [
  declaration.configMap.name,
  ...(declaration.zones ?? []).map(({ name }) => zoneConfigMapName(declaration, name)),
];

/** The ConfigMaps of the zones. */
export const renderZones = (declaration: Declaration): Rendered[] =>
  (declaration.zones ?? []).map((zone) => renderZone(zoneConfigMapName(declaration, zone.name), zone));

/** Name of a zone's ConfigMap. */
export const zoneConfigMapName = ({ configMap }: Declaration, zone: string): string => `${configMap.name}-${zone}`;

/** The ConfigMap of the system: without zones the one that dialers obey, with zones the overview that nobody obeys. */
export function renderSystem(declaration: Declaration): Rendered {
  const { zones } = declaration;
  const numbers = liveNumbers(declaration);
  if (!zones) {
    const document: DefaultJson = {
      schemaVersion,
      scope: 'Default',
      licenses: perType((type) => {
        const { minimum, maximum, capacity } = numbers[type];
        return { minimum, maximum, capacity };
      }),
      declaration,
    };
    return rendered(declaration.configMap.name, document, [], {
      settingsHash: settingsHash(declaration),
      env: licenseTypes.map(({ key }) => [key, document.licenses[key]]),
    });
  }
  const document: SystemJson = {
    schemaVersion,
    scope: 'System',
    licenses: perType((type) => {
      const { minimum, maximum, capacity } = numbers[type];
      return { minimum, maximum, total: capacity };
    }),
    zones: zones.map(({ name, licenses }) => ({ name, licenses: capacities(licenses) })),
  };
  const more = zones.flatMap(({ name, licenses }) => capacityLines(`license.zone.${name}`, licenses));
  return rendered(declaration.configMap.name, document, more, {
    settingsHash: settingsHash(declaration),
    // No CAPACITY keys: nobody may obey the same license twice (C5).
    env: licenseTypes.map(({ key }) => {
      const { minimum, maximum } = document.licenses[key];
      return [key, { minimum, maximum }];
    }),
  });
}

/** The ConfigMap of one zone, with what it holds and what its organizations hold (C4). */
export function renderZone(name: string, zone: DeclaredZone): Rendered {
  const organizations = zone.organizations ?? [];
  const document: ZoneJson = {
    schemaVersion,
    scope: 'Zone',
    zone: zone.name,
    licenses: capacities(zone.licenses),
    organizations: organizations.map((one) => ({ name: one.name, licenses: capacities(one.licenses) })),
  };
  const more = organizations.flatMap((one) => capacityLines(`license.organization.${one.name}`, one.licenses));
  return rendered(name, document, more, {
    zone: zone.name,
    env: licenseTypes.map(({ key }) => [key, document.licenses[key]]),
  });
}

type Numbers = Record<string, number>;

function rendered(
  name: string,
  document: (DefaultJson | SystemJson | ZoneJson) & { zone?: string },
  moreProperties: string[],
  { env, ...rest }: { env: [string, Numbers][]; settingsHash?: string; zone?: string },
): Rendered {
  const properties = [`license.schemaVersion=${schemaVersion}`, `license.scope=${document.scope}`];
  if (rest.zone !== undefined) properties.push(`license.zone=${rest.zone}`);
  const licenses: Record<string, Numbers> = document.licenses;
  const keys: Record<string, string> = {};
  for (const { key, env: prefix } of licenseTypes) {
    for (const [field, value] of Object.entries(licenses[key] ?? {}))
      properties.push(`license.${key}.${field}=${value}`);
    const values = env.find(([type]) => type === key)?.[1] ?? {}; // C3
    for (const [field, value] of Object.entries(values)) keys[`${prefix}_${field.toUpperCase()}`] = String(value);
  }
  properties.push(...moreProperties);
  const data = { [jsonKey]: canonicalJson(document), [propertiesKey]: `${properties.join('\n')}\n`, ...keys };
  return { name, data, dataHash: dataHash(data), ...rest };
}

const capacities = (counts: Allocation = {}) => perType((type) => ({ capacity: counts[type] ?? 0 }));

const capacityLines = (prefix: string, counts: Allocation = {}): string[] =>
  licenseTypes.map(({ key }) => `${prefix}.${key}.capacity=${counts[key] ?? 0}`);

/** What the zones hold together, of each type. */
const sumOf = (zones: readonly { licenses?: Allocation | undefined }[]) =>
  perType((type) => zones.reduce((sum, { licenses }) => sum + (licenses?.[type] ?? 0), 0));

/**
 * The live numbers of all six types. Without zones everything belongs to the default organization of the default
 * zone: allocated = capacity, and nothing is unused (T2).
 */
export function liveNumbers({ licenses, zones }: Declaration) {
  const held = zones && sumOf(zones);
  return perType((type) => {
    const { minimum, maximum } = licenses?.[type] ?? { minimum: 0, maximum: 0 };
    const capacity = maximum;
    const allocated = held ? held[type] : capacity;
    return { minimum, maximum, capacity, allocated, unused: capacity - allocated };
  });
}

/** The live numbers of each zone: the types that it holds any of. */
export function zoneNumbers({ zones }: Declaration) {
  return zones?.map(({ name, licenses = {}, organizations = [] }) => {
    const given = sumOf(organizations);
    const numbers = licenseTypes.flatMap(({ key }) => {
      const capacity = licenses[key] ?? 0;
      return capacity > 0 ? [[key, { capacity, unallocated: capacity - given[key] }]] : [];
    });
    return { name, licenses: Object.fromEntries(numbers) as Record<string, { capacity: number; unallocated: number }> };
  });
}
