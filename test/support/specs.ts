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

const name40 = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/);

/** Splits a number into so many parts that hold no more than it together. */
const parts = (whole: number, weights: readonly number[]): number[] => {
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => (sum === 0 ? 0 : Math.floor((whole * weight) / sum)));
};

type Ranges = Spec['licenses'];
type Zones = NonNullable<Spec['zones']>;
type Share = { name: string; weights: number[]; full: boolean; bare: boolean; organizations: Share[] | undefined };

const share = (organizations: fc.Arbitrary<Share[] | undefined>): fc.Arbitrary<Share> =>
  fc.record({
    name: name40,
    // A weight of 0 makes a count of 0, or one that is left out.
    weights: fc.array(fc.constantFrom(0, 0, 1, 2, 7), { minLength: keys.length, maxLength: keys.length }),
    full: fc.boolean(),
    bare: fc.boolean(),
    organizations,
  });
const shares = (organizations: fc.Arbitrary<Share[] | undefined>) =>
  fc.uniqueArray(share(organizations), { selector: ({ name }) => name, maxLength: 5 });
const zoneShares = shares(fc.option(shares(fc.constant(undefined)), { nil: undefined }));

/** Zones that hold no more than the whole of each type, with organizations that hold no more than their zone. */
function allocate(whole: Record<string, number>, list: readonly Share[]): Zones {
  const counts = list.map(() => ({}) as Record<string, number>);
  for (const [i, key] of keys.entries()) {
    const each = parts(
      whole[key] ?? 0,
      list.map(({ weights }) => weights[i] ?? 0),
    );
    for (const [j, held] of each.entries()) if (held > 0 || list[j]?.full) (counts[j] ?? {})[key] = held;
  }
  return list.map(({ name, organizations, bare }, j) => {
    const held = counts[j] ?? {};
    return {
      name,
      ...(bare && Object.keys(held).length === 0 ? {} : { licenses: held }),
      ...(organizations ? { organizations: allocate(held, organizations) } : {}),
    };
  });
}

const maximaOf = (licenses: Ranges) => Object.fromEntries(keys.map((key) => [key, licenses[key]?.maximum ?? 0]));
const zonesOf = (licenses: Ranges) => zoneShares.map((list) => allocate(maximaOf(licenses), list));

/** A valid spec of the object with this name, with zones. */
export const zonedSpec = (name: string): fc.Arbitrary<Spec> =>
  goodSpec(name).chain((spec) => zonesOf(spec.licenses).map((zones) => ({ ...spec, zones })));

/** A valid spec of the object with this name, without zones. */
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
      settleSeconds: fc.constantFrom(0, 1, 90, 599, 600),
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

const zone = (name: unknown, more: object = {}) => ({ name, ...more });
const many = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => zone(`${prefix}${i}`));
const badZoneName = fc.constantFrom<unknown>(
  ...['', 'A', 'a.b', 'a_b', '-a', 'a-', 'x'.repeat(41), 'x'.repeat(40), 'a b', 'ä', 7, null, true, {}],
);
const badCounts = fc.oneof(
  fc.record({ outboundPorts: badNumber }),
  fc.constantFrom<unknown>(null, [], 5, 'all', { unknownAgents: 1 }, { outboundPorts: { maximum: 1 } }),
);
/** Changes one zone of a list: the zone of that index, modulo. */
const changed = (zones: Zones, at: number, change: (zone: Zones[number]) => unknown): unknown[] =>
  zones.map((one, i) => (i === at % zones.length ? change(one) : one));

