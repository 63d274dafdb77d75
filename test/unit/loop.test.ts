/** What the loop hands on and what it forgets: retries, waits, turns, events, resyncs and terms, on a virtual clock. */
import * as assert from 'uvu/assert';
import { configMapsPath, settingsPath } from '../../src/controller/requests.ts';
import { createController } from '../../src/controller/controller.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import type { KubeObject, ObjectMeta } from '../../src/kube/object.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { dataHash } from '../../src/settings/hash.ts';
import { suite } from '../suite.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';

type Stored = KubeObject & { spec?: unknown; status?: { configMaps?: unknown }; data?: Record<string, string> };
type Event = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR'; object: object };
type Line = { time: number; msg: string; level: string; key: string; priority: string; result: string };

const fence = () => 10_000;
const minutes = 60_000;
const resync = 10 * minutes;
const ports = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
const zoned = (a: number, b: number) =>
  ports(5, {
    zones: [
      { name: 'a', licenses: { outboundPorts: a } },
      { name: 'b', licenses: { outboundPorts: b } },
    ],
    settleSeconds: 100,
  });

/** One controller, and an API server that stores what it is sent and tells its watches nothing unless told to. */
function setUp({ seed = 1, workers = 4, fence }: { seed?: number; workers?: number; fence?: () => number } = {}) {
  const clock = createVirtualClock({ seed });
  let version = 100;
  const stored = new Map<string, Stored>();
  const sent: (Request & { at: number })[] = [];
  const lines: Line[] = [];
  const watches = new Map<string, { events: Event[]; wake: () => void }>();
  let answer: (request: Request) => unknown = () => undefined;
  const put = (path: string, object: object): Stored => {
    const { metadata } = object as Stored;
    const next = { ...object, metadata: { ...metadata, resourceVersion: String(++version) } };
    stored.set(path, next);
    return next;
  };
  const client: Client = {
    async request<T>(request: Request): Promise<T> {
      sent.push({ ...request, at: clock.monotonic() });
      const special = await answer(request);
      if (special !== undefined) return special as T;
      const [path = '', query] = request.path.split('?');
      const body = request.body as Stored;
      if (query !== undefined) {
        const [scope, kind] = [path.split('/').slice(0, -1).join('/'), path.split('/').at(-1)];
        const items = [...stored].filter(([key]) => key.startsWith(scope) && key.split('/').at(-2) === kind);
        return { metadata: { resourceVersion: String(version) }, items: items.map(([, object]) => object) } as T;
      }
      if (request.method === 'GET') {
        const found = stored.get(path);
        if (!found) throw new ApiError('not found', { code: 404 });
        return found as T;
      }
      if (request.method === 'DELETE') stored.delete(path);
      if (request.method === 'DELETE' || request.resource === 'events') return { metadata: {} } as T;
      if (request.method === 'POST') {
        const metadata = { ...body.metadata, uid: `uid-${body.metadata.name}` };
        return put(`${path}/${body.metadata.name}`, { ...body, metadata }) as T;
      }
      if (!path.endsWith('/status')) return put(path, body) as T;
      const place = path.slice(0, -'/status'.length);
      return put(place, { ...stored.get(place), status: body.status }) as T;
    },
    async *lines(request) {
      const { path, resource, signal } = request;
      sent.push({ ...request, method: 'GET', at: clock.monotonic() });
      // Lists come in pages here.
      if (path.includes('sendInitialEvents')) throw new ApiError('no streams', { code: 422 });
      const watch = { events: [] as Event[], wake: () => {} };
      watches.set(resource, watch);
      let isOver = false;
      const end = clock.after(45_000, () => {
        isOver = true;
        watch.wake();
      });
      signal?.addEventListener('abort', end, { once: true });
      while (!signal?.aborted && !isOver) {
        const event = watch.events.shift();
        if (event) yield JSON.stringify(event);
        else
          await new Promise<void>((resolve) => {
            watch.wake = resolve;
            signal?.addEventListener('abort', () => resolve(), { once: true });
          });
      }
    },
    close: async () => {},
  };
  const metrics = createMetrics();
  const controller = createController({
    ...{ client, clock, metrics, namespaces: ['dialer'], workers, resync, instance: 'test' },
    log: createLogger({
      level: 'debug',
      format: 'json',
      destination: { write: (line) => lines.push({ ...JSON.parse(line), time: clock.monotonic() }) },
    }),
    ...(fence ? { fence } : {}),
  });
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  const placeOf = (name: string, kind: 'licensesettings' | 'configmaps') =>
    `${kind === 'configmaps' ? configMapsPath('dialer') : settingsPath('dialer')}/${name}`;
  const tell = async (resource: string, event: Event) => {
    const watch = watches.get(resource);
    assert.ok(watch, `nobody watches ${resource}`);
    watch.events.push(event);
    watch.wake();
    await settle();
  };
  return {
    ...{ clock, sent, metrics, stored, tell, placeOf },
    /** What answers instead: undefined leaves it to the store. */
    answer(next: (request: Request) => unknown) {
      answer = next;
    },
    /** Stores settings; `told` also tells the watch. */
    async save(name: string, spec: unknown, generation = 1, told = false) {
      const known = stored.get(placeOf(name, 'licensesettings'));
      const metadata = { name, namespace: 'dialer', uid: `uid-${name}`, generation };
      const object = put(placeOf(name, 'licensesettings'), { ...known, metadata, spec });
      if (told) await tell('licensesettings', { type: known ? 'MODIFIED' : 'ADDED', object });
    },
    /** A ConfigMap as somebody changed it, told to the watch. */
    async edit(
      name: string,
      change: (map: Stored) => Partial<Omit<Stored, 'metadata'>> & { metadata?: Partial<ObjectMeta> },
    ) {
      const map = stored.get(placeOf(name, 'configmaps')) as Stored;
      const { metadata, ...rest } = change(map);
      const object = put(placeOf(name, 'configmaps'), { ...map, ...rest, metadata: { ...map.metadata, ...metadata } });
      await tell('configmaps', { type: 'MODIFIED', object });
    },
    /** What was decided since the last call: key, priority, result. */
    decisions: () =>
      lines
        .splice(0)
        .flatMap(({ msg, key, priority, result }) => (msg === 'reconciled' ? [`${key} ${priority} ${result}`] : [])),
    lines,
    writes: () =>
      sent
        .splice(0)
        .flatMap(({ method, resource, body }) =>
          method === 'GET' || resource === 'events'
            ? []
            : [`${method} ${resource.replace('licensesettings/', '')} ${(body as Stored).metadata?.name ?? ''}`.trim()],
        ),
    /** Begins to watch, as a standby does. */
    async watch() {
      running = controller.run(stop.signal);
      await clock.advance(100);
    },
    /** Begins a term, whose lease `lost` says to be lost. `end` ends it, and waits until its work has ended. */
    async lead(lost?: AbortSignal) {
      const term = new AbortController();
      let ended = false;
      const led = controller.lead(term.signal, lost).then(() => {
        ended = true;
      });
      await clock.advance(100);
      return {
        hasEnded: () => ended,
        abort: () => term.abort(),
        async end() {
          term.abort();
          await led;
        },
      };
    },
    async stop() {
      stop.abort();
      await running;
    },
  };
}

