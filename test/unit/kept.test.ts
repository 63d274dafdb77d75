/** What the caches keep of what others write: bounded, whatever they store, and nothing that decides is lost. */
import * as assert from 'uvu/assert';
import type { Status } from '../../src/api/licensesettings.ts';
import { annotations, apiVersion, kind, labels, manager } from '../../src/api/names.ts';
import { configMapMetadata, maxMetadata } from '../../src/controller/kept.ts';
import { canBeOf, kindsIn } from '../../src/controller/kinds.ts';
import {
  indexConfigMap,
  type LicenseSettings,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
} from '../../src/controller/objects.ts';
import { failurePatience } from '../../src/controller/retries.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import {
  Barrier,
  createScope,
  type KubeObject,
  type NamespacedMeta as ObjectMeta,
  type OwnerReference,
  Store,
} from '../../src/kube/index.ts';
import { isApproved, unusableApproval } from '../../src/settings/approval.ts';
import {
  carriesUid,
  isLeftBehind,
  isOurs,
  isOwnedBy,
  metadataRight,
  stampOf,
  wantedMetadata,
} from '../../src/settings/configmap.ts';
import { render } from '../../src/settings/render.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, plainOf, zonesOf } from '../support/flow-desk.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const owner = { name: 'pom', uid: 'uid-pom' };
const hash = 'a'.repeat(64);
const [rendered] = render({ configMap: { name: 'pom-licenses' } });
if (!rendered) throw new Error('nothing is rendered');
const want = { rendered, generation: 3, retained: false };

const identity = (name: string, more: object = {}) =>
  ({ name, namespace: 'dialer', uid: `uid-${name}`, resourceVersion: '7', ...more }) as ObjectMeta;
const sizeOf = (kept: unknown): number => JSON.stringify(kept).length;
const many = (count: number, length: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`example.com/${i}`, 'x'.repeat(length)]));
const references = (count: number): OwnerReference[] =>
  Array.from({ length: count }, (_, i) => ({ apiVersion: 'v1', kind: 'Pod', name: `pod-${i}`, uid: `uid-pod-${i}` }));

const test = suite('what is kept');

test('R9.24 of a LicenseSettings the metadata that decide, and nothing else that anybody wrote on it', () => {
  const hostile = {
    ...{ labels: many(500, 60), ownerReferences: references(2_000), finalizers: Object.keys(many(500, 1)) },
    annotations: { ...many(1, 250_000), [annotations.apply]: hash },
  };
  const spec = plainOf(5);
  const kept = projectSettings({ metadata: identity('pom', { generation: 2, ...hostile }), spec } as KubeObject);
  assert.equal(kept.metadata, identity('pom', { generation: 2, annotations: { [annotations.apply]: hash } }));
  assert.equal(projectSettings({ metadata: identity('pom'), spec } as KubeObject).metadata, identity('pom'));
});

test('R9.24 an approval approves however many spaces are around it, and a long one approves nothing and is cut', () => {
  const notesOf = (approval: string) =>
    projectSettings({ metadata: identity('pom', { annotations: { [annotations.apply]: approval } }) }).metadata
      .annotations;
  const spaced = notesOf(`${' '.repeat(100_000)}${hash}${' '.repeat(100_000)}`);
  assert.ok(isApproved(spaced, hash));
  assert.ok(sizeOf(spaced) < 400);
  for (const long of [`${hash}${' '.repeat(200_000)}x`, 'x'.repeat(250_000), `${hash}${hash}`.repeat(1_000)]) {
    const notes = notesOf(long);
    assert.not.ok(isApproved(notes, hash));
    assert.ok(sizeOf(notes) < 400);
    assert.match(unusableApproval(notes) ?? '', 'no settingsHash, so it approves nothing');
  }
});

test('R9.24 of a ConfigMap the metadata whole while they are small; else what decides, and that there is more', () => {
  const ours = identity('pom-licenses', wantedMetadata(owner, want));
  const tools = { ...ours, annotations: { ...ours.annotations, ...many(1, 1_900) }, finalizers: ['example.com/held'] };
  assert.equal(configMapMetadata({ ...tools, managedFields: many(1, 9_000) }), { metadata: tools });
  const hostile = {
    ...ours,
    ...{ labels: { ...many(3_000, 60), ...ours.labels }, annotations: { ...many(1, 250_000), ...ours.annotations } },
    ...{ ownerReferences: [...references(2_000), ...(ours.ownerReferences ?? [])] },
    finalizers: Object.keys(many(900, 1)),
  };
  assert.equal(configMapMetadata(hostile), { metadata: ours, partial: true });
  assert.ok(sizeOf(ours) < maxMetadata / 2, `ours take ${sizeOf(ours)}`);
});

