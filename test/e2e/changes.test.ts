/** What a change costs and does: requests, no-ops, restarts, renames, deletion, suspension. Judged at the API server. */
import * as assert from 'uvu/assert';
import { writes } from '../controlplane/audit.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, type Operator, operatorUser, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';
import { closeStage, openStage } from '../support/stage.ts';

const spec = (maximum: number) => ({
  licenses: { outboundPorts: { minimum: 100, maximum }, manualAgents: { minimum: 10, maximum: 100 } },
});

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const flags = ['--resync-seconds', '2'];
const test = suite('changes');

test.before(async () => {
  ({ plane, desk, operator } = await openStage('changes', { flags }));
});
test.after(() => closeStage({ plane, desk, operator }));

/** The operator's writes in the namespace while `action` runs, as `verb resource name`. */
async function writesOf(action: () => Promise<unknown>): Promise<string[]> {
  const audit = plane.audit();
  const mark = audit.mark();
  await action();
  // The audit log has a write a moment after others can see it.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const events = await audit.since(mark, ({ objectRef }) => objectRef?.namespace === desk.namespace);
  return writes(events, operatorUser).map(({ verb, objectRef, responseStatus }) => {
    const subresource = objectRef?.subresource ? `/${objectRef.subresource}` : '';
    const code = (responseStatus?.code ?? 0) >= 300 ? ` ${responseStatus?.code}` : '';
    return `${verb} ${objectRef?.resource}${subresource} ${objectRef?.name}${code}`;
  });
}

