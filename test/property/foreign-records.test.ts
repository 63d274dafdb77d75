/** What others may have written on our objects: records, managedFields, approvals. Never believed beyond what a spec allows. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { licenseTypes } from '../../src/api/license-types.ts';
import { maxCount, maxErrors, maxOrganizationsOfZone, type Spec } from '../../src/api/licensesettings.ts';
import { annotations, manager } from '../../src/api/names.ts';
import { harmless } from '../../src/api/text.ts';
import { isApproved, unusableApproval } from '../../src/settings/approval.ts';
import { declare, readDeclaration } from '../../src/settings/declaration.ts';
import { lastEditor } from '../../src/settings/editor.ts';
import { canonicalJson, settingsHash } from '../../src/settings/hash.ts';
import { hiddenFields } from '../../src/settings/hidden.ts';
import { maxRecordLength, recordOf } from '../../src/settings/record.ts';
import { jsonKey, renderZone, renderZones } from '../../src/settings/render.ts';
import { readZone } from '../../src/settings/zones.ts';
import { suite } from '../suite.ts';
import { anyJson, anyText, growth, renumbered, spoiled } from '../support/hostile.ts';
import { goodSpec, zonedSpec } from '../support/specs.ts';

const test = suite('foreign records');
const runs = { numRuns: 150 };

const specs = fc.oneof(goodSpec('pom'), zonedSpec('pom'));
const zones = zonedSpec('pom')
  .map((spec) => declare('pom', spec))
  .filter((declaration) => declaration.zones !== undefined);

test('a zone’s record is read as it was rendered', () => {
  fc.assert(
    fc.property(zones, (declaration) => {
      const records = renderZones(declaration).map(({ data }) => recordOf(data));
      assert.equal(
        records.map((record) => readZone({ record })),
        declaration.zones,
      );
    }),
    runs,
  );
});

type Range = { readonly minimum: number; readonly maximum: number };
type Share = { readonly name: string; readonly licenses?: object | undefined };
const countIn = ({ licenses }: { readonly licenses?: object | undefined }, key: string): number =>
  (licenses as Record<string, number> | undefined)?.[key] ?? 0;

/** Parts have names of their own, and hold no more than the whole. */
function isDivided(parts: readonly Share[], most: (key: string) => number): void {
  assert.is(new Set(parts.map(({ name }) => name)).size, parts.length);
  for (const { key } of licenseTypes) {
    const counts = parts.map((part) => countIn(part, key));
    assert.ok(counts.every((count) => Number.isInteger(count) && count >= 0 && count <= maxCount));
    assert.ok(counts.reduce((sum, count) => sum + count, 0) <= most(key), `more of ${key} than there is`);
  }
}

/** A record is believed only where it is what a zone renders to. */
function isZoneOrNothing(record: string | undefined): void {
  const zone = readZone({ record });
  if (zone === undefined) return;
  isDivided([zone], () => maxCount);
  isDivided(zone.organizations ?? [], (key) => countIn(zone, key));
  assert.ok((zone.organizations ?? []).length <= maxOrganizationsOfZone);
  assert.equal(readZone({ record: renderZone('any', zone).data[jsonKey] }), zone);
}

test('any text is a zone’s record, or none; it never throws', () => {
  fc.assert(fc.property(anyText('{"scope":"Zone"', '"scope":"Zone"', '"zone":"a"', '}'), isZoneOrNothing), runs);
  const documents = zones.map(
    (declaration) => JSON.parse(renderZones(declaration).at(-1)?.data[jsonKey] ?? '') as unknown,
  );
  const nearly = documents.chain((document) => fc.oneof(spoiled(document), renumbered(document)));
  fc.assert(
    fc.property(nearly, (document) => isZoneOrNothing(JSON.stringify(document))),
    { numRuns: 500 },
  );
});

test('a record that is longer than any rendering is none', () => {
  fc.assert(
    fc.property(fc.integer({ min: maxRecordLength - 2, max: maxRecordLength + 2 }), (length) => {
      const record = recordOf({ [jsonKey]: 'x'.repeat(length) });
      assert.is(record === undefined, length > maxRecordLength);
    }),
  );
  assert.is(recordOf(JSON.parse('{"__proto__":{"licenses.json":"x"}}') as Record<string, string>), undefined);
});