test('R9.24 what our own metadata decide is the same, whatever others wrote beside them', () => {
  const other: OwnerReference = { apiVersion, kind, name: 'pom', uid: 'uid-before', controller: true };
  const ours = wantedMetadata(owner, want);
  const { [labels.managedBy]: _, ...unlabelled } = ours.labels;
  const twice = [...ours.ownerReferences, { ...other, uid: owner.uid, kind: 'Pod', controller: false }];
  const cases: Partial<ObjectMeta>[] = [
    ours,
    { ...ours, labels: unlabelled },
    { ...ours, ownerReferences: [] },
    { ...ours, ownerReferences: [other] },
    { ...ours, ownerReferences: twice },
    { ...ours, annotations: { ...ours.annotations, [annotations.ownerUid]: 'x'.repeat(10_000) } },
    {
      ...ours,
      annotations: { ...ours.annotations, [annotations.generation]: '1'.repeat(10_000) },
      ownerReferences: [],
    },
    { labels: { [labels.settings]: 'pom', [labels.managedBy]: manager, [labels.zone]: 'emea' } },
    {},
  ];
  const verdicts = (metadata: ObjectMeta) => {
    const view = { metadata, dataHash: rendered.dataHash, binary: false, immutable: false };
    const of = [carriesUid, isOurs, isLeftBehind].map((holds) => holds(view, owner));
    return [...of, isOwnedBy(owner, view), stampOf(view, owner), metadataRight(owner, want, view)];
  };
  for (const [i, one] of cases.entries()) {
    const whole = identity('pom-licenses', {
      ...one,
      labels: { ...many(500, 60), ...one.labels },
      ownerReferences: [...references(100), ...(one.ownerReferences ?? [])],
    });
    const { metadata, partial } = configMapMetadata(whole);
    assert.ok(partial);
    assert.ok(sizeOf(metadata) < 2_000, `case ${i} takes ${sizeOf(metadata)}`);
    assert.equal(verdicts(metadata), verdicts(whole), `case ${i}`);
  }
});

const record = JSON.stringify({ scope: 'System', filler: 'x'.repeat(100_000) });

test('R9.24 a ConfigMap that has no object costs a few hundred bytes, and says that its record was left out', () => {
  const metadata = identity('of-nobody', {
    labels: { ...many(200, 60), [labels.managedBy]: manager, [labels.settings]: 'nobody' },
    annotations: { ...many(1, 200_000), [annotations.ownerUid]: 'uid-of-nobody' },
    managedFields: [{ manager: 'x'.repeat(10_000), fieldsV1: { 'f:data': many(100, 100) } }],
  });
  const data = { 'licenses.json': record, filler: 'x'.repeat(900_000) };
  const kept = projectConfigMap({ metadata, data } as KubeObject, () => false);
  assert.ok(sizeOf(kept) < 600, `it takes ${sizeOf(kept)}`);
  assert.ok(kept.unread);
  assert.is(projectConfigMap({ metadata, data } as KubeObject).record, record);
});

test('C1 R4.1 a ConfigMap can be that of a LicenseSettings of its namespace by its uid, or by its name', () => {
  const settings = new Store<LicenseSettings>();
  settings.put(projectSettings({ metadata: identity('pom') }));
  const isTheirs = (metadata: Partial<ObjectMeta>) =>
    canBeOf(settings)(projectConfigMap({ metadata: identity('map', metadata) }));
  const reference = { apiVersion, kind, name: 'pom', uid: 'uid-pom', controller: true };
  const labelled = { [labels.managedBy]: manager, [labels.settings]: 'pom' };
  assert.ok(isTheirs({ ownerReferences: [reference] }));
  assert.ok(isTheirs({ labels: labelled, annotations: { [annotations.ownerUid]: 'uid-before' } }));
  assert.not.ok(isTheirs({ ownerReferences: [{ ...reference, uid: 'uid-before' }], labels: labelled }));
  assert.not.ok(isTheirs({ labels: { ...labelled, [labels.settings]: 'other' } }));
  assert.not.ok(isTheirs({ ownerReferences: [reference], namespace: 'elsewhere' }));
});

/** A flow desk, and the names of the ConfigMaps that it was asked for. */
function deskWithGets() {
  const desk = createFlowDesk();
  const gets: string[] = [];
  desk.faults.push(({ method, resource, path }: Request) => {
    if (method === 'GET') gets.push(resource === 'configmaps' ? (path.split('/').at(-1) ?? '') : resource);
    return undefined;
  });
  return { desk, gets: () => gets.splice(0) };
}