/** A controller that leads, over settings that are live. */
async function settled(specs: Record<string, unknown> = { pom: ports(5) }, options: Parameters<typeof setUp>[0] = {}) {
  const desk = setUp(options);
  for (const [name, spec] of Object.entries(specs)) await desk.save(name, spec);
  await desk.watch();
  const term = await desk.lead();
  await desk.clock.advance(1_000);
  desk.writes();
  desk.decisions();
  return { ...desk, term };
}

const test = suite('loop');

test('what the first list has is less urgent than a change', async () => {
  const desk = setUp();
  await desk.save('pom', ports(5));
  // Without an election both begin together.
  const term = await desk.lead();
  await desk.watch();
  assert.equal(desk.decisions()[0], 'dialer/pom resync written');
  await desk.save('pom', ports(6), 2, true);
  await desk.clock.advance(100);
  assert.equal(desk.decisions()[0], 'dialer/pom fresh written');
  await term.end();
  await desk.stop();
});

test('when the lease is lost what is in flight is broken off, and not when the process is asked to end', async () => {
  const desk = setUp({ fence });
  await desk.save('pom', ports(5));
  const lost = new AbortController();
  await desk.watch();
  const term = await desk.lead(lost.signal);
  const requests = desk.sent.filter(({ path }) => !path.includes('?'));
  assert.ok(requests.length >= 2);
  for (const { signal } of requests) assert.is(signal, lost.signal);
  await term.end();
  await desk.stop();
});

