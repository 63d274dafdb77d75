/** Rule 9 of one object: how long it waits after which failure, what a try does not do, and when others have their turn. */
import * as assert from 'uvu/assert';
import type { Halt } from '../../../src/controller/halt.ts';
import { believedFree, createMemory, type Memory } from '../../../src/controller/memory.ts';
import {
  askedFor,
  type LicenseSettings,
  unreadableConfigMap,
  unreadableSettings,
} from '../../../src/controller/objects.ts';
import { againAfter, failurePatience, type RetryKind, retries } from '../../../src/controller/retries.ts';
import { createTurn } from '../../../src/controller/turn.ts';
import { ApiError } from '../../../src/kube/errors.ts';
import { failedStatus } from '../../../src/settings/status.ts';
import type { Stored } from '../../simulation/server.ts';
import { suite } from '../../suite.ts';
import {
  backoffOf,
  createFlowDesk,
  type FlowDesk,
  plainOf,
  waitOf,
  writesAMap,
  writesMap,
  writesStatus,
  zonesOf,
} from '../../support/flow-desk.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const approved = { annotations: { 'licensing.dialer.dev/apply': 'a'.repeat(64) } };
const invalid = { licenses: { outboundPorts: { minimum: 9, maximum: 1 } } };
const at0 = (held: Record<string, number>, more: object = {}) => zonesOf(held, { settleSeconds: 0, ...more });

async function live(spec: object = plainOf(5)): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(spec);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.writes();
  return desk;
}

// --- How long an object waits ---

const waits = suite('rule 9: what a failure waits for');
const error = new ApiError('no', { code: 500 });
const halts = {
  conflict: { kind: 'conflict', name: 'x' },
  waits: { kind: 'waits', words: '' },
  contested: { kind: 'contested', words: '', after: 2_000 },
  refused: { kind: 'refused', words: '', after: 0, error },
  'refused, and the brake pauses': { kind: 'refused', words: '', after: 2_000, error },
  failed: { kind: 'failed', words: '', after: 0, error },
  'failed with a Retry-After': { kind: 'failed', words: '', after: 30_000, error },
  outdated: { kind: 'outdated', words: '' },
  overtaken: { kind: 'overtaken', words: '' },
} as const satisfies Record<string, Halt>;

/** A halt, the kind of its next try, and at least so many milliseconds. */
const tries: readonly (readonly [keyof typeof halts, RetryKind, number])[] = [
  ['failed', 'transport', 0],
  ['failed with a Retry-After', 'transport', 30_000],
  ['waits', 'transport', 0],
  ['outdated', 'again', 0],
  ['conflict', 'slow', 0],
  ['refused', 'slow', 0],
  ['overtaken', 'slow', 0],
  ['contested', 'pause', 2_000],
  ['refused, and the brake pauses', 'pause', 2_000],
];
const memoryOf = (more: Partial<Memory> = {}): Memory => ({ ...createMemory('uid', ''), ...more });

for (const [which, kind, atLeast] of tries)
  waits(`R9.1 R9.2 ${which}: ${kind}, and at least ${atLeast} ms`, () => {
    assert.equal(againAfter(halts[which], memoryOf(), 0, true), { after: 'backoff', kind, atLeast });
  });

waits('R9.1 a terminating namespace is not tried again', () => {
  assert.equal(againAfter({ kind: 'terminating', error }, memoryOf(), 0, true), { after: 'nothing' });
});

waits(
  'R9.1 R9.2 L4 what may pass waits up to 5 s; what somebody has to change, or goes on changing, up to 60 s',
  () => {
    const { transport, slow, again } = retries.backoffs;
    assert.equal([transport.cap, slow.cap, again.cap], [5_000, 60_000, 60_000]);
  },
);

waits('R9.3 six requests of an object that fails are free, then one each 2.5 s', () => {
  assert.equal([retries.budget?.burst, retries.budget?.refillEvery], [6, 2_500]);
});

waits('R9.5 after an outage waiting objects come back spread over 2 s, at most once in 30 s', () => {
  assert.equal(retries.outage, { kind: 'transport', spread: 2_000, each: 30_000 });
});

