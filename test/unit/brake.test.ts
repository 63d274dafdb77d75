/**
 * L4 and S10 of DESIGN section 7, state by state, on a virtual clock: what an object costs while somebody stands in the
 * way, what its status says meanwhile, and that it is whole soon after. test/e2e/brake.test.ts does the same on a real
 * API server.
 */
import * as assert from 'uvu/assert';
import { type Brakes, changedOnItsWay, createBrake, isRightNow, keepBrake, wrote } from '../../src/controller/brake.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { suite } from '../suite.ts';
import { createSmallCluster, type Seen, type Sent, type SmallCluster } from '../support/small-cluster.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const test = suite('brake');
const second = 1_000;
const minute = 60 * second;
const ports = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
const manyZones = 20;
const zoned = (count = manyZones) =>
  ports(400, {
    zones: Array.from({ length: count }, (_, n) => ({ name: `z${n}`, licenses: { outboundPorts: 10 } })),
    settleSeconds: 0,
  });
const capacity = 'OUTBOUND_PORTS_CAPACITY';
const isByOperator = (sender: string) => sender === 'operator';

/** Most requests in any 60 s. */
const mostInAMinute = (sent: readonly Sent[]): number =>
  Math.max(0, ...sent.map(({ at }) => sent.filter((one) => one.at >= at && one.at < at + minute).length));

async function setUp(spec: object) {
  const cluster = createSmallCluster();
  const dialer = cluster.desk('dialer');
  await cluster.start();
  dialer.create('pom', spec);
  await cluster.clock.advance(10 * second);
  assert.is(dialer.conditionOf('pom', 'Applied')?.status, 'True');
  cluster.taken();
  return { ...cluster, dialer };
}
type Stage = SmallCluster & { dialer: ReturnType<SmallCluster['desk']> };

const add = (key: string) => (object: Seen) => ({ ...object, data: { ...object.data, [key]: '1' } });
/** A program that puts its own number into a ConfigMap, or deletes it, as soon as the operator has written it. */
function undo(stage: Stage, name: (one: string) => boolean, how: 'edit' | 'delete' = 'edit', after = 20) {
  let going = true;
  const healer = stage.desk('dialer', 'healer');
  const strike = (one: string) => {
    if (!going || !healer.maps.get(one)) return;
    if (how === 'delete') healer.maps.remove(one);
    else healer.maps.change(one, ({ data }) => ({ data: { ...data, [capacity]: '999' } }));
  };
  stage.follow(({ object, by, resource, type }) => {
    const one = object.metadata.name;
    if (resource !== 'configmaps' || type === 'DELETED' || !isByOperator(by) || !name(one)) return;
    stage.clock.after(after, () => strike(one));
  });
  for (const one of stage.dialer.namesOfMaps()) if (name(one)) strike(one);
  return () => {
    going = false;
  };
}

type State = {
  readonly what: string;
  readonly spec: object;
  /** Begins it; gives what ends it. */
  readonly begin: (stage: Stage) => () => void;
  readonly reason: string;
  readonly says: RegExp;
  /** Writes of the first pass: one for each ConfigMap that drifted. */
  readonly firstPass?: number;
};

