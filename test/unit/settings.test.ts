/** What a spec declares, its hash, its mistakes, and the bytes that dialers read: pure functions of a spec. */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { licenseTypes } from '../../src/api/license-types.ts';
import { type DefaultJson, licensesJsonSchema } from '../../src/api/licenses-json.ts';
import type { Spec } from '../../src/api/licensesettings.ts';
import { annotations, labels } from '../../src/api/names.ts';
import { wantedMetadata } from '../../src/settings/configmap.ts';
import { declare, readDeclaration } from '../../src/settings/declaration.ts';
import { dataHash, settingsHash } from '../../src/settings/hash.ts';
import { read } from '../../src/settings/judgement.ts';
import { render, renderSystem } from '../../src/settings/render.ts';
import { cutErrors, validate } from '../../src/settings/validate.ts';
import { suite } from '../suite.ts';

const ports = (minimum: number, maximum: number): Spec => ({ licenses: { outboundPorts: { minimum, maximum } } });
const fields = (name: string, spec: unknown) =>
  validate({ name, spec }).errors.map(({ field, reason }) => `${field} ${reason}`);

const hash = suite('settings hash');

hash('D1 the declaration is licenses, zones and the name of the ConfigMap, and nothing else', () => {
  const more: Spec = {
    applyPolicy: 'Manual',
    deletionPolicy: 'Retain',
    settleSeconds: 7,
    suspend: true,
    ...ports(100, 500),
  };
  assert.equal(declare('pom', more), declare('pom', ports(100, 500)));
  const zones = [{ name: 'a' }];
  assert.equal(Object.keys(declare('pom', { ...more, zones })).sort(), ['configMap', 'licenses', 'zones']);
});

hash('D3 is that of the example in the contract', () => {
  const contract = readFileSync(new URL('../../docs/contract.md', import.meta.url), 'utf8');
  const [, json = '', hex = ''] = /`(\{"configMap":.*\})`,\s+([0-9a-f]{64})/.exec(contract) ?? [];
  const declared = declare('pom', ports(100, 500));
  assert.equal(declared, JSON.parse(json));
  assert.is(settingsHash(declared), hex);
});

hash('D2 is the same for a type left out and for 0 to 0, and whether the default name is written or not', () => {
  const written: Spec = {
    licenses: { outboundPorts: { maximum: 500, minimum: 100 }, manualAgents: { minimum: 0, maximum: 0 } },
    configMap: { name: 'pom-licenses' },
    suspend: true,
  };
  assert.is(settingsHash(declare('pom', written)), settingsHash(declare('pom', ports(100, 500))));
});

hash('D1 differs for each number and for the name', () => {
  const specs = [ports(100, 500), ports(101, 500), ports(100, 501), { ...ports(100, 500), configMap: { name: 'pom' } }];
  assert.is(new Set(specs.map((spec) => settingsHash(declare('pom', spec)))).size, specs.length);
});

hash('D2 of a type that stays keeps both numbers, also a zero', () => {
  assert.equal(declare('pom', ports(0, 5)), {
    licenses: { outboundPorts: { minimum: 0, maximum: 5 } },
    configMap: { name: 'pom-licenses' },
  });
});

hash(
  'D2 of zones and organizations does not change with their order or with zeros; each stays though it holds nothing',
  () => {
    // By code units: a Danish machine would put aa last.
    const organizations = [{ name: 'aa', licenses: { outboundPorts: 1 } }, { name: 'b' }];
    const zones = [{ name: 'aa', licenses: { outboundPorts: 2 }, organizations }, { name: 'b' }];
    const declared = declare('pom', { ...ports(1, 5), zones });
    assert.equal(declared.zones, zones);
    const zero = { outboundPorts: 0, manualAgents: 0 };
    const reversed = [
      { name: 'b', licenses: zero, organizations: [] },
      {
        name: 'aa',
        licenses: { outboundPorts: 2, manualAgents: 0 },
        organizations: [{ name: 'b', licenses: zero }, ...organizations.slice(0, 1)],
      },
    ];
    assert.equal(declare('pom', { ...ports(1, 5), zones: reversed }), declared);
  },
);