/** Lists of zones with a mistake, beside licenses that are right. */
const badZones = some(goodRange).chain((range) => {
  const licenses = range as Ranges;
  const maxima = maximaOf(licenses);
  const zones = zonesOf(licenses).map((list) => (list.length > 0 ? list : [{ name: 'only' }]));
  const index = fc.nat(4);
  const type = fc.constantFrom(...keys);
  const more = fc.integer({ min: 1, max: 3 });
  const wrong: fc.Arbitrary<unknown> = fc.oneof(
    // More than the maximum: of a type that the spec has, or has not.
    fc.tuple(zones, index, type, more).map(([list, at, key, over]) => {
      const others = list.reduce((sum, one, i) => sum + (i === at % list.length ? 0 : (one.licenses?.[key] ?? 0)), 0);
      return changed(list, at, (one) => ({
        ...one,
        licenses: { ...one.licenses, [key]: (maxima[key] ?? 0) - others + over },
      }));
    }),
    // Organizations that hold more than their zone, by one or a few.
    fc.tuple(zones, index, type, more).map(([list, at, key, over]) =>
      changed(list, at, (one) => ({
        ...one,
        organizations: [
          { name: 'first', licenses: { [key]: one.licenses?.[key] ?? 0 } },
          { name: 'second', licenses: { [key]: over } },
        ],
      })),
    ),
    fc.tuple(zones, index).map(([list, at]) => [...list, zone(list[at % list.length]?.name)]),
    fc
      .tuple(zones, index)
      .map(([list, at]) => changed(list, at, (one) => ({ ...one, organizations: [zone('x'), zone('y'), zone('x')] }))),
    fc
      .tuple(zones, index, badZoneName)
      .map(([list, at, name]) => changed(list, at, (one) => ({ ...one, name: name as string }))),
    fc
      .tuple(zones, index, badZoneName)
      .map(([list, at, name]) => changed(list, at, (one) => ({ ...one, organizations: [zone(name)] }))),
    fc
      .tuple(zones, index, badCounts)
      .map(([list, at, counts]) => changed(list, at, (one) => ({ ...one, licenses: counts }))),
    fc
      .tuple(zones, index, badCounts)
      .map(([list, at, counts]) =>
        changed(list, at, (one) => ({ ...one, organizations: [zone('x', { licenses: counts })] })),
      ),
    fc.tuple(zones, index).map(([list, at]) => changed(list, at, (one) => ({ ...one, minimum: 1 }))),
    fc
      .tuple(zones, index, fc.constantFrom<unknown>(null, {}, 'x', 5, [null], [5], [{}], [[]]))
      .map(([list, at, organizations]) => changed(list, at, (one) => ({ ...one, organizations }))),
    fc.constantFrom<unknown>(null, {}, 'emea', 5, [null], [5], [{}], [[]], [{ licenses: {} }]),
    // At the bounds, and one beyond: zones, organizations of a zone, and of all together.
    fc.constantFrom<unknown>(
      many(64, 'z'),
      many(65, 'z'),
      [zone('z', { organizations: many(128, 'o') })],
      [zone('z', { organizations: many(129, 'o') })],
      many(4, 'z').map(({ name }) => zone(name, { organizations: many(128, 'o') })),
      [
        ...many(4, 'z').map(({ name }) => zone(name, { organizations: many(128, 'o') })),
        zone('last', { organizations: many(1, 'o') }),
      ],
    ),
  );
  return wrong.map((list) => ({ licenses, zones: list }));
});

/** A spec of the object `pom` with at least one mistake, most of the time; now and then it is valid after all. */
export const badSpec: fc.Arbitrary<unknown> = fc.oneof(
  fc.record({ licenses: some(fc.oneof(badRange, goodRange)) }),
  fc.record({ licenses: some(goodRange), configMap: badName.map((name) => ({ name })) }),
  fc.record({ licenses: some(fc.oneof(badRange, goodRange)), configMap: badName.map((name) => ({ name })) }),
  fc.record({ licenses: some(goodRange), configMap: fc.constantFrom<unknown>({}, null, 'pom-x', []) }),
  fc.record({ licenses: some(goodRange), applyPolicy: fc.constantFrom<unknown>('manual', '', 1, null, {}) }),
  fc.record({ licenses: some(goodRange), deletionPolicy: fc.constantFrom<unknown>('Keep', true, null, []) }),
  fc.record({ licenses: some(goodRange), suspend: fc.constantFrom<unknown>('true', 1, null, {}) }),
  badZones,
  badZones,
  badZones,
  fc.record({
    licenses: some(goodRange),
    settleSeconds: fc.constantFrom<unknown>(-1, 601, 1.5, '5', null, true, {}, 2_147_483_648),
  }),
  fc.record({ licenses: fc.constantFrom<unknown>({}, null, [], 'all', 3) }),
  fc.constantFrom<unknown>({}, null, 'spec', []),
);
