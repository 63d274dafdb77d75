/** kubectl as people use it, judged by what it prints. */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type Desk, type Operator, startOperator } from '../operator.ts';
import { suite } from '../suite.ts';
import { closeStage, openStage } from '../support/stage.ts';

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const test = suite('kubectl');
const sample = readFileSync(new URL('../../deploy/samples/licensesettings.yaml', import.meta.url), 'utf8').replace(
  'namespace: dialer',
  'namespace: kubectl',
);
const kubectl = async (...args: string[]) => (await plane.kubectl(['-n', desk.namespace, ...args])).stdout.trim();
const apply = async (input: string, ...args: string[]) =>
  plane.kubectl(['-n', desk.namespace, 'apply', '-f', '-', ...args], { input, allowFailure: true });

test.before(async () => {
  ({ plane, desk, operator } = await openStage('kubectl'));
});
test.after(() => closeStage({ plane, desk, operator }));

test('T1 before the operator has seen it, an object does not look finished: observedGeneration is -1', async () => {
  await operator.stop();
  await apply(sample);
  assert.is(await kubectl('get', 'lics', 'pom', '-o', 'jsonpath={.status}'), '{"observedGeneration":-1}');
  operator = await startOperator(plane);
});

test('apply, wait, and apply again says unchanged', async () => {
  assert.match((await apply(sample)).stdout, 'unchanged');
  await kubectl('wait', '--for=condition=Ready', 'lics/pom', '--timeout=20s');
  await kubectl('wait', '--for=condition=Applied', 'licensesettings/pom', '--timeout=20s');
  const again = await apply(sample);
  assert.is(again.stdout.trim(), 'licensesettings.licensing.dialer.dev/pom unchanged');
});

test('V1 server-side apply by two managers changes nothing', async () => {
  for (const manager of ['argocd-controller', 'kustomize-controller']) {
    await apply(sample, '--server-side', '--force-conflicts', `--field-manager=${manager}`);
  }
  const version = await kubectl('get', 'lics', 'pom', '-o', 'jsonpath={.metadata.resourceVersion}');
  await apply(sample, '--server-side', '--field-manager=argocd-controller');
  assert.is(await kubectl('get', 'lics', 'pom', '-o', 'jsonpath={.metadata.resourceVersion}'), version);
  assert.is(await kubectl('get', 'lics', 'pom', '-o', 'jsonpath={.metadata.generation}'), '1');
});

test('T8 get shows Ready, the reason, capacities and age', async () => {
  const [head, row] = (await kubectl('get', 'lics')).split('\n');
  assert.match(head ?? '', /^NAME\s+READY\s+REASON\s+PORTS\s+PREDICTIVE\s+PREVIEW\s+MANUAL\s+AGE$/);
  assert.match(row ?? '', /^pom\s+True\s+Applied\s+500\s+200\s+80\s+100\s+\d+s$/);
});

test('T8 get -o wide adds the other two types, the applied generation and the hash', async () => {
  const [head, row] = (await kubectl('get', 'lics', '-o', 'wide')).split('\n');
  assert.match(head ?? '', /MANUAL\s+EXTERNAL\s+WEB API\s+APPLIED\s+HASH\s+AGE$/);
  assert.match(row ?? '', /100\s+50\s+25\s+1\s+[0-9a-f]{64}\s+\d+s$/);
});

test('the category and the short name find it', async () => {
  assert.match(await kubectl('get', 'dialer'), 'pom');
  assert.match(await kubectl('get', 'lics/pom', '-o', 'name'), 'licensesettings.licensing.dialer.dev/pom');
});

test('explain tells of the fields', async () => {
  const licenses = (await kubectl('explain', 'licensesettings.spec.licenses')).replace(/\s+/g, ' ');
  for (const field of [
    'externalSelection',
    'manualAgents',
    'outboundPorts',
    'predictiveAgents',
    'previewAgents',
    'agentWebAPIService',
  ]) {
    assert.match(licenses, field);
  }
  assert.match(licenses, 'at least one of the six');
  const maximum = await kubectl('explain', 'lics.spec.licenses.outboundPorts.maximum');
  assert.match(maximum.replace(/\s+/g, ' '), 'Zero means off, never unlimited');
});

test('V1 diff is silent without a change, and shows one', async () => {
  const none = await plane.kubectl(['-n', desk.namespace, 'diff', '-f', '-'], { input: sample, allowFailure: true });
  assert.is(none.code, 0, none.stdout + none.stderr);
  const changed = sample.replace('maximum: 500', 'maximum: 501');
  const some = await plane.kubectl(['-n', desk.namespace, 'diff', '-f', '-'], { input: changed, allowFailure: true });
  assert.is(some.code, 1);
  assert.match(some.stdout, /\+\s+maximum: 501/);
});

test('--dry-run=server judges and changes nothing', async () => {
  const good = await apply(sample.replace('maximum: 500', 'maximum: 501'), '--dry-run=server');
  assert.match(good.stdout, 'configured (server dry run)');
  const bad = await apply(sample.replace('minimum: 100', 'minimum: 600'), '--dry-run=server');
  assert.is(bad.code, 1);
  assert.is(await kubectl('get', 'lics', 'pom', '-o', 'jsonpath={.spec.licenses.outboundPorts.maximum}'), '500');
});

test('V7 a bad manifest is refused with the path of every field', async () => {
  const { code, stderr } = await apply(
    sample
      .replace('minimum: 100', 'minimum: 600')
      .replace('minimum: 20,', 'minimum: 90,')
      .replace('maximum: 25', 'maximum: 1000001'),
  );
  assert.is(code, 1);
  assert.match(stderr, 'spec.licenses.outboundPorts.minimum: Invalid value: minimum is above maximum');
  assert.match(stderr, 'spec.licenses.previewAgents.minimum: Invalid value: minimum is above maximum');
  assert.match(stderr, 'spec.licenses.agentWebAPIService.maximum: Invalid value: 1000001');
});

test('V7 names that reach for others are refused', async () => {
  const elsewhere = await apply(`${sample}  configMap: {name: other-licenses}\n`);
  assert.match(
    elsewhere.stderr,
    "spec.configMap.name: Invalid value: must be equal to the object's name or begin with '<name>-'",
  );
  const long = await apply(sample.replace('name: pom', `name: ${'p'.repeat(64)}`));
  assert.match(long.stderr, 'metadata.name: may be up to 63 characters long');
});

test('an unknown field is refused, not dropped', async () => {
  const { code, stderr } = await apply(`${sample}  zone: emea\n`);
  assert.is(code, 1);
  assert.match(stderr, 'unknown field "spec.zone"');
});