for (const [what, since, isTold, atMost] of [
  ['that has begun just now', undefined, false, failurePatience],
  ['that has lasted 4 s', -4_000, false, failurePatience - 4_000],
  ['that has lasted for longer', -failurePatience, false, undefined],
  ['that is told', undefined, true, undefined],
] as const)
  waits(`R9.16 a failure ${what}: looked at ${atMost === undefined ? 'when it is due' : `after ${atMost} ms`}`, () => {
    const failing = since === undefined ? undefined : { since, halt: halts.failed, told: '', until: 0 };
    const again = againAfter(halts.failed, memoryOf({ failing }), 0, isTold);
    assert.is(again.after === 'backoff' ? again.atMost : -1, atMost);
  });

waits('R9.1 a longer Retry-After is honoured: the failure is told before, and nothing is tried', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  desk.fail(writesAMap, { code: 429, retryAfter: 30_000 });
  assert.equal((await desk.run()).again, {
    ...{ after: 'backoff', kind: 'transport', atLeast: 30_000, atMost: failurePatience },
  });
  desk.asked();
  await desk.clock.advance(failurePatience);
  assert.equal((await desk.run()).again, { after: 'backoff', kind: 'transport', atLeast: 20_000 });
  assert.equal([desk.asked(), desk.reasonOf('Applied')], [['PUT status'], 'WriteFailed']);
  await desk.clock.advance(20_000);
  await desk.run();
  assert.equal(desk.asked(), ['POST pom-licenses 5']);
});

waits('R9.1 a 404 that no API server wrote says nothing of the object: it is tried again', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.deleteMap('pom-licenses-a');
  desk.fail(() => true, { code: 404, reason: 'NotFromApiServer' });
  assert.is(backoffOf(await desk.run()), 'transport');
});

for (const [what, spec] of [
  ['invalid', invalid],
  ['not approved', plainOf(6, { applyPolicy: 'Manual' })],
  ['suspended', plainOf(6, { suspend: true })],
] as const)
  waits(`R9.7 a spec that is ${what} waits for a change`, async () => {
    const desk = await live();
    desk.save(spec);
    assert.equal((await desk.run()).again, { after: 'nothing' });
  });

waits('T7 R9.6 a failure is told when it has lasted 10 s', () => assert.is(failurePatience, 10_000));

/** What changes of an object, and whether people changed it. */
const changes: readonly (readonly [string, object, object, boolean])[] = [
  ['the uid', {}, { uid: 'another' }, true],
  ['the generation', {}, { generation: 2 }, true],
  ['a deletion', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }, true],
  ['the approval under Manual', { applyPolicy: 'Manual' }, approved, true],
  ['the approval under Automatic', { applyPolicy: 'Automatic' }, approved, false],
  ['the version, as where a status was written', {}, { resourceVersion: '2' }, false],
];
for (const [what, more, change, isPeople] of changes)
  waits(`R9.9 ${what} changes: people ${isPeople ? 'ask' : 'do not ask'} for something else`, () => {
    const metadata = { name: 'pom', namespace: 'dialer', uid: 'u', resourceVersion: '1', generation: 1 };
    const [before, after] = [metadata, { ...metadata, ...change }].map((one) =>
      askedFor({ metadata: one, spec: plainOf(5, more) }),
    );
    assert.is(before !== after, isPeople);
  });

// --- What a try does not do again ---

const again = suite('rule 9: what a try does not do again');

/** Two zones, one of whose ConfigMaps somebody deleted; and from now on every write fails, until that is mended. */
async function withoutOne() {
  const desk = await live(at0({ a: 2, b: 2 }));
  desk.deleteMap('pom-licenses-b');
  const mend = desk.fail(writesAMap, { code: 503 });
  return { ...desk, mend, reads: () => desk.asked().filter((one) => one === 'GET pom-licenses-b').length };
}

again('R9.4 a plan that fails again and again reads a name that it found free once in 30 s', async () => {
  const desk = await withoutOne();
  desk.save(at0({ a: 1, b: 3 }));
  for (let waited = 0; waited < believedFree; waited += 2_000) {
    await desk.run();
    await desk.clock.advance(2_000);
  }
  assert.is(desk.reads(), 1);
  await desk.run();
  assert.is(desk.reads(), 1, 'and once more behind that');
});

