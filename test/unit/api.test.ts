import * as assert from 'uvu/assert';
import {
  customResourceDefinition,
  licensesJsonJsonSchema,
  manifestJsonSchema,
  type SchemaNode,
  structuralSchema,
} from '../../src/api/crd.ts';
import { licenseTypes } from '../../src/api/license-types.ts';
import { licensesJsonSchema } from '../../src/api/licenses-json.ts';
import {
  maxConfigMapNameLength,
  maxOrganizationsOfZone,
  maxZoneNameLength,
  maxZones,
  specSchema,
} from '../../src/api/licensesettings.ts';
import { annotations, labels } from '../../src/api/names.ts';
import { referencePage } from '../../src/api/reference.ts';
import { declare } from '../../src/settings/declaration.ts';
import { jsonKey, renderSystem as render } from '../../src/settings/render.ts';
import { suite } from '../suite.ts';

/** Every node below a schema's root, with its path. */
function* nodesOf(node: SchemaNode, path = ''): Generator<{ path: string; node: SchemaNode }> {
  if (path) yield { path, node };
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* nodesOf(child, `${path}.${name}`);
  if (node.items) yield* nodesOf(node.items, `${path}[]`);
}
const root = structuralSchema();
const nodes = [...nodesOf(root)];
const at = (path: string): SchemaNode => {
  const found = nodes.find((one) => one.path === path);
  if (!found) throw new Error(`no ${path} in the schema`);
  return found.node;
};
const pathsWhere = (is: (node: SchemaNode, path: string) => boolean) =>
  nodes.filter(({ node, path }) => is(node, path)).map(({ path }) => path);
const crd = customResourceDefinition();
const [version] = crd.spec.versions;

const test = suite('CRD');

test('every field has a description', () => {
  // Items of a list are described by the list; of metadata the API server has a schema of its own.
  assert.equal(
    pathsWhere(({ description }, path) => !description && !path.endsWith('[]') && path !== '.metadata'),
    [],
  );
  assert.ok(root.description);
});
test('V1, T1, T10 nothing has a default but the status, which says: not judged yet', () => {
  assert.equal(
    pathsWhere((node) => 'default' in node),
    ['.status'],
  );
  assert.equal(at('.status')['default'], { observedGeneration: -1 });
  assert.not.ok('minimum' in at('.status.observedGeneration'), 'or -1 would be refused');
});
test('every node has a type, and none what a structural schema forbids', () => {
  assert.equal(
    pathsWhere(({ type }) => !type),
    [],
  );
  const forbidden = ['$ref', 'additionalProperties', 'definitions', '$defs', '$schema', 'const', 'nullable'];
  assert.equal(
    pathsWhere((node) => forbidden.some((keyword) => keyword in node)),
    [],
  );
});
test('T1 all lists and maps of the status are atomic, as a whole', () => {
  const below = Object.entries(at('.status').properties ?? {}).filter(([, { type }]) => type !== 'integer');
  assert.ok(below.length >= 6);
  for (const [name, node] of below) {
    const keyword = node.type === 'array' ? 'x-kubernetes-list-type' : 'x-kubernetes-map-type';
    assert.is(node[keyword], 'atomic', name);
  }
});
test('V7 all whole numbers have a format: counts int32 with bounds, generations int64', () => {
  const formats = nodes.filter(({ node }) => node.type === 'integer').map(({ path, node }) => [path, node] as const);
  assert.ok(formats.length > 40);
  for (const [path, node] of formats) {
    assert.is(node['format'], /[gG]eneration$/.test(path) ? 'int64' : 'int32', path);
    const most = path === '.spec.settleSeconds' ? 600 : 1_000_000;
    if (node['format'] === 'int32') assert.equal([node['minimum'], node['maximum']], [0, most], path);
    else assert.is(node['maximum'], undefined, path);
  }
});
test('times are date-time, without a pattern', () => {
  const times = pathsWhere((_, path) => /[tT]ime$/.test(path));
  assert.ok(times.length >= 3);
  for (const path of times) assert.equal([at(path)['format'], at(path)['pattern']], ['date-time', undefined], path);
});
test('V7, V2 the spec: six license types, both numbers required, at least one type; only licenses are required', () => {
  assert.equal(at('.spec').required, ['licenses']);
  assert.equal(root.required, ['spec']);
  assert.is(at('.spec.licenses')['minProperties'], 1);
  assert.equal(
    Object.keys(at('.spec.licenses').properties ?? {}),
    licenseTypes.map(({ key }) => key),
  );
  for (const { key } of licenseTypes) {
    assert.equal(at(`.spec.licenses.${key}`).required, ['minimum', 'maximum']);
    const [rule] = at(`.spec.licenses.${key}`)['x-kubernetes-validations'] as Record<string, string>[];
    assert.equal([rule?.['rule'], rule?.['fieldPath']], ['self.minimum <= self.maximum', '.minimum']);
  }
});
test('V7, V3, V4, V5, V6 what no schema can say is a rule, with a message and the path of the field', () => {
  const rules = nodes.flatMap(({ node }) => (node['x-kubernetes-validations'] ?? []) as Record<string, string>[]);
  for (const [message, count] of [
    [/minimum is above maximum/, licenseTypes.length],
    [/zones together hold more/, licenseTypes.length],
    [/organizations of the zone hold more/, licenseTypes.length],
    [/512 organizations/, 1],
  ] as const) {
    const found = rules.filter((one) => message.test(one['message'] ?? ''));
    assert.is(found.length, count, String(message));
    for (const one of found) assert.ok(one['fieldPath'] && one['reason'] === 'FieldValueInvalid', String(message));
  }
  for (const [path, most] of [
    ['.spec.zones', maxZones],
    ['.spec.zones[].organizations', maxOrganizationsOfZone],
  ] as const) {
    const { maxItems, ...list } = at(path);
    assert.equal([maxItems, list['x-kubernetes-list-map-keys']], [most, ['name']], path);
  }
  assert.equal(
    ['.spec.configMap.name', '.spec.zones[].name'].map((path) => at(path)['maxLength']),
    [maxConfigMapNameLength, maxZoneNameLength],
  );
});
test('V9 rules on the root leave what is stored alone, so that a bad object still gets a status', () => {
  const rules = root['x-kubernetes-validations'] as { optionalOldSelf?: boolean }[];
  assert.ok(rules.length > 0);
  assert.ok(rules.every(({ optionalOldSelf }) => optionalOldSelf === true));
});
test('names: short name, category, plural and singular; namespaced, with a status of its own', () => {
  assert.is(crd.metadata.name, 'licensesettings.licensing.dialer.dev');
  assert.is(crd.spec.scope, 'Namespaced');
  const { shortNames, categories, plural, singular, kind } = crd.spec.names;
  assert.equal([shortNames, categories], [['lics'], ['dialer']]);
  assert.equal([plural, singular, kind], ['licensesettings', 'licensesettings', 'LicenseSettings']);
  assert.equal(version?.subresources, { status: {} });
});
test('T8 columns: Ready, reason and four capacities, the rest only with -o wide', () => {
  const columns = version?.additionalPrinterColumns ?? [];
  const names = (wide: boolean) => columns.filter((column) => 'priority' in column === wide).map(({ name }) => name);
  assert.equal(names(false), ['Ready', 'Reason', 'Ports', 'Predictive', 'Preview', 'Manual', 'Age']);
  assert.equal(names(true), ['External', 'Web API', 'Applied', 'Hash']);
});
test('T8 every column shows a field that there is', () => {
  for (const { jsonPath, type } of version?.additionalPrinterColumns ?? []) {
    if (jsonPath.startsWith('.metadata')) continue;
    const node = at(jsonPath.replace(/\[\?.*\)\]/, '[]'));
    assert.is(node.type, type, jsonPath);
  }
});

