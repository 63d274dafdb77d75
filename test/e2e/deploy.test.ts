/** The manifests of deploy/ on a real API server: they apply, stay as they are, and pass admission; and the roles for people. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { parseAllDocuments } from 'yaml';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { until } from '../operator.ts';
import { suite } from '../suite.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const namespaces = ['dialer', 'dialer-emea', 'dialer-apac'];
let plane: ControlPlane;

const test = suite('deploy');
test.before(async () => {
  plane = await startControlPlane({ controllers: ['clusterrole-aggregation-controller'] });
  for (const name of namespaces) await plane.kubectl(['create', 'namespace', name]);
});
test.after(async () => {
  await plane?.stop();
});

type KubernetesObject = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; resourceVersion?: string; managedFields?: { manager: string }[] };
  spec?: unknown;
};
const objectsIn = (yaml: string) => parseAllDocuments(yaml).map((one) => one.toJS() as KubernetesObject);
const nameOf = ({ kind, metadata: { namespace = '', name } }: KubernetesObject) => `${kind} ${namespace}/${name}`;
const kustomize = async (folder: string) => objectsIn((await plane.kubectl(['kustomize', `${root}${folder}`])).stdout);
type PodTemplate = { metadata: object; spec: { containers: { args: string[] }[] } };
function podTemplate(objects: readonly KubernetesObject[]): PodTemplate {
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  if (!deployment) throw new Error('there is no Deployment');
  return (deployment.spec as { template: PodTemplate }).template;
}
/** Where each object stands in the history of the API server. */
async function versions(source: readonly string[]) {
  const { stdout } = await plane.kubectl(['get', ...source, '-o', 'json']);
  const read = JSON.parse(stdout) as { items?: KubernetesObject[] };
  return (read.items ?? [read as KubernetesObject]).map((one) => {
    const { resourceVersion, managedFields = [] } = one.metadata;
    // A controller writes what it thinks of a policy's expressions, in its own time: of those what kubectl wrote, and when.
    const ours = managedFields.filter(({ manager }) => manager === 'kubectl');
    return `${nameOf(one)} ${one.kind === 'ValidatingAdmissionPolicy' ? JSON.stringify(ours) : resourceVersion}`;
  });
}

const sources = [
  ['-k', 'crds'],
  ['-f', 'deploy/install.yaml'],
  ...['overlays/all', 'overlays/many', 'overlays/one', 'overlays/outside', 'roles', 'roles/aggregated', 'policies'].map(
    (folder) => ['-k', `deploy/${folder}`],
  ),
] as [string, string][];

for (const [flag, path] of sources) {
  test(`${path}: applied, and applied again without any change`, async () => {
    const source = [flag, `${root}${path}`];
    const first = await plane.kubectl(['apply', '--server-side', '--force-conflicts', ...source]);
    assert.is(first.stderr, '', 'no warning');
    // The API server and its controllers write status and defaults of a fresh object once.
    await until('nothing moves any more', async () => {
      const before = await versions(source);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return String(before) === String(await versions(source));
    });
    const before = await versions(source);
    assert.ok(before.length > 0);
    await plane.kubectl(['apply', '--server-side', ...source]);
    assert.equal(await versions(source), before);
  });
}

test('an upgrade by the commands of the docs meets no conflict: another image, then the older one again', async () => {
  const manifest = readFileSync(`${root}deploy/install.yaml`, 'utf8');
  const imageOf = async () => {
    const what = ['deployment', 'license-settings-operator', '-n', 'license-settings-system'];
    const { stdout } = await plane.kubectl([
      'get',
      ...what,
      '-o',
      'jsonpath={.spec.template.spec.containers[0].image}',
    ]);
    return stdout;
  };
  await plane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', `${root}deploy/install.yaml`]);
  const image = await imageOf();
  for (const next of ['registry.example.test/operator:next', image]) {
    await plane.kubectl(['apply', '--server-side', '-f', '-'], { input: manifest.replaceAll(image, next) });
    assert.is(await imageOf(), next);
  }
});