const states: readonly State[] = [
  {
    what: 'a ConfigMap with a finalizer of somebody is made immutable and edited',
    spec: ports(5),
    begin({ dialer }) {
      dialer.maps.change('pom-licenses', ({ data, metadata }) => ({
        ...{ immutable: true, data: { ...data, [capacity]: '999' } },
        metadata: { ...metadata, finalizers: ['example.com/hold'] },
      }));
      return () => void dialer.maps.change('pom-licenses', () => ({ metadata: { finalizers: [] } }));
    },
    reason: 'WriteFailed',
    says: /pom-licenses .*being deleted, and example\.com\/hold holds it back/,
  },
  {
    what: 'a policy makes each ConfigMap immutable',
    spec: zoned(),
    begin(stage) {
      stage.policies({ rewrite: (object) => ({ ...object, immutable: true }) });
      for (const name of stage.dialer.namesOfMaps())
        stage.dialer.maps.change(name, ({ data }) => ({ data: { ...data, [capacity]: '999' } }));
      return () => stage.policies({});
    },
    reason: 'Contested',
    says: /pom-licenses\S*: .*made immutable.*exempt ConfigMaps with the label app\.kubernetes\.io\/managed-by=license-settings-operator/,
    firstPass: 4 * (manyZones + 1),
  },
  {
    what: 'a policy adds a key',
    spec: ports(5),
    begin(stage) {
      stage.policies({ rewrite: (object) => add('EXTRA')(object as Seen) });
      stage.dialer.maps.change('pom-licenses', () => ({}));
      return () => stage.policies({});
    },
    reason: 'Contested',
    says: /pom-licenses: .*key EXTRA/,
  },
  {
    what: 'a policy takes our label away',
    spec: ports(5),
    begin(stage) {
      stage.policies({
        rewrite: (object) => ({
          ...object,
          metadata: {
            ...object.metadata,
            labels: { ...object.metadata.labels, 'app.kubernetes.io/part-of': 'theirs' },
          },
        }),
      });
      stage.dialer.maps.change('pom-licenses', () => ({}));
      return () => stage.policies({});
    },
    reason: 'Contested',
    says: /pom-licenses: .*label app\.kubernetes\.io\/part-of/,
  },
  {
    what: 'a policy refuses',
    spec: ports(5),
    begin(stage) {
      stage.dialer.maps.change('pom-licenses', add('EXTRA'));
      stage.policies({
        refuse: (object, sender) =>
          object.kind === 'ConfigMap' && isByOperator(sender) ? 'denied by policy no-maps' : undefined,
      });
      return () => stage.policies({});
    },
    reason: 'WriteRejected',
    says: /denied by policy no-maps/,
  },
  {
    what: 'a second program heals the same ConfigMap',
    spec: ports(5),
    begin: (stage) => undo(stage, () => true),
    reason: 'Contested',
    says: /pom-licenses is changed again after each write/,
  },
  {
    what: 'a second program heals all ConfigMaps of an object with zones',
    spec: zoned(),
    begin: (stage) => undo(stage, () => true),
    reason: 'Contested',
    says: /pom-licenses\S* is changed again after each write/,
    firstPass: 3 * (manyZones + 1),
  },
  {
    what: 'a second program heals each half minute',
    spec: zoned(),
    begin: (stage) => undo(stage, () => true, 'edit', 25 * second),
    reason: 'Contested',
    says: /pom-licenses\S* is changed again after each write/,
    firstPass: 3 * (manyZones + 1),
  },
  {
    what: 'a program deletes the ConfigMap again and again',
    spec: ports(5),
    begin: (stage) => undo(stage, () => true, 'delete'),
    reason: 'Contested',
    says: /pom-licenses is deleted again after each write/,
  },
];

for (const { what, spec, begin, reason, says, firstPass = 0 } of states) {
  test(`${what}: at most 30 requests in 60 s, the status says who, and it is whole 65 s after`, async () => {
    const stage = await setUp(spec);
    const end = begin(stage);
    const { clock, dialer } = stage;
    const slow = what.includes('half minute') ? 2 : 1;
    await clock.advance(slow * 15 * second + (slow - 1) * 10 * second);
    const ready = dialer.conditionOf('pom', 'Ready');
    assert.equal([ready?.status, ready?.reason], ['False', reason], ready?.message);
    assert.match(ready?.message ?? '', says);
    assert.is(dialer.conditionOf('pom', 'Applied')?.status, 'False');
    const statuses = new Set<string>();
    for (let passed = 0; passed < 10 * minute; passed += second) {
      await clock.advance(second);
      statuses.add(JSON.stringify(dialer.settings.get('pom')?.status?.conditions));
    }
    const sent = stage.taken();
    const later = sent.slice(firstPass);
    assert.ok(mostInAMinute(later) <= 30, `${mostInAMinute(later)} requests in 60 s`);
    assert.is(statuses.size, 1, `the status says one thing all the time: ${[...statuses].join('\n')}`);
    end();
    await clock.advance(65 * second);
    assert.is(dialer.conditionOf('pom', 'Ready')?.status, 'True', dialer.conditionOf('pom', 'Ready')?.message);
    for (const name of dialer.namesOfMaps()) {
      const { data = {}, immutable } = dialer.maps.get(name) as Seen;
      assert.equal([data['EXTRA'], data[capacity] === '999', immutable ?? false], [undefined, false, false], name);
    }
    stage.taken();
    await clock.advance(2 * minute);
    assert.equal(stage.taken(), [], 'and at rest');
    await stage.stop();
  });
}

test('somebody rewrites the status each time: at most 30 requests in 60 s, and it says what is so a minute after', async () => {
  const stage = await setUp(ports(5));
  const { clock, dialer, follow, server } = stage;
  let going = true;
  const rewrite = () => {
    const object = server.get('licensesettings', 'dialer', 'pom') as Seen;
    const path = '/apis/licensing.dialer.dev/v1/namespaces/dialer/licensesettings/pom/status';
    const conditions = object.status?.conditions?.map((one) => ({ ...one, message: 'all is well' }));
    if (going)
      server.handle({ method: 'PUT', path, body: { ...object, status: { ...object.status, conditions } } }, 'x');
  };
  follow(({ resource, by }) => {
    if (resource === 'licensesettings' && isByOperator(by)) clock.after(20, rewrite);
  });
  rewrite();
  await clock.advance(5 * minute);
  const sent = stage.taken();
  assert.ok(sent.length > 5, `${sent.length} tries`);
  assert.ok(mostInAMinute(sent) <= 30, `${mostInAMinute(sent)} requests in 60 s`);
  going = false;
  await clock.advance(65 * second);
  assert.is(dialer.conditionOf('pom', 'Ready')?.message, 'the settings of generation 1 are live');
  await stage.stop();
});

