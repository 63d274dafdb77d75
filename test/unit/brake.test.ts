/**
 * The brake of rule 9: by itself, and through a whole operator on a virtual clock, state by state: what an object costs while
 * somebody stands in the way, what its status says meanwhile, and that it is whole soon after. test/e2e/brake.test.ts does
 * the same on a real API server.
 */
import * as assert from 'uvu/assert';
import {
  allRight,
  beginLook,
  contestIn,
  createBrake,
  isHeldBack,
  isIdle,
  isOnTrial,
  mayWrite,
  mayWriteStatus,
  refused,
  wrote,
  wroteStatus,
} from '../../src/controller/brake.ts';
import type { Halt } from '../../src/controller/halt.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { suite } from '../suite.ts';
import { createSmallCluster, type Seen, type Sent, type SmallCluster } from '../support/small-cluster.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const test = suite('rule 9: the brake in an operator');
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

// --- By itself ---

const alone = suite('rule 9: the brake by itself');
const name = 'pom-licenses';
/** Longest pause, of those that chance may make of a round. */
const longest = { random: () => 1 };

/** A brake, a clock whose pauses are as long as they may be, and a write for the same settings each time. */
function fight() {
  const clock = Object.assign(createVirtualClock(), longest);
  const brake = createBrake();
  const attempt = (one = name, aim = 'x') => mayWrite(brake, clock, { name: one, aim, words: `${one} is changed` });
  return {
    ...{ clock, brake, attempt },
    /** Writes it, if that may be; gives the halt. */
    write(one = name, aim = 'x') {
      beginLook(brake, clock);
      const halt = attempt(one, aim);
      if (!halt) wrote(brake, clock, { name: one, aim }, () => false);
      return halt;
    },
  };
}
/** Five writes that are undone at once: the first is no repetition, four are healed at once, and then there is a pause. */
function contested() {
  const desk = fight();
  for (let n = 0; n < 5; n++) assert.is(desk.write(), undefined);
  return desk;
}
const afterOf = (halt: Halt | undefined) => (halt && 'after' in halt ? halt.after : undefined);

alone('R9.11 four undone writes are healed at once, and the fifth is not', () => {
  const { write } = contested();
  const halt = write();
  assert.equal([halt?.kind, halt && 'words' in halt && halt.words], ['contested', 'pom-licenses is changed']);
});

for (const [what, aim, after, isUndone] of [
  ['for the same settings within 60 s', 'x', minute, true],
  ['after more than 60 s', 'x', minute + 1, false],
  ['for other settings', 'y', 0, false],
] as const)
  alone(`R9.11 a write that is repeated ${what} was ${isUndone ? '' : 'not '}undone`, async () => {
    const { clock, brake, write } = fight();
    write();
    await clock.advance(after);
    write(name, aim);
    assert.is(brake.undone, isUndone ? 1 : 0);
  });

alone('R9.12 after a pause one ConfigMap is tried; the others follow when its write has stayed', async () => {
  const { clock, brake, write } = contested();
  const other = 'pom-licenses-a';
  for (let n = 0; n < 2; n++) write(other);
  const pause = afterOf(write()) ?? 0;
  await clock.advance(pause);
  let stays = true;
  beginLook(brake, clock);
  assert.is(mayWrite(brake, clock, { name, aim: 'x', words: '' }), undefined, 'the trial');
  wrote(brake, clock, { name, aim: 'x' }, () => stays);
  assert.ok(isOnTrial(brake));
  assert.is(write(other)?.kind, 'contested', 'not yet');
  await clock.advance(2_999);
  assert.is(write(other)?.kind, 'contested', 'it has to stay for 3 s');
  await clock.advance(1);
  stays = false;
  assert.is(write(other)?.kind, 'contested', 'and it has to be there still');
  stays = true;
  assert.is(write(other), undefined);
  assert.equal([brake.contests.size, isOnTrial(brake)], [0, false]);
});

