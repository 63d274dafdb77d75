/**
 * The flow under faults that a real API server gives only now and then, on a virtual clock: what is retried, what is told,
 * what is quiet. The same flow runs on the real API server in test/e2e.
 */
import * as assert from 'uvu/assert';
import type { Status } from '../../src/api/licensesettings.ts';
import { lateness } from '../../src/controller/memory.ts';
import { indexConfigMap, type LicenseSettings, projectConfigMap, projectSettings, type StoredConfigMap } from '../../src/controller/objects.ts';
import type { World } from '../../src/controller/place.ts';
import { reconcile } from '../../src/controller/reconcile.ts';
import { createRequests } from '../../src/controller/requests.ts';
import { failurePatience } from '../../src/controller/retries.ts';
import { legacy } from '../support/legacy.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError, fromAnswer } from '../../src/kube/errors.ts';
import type { KubeObject, ObjectMeta } from '../../src/kube/object.ts';
import type { Priority } from '../../src/kube/queue.ts';
import { Store } from '../../src/kube/store.ts';
import type { HiddenField } from '../../src/settings/hidden.ts';
import { renderZone } from '../../src/settings/render.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const test = suite('reconcile');
const key = 'dialer/pom';
const spec = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});

type Body = { metadata: ObjectMeta; status?: Status; preconditions?: Record<string, string> };

/** One object, the caches, and a client that stores what it is sent, unless a fault is set for the request. */
function setUp(first: unknown = spec(5)) {
  const clock = createVirtualClock();
  let version = 100;
  const sent: { method: string; resource: string; body: Body }[] = [];
  const stored = new Map<string, object>();
  const faults: ((request: Request) => ApiError | undefined)[] = [];
  const client: Client = {
    async request<T>(request: Request): Promise<T> {
      const body = (request.body ?? {}) as Body;
      sent.push({ method: request.method, resource: request.resource, body });
      for (const fault of faults) {
        const error = fault(request);
        if (error) throw error;
      }
      if (request.method === 'GET') {
        const found = stored.get(request.path) ?? (request.resource === 'licensesettings' && world.settings.get(key));
        if (!found) throw new ApiError('not found', { code: 404 });
        return found as T;
      }
      if (request.method === 'DELETE') {
        stored.delete(request.path);
        const name = request.path.split('/').at(-1) ?? '';
        const known = world.configMaps.get(`dialer/${name}`);
        if (known) world.configMaps.remove(known);
        return {} as T;
      }
      const current = request.resource.endsWith('/status') ? world.settings.get(key) : undefined;
      const path = request.method === 'POST' ? `${request.path}/${body.metadata.name}` : request.path;
      const uid = body.metadata.uid ?? `uid-${body.metadata.name}-${version}`;
      const metadata = { ...(current ?? body).metadata, uid, resourceVersion: String(++version) };
      const answer = { ...current, ...body, metadata };
      if (request.resource === 'configmaps') {
        stored.set(path, answer);
        world.configMaps.put(projectConfigMap(answer as KubeObject));
      } else if (current) world.settings.put(projectSettings(answer as KubeObject));
      return answer as T;
    },
    // biome-ignore lint/correctness/useYield: nothing watches here
    async *lines() {
      throw new Error('nothing watches here');
    },
    close: async () => {},
  };
  const whole = createRequests(client);
  const api = whole.in('dialer');
  const world: World = {
    requests: { ...whole, in: () => api },
    own: { wrote: () => {}, deleted: () => {} },
    clock,
    settings: new Store<LicenseSettings>(),
    configMaps: new Store<StoredConfigMap>(indexConfigMap),
    epoch: 'term-1',
    memories: new Map(),
  };
  const save = (next: unknown, generation: number, more: Partial<ObjectMeta> = {}) => {
    const before = world.settings.get(key);
    const metadata = {
      name: 'pom',
      namespace: 'dialer',
      uid: 'uid-1',
      generation,
      ...more,
      resourceVersion: String(++version),
    };
    const status = before?.status;
    world.settings.put({ metadata, spec: next, ...(status ? { status } : {}) });
  };
  save(first, 1);
  return {
    ...{ clock, world, api, sent, stored, faults, save },
    /** A version newer than all before. */
    next: () => String(++version),
    run: async (priority: Priority = 'fresh') => legacy(await reconcile(world, { key, priority })),
    status: () => world.settings.get(key)?.status,
    reasonOf: (type: string) => world.settings.get(key)?.status?.conditions?.find((one) => one.type === type)?.reason,
    writes: () => sent.splice(0).flatMap(({ method, resource }) => (method === 'GET' ? [] : [`${method} ${resource}`])),
  };
}

/** What our watch selects. */
const watched = { 'app.kubernetes.io/managed-by': 'license-settings-operator' };

/** No ConfigMap that is asked for is there. */
const noConfigMap = ({ method, resource }: Request) =>
  method === 'GET' && resource === 'configmaps' ? new ApiError('not found', { code: 404 }) : undefined;

/** Fails every write of a ConfigMap. */
const failing = (code: number, init: { reason?: string; causes?: string[]; retryAfter?: number } = {}) => {
  return ({ resource, method }: Request) =>
    resource === 'configmaps' && method !== 'GET' ? new ApiError(`refused: ${code}`, { code, ...init }) : undefined;
};

test('two writes for a change, none when nothing is new', async () => {
  const desk = setUp();
  assert.is((await desk.run()).result, 'written');
  assert.equal(desk.writes(), ['POST configmaps', 'PUT licensesettings/status']);
  assert.is((await desk.run()).result, 'unchanged');
  assert.equal(desk.sent, [], 'nor a look');
  assert.equal(desk.writes(), []);
});

test('every write carries the uid and resourceVersion that it was decided from, or is a create', async () => {
  const desk = setUp();
  await desk.run();
  desk.save(spec(6), 2);
  await desk.run();
  desk.save(spec(6, { configMap: { name: 'pom' } }), 3);
  await desk.run();
  for (const { method, resource, body } of desk.sent) {
    if (method === 'POST' || method === 'GET') continue;
    const from = method === 'DELETE' ? body.preconditions : body.metadata;
    assert.ok(from?.uid && from.resourceVersion, `${method} ${resource}: ${JSON.stringify(from)}`);
  }
  assert.ok(desk.sent.some(({ method }) => method === 'DELETE'));
});

test('a conflict is read again, and told when it has lasted', async () => {
  const desk = setUp();
  await desk.run();
  const before = desk.status();
  desk.save(spec(6), 2);
  desk.faults.push((request) =>
    request.method === 'PUT' && request.resource === 'configmaps' ? new ApiError('no', { code: 409 }) : undefined,
  );
  desk.sent.length = 0;
  for (let n = 0; n < 9; n++) {
    const { result, retry } = await desk.run();
    assert.equal([result, retry?.kind], ['retry', 'transport']);
    await desk.clock.advance(1_000);
  }
  assert.equal(desk.status(), before);
  assert.is(desk.sent.filter(({ method }) => method === 'GET').length, 9, 'what it met is read');
  await desk.clock.advance(1_000);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'WriteFailed');
});

test('a write that fails is told after 10 seconds, not before, and again not before another 10 after a success', async () => {
  const desk = setUp();
  await desk.run();
  desk.save(spec(6), 2);
  desk.faults.push(failing(500));
  const before = desk.status();
  await desk.run();
  await desk.clock.advance(9_000);
  await desk.run();
  assert.equal(desk.status(), before, 'as it was');
  await desk.clock.advance(1_000);
  assert.is((await desk.run()).retry?.kind, 'transport');
  assert.is(desk.reasonOf('Applied'), 'WriteFailed');
  desk.faults.length = 0;
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.save(spec(7), 3);
  desk.faults.push(failing(500));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied', 'the patience begins anew');
});

test('suspended meanwhile, the patience begins anew too', async () => {
  const desk = setUp();
  await desk.run();
  desk.save(spec(6), 2);
  desk.faults.push(failing(500));
  await desk.run();
  desk.save(spec(6, { suspend: true }), 3);
  await desk.run();
  await desk.clock.advance(60_000);
  desk.save(spec(6), 4);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Suspended');
});

test('a longer Retry-After is honoured', async () => {
  const desk = setUp();
  desk.faults.push(failing(429, { retryAfter: 30_000 }));
  const { retry } = await desk.run();
  assert.equal(retry, { kind: 'transport', atLeast: 30_000, atMost: failurePatience });
  desk.sent.length = 0;
  await desk.clock.advance(failurePatience);
  assert.equal((await desk.run()).retry, { kind: 'transport', atLeast: 20_000 });
  assert.equal(desk.writes(), ['PUT licensesettings/status'], 'it is told, and not tried again before its time');
  assert.is(desk.reasonOf('Applied'), 'WriteFailed');
  await desk.clock.advance(20_000);
  await desk.run();
  assert.equal(desk.writes(), ['POST configmaps']);
});

for (const code of [403, 413, 422]) {
  test(`refused with ${code}: told at once, tried again slowly`, async () => {
    const desk = setUp();
    desk.faults.push(failing(code));
    const { result, retry } = await desk.run();
    assert.equal([result, retry?.kind], ['problem', 'pause']);
    assert.is(desk.reasonOf('Applied'), 'WriteRejected');
  });
}

test('a terminating namespace is quiet: nothing told, nothing tried again', async () => {
  const desk = setUp();
  desk.faults.push(failing(403, { causes: ['NamespaceTerminating'] }));
  const { result, retry } = await desk.run();
  assert.equal([result, retry], ['quiet', undefined]);
  assert.is(desk.status(), undefined);
});

test('an object that is being deleted: nothing at all is written', async () => {
  const desk = setUp();
  desk.save(spec(6), 2, { deletionTimestamp: 'now' });
  assert.is((await desk.run()).result, 'gone');
  assert.equal(desk.sent, []);
});

test('invalid is told while the rebuilding of the ConfigMap fails', async () => {
  const desk = setUp();
  await desk.run();
  const [map] = desk.world.configMaps.values();
  assert.ok(map);
  desk.world.configMaps.remove({ ...map, metadata: { ...map.metadata, resourceVersion: desk.next() } });
  desk.save({ licenses: { outboundPorts: { minimum: 9, maximum: 1 } } }, 2);
  desk.faults.push(({ resource }) =>
    resource === 'configmaps' ? new ApiError('away', { code: 0, reason: 'NoAnswer' }) : undefined,
  );
  const { retry } = await desk.run();
  assert.is(desk.reasonOf('Valid'), 'Invalid');
  assert.is(retry?.kind, 'transport');
});

/** As an older release left it: other bytes for the same settings, and the status knows their hash. */
async function rolledOutBefore() {
  const desk = setUp();
  await desk.run();
  const object = desk.world.settings.get(key);
  const [path, body] = [...desk.stored][0] as [string, { metadata: ObjectMeta }];
  assert.ok(object?.status);
  const metadata = { ...body.metadata, resourceVersion: desk.next() };
  const older = { ...body, metadata, data: { 'licenses.json': 'as an older release wrote it' } };
  desk.stored.set(path, older);
  const view = projectConfigMap(older as never);
  desk.world.configMaps.put(view);
  const status = { ...object.status, configMaps: [{ name: metadata.name, dataHash: view.dataHash }] };
  desk.world.settings.put({ ...object, status, metadata: { ...object.metadata, resourceVersion: desk.next() } });
  desk.sent.length = 0;
  return desk;
}

test('a rollout waits for its turn behind all other work, and is no Restored', async () => {
  const desk = await rolledOutBefore();
  assert.is((await desk.run('fresh')).result, 'later');
  assert.equal(desk.writes(), []);
  const { result, event } = await desk.run('background');
  assert.equal([result, event], ['written', undefined]);
  assert.equal(desk.writes(), ['PUT configmaps', 'PUT licensesettings/status']);
});

