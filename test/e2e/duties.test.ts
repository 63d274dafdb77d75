/** Two users, real RBAC, real tokens: who saves can't apply, who applies can't save. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { specSchema } from '../../src/api/licensesettings.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { createDesk, type Desk, install, type Operator, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';

const deploy = (folder: string) => fileURLToPath(new URL(`../../deploy/${folder}`, import.meta.url));
const namespace = 'duties';
const manifest = (name: string, maximum: number, extra = 'applyPolicy: Manual', annotations = '') => `
apiVersion: licensing.dialer.dev/v1
kind: LicenseSettings
metadata: {name: ${name}, namespace: ${namespace}${annotations && `, annotations: {${annotations}}`}}
spec:
  licenses: {outboundPorts: {minimum: 100, maximum: ${maximum}}}
  ${extra}
`;

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const users: Record<'saver' | 'applier', string> = { saver: '', applier: '' };
type User = keyof typeof users;
const test = suite('duties');

test.before(async () => {
  plane = await sharedControlPlane();
  await install(plane);
  desk = createDesk(plane, namespace);
  await desk.open();
  await plane.kubectl(['apply', '-k', deploy('roles')]);
  for (const [user, role] of [
    ['saver', 'license-editor'],
    ['applier', 'license-applier'],
  ] as const) {
    await plane.kubectl(['-n', namespace, 'create', 'serviceaccount', user]);
    const account = `--serviceaccount=${namespace}:${user}`;
    await plane.kubectl(['-n', namespace, 'create', 'rolebinding', user, `--clusterrole=${role}`, account]);
    users[user] = await plane.serviceAccountKubeconfig(namespace, user);
  }
  await plane.kubectl(['apply', '-k', deploy('policies')]);
  await until(
    'the policy is in force',
    async () => (await apply('saver', manifest('probe', 500, 'suspend: false'), '--dry-run=server')).code !== 0,
  );
  operator = await startOperator(plane);
});
test.after(async () => {
  await operator?.stop();
  await plane?.kubectl(['delete', '-k', deploy('policies'), '--ignore-not-found']);
  // Other files share this control plane: the policy must be out of force before they begin.
  await until(
    'the policy is gone',
    async () => (await apply('saver', manifest('probe', 500, 'suspend: false'), '--dry-run=server')).code === 0,
  );
  await desk?.close();
  await plane?.stop();
});

const as = (user: User, args: string[], input?: string) =>
  plane.kubectl(['-n', namespace, ...args], {
    kubeconfig: users[user],
    allowFailure: true,
    ...(input ? { input } : {}),
  });
const apply = (user: User, text: string, ...args: string[]) => as(user, ['apply', '-f', '-', ...args], text);
const patch = (user: User, name: string, body: unknown) =>
  as(user, ['patch', 'lics', name, '--type=merge', '-p', JSON.stringify(body)]);
const annotate = (user: User, name: string, value: string) =>
  as(user, [
    'annotate',
    'lics',
    name,
    `licensing.dialer.dev/apply=${value}`,
    '--overwrite',
    '--field-manager=license-apply',
  ]);
const refused = ({ code, stderr }: { code: number; stderr: string }, verb: 'save' | 'apply') => {
  assert.is.not(code, 0, 'it is refused');
  assert.match(stderr, `the verb "${verb}" on licensesettings`);
};
const pending = async (name: string) =>
  (await desk.waitFor(name, 'Applied', 'False', 'ApplyPending')).status?.pending?.settingsHash ?? '';
const ok = ({ code, stderr }: { code: number; stderr: string }) => assert.is(code, 0, stderr);

test('the saver saves what waits, and the applier lets it go live', async () => {
  ok(await apply('saver', manifest('pom', 500)));
  ok(await annotate('applier', 'pom', (await pending('pom')).slice(0, 12)));
  await desk.settled('pom');
  ok(await apply('saver', manifest('pom', 700)));
  const hash = await pending('pom');
  assert.is((await desk.configMap('pom-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '500');
  ok(await annotate('applier', 'pom', hash));
  await desk.settled('pom');
  assert.is((await desk.configMap('pom-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '700');
});

test('the saver cannot apply: no approval, no Automatic, no switch, not at creation, not in one request', async () => {
  ok(await apply('saver', manifest('pom', 800)));
  const hash = await pending('pom');
  refused(await annotate('saver', 'pom', hash), 'apply');
  refused(await patch('saver', 'pom', { spec: { applyPolicy: 'Automatic' } }), 'apply');
  refused(await patch('saver', 'pom', { spec: { applyPolicy: null } }), 'apply');
  const both = {
    metadata: { annotations: { 'licensing.dialer.dev/apply': hash } },
    spec: { licenses: { outboundPorts: { maximum: 801 } } },
  };
  refused(await patch('saver', 'pom', both), 'apply');
  refused(await apply('saver', manifest('auto', 500, 'applyPolicy: Automatic')), 'apply');
  refused(await apply('saver', manifest('auto', 500, 'suspend: false')), 'apply');
  refused(
    await apply('saver', manifest('auto', 500, 'applyPolicy: Manual', `licensing.dialer.dev/apply: "${hash}"`)),
    'apply',
  );
  refused(await apply('saver', manifest('auto', 500, 'suspend: false'), '--server-side'), 'apply');
  assert.is((await desk.configMap('pom-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '700', 'nothing went live');
});

test('the applier cannot save: no number, no zone, no name, no policy of deletion, no suspension, no new object', async () => {
  for (const spec of [
    { licenses: { outboundPorts: { maximum: 900 } } },
    { licenses: { manualAgents: { minimum: 1, maximum: 2 } } },
    { zones: [{ name: 'emea', licenses: { outboundPorts: 1 } }] },
    { configMap: { name: 'pom-other' } },
    { deletionPolicy: 'Retain' },
    { settleSeconds: 0 },
    { suspend: true },
  ]) {
    refused(await patch('applier', 'pom', { spec }), 'save');
    refused(await patch('applier', 'pom', { spec: { ...spec, applyPolicy: 'Automatic' } }), 'save');
  }
  const { code, stderr } = await apply('applier', manifest('new', 500));
  assert.is.not(code, 0);
  assert.match(stderr, 'cannot create');
});

test('the applier may switch from Manual to Automatic: what was saved goes live', async () => {
  await pending('pom');
  ok(await patch('applier', 'pom', { spec: { applyPolicy: 'Automatic' } }));
  await desk.settled('pom');
  assert.is((await desk.configMap('pom-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '800');
  refused(await patch('saver', 'pom', { spec: { licenses: { outboundPorts: { maximum: 900 } } } }), 'apply');
  ok(await patch('saver', 'pom', { spec: { licenses: { outboundPorts: { maximum: 900 } }, applyPolicy: 'Manual' } }));
  await pending('pom');
});

test('labels and other annotations need neither; taking an approval away is harmless', async () => {
  for (const user of ['saver', 'applier'] as const) {
    ok(await patch(user, 'pom', { metadata: { labels: { [user]: 'x' }, annotations: { [user]: 'x' } } }));
    ok(await patch(user, 'pom', { metadata: { annotations: { 'licensing.dialer.dev/apply': null } } }));
  }
});

test('an administrator with all verbs does all, and the operator writes its status', async () => {
  await plane.kubectl(['apply', '-f', '-'], { input: manifest('admin', 500, 'applyPolicy: Automatic') });
  await desk.settled('admin');
});

test('the policy knows every field of the spec', () => {
  const text = readFileSync(new URL('../../deploy/policies/save-and-apply.yaml', import.meta.url), 'utf8');
  for (const field of Object.keys(specSchema.shape))
    assert.match(text, new RegExp(`oldObject\\.spec\\.\\??${field}\\b`), field);
});
