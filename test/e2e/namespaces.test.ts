/**
 * Copies of an object's ConfigMaps in another namespace, as tools that mirror or restore make them, on the real API
 * server: C1. The audit log shows that the operator asks for nothing there.
 */
import * as assert from 'uvu/assert';
import type { Spec } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { render } from '../../src/settings/render.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, type Operator, operatorUser, type StoredMap, until } from '../operator.ts';
import { suite } from '../suite.ts';
import { closeStage, openStage } from '../support/stage.ts';

const ours = 'licensing.dialer.dev';
const settle = 5;
const spec = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
const zones = (counts: Record<string, number>) =>
  spec(400, {
    zones: Object.entries(counts).map(([name, outboundPorts]) => ({ name, licenses: { outboundPorts } })),
    settleSeconds: settle,
  });

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
let copies: Desk;
let mark = 0;
const test = suite('namespaces');

test.before(async () => {
  ({ plane, desk, operator } = await openStage('namespaces'));
  copies = createDesk(plane, 'namespaces-copies');
  await copies.open();
  mark = plane.audit().mark();
});
test.after(async () => {
  await copies?.close();
  await closeStage({ plane, desk, operator });
});

/** Puts a copy of a ConfigMap into the other namespace, without its owner, which the garbage collector would miss there. */
async function mirror(name: string, data?: Record<string, string>) {
  const { metadata, ...map } = (await desk.configMap(name)) as StoredMap;
  const { labels, annotations } = metadata;
  return copies.createMap({ ...map, metadata: { name, labels, annotations }, ...(data ? { data } : {}) });
}
const capacityOf = async (name: string) => (await desk.configMap(name))?.data?.['OUTBOUND_PORTS_CAPACITY'];

test('C1 a rename deletes what it leaves behind, and no copy of that', async () => {
  await desk.create('pom', spec(500));
  await desk.settled('pom');
  const copy = await mirror('pom-licenses');
  await desk.patch('pom', { spec: { configMap: { name: 'pom-limits' } } });
  await desk.settled('pom');
  await until('the old one is gone', async () => (await desk.configMap('pom-licenses')) === undefined);
  assert.equal(await copies.configMap('pom-licenses'), copy);
});

test('C1, R2.8 a copy of a removed zone at zero does not let another have its licenses before the wait is over', async () => {
  await desk.create('early', zones({ apac: 100, emea: 300 }));
  await desk.settled('early');
  const [, zero] = render(declare('early', zones({ apac: 0 }) as Spec));
  const copy = await mirror('early-licenses-apac', zero?.data);
  const begun = performance.now();
  await desk.patch('early', { spec: zones({ emea: 400 }) });
  await until('emea has them', async () => (await capacityOf('early-licenses-emea')) === '400', 1000 * settle + 20_000);
  assert.ok(performance.now() - begun >= 1000 * settle, 'dialers had the time to see that apac gave them back');
  await desk.settled('early');
  assert.equal(await copies.configMap('early-licenses-apac'), copy);
});

test('C1 copies that hold numbers stop no plan', async () => {
  await desk.create('stuck', zones({ apac: 100, emea: 300 }));
  await desk.settled('stuck');
  for (const zone of ['apac', 'emea']) await mirror(`stuck-licenses-${zone}`);
  await desk.patch('stuck', { spec: zones({ apac: 200, emea: 200 }) });
  await desk.settled('stuck');
  assert.equal([await capacityOf('stuck-licenses-apac'), await capacityOf('stuck-licenses-emea')], ['200', '200']);
});

test('C1 a record forged in another namespace does not go live, nor into the ConfigMap that is rebuilt', async () => {
  await desk.create('forged', spec(500));
  const { status, metadata } = await desk.settled('forged');
  await desk.patch('forged', { spec: spec(600, { applyPolicy: 'Manual' }) });
  await desk.waitFor('forged', 'Applied', 'False', 'ApplyPending');
  const declaration = declare('forged', spec(999_999));
  const [system] = render(declaration);
  await copies.createMap({
    data: system?.data,
    metadata: {
      name: 'forged-licenses',
      labels: { 'app.kubernetes.io/managed-by': 'license-settings-operator', [`${ours}/settings`]: 'forged' },
      annotations: {
        [`${ours}/owner-uid`]: metadata.uid,
        [`${ours}/generation`]: '2',
        [`${ours}/data-hash`]: system?.dataHash,
        [`${ours}/settings-hash`]: settingsHash(declaration),
      },
    },
  });
  await desk.removeMap('forged-licenses');
  await until('it is rebuilt', async () => (await capacityOf('forged-licenses')) === '500');
  assert.equal((await desk.get('forged'))?.status?.applied, status?.applied);
});

test('C1 through all of that the operator asked for nothing in the namespace of the copies', async () => {
  const asked = await plane
    .audit()
    .since(mark, ({ user, objectRef }) => user.username === operatorUser && objectRef?.namespace === copies.namespace);
  assert.equal(
    asked.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}/${objectRef?.name}`),
    [],
  );
});
