/** The manifests of deploy/samples, as people apply them: each ends in the condition that its comment promises. */
import { readdirSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { findApplicationCrd } from '../controlplane/binaries.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { createDesk, type Desk, install, type Operator, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';

const folder = new URL('../../deploy/samples/', import.meta.url);
const namespaceFile = '00-namespace.yaml';
/** Pods, which need a node: test/node/dialer.test.ts. Here is only whether the API server takes it. */
const dialerFile = 'dialer.yaml';
const files = readdirSync(folder).filter(
  (name) => name.endsWith('.yaml') && name !== namespaceFile && name !== dialerFile,
);
/** Other tests share the control plane: the namespace of the samples would be in their way. */
const namespace = 'samples';
const rewritten = (file: string) =>
  readFileSync(new URL(file, folder), 'utf8')
    .replaceAll('namespace: dialer', `namespace: ${namespace}`)
    .replaceAll('-n dialer', `-n ${namespace}`);

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
/** Where Argo CD lives. */
let argocdSpace: Desk;
const test = suite('samples');

test.before(async () => {
  plane = await sharedControlPlane();
  await install(plane);
  desk = createDesk(plane, namespace);
  await desk.open();
  argocdSpace = createDesk(plane, 'argocd');
  await argocdSpace.open();
  operator = await startOperator(plane);
});
test.after(async () => {
  await operator?.stop();
  await desk?.close();
  await argocdSpace?.close();
  await plane?.stop();
});

const apply = (input: string, ...args: string[]) => plane.kubectl(['apply', '-f', '-', ...args], { input });
/** The commands in the comment, as arguments of kubectl. */
const commands = (manifest: string): string[][] =>
  [...manifest.matchAll(/^# {3}kubectl (.*)$/gm)].map(([, line = '']) => line.replaceAll("'", '').split(' '));

test('the namespace of the samples is valid', async () => {
  const { stdout } = await apply(rewritten(namespaceFile), '--dry-run=client');
  assert.match(stdout, 'namespace/dialer');
});

test('there is a sample for each task, and each has a name of its own', () => {
  assert.equal(files.sort(), ['licensesettings.yaml', 'manual.yaml', 'retain.yaml', 'zones.yaml']);
  const names = files.map((file) => /^metadata:\n {2}name: (.*)$/m.exec(rewritten(file))?.[1]);
  assert.equal(names, ['pom', 'reviewed', 'kept', 'sites']);
});

for (const file of files) {
  test(`${file}: what its comment tells to wait for comes true`, async () => {
    const manifest = rewritten(file);
    const { stderr } = await apply(manifest);
    assert.is(stderr, '', 'no warning');
    const waits = commands(manifest).filter(([verb]) => verb === 'wait');
    assert.is(waits.length, 1, 'the comment says what to wait for');
    for (const args of waits) await plane.kubectl(args);
    assert.match((await apply(manifest)).stdout, 'unchanged');
  });
}

test('dialer.yaml: applied without a warning, and applied again without a change', async () => {
  const manifest = rewritten(dialerFile);
  assert.is((await apply(manifest)).stderr, '');
  const { stdout } = await apply(manifest);
  assert.equal(stdout.trim().split('\n'), [
    'deployment.apps/dialer unchanged',
    'deployment.apps/dialer-env unchanged',
    'configmap/dialer-program unchanged',
  ]);
});

const gitops = new URL('../gitops/argocd/', folder);

test('the Application of Argo CD: its definition takes it, and again without a change', async () => {
  await plane.kubectl(['apply', '--server-side', '-f', await findApplicationCrd()]);
  const file = new URL('application.yaml', gitops).pathname;
  const get = ['get', 'application/license-settings', '-n', 'argocd', '-o', 'jsonpath={.metadata.resourceVersion}'];
  const apply = () => plane.kubectl(['apply', '--server-side', '--validate=strict', '-f', file]);
  // The definition takes a moment until it is served.
  await until('it is taken', () =>
    apply().then(
      () => true,
      () => false,
    ),
  );
  const { stdout: before } = await plane.kubectl(get);
  await apply();
  assert.is((await plane.kubectl(get)).stdout, before);
});

test('the health check is merged into the ConfigMap of Argo CD as its comment says', async () => {
  const file = new URL('argocd-cm.yaml', gitops);
  const [command = []] = commands(readFileSync(file, 'utf8'));
  const map = ['configmap', 'argocd-cm', '-n', 'argocd'];
  await plane.kubectl(['create', ...map, '--from-literal=url=https://argocd.example.com']);
  await plane.kubectl(command.map((word) => (word.endsWith('argocd-cm.yaml') ? file.pathname : word)));
  const { data } = JSON.parse((await plane.kubectl(['get', ...map, '-o', 'json'])).stdout);
  const key = 'resource.customizations.health.licensing.dialer.dev_LicenseSettings';
  const check = readFileSync(new URL('health.lua', gitops), 'utf8');
  assert.equal([data.url, data[key]?.trim()], ['https://argocd.example.com', check.trim()]);
});

test('zones.yaml: one ConfigMap for each zone, and what is left over', async () => {
  const { status } = await desk.settled('sites');
  assert.equal(
    status?.configMaps?.map(({ name }) => name),
    ['sites-licenses', 'sites-licenses-apac', 'sites-licenses-emea'],
  );
  assert.is(status?.licenses?.outboundPorts.unused, 100);
  const emea = status?.zones?.find(({ name }) => name === 'emea');
  assert.equal(emea?.licenses?.outboundPorts, { capacity: 300, unallocated: 50 });
});

test('manual.yaml: it waits, and the commands of its comment approve it', async () => {
  await desk.waitFor('reviewed', 'Ready', 'False', 'ApplyPending');
  assert.is(await desk.configMap('reviewed-licenses'), undefined);
  const [, show = [], approve = []] = commands(rewritten('manual.yaml'));
  const hash = (await plane.kubectl(show)).stdout;
  assert.match(hash, /^[0-9a-f]{64}$/);
  await plane.kubectl(approve.map((arg) => arg.replace('HASH', hash)));
  await desk.settled('reviewed');
  assert.is((await desk.configMap('reviewed-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '500');
});

test('retain.yaml: it is protected', async () => {
  const [, show = []] = commands(rewritten('retain.yaml'));
  assert.match((await plane.kubectl(show)).stdout, '"retained":true');
});
