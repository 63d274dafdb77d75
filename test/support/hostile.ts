/** Values and texts that others may write anywhere: for properties of whatever reads foreign bytes. */
import fc from 'fast-check';

/** Names that every JavaScript object knows, and those that our readers look for. */
const keys = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', 'then', ''),
  fc.constantFrom('metadata', 'name', 'spec', 'status', 'data', 'kind', 'items', 'type', 'object', 'licenses', 'zones'),
  fc.constantFrom('f:spec', 'f:data', 'k:{"name":"a"}', 'k:{', 'f:', '.', 'f:licenses', 'f:zones'),
  fc.string({ maxLength: 12 }),
);
const leaves = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, '', '0', 'a', '\u202e\u001b[31m'),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
);

/** Any JSON value, as JSON.parse makes it: also with a field of its own that is called `__proto__`. */
export const anyJson: fc.Arbitrary<unknown> = fc
  .letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      leaves,
      fc.array(tie('value'), { maxLength: 5 }),
      fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map((entries) => {
        const members = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
        return JSON.parse(`{${members.join(',')}}`) as unknown;
      }),
    ),
  }))
  .value.map((value) => JSON.parse(JSON.stringify(value)) as unknown);

/** A JSON value in which one place, at any depth, has become any other value. */
export const spoiled = (value: unknown): fc.Arbitrary<unknown> =>
  fc.tuple(fc.nat(1_000), anyJson).map(([at, other]) => replaced(value, at % (countOf(value) || 1), other));

/** The same value with one of its numbers replaced by another whole number. */
export const renumbered = (value: unknown): fc.Arbitrary<unknown> => {
  const parts = JSON.stringify(value).split(/(?<=[:,[])(\d+)(?=[,}\]])/);
  const numbers = (parts.length - 1) / 2;
  return fc.tuple(fc.nat(1_000), fc.integer({ min: -1, max: 1_000_001 })).map(([at, number]) => {
    const place = 1 + 2 * (at % (numbers || 1));
    return JSON.parse(parts.map((part, i) => (i === place ? String(number) : part)).join('')) as unknown;
  });
};

const countOf = (value: unknown): number =>
  1 + Object.values(isObject(value) ? value : {}).reduce<number>((sum, inner) => sum + countOf(inner), 0);

function replaced(value: unknown, at: number, other: unknown): unknown {
  if (at === 0 || !isObject(value)) return other;
  let left = at - 1;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    const size = countOf(inner);
    const isHere = left >= 0 && left < size;
    const next = isHere ? replaced(inner, left, other) : inner;
    left -= size;
    return [key, next];
  });
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Any text: words of a format, pieces of JSON, and characters of all kinds. */
export const anyText = (...words: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom('', ...words),
        fc.string({ unit: 'binary', maxLength: 8 }),
        anyJson.map((value) => JSON.stringify(value)),
      ),
      {
        maxLength: 12,
      },
    )
    .map((pieces) => pieces.join(''));

/**
 * What four times as much costs, in times of what one part costs: 4 where it is linear, 16 where it is quadratic. CPU time
 * of this process, the least of some tries, since a busy machine makes others longer.
 */
export function growth(run: (size: number) => void, size: number): number {
  const cost = (n: number) =>
    Math.min(
      ...Array.from({ length: 3 }, () => {
        const from = process.cpuUsage();
        run(n);
        const { user, system } = process.cpuUsage(from);
        return user + system;
      }),
    );
  run(size); // compiled
  return cost(4 * size) / Math.max(cost(size), 100);
}
