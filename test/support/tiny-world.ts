/**
 * The smallest world in which the operator's own flow runs: one namespace in memory, caches that see a write only when
 * they are told to, and one reconcile at a time. It is the test bench of the judge and the model; schedules, faults and
 * leaders are the business of the simulation.
 */
import {
  createApi,
  indexConfigMap,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
} from '../../src/controller/api.ts';
import { reconcile, type World } from '../../src/controller/reconcile.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { Store } from '../../src/kube/store.ts';
import { canonical } from '../contract/document.ts';
import type { Revision, Snapshot, Stored } from '../contract/revision.ts';
import type { ActionDesk, Kind } from './actions.ts';
import { createVirtualClock } from './virtual-clock.ts';

type Body = Stored & { preconditions?: { uid?: string; resourceVersion?: string } };
const namespace = 'dialer';

/** `committed` is told of every revision. */
export function createTinyWorld(committed: (revision: Revision) => void) {
  const clock = createVirtualClock();
  const stored: Record<Kind, Map<string, Stored>> = { LicenseSettings: new Map(), ConfigMap: new Map() };
  const unseen: Revision[] = [];
  let version = 100;
  let fresh = 0;
  let epoch = 0;
  /** Called before each write of the operator: what it throws is the answer. */
  let fault: (request: Request) => void = () => {};

  const commit = (type: Revision['type'], kind: Kind, object: Stored, by: Revision['by']) => {
    const copy = structuredClone(object);
    if (type === 'DELETED') stored[kind].delete(object.metadata.name);
    else stored[kind].set(object.metadata.name, copy);
    const revision: Revision = { type, kind, object: copy, by };
    unseen.push(revision);
    committed(revision);
    return structuredClone(copy);
  };
  const next = () => String(++version);
  const find = (kind: Kind, name: string): Stored => {
    const found = stored[kind].get(name);
    if (!found) throw new ApiError(`${name} not found`, { code: 404, reason: 'NotFound' });
    return found;
  };
  const create = (kind: Kind, object: Body, by: Revision['by']): Stored => {
    const { name } = object.metadata;
    if (stored[kind].has(name)) throw new ApiError(`${name} exists`, { code: 409, reason: 'AlreadyExists' });
    const resourceVersion = next();
    const own = { ...object.metadata, namespace, uid: `uid-${resourceVersion}`, resourceVersion };
    const settings = kind === 'LicenseSettings';
    return commit(
      'ADDED',
      kind,
      {
        ...object,
        metadata: { ...own, ...(settings ? { generation: 1 } : {}) },
        ...(settings ? { status: { observedGeneration: -1 } } : {}),
      },
      by,
    );
  };
  const expectVersion = (found: Stored, { uid, resourceVersion }: { uid?: string; resourceVersion?: string } = {}) => {
    if (uid !== undefined && uid !== found.metadata.uid) throw new ApiError('another uid', { code: 409 });
    if (resourceVersion !== undefined && resourceVersion !== found.metadata.resourceVersion)
      throw new ApiError('another version', { code: 409 });
  };
  const update = (kind: Kind, object: Body, by: Revision['by'], part: 'status' | 'rest'): Stored => {
    const found = find(kind, object.metadata.name);
    expectVersion(found, object.metadata);
    const { status, ...rest } = object;
    const { status: before, ...kept } = found;
    if (found.immutable && canonical([rest.data, rest.immutable]) !== canonical([found.data, true]))
      throw new ApiError('immutable', { code: 422, reason: 'Invalid' });
    const changed =
      part === 'status'
        ? { ...kept, ...(status ? { status } : {}) }
        : { ...rest, ...(before ? { status: before } : {}) };
    const generation = found.metadata.generation;
    const more = canonical(found.spec) === canonical(changed.spec) ? 0 : 1;
    const metadata = {
      ...(part === 'status' ? found : object).metadata,
      ...{ namespace, uid: found.metadata.uid, resourceVersion: found.metadata.resourceVersion },
      ...(generation === undefined ? {} : { generation: generation + more }),
    };
    const whole = { ...changed, metadata };
    // A write that changes nothing does not move the resourceVersion.
    if (canonical(whole) === canonical(found)) return structuredClone(found);
    return commit('MODIFIED', kind, { ...whole, metadata: { ...metadata, resourceVersion: next() } }, by);
  };
  const remove = (kind: Kind, name: string, preconditions: Body['preconditions'], by: Revision['by']): void => {
    const found = find(kind, name);
    expectVersion(found, preconditions);
    commit('DELETED', kind, { ...found, metadata: { ...found.metadata, resourceVersion: next() } }, by);
  };

  const client: Client = {
    async request<T>(request: Request): Promise<T> {
      const { method, path, resource } = request;
      const kind: Kind = resource === 'configmaps' ? 'ConfigMap' : 'LicenseSettings';
      const name = path.split('/')[kind === 'ConfigMap' ? 6 : 7] ?? '';
      const body = structuredClone(request.body ?? {}) as Body;
      if (method === 'GET') return structuredClone(find(kind, name)) as T;
      fault(request);
      if (method === 'POST') return create(kind, body, 'operator') as T;
      if (method === 'PUT') return update(kind, body, 'operator', path.endsWith('/status') ? 'status' : 'rest') as T;
      remove(kind, name, body.preconditions, 'operator');
      return {} as T;
    },
    // biome-ignore lint/correctness/useYield: nothing watches here
    async *lines() {
      throw new Error('nothing watches here');
    },
    close: async () => {},
  };

  function newWorld(): World {
    return {
      api: createApi(client),
      clock,
      epoch: `epoch-${++epoch}`,
      settings: new Store(),
      configMaps: new Store<StoredConfigMap>(indexConfigMap),
      memories: new Map(),
      brakes: new Map(),
      late: new Map(),
    };
  }
  let world = newWorld();
  const isCached = ({ metadata }: Stored) =>
    metadata.labels?.['app.kubernetes.io/managed-by'] === 'license-settings-operator';
  const show = ({ type, kind, object }: Revision) => {
    const gone = type === 'DELETED' || (kind === 'ConfigMap' && !isCached(object));
    const cached = object as unknown as KubeObject;
    if (kind === 'LicenseSettings') {
      const one = projectSettings(cached);
      if (gone) world.settings.remove(one);
      else world.settings.put(one);
    } else {
      const one = projectConfigMap(cached);
      if (gone) world.configMaps.remove(one);
      else world.configMaps.put(one);
    }
  };
  const ask = async <T>(what: () => T): Promise<T> => what();

  const desk: ActionDesk = {
    get: (kind, name) => ask(() => structuredClone(stored[kind].get(name))),
    create: (kind, object) => ask(() => create(kind, structuredClone(object) as Body, 'other')),
    update: (kind, object) => ask(() => update(kind, structuredClone(object), 'other', 'rest')),
    updateStatus: (object) => ask(() => update('LicenseSettings', structuredClone(object), 'other', 'status')),
    delete: (kind, { metadata }) => ask(() => remove(kind, metadata.name, metadata, 'other')),
    fresh: () => `edit-${++fresh}`,
    backups: new Map(),
  };

  const self = {
    desk,
    clock,
    /** Sets what happens before each write of the operator. */
    onWrite(action: (request: Request) => void) {
      fault = action;
    },
    /** The caches see what happened, or only so many revisions of it. */
    see(count = unseen.length) {
      for (const revision of unseen.splice(0, count)) show(revision);
    },
    /** A new process: it remembers nothing, and lists everything. */
    restart() {
      world = newWorld();
      unseen.length = 0;
      for (const kind of ['LicenseSettings', 'ConfigMap'] as const)
        for (const object of stored[kind].values()) show({ type: 'ADDED', kind, object, by: 'other' });
    },
    reconcile: (name: string) => reconcile(world, { key: `${namespace}/${name}`, priority: 'background' }),
    /** The garbage collector takes what a deleted LicenseSettings owns. */
    collect() {
      const uids = new Set([...stored.LicenseSettings.values()].map(({ metadata }) => metadata.uid));
      for (const { metadata } of [...stored.ConfigMap.values()]) {
        const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
        if (owner && !uids.has(owner.uid)) remove('ConfigMap', metadata.name, undefined, 'other');
      }
    },
    snapshot: (): Snapshot =>
      structuredClone({ settings: [...stored.LicenseSettings.values()], configMaps: [...stored.ConfigMap.values()] }),
    /** Reconciles until nothing is written any more; time passes where a plan waits. */
    async converge() {
      self.collect();
      for (let quiet = 0, n = 0; quiet < 2; n++) {
        if (n > 60) throw new Error('it does not come to rest');
        const before = version;
        let pause = 2_000;
        for (const name of [...stored.LicenseSettings.keys()]) {
          self.see();
          const { result, again = 0 } = await self.reconcile(name);
          if (result === 'retry') quiet = 0;
          // A plan also waits for creates that may still land.
          pause = Math.max(pause, again);
        }
        self.see();
        await clock.advance(pause);
        quiet = version === before ? quiet + 1 : 0;
      }
    },
  };
  return self;
}
