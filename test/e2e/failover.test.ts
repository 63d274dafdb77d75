/** Two replicas and one Lease: who leads, how fast another takes over, and that a leader which slept writes nothing. */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type AuditEvent, writes } from '../controlplane/audit.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
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

const test = suite('failover');
const lease = 'license-settings-operator';
const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${serviceAccount.namespace}/leases/${lease}`;
let plane: ControlPlane;
let desk: Desk;
const replicas: Operator[] = [];

test.before(async () => {
  plane = await sharedControlPlane();
  await install(plane);
  desk = createDesk(plane, 'failover');
  await desk.open();
});
test.after.each(async () => {
  for (const one of replicas.splice(0)) {
    one.process.kill('SIGCONT');
    await one.stop('SIGKILL');
  }
  await plane.kubectl(['delete', 'lease', lease, '-n', serviceAccount.namespace, '--ignore-not-found']);
});
test.after(async () => {
  await desk?.close();
  await plane?.stop();
});

/** A replica with a token of its own, so that the audit log tells whose request one was. */
type Replica = Operator & { readonly credential: string };

async function startReplica(flags: string[] = []): Promise<Replica> {
  const kubeconfig = await plane.serviceAccountKubeconfig(serviceAccount.namespace, serviceAccount.name);
  const token = /"?token"?: ?"?([\w.-]+)/.exec(readFileSync(kubeconfig, 'utf8'))?.[1] ?? '';
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string };
  const operator = await startOperator(plane, {
    kubeconfig,
    flags: [
      '--leader-elect',
      '--lease-namespace',
      serviceAccount.namespace,
      '--watch-namespaces',
      'failover',
      ...flags,
    ],
  });
  replicas.push(operator);
  return Object.assign(operator, { credential: `JTI=${jti}` });
}

const leads = ({ msg }: { msg: string }) => msg.startsWith('leading:');
const isStandby = ({ msg }: { msg: string }) => msg.startsWith('standby:');

/** A leader, and a standby with complete caches. */
async function twoReplicas(flags: string[] = []): Promise<{ leader: Replica; standby: Replica }> {
  const leader = await startReplica(flags);
  await leader.logged(leads, 'the first replica leads');
  const standby = await startReplica(flags);
  await standby.logged(isStandby, 'the second replica waits');
  await standby.logged(({ msg, resource }) => msg === 'cache is complete' && resource === 'configmaps', 'its caches');
  return { leader, standby };
}

const spec = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
const of =
  ({ credential }: Replica) =>
  ({ user }: AuditEvent) =>
    user.extra?.['authentication.kubernetes.io/credential-id']?.[0] === credential;

/** Seconds from `begun` until a change that was made meanwhile is live. */
async function live(name: string, begun: number): Promise<number> {
  await desk.settled(name);
  return (performance.now() - begun) / 1000;
}

test('S5, R11.4 one of two replicas leads; the other is ready, watches, and writes nothing', async () => {
  const mark = plane.audit().mark();
  const { leader, standby } = await twoReplicas();
  await desk.create('one', spec(5));
  await desk.settled('one');
  const events = await plane.audit().since(mark);
  assert.is(writes(events.filter(of(leader)), operatorUser).length, 2);
  assert.is(writes(events.filter(of(standby)), operatorUser).length, 0);
  assert.is((await fetch(`${await standby.health()}/readyz`)).status, 200);
  assert.match(await (await fetch(`${await standby.metrics()}/metrics`)).text(), /^license_settings_leader 0$/m);
  assert.match(await (await fetch(`${await leader.metrics()}/metrics`)).text(), /^license_settings_leader 1$/m);
});

test('R11.1 graceful: SIGTERM gives the lease back, and the other takes it within 2 s', async () => {
  await desk.create('graceful', spec(5));
  const { leader, standby } = await twoReplicas();
  await desk.settled('graceful');
  const begun = performance.now();
  const stopped = leader.stop('SIGTERM');
  await desk.patch('graceful', { spec: spec(6) });
  const seconds = await live('graceful', begun);
  assert.is(await stopped, 0);
  await leader.logged(({ msg }) => msg === 'the lease is given back', 'the lease is given back', 100);
  await standby.logged(leads, 'the other leads');
  console.log(`graceful failover: a change made at SIGTERM is live after ${seconds.toFixed(2)} s (bar: 2 s)`);
});

test('L1, R8.4 crash: after SIGKILL the other takes over within 20 s, and nothing that is right is written again', async () => {
  await desk.create('crash', spec(5));
  const { leader, standby } = await twoReplicas();
  await desk.settled('crash');
  const mark = plane.audit().mark();
  const begun = performance.now();
  await leader.stop('SIGKILL');
  await desk.patch('crash', { spec: spec(6) });
  await standby.logged(leads, 'the other leads', 30_000);
  const seconds = await live('crash', begun);
  console.log(`crash failover: a change made at SIGKILL is live after ${seconds.toFixed(1)} s (bar: 20 s)`);
  const sent = writes(await plane.audit().since(mark, of(standby)), operatorUser);
  assert.equal(
    sent.map(({ verb, objectRef }) => `${verb} ${objectRef?.name}${objectRef?.subresource ? '/status' : ''}`),
    ['update crash-licenses', 'update crash/status'],
  );
});

test('R7.1, S5 a leader that is stopped in the middle of its work and wakes up after another took over writes nothing', async () => {
  const { leader, standby } = await twoReplicas(['--lease-seconds', '5', '--workers', '4']);
  const names = Array.from({ length: 60 }, (_, i) => `sleeper-${i}`);
  await Promise.all(names.map((name) => desk.create(name, spec(5))));
  for (const name of names) await desk.settled(name);
  const path = (name: string) =>
    leader.log.some(({ key, result }) => key === `failover/${name}` && result === 'written');
  assert.ok(names.every(path));

  const written = leader.log.length;
  await Promise.all(names.map((name) => desk.patch(name, { spec: spec(7) })));
  // In the middle: some are done, for others a request is under way, the rest waits in the queue.
  await until('the leader is at work', async () => leader.log.length > written, 10_000);
  leader.process.kill('SIGSTOP');
  const undone = names.length - leader.log.slice(written).filter(({ result }) => result === 'written').length;
  await standby.logged(leads, 'the other leads', 30_000);
  for (const name of names) await desk.settled(name);
  await Promise.all(names.map((name) => desk.patch(name, { spec: spec(9) })));
  const mark = plane.audit().mark();
  leader.process.kill('SIGCONT');
  await leader.logged(({ msg }) => msg.startsWith('the lease is lost'), 'it steps down');
  for (const name of names) await desk.settled(name);
  const events = await plane.audit().since(mark, of(leader));
  const verbs = events.map(({ verb }) => verb).filter((verb) => !['get', 'list', 'watch'].includes(verb));
  assert.equal(verbs, [], 'whoever slept reads, and writes nothing: no lease, no event, no object');
  assert.ok(events.length > 0, 'it is awake');
  console.log(`SIGSTOP: ${undone} of ${names.length} changes were not done when the leader was stopped`);
  assert.is(await leader.stop(), 0);
});

test('R2.9, R7.6 a plan that a dead leader left is taken over: stamped with an epoch, waited for in full, finished', async () => {
  const zones = (a: number, b: number) => ({
    zones: [
      { name: 'a', licenses: { outboundPorts: a } },
      { name: 'b', licenses: { outboundPorts: b } },
    ],
    settleSeconds: 8,
  });
  await desk.create('plan', spec(500, zones(300, 200)));
  const { leader, standby } = await twoReplicas(['--lease-seconds', '5']);
  await desk.settled('plan');
  await desk.patch('plan', { spec: spec(500, zones(200, 300)) });
  await desk.waitFor('plan', 'Applied', 'False', 'Settling');
  // The status comes first, then what is taken away, then the system: from there on the plan waits.
  const generationOf = async () =>
    (await desk.configMap('plan-licenses'))?.metadata.annotations?.['licensing.dialer.dev/generation'];
  await until('the plan waits', async () => (await generationOf()) === '2');
  const mark = plane.audit().mark();
  await leader.stop('SIGKILL');
  await desk.settled('plan');
  const sentSince = async () => writes(await plane.audit().since(mark, of(standby)), operatorUser);
  // What is committed is seen before the answer to it ends, and the log is written with the answer.
  await until('the last write is answered', async () =>
    (await sentSince()).some(({ objectRef }) => objectRef?.subresource === 'status'),
  );
  const sent = await sentSince();
  const told = sent.map(
    ({ verb, objectRef }) => `${verb} ${objectRef?.name}${objectRef?.subresource ? '/status' : ''}`,
  );
  assert.equal(
    [...told.slice(0, 3)].sort(),
    ['update plan-licenses', 'update plan-licenses-a', 'update plan-licenses-b'],
    'one stamp for each',
  );
  assert.equal(told.slice(3), ['update plan-licenses-b', 'update plan/status']);
  // The term sees the object as soon as it has the lease, and from then on what came before is unknown to it.
  const took = (await plane.audit().since(mark, of(standby))).find(
    ({ verb, objectRef, responseStatus }) =>
      verb === 'update' && objectRef?.resource === 'leases' && responseStatus?.code === 200,
  );
  const timeOf = (event: AuditEvent | undefined) => Date.parse(event?.requestReceivedTimestamp ?? '');
  const waited = timeOf(sent[3]) - timeOf(took);
  assert.ok(waited >= 8_000, `the wait began anew: ${waited} ms after the lease was taken`);
  const epochs = await Promise.all(
    ['', '-a', '-b'].map(
      async (zone) =>
        (await desk.configMap(`plan-licenses${zone}`))?.metadata.annotations?.['licensing.dialer.dev/epoch'],
    ),
  );
  // Of the term that wrote it, and of the version that it was written from.
  const [term, ...others] = epochs.map((epoch = '') => /^([\da-f]{16})\.\d+$/.exec(epoch)?.[1]);
  assert.type(term, 'string');
  assert.equal(others, [term, term]);
});

test('R11.4 without the right to the lease nobody leads, the replica is not ready, and says what to do', async () => {
  const other = await startReplica(['--lease-name', 'another']);
  await other.logged(({ msg }) => msg.startsWith('the lease can not be read'), 'the refusal');
  const answer = await fetch(`${await other.health()}/readyz`);
  assert.is(answer.status, 503);
  assert.match(await answer.text(), /bind the Role.*"another" is forbidden/s);
});

test('the Lease is as kubectl shows it: holder, age', async () => {
  await startReplica();
  await until('someone holds it', async () => {
    const { json } = await desk.request('GET', leasePath);
    return Boolean((json as { spec?: { holderIdentity?: string } }).spec?.holderIdentity);
  });
  const { stdout } = await plane.kubectl(['get', 'lease', lease, '-n', serviceAccount.namespace]);
  assert.match(stdout, /^license-settings-operator +\S+_[\da-f]{16} +\d+s$/m);
});
