/**
 * One LicenseSettings, the whole flow, and the simulated API server: the caches see each revision as soon as it is
 * committed, time stands still until a test moves it, and every revision is judged by the invariants of docs/contract.md.
 */
import type { Status } from '../../src/api/licensesettings.ts';
import { labels, manager } from '../../src/api/names.ts';
import { canBeOf } from '../../src/controller/kinds.ts';
import {
  indexConfigMap,
  type LicenseSettings,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
} from '../../src/controller/objects.ts';
import type { World } from '../../src/controller/place.ts';
import { priorities } from '../../src/controller/priorities.ts';
import { reconcile } from '../../src/controller/reconcile.ts';
import type { Request } from '../../src/kube/client.ts';
import { Store } from '../../src/kube/store.ts';
import { wantedMetadata } from '../../src/settings/configmap.ts';
import { renderZone } from '../../src/settings/render.ts';
import type { Stored as Judged } from '../contract/revision.ts';
import { createSafetyJudge } from '../contract/safety.ts';
import type { Change, Stored } from '../simulation/server.ts';
import { legacy } from './legacy.ts';
import { createServerFront, pathOf, type Sent } from './server-front.ts';
import { createVirtualClock } from './virtual-clock.ts';

const namespace = 'dialer';
const name = 'pom';
const maps = pathOf('configmaps', namespace);

export type FlowDesk = ReturnType<typeof createFlowDesk>;

/** @param quota most ConfigMaps of the namespace, as a ResourceQuota has it */
export function createFlowDesk({ quota = Number.POSITIVE_INFINITY } = {}) {
  const clock = createVirtualClock();
  const judge = createSafetyJudge();
  let terms = 0;

  const front = createServerFront({ clock, onChange: (change) => take(change) });
  const { server, faults, send } = front;
  server.admission.limit(namespace, Number.isFinite(quota) ? quota : undefined);
  const world: World = {
    client: front.client,
    own: { wrote: () => {}, deleted: () => {} },
    clock,
    settings: new Store<LicenseSettings>(),
    configMaps: new Store<StoredConfigMap>(indexConfigMap),
    ...newTerm(),
  };

  function newTerm(): Pick<World, 'epoch' | 'memories'> {
    return { epoch: `term-${++terms}`, memories: new Map() };
  }

  /** Judges a revision, and shows it to the caches. */
  function take({ type, object, by }: Change): void {
    const kind = object.kind === 'ConfigMap' ? 'ConfigMap' : 'LicenseSettings';
    const stored = object as unknown as Judged;
    judge.take({ type, kind, object: stored, by: by === 'operator' ? 'operator' : 'other', late: front.isLate });
    if (kind === 'LicenseSettings') {
      const view = projectSettings(object as never);
      if (type === 'DELETED') world.settings.remove(view);
      else world.settings.put(view);
      return;
    }
    const view = projectConfigMap(object as never, canBeOf(world.settings));
    // The watch selects by this label.
    const isSeen = type !== 'DELETED' && object.metadata.labels?.[labels.managedBy] === manager;
    if (isSeen) world.configMaps.put(view);
    else world.configMaps.remove(view);
  }

  /** Sends something as a person does. */
  const act = (method: Request['method'], path: string, body?: object) => send('desk', method, path, body);

  const turn = async () => legacy(await reconcile(world, { key: `${namespace}/${name}`, priority: priorities.fresh }));
  const object = (): Stored | undefined => server.get('licensesettings', namespace, name);
  const configMap = (one: string): Stored | undefined => server.get('configmaps', namespace, one);
  const path = pathOf('licensesettings', namespace, name);

  return {
    ...{ clock, world, faults, judge, object, configMap },
    /** Creates the object, or saves another spec of it. */
    save(spec: object, annotations?: Record<string, string>): void {
      const known = object();
      const metadata = { ...(known?.metadata ?? { name, namespace }), ...(annotations ? { annotations } : {}) };
      const next = { apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', metadata, spec };
      if (known) act('PUT', path, next);
      else act('POST', pathOf('licensesettings', namespace), next);
    },
    /** Deletes the object; `held` by a finalizer it stays, and is being deleted. */
    deleteObject({ held = false } = {}): void {
      const known = object() as Stored;
      if (held) act('PUT', path, { ...known, metadata: { ...known.metadata, finalizers: ['example.com/held'] } });
      act('DELETE', path);
    },
    /** Somebody changes a ConfigMap. */
    edit(one: string, change: (map: Stored) => object): void {
      act('PUT', `${maps}/${one}`, change(configMap(one) as Stored));
    },
    /** Somebody puts the ConfigMap of a zone back that this object wrote once, or one with another uid that was retained. */
    restoreMap(one: string, { zone, ports, uid }: { zone: string; ports: number; uid?: string }): void {
      const rendered = renderZone(one, { name: zone, licenses: { outboundPorts: ports } });
      const owner = { name, uid: uid ?? object()?.metadata.uid ?? '' };
      const want = { rendered, generation: 1, retained: uid !== undefined };
      const metadata = { namespace, name: one, ...wantedMetadata(owner, want) };
      act('POST', maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: rendered.data });
    },
    /** Somebody copies a ConfigMap, with all that stands on it, to another name. */
    copyMap(one: string, to: string): void {
      const { metadata, ...rest } = configMap(one) as Stored;
      const { labels: tags, annotations } = metadata;
      act('POST', maps, { ...rest, metadata: { namespace, name: to, labels: tags, annotations } });
    },
    /** Somebody deletes a ConfigMap. */
    deleteMap: (one: string): unknown => act('DELETE', `${maps}/${one}`),
    /** Somebody puts another status into the object, as a backup does. */
    restore(status: Status): void {
      act('PUT', `${path}/status`, { ...(object() as Stored), status });
    },
    /** One turn of the object. */
    turn,
    /** All its turns, until it has nothing more to do now. */
    async run() {
      let outcome = await turn();
      while (outcome.result === 'more') outcome = await turn();
      return outcome;
    },
    setQuota(next: number): void {
      server.admission.limit(namespace, next);
    },
    /** A new leader, or a new process: it remembers nothing. */
    nextTerm(): void {
      Object.assign(world, newTerm());
    },
    /** The requests whose answers were lost land now; gives what the API server said to each. */
    land: front.land,
    /** What the operator wrote since this was asked last, in words: the CAPACITY of ports, or - where there is none. */
    writes: (): string[] =>
      front.sent
        .splice(0)
        .filter(({ method }) => method !== 'GET')
        .map(inWords),
    status: () => object()?.['status'] as Status | undefined,
    reasonOf: (type: string): string | undefined =>
      (object()?.['status'] as Status | undefined)?.conditions?.find((one) => one.type === type)?.reason,
    ports: (one: string): string | undefined =>
      (configMap(one)?.['data'] as Data | undefined)?.['OUTBOUND_PORTS_CAPACITY'],
    stamp: (one: string): string | undefined =>
      configMap(one)?.metadata.annotations?.['licensing.dialer.dev/generation'],
  };
}

