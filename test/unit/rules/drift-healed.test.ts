/** Rule 3 through the whole flow: what is mended, what of others stays, and what comes from an older release. */
import * as assert from 'uvu/assert';
import type { Status } from '../../../src/api/licensesettings.ts';
import { priorities } from '../../../src/controller/priorities.ts';
import { dataHash } from '../../../src/settings/hash.ts';
import type { Stored } from '../../simulation/server.ts';
import { suite } from '../../suite.ts';
import { createFlowDesk, type FlowDesk, plainOf, writesMap, zonesOf } from '../../support/flow-desk.ts';

const rule = suite('rule 3: drift is healed');
const ours = 'licensing.dialer.dev';
const managedBy = { 'app.kubernetes.io/managed-by': 'license-settings-operator' };
const invalid = { licenses: { outboundPorts: { minimum: 9, maximum: 1 } } };

async function live(spec: object = plainOf(5)): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(spec);
  await desk.run();
  await desk.run();
  await desk.clock.advance(61_000);
  desk.writes();
  return desk;
}
/** What decides of a ConfigMap. */
const contentOf = ({ data, binaryData, immutable, metadata }: Stored) => ({
  ...{ data, binaryData: binaryData ?? {}, immutable: immutable ?? false },
  ...{ labels: metadata.labels, annotations: metadata.annotations, owners: metadata.ownerReferences },
});
const inData = (change: (data: Record<string, string>) => object) => (map: Stored) => ({
  ...map,
  data: change(map['data'] as Record<string, string>),
});
const inMetadata = (change: object) => (map: Stored) => ({ ...map, metadata: { ...map.metadata, ...change } });

const edits: readonly (readonly [string, (map: Stored) => object])[] = [
  ['a key is edited', inData((data) => ({ ...data, OUTBOUND_PORTS_CAPACITY: '999' }))],
  ['a key is removed', inData(({ OUTBOUND_PORTS_CAPACITY: _, ...data }) => data)],
  ['a key is added', inData((data) => ({ ...data, EXTRA: '1' }))],
  ['all data are removed', inData(() => ({}))],
  ['binary data are added', (map) => ({ ...map, binaryData: { 'a.bin': 'AA==' } })],
  ['a label is removed', inMetadata({ labels: managedBy })],
  [
    'the label that names the settings is changed',
    inMetadata({ labels: { ...managedBy, [`${ours}/settings`]: 'other' } }),
  ],
  ['the annotations are removed', inMetadata({ annotations: {} })],
  ['the owner is removed', inMetadata({ ownerReferences: [] })],
];

for (const [what, edit] of edits)
  rule(`R3.1 ${what}: it is mended with one write, and then at rest`, async () => {
    const desk = await live();
    const before = contentOf(desk.configMap('pom-licenses') as Stored);
    desk.edit('pom-licenses', edit);
    await desk.run();
    assert.equal(desk.writes(), ['PUT pom-licenses 5']);
    assert.equal(contentOf(desk.configMap('pom-licenses') as Stored), before);
    await desk.run();
    assert.equal(desk.asked(), []);
    assert.equal(desk.judge.violations, []);
  });

for (const zones of [false, true])
  rule(`R3.1 a ConfigMap ${zones ? 'of a zone ' : ''}is deleted: it is created again`, async () => {
    const desk = await live(zones ? zonesOf({ a: 3, b: 2 }) : plainOf(5));
    const name = zones ? 'pom-licenses-b' : 'pom-licenses';
    desk.deleteMap(name);
    await desk.run();
    assert.equal(desk.writes(), [`POST ${name} ${zones ? 2 : 5}`]);
    assert.equal(desk.judge.violations, []);
  });

rule('R3.1 all labels are removed, and the watch shows it no more: it is found and mended', async () => {
  const desk = await live();
  desk.mark('pom-licenses', { labels: {} });
  await desk.run();
  assert.equal(desk.writes(), ['POST pom-licenses 5 409', 'PUT pom-licenses 5']);
  assert.is(desk.configMap('pom-licenses')?.metadata.labels?.[`${ours}/settings`], 'pom');
});