test('a declaration is read as it was declared, by its own hash alone', () => {
  fc.assert(
    fc.property(specs, fc.stringMatching(/^[0-9a-f]{64}$/), (spec, other) => {
      const declaration = declare('pom', spec);
      const hash = settingsHash(declaration);
      assert.equal(readDeclaration(JSON.parse(canonicalJson(declaration)), hash, 'pom'), declaration);
      for (const wrong of [undefined, '', hash.toUpperCase(), other === hash ? '' : other])
        assert.is(readDeclaration(declaration, wrong, 'pom'), undefined);
    }),
    runs,
  );
});

/** A stored declaration is believed whole, or not at all. */
function isDeclarationOrNothing(stored: unknown, hash: string): void {
  const read = readDeclaration(stored, hash, 'pom');
  if (read === undefined) return;
  assert.is(settingsHash(read), hash);
  const { zones: all = [], licenses: ranges = {} } = read;
  for (const { minimum, maximum } of Object.values(ranges as Record<string, Range>))
    assert.ok(minimum <= maximum && maximum <= maxCount);
  isDivided(all, (key) => ranges[key as keyof typeof ranges]?.maximum ?? 0);
  for (const zone of all) isDivided(zone.organizations ?? [], (key) => countIn(zone, key));
  assert.is(canonicalJson(read), canonicalJson(declare('pom', { licenses: {}, ...read } as Spec)));
}

test('anything is a declaration, or none; it never throws, and half of one is none', () => {
  const hashOf = (stored: unknown) => {
    try {
      return settingsHash(stored as never);
    } catch {
      return '';
    }
  };
  fc.assert(
    fc.property(anyJson, (stored) => isDeclarationOrNothing(stored, hashOf(stored))),
    runs,
  );
  fc.assert(
    fc.property(
      specs.chain((spec) => {
        const declaration = JSON.parse(canonicalJson(declare('pom', spec))) as unknown;
        return fc.oneof(spoiled(declaration), renumbered(declaration));
      }),
      (stored) => isDeclarationOrNothing(stored, hashOf(stored)),
    ),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(specs, (spec) => {
      const more = { ...declare('pom', spec), entitlementRef: { name: 'later' } };
      assert.is(readDeclaration(more, hashOf(more), 'pom'), undefined, 'a field of a later release');
    }),
    runs,
  );
});

/** managedFields of somebody who owns every field of a value. */
function owning(value: unknown): object {
  if (Array.isArray(value))
    return Object.fromEntries(value.map((item) => [`k:${JSON.stringify({ name: item.name })}`, owning(item)]));
  if (typeof value !== 'object' || value === null) return {};
  return { '.': {}, ...Object.fromEntries(Object.entries(value).map(([key, inner]) => [`f:${key}`, owning(inner)])) };
}

test('who owns what the spec shows hides nothing; what is taken from it is named', () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const managedFields = [{ manager: 'kubectl', fieldsV1: { 'f:spec': owning(spec) } }];
      assert.equal(hiddenFields(managedFields, spec), []);
      for (const field of Object.keys(spec)) {
        const { [field as keyof typeof spec]: _, ...rest } = spec;
        assert.equal(hiddenFields(managedFields, rest), [{ path: `spec.${field}`, known: true }]);
      }
    }),
    runs,
  );
});

test('managedFields of any shape never throw, and what they hide is bounded, sorted and harmless', () => {
  const fields = fc.oneof(
    anyJson,
    goodSpec('pom').chain((spec) => spoiled(owning(spec))),
  );
  const many = fc.dictionary(
    fc.string({ minLength: 1 }).map((name) => `f:${name}`),
    fc.constant({}),
    { minKeys: 100, maxKeys: 200 },
  );
  const entries = fc.oneof(
    anyJson,
    many.map((one) => [{ fieldsV1: { 'f:spec': { ...one, 'f:suspend': {} } } }]),
    fc.array(fc.record({ manager: anyJson, subresource: anyJson, fieldsV1: anyJson }, { requiredKeys: [] })),
    fc.array(
      fields.map((one) => ({ fieldsV1: { 'f:spec': one } })),
      { maxLength: 4 },
    ),
  );
  fc.assert(
    fc.property(entries, fc.oneof(anyJson, specs), (managedFields, spec) => {
      const paths = hiddenFields(managedFields, spec).map(({ path }) => path);
      assert.ok(paths.length <= maxErrors);
      assert.equal(paths, [...paths].sort());
      assert.is(new Set(paths).size, paths.length);
      for (const path of paths) {
        assert.match(path, /^spec\./);
        assert.is(harmless(path), path);
        assert.ok(Buffer.byteLength(path) <= 256, path);
      }
    }),
    { numRuns: 500 },
  );
});

