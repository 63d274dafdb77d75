/** Rule 1: while the newest spec may not go live, what is live stays, or is rebuilt, whatever was lost on the way. */
import * as assert from 'uvu/assert';
import type { Applied, Status } from '../../../src/api/licensesettings.ts';
import type { StoredConfigMap } from '../../../src/controller/objects.ts';
import { declare } from '../../../src/settings/declaration.ts';
import { dataHash, settingsHash } from '../../../src/settings/hash.ts';
import { render } from '../../../src/settings/render.ts';
import { knownConfigMaps } from '../../../src/settings/status.ts';
import { suite } from '../../suite.ts';
import {
  createFlowDesk,
  type FlowDesk,
  plainOf,
  waitOf,
  writesMap,
  writesStatus,
  zonesOf,
} from '../../support/flow-desk.ts';

const rule = suite('rule 1: last known good');
const ours = 'licensing.dialer.dev';
const invalid = { licenses: { outboundPorts: { minimum: 9, maximum: 1 } } };

/** An object whose settings are live. */
async function live(spec: object = plainOf(5)): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(spec);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.writes();
  return desk;
}

/** What a newer spec may be that does not go live, and the reason that the status gives. */
const held = [
  ['invalid', invalid, 'Invalid'],
  ['not approved', plainOf(9, { applyPolicy: 'Manual' }), 'ApplyPending'],
] as const;
/** What somebody does to a ConfigMap, and the write that mends it. */
const harms = [
  ['edited', (desk: FlowDesk, name: string) => desk.spoil(name), 'PUT'],
  ['deleted', (desk: FlowDesk, name: string) => desk.deleteMap(name), 'POST'],
] as const;

for (const [what, spec, reason] of held) {
  rule(`R1.1 the newest spec is ${what}: the ConfigMap stays as it is`, async () => {
    const desk = await live();
    desk.save(spec);
    await desk.run();
    assert.equal([desk.writes(), desk.reasonOf('Applied')], [['PUT status'], reason]);
    assert.is(desk.ports('pom-licenses'), '5');
  });
  for (const [how, harm, method] of harms) {
    rule(`R1.1 the newest spec is ${what}, and the ConfigMap is ${how}: it is rebuilt from what is live`, async () => {
      const desk = await live();
      desk.save(spec);
      await desk.run();
      desk.writes();
      harm(desk, 'pom-licenses');
      await desk.run();
      assert.equal(desk.writes(), [`${method} pom-licenses 5`]);
      assert.is(desk.stamp('pom-licenses'), '1');
      assert.equal(desk.judge.violations, []);
    });
    rule(`R1.1 the newest spec is ${what}, and a zone is ${how}: it is rebuilt from what is live`, async () => {
      const desk = await live(zonesOf({ a: 3, b: 2 }));
      desk.save(spec);
      await desk.run();
      desk.writes();
      harm(desk, 'pom-licenses-b');
      await desk.run();
      assert.equal(desk.writes(), [`${method} pom-licenses-b 2`]);
      assert.equal(desk.judge.violations, []);
    });
  }
}

rule('R1.1 Invalid is told at once, also while the ConfigMap can not be rebuilt', async () => {
  const desk = await live();
  desk.deleteMap('pom-licenses');
  desk.save(invalid);
  desk.fail((request) => writesMap(request, 'pom-licenses'), { code: 0, reason: 'NoAnswer' });
  await desk.run();
  assert.is(desk.reasonOf('Valid'), 'Invalid');
});

rule('R1.1 invalid in the middle of a plan: the ConfigMaps become what was on its way', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }));
  const wait = waitOf(await desk.run()) ?? 0;
  desk.save({ ...invalid, settleSeconds: 100 });
  await desk.run();
  assert.equal([desk.status()?.applied?.generation, desk.status()?.applying?.generation], [1, 2]);
  await desk.clock.advance(wait);
  await desk.run();
  assert.equal([desk.ports('pom-licenses-a'), desk.ports('pom-licenses-b')], ['2', '3']);
  assert.equal([desk.status()?.applied?.generation, desk.status()?.applying], [2, undefined]);
  assert.equal(desk.judge.violations, []);
});

rule('R1.2 an applicable spec is rendered from the spec, whatever the record says', async () => {
  const desk = await live();
  desk.restore({ observedGeneration: -1 });
  desk.save(plainOf(6));
  await desk.run();
  assert.equal([desk.ports('pom-licenses'), desk.stamp('pom-licenses')], ['6', '2']);
  assert.is(desk.status()?.applied?.generation, 2);
});

