/** Paths of the Kubernetes API, from group, version, plural, namespace and name. */

/** A kind as its path names it. `group` is empty for the core API: `{group: '', version: 'v1', plural: 'configmaps'}`. */
export type Resource = { readonly group: string; readonly version: string; readonly plural: string };

/** Where an object is: `namespace` is missing, or empty, where the kind is cluster-scoped. */
export type Place = { readonly namespace?: string | undefined; readonly name: string };

/** The path of all objects of a kind: of one namespace, or, without one, of the whole cluster. */
export function collectionPath({ group, version, plural }: Resource, namespace?: string): string {
  const api = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${api}${namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ''}/${plural}`;
}

/** The path of one object, or of a subresource of it, such as `status`. */
export const objectPath = (resource: Resource, { namespace, name }: Place, subresource?: string): string =>
  `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}${subresource === undefined ? '' : `/${subresource}`}`;

/** A path with a query, from which values that are undefined are left out. */
export function withQuery(path: string, values: Readonly<Record<string, string | undefined>>): string {
  const entries = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return entries.length === 0 ? path : `${path}?${new URLSearchParams(entries)}`;
}
