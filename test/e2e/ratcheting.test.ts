/** An object that was stored before the CRD had its rules: real ratcheting, and what the operator makes of it. */
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type Desk, install, type Operator, startOperator, until, withoutRules } from '../operator.ts';
import { suite } from '../suite.ts';
import { closeStage, openStage } from '../support/stage.ts';

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const test = suite('ratcheting');

const bad = {
  spec: {
    licenses: {
      outboundPorts: { minimum: 600, maximum: 500 },
      manualAgents: { minimum: 0, maximum: 2_000_000 },
      previewAgents: { minimum: 9, maximum: 3 },
    },
    configMap: { name: 'Elsewhere' },
  },
};

test.before(async () => {
  ({ plane, desk, operator } = await openStage('ratcheting'));
});
test.after(() => closeStage({ plane, desk, operator }));

test('V8 every error is in the status, Stalled, and the last good ConfigMap is untouched, byte for byte', async () => {
  await desk.create('pom', { licenses: { outboundPorts: { minimum: 100, maximum: 500 } } });
  await desk.settled('pom');
  const good = await desk.configMap('pom-licenses');
  await withoutRules(plane, () => desk.patch('pom', bad));
  const stored = await desk.waitFor('pom', 'Applied', 'False', 'Invalid');
  assert.equal(
    stored.status?.errors?.map(({ field, reason }) => `${field} ${reason}`),
    [
      'spec.licenses.manualAgents.maximum OutOfRange',
      'spec.configMap.name InvalidName',
      'spec.licenses.outboundPorts.minimum MinimumAboveMaximum',
      'spec.licenses.previewAgents.minimum MinimumAboveMaximum',
      'spec.configMap.name InvalidName',
    ],
  );
  assert.is(desk.conditionOf(stored, 'Ready')?.status, 'False');
  assert.is(desk.conditionOf(stored, 'Valid')?.status, 'False');
  assert.is(desk.conditionOf(stored, 'Stalled')?.status, 'True');
  assert.is(stored.status?.applied?.generation, 1);
  assert.is(stored.status?.licenses?.outboundPorts.capacity, 500);
  assert.equal(await desk.configMap('pom-licenses'), good);
});

test('R1.1 it is rebuilt when deleted, from what is live', async () => {
  const good = await desk.configMap('pom-licenses');
  await desk.removeMap('pom-licenses');
  await until('it is there again', async () => (await desk.configMap('pom-licenses')) !== undefined);
  const rebuilt = await desk.configMap('pom-licenses');
  assert.equal(rebuilt?.data, good?.data);
  assert.equal(rebuilt?.metadata.annotations, good?.metadata.annotations);
});

test('R1.1 it is rebuilt after a restart too', async () => {
  const good = await desk.configMap('pom-licenses');
  await operator.stop('SIGKILL');
  await desk.removeMap('pom-licenses');
  operator = await startOperator(plane);
  await until('it is there again', async () => (await desk.configMap('pom-licenses')) !== undefined);
  assert.equal((await desk.configMap('pom-licenses'))?.data, good?.data);
});

test('V9 the status of a bad object can be written under the real rules, and an event tells of it once', async () => {
  const { stdout } = await plane.kubectl(['-n', desk.namespace, 'get', 'events.events.k8s.io', '-o', 'json']);
  const { items } = JSON.parse(stdout) as { items: { reason: string; note: string }[] };
  const invalid = items.filter(({ reason }) => reason === 'Invalid');
  assert.is(invalid.length, 1);
  assert.match(invalid[0]?.note ?? '', 'spec.licenses.manualAgents.maximum is 2000000');
});

test('R1.2 it heals when it is fixed', async () => {
  await desk.patch('pom', {
    spec: { licenses: { outboundPorts: { minimum: 100 }, manualAgents: null, previewAgents: null }, configMap: null },
  });
  const stored = await desk.settled('pom');
  assert.is(stored.status?.errors, undefined);
  assert.is(desk.conditionOf(stored, 'Stalled'), undefined);
  assert.is(desk.conditionOf(stored, 'Ready')?.status, 'True');
});

test('V8 one that was never good: all errors, nothing is written, and it goes live when it is fixed', async () => {
  await withoutRules(plane, () => desk.create('never', { licenses: { outboundPorts: { minimum: 5, maximum: 1 } } }));
  const stored = await desk.waitFor('never', 'Applied', 'False', 'Invalid');
  assert.is(stored.status?.applied, undefined);
  assert.is(stored.status?.licenses, undefined);
  assert.is(await desk.configMap('never-licenses'), undefined);
  await desk.patch('never', { spec: { licenses: { outboundPorts: { maximum: 9 } } } });
  await desk.settled('never');
  assert.is((await desk.configMap('never-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '9');
});

test('V10 a field of a newer CRD is an error: half of a spec is never applied', async () => {
  await desk.create('newer', { licenses: { outboundPorts: { minimum: 1, maximum: 2 } } });
  await desk.settled('newer');
  const priority = { type: 'integer' };
  const path = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/priority';
  const name = 'licensesettings.licensing.dialer.dev';
  await plane.kubectl([
    'patch',
    'crd',
    name,
    '--type=json',
    '-p',
    JSON.stringify([{ op: 'add', path, value: priority }]),
  ]);
  await until('the newer CRD is in force', async () => {
    const { spec } = await desk.patch('newer', { spec: { priority: 7 } });
    return JSON.stringify(spec).includes('priority');
  });
  // The operator's watch was opened under the older CRD, and shows this change without its priority.
  await desk.patch('newer', { spec: { licenses: { outboundPorts: { maximum: 3 } } } });
  const stored = await desk.waitFor('newer', 'Applied', 'False', 'Invalid');
  assert.equal(
    stored.status?.errors?.map(({ field, reason }) => `${field} ${reason}`),
    ['spec.priority UnknownField'],
  );
  assert.is((await desk.configMap('newer-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '2');
  await install(plane);
});
