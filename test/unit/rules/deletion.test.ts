/** Rule 5 through the whole flow: objects, ConfigMaps and namespaces that go, and ConfigMaps that outlive their object. */
import * as assert from 'uvu/assert';
import type { Request } from '../../../src/kube/client.ts';
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

const rule = suite('rule 5: deletion');
const names = Array.from({ length: 20 }, (_, i) => `z${i}`);
const many = (more: object = {}) =>
  zonesOf(Object.fromEntries(names.map((name) => [name, 1])), { maximum: 20, ...more });
const retain = { deletionPolicy: 'Retain' };
const retainedIn = (desk: FlowDesk) => desk.status()?.configMaps?.map(({ retained }) => retained ?? false);
const owned = (desk: FlowDesk) =>
  desk.names().map((name) => (desk.configMap(name)?.metadata.ownerReferences ?? []).length > 0);

async function live(spec: object = plainOf(5)): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(spec);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.writes();
  return desk;
}

rule('R5.1 with a deletionTimestamp nothing at all is written, nor asked, and nothing is remembered', async () => {
  const desk = await live();
  desk.spoil('pom-licenses');
  desk.deleteObject({ held: true });
  assert.is((await desk.run()).said, 'gone');
  assert.equal([desk.asked(), desk.world.memories.size], [[], 0]);
});

rule('R5.1 during an orphaning delete nothing is healed: what stays would be lost with the object', async () => {
  const desk = await live();
  desk.orphan();
  for (let step = 0; step < 3; step++) {
    desk.collect(1);
    await desk.run();
  }
  assert.equal([desk.writes(), desk.names(), owned(desk)], [[], ['pom-licenses'], [false]]);
  assert.equal(desk.judge.violations, []);
});

/** What becomes of the object in the middle of its plan. */
const changes: readonly (readonly [string, (desk: FlowDesk) => void])[] = [
  ['is being deleted', (desk) => desk.deleteObject({ held: true })],
  ['is gone', (desk) => desk.deleteObject()],
  [
    'is gone, and another has its name',
    (desk) => {
      desk.deleteObject();
      desk.save(many());
    },
  ],
  ['is suspended', (desk) => desk.save(many({ suspend: true }))],
];
for (const [what, change] of changes)
  rule(`R5.2 in the middle of a plan the object ${what}: the plan stops, and nothing is told`, async () => {
    const desk = createFlowDesk();
    desk.save(many());
    desk.before(
      (request) => writesMap(request, 'pom-licenses-z0', 'POST'),
      () => change(desk),
    );
    const { said, halt } = await desk.run();
    assert.equal([said, halt?.kind], ['quiet', 'overtaken']);
    assert.equal(
      desk.writes().filter((one) => one.startsWith('POST')),
      ['POST pom-licenses -', 'POST pom-licenses-z0 1'],
      'only what was under way',
    );
  });

rule('R5.2 a deletion of the object stops a plan before the next delete', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }, { settleSeconds: 0 }));
  desk.before(
    (request) => writesMap(request, 'pom-licenses-a', 'DELETE'),
    () => desk.deleteObject({ held: true }),
  );
  desk.save(plainOf(5, { settleSeconds: 0 }));
  await desk.run();
  assert.equal(desk.writes().slice(-2), ['PUT pom-licenses 5', 'DELETE pom-licenses-a']);
});

rule('R5.2 of an object that is being deleted by then the status is not written either', async () => {
  const desk = await live();
  desk.before(writesAMap, () => desk.deleteObject({ held: true }));
  desk.save(plainOf(6));
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses 6']);
});

rule('R5.2 healing stops too, where the object is suspended meanwhile', async () => {
  const desk = await live(many());
  for (const zone of ['z0', 'z1', 'z2']) desk.spoil(`pom-licenses-${zone}`);
  desk.before(writesAMap, () => desk.save(many({ suspend: true })));
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses-z0 1']);
  await desk.run();
  assert.equal([desk.writes(), desk.reasonOf('Ready')], [['PUT status'], 'Suspended']);
});

rule('R5.2 a newer spec stops no plan: it supersedes it at its end, or its wait', async () => {
  const desk = createFlowDesk();
  desk.save(many());
  desk.before(
    (request) => writesMap(request, 'pom-licenses-z0', 'POST'),
    () => desk.save(many({ licenses: { outboundPorts: { minimum: 0, maximum: 30 } } })),
  );
  await desk.run();
  assert.is(desk.ports('pom-licenses-z19'), '1');
});

