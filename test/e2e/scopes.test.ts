/** Several namespaces are watched, and one of them goes, or its Role: the others are served, and it is when it comes back. */
import * as assert from 'uvu/assert';
import { writes } from '../controlplane/audit.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { createDesk, type Desk, install, type Operator, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';

const test = suite('scopes');
const home = 'scopes-home';
const account = { name: 'operator', namespace: home };
const user = `system:serviceaccount:${home}:operator`;
/** The rules of deploy/rights/namespace. */
const rules = [
  { apiGroups: ['licensing.dialer.dev'], resources: ['licensesettings'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['licensing.dialer.dev'], resources: ['licensesettings/status'], verbs: ['update'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
];
const leaseRules = [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'get', 'update'] }];
const spec = (maximum: number) => ({ licenses: { outboundPorts: { minimum: 0, maximum } } });

let plane: ControlPlane;
let a: Desk;
let b: Desk;
const running: Operator[] = [];

test.before(async () => {
  plane = await sharedControlPlane();
  await install(plane);
  a = createDesk(plane, 'scopes-a');
  b = createDesk(plane, 'scopes-b');
  const own = createDesk(plane, home);
  for (const desk of [own, a, b]) await desk.open();
  await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account }, ...bound(home, 'lease', leaseRules));
  for (const desk of [a, b]) await permit(desk);
});
test.after.each(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop('SIGKILL')));
  await plane.kubectl(['delete', 'lease', '--all', '-n', home]);
});
test.after(async () => {
  await plane?.kubectl(['delete', 'namespace', home, '--wait=false', '--ignore-not-found']);
  for (const desk of [a, b]) await desk?.close();
  await plane?.stop();
});

const apply = (...items: object[]) =>
  plane.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });

