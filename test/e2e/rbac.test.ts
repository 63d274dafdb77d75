/**
 * The operator's rights are the least that it needs: each is taken away in turn, the API server then refuses a request of the
 * operator for want of it, and something that people see does not happen.
 */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { createDesk, type Desk, install, type Operator, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';

type Rule = { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] };
const rulesOf = (path: string): Rule[] =>
  parse(readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8')).rules;
const rules = [...rulesOf('account/role.yaml'), ...rulesOf('rights/namespace/role.yaml')];
/** Every permission by itself: the rule of one verb, and its name, such as `update licensesettings/status`. */
const permissions = rules.flatMap(({ verbs, ...rule }) =>
  verbs.map((verb) => ({ name: `${verb} ${rule.resources}`, rule: { ...rule, verbs: [verb] } })),
);

/** What the operator is there for, in the order of a life; `one` is an object with 500 ports. */
type Scene = { desk: Desk; operator: Operator };
type Step = { readonly act: (scene: Scene) => Promise<unknown>; readonly holds: (scene: Scene) => Promise<boolean> };
const spec = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
const capacity = async (desk: Desk, map: string) => (await desk.configMap(map))?.data?.['OUTBOUND_PORTS_CAPACITY'];
const reasonOf = async (desk: Desk, name: string) => desk.conditionOf(await desk.get(name), 'Applied')?.reason;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const leaseSeconds = 5;

const steps = {
  'it leads': {
    act: async () => {},
    holds: async ({ operator }) => operator.log.some(({ msg }) => msg.startsWith('leading:')),
  },
  'it is ready': {
    act: async () => {},
    holds: async ({ operator }) => (await fetch(`${await operator.health()}/readyz`)).status === 200,
  },
  'an object goes live': {
    act: ({ desk }) => desk.create('one', spec(500)),
    holds: async ({ desk }) => (await reasonOf(desk, 'one')) === 'Applied',
  },
  'an event tells of it': {
    act: async () => {},
    holds: async ({ desk }) => {
      const { json } = await desk.request('GET', `/apis/events.k8s.io/v1/namespaces/${desk.namespace}/events`);
      return (json as { items: { reason: string }[] }).items.some(({ reason }) => reason === 'Applied');
    },
  },
  'a change goes live': {
    act: ({ desk }) => desk.patch('one', { spec: spec(600) }),
    holds: async ({ desk }) => (await capacity(desk, 'one-licenses')) === '600',
  },
  'an edited ConfigMap is put right': {
    act: async ({ desk }) => {
      await desk.patch('one', { spec: spec(500) });
      await pause(500);
      await desk.patchMap('one-licenses', { data: { OUTBOUND_PORTS_CAPACITY: '9' } });
    },
    holds: async ({ desk }) => (await capacity(desk, 'one-licenses')) === '500',
  },
  'a deleted ConfigMap comes back': {
    act: ({ desk }) => desk.removeMap('one-licenses'),
    holds: async ({ desk }) => (await desk.configMap('one-licenses')) !== undefined,
  },
  'a ConfigMap with a forged stamp is put right': {
    act: ({ desk }) =>
      desk.patchMap('one-licenses', {
        metadata: { annotations: { 'licensing.dialer.dev/generation': '99' } },
        data: { OUTBOUND_PORTS_CAPACITY: '9' },
      }),
    holds: async ({ desk }) => (await capacity(desk, 'one-licenses')) === '500',
  },
  'a rename takes the old ConfigMap away': {
    act: ({ desk }) => desk.patch('one', { spec: { configMap: { name: 'one-new' } } }),
    holds: async ({ desk }) =>
      (await desk.configMap('one-new')) !== undefined && (await desk.configMap('one-licenses')) === undefined,
  },
  "somebody else's ConfigMap is told apart": {
    act: async ({ desk }) => {
      await desk.createMap({ metadata: { name: 'two-licenses' }, data: { mine: 'yes' } });
      await desk.create('two', spec(5));
    },
    holds: async ({ desk }) => (await reasonOf(desk, 'two')) === 'ConfigMapConflict',
  },
  'it still leads after a term of the lease': {
    act: () => pause(leaseSeconds * 1000 + 500),
    holds: async ({ operator }) => !operator.log.some(({ msg }) => msg.startsWith('the lease is lost')),
  },
} as const satisfies Record<string, Step>;
type StepName = keyof typeof steps;

/** What does not happen without which permission. */
const needed: Record<string, StepName> = {
  'create leases': 'it leads',
  'get leases': 'it leads',
  'update leases': 'it still leads after a term of the lease',
  'get licensesettings': 'a ConfigMap with a forged stamp is put right',
  'list licensesettings': 'it is ready',
  'watch licensesettings': 'a change goes live',
  'update licensesettings/status': 'an object goes live',
  'get configmaps': "somebody else's ConfigMap is told apart",
  'list configmaps': 'it is ready',
  'watch configmaps': 'a deleted ConfigMap comes back',
  'create configmaps': 'an object goes live',
  'update configmaps': 'an edited ConfigMap is put right',
  'delete configmaps': 'a rename takes the old ConfigMap away',
  'create events': 'an event tells of it',
};
/** Lists come as streams, by `watch` alone, where the API server can. The right to list is for those that can't. */
const withoutStreams = (permission: string) => permission.startsWith('list ');

const test = suite('rbac');
let plane: ControlPlane;
let older: ControlPlane | undefined;
const operators: Operator[] = [];

test.before(async () => {
  plane = await sharedControlPlane();
  await install(plane);
});
test.after.each(async () => {
  for (const one of operators.splice(0)) await one.stop('SIGKILL');
});
test.after(async () => {
  await older?.stop();
  await plane?.stop();
});

/** An operator under an account that has all permissions but one, in a namespace of its own. */
async function stage(at: ControlPlane, namespace: string, without?: string): Promise<Scene> {
  const desk = createDesk(at, namespace);
  await desk.open();
  const metadata = { name: 'operator', namespace };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'operator' };
  const items = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata },
      rules: permissions.filter(({ name }) => name !== without).map(({ rule }) => rule),
    },
    {
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata, roleRef },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
  ];
  await at.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
  const kubeconfig = await at.serviceAccountKubeconfig(namespace, 'operator');
  const flags = ['--watch-namespaces', namespace, '--leader-elect', '--lease-namespace', namespace];
  const operator = await startOperator(at, { kubeconfig, flags: [...flags, '--lease-seconds', String(leaseSeconds)] });
  operators.push(operator);
  return { desk, operator };
}

