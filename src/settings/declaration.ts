import { licenseTypes } from '../api/license-types.ts';
import { type Declaration, declarationSchema, type Spec } from '../api/licensesettings.ts';
import { settingsHash } from './hash.ts';

/** The ConfigMap's name where the spec gives none. */
export const defaultConfigMapName = (objectName: string): string => `${objectName}-licenses`;

/**
 * The declaration of a valid spec: the part that is rendered and hashed, in normal form. Types that are 0 to 0 are
 * dropped, since left out means the same; the ConfigMap's name is always there.
 */
export function declare(objectName: string, spec: Spec): Declaration {
  const licenses: NonNullable<Declaration['licenses']> = {};
  for (const { key } of licenseTypes) {
    const range = spec.licenses[key];
    if (range && (range.minimum !== 0 || range.maximum !== 0)) {
      licenses[key] = { minimum: range.minimum, maximum: range.maximum };
    }
  }
  return {
    ...(Object.keys(licenses).length > 0 ? { licenses } : {}),
    configMap: { name: spec.configMap?.name ?? defaultConfigMapName(objectName) },
  };
}

/**
 * Reads a stored declaration. Undefined when it can't be trusted: a field of a later release (never apply half of
 * what someone wrote), or a hash that is not its own.
 */
export function readDeclaration(stored: unknown, hash: string | undefined): Declaration | undefined {
  const parsed = declarationSchema.safeParse(stored);
  return parsed.success && settingsHash(parsed.data) === hash ? parsed.data : undefined;
}
