/** Rule 4 through the whole flow: whose a ConfigMap is, what is taken over, and what is never touched. */
import * as assert from 'uvu/assert';
import type { Stored } from '../../simulation/server.ts';
import { suite } from '../../suite.ts';
import { backoffOf, createFlowDesk, type FlowDesk, plainOf, waitOf, zonesOf } from '../../support/flow-desk.ts';

const rule = suite("rule 4: nobody else's");
const ours = 'licensing.dialer.dev';
const managedBy = { 'app.kubernetes.io/managed-by': 'license-settings-operator' };
const full = 100_000;
const retained = { deletionPolicy: 'Retain', settleSeconds: 100 };
const maps = (written: string[]) => written.filter((one) => !one.includes('status'));

async function live(spec: object): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(spec);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.writes();
  return desk;
}
/** An object with these settings, deleted again; its ConfigMaps stay as an orphaning delete, or Retain, leaves them. */
async function left(spec: object, how: 'orphan' | 'retain' = 'retain'): Promise<FlowDesk> {
  const desk = await live(spec);
  if (how === 'orphan') {
    desk.orphan();
    desk.collect();
  } else desk.deleteObject();
  await desk.run();
  desk.writes();
  return desk;
}
/** An owner of another kind, or another object, that controls a ConfigMap. */
const controlledBy = (owner: object) => ({
  ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'x', controller: true, ...owner }],
});
const settings = { apiVersion: `${ours}/v1`, kind: 'LicenseSettings' };

for (const [what, change, isTheirs] of [
  ['carries our uid, and another controls it', controlledBy({}), true],
  ['another LicenseSettings controls it', controlledBy({ ...settings, name: 'other', uid: 'other' }), true],
  ['nobody controls it, and it carries our uid', { ownerReferences: [], labels: managedBy }, false],
  ['our uid is gone, and our labels name this object', { ownerReferences: [], annotations: {} }, false],
  [
    'our uid is gone, and our labels name another',
    { ownerReferences: [], annotations: {}, labels: { ...managedBy, [`${ours}/settings`]: 'other' } },
    true,
  ],
  ['nothing of ours is on it', { ownerReferences: [], annotations: {}, labels: {} }, true],
] as const)
  rule(`R4.1 R4.2 ${what}: ${isTheirs ? 'it is a conflict' : 'it is ours, and mended'}`, async () => {
    const desk = await live(plainOf(5));
    desk.edit('pom-licenses', (map) => ({ ...map, metadata: { ...map.metadata, ...change }, data: { by: 'hand' } }));
    const before = desk.configMap('pom-licenses');
    desk.save(plainOf(6));
    await desk.run();
    assert.is(desk.reasonOf('Applied'), isTheirs ? 'ConfigMapConflict' : 'Applied');
    if (isTheirs) assert.equal(desk.configMap('pom-licenses'), before, 'as it was');
    else assert.is(desk.ports('pom-licenses'), '6');
    assert.equal(desk.judge.violations, []);
  });

for (const how of ['orphan', 'retain'] as const)
  rule(`R4.2 what an earlier object left to nobody (${how}) is adopted, and gets this one's uid`, async () => {
    const desk = await left(plainOf(5, how === 'retain' ? retained : {}), how);
    desk.save(plainOf(6));
    await desk.run();
    assert.equal(desk.writes(), ['PUT pom-licenses 6', 'PUT status']);
    const { metadata } = desk.configMap('pom-licenses') as Stored;
    assert.is(metadata.annotations?.[`${ours}/owner-uid`], desk.object()?.metadata.uid);
    assert.equal(
      metadata.ownerReferences?.map(({ uid }) => uid),
      [desk.object()?.metadata.uid],
    );
    assert.equal(desk.judge.violations, []);
  });

