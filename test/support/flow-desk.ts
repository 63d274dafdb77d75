/**
 * One LicenseSettings, the whole flow, and the simulated API server: the caches see each revision as soon as it is
 * committed unless a test holds them back, time stands still until a test moves it, and every revision is judged by the
 * invariants of docs/contract.md.
 */
import type { Status } from '../../src/api/licensesettings.ts';
import { labels, manager } from '../../src/api/names.ts';
import type { Outcome } from '../../src/controller/conclude.ts';
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
import { ApiError, type ApiErrorInit } from '../../src/kube/errors.ts';
import { Store } from '../../src/kube/store.ts';
import { wantedMetadata } from '../../src/settings/configmap.ts';
import { renderZone } from '../../src/settings/render.ts';
import type { Stored as Judged } from '../contract/revision.ts';
import { createSafetyJudge } from '../contract/safety.ts';
import type { Change, Stored } from '../simulation/server.ts';
import { createServerFront, type Fault, pathOf, type Sent } from './server-front.ts';
import { createVirtualClock } from './virtual-clock.ts';

const namespace = 'dialer';
const name = 'pom';
const maps = pathOf('configmaps', namespace);

export type FlowDesk = ReturnType<typeof createFlowDesk>;

/** What a mutating policy makes of a ConfigMap that the operator writes. */
type Rewrite = (object: Stored) => Stored;