async function play(scene: Scene, name: StepName): Promise<void> {
  await steps[name].act(scene);
  await until(
    name,
    () => steps[name].holds(scene),
    20_000,
    () =>
      scene.operator.log
        .slice(-15)
        .map((line) => JSON.stringify(line))
        .join('\n'),
  );
}

test('every permission is in the table of this test', () => {
  assert.equal(permissions.map(({ name }) => name).sort(), Object.keys(needed).sort());
});

test('with all permissions everything happens', async () => {
  const scene = await stage(plane, 'rbac-all');
  for (const name of Object.keys(steps) as StepName[]) await play(scene, name);
  await scene.desk.close();
});

for (const [permission, missed] of Object.entries(needed)) {
  test(`without "${permission}" this does not happen: ${missed}`, async () => {
    if (withoutStreams(permission) && !older) {
      older = await startControlPlane({ apiServerArgs: ['--feature-gates=WatchList=false'] });
      await install(older);
    }
    const at = withoutStreams(permission) && older ? older : plane;
    const mark = at.audit().mark();
    const namespace = `rbac-${permission.replaceAll(/[^a-z]/g, '-')}`;
    const scene = await stage(at, namespace, permission);
    if (Object.keys(steps).indexOf(missed) > Object.keys(steps).indexOf('an object goes live'))
      await play(scene, 'an object goes live');
    await steps[missed].act(scene);
    const [verb, resource = ''] = permission.split(' ');
    const user = `system:serviceaccount:${namespace}:operator`;
    await until(
      'the API server refuses a request for want of it',
      async () => {
        const refused = await at
          .audit()
          .since(mark, (event) => event.user.username === user && event.responseStatus?.code === 403);
        return refused.some(
          ({ verb: asked, objectRef }) =>
            asked === verb && [objectRef?.resource, objectRef?.subresource].filter(Boolean).join('/') === resource,
        );
      },
      20_000,
    );
    // The lease of the last renewal has to run out first.
    if (permission === 'update leases') await until(missed, async () => !(await steps[missed].holds(scene)));
    for (let tries = 0; tries < 8; tries++) {
      assert.is(await steps[missed].holds(scene), false, missed);
      await pause(250);
    }
    await scene.desk.close();
  });
}