again('R9.4 when people change something the name is looked up anew', async () => {
  const desk = await withoutOne();
  for (const a of [1, 2]) {
    desk.save(at0({ a, b: 3 }));
    await desk.run();
  }
  assert.is(desk.reads(), 2);
});

again('R9.4 one that was seen since is looked for when it goes out of sight: it may hold what it held', async () => {
  const desk = await withoutOne();
  desk.save(at0({ a: 4, b: 1 }));
  await desk.run();
  assert.is(desk.reads(), 1);
  desk.restoreMap('pom-licenses-b', { zone: 'b', ports: 2 });
  await desk.run();
  desk.mark('pom-licenses-b', { labels: {} });
  desk.mend();
  for (let n = 0; n < 3; n++) await desk.run();
  assert.equal(desk.writes().slice(-4), [
    ...['PUT pom-licenses-b 1', 'PUT pom-licenses -', 'PUT pom-licenses-a 4', 'PUT status'],
  ]);
  assert.equal(desk.judge.violations, []);
});

again("R9.2 a name that is found to be somebody else's is all that is asked for while it is", async () => {
  const desk = createFlowDesk();
  desk.createForeign('pom-licenses-b');
  desk.save(at0({ a: 2, b: 2, c: 1 }));
  await desk.run();
  desk.asked();
  await desk.clock.advance(60_000);
  await desk.run();
  assert.equal(desk.asked(), ['GET pom-licenses-b']);
  desk.deleteMap('pom-licenses-b');
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

again('R9.6 what a 409 met is read at once, and it is told when it has lasted 10 s', async () => {
  const desk = await live();
  desk.save(plainOf(6));
  desk.fail((request) => writesMap(request, 'pom-licenses', 'PUT'), { code: 409 });
  const before = desk.status();
  await desk.run();
  desk.asked();
  for (let waited = 1_000; waited < failurePatience; waited += 1_000) {
    await desk.clock.advance(1_000);
    assert.is((await desk.run()).said, 'retry');
    assert.equal(desk.asked(), ['GET pom-licenses', 'PUT pom-licenses 6']);
  }
  assert.equal(desk.status(), before);
  await desk.clock.advance(1_000);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'WriteFailed');
});

/** A policy makes each ConfigMap immutable: its write is contested, and the brake pauses. */
async function contested(): Promise<FlowDesk> {
  const desk = await live();
  desk.police((map) => ({ ...map, immutable: true }));
  desk.save(plainOf(6));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Contested');
  // What the ConfigMap holds is the record of what is live.
  await desk.run();
  desk.asked();
  return desk;
}

again('R9.9 no event of a ConfigMap, or of an own write, ends a wait', async () => {
  const desk = await contested();
  for (const harm of [() => desk.mark('pom-licenses', { labels: {} }), () => desk.deleteMap('pom-licenses')]) {
    harm();
    assert.is(backoffOf(await desk.run()), 'pause');
  }
  assert.equal(desk.asked(), []);
});

again('R9.9 people who ask for something else end it', async () => {
  const desk = await contested();
  desk.police((map) => map);
  desk.save(plainOf(7));
  await desk.run();
  assert.equal([desk.ports('pom-licenses'), desk.reasonOf('Applied')], ['7', 'Applied']);
});

again('R9.9 an approval that means nothing, as without Manual, ends no wait', async () => {
  const desk = await contested();
  desk.save(plainOf(6), { 'licensing.dialer.dev/apply': 'x' });
  await desk.run();
  assert.equal(desk.asked(), []);
});

const withMetadata = (change: (metadata: Stored['metadata']) => object) => (map: Stored) => ({
  ...map,
  metadata: { ...map.metadata, ...change(map.metadata) },
});
/** What a policy makes of what is written, and what the status says of it; undefined: nothing, it is theirs. */
const policies: readonly (readonly [string, (map: Stored) => Stored, RegExp | undefined])[] = [
  [
    'a key of the data',
    (map) => ({ ...map, data: { ...(map['data'] as object), EXTRA: '1' } }),
    /the key EXTRA of the data was added/,
  ],
  [
    'a key of the binaryData',
    (map) => ({ ...map, binaryData: { x: 'AA==' } }),
    /the key x of the binaryData was added/,
  ],
  ['immutable', (map) => ({ ...map, immutable: true }), /it was made immutable/],
  [
    'a label of ours',
    withMetadata(({ labels }) => ({ labels: { ...labels, 'app.kubernetes.io/part-of': 'x' } })),
    /the label app\.kubernetes\.io\/part-of was changed/,
  ],
  [
    'an annotation of ours',
    withMetadata(({ annotations }) => ({ annotations: { ...annotations, 'licensing.dialer.dev/generation': '9' } })),
    /the annotation licensing\.dialer\.dev\/generation was changed/,
  ],
  ['the owner reference', withMetadata(() => ({ ownerReferences: [] })), /the owner reference was changed/],
  ['a label of others', withMetadata(({ labels }) => ({ labels: { ...labels, team: 'blue' } })), undefined],
  ['an annotation of others', withMetadata((all) => ({ annotations: { ...all.annotations, x: 'y' } })), undefined],
];
for (const [what, rewrite, says] of policies)
  again(`R9.10 a policy changes ${what}: it is ${says ? 'told, and not written again' : 'theirs'}`, async () => {
    const desk = await live();
    desk.police(rewrite);
    desk.save(plainOf(6));
    await desk.run();
    assert.equal(
      desk.writes().filter((one) => one.startsWith('PUT pom')),
      ['PUT pom-licenses 6'],
    );
    assert.is(desk.reasonOf('Applied'), says ? 'Contested' : 'Applied');
    const { message = '' } = desk.conditionOf('Ready') ?? {};
    if (says) assert.match(message, says);
    if (says)
      assert.match(message, 'exempt ConfigMaps with the label app.kubernetes.io/managed-by=license-settings-operator');
  });

again('R9.10 what is refused is not written again in that reconcile, and the others are', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  for (const name of desk.names()) desk.spoil(name);
  desk.fail((request) => writesMap(request, 'pom-licenses-a'), { code: 403 });
  desk.asked();
  await desk.run();
  assert.equal(
    desk.asked().filter((one) => one !== 'PUT status'),
    [...['PUT pom-licenses -', 'PUT pom-licenses-a 3', 'PUT pom-licenses-b 2']],
  );
});