test('a status that the API server refuses was rewritten by nobody: it is written as soon as that is over', async () => {
  const { answer, clock, dialer, stop } = await setUp(ports(5));
  let refused = 0;
  let away = true;
  answer(({ method, path }) => {
    if (!away || method !== 'PUT' || !path.endsWith('/status')) return undefined;
    refused++;
    throw new ApiError('upstream connect error', { code: 503 });
  });
  dialer.save('pom', ports(6));
  await clock.advance(2 * second);
  assert.ok(refused > 3, `${refused}`);
  away = false;
  await clock.advance(6 * second);
  assert.is(dialer.conditionOf('pom', 'Ready')?.message, 'the settings of generation 2 are live');
  await stop();
});

test('an object that alone gets no answer is not hurried at each answer that another one gets', async () => {
  const { answer, clock, dialer, stop } = await setUp(ports(5));
  let asked = 0;
  answer(({ method, path, body }) => {
    const name = (body as Seen | undefined)?.metadata?.name ?? path;
    if (method === 'GET' || !name.includes('stuck')) return undefined;
    asked++;
    throw new ApiError('read ECONNRESET', { code: 0, reason: 'NoAnswer' });
  });
  dialer.create('stuck', ports(5));
  for (let n = 0; n < 300; n++) {
    dialer.save('pom', ports(6 + (n % 2)));
    await clock.advance(200);
  }
  assert.ok(asked > 8 && asked <= 40, `${asked} requests in 60 s`);
  await stop();
});

test('an approval that means nothing, as without Manual, ends no pause', async () => {
  const stage = await setUp(ports(5));
  const { clock, dialer, stop, taken } = stage;
  undo(stage, () => true);
  await clock.advance(30 * second);
  taken();
  for (let n = 0; n < 20; n++) {
    dialer.settings.change('pom', () => ({ metadata: { annotations: { 'licensing.dialer.dev/apply': String(n) } } }));
    await clock.advance(second);
  }
  assert.ok(taken().filter(({ method }) => method === 'PUT').length <= 4);
  await stop();
});

test('drift by hand is healed at once, also when it comes a second and a third time', async () => {
  const { clock, dialer, stop } = await setUp(ports(5));
  for (let n = 0; n < 4; n++) {
    dialer.maps.change('pom-licenses', add('EXTRA'));
    await clock.advance(second);
    assert.is(dialer.maps.get('pom-licenses')?.data?.['EXTRA'], undefined, `time ${n + 1}`);
    assert.is(dialer.conditionOf('pom', 'Ready')?.status, 'True');
    await clock.advance(5 * second);
  }
  await stop();
});

test('new settings end the pause: they are tried at once', async () => {
  const stage = await setUp(ports(5));
  undo(stage, () => true);
  await stage.clock.advance(5 * minute);
  stage.taken();
  stage.dialer.save('pom', ports(6));
  await stage.clock.advance(second);
  const [first] = stage.taken();
  assert.is(`${first?.method} ${first?.path}`, 'PUT /api/v1/namespaces/dialer/configmaps/pom-licenses');
  await stage.stop();
});

test('a write that once stood for half a minute, and is undone at once since: no trial a second', async () => {
  const stage = await setUp(ports(5));
  const healer = stage.desk('dialer', 'healer');
  const strike = () => healer.maps.change('pom-licenses', ({ data }) => ({ data: { ...data, [capacity]: '999' } }));
  strike();
  await stage.clock.advance(35 * second);
  undo(stage, () => true);
  await stage.clock.advance(2 * minute);
  stage.taken();
  await stage.clock.advance(3 * minute);
  const trials = stage.taken().filter(({ method }) => method === 'PUT');
  assert.ok(trials.length > 5 && mostInAMinute(trials) <= 6, `${mostInAMinute(trials)} writes in 60 s`);
  await stage.stop();
});

