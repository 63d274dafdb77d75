/**
 * The simulated API server against the real one: the same requests, drawn from a seed, want the same answers and the same
 * watch events. What the simulation proves is worth as much as this test. More of it:
 * `DIFFERENTIAL_REQUESTS=5000 DIFFERENTIAL_SEED=7 node test/run.ts e2e --filter differential`.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request as send } from 'undici';
import * as assert from 'uvu/assert';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { definePolicies, police } from '../faults/policies.ts';
import { limit } from '../faults/quotas.ts';
import { createDesk, install } from '../operator.ts';
import { type Answer, createServer, type Stored } from '../simulation/server.ts';
import { suite } from '../suite.ts';
import { linesOf } from '../support/lines.ts';
import { createRandom } from '../support/random.ts';

const requests = Number(process.env['DIFFERENTIAL_REQUESTS'] ?? 400);
const seed = Number(process.env['DIFFERENTIAL_SEED'] ?? 1);
const namespace = 'differential';
const manager = 'app.kubernetes.io/managed-by';

let plane: ControlPlane;
let agent: Agent;
const test = suite('differential');

// Its own control plane: it takes history away from etcd.
test.before(async () => {
  plane = await startControlPlane({ audit: false, controllers: ['resourcequota-controller'] });
  agent = new Agent({ connect: { ca: readFileSync(plane.ca) }, bodyTimeout: 0 });
  await install(plane);
  await plane.kubectl(['create', 'namespace', namespace]);
  // The garbage collector looks only every 30 s for new kinds of objects.
  await plane.restart('kube-controller-manager');
  // A watch cache knows no history from before its own beginning, and that of a new kind begins with its first request.
  await plane.kubectl(['get', 'licensesettings,configmaps', '-A']);
  await sleep(1_000);
});
test.after(async () => {
  await agent?.destroy();
  await plane?.stop();
});

const settingsPath = `/apis/licensing.dialer.dev/v1/namespaces/${namespace}/licensesettings`;
const mapsPath = `/api/v1/namespaces/${namespace}/configmaps`;
const leasesPath = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

type Body = Record<string, unknown>;
/** What one of the two servers answers, and what it has told of each object. */
type Side = {
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** The events from a version on, up to a ConfigMap or LicenseSettings of this name. */
  events(path: string, query: Record<string, string>, sentinel: string): Promise<Body[]>;
  /** Newest last, by path: resource versions and uids. */
  readonly versions: Map<string, string[]>;
  readonly uids: Map<string, string[]>;
  readonly mask: (value: unknown) => unknown;
};

/** Makes two servers' words comparable: uids and versions by the order in which they were told, times masked. */
function createMask() {
  const names = new Map<string, string>();
  const nameOf = (kind: string, value: string) => {
    const key = `${kind} ${value}`;
    if (!names.has(key)) names.set(key, `${kind}-${names.size}`);
    return names.get(key);
  };
  const mask = (value: unknown, key = '', list = false): unknown => {
    if (Array.isArray(value)) return value.map((one) => mask(one));
    if (typeof value === 'object' && value !== null) {
      const isList = 'items' in value || ('metadata' in value && 'kind' in value && Object.keys(value).length === 3);
      const kept = Object.entries(value).filter(
        ([name, inner]) =>
          !['managedFields', 'message', 'causes', 'continue', 'remainingItemCount', 'selfLink'].includes(name) &&
          !(name === 'creationTimestamp' && inner === null),
      );
      return Object.fromEntries(
        kept
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, inner]) => [name, mask(inner, name, key === '' ? isList : list)]),
      );
    }
    if (typeof value !== 'string') return value;
    if (key === 'uid') return nameOf('uid', value);
    // Others write too on a real server: a list is at a later version than its newest object.
    if (key === 'resourceVersion') return list ? 'a version' : nameOf('version', value);
    return /^\d{4}-\d\d-\d\dT/.test(value) ? 'a time' : value;
  };
  return mask;
}