rule('R4.3 a zone of an earlier object is lowered, waited for and deleted, and only then others get more', async () => {
  const desk = await left(zonesOf({ amer: 2, apac: 3 }, retained));
  desk.save(zonesOf({ amer: 5 }, retained));
  assert.is(waitOf(await desk.run()), full);
  assert.equal(maps(desk.writes()), ['PUT pom-licenses-apac 0', 'PUT pom-licenses -']);
  await desk.clock.advance(full);
  await desk.run();
  assert.equal(maps(desk.writes()), ['PUT pom-licenses-amer 5', 'DELETE pom-licenses-apac']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

rule('R4.3 zones of an earlier object, and none now: they give back before the system gets more', async () => {
  const desk = await left(zonesOf({ amer: 2, apac: 3 }, retained));
  desk.save(plainOf(5, retained));
  await desk.run();
  assert.equal(maps(desk.writes()), ['PUT pom-licenses-amer 0', 'PUT pom-licenses-apac 0']);
  await desk.clock.advance(full);
  await desk.run();
  assert.equal(maps(desk.writes()), [
    ...['PUT pom-licenses 5', 'DELETE pom-licenses-amer', 'DELETE pom-licenses-apac'],
  ]);
  assert.equal(desk.judge.violations, []);
});

rule('R4.3 what an earlier object left under another name is claimed with its uid before it is deleted', async () => {
  const desk = await left(plainOf(5, retained));
  desk.save(plainOf(4, { ...retained, configMap: { name: 'pom-limits' } }));
  await desk.run();
  assert.equal(maps(desk.writes()), ['POST pom-limits 4', 'PUT pom-licenses 5', 'DELETE pom-licenses']);
  assert.equal(desk.judge.violations, []);
});

rule('R4.3 a zone of an earlier object that somebody made immutable is claimed, replaced, and deleted', async () => {
  const desk = await left(zonesOf({ amer: 2, apac: 3 }, retained));
  desk.edit('pom-licenses-apac', (map) => ({ ...map, immutable: true }));
  desk.save(zonesOf({ amer: 5 }, { ...retained, settleSeconds: 0 }));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.is(desk.configMap('pom-licenses-apac'), undefined);
  assert.equal(desk.judge.violations, []);
});
rule('R4.3 a copy under a name that its record does not give it is left alone', async () => {
  const desk = await left(zonesOf({ amer: 2, apac: 3 }, retained));
  desk.copyMap('pom-licenses-apac', 'kept-by-hand');
  desk.deleteMap('pom-licenses-apac');
  desk.save(zonesOf({ amer: 5 }, retained));
  await desk.run();
  await desk.clock.advance(full);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.is(desk.ports('kept-by-hand'), '3');
  desk.restoreMap('pom-licenses-apac', { zone: 'apac', ports: 3, uid: 'of-nobody' });
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), []);
  assert.is(desk.ports('pom-licenses-apac'), '3');
});

for (const [what, first, next, left] of [
  ['no zones', plainOf(5), plainOf(5), 'pom-licenses'],
  ['zones', zonesOf({ a: 0, b: 5 }), zonesOf({ a: 5 }), 'pom-licenses-b'],
  ['no zones any more', zonesOf({ a: 0, b: 5 }), plainOf(5), 'pom-licenses-b'],
] as const)
  rule(`R4.4 ${what}: what an earlier object still controls has to go first; nothing is told at once`, async () => {
    const desk = await live(first);
    desk.deleteObject();
    // The garbage collector has begun.
    for (const name of desk.names()) if (name !== left) desk.deleteMap(name);
    desk.mark(left, { labels: managedBy });
    desk.save(next);
    const outcome = await desk.run();
    assert.equal([outcome.halt?.kind, backoffOf(outcome)], ['waits', 'transport']);
    assert.equal([desk.writes(), desk.status()?.conditions], [[], undefined]);
    desk.collect();
    await desk.run();
    assert.is(desk.reasonOf('Applied'), 'Applied');
    assert.equal(desk.judge.violations, []);
  });

rule('R4.4 with a status that was restored too', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  const status = desk.status();
  desk.deleteObject();
  desk.save(zonesOf({ a: 5, b: 0 }));
  if (status) desk.restore(status);
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), []);
});

rule('R4.4 S9 also where a restored status tells that something else is live, and the spec is invalid', async () => {
  const desk = await live(zonesOf({ a: 5 }));
  const status = desk.status();
  desk.save(zonesOf({ b: 5 }));
  await desk.clock.advance(waitOf(await desk.run()) ?? 0);
  await desk.run();
  desk.deleteObject();
  desk.save(plainOf(1_000_001));
  if (status) desk.restore(status);
  desk.writes();
  const outcome = await desk.run();
  assert.equal([outcome.halt?.kind, desk.writes()], ['waits', ['PUT status']]);
  assert.equal(desk.judge.violations, []);
});

rule('R4.5 a conflict is never written, is told at once, and ends by itself when the name is free', async () => {
  const desk = createFlowDesk();
  desk.createForeign('pom-licenses');
  const theirs = desk.configMap('pom-licenses');
  desk.save(plainOf(5));
  const outcome = await desk.run();
  assert.equal([outcome.said, backoffOf(outcome)], ['problem', 'slow']);
  assert.is(desk.reasonOf('Ready'), 'ConfigMapConflict');
  assert.match(desk.conditionOf('Ready')?.message ?? '', 'ConfigMap pom-licenses belongs to someone else');
  assert.equal(desk.configMap('pom-licenses'), theirs);
  desk.deleteMap('pom-licenses');
  await desk.run();
  assert.is(desk.reasonOf('Ready'), 'Applied');
});

