/**
 * Who may not delete may not give away: each way in which the API lets somebody delete an object, or have it deleted, tried by
 * the two roles of deploy/roles with deploy/policies in force. docs/security.md has the table.
 */
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, install, type Operator, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const namespace = 'roles';
const collection = `/apis/licensing.dialer.dev/v1/namespaces/${namespace}/licensesettings`;

type Role = 'license-editor' | 'license-applier';
/** In this order: what is the saver's to do must not have been done already when the applier tries it. */
const users = ['license-applier', 'license-editor'] as const;
type Answer = { code: number; stdout: string; stderr: string };

/** Why a request is refused: by RBAC, or by the policy, which names the verb. */
const refusals = {
  rbac: /Forbidden|forbidden: User .* cannot/,
  owners: /ownerReferences decide when .* needs the verb "delete"/,
  finalizers: /finalizers hold the deletion .* needs the verb "delete"/,
  books: /managedFields say of the spec needs the verb "save"/,
  spec: /changing their spec needs the verb "save"/,
  api: /immutable|Precondition failed|NotFound|not found|the server could not find|the server doesn't have|must match|does not match/,
};
/** What comes of an attempt. `allowed`: docs/security.md says why. */
type Verdict = keyof typeof refusals | 'allowed';

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const kubeconfigs = {} as Record<Role, string>;
const test = suite('roles');

