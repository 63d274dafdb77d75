/**
 * Fields of a spec that somebody wrote, but that we were not shown. A watch that was opened before the CRD was upgraded
 * goes on to prune what the older schema doesn't know, and so does an API server with a downgraded CRD: the spec then looks
 * whole. Its managedFields are not pruned, and give the field away: also a field that this release knows, where the CRD was
 * rolled back and the operator was not.
 */
import { z } from 'zod';
import { specSchema } from '../api/licensesettings.ts';

/** The part of an entry of `metadata.managedFields` that is read. */
export type ManagedFields = { readonly subresource?: string; readonly fieldsV1?: FieldSet };
type FieldSet = { readonly [key: string]: FieldSet };
/** Known fields by name; the fields of a list's items stand under `[]`. */
type Known = { readonly [field: string]: Known | undefined };

const known = fieldsOf(specSchema) ?? {};

/**
 * Paths of spec fields that somebody owns, and that this release doesn't know or that the spec doesn't show, in the order of
 * their names.
 *
 * @param spec as the API server gave it: a field that is null is there.
 */
export function hiddenFields(managedFields: readonly ManagedFields[] | undefined, spec: unknown): string[] {
  const paths = new Set<string>();
  for (const { subresource, fieldsV1 } of managedFields ?? []) {
    if (!subresource) collect(fieldsV1?.['f:spec'], { fields: known, value: spec, path: 'spec' }, paths);
  }
  return [...paths].sort();
}

/** True for a path of `hiddenFields` that this release knows: where the CRD knows it too, it is shown. */
export function isKnownField(path: string): boolean {
  let fields: Known | undefined = { spec: known };
  for (const name of path.replaceAll('[]', '.[]').split('.')) {
    if (!fields || !Object.hasOwn(fields, name)) return false;
    fields = fields[name];
  }
  return true;
}

/** Where we are: the fields that we know there, and the value that we were shown, undefined when it is not to be found. */
type Place = { readonly fields: Known; readonly value: unknown; readonly path: string };

function collect(owned: FieldSet | undefined, { fields, value, path }: Place, into: Set<string>): void {
  for (const [key, inner] of Object.entries(owned ?? {})) {
    // `.` is the object itself; `k:{…}` is an item of a list; `f:name` is a field.
    if (key.startsWith('k:')) {
      collect(inner, { fields: fields['[]'] ?? {}, value: itemOf(value, key.slice(2)), path: `${path}[]` }, into);
    }
    if (!key.startsWith('f:')) continue;
    const name = key.slice(2);
    const at = `${path}.${name}`;
    const isShown = !isObject(value) || Object.hasOwn(value, name);
    if (!Object.hasOwn(fields, name) || !isShown) into.add(at);
    else if (fields[name]) {
      collect(inner, { fields: fields[name], value: isObject(value) ? value[name] : undefined, path: at }, into);
    }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The item of a list-map that a key such as `{"name":"emea"}` stands for. */
function itemOf(list: unknown, key: string): unknown {
  const wanted = Object.entries(JSON.parse(key) as object);
  return Array.isArray(list)
    ? list.find((item) => isObject(item) && wanted.every(([name, value]) => item[name] === value))
    : undefined;
}

function fieldsOf(schema: z.core.$ZodType): Known | undefined {
  if (schema instanceof z.ZodOptional) return fieldsOf(schema.unwrap());
  if (schema instanceof z.ZodArray) return { '[]': fieldsOf(schema.element) };
  if (!(schema instanceof z.ZodObject)) return undefined;
  const shape = schema.shape as Record<string, z.core.$ZodType>;
  return Object.fromEntries(Object.entries(shape).map(([name, inner]) => [name, fieldsOf(inner)]));
}