/** The ConfigMap says 6 at generation 2, and the status tells of 5 at generation 1: a crash between the two writes. */
async function crashed(): Promise<FlowDesk> {
  const desk = await live();
  const mend = desk.fail(writesStatus, { code: 503 });
  desk.save(plainOf(6));
  await desk.run();
  mend();
  desk.nextTerm();
  assert.equal([desk.ports('pom-licenses'), desk.status()?.applied?.generation], ['6', 1]);
  desk.writes();
  return desk;
}

for (const [what, spec, reason] of held)
  rule(`R1.3 a crash between the two writes, then a spec that is ${what}: the ConfigMap is the record`, async () => {
    const desk = await crashed();
    desk.save(spec);
    await desk.run();
    assert.equal([desk.writes(), desk.reasonOf('Applied')], [['PUT status'], reason]);
    assert.equal([desk.ports('pom-licenses'), desk.status()?.applied?.generation], ['6', 2]);
    assert.equal(
      desk.status()?.history?.map(({ generation }) => generation),
      [2, 1],
    );
    assert.equal(desk.judge.violations, []);
  });

rule('R1.3 with a lost status the ConfigMap is the record', async () => {
  const desk = await live();
  desk.save(invalid);
  desk.restore({ observedGeneration: -1 });
  await desk.run();
  assert.equal([desk.writes(), desk.status()?.applied?.generation], [['PUT status'], 1]);
  assert.is(desk.status()?.licenses?.outboundPorts.capacity, 5);
});

rule('R1.3 a record that has lost its label is found where it is to be made again, and believed', async () => {
  const desk = await crashed();
  desk.mark('pom-licenses', { labels: {} });
  desk.save(invalid);
  await desk.run();
  assert.equal([desk.reasonOf('Valid'), desk.status()?.applied?.generation], ['Invalid', 2]);
  assert.equal(desk.writes(), ['POST pom-licenses 5 409', 'PUT pom-licenses 6', 'PUT status']);
  assert.equal(desk.judge.violations, []);
});

const forged = declare('pom', plainOf(999));
const [{ data: forgedData, dataHash: forgedHash }] = render(forged) as [ReturnType<typeof render>[number]];
const record = (generation: number, more: Record<string, string> = {}) => ({
  [`${ours}/generation`]: String(generation),
  [`${ours}/settings-hash`]: settingsHash(forged),
  [`${ours}/data-hash`]: forgedHash,
  ...more,
});
/** A record that differs from a good one of generation 2 in one thing. */
const records: readonly (readonly [string, Record<string, string>, Record<string, string>])[] = [
  ['its data do not match its data-hash', record(2, { [`${ours}/data-hash`]: dataHash({}) }), forgedData],
  [
    'its declaration does not match its settings-hash',
    record(2, { [`${ours}/settings-hash`]: 'a'.repeat(64) }),
    forgedData,
  ],
  ['its generation is that of what is applied', record(1), forgedData],
  ['its generation is still to come', record(3), forgedData],
  ['it carries the uid of another', record(2, { [`${ours}/owner-uid`]: 'another' }), forgedData],
];

for (const [what, annotations, data] of records)
  rule(`R1.3 a ConfigMap is no record where ${what}: it is drift`, async () => {
    const desk = await live();
    desk.save(plainOf(7, { applyPolicy: 'Manual' }));
    await desk.run();
    desk.writes();
    desk.edit('pom-licenses', (map) => ({
      ...map,
      metadata: { ...map.metadata, annotations: { ...map.metadata.annotations, ...annotations } },
      data,
    }));
    await desk.run();
    assert.equal([desk.ports('pom-licenses'), desk.status()?.applied?.generation], ['5', 1]);
    assert.equal(desk.writes(), ['PUT pom-licenses 5']);
  });

rule('R1.3 a ConfigMap that was left out of the cache is read before it is judged: it may be the record', async () => {
  const desk = await crashed();
  desk.save(invalid);
  const { record: _, ...view } = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
  desk.world.configMaps.put({ ...view, dataHash: 'unread', unread: true });
  await desk.run();
  assert.is(desk.status()?.applied?.generation, 2);
});

/** The status of an earlier moment comes back, as from a backup. */
const takenBack = async (first: object, second: object) => {
  const desk = await live(first);
  const backup = desk.status() as Status;
  desk.save(second);
  await desk.run();
  await desk.clock.advance(200_000);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  return { ...desk, backup };
};

