/** Fields that the spec doesn't show, given away by managedFields: which, under what path, and what hostile ones cost. */
import * as assert from 'uvu/assert';
import { hiddenFields } from '../../src/settings/hidden.ts';
import { validate } from '../../src/settings/validate.ts';
import { suite } from '../suite.ts';

const test = suite('hidden fields');
const ports = { licenses: { outboundPorts: { minimum: 1, maximum: 2 } } };
const owned = (fields: unknown, subresource?: string) => ({
  fieldsV1: { 'f:spec': fields },
  ...(subresource ? { subresource } : {}),
});
const item = (name: string) => `k:${JSON.stringify({ name })}`;
const paths = (fields: unknown, spec: unknown) => hiddenFields([owned(fields)], spec).map(({ path }) => path);

test('V11 a field that was pruned before we saw the spec is unknown all the same: its managedFields give it away', () => {
  const hidden = hiddenFields(
    [
      owned({
        '.': {},
        'f:suspend': {},
        'f:licenses': { '.': {}, 'f:outboundPorts': { 'f:minimum': {}, 'f:weekend': {} }, 'f:faxLines': {} },
      }),
      owned({ 'f:zones': { [item('emea')]: { 'f:name': {}, 'f:region': {} } }, 'f:priority': {} }),
      owned({ 'f:weekend': {} }, 'status'),
    ],
    { ...ports, suspend: true, zones: [{ name: 'apac' }, { name: 'emea' }] },
  );
  assert.equal(
    hidden.map(({ path }) => path),
    ['spec.licenses.faxLines', 'spec.licenses.outboundPorts.weekend', 'spec.priority', 'spec.zones[1].region'],
  );
  assert.equal(hiddenFields(undefined, {}), []);
});

test('V10, V11 one that the spec shows is none: who reads the spec sees it; one that it shows as null is left out', () => {
  const fields = { 'f:priority': {}, 'f:weekend': {} };
  assert.equal(paths(fields, { ...ports, priority: 1, weekend: null }), ['spec.weekend']);
  const told = validate({ name: 'pom', spec: { ...ports, priority: 1 }, hidden: hiddenFields([owned(fields)], {}) });
  assert.ok(told.errors.some(({ field, reason }) => field === 'spec.weekend' && reason === 'UnknownField'));
});

test('V11 a field that this release knows, and that a CRD which was rolled back hides, is as unknown', () => {
  const fields = {
    'f:licenses': { '.': {}, 'f:outboundPorts': { '.': {}, 'f:minimum': {}, 'f:maximum': {} } },
    'f:configMap': {},
    'f:zones': {
      '.': {},
      [item('emea')]: { '.': {}, 'f:name': {}, 'f:licenses': {}, 'f:organizations': {} },
      [item('apac')]: { '.': {}, 'f:name': {}, 'f:licenses': {} },
    },
  };
  // null is a field that is left out, by somebody who wrote it.
  const shown = { ...ports, configMap: null };
  const [emea, apac] = ['emea', 'apac'].map((name) => ({ name, licenses: {} }));
  assert.equal(paths(fields, { ...shown, zones: [apac, { ...emea, organizations: [] }] }), []);
  assert.equal(paths(fields, { ...shown, zones: [apac, emea] }), ['spec.zones[1].organizations']);
  assert.equal(paths(fields, shown), ['spec.zones']);
  assert.equal(paths(fields, {}), ['spec.configMap', 'spec.licenses', 'spec.zones']);
  const hidden = hiddenFields([owned(fields)], shown);
  assert.equal(hidden, [{ path: 'spec.zones', known: true }]);
  const { errors } = validate({ name: 'pom', spec: shown, hidden });
  assert.equal(
    errors.map(({ field, reason }) => `${field} ${reason}`),
    ['spec.zones UnknownField'],
  );
  assert.match(errors[0]?.message ?? '', 'the operator or the installed CRD is older');
});

