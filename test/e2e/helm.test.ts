/** The Helm chart with the real Helm: it says what the kustomization says, and installs, upgrades, rolls back and uninstalls. */
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { parseAllDocuments } from 'yaml';
import { findHelm } from '../controlplane/binaries.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { suite } from '../suite.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const chart = `${root}deploy/helm/license-settings-operator`;
const crd = 'licensesettings.licensing.dialer.dev';
const release = 'settings';
const namespace = 'license-settings-system';
let plane: ControlPlane;

type Metadata = { name: string; namespace?: string; annotations?: Record<string, string> };
type KubernetesObject = { kind: string; metadata: Metadata; [field: string]: unknown };
const nameOf = ({ kind, metadata: { namespace = '', name } }: KubernetesObject) => `${kind} ${namespace}/${name}`;
const objectsIn = (yaml: string) =>
  parseAllDocuments(yaml)
    .map((one) => one.toJS() as KubernetesObject | null)
    .filter((one) => one !== null);

/** Runs Helm against the control plane; `code` is 0 when it went well. */
async function helm(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const home = `${plane.directory}/helm`;
  const env = {
    ...{ PATH: process.env['PATH'], KUBECONFIG: plane.kubeconfig, HOME: home },
    ...{ HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home },
  };
  try {
    return { code: 0, ...(await promisify(execFile)(await findHelm(), args, { env, maxBuffer: 2 ** 24 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}
async function did(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await helm(...args);
  assert.is(code, 0, stderr);
  return stdout;
}
const template = async (...args: string[]) =>
  objectsIn(await did('template', release, chart, '-n', namespace, ...args));
const read = async (...args: string[]) => JSON.parse((await plane.kubectl(['get', ...args, '-o', 'json'])).stdout);

const test = suite('helm');
test.before(async () => {
  await findHelm(); // built before anything is timed
  plane = await startControlPlane();
});
test.after(async () => {
  await plane?.stop();
});

test('helm lint finds nothing', async () => {
  await did('lint', '--strict', chart);
});

test('its defaults are install.yaml, without the namespace, and with a CRD that Helm keeps', async () => {
  const wanted = objectsIn(readFileSync(`${root}deploy/install.yaml`, 'utf8')).filter(
    ({ kind }) => kind !== 'Namespace',
  );
  const made = await template();
  const definition = made.find(({ kind }) => kind === 'CustomResourceDefinition');
  assert.equal(definition?.metadata.annotations, { 'helm.sh/resource-policy': 'keep' });
  delete definition?.metadata.annotations;
  assert.equal(made.map(nameOf).sort(), wanted.map(nameOf).sort());
  const byName = new Map(made.map((one) => [nameOf(one), one]));
  for (const one of wanted) assert.equal(byName.get(nameOf(one)), one, nameOf(one));
});

test('values: namespaces get Roles instead of a ClusterRole; the rest lands in the pods', async () => {
  const digest = `sha256:${'a1'.repeat(32)}`;
  const made = await template(
    ...['--set', 'watchNamespaces={one,two}', '--set-json', 'args=["--log-level=debug"]', '--set', 'replicas=3'],
    ...['--set', `image.repository=example.test/operator,image.digest=${digest},image.pullPolicy=Never`],
    ...['--set', 'image.pullSecrets={pull},priorityClassName=high,nodeSelector.disk=ssd,podAnnotations.a=b'],
    ...['--set', 'crds.install=false,roles.aggregate=false,networkPolicy.enabled=false'],
    ...[
      '--set-json',
      'tolerations=[{"key":"k","operator":"Exists"}]',
      '--set-json',
      'resources={"limits":{"memory":"1Gi"}}',
    ],
  );
  assert.equal(made.map(nameOf).sort(), [
    `Deployment ${namespace}/license-settings-operator`,
    `PodDisruptionBudget ${namespace}/license-settings-operator`,
    `Role ${namespace}/license-settings-operator`,
    'Role one/license-settings-operator-settings',
    'Role two/license-settings-operator-settings',
    `RoleBinding ${namespace}/license-settings-operator`,
    'RoleBinding one/license-settings-operator-settings',
    'RoleBinding two/license-settings-operator-settings',
    `Service ${namespace}/license-settings-operator-metrics`,
    `ServiceAccount ${namespace}/license-settings-operator`,
  ]);
  const deployment = made.find(({ kind }) => kind === 'Deployment') ?? { spec: undefined };
  const { replicas, template: pods } = deployment['spec'] as {
    replicas: number;
    template: { metadata: Metadata; spec: Record<string, unknown> & { containers: Record<string, unknown>[] } };
  };
  const [container] = pods.spec.containers;
  assert.is(replicas, 3);
  assert.equal(pods.metadata.annotations, { a: 'b' });
  assert.equal(pods.spec['nodeSelector'], { 'kubernetes.io/os': 'linux', disk: 'ssd' });
  assert.equal(pods.spec['tolerations'], [{ key: 'k', operator: 'Exists' }]);
  assert.equal(pods.spec['imagePullSecrets'], [{ name: 'pull' }]);
  assert.is(pods.spec['priorityClassName'], 'high');
  assert.is(container?.['image'], `example.test/operator@${digest}`);
  assert.is(container?.['imagePullPolicy'], 'Never');
  assert.equal(container?.['args'], ['--leader-elect', '--watch-namespaces=one,two', '--log-level=debug']);
  // Helm merges maps: what is not given stays.
  assert.equal(container?.['resources'], { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '1Gi' } });
});

test('values: the NetworkPolicy lets the operator reach the API server where it listens', async () => {
  const made = await template('--set', 'networkPolicy.apiServerPorts={443,16443}');
  const policy = made.find(({ kind }) => kind === 'NetworkPolicy')?.['spec'] as { egress: { ports: unknown[] }[] };
  assert.equal(policy.egress[0]?.ports, [
    { protocol: 'TCP', port: 443 },
    { protocol: 'TCP', port: 16443 },
  ]);
});

test('values: the NetworkPolicy admits the namespace where Prometheus runs, and no other', async () => {
  const from = async (...values: string[]) => {
    const made = await template(...values);
    const policy = made.find(({ kind }) => kind === 'NetworkPolicy')?.['spec'] as { ingress: { from: unknown }[] };
    return policy.ingress.map((rule) => rule.from);
  };
  const only = (name: string) => [[{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } }]];
  assert.equal(await from(), only('monitoring'));
  assert.equal(await from('--set', 'networkPolicy.monitoringNamespace=observability'), only('observability'));
});

for (const [value, complaint] of [
  ['replicas=-1', /at '\/replicas'/],
  ['replica=2', /additional properties 'replica' not allowed/],
  ['watchNamespaces={Not_A_Name}', /at '\/watchNamespaces\/0'/],
  ['image.digest=latest', /at '\/image\/digest'/],
  ['args={--leader-elect=false}', /at '\/args\/0'/],
  ['networkPolicy.monitoringNamespace=', /at '\/networkPolicy\/monitoringNamespace'/],
  ['networkPolicy.apiServerPorts={0}', /at '\/networkPolicy\/apiServerPorts\/0'/],
] as const) {
  test(`the values' schema refuses ${value}`, async () => {
    const { code, stderr } = await helm('template', release, chart, '--set', value);
    assert.is.not(code, 0);
    assert.match(stderr, complaint);
  });
}

test('install with an older CRD, upgrade, rollback, uninstall, install again', async () => {
  const older = `${plane.directory}/older-chart`;
  cpSync(chart, older, { recursive: true });
  const definition = readFileSync(`${older}/templates/crd.yaml`, 'utf8');
  writeFileSync(`${older}/templates/crd.yaml`, definition.replace('      - dialer\n', '      - older\n'));
  const categories = async () => (await read('crd', crd)).spec.names.categories;

  await did('install', release, older, '-n', namespace, '--create-namespace');
  assert.equal(await categories(), ['older']);
  const deployment = () => read('deployment', 'license-settings-operator', '-n', namespace);
  assert.is((await deployment()).spec.replicas, 2);
  await plane.kubectl(['wait', '--for=condition=Established', `crd/${crd}`, '--timeout=30s']);
  await plane.kubectl([
    'apply',
    '-f',
    `${root}deploy/samples/00-namespace.yaml`,
    '-f',
    `${root}deploy/samples/zones.yaml`,
  ]);

  await did('upgrade', release, chart, '-n', namespace, '--set', 'replicas=3');
  assert.is((await deployment()).spec.replicas, 3);
  assert.equal(await categories(), ['dialer'], 'the CRD is upgraded too');

  await did('rollback', release, '1', '-n', namespace);
  assert.is((await deployment()).spec.replicas, 2);

  await did('uninstall', release, '-n', namespace);
  const gone = await plane.kubectl(['get', 'deployment,clusterrole,service,sa', '-n', namespace, '-o', 'name']);
  assert.not.match(gone.stdout, 'license-settings');
  assert.is((await read('lics', 'sites', '-n', 'dialer')).spec.zones.length, 2, 'CRD and settings are still there');

  // What Helm kept is taken over again.
  await did('install', release, chart, '-n', namespace);
  assert.is((await read('lics', 'sites', '-n', 'dialer')).spec.zones.length, 2);
});
