/** Whatever one object holds, at most that object suffers: no handler of lists and watch events ends them. */
import * as assert from 'uvu/assert';
import { kindsIn } from '../../src/controller/kinds.ts';
import {
  indexConfigMap,
  type LicenseSettings,
  type StoredConfigMap,
  unreadableConfigMap,
  unreadableSettings,
} from '../../src/controller/objects.ts';
import { Barrier, type Client, createScope, isolate, type KubeObject, Store } from '../../src/kube/index.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { observeWatch } from '../../src/observe/watch-trouble.ts';
import { validate } from '../../src/settings/validate.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, plainOf } from '../support/flow-desk.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

type Event = { type: string; object: { metadata: object } };

const metadata = (name: string, version: number, more: object = {}) => ({
  ...{ name, namespace: 'dialer', uid: `uid-${name}`, resourceVersion: String(version), generation: 1 },
  ...more,
});
/** What no API server should send, and anything in between may. */
const odd: unknown[] = [null, 5, 'x', true, [], [null], [5], {}, { a: null }, { a: { b: [] } }];
const oddObjects = (from: number) => {
  let version = from;
  const of = (field: string, value: unknown, inMetadata: boolean) => {
    const name = `odd-${++version}`;
    const more = { [field]: value };
    return inMetadata ? { metadata: metadata(name, version, more) } : { metadata: metadata(name, version), ...more };
  };
  return [
    ...['labels', 'annotations', 'ownerReferences', 'managedFields', 'finalizers', 'deletionTimestamp'].flatMap(
      (field) => odd.map((value) => of(field, value, true)),
    ),
    ...['spec', 'status', 'data', 'binaryData', 'immutable'].flatMap((field) =>
      odd.map((value) => of(field, value, false)),
    ),
  ];
};

/** A scope whose two watches get `listed` and then `events`, both of any shape. */
function setUp(listed: readonly object[], events: readonly Event[]) {
  const clock = createVirtualClock();
  const metrics = createMetrics();
  const lines: { msg: string; key?: string }[] = [];
  let lists = 0;
  const client: Client = {
    async request<T>(): Promise<T> {
      lists++;
      return { metadata: { resourceVersion: '1000' }, items: listed } as T;
    },
    async *lines({ path, signal }) {
      if (path.includes('sendInitialEvents')) {
        lists++;
        for (const object of listed) yield JSON.stringify({ type: 'ADDED', object });
        const annotations = { 'k8s.io/initial-events-end': 'true' };
        yield JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '1000', annotations } } });
      }
      for (const event of events) yield JSON.stringify(event);
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
    },
    close: async () => {},
  };
  const settings = new Store<LicenseSettings>();
  const configMaps = new Store<StoredConfigMap>(indexConfigMap);
  const changed: string[] = [];
  const log = createLogger({
    level: 'info',
    format: 'json',
    destination: { write: (line) => lines.push(JSON.parse(line)) },
  });
  const scope = createScope(
    {
      ...{ client, clock, namespace: 'dialer', timing: {}, currentFor: 60_000, barrier: new Barrier() },
      observer: (place) => observeWatch({ log, metrics, clock }, place),
      onChange: (key) => changed.push(key),
      onWentBack: () => undefined,
    },
    kindsIn({ settings, configMaps }),
  );
  const stop = new AbortController();
  const running = scope.run(stop.signal);
  return {
    ...{ clock, changed, configMaps, lines, metrics, scope, settings },
    lists: () => lists,
    async stop() {
      stop.abort();
      await running;
    },
  };
}

const test = suite('isolation');