/** A Role, and its binding to the operator's account. */
function bound(namespace: string, name: string, rules: object[]): object[] {
  const [apiVersion, apiGroup] = ['rbac.authorization.k8s.io/v1', 'rbac.authorization.k8s.io'];
  const metadata = { name, namespace };
  return [
    { apiVersion, kind: 'Role', metadata, rules },
    {
      ...{ apiVersion, kind: 'RoleBinding', metadata, roleRef: { apiGroup, kind: 'Role', name } },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
  ];
}
const permit = ({ namespace }: Desk) => apply(...bound(namespace, 'settings', rules));
const forbid = ({ namespace }: Desk) => plane.kubectl(['delete', 'rolebinding', 'settings', '-n', namespace]);

async function start(): Promise<Operator> {
  const kubeconfig = await plane.serviceAccountKubeconfig(account.namespace, account.name);
  const flags = ['--leader-elect', '--lease-namespace', home, '--lease-seconds', '5'];
  const operator = await startOperator(plane, {
    kubeconfig,
    flags: [...flags, '--watch-namespaces', `${a.namespace},${b.namespace}`],
  });
  running.push(operator);
  return operator;
}
const leads = (operator: Operator) => operator.logged(({ msg }) => msg.startsWith('leading:'), 'it leads', 30_000);
/** A leader, and a standby whose caches are complete. */
async function twoReplicas(): Promise<[Operator, Operator]> {
  const leader = await start();
  await leads(leader);
  const standby = await start();
  await until('the standby is ready', async () => (await page(standby, '/readyz')).code === 200);
  await until('its caches are complete', async () => Object.values(await synced(standby)).every((one) => one === '1'));
  return [leader, standby];
}

async function page(operator: Operator, path: string): Promise<{ code: number; body: string }> {
  const answer = await fetch(`${await operator.health()}${path}`);
  return { code: answer.status, body: await answer.text() };
}
/** watch_synced by namespace/resource. */
async function synced(operator: Operator): Promise<Record<string, string | undefined>> {
  const body = await (await fetch(`${await operator.metrics()}/metrics`)).text();
  const samples = body.matchAll(/^license_settings_watch_synced\{resource="(\w+)",namespace="([\w-]*)"\} (\d)$/gm);
  return Object.fromEntries([...samples].map(([, resource, namespace, value]) => [`${namespace}/${resource}`, value]));
}

/** What everybody can see while `a` is served and `b` is not. */
async function onlyAIsServed(operator: Operator, maximum: number): Promise<void> {
  const mark = plane.audit().mark();
  await a.patch('pom', { spec: spec(maximum) });
  await a.settled('pom');
  assert.is((await a.configMap('pom-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], String(maximum));
  const namespaces = writes(await plane.audit().since(mark), user).map(({ objectRef }) => objectRef?.namespace);
  assert.equal([...new Set(namespaces)], [a.namespace]);
  assert.equal(await page(operator, '/readyz'), { code: 200, body: 'ok\n' });
  const { body } = await page(operator, '/readyz?verbose');
  assert.match(body, /^\[\+\]namespace scopes-a ok$/m);
  assert.match(body, /^\[-\]namespace scopes-b failed: .*no permission to list and watch/m);
  assert.match(body, /^\[\+\]lease ok: this replica leads$/m);
  assert.equal(await synced(operator), {
    'scopes-a/licensesettings': '1',
    'scopes-a/configmaps': '1',
    'scopes-b/licensesettings': '0',
    'scopes-b/configmaps': '0',
  });
  const line = await operator.logged(
    ({ msg, namespace }) => namespace === b.namespace && msg.includes('kubectl apply -n scopes-b'),
    'the log names the scope and the mend',
  );
  assert.is(line.level, 'warn');
}

async function bothAreServed(operator: Operator): Promise<void> {
  await until('every copy is current', async () => Object.values(await synced(operator)).every((one) => one === '1'));
  await b.settled('pom');
  const { code, body } = await page(operator, '/readyz?verbose');
  assert.is(code, 200);
  assert.not.match(body, /^\[-\]/m);
}

async function withObjects(): Promise<void> {
  for (const desk of [a, b]) {
    if (!(await desk.get('pom'))) await desk.create('pom', spec(5));
  }
}

test('R7.8, R7.9 restart: the Role of one namespace is gone, the other is served; back, both are', async () => {
  await withObjects();
  await forbid(b);
  const operator = await start();
  await leads(operator);
  await onlyAIsServed(operator, 10);
  await b.patch('pom', { spec: spec(11) });
  await permit(b);
  await bothAreServed(operator);
});

test('R7.8, R7.9 failover: the Role of one namespace is gone, the other is served by the new leader; back, both are', async () => {
  await withObjects();
  const [leader, standby] = await twoReplicas();
  for (const desk of [a, b]) await desk.settled('pom');
  await forbid(b);
  await leader.stop('SIGKILL');
  await leads(standby);
  await onlyAIsServed(standby, 20);
  await b.patch('pom', { spec: spec(21) });
  await permit(b);
  await bothAreServed(standby);
});

test('R7.9 failover: one namespace was deleted, the other is served by the new leader; made anew, both are', async () => {
  await withObjects();
  const [leader, standby] = await twoReplicas();
  for (const desk of [a, b]) await desk.settled('pom');
  await plane.kubectl(['delete', 'namespace', b.namespace, '--timeout=60s']);
  await leader.stop('SIGKILL');
  await leads(standby);
  await onlyAIsServed(standby, 30);
  // And after a restart.
  await standby.stop();
  const third = await start();
  await leads(third);
  await onlyAIsServed(third, 31);
  await b.open();
  await permit(b);
  await b.create('pom', spec(32));
  await bothAreServed(third);
});

test('R11.3, R11.4 a leader that can work in no namespace is alive, and not ready', async () => {
  await withObjects();
  const [leader, standby] = await twoReplicas();
  for (const desk of [a, b]) await forbid(desk);
  await leader.stop('SIGKILL');
  await leads(standby);
  const reasons = [a, b].map(
    ({ namespace }) => new RegExp(`^namespace ${namespace}: licensesettings: .*no permission`, 'm'),
  );
  await until('it is not ready, and names both', async () => {
    const { code, body } = await page(standby, '/readyz');
    return code === 503 && reasons.every((reason) => reason.test(body));
  });
  assert.is((await page(standby, '/healthz')).code, 200);
  for (const desk of [a, b]) await permit(desk);
  await until('it is ready', async () => (await page(standby, '/readyz')).code === 200);
});
