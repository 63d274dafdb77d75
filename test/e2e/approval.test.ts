/** Save and Apply: what is saved waits for an approval of its content, and what is live stays. */
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type Desk, type Operator, startOperator, until, withoutRules } from '../operator.ts';
import { suite } from '../suite.ts';
import { closeStage, openStage } from '../support/stage.ts';

const spec = (maximum: number, applyPolicy = 'Manual') => ({
  licenses: { outboundPorts: { minimum: 100, maximum } },
  applyPolicy,
});

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const test = suite('approval');

test.before(async () => {
  ({ plane, desk, operator } = await openStage('approval'));
});
test.after(() => closeStage({ plane, desk, operator }));

const annotate = (name: string, value: string | null) =>
  desk.patch(name, { metadata: { annotations: { 'licensing.dialer.dev/apply': value } } });
const capacity = async (name: string) => (await desk.configMap(`${name}-licenses`))?.data?.['OUTBOUND_PORTS_CAPACITY'];
const pendingHash = async (name: string, ready = 'True') => {
  await desk.waitFor(name, 'Ready', ready, 'ApplyPending');
  return (await desk.waitFor(name, 'Applied', 'False', 'ApplyPending')).status?.pending?.settingsHash ?? '';
};
/** Saves a new maximum over live settings, and waits until it is pending. */
async function saved(name: string): Promise<string> {
  await desk.create(name, spec(500, 'Automatic'));
  await desk.settled(name);
  await desk.patch(name, { spec: spec(700) });
  return pendingHash(name);
}

test('A2, T18 the first settings wait: nothing is written, and the status says what to approve', async () => {
  await desk.create('first', spec(500));
  const hash = await pendingHash('first', 'False');
  const stored = await desk.get('first');
  assert.equal(stored?.status?.pending, { generation: 1, settingsHash: hash });
  assert.match(desk.conditionOf(stored, 'Ready')?.message ?? '', hash.slice(0, 12));
  assert.is(desk.conditionOf(stored, 'Stalled'), undefined);
  assert.is(desk.conditionOf(stored, 'Reconciling'), undefined);
  assert.is(await desk.configMap('first-licenses'), undefined);
  await annotate('first', ` ${hash.toUpperCase()} `);
  const applied = await desk.settled('first');
  assert.is(applied.status?.pending, undefined);
  assert.is(await capacity('first'), '500');
});

const eventsOf = async (name: string): Promise<string[]> => {
  const { stdout } = await plane.kubectl(['-n', desk.namespace, 'get', 'events.events.k8s.io', '-o', 'json']);
  const { items } = JSON.parse(stdout) as { items: { regarding: { name: string }; reason: string }[] };
  return items.filter(({ regarding }) => regarding.name === name).map(({ reason }) => reason);
};

test('R10.3 its events are sent when nothing else wants to be sent, or after half a minute', async () => {
  const unsent = () => JSON.stringify(operator.log.filter(({ msg }) => msg === 'event not sent'));
  await until('both events are there', async () => (await eventsOf('first')).length >= 2, 40_000, unsent);
});

test('A5, T19 a change waits while the older settings stay live; the approval may vanish afterwards', async () => {
  const hash = await saved('change');
  assert.is(await capacity('change'), '500');
  assert.is((await desk.get('change'))?.status?.licenses?.outboundPorts.capacity, 500);
  await annotate('change', hash);
  await desk.settled('change');
  assert.is(await capacity('change'), '700');
  await annotate('change', null);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.is(desk.conditionOf(await desk.get('change'), 'Applied')?.reason, 'Applied');
});

test('A3 an approval of other content does nothing, and neither does a short one', async () => {
  const hash = await saved('other');
  for (const value of ['0123456789abcdef', hash.slice(0, 12), hash.slice(0, 63), 'yes', '']) {
    await annotate('other', value);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.is(desk.conditionOf(await desk.get('other'), 'Applied')?.reason, 'ApplyPending', value);
  }
  assert.is(await capacity('other'), '500');
});

test('A2 an approval is for one content: the next save waits again', async () => {
  await annotate('next', await saved('next'));
  await desk.settled('next');
  await desk.patch('next', { spec: spec(800) });
  await pendingHash('next');
  assert.is(await capacity('next'), '700');
  await desk.patch('next', { spec: spec(700) });
  await desk.settled('next');
});

test('A2 committed beside the spec, it goes live at once', async () => {
  const hash = await saved('committed');
  await desk.patch('committed', { spec: spec(500) });
  await desk.settled('committed');
  await desk.patch('committed', { spec: spec(700), metadata: { annotations: { 'licensing.dialer.dev/apply': hash } } });
  await desk.settled('committed');
  assert.is(await capacity('committed'), '700');
});

test('R1.1 while pending, an edited or deleted ConfigMap is rebuilt from what is live, also after a restart', async () => {
  await saved('rebuild');
  await desk.patchMap('rebuild-licenses', { data: { OUTBOUND_PORTS_CAPACITY: '700' } });
  await until('the edit is gone', async () => (await capacity('rebuild')) === '500');
  await operator.stop('SIGKILL');
  await desk.removeMap('rebuild-licenses');
  operator = await startOperator(plane);
  await until('it is there again', async () => (await capacity('rebuild')) === '500');
  assert.is(desk.conditionOf(await desk.get('rebuild'), 'Applied')?.reason, 'ApplyPending');
});

test('R1.3 a lost status does not apply what is pending: the ConfigMap is the record', async () => {
  await saved('lost');
  await operator.stop();
  await desk.patchStatus('lost', { status: null });
  operator = await startOperator(plane);
  await pendingHash('lost');
  assert.is((await desk.get('lost'))?.status?.applied?.generation, 1);
  assert.is(await capacity('lost'), '500');
});

test('A1, A6 switching to Automatic applies at once; switching to Manual changes nothing that is live', async () => {
  await saved('switch');
  await desk.patch('switch', { spec: { applyPolicy: 'Automatic' } });
  await desk.settled('switch');
  assert.is(await capacity('switch'), '700');
  await desk.patch('switch', { spec: { applyPolicy: 'Manual' } });
  await desk.settled('switch');
});

test('T4 pending and invalid: invalid is told, nothing is pending', async () => {
  await saved('invalid');
  await withoutRules(plane, () => desk.patch('invalid', { spec: { licenses: { outboundPorts: { minimum: 900 } } } }));
  const stored = await desk.waitFor('invalid', 'Applied', 'False', 'Invalid');
  assert.is(stored.status?.pending, undefined);
  assert.is(await capacity('invalid'), '500');
});

test('R4.5 pending and conflict: a rebuild that meets a foreign ConfigMap is told', async () => {
  await saved('conflict');
  await operator.stop();
  await desk.removeMap('conflict-licenses');
  await desk.createMap({ metadata: { name: 'conflict-licenses' }, data: {} });
  operator = await startOperator(plane);
  const stored = await desk.waitFor('conflict', 'Applied', 'False', 'ConfigMapConflict');
  assert.match(desk.conditionOf(stored, 'Ready')?.message ?? '', 'waits for its approval');
  assert.ok(stored.status?.pending);
});

test('R10.1 one event tells that something waits, and one that it was applied', async () => {
  await annotate('first', null);
  assert.equal((await eventsOf('first')).sort(), ['Applied', 'ApplyPending']);
});