test('R9.24 what others wrote on a ConfigMap stays, however much it is: it is read before it is written, and only then', async () => {
  const { desk, gets } = deskWithGets();
  desk.save(plainOf(5));
  await desk.run();
  const [small, large] = [many(1, 100), many(20, 10_000)];
  for (const more of [small, large]) {
    const held = { labels: more === large ? many(300, 60) : {}, finalizers: ['example.com/held'] };
    desk.edit('pom-licenses', (map) => ({
      ...map,
      metadata: {
        ...{ ...map.metadata, finalizers: held.finalizers },
        labels: { ...map.metadata.labels, ...held.labels },
        annotations: { ...map.metadata.annotations, ...more },
      },
      data: {},
    }));
    await desk.run();
    assert.equal(gets(), more === large ? ['pom-licenses'] : []);
    const { metadata } = desk.configMap('pom-licenses') ?? {};
    assert.is(desk.ports('pom-licenses'), '5');
    for (const [texts, expected] of [
      [metadata?.annotations, more],
      [metadata?.labels, held.labels],
    ] as const)
      for (const [key, value] of Object.entries(expected)) assert.is(texts?.[key], value);
    assert.equal((metadata as ObjectMeta | undefined)?.finalizers, held.finalizers);
  }
  await desk.run();
  assert.equal(gets(), [], 'nothing is read while nothing is to be written');
});

test('R6.1 a ConfigMap that was read to be written is refused where it has changed since it was looked at', async () => {
  const { desk } = deskWithGets();
  desk.save(plainOf(5));
  await desk.run();
  desk.edit('pom-licenses', (map) => ({
    ...map,
    metadata: { ...map.metadata, annotations: { ...map.metadata.annotations, ...many(1, 9_000) } },
    data: {},
  }));
  const seen = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
  desk.edit('pom-licenses', (map) => ({ ...map, data: { edited: 'again' } }));
  desk.world.configMaps.put(seen);
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses 5 409']);
});

test('R3.3 what others wrote on a ConfigMap that was made immutable goes over to the new one', async () => {
  const { desk } = deskWithGets();
  desk.save(plainOf(5));
  await desk.run();
  const large = many(20, 10_000);
  desk.edit('pom-licenses', (map) => ({
    ...{ ...map, immutable: true, data: {} },
    metadata: { ...map.metadata, annotations: { ...map.metadata.annotations, ...large } },
  }));
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), ['DELETE pom-licenses', 'POST pom-licenses 5']);
  const annotated = desk.configMap('pom-licenses')?.metadata.annotations ?? {};
  for (const key of Object.keys(large)) assert.is(annotated[key], large[key]);
});

/** Empty caches, into which the ConfigMaps come first, and the object, its status lost, afterwards. */
async function restoredBackup(spec: object, annotated: Record<string, string> = {}) {
  const { desk, gets } = deskWithGets();
  desk.save(plainOf(5));
  await desk.run();
  desk.save(spec, annotated);
  await desk.run();
  desk.restore({ observedGeneration: -1 } as Status);
  const settings = new Store<LicenseSettings>();
  const configMaps = new Store<StoredConfigMap>(indexConfigMap);
  configMaps.put(projectConfigMap(desk.configMap('pom-licenses') as never, canBeOf(settings)));
  settings.put(projectSettings(desk.object() as never));
  Object.assign(desk.world, { settings, configMaps });
  desk.nextTerm();
  desk.writes();
  gets();
  return { desk, gets };
}

test('R9.24 a backup brings a ConfigMap before its object: its record is read before it is judged, once', async () => {
  const { desk, gets } = await restoredBackup(plainOf(9, { applyPolicy: 'Manual' }));
  assert.ok(desk.world.configMaps.get('dialer/pom-licenses')?.unread);
  await desk.run();
  assert.equal(gets(), ['pom-licenses']);
  assert.equal([desk.reasonOf('Ready'), desk.ports('pom-licenses')], ['ApplyPending', '5']);
  assert.is(desk.status()?.applied?.generation, 1);
  assert.equal(desk.writes(), ['PUT status']);
  await desk.run();
  assert.equal([gets(), desk.writes()], [[], []]);
  assert.equal(desk.judge.violations, []);
});

test('R6.4 what was read is not put into the cache', async () => {
  const { desk } = await restoredBackup(plainOf(9, { applyPolicy: 'Manual' }));
  const before = structuredClone(desk.world.configMaps.get('dialer/pom-licenses'));
  await desk.run();
  assert.equal(desk.world.configMaps.get('dialer/pom-licenses'), before);
});

test('R8.5 what was left out is read once, until the watch tells of another version', async () => {
  const { desk, gets } = await restoredBackup(plainOf(9, { applyPolicy: 'Manual' }));
  await desk.run();
  gets();
  const view = desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap;
  desk.world.configMaps.put({ ...view, metadata: { ...view.metadata, resourceVersion: '999999' } });
  await desk.run();
  assert.equal(gets(), ['pom-licenses']);
});