/** Long enough for several resyncs and for anything that a reconcile might still do. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 5_000));

test('R8.2 a new object costs two writes: the ConfigMap, then the status', async () => {
  const seen = await writesOf(async () => {
    await desk.create('two', spec(500));
    await desk.settled('two');
    await quiet();
  });
  assert.equal(seen, ['create configmaps two-licenses', 'update licensesettings/status two']);
});

test('R8.2 a change costs two writes, and what dialers read is what was asked for', async () => {
  const seen = await writesOf(async () => {
    await desk.patch('two', { spec: { licenses: { outboundPorts: { maximum: 700 } } } });
    await desk.settled('two');
    await quiet();
  });
  assert.equal(seen, ['update configmaps two-licenses', 'update licensesettings/status two']);
  const map = await desk.configMap('two-licenses');
  assert.is(map?.data?.['OUTBOUND_PORTS_CAPACITY'], '700');
  assert.is(map?.metadata.annotations?.['licensing.dialer.dev/generation'], '2');
});

test('R8.4 a label on the object, and resyncs, cost no write', async () => {
  const seen = await writesOf(async () => {
    await desk.patch('two', { metadata: { labels: { team: 'blue' }, annotations: { note: 'x' } } });
    await quiet();
  });
  assert.equal(seen, []);
  assert.ok(
    operator.log.some((line) => line['key'] === 'changes/two' && line['priority'] === 'resync'),
    'a resync took place',
  );
});

test('R8.3 a new generation that declares the same costs one status write', async () => {
  const before = await desk.get('two');
  const seen = await writesOf(async () => {
    await desk.patch('two', {
      spec: { configMap: { name: 'two-licenses' }, licenses: { previewAgents: { minimum: 0, maximum: 0 } } },
    });
    await desk.settled('two');
    await quiet();
  });
  assert.equal(seen, ['update licensesettings/status two']);
  const after = await desk.get('two');
  assert.equal(after?.status?.applied, before?.status?.applied, 'applied moves only with the settings hash');
  assert.is(after?.status?.observedGeneration, after?.metadata.generation);
});

test('R8.4 a restart with settled objects writes nothing', async () => {
  for (const name of ['r1', 'r2', 'r3']) await desk.create(name, spec(500));
  for (const name of ['r1', 'r2', 'r3']) await desk.settled(name);
  await quiet();
  const seen = await writesOf(async () => {
    assert.is(await operator.stop(), 0, 'SIGTERM ends it with exit code 0');
    operator = await startOperator(plane, { flags });
    await operator.logged(
      ({ key, msg }) => msg === 'reconciled' && key === 'changes/r3',
      'the settled objects are looked at',
    );
    await quiet();
  });
  assert.equal(seen, []);
});

test('R2.17, R8.2 a renamed ConfigMap: the new one first, then the old one goes, then the status', async () => {
  await desk.create('rename', spec(500));
  await desk.settled('rename');
  const seen = await writesOf(async () => {
    await desk.patch('rename', { spec: { configMap: { name: 'rename-new' } } });
    await until('the old one is gone', async () => (await desk.configMap('rename-licenses')) === undefined);
    await desk.settled('rename');
    await quiet();
  });
  assert.equal(seen, [
    'create configmaps rename-new',
    'delete configmaps rename-licenses',
    'update licensesettings/status rename',
  ]);
  assert.is((await desk.configMap('rename-new'))?.data?.['OUTBOUND_PORTS_MAXIMUM'], '500');
  assert.equal(
    (await desk.get('rename'))?.status?.configMaps?.map(({ name }) => name),
    ['rename-new'],
  );
});

test('A9 while suspended nothing but the status is written; afterwards what was saved goes live', async () => {
  await desk.create('pause', spec(500));
  await desk.settled('pause');
  const seen = await writesOf(async () => {
    await desk.patch('pause', { spec: { suspend: true } });
    await desk.waitFor('pause', 'Applied', 'True', 'Applied');
    await desk.patch('pause', { spec: { licenses: { outboundPorts: { maximum: 900 } } } });
    await desk.waitFor('pause', 'Applied', 'False', 'Suspended');
    await desk.patchMap('pause-licenses', { data: { OUTBOUND_PORTS_CAPACITY: '1' } });
    await quiet();
  });
  assert.equal(new Set(seen), new Set(['update licensesettings/status pause']));
  const stored = await desk.get('pause');
  assert.is(desk.conditionOf(stored, 'Ready')?.status, 'True');
  assert.is(desk.conditionOf(stored, 'Ready')?.reason, 'Suspended');
  assert.is(
    (await desk.configMap('pause-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'],
    '1',
    'work by hand is left alone',
  );
  await desk.patch('pause', { spec: { suspend: false } });
  await desk.settled('pause');
  assert.is((await desk.configMap('pause-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '900');
});

test('R5.1 a deleted object takes its ConfigMap with it, and the operator writes nothing', async () => {
  await desk.create('gone', spec(500));
  await desk.settled('gone');
  const seen = await writesOf(async () => {
    await desk.remove('gone');
    await until(
      'the garbage collector took the ConfigMap',
      async () => (await desk.configMap('gone-licenses')) === undefined,
      60_000,
    );
    await quiet();
  });
  assert.equal(seen, []);
});

test('R4.2, R5.1 an orphaning delete leaves the ConfigMap, and nothing is written; a new object of the name adopts it', async () => {
  await desk.create('orphan', spec(500));
  await desk.settled('orphan');
  const seen = await writesOf(async () => {
    await plane.kubectl(['-n', desk.namespace, 'delete', 'lics', 'orphan', '--cascade=orphan', '--timeout=60s']);
    await quiet();
  });
  assert.equal(seen, []);
  const left = await desk.configMap('orphan-licenses');
  assert.ok(left, 'the ConfigMap is still there');
  const { metadata } = await desk.create('orphan', spec(501));
  await desk.settled('orphan');
  const adopted = await desk.configMap('orphan-licenses');
  assert.is(adopted?.metadata.uid, left?.metadata.uid, 'adopted, not created again');
  assert.is(adopted?.metadata.ownerReferences?.find(({ controller }) => controller)?.uid, metadata.uid);
  assert.is(adopted?.data?.['OUTBOUND_PORTS_CAPACITY'], '501');
});

test('R4.4 deleted and created again at once: no conflict is told while the garbage collector is at it', async () => {
  await desk.create('again', spec(500));
  await desk.settled('again');
  await desk.remove('again');
  const { metadata } = await desk.create('again', spec(501));
  const stored = await desk.waitFor('again', 'Applied', 'True', 'Applied', 60_000);
  assert.is((await desk.configMap('again-licenses'))?.metadata.ownerReferences?.[0]?.uid, metadata.uid);
  assert.is(stored.status?.history?.length, 1);
  const { stdout } = await plane.kubectl(['-n', desk.namespace, 'get', 'events.events.k8s.io', '-o', 'json']);
  const { items } = JSON.parse(stdout) as { items: { regarding: { name: string }; reason: string }[] };
  assert.not.ok(items.some(({ regarding, reason }) => regarding.name === 'again' && reason !== 'Applied'));
});

test('R5.4 a terminating namespace is quiet', async () => {
  const short = createDesk(plane, 'changes-short');
  await short.open();
  await short.create('pom', spec(500));
  await short.settled('pom');
  const mark = plane.audit().mark();
  await short.close();
  await until(
    'the namespace is gone',
    async () => (await plane.kubectl(['get', 'ns', 'changes-short'], { allowFailure: true })).code !== 0,
    60_000,
  );
  const events = await plane.audit().since(mark, ({ objectRef }) => objectRef?.namespace === 'changes-short');
  const refused = writes(events, operatorUser).filter(({ responseStatus }) => (responseStatus?.code ?? 0) >= 500);
  assert.equal(refused, []);
  assert.ok(writes(events, operatorUser).length <= 2, 'no storm of writes');
});

test('R10.1 events tell of transitions: one Applied for each apply', async () => {
  await desk.create('event', spec(500));
  await desk.settled('event');
  await desk.patch('event', { spec: { licenses: { outboundPorts: { maximum: 600 } } } });
  await desk.settled('event');
  let reasons: string[] = [];
  await until('two events', async () => {
    const { stdout } = await plane.kubectl(['-n', desk.namespace, 'get', 'events.events.k8s.io', '-o', 'json']);
    const { items } = JSON.parse(stdout) as { items: { regarding: { name: string }; reason: string }[] };
    reasons = items.filter(({ regarding }) => regarding.name === 'event').map(({ reason }) => reason);
    return reasons.length >= 2;
  });
  assert.equal(reasons, ['Applied', 'Applied']);
});
