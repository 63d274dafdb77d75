/** Drift and ConfigMaps of others: rules 1, 3, 4 and 6 of docs/contract.md, each case a test. */
import * as assert from 'uvu/assert';
import { declare } from '../../src/settings/declaration.ts';
import { dataHash, settingsHash } from '../../src/settings/hash.ts';
import { renderSystem as render } from '../../src/settings/render.ts';
import { writes } from '../controlplane/audit.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import {
  type Desk,
  type Operator,
  operatorUser,
  type StoredMap,
  startOperator,
  until,
  withoutRules,
} from '../operator.ts';
import { suite } from '../suite.ts';
import { closeStage, openStage } from '../support/stage.ts';

const spec = (maximum = 500) => ({ licenses: { outboundPorts: { minimum: 100, maximum } } });

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const test = suite('drift');

test.before(async () => {
  ({ plane, desk, operator } = await openStage('drift'));
});
test.after(() => closeStage({ plane, desk, operator }));

const ours = 'licensing.dialer.dev';
const pause = (milliseconds = 1_500) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Makes an object, drifts its ConfigMap, and waits until data and metadata of ours are whole again. */
async function heals(
  name: string,
  drift: (map: StoredMap) => Promise<unknown>,
  whole: (map: StoredMap, before: StoredMap) => boolean,
) {
  await desk.create(name, spec());
  const { status } = await desk.settled(name);
  const before = (await desk.configMap(`${name}-licenses`)) as StoredMap;
  const mark = plane.audit().mark();
  await drift(before);
  let after: StoredMap | undefined;
  await until(
    'the ConfigMap is whole again',
    async () => {
      after = await desk.configMap(`${name}-licenses`);
      return after !== undefined && JSON.stringify(after.data) === JSON.stringify(before.data) && whole(after, before);
    },
    20_000,
    () => JSON.stringify(after, null, 1),
  );
  await pause();
  assert.equal((await desk.get(name))?.status, status, 'the status says nothing new, so it is not written');
  assert.is(after?.metadata.annotations?.[`${ours}/generation`], '1', 'the stamp does not move');
  const events = await plane.audit().since(mark, ({ objectRef }) => objectRef?.namespace === desk.namespace);
  return { after: after as StoredMap, written: writes(events, operatorUser).map(({ verb }) => verb) };
}

test('R3.1, R8.4 an edited key is set back with one write', async () => {
  const { written } = await heals(
    'edited',
    () => desk.patchMap('edited-licenses', { data: { OUTBOUND_PORTS_CAPACITY: '9999' } }),
    () => true,
  );
  assert.equal(written, ['update']);
});

test('R3.1 a removed key comes back, an extra key goes', async () => {
  const { written } = await heals(
    'keys',
    () => desk.patchMap('keys-licenses', { data: { 'licenses.json': null, EXTRA: '1' } }),
    () => true,
  );
  assert.equal(written, ['update']);
});

test('R3.1 binaryData go', async () => {
  await heals(
    'binary',
    () => desk.patchMap('binary-licenses', { binaryData: { blob: 'AAAA' } }),
    (map) => map.binaryData === undefined,
  );
});

test('R3.1, R3.3 removed labels come back, also the one that the cache selects by; those of others stay', async () => {
  const { after } = await heals(
    'labels',
    () =>
      desk.patchMap('labels-licenses', {
        metadata: {
          labels: { 'app.kubernetes.io/managed-by': null, [`${ours}/settings`]: null, team: 'blue' },
          annotations: { note: 'theirs' },
        },
      }),
    (map) => map.metadata.labels?.['app.kubernetes.io/managed-by'] === 'license-settings-operator',
  );
  assert.is(after.metadata.labels?.[`${ours}/settings`], 'labels');
  assert.is(after.metadata.labels?.['team'], 'blue');
  assert.is(after.metadata.annotations?.['note'], 'theirs');
});

test('R6.3 a changed annotation of ours is set back, a forged stamp of the future too', async () => {
  await heals(
    'stamp',
    () =>
      desk.patchMap('stamp-licenses', {
        metadata: { annotations: { [`${ours}/generation`]: '999', [`${ours}/data-hash`]: 'x' } },
      }),
    (map, before) =>
      map.metadata.annotations?.[`${ours}/generation`] === '1' &&
      map.metadata.annotations[`${ours}/data-hash`] === before.metadata.annotations?.[`${ours}/data-hash`],
  );
});

test('R3.3 a removed ownerReference comes back, that of another stays', async () => {
  const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: '' };
  const { metadata } = await desk.createMap({ metadata: { name: 'other' }, data: {} });
  const { after } = await heals(
    'owner',
    () => desk.patchMap('owner-licenses', { metadata: { ownerReferences: [{ ...other, uid: metadata.uid }] } }),
    (map) => map.metadata.ownerReferences?.some(({ controller }) => controller) === true,
  );
  assert.ok(after.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid));
});