for (const [stood, hold] of [
  [100, 3_000],
  [10_000, 20_000],
  [40_000, 45_000],
] as const)
  alone(`R9.12 writes that stood for ${stood} ms before have to stay for ${hold} ms`, async () => {
    const { clock, brake, attempt, write } = fight();
    for (let n = 0; n < 6; n++) {
      write();
      await clock.advance(stood);
    }
    await clock.advance(minute);
    beginLook(brake, clock);
    attempt();
    wrote(brake, clock, { name, aim: 'x' }, () => true);
    const began = clock.monotonic();
    while (isOnTrial(brake)) {
      await clock.advance(100);
      beginLook(brake, clock);
    }
    assert.is(clock.monotonic() - began, hold);
  });

alone(
  'R9.13 a round takes 10 s, then twice as long each time, at most 60 s, of which the hold is no pause',
  async () => {
    const { clock, write } = contested();
    const rounds: number[] = [];
    for (let n = 0; n < 5; n++) {
      const pause = afterOf(write()) ?? 0;
      rounds.push(pause + 3_000);
      await clock.advance(pause);
      assert.is(write(), undefined, 'the trial, which is undone at once');
    }
    assert.equal(rounds, [10_000, 20_000, 40_000, 60_000, 60_000]);
  },
);

alone('R9.13 a pause is spread by a quarter', () => {
  const desk = fight();
  Object.assign(desk.clock, { random: () => 0 });
  for (let n = 0; n < 5; n++) desk.write();
  assert.is(afterOf(desk.write()), 5_250);
});

alone('R9.13 five quiet minutes begin anew', async () => {
  const { clock, brake, write } = contested();
  write();
  brake.contests.clear();
  await clock.advance(5 * minute);
  beginLook(brake, clock);
  assert.is(brake.rounds, 1, 'not yet');
  await clock.advance(1);
  beginLook(brake, clock);
  assert.equal([brake.rounds, brake.undone, brake.stood], [0, 0, 0]);
});

alone('R9.10 what is refused is tried again alone, after a pause; when it is taken the others follow', async () => {
  const { clock, brake, write } = fight();
  const denied = { kind: 'contested', words: 'denied', after: 0 } as const;
  const names = ['a', 'b', 'c'];
  for (const one of names) refused(brake, clock, one, denied);
  const halt = contestIn(brake, clock);
  assert.match(halt && 'words' in halt ? halt.words : '', 'denied; and 2 more ConfigMaps');
  assert.equal([brake.rounds, afterOf(halt)], [1, 7_000], 'all of them are one round');
  assert.equal(
    names.map((one) => isHeldBack(brake, one, clock.monotonic())),
    [true, true, true],
  );
  await clock.advance(7_000);
  assert.equal(
    names.map((one) => isHeldBack(brake, one, clock.monotonic())),
    [false, false, false],
    'any of them may be the trial',
  );
  assert.equal([write('b'), brake.contests.size], [undefined, 0]);
});

alone('R9.12 what is right without a write of ours is contested no more, unless it is on trial', () => {
  const { clock, brake } = fight();
  for (const one of ['a', 'b']) refused(brake, clock, one, { kind: 'contested', words: 'denied', after: 0 });
  allRight(brake);
  assert.equal([...brake.contests.keys()], ['a', 'b'], 'this look had to do with them');
  beginLook(brake, clock);
  brake.trial = { name: 'a', since: undefined, isRight: undefined };
  allRight(brake);
  assert.equal([...brake.contests.keys()], ['a']);
  assert.is(contestIn(brake, clock)?.kind, 'contested');
});

alone('R9.14 a status is written 4 times at once, then once in 10 s; one that failed does not count', async () => {
  const { clock, brake } = fight();
  const write = () => {
    const halt = mayWriteStatus(brake, clock);
    if (!halt) wroteStatus(brake, clock);
    return afterOf(halt) ?? 0;
  };
  assert.equal([1, 2, 3, 4, 5].map(write), [0, 0, 0, 0, 10_000]);
  await clock.advance(9_999);
  assert.is(write(), 1);
  await clock.advance(1);
  assert.equal([write(), write()], [0, 10_000]);
  await clock.advance(minute);
  for (let n = 0; n < 10; n++) assert.is(mayWriteStatus(brake, clock), undefined, 'nothing was written');
});

