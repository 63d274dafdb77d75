/** Hostile JSON from a seeded random: texts, numbers, and values of any shape, as no tool of ours would write them. */
import type { Random } from '../support/random.ts';

/** JSON that no JavaScript value can stand for: duplicate keys, numbers of any size, nesting of any depth. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The JSON of a value with raw parts in it. */
export function jsonOf(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${jsonOf(inner)}`).join(',')}}`;
}

/** Names that every JavaScript object knows, though it was never given them. */
export const inherited = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', 'prototype'] as const;

/** An object that has these fields as its own, `__proto__` too. */
export const own = (fields: readonly (readonly [string, unknown])[]): object => Object.fromEntries(fields);

/** Characters that steer a terminal, turn what is shown, or are half of one. */
const steering = ['\u001b[2J', '\u009b31m', '\u202e', '\u2066', '\u2028', '\u0000', '\r', '\ud800', '\u200f', '\ufeff'];
/** What is worst for a pattern that was not thought through. */
const repeated = ['-eyJ', 'eyJ.', 'Bearer ', 'a-', '😀', '..', '\n', '{', '[[', '"\\', '٣', 'Ａ'];

/** A text of up to so many characters, mostly short. */
export function hostileText(random: Random, longest: number): string {
  const part = random.pick([...steering, ...repeated, ...inherited]);
  const long = Math.min(longest, random.pick([1, 3, 40, 40, 300, 5_000, longest]));
  const times = Math.max(1, Math.floor(random.below(long + 1) / part.length));
  return `${random.pick(['', 'x', random.pick(steering)])}${part.repeat(times)}`;
}

/** A number as JSON may have it. */
export const hostileNumber = (random: Random): Raw =>
  new Raw(
    random.pick([
      ...['-1', '-0', '0.1', '1e308', '1e3', '1000001', '2147483648', '9007199254740993', '9223372036854775807'],
      ...['-9223372036854775808', '18446744073709551616', `1${'0'.repeat(300)}`, `0.${'3'.repeat(2_000)}`],
    ]),
  );

/**
 * An object or a list in itself, so many times; of objects fewer: the API server takes time in proportion to the square of their
 * depth, half a minute for 6,000.
 */
export function nested(random: Random, depth: number, key: string): Raw {
  const isObject = random.chance(0.5);
  const [open, close] = isObject ? [`{${JSON.stringify(key)}:`, '}'] : ['[', ']'];
  const times = isObject ? Math.ceil(depth / 8) : depth;
  return new Raw(`${open.repeat(times)}null${close.repeat(times)}`);
}

/** Any JSON value, at most so deep, unless it is one of those that are nothing but deep. */
export function hostileValue(random: Random, depth = 3): unknown {
  const simple = [
    () => null,
    () => random.chance(0.5),
    () => hostileNumber(random),
    () => random.below(2_000),
    () => hostileText(random, 400),
    () => [],
    () => ({}),
  ];
  const many = random.pick([1, 2, 5, 5, 70]);
  const complex = [
    () => Array.from({ length: many }, () => hostileValue(random, 0)),
    () => own(Array.from({ length: random.below(6) }, () => [hostileKey(random), hostileValue(random, depth - 1)])),
    () => nested(random, random.pick([10, 33, 400, 6_000]), hostileKey(random)),
    () => new Raw('{"name":"a","name":"b","minimum":1,"minimum":2}'),
  ];
  return random.pick(depth > 0 && random.chance(0.6) ? complex : simple)();
}

/** The name of a field: mostly one that some schema knows. */
export const hostileKey = (random: Random): string =>
  random.chance(0.6)
    ? random.pick(['licenses', 'zones', 'name', 'organizations', 'outboundPorts', 'minimum', 'maximum', 'configMap'])
    : random.chance(0.5)
      ? random.pick(inherited)
      : hostileText(random, 300);
