/**
 * Fields of a spec that somebody wrote, but that we were not shown. A watch that was opened before the CRD was upgraded
 * goes on to prune what the older schema doesn't know, and so does an API server with a downgraded CRD: the spec then looks
 * whole. Its managedFields are not pruned, and give the field away: also a field that this release knows, where the CRD was
 * rolled back and the operator was not.
 *
 * Whoever may write the object may write its managedFields, of any shape and up to the megabyte that an object may have. So
 * they are followed only where our own schema goes, which bounds the depth; each key is looked at once; and what is kept is
 * bounded. Nothing here throws.
 */
import { z } from 'zod';
import { maxErrors, specSchema } from '../api/licensesettings.ts';
import { shownText } from '../api/text.ts';

/** A field that somebody owns, and that the spec doesn't show. */
export type HiddenField = {
  /** As the API server writes it: with the index in the spec that is shown, `spec.zones[0].region`. */
  readonly path: string;
  /** True where this release knows the field: a CRD that knows it too would show it. */
  readonly known: boolean;
};

/** Most fields that are named: a status has no room for more errors. */
const maxHidden = maxErrors;
/** Longest path that is shown, in bytes. The longest one of our own is far shorter. */
const maxPath = 256;

/** What this release knows at a place of the spec: the fields of an object, or what the items of a list are. */
type Known = { readonly fields?: ReadonlyMap<string, Known>; readonly item?: Known };

const knownSpec = knownIn(specSchema);

/**
 * Spec fields that somebody owns and that the spec doesn't show, in the order of their paths: at most 64, of which those
 * that this release knows go before the others. A field that this release doesn't know and that the spec shows is not
 * among them: whoever reads the spec sees it.
 *
 * @param managedFields of the object's metadata, as anybody may have written them.
 * @param spec as the API server gave it: a field that is null is there, if this release knows it.
 */
export function hiddenFields(managedFields: unknown, spec: unknown): HiddenField[] {
  const found: Found = { known: new Set(), unknown: new Set(), indexes: new Map() };
  for (const entry of Array.isArray(managedFields) ? managedFields : []) {
    if (!isObject(entry) || entry['subresource'] || !isObject(entry['fieldsV1'])) continue;
    look(entry['fieldsV1']['f:spec'], { known: knownSpec, value: spec, path: 'spec' }, found);
  }
  const fields = (paths: ReadonlySet<string>, known: boolean) => [...paths].map((path) => ({ path, known }));
  return [...fields(found.known, true), ...fields(found.unknown, false)]
    .slice(0, maxHidden)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What was found, and the place of each item in the lists of the spec by its name, made once a list. */
type Found = {
  readonly known: Set<string>;
  readonly unknown: Set<string>;
  readonly indexes: Map<readonly unknown[], ReadonlyMap<string, number>>;
};

/** Where we are: what we know there, and the value that we were shown, undefined when it is not to be found. */
type Place = { readonly known: Known; readonly value: unknown; readonly path: string };

/** Goes no deeper than our schema: a field or an item that it doesn't know is not entered. */
function look(owned: unknown, place: Place, found: Found): void {
  if (!isObject(owned)) return;
  const { item } = place.known;
  // `.` is the object itself; `k:{…}` is an item of a list; `f:name` is a field.
  for (const [key, inner] of Object.entries(owned)) {
    const name = key.slice(2);
    if (key.startsWith('f:')) lookAtField(inner, name, place, found);
    else if (key.startsWith('k:') && item) look(inner, itemOf(place, item, name, found), found);
  }
}

function lookAtField(owned: unknown, name: string, { known, value, path }: Place, found: Found): void {
  const field = known.fields?.get(name);
  const shown = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  // Of a value that is no object, or not to be found, nobody can say that a field that we know is missing in it.
  const isHidden = field ? isObject(value) && shown === undefined : (shown ?? undefined) === undefined;
  if (isHidden) add(field ? found.known : found.unknown, `${path}.${name}`);
  else if (field) look(owned, { known: field, value: shown, path: `${path}.${name}` }, found);
}

function add(paths: Set<string>, path: string): void {
  if (paths.size < maxHidden) paths.add(shownPath(path));
}

/** A path that can be shown: what others make up may be as long as an object. */
export const shownPath = (path: string): string => shownText(path, maxPath);

/** The item of a list that a key such as `{"name":"emea"}` stands for. One that is not shown has no index: it is named. */
function itemOf({ value, path }: Place, known: Known, key: string, { indexes }: Found): Place {
  const name = nameIn(key);
  if (!Array.isArray(value) || name === undefined)
    return { known, value: undefined, path: `${path}[${shownPath(key)}]` };
  const index = indexes.get(value) ?? indexOf(value);
  indexes.set(value, index);
  const i = index.get(name);
  return i === undefined
    ? { known, value: undefined, path: `${path}[name=${shownPath(JSON.stringify(name))}]` }
    : { known, value: value[i], path: `${path}[${i}]` };
}

/** All our lists are keyed by name. */
function nameIn(key: string): string | undefined {
  try {
    const keys: unknown = JSON.parse(key);
    const name = isObject(keys) && Object.hasOwn(keys, 'name') ? keys['name'] : undefined;
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Of two items of the same name, which is a mistake, the first. */
function indexOf(list: readonly unknown[]): ReadonlyMap<string, number> {
  const index = new Map<string, number>();
  for (const [i, item] of list.entries()) {
    const name = isObject(item) ? item['name'] : undefined;
    if (typeof name === 'string' && !index.has(name)) index.set(name, i);
  }
  return index;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function knownIn(schema: z.core.$ZodType): Known {
  if (schema instanceof z.ZodOptional) return knownIn(schema.unwrap());
  if (schema instanceof z.ZodArray) return { item: knownIn(schema.element) };
  if (!(schema instanceof z.ZodObject)) return {};
  const shape = schema.shape as Record<string, z.core.$ZodType>;
  return { fields: new Map(Object.entries(shape).map(([name, inner]) => [name, knownIn(inner)])) };
}