alone('R9.13 what is remembered of writes is forgotten when all is quiet', async () => {
  const { clock, brake, write } = fight();
  const idleAfter = async (milliseconds: number) => {
    await clock.advance(milliseconds);
    return isIdle(brake, clock.monotonic());
  };
  write();
  assert.equal([await idleAfter(minute), await idleAfter(1)], [false, true], 'the write stayed');
  refused(brake, clock, name, { kind: 'contested', words: 'denied', after: 0 });
  assert.is(await idleAfter(10 * minute), false, 'it is still contested');
  beginLook(brake, clock);
  allRight(brake);
  assert.is(await idleAfter(0), true);
  wroteStatus(brake, clock);
  assert.equal([await idleAfter(9_999), await idleAfter(1)], [false, true]);
});

// --- In an operator ---

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
    what: 'R9.15 a ConfigMap with a finalizer of somebody is made immutable and edited',
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
    what: 'R9.10 a policy makes each ConfigMap immutable',
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
    what: 'R9.10 a policy adds a key',
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
    what: 'R9.10 a policy takes our label away',
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
    what: 'R9.10 a policy refuses',
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
    what: 'R9.11 a second program heals the same ConfigMap',
    spec: ports(5),
    begin: (stage) => undo(stage, () => true),
    reason: 'Contested',
    says: /pom-licenses is changed again after each write/,
  },
  {
    what: 'R9.12 a second program heals all ConfigMaps of an object with zones',
    spec: zoned(),
    begin: (stage) => undo(stage, () => true),
    reason: 'Contested',
    says: /pom-licenses\S* is changed again after each write/,
    firstPass: 3 * (manyZones + 1),
  },
  {
    what: 'R9.12 a second program heals each half minute',
    spec: zoned(),
    begin: (stage) => undo(stage, () => true, 'edit', 25 * second),
    reason: 'Contested',
    says: /pom-licenses\S* is changed again after each write/,
    firstPass: 3 * (manyZones + 1),
  },
  {
    what: 'R9.11 a program deletes the ConfigMap again and again',
    spec: ports(5),
    begin: (stage) => undo(stage, () => true, 'delete'),
    reason: 'Contested',
    says: /pom-licenses is deleted again after each write/,
  },
];

