/**
 * Reads the data of a ConfigMap without the code that renders them: what the JSON says, and whether the properties, the
 * environment keys and the JSON say the same. C3 to C6 of docs/contract.md.
 */
import { licenseTypes } from '../../src/api/license-types.ts';

export type Counts = Record<string, number>;
export type Share = { readonly name: string; readonly licenses: Readonly<Record<string, { capacity: number }>> };
/** `licenses.json`, as far as it is judged. */
export type Document = {
  readonly scope: 'Default' | 'System' | 'Zone';
  readonly zone?: string;
  readonly licenses: Readonly<Record<string, Counts>>;
  readonly zones?: readonly Share[];
  readonly organizations?: readonly Share[];
  readonly declaration?: unknown;
};

export const keys: readonly string[] = licenseTypes.map(({ key }) => key);

const fields = {
  Default: ['minimum', 'maximum', 'capacity'],
  System: ['minimum', 'maximum', 'total'],
  Zone: ['capacity'],
} as const;

/** The document, and everything that is wrong with it. Without a document nothing can be read. */
export function readData(data: Readonly<Record<string, string>> = {}): { document?: Document; problems: string[] } {
  let document: Document;
  try {
    document = JSON.parse(data['licenses.json'] ?? '') as Document;
  } catch (error) {
    return { problems: [`licenses.json: ${error}`] };
  }
  const names = fields[document?.scope];
  if (!names || !keys.every((key) => names.every((name) => isCount(document.licenses?.[key]?.[name]))))
    return { problems: [`licenses.json is none of ours: ${data['licenses.json']?.slice(0, 200)}`] };

  const problems: string[] = [];
  const same = (what: string, expected: string, found: string | undefined) => {
    if (expected !== found) problems.push(`${what}: expected ${brief(expected)}, found ${brief(String(found))}`);
  };
  same('licenses.json is canonical', canonical(document), data['licenses.json']);
  const lines = [`license.schemaVersion=1`, `license.scope=${document.scope}`];
  if (document.scope === 'Zone') lines.push(`license.zone=${document.zone}`);
  const wanted: Record<string, string> = {};
  for (const { key, env } of licenseTypes) {
    for (const name of names) {
      const value = document.licenses[key]?.[name];
      lines.push(`license.${key}.${name}=${value}`);
      if (name !== 'total') wanted[`${env}_${name.toUpperCase()}`] = String(value);
    }
    const shares = [...(document.zones ?? []), ...(document.organizations ?? [])];
    const kind = document.scope === 'System' ? 'zone' : 'organization';
    for (const { name, licenses } of shares)
      lines.push(`license.${kind}.${name}.${key}.capacity=${licenses[key]?.capacity}`);
  }
  const found = (data['licenses.properties'] ?? '').split('\n').filter((line) => line !== '');
  same('licenses.properties', lines.sort().join('\n'), found.sort().join('\n'));
  const { 'licenses.json': _, 'licenses.properties': __, ...env } = data;
  same('environment keys', canonical(wanted), canonical(env));
  problems.push(...inconsistencies(document));
  return { document, problems };
}

/** What the numbers of one document say against each other. */
function inconsistencies({ scope, licenses, zones = [], organizations = [] }: Document): string[] {
  return keys.flatMap((key) => {
    const { minimum = 0, maximum = 0, capacity = 0, total = 0 } = licenses[key] ?? {};
    const problems: string[] = [];
    if (minimum > maximum) problems.push(`${key}: the minimum of ${minimum} is above the maximum of ${maximum}`);
    if (scope === 'Default' && capacity !== maximum) problems.push(`${key}: capacity ${capacity}, maximum ${maximum}`);
    if (scope === 'System' && total !== maximum) problems.push(`${key}: total ${total}, maximum ${maximum}`);
    if (scope === 'System' && sumOf(zones, key) > total)
      problems.push(`${key}: the zones hold ${sumOf(zones, key)} of ${total}`);
    if (scope === 'Zone' && sumOf(organizations, key) > capacity)
      problems.push(`${key}: the organizations hold ${sumOf(organizations, key)} of ${capacity}`);
    return problems;
  });
}

const sumOf = (shares: readonly Share[], key: string): number =>
  shares.reduce((sum, { licenses }) => sum + (licenses[key]?.capacity ?? 0), 0);

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** The capacities in a document, all six types. */
export const capacitiesOf = ({ licenses }: Document): Counts =>
  Object.fromEntries(keys.map((key) => [key, licenses[key]?.['capacity'] ?? 0]));

/** RFC 8785 for what a document is made of: whole numbers and plain names. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`);
  return `{${members.join(',')}}`;
}

/** A text that fits into a line. */
export const brief = (text: string): string => {
  const line = text.replaceAll('\n', ' ');
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
};
