/**
 * Upgrading and rolling back the definition: objects stored with that of an older release (fixtures/) meet this one, and
 * back. docs/upgrade.md says what people read of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { writes } from '../controlplane/audit.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, install, type Operator, operatorUser, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const crd = 'licensesettings.licensing.dialer.dev';
const older = fileURLToPath(new URL('fixtures/older-licensesettings.yaml', import.meta.url));
const outboundPorts = { minimum: 100, maximum: 500 };
const wrong = {
  licenses: { outboundPorts: { minimum: 600, maximum: 500 }, manualAgents: { minimum: 0, maximum: 2_000_000 } },
  configMap: { name: 'Elsewhere' },
};
const zones = [
  { name: 'emea', licenses: { outboundPorts: 300 } },
  { name: 'apac', licenses: { outboundPorts: 200 } },
];

let plane: ControlPlane;
let desk: Desk;
let operator: Operator | undefined;

const test = suite('upgrade');
test.before(async () => {
  // Its own: the other tests need the definition as it is.
  plane = await startControlPlane();
  await installOlder();
  await plane.kubectl(['apply', '-k', `${root}deploy/overlays/outside`]);
  desk = createDesk(plane, 'dialer');
  await desk.open();
});
test.after(async () => {
  await operator?.stop();
  await plane?.stop();
});

const up = async () => {
  operator ??= await startOperator(plane);
};
const down = async () => {
  await operator?.stop();
  operator = undefined;
};
/** Whether the API server prunes this of a spec: whose definition is in force. */
const knows = async (spec: object) => {
  const probe = { apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', metadata: { name: 'probe' } };
  const body = { ...probe, spec: { licenses: { outboundPorts }, ...spec } };
  const path = '/apis/licensing.dialer.dev/v1/namespaces/default/licensesettings?dryRun=All&fieldValidation=Strict';
  return (await desk.request('POST', path, body)).code === 201;
};
async function installOlder(): Promise<void> {
  await plane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', older]);
  await plane.kubectl(['wait', '--for=condition=Established', `crd/${crd}`, '--timeout=30s']);
  desk ??= createDesk(plane, 'dialer');
  await until('the older definition is in force', async () => (await knows(wrong)) && !(await knows({ zones })));
}
async function installThis(): Promise<void> {
  await install(plane);
  await until('this definition is in force', async () => !(await knows(wrong)) && (await knows({ zones })));
}
/** As people do it: on the client's side, with the whole manifest. */
const apply = (name: string, spec: object) =>
  plane.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({
      ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings' },
      ...{ metadata: { name, namespace: 'dialer' }, spec },
    }),
  });
/** An object as it is stored, without what only says how it came there. */
const storedSpec = async (name: string) => {
  const { metadata, spec } = (await desk.get(name)) ?? { metadata: { uid: '', generation: 0 }, spec: undefined };
  return { uid: metadata.uid, generation: metadata.generation, spec };
};
const mapVersion = async (name: string) => (await desk.configMap(`${name}-licenses`))?.metadata.resourceVersion;
/** What the operator has written of an object and its ConfigMaps since then, as `verb resource/name`. */
const written = async (mark: number, name: string) =>
  writes(await plane.audit().since(mark), operatorUser)
    .map(
      ({ verb, objectRef }) =>
        `${verb} ${objectRef?.resource}/${objectRef?.name ?? name}${objectRef?.subresource ? '/status' : ''}`,
    )
    .filter((line) => line.includes(`/${name}`));