test('only ConfigMaps that say that they are ours are listed and watched', async () => {
  const desk = setUp();
  await desk.watch();
  const paths = desk.sent.filter(({ resource }) => resource === 'configmaps').map(({ path }) => path);
  assert.ok(paths.length >= 2);
  for (const path of paths) assert.match(decodeURIComponent(path), 'labelSelector=app.kubernetes.io/managed-by=');
  await desk.stop();
});

test('every object is looked at again after about the resync, and not all replicas at the same moment', async () => {
  const times = new Set<number>();
  for (const seed of [1, 2, 3]) {
    const desk = await settled({ pom: ports(5), two: ports(6) }, { seed });
    desk.lines.length = 0;
    await desk.clock.advance(resync * 1.15);
    const looks = desk.lines.filter(({ msg }) => msg === 'reconciled');
    assert.equal(looks.map(({ key, priority, result }) => `${key} ${priority} ${result}`).sort(), [
      'dialer/pom resync unchanged',
      'dialer/two resync unchanged',
    ]);
    const [{ time } = { time: 0 }] = looks;
    assert.ok(time >= resync * 0.9 && time <= resync * 1.1 + 5_000, `${time}`);
    times.add(time);
    await desk.clock.advance(resync * 1.15);
    assert.is(desk.decisions().length, 4, 'and again');
    await desk.term.end();
    await desk.stop();
  }
  assert.is(times.size, 3);
});

test('a Retry-After is waited for', async () => {
  const desk = await settled();
  desk.answer(({ method, resource }) => {
    if (method === 'PUT' && resource === 'configmaps') throw new ApiError('busy', { code: 429, retryAfter: 30_000 });
    return undefined;
  });
  await desk.save('pom', ports(6), 2, true);
  await desk.clock.advance(29_000);
  assert.is(desk.writes().filter((one) => one.startsWith('PUT configmaps')).length, 1);
  await desk.clock.advance(2_000);
  assert.is(desk.writes().filter((one) => one.startsWith('PUT configmaps')).length, 1);
  await desk.term.end();
  await desk.stop();
});

test('a success makes the next backoff small again', async () => {
  const desk = await settled();
  let away = true;
  desk.answer(({ method, resource }) => {
    if (away && method === 'PUT' && resource === 'configmaps') throw new ApiError('away', { code: 503 });
    return undefined;
  });
  await desk.save('pom', ports(6), 2, true);
  await desk.clock.advance(60_000);
  away = false;
  await desk.clock.advance(10_000);
  assert.equal(desk.writes().slice(-2), ['PUT configmaps pom-licenses', 'PUT status pom']);
  away = true;
  for (const generation of [3, 4, 5, 6, 7, 8, 9, 10]) {
    away = true;
    await desk.save('pom', ports(generation + 4), generation, true);
    const before = desk.sent.length;
    await desk.clock.advance(101);
    assert.ok(desk.sent.length > before, 'the first try again comes within 100 ms');
    away = false;
    await desk.clock.advance(10_000);
  }
  await desk.term.end();
  await desk.stop();
});

test('a plan that waits for its dialers is looked at when the wait is over', async () => {
  const desk = await settled({ pom: zoned(3, 2) });
  await desk.clock.advance(3 * minutes);
  await desk.save('pom', zoned(2, 3), 2, true);
  await desk.clock.advance(99_000);
  assert.is(desk.writes().at(-1), 'PUT configmaps pom-licenses');
  await desk.clock.advance(2_000);
  assert.equal(desk.writes(), ['PUT configmaps pom-licenses-b', 'PUT status pom']);
  await desk.term.end();
  await desk.stop();
});

test('a view that was stale is looked at again with what was read', async () => {
  const desk = await settled();
  // The watch of the settings is behind.
  await desk.save('pom', ports(6), 2);
  await desk.edit('pom-licenses', ({ metadata }) => ({
    metadata: { annotations: { ...metadata.annotations, 'licensing.dialer.dev/generation': '2' } },
  }));
  await desk.clock.advance(100);
  assert.equal(desk.writes(), ['PUT configmaps pom-licenses', 'PUT status pom']);
  await desk.term.end();
  await desk.stop();
});

