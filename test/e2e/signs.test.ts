/** Probes, metrics and the log say what is: each of these once said that all was well. */
import * as assert from 'uvu/assert';
import type { AuditEvent } from '../controlplane/audit.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import {
  createDesk,
  type Desk,
  install,
  type Operator,
  operatorUser,
  serviceAccount,
  startOperator,
  until,
} from '../operator.ts';
import { suite } from '../suite.ts';

const test = suite('signs');
const crd = 'licensesettings.licensing.dialer.dev';
const spec = (maximum = 500) => ({ licenses: { outboundPorts: { minimum: 0, maximum } } });
const seconds = (count: number) => new Promise<void>((resolve) => setTimeout(resolve, count * 1000));

let plane: ControlPlane;
let desk: Desk;
const running: Operator[] = [];

test.before(async () => {
  plane = await startControlPlane();
  await install(plane);
  desk = createDesk(plane, 'signs');
  await desk.open();
});
test.after.each(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop('SIGKILL')));
  await install(plane);
});
test.after(async () => {
  await plane?.stop();
});

const leaseFlags = ['--leader-elect', '--lease-namespace', serviceAccount.namespace, '--lease-seconds', '5'];
async function start(flags: string[] = []): Promise<Operator> {
  const operator = await startOperator(plane, { flags });
  running.push(operator);
  return operator;
}
async function page(operator: Operator, path: string): Promise<{ code: number; body: string }> {
  const answer = await fetch(`${await operator.health()}${path}`);
  return { code: answer.status, body: await answer.text() };
}
const becomes = (operator: Operator, code: number, timeout = 30_000) =>
  until(`/readyz is ${code}`, async () => (await page(operator, '/readyz')).code === code, timeout);
async function synced(operator: Operator, resource: string): Promise<string | undefined> {
  const body = await (await fetch(`${await operator.metrics()}/metrics`)).text();
  return new RegExp(`^license_settings_watch_synced\\{resource="${resource}",namespace=""\\} (\\d)$`, 'm').exec(
    body,
  )?.[1];
}
const isWrite = ({ stage, user, verb }: AuditEvent) =>
  stage === 'ResponseComplete' && user.username === operatorUser && !['get', 'list', 'watch'].includes(verb);
const told = (operator: Operator, words: string) => operator.log.filter(({ msg }) => msg.includes(words)).length;

test('R10.3 a backlog: no event is sent before its last status', async () => {
  const names = Array.from({ length: 200 }, (_, n) => `backlog-${n}`);
  for (const name of names) await desk.create(name, spec());
  const mark = plane.audit().mark();
  await start();
  for (const name of names) await desk.settled(name);
  const received = async (matches: (event: AuditEvent) => boolean) =>
    (await plane.audit().since(mark, (event) => isWrite(event) && matches(event)))
      .map(({ requestReceivedTimestamp }) => requestReceivedTimestamp)
      .sort();
  const events = () => received(({ objectRef }) => objectRef?.resource === 'events');
  await until('each has its event', async () => (await events()).length === names.length);
  const statuses = await received(({ objectRef }) => objectRef?.subresource === 'status');
  const [first = ''] = await events();
  assert.is(statuses.length, names.length);
  assert.ok(first > (statuses.at(-1) ?? ''), `the first event at ${first}, the last status at ${statuses.at(-1)}`);
  for (const name of names) await desk.remove(name);
});
test('R11.5 the verb watch is taken away: told once a minute; over only when a watch works again', async () => {
  const operator = await start();
  await becomes(operator, 200);
  const path = '/rules/0/verbs';
  const rule = { op: 'replace', path, value: ['get', 'list'] };
  await plane.kubectl([
    'patch',
    'clusterrole',
    'license-settings-operator',
    '--type=json',
    '-p',
    JSON.stringify([rule]),
  ]);
  await operator.logged(
    ({ msg }) => msg.startsWith('no permission to list and watch licensesettings'),
    'it says so',
    60_000,
  );
  await seconds(25);
  assert.is(told(operator, 'list and watch work again'), 0);
  assert.is(told(operator, 'no permission to list and watch licensesettings'), 1);
  // Lists keep the copy current: what changes goes live.
  await desk.create('polled', spec());
  await desk.settled('polled');
  const { code, body } = await page(operator, '/readyz?verbose');
  assert.is(code, 200);
  assert.match(body, /^\[\+\]all namespaces ok: licensesettings: no permission.*cannot watch/m);
  await install(plane);
  await operator.logged(({ msg }) => msg === 'list and watch work again', 'it is over', 60_000);
  await desk.remove('polled');
});

test('R11.3, R11.4 the CRD is deleted under a running operator: not ready, not synced, alive; back, all is well', async () => {
  const operator = await start();
  await becomes(operator, 200);
  assert.is(await synced(operator, 'licensesettings'), '1');
  await plane.kubectl(['delete', 'crd', crd]);
  await becomes(operator, 503, 90_000);
  assert.match((await page(operator, '/readyz')).body, /licensesettings: .*CustomResourceDefinition is not installed/);
  assert.is(await synced(operator, 'licensesettings'), '0');
  assert.is(await synced(operator, 'configmaps'), '1');
  assert.is((await page(operator, '/healthz')).code, 200);
  assert.ok(told(operator, 'CustomResourceDefinition is not installed') <= 2);
  await install(plane);
  await becomes(operator, 200);
  assert.is(await synced(operator, 'licensesettings'), '1');
  await desk.create('after', spec());
  await desk.settled('after');
});

test('R11.4 every request is 401 and nobody leads: neither replica is ready, and each says why', async () => {
  const leader = await start(leaseFlags);
  await leader.logged(({ msg }) => msg.startsWith('leading:'), 'it leads', 30_000);
  const standby = await start(leaseFlags);
  await becomes(standby, 200);
  await plane.kubectl(['delete', 'serviceaccount', serviceAccount.name, '-n', serviceAccount.namespace]);
  for (const operator of [leader, standby]) {
    await becomes(operator, 503, 60_000);
    assert.match((await page(operator, '/readyz')).body, /^lease: .*does not accept the credentials.*401/m);
    assert.is((await page(operator, '/healthz')).code, 200);
  }
});

test('R11.1 SIGTERM ends it within 5 s, also when it was blocked as the signal came and the API server hangs', async () => {
  const operator = await start(leaseFlags);
  await operator.logged(({ msg }) => msg.startsWith('leading:'), 'it leads', 30_000);
  const server = plane.pid('kube-apiserver') ?? 0;
  const names = Array.from({ length: 30 }, (_, n) => `hang-${n}`);
  await Promise.all(names.map((name) => desk.create(name, spec())));
  process.kill(server, 'SIGSTOP');
  try {
    operator.process.kill('SIGSTOP');
    const begun = performance.now();
    const ended = operator.stop('SIGTERM');
    await seconds(3);
    operator.process.kill('SIGCONT');
    assert.is(await ended, 0);
    const took = (performance.now() - begun) / 1000;
    assert.ok(took < 5, `it took ${took.toFixed(2)} s`);
  } finally {
    process.kill(server, 'SIGCONT');
  }
});