rule('R5.2 an object that is gone when its status is written is quiet, and looked at again slowly', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  desk.before(writesStatus, () => {
    desk.hold('licensesettings');
    desk.deleteObject();
  });
  const outcome = await desk.run();
  assert.equal([outcome.said, backoffOf(outcome)], ['quiet', 'slow']);
});

/** Why a LicenseSettings may be asked for, and what is written where it is still there. */
const doubts: readonly (readonly [string, object, (desk: FlowDesk) => void, string[]])[] = [
  ['its ConfigMap has gone', plainOf(5), (desk) => desk.deleteMap('pom-licenses'), ['POST pom-licenses 5']],
  [
    'its ConfigMap is immutable',
    plainOf(5),
    (desk) => desk.edit('pom-licenses', (map) => ({ ...map, immutable: true, data: {} })),
    ['DELETE pom-licenses', 'POST pom-licenses 5'],
  ],
  [
    'its ConfigMap has lost its owner',
    plainOf(5),
    (desk) => desk.mark('pom-licenses', { ownerReferences: [] }),
    ['PUT pom-licenses 5'],
  ],
  [
    'the ConfigMap of a zone has gone',
    zonesOf({ a: 3, b: 2 }),
    (desk) => desk.deleteMap('pom-licenses-b'),
    ['POST pom-licenses-b 2'],
  ],
];
/** What the API server knows of the object, and the cache does not yet. */
const ends: readonly (readonly [string, (desk: FlowDesk) => void])[] = [
  ['is gone', (desk) => desk.deleteObject()],
  ['is being deleted', (desk) => desk.deleteObject({ held: true })],
  [
    'was deleted and created again',
    (desk) => {
      desk.deleteObject();
      desk.save(plainOf(5));
    },
  ],
];
for (const [doubt, spec, harm, mended] of doubts) {
  rule(`R5.3 ${doubt}: one GET asks whether the object is still there`, async () => {
    const desk = await live(spec);
    harm(desk);
    desk.asked();
    await desk.run();
    assert.equal(desk.asked(), ['GET object', ...mended]);
  });
  for (const [what, end] of ends)
    rule(`R5.3 ${doubt}, and the object ${what}: nothing is written`, async () => {
      const desk = await live(spec);
      desk.hold('licensesettings');
      end(desk);
      harm(desk);
      desk.asked();
      const outcome = await desk.run();
      assert.equal([outcome.said, backoffOf(outcome)], ['quiet', 'slow'], 'unless its own event comes');
      assert.equal(desk.asked(), ['GET object']);
      assert.equal(desk.judge.violations, []);
    });
}

rule('R5.3 S8 where nothing may be written anyway nobody asks', async () => {
  const desk = await live(zonesOf({ a: 3 }));
  desk.save({ licenses: { outboundPorts: { minimum: 0, maximum: 1_000_001 } } });
  desk.restore({ observedGeneration: -1 });
  desk.mark('pom-licenses', { ownerReferences: [] });
  await desk.run();
  desk.asked();
  await desk.run();
  assert.equal(desk.asked(), []);
});

rule('R5.3 in a plan too nothing is created for an object that is gone', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }));
  const wait = waitOf(await desk.run()) ?? 0;
  desk.hold('licensesettings');
  desk.deleteObject();
  for (const zone of ['a', 'b']) desk.deleteMap(`pom-licenses-${zone}`);
  await desk.clock.advance(wait);
  desk.writes();
  assert.is((await desk.run()).said, 'quiet');
  assert.equal(desk.writes(), []);
});

rule('R5.3 without an answer to that question nothing is written', async () => {
  const desk = await live();
  desk.deleteMap('pom-licenses');
  desk.fail(({ method }) => method === 'GET', { code: 503 });
  const outcome = await desk.run();
  assert.equal([outcome.said, backoffOf(outcome), desk.writes()], ['retry', 'transport', []]);
});

rule('R5.3 under Retain nobody has to own it, and nobody is asked', async () => {
  const desk = await live(plainOf(5, retain));
  desk.spoil('pom-licenses');
  desk.asked();
  await desk.run();
  assert.equal(desk.asked(), ['PUT pom-licenses 5']);
});

