/** A ResourceQuota with room for exactly the ConfigMaps that the docs name: one for the object, and one more for each zone. */
import * as assert from 'uvu/assert';
import { writes } from '../controlplane/audit.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, install, type Operator, operatorUser, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';

const test = suite('quota');
const namespace = 'quota';
/** The controller manager puts one into each namespace. */
const kubeRootCa = 1;
let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
test.before(async () => {
  // One of its own: the shared one has no controller that counts.
  plane = await startControlPlane({ controllers: ['resourcequota-controller'] });
  await install(plane);
  desk = createDesk(plane, namespace);
  await desk.open();
  operator = await startOperator(plane);
});
test.after(async () => {
  await operator?.stop();
  await desk?.close();
  await plane?.stop();
});

const quotaPath = `/api/v1/namespaces/${namespace}/resourcequotas`;
type Quota = { status?: { hard?: Record<string, string>; used?: Record<string, string> } };

/** Gives the namespace room for so many ConfigMaps of ours, and waits until that is known. */
async function setQuota(ours: number): Promise<void> {
  const count = String(ours + kubeRootCa);
  const spec = { hard: { 'count/configmaps': count } };
  const body = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'exact' }, spec };
  const { code } = await desk.request('PUT', `${quotaPath}/exact`, body);
  if (code === 404) await desk.request('POST', quotaPath, body);
  await until('the quota is known, and what is used of it', async () => {
    const { json } = await desk.request('GET', `${quotaPath}/exact`);
    const { hard, used } = (json as Quota).status ?? {};
    return hard?.['count/configmaps'] === count && used?.['count/configmaps'] !== undefined;
  });
}

const zones = (held: Record<string, number>, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum: 500 } },
  zones: Object.entries(held).map(([name, outboundPorts]) => ({ name, licenses: { outboundPorts } })),
  settleSeconds: 0,
  ...more,
});

/** Writes of ConfigMaps by the operator, with the code of the answer. */
const written = async (mark: number): Promise<string[]> =>
  writes(await plane.audit().since(mark), operatorUser)
    .filter(({ objectRef }) => objectRef?.resource === 'configmaps')
    .map(({ verb, objectRef, responseStatus }) => `${verb} ${objectRef?.name} ${responseStatus?.code}`);

test('a zone is renamed: the old one goes before the new one is created', async () => {
  await setQuota(3);
  await desk.create('pom', zones({ apac: 200, emea: 300 }));
  await desk.settled('pom');
  const mark = plane.audit().mark();
  await desk.patch('pom', { spec: zones({ asia: 200, emea: 300 }) });
  await desk.settled('pom');
  const steps = await written(mark);
  console.log(steps.join(', '));
  assert.equal(
    steps.filter((one) => !one.endsWith(' 403')),
    [
      'update pom-licenses-apac 200',
      'update pom-licenses 200',
      'delete pom-licenses-apac 200',
      'create pom-licenses-asia 201',
    ],
  );
  assert.is((await desk.configMap('pom-licenses-asia'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '200');
});

test('a rename of the ConfigMap needs room for all of them once more, and is whole again within 65 s after that is there', async () => {
  await desk.patch('pom', { spec: { configMap: { name: 'pom-limits' } } });
  await desk.waitFor('pom', 'Ready', 'False', 'WriteRejected');
  const { message } = desk.conditionOf(await desk.get('pom'), 'Ready') ?? {};
  assert.match(message ?? '', 'exceeded quota');
  assert.is((await desk.configMap('pom-licenses-emea'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '300');
  await setQuota(6);
  await desk.waitFor('pom', 'Applied', 'True', 'Applied', 65_000);
  assert.is(await desk.configMap('pom-licenses-emea'), undefined);
});

test('a rename without zones needs room for one more, and is whole again within 65 s after that is there', async () => {
  await desk.remove('pom');
  await until('its ConfigMaps are gone', async () => (await desk.configMap('pom-limits-emea')) === undefined);
  await until('its ConfigMaps are gone', async () => (await desk.configMap('pom-limits')) === undefined);
  await setQuota(1);
  await desk.create('solo', { licenses: { outboundPorts: { minimum: 0, maximum: 500 } } });
  await desk.waitFor('solo', 'Applied', 'True', 'Applied', 65_000);
  await desk.patch('solo', { spec: { configMap: { name: 'solo' } } });
  await desk.waitFor('solo', 'Ready', 'False', 'WriteRejected');
  assert.is((await desk.configMap('solo-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '500');
  await setQuota(2);
  await desk.waitFor('solo', 'Applied', 'True', 'Applied', 65_000);
  assert.is(await desk.configMap('solo-licenses'), undefined);
});
