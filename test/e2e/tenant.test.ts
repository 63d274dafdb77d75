/**
 * What somebody can do who may create LicenseSettings, or write ConfigMaps, in one namespace: a neighbour's change is live
 * within 3 s all along, before and after a restart of the operator, and memory stays in bounds.
 */
import * as assert from 'uvu/assert';
import { annotations, labels, manager } from '../../src/api/names.ts';
import { dataHash, settingsHash } from '../../src/settings/hash.ts';
import { createDesk, type Desk, startOperator } from '../operator.ts';
import { suite } from '../suite.ts';
import { bounded, Neighbour, spec } from '../support/neighbour.ts';
import { closeStage, openStage, type Stage } from '../support/stage.ts';

const kib = 1024;

const test = suite('tenant');
let stage: Stage;
let neighbour: Neighbour;
let tenants = 0;

test.before(async () => {
  stage = await openStage('tenant');
  neighbour = await Neighbour.moveIn(stage, 'tenant-neighbour');
});
test.after(async () => {
  await neighbour?.moveOut();
  await closeStage(stage ?? {});
});

/** The operator ends, and another process takes its place. */
async function restart(): Promise<void> {
  await stage.operator.stop();
  stage.operator = await startOperator(stage.plane);
  await stage.operator.logged(({ msg }) => msg === 'served from now on', 'the operator serves', 60_000);
}

/** A namespace of its own in which a tenant does something; a neighbour is changed meanwhile, and after a restart. */
async function besides(what: string, attack: (desk: Desk) => Promise<unknown>, holds = async (_: Desk) => {}) {
  await restart();
  const desk = createDesk(stage.plane, `tenant-${++tenants}`);
  await desk.open();
  try {
    // The first work of a process is blamed on nobody.
    const before = await neighbour.watch(Promise.resolve(), 5);
    const during = await neighbour.watch(attack(desk), 5);
    await holds(desk);
    await restart();
    const after = await neighbour.watch(Promise.resolve(), 5);
    await holds(desk);
    bounded(what, before, during, after);
  } finally {
    await desk.gone();
  }
}

async function oneByOne(count: number, action: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i++) await action(i);
}

const pathOf = (desk: Desk) => `/apis/licensing.dialer.dev/v1/namespaces/${desk.namespace}/licensesettings`;
async function createObject(desk: Desk, name: string, metadata: object = {}): Promise<void> {
  const body = {
    ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', metadata: { name, ...metadata } },
    spec: spec(5),
  };
  const { code, json } = await desk.request('POST', pathOf(desk), body);
  assert.is(code, 201, JSON.stringify(json)?.slice(0, 500));
}

/** An object of which somebody claims, in its managedFields, that its spec has these fields. */
async function claimFields(desk: Desk, name: string, fields: object, metadata: object = {}): Promise<void> {
  const entry = { manager: 'tenant', operation: 'Update', apiVersion: 'licensing.dialer.dev/v1' };
  const managedFields = [{ ...entry, fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': fields } }];
  await createObject(desk, name, { ...metadata, managedFields });
}

const nested = (depth: number, key: string, inner: object = {}): object =>
  Array.from({ length: depth }).reduce<object>((fields) => ({ [key]: fields }), inner);
const ready = async () => {
  const { status } = await fetch(`${await stage.operator.health()}/readyz`);
  assert.is(status, 200);
};

test('L2, R9.24 60 labelled ConfigMaps of 1 MiB that belong to no object', async () => {
  const filler = 'x'.repeat(900 * kib);
  await besides('60 ConfigMaps of nobody', (desk) =>
    oneByOne(60, (i) =>
      desk.createMap({
        metadata: {
          name: `of-nobody-${i}`,
          labels: { [labels.managedBy]: manager, [labels.settings]: `nobody-${i}` },
          annotations: { [annotations.ownerUid]: `uid-${i}` },
        },
        data: { 'licenses.json': filler.slice(0, 120 * kib), filler },
      }),
    ),
  );
});

test('L2, R9.24 150 objects with 250 KB of annotations', async () => {
  const filler = 'x'.repeat(250_000);
  await besides('150 objects with 250 KB of annotations', (desk) =>
    oneByOne(150, (i) => createObject(desk, `annotated-${i}`, { annotations: { 'example.com/filler': filler } })),
  );
});

test('L2, R9.25 managedFields that nest 6,500 deep, and names of 240 KB that look like the beginnings of tokens', async () => {
  await besides(
    'managedFields 6,500 deep, and names of 240 KB',
    async (desk) => {
      await claimFields(desk, 'deep', nested(6_500, 'k:{"a":1}'));
      const long = '-eyJ'.repeat(60_000);
      await claimFields(desk, 'long', { [`f:${long}`]: {} });
      await createObject(desk, 'approved', { annotations: { [annotations.apply]: long } });
    },
    ready,
  );
});

test('L2, R9.25 40 objects whose managedFields claim thousands of fields that nobody is shown', async () => {
  const fields = Object.fromEntries(Array.from({ length: 2_500 }, (_, i) => [`f:hidden-${i}`, {}]));
  await besides(
    '40 objects with many hidden fields',
    (desk) => oneByOne(40, (i) => claimFields(desk, `hidden-${i}`, nested(1_500, 'f:inner', fields))),
    ready,
  );
});

test('L2, R1.4 a forged record of 2,001 zones is none: nothing is created', async () => {
  const ours = async (desk: Desk): Promise<string[]> => {
    const selector = encodeURIComponent(`${labels.managedBy}=${manager}`);
    const { json } = await desk.request(
      'GET',
      `/api/v1/namespaces/${desk.namespace}/configmaps?labelSelector=${selector}`,
    );
    return (json as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
  };
  const forge = async (desk: Desk) => {
    await desk.create('victim', spec(5));
    await desk.settled('victim');
    await desk.patch('victim', { spec: spec(6, { applyPolicy: 'Manual' }) });
    await desk.waitFor('victim', 'Ready', 'True', 'ApplyPending');
    const zones = Array.from({ length: 2_001 }, (_, i) => ({ name: `z${i}` }));
    const declaration = { configMap: { name: 'victim-licenses' }, zones };
    const data = { 'licenses.json': JSON.stringify({ declaration }) };
    const forged = {
      [annotations.generation]: '2',
      [annotations.settingsHash]: settingsHash(declaration),
      [annotations.dataHash]: dataHash(data),
    };
    const { data: before = {} } = (await desk.configMap('victim-licenses')) ?? {};
    const others = Object.fromEntries(Object.keys(before).map((key) => [key, null]));
    await desk.patchMap('victim-licenses', { metadata: { annotations: forged }, data: { ...others, ...data } });
  };
  await besides('a forged record of 2,001 zones', forge, async (desk) => {
    assert.equal(await ours(desk), ['victim-licenses']);
    assert.is((await desk.configMap('victim-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '5');
  });
});
