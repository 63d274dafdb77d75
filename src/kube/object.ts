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
  namespace: string;
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

export type KubeObject = { metadata: ObjectMeta };

/** What a work queue and a store call an object: `namespace/name`. */
export const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;

/** The namespace of what is written `namespace/…`: a key, or a uid with its namespace; empty where there is no slash. */
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