test('R3.1 a deleted ConfigMap is created again', async () => {
  const { written } = await heals(
    'deleted',
    () => desk.removeMap('deleted-licenses'),
    (map, before) => map.metadata.uid !== before.metadata.uid,
  );
  assert.equal(written, ['create']);
});

test('R3.2, R3.3 one made immutable is deleted and created again; what others wrote on it stays', async () => {
  const { after, written } = await heals(
    'frozen',
    () => desk.patchMap('frozen-licenses', { immutable: true, metadata: { labels: { team: 'blue' } } }),
    (map) => map.immutable === undefined,
  );
  assert.is(after.metadata.labels?.['team'], 'blue');
  assert.equal(written, ['delete', 'create']);
});

test('R10.1 a healed drift is told by one event', async () => {
  await until('the event Restored', async () => {
    const { stdout } = await plane.kubectl(['-n', desk.namespace, 'get', 'events.events.k8s.io', '-o', 'json']);
    const { items } = JSON.parse(stdout) as { items: { regarding: { name: string }; reason: string }[] };
    return items.filter(({ regarding, reason }) => regarding.name === 'edited' && reason === 'Restored').length === 1;
  });
});

test("R4.5 someone else's ConfigMap is not touched: a conflict, told in the status, resolved when the name is free", async () => {
  const foreign = await desk.createMap({
    metadata: { name: 'taken-licenses', labels: { app: 'theirs' } },
    data: { mine: '1' },
  });
  await desk.create('taken', spec());
  const stored = await desk.waitFor('taken', 'Applied', 'False', 'ConfigMapConflict');
  assert.is(desk.conditionOf(stored, 'Valid')?.status, 'True');
  assert.is(desk.conditionOf(stored, 'Stalled')?.status, 'True');
  assert.match(desk.conditionOf(stored, 'Ready')?.message ?? '', 'taken-licenses');
  assert.is(stored.status?.applied, undefined);
  assert.equal(await desk.configMap('taken-licenses'), foreign);
  await desk.removeMap('taken-licenses');
  await desk.waitFor('taken', 'Applied', 'True', 'Applied', 65_000);
});

test("R4.1, R4.5 a ConfigMap with another controller, or labels of another object, is someone else's", async () => {
  const { metadata } = await desk.createMap({ metadata: { name: 'boss' } });
  const labels = { 'app.kubernetes.io/managed-by': 'license-settings-operator', [`${ours}/settings`]: 'controlled' };
  const controller = { apiVersion: 'v1', kind: 'ConfigMap', name: 'boss', uid: metadata.uid, controller: true };
  const one = await desk.createMap({
    metadata: { name: 'controlled-licenses', labels, ownerReferences: [controller] },
  });
  const two = await desk.createMap({
    metadata: { name: 'labelled-licenses', labels: { ...labels, [`${ours}/settings`]: 'elsewhere' } },
  });
  await desk.create('controlled', spec());
  await desk.create('labelled', spec());
  await desk.waitFor('controlled', 'Applied', 'False', 'ConfigMapConflict');
  await desk.waitFor('labelled', 'Applied', 'False', 'ConfigMapConflict');
  assert.equal(await desk.configMap('controlled-licenses'), one);
  assert.equal(await desk.configMap('labelled-licenses'), two);
});

test('R4.5 a rename to a taken name keeps the old ConfigMap', async () => {
  await desk.createMap({ metadata: { name: 'move-taken' }, data: { mine: '1' } });
  await desk.create('move', spec());
  await desk.settled('move');
  const before = await desk.configMap('move-licenses');
  await desk.patch('move', { spec: { configMap: { name: 'move-taken' } } });
  await desk.waitFor('move', 'Applied', 'False', 'ConfigMapConflict');
  assert.equal(await desk.configMap('move-licenses'), before);
  assert.equal((await desk.configMap('move-taken'))?.data, { mine: '1' });
});

test('R4.7 a ConfigMap that only looks like ours is never deleted', async () => {
  const labels = { 'app.kubernetes.io/managed-by': 'license-settings-operator', [`${ours}/settings`]: 'alike' };
  await desk.create('alike', spec());
  await desk.settled('alike');
  await desk.createMap({ metadata: { name: 'alike-copy', labels }, data: {} });
  await desk.patch('alike', { spec: { configMap: { name: 'alike-new' } } });
  await until('the rename is done', async () => (await desk.configMap('alike-licenses')) === undefined);
  await pause();
  assert.ok(await desk.configMap('alike-copy'));
});

