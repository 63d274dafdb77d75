/**
 * The smallest world in which the operator's own flow runs: one namespace of the simulated API server, caches that see a
 * write only when they are told to, and one reconcile at a time. It is the test bench of the judges; schedules, faults and
 * leaders are the business of the simulation.
 */
import {
  indexConfigMap,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
} from '../../src/controller/objects.ts';
import type { World } from '../../src/controller/place.ts';
import { priorities } from '../../src/controller/priorities.ts';
import { reconcile } from '../../src/controller/reconcile.ts';
import type { Request } from '../../src/kube/client.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { Store } from '../../src/kube/store.ts';
import type { Revision, Snapshot, Stored } from '../contract/revision.ts';
import { createDesk } from '../simulation/desk.ts';
import type { Change } from '../simulation/server.ts';
import { createServerFront } from './server-front.ts';
import { createVirtualClock } from './virtual-clock.ts';

const namespace = 'dialer';

/** `committed` is told of every revision. */
export function createTinyWorld(committed: (revision: Revision) => void) {
  const clock = createVirtualClock();
  const unseen: Revision[] = [];
  let fresh = 0;
  let epoch = 0;
  /** Called before each write of the operator: what it throws is the answer. */
  let fault: (request: Request) => void = () => {};

  const onChange = ({ type, object, by }: Change) => {
    const revision: Revision = {
      ...{ type, kind: object.kind as Revision['kind'], object: structuredClone(object) as Stored },
      by: by === 'operator' ? 'operator' : 'other',
    };
    unseen.push(revision);
    committed(revision);
  };
  const front = createServerFront({ clock, onChange });
  const { server } = front;
  front.faults.push((request) => {
    if (request.method !== 'GET') fault(request);
    return undefined;
  });
  const all = (plural: string) => structuredClone(server.all(plural, namespace)) as unknown as Stored[];

  function newWorld(): World {
    return {
      client: front.client,
      own: { wrote: () => {}, deleted: () => {}, isCurrent: () => true },
      clock,
      epoch: `epoch-${++epoch}`,
      settings: new Store(),
      configMaps: new Store<StoredConfigMap>(indexConfigMap),
      memories: new Map(),
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

  const desk = createDesk(
    { server, sender: 'desk', fresh: () => `edit-${++fresh}`, pause: async () => {}, desks: new Map() },
    namespace,
  );

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
      const listed = { LicenseSettings: all('licensesettings'), ConfigMap: all('configmaps') };
      for (const kind of ['LicenseSettings', 'ConfigMap'] as const)
        for (const object of listed[kind]) show({ type: 'ADDED', kind, object, by: 'other' });
    },
    reconcile: (name: string) => reconcile(world, { key: `${namespace}/${name}`, priority: priorities.background }),
    /** The garbage collector takes what a deleted LicenseSettings owns. */
    collect() {
      while (server.collect());
    },
    snapshot: (): Snapshot => ({ settings: all('licensesettings'), configMaps: all('configmaps') }),
    /** Reconciles until nothing is written any more; time passes where a plan waits. */
    async converge() {
      self.collect();
      for (let quiet = 0, n = 0; quiet < 2; n++) {
        if (n > 60) throw new Error('it does not come to rest');
        const before = server.version;
        let pause = 2_000;
        for (const { metadata } of server.all('licensesettings', namespace)) {
          self.see();
          const { said, again } = await self.reconcile(metadata.name);
          if (said === 'retry') quiet = 0;
          // A plan also waits for creates that may still land.
          if (again.after === 'time') pause = Math.max(pause, again.milliseconds);
        }
        self.see();
        await clock.advance(pause);
        quiet = server.version === before ? quiet + 1 : 0;
      }
    },
  };
  return self;
}
