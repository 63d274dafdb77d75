/** The requests that the operator makes, each with what it was decided from. */

import type { Status } from '../api/licensesettings.ts';
import { annotations, apiVersion, group, kind, labels, manager, plural, version } from '../api/names.ts';
import {
  type Client,
  collectionPath,
  controllerOf,
  type KubeObject,
  type Method,
  type NamespacedMeta,
  type NamespacedObject,
  objectPath,
  type Request,
  type Resource,
} from '../kube/index.ts';
import { type ConfigMapView, type Owner, uidOf, type Want, wantedMetadata } from '../settings/configmap.ts';
import { differenceOf, type Wire } from '../settings/difference.ts';
import { lastEditor } from '../settings/editor.ts';
import { dataHash } from '../settings/hash.ts';
import { type HiddenField, hiddenFields } from '../settings/hidden.ts';
import { recordOf } from '../settings/record.ts';
import { configMapMetadata, identityOf, leaveOut, settingsMetadata } from './kept.ts';

/**
 * A LicenseSettings as stored: the spec is judged before it is believed. `hidden` are fields of it that were pruned;
 * `unreadable` says why more of it can't be read.
 */
export type LicenseSettings = NamespacedObject & {
  spec?: unknown;
  status?: Status;
  hidden?: readonly HiddenField[];
  unreadable?: string;
};

/**
 * What people ask for with an object: another text when they ask for something else. Its status says nothing of that, and
 * the approval means something under Manual alone.
 */
export const askedFor = ({ metadata, spec }: LicenseSettings): string => {
  const isManual = (spec as { applyPolicy?: unknown } | undefined)?.applyPolicy === 'Manual';
  const approval = isManual ? metadata.annotations?.[annotations.apply] : undefined;
  return [metadata.uid, metadata.generation, metadata.deletionTimestamp, approval].join(' ');
};

/** A ConfigMap as the caches keep it. */
export type StoredConfigMap = ConfigMapView & { metadata: NamespacedMeta };

/** The answer to a write. `changed`: what it shows that was not sent, in words. It is not for the caches. */
export type AnsweredConfigMap = StoredConfigMap & { readonly changed?: string };

/** A ConfigMap on the wire. */
type ConfigMap = NamespacedObject & {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
};

export const settingsResource: Resource = { group, version, plural };
export const configMapsResource: Resource = { group: '', version: 'v1', plural: 'configmaps' };
const eventsResource: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events' };

/** Path of a collection, of one namespace or of all. */
export const settingsPath = (namespace?: string): string => collectionPath(settingsResource, namespace);
export const configMapsPath = (namespace?: string): string => collectionPath(configMapsResource, namespace);

/** Keeps of a LicenseSettings what a reconcile reads. */
export function projectSettings(object: KubeObject): LicenseSettings {
  const { metadata, spec, status } = object as LicenseSettings;
  const hidden = hiddenFields(metadata.managedFields, spec);
  return {
    metadata: settingsMetadata(metadata),
    spec,
    ...(status ? { status } : {}),
    ...(hidden.length > 0 ? { hidden } : {}),
  };
}

/** A LicenseSettings that can't be read: its status will say so, and what is live stays. */
export function unreadableSettings(object: KubeObject, words: string): LicenseSettings {
  const { metadata, spec, status } = object as LicenseSettings;
  return { metadata: identityOf(metadata), spec, ...(status ? { status } : {}), unreadable: words };
}

/** A ConfigMap that can't be read: it is nobody's that we know, so it is neither a record nor written nor deleted. */
export const unreadableConfigMap = (object: KubeObject): StoredConfigMap => ({
  metadata: identityOf((object as NamespacedObject).metadata),
  ...{ dataHash: 'unreadable', binary: false, immutable: false },
});

/**
 * Keeps of a ConfigMap its metadata, a hash of its data, the record of what is live, and who else wrote it last.
 *
 * @param hasObject whether it can be a LicenseSettings' that is known: of another no more is kept than it is found by.
 */
export function projectConfigMap(
  object: KubeObject,
  hasObject: (view: StoredConfigMap) => boolean = () => true,
): StoredConfigMap {
  const { metadata, data = {}, binaryData, immutable = false } = object as ConfigMap;
  const found = { ...configMapMetadata(metadata), dataHash: 'unread', binary: false, immutable };
  if (!hasObject(found)) return leaveOut(found);
  const record = recordOf(data);
  const editor = lastEditor(metadata.managedFields);
  return {
    ...found,
    dataHash: dataHash(data),
    binary: binaryData !== undefined && Object.keys(binaryData).length > 0,
    ...(record === undefined ? {} : { record }),
    ...(editor ? { editor } : {}),
  };
}

