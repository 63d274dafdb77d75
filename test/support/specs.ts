/** Seeded LicenseSettings for property tests: good ones, and ones with mistakes of every kind. */
import fc from 'fast-check';
import { licenseTypes } from '../../src/api/license-types.ts';
import type { Spec } from '../../src/api/licensesettings.ts';

const keys = licenseTypes.map(({ key }) => key);
const count = fc.oneof(fc.constantFrom(0, 1, 999_999, 1_000_000), fc.integer({ min: 0, max: 1_000_000 }));
const goodRange = fc.tuple(count, count).map(([a, b]) => ({ minimum: Math.min(a, b), maximum: Math.max(a, b) }));
const some = <T>(value: fc.Arbitrary<T>) =>
  fc
    .subarray(keys, { minLength: 1 })
    .chain((chosen) =>
      fc
        .tuple(...chosen.map(() => value))
        .map((values) => Object.fromEntries(chosen.map((key, i) => [key, values[i]]))),
    );

const suffix = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);

/** A valid spec of the object with this name. */
export const goodSpec = (name: string): fc.Arbitrary<Spec> =>
  fc.record(
    {
      licenses: some(goodRange),
      configMap: fc
        .oneof(
          fc.constant(name),
          suffix.map((end) => `${name}-${end}`),
        )
        .map((map) => ({ name: map })),
      suspend: fc.boolean(),
      applyPolicy: fc.constantFrom('Automatic', 'Manual'),
      deletionPolicy: fc.constantFrom('Delete', 'Retain'),
    },
    { requiredKeys: ['licenses'] },
  ) as fc.Arbitrary<Spec>;

const badNumber = fc.constantFrom<unknown>(-1, 1_000_001, 2_147_483_647, 2_147_483_648, 1.5, '5', null, true, [], -0.5);
const badRange = fc.oneof(
  fc.record({ minimum: fc.oneof(badNumber, count), maximum: badNumber }),
  fc.record({ minimum: badNumber, maximum: count }),
  fc.tuple(count, count).map(([a, b]) => ({ minimum: Math.max(a, b) + 1, maximum: Math.min(a, b) })),
  fc.record({ minimum: count }),
  fc.record({ maximum: count }),
  fc.constantFrom<unknown>({}, null, 5, 'many', []),
);
const badName = fc.constantFrom<unknown>(
  '',
  'Pom-x',
  'other-licenses',
  'pom-',
  'pom-a..b',
  `pom-${'x'.repeat(117)}`,
  'po',
  'pomx',
  'pom_x',
  7,
  null,
);

/** A spec of the object `pom` with at least one mistake, most of the time; now and then it is valid after all. */
export const badSpec: fc.Arbitrary<unknown> = fc.oneof(
  fc.record({ licenses: some(fc.oneof(badRange, goodRange)) }),
  fc.record({ licenses: some(goodRange), configMap: badName.map((name) => ({ name })) }),
  fc.record({ licenses: some(fc.oneof(badRange, goodRange)), configMap: badName.map((name) => ({ name })) }),
  fc.record({ licenses: some(goodRange), configMap: fc.constantFrom<unknown>({}, null, 'pom-x', []) }),
  fc.record({ licenses: some(goodRange), applyPolicy: fc.constantFrom<unknown>('manual', '', 1, null, {}) }),
  fc.record({ licenses: some(goodRange), deletionPolicy: fc.constantFrom<unknown>('Keep', true, null, []) }),
  fc.record({ licenses: some(goodRange), suspend: fc.constantFrom<unknown>('true', 1, null, {}) }),
  fc.record({ licenses: fc.constantFrom<unknown>({}, null, [], 'all', 3) }),
  fc.constantFrom<unknown>({}, null, 'spec', []),
);
