import * as assert from 'uvu/assert';
import { licenseTypes } from '../../src/api/license-types.ts';
import { type DefaultJson, licensesJsonSchema } from '../../src/api/licenses-json.ts';
import type { Spec } from '../../src/api/licensesettings.ts';
import { declare, readDeclaration } from '../../src/settings/declaration.ts';
import { dataHash, settingsHash } from '../../src/settings/hash.ts';
import { renderSystem as render } from '../../src/settings/render.ts';
import { cutErrors, validate } from '../../src/settings/validate.ts';
import { suite } from '../suite.ts';

const ports = (minimum: number, maximum: number): Spec => ({ licenses: { outboundPorts: { minimum, maximum } } });
const fields = (name: string, spec: unknown) =>
  validate({ name, spec }).errors.map(({ field, reason }) => `${field} ${reason}`);

const hash = suite('settings hash');

hash("is the design's for the design's example", () => {
  const declared = declare('pom', ports(100, 500));
  assert.is(settingsHash(declared), '81eaf05234b97463655fef6ebc9f1300e260b492124052a867376766d958a6ce');
});

hash('is the same for a type left out and for 0 to 0, and whether the default name is written or not', () => {
  const written: Spec = {
    licenses: { outboundPorts: { maximum: 500, minimum: 100 }, manualAgents: { minimum: 0, maximum: 0 } },
    configMap: { name: 'pom-licenses' },
    suspend: true,
  };
  assert.is(settingsHash(declare('pom', written)), settingsHash(declare('pom', ports(100, 500))));
});

hash('differs for each number and for the name', () => {
  const specs = [ports(100, 500), ports(101, 500), ports(100, 501), { ...ports(100, 500), configMap: { name: 'pom' } }];
  assert.is(new Set(specs.map((spec) => settingsHash(declare('pom', spec)))).size, specs.length);
});

hash('of a type that stays keeps both numbers, also a zero', () => {
  assert.equal(declare('pom', ports(0, 5)), {
    licenses: { outboundPorts: { minimum: 0, maximum: 5 } },
    configMap: { name: 'pom-licenses' },
  });
});

hash(
  'of zones and organizations does not change with their order or with zeros; each stays though it holds nothing',
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

hash('a stored declaration is read only with its own hash, and without fields of a later release', () => {
  const declared = declare('pom', ports(100, 500));
  assert.equal(readDeclaration(declared, settingsHash(declared), 'pom'), declared);
  assert.is(readDeclaration(declared, settingsHash(declare('pom', ports(1, 2))), 'pom'), undefined);
  const later = { ...declared, entitlementRef: { name: 'x' } };
  assert.is(readDeclaration(later, settingsHash(later), 'pom'), undefined);
  assert.is(readDeclaration(undefined, undefined, 'pom'), undefined);
});

const rules = suite('validation');

rules('a good spec has no errors and comes back typed', () => {
  const { errors, spec } = validate({ name: 'pom', spec: ports(100, 500) });
  assert.equal(errors, []);
  assert.equal(spec, ports(100, 500));
});

rules('minimum may equal maximum, and not exceed it', () => {
  assert.equal(fields('pom', ports(7, 7)), []);
  assert.equal(fields('pom', ports(8, 7)), ['spec.licenses.outboundPorts.minimum MinimumAboveMaximum']);
});

rules('counts are whole numbers from 0 to 1000000', () => {
  assert.equal(fields('pom', ports(0, 1_000_000)), []);
  assert.equal(fields('pom', ports(-1, 1_000_001)), [
    'spec.licenses.outboundPorts.minimum OutOfRange',
    'spec.licenses.outboundPorts.maximum OutOfRange',
  ]);
  assert.equal(fields('pom', ports(0, 1.5)), ['spec.licenses.outboundPorts.maximum OutOfRange']);
});

rules('both numbers are required, and at least one type', () => {
  assert.equal(fields('pom', { licenses: { outboundPorts: { minimum: 1 } } }), [
    'spec.licenses.outboundPorts.maximum Required',
  ]);
  assert.equal(fields('pom', { licenses: {} }), ['spec.licenses Required']);
  assert.equal(fields('pom', {}), ['spec.licenses Required']);
  assert.equal(fields('pom', undefined), ['spec Required']);
});

rules('every mistake is reported, not only the first', () => {
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

rules('a message names the value and the mend', () => {
  const [error] = validate({ name: 'pom', spec: ports(600, 500) }).errors;
  assert.is(error?.message, 'is 600, above the maximum of 500: lower the minimum or raise the maximum');
  const [range] = validate({ name: 'pom', spec: ports(0, 1_000_001) }).errors;
  assert.is(range?.message, 'is 1000001: allowed are whole numbers from 0 to 1000000');
});

rules("the ConfigMap's name is the object's or begins with it and a dash, up to 120 characters", () => {
  const named = (name: string) => fields('pom', { ...ports(1, 2), configMap: { name } });
  for (const name of ['pom', 'pom-licenses', 'pom-a.b', `pom-${'x'.repeat(116)}`]) assert.equal(named(name), [], name);
  for (const name of ['', 'pomlicenses', 'po', 'other', 'pom-', 'pom-A', 'pom-a..b', `pom-${'x'.repeat(117)}`]) {
    assert.ok(named(name).includes('spec.configMap.name InvalidName'), name);
  }
});

rules("the object's name has up to 63 characters", () => {
  assert.equal(fields('a'.repeat(63), ports(1, 2)), []);
  assert.equal(fields('a'.repeat(64), ports(1, 2)), ['metadata.name InvalidName']);
});

rules('zones may hold all of a type together, and not one more; a type that is left out has none to give', () => {
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

rules('organizations may hold all of their zone together, and not one more', () => {
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

rules('no two zones, and no two organizations of a zone, share a name; those of different zones may', () => {
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

rules('the zones have up to 512 organizations together', () => {
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

rules('a field that is null is left out, as the API server takes it', () => {
  const { errors, spec } = validate({ name: 'pom', spec: { ...ports(1, 2), configMap: null, zones: null } });
  assert.equal([errors, spec], [[], ports(1, 2)]);
});

rules('a spec of any shape gets errors, never an exception', () => {
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

rules('of more than 64 errors the last says how many more there are', () => {
  const errors = Array.from({ length: 70 }, (_, i) => ({ field: `f${i}`, reason: 'OutOfRange', message: '' }));
  const cut = cutErrors(errors);
  assert.is(cut.length, 64);
  assert.is(cut[62]?.field, 'f62');
  assert.match(cut[63]?.message ?? '', '7 more errors');
  assert.is(cutErrors(errors.slice(0, 64)).length, 64);
  assert.is(cutErrors(errors.slice(0, 64))[63]?.field, 'f63');
});

const rendering = suite('rendering');

rendering('has the three forms, with all six types, and they agree', () => {
  const { data, name } = render(
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

rendering('gives the bytes that dialers were promised', () => {
  const { data } = render(declare('pom', ports(100, 500)));
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

rendering('hashes the data as they are written', () => {
  const { data, dataHash: hashed } = render(declare('pom', ports(1, 2)));
  assert.is(hashed, dataHash({ ...data }));
  assert.is.not(hashed, dataHash({ ...data, extra: '' }));
});
