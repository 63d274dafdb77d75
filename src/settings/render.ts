/** From a declaration to the bytes that dialers read. The data know nothing of generations and times: equal declaration, equal bytes. */
import { licenseTypes, perType } from '../api/license-types.ts';
import { type LicensesJson, schemaVersion } from '../api/licenses-json.ts';
import type { Declaration } from '../api/licensesettings.ts';
import { canonicalJson, dataHash, settingsHash } from './hash.ts';

/** Key of the ConfigMap with the canonical JSON. */
export const jsonKey = 'licenses.json';
/** Key of the ConfigMap with the Java properties. */
export const propertiesKey = 'licenses.properties';

/** One ConfigMap as it should be: its name, its data, and their hashes. */
export type Rendered = {
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
  readonly dataHash: string;
  readonly settingsHash: string;
};

/** The ConfigMap of a declaration without zones. */
export function render(declaration: Declaration): Rendered {
  const numbers = liveNumbers(declaration);
  const document: LicensesJson = {
    schemaVersion,
    scope: 'Default',
    licenses: perType((type) => {
      const { minimum, maximum, capacity } = numbers[type];
      return { minimum, maximum, capacity };
    }),
    declaration,
  };
  const properties = [`license.schemaVersion=${schemaVersion}`, 'license.scope=Default'];
  const env: Record<string, string> = {};
  for (const { key, env: prefix } of licenseTypes) {
    for (const [field, value] of Object.entries(document.licenses[key])) {
      properties.push(`license.${key}.${field}=${value}`);
      env[`${prefix}_${field.toUpperCase()}`] = String(value);
    }
  }
  const data = { [jsonKey]: canonicalJson(document), [propertiesKey]: `${properties.join('\n')}\n`, ...env };
  return { name: declaration.configMap.name, data, dataHash: dataHash(data), settingsHash: settingsHash(declaration) };
}

/**
 * The live numbers of all six types. Without zones everything belongs to the default organization of the default
 * zone: allocated = capacity, and nothing is unused.
 */
export function liveNumbers(declaration: Declaration) {
  return perType((type) => {
    const { minimum, maximum } = declaration.licenses?.[type] ?? { minimum: 0, maximum: 0 };
    const capacity = maximum;
    const allocated = capacity;
    return { minimum, maximum, capacity, allocated, unused: capacity - allocated };
  });
}