/**
 * What the cache finds ConfigMaps of a namespace by: the uid that they carry, who controls them, whose label they have, and
 * that no watch tells of them.
 */
export const indexConfigMap = (view: StoredConfigMap): string[] => [
  ...[uidOf(view) ?? []].flat().map(carrying),
  ...[controllerOf(view) ?? []].flat().map(({ name }) => controlledBy(name)),
  ...[view.metadata.labels?.[labels.settings] ?? []].flat().map(labelledFor),
  ...(view.metadata.labels?.[labels.managedBy] === manager ? [] : [unwatched]),
];

/** Finds the ConfigMaps that carry a uid. */
export const carrying = (uid: string): string => `uid/${uid}`;

/** Finds the ConfigMaps whose controller has a name, whatever its uid. */
export const controlledBy = (name: string): string => `controller/${name}`;

/** Finds the ConfigMaps whose label names a LicenseSettings. */
export const labelledFor = (name: string): string => `settings/${name}`;

/** Finds the ConfigMaps that lie in the cache without the label that the watch selects. */
export const unwatched = 'unwatched';

/** The term that requests belong to: writes are sent only while `fence` gives time, and `lost` breaks off all of them. */
export type RequestsTerm = { readonly fence?: (() => number) | undefined; readonly lost?: AbortSignal | undefined };

/**
 * The requests of a term. Every write carries the uid and resourceVersion it was decided from, or is a create.
 */
export function createApi(anyTerm: Client, { fence, lost }: RequestsTerm = {}) {
  const client: Sender = {
    request: <T>(request: Request): Promise<T> =>
      anyTerm.request({
        ...request,
        ...(lost ? { signal: lost } : {}),
        ...(fence && request.method !== 'GET' ? { fence } : {}),
      }),
  };
  return {
    /**
     * All that a reconcile may ask for: what it is not bound to it can neither read nor write. `sent` counts the requests
     * that it made.
     */
    in(namespace: string) {
      let count = 0;
      const counted: Sender = {
        request(request) {
          count++;
          return client.request(request);
        },
      };
      return { ...settingsIn(counted, namespace), ...configMapsIn(counted, namespace), sent: () => count };
    },

    async createEvent(namespace: string, event: object): Promise<void> {
      const path = collectionPath(eventsResource, namespace);
      await client.request<unknown>({ method: 'POST', path, resource: 'events', body: event, deadline: 5_000 });
    },
  };
}

type Sender = Pick<Client, 'request'>;
export type Api = ReturnType<typeof createApi>;
export type NamespacedApi = ReturnType<Api['in']>;

/** Requests on the LicenseSettings of one namespace. */
const settingsIn = (client: Sender, namespace: string) => ({
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
function configMapsIn(client: Sender, namespace: string) {
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
  const putMetadata = async (
    { metadata }: StoredConfigMap,
    owner: Owner,
    want: Want,
    noted: (present: StoredConfigMap) => string,
  ): Promise<AnsweredConfigMap> => {
    const stored = await read(metadata.name);
    const { data = {}, binaryData, immutable } = stored;
    const kept = { ...want, rendered: { ...want.rendered, data, dataHash: noted(projectConfigMap(stored)) } };
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
      return written('POST', configMapsPath(namespace), body);
    },

    async updateConfigMap(view: StoredConfigMap, owner: Owner, want: Want): Promise<AnsweredConfigMap> {
      const metadata = await wholeMetadata(view);
      return written('PUT', pathOf(metadata.name), bodyOf(owner, want, metadata, metadata));
    },

    /** Mends the metadata alone; the data stay as they are. */
    relabelConfigMap: (view: StoredConfigMap, owner: Owner, want: Want): Promise<AnsweredConfigMap> =>
      putMetadata(view, owner, want, ({ dataHash }) => dataHash),

    /**
     * Puts our labels and this object's uid on an immutable ConfigMap, so that it may be deleted. Its data may be anything:
     * the data-hash is that of what is wanted, so that they can't pass for a record of what is live.
     */
    claimConfigMap: (view: StoredConfigMap, owner: Owner, want: Want): Promise<AnsweredConfigMap> =>
      putMetadata(view, owner, want, () => want.rendered.dataHash),

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