again('R9.11 a plan that writes a ConfigMap twice, for something else each time, is no fight', async () => {
  const others = (ports: number) => Object.fromEntries(zones.slice(0, 8).map((name) => [name, ports]));
  const desk = await live(zonesOf({ a: 8, ...others(1) }, { maximum: 16, settleSeconds: 30 }));
  desk.save(zonesOf({ a: 0, ...others(2) }, { maximum: 16, settleSeconds: 30 }));
  await desk.run();
  // All are fenced, and raised within the minute.
  desk.nextTerm();
  await desk.clock.advance(waitOf(await desk.run()) ?? 0);
  await desk.run();
  assert.equal([desk.reasonOf('Applied'), desk.ports('pom-licenses-z07')], ['Applied', '2']);
});

again('R9.12 what is as it should be without a write of ours is contested no more', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  const right = desk.configMap('pom-licenses-a');
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-a'), { code: 403 });
  desk.spoil('pom-licenses-a');
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'WriteRejected');
  desk.edit('pom-licenses-a', (map) => ({ ...map, data: right?.['data'] }));
  await desk.clock.advance(60_000);
  desk.asked();
  await desk.run();
  assert.equal([desk.asked(), desk.reasonOf('Applied')], [['PUT status'], 'Applied']);
  assert.is(desk.world.memories.get('dialer/pom')?.brake?.contests.size, 0);
  mend();
});

again('R9.13 what is remembered of writes is forgotten when an object is at rest', async () => {
  const desk = await live();
  const brake = () => desk.world.memories.get('dialer/pom')?.brake;
  await desk.run();
  assert.ok(brake());
  await desk.clock.advance(61_000);
  await desk.run();
  assert.is(brake(), undefined);
});

again('R9.15 what a finalizer holds back is deleted once, and waited for', async () => {
  const desk = await live();
  desk.mark('pom-licenses', { finalizers: ['example.com/hold'] });
  desk.save(plainOf(5, { configMap: { name: 'pom' } }));
  await desk.run();
  assert.is(desk.writes().filter((one) => one.startsWith('DELETE')).length, 1);
  await desk.clock.advance(failurePatience);
  await desk.run();
  assert.equal(desk.writes(), ['PUT status']);
  assert.match(desk.conditionOf('Ready')?.message ?? '', /pom-licenses has to go first: .*example\.com\/hold/);
  desk.mark('pom-licenses', { finalizers: [] });
  await desk.run();
  assert.is(desk.reasonOf('Ready'), 'Applied');
});