function createSide(ask: Side['ask'], events: Side['events']): Side {
  const [versions, uids] = [new Map<string, string[]>(), new Map<string, string[]>()];
  const learn = (object: Partial<Stored> | undefined) => {
    if (!object?.metadata?.resourceVersion || !object.metadata.name) return;
    const kind = object.kind === 'LicenseSettings' || 'spec' in object ? settingsPath : mapsPath;
    const key = `${object.kind === 'Lease' ? leasesPath : kind}/${object.metadata.name}`;
    for (const [map, value] of [
      [versions, object.metadata.resourceVersion],
      [uids, object.metadata.uid],
    ] as const) {
      const known = map.get(key) ?? [];
      if (!known.includes(value as string)) map.set(key, [...known, value as string]);
    }
  };
  return {
    async ask(method, path, body) {
      const answer = await ask(method, path, body);
      learn(answer.body as Partial<Stored>);
      return answer;
    },
    ...{ events, versions, uids, mask: createMask() },
  };
}

const server = createServer({ now: Date.now });
const simulated = createSide(
  async (method, path, body) => {
    const text = body === undefined ? undefined : JSON.parse(JSON.stringify(body));
    return server.handle({ method, path, body: text }, 'desk');
  },
  async (path, query, sentinel) => {
    const found: Body[] = [];
    const watch = server.watch(`${path}?${new URLSearchParams(query)}`, (line) => found.push(JSON.parse(line) as Body));
    if ('code' in watch) return [watch.body as Body];
    watch.close();
    return upTo(found, sentinel);
  },
);