test('a rollout gets its turn, behind all other work', async () => {
  const desk = await settled({ pom: ports(5) }, { fence });
  await desk.term.end();
  const place = desk.placeOf('pom', 'licensesettings');
  const object = desk.stored.get(place) as Stored;
  const data = { 'licenses.json': 'as an older release wrote it' };
  const status = { ...object.status, configMaps: [{ name: 'pom-licenses', dataHash: dataHash(data) }] };
  desk.stored.set(place, { ...object, status });
  await desk.save('pom', ports(5), 1, true);
  await desk.edit('pom-licenses', () => ({ data }));
  const term = await desk.lead();
  await desk.clock.advance(1_000);
  assert.equal(desk.decisions().slice(0, 2), ['dialer/pom resync later', 'dialer/pom background written']);
  assert.equal(desk.writes(), ['PUT configmaps pom-licenses', 'PUT status pom']);
  await term.end();
  await desk.stop();
});

test('each transition is an event; one that can not be sent fails nothing', async () => {
  const desk = await settled();
  let refused = 0;
  desk.answer(({ resource }) => {
    if (resource !== 'events') return undefined;
    refused++;
    throw new ApiError('forbidden', { code: 403 });
  });
  await desk.save('pom', ports(6), 2, true);
  await desk.clock.advance(100);
  assert.is(refused, 1);
  assert.equal(desk.decisions(), ['dialer/pom fresh written']);
  assert.match((await desk.metrics.render()).body, /^license_settings_events_failed_total 1$/m);
  desk.answer(() => undefined);
  desk.sent.length = 0;
  await desk.save('pom', ports(7), 3, true);
  await desk.clock.advance(100);
  assert.equal(
    desk.sent.filter(({ resource }) => resource === 'events').map(({ body }) => (body as { reason: string }).reason),
    ['Applied'],
  );
  await desk.term.end();
  await desk.stop();
});

test('a ConfigMap finds its settings by its owner where its label is gone, and by its label where its owner is', async () => {
  for (const metadata of [{ ownerReferences: [] }, { labels: {} }] as Partial<ObjectMeta>[]) {
    const desk = await settled();
    const place = desk.placeOf('pom-licenses', 'configmaps');
    const stored = desk.stored.get(place) as Stored;
    const edited = { ...stored, metadata: { ...stored.metadata, ...metadata, resourceVersion: '9000' } };
    desk.stored.set(place, edited);
    // As when the label that the watch selects is taken off: nothing else says whose it was.
    await desk.tell('configmaps', { type: 'DELETED', object: edited });
    await desk.clock.advance(100);
    assert.equal(desk.writes(), ['PUT configmaps pom-licenses'], JSON.stringify(metadata));
    await desk.term.end();
    await desk.stop();
  }
});

for (const edit of [undefined, 'other'])
  test(`under Retain the label that names the settings is ${edit ? 'changed' : 'removed'}: the owner is looked at`, async () => {
    const desk = await settled({ pom: ports(5, { deletionPolicy: 'Retain' }) });
    await desk.edit('pom-licenses', ({ metadata: { labels } }) => {
      const { 'licensing.dialer.dev/settings': _, ...rest } = labels ?? {};
      return {
        metadata: { labels: { ...rest, ...(edit ? { 'licensing.dialer.dev/settings': edit } : {}) } },
        data: { OUTBOUND_PORTS_CAPACITY: '999' },
      };
    });
    await desk.clock.advance(60_000);
    assert.ok(desk.writes().includes('PUT configmaps pom-licenses'), 'healed');
    await desk.term.end();
    await desk.stop();
  });

test('events that get no answer take no connections from writes and the lease, and what waits is bounded', async () => {
  const desk = setUp();
  for (let n = 0; n < 1_200; n++) await desk.save(`o${n}`, ports(5));
  let [events, most, asked] = [0, 0, 0];
  desk.answer(async ({ resource, deadline = 15_000 }) => {
    if (resource !== 'events') return undefined;
    asked++;
    most = Math.max(most, ++events);
    await new Promise<void>((resolve) => desk.clock.after(deadline, resolve));
    events--;
    throw new ApiError('away', { code: 0, reason: 'NoAnswer' });
  });
  await desk.watch();
  const term = await desk.lead();
  await desk.clock.advance(1_000);
  assert.is(asked, 2);
  assert.match((await desk.metrics.render()).body, /^license_settings_events_dropped_total\{cause="full"\} 200$/m);
  await desk.clock.advance(6_000);
  assert.ok(asked > 2, 'the next ones have their turn');
  assert.is(most, 2);
  await term.end();
  await desk.stop();
});