test('R1.3 a lost status is written again from the ConfigMap, which is not touched', async () => {
  await desk.create('lost', spec());
  await desk.patch('lost', { spec: { licenses: { outboundPorts: { maximum: 600 } } } });
  const { status } = await desk.settled('lost');
  const map = await desk.configMap('lost-licenses');
  await operator.stop();
  await desk.patchStatus('lost', { status: null });
  operator = await startOperator(plane);
  const after = await desk.settled('lost');
  assert.is(after.status?.applied?.generation, status?.applied?.generation);
  assert.is(after.status?.applied?.settingsHash, status?.applied?.settingsHash);
  assert.equal(await desk.configMap('lost-licenses'), map);
});

test('R1.3 after a crash between the two writes, an invalid newer spec does not bring back the older settings', async () => {
  await desk.create('crash', spec(500));
  const { status: old } = await desk.settled('crash');
  await desk.patch('crash', { spec: { licenses: { outboundPorts: { maximum: 600 } } } });
  await desk.settled('crash');
  await operator.stop();
  // As after a crash: the ConfigMap has generation 2, the status still speaks of generation 1.
  await desk.patchStatus('crash', { status: { ...old, observedGeneration: 1 } });
  await invalidate('crash', { outboundPorts: { minimum: 900, maximum: 800 } });
  operator = await startOperator(plane);
  const stored = await desk.waitFor('crash', 'Applied', 'False', 'Invalid');
  assert.is(stored.status?.applied?.generation, 2);
  assert.is(stored.status?.licenses?.outboundPorts.capacity, 600);
  assert.is((await desk.configMap('crash-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '600');
  await desk.removeMap('crash-licenses');
  await until(
    'it is rebuilt',
    async () => (await desk.configMap('crash-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'] === '600',
  );
});

test('R3.4 data of an older release are left alone while the newest spec is invalid, and rolled out when it is applicable', async () => {
  const declared = declare('older', spec());
  await desk.create('older', spec());
  const { status } = await desk.settled('older');
  await operator.stop();
  // What an older release would have written: other bytes for the same declaration, known to the status.
  const data = { ...render(declared).data, LEGACY: '1' };
  await desk.patchMap('older-licenses', { data, metadata: { annotations: { [`${ours}/data-hash`]: dataHash(data) } } });
  await desk.patchStatus('older', {
    status: { ...status, configMaps: [{ name: 'older-licenses', dataHash: dataHash(data) }] },
  });
  await invalidate('older', { outboundPorts: { minimum: 900, maximum: 800 } });
  operator = await startOperator(plane);
  await desk.waitFor('older', 'Applied', 'False', 'Invalid');
  await pause();
  assert.is((await desk.configMap('older-licenses'))?.data?.['LEGACY'], '1');
  await desk.patchMap('older-licenses', { metadata: { labels: { [`${ours}/settings`]: null } } });
  await until(
    'the label is back',
    async () => (await desk.configMap('older-licenses'))?.metadata.labels?.[`${ours}/settings`] === 'older',
  );
  assert.is((await desk.configMap('older-licenses'))?.data?.['LEGACY'], '1');
  await desk.patch('older', { spec: spec() });
  await desk.settled('older');
  await until(
    "today's rendering is rolled out",
    async () => (await desk.configMap('older-licenses'))?.data?.['LEGACY'] === undefined,
  );
  assert.is((await desk.get('older'))?.status?.applied?.settingsHash, settingsHash(declared));
});

test('V12 a live declaration of a later release is not rendered, and its ConfigMap is left alone', async () => {
  await desk.create('later', spec());
  const { status } = await desk.settled('later');
  await operator.stop();
  const map = await desk.configMap('later-licenses');
  // The hash of a declaration with a field that this release prunes or refuses.
  await desk.patchStatus('later', {
    status: { ...status, applied: { ...status?.applied, settingsHash: 'f'.repeat(64) } },
  });
  await desk.patchMap('later-licenses', {
    data: { LATER: '1' },
    metadata: { annotations: { [`${ours}/generation`]: '1' } },
  });
  const changed = await desk.configMap('later-licenses');
  assert.is.not(changed?.metadata.resourceVersion, map?.metadata.resourceVersion);
  await invalidate('later', { outboundPorts: { minimum: 900, maximum: 800 } });
  operator = await startOperator(plane);
  const stored = await desk.waitFor('later', 'Applied', 'False', 'Invalid');
  await pause();
  assert.is(stored.status?.applied?.settingsHash, 'f'.repeat(64), 'handed on as it stands');
  assert.equal(await desk.configMap('later-licenses'), changed);
});

/** Makes a stored object invalid, as an older CRD without rules lets it happen. */
const invalidate = (name: string, licenses: unknown) =>
  withoutRules(plane, () => desk.patch(name, { spec: { licenses } }));
