/**
 * One LicenseSettings, the whole flow, and the simulated API server: the caches see each revision as soon as it is
 * committed, time stands still until a test moves it, and every revision is judged by the invariants of DESIGN section 7.
 */
import type { Status } from '../../src/api/licensesettings.ts';
import { labels, manager } from '../../src/api/names.ts';
import {
  createApi,
  indexConfigMap,
  type LicenseSettings,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
  settingsPath,
} from '../../src/controller/api.ts';
import { reconcile, type World } from '../../src/controller/reconcile.ts';
import { canBeOf } from '../../src/controller/scope.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError, fromAnswer } from '../../src/kube/errors.ts';
import { Store } from '../../src/kube/store.ts';
import { wantedMetadata } from '../../src/settings/configmap.ts';
import { renderZone } from '../../src/settings/render.ts';
import type { Stored as Judged } from '../contract/revision.ts';
import { createSafetyJudge } from '../contract/safety.ts';
import { type Answer, type Change, createServer, type Stored } from '../simulation/server.ts';
import { createVirtualClock } from './virtual-clock.ts';

const namespace = 'dialer';
const name = 'pom';
const maps = `/api/v1/namespaces/${namespace}/configmaps`;

/** What befalls a request: it fails so and is not carried out, or its answer is `lost` and it lands when `land` is called. */
export type Fault = (request: Request) => ApiError | 'lost' | undefined;

export type FlowDesk = ReturnType<typeof createFlowDesk>;

/** @param quota most ConfigMaps of the namespace, as a ResourceQuota has it */
export function createFlowDesk({ quota = Number.POSITIVE_INFINITY } = {}) {
  let most = quota;
  const clock = createVirtualClock();
  const judge = createSafetyJudge();
  const faults: Fault[] = [];
  const underWay: Request[] = [];
  const written: string[] = [];
  let isLate = false;
  let terms = 0;

  const server = createServer({ now: clock.wall, onChange: (change) => take(change) });
  const world: World = {
    api: createApi({ request: send, lines: watchNothing, close: async () => {} }),
    clock,
    settings: new Store<LicenseSettings>(),
    configMaps: new Store<StoredConfigMap>(indexConfigMap),
    ...newTerm(),
  };

  function newTerm(): Pick<World, 'epoch' | 'memories' | 'brakes' | 'late'> {
    return { epoch: `term-${++terms}`, memories: new Map(), brakes: new Map(), late: new Map() };
  }

  /** Judges a revision, and shows it to the caches. */
  function take({ type, object, by }: Change): void {
    const kind = object.kind === 'ConfigMap' ? 'ConfigMap' : 'LicenseSettings';
    const stored = object as unknown as Judged;
    judge.take({ type, kind, object: stored, by: by === 'operator' ? 'operator' : 'other', late: isLate });
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

  async function send<T>(request: Request): Promise<T> {
    for (const fault of faults) {
      const befalls = fault(request);
      if (befalls === 'lost') {
        underWay.push(request);
        throw new ApiError(`${request.method} ${request.path}: no answer`, { code: 0, reason: 'NoAnswer' });
      }
      if (befalls) throw befalls;
    }
    return believe(request, carryOut(request)) as T;
  }

  function carryOut(request: Request): Answer {
    const isCreate = request.method === 'POST' && request.resource === 'configmaps';
    if (isCreate && server.all('configmaps').length >= most && !server.get('configmaps', namespace, nameIn(request)))
      return {
        code: 403,
        body: { kind: 'Status', reason: 'Forbidden', message: `exceeded quota: count/configmaps=${most}` },
      };
    const body = request.body === undefined ? {} : { body: structuredClone(request.body) };
    const answer = server.handle({ method: request.method, path: request.path, ...body }, 'operator');
    if (request.method !== 'GET') written.push(`${inWords(request)}${answer.code < 300 ? '' : ` ${answer.code}`}`);
    return answer;
  }

  const believe = (request: Request, { code, body }: Answer): unknown => {
    if (code < 300) return structuredClone(body);
    throw fromAnswer(`${request.method} ${request.path}`, code, JSON.stringify(body), {}, clock.wall());
  };

  /** Sends something as a person does. */
  function act(method: string, path: string, body?: object): Answer {
    const answer = server.handle({ method, path, ...(body ? { body } : {}) }, 'desk');
    if (answer.code >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer;
  }

  const turn = () => reconcile(world, { key: `${namespace}/${name}`, priority: 'fresh' });
  const object = (): Stored | undefined => server.get('licensesettings', namespace, name);
  const configMap = (one: string): Stored | undefined => server.get('configmaps', namespace, one);
  const path = `${settingsPath(namespace)}/${name}`;

  return {
    ...{ clock, world, faults, judge, object, configMap },
    /** Creates the object, or saves another spec of it. */
    save(spec: object, annotations?: Record<string, string>): void {
      const known = object();
      const metadata = { ...(known?.metadata ?? { name, namespace }), ...(annotations ? { annotations } : {}) };
      const next = { apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', metadata, spec };
      if (known) act('PUT', path, next);
      else act('POST', settingsPath(namespace), next);
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
      most = next;
    },
    /** A new leader, or a new process: it remembers nothing. */
    nextTerm(): void {
      Object.assign(world, newTerm());
    },
    /** The requests whose answers were lost land now; gives what the API server said to each. */
    land(): number[] {
      isLate = true;
      const codes = underWay.splice(0).map((request) => carryOut(request).code);
      isLate = false;
      return codes;
    },
    /** What the operator wrote since this was asked last, in words: the CAPACITY of ports, or - where there is none. */
    writes: (): string[] => written.splice(0),
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

// biome-ignore lint/correctness/useYield: nothing watches here
const watchNothing: Client['lines'] = async function* () {
  throw new Error('nothing watches here');
};

const nameIn = ({ path, body }: Request): string =>
  (body as { metadata?: { name?: string } } | undefined)?.metadata?.name ?? path.split('/').at(-1) ?? '';

function inWords(request: Request): string {
  if (request.resource !== 'configmaps') return `${request.method} status`;
  const data = (request.body as { data?: Data } | undefined)?.data;
  const given = data ? ` ${data['OUTBOUND_PORTS_CAPACITY'] ?? '-'}` : '';
  return `${request.method} ${nameIn(request)}${given}`;
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