again('R9.15 what is being deleted under a wanted name is waited for: no conflict, nothing told at once', async () => {
  const desk = await live();
  desk.mark('pom-licenses', { finalizers: ['example.com/hold'] });
  desk.deleteMap('pom-licenses');
  desk.save(plainOf(6));
  desk.writes();
  assert.is(backoffOf(await desk.run()), 'transport');
  assert.equal(desk.writes(), []);
});

// --- Turns ---

const turns = suite('rule 9: turns');
const zones = Array.from({ length: 64 }, (_, i) => `z${String(i).padStart(2, '0')}`);
const many = (count: number, more: object = {}) =>
  at0(Object.fromEntries(zones.map((name) => [name, count])), { maximum: 1_000, ...more });
const mapOf = (zone: string) => `pom-licenses-${zone}`;

/** All turns of an object: what each came to, its requests, and how long it took by the clock of the operator. */
async function turnsOf(desk: FlowDesk, between = 0) {
  const all: { said: string; requests: number; took: number; event: string | undefined }[] = [];
  do {
    const began = desk.world.clock.monotonic();
    const { said, requests, event } = await desk.turn();
    all.push({ said, requests, took: desk.world.clock.monotonic() - began, event: event?.note.reason });
    await desk.clock.advance(between);
  } while (all.at(-1)?.said === 'more' && all.length < 500);
  return all;
}
/** An object whose zones were written long ago: an edit of them is ordinary drift. */
async function settled(): Promise<FlowDesk> {
  const desk = await live(many(1));
  await desk.clock.advance(61_000);
  return desk;
}

turns('R9.17 a turn is over after a second, or 40 requests, once it has come to something', async () => {
  const clock = createVirtualClock();
  let sent = 0;
  const of = (progressed: boolean) => {
    const turn = createTurn(clock, () => sent);
    if (progressed) turn.progressed();
    return turn;
  };
  const [busy, vain] = [of(true), of(false)];
  sent = 39;
  assert.not.ok(busy.isOver());
  sent = 40;
  assert.equal([busy.isOver(), vain.isOver()], [true, false]);
  sent = 0;
  const [long, waiting] = [of(true), of(false)];
  await clock.advance(999);
  assert.not.ok(long.isOver());
  await clock.advance(1);
  assert.equal([long.isOver(), waiting.isOver()], [true, false]);
  waiting.progressed();
  assert.ok(waiting.isOver());
});

turns('R9.17 R9.19 a plan of 64 zones goes in turns, with the same writes and no status between', async () => {
  const desk = createFlowDesk();
  desk.save(many(1));
  const first = await turnsOf(desk);
  assert.equal(
    first.map(({ said }) => said),
    ['more', 'more', 'more', 'written'],
  );
  assert.ok(first.every(({ requests }) => requests <= 50));
  const created = ['POST pom-licenses -', ...zones.map((name) => `POST ${mapOf(name)} 1`)];
  assert.equal(desk.writes(), ['PUT status', ...created, 'PUT status']);
  desk.save(many(2));
  const second = await turnsOf(desk);
  assert.ok(second.length > 1 && second.every(({ requests }) => requests <= 50));
  const raised = zones.map((name) => `PUT ${mapOf(name)} 2`);
  assert.equal(desk.writes(), ['PUT status', 'PUT pom-licenses -', ...raised, 'PUT status']);
  desk.save(plainOf(7, { settleSeconds: 0 }));
  assert.ok((await turnsOf(desk)).every(({ requests }) => requests <= 50));
  assert.equal([desk.ports('pom-licenses'), desk.reasonOf('Applied')], ['7', 'Applied']);
  assert.equal(desk.judge.violations, []);
});