rule('R4.5 a foreign ConfigMap in the place of a zone of ours: when it goes the conflict goes', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.deleteMap('pom-licenses-a');
  desk.createForeign('pom-licenses-a');
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'ConfigMapConflict');
  // No watch tells of it.
  assert.is(desk.world.configMaps.get('dialer/pom-licenses-a'), undefined);
  desk.deleteMap('pom-licenses-a');
  await desk.run();
  assert.is.not(desk.reasonOf('Applied'), 'ConfigMapConflict');
});

rule('R4.6 a plan looks up each new name with one GET first; a single ConfigMap is created', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 3, b: 2 }));
  await desk.run();
  assert.equal(desk.asked().slice(0, 4), [
    ...['GET pom-licenses', 'GET pom-licenses-a', 'GET pom-licenses-b', 'PUT status'],
  ]);
  const single = createFlowDesk();
  single.save(plainOf(5));
  await single.run();
  assert.equal(single.asked(), ['POST pom-licenses 5', 'PUT status']);
});

rule('R4.6 a name that is taken keeps a plan from its first write', async () => {
  const desk = createFlowDesk();
  desk.createForeign('pom-licenses-b');
  desk.save(zonesOf({ a: 3, b: 2 }));
  await desk.run();
  assert.equal([desk.writes(), desk.names()], [['PUT status'], ['pom-licenses-b']]);
  assert.equal([desk.reasonOf('Applied'), desk.status()?.applying], ['ConfigMapConflict', undefined]);
});

rule('R4.6 a name that is taken in between stops the plan where it stands', async () => {
  const desk = createFlowDesk();
  desk.before(
    ({ method }) => method === 'POST',
    () => desk.createForeign('pom-licenses-a'),
  );
  desk.save(zonesOf({ a: 3, b: 2 }));
  await desk.run();
  assert.equal(desk.writes(), [...['PUT status', 'POST pom-licenses -', 'POST pom-licenses-a 3 409', 'PUT status']]);
  assert.equal([desk.reasonOf('Applied'), desk.status()?.applying?.generation], ['ConfigMapConflict', 1]);
  desk.deleteMap('pom-licenses-a');
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

for (const [what, settings] of [
  ['with zones', (more: object) => zonesOf({ a: 3, b: 2 }, { settleSeconds: 0, ...more })],
  ['without zones', (more: object) => plainOf(5, more)],
] as const)
  rule(`R4.7 what a rename leaves behind carries our uid and is deleted, ${what}`, async () => {
    const desk = await live(settings({}));
    desk.mark('pom-licenses', { labels: managedBy });
    desk.save(settings({ configMap: { name: 'pom' } }));
    await desk.run();
    assert.is(desk.reasonOf('Applied'), 'Applied');
    assert.is(desk.configMap('pom-licenses'), undefined);
    desk.writes();
    await desk.run();
    assert.equal(desk.asked(), []);
  });

rule('R4.7 what is not known by a uid is left alone, whatever its labels and its name', async () => {
  const desk = await live(plainOf(5));
  desk.copyMap('pom-licenses', 'pom-copy');
  desk.mark('pom-copy', { annotations: {} });
  desk.save(plainOf(6));
  await desk.run();
  assert.equal(desk.names(), ['pom-copy', 'pom-licenses']);
});

rule('R4.7 a ConfigMap to be adopted that is immutable is a conflict: it could only be deleted', async () => {
  const desk = await left(plainOf(5, retained));
  desk.edit('pom-licenses', (map) => ({ ...map, immutable: true }));
  desk.save(plainOf(5));
  await desk.run();
  assert.equal([desk.writes(), desk.reasonOf('Applied')], [['PUT status'], 'ConfigMapConflict']);
  assert.ok(desk.configMap('pom-licenses'));
});

rule('R4.7 one that carries our uid, and lost its labels, may be replaced where it is immutable', async () => {
  const desk = await live(plainOf(5));
  desk.edit('pom-licenses', (map) => ({
    ...{ ...map, immutable: true },
    metadata: { ...map.metadata, labels: managedBy },
  }));
  await desk.run();
  assert.equal(desk.writes(), ['DELETE pom-licenses', 'POST pom-licenses 5']);
});