test('V13 of an item that the spec does not show no index can be given: it is named, as the API server names owners', () => {
  const fields = { 'f:zones': { [item('emea')]: { 'f:region': {}, 'f:licenses': {} } } };
  assert.equal(paths(fields, { zones: [{ name: 'apac' }] }), ['spec.zones[name="emea"].region']);
  // A key that is no JSON, or has no name, stands for an item that nobody can find.
  for (const key of ['k:{', 'k:', 'k:null', 'k:{"name":1}', 'k:{"site":"emea"}']) {
    let found: string[] = [];
    assert.not.throws(() => (found = paths({ 'f:zones': { [key]: { 'f:region': {} } } }, { zones: [] })), key);
    assert.is(found.length, 1, key);
  }
});

test('V11 names that every JavaScript object knows are fields like any other', () => {
  const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];
  const fields = JSON.parse(`{${names.map((name) => `"f:${name}":{}`)}}`) as unknown;
  assert.equal(
    paths(fields, ports),
    names.map((name) => `spec.${name}`).sort((a, b) => (a < b ? -1 : 1)),
  );
  const zone = JSON.parse('{"name":"emea","__proto__":{"organizations":[]}}') as object;
  const inside = { 'f:zones': { [item('emea')]: { 'f:organizations': {} } } };
  assert.equal(paths(inside, { zones: [zone] }), ['spec.zones[0].organizations']);
});

test('V11 managedFields of any shape are borne', () => {
  for (const managedFields of [null, 1, 'x', {}, [null, 1, 'x', []], [{ fieldsV1: 'x' }], [owned('x')], [owned([1])]])
    assert.equal(hiddenFields(managedFields, ports), [], JSON.stringify(managedFields));
  for (const spec of [null, 1, 'x', [], { zones: 'x' }, { zones: [null, 1, { name: 3 }] }])
    assert.type(paths({ 'f:zones': { [item('emea')]: { 'f:name': {} } } }, spec).length, 'number');
});

/** Items in items, or fields in fields, so deep that whoever calls himself for each overflows. */
function nested(key: string, depth: number): unknown {
  let fields: unknown = {};
  for (let level = 0; level < depth; level++) fields = { [key]: fields };
  return fields;
}

test('R9.25 however deep they nest, they are followed only where a spec has fields', () => {
  const spec = { ...ports, zones: [{ name: 'emea' }] };
  const deep = (key: string) => ({ 'f:licenses': nested(key, 100_000), 'f:zones': nested(key, 100_000) });
  assert.equal(paths(deep(item('emea')), spec), [], 'names no field at all: nothing is hidden');
  assert.equal(paths(deep('f:weekend'), spec), ['spec.licenses.weekend', 'spec.zones.weekend']);
});

test('V11, R9.23 at most 64 are named, those that this release knows first, and each path is cut', () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f:a${i}`, {}]));
  const found = hiddenFields([owned({ ...many, 'f:zones': {} })], ports);
  assert.is(found.length, 64);
  assert.equal(found.at(-1), { path: 'spec.zones', known: true });
  const [path = ''] = paths({ [`f:\u202e\u009b${'x'.repeat(1_000_000)}`]: {} }, ports);
  assert.is(new TextEncoder().encode(path).length <= 256 + 2, true);
  assert.ok(path.startsWith('spec.??xx') && path.endsWith('…'), path);
});

/** How often the engine looks into one of these objects: keys are read through a proxy that counts. */
function counting<T extends object>(value: T, count: () => void): T {
  return new Proxy(value, {
    get: (target, key) => {
      count();
      return Reflect.get(target, key) as unknown;
    },
  });
}

test('R9.25 the work is in proportion to what was written: twice as many names, twice the looks at the spec', () => {
  const looks = (size: number): number => {
    let count = 0;
    const zones = Array.from({ length: size }, (_, i) => counting({ name: `z${i}` }, () => count++));
    const fields = Object.fromEntries(zones.map((_, i) => [item(`z${i}`), { 'f:name': {}, 'f:region': {} }]));
    const managedFields = Array.from({ length: 4 }, () => owned({ 'f:zones': fields }));
    hiddenFields(managedFields, { ...ports, zones: counting(zones, () => count++) });
    return count;
  };
  assert.ok(looks(2_000) < 2.2 * looks(1_000), `${looks(1_000)} looks, then ${looks(2_000)}`);
});