turns('R9.17 64 zones that drifted are healed in turns, and it is told once, at the end', async () => {
  const desk = await settled();
  for (const name of zones) desk.spoil(mapOf(name));
  desk.writes();
  const all = await turnsOf(desk);
  assert.ok(all.length > 1 && all.every(({ requests }) => requests <= 50));
  assert.equal(
    desk.writes(),
    zones.map((name) => `PUT ${mapOf(name)} 1`),
  );
  assert.equal(all.map(({ event }) => event).filter(Boolean), ['Restored']);
  assert.is(all.at(-1)?.event, 'Restored');
});

turns('R9.17 where the server is slow a turn ends after a second, and what it read is not read again', async () => {
  const desk = createFlowDesk();
  desk.slow(700);
  desk.save(many(1));
  // Others have so much to do that what was found free would be asked for again.
  const all = await turnsOf(desk, believedFree + 10_000);
  assert.is(all.at(-1)?.said, 'written');
  assert.ok(all.every(({ took }) => took <= 3_000));
  const asked = desk.asked();
  const reads = asked.filter((one) => one.startsWith('GET'));
  assert.is(new Set(reads).size, reads.length);
  assert.is(asked.filter((one) => one === 'PUT status').length, 2, 'its beginning and its end');
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

turns('R9.17 zones out of sight get their labels back in turns, however slow the server is', async () => {
  const desk = await settled();
  const lost = zones.slice(0, 10);
  const isLost = (name: string) =>
    desk.configMap(mapOf(name))?.metadata.labels?.['licensing.dialer.dev/zone'] === undefined;
  for (const name of lost) desk.mark(mapOf(name), { labels: {} });
  desk.slow(400);
  for (let n = 0; n < 40 && lost.some(isLost); n++) assert.ok((await turnsOf(desk)).every(({ took }) => took <= 3_000));
  assert.equal(lost.filter(isLost), []);
  assert.equal(desk.judge.violations, []);
});

turns('R9.19 what is in the way of many ConfigMaps is told when each was looked at once', async () => {
  const desk = await settled();
  for (const name of zones) desk.mark(mapOf(name), { labels: {}, annotations: {}, ownerReferences: [] });
  desk.asked();
  const all = await turnsOf(desk);
  assert.is(all.at(-1)?.said, 'problem');
  assert.is(desk.reasonOf('Ready'), 'ConfigMapConflict');
  const reads = desk.asked().filter((one) => one.startsWith('GET pom-licenses'));
  assert.equal([reads.length, new Set(reads).size], [zones.length, zones.length]);
});

for (const [what, isZone] of [
  ['zones that nobody wants go', true],
  ['what else carries the uid of an object goes', false],
] as const)
  turns(`R9.17 ${what} in turns`, async () => {
    const desk = await live(plainOf(5, { settleSeconds: 0 }));
    for (const zone of zones) {
      desk.restoreMap(mapOf(zone), { zone, ports: 0 });
      if (isZone) continue;
      const { 'licensing.dialer.dev/zone': _, ...labels } = desk.configMap(mapOf(zone))?.metadata.labels ?? {};
      desk.mark(mapOf(zone), { labels });
      desk.spoil(mapOf(zone));
    }
    desk.writes();
    const all = await turnsOf(desk);
    assert.ok(all.length > 1 && all.every(({ requests }) => requests <= 50));
    assert.is(desk.writes().filter((one) => one.startsWith('DELETE')).length, zones.length);
    assert.is(desk.reasonOf('Applied'), 'Applied');
  });

turns('R9.17 where people ask for something else between two turns, all is looked at anew', async () => {
  const desk = createFlowDesk();
  desk.save(many(1));
  assert.is((await desk.turn()).said, 'more');
  desk.save(many(2));
  await desk.run();
  assert.is(desk.asked().filter((one) => one === `GET ${mapOf('z00')}`).length, 2);
  assert.is(desk.ports(mapOf('z00')), '2');
});

// --- Whatever one object holds ---

const defects = suite('rule 9: what the operator can not read, and where it fails');

defects('R9.21 a LicenseSettings that can not be read is Invalid, and what is live stays', async () => {
  const desk = await live();
  desk.save(plainOf(6));
  const view = desk.world.settings.get('dialer/pom') as LicenseSettings;
  desk.world.settings.put({ ...unreadableSettings(view, 'too deep'), spec: plainOf(6) });
  await desk.run();
  assert.equal([desk.writes(), desk.reasonOf('Applied'), desk.ports('pom-licenses')], [['PUT status'], 'Invalid', '5']);
});

defects("R9.21 a ConfigMap that can not be read is nobody's: neither written nor deleted", async () => {
  const desk = await live();
  const view = desk.world.configMaps.get('dialer/pom-licenses');
  desk.world.configMaps.put(unreadableConfigMap(view as never));
  await desk.run();
  assert.equal([desk.writes(), desk.reasonOf('Applied')], [['PUT status'], 'ConfigMapConflict']);
});

/** Every write of a ConfigMap throws what no API server answers. Gives what ends that. */
function broken(desk: FlowDesk, words = 'x is not a function') {
  let isBroken = true;
  desk.faults.push((request) => {
    if (isBroken && writesAMap(request)) throw new TypeError(words);
    return undefined;
  });
  return () => {
    isBroken = false;
  };
}
const throws = async (desk: FlowDesk) => {
  const thrown = await desk.run().then(
    () => undefined,
    (one: unknown) => one,
  );
  assert.instance(thrown, TypeError);
};
const conditionsOf = (desk: FlowDesk) =>
  (desk.status()?.conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`);
const failed = ['Ready False WriteFailed', 'Applied False WriteFailed', 'Reconciling True WriteFailed'];

defects('R9.22 the status says that the operator fails, once, keeps what is live, and heals with it', async () => {
  const desk = await live();
  const { conditions: _, observedGeneration: __, ...before } = desk.status() ?? {};
  const mend = broken(desk);
  desk.save(plainOf(6));
  await throws(desk);
  assert.equal(desk.writes(), ['PUT status']);
  assert.equal(conditionsOf(desk), failed, 'of the new generation nothing is known, not even whether it is valid');
  const { conditions, observedGeneration, ...told } = desk.status() ?? {};
  assert.equal([told, observedGeneration], [before, 2]);
  assert.match(
    conditions?.[0]?.message ?? '',
    /the operator fails on this object.*TypeError: x is not a function; what is live stays/,
  );
  await throws(desk);
  assert.equal(desk.writes(), [], 'the same is not told again');
  mend();
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses 6', 'PUT status']);
  assert.equal(conditionsOf(desk), ['Ready True Applied', 'Valid True Valid', 'Applied True Applied']);
  assert.equal(desk.judge.violations, []);
});

defects('R9.22 what was told of this generation stays told', async () => {
  const desk = await live();
  broken(desk);
  desk.deleteMap('pom-licenses');
  await throws(desk);
  assert.equal(conditionsOf(desk), [failed[0], 'Valid True Valid', ...failed.slice(1)]);
  const errors = [{ field: 'spec', reason: 'Required', message: 'is required' }];
  const pending = { generation: 3, settingsHash: 'a' };
  const problem = { kind: 'WriteFailed', message: 'x' } as const;
  const statusAt = (generation: number) =>
    failedStatus({ observedGeneration: 3, errors, pending }, { generation, problem, now: '' });
  assert.equal([statusAt(3).errors, statusAt(3).pending], [errors, pending]);
  assert.equal([statusAt(4).errors, statusAt(4).pending], [undefined, undefined]);
});

defects('R9.22 a new object of which nothing was ever told gets its first status, in bounds', async () => {
  const desk = createFlowDesk();
  broken(desk, `\u001b[31m${'x'.repeat(10_000)}`);
  desk.save(plainOf(5));
  await throws(desk);
  assert.equal(conditionsOf(desk), failed);
  const { message = '' } = desk.conditionOf('Ready') ?? {};
  assert.ok(message.length <= 1024 && !message.includes('\u001b'));
});

defects('R9.22 where the status can not be written, what was thrown is thrown', async () => {
  const desk = createFlowDesk();
  broken(desk);
  desk.fail(writesStatus, { code: 403 });
  desk.save(plainOf(5));
  await throws(desk);
  assert.equal(desk.writes(), []);
});

defects('R9.22 R5.1 of an object that is being deleted nothing is told', async () => {
  const desk = await live();
  desk.before(writesAMap, () => {
    desk.deleteObject({ held: true });
    throw new TypeError('too late');
  });
  desk.deleteMap('pom-licenses');
  await throws(desk);
  assert.equal(desk.writes(), []);
});
