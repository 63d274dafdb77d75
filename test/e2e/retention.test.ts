/** deletionPolicy: what becomes of the ConfigMap when the object goes. */
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type Desk, type Operator, until, withoutRules } from '../operator.ts';
import { suite } from '../suite.ts';
import { closeStage, openStage } from '../support/stage.ts';

const spec = (maximum: number, deletionPolicy = 'Retain') => ({
  licenses: { outboundPorts: { minimum: 100, maximum } },
  deletionPolicy,
});

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const test = suite('retention');

test.before(async () => {
  ({ plane, desk, operator } = await openStage('retention'));
});
test.after(() => closeStage({ plane, desk, operator }));

const owners = async (name: string) => (await desk.configMap(`${name}-licenses`))?.metadata.ownerReferences ?? [];
const retained = async (name: string) => (await desk.get(name))?.status?.configMaps?.map((one) => one.retained);
/** Longer than the garbage collector needs for what it may take. */
const collected = () => new Promise((resolve) => setTimeout(resolve, 3_000));

test('C9, R5.5 under Retain the ConfigMap has no owner, says whose it is, and outlives the object', async () => {
  const { metadata } = await desk.create('kept', spec(500));
  await desk.settled('kept');
  assert.equal(await owners('kept'), []);
  assert.equal(await retained('kept'), [true]);
  const before = await desk.configMap('kept-licenses');
  assert.is(before?.metadata.annotations?.['licensing.dialer.dev/owner-uid'], metadata.uid);
  await desk.remove('kept');
  await until('the object is gone', async () => (await desk.get('kept')) === undefined);
  await collected();
  assert.equal(await desk.configMap('kept-licenses'), before);
});

test('R4.2 a new object of the name adopts what was retained', async () => {
  const before = await desk.configMap('kept-licenses');
  const { metadata } = await desk.create('kept', spec(500, 'Delete'));
  await desk.settled('kept');
  const after = await desk.configMap('kept-licenses');
  assert.is(after?.metadata.uid, before?.metadata.uid);
  assert.is(after?.metadata.annotations?.['licensing.dialer.dev/owner-uid'], metadata.uid);
  assert.equal(after?.data, before?.data);
  assert.is((await owners('kept'))[0]?.uid, metadata.uid);
});

test('R5.6 switching acts at once, with one write of the metadata and one of the status; the data stay', async () => {
  await desk.create('switch', spec(500, 'Delete'));
  await desk.settled('switch');
  assert.equal(await retained('switch'), [undefined]);
  const before = await desk.configMap('switch-licenses');
  await desk.patch('switch', { spec: { deletionPolicy: 'Retain' } });
  await until('it is retained', async () => (await retained('switch'))?.[0] === true);
  assert.equal(await owners('switch'), []);
  const after = await desk.configMap('switch-licenses');
  assert.equal(after?.data, before?.data);
  assert.equal(after?.metadata.annotations, before?.metadata.annotations, 'the stamp does not move');
  await desk.patch('switch', { spec: { deletionPolicy: null } });
  await until('it is owned again', async () => (await owners('switch')).length === 1);
  await desk.remove('switch');
  await until('it goes with the object', async () => (await desk.configMap('switch-licenses')) === undefined, 60_000);
});

test('A6, R5.6 switching acts while a saved spec waits, and while it is invalid', async () => {
  await desk.create('early', spec(500, 'Delete'));
  await desk.settled('early');
  await desk.patch('early', { spec: { ...spec(700, 'Retain'), applyPolicy: 'Manual' } });
  await until('it is retained while pending', async () => (await retained('early'))?.[0] === true);
  assert.equal(await owners('early'), []);
  await withoutRules(plane, () =>
    desk.patch('early', {
      spec: { licenses: { outboundPorts: { minimum: 900, maximum: 800 } }, deletionPolicy: 'Delete' },
    }),
  );
  await desk.waitFor('early', 'Applied', 'False', 'Invalid');
  await until('it is owned while invalid', async () => (await owners('early')).length === 1);
  assert.is((await desk.configMap('early-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '500');
});

test('R3.1, R6.4 a retained ConfigMap is healed like any other, also without its labels', async () => {
  await desk.create('heal', spec(500));
  await desk.settled('heal');
  await desk.patchMap('heal-licenses', { data: { OUTBOUND_PORTS_CAPACITY: '1' } });
  await until(
    'the edit is gone',
    async () => (await desk.configMap('heal-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'] === '500',
  );
  const labels = { 'app.kubernetes.io/managed-by': null, 'licensing.dialer.dev/settings': null };
  await desk.patchMap('heal-licenses', { metadata: { labels } });
  const label = async () => (await desk.configMap('heal-licenses'))?.metadata.labels?.['licensing.dialer.dev/settings'];
  await until('the labels are back', async () => (await label()) === 'heal');
  await desk.removeMap('heal-licenses');
  await until('it is there again', async () => (await desk.configMap('heal-licenses')) !== undefined);
  assert.equal(await owners('heal'), []);
});

test('R4.7 a renamed ConfigMap under Retain: the old one goes, since it carries our uid', async () => {
  await desk.create('move', spec(500));
  await desk.settled('move');
  await desk.patch('move', { spec: { configMap: { name: 'move-new' } } });
  await desk.settled('move');
  await until('the old one is gone', async () => (await desk.configMap('move-licenses')) === undefined);
  assert.equal((await desk.configMap('move-new'))?.metadata.ownerReferences ?? [], []);
});