rule('R1.1 a status of a backup: what is rebuilt from it keeps the later stamp that is there', async () => {
  const desk = await takenBack(plainOf(5), plainOf(6));
  desk.spoil('pom-licenses');
  desk.save(plainOf(7, { applyPolicy: 'Manual' }));
  desk.restore(desk.backup);
  await desk.run();
  assert.equal([desk.ports('pom-licenses'), desk.stamp('pom-licenses')], ['5', '2']);
  assert.is((await desk.run()).said, 'unchanged');
});

for (const [what, spec, stamp] of [
  ['what is rebuilt from it is not stamped with the future', plainOf(5), '1'],
  ['the next settings are stamped with their own', plainOf(6), '2'],
] as const)
  rule(`R1.1 a status of a backup with a generation that is still to come: ${what}`, async () => {
    const desk = await live();
    const { applied, ...rest } = desk.status() as Status;
    desk.restore({ ...rest, applied: { ...(applied as Applied), generation: 7 } });
    desk.save(spec);
    desk.deleteMap('pom-licenses');
    await desk.run();
    assert.is(desk.stamp('pom-licenses'), stamp);
  });

/** The ConfigMaps that a run reads. */
async function mapsReadBy(desk: FlowDesk): Promise<string[]> {
  desk.asked();
  await desk.run();
  return desk.asked().filter((one) => one.startsWith('GET') && one !== 'GET object');
}

rule('R1.4 a plan that no spec of the object could give is no plan: nothing is created for its zones', async () => {
  for (const hashOf of [() => 'f'.repeat(64), (one: Applied) => one.settingsHash]) {
    const desk = await live(zonesOf({ a: 1 }));
    const status = desk.status() as Status;
    const applied = status.applied as Applied;
    const settings = { ...applied.settings, zones: [{ name: 'a' }, { name: 'made-up' }] };
    desk.restore({ ...status, applying: { ...applied, settings, settingsHash: hashOf(applied) } });
    await desk.run();
    assert.is(desk.status()?.applying, undefined);
    const strange = desk.writes().filter((one) => one.includes('made-up'));
    assert.equal(strange, []);
  }
});

rule('R1.5 a name that no spec of the object could give is not asked for, whatever the status says', async () => {
  const desk = await live(zonesOf({ a: 1 }));
  const strange = ['../../secrets', 'other', 'pom-/x', 'pom-?watch=true', 'pom-A', `pom-${'n'.repeat(160)}`, ''];
  const configMaps = [...strange, 'pom-before'].map((name) => ({ name, dataHash: '' }));
  desk.restore({ ...(desk.status() as Status), configMaps });
  desk.save(zonesOf({ a: 2 }));
  assert.equal(await mapsReadBy(desk), ['GET pom-before']);
});

rule('R1.5 of thousands of names in a status no more are asked for than a spec can give', async () => {
  const desk = await live(zonesOf({ a: 1 }));
  const configMaps = Array.from({ length: 2_000 }, (_, i) => ({ name: `pom-n${i}`, dataHash: '' }));
  desk.restore({ ...(desk.status() as Status), configMaps });
  desk.save(zonesOf({ a: 2 }));
  assert.is((await mapsReadBy(desk)).length, 65);
});

rule('R1.5 the longest names that a spec can give are known, and what is retained', () => {
  const longest = `pom-${'c'.repeat(116)}-${'z'.repeat(40)}`;
  const configMaps = [{ name: longest, dataHash: 'x', retained: true }];
  assert.equal(knownConfigMaps({ configMaps }, 'pom'), configMaps);
  assert.is(knownConfigMaps({}, 'pom'), undefined);
});

rule('R1.6 with zones and a lost status nothing is written until a spec is applicable', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.restore({ observedGeneration: -1 });
  desk.save(zonesOf({ a: 2, b: 3 }, { applyPolicy: 'Manual' }));
  desk.spoil('pom-licenses-a');
  desk.deleteMap('pom-licenses-b');
  await desk.run();
  assert.equal([desk.writes(), desk.reasonOf('Ready')], [['PUT status'], 'ApplyPending']);
  await desk.run();
  assert.equal(desk.asked(), [], 'nor is anything asked for');
  desk.save(zonesOf({ a: 3, b: 2 }));
  const wait = waitOf(await desk.run()) ?? 0;
  await desk.clock.advance(wait);
  await desk.run();
  assert.equal([desk.ports('pom-licenses-a'), desk.ports('pom-licenses-b')], ['3', '2']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});