test('R8.4 stored with an older definition, the upgrade loses nothing and makes no surprise write', async () => {
  await up();
  for (const name of ['live', 'spoiled']) {
    await desk.create(name, { licenses: { outboundPorts } });
    await desk.settled(name);
  }
  await down();
  await desk.create('unseen', { licenses: { outboundPorts } });
  assert.is((await desk.get('unseen'))?.status, undefined, 'an older release had no default');
  await desk.create('wrong', wrong);
  await desk.patch('spoiled', { spec: wrong });
  const names = ['live', 'spoiled', 'unseen', 'wrong'];
  const specs = await Promise.all(names.map(storedSpec));
  const maps = await Promise.all(['live', 'spoiled'].map(mapVersion));
  const version = (await desk.get('unseen'))?.metadata.resourceVersion;

  await installThis();
  const unseen = await desk.get('unseen');
  assert.equal(unseen?.status, { observedGeneration: -1 } as never, 'so that nobody takes it for finished');
  assert.is(unseen?.metadata.resourceVersion, version, 'the default is not written');
  assert.equal(await Promise.all(names.map(storedSpec)), specs);

  const mark = plane.audit().mark();
  await up();
  await desk.settled('unseen');
  for (const name of ['spoiled', 'wrong']) {
    const { status } = await desk.waitFor(name, 'Applied', 'False', 'Invalid');
    assert.equal(
      status?.errors?.map(({ field, reason }) => `${field} ${reason}`),
      [
        'spec.licenses.manualAgents.maximum OutOfRange',
        'spec.configMap.name InvalidName',
        'spec.licenses.outboundPorts.minimum MinimumAboveMaximum',
        'spec.configMap.name InvalidName',
      ],
    );
  }
  assert.equal(await Promise.all(names.map(storedSpec)), specs);
  assert.equal(await Promise.all(['live', 'spoiled'].map(mapVersion)), maps);
  assert.equal(await written(mark, 'live'), []);
  assert.equal(await written(mark, 'unseen'), [
    'create configmaps/unseen-licenses',
    'update licensesettings/unseen/status',
  ]);
  assert.equal(await written(mark, 'wrong'), ['update licensesettings/wrong/status']);
  assert.equal(await written(mark, 'spoiled'), ['update licensesettings/spoiled/status']);
});

test('V9 an object that this definition would refuse can be labelled, suspended and mended', async () => {
  await desk.patch('wrong', { metadata: { labels: { team: 'dialer' } } });
  await desk.patch('wrong', { spec: { suspend: true } });
  await desk.patch('wrong', { spec: { suspend: null } });
  const path = '/apis/licensing.dialer.dev/v1/namespaces/dialer/licensesettings/wrong';
  const worse = { spec: { licenses: { outboundPorts: { minimum: 700 } } } };
  assert.is((await desk.request('PATCH', path, worse, 'application/merge-patch+json')).code, 422, 'but not made worse');
  await desk.patch('wrong', { spec: { licenses: { outboundPorts, manualAgents: null }, configMap: null } });
  await desk.settled('wrong');
});