for (const { what, spec, begin, reason, says, firstPass = 0 } of states) {
  test(`${what}: L4 S10 few requests, the status says who, and L1 it is whole 65 s after`, async () => {
    const stage = await setUp(spec);
    const end = begin(stage);
    const { clock, dialer } = stage;
    const slow = what.includes('half minute') ? 2 : 1;
    await clock.advance(slow * 15 * second + (slow - 1) * 10 * second);
    const ready = dialer.conditionOf('pom', 'Ready');
    assert.equal([ready?.status, ready?.reason], ['False', reason], ready?.message);
    assert.match(ready?.message ?? '', says);
    assert.is(dialer.conditionOf('pom', 'Applied')?.status, 'False');
    // By the first trial it is known how many ConfigMaps it is about.
    await clock.advance(10 * second);
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

test('R9.14 L4 somebody rewrites the status each time: few requests, and soon it says what is so', async () => {
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

test('S10 while a plan waits a ConfigMap that does not stay is contested all the time, also while it is on trial', async () => {
  const stage = await setUp(zoned(2));
  const { clock, dialer } = stage;
  const zones = [5, 15].map((outboundPorts, n) => ({ name: `z${n}`, licenses: { outboundPorts } }));
  dialer.save('pom', ports(400, { zones, settleSeconds: 600 }));
  await clock.advance(second);
  assert.is(dialer.conditionOf('pom', 'Ready')?.reason, 'Settling');
  undo(stage, (name) => name.endsWith('-z0'), 'edit');
  await clock.advance(15 * second);
  stage.taken();
  const reasons = new Set<string | undefined>();
  for (let passed = 0; passed < 3 * minute; passed += 100) {
    await clock.advance(100);
    reasons.add(dialer.conditionOf('pom', 'Ready')?.reason);
  }
  assert.equal([...reasons], ['Contested']);
  const statuses = stage.taken().filter(({ path }) => path.endsWith('/status'));
  assert.equal(statuses, [], 'and the status is not written again');
  await stage.stop();
});

test('R9.14 a status that the API server refuses was rewritten by nobody: it is written as soon as that is over', async () => {
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

test('R9.5 an object that alone gets no answer is not hurried at each answer that another one gets', async () => {
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

test('R9.9 an approval that means nothing, as without Manual, ends no pause', async () => {
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

test('R9.11 drift by hand is healed at once, also a second and a third time', async () => {
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

test('R9.9 new settings end the pause: they are tried at once', async () => {
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

test('R9.13 a write that once stood for half a minute, and is undone at once since: no trial a second', async () => {
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

test('L4 a look that comes to nothing again and again waits longer each time', async () => {
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

test('R9.15 what a rename leaves behind and a finalizer holds is deleted once, and named', async () => {
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

test("R9.2 a name that is someone else's is asked for alone, however many zones there are", async () => {
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

test('R4.6 R9.17 what was looked at long ago is looked at again before a plan begins, in a second turn too', async () => {
  const stage = createSmallCluster();
  const dialer = stage.desk('dialer');
  await stage.start();
  const [first, last] = ['pom-licenses-z0', 'pom-licenses-z9'] as const;
  const theirs = (name: string) => dialer.maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
  theirs(first);
  dialer.create('pom', { ...zoned(64), licenses: { outboundPorts: { minimum: 0, maximum: 640 } } });
  await stage.clock.advance(minute);
  theirs(last);
  dialer.maps.remove(first);
  await stage.clock.advance(2 * minute);
  assert.equal(dialer.namesOfMaps(), [last], 'nothing was begun');
  await stage.stop();
});

test("L4 R4.5 many ConfigMaps that are somebody else's are asked for in bounds, and what is right again goes on", async () => {
  // More names than a turn has requests.
  const spec = { ...zoned(64), licenses: { outboundPorts: { minimum: 0, maximum: 640 } } };
  const stage = await setUp(spec);
  const { clock, dialer } = stage;
  // Written long ago: else the brake holds them back.
  await clock.advance(minute + second);
  const [ours = '', ...theirs] = dialer.namesOfMaps().reverse();
  for (const name of theirs)
    dialer.maps.change(name, () => ({ metadata: { labels: {}, annotations: {}, ownerReferences: [] } }));
  await clock.advance(2 * minute);
  stage.taken();
  await clock.advance(5 * minute);
  const sent = stage.taken();
  assert.ok(mostInAMinute(sent) <= 30, `${mostInAMinute(sent)} requests in 60 s`);
  assert.ok(new Set(sent.map(({ path }) => path)).size > 12, 'they take turns');
  // What is the object's own is healed meanwhile.
  dialer.maps.change(ours, () => ({ data: {} }));
  await clock.advance(65 * second);
  assert.is(dialer.maps.get(ours)?.data?.[capacity], '10');
  assert.is(dialer.conditionOf('pom', 'Applied')?.reason, 'ConfigMapConflict');
  // People get an answer at once, for all names.
  const [one = '', ...others] = theirs;
  dialer.maps.remove(one);
  dialer.save('pom', { ...spec, settleSeconds: 1 });
  await clock.advance(5 * second);
  assert.is(dialer.maps.get(one)?.data?.[capacity], '10');
  for (const name of others) dialer.maps.remove(name);
  await clock.advance(65 * second);
  assert.is(dialer.conditionOf('pom', 'Ready')?.status, 'True');
  await stage.stop();
});

test('R9.3 a server that answers one object with 429 all the time is asked within the budget', async () => {
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

test('R8.4 at rest nothing is asked', async () => {
  const stage = await setUp(ports(5));
  await stage.clock.advance(20 * minute);
  assert.equal(stage.taken(), []);
  await stage.stop();
});