const published = suite('JSON schemas');
for (const [name, schema] of [
  ['of a manifest', manifestJsonSchema()],
  ['of licenses.json', licensesJsonJsonSchema()],
] as const) {
  published(`${name}: nothing of Kubernetes' own in it, and every field described`, () => {
    assert.not.match(JSON.stringify(schema), 'x-kubernetes');
    const missing = [...nodesOf(schema)].filter(
      ({ path, node }) => !node.description && !/\[\]$|^\.(apiVersion|kind)$/.test(path),
    );
    assert.equal(
      missing.map(({ path }) => path),
      [],
    );
  });
}
published('V10 of a manifest: exact apiVersion and kind, no status, no unknown field in the spec', () => {
  const { properties = {} } = manifestJsonSchema();
  assert.equal(Object.keys(properties).sort(), ['apiVersion', 'kind', 'metadata', 'spec']);
  assert.equal(
    [properties['apiVersion']?.['const'], properties['kind']?.['const']],
    ['licensing.dialer.dev/v1', 'LicenseSettings'],
  );
  assert.is(properties['spec']?.['additionalProperties'], false);
  assert.is(properties['spec']?.properties?.['licenses']?.['additionalProperties'], false);
});
for (const [what, spec] of [
  [
    'of all types',
    { licenses: Object.fromEntries(licenseTypes.map(({ key }, n) => [key, { minimum: n, maximum: 1_000_000 }])) },
  ],
  ['of one type', { licenses: { manualAgents: { minimum: 1, maximum: 2 } } }],
  ['of nothing but zeros', { licenses: { manualAgents: { minimum: 0, maximum: 0 } }, configMap: { name: 'pom' } }],
] as const) {
  published(`C3 licenses.json: accepts the rendering ${what}, whole`, () => {
    const document = JSON.parse(render(declare('pom', specSchema.parse(spec))).data[jsonKey] ?? '') as unknown;
    assert.equal(licensesJsonSchema.parse(document), document);
  });
}
published('C3 licenses.json: a reader of today reads a document with a field of tomorrow', () => {
  const document = JSON.parse(render(declare('pom', { licenses: {} })).data[jsonKey] ?? '') as object;
  assert.ok(licensesJsonSchema.safeParse({ ...document, region: 'x' }).success);
});

suite('reference page')('has a row for every field of spec and status', () => {
  const page = referencePage(root);
  for (const { path } of nodes) {
    if (/^\.(spec|status)\./.test(path) && !path.endsWith('[]'))
      assert.ok(page.includes(`| \`${path.slice(1)}\` |`), path);
  }
});

suite('names')('C7 are what v1 promised', () => {
  assert.equal(labels, {
    managedBy: 'app.kubernetes.io/managed-by',
    partOf: 'app.kubernetes.io/part-of',
    settings: 'licensing.dialer.dev/settings',
    zone: 'licensing.dialer.dev/zone',
  });
  assert.equal(annotations, {
    apply: 'licensing.dialer.dev/apply',
    ownerUid: 'licensing.dialer.dev/owner-uid',
    generation: 'licensing.dialer.dev/generation',
    dataHash: 'licensing.dialer.dev/data-hash',
    settingsHash: 'licensing.dialer.dev/settings-hash',
    epoch: 'licensing.dialer.dev/epoch',
  });
});