hash('V12 a stored declaration is read only with its own hash, and without fields of a later release', () => {
  const declared = declare('pom', ports(100, 500));
  assert.equal(readDeclaration(declared, settingsHash(declared), 'pom'), declared);
  assert.is(readDeclaration(declared, settingsHash(declare('pom', ports(1, 2))), 'pom'), undefined);
  const later = { ...declared, entitlementRef: { name: 'x' } };
  assert.is(readDeclaration(later, settingsHash(later), 'pom'), undefined);
  assert.is(readDeclaration(undefined, undefined, 'pom'), undefined);
});

hash('D4 equal hash, equal bytes; another one, others', () => {
  const zones = [{ name: 'a', licenses: { outboundPorts: 1 } }];
  const specs: Spec[] = [
    ports(100, 500),
    { ...ports(100, 500), suspend: true, configMap: { name: 'pom-licenses' } },
    { licenses: { manualAgents: { minimum: 0, maximum: 0 }, ...ports(100, 500).licenses } },
    ports(100, 501),
    { ...ports(100, 500), zones },
    { ...ports(100, 500), zones: [...zones, { name: 'b' }] },
    { ...ports(100, 500), zones: [{ ...zones[0], name: 'b' }] },
    { ...ports(100, 500), configMap: { name: 'pom' } },
  ];
  const bytes = new Map<string, string>();
  for (const spec of specs) {
    const declared = declare('pom', spec);
    const text = JSON.stringify(render(declared).map(({ name, data }) => [name, data]));
    assert.is(bytes.get(settingsHash(declared)) ?? text, text);
    bytes.set(settingsHash(declared), text);
  }
  assert.equal([bytes.size, new Set(bytes.values()).size], [6, 6]);
});

hash('D5 dataHash is over the data, whatever the order of their keys', () => {
  const { data, dataHash: hashed } = renderSystem(declare('pom', ports(1, 2)));
  assert.is(hashed, dataHash({ ...data }));
  assert.is(hashed, dataHash(Object.fromEntries(Object.entries(data).reverse())));
  assert.is.not(hashed, dataHash({ ...data, extra: '' }));
  assert.match(hashed, /^[0-9a-f]{64}$/);
});

const rules = suite('validation');

rules('a good spec has no errors and comes back typed', () => {
  const { errors, spec } = validate({ name: 'pom', spec: ports(100, 500) });
  assert.equal(errors, []);
  assert.equal(spec, ports(100, 500));
});

rules('V2 minimum may equal maximum, and not exceed it', () => {
  assert.equal(fields('pom', ports(7, 7)), []);
  assert.equal(fields('pom', ports(8, 7)), ['spec.licenses.outboundPorts.minimum MinimumAboveMaximum']);
});

rules('V6 counts are whole numbers from 0 to 1000000', () => {
  assert.equal(fields('pom', ports(0, 1_000_000)), []);
  assert.equal(fields('pom', ports(-1, 1_000_001)), [
    'spec.licenses.outboundPorts.minimum OutOfRange',
    'spec.licenses.outboundPorts.maximum OutOfRange',
  ]);
  assert.equal(fields('pom', ports(0, 1.5)), ['spec.licenses.outboundPorts.maximum OutOfRange']);
});

rules('V6 both numbers are required, and at least one type', () => {
  assert.equal(fields('pom', { licenses: { outboundPorts: { minimum: 1 } } }), [
    'spec.licenses.outboundPorts.maximum Required',
  ]);
  assert.equal(fields('pom', { licenses: {} }), ['spec.licenses Required']);
  assert.equal(fields('pom', {}), ['spec.licenses Required']);
  assert.equal(fields('pom', undefined), ['spec Required']);
});

rules('V8 every mistake is reported, not only the first', () => {
  const spec = {
    licenses: {
      outboundPorts: { minimum: 2_000_000, maximum: 5 },
      manualAgents: { minimum: 9, maximum: 3 },
      previewAgents: { maximum: 3 },
      faxLines: { minimum: 1, maximum: 1 },
    },
    configMap: { name: 'Other' },
    entitlementRef: { name: 'x' },
  };
  assert.equal(fields('pom', spec).sort(), [
    'spec.configMap.name InvalidName',
    'spec.configMap.name InvalidName',
    'spec.entitlementRef UnknownField',
    'spec.licenses.faxLines UnknownField',
    'spec.licenses.manualAgents.minimum MinimumAboveMaximum',
    'spec.licenses.outboundPorts.minimum MinimumAboveMaximum',
    'spec.licenses.outboundPorts.minimum OutOfRange',
    'spec.licenses.previewAgents.minimum Required',
  ]);
});