test('a look that comes to nothing again and again waits longer each time', async () => {
  const stage = await setUp(ports(5));
  const { clock, dialer } = stage;
  // A stamp of the future, and a server that always knows a newer generation than its watch has told.
  const known = dialer.settings.get('pom') as Seen;
  let generation = 10;
  stage.answer(({ method, path }) => {
    if (method !== 'GET' || !path.endsWith('/licensesettings/pom')) return undefined;
    const resourceVersion = String(100_000 + generation);
    return { ...known, metadata: { ...known.metadata, generation: generation++, resourceVersion } };
  });
  dialer.maps.change('pom-licenses', ({ metadata }) => ({
    metadata: { annotations: { ...metadata.annotations, 'licensing.dialer.dev/generation': '999999' } },
  }));
  await clock.advance(5 * minute);
  const sent = stage.taken();
  assert.ok(sent.length > 5, `${sent.length} looks`);
  assert.ok(mostInAMinute(sent) <= 30, `${mostInAMinute(sent)} requests in 60 s`);
  await stage.stop();
});

test('what a rename leaves behind and a finalizer holds is deleted once, and the status names the finalizer', async () => {
  const { clock, dialer, stop, taken } = await setUp(ports(5));
  dialer.maps.change('pom-licenses', () => ({ metadata: { finalizers: ['example.com/hold'] } }));
  dialer.save('pom', ports(5, { configMap: { name: 'pom-limits' } }));
  await clock.advance(15 * second);
  const ready = dialer.conditionOf('pom', 'Ready');
  assert.is(ready?.reason, 'WriteFailed');
  assert.match(ready?.message ?? '', /pom-licenses has to go first: .*example\.com\/hold/);
  await clock.advance(2 * minute);
  assert.is(taken().filter(({ method }) => method === 'DELETE').length, 1);
  dialer.maps.change('pom-licenses', () => ({ metadata: { finalizers: [] } }));
  await clock.advance(6 * second);
  assert.is(dialer.conditionOf('pom', 'Ready')?.status, 'True');
  await stop();
});

test('what is remembered of writes is forgotten when all is quiet', async () => {
  const clock = createVirtualClock();
  const brakes: Brakes = new Map();
  const keysAfter = async (milliseconds: number) => {
    await clock.advance(milliseconds);
    keepBrake(brakes, clock, 'dialer/other', createBrake());
    return [...brakes.keys()];
  };
  const [written, fought] = [createBrake(), createBrake()];
  wrote(written, clock, { name: 'pom-licenses', aim: 'x' }, () => true);
  changedOnItsWay(fought, clock, 'sites-licenses', 'the key EXTRA was added');
  keepBrake(brakes, clock, 'dialer/pom', written);
  keepBrake(brakes, clock, 'dialer/sites', fought);
  assert.equal(await keysAfter(60 * second), ['dialer/pom', 'dialer/sites']);
  assert.equal(await keysAfter(1), ['dialer/sites'], 'the write stayed');
  assert.equal(await keysAfter(10 * minute), ['dialer/sites'], 'it is still contested');
  isRightNow(fought, 'sites-licenses');
  assert.equal(await keysAfter(1), []);
});

test("a name that is someone else's is asked for alone, however many zones there are", async () => {
  const stage = createSmallCluster();
  const dialer = stage.desk('dialer');
  await stage.start();
  dialer.maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'pom-licenses-z19' } });
  dialer.create('pom', zoned());
  await stage.clock.advance(minute);
  assert.is(dialer.conditionOf('pom', 'Applied')?.reason, 'ConfigMapConflict');
  stage.taken();
  await stage.clock.advance(5 * minute);
  const sent = stage.taken();
  assert.equal([...new Set(sent.map(({ path }) => path.split('/').at(-1)))], ['pom-licenses-z19']);
  dialer.maps.remove('pom-licenses-z19');
  await stage.clock.advance(65 * second);
  assert.is(dialer.conditionOf('pom', 'Applied')?.status, 'True');
  await stage.stop();
});

test('a server that answers one object with 429 all the time is asked within the budget', async () => {
  const stage = createSmallCluster();
  const dialer = stage.desk('dialer');
  let away = true;
  stage.answer(({ method, path }) => {
    if (away && method === 'POST' && path.endsWith('/configmaps')) throw new ApiError('try later', { code: 429 });
    return undefined;
  });
  await stage.start();
  dialer.create('pom', ports(5));
  await stage.clock.advance(5 * minute);
  assert.is(dialer.conditionOf('pom', 'Applied')?.reason, 'WriteFailed');
  const sent = stage.taken();
  assert.ok(mostInAMinute(sent) <= 30, `${mostInAMinute(sent)} requests in a minute`);
  away = false;
  await stage.clock.advance(5 * second);
  assert.is(dialer.conditionOf('pom', 'Applied')?.status, 'True');
  await stage.stop();
});

test('at rest nothing is asked', async () => {
  const stage = await setUp(ports(5));
  await stage.clock.advance(20 * minute);
  assert.equal(stage.taken(), []);
  await stage.stop();
});