for (const [what, code, reason] of [
  ['refused', 403, 'WriteRejected'],
  ['kept out by somebody else', undefined, 'ConfigMapConflict'],
] as const)
  rule(`R3.1 one ConfigMap whose write is ${what} does not keep the others from being healed`, async () => {
    const desk = await live(zonesOf({ a: 3, b: 2 }));
    desk.spoil('pom-licenses-b');
    if (code === undefined) desk.mark('pom-licenses', { ownerReferences: [], annotations: {}, labels: managedBy });
    else {
      desk.spoil('pom-licenses');
      desk.fail((request) => writesMap(request, 'pom-licenses'), { code });
    }
    const { event } = await desk.run();
    assert.is(desk.reasonOf('Applied'), reason);
    assert.is(desk.ports('pom-licenses-b'), '2');
    assert.match(event?.note.note ?? '', code === undefined ? 'pom-licenses belongs' : 'pom-licenses-b ');
  });

rule('R3.1 a zone that a plan did not touch keeps its stamp, and is left alone afterwards', async () => {
  const desk = await live(zonesOf({ a: 2, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal([desk.stamp('pom-licenses-a'), desk.stamp('pom-licenses-b')], ['1', '2']);
  desk.writes();
  assert.is((await desk.run()).said, 'unchanged');
  assert.equal(desk.writes(), []);
});

const theirs = {
  labels: { team: 'blue' },
  annotations: { 'argocd.argoproj.io/tracking-id': 'x' },
  ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'pod' }],
};
/** What others wrote is on it, beside ours. */
const withTheirs = (map: Stored) => ({
  ...map,
  metadata: {
    ...map.metadata,
    labels: { ...map.metadata.labels, ...theirs.labels },
    annotations: { ...map.metadata.annotations, ...theirs.annotations },
    ownerReferences: [...theirs.ownerReferences, ...(map.metadata.ownerReferences ?? [])],
  },
});
const holdsTheirs = ({ metadata }: Stored) => {
  for (const [key, value] of Object.entries(theirs.labels)) assert.is(metadata.labels?.[key], value);
  for (const [key, value] of Object.entries(theirs.annotations)) assert.is(metadata.annotations?.[key], value);
  assert.ok(metadata.ownerReferences?.some(({ uid }) => uid === 'pod'));
};

rule('R3.2 an immutable ConfigMap is deleted, with preconditions, and created again', async () => {
  const desk = await live();
  desk.edit('pom-licenses', (map) => ({ ...withTheirs(map), immutable: true, data: { by: 'hand' } }));
  const { uid, resourceVersion } = desk.configMap('pom-licenses')?.metadata ?? {};
  desk.writes();
  await desk.run();
  const sent = desk.bodies();
  assert.equal(
    sent.map(({ method }) => method),
    ['DELETE', 'POST'],
  );
  const body = sent[0]?.body as { preconditions: object } | undefined;
  assert.equal(body?.preconditions, { uid, resourceVersion });
  const map = desk.configMap('pom-licenses') as Stored;
  assert.equal([map['immutable'], desk.ports('pom-licenses')], [undefined, '5']);
  holdsTheirs(map);
  assert.equal(desk.judge.violations, []);
});

rule('R3.2 one that is made immutable in the middle of a plan is replaced before the plan is done', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  desk.edit('pom-licenses-a', (map) => ({ ...map, immutable: true }));
  desk.writes();
  await desk.clock.advance(100_000);
  await desk.run();
  assert.equal(desk.writes(), [
    ...['PUT pom-licenses-b 3', 'DELETE pom-licenses-a', 'POST pom-licenses-a 2', 'PUT status'],
  ]);
  assert.is(desk.configMap('pom-licenses-a')?.['immutable'], undefined);
});

rule('R3.3 labels, annotations and ownerReferences of others stay, however much they are', async () => {
  for (const more of [{}, { long: 'x'.repeat(200_000) }]) {
    const desk = await live();
    desk.edit('pom-licenses', (map) => {
      const marked = withTheirs(map);
      const annotations = { ...marked.metadata.annotations, ...more };
      return { ...marked, metadata: { ...marked.metadata, annotations }, data: {} };
    });
    await desk.run();
    const map = desk.configMap('pom-licenses') as Stored;
    assert.is(desk.ports('pom-licenses'), '5');
    holdsTheirs(map);
    for (const [key, value] of Object.entries(more)) assert.is(map.metadata.annotations?.[key], value);
  }
});