test('R9.20 no object of a list or an event can end a list or a watch', async () => {
  const before = oddObjects(100);
  const listed = [...before, { metadata: metadata('pom', 999), data: { a: 'b' } }];
  const events = [
    ...oddObjects(1_000).map((object) => ({ type: 'ADDED', object })),
    ...oddObjects(2_000).map((object) => ({ type: 'MODIFIED', object })),
    ...oddObjects(3_000).map((object) => ({ type: 'DELETED', object })),
    { type: 'ADDED', object: { metadata: metadata('last', 5_000), data: { a: 'b' } } },
  ];
  const desk = setUp(listed, events);
  await desk.clock.advance(30_000);
  assert.is(desk.lists(), 2, 'each watch lists once');
  assert.not.match((await desk.metrics.render()).body, 'watch_restarts_total{');
  for (const store of [desk.settings, desk.configMaps]) {
    for (const name of ['pom', 'last']) assert.ok(store.get(`dialer/${name}`), name);
    assert.is(store.size, before.length * 3 + 2, 'all but those that are gone');
  }
  assert.ok(desk.changed.includes('dialer/last'));
  assert.ok(desk.scope.watches().every(({ synced }) => synced));
  await desk.stop();
});

test('R9.21 a ConfigMap that can not be read is told, once a minute, counted, and nobody has it', async () => {
  const owned = metadata('pom-licenses', 2, { ownerReferences: 5, labels: { 'licensing.dialer.dev/settings': 'pom' } });
  const again = { ...owned, resourceVersion: '1001' };
  const desk = setUp([{ metadata: owned, data: {} }], [{ type: 'MODIFIED', object: { metadata: again } }]);
  await desk.clock.advance(1_000);
  const kept = desk.configMaps.get('dialer/pom-licenses');
  assert.equal(kept?.metadata, {
    ...{ name: 'pom-licenses', namespace: 'dialer', uid: 'uid-pom-licenses', resourceVersion: '1001', generation: 1 },
  });
  const told = desk.lines.filter(({ msg }) => msg.startsWith('an object can not be read'));
  assert.equal(
    told.map(({ key }) => key),
    ['dialer/pom-licenses'],
  );
  const { body } = await desk.metrics.render();
  assert.match(body, /^license_settings_unreadable_objects_total\{resource="configmaps"\} 2$/m);
  await desk.stop();
});

test('R9.24 what is kept of an unreadable object says which it is, and holds nothing that anybody wrote on it', () => {
  const hostile = metadata('pom', 1, {
    labels: {},
    annotations: {},
    ownerReferences: [],
    managedFields: [],
    deletionTimestamp: 'now',
  });
  const identity = metadata('pom', 1, { deletionTimestamp: 'now' });
  const status = { observedGeneration: 1 };
  const object = { metadata: hostile, spec: 'spec', status, data: {} } as unknown as LicenseSettings;
  assert.equal(unreadableSettings(object, 'why'), { metadata: identity, spec: 'spec', status, unreadable: 'why' });
  assert.equal(unreadableConfigMap(object).metadata, identity);
});

test('R9.21 a LicenseSettings that can not be read is invalid, and its status says so', () => {
  const spec = { licenses: { outboundPorts: { minimum: 1, maximum: 2 } } };
  const { errors, spec: valid } = validate({ name: 'pom', spec, unreadable: 'RangeError: too deep' });
  assert.is(valid, undefined);
  assert.equal(
    errors.map(({ field, reason }) => `${reason} ${field}`),
    ['InvalidValue metadata'],
  );
  assert.match(errors[0]?.message ?? '', /can not read this object \(RangeError: too deep\): write it anew/);
});

test('R9.21 what is live of a LicenseSettings that can not be read any more stays, and nothing else is written', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  await desk.run();
  desk.save(plainOf(9));
  const cached = desk.world.settings.get('dialer/pom');
  assert.ok(cached);
  desk.world.settings.replace([{ ...unreadableSettings(cached, 'RangeError'), spec: plainOf(9) }], '1000', 'dialer');
  desk.writes();
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Invalid');
  assert.match(JSON.stringify(desk.status()?.errors), /can not read this object \(RangeError\)/);
  assert.is(desk.ports('pom-licenses'), '5');
  await desk.run();
  assert.is(desk.writes().filter((one) => one.includes('configmaps')).length, 0);
});

test('what is read is kept as it was read, and nothing is told', () => {
  const object = { metadata: metadata('pom', 1) };
  const kept = { metadata: metadata('kept', 1) };
  const told: string[] = [];
  const read = isolate<KubeObject>(
    (one) => {
      assert.is(one, object);
      return kept;
    },
    (one) => one,
    (key) => told.push(key),
  );
  assert.is(read(object), kept);
  assert.equal(told, []);
});
