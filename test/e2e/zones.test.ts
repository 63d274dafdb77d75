/** Zones and organizations: allocation, and moving licenses without ever giving one out twice. Judged at the API server. */
import * as assert from 'uvu/assert';
import { writes } from '../controlplane/audit.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type Desk, type Operator, operatorUser, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';
import { closeStage, openStage } from '../support/stage.ts';

type Counts = { outboundPorts?: number; manualAgents?: number };
const zone = (name: string, outboundPorts: number, organizations: Record<string, number> = {}) => ({
  name,
  licenses: { outboundPorts },
  organizations: Object.entries(organizations).map(([tenant, held]) => ({
    name: tenant,
    licenses: { outboundPorts: held } as Counts,
  })),
});
const spec = (maximum: number, zones: ReturnType<typeof zone>[] | null, settleSeconds = 2) => ({
  licenses: { outboundPorts: { minimum: 100, maximum } },
  zones,
  settleSeconds,
});

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const test = suite('zones');

test.before(async () => {
  ({ plane, desk, operator } = await openStage('zones'));
});
test.after(() => closeStage({ plane, desk, operator }));

const capacity = async (map: string) => (await desk.configMap(map))?.data?.['OUTBOUND_PORTS_CAPACITY'];
const version = async (map: string) => (await desk.configMap(map))?.metadata.resourceVersion;

/** The operator's writes in the namespace while `action` runs: verb and name, with the capacity that was written. */
async function writesOf(action: () => Promise<unknown>): Promise<string[]> {
  const mark = plane.audit().mark();
  await action();
  // The audit log has a write a moment after others can see it.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const events = await plane.audit().since(mark, ({ objectRef }) => objectRef?.namespace === desk.namespace);
  return writes(events, operatorUser).map(({ verb, objectRef, requestObject }) => {
    const data = (requestObject as { data?: Record<string, string> } | undefined)?.data;
    const held = verb === 'delete' || data === undefined ? '' : ` ${data['OUTBOUND_PORTS_CAPACITY'] ?? '-'}`;
    return `${verb} ${objectRef?.name}${objectRef?.subresource ? '/status' : held}`;
  });
}

test('R2.11, C2 the first settings with zones: system, then zones, no wait; what each may use, and what is left', async () => {
  const seen = await writesOf(async () => {
    await desk.create('first', spec(500, [zone('emea', 300, { retail: 200 }), zone('apac', 100)], 60));
    await desk.settled('first');
  });
  assert.equal(seen, [
    'update first/status',
    'create first-licenses -',
    'create first-licenses-apac 100',
    'create first-licenses-emea 300',
    'update first/status',
  ]);
  const stored = await desk.get('first');
  assert.equal(stored?.status?.licenses?.outboundPorts, {
    minimum: 100,
    maximum: 500,
    capacity: 500,
    allocated: 400,
    unused: 100,
  });
  assert.equal(stored?.status?.zones, [
    { name: 'apac', licenses: { outboundPorts: { capacity: 100, unallocated: 100 } } },
    { name: 'emea', licenses: { outboundPorts: { capacity: 300, unallocated: 100 } } },
  ]);
  assert.is(stored?.status?.applying, undefined);
  const system = await desk.configMap('first-licenses');
  assert.not.ok(
    Object.keys(system?.data ?? {}).some((key) => key.endsWith('_CAPACITY')),
    'nobody may obey the same license twice',
  );
  assert.is(JSON.parse(system?.data?.['licenses.json'] ?? '').licenses.outboundPorts.total, 500);
  const emea = await desk.configMap('first-licenses-emea');
  assert.match(emea?.data?.['licenses.properties'] ?? '', '\nlicense.organization.retail.outboundPorts.capacity=200\n');
  assert.is(emea?.metadata.labels?.['licensing.dialer.dev/zone'], 'emea');
});

test('C6 a zone whose numbers did not change is not written', async () => {
  const apac = await version('first-licenses-apac');
  const seen = await writesOf(async () => {
    await desk.patch('first', { spec: spec(500, [zone('emea', 350, { retail: 200 }), zone('apac', 100)], 60) });
    await desk.settled('first');
  });
  assert.equal(seen, [
    'update first/status',
    'update first-licenses -',
    'update first-licenses-emea 350',
    'update first/status',
  ]);
  assert.is(await version('first-licenses-apac'), apac);
  assert.is(await capacity('first-licenses-emea'), '350');
});