const real = createSide(
  async (method, path, body) => {
    const answer = await send(`${plane.server}${path}`, {
      method: method as 'GET',
      dispatcher: agent,
      headers: { authorization: `Bearer ${plane.adminToken}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { code: answer.statusCode, body: JSON.parse(await answer.body.text()) as unknown };
  },
  async (path, query, sentinel) => {
    const answer = await send(
      `${plane.server}${path}?${new URLSearchParams({ ...query, watch: 'true', timeoutSeconds: '10' })}`,
      {
        dispatcher: agent,
        headers: { authorization: `Bearer ${plane.adminToken}` },
      },
    );
    if (answer.statusCode !== 200) return [(await answer.body.json()) as Body];
    const found: Body[] = [];
    try {
      for await (const line of linesOf(answer.body.setEncoding('utf8'))) {
        const event = JSON.parse(line) as Body;
        found.push(event);
        if (event['type'] === 'ERROR' || nameOf(event) === sentinel) break;
      }
    } finally {
      answer.body.destroy();
    }
    return upTo(found, sentinel);
  },
);

const nameOf = (event: Body): string | undefined =>
  (event['object'] as { metadata?: { name?: string } })?.metadata?.name;
/** Without what comes by chance: bookmarks of the way, and what the control plane makes by itself. */
function upTo(events: Body[], sentinel: string): Body[] {
  const end = events.findIndex((one) => nameOf(one) === sentinel);
  const isInitialEnd = (one: Body) => JSON.stringify(one).includes('initial-events-end');
  return (end < 0 ? events : events.slice(0, end)).filter(
    (one) => (one['type'] !== 'BOOKMARK' || isInitialEnd(one)) && nameOf(one) !== 'kube-root-ca.crt',
  );
}

/** The same for both, with what each has told of the objects. */
type Draw = { method: string; path: string; body?: (side: Side) => unknown };

const random = createRandom(seed);
const maps = ['a', 'b', 'c', 'd'];
const settings = ['x', 'y', 'z'];

/** The newest, an older one, none, or one that never was. */
function pickVersion(path: string): (side: Side) => { resourceVersion?: string } {
  const how = random.pick(['newest', 'newest', 'newest', 'newest', 'older', 'none']);
  return ({ versions }) => {
    const known = versions.get(path) ?? [];
    const version = how === 'older' ? known.at(-2) : how === 'newest' ? known.at(-1) : undefined;
    return version === undefined ? {} : { resourceVersion: version };
  };
}
function pickUid(path: string): (side: Side) => { uid?: string } {
  const how = random.pick(['newest', 'newest', 'none', 'none', 'first', 'wrong']);
  return ({ uids }) => {
    if (how === 'wrong') return { uid: '11111111-2222-4333-8444-555555555555' };
    const known = uids.get(path) ?? [];
    const uid = how === 'first' ? known[0] : how === 'newest' ? known.at(-1) : undefined;
    return uid === undefined ? {} : { uid };
  };
}

function drawMap(name: string): (side: Side) => Body & { metadata: Body } {
  const owner = random.chance(0.4) ? `${settingsPath}/${random.pick(settings)}` : undefined;
  const labels = random.pick<Body | undefined>([undefined, {}, { [manager]: 'us' }, { [manager]: 'us', extra: '1' }]);
  const data = random.pick<Body | undefined>([undefined, {}, { key: String(random.below(3)) }]);
  const immutable = random.chance(0.1) ? { immutable: random.chance(0.7) } : {};
  const annotations = random.chance(0.3) ? { annotations: { note: String(random.below(2)) } } : {};
  const finalizers = drawFinalizers();
  return ({ uids }) => {
    const uid = owner && uids.get(owner)?.at(-1);
    const reference = {
      ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', name: owner?.split('/').pop(), uid },
      ...{ controller: true, blockOwnerDeletion: false },
    };
    return {
      ...{ apiVersion: 'v1', kind: 'ConfigMap' },
      metadata: {
        name,
        ...(labels ? { labels } : {}),
        ...annotations,
        ...finalizers,
        ...(uid ? { ownerReferences: [reference] } : {}),
      },
      ...(data ? { data } : {}),
      ...immutable,
    };
  };
}

/** Those of other controllers. */
function drawFinalizers(): { finalizers?: string[] } {
  const drawn = random.pick([
    [],
    [],
    [],
    [],
    ['test.dialer.dev/held'],
    ['test.dialer.dev/held', 'test.dialer.dev/more'],
  ]);
  return drawn.length > 0 ? { finalizers: drawn } : {};
}

function drawSettings(name: string): Body & { metadata: Body } {
  const spec = { licenses: { outboundPorts: { minimum: 0, maximum: random.below(3) } } };
  const annotations = random.chance(0.3) ? { annotations: { note: String(random.below(2)) } } : {};
  return {
    ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings' },
    metadata: {
      name,
      ...annotations,
      ...drawFinalizers(),
      ...(random.chance(0.3) ? { labels: { [manager]: 'us' } } : {}),
    },
    spec,
    ...(random.chance(0.2) ? { status: { observedGeneration: 5 } } : {}),
  };
}

function drawDelete(path: string, policies: readonly (string | undefined)[]): Draw {
  const [uid, version] = [pickUid(path), pickVersion(path)];
  const how = random.below(3);
  const propagationPolicy = random.pick(policies);
  return {
    method: 'DELETE',
    path,
    body: (side) => ({
      ...{ apiVersion: 'v1', kind: 'DeleteOptions' },
      ...(propagationPolicy ? { propagationPolicy } : {}),
      ...(how === 0 ? {} : { preconditions: { ...uid(side), ...(how === 1 ? {} : version(side)) } }),
    }),
  };
}

function drawLease(): Draw {
  const path = `${leasesPath}/lease`;
  const version = pickVersion(path);
  const spec = { holderIdentity: random.pick(['one', 'two']), leaseDurationSeconds: 15 };
  const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec };
  const how = random.below(4);
  if (how === 0) return { method: 'GET', path };
  if (how === 1) return { method: 'POST', path: leasesPath, body: () => ({ ...body, metadata: { name: 'lease' } }) };
  return {
    method: 'PUT',
    path,
    body: (side) => ({ ...body, metadata: { name: 'lease', ...version(side) } }),
  };
}

function draw(): Draw {
  const map = random.pick(maps);
  const one = random.pick(settings);
  const [mapPath, onePath] = [`${mapsPath}/${map}`, `${settingsPath}/${one}`];
  switch (random.below(15)) {
    case 0:
    case 1:
    case 2:
      return { method: 'POST', path: mapsPath, body: drawMap(map) };
    case 3:
    case 4:
    case 5: {
      const [body, uid, version] = [drawMap(map), pickUid(mapPath), pickVersion(mapPath)];
      return {
        method: 'PUT',
        path: mapPath,
        body(side) {
          const drawn = body(side);
          return { ...drawn, metadata: { ...drawn.metadata, ...uid(side), ...version(side) } };
        },
      };
    }
    case 6:
    case 7: {
      const body = drawSettings(one);
      return { method: 'POST', path: settingsPath, body: () => body };
    }
    case 8:
    case 9: {
      const [body, uid, version] = [drawSettings(one), pickUid(onePath), pickVersion(onePath)];
      return {
        method: 'PUT',
        path: onePath,
        body: (side) => ({ ...body, metadata: { ...body.metadata, ...uid(side), ...version(side) } }),
      };
    }
    case 10:
    case 11: {
      const [uid, version] = [pickUid(onePath), pickVersion(onePath)];
      const status = random.pick<Body>([{ observedGeneration: 1 }, { observedGeneration: 2 }, {}]);
      const spec = random.chance(0.5) ? { spec: drawSettings(one)['spec'] } : {};
      return {
        method: 'PUT',
        path: `${onePath}/status`,
        body: (side) => ({
          ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', status },
          metadata: { name: one, namespace, ...uid(side), ...version(side) },
          ...spec,
        }),
      };
    }
    case 12:
      return drawLease();
    case 13:
      return drawDelete(mapPath, [undefined, undefined, 'Background', 'Orphan', 'Foreground']);
    default:
      return random.chance(0.5)
        ? drawDelete(onePath, [undefined, 'Background', 'Orphan', 'Foreground'])
        : { method: 'GET', path: random.pick([mapPath, onePath]) };
  }
}

/** Sends the same to both, and wants the same answer. */
async function both({ method, path, body }: Draw, what: string): Promise<Answer> {
  const [ours, theirs] = [
    await simulated.ask(method, path, body?.(simulated)),
    await real.ask(method, path, body?.(real)),
  ];
  const words = `${what}: ${method} ${path} ${JSON.stringify(body?.(simulated))}\nreal: ${JSON.stringify(theirs.body)}`;
  assert.equal(
    { code: ours.code, body: simulated.mask(ours.body) },
    { code: theirs.code, body: real.mask(theirs.body) },
    words,
  );
  return ours;
}

/** What the garbage collector makes of it: when it is done, both have the same objects. */
async function collected(what: string): Promise<void> {
  while (server.collect());
  const view = async (side: Side) => {
    const lists = await Promise.all([side.ask('GET', mapsPath), side.ask('GET', settingsPath)]);
    return lists.flatMap(({ body }) =>
      (body as { items: Stored[] }).items
        .filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt')
        .map(({ metadata: { name, ownerReferences = [], finalizers = [], deletionTimestamp } }) => ({
          ...{ name, finalizers, owners: ownerReferences.length },
          // One that a finalizer holds is marked before it goes.
          isGoing: deletionTimestamp !== undefined,
        })),
    );
  };
  const wanted = await view(simulated);
  const end = performance.now() + 30_000;
  for (;;) {
    const found = await view(real);
    if (JSON.stringify(found) === JSON.stringify(wanted)) break;
    if (performance.now() > end)
      assert.is(JSON.stringify(found), JSON.stringify(wanted), `${what}: after the garbage collector`);
    await sleep(50);
  }
  for (const path of [
    ...maps.map((name) => `${mapsPath}/${name}`),
    ...settings.map((name) => `${settingsPath}/${name}`),
  ])
    await both({ method: 'GET', path }, `${what}: after the garbage collector`);
}

let sentinels = 0;
const selectors = ['', `${manager}=us`, `${manager}=us,extra`, `${manager}!=us`, `!${manager}`];

/** A moment to watch from, as each of the two calls it. */
type Moment = ReadonlyMap<Side, string>;

async function now(): Promise<Moment> {
  const versions = new Map<Side, string>();
  for (const side of [simulated, real]) {
    const { body } = await side.ask('GET', mapsPath);
    versions.set(side, (body as { metadata: { resourceVersion: string } }).metadata.resourceVersion);
  }
  return versions;
}

/** Watches both from the same moment up to now, and wants the same events for each object. */
async function watched(
  resource: 'maps' | 'settings',
  from: Moment | undefined,
  query: Record<string, string>,
  what: string,
): Promise<number> {
  const path = resource === 'maps' ? mapsPath : settingsPath;
  const sentinel = `sentinel-${sentinels++}`;
  // One that the selector shows.
  const shown = /!/.test(query['labelSelector'] ?? '') ? {} : { [manager]: 'us', extra: '1' };
  const metadata = { name: sentinel, labels: shown };
  const body =
    resource === 'maps' ? { apiVersion: 'v1', kind: 'ConfigMap', metadata } : { ...drawSettings(sentinel), metadata };
  for (const side of [simulated, real]) await side.ask('POST', path, body);
  const view = async (side: Side) => {
    const resourceVersion = from?.get(side);
    const events = await side.events(path, { ...(resourceVersion ? { resourceVersion } : {}), ...query }, sentinel);
    // The real garbage collector takes several at once, in any order.
    const byName = new Map<string, unknown[]>();
    for (const event of events) {
      const name = nameOf(event) ?? '';
      byName.set(name, [...(byName.get(name) ?? []), event]);
    }
    return { count: events.length, events: side.mask([...byName].sort(([a], [b]) => (a < b ? -1 : 1))) };
  };
  const [ours, theirs] = [await view(simulated), await view(real)];
  // As text: the assertion library trips over lists of different shapes.
  const text = (value: unknown) => JSON.stringify(value, null, 1);
  assert.is(text(ours), text(theirs), `${what}: watch of ${path} ${JSON.stringify(query)}`);
  for (const side of [simulated, real]) await side.ask('DELETE', `${path}/${sentinel}`);
  return ours.count;
}

test(`the same answers to ${requests} random requests (seed ${seed})`, async () => {
  const codes = new Map<string, number>();
  let [compared, events] = [0, 0];
  const moments: Moment[] = [];
  for (let n = 0; compared < requests; n++) {
    const what = `request ${n}`;
    if (n % 10 === 0) moments.push(await now());
    const drawn = draw();
    const answer = await both(drawn, what);
    const { reason = '' } = answer.body as { reason?: string };
    const sort = `${drawn.method} ${drawn.path.includes('configmaps') ? 'ConfigMap' : drawn.path.endsWith('status') ? 'status' : 'settings'} ${answer.code} ${reason}`;
    codes.set(sort, (codes.get(sort) ?? 0) + 1);
    compared++;
    await collected(`${what}: ${drawn.method} ${drawn.path} ${JSON.stringify(drawn.body?.(simulated))}`);
    if (n % 15 === 14) {
      const labelSelector = random.pick(selectors);
      const query: Record<string, string> = labelSelector ? { labelSelector } : {};
      events += await watched(random.pick(['maps', 'settings']), random.pick(moments.slice(-4)), query, what);
      events += await watched(
        random.pick(['maps', 'settings']),
        undefined,
        { ...query, sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true' },
        what,
      );
    }
  }
  process.stdout.write(`${compared} requests, ${events} events compared\n`);
  for (const [sort, count] of [...codes].sort()) process.stdout.write(`${String(count).padStart(5)} ${sort}\n`);
  for (const wanted of [
    'PUT ConfigMap 409 Conflict',
    'PUT settings 422 Invalid',
    'DELETE settings 409 Conflict',
    'POST ConfigMap 409 AlreadyExists',
    'PUT status 200 ',
  ])
    assert.ok(codes.has(wanted), `no ${wanted} among them`);
  assert.ok(events > compared / 20, `${events} events`);
});

test('a list in pages is that of one moment, until its history is gone: then 410, and a watch from before is 410 too', async () => {
  const label = { of: 'pages' };
  const make = (name: string) => ({
    method: 'POST',
    path: mapsPath,
    body: () => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: label } }),
  });
  for (const name of ['p1', 'p2', 'p3', 'p4', 'p5']) await both(make(name), 'pages');
  const tokens = new Map<Side, string>();
  const page = async (side: Side) => {
    const query = new URLSearchParams({ limit: '2', labelSelector: 'of=pages' });
    const token = tokens.get(side);
    if (token) query.set('continue', token);
    const { code, body } = await side.ask('GET', `${mapsPath}?${query}`);
    const {
      metadata,
      items = [],
      reason,
    } = body as { metadata: { continue?: string }; items?: Stored[]; reason?: string };
    tokens.set(side, metadata.continue ?? '');
    const more = Boolean(metadata.continue);
    return { code, reason, more, names: items.map(({ metadata: { name } }) => name) };
  };
  const pages = async () => {
    const [ours, theirs] = [await page(simulated), await page(real)];
    assert.equal(ours, theirs);
    return ours;
  };
  assert.equal((await pages()).names, ['p1', 'p2']);
  await both({ method: 'DELETE', path: `${mapsPath}/p3` }, 'pages');
  await both(make('p31'), 'pages');
  assert.equal((await pages()).names, ['p3', 'p4'], 'as it was');
  const from = await now();
  await both(make('p6'), 'pages');
  // The API server keeps a history of its own; a new one has none.
  await plane.kill('kube-apiserver');
  const { header } = (await (
    await fetch(`${plane.etcd}/v3/kv/range`, { method: 'POST', body: JSON.stringify({ key: 'AA==' }) })
  ).json()) as { header: { revision: string } };
  await fetch(`${plane.etcd}/v3/kv/compaction`, {
    method: 'POST',
    body: JSON.stringify({ revision: header.revision, physical: true }),
  });
  await plane.restart('kube-apiserver');
  server.compact();
  assert.equal(await pages(), { code: 410, reason: 'Expired', more: true, names: [] });
  assert.equal((await pages()).names, ['p5', 'p6'], 'what is left, as it is now');
  const expired = async (side: Side) => {
    const events = await side.events(mapsPath, { resourceVersion: from.get(side) ?? '' }, 'p6');
    return events.map(({ type, object }) => {
      const { code, reason } = object as { code?: number; reason?: string };
      return { type, code, reason };
    });
  };
  const [ours, theirs] = [await expired(simulated), await expired(real)];
  assert.equal(ours, theirs);
  assert.equal(ours, [{ type: 'ERROR', code: 410, reason: 'Expired' }]);
});

const elsewhere = 'differential-elsewhere';
const pathIn = (place: string) => `/api/v1/namespaces/${place}/configmaps`;
const managed = { [manager]: 'license-settings-operator' };
const mapOf = (name: string, data: Body, more: Body = {}) => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: managed }, data },
  ...more,
});
/** The names of ConfigMaps that are there. */
const namesIn = async (side: Side, place: string): Promise<string[]> => {
  const { items } = (await side.ask('GET', pathIn(place))).body as { items: Stored[] };
  return items.map(({ metadata }) => metadata.name).filter((name) => name !== 'kube-root-ca.crt');
};

test('an owner in another namespace is none: the garbage collector takes what names it', async () => {
  await plane.kubectl(['create', 'namespace', elsewhere]);
  const object = drawSettings('owner');
  await both({ method: 'POST', path: settingsPath, body: () => object }, 'owner');
  const reference = (side: Side) => ({
    ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', name: 'owner' },
    ...{ uid: side.uids.get(`${settingsPath}/owner`)?.at(-1), controller: true, blockOwnerDeletion: false },
  });
  for (const place of [namespace, elsewhere])
    for (const side of [simulated, real]) {
      const metadata = { name: 'copy', ownerReferences: [reference(side)] };
      assert.is((await side.ask('POST', pathIn(place), { ...mapOf('copy', {}), metadata })).code, 201);
    }
  while (server.collect());
  assert.equal(await namesIn(simulated, elsewhere), []);
  const end = performance.now() + 30_000;
  while ((await namesIn(real, elsewhere)).length > 0 && performance.now() < end) await sleep(50);
  assert.equal(await namesIn(real, elsewhere), []);
  for (const side of [simulated, real]) assert.ok((await namesIn(side, namespace)).includes('copy'));
});

for (const effect of ['add key', 'add label', 'add annotation', 'make immutable', 'change number', 'refuse'] as const)
  test(`a policy for our ConfigMaps: ${effect}`, async () => {
    const place = `differential-${effect.replace(' ', '-')}`;
    const desk = createDesk(plane, place);
    await plane.kubectl(['create', 'namespace', place]);
    await definePolicies(plane);
    const path = pathIn(place);
    const put = (name: string, data: Body): Draw => ({
      method: 'PUT',
      path: `${path}/${name}`,
      body: ({ versions, uids }) => {
        const at = `${mapsPath}/${name}`;
        const version = { uid: uids.get(at)?.at(-1), resourceVersion: versions.get(at)?.at(-1) };
        return { ...mapOf(name, data), metadata: { name, labels: managed, ...version } };
      },
    });
    const name = `policed-${effect.replace(' ', '-')}`;
    await both({ method: 'POST', path, body: () => mapOf(`${name}-before`, { key: '1' }) }, effect);
    await police(desk, effect, true);
    server.admission.police(effect, true);
    await both({ method: 'POST', path, body: () => mapOf(name, { key: '1' }) }, effect);
    await both(
      { method: 'POST', path, body: () => ({ ...mapOf('other', { key: '1' }), metadata: { name: 'other' } }) },
      effect,
    );
    for (const data of [{ key: '2' }, { key: '2' }]) {
      await both(put(`${name}-before`, data), `${effect}: what was there`);
      await both(put(name, data), `${effect}: what it wrote`);
    }
    await police(desk, effect, false);
    server.admission.police(effect, false);
    await both(put(`${name}-before`, { key: '3' }), `${effect}: over`);
    await both({ method: 'DELETE', path: `${path}/${name}` }, effect);
  });

test('a quota of ConfigMaps: one more is refused in the same words', async () => {
  const place = 'differential-quota';
  await plane.kubectl(['create', 'namespace', place]);
  const desk = createDesk(plane, place);
  await both({ method: 'POST', path: pathIn(place), body: () => mapOf('root', {}) }, 'quota');
  // The root CA's ConfigMap counts too.
  const end = performance.now() + 10_000;
  while ((await desk.request('GET', `${pathIn(place)}/kube-root-ca.crt`)).code !== 200 && performance.now() < end)
    await sleep(50);
  server.handle({ method: 'POST', path: pathIn(place), body: mapOf('kube-root-ca.crt', {}) }, 'desk');
  await limit(desk, 'root', 1);
  server.admission.limit(place, 3);
  const answers: Answer[] = [];
  for (const name of ['one', 'two', 'one']) {
    const post = { method: 'POST', path: pathIn(place), body: () => mapOf(name, {}) };
    answers.push(await both(post, `quota: ${name}`));
  }
  assert.equal(
    answers.map(({ code }) => code),
    [201, 403, 403],
  );
  const theirs = await real.ask('POST', pathIn(place), mapOf('two', {}));
  const message = ({ body }: Answer) => (body as { message: string }).message.replace(/quota: [\w-]+/, 'quota');
  assert.is(message(answers[1] as Answer), message(theirs));
});

/** ConfigMaps until the version is past this one, and the last of a name of its own. */
async function writePast(side: Side, version: number, last: string): Promise<void> {
  for (let n = 0, reached = 0; reached <= version; n++) {
    const { body } = await side.ask('POST', mapsPath, mapOf(`future-${n}`, {}));
    reached = Number((body as Stored).metadata.resourceVersion);
  }
  await side.ask('POST', mapsPath, mapOf(last, {}));
}

test('a watch at a version of the future is taken, and shows only what comes after that', async () => {
  const from = new Map([...(await now())].map(([side, version]) => [side, Number(version) + 40]));
  const [ours, theirs] = [from.get(simulated) as number, from.get(real) as number];
  const told: Body[] = [];
  const watch = server.watch(`${mapsPath}?watch=1&resourceVersion=${ours}`, (line) =>
    told.push(JSON.parse(line) as Body),
  );
  assert.not('code' in watch);
  await writePast(simulated, ours, 'future-end');
  const events = real.events(mapsPath, { resourceVersion: String(theirs) }, 'future-end');
  await writePast(real, theirs, 'future-end');
  const versionsOf = (list: readonly Body[]) =>
    list.map(({ object }) => Number((object as Stored).metadata.resourceVersion));
  // What stands before the end is at least the one that passed the version.
  for (const [side, versions, least] of [
    ['simulated', versionsOf(told), ours],
    ['real', versionsOf(await events), theirs],
  ] as const)
    assert.ok(versions.length > 0 && versions.every((one) => one > least), `${side}: ${versions} after ${least}`);
});