const spec = (maximum = 500) => ({ applyPolicy: 'Manual', licenses: { outboundPorts: { minimum: 100, maximum } } });
const object = (name: string, metadata: object = {}) => ({
  ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings' },
  ...{ metadata: { name, namespace, ...metadata }, spec: spec() },
});
const nobody = { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: '11111111-1111-4111-8111-111111111111' };
const books = (fields: object) => ({
  ...{ manager: 'forged', operation: 'Update', apiVersion: 'licensing.dialer.dev/v1', fieldsType: 'FieldsV1' },
  ...{ time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': fields } },
});

const as = (role: Role, args: readonly string[], input: object | string = ''): Promise<Answer> =>
  plane.kubectl(['-n', namespace, ...args], {
    ...{ kubeconfig: kubeconfigs[role], allowFailure: true },
    input: typeof input === 'string' ? input : JSON.stringify(input),
  });
const merge = (metadata: object) => ['patch', 'lics', 'target', '--type=merge', '-p', JSON.stringify({ metadata })];
const json = (path: string, value: unknown, name = 'target') => [
  ...['patch', 'lics', name, '--type=json', '-p'],
  JSON.stringify([{ op: 'add', path: `/metadata/${path}`, value }]),
];

type Way = {
  readonly way: string;
  readonly attempt: (role: Role) => Promise<Answer>;
  readonly verdict: Verdict | Readonly<Record<Role, Verdict>>;
};
const ways: readonly Way[] = [
  { way: 'delete', attempt: (role) => as(role, ['delete', 'lics', 'target', '--wait=false']), verdict: 'rbac' },
  ...['foreground', 'orphan'].map((cascade) => ({
    way: `delete, ${cascade}`,
    attempt: (role: Role) => as(role, ['delete', 'lics', 'target', `--cascade=${cascade}`, '--wait=false']),
    verdict: 'rbac' as const,
  })),
  { way: 'deletecollection', attempt: (role) => as(role, ['delete', '--raw', collection]), verdict: 'rbac' },
  {
    way: 'ownerReferences to nobody, merge patch',
    attempt: (role) => as(role, merge({ ownerReferences: [nobody] })),
    verdict: 'owners',
  },
  {
    way: 'ownerReferences to nobody, JSON patch',
    attempt: (role) => as(role, json('ownerReferences', [nobody])),
    verdict: 'owners',
  },
  {
    way: 'ownerReferences to nobody, server-side apply',
    attempt: (role) => {
      const { spec: _, ...bare } = object('target', { ownerReferences: [nobody] });
      return as(role, ['apply', '--server-side', '--force-conflicts', '--validate=false', '-f', '-'], bare);
    },
    verdict: 'owners',
  },
  {
    way: 'ownerReferences to nobody, replace',
    attempt: async (role) => {
      const stored = await desk.get('target');
      return as(role, ['replace', '-f', '-'], {
        ...stored,
        metadata: { ...stored?.metadata, ownerReferences: [nobody] },
      });
    },
    verdict: 'owners',
  },
  {
    way: 'ownerReferences to somebody who may go',
    attempt: async (role) => {
      const { stdout } = await plane.kubectl(['get', 'configmap', 'kube-root-ca.crt', '-n', namespace, '-o', 'json']);
      const { name, uid } = (JSON.parse(stdout) as { metadata: { name: string; uid: string } }).metadata;
      return as(role, merge({ ownerReferences: [{ ...nobody, name, uid }] }));
    },
    verdict: 'owners',
  },
  {
    way: 'create with ownerReferences',
    attempt: (role) => as(role, ['create', '-f', '-'], object('given-away', { ownerReferences: [nobody] })),
    verdict: { 'license-editor': 'owners', 'license-applier': 'rbac' },
  },
  {
    way: 'a finalizer that holds',
    attempt: (role) => as(role, merge({ finalizers: ['example.com/hold'] })),
    verdict: 'finalizers',
  },
  {
    way: 'create with a finalizer',
    attempt: (role) => as(role, ['create', '-f', '-'], object('held', { finalizers: ['example.com/hold'] })),
    verdict: { 'license-editor': 'finalizers', 'license-applier': 'rbac' },
  },
  {
    way: 'a finalizer of another taken away from what is being deleted',
    attempt: (role) =>
      as(role, ['patch', 'lics', 'going', '--type=merge', '-p', JSON.stringify({ metadata: { finalizers: null } })]),
    verdict: 'finalizers',
  },
  {
    way: 'deletionTimestamp written by hand',
    attempt: (role) => as(role, merge({ deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 })),
    verdict: 'api',
  },
  { way: 'another uid', attempt: (role) => as(role, merge({ uid: nobody.uid })), verdict: 'api' },
  {
    way: 'the status',
    attempt: (role) =>
      as(role, ['patch', 'lics', 'target', '--subresource=status', '--type=merge', '-p', '{"status":{}}']),
    verdict: 'rbac',
  },
  {
    way: 'a subresource eviction',
    attempt: (role) => as(role, ['create', '--raw', `${collection}/target/eviction`, '-f', '-'], '{}'),
    verdict: 'rbac',
  },
  {
    way: 'delete the ConfigMap',
    attempt: (role) => as(role, ['delete', 'configmap', 'target-licenses', '--wait=false']),
    verdict: 'rbac',
  },
  {
    way: 'ownerReferences of the ConfigMap',
    attempt: (role) =>
      as(role, [
        ...['patch', 'configmap', 'target-licenses', '--type=merge', '-p'],
        JSON.stringify({ metadata: { ownerReferences: [nobody] } }),
      ]),
    verdict: 'rbac',
  },
  { way: 'delete the namespace', attempt: (role) => as(role, ['delete', 'namespace', namespace]), verdict: 'rbac' },
  {
    way: 'delete the CustomResourceDefinition',
    attempt: (role) => as(role, ['delete', 'crd', 'licensesettings.licensing.dialer.dev']),
    verdict: 'rbac',
  },
  {
    way: 'managedFields that name a hidden field',
    attempt: (role) => as(role, json('managedFields/-', books({ 'f:priority': {} }))),
    verdict: { 'license-editor': 'allowed', 'license-applier': 'books' },
  },
  {
    way: 'managedFields reset',
    attempt: (role) => as(role, json('managedFields', [{}])),
    verdict: { 'license-editor': 'allowed', 'license-applier': 'books' },
  },
  {
    way: 'deletionPolicy',
    attempt: (role) =>
      as(role, ['patch', 'lics', 'target', '--type=merge', '-p', '{"spec":{"deletionPolicy":"Retain"}}']),
    verdict: { 'license-editor': 'allowed', 'license-applier': 'spec' },
  },
  {
    way: 'labels and annotations that a pruning tool goes by',
    attempt: (role) => as(role, merge({ annotations: { 'argocd.argoproj.io/tracking-id': 'x' } })),
    verdict: 'allowed',
  },
];

test.before(async () => {
  // Its own: the policy is in force in every namespace.
  plane = await startControlPlane();
  await install(plane);
  desk = createDesk(plane, namespace);
  await desk.open();
  for (const part of ['roles', 'policies']) await plane.kubectl(['apply', '-k', `${deploy}${part}`]);
  for (const role of users) {
    await plane.kubectl(['-n', namespace, 'create', 'serviceaccount', role]);
    const account = `--serviceaccount=${namespace}:${role}`;
    await plane.kubectl(['-n', namespace, 'create', 'rolebinding', role, `--clusterrole=${role}`, account]);
    kubeconfigs[role] = await plane.serviceAccountKubeconfig(namespace, role);
  }
  operator = await startOperator(plane);
  for (const name of ['target', 'going']) {
    await desk.create(name, { ...spec(), applyPolicy: 'Automatic' });
    await desk.settled(name);
    await desk.patch(name, { spec: spec() });
  }
  await desk.patch('going', { metadata: { finalizers: ['example.com/hold'] } });
  await desk.remove('going');
  await until('the policy is in force', async () => {
    const { stderr } = await as('license-editor', [...merge({ ownerReferences: [nobody] }), '--dry-run=server']);
    return refusals.owners.test(stderr);
  });
});
test.after(async () => {
  await operator?.stop();
  await plane?.stop();
});

/** That the object, its ConfigMap, and the one that is being deleted are all still there, and nobody's. */
async function unharmed(): Promise<void> {
  const { metadata } = (await desk.get('target')) ?? {};
  assert.ok(metadata, 'the object is there');
  const { deletionTimestamp, ownerReferences, finalizers } = metadata as Record<string, unknown>;
  assert.equal([deletionTimestamp, ownerReferences, finalizers], [undefined, undefined, undefined]);
  assert.ok(await desk.configMap('target-licenses'), 'its ConfigMap is there');
  assert.ok(await desk.get('going'), 'what is held is there');
  for (const name of ['given-away', 'held']) assert.is(await desk.get(name), undefined, name);
}

for (const { way, attempt, verdict } of ways) {
  for (const role of users) {
    const expected = typeof verdict === 'string' ? verdict : verdict[role];
    test(`${way}, by ${role}: ${expected}`, async () => {
      const { code, stdout, stderr } = await attempt(role);
      if (expected === 'allowed') assert.is(code, 0, stderr);
      else {
        assert.is.not(code, 0, `was not refused: ${stdout}`);
        assert.match(stderr, refusals[expected], stderr);
      }
      await unharmed();
    });
  }
}

test('what the roles are for works: saving, approving, applying on the server, switching, labelling', async () => {
  const done = async (answer: Promise<Answer>) => {
    const { code, stderr } = await answer;
    assert.is(code, 0, stderr);
  };
  await done(as('license-editor', ['apply', '--server-side', '--force-conflicts', '-f', '-'], object('work')));
  const hash = (await desk.waitFor('work', 'Applied', 'False', 'ApplyPending')).status?.pending?.settingsHash ?? '';
  await done(as('license-applier', ['annotate', 'lics', 'work', `licensing.dialer.dev/apply=${hash}`]));
  await desk.settled('work');
  await done(as('license-applier', ['label', 'lics', 'work', 'team=dialer']));
  await done(
    as('license-applier', ['patch', 'lics', 'work', '--type=merge', '-p', '{"spec":{"applyPolicy":"Automatic"}}']),
  );
  await desk.settled('work');
});

test('who may delete may do so in every way, and the garbage collector works, with the policy in force', async () => {
  for (const cascade of ['foreground', 'orphan', 'background']) {
    await desk.create(cascade, { ...spec(), applyPolicy: 'Automatic' });
    await desk.settled(cascade);
    await plane.kubectl(['-n', namespace, 'delete', 'lics', cascade, `--cascade=${cascade}`, '--timeout=60s']);
  }
  await desk.create('own', { ...spec(), applyPolicy: 'Automatic' });
  await desk.settled('own');
  await desk.patch('own', { metadata: { ownerReferences: [nobody] } });
  await until('the garbage collector took it', async () => (await desk.get('own')) === undefined, 60_000);
  await desk.patch('going', { metadata: { finalizers: null } });
  await until('what was held is gone', async () => (await desk.get('going')) === undefined);
});