for (const [what, which] of [
  ['a ConfigMap is refused', writesAMap],
  ['the status is refused', writesStatus],
] as const)
  rule(`R5.4 a terminating namespace is quiet: ${what}`, async () => {
    const desk = createFlowDesk();
    desk.save(plainOf(5));
    desk.fail(which as (request: Request) => boolean, { code: 403, causes: ['NamespaceTerminating'] });
    const { said, again } = await desk.run();
    assert.equal([said, again.after], ['quiet', 'nothing']);
    assert.is(desk.status()?.conditions, undefined);
  });

rule('R5.4 a namespace that is gone is quiet, and looked at again slowly, unless its own event comes', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  desk.fail(writesAMap, { code: 404, reason: 'NotFound' });
  const outcome = await desk.run();
  assert.equal([outcome.said, backoffOf(outcome), desk.writes()], ['quiet', 'slow', []]);
});

rule('R5.5 under Retain the ConfigMaps stay when the object goes, and it has no finalizer', async () => {
  for (const spec of [plainOf(5, retain), zonesOf({ a: 3, b: 2 }, retain)]) {
    const desk = await live(spec);
    const before = desk.names();
    assert.equal([desk.object()?.metadata.finalizers, owned(desk).includes(true)], [undefined, false]);
    desk.deleteObject();
    desk.collect();
    await desk.run();
    assert.equal([desk.names(), desk.judge.violations], [before, []]);
  }
});

rule('R5.6 switching deletionPolicy acts at once: first the ConfigMaps, then the status', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 3, b: 2 }, retain));
  await desk.run();
  assert.equal(desk.writes(), [
    ...['PUT pom-licenses -', 'PUT pom-licenses-a 3', 'PUT pom-licenses-b 2', 'PUT status'],
  ]);
  assert.equal(
    [retainedIn(desk), owned(desk)],
    [
      [true, true, true],
      [false, false, false],
    ],
  );
  desk.save(zonesOf({ a: 3, b: 2 }));
  await desk.run();
  assert.equal(desk.writes().at(-1), 'PUT status');
  assert.equal(
    [retainedIn(desk), owned(desk)],
    [
      [false, false, false],
      [true, true, true],
    ],
  );
});

rule('R5.6 Retain that is switched on in a plan is in all ConfigMaps before the status says so', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }));
  const wait = waitOf(await desk.run()) ?? 0;
  desk.save(zonesOf({ a: 2, b: 3 }, retain));
  await desk.run();
  assert.ok(!retainedIn(desk)?.includes(true));
  await desk.clock.advance(wait);
  await desk.run();
  assert.equal(
    [retainedIn(desk), owned(desk)],
    [
      [true, true, true],
      [false, false, false],
    ],
  );
  assert.equal([desk.stamp('pom-licenses-a'), desk.stamp('pom-licenses-b')], ['2', '2'], 'that of the last change');
  assert.equal(desk.judge.violations, []);
});

rule('R5.6 Retain that is switched off in a plan is claimed no more when the ConfigMaps are owned again', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }, retain));
  const claimed: (boolean | undefined)[] = [];
  desk.faults.push((request) => {
    if (writesAMap(request)) claimed.push(retainedIn(desk)?.includes(true));
    return undefined;
  });
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Settling');
  assert.ok(claimed.length > 0 && !claimed.includes(true), `${claimed}`);
});

rule('R5.6 what was owned again before a status could say so is not called retained when a plan begins', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }, retain));
  const mend = desk.fail(writesStatus, { code: 409 });
  desk.save(zonesOf({ a: 3, b: 2 }));
  await desk.run();
  assert.equal(
    [retainedIn(desk), owned(desk)],
    [
      [true, true, true],
      [true, true, true],
    ],
  );
  mend();
  desk.save(zonesOf({ a: 2, b: 3 }, retain));
  await desk.run();
  assert.is(desk.status()?.applying?.generation, 3);
  assert.equal(retainedIn(desk), [false, false, false]);
});

rule('R5.6 a policy that can not be read takes no protection away; left out it is Delete', async () => {
  const desk = await live(plainOf(5, retain));
  desk.save(plainOf(5, { deletionPolicy: 'RetainForever' }));
  await desk.run();
  assert.equal([desk.reasonOf('Applied'), desk.writes()], ['Invalid', ['PUT status']]);
  assert.equal([retainedIn(desk), owned(desk)], [[true], [false]]);
  desk.save(plainOf(5));
  await desk.run();
  assert.equal([retainedIn(desk), owned(desk)], [[false], [true]]);
});