test('install.yaml is what kustomize makes of its parts', async () => {
  const { stdout } = await plane.kubectl([
    'create',
    '--dry-run=client',
    '-f',
    `${root}deploy/install.yaml`,
    '-o',
    'json',
  ]);
  const given = new Map<string, unknown>();
  for (const one of objectsIn(stdout.replaceAll(/^}\s*{/gm, '}\n---\n{'))) {
    for (const item of (one as { items?: KubernetesObject[] }).items ?? [one]) given.set(nameOf(item), item);
  }
  const wanted = (await Promise.all(['crds', 'deploy/overlays/all', 'deploy/roles/aggregated'].map(kustomize))).flat();
  assert.equal([...given.keys()].sort(), wanted.map(nameOf).sort());
  for (const one of wanted) assert.equal(given.get(nameOf(one)), one, nameOf(one));
});

for (const overlay of ['all', 'many', 'one']) {
  test(`overlays/${overlay}: its pods pass Pod Security "restricted"`, async () => {
    const namespace = `restricted-${overlay}`;
    await plane.kubectl(['create', 'namespace', namespace]);
    await plane.kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted']);
    await plane.kubectl(['create', 'serviceaccount', 'license-settings-operator', '-n', namespace]);
    const template = podTemplate(await kustomize(`deploy/overlays/${overlay}`));
    const admit = (spec: object) =>
      plane.kubectl(['create', '-n', namespace, '--dry-run=server', '-f', '-'], {
        input: JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...template, metadata: { name: 'operator' }, spec }),
        allowFailure: true,
      });
    assert.is((await admit(template.spec)).stderr, '');
    const { code, stderr } = await admit({ ...template.spec, securityContext: {} });
    assert.is(code, 1);
    assert.match(stderr, 'violates PodSecurity "restricted:latest"', 'the profile is in force');
  });
}

test('overlays/one: no right outside of its namespace, and no object outside of any', async () => {
  const objects = await kustomize('deploy/overlays/one');
  for (const one of objects) assert.is(one.metadata.namespace, 'dialer', nameOf(one));
  assert.is(
    await may('system:serviceaccount:dialer:license-settings-operator', 'update', 'configmaps', 'dialer'),
    true,
  );
  assert.is(
    await may('system:serviceaccount:dialer:license-settings-operator', 'update', 'configmaps', 'dialer-emea'),
    false,
  );
});

test('overlays/many: rights in the namespaces that it names, and in its flag', async () => {
  // The overlay "all" has given the same account more.
  await plane.kubectl(['delete', '-k', `${root}deploy/rights/all`]);
  const account = 'system:serviceaccount:license-settings-system:license-settings-operator';
  for (const namespace of ['dialer-emea', 'dialer-apac'])
    assert.is(await may(account, 'update', 'configmaps', namespace), true, namespace);
  assert.is(await may(account, 'update', 'configmaps', 'dialer'), false);
  const objects = await kustomize('deploy/overlays/many');
  const granted = objects.filter(({ kind, metadata }) => kind === 'Role' && metadata.name.endsWith('-settings'));
  const flag = podTemplate(objects).spec.containers[0]?.args.find((one) => one.startsWith('--watch-namespaces='));
  assert.equal(flag?.split('=')[1]?.split(',').sort(), granted.map(({ metadata }) => metadata.namespace).sort());
});

/** Whether a user may do something with a resource of a namespace. */
async function may(user: string, verb: string, resource: string, namespace: string, part = ''): Promise<boolean> {
  const args = ['auth', 'can-i', verb, resource, `--subresource=${part}`, '-n', namespace, `--as=${user}`, '-q'];
  return (await plane.kubectl(args, { allowFailure: true })).code === 0;
}

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'save', 'apply'];
const people = { view: verbs.slice(0, 3), edit: verbs.slice(0, 7), admin: verbs } as const;
for (const [role, expected] of Object.entries(people)) {
  test(`the role ${role} of the cluster may ${expected.join(', ')} LicenseSettings`, async () => {
    const user = `somebody-who-may-${role}`;
    await plane.kubectl(['create', 'rolebinding', user, `--clusterrole=${role}`, `--user=${user}`, '-n', 'dialer']);
    let found: string[] = [];
    await until(
      'the cluster has put its role together',
      async () => {
        const answers = await Promise.all(
          verbs.map((verb) => may(user, verb, 'licensesettings.licensing.dialer.dev', 'dialer')),
        );
        found = verbs.filter((_, index) => answers[index]);
        return String(found) === String(expected);
      },
      20_000,
      () => `it may ${found}`,
    );
    assert.is(await may(user, 'update', 'licensesettings.licensing.dialer.dev', 'dialer', 'status'), false);
  });
}