rules('V7 a message names the value and the mend', () => {
  const [error] = validate({ name: 'pom', spec: ports(600, 500) }).errors;
  assert.is(error?.message, 'is 600, above the maximum of 500: lower the minimum or raise the maximum');
  const [range] = validate({ name: 'pom', spec: ports(0, 1_000_001) }).errors;
  assert.is(range?.message, 'is 1000001: allowed are whole numbers from 0 to 1000000');
});

rules("V6 the ConfigMap's name is the object's or begins with it and a dash, up to 120 characters", () => {
  const named = (name: string) => fields('pom', { ...ports(1, 2), configMap: { name } });
  for (const name of ['pom', 'pom-licenses', 'pom-a.b', `pom-${'x'.repeat(116)}`]) assert.equal(named(name), [], name);
  for (const name of ['', 'pomlicenses', 'po', 'other', 'pom-', 'pom-A', 'pom-a..b', `pom-${'x'.repeat(117)}`]) {
    assert.ok(named(name).includes('spec.configMap.name InvalidName'), name);
  }
});

rules("V6 the object's name has up to 63 characters", () => {
  assert.equal(fields('a'.repeat(63), ports(1, 2)), []);
  assert.equal(fields('a'.repeat(64), ports(1, 2)), ['metadata.name InvalidName']);
});

rules('V3 zones may hold all of a type together, and not one more; a type that is left out has none to give', () => {
  const held = (...counts: number[]) =>
    fields('pom', {
      ...ports(100, 500),
      zones: counts.map((count, index) => ({ name: `z${index}`, licenses: { outboundPorts: count } })),
    });
  assert.equal(held(300, 200), []);
  assert.equal(held(300, 201), ['spec.licenses.outboundPorts.maximum ZonesExceedMaximum']);
  const leftOut = { ...ports(100, 500), zones: [{ name: 'z', licenses: { manualAgents: 1 } }] };
  assert.equal(fields('pom', leftOut), ['spec.licenses.manualAgents.maximum ZonesExceedMaximum']);
});

rules('V4 organizations may hold all of their zone together, and not one more', () => {
  const held = (...counts: number[]) =>
    fields('pom', {
      ...ports(0, 500),
      zones: [
        { name: 'a' },
        {
          name: 'b',
          licenses: { outboundPorts: 30 },
          organizations: counts.map((count, index) => ({ name: `o${index}`, licenses: { outboundPorts: count } })),
        },
      ],
    });
  assert.equal(held(10, 20), []);
  assert.equal(held(10, 21), ['spec.zones[1].licenses.outboundPorts OrganizationsExceedZone']);
});

rules('V5 no two zones, and no two organizations of a zone, share a name; those of different zones may', () => {
  const named = (...names: string[]) => names.map((name) => ({ name }));
  const of = (zones: object[]) => fields('pom', { ...ports(1, 2), zones });
  assert.equal(of(named('a', 'b', 'a')), ['spec.zones[2] DuplicateName']);
  const organizations = named('x', 'y', 'x');
  assert.equal(of([{ name: 'a', organizations }]), ['spec.zones[0].organizations[2] DuplicateName']);
  assert.equal(
    of([
      { name: 'a', organizations: named('x') },
      { name: 'b', organizations: named('x') },
    ]),
    [],
  );
});

rules('V6 the zones have up to 512 organizations together', () => {
  const of = (more: number) =>
    fields('pom', {
      ...ports(1, 2),
      zones: Array.from({ length: 5 }, (_, zone) => ({
        name: `z${zone}`,
        organizations: Array.from({ length: zone === 4 ? more : 128 }, (_, n) => ({ name: `o${n}` })),
      })),
    });
  assert.equal(of(0), []);
  assert.equal(of(1), ['spec.zones TooMany']);
});

rules('V8 a field that is null is left out, as the API server takes it', () => {
  const { errors, spec } = validate({ name: 'pom', spec: { ...ports(1, 2), configMap: null, zones: null } });
  assert.equal([errors, spec], [[], ports(1, 2)]);
});

rules('V8 a spec of any shape gets errors, never an exception', () => {
  for (const spec of [
    null,
    1,
    'x',
    [],
    { licenses: null },
    { licenses: [1] },
    { licenses: { outboundPorts: 'x' }, configMap: 3 },
  ]) {
    assert.ok(fields('pom', spec).length > 0, JSON.stringify(spec));
  }
});