test('R2.1, R2.8 moving licenses: decreases, then the wait, then increases; Settling meanwhile', async () => {
  await desk.create('move', spec(500, [zone('a', 300), zone('b', 200)]));
  await desk.settled('move');
  let waited = 0;
  const seen = await writesOf(async () => {
    await desk.patch('move', { spec: spec(500, [zone('a', 200), zone('b', 300)]) });
    const settling = await desk.waitFor('move', 'Applied', 'False', 'Settling');
    const started = performance.now();
    assert.is(settling.status?.applied?.generation, 1, 'what was live last stands there until the end');
    assert.is(settling.status?.applying?.generation, 2);
    await until('a gave back', async () => (await capacity('move-licenses-a')) === '200');
    assert.is(await capacity('move-licenses-b'), '200');
    await desk.settled('move');
    waited = performance.now() - started;
  });
  assert.equal(seen, [
    'update move/status',
    'update move-licenses-a 200',
    'update move-licenses -',
    'update move-licenses-b 300',
    'update move/status',
  ]);
  assert.ok(waited > 1_500, `waited ${waited} ms`);
});

test('C5, R2.7 from no zones to zones, and back: the system is obeyed only while there are none', async () => {
  await desk.create('turn', { licenses: { outboundPorts: { minimum: 100, maximum: 500 } }, settleSeconds: 1 });
  await desk.settled('turn');
  assert.is(await capacity('turn-licenses'), '500');
  const there = await writesOf(async () => {
    await desk.patch('turn', { spec: spec(500, [zone('a', 500)], 1) });
    await desk.settled('turn');
  });
  assert.equal(there, [
    'update turn/status',
    'update turn-licenses -',
    'create turn-licenses-a 500',
    'update turn/status',
  ]);
  const back = await writesOf(async () => {
    await desk.patch('turn', { spec: spec(500, null, 1) });
    await desk.settled('turn');
  });
  assert.equal(back, [
    'update turn/status',
    'update turn-licenses-a 0',
    'update turn-licenses 500',
    'delete turn-licenses-a',
    'update turn/status',
  ]);
  assert.equal(
    (await desk.get('turn'))?.status?.configMaps?.map(({ name }) => name),
    ['turn-licenses'],
  );
});

test('R2.4, R2.14, R2.16 a removed zone goes to zero, is seen so, and is deleted; a renamed ConfigMap moves nothing', async () => {
  await desk.create('gone', spec(500, [zone('a', 300), zone('b', 200)], 1));
  await desk.settled('gone');
  const seen = await writesOf(async () => {
    await desk.patch('gone', { spec: spec(500, [zone('a', 500)], 1) });
    await desk.settled('gone');
  });
  assert.equal(seen, [
    'update gone/status',
    'update gone-licenses-b 0',
    'update gone-licenses -',
    'update gone-licenses-a 500',
    'delete gone-licenses-b',
    'update gone/status',
  ]);
  const renamed = await writesOf(async () => {
    await desk.patch('gone', { spec: { configMap: { name: 'gone-new' } } });
    await desk.settled('gone');
  });
  assert.equal(renamed.slice(0, 3), ['update gone/status', 'create gone-new -', 'create gone-new-a 500']);
  assert.equal(renamed.slice(3, 5).sort(), ['delete gone-licenses', 'delete gone-licenses-a']);
});

test('R2.5 from no zones to zones under a new name: the old system loses its CAPACITY keys before zones get theirs', async () => {
  await desk.create('both', { licenses: { outboundPorts: { minimum: 100, maximum: 500 } }, settleSeconds: 1 });
  await desk.settled('both');
  const seen = await writesOf(async () => {
    await desk.patch('both', { spec: { ...spec(500, [zone('a', 500)], 1), configMap: { name: 'both-new' } } });
    await desk.settled('both');
  });
  assert.equal(seen, [
    'update both/status',
    'update both-licenses -',
    'create both-new -',
    'create both-new-a 500',
    'delete both-licenses',
    'update both/status',
  ]);
});

test('R2.9, R2.15 killed in the middle of the wait, a new process waits in full, and ends the plan', async () => {
  await desk.create('kill', spec(500, [zone('a', 300), zone('b', 200)], 4));
  await desk.settled('kill');
  await desk.patch('kill', { spec: spec(500, [zone('a', 100), zone('b', 400)], 4) });
  await until('a gave back', async () => (await capacity('kill-licenses-a')) === '100');
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await operator.stop('SIGKILL');
  operator = await startOperator(plane);
  const started = performance.now();
  await until('b gets it', async () => (await capacity('kill-licenses-b')) === '400');
  assert.ok(performance.now() - started > 3_500, 'waited in full');
  await desk.settled('kill');
});

test('R2.15 a newer applicable spec supersedes a plan; an invalid or pending one does not stop it', async () => {
  await desk.create('super', spec(500, [zone('a', 300), zone('b', 200)], 3));
  await desk.settled('super');
  await desk.patch('super', { spec: spec(500, [zone('a', 100), zone('b', 400)], 3) });
  await desk.waitFor('super', 'Applied', 'False', 'Settling');
  await desk.patch('super', { spec: { ...spec(500, [zone('a', 150), zone('b', 350)], 3) } });
  await desk.settled('super');
  assert.is(await capacity('super-licenses-a'), '150');
  assert.is(await capacity('super-licenses-b'), '350');
  await desk.patch('super', { spec: spec(500, [zone('a', 350), zone('b', 150)], 3) });
  await desk.waitFor('super', 'Applied', 'False', 'Settling');
  await desk.patch('super', { spec: { ...spec(500, [zone('a', 10), zone('b', 10)], 3), applyPolicy: 'Manual' } });
  const stored = await desk.waitFor('super', 'Applied', 'False', 'ApplyPending');
  assert.is(await capacity('super-licenses-a'), '350', 'the plan that had begun was finished');
  assert.is(await capacity('super-licenses-b'), '150');
  assert.is(stored.status?.applied?.generation, 4);
});