type Data = Readonly<Record<string, string>>;

const nameIn = ({ path, body }: Pick<Request, 'path' | 'body'>): string =>
  (body as { metadata?: { name?: string } } | undefined)?.metadata?.name ?? path.split('/').at(-1) ?? '';

function inWords({ code, ...request }: Sent): string {
  const refused = code < 300 ? '' : ` ${code}`;
  if (request.resource !== 'configmaps') return `${request.method} status${refused}`;
  const data = (request.body as { data?: Data } | undefined)?.data;
  const given = data ? ` ${data['OUTBOUND_PORTS_CAPACITY'] ?? '-'}` : '';
  return `${request.method} ${nameIn(request)}${given}${refused}`;
}

/** The name of a ConfigMap that a request writes, or is about. */
export const writesMap = (request: Request, one: string, method?: string): boolean =>
  request.resource === 'configmaps' &&
  request.method !== 'GET' &&
  (method === undefined || request.method === method) &&
  nameIn(request) === one;

/** A spec whose zones hold so many ports of the maximum. */
export const zonesOf = (
  held: Record<string, number>,
  { maximum = 5, ...more }: { maximum?: number; [field: string]: unknown } = {},
) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  zones: Object.entries(held).map(([zone, count]) => ({ name: zone, licenses: { outboundPorts: count } })),
  settleSeconds: 100,
  ...more,
});

/** A spec without zones. */
export const plainOf = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
