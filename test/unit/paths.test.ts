/** Where errors point to, and what specs cost that no CRD of ours would let through. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { validate } from '../../src/settings/validate.ts';
import { suite } from '../suite.ts';
import { badSpec } from '../support/specs.ts';

const test = suite('errors of a spec');
const ports = { licenses: { outboundPorts: { minimum: 1, maximum: 2 } } };
const told = (spec: unknown) => validate({ name: 'pom', spec }).errors.map(({ field, reason }) => `${field} ${reason}`);
const named = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `o${i}` }));

test('V6, V13 too many organizations are told where they are: in their zone, and all together', () => {
  assert.equal(told({ ...ports, zones: [{ name: 'emea', organizations: named(129) }] }), [
    'spec.zones[0].organizations TooMany',
  ]);
  const four = ['a', 'b', 'c', 'd'].map((name) => ({ name, organizations: named(128) }));
  assert.equal(told({ ...ports, zones: [...four, { name: 'e', organizations: named(1) }] }), ['spec.zones TooMany']);
  assert.equal(told({ ...ports, zones: [...four, { name: 'e', organizations: named(129) }] }), [
    'spec.zones[4].organizations TooMany',
    'spec.zones TooMany',
  ]);
});

/** The steps of a path as the API server writes it: `spec.zones[0].region`. */
const stepsOf = (path: string): string[] => path.split(/[.[\]]+/).filter((step) => step !== '');

/** True when a path leads to something in this object, or to a field that is missing in something that is there. */
function leadsSomewhere(root: unknown, path: string): boolean {
  let value = root;
  for (const [index, step] of stepsOf(path).entries()) {
    const isLast = index === stepsOf(path).length - 1;
    if (typeof value !== 'object' || value === null) return false;
    if (Array.isArray(value) !== /^\d+$/.test(step)) return false;
    if (!Object.hasOwn(value, step)) return isLast && !Array.isArray(value);
    value = (value as Record<string, unknown>)[step];
  }
  return true;
}

test('V13 every error points to a field of the spec, or to the one that is missing, with its index: 5,000 specs', () => {
  const specs = fc.sample(badSpec, { seed: 20_261_130, numRuns: 5_000 });
  let errors = 0;
  for (const spec of specs) {
    for (const { field } of validate({ name: 'pom', spec }).errors) {
      errors++;
      // What is missing in a type of which nothing is said is missing with it.
      const root = { spec: { ...(typeof spec === 'object' ? spec : {}) }, metadata: { name: 'pom' } };
      const parent = field.replace(/\.[^.]*$/, '');
      assert.ok(leadsSomewhere(root, field) || leadsSomewhere(root, parent), `${field}: ${JSON.stringify(spec)}`);
    }
  }
  assert.ok(errors > 5_000, String(errors));
});

test('R9.25, V8 a spec that nests deeper than any settings is one mistake, and costs no stack', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = level % 2 ? [deep] : { zones: deep };
  assert.equal(told(deep), ['spec InvalidValue']);
  assert.equal(told({ ...ports, zones: deep }), ['spec InvalidValue']);
});

test('R9.23 what errors show of a spec is bounded, and steers no terminal', () => {
  const long = 'x'.repeat(1_000_000);
  const hostile = `\u202e\u009b\u001b${long}`;
  const { errors } = validate({
    name: 'pom',
    spec: {
      ...{ [hostile]: 1, applyPolicy: hostile, settleSeconds: [long], configMap: { name: hostile } },
      licenses: { outboundPorts: { minimum: hostile, maximum: 2 }, [hostile]: {} },
      zones: [{ name: hostile }, { name: hostile, licenses: long }],
    },
  });
  assert.ok(errors.length > 8);
  for (const { field, message } of errors) {
    assert.ok(field.length < 300 && message.length < 600, `${field.length} and ${message.length} characters`);
    assert.not.match(field + message, /[\p{Cc}\p{Cf}]/u);
  }
});

test('V10 fields named like those that every JavaScript object has are unknown, and stand for nothing', () => {
  const spec = JSON.parse(
    '{"licenses":{"outboundPorts":{"minimum":1,"maximum":2},"__proto__":{}},"constructor":1,"toString":{}}',
  ) as unknown;
  assert.equal(told(spec), [
    'spec.licenses.__proto__ UnknownField',
    'spec.constructor UnknownField',
    'spec.toString UnknownField',
  ]);
  // The name that a function has is none of a zone.
  assert.equal(told({ ...ports, zones: [() => 1].map(String) }), ['spec.zones[0] InvalidValue']);
});

test('R9.25 the work is in proportion to the spec: twice as many zones, twice the looks at them', () => {
  const looks = (size: number): number => {
    let count = 0;
    const zones = Array.from(
      { length: size },
      (_, i) =>
        new Proxy({ name: `z${i}` } as Record<string, unknown>, {
          get: (target, key) => {
            count++;
            return Reflect.get(target, key) as unknown;
          },
        }),
    );
    validate({ name: 'pom', spec: { ...ports, zones } });
    return count;
  };
  assert.ok(looks(2_000) < 2.2 * looks(1_000), `${looks(1_000)} looks, then ${looks(2_000)}`);
});