test('R1.3 while a record that was left out can not be read nothing is said of what is live', async () => {
  const { desk } = await restoredBackup(plainOf(9, { applyPolicy: 'Manual' }));
  const mend = desk.fail(({ method }) => method === 'GET', { code: 0, reason: 'NoAnswer' });
  assert.is((await desk.run()).said, 'retry');
  assert.equal(desk.writes(), []);
  await desk.clock.advance(failurePatience);
  await desk.run();
  assert.equal([desk.reasonOf('Ready'), desk.status()?.applied], ['WriteFailed', undefined]);
  mend();
  await desk.run();
  assert.is(desk.status()?.applied?.generation, 1);
});

test('R2.2 R4.3 a zone that a new object adopts holds what its record says, although it came before the object', async () => {
  const { desk, gets } = deskWithGets();
  desk.restoreMap('pom-licenses-a', { zone: 'a', ports: 4, uid: 'uid-before' });
  assert.ok(desk.world.configMaps.get('dialer/pom-licenses-a')?.unread);
  desk.save(zonesOf({ a: 1, b: 4 }));
  await desk.run();
  assert.is(gets().filter((name) => name === 'pom-licenses-a').length, 1);
  assert.equal(
    desk.writes().filter((one) => one.includes('licenses-a')),
    ['PUT pom-licenses-a 1'],
  );
  assert.equal(desk.judge.violations, []);
});

/** A scope whose settings are listed when `open` is called; the events of both watches come afterwards. */
function createWatched(maps: readonly KubeObject[]) {
  const clock = createVirtualClock();
  const asked: string[] = [];
  const gate = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const pom = { metadata: identity('pom'), spec: plainOf(5) } as KubeObject;
  const end = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '100', annotations: initialEventsEnd } } };
  const client: Client = {
    request: () => Promise.reject(new Error('nothing is listed in pages')),
    async *lines({ resource, signal }) {
      asked.push(resource);
      if (resource !== 'configmaps') await gate.promise;
      for (const object of resource === 'configmaps' ? maps : [pom]) yield JSON.stringify({ type: 'ADDED', object });
      yield JSON.stringify(end);
      if (resource === 'configmaps')
        await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
      await gone.promise;
      const last = { ...pom, metadata: { ...pom.metadata, resourceVersion: '101' } };
      yield JSON.stringify({ type: 'DELETED', object: last });
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    },
    close: async () => {},
  };
  const settings = new Store<LicenseSettings>();
  const configMaps = new Store<StoredConfigMap>(indexConfigMap);
  const scope = createScope(
    {
      ...{ client, clock, namespace: 'dialer', timing: {}, currentFor: 60_000, observer: () => ({}) },
      barrier: new Barrier(),
      ...{ onChange: () => undefined, onWentBack: () => undefined },
    },
    kindsIn({ settings, configMaps }),
  );
  const stop = new AbortController();
  const running = scope.run(stop.signal);
  const finish = async () => {
    gate.resolve();
    gone.resolve();
    stop.abort();
    await running;
  };
  return { clock, asked, configMaps, open: () => gate.resolve(), deleteObject: () => gone.resolve(), stop: finish };
}
const initialEventsEnd = { 'k8s.io/initial-events-end': 'true' };

const retained = (name: string, uid: string, settings: string): KubeObject => ({
  metadata: identity(name, {
    labels: { [labels.managedBy]: manager, [labels.settings]: settings },
    annotations: { [annotations.ownerUid]: uid },
  }),
  ...{ data: { 'licenses.json': record } },
});

test('R9.24 which objects there are is known before the first ConfigMap is read, so no record has to be read again', async () => {
  const watched = createWatched([retained('pom-licenses', 'uid-pom', 'pom'), retained('other', 'uid-other', 'other')]);
  await watched.clock.advance(5_000);
  assert.equal(watched.asked, ['licensesettings']);
  watched.open();
  await watched.clock.advance(1_000);
  assert.equal(watched.asked, ['licensesettings', 'configmaps']);
  const { configMaps } = watched;
  assert.equal([configMaps.get('dialer/pom-licenses')?.record, configMaps.get('dialer/other')?.unread], [record, true]);
  await watched.stop();
});

test('a scope that ends before its objects are known ends', async () => {
  const watched = createWatched([]);
  await watched.clock.advance(1_000);
  await watched.stop();
  assert.is(watched.asked.filter((one) => one === 'configmaps').length, 0);
});

test('R9.24 of a ConfigMap whose object has gone no more is kept than of one that never had any', async () => {
  const watched = createWatched([retained('pom-licenses', 'uid-pom', 'pom')]);
  watched.open();
  await watched.clock.advance(1_000);
  assert.is(watched.configMaps.get('dialer/pom-licenses')?.record, record);
  watched.deleteObject();
  await watched.clock.advance(1_000);
  const kept = watched.configMaps.get('dialer/pom-licenses');
  assert.ok(kept?.unread && sizeOf(kept) < 600);
  await watched.stop();
});