test('contents that someone changed are an event Restored; new settings are not', async () => {
  const desk = setUp();
  await desk.run();
  const [map] = desk.world.configMaps.values();
  assert.ok(map);
  desk.world.configMaps.put({
    ...map,
    dataHash: 'edited',
    metadata: { ...map.metadata, resourceVersion: desk.next() },
  });
  assert.is((await desk.run()).event?.note.reason, 'Restored');
  desk.save(spec(6), 2);
  assert.is((await desk.run()).event?.note.reason, 'Applied');
});

/** Zones that are live; `change` has someone change the contents of a ConfigMap. */
async function editedBesideAnother() {
  const desk = setUp(zoned(3, 2));
  desk.faults.push(noConfigMap);
  await desk.run();
  desk.faults.length = 0;
  const [system, zone] = ['dialer/pom-licenses', 'dialer/pom-licenses-a'].map((name) =>
    desk.world.configMaps.get(name),
  );
  assert.ok(system && zone);
  const change = (map: StoredConfigMap) =>
    desk.world.configMaps.put({
      ...map,
      dataHash: 'edited',
      metadata: { ...map.metadata, resourceVersion: desk.next() },
    });
  return { ...desk, change, system, zone };
}

for (const [what, code] of [
  ['a conflict', 409],
  ['an outage', 503],
] as const) {
  test(`contents that were healed before ${what} kept another from being healed are an event Restored`, async () => {
    const desk = await editedBesideAnother();
    desk.change(desk.system);
    desk.change(desk.zone);
    const nameOf = ({ path, method }: Request) => (method === 'PUT' ? path.split('/').at(-1) : undefined);
    const healed: string[] = [];
    desk.faults.push((request) => {
      const name = nameOf(request);
      if (request.resource !== 'configmaps' || !name) return undefined;
      if (healed.length) return new ApiError('no', { code, reason: code === 409 ? 'Conflict' : '' });
      healed.push(name);
      return undefined;
    });
    const { result, event } = await desk.run();
    assert.equal([result, event, healed.length], ['retry', undefined, 1]);
    desk.faults.length = 0;
    const note = (await desk.run()).event?.note;
    assert.is(note?.reason, 'Restored');
    assert.match(note?.note ?? '', `${healed[0]} `);
    assert.is((await desk.run()).event, undefined, 'and it is told once');
  });
  test(`contents that were healed before ${what} kept the status from being written are an event Restored`, async () => {
    const desk = await editedBesideAnother();
    desk.change(desk.zone);
    desk.save(zoned(3, 2), 2);
    const noStatus = ({ resource }: Request) =>
      resource === 'licensesettings/status' ? new ApiError('no', { code }) : undefined;
    desk.faults.push(noStatus);
    desk.sent.length = 0;
    assert.equal([(await desk.run()).event, desk.writes().at(0)], [undefined, 'PUT configmaps']);
    desk.faults.length = 0;
    assert.is((await desk.run()).event?.note.reason, 'Restored');
    assert.is((await desk.run()).event, undefined);
  });
}

test('contents that were healed beside a rollout that waits are an event Restored', async () => {
  const desk = await editedBesideAnother();
  const object = desk.world.settings.get(key);
  assert.ok(object?.status?.configMaps);
  desk.change(desk.system);
  desk.change(desk.zone);
  const configMaps = object.status.configMaps.map((one) =>
    one.name === 'pom-licenses-a' ? { ...one, dataHash: 'edited' } : one,
  );
  const metadata = { ...object.metadata, resourceVersion: desk.next() };
  desk.world.settings.put({ ...object, status: { ...object.status, configMaps }, metadata });
  const { result, event } = await desk.run();
  assert.equal([result, event?.note.reason], ['later', 'Restored']);
  assert.match(event?.note.note ?? '', 'pom-licenses ');
  assert.is((await desk.run('background')).event, undefined, 'and it is told once');
});

test('new settings are no Restored, also where they go there and back before the status says so', async () => {
  const desk = setUp();
  await desk.run();
  desk.save(spec(6), 2);
  desk.faults.push(({ resource }) =>
    resource === 'licensesettings/status' ? new ApiError('no', { code: 409 }) : undefined,
  );
  assert.is((await desk.run()).result, 'retry');
  desk.faults.length = 0;
  desk.save(spec(5), 3);
  const { event, detail } = await desk.run();
  assert.is(event?.note.reason === 'Restored', false, event?.note.note);
  assert.is(detail?.['restored'], undefined);
});

test('a new object of the same name begins with nothing: its failures have their own 10 seconds', async () => {
  const desk = setUp();
  desk.faults.push(failing(503));
  await desk.run();
  await desk.clock.advance(failurePatience + 1_000);
  desk.world.settings.remove(desk.world.settings.get(key) as LicenseSettings);
  desk.save(spec(5), 1, { uid: 'uid-2' });
  assert.is((await desk.run()).result, 'retry');
  assert.is(desk.reasonOf('Applied'), undefined);
  await desk.clock.advance(failurePatience + 1_000);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'WriteFailed');
});

test('a stamp above the cached generation: one GET decides between waiting and healing', async () => {
  const desk = setUp();
  await desk.run();
  const [map] = desk.world.configMaps.values();
  const object = desk.world.settings.get(key);
  assert.ok(map && object);
  const annotations = { ...map.metadata.annotations, 'licensing.dialer.dev/generation': '7' };
  desk.world.configMaps.put({ ...map, metadata: { ...map.metadata, annotations, resourceVersion: desk.next() } });
  desk.faults.push(({ resource }) => (resource === 'licensesettings' ? new ApiError('x', { code: 500 }) : undefined));
  assert.is((await desk.run()).result, 'retry', 'without an answer nothing is decided');
  desk.faults.length = 0;
  Object.assign(desk.api, {
    getSettings: async () => ({
      ...object,
      metadata: { ...object.metadata, generation: 7, resourceVersion: desk.next() },
    }),
  });
  desk.sent.length = 0;
  assert.is((await desk.run()).result, 'stale');
  assert.equal(desk.writes(), []);
  assert.is(desk.world.settings.get(key)?.metadata.generation, 7, 'what was read is kept');
});

const missed = (path: string, known = true): HiddenField => ({ path, known });

/** The object is in the cache as a watch gave it that doesn't know these fields; a GET answers with `fresh`. */
const pruned = (desk: ReturnType<typeof setUp>, hidden: HiddenField[], fresh: (cached: LicenseSettings) => object) => {
  const cached = desk.world.settings.get(key);
  assert.ok(cached);
  const metadata = { ...cached.metadata, resourceVersion: desk.next() };
  desk.world.settings.put({ ...cached, metadata, hidden });
  let reads = 0;
  const getSettings = async () => {
    reads++;
    return fresh({ ...cached, metadata });
  };
  Object.assign(desk.api, { getSettings });
  return () => reads;
};

test('what an older watch pruned is read again: nobody is told that it is missing, and it is applied', async () => {
  const desk = setUp();
  pruned(desk, [missed('spec.licenses.manualAgents')], (cached) => ({
    ...cached,
    spec: { licenses: { outboundPorts: { minimum: 0, maximum: 5 }, manualAgents: { minimum: 0, maximum: 3 } } },
  }));
  const { result, retry } = await desk.run();
  assert.equal([result, retry], ['written', undefined]);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.is(desk.status()?.licenses?.manualAgents.capacity, 3);
});

test('what a read shows no more than the watch is told, and then is at rest: a list tells of another CRD', async () => {
  const desk = setUp();
  const hidden = [missed('spec.zones')];
  for (const result of ['written', 'unchanged']) {
    pruned(desk, hidden, (cached) => ({ ...cached, hidden }));
    const outcome = await desk.run();
    assert.equal([outcome.result, outcome.retry, outcome.again], [result, undefined, undefined]);
    assert.is(desk.reasonOf('Applied'), 'Invalid');
  }
});

test('what is read instead of a pruned view may be newer, or nothing: then nothing is decided', async () => {
  const desk = setUp();
  pruned(desk, [missed('spec.zones')], (cached) => ({
    ...cached,
    metadata: { ...cached.metadata, generation: 2, resourceVersion: desk.next() },
  }));
  assert.is((await desk.run()).result, 'stale');
  assert.is(desk.world.settings.get(key)?.metadata.generation, 2, 'what was read is kept');
  assert.equal(desk.writes(), []);
  const failed = setUp();
  pruned(failed, [missed('spec.zones')], () => {
    throw new ApiError('x', { code: 500 });
  });
  assert.equal((await failed.run()).retry, { kind: 'transport', atLeast: 0 });
  assert.equal(failed.writes(), []);
  const behind = setUp();
  pruned(behind, [missed('spec.zones')], (cached) => ({
    ...cached,
    metadata: { ...cached.metadata, resourceVersion: '1' },
  }));
  await behind.run();
  assert.is(behind.reasonOf('Applied'), 'Invalid', 'an older version shows nothing');
});

test('a field that this release does not know is not looked for again', async () => {
  const desk = setUp();
  const reads = pruned(desk, [missed('spec.weekend', false)], (cached) => cached);
  const { retry } = await desk.run();
  assert.equal([reads(), retry], [0, undefined]);
  assert.is(desk.reasonOf('Applied'), 'Invalid');
});

test('a forged stamp is set back; while suspended it costs no request', async () => {
  for (const suspend of [false, true]) {
    const desk = setUp(spec(5, { suspend: false }));
    await desk.run();
    const [map] = desk.world.configMaps.values();
    const object = desk.world.settings.get(key);
    assert.ok(map && object);
    desk.save(spec(5, { suspend }), 2);
    const annotations = { ...map.metadata.annotations, 'licensing.dialer.dev/generation': '7' };
    desk.world.configMaps.put({ ...map, metadata: { ...map.metadata, annotations, resourceVersion: desk.next() } });
    let reads = 0;
    const getSettings = async () => {
      reads++;
      return desk.world.settings.get(key);
    };
    Object.assign(desk.api, { getSettings });
    desk.sent.length = 0;
    await desk.run();
    assert.is(reads, suspend ? 0 : 1);
    assert.equal(
      desk.writes(),
      suspend ? ['PUT licensesettings/status'] : ['PUT configmaps', 'PUT licensesettings/status'],
    );
    const [after] = desk.world.configMaps.values();
    assert.is(after?.metadata.annotations?.['licensing.dialer.dev/generation'], suspend ? '7' : '1');
  }
});

