/** The requests that the operator makes, each with what it was decided from. */
import type { Status } from '../api/licensesettings.ts';
import { apiVersion, group, kind, plural, version } from '../api/names.ts';
import {
  collectionPath,
  type KubeObject,
  type Method,
  type NamespacedMeta,
  objectPath,
  type Resource,
  type TermClient,
} from '../kube/index.ts';
import { type ConfigMapView, type Owner, type Want, wantedMetadata } from '../settings/configmap.ts';
import { differenceOf, type Wire } from '../settings/difference.ts';
import {
  type ConfigMap,
  type LicenseSettings,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
} from './objects.ts';

/** The answer to a write. `changed`: what it shows that was not sent, in words. It is not for the caches. */
export type AnsweredConfigMap = StoredConfigMap & { readonly changed?: string };

export const settingsResource: Resource = { group, version, plural };
export const configMapsResource: Resource = { group: '', version: 'v1', plural: 'configmaps' };

/**
 * All that a reconcile may ask for: what it is not bound to it can neither read nor write (C1). Every write carries the uid and
 * resourceVersion that it was decided from, or is a create (R6.1). `sent` counts the requests.
 */
export function createRequests(client: TermClient, namespace: string) {
  let count = 0;
  const counted: TermClient = {
    request(request) {
      count++;
      return client.request(request);
    },
  };
  return { ...settingsIn(counted, namespace), ...configMapsIn(counted, namespace), sent: () => count };
}

export type Requests = ReturnType<typeof createRequests>;

/** Requests on the LicenseSettings of one namespace. */
const settingsIn = (client: TermClient, namespace: string) => ({
  async getSettings(name: string): Promise<LicenseSettings> {
    const path = objectPath(settingsResource, { namespace, name });
    return projectSettings(await client.request<KubeObject>({ method: 'GET', path, resource: plural }));
  },

  async putStatus({ metadata }: LicenseSettings, status: Status): Promise<LicenseSettings> {
    const { name, uid, resourceVersion } = metadata;
    const path = objectPath(settingsResource, { namespace, name }, 'status');
    const body = { apiVersion, kind, metadata: { namespace, name, uid, resourceVersion }, status };
    return projectSettings(
      await client.request<KubeObject>({ method: 'PUT', path, resource: `${plural}/status`, body }),
    );
  },
});

/** What was read of the metadata, with the version that a write was decided from: it is refused where that is no more. */
const decidedFrom = (
  { uid, resourceVersion }: NamespacedMeta,
  { managedFields: _, ...read }: NamespacedMeta,
): NamespacedMeta => ({
  ...read,
  ...{ uid, resourceVersion },
});

/** Requests on the ConfigMaps of one namespace. */
function configMapsIn(client: TermClient, namespace: string) {
  const pathOf = (name: string) => objectPath(configMapsResource, { namespace, name });
  const bodyOf = (
    owner: Owner,
    want: Want,
    metadata: Partial<NamespacedMeta>,
    present?: ConfigMapView['metadata'],
  ) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...metadata, namespace, ...wantedMetadata(owner, want, present) },
    data: want.rendered.data,
  });

  const written = async (method: Method, path: string, body: Wire): Promise<AnsweredConfigMap> => {
    const answer = await client.request<ConfigMap>({ method, path, resource: 'configmaps', body });
    const changed = differenceOf(body, answer);
    return { ...projectConfigMap(answer), ...(changed === undefined ? {} : { changed }) };
  };

  const read = (name: string) =>
    client.request<ConfigMap>({ method: 'GET', path: pathOf(name), resource: 'configmaps' });

  /** The metadata of a ConfigMap whole, at the version that was looked at: where more is stored than kept, it is read. */
  const wholeMetadata = async ({ metadata, partial }: StoredConfigMap): Promise<NamespacedMeta> =>
    partial ? decidedFrom(metadata, (await read(metadata.name)).metadata) : metadata;

  /** Writes the metadata alone; the data stay as they are, so they have to be read first. */
  const putMetadata = async ({ metadata }: StoredConfigMap, owner: Owner, want: Want): Promise<AnsweredConfigMap> => {
    const stored = await read(metadata.name);
    const { data = {}, binaryData, immutable } = stored;
    const kept = { ...want, rendered: { ...want.rendered, data, dataHash: projectConfigMap(stored).dataHash } };
    const whole = decidedFrom(metadata, stored.metadata);
    return written('PUT', pathOf(metadata.name), {
      ...bodyOf(owner, kept, whole, whole),
      ...(binaryData ? { binaryData } : {}),
      ...(immutable ? { immutable } : {}),
    });
  };

  return {
    async getConfigMap(name: string): Promise<StoredConfigMap> {
      return projectConfigMap(await read(name));
    },

    wholeMetadata,

    /** `former` is what it takes the place of: what others wrote on that stays. */
    createConfigMap(owner: Owner, want: Want, former?: NamespacedMeta): Promise<AnsweredConfigMap> {
      const body = bodyOf(owner, want, { name: want.rendered.name }, former);
      return written('POST', collectionPath(configMapsResource, namespace), body);
    },

    async updateConfigMap(view: StoredConfigMap, owner: Owner, want: Want): Promise<AnsweredConfigMap> {
      const metadata = await wholeMetadata(view);
      return written('PUT', pathOf(metadata.name), bodyOf(owner, want, metadata, metadata));
    },

    /** Mends the metadata alone; the data stay as they are. */
    relabelConfigMap: putMetadata,

    /** Gives the ConfigMap where it is still there: a finalizer holds it back. */
    async deleteConfigMap({ metadata }: StoredConfigMap): Promise<StoredConfigMap | undefined> {
      const { name, uid, resourceVersion } = metadata;
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } };
      const request = { method: 'DELETE', path: pathOf(name), resource: 'configmaps', body } as const;
      const answer = await client.request<Partial<KubeObject>>(request);
      // Of what is gone the answer is a Status.
      return answer.metadata?.deletionTimestamp === undefined ? undefined : projectConfigMap(answer as KubeObject);
    },
  };
}