rules('T3 of more than 64 errors the last says how many more there are', () => {
  const errors = Array.from({ length: 70 }, (_, i) => ({ field: `f${i}`, reason: 'OutOfRange', message: '' }));
  const cut = cutErrors(errors);
  assert.is(cut.length, 64);
  assert.is(cut[62]?.field, 'f62');
  assert.match(cut[63]?.message ?? '', '7 more errors');
  assert.is(cutErrors(errors.slice(0, 64)).length, 64);
  assert.is(cutErrors(errors.slice(0, 64))[63]?.field, 'f63');
});

const rendering = suite('rendering');

rendering('C3 has the three forms, with all six types, and they agree', () => {
  const { data, name } = renderSystem(
    declare('pom', {
      licenses: { manualAgents: { minimum: 10, maximum: 100 }, outboundPorts: { minimum: 1, maximum: 2 } },
    }),
  );
  assert.is(name, 'pom-licenses');
  assert.is(Object.keys(data).length, 2 + 6 * 3);
  const json = licensesJsonSchema.parse(JSON.parse(data['licenses.json'] ?? '')) as DefaultJson;
  const properties = new Map(
    (data['licenses.properties'] ?? '')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('=') as [string, string]),
  );
  assert.is(properties.size, 2 + 6 * 3);
  for (const { key, env } of licenseTypes) {
    for (const field of ['minimum', 'maximum', 'capacity'] as const) {
      const value = String(json.licenses[key][field]);
      assert.is(properties.get(`license.${key}.${field}`), value);
      assert.is(data[`${env}_${field.toUpperCase()}`], value);
    }
  }
  assert.is(data['MANUAL_AGENTS_CAPACITY'], '100');
  assert.is(data['PREVIEW_AGENTS_CAPACITY'], '0', 'a type left out is off');
});

rendering('C3 gives the bytes that dialers were promised', () => {
  const { data } = renderSystem(declare('pom', ports(100, 500)));
  assert.is(
    data['licenses.json'],
    '{"declaration":{"configMap":{"name":"pom-licenses"},"licenses":{"outboundPorts":{"maximum":500,"minimum":100}}},"licenses":{"agentWebAPIService":{"capacity":0,"maximum":0,"minimum":0},"externalSelection":{"capacity":0,"maximum":0,"minimum":0},"manualAgents":{"capacity":0,"maximum":0,"minimum":0},"outboundPorts":{"capacity":500,"maximum":500,"minimum":100},"predictiveAgents":{"capacity":0,"maximum":0,"minimum":0},"previewAgents":{"capacity":0,"maximum":0,"minimum":0}},"schemaVersion":1,"scope":"Default"}',
  );
  assert.match(
    data['licenses.properties'] ?? '',
    /^license\.schemaVersion=1\nlicense\.scope=Default\nlicense\.externalSelection\.minimum=0\n/,
  );
  assert.match(data['licenses.properties'] ?? '', '\nlicense.outboundPorts.maximum=500\n');
  assert.match(data['licenses.properties'] ?? '', /=\d+\n$/, 'a last line without its end is no line');
  assert.is(data['OUTBOUND_PORTS_MINIMUM'], '100');
});

rendering('C2 one ConfigMap without zones, with zones one more for each', () => {
  const names = (spec: Spec) => render(declare('pom', spec)).map(({ name }) => name);
  assert.equal(names(ports(1, 2)), ['pom-licenses']);
  assert.equal(names({ ...ports(1, 2), configMap: { name: 'pom' } }), ['pom']);
  const zones = [{ name: 'emea' }, { name: 'apac' }];
  assert.equal(names({ ...ports(1, 2), zones }), ['pom-licenses', 'pom-licenses-apac', 'pom-licenses-emea']);
});

const retail = { name: 'retail', licenses: { outboundPorts: 200 } };
const emea = { name: 'emea', licenses: { outboundPorts: 300 }, organizations: [retail] };
const [system, zone] = render(declare('pom', { ...ports(100, 500), zones: [emea] })).map(({ data }) => data);