test('a ConfigMap that an earlier object of the name owns is waited for: no conflict, nothing told at once', async () => {
  const desk = setUp();
  await desk.run();
  const [map] = desk.world.configMaps.values();
  assert.ok(map);
  desk.world.settings.remove(desk.world.settings.get(key) as LicenseSettings);
  desk.save(spec(5), 1, { uid: 'uid-2' });
  desk.sent.length = 0;
  const { result, retry } = await desk.run();
  assert.equal([result, retry?.kind], ['retry', 'transport']);
  assert.equal([desk.writes(), desk.status()], [[], undefined]);
  desk.world.configMaps.remove({ ...map, metadata: { ...map.metadata, resourceVersion: desk.next() } });
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

test('with a restored status too a ConfigMap that an earlier object of the name owns is waited for', async () => {
  const desk = setUp(zoned(3, 2));
  await desk.run();
  const status = desk.status();
  desk.world.settings.remove(desk.world.settings.get(key) as LicenseSettings);
  desk.save(zoned(5, 0), 1, { uid: 'uid-2' });
  const restored = desk.world.settings.get(key) as LicenseSettings;
  desk.world.settings.put({
    ...restored,
    ...(status ? { status } : {}),
    metadata: { ...restored.metadata, resourceVersion: desk.next() },
  });
  desk.sent.length = 0;
  await desk.run();
  assert.equal(desk.writes(), []);
});

test('an immutable ConfigMap is replaced, and what others wrote on it stays', async () => {
  const desk = setUp();
  await desk.run();
  const [map] = desk.world.configMaps.values();
  assert.ok(map);
  const labels = { ...map.metadata.labels, team: 'blue' };
  desk.world.configMaps.put({
    ...map,
    immutable: true,
    metadata: { ...map.metadata, labels, resourceVersion: desk.next() },
  });
  desk.sent.length = 0;
  await desk.run();
  const created = desk.sent.find(({ method }) => method === 'POST')?.body;
  assert.equal(created?.metadata.labels, labels);
  assert.equal([created?.metadata.uid, created?.metadata.resourceVersion], [undefined, undefined]);
  assert.equal(desk.writes(), ['DELETE configmaps', 'POST configmaps']);
});

for (const adopted of [false, true]) {
  test(`an immutable ConfigMap ${adopted ? 'of an earlier object' : 'that lost its labels'} is claimed before it is deleted, its data as they were`, async () => {
    const desk = setUp();
    await desk.run();
    const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses';
    const stored = desk.stored.get(path) as { metadata: ObjectMeta };
    const { ownerReferences: _, ...orphaned } = stored.metadata;
    const annotations = { ...stored.metadata.annotations, 'licensing.dialer.dev/owner-uid': 'uid-0' };
    const metadata = adopted ? { ...orphaned, annotations } : { ...stored.metadata, labels: watched };
    const edited = {
      ...{ ...stored, immutable: true, data: { by: 'hand' }, binaryData: { a: 'AA==' } },
      metadata: { ...metadata, resourceVersion: desk.next() },
    };
    desk.stored.set(path, edited);
    desk.world.configMaps.put(projectConfigMap(edited));
    desk.sent.length = 0;
    await desk.run();
    assert.equal(
      desk.sent.slice(0, 5).map(({ method, resource }) => `${method} ${resource}`),
      ['GET licensesettings', 'GET configmaps', 'PUT configmaps', 'DELETE configmaps', 'POST configmaps'],
    );
    const claimed = desk.sent[2]?.body as Body & { data?: object; binaryData?: object; immutable?: boolean };
    assert.equal(
      [claimed.data, claimed.binaryData, claimed.immutable],
      [edited.data, edited.binaryData, true],
      'the API server refuses anything else',
    );
    const view = projectConfigMap(claimed as never);
    assert.equal(view.metadata.labels?.['licensing.dialer.dev/settings'], 'pom');
    assert.equal(view.metadata.annotations?.['licensing.dialer.dev/owner-uid'], 'uid-1');
    assert.is.not(
      view.metadata.annotations?.['licensing.dialer.dev/data-hash'],
      view.dataHash,
      'no record of what is live',
    );
    assert.equal(
      desk.sent[3]?.body.preconditions?.['resourceVersion'],
      desk.sent[3] && String(Number(edited.metadata.resourceVersion) + 1),
    );
  });
}

for (const [what, found] of [
  ['is gone', undefined],
  ['is being deleted', { uid: 'uid-1', deletionTimestamp: '2026-01-01T00:00:00Z' }],
  ['was deleted and created again', { uid: 'uid-2' }],
] as const) {
  for (const zones of [false, true]) {
    test(`a ConfigMap has gone, and a look tells that its LicenseSettings ${what}: nothing is created${zones ? ', in a plan neither' : ''}`, async () => {
      const desk = zones ? await waiting() : setUp();
      if (!zones) await desk.run();
      for (const suffix of zones ? ['-a', '-b'] : ['']) {
        const gone = desk.world.configMaps.get(`dialer/pom-licenses${suffix}`) as StoredConfigMap;
        desk.world.configMaps.remove({ ...gone, metadata: { ...gone.metadata, resourceVersion: desk.next() } });
      }
      desk.stored.clear();
      if (found) {
        const metadata = { ...desk.world.settings.get(key)?.metadata, ...found };
        desk.stored.set('/apis/licensing.dialer.dev/v1/namespaces/dialer/licensesettings/pom', {
          metadata,
          spec: spec(5),
        });
      } else {
        desk.faults.push(({ method }) => (method === 'GET' ? new ApiError('not found', { code: 404 }) : undefined));
      }
      await desk.clock.advance(200_000);
      desk.writes();
      const { result, retry } = await desk.run();
      const asked = desk.sent.filter(({ resource }) => resource === 'licensesettings').length;
      assert.is(asked, 1, 'asked once');
      assert.equal([desk.writes(), result, retry?.kind], [[], 'quiet', 'slow'], 'unless its own event comes');
    });
  }
}

test('a restored status of a later generation: the stamp is that of the object, and moves on', async () => {
  const desk = setUp();
  await desk.run();
  const object = desk.world.settings.get(key);
  assert.ok(object?.status?.applied);
  const status = { ...object.status, applied: { ...object.status.applied, generation: 7 } };
  desk.world.settings.put({ ...object, status, metadata: { ...object.metadata, resourceVersion: desk.next() } });
  desk.save(spec(6), 2);
  await desk.run();
  const [map] = desk.world.configMaps.values();
  assert.is(map?.metadata.annotations?.['licensing.dialer.dev/generation'], '2');
  assert.is(desk.status()?.applied?.generation, 2);
});

test('a restored status of a later generation: what is rebuilt from it is not stamped with the future', async () => {
  const desk = setUp();
  await desk.run();
  const object = desk.world.settings.get(key);
  const [map] = desk.world.configMaps.values();
  assert.ok(object?.status?.applied && map);
  const status = { ...object.status, applied: { ...object.status.applied, generation: 7 } };
  desk.world.settings.put({ ...object, status, metadata: { ...object.metadata, resourceVersion: desk.next() } });
  desk.world.configMaps.remove({ ...map, metadata: { ...map.metadata, resourceVersion: desk.next() } });
  desk.faults.push(noConfigMap);
  await desk.run();
  const [rebuilt] = desk.world.configMaps.values();
  assert.is(rebuilt?.metadata.annotations?.['licensing.dialer.dev/generation'], '1');
});

test('mended metadata are no news', async () => {
  const desk = setUp();
  await desk.run();
  const [map] = desk.world.configMaps.values();
  assert.ok(map);
  const labels = { ...map.metadata.labels, 'licensing.dialer.dev/settings': 'other' };
  desk.world.configMaps.put({ ...map, metadata: { ...map.metadata, labels, resourceVersion: desk.next() } });
  desk.sent.length = 0;
  const { result, event } = await desk.run();
  assert.equal([result, event, desk.writes()], ['written', undefined, ['PUT configmaps']]);
});

const zoned = (a: number, b: number, more: object = {}) =>
  spec(5, {
    zones: [
      { name: 'a', licenses: { outboundPorts: a } },
      { name: 'b', licenses: { outboundPorts: b } },
    ],
    settleSeconds: 100,
    ...more,
  });

/** A plan that has taken a license from a, and waits before it gives it to b. */
async function waiting() {
  const desk = setUp(zoned(3, 2));
  desk.faults.push(noConfigMap);
  await desk.run();
  desk.save(zoned(2, 3), 2);
  const { again } = await desk.run();
  assert.is(again, 100_000);
  return desk;
}

test('a plan waits on the monotonic clock, and a look in between does not make it longer', async () => {
  const desk = await waiting();
  await desk.clock.advance(40_000);
  assert.is((await desk.run()).again, 60_000);
  await desk.clock.advance(60_000);
  assert.is((await desk.run()).again, undefined);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

test('Retain that was switched during a plan is in all ConfigMaps before the status calls them retained', async () => {
  const desk = await waiting();
  desk.save(zoned(2, 3, { deletionPolicy: 'Retain' }), 3);
  await desk.run();
  await desk.clock.advance(100_000);
  await desk.run();
  assert.equal(
    desk.status()?.configMaps?.map(({ name, retained }) => ({ name, retained })),
    ['pom-licenses', 'pom-licenses-a', 'pom-licenses-b'].map((name) => ({ name, retained: true })),
  );
  for (const { metadata } of desk.world.configMaps.values())
    assert.equal(metadata.ownerReferences ?? [], [], `the garbage collector would take ${metadata.name}`);
  // A zone's stamp is that of the change that touched it.
  const stamp = (name: string) =>
    desk.world.configMaps.get(`dialer/${name}`)?.metadata.annotations?.['licensing.dialer.dev/generation'];
  assert.equal(['pom-licenses-a', 'pom-licenses-b'].map(stamp), ['2', '2']);
});

test('a ConfigMap that was made immutable during a plan is replaced before the plan is done', async () => {
  const desk = await waiting();
  const b = desk.world.configMaps.get('dialer/pom-licenses-a') as StoredConfigMap;
  desk.world.configMaps.put({ ...b, immutable: true, metadata: { ...b.metadata, resourceVersion: desk.next() } });
  desk.writes();
  await desk.clock.advance(100_000);
  await desk.run();
  assert.equal(desk.writes(), [
    ...['PUT configmaps', 'DELETE configmaps', 'POST configmaps'],
    'PUT licensesettings/status',
  ]);
  assert.is(desk.world.configMaps.get('dialer/pom-licenses-a')?.immutable, false);
});

test('a foreign ConfigMap in the place of one of ours is not remembered: when it goes the conflict goes', async () => {
  const desk = setUp(zoned(3, 2));
  await desk.run();
  const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses-a';
  const lost = desk.world.configMaps.get('dialer/pom-licenses-a') as StoredConfigMap;
  desk.world.configMaps.remove({ ...lost, metadata: { ...lost.metadata, resourceVersion: desk.next() } });
  const metadata = { name: 'pom-licenses-a', namespace: 'dialer', uid: 'theirs', resourceVersion: desk.next() };
  desk.stored.set(path, { metadata });
  desk.save(zoned(2, 3), 2);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'ConfigMapConflict');
  // No watch tells of it: it does not carry our label, so it would be asked for at each look in this namespace.
  assert.is(desk.world.configMaps.get('dialer/pom-licenses-a'), undefined);
  desk.stored.delete(path);
  await desk.run();
  assert.is.not(desk.reasonOf('Applied'), 'ConfigMapConflict');
});

test('a zone whose ConfigMap loses its label while a plan begins is still a zone: it gives before the system shrinks', async () => {
  const desk = setUp(zoned(3, 2));
  await desk.run();
  desk.writes();
  const lose = () => {
    const a = desk.world.configMaps.get('dialer/pom-licenses-a');
    if (a) desk.world.configMaps.remove(a);
  };
  // The event comes while the status is written.
  desk.faults.push(({ method, resource }) => {
    if (method === 'PUT' && resource === 'licensesettings/status') lose();
    return undefined;
  });
  desk.save({ ...zoned(0, 2), licenses: { outboundPorts: { minimum: 0, maximum: 2 } } }, 2);
  await desk.run();
  const written = desk.sent.filter(({ method, resource }) => method === 'PUT' && resource === 'configmaps');
  assert.equal(
    written.map(({ body }) => body.metadata.name),
    ['pom-licenses-a', 'pom-licenses'],
  );
});

for (const still of [true, false]) {
  test(`a plan is superseded, and a ConfigMap that it had created has lost its label: ${still ? 'its zone stays' : 'its zone goes'}`, async () => {
    const desk = setUp(zoned(3, 2));
    // The plan stops behind its zones: the status has not said what it made.
    let refuse = true;
    desk.faults.push(({ method, resource, body }) =>
      refuse && method === 'PUT' && resource === 'licensesettings/status' && !(body as Body).status?.applying
        ? new ApiError('away', { code: 503 })
        : undefined,
    );
    await desk.run();
    refuse = false;
    const lost = desk.world.configMaps.get('dialer/pom-licenses-a') as StoredConfigMap;
    desk.world.configMaps.remove(lost);
    desk.sent.length = 0;
    const zones = still ? zoned(1, 2) : spec(5, { zones: [{ name: 'b', licenses: { outboundPorts: 2 } }] });
    desk.save({ ...zones, licenses: { outboundPorts: { minimum: 0, maximum: 3 } } }, 2);
    await desk.run();
    const written = desk.sent.filter(({ method, resource }) => method === 'PUT' && resource === 'configmaps');
    assert.equal(
      written.map(({ body }) => body.metadata.name),
      ['pom-licenses-a', 'pom-licenses'],
      'it gives back before the total shrinks',
    );
  });
}

for (const left of ['ours', 'theirs', 'gone'] as const) {
  test(`what lies in the cache without our label, which no watch sees, is read again each time (${left})`, async () => {
    const desk = setUp(zoned(3, 2));
    await desk.run();
    const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses-b';
    const stored = desk.stored.get(path) as { metadata: ObjectMeta };
    const bare = { ...stored, metadata: { ...stored.metadata, labels: {}, resourceVersion: desk.next() } };
    desk.world.configMaps.put(projectConfigMap(bare));
    const newer = { ...bare, metadata: { ...bare.metadata, resourceVersion: desk.next() } };
    const theirs = { ...newer, metadata: { ...newer.metadata, ownerReferences: [], annotations: {} } };
    if (left === 'gone') desk.stored.delete(path);
    else desk.stored.set(path, left === 'ours' ? newer : theirs);
    desk.sent.length = 0;
    await desk.run();
    const written = desk.sent.find(({ method, resource }) => resource === 'configmaps' && method !== 'GET');
    const from = left === 'ours' ? newer.metadata.resourceVersion : undefined;
    assert.equal(
      [written?.method, written?.body.metadata.resourceVersion],
      [{ ours: 'PUT', theirs: undefined, gone: 'POST' }[left], from],
    );
    assert.is(desk.world.configMaps.get('dialer/pom-licenses-b') === undefined, left === 'theirs');
  });
}

/** Zones that are live; the ConfigMap of b has lost our labels. */
async function withoutLabels() {
  const desk = setUp(zoned(3, 2));
  await desk.run();
  const b = desk.world.configMaps.get('dialer/pom-licenses-b') as StoredConfigMap;
  desk.world.configMaps.put({ ...b, metadata: { ...b.metadata, labels: {}, resourceVersion: desk.next() } });
  return desk;
}

test('what an object that is gone leaves without our label is forgotten: others in the namespace would ask for it', async () => {
  const desk = await withoutLabels();
  desk.world.settings.remove(desk.world.settings.get(key) as LicenseSettings);
  assert.is((await desk.run()).result, 'gone');
  assert.is(desk.world.configMaps.get('dialer/pom-licenses-b'), undefined);
});
test('what an object leaves without our label is forgotten too where one of the same name follows before it was seen', async () => {
  const desk = await withoutLabels();
  desk.world.settings.remove(desk.world.settings.get(key) as LicenseSettings);
  desk.save(zoned(3, 2, { applyPolicy: 'Manual' }), 1, { uid: 'uid-2' });
  await desk.run();
  assert.is(desk.world.configMaps.get('dialer/pom-licenses-b'), undefined);
});

test('while suspended what lies in the cache without our label is not asked for', async () => {
  const desk = await withoutLabels();
  desk.save(zoned(3, 2, { suspend: true }), 2);
  desk.sent.length = 0;
  await desk.run();
  assert.equal(
    desk.sent.map(({ method }) => method),
    ['PUT'],
  );
  // Others in the namespace would ask for it too.
  assert.is(desk.world.configMaps.get('dialer/pom-licenses-b'), undefined);
});

test('a zone that drifts during the first apply holds nothing: it is raised only behind the system', async () => {
  const desk = setUp(zoned(3, 2));
  let taken = true;
  desk.faults.push(({ method, resource, body }) =>
    taken && method === 'POST' && resource === 'configmaps' && (body as Body).metadata.name === 'pom-licenses'
      ? new ApiError('away', { code: 503 })
      : undefined,
  );
  await desk.run();
  desk.world.memories.clear();
  Object.assign(desk.world, { epoch: 'term-2' });
  await desk.run();
  const a = desk.world.configMaps.get('dialer/pom-licenses-a') as StoredConfigMap;
  const { record: _, ...unreadable } = a;
  desk.world.configMaps.put({
    ...unreadable,
    dataHash: 'x',
    metadata: { ...a.metadata, resourceVersion: desk.next() },
  });
  taken = false;
  desk.sent.length = 0;
  await desk.run();
  await desk.clock.advance(100_000);
  await desk.run();
  const maps = desk.sent.filter(({ method, resource }) => resource === 'configmaps' && method !== 'GET');
  assert.equal(
    maps.map(({ body }) => `${body.metadata.name} ${portsOf(body)}`),
    ['pom-licenses-a 0', 'pom-licenses undefined', 'pom-licenses-a 3', 'pom-licenses-b 2'],
  );
});

for (const [what, settings] of [
  ['', (more: object) => zoned(3, 2, { settleSeconds: 0, ...more })],
  [' (without zones)', (more: object) => spec(5, more)],
] as const) {
  test(`what a rename leaves behind, and has lost our labels, is claimed before it goes${what}`, async () => {
    const desk = setUp(settings({}));
    await desk.run();
    const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses';
    const stored = desk.stored.get(path) as { metadata: ObjectMeta };
    const bare = { ...stored, metadata: { ...stored.metadata, labels: {}, resourceVersion: desk.next() } };
    desk.stored.set(path, bare);
    desk.world.configMaps.put(projectConfigMap(bare));
    desk.save(settings({ configMap: { name: 'pom' } }), 2);
    desk.sent.length = 0;
    await desk.run();
    assert.is(desk.reasonOf('Applied'), 'Applied');
    assert.not.ok(desk.stored.has(path));
    const claims = desk.sent.filter(({ method, body }) => method === 'PUT' && body?.metadata?.name === 'pom-licenses');
    const claimed = claims.map(({ body }) => body.metadata.labels?.['licensing.dialer.dev/settings']);
    assert.is(claimed.at(-1), 'pom', 'only what carries our labels may be deleted');
    desk.sent.length = 0;
    await desk.run();
    assert.equal(desk.sent, []);
  });
}

for (const [what, edit, waits] of [
  ['less', { licenses: { outboundPorts: 1 } }, true],
  ['nothing that can be read', undefined, true],
  ['as much', { licenses: { outboundPorts: 3 } }, false],
] as const) {
  test(`a zone holds ${what}, by hand, when a plan begins: dialers ${waits ? 'get time to see it' : 'have seen it'}`, async () => {
    const desk = setUp(zoned(3, 2));
    await desk.run();
    await desk.clock.advance(200_000);
    const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses-a';
    const stored = desk.stored.get(path) as { metadata: ObjectMeta };
    const data = edit ? renderZone('pom-licenses-a', { name: 'a', ...edit }).data : {};
    const edited = { ...stored, data, metadata: { ...stored.metadata, resourceVersion: desk.next() } };
    desk.stored.set(path, edited);
    desk.world.configMaps.put(projectConfigMap(edited));
    desk.save({ ...zoned(3, 3), licenses: { outboundPorts: { minimum: 0, maximum: 6 } } }, 2);
    await desk.run();
    assert.is(desk.reasonOf('Applied'), waits ? 'Settling' : 'Applied');
  });
}

/** Puts the status of an earlier moment back, as a backup does. */
const restore = (desk: ReturnType<typeof setUp>, status: Status | undefined) => {
  const object = desk.world.settings.get(key) as LicenseSettings;
  const metadata = { ...object.metadata, resourceVersion: desk.next() };
  desk.world.settings.put({ metadata, spec: object.spec, ...(status ? { status } : {}) });
};

test('a status of a backup: what it rebuilds keeps the later stamp that is there', async () => {
  const desk = setUp(spec(5));
  await desk.run();
  const backup = desk.status();
  desk.save(spec(6), 2);
  await desk.run();
  const map = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
  // Edited, so that it is no record of what is live; and nothing newer may be applied.
  desk.world.configMaps.put({ ...map, dataHash: 'x', metadata: { ...map.metadata, resourceVersion: desk.next() } });
  desk.save(spec(7, { applyPolicy: 'Manual' }), 3);
  restore(desk, backup);
  await desk.run();
  const rebuilt = desk.world.configMaps.get('dialer/pom-licenses');
  assert.is(rebuilt?.dataHash, backup?.configMaps?.[0]?.dataHash);
  assert.is(rebuilt?.metadata.annotations?.['licensing.dialer.dev/generation'], '2');
  assert.is((await desk.run()).result, 'unchanged');
});

test('a status of a backup, from before the zones: they give back before the system gets its CAPACITY keys', async () => {
  const desk = setUp(spec(5));
  await desk.run();
  const backup = desk.status();
  desk.save(zoned(3, 2), 2);
  await desk.run();
  await desk.clock.advance(200_000);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.save(zoned(2, 3, { applyPolicy: 'Manual' }), 3);
  restore(desk, backup);
  desk.sent.length = 0;
  await desk.run();
  const maps = desk.sent.filter(({ method, resource }) => resource === 'configmaps' && method !== 'GET');
  assert.equal(
    maps.map(({ body }) => `${body.metadata.name} ${portsOf(body)}`),
    ['pom-licenses-a 0', 'pom-licenses-b 0'],
  );
  await desk.clock.advance(100_000);
  await desk.run();
  assert.equal([...desk.world.configMaps.keys()], ['dialer/pom-licenses']);
  assert.is(desk.world.configMaps.get('dialer/pom-licenses')?.dataHash, backup?.configMaps?.[0]?.dataHash);
});

test('Retain that was switched off during a plan is no longer claimed when the ConfigMaps are owned again', async () => {
  const desk = setUp(zoned(3, 2, { deletionPolicy: 'Retain' }));
  await desk.run();
  assert.ok(desk.status()?.configMaps?.every(({ retained }) => retained));
  desk.save(zoned(2, 3), 2);
  const claimed: boolean[] = [];
  desk.faults.push(({ method, resource }) => {
    if (method === 'PUT' && resource === 'configmaps')
      claimed.push(desk.status()?.configMaps?.some(({ retained }) => retained) === true);
    return undefined;
  });
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Settling');
  assert.ok(claimed.length > 0 && !claimed.includes(true), `${claimed}`);
});

test('what was owned again before the status could say so is not called retained when a plan begins', async () => {
  const desk = setUp(zoned(3, 2, { deletionPolicy: 'Retain' }));
  await desk.run();
  const isStatus = ({ resource }: { resource: string }) => resource === 'licensesettings/status';
  desk.save(zoned(3, 2), 2);
  desk.faults.push((request) => (isStatus(request) ? new ApiError('conflict', { code: 409 }) : undefined));
  await desk.run();
  assert.ok(desk.status()?.configMaps?.every(({ retained }) => retained));
  desk.faults.length = 0;
  desk.save(zoned(2, 3, { deletionPolicy: 'Retain' }), 3);
  await desk.run();
  const begun = desk.sent.findLast((request) => isStatus(request) && request.body.status?.applying);
  assert.equal(
    begun?.body.status?.configMaps?.map(({ retained }) => retained),
    [undefined, undefined, undefined],
  );
});

test('a zone that is deleted while others are lowered is not made again before they have settled', async () => {
  const desk = setUp(zoned(3, 2));
  await desk.run();
  await desk.clock.advance(200_000);
  const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses-b';
  // Both are lowered; b is deleted, and known to be, while a is written.
  desk.save(
    zoned(2, 1, {
      zones: [...['a', 'b', 'c'].entries()].map(([i, name]) => ({ name, licenses: { outboundPorts: [2, 1, 2][i] } })),
    }),
    2,
  );
  let once = true;
  desk.faults.push(({ method, path: at }) => {
    if (once && method === 'PUT' && at.endsWith('/pom-licenses-a')) {
      once = false;
      const b = desk.world.configMaps.get('dialer/pom-licenses-b') as StoredConfigMap;
      desk.world.configMaps.remove({ ...b, metadata: { ...b.metadata, resourceVersion: desk.next() } });
      desk.stored.delete(path);
    }
    return undefined;
  });
  desk.sent.length = 0;
  await desk.run();
  assert.equal(
    desk.sent.flatMap(({ method, resource, body }) =>
      resource === 'configmaps' && method !== 'GET' ? [`${method} ${body.metadata.name}`] : [],
    ),
    ['PUT pom-licenses-a', 'PUT pom-licenses'],
  );
});

test('a plan that supersedes another takes over what is left of its wait', async () => {
  const desk = await waiting();
  await desk.clock.advance(40_000);
  // Gives b less, and takes nothing more away.
  desk.save(zoned(2, 2), 3);
  await desk.run();
  desk.save(zoned(2, 3), 4);
  assert.is((await desk.run()).again, 60_000);
});

test('suspended in the middle, a plan goes on with the full wait', async () => {
  const desk = await waiting();
  await desk.clock.advance(90_000);
  desk.save(zoned(2, 3, { suspend: true }), 3);
  await desk.run();
  await desk.clock.advance(90_000);
  desk.save(zoned(2, 3), 4);
  assert.is((await desk.run()).again, 100_000);
});

test('a process that finds a plan at its start waits in full', async () => {
  const desk = await waiting();
  await desk.clock.advance(90_000);
  desk.world.memories.clear();
  assert.is((await desk.run()).again, 100_000);
});

test('until a plan has ended the status shows the last finished apply, also where the ConfigMap is newer already', async () => {
  const desk = setUp(zoned(3, 2, { settleSeconds: 0 }));
  desk.faults.push(noConfigMap);
  await desk.run();
  desk.save(spec(5, { settleSeconds: 0 }), 2);
  desk.faults.push(({ method }) => (method === 'DELETE' ? new ApiError('away', { code: 500 }) : undefined));
  await desk.run();
  assert.is(
    desk.world.configMaps.get('dialer/pom-licenses')?.metadata.annotations?.['licensing.dialer.dev/generation'],
    '2',
  );
  desk.save({ licenses: { outboundPorts: { minimum: 9, maximum: 1 } }, settleSeconds: 0 }, 3);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Invalid');
  assert.equal([desk.status()?.applied?.generation, desk.status()?.applying?.generation], [1, 2]);
  desk.faults.pop();
  await desk.run();
  assert.equal(
    [desk.status()?.applied?.generation, desk.status()?.applying],
    [2, undefined],
    'and it is finished, though the newest spec is invalid',
  );
});

/** The same objects and caches, seen by a new leader or a new process. */
const nextTerm = (desk: Awaited<ReturnType<typeof waiting>>, epoch: string) => {
  desk.world.memories.clear();
  Object.assign(desk.world, { epoch });
  desk.writes();
};
const epochsOf = (desk: Awaited<ReturnType<typeof waiting>>) =>
  Object.fromEntries(
    [...desk.world.configMaps.values()].map(({ metadata }) => [
      metadata.name.replace('pom-licenses', ''),
      metadata.annotations?.['licensing.dialer.dev/epoch'],
    ]),
  );

test('a plan of an earlier term: its ConfigMaps are stamped with the epoch before anything else is written, and once', async () => {
  const desk = await waiting();
  assert.equal(epochsOf(desk), { '': undefined, '-a': undefined, '-b': undefined }, 'whoever began it stamps nothing');
  nextTerm(desk, 'term-2');
  desk.save(zoned(3, 2), 3);
  await desk.run();
  const names = desk.sent.splice(0).flatMap(({ method, body }) => (method === 'GET' ? [] : [body.metadata.name]));
  assert.equal(
    [names.slice(0, 2).sort(), names[2]],
    [['pom-licenses-a', 'pom-licenses-b'], 'pom'],
    'the system is not right yet, so a step writes it; the new plan comes after the stamps',
  );
  assert.equal(epochsOf(desk), { '': undefined, '-a': 'term-2', '-b': 'term-2' });
  await desk.clock.advance(100_000);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.is(desk.writes().filter((one) => one === 'PUT configmaps').length, 1, 'only the increase of a is left');
});

test('a plan of an earlier term: the data stay as they are, and so does the generation stamp', async () => {
  const desk = await waiting();
  const seen = () =>
    [...desk.world.configMaps.values()].map(({ metadata, dataHash }) => [
      metadata.name,
      dataHash,
      metadata.annotations?.['licensing.dialer.dev/generation'],
    ]);
  const before = seen();
  nextTerm(desk, 'term-2');
  await desk.run();
  assert.equal(
    desk.writes(),
    ['PUT configmaps', 'PUT configmaps', 'PUT configmaps'],
    'the system is right: stamped too',
  );
  assert.equal(seen(), before);
  assert.equal(epochsOf(desk), { '': 'term-2', '-a': 'term-2', '-b': 'term-2' });
  await desk.run();
  assert.equal(desk.writes(), [], 'once');
});

test('a plan of an earlier term: a zone that is not there yet is created at zero, so that a late create conflicts', async () => {
  const desk = setUp(zoned(3, 2));
  desk.faults.push(noConfigMap);
  await desk.run();
  const three = { zones: ['a', 'b', 'c'].map((name) => ({ name, licenses: { outboundPorts: 1 } })) };
  desk.save(zoned(3, 2, three), 2);
  await desk.run();
  assert.not.ok(desk.world.configMaps.get('dialer/pom-licenses-c'), 'the plan waits before it creates c');
  nextTerm(desk, 'term-2');
  await desk.run();
  const [created] = desk.sent.filter(({ method, resource }) => method === 'POST' && resource === 'configmaps');
  const { metadata, data } = (created?.body ?? {}) as Body & { data: Record<string, string> };
  assert.equal([metadata.name, data['OUTBOUND_PORTS_CAPACITY']], ['pom-licenses-c', '0']);
});

for (const still of [true, false]) {
  test(`a plan of an earlier term, and a zone of it whose name is taken: ${still ? 'a conflict' : 'none, once it is not wanted'}`, async () => {
    const desk = setUp(zoned(3, 2));
    await desk.run();
    const three = { zones: ['a', 'b', 'c'].map((name) => ({ name, licenses: { outboundPorts: 1 } })) };
    desk.save(zoned(3, 2, three), 2);
    await desk.run();
    const metadata = { name: 'pom-licenses-c', namespace: 'dialer', uid: 'theirs', resourceVersion: desk.next() };
    desk.stored.set('/api/v1/namespaces/dialer/configmaps/pom-licenses-c', { metadata });
    desk.faults.push(({ method, body }) =>
      method === 'POST' && (body as Body).metadata.name === 'pom-licenses-c'
        ? new ApiError('taken', { code: 409, reason: 'AlreadyExists' })
        : undefined,
    );
    desk.save(still ? zoned(3, 2, three) : zoned(3, 2), 3);
    nextTerm(desk, 'term-2');
    await desk.run();
    assert.is(desk.reasonOf('Applied') === 'ConfigMapConflict', still);
  });
}

test('a takeover that fails half-way goes on with the rest, and nothing of the plan is done before', async () => {
  const desk = await waiting();
  nextTerm(desk, 'term-2');
  desk.save(zoned(1, 4), 3);
  let left = 1;
  desk.faults.push(({ method, resource }) =>
    method === 'PUT' && resource === 'configmaps' && left-- <= 0 ? new ApiError('away', { code: 503 }) : undefined,
  );
  await desk.run();
  const stamped = () => Object.keys(epochsOf(desk)).filter((name) => epochsOf(desk)[name] === 'term-2');
  const [one] = stamped();
  assert.is(stamped().length, 1);
  assert.is(desk.status()?.applying?.generation, 2, 'the new plan has not begun');
  desk.faults.pop();
  desk.sent.splice(0);
  await desk.run();
  const [first, second] = desk.sent.filter(({ method }) => method === 'PUT');
  assert.is(first?.body.metadata.name, one === '-a' ? 'pom-licenses-b' : 'pom-licenses-a');
  assert.is(second?.resource, 'licensesettings/status', 'what was stamped is not stamped again');
  assert.equal(desk.status()?.applying?.generation, 3);
});

test('a plan of this term is not taken over because its last status was lost', async () => {
  const desk = setUp(zoned(3, 2, { settleSeconds: 0 }));
  desk.faults.push(noConfigMap);
  await desk.run();
  desk.save(zoned(2, 3, { settleSeconds: 0 }), 2);
  let statuses = 0;
  desk.faults.push(({ resource }) =>
    resource.endsWith('/status') && ++statuses === 2 ? new ApiError('conflict', { code: 409 }) : undefined,
  );
  await desk.run();
  assert.is(desk.status()?.applying?.generation, 2);
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), ['PUT licensesettings/status']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

/** A plan whose create of the zone c got no answer, and settings that no longer want that zone. */
async function unanswered(code = 0, reason = 'NoAnswer') {
  const desk = setUp(zoned(2, 2, { settleSeconds: 0 }));
  await desk.run();
  const c = { name: 'c', licenses: { outboundPorts: 1 } };
  const { zones } = zoned(2, 2) as unknown as { zones: object[] };
  desk.faults.push(({ method, body }) =>
    method === 'POST' && (body as Body).metadata.name === 'pom-licenses-c'
      ? new ApiError('lost', { code, reason })
      : undefined,
  );
  desk.save(zoned(2, 2, { zones: [...zones, c], settleSeconds: 0 }), 2);
  await desk.run();
  desk.faults.pop();
  desk.save(zoned(2, 3, { settleSeconds: 0 }), 3);
  desk.sent.length = 0;
  return desk;
}
const portsOf = (body: Body | undefined) =>
  (body as { data?: Record<string, string> } | undefined)?.data?.['OUTBOUND_PORTS_CAPACITY'];

test('a create without an answer may land late: until then a ConfigMap at zero keeps it out, before others get its licenses', async () => {
  const desk = await unanswered();
  const { again } = await desk.run();
  const maps = desk.sent.filter(({ method, resource }) => resource === 'configmaps' && method !== 'GET');
  assert.equal(
    maps.map(({ method, body }) => `${method} ${body.metadata.name} ${portsOf(body)}`),
    ['POST pom-licenses-c 0', 'PUT pom-licenses undefined', 'PUT pom-licenses-b 3'],
  );
  assert.is(desk.reasonOf('Applied'), 'Settling');
  assert.is(again, lateness);
  await desk.clock.advance(lateness);
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), ['DELETE configmaps', 'PUT licensesettings/status']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

test('a zone that was put back without an answer may land late too', async () => {
  const desk = setUp(zoned(2, 2, { settleSeconds: 0 }));
  await desk.run();
  const b = 'dialer/pom-licenses-b';
  desk.stored.delete(`/api/v1/namespaces/${b.replace('/', '/configmaps/')}`);
  desk.world.configMaps.deleted(desk.world.configMaps.get(b) as StoredConfigMap);
  desk.faults.push(({ method }) =>
    method === 'POST' ? new ApiError('lost', { code: 0, reason: 'NoAnswer' }) : undefined,
  );
  await desk.run();
  desk.faults.pop();
  desk.save(zoned(4, 0, { zones: [], settleSeconds: 0 }), 2);
  desk.sent.length = 0;
  await desk.run();
  const [first] = desk.sent.filter(({ method, resource }) => resource === 'configmaps' && method !== 'GET');
  assert.is(`${first?.method} ${first?.body.metadata.name} ${portsOf(first?.body)}`, 'POST pom-licenses-b 0');
  assert.is(desk.reasonOf('Applied'), 'Settling');
});

test('a create without an answer is kept out also when nothing else is left to do', async () => {
  const desk = await unanswered();
  desk.save(zoned(2, 2, { settleSeconds: 0 }), 3);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Settling');
  await desk.run();
  assert.not.ok(desk.writes().includes('DELETE configmaps'));
});

test('a create without an answer under a name that is given up makes nobody wait: its zone holds the same under the new one', async () => {
  const desk = await unanswered();
  const { zones } = zoned(2, 2) as unknown as { zones: object[] };
  const c = { name: 'c', licenses: { outboundPorts: 1 } };
  desk.save(zoned(2, 2, { zones: [...zones, c], settleSeconds: 0, configMap: { name: 'pom' } }), 3);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

/** What was written of ConfigMaps, with the CAPACITY of ports. */
const stepsOf = (desk: ReturnType<typeof setUp>) =>
  desk.sent
    .filter(({ method, resource }) => resource === 'configmaps' && method !== 'GET')
    .map(({ method, body }) => `${method} ${body.metadata?.name ?? ''} ${portsOf(body)}`);

test('an update without an answer may land late: it is made to conflict before others get its licenses', async () => {
  const desk = await waiting();
  await desk.clock.advance(100_000);
  desk.faults.push(({ method, body }) =>
    method === 'PUT' && (body as Body).metadata.name === 'pom-licenses-b'
      ? new ApiError('lost', { code: 0, reason: 'NoAnswer' })
      : undefined,
  );
  await desk.run();
  desk.faults.pop();
  const from = desk.world.configMaps.get('dialer/pom-licenses-b')?.metadata.resourceVersion;
  desk.save(zoned(3, 2), 3);
  desk.sent.length = 0;
  await desk.run();
  const steps = stepsOf(desk);
  assert.ok(steps.indexOf('PUT pom-licenses-b 2') < steps.indexOf('PUT pom-licenses-a 3'), steps.join(', '));
  const { metadata } = desk.world.configMaps.get('dialer/pom-licenses-b') as StoredConfigMap;
  assert.is.not(metadata.resourceVersion, from, 'the lost write of b to 3 would still fit');
  const epoch = metadata.annotations?.['licensing.dialer.dev/epoch'];
  assert.is(epoch, `term-1.${from}`, 'a write that changes nothing moves no version');
  desk.sent.length = 0;
  await desk.run();
  assert.equal(stepsOf(desk), [], 'once is enough');
});

for (const name of ['pom-licenses', 'pom'])
  test(`a create without an answer, of a zone that stays with fewer licenses under ${name}, is kept out before others get them`, async () => {
    const desk = await unanswered();
    const { zones } = zoned(2, 3) as unknown as { zones: object[] };
    desk.save(zoned(2, 3, { zones: [...zones, { name: 'c' }], settleSeconds: 0, configMap: { name } }), 3);
    await desk.run();
    const steps = stepsOf(desk);
    const kept = steps.indexOf('POST pom-licenses-c 0');
    const given = steps.findIndex((one) => /pom(-licenses)?-b 3/.test(one));
    assert.ok(kept >= 0 && kept < given, steps.join(', '));
  });

test('the ConfigMap of no zones becomes that of a zone: it gives back before others get its licenses', async () => {
  const desk = setUp(spec(5, { configMap: { name: 'pom-emea' } }));
  await desk.run();
  await desk.clock.advance(200_000);
  desk.sent.length = 0;
  const zones = [
    { name: 'apac', licenses: { outboundPorts: 4 } },
    { name: 'emea', licenses: { outboundPorts: 1 } },
  ];
  desk.save(spec(5, { configMap: { name: 'pom' }, zones, settleSeconds: 100 }), 2);
  assert.is((await desk.run()).again, 100_000);
  assert.equal(stepsOf(desk), ['PUT pom-emea undefined', 'POST pom undefined']);
});

for (const [kind, next] of [
  ['zones', zoned(5, 0)],
  ['no zones', spec(5)],
] as const)
  test(`${kind}: what an earlier object of the name gave out has to go before anybody else gets it`, async () => {
    const desk = setUp(zoned(0, 5));
    await desk.run();
    desk.world.settings.remove(desk.world.settings.get(key) as LicenseSettings);
    for (const name of ['pom-licenses', 'pom-licenses-a']) {
      const view = desk.world.configMaps.get(`dialer/${name}`) as StoredConfigMap;
      desk.world.configMaps.remove({ ...view, metadata: { ...view.metadata, resourceVersion: desk.next() } });
      desk.stored.delete(`/api/v1/namespaces/dialer/configmaps/${name}`);
    }
    desk.save(next, 1, { uid: 'uid-2' });
    desk.sent.length = 0;
    assert.is((await desk.run()).retry?.kind, 'transport');
    assert.equal(stepsOf(desk), []);
    const left = desk.world.configMaps.get('dialer/pom-licenses-b') as StoredConfigMap;
    desk.world.configMaps.remove(left);
    desk.stored.delete('/api/v1/namespaces/dialer/configmaps/pom-licenses-b');
    await desk.run();
    assert.is(desk.reasonOf('Applied'), 'Applied');
  });

test('a 404 that no API server wrote is tried again', async () => {
  const html = ({ method, path }: Request) =>
    fromAnswer(`${method} ${path}`, 404, '<html>default backend - 404</html>', {}, 0);
  const desk = setUp();
  await desk.run();
  desk.save(spec(6), 2);
  desk.faults.push((request) => (request.resource.endsWith('/status') ? html(request) : undefined));
  assert.is((await desk.run()).retry?.kind, 'transport');

  const zones = setUp(zoned(3, 2));
  await zones.run();
  zones.world.configMaps.remove(zones.world.configMaps.get('dialer/pom-licenses-a') as StoredConfigMap);
  zones.faults.push(html);
  assert.is((await zones.run()).retry?.kind, 'transport');
});

test('a zone label does not stay on the ConfigMap of the system', async () => {
  const zones = [{ name: 'emea', licenses: { outboundPorts: 5 } }];
  const desk = setUp(spec(5, { configMap: { name: 'pom' }, zones, settleSeconds: 0 }));
  await desk.run();
  desk.save(spec(5, { configMap: { name: 'pom-emea' }, settleSeconds: 100 }), 2);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  await desk.clock.advance(200_000);
  desk.sent.length = 0;
  desk.save(spec(5, { configMap: { name: 'pom-x' }, settleSeconds: 100 }), 3);
  await desk.run();
  assert.equal(stepsOf(desk), ['POST pom-x 5', 'DELETE  undefined']);
});

test('a webhook that sets a label of ours to its own value: the status of a plan tells of it', async () => {
  const desk = setUp(zoned(3, 2));
  const { updateConfigMap, createConfigMap } = desk.api;
  const mutate = (view: StoredConfigMap) => {
    const labels = { ...view.metadata.labels, 'app.kubernetes.io/part-of': 'dialer' };
    return { ...view, metadata: { ...view.metadata, labels } };
  };
  Object.assign(desk.api, {
    updateConfigMap: async (...args: Parameters<typeof updateConfigMap>) => mutate(await updateConfigMap(...args)),
    createConfigMap: async (...args: Parameters<typeof createConfigMap>) => mutate(await createConfigMap(...args)),
  });
  for (let n = 0; n < 3; n++) {
    await desk.run();
    await desk.clock.advance(10_000);
  }
  assert.is(desk.reasonOf('Applied'), 'Contested');
});

test('a ConfigMap that is being deleted, and is held back, is waited for: no conflict, nothing told at once', async () => {
  const desk = setUp();
  await desk.run();
  const view = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  desk.world.configMaps.put({
    ...view,
    metadata: { ...view.metadata, deletionTimestamp, resourceVersion: desk.next() },
  });
  desk.save(spec(6), 2);
  desk.writes();
  assert.is((await desk.run()).retry?.kind, 'transport');
  assert.equal(desk.writes(), []);
});

test('an immutable ConfigMap is not replaced for an object that is gone', async () => {
  const desk = setUp();
  await desk.run();
  const view = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
  const metadata = { ...view.metadata, resourceVersion: desk.next() };
  desk.world.configMaps.put({ ...view, immutable: true, metadata });
  desk.writes();
  desk.faults.push(({ method, resource }) =>
    method === 'GET' && resource === 'licensesettings' ? new ApiError('not found', { code: 404 }) : undefined,
  );
  assert.is((await desk.run()).result, 'quiet');
  assert.equal(desk.writes(), []);
});

for (const retained of [false, true]) {
  const what = retained
    ? 'under Retain nobody has to own it, and nobody is asked'
    : 'it is not given back to an object that is gone';
  test(`a ConfigMap without its owner may have been released by an orphaning delete: ${what}`, async () => {
    const desk = setUp(spec(5, retained ? { deletionPolicy: 'Retain' } : {}));
    await desk.run();
    const view = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
    const metadata = { ...view.metadata, ownerReferences: [], resourceVersion: desk.next() };
    desk.world.configMaps.put({ ...view, metadata, dataHash: 'edited' });
    desk.sent.length = 0;
    desk.faults.push(({ method, resource }) =>
      method === 'GET' && resource === 'licensesettings' ? new ApiError('not found', { code: 404 }) : undefined,
    );
    assert.is((await desk.run()).result, retained ? 'written' : 'quiet');
    assert.equal(
      desk.sent.map(({ method }) => method),
      [retained ? 'PUT' : 'GET'],
    );
  });
}

test('a create without an answer that has landed meanwhile is lowered before others get its licenses', async () => {
  const desk = await unanswered();
  const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses-';
  const b = desk.stored.get(`${path}b`) as { metadata: ObjectMeta };
  const metadata = { ...b.metadata, name: 'pom-licenses-c', uid: 'late', resourceVersion: desk.next() };
  const { data } = renderZone('pom-licenses-c', { name: 'c', licenses: { outboundPorts: 1 } });
  desk.stored.set(`${path}c`, { ...b, metadata, data });
  await desk.run();
  const maps = desk.sent.filter(({ method, resource }) => resource === 'configmaps' && method !== 'GET');
  assert.equal(
    maps.map(({ method, body }) => `${method} ${body.metadata.name} ${portsOf(body)}`),
    ['PUT pom-licenses-c 0', 'PUT pom-licenses undefined', 'PUT pom-licenses-b 3'],
  );
});

for (const [code, reason, lands] of [
  [0, 'NoAnswer', true],
  [0, 'BadAnswer', true],
  [504, 'Timeout', true],
  [0, 'NotLeader', false],
  [0, 'Credentials', false],
  [401, 'Unauthorized', false],
  [429, 'TooManyRequests', false],
  [403, 'Forbidden', false],
] as const) {
  test(`a create that ended with ${code} ${reason} may ${lands ? '' : 'not '}land late`, async () => {
    const desk = await unanswered(code, reason);
    await desk.run();
    assert.is(
      desk.sent.some(({ method, resource }) => method === 'POST' && resource === 'configmaps'),
      lands,
    );
    assert.is(desk.reasonOf('Applied'), lands ? 'Settling' : 'Applied');
  });
}

test('a plan of an earlier term, and a zone of it that is no longer wanted: kept at zero until no create of it can land', async () => {
  const desk = setUp(zoned(2, 2, { settleSeconds: 0 }));
  await desk.run();
  desk.faults.push(({ method, body }) =>
    method === 'POST' && (body as Body).metadata.name === 'pom-licenses-c'
      ? new ApiError('lost', { code: 0 })
      : undefined,
  );
  const { zones } = zoned(2, 2) as unknown as { zones: object[] };
  desk.save(zoned(2, 2, { zones: [...zones, { name: 'c', licenses: {} }], settleSeconds: 0 }), 2);
  await desk.run();
  desk.faults.pop();
  nextTerm(desk, 'term-2');
  desk.save(zoned(2, 3, { settleSeconds: 0 }), 3);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Settling');
  desk.writes();
  await desk.clock.advance(lateness);
  await desk.run();
  assert.equal(desk.writes(), ['DELETE configmaps', 'PUT licensesettings/status']);
});

test('a decrease that another term applied less than settleSeconds ago: the next increase waits in full', async () => {
  const desk = setUp(zoned(3, 2));
  desk.faults.push(noConfigMap);
  await desk.run();
  await desk.clock.advance(200_000);
  desk.save(zoned(2, 2), 2);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  await desk.clock.advance(60_000);
  nextTerm(desk, 'term-2');
  desk.save(zoned(2, 3), 3);
  assert.is((await desk.run()).again, 100_000);
});

test('a status that lags behind its ConfigMaps does not tell what was taken away: the next increase waits in full', async () => {
  const desk = await waiting();
  await desk.clock.advance(200_000);
  nextTerm(desk, 'term-2');
  const { status: _, ...backup } = desk.world.settings.get(key) as LicenseSettings;
  desk.world.settings.put({ ...backup, metadata: { ...backup.metadata, resourceVersion: desk.next() } });
  assert.is((await desk.run()).again, 100_000);
  assert.not.ok(
    desk.sent.some(
      ({ method, body }) => method === 'PUT' && body.metadata.name === 'pom-licenses-b' && portsOf(body) === '3',
    ),
  );
});

test('a rename whose old ConfigMap can not be deleted is live at once, and the status says so once', async () => {
  const desk = setUp(spec(5, { configMap: { name: 'pom-old' } }));
  await desk.run();
  desk.save(spec(5, { configMap: { name: 'pom-new' } }), 2);
  desk.faults.push(({ method }) => (method === 'DELETE' ? new ApiError('no', { code: 403 }) : undefined));
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), ['POST configmaps', 'DELETE configmaps', 'PUT licensesettings/status']);
  assert.equal([desk.status()?.applied?.generation, desk.reasonOf('Ready')], [2, 'WriteRejected']);
  await desk.run();
  assert.equal(desk.writes(), ['DELETE configmaps'], 'nothing new to say');
});

test('a refusal whose words differ in an id alone is told once', async () => {
  const desk = setUp();
  await desk.run();
  desk.save(spec(6), 2);
  let id = 0;
  desk.faults.push(({ resource }) =>
    resource === 'configmaps' ? new ApiError(`denied by policy, request 7f3a-${++id}`, { code: 403 }) : undefined,
  );
  await desk.run();
  desk.writes();
  await desk.clock.advance(60_000);
  await desk.run();
  assert.equal(desk.writes(), ['PUT configmaps']);
  await desk.clock.advance(60_000);
  desk.faults.pop();
  desk.faults.push(({ resource }) => (resource === 'configmaps' ? new ApiError('quota', { code: 403 }) : undefined));
  await desk.run();
  assert.equal(desk.writes(), ['PUT configmaps', 'PUT licensesettings/status'], 'other words are news');
});

test('there and back before the status was written: the history has both, and the stamp never goes back', async () => {
  const desk = setUp(spec(5));
  await desk.run();
  desk.faults.push(({ resource }) =>
    resource.endsWith('/status') ? new ApiError('conflict', { code: 409 }) : undefined,
  );
  desk.save(spec(6), 2);
  await desk.run();
  desk.faults.pop();
  desk.save(spec(5), 3);
  await desk.run();
  assert.equal(
    desk.status()?.history?.map(({ generation }) => generation),
    [3, 2, 1],
  );
  assert.is(desk.status()?.applied?.generation, 3);
  const map = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
  desk.world.configMaps.remove({ ...map, metadata: { ...map.metadata, resourceVersion: desk.next() } });
  desk.faults.push(noConfigMap);
  await desk.run();
  const rebuilt = desk.world.configMaps.get('dialer/pom-licenses');
  assert.is(rebuilt?.metadata.annotations?.['licensing.dialer.dev/generation'], '3');
});

test('the 10 s of patience count from when the first failing try began', async () => {
  const desk = setUp();
  await desk.run();
  desk.save(spec(6), 2);
  const client = desk.api.updateConfigMap;
  Object.assign(desk.api, {
    updateConfigMap: async () => {
      await new Promise<void>((resolve) => desk.clock.after(15_000, resolve));
      throw new ApiError('no answer within 15000 ms', { code: 0, reason: 'NoAnswer' });
    },
  });
  const running = desk.run();
  await desk.clock.advance(15_000);
  await running;
  assert.is(desk.reasonOf('Ready'), 'WriteFailed');
  Object.assign(desk.api, { updateConfigMap: client });
  await desk.run();
  assert.is(desk.reasonOf('Ready'), 'Applied');
});

test('the new decrease of a plan that supersedes another is waited for in full', async () => {
  const desk = await waiting();
  await desk.clock.advance(40_000);
  desk.save(zoned(1, 4), 3);
  assert.is((await desk.run()).again, 100_000);
});

test('nobody waits for a superseded plan that took nothing away', async () => {
  const desk = setUp(zoned(2, 2));
  await desk.run();
  await desk.clock.advance(1_000_000);
  desk.save(zoned(2, 3), 2);
  desk.faults.push(({ body }) =>
    (body as Body | undefined)?.metadata.name === 'pom-licenses-b' ? new ApiError('away', { code: 500 }) : undefined,
  );
  await desk.run();
  desk.faults.pop();
  desk.save({ ...zoned(2, 3), licenses: { outboundPorts: { minimum: 0, maximum: 6 } } }, 3);
  assert.is((await desk.run()).again, undefined);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

test('what a superseded plan took away is waited for, however long ago the last apply was', async () => {
  const desk = setUp(zoned(3, 2));
  await desk.run();
  await desk.clock.advance(1_000_000);
  desk.save(zoned(2, 3), 2);
  await desk.run();
  await desk.clock.advance(40_000);
  // Takes nothing away itself.
  desk.save({ ...zoned(2, 3), licenses: { outboundPorts: { minimum: 0, maximum: 6 } } }, 3);
  assert.is((await desk.run()).again, 60_000);
});

test('dialers get time to see that the system has lost its CAPACITY keys', async () => {
  const desk = setUp(spec(5));
  await desk.run();
  // The ConfigMap is seen for the first time.
  await desk.run();
  await desk.clock.advance(1_000_000);
  desk.save(zoned(3, 2), 2);
  assert.is((await desk.run()).again, 100_000);
  assert.is(desk.world.configMaps.get('dialer/pom-licenses-a'), undefined);
});

test('a zone that a plan did not touch keeps its stamp, and is left alone afterwards', async () => {
  const desk = setUp(zoned(2, 2));
  await desk.run();
  desk.save(zoned(2, 3), 2);
  // Nothing is taken away, so nobody waits.
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  const stampOf = (name: string) =>
    desk.world.configMaps.get(`dialer/${name}`)?.metadata.annotations?.['licensing.dialer.dev/generation'];
  assert.equal(['pom-licenses-a', 'pom-licenses-b'].map(stampOf), ['1', '2']);
  desk.writes();
  assert.is((await desk.run()).result, 'unchanged');
  assert.equal(desk.writes(), []);
});

test("a zone whose name is someone else's does not keep the others from being healed", async () => {
  const desk = setUp(zoned(3, 2));
  await desk.run();
  const edit = (name: string, change: (map: StoredConfigMap) => Partial<StoredConfigMap>) => {
    const map = desk.world.configMaps.get(`dialer/${name}`) as StoredConfigMap;
    const changed = { ...map, ...change(map) };
    desk.world.configMaps.put({ ...changed, metadata: { ...changed.metadata, resourceVersion: desk.next() } });
  };
  edit('pom-licenses', ({ metadata: { ownerReferences: _, ...metadata } }) => ({
    metadata: { ...metadata, labels: watched, annotations: {} },
  }));
  edit('pom-licenses-b', () => ({ dataHash: 'edited' }));
  desk.writes();
  const { retry } = await desk.run();
  assert.is(desk.reasonOf('Ready'), 'ConfigMapConflict');
  assert.equal(desk.writes(), ['PUT configmaps', 'PUT licensesettings/status']);
  // Nobody tells us when the name is free.
  assert.is(retry?.kind, 'slow');
});

test('with Manual nothing is written before the content is approved; then it goes live', async () => {
  const desk = setUp(spec(5, { applyPolicy: 'Manual' }));
  await desk.run();
  assert.equal(desk.writes(), ['PUT licensesettings/status']);
  assert.is(desk.reasonOf('Applied'), 'ApplyPending');
  const approval = desk.status()?.pending?.settingsHash ?? '';
  const approve = (value: string) =>
    desk.save(spec(5, { applyPolicy: 'Manual' }), 1, { annotations: { 'licensing.dialer.dev/apply': value } });
  approve(approval.slice(0, 12));
  await desk.run();
  assert.equal(desk.writes(), ['PUT licensesettings/status'], 'says why it does nothing');
  assert.match(desk.status()?.conditions?.[0]?.message ?? '', '12 of 64 digits, too short to approve anything');
  approve(approval);
  await desk.run();
  assert.equal(desk.writes(), ['POST configmaps', 'PUT licensesettings/status']);
  desk.save(spec(5, { applyPolicy: 'Manual' }), 1);
  await desk.run();
  assert.equal([desk.writes(), desk.reasonOf('Applied')], [[], 'Applied'], 'the approval may vanish afterwards');
  desk.save(spec(6, { applyPolicy: 'Manual' }), 2);
  await desk.run();
  assert.equal(desk.writes(), ['PUT licensesettings/status']);
});

test('an object that is gone when its status is written is quiet: it is looked at again slowly, unless its own event comes', async () => {
  const desk = setUp();
  desk.faults.push(({ resource }) =>
    resource === 'licensesettings/status' ? new ApiError('not found', { code: 404 }) : undefined,
  );
  const { result, retry } = await desk.run();
  assert.equal([result, retry?.kind], ['quiet', 'slow']);
});

test('a ConfigMap that only lost its label is found and mended, not created again', async () => {
  const desk = setUp();
  await desk.run();
  const map = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
  desk.world.configMaps.remove({ ...map, metadata: { ...map.metadata, resourceVersion: desk.next() } });
  const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses';
  const stored = desk.stored.get(path) as { metadata: ObjectMeta };
  desk.stored.set(path, { ...stored, metadata: { ...stored.metadata, labels: {}, resourceVersion: desk.next() } });
  desk.writes();
  assert.is((await desk.run()).result, 'stale');
  await desk.run();
  assert.equal(desk.writes(), ['PUT configmaps']);
});

test('a plan looks for a zone that is not in the cache: it may still hold what it held', async () => {
  const desk = setUp(zoned(3, 2, { settleSeconds: 0 }));
  await desk.run();
  desk.world.configMaps.remove(desk.world.configMaps.get('dialer/pom-licenses-a') as StoredConfigMap);
  desk.save(spec(5, { settleSeconds: 0 }), 2);
  await desk.run();
  assert.is(desk.stored.has('/api/v1/namespaces/dialer/configmaps/pom-licenses-a'), false);
});

test('what an older release wrote keeps its data while its metadata are mended, decided from what the cache holds', async () => {
  const desk = await rolledOutBefore();
  const [map] = desk.world.configMaps.values();
  assert.ok(map);
  const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses';
  const older = { 'licenses.json': 'as an older release wrote it' };
  const known = projectConfigMap({ metadata: map.metadata, data: older } as KubeObject);
  const object = desk.world.settings.get(key);
  assert.ok(object?.status);
  const status = { ...object.status, configMaps: [{ name: 'pom-licenses', dataHash: known.dataHash }] };
  const decidedFrom = desk.next();
  desk.world.configMaps.put({
    ...known,
    metadata: { ...known.metadata, labels: watched, resourceVersion: decidedFrom },
  });
  desk.stored.set(path, { metadata: { ...map.metadata, labels: watched, resourceVersion: desk.next() }, data: older });
  desk.world.settings.put({ ...object, status, metadata: { ...object.metadata, resourceVersion: desk.next() } });
  // Not applicable: then there is no rollout.
  desk.save({ licenses: { outboundPorts: { minimum: 9, maximum: 1 } } }, 9);
  desk.sent.length = 0;
  await desk.run();
  const put = desk.sent.find(({ method, resource }) => method === 'PUT' && resource === 'configmaps')?.body;
  assert.equal((put as { data?: object } | undefined)?.data, older);
  assert.is(put?.metadata.resourceVersion, decidedFrom);
  assert.is(put?.metadata.labels?.['licensing.dialer.dev/settings'], 'pom');
});

/** Ports that a zone's ConfigMap gives, as the cache has it. */
const givenTo = (desk: ReturnType<typeof setUp>, zone: string): number =>
  JSON.parse(desk.world.configMaps.get(`dialer/pom-licenses-${zone}`)?.record ?? '{}').licenses.outboundPorts.capacity;
/** Somebody edits a ConfigMap by hand: what it says can't be read any more. */
const spoil = (desk: ReturnType<typeof setUp>, name: string) => {
  const { record: _, ...view } = desk.world.configMaps.get(`dialer/${name}`) as StoredConfigMap;
  const metadata = { ...view.metadata, resourceVersion: desk.next() };
  desk.world.configMaps.put({ ...view, metadata, dataHash: 'edited' });
};

test('a zone that is edited after its plan was superseded counts as the least of all plans: others may still use the rest', async () => {
  const desk = await waiting();
  await desk.clock.advance(100_000);
  // b gets its license, and before the status says so the settings go back.
  desk.faults.push(({ resource }) =>
    resource === 'licensesettings/status' ? new ApiError('no', { code: 409 }) : undefined,
  );
  await desk.run();
  assert.equal([givenTo(desk, 'a'), givenTo(desk, 'b')], [2, 3]);
  desk.faults.pop();
  desk.save(zoned(3, 2), 3);
  assert.is((await desk.run()).again, 100_000);
  assert.equal([givenTo(desk, 'a'), givenTo(desk, 'b')], [2, 2]);
  await desk.clock.advance(1_000);
  spoil(desk, 'pom-licenses-a');
  const { again } = await desk.run();
  assert.equal([givenTo(desk, 'a'), again !== undefined], [2, true]);
  await desk.clock.advance(again ?? 0);
  await desk.run();
  assert.equal([givenTo(desk, 'a'), desk.reasonOf('Applied')], [3, 'Applied']);
});

test('a new object that adopts ConfigMaps does not know what was taken from them a moment ago: its increases wait in full', async () => {
  const desk = setUp(zoned(3, 2, { deletionPolicy: 'Retain' }));
  desk.faults.push(noConfigMap);
  await desk.run();
  desk.save(zoned(2, 3, { deletionPolicy: 'Retain' }), 2);
  await desk.run();
  desk.world.settings.remove(desk.world.settings.get(key) as LicenseSettings);
  await desk.clock.advance(1_000);
  desk.save(zoned(2, 3, { deletionPolicy: 'Retain' }), 1, { uid: 'uid-2' });
  assert.is((await desk.run()).again, 100_000);
  assert.equal([givenTo(desk, 'a'), givenTo(desk, 'b')], [2, 2]);
});

for (const [what, seconds, again] of [
  ['shorter', 0, undefined],
  ['longer', 600, 590_000],
] as const) {
  test(`settleSeconds act at once, also on a wait that has begun: ${what}`, async () => {
    const desk = await waiting();
    await desk.clock.advance(10_000);
    desk.save(zoned(2, 3, { settleSeconds: seconds }), 3);
    assert.is((await desk.run()).again, again);
  });
}

test('a decrease that took its time: the next term counts its wait from when it had ended', async () => {
  const desk = setUp(zoned(3, 2, { settleSeconds: 5 }));
  desk.faults.push(noConfigMap);
  await desk.run();
  desk.save(zoned(2, 2, { settleSeconds: 5 }), 2);
  desk.faults.push(({ method, resource }) => {
    if (method === 'PUT' && resource === 'configmaps') desk.clock.setWall(desk.clock.wall() + 3_000);
    return undefined;
  });
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.faults.pop();
  desk.world.memories.clear();
  desk.save(zoned(2, 3, { settleSeconds: 5 }), 3);
  assert.is((await desk.run()).again, 5_000);
});

/** Another object's ConfigMap that has lost our label lies in the cache; it can't be read. */
async function besideUnreadable(name: string) {
  const desk = setUp();
  await desk.run();
  const [map] = desk.world.configMaps.values();
  assert.ok(map);
  const owner = { apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', name: 'other', controller: true };
  const metadata = { ...map.metadata, name, uid: 'other-map', labels: {}, annotations: {} };
  desk.world.configMaps.put({ ...map, metadata: { ...metadata, ownerReferences: [{ ...owner, uid: 'other' }] } });
  desk.faults.push(({ method, resource }) =>
    method === 'GET' && resource === 'configmaps' ? new ApiError('away', { code: 504 }) : undefined,
  );
  desk.save(spec(6), 2);
  return desk;
}

test("another object's ConfigMap that lost our label, and can't be read, holds nobody up", async () => {
  const desk = await besideUnreadable('other-licenses');
  assert.is((await desk.run()).result, 'written');
});

test("a ConfigMap that lost our label under a name that may be wanted, and can't be read: the status tells of it", async () => {
  const desk = await besideUnreadable('pom-other-licenses');
  assert.is((await desk.run()).result, 'retry');
  await desk.clock.advance(failurePatience);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'WriteFailed');
  assert.is(desk.status()?.observedGeneration, 2);
});

test('what an earlier object retained without our label is read once, and forgotten', async () => {
  const desk = setUp(spec(5, { deletionPolicy: 'Retain' }));
  await desk.run();
  const [path, body] = [...desk.stored][0] as [string, { metadata: ObjectMeta }];
  const bare = { ...body, metadata: { ...body.metadata, labels: {}, resourceVersion: desk.next() } };
  desk.stored.set(path, bare);
  desk.world.configMaps.put(projectConfigMap(bare as never));
  desk.world.settings.remove(desk.world.settings.get(key) as LicenseSettings);
  // Else the cache would not have it any more.
  desk.world.memories.clear();
  desk.save(spec(5, { configMap: { name: 'pom' }, deletionPolicy: 'Retain' }), 1, { uid: 'uid-2' });
  await desk.run();
  const isRead = desk.sent.splice(0).some(({ method, resource }) => method === 'GET' && resource === 'configmaps');
  assert.ok(isRead, 'once');
  await desk.run();
  assert.equal(desk.sent, []);
});

test('Retain does not wait for the turn of a rollout, and the status of the generation is written', async () => {
  const desk = await rolledOutBefore();
  desk.save(spec(5, { deletionPolicy: 'Retain' }), 2);
  assert.is((await desk.run()).result, 'later');
  const [map] = desk.world.configMaps.values();
  assert.equal(map?.metadata.ownerReferences, []);
  assert.is(desk.status()?.observedGeneration, 2);
  assert.equal(
    desk.status()?.configMaps?.map(({ retained }) => retained),
    [true],
  );
});

test('a deletionPolicy that can not be read takes no protection away', async () => {
  const desk = setUp(spec(5, { deletionPolicy: 'Retain' }));
  await desk.run();
  desk.save(spec(5, { deletionPolicy: 'RetainForever' }), 2);
  desk.sent.length = 0;
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Invalid');
  assert.equal(desk.writes(), ['PUT licensesettings/status']);
  desk.save(spec(5), 3);
  await desk.run();
  const [map] = desk.world.configMaps.values();
  assert.is(map?.metadata.ownerReferences?.length, 1, 'left out it is Delete');
});

test('a ConfigMap whose write is refused does not keep the others from being healed', async () => {
  const desk = await editedBesideAnother();
  desk.change(desk.system);
  desk.change(desk.zone);
  desk.faults.push(({ method, path }) =>
    method === 'PUT' && path.endsWith('/pom-licenses') ? new ApiError('refused', { code: 403 }) : undefined,
  );
  const { event } = await desk.run();
  assert.is(desk.reasonOf('Applied'), 'WriteRejected');
  assert.match(event?.note.note ?? '', 'pom-licenses-a ');
  assert.not.equal(desk.world.configMaps.get('dialer/pom-licenses-a')?.dataHash, 'edited');
});

test('the record of what is live that had lost our label is believed when it is found, also where the newest is invalid', async () => {
  const desk = setUp();
  await desk.run();
  desk.save(spec(6), 2);
  desk.faults.push(({ resource }) =>
    resource === 'licensesettings/status' ? new ApiError('no', { code: 409 }) : undefined,
  );
  await desk.run();
  desk.faults.length = 0;
  const map = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
  desk.world.configMaps.remove({ ...map, metadata: { ...map.metadata, resourceVersion: desk.next() } });
  const path = '/api/v1/namespaces/dialer/configmaps/pom-licenses';
  const stored = desk.stored.get(path) as { metadata: ObjectMeta };
  desk.stored.set(path, { ...stored, metadata: { ...stored.metadata, labels: {}, resourceVersion: desk.next() } });
  desk.save({ licenses: { outboundPorts: { minimum: 9, maximum: 1 } } }, 3);
  assert.is((await desk.run()).result, 'stale');
  await desk.run();
  assert.equal([desk.reasonOf('Valid'), desk.status()?.applied?.generation], ['Invalid', 2]);
  assert.match(desk.world.configMaps.get('dialer/pom-licenses')?.record ?? '', '"maximum":6');
});

test('what lies in the cache without our label is not asked for while there is nothing to write', async () => {
  const desk = await withoutLabels();
  const { metadata } = desk.world.settings.get(key) as LicenseSettings;
  // A lost status, and nothing approved: with zones nothing is live then.
  const pending = { ...metadata, generation: 2, resourceVersion: desk.next() };
  desk.world.settings.put({ metadata: pending, spec: zoned(3, 1, { applyPolicy: 'Manual' }) });
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'ApplyPending');
  desk.sent.length = 0;
  await desk.run();
  assert.equal(desk.sent, []);
});

test('under Retain a zone that lost the uid of its owner is still the one that was live: it goes down before the system comes back', async () => {
  const desk = setUp(zoned(3, 2, { deletionPolicy: 'Retain' }));
  desk.faults.push(noConfigMap);
  await desk.run();
  const b = desk.world.configMaps.get('dialer/pom-licenses-b') as StoredConfigMap;
  const metadata = { ...b.metadata, annotations: {}, resourceVersion: desk.next() };
  desk.world.configMaps.put({ ...b, metadata });
  desk.save(spec(5, { deletionPolicy: 'Retain', settleSeconds: 100 }), 2);
  assert.is((await desk.run()).again, 100_000);
  assert.equal([givenTo(desk, 'a'), givenTo(desk, 'b')], [0, 0]);
});

const requests = suite('requests of the operator');

requests('every write is fenced, an event too; what is read is not; and all are broken off with the term', async () => {
  const sent: Request[] = [];
  const metadata = { name: 'pom', namespace: 'dialer', uid: 'uid-1', resourceVersion: '1' };
  const client: Client = {
    async request<T>(request: Request): Promise<T> {
      sent.push(request);
      return { metadata } as T;
    },
    // biome-ignore lint/correctness/useYield: nothing watches here
    async *lines() {
      throw new Error('nothing watches here');
    },
    close: async () => {},
  };
  const fence = () => 1_000;
  const { signal: lost } = new AbortController();
  const whole = createApi(client, { fence, lost });
  const api = whole.in('dialer');
  const rendered = { name: 'pom', data: {}, dataHash: '' };
  const [owner, want] = [
    { name: 'pom', uid: 'uid-1' },
    { rendered, generation: 1, retained: false },
  ];
  const map = projectConfigMap({ metadata });
  await api.getSettings('pom');
  await api.putStatus({ metadata }, {});
  await api.getConfigMap('pom');
  await api.createConfigMap(owner, want);
  await api.updateConfigMap(map, owner, want);
  await api.relabelConfigMap(map, owner, want);
  await api.deleteConfigMap(map);
  await whole.createEvent('dialer', {});
  const fenced = sent.map((request) => `${request.method} ${request.fence === fence ? 'fenced' : 'free'}`);
  assert.equal(fenced, [
    ...['GET free', 'PUT fenced', 'GET free', 'POST fenced', 'PUT fenced'],
    ...['GET free', 'PUT fenced', 'DELETE fenced', 'POST fenced'],
  ]);
  assert.ok(sent.every(({ signal }) => signal === lost));
});

requests('of an object is kept what a reconcile reads: fields that were pruned, whether it holds binary data', () => {
  const metadata = { name: 'pom', namespace: 'dialer', uid: 'uid-1', resourceVersion: '1' };
  const managedFields = [{ fieldsV1: { 'f:spec': { 'f:weekend': {} } } }];
  const settings = projectSettings({ metadata: { ...metadata, managedFields } });
  assert.equal([settings.hidden, settings.metadata.managedFields], [[missed('spec.weekend', false)], undefined]);
  assert.is(projectSettings({ metadata }).hidden, undefined);
  const binary = (binaryData?: object) => projectConfigMap({ metadata, ...(binaryData ? { binaryData } : {}) }).binary;
  assert.equal([binary(), binary({}), binary({ 'a.bin': 'AA==' })], [false, false, true]);
});
