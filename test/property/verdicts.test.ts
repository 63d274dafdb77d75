/** zod, the operator's rules and the real API server judge alike; and what is rendered agrees with itself. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { licenseTypes } from '../../src/api/license-types.ts';
import { type DefaultJson, licensesJsonSchema } from '../../src/api/licenses-json.ts';
import { type Spec, specSchema } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { renderSystem as render } from '../../src/settings/render.ts';
import { validate } from '../../src/settings/validate.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { createDesk, type Desk, install } from '../operator.ts';
import { suite } from '../suite.ts';
import { badSpec, goodSpec } from '../support/specs.ts';

/** The same specs in every run; another seed finds other ones. */
const seed = Number(process.env['TEST_SEED'] ?? 20_261_124);
const samples = <T>(arbitrary: fc.Arbitrary<T>, count: number) => fc.sample(arbitrary, { seed, numRuns: count });

const test = suite('verdicts');
let plane: ControlPlane;
let desk: Desk;
test.before(async () => {
  plane = await sharedControlPlane();
  await install(plane);
  desk = createDesk(plane, 'verdicts');
  await desk.open();
});
test.after(async () => {
  await desk?.close();
  await plane?.stop();
});

type Answer = { code: number; causes: string[]; message: string };

/** What the API server says of a spec: it judges the whole request, and stores nothing. */
async function serverVerdict(name: string, spec: unknown): Promise<Answer> {
  const path = `/apis/licensing.dialer.dev/v1/namespaces/${desk.namespace}/licensesettings?dryRun=All&fieldValidation=Strict`;
  const body = { apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', metadata: { name }, spec };
  const { code, json } = await desk.request('POST', path, body);
  const status = json as { message?: string; details?: { causes?: { field?: string }[] } };
  return {
    code,
    causes: (status.details?.causes ?? []).flatMap(({ field }) => field ?? []),
    message: status.message ?? '',
  };
}

async function inParallel<T>(values: readonly T[], act: (value: T) => Promise<void>): Promise<void> {
  const left = values.values();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const value of left) await act(value);
    }),
  );
}

test('V7, V8 2,000 valid specs: zod, the operator and the API server accept all', async () => {
  const specs = samples(goodSpec('pom'), 2_000);
  await inParallel(specs, async (spec) => {
    const text = JSON.stringify(spec);
    assert.ok(specSchema.safeParse(spec).success, `zod: ${text}`);
    assert.equal(validate({ name: 'pom', spec }).errors, [], text);
    const { code, message } = await serverVerdict('pom', spec);
    assert.is(code, 201, `${message}: ${text}`);
  });
});

test('V7, V8 3,000 specs with mistakes: the operator and the API server agree on each', async () => {
  const seen = { valid: 0, invalid: 0 };
  await inParallel(samples(badSpec, 3_000), async (spec) => {
    const text = JSON.stringify(spec);
    const { errors } = validate({ name: 'pom', spec });
    const { code, causes, message } = await serverVerdict('pom', spec);
    assert.ok(code === 201 || code === 422 || code === 400, `${code}: ${text}`);
    assert.is(
      errors.length === 0,
      code === 201,
      `operator: ${JSON.stringify(errors)}; server: ${code} ${message}; ${text}`,
    );
    // Where zod's own part says no, the operator does too; only a null is taken as left out.
    if (!text.includes('null') && !specSchema.safeParse(spec).success) assert.ok(errors.length > 0, text);
    // Whatever field the server names, the operator names it too, by the same path.
    for (const field of causes.filter((one) => one.startsWith('spec'))) {
      const told = errors.some((error) => error.field === field);
      assert.ok(told, `${field} is named by the server alone: ${JSON.stringify(errors)}; ${text}`);
    }
    seen[errors.length === 0 ? 'valid' : 'invalid']++;
  });
  assert.ok(seen.invalid > 2_000, `mostly mistakes: ${JSON.stringify(seen)}`);
});

test('V2 a sum of minimum and maximum that both lie is judged alike at every border', async () => {
  const borders = [-1, 0, 1, 999_999, 1_000_000, 1_000_001];
  const pairs = borders.flatMap((minimum) => borders.map((maximum) => ({ minimum, maximum })));
  await inParallel(pairs, async (range) => {
    const spec = { licenses: { previewAgents: range } };
    const { code } = await serverVerdict('pom', spec);
    assert.is(validate({ name: 'pom', spec }).errors.length === 0, code === 201, JSON.stringify(range));
  });
});

test('V6 names of objects up to 63 characters, judged alike', async () => {
  for (const length of [1, 62, 63, 64, 65, 100]) {
    const name = 'p'.repeat(length);
    const spec = { licenses: { previewAgents: { minimum: 1, maximum: 2 } } };
    const { code } = await serverVerdict(name, spec);
    assert.is(validate({ name, spec }).errors.length === 0, code === 201, String(length));
  }
});

test('C3, C4, C5 JSON, properties and environment keys agree, for 5,000 specs', () => {
  for (const spec of samples(goodSpec('pom'), 5_000)) {
    const { data } = render(declare('pom', spec));
    const json = licensesJsonSchema.parse(JSON.parse(data['licenses.json'] ?? '')) as DefaultJson;
    const properties = Object.fromEntries(
      (data['licenses.properties'] ?? '')
        .trimEnd()
        .split('\n')
        .map((line) => line.split('=')),
    );
    for (const { key, env } of licenseTypes) {
      const asked = spec.licenses[key] ?? { minimum: 0, maximum: 0 };
      for (const [field, value] of Object.entries({ ...asked, capacity: asked.maximum })) {
        assert.is(json.licenses[key][field as 'minimum'], value);
        assert.is(properties[`license.${key}.${field}`], String(value));
        assert.is(data[`${env}_${field.toUpperCase()}`], String(value));
      }
    }
  }
});

test('D4 equal hash, equal bytes; other bytes, other hash; the order of keys does not matter', () => {
  const shuffled = (value: unknown): unknown =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([key, inner]) => [key, shuffled(inner)]),
        )
      : value;
  const bytes = new Map<string, string>();
  for (const spec of samples(goodSpec('pom'), 5_000)) {
    const declared = declare('pom', spec);
    const { data } = render(declared);
    const hash = settingsHash(declared);
    const text = JSON.stringify([declared.configMap.name, data]);
    assert.is(bytes.get(hash) ?? text, text);
    bytes.set(hash, text);
    assert.is(settingsHash(declare('pom', shuffled(spec) as Spec)), hash);
  }
  assert.is(new Set(bytes.values()).size, bytes.size);
});
