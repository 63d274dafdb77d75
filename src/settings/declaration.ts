import { licenseTypes } from '../api/license-types.ts';
import {
  type Allocation,
  type Declaration,
  type DeclaredZone,
  declarationSchema,
  type Spec,
} from '../api/licensesettings.ts';
import { settingsHash } from './hash.ts';
import { validate } from './validate.ts';

/** The ConfigMap's name where the spec gives none. */
export const defaultConfigMapName = (objectName: string): string => `${objectName}-licenses`;

/**
 * The declaration of a valid spec: the part that is rendered and hashed (D1), in normal form (D2). Types that are 0 to 0 and counts
 * of 0 are dropped, since left out means the same; zones and organizations are sorted, and stay even when they hold
 * nothing; the ConfigMap's name is always there.
 */
export function declare(objectName: string, spec: Spec): Declaration {
  const licenses: NonNullable<Declaration['licenses']> = {};
  for (const { key } of licenseTypes) {
    const range = spec.licenses[key];
    if (range && (range.minimum !== 0 || range.maximum !== 0)) {
      licenses[key] = { minimum: range.minimum, maximum: range.maximum };
    }
  }
  const zones = [...(spec.zones ?? [])].sort(byName).map(normalZone);
  return {
    ...(Object.keys(licenses).length > 0 ? { licenses } : {}),
    ...(zones.length > 0 ? { zones } : {}),
    configMap: { name: spec.configMap?.name ?? defaultConfigMapName(objectName) },
  };
}

/** A zone in normal form: organizations sorted, zero counts and empty maps and lists dropped. */
export function normalZone({ name, licenses, organizations = [] }: DeclaredZone): DeclaredZone {
  const inside = [...organizations].sort(byName).map((one) => ({ name: one.name, ...normalCounts(one.licenses) }));
  return { name, ...normalCounts(licenses), ...(inside.length > 0 ? { organizations: inside } : {}) };
}

function normalCounts(counts: Allocation = {}): { licenses?: Allocation } {
  const licenses: Allocation = {};
  for (const { key } of licenseTypes) if (counts[key]) licenses[key] = counts[key];
  return Object.keys(licenses).length > 0 ? { licenses } : {};
}

// By code units, as RFC 8785 sorts keys: never by the locale of a machine.
const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/**
 * Reads a stored declaration of an object. Undefined when it can't be trusted: a field of a later release (never apply half
 * of what someone wrote), what no valid spec of the object declares (a record can be forged: R1.4), or a hash that is not its own.
 */
export function readDeclaration(
  stored: unknown,
  hash: string | undefined,
  objectName: string,
): Declaration | undefined {
  if (!declarationSchema.safeParse(stored).success) return undefined;
  const { spec } = validate({ name: objectName, spec: { licenses: noLicenses, ...(stored as Declaration) } });
  const declaration = spec && declare(objectName, spec);
  return declaration && settingsHash(declaration) === hash ? declaration : undefined;
}

/** A declaration leaves out what is 0 to 0; a spec names at least one type. */
const noLicenses = { outboundPorts: { minimum: 0, maximum: 0 } };
