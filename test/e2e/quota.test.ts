/** A ResourceQuota with room for exactly the ConfigMaps that the docs name: one for the object, and one more for each zone. */
import * as assert from 'uvu/assert';
import { writes } from '../controlplane/audit.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, install, type Operator, operatorUser, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';

const test = suite('quota');
/** The controller manager puts one into each namespace. */
const kubeRootCa = 1;
let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
/** A namespace without zones. */
let plain: Desk;
test.before(async () => {
  // One of its own: the shared one has no controller that counts.
  plane = await startControlPlane({ controllers: ['resourcequota-controller'] });
  await install(plane);
  desk = createDesk(plane, 'quota');
  await desk.open();
  plain = createDesk(plane, 'quota-plain');
  await plain.open();
  operator = await startOperator(plane);
});
test.after(async () => {
  await operator?.stop();
  await desk?.close();
  await plain?.close();
  await plane?.stop();
});

type Quota = { status?: { hard?: Record<string, string>; used?: Record<string, string> } };

/** Gives the namespace room for so many ConfigMaps of ours, and waits until that is known. */
async function setQuota({ namespace, request }: Desk, ours: number): Promise<void> {
  const quotas = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const count = String(ours + kubeRootCa);
  const spec = { hard: { 'count/configmaps': count } };
  const body = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'exact' }, spec };
  const { code } = await request('PUT', `${quotas}/exact`, body);
  if (code === 404) await request('POST', quotas, body);
  await until('the quota is known, and what is used of it', async () => {
    const { json } = await request('GET', `${quotas}/exact`);
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

test('R2.13 a zone is renamed: the old one goes before the new one is created', async () => {
  await setQuota(desk, 3);
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

test('R2.16, L1 a rename of the ConfigMap needs room for all of them once more, and is whole again within 65 s after that is there', async () => {
  await desk.patch('pom', { spec: { configMap: { name: 'pom-limits' } } });
  await desk.waitFor('pom', 'Ready', 'False', 'WriteRejected');
  const { message } = desk.conditionOf(await desk.get('pom'), 'Ready') ?? {};
  assert.match(message ?? '', 'exceeded quota');
  assert.is((await desk.configMap('pom-licenses-emea'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '300');
  await setQuota(desk, 6);
  await desk.waitFor('pom', 'Applied', 'True', 'Applied', 65_000);
  assert.is(await desk.configMap('pom-licenses-emea'), undefined);
});

test('R2.17, L1 a rename without zones needs room for one more, and is whole again within 65 s after that is there', async () => {
  await setQuota(plain, 1);
  await plain.create('solo', { licenses: { outboundPorts: { minimum: 0, maximum: 500 } } });
  await plain.waitFor('solo', 'Applied', 'True', 'Applied', 65_000);
  await plain.patch('solo', { spec: { configMap: { name: 'solo' } } });
  await plain.waitFor('solo', 'Ready', 'False', 'WriteRejected');
  assert.is((await plain.configMap('solo-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '500');
  await setQuota(plain, 2);
  await plain.waitFor('solo', 'Applied', 'True', 'Applied', 65_000);
  assert.is(await plain.configMap('solo-licenses'), undefined);
});