rendering(
  'C4 that of a zone has the counts of the zone as CAPACITY, its organizations, and no minimum and maximum',
  () => {
    assert.is(zone?.['OUTBOUND_PORTS_CAPACITY'], '300');
    assert.is(zone?.['PREVIEW_AGENTS_CAPACITY'], '0');
    assert.match(zone?.['licenses.properties'] ?? '', '\nlicense.outboundPorts.capacity=300\n');
    assert.match(zone?.['licenses.properties'] ?? '', '\nlicense.organization.retail.outboundPorts.capacity=200\n');
    const { organizations } = JSON.parse(zone?.['licenses.json'] ?? '') as { organizations: (typeof retail)[] };
    assert.equal([organizations[0]?.name, organizations[0]?.licenses.outboundPorts], ['retail', { capacity: 200 }]);
    assert.not.match(JSON.stringify(zone), /minimum|maximum/i);
  },
);

rendering(
  'C5 while zones exist that of the system has no CAPACITY, but totals; it has the zones, and no organizations',
  () => {
    assert.not.ok(Object.keys(system ?? {}).some((key) => key.endsWith('_CAPACITY')));
    assert.is(system?.['OUTBOUND_PORTS_MAXIMUM'], '500');
    const properties = system?.['licenses.properties'] ?? '';
    assert.match(properties, '\nlicense.scope=System\n');
    assert.match(properties, '\nlicense.outboundPorts.total=500\n');
    assert.match(properties, '\nlicense.zone.emea.outboundPorts.capacity=300\n');
    assert.not.match(properties, /^license\.outboundPorts\.capacity/m);
    const { licenses } = JSON.parse(system?.['licenses.json'] ?? '') as { licenses: Record<string, object> };
    assert.equal(licenses['outboundPorts'], { minimum: 100, maximum: 500, total: 500 });
    assert.not.match(JSON.stringify(system), 'retail');
  },
);

rendering('C6 what does not change for a zone does not touch its ConfigMap', () => {
  const apac = { name: 'apac', licenses: { outboundPorts: 100 } };
  const zoneIn = (spec: Spec) => render(declare('pom', spec)).find(({ name }) => name === 'pom-licenses-emea')?.data;
  assert.equal(zoneIn({ ...ports(0, 400), zones: [emea, apac], settleSeconds: 7 }), zone);
});

const metadata = suite('metadata of our ConfigMaps');
const owner = { name: 'pom', uid: 'uid-1' };
const metadataOf = (index: number, more: object = {}) => {
  const rendered = render(declare('pom', { ...ports(100, 500), zones: [emea] }))[index];
  assert.ok(rendered);
  return { rendered, ...wantedMetadata(owner, { rendered, generation: 7, retained: false, ...more }) };
};

metadata(
  'C7 annotations and labels are those of the contract; settings-hash is on the system alone, the zone on a zone',
  () => {
    const { rendered, ...ofSystem } = metadataOf(0);
    assert.equal(ofSystem.annotations, {
      [annotations.ownerUid]: 'uid-1',
      [annotations.generation]: '7',
      [annotations.dataHash]: rendered.dataHash,
      [annotations.settingsHash]: rendered.settingsHash,
    });
    assert.equal(ofSystem.labels, {
      [labels.managedBy]: 'license-settings-operator',
      [labels.partOf]: 'license-settings-operator',
      [labels.settings]: 'pom',
    });
    const ofZone = metadataOf(1, { epoch: 'term-1.9' });
    assert.is(ofZone.labels[labels.zone], 'emea');
    assert.is(ofZone.annotations[annotations.epoch], 'term-1.9');
    assert.is(annotations.settingsHash in ofZone.annotations, false);
  },
);

metadata('C8 of an object nothing but its name and uid gets into its ConfigMaps', () => {
  const object = { ...owner, labels: { team: 'blue' }, annotations: { 'argocd.argoproj.io/tracking-id': 'x' } };
  const { owner: known } = read({ metadata: object, spec: ports(1, 2) });
  assert.equal(known, owner);
  const { rendered, labels: ours, annotations: notes } = metadataOf(0);
  const wanted = wantedMetadata(known, { rendered, generation: 7, retained: false });
  assert.equal([wanted.labels, wanted.annotations], [ours, notes]);
});

metadata(
  'C9 the ownerReference controls, and does not block the deletion of the owner; under Retain there is none',
  () => {
    const reference = { apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', ...owner };
    assert.equal(metadataOf(0).ownerReferences, [{ ...reference, controller: true, blockOwnerDeletion: false }]);
    assert.equal(metadataOf(0, { retained: true }).ownerReferences, []);
  },
);