rule('R3.3 what others wrote is left alone where ours is right', async () => {
  const desk = await live();
  desk.edit('pom-licenses', withTheirs);
  desk.writes();
  await desk.run();
  assert.equal(desk.asked(), []);
});

/** Data, and the annotation that says so. */
const withData = (data: Record<string, string>) => (map: Stored) => ({
  ...map,
  metadata: { ...map.metadata, annotations: { ...map.metadata.annotations, [`${ours}/data-hash`]: dataHash(data) } },
  data,
});
const olderData = { 'licenses.json': 'as an older release wrote it' };
/** As an older release left it: other bytes for the same settings, and the status knows their hash. */
async function ofOlderRelease(spec: object = plainOf(5)): Promise<FlowDesk> {
  const desk = await live(spec);
  desk.edit('pom-licenses', withData(olderData));
  const status = desk.status() as Status;
  const known = status.configMaps?.map((one) =>
    one.name === 'pom-licenses' ? { ...one, dataHash: dataHash(olderData) } : one,
  );
  desk.restore({ ...status, configMaps: known });
  desk.nextTerm();
  desk.writes();
  return desk;
}

rule('R3.4 what an older release rendered is rolled out behind all other work, and is no Restored', async () => {
  const desk = await ofOlderRelease();
  assert.is((await desk.run(priorities.fresh)).said, 'later');
  assert.is((await desk.run(priorities.resync)).said, 'later');
  assert.equal(desk.writes(), []);
  const { said, event } = await desk.run(priorities.background);
  assert.equal([said, event], ['written', undefined]);
  assert.equal(desk.writes(), ['PUT pom-licenses 5', 'PUT status']);
  await desk.run();
  assert.equal(desk.asked(), []);
});

for (const [what, spec] of [
  ['invalid', invalid],
  ['not approved', plainOf(9, { applyPolicy: 'Manual' })],
] as const)
  rule(`R3.4 nothing is rolled out while the newest spec is ${what}; metadata are mended`, async () => {
    const desk = await ofOlderRelease();
    desk.save(spec);
    await desk.run(priorities.background);
    assert.equal(desk.writes(), ['PUT status']);
    desk.mark('pom-licenses', { labels: managedBy });
    await desk.run(priorities.background);
    assert.equal(desk.writes(), ['PUT pom-licenses -']);
    const map = desk.configMap('pom-licenses') as Stored;
    assert.equal([map['data'], map.metadata.labels?.[`${ours}/settings`]], [olderData, 'pom']);
  });

rule('R3.4 metadata are mended around what was looked at: where it has changed since, that is refused', async () => {
  const desk = await ofOlderRelease();
  desk.save(invalid);
  desk.mark('pom-licenses', { labels: managedBy });
  desk.hold('configmaps');
  desk.spoil('pom-licenses');
  desk.writes();
  await desk.run();
  assert.ok(desk.writes().includes('PUT pom-licenses - 409'));
});

rule('R3.4 Retain does not wait for the turn of a rollout', async () => {
  const desk = await ofOlderRelease();
  desk.save(plainOf(5, { deletionPolicy: 'Retain' }));
  await desk.run();
  assert.equal(desk.configMap('pom-licenses')?.metadata.ownerReferences ?? [], []);
  assert.equal(
    desk.status()?.configMaps?.map(({ retained }) => retained),
    [true],
  );
  assert.is(desk.status()?.observedGeneration, 2);
});

rule('R3.5 data that are those of no release are drift, whatever the data-hash annotation says', async () => {
  const desk = await live();
  desk.edit('pom-licenses', withData({ by: 'hand' }));
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses 5']);
});

rule('R3.5 drift beside a rollout that waits is healed at once, and told', async () => {
  const desk = await ofOlderRelease(zonesOf({ a: 3, b: 2 }));
  desk.spoil('pom-licenses-a');
  const { said, event } = await desk.run();
  assert.equal([said, event?.note.reason], ['later', 'Restored']);
  assert.match(event?.note.note ?? '', 'pom-licenses-a ');
  assert.equal(desk.writes(), ['PUT pom-licenses-a 3']);
  assert.is((await desk.run(priorities.background)).event, undefined, 'and it is told once');
});