test('hidden fields take time that grows with the managedFields, and no faster', () => {
  const managedFields = (size: number) => {
    const items = Array.from({ length: size }, (_, i) => [`k:{"name":"z${i}"}`, { 'f:name': {}, 'f:hidden': {} }]);
    return [{ fieldsV1: { 'f:spec': { 'f:zones': Object.fromEntries(items) } } }];
  };
  const made = new Map([1_000, 4_000].map((size) => [size, managedFields(size)]));
  const spec = { zones: Array.from({ length: 64 }, (_, i) => ({ name: `z${i}` })) };
  const times = growth((size) => void hiddenFields(made.get(size), spec), 1_000);
  assert.ok(times < 10, `${times} times as long for four times as much`);
});

test('the last editor is somebody else, in words that can be shown', () => {
  const contents = fc.constantFrom('f:data', 'f:binaryData', 'f:immutable', 'f:metadata');
  const fieldsV1 = fc.oneof(
    anyJson,
    fc.dictionary(
      contents,
      fc.oneof(
        anyJson,
        fc.dictionary(
          fc.string().map((key) => `f:${key}`),
          fc.constant({}),
        ),
      ),
    ),
  );
  const entry = fc.record(
    {
      manager: fc.oneof(fc.constant(manager), anyText(manager), anyJson),
      time: fc.oneof(anyJson, fc.constant('2026-01-01T00:00:00Z')),
      fieldsV1,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(anyJson, fc.array(fc.oneof(entry, anyJson), { maxLength: 120 })), (managedFields) => {
      const editor = lastEditor(managedFields);
      if (editor === undefined) return;
      assert.not.equal(editor.manager, manager);
      assert.ok(editor.keys.length <= 3);
      for (const text of [editor.manager, ...editor.keys]) {
        assert.is(harmless(text), text);
        assert.ok(Buffer.byteLength(text) <= 128);
      }
      const own = (managedFields as { manager?: unknown }[]).filter((one) => one?.manager !== manager);
      assert.equal(
        lastEditor(own.slice(0, 100)),
        lastEditor((managedFields as unknown[]).slice(0, 100)),
        'ours says nothing',
      );
    }),
    { numRuns: 500 },
  );
});

const digits = fc.stringMatching(/^[0-9a-f]{64}$/);
const notes = (value: string) => ({ [annotations.apply]: value });

test('an approval is the whole hash, with spaces and case as anybody likes, and nothing else', () => {
  const spaces = fc.string({ unit: fc.constantFrom(' ', '\t', '\n'), maxLength: 3 });
  fc.assert(
    fc.property(digits, spaces, fc.boolean(), fc.nat(63), (hash, space, upper, length) => {
      const approval = notes(`${space}${upper ? hash.toUpperCase() : hash}${space}`);
      assert.ok(isApproved(approval, hash));
      assert.is(unusableApproval(approval), undefined);
      assert.not.ok(isApproved(notes(hash.slice(0, length)), hash));
    }),
    runs,
  );
  fc.assert(
    fc.property(anyText('0', 'a'.repeat(63), 'a'.repeat(64)), digits, (text, hash) => {
      assert.is(isApproved(notes(text), hash), text.trim().toLowerCase() === hash);
      const words = unusableApproval(notes(text));
      const isUsable = ['', ...(/^[0-9a-f]{64}$/.test(text.trim().toLowerCase()) ? [text.trim().toLowerCase()] : [])];
      assert.is(words === undefined, isUsable.includes(text.trim().toLowerCase()));
      if (words !== undefined) assert.is(harmless(words), words);
    }),
    runs,
  );
});