/** @param quota most ConfigMaps of the namespace, as a ResourceQuota has it */
export function createFlowDesk({ quota = Number.POSITIVE_INFINITY } = {}) {
  const clock = createVirtualClock();
  const judge = createSafetyJudge();
  let terms = 0;
  /** What each request takes, and what they took so far, in milliseconds. */
  let [each, waited] = [0, 0];
  let rewrite: Rewrite = (map) => map;
  /** What the caches are told later, by resource; undefined: at once. */
  const unseen = new Map<string, Change[]>();
  const asked: Request[] = [];
  /** What the runtime was told of this operator's own writes. */
  const own: string[] = [];
  let isCurrent = true;

  const front = createServerFront({
    clock,
    onChange: (change) => take(change),
    rewrite: (map, sender) => (sender === 'operator' ? rewrite(map) : map),
  });
  const { server, faults, send } = front;
  faults.push((request) => {
    asked.push(request);
    waited += each;
    return undefined;
  });
  server.admission.limit(namespace, Number.isFinite(quota) ? quota : undefined);
  const world: World = {
    client: front.client,
    own: {
      wrote: (key, plural, { metadata }) =>
        void own.push(`${key} ${plural} ${metadata.name} ${metadata.resourceVersion}`),
      deleted: (key, plural, { metadata }) => void own.push(`${key} ${plural} ${metadata.name} gone`),
      isCurrent: () => isCurrent,
    },
    clock: { ...clock, monotonic: () => clock.monotonic() + waited },
    settings: new Store<LicenseSettings>(),
    configMaps: new Store<StoredConfigMap>(indexConfigMap),
    ...newTerm(),
  };

  function newTerm(): Pick<World, 'epoch' | 'memories'> {
    return { epoch: `term-${++terms}`, memories: new Map() };
  }

  /** Judges a revision, and shows it to the caches. */
  function take(change: Change): void {
    const { type, object, by, resource } = change;
    const kind = object.kind === 'ConfigMap' ? 'ConfigMap' : 'LicenseSettings';
    const stored = object as unknown as Judged;
    judge.take({ type, kind, object: stored, by: by === 'operator' ? 'operator' : 'other', late: front.isLate });
    const held = unseen.get(resource);
    if (held) held.push(change);
    else show(change);
  }

  function show({ type, object }: Change): void {
    if (object.kind === 'LicenseSettings') {
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

  const turn = (priority: number = priorities.fresh) => reconcile(world, { key: `${namespace}/${name}`, priority });
  const object = (): Stored | undefined => server.get('licensesettings', namespace, name);
  const configMap = (one: string): Stored | undefined => server.get('configmaps', namespace, one);
  const path = pathOf('licensesettings', namespace, name);
  const edit = (one: string, change: (map: Stored) => object): void =>
    void act('PUT', `${maps}/${one}`, change(configMap(one) as Stored));

  return {
    ...{ clock, world, faults, judge, object, configMap, edit },
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
    /** Deletes it as `--cascade=orphan` does. */
    orphan: (): unknown => act('DELETE', path, { propagationPolicy: 'Orphan' }),
    /** What the garbage collector does then: so many steps, or all. */
    collect(steps = Number.POSITIVE_INFINITY): void {
      for (let n = 0; n < steps && server.collect(); n++);
    },
    /** Somebody changes the metadata of a ConfigMap. */
    mark: (one: string, change: object): void =>
      edit(one, (map) => ({ ...map, metadata: { ...map.metadata, ...change } })),
    /** Somebody puts other data into a ConfigMap. */
    spoil: (one: string): void => edit(one, (map) => ({ ...map, data: { by: 'hand' } })),
    /** Somebody creates a ConfigMap that is nobody's of ours. */
    createForeign: (one: string): unknown =>
      act('POST', maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: one }, data: {} }),
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
    /** A watch breaks off, or is found to be as new as before. */
    doubt(is: boolean): void {
      isCurrent = !is;
    },
    restore(status: Status): void {
      act('PUT', `${path}/status`, { ...(object() as Stored), status });
    },
    /** From now on these requests fail so, or their answers are lost. Gives what ends it. */
    fail(which: (request: Request) => boolean, how: ApiErrorInit | 'lost', words?: () => string): () => void {
      const fault: Fault = (request) => {
        if (!which(request)) return undefined;
        if (how === 'lost') return how;
        return new ApiError(words?.() ?? `${request.method} ${request.path}: ${how.code}`, how);
      };
      faults.push(fault);
      return () => void faults.splice(faults.indexOf(fault), 1);
    },
    /** From now on each request takes so many milliseconds, by the clock of the operator. */
    slow(milliseconds: number): void {
      each = milliseconds;
    },
    /** Something happens once, just before a request of the operator is carried out. */
    before(which: (request: Request) => boolean, action: () => void): void {
      let isDone = false;
      faults.push((request) => {
        if (isDone || !which(request)) return undefined;
        isDone = true;
        action();
        return undefined;
      });
    },
    /** From now on a policy changes what the operator writes. */
    police(next: Rewrite): void {
      rewrite = next;
    },
    /** From now on the caches are behind for one resource. */
    hold: (resource: 'licensesettings' | 'configmaps'): void => void unseen.set(resource, unseen.get(resource) ?? []),
    /** The caches see all that they were not told. */
    show(): void {
      const changes = [...unseen.values()].flat().sort((one, other) => one.version - other.version);
      unseen.clear();
      for (const change of changes) show(change);
    },
    /** One turn of the object. */
    turn,
    /** All its turns, until it has nothing more to do now. */
    async run(priority?: number) {
      let outcome = await turn(priority);
      while (outcome.said === 'more') outcome = await turn(priority);
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
    writes(): string[] {
      asked.length = 0;
      return front.sent
        .splice(0)
        .filter(({ method }) => method !== 'GET')
        .map((sent) => `${inWords(sent)}${codeIn(sent)}`);
    },
    /** Every request since this or the writes were asked last, in words, whatever became of it. */
    asked(): string[] {
      front.sent.length = 0;
      return asked.splice(0).map(inWords);
    },
    /** The writes since this was asked last as the API server got them. */
    bodies: () => front.sent.splice(0).filter(({ method }) => method !== 'GET'),
    /** What the runtime was told of the operator's own writes since this was asked last. */
    told: (): string[] => own.splice(0),
    status: () => object()?.['status'] as Status | undefined,
    conditionOf: (type: string) =>
      (object()?.['status'] as Status | undefined)?.conditions?.find((one) => one.type === type),
    reasonOf: (type: string): string | undefined =>
      (object()?.['status'] as Status | undefined)?.conditions?.find((one) => one.type === type)?.reason,
    ports: (one: string): string | undefined =>
      (configMap(one)?.['data'] as Data | undefined)?.['OUTBOUND_PORTS_CAPACITY'],
    stamp: (one: string): string | undefined =>
      configMap(one)?.metadata.annotations?.['licensing.dialer.dev/generation'],
    names: (): string[] => server.all('configmaps', namespace).map(({ metadata }) => metadata.name),
  };
}

/** For how long a plan waits, or a trial of the brake, in milliseconds; undefined: it does not. */
export const waitOf = ({ again }: Outcome): number | undefined =>
  again.after === 'time' ? again.milliseconds : undefined;

/** By which backoff an object comes back; undefined: by none. */
export const backoffOf = ({ again }: Outcome): string | undefined =>
  again.after === 'backoff' ? again.kind : undefined;

type Data = Readonly<Record<string, string>>;

const nameIn = ({ path, body }: Pick<Request, 'path' | 'body'>): string =>
  (body as { metadata?: { name?: string } } | undefined)?.metadata?.name ?? path.split('/').at(-1) ?? '';

function inWords({ method, path, resource, body }: Pick<Request, 'method' | 'path' | 'resource' | 'body'>): string {
  const request = { path, body };
  if (resource.endsWith('/status')) return `${method} status`;
  if (resource !== 'configmaps') return `${method} object`;
  const data = (body as { data?: Data } | undefined)?.data;
  const given = data ? ` ${data['OUTBOUND_PORTS_CAPACITY'] ?? '-'}` : '';
  return `${method} ${nameIn(request)}${given}`;
}

const codeIn = ({ code }: Sent): string => (code < 300 ? '' : ` ${code}`);

/** A write of the status. */
export const writesStatus = ({ resource }: Request): boolean => resource.endsWith('/status');

/** A write of any ConfigMap. */
export const writesAMap = ({ method, resource }: Request): boolean => resource === 'configmaps' && method !== 'GET';

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