for (const workers of [1, 4]) {
  test(`no event is sent before the last status of a backlog, with ${workers} at work`, async () => {
    const desk = setUp({ workers });
    for (let n = 0; n < 200; n++) await desk.save(`o${n}`, ports(5));
    // Requests take their time, and not all the same.
    desk.answer(async () => {
      await new Promise<void>((resolve) => desk.clock.after(1 + 20 * desk.clock.random(), resolve));
      return undefined;
    });
    await desk.watch();
    const term = await desk.lead();
    await desk.clock.advance(20_000);
    const order = desk.sent.flatMap(({ method, resource }) => (method === 'GET' ? [] : resource));
    assert.is(order.filter((one) => one === 'events').length, 200);
    assert.equal(new Set(order.slice(0, 400)), new Set(['configmaps', 'licensesettings/status']));
    await term.end();
    await desk.stop();
  });
}

test('a rollout does not hold events up', async () => {
  const desk = await settled({ pom: ports(5), two: ports(5) }, { fence });
  await desk.term.end();
  const place = desk.placeOf('pom', 'licensesettings');
  const object = desk.stored.get(place) as Stored;
  const data = { 'licenses.json': 'as an older release wrote it' };
  const status = { ...object.status, configMaps: [{ name: 'pom-licenses', dataHash: dataHash(data) }] };
  desk.stored.set(place, { ...object, status });
  await desk.save('pom', ports(5), 1, true);
  await desk.edit('pom-licenses', () => ({ data }));
  // Its write takes long: a worker is at work all the time.
  desk.answer(({ method, path }) =>
    method === 'PUT' && path.endsWith('/pom-licenses')
      ? new Promise<void>((resolve) => desk.clock.after(20_000, resolve))
      : undefined,
  );
  const term = await desk.lead();
  desk.sent.length = 0;
  await desk.save('two', ports(6), 2, true);
  await desk.clock.advance(1_000);
  assert.equal(desk.decisions().sort(), [
    'dialer/pom resync later',
    'dialer/two fresh written',
    'dialer/two resync unchanged',
  ]);
  assert.is(desk.sent.filter(({ resource }) => resource === 'events').length, 1);
  await desk.clock.advance(30_000);
  await term.end();
  await desk.stop();
});

test('a ConfigMap that is deleted is created again, whether its event says so or the next list', async () => {
  for (const how of ['event', 'list']) {
    const desk = await settled();
    const place = desk.placeOf('pom-licenses', 'configmaps');
    const object = desk.stored.get(place) as Stored;
    desk.stored.delete(place);
    if (how === 'event') await desk.tell('configmaps', { type: 'DELETED', object });
    else await desk.tell('configmaps', { type: 'ERROR', object: { code: 410 } });
    await desk.clock.advance(1_000);
    assert.equal(desk.writes(), ['POST configmaps pom-licenses'], how);
    await desk.term.end();
    await desk.stop();
  }
});

test('an object with much to do goes behind the others of its lane after each turn, at its own priority', async () => {
  const zones = Array.from({ length: 64 }, (_, i) => ({ name: `z${i}`, licenses: { outboundPorts: 1 } }));
  const desk = setUp({ workers: 1 });
  await desk.save('pom', ports(100, { zones }));
  await desk.save('two', ports(5));
  await desk.watch();
  const term = await desk.lead();
  await desk.clock.advance(1_000);
  assert.equal(desk.decisions(), [
    ...['dialer/pom resync more', 'dialer/two resync written'],
    ...['dialer/pom resync more', 'dialer/pom resync more', 'dialer/pom resync written'],
  ]);
  const writes = desk.writes();
  assert.ok(writes.indexOf('PUT status two') < writes.indexOf('POST configmaps pom-licenses-z0'));
  assert.is(writes.filter((one) => one === 'PUT status pom').length, 2);
  await term.end();
  await desk.stop();
});