test('A9 suspended in the middle, a plan stops, and goes on later', async () => {
  await desk.create('pause', spec(500, [zone('a', 300), zone('b', 200)], 2));
  await desk.settled('pause');
  await desk.patch('pause', { spec: spec(500, [zone('a', 100), zone('b', 400)], 2) });
  await until('a gave back', async () => (await capacity('pause-licenses-a')) === '100');
  await desk.patch('pause', { spec: { suspend: true } });
  await desk.waitFor('pause', 'Ready', 'True', 'Suspended');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  assert.is(await capacity('pause-licenses-b'), '200');
  await desk.patch('pause', { spec: { suspend: false } });
  await desk.settled('pause');
  assert.is(await capacity('pause-licenses-b'), '400');
});

test('R3.1, R8.4 drift of a zone is healed, and a deleted zone is rebuilt, with one write each', async () => {
  await desk.create('heal', spec(500, [zone('a', 300, { x: 100 }), zone('b', 200)]));
  await desk.settled('heal');
  const seen = await writesOf(async () => {
    await desk.patchMap('heal-licenses-a', { data: { OUTBOUND_PORTS_CAPACITY: '9999' } });
    await until('the edit is gone', async () => (await capacity('heal-licenses-a')) === '300');
    await desk.removeMap('heal-licenses-b');
    await until('b is there again', async () => (await capacity('heal-licenses-b')) === '200');
  });
  assert.equal(seen, ['update heal-licenses-a 300', 'create heal-licenses-b 200']);
});

test('R4.6 a taken name stops a plan before anything is written', async () => {
  await desk.createMap({ metadata: { name: 'taken-licenses-b' }, data: {} });
  await desk.create('taken', spec(500, [zone('a', 300)]));
  await desk.settled('taken');
  const seen = await writesOf(async () => {
    await desk.patch('taken', { spec: spec(500, [zone('a', 100), zone('b', 200)]) });
    await desk.waitFor('taken', 'Applied', 'False', 'ConfigMapConflict');
  });
  assert.equal(seen, ['update taken/status']);
  assert.is(await capacity('taken-licenses-a'), '300');
  await desk.removeMap('taken-licenses-b');
  await desk.waitFor('taken', 'Applied', 'True', 'Applied', 70_000);
});

test('R1.6 a lost status with zones: nothing is live, nothing is written until a spec is applicable', async () => {
  await desk.create('lost', { ...spec(500, [zone('a', 300), zone('b', 200)], 1) });
  await desk.settled('lost');
  await desk.patch('lost', { spec: { ...spec(500, [zone('a', 200), zone('b', 300)], 1), applyPolicy: 'Manual' } });
  await desk.waitFor('lost', 'Applied', 'False', 'ApplyPending');
  await operator.stop();
  await desk.patchStatus('lost', { status: null });
  operator = await startOperator(plane);
  const seen = await writesOf(async () => {
    await desk.waitFor('lost', 'Ready', 'False', 'ApplyPending');
  });
  assert.equal(
    seen.filter((one) => !one.endsWith('/status')),
    [],
  );
  await desk.patch('lost', { spec: { applyPolicy: 'Automatic' } });
  await desk.settled('lost');
  assert.is(await capacity('lost-licenses-b'), '300');
});

test('V7 sums and names are refused at once, with the path of the field', async () => {
  const refused = async (zones: unknown) => {
    const path = `/apis/licensing.dialer.dev/v1/namespaces/${desk.namespace}/licensesettings`;
    const body = {
      apiVersion: 'licensing.dialer.dev/v1',
      kind: 'LicenseSettings',
      metadata: { name: 'bad' },
      spec: { ...spec(500, null), zones },
    };
    const { code, json } = await desk.request('POST', path, body);
    assert.is(code, 422);
    return ((json as { details: { causes: { field: string }[] } }).details.causes ?? []).map(({ field }) => field);
  };
  assert.equal(await refused([zone('a', 300), zone('b', 201)]), ['spec.licenses.outboundPorts.maximum']);
  assert.equal(await refused([zone('a', 100, { x: 60, y: 41 })]), ['spec.zones[0].licenses.outboundPorts']);
  assert.equal(await refused([zone('a', 1), zone('a', 1)]), ['spec.zones[1]']);
  assert.equal(await refused([zone('A', 1)]), ['spec.zones[0].name']);
});
