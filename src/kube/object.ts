/** The parts of Kubernetes' wire format that a controller reads of any object: JSON as it comes, times as strings. */

export type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

export type ObjectMeta = {
  name: string;
  /** Missing where the kind is cluster-scoped. */
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: unknown;
};

/** An object of any kind. */
export type KubeObject = { metadata: ObjectMeta };

/** The metadata of an object of a namespaced kind. */
export type NamespacedMeta = ObjectMeta & { namespace: string };

/** An object of a namespaced kind. */
export type NamespacedObject = { metadata: NamespacedMeta };

/** What a work queue and a store call an object: `namespace/name`, or `name` where the kind is cluster-scoped. */
export const keyOf = ({ metadata: { namespace, name } }: KubeObject): string => keyIn(namespace, name);

/** The key of a name in a namespace; without one, or with an empty one, of a cluster-scoped object. */
export const keyIn = (namespace: string | undefined, name: string): string =>
  namespace ? `${namespace}/${name}` : name;

/** An object among all of its kind: a uid alone may appear twice, where a backup was restored beside what it was taken of. */
export const identityOf = ({ metadata: { namespace = '', uid } }: KubeObject): string => `${namespace}/${uid}`;

/** An identity at a version, or `gone`: a name for what an event tells of. */
export const versionOf = (identity: string, version: string): string => `${identity}@${version}`;

/** The name of a key. */
export const nameOf = (key: string): string => key.slice(key.indexOf('/') + 1);

/** The namespace of what is written `namespace/…`: a key, or an identity; empty of a cluster-scoped object. */
export const namespaceOf = (key: string): string => key.slice(0, Math.max(0, key.indexOf('/')));

/** The owner that controls an object, if it has one. */
export const controllerOf = ({ metadata }: KubeObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find((owner) => owner.controller === true);

/**
 * Negative, zero or positive as `a` is older than, the same as, or newer than `b`. Resource versions of one resource
 * are whole decimal numbers that may be compared (KEP-5504); they can be longer than a double holds.
 */
export const compareResourceVersions = (a: string, b: string): number =>
  a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