test('V10 a definition newer than the operator: UnknownField, and what is live stays', async () => {
  const before = await mapVersion('live');
  const added = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/priority';
  const change = (operation: object) =>
    plane.kubectl(['patch', 'crd', crd, '--type=json', '-p', JSON.stringify([operation])]);
  await change({ op: 'add', path: added, value: { type: 'integer' } });
  await until('the newer definition is in force', () => knows({ priority: 1 }));
  await desk.patch('live', { spec: { priority: 7, licenses: { outboundPorts: { maximum: 700 } } } });
  const { status } = await desk.waitFor('live', 'Applied', 'False', 'Invalid');
  assert.equal(
    status?.errors?.map(({ field, reason }) => `${field} ${reason}`),
    ['spec.priority UnknownField'],
  );
  assert.is(await mapVersion('live'), before);

  // An object that does not use the field is served as ever.
  await desk.patch('unseen', { spec: { licenses: { outboundPorts: { maximum: 510 } } } });
  await desk.settled('unseen');
  // The field goes: so does the error, and the rest of the change is live.
  await desk.patch('live', { spec: { priority: null } });
  await desk.settled('live');
  assert.is((await desk.configMap('live-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '700');
  await installThis();
});

test('V11 a field that is null in a manifest is left out, and nothing is missed', async () => {
  const spec = { licenses: { outboundPorts }, zones: null, configMap: null, applyPolicy: null, suspend: null };
  await apply('nulls', spec);
  await desk.settled('nulls');
});

test('V11 the definition alone rolled back: what it hides is missed, and no zone loses a license by it', async () => {
  const names = ['sites', 'dropped'];
  for (const name of names) {
    await apply(name, { licenses: { outboundPorts }, zones, settleSeconds: 0 });
    await desk.settled(name);
  }
  await apply('plain', { licenses: { outboundPorts } });
  await desk.settled('plain');
  const versions = () =>
    Promise.all(
      names.flatMap((name) =>
        ['', '-emea', '-apac'].map(
          async (zone) => (await desk.configMap(`${name}-licenses${zone}`))?.metadata.resourceVersion,
        ),
      ),
    );
  const before = await versions();
  await down();
  await installOlder();
  assert.equal((await desk.get('sites'))?.spec, { licenses: { outboundPorts } }, 'the zones are not shown any more');
  const mark = plane.audit().mark();
  await up();
  for (const name of names) {
    const { status } = await desk.waitFor(name, 'Applied', 'False', 'Invalid');
    const errors = status?.errors?.map(({ field, reason }) => `${field} ${reason}`);
    assert.equal(errors, ['spec.settleSeconds UnknownField', 'spec.zones UnknownField']);
    assert.equal(await written(mark, name), [`update licensesettings/${name}/status`]);
  }
  assert.equal(await versions(), before);
  assert.equal(await written(mark, 'plain'), [], 'who uses no newer field is served as ever');

  // Who wants to go on without them says so, and takes what nobody is shown any more out of the books too.
  await apply('dropped', { licenses: { outboundPorts } });
  assert.is(desk.conditionOf(await desk.get('dropped'), 'Applied')?.reason, 'Invalid');
  const forget = [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }];
  await plane.kubectl(['patch', 'lics', 'dropped', '-n', 'dialer', '--type=json', '-p', JSON.stringify(forget)]);
  await desk.waitFor('dropped', 'Applied', 'False', 'Settling');
  // Its plan takes 90 s: the older definition of the next test has no room for what a status says of a plan.
  await desk.remove('dropped');

  await installThis();
  // Any write under the older definition, here that of the status, has stored what it showed: the manifest has the rest.
  assert.equal((await desk.get('sites'))?.spec, { licenses: { outboundPorts } });
  await apply('sites', { licenses: { outboundPorts }, zones, settleSeconds: 0 });
  await desk.settled('sites');
  assert.equal((await versions()).slice(0, 3), before.slice(0, 3), 'nothing has to be written for it');
});

test('V11 rolled back under a running operator: an object that nobody touches is missed too, and told of once', async () => {
  await up();
  await apply('idle', { licenses: { outboundPorts }, zones, settleSeconds: 0 });
  await desk.settled('idle');
  const map = () => desk.configMap('idle-licenses').then((one) => one?.metadata.resourceVersion);
  const before = await map();
  const mark = plane.audit().mark();
  await installOlder();
  const { status } = await desk.waitFor('idle', 'Applied', 'False', 'Invalid', 65_000);
  assert.equal(
    status?.errors?.map(({ field, reason }) => `${field} ${reason}`),
    ['spec.settleSeconds UnknownField', 'spec.zones UnknownField'],
  );
  assert.equal(await written(mark, 'idle'), ['update licensesettings/idle/status']);
  assert.is(await map(), before);

  // What comes of the list of `plain`, whose numbers the older definition knows, and of the others is over soon.
  await sleep(5_000);
  const quiet = plane.audit().mark();
  await sleep(65_000);
  const requests = await plane
    .audit()
    .since(quiet, ({ user, verb, objectRef }) =>
      [user.username === operatorUser, verb !== 'watch', objectRef?.resource !== 'leases'].every(Boolean),
    );
  assert.equal(
    requests.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}/${objectRef?.name}`),
    [],
    'nothing is asked while nothing changes',
  );

  await installThis();
  await apply('idle', { licenses: { outboundPorts }, zones, settleSeconds: 0 });
  await desk.settled('idle');
  assert.is(await map(), before, 'nothing has to be written for it');
});
