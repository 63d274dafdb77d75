/**
 * Fields of a spec that somebody wrote, but that we were not shown. A watch that was opened before the CRD was upgraded
 * goes on to prune what the older schema doesn't know, and so does an API server with a downgraded CRD: the spec then looks
 * whole. Its managedFields are not pruned, and give the field away.
 */
import { z } from 'zod';
import { specSchema } from '../api/licensesettings.ts';

/** The part of an entry of `metadata.managedFields` that is read. */
export type ManagedFields = { readonly subresource?: string; readonly fieldsV1?: FieldSet };
type FieldSet = { readonly [key: string]: FieldSet };
/** Known fields by name; the fields of a list's items stand under `[]`. */
type Known = { readonly [field: string]: Known | undefined };

const known = fieldsOf(specSchema) ?? {};

/** Paths of spec fields that somebody owns and that this release doesn't know, in the order of their names. */
export function hiddenFields(managedFields: readonly ManagedFields[] | undefined): string[] {
  const paths = new Set<string>();
  for (const { subresource, fieldsV1 } of managedFields ?? []) {
    if (!subresource) collect(fieldsV1?.['f:spec'], known, 'spec', paths);
  }
  return [...paths].sort();
}

function collect(owned: FieldSet | undefined, fields: Known, path: string, into: Set<string>): void {
  for (const [key, inner] of Object.entries(owned ?? {})) {
    // `.` is the object itself; `k:{…}` is an item of a list; `f:name` is a field.
    if (key.startsWith('k:')) collect(inner, fields['[]'] ?? {}, `${path}[]`, into);
    if (!key.startsWith('f:')) continue;
    const name = key.slice(2);
    const at = `${path}.${name}`;
    if (!Object.hasOwn(fields, name)) into.add(at);
    else if (fields[name]) collect(inner, fields[name], at, into);
  }
}

function fieldsOf(schema: z.core.$ZodType): Known | undefined {
  if (schema instanceof z.ZodOptional) return fieldsOf(schema.unwrap());
  if (schema instanceof z.ZodArray) return { '[]': fieldsOf(schema.element) };
  if (!(schema instanceof z.ZodObject)) return undefined;
  const shape = schema.shape as Record<string, z.core.$ZodType>;
  return Object.fromEntries(Object.entries(shape).map(([name, inner]) => [name, fieldsOf(inner)]));
}
