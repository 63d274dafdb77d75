/** A record, `licenses.json` or settings in a status, is believed only within the bounds of a spec. */
import * as assert from 'uvu/assert';
import {
  type Allocation,
  type Declaration,
  type DeclaredZone,
  maxCount,
  maxOrganizations,
  maxOrganizationsOfZone,
  maxZoneNameLength,
  maxZones,
} from '../../src/api/licensesettings.ts';
import { projectConfigMap } from '../../src/controller/objects.ts';
import { readDeclaration } from '../../src/settings/declaration.ts';
import { canonicalJson, dataHash, settingsHash } from '../../src/settings/hash.ts';
import { fromStatus } from '../../src/settings/live.ts';
import { maxRecordLength, recordOf } from '../../src/settings/record.ts';
import { renderZone } from '../../src/settings/render.ts';
import { readZone } from '../../src/settings/zones.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, plainOf } from '../support/flow-desk.ts';

const test = suite('record');

const ports = (outboundPorts: number): Allocation => ({ outboundPorts });
const named = (count: number, prefix = 'n'): DeclaredZone[] =>
  Array.from({ length: count }, (_, i) => ({ name: `${prefix}${String(i).padStart(4, '0')}` }));
const declaration = (more: Partial<Declaration> = {}): Declaration => ({
  licenses: { outboundPorts: { minimum: 0, maximum: 5 } },
  configMap: { name: 'pom-licenses' },
  ...more,
});
const read = (stored: Declaration) => readDeclaration(stored, settingsHash(stored), 'pom');
const organizations = (zones: number, each: number): DeclaredZone[] =>
  named(zones).map((zone) => ({ ...zone, organizations: named(each, 'o') }));

for (const [what, stored] of [
  ['nothing but a name', { configMap: { name: 'pom-licenses' } }],
  ['the most that a type may have', declaration({ licenses: { outboundPorts: { minimum: 0, maximum: maxCount } } })],
  ['64 zones', declaration({ zones: named(maxZones) })],
  ['128 organizations in a zone', declaration({ zones: organizations(1, maxOrganizationsOfZone) })],
  ['512 organizations', declaration({ zones: organizations(4, maxOrganizations / 4) })],
] as [string, Declaration][])
  test(`R1.4 a declaration with ${what} is one`, () => {
    assert.equal(read(stored), stored);
  });

for (const [what, stored] of [
  ['65 zones', declaration({ zones: named(maxZones + 1) })],
  ['129 organizations in a zone', declaration({ zones: organizations(1, maxOrganizationsOfZone + 1) })],
  ['513 organizations', declaration({ zones: organizations(27, 19) })],
  ['a count above a million', declaration({ licenses: { outboundPorts: { minimum: 0, maximum: maxCount + 1 } } })],
  ['a minimum above its maximum', declaration({ licenses: { outboundPorts: { minimum: 6, maximum: 5 } } })],
  ['zones that hold more than the maximum', declaration({ zones: [{ name: 'a', licenses: ports(6) }] })],
  [
    'organizations that hold more than their zone',
    declaration({ zones: [{ name: 'a', organizations: [{ name: 'o', licenses: ports(1) }] }] }),
  ],
  ['two zones of one name', declaration({ zones: [{ name: 'a' }, { name: 'a' }] })],
  ['the name of a zone that no ConfigMap can have', declaration({ zones: [{ name: '../a' }] })],
  ['a long name of a zone', declaration({ zones: [{ name: 'a'.repeat(maxZoneNameLength + 1) }] })],
  ['the name of a ConfigMap of another object', declaration({ configMap: { name: 'other-licenses' } })],
] as [string, Declaration][])
  test(`R1.4 a declaration with ${what} is none`, () => {
    assert.is(read(stored), undefined);
    const applied = {
      generation: 1,
      settingsHash: settingsHash(stored),
      time: '2026-01-01T00:00:00Z',
      settings: stored,
    };
    assert.is(fromStatus(applied, 'pom').declaration, undefined, 'nor in a status');
  });

test('D2 a declaration that is not in normal form is read as what it says, by the hash of that', () => {
  const stored = declaration({ zones: [{ name: 'b' }, { name: 'a' }] });
  const normal = declaration({ zones: [{ name: 'a' }, { name: 'b' }] });
  assert.is(read(stored), undefined, 'its hash is not that of what it says');
  assert.equal(readDeclaration(stored, settingsHash(normal), 'pom'), normal);
});

/** The record of a zone as it would be rendered. */
const recordOfZone = (zone: DeclaredZone) => recordOf(renderZone('pom-licenses-a', zone).data);
test('R1.4 the record of a zone is read within its bounds', () => {
  const most = {
    name: 'a',
    licenses: ports(128),
    organizations: named(128).map((one) => ({ ...one, licenses: ports(1) })),
  };
  assert.equal(readZone({ record: recordOfZone(most) }), most);
});
for (const [what, zone] of [
  ['129 organizations', { name: 'a', organizations: named(129) }],
  ['organizations that hold more than the zone', { name: 'a', organizations: [{ name: 'o', licenses: ports(1) }] }],
  ['two organizations of one name', { name: 'a', organizations: [{ name: 'o' }, { name: 'o' }] }],
  ['a name that no zone can have', { name: 'A b' }],
  ['an organization whose name none can have', { name: 'a', organizations: [{ name: 'o'.repeat(41) }] }],
] as [string, DeclaredZone][])
  test(`R1.4 the record of a zone with ${what} is none`, () => {
    assert.is(readZone({ record: recordOfZone(zone) }), undefined);
  });

test('R1.4 a record above 128 KiB is not parsed, and not kept in memory', () => {
  const padded = (length: number) => ({ 'licenses.json': canonicalJson({ a: 1 }).padEnd(length) });
  assert.is(recordOf(padded(maxRecordLength))?.length, 128 * 1024);
  assert.is(recordOf(padded(maxRecordLength + 1)), undefined);
  assert.is(recordOf({}), undefined);
  const metadata = { name: 'pom-licenses', namespace: 'dialer', uid: 'uid', resourceVersion: '1' };
  const view = projectConfigMap({ metadata, data: padded(maxRecordLength + 1) } as never);
  assert.is('record' in view, false);
});

test('R1.4 a forged record of 2,000 zones makes no ConfigMaps', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  await desk.run();
  desk.save({ ...plainOf(6), applyPolicy: 'Manual' });
  await desk.run();
  const forged = declaration({ zones: named(2_000) });
  desk.edit('pom-licenses', (map) => ({
    ...map,
    metadata: {
      ...map.metadata,
      annotations: {
        ...map.metadata.annotations,
        'licensing.dialer.dev/generation': '2',
        'licensing.dialer.dev/settings-hash': settingsHash(forged),
        'licensing.dialer.dev/data-hash': dataHash({ 'licenses.json': canonicalJson({ declaration: forged }) }),
      },
    },
    data: { 'licenses.json': canonicalJson({ declaration: forged }) },
  }));
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses 5'], 'it is drift');
});