test('an object that meets a defect of ours is tried again, slowly, and delays no other', async () => {
  const desk = await settled({ pom: ports(5), two: ports(5) });
  let broken = true;
  desk.answer(({ method, path }) => {
    if (broken && method === 'PUT' && path.endsWith('/pom-licenses')) throw new TypeError('a defect');
    return undefined;
  });
  await desk.save('pom', ports(6), 2, true);
  await desk.save('two', ports(6), 2, true);
  await desk.clock.advance(500);
  assert.ok(desk.writes().includes('PUT configmaps two-licenses'));
  broken = false;
  await desk.clock.advance(2 * minutes);
  assert.equal(desk.writes(), ['PUT configmaps pom-licenses', 'PUT status pom']);
  await desk.term.end();
  await desk.stop();
});

test('a conflict is part of the work: no warning', async () => {
  const desk = await settled();
  desk.answer(({ method, resource }) => {
    if (method === 'PUT' && resource === 'configmaps')
      throw new ApiError('conflict', { code: 409, reason: 'Conflict' });
    return undefined;
  });
  await desk.save('pom', ports(6), 2, true);
  await desk.clock.advance(1_000);
  assert.ok(desk.lines.length > 1);
  assert.equal(
    desk.lines.filter(({ level }) => level === 'warn'),
    [],
  );
  await desk.term.end();
  await desk.stop();
});

const terms = suite('term');

terms('a new leader lists anew before it writes, and looks at every object', async () => {
  const desk = setUp({ fence });
  await desk.save('pom', ports(5));
  await desk.save('two', ports(5));
  await desk.watch();
  for (const expected of ['written', 'unchanged']) {
    desk.sent.length = 0;
    const term = await desk.lead();
    await desk.clock.advance(1_000);
    const kinds = desk.sent.map(({ method, resource }) => `${method} ${resource}`);
    assert.equal(kinds.slice(0, 2).sort(), ['GET configmaps', 'GET licensesettings']);
    const looked = desk.decisions().filter((one) => one.endsWith(` resync ${expected}`));
    assert.equal(looked.sort(), [`dialer/pom resync ${expected}`, `dialer/two resync ${expected}`]);
    await term.end();
  }
  await desk.stop();
});

terms('it does not end before what was in flight is finished', async () => {
  const desk = await settled({ pom: ports(5) }, { fence });
  let finish = () => {};
  desk.answer(({ method, resource }) =>
    method === 'PUT' && resource === 'configmaps'
      ? new Promise<void>((resolve) => {
          finish = resolve;
        })
      : undefined,
  );
  await desk.save('pom', ports(6), 2, true);
  await desk.clock.advance(100);
  desk.term.abort();
  await desk.clock.advance(3_000);
  assert.is(desk.term.hasEnded(), false);
  finish();
  await desk.clock.advance(10);
  assert.is(desk.term.hasEnded(), true);
  await desk.stop();
});

terms('when it has ended nothing of it goes on: no timer, no write', async () => {
  const desk = setUp({ fence });
  await desk.save('pom', ports(5));
  await desk.watch();
  const before = desk.clock.pending;
  const term = await desk.lead();
  await desk.clock.advance(1_000);
  await term.end();
  assert.is(desk.clock.pending, before);
  desk.writes();
  await desk.save('pom', ports(6), 2, true);
  await desk.clock.advance(2 * resync);
  assert.equal(desk.writes(), []);
  await desk.stop();
});

terms('it takes over the plan of the one before with an epoch of its own: nothing is remembered', async () => {
  const desk = await settled({ pom: zoned(3, 2) }, { fence });
  await desk.save('pom', zoned(2, 3), 2, true);
  await desk.clock.advance(1_000);
  const epoch = () =>
    desk.stored.get(desk.placeOf('pom-licenses-a', 'configmaps'))?.metadata.annotations?.['licensing.dialer.dev/epoch'];
  assert.is(epoch(), undefined, 'whoever began it stamps nothing');
  await desk.term.end();
  const epochs = new Set<string | undefined>();
  for (let n = 0; n < 2; n++) {
    const term = await desk.lead();
    await desk.clock.advance(1_000);
    epochs.add(epoch());
    await term.end();
  }
  assert.is(epochs.size, 2);
  assert.ok(!epochs.has(undefined));
  await desk.stop();
});
