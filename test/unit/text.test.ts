/** Texts of others, made fit to be shown. */
import * as assert from 'uvu/assert';
import { parse as parseYaml } from 'yaml';
import { cutText, escaped, harmless, isSteering, maxText, shownText } from '../../src/api/text.ts';
import { structured } from '../../src/cli/structured.ts';
import { transition } from '../../src/controller/events.ts';
import { type Facts, nextStatus } from '../../src/settings/status.ts';
import { suite } from '../suite.ts';

const test = suite('texts of others');
const steering = [
  '\u0000',
  '\n',
  '\u001b',
  '\u007f',
  '\u009b',
  '\u061c',
  '\u200e',
  '\u200f',
  '\u2028',
  '\u202a',
  '\u202e',
];
steering.push('\u2066', '\u2069', '\ufeff', '\u{e0001}');
const bytes = (text: string) => new TextEncoder().encode(text).length;

test('R9.23 nothing that steers a terminal, a line or the order of writing is left; other characters stay', () => {
  for (const character of steering) {
    assert.is(harmless(`a${character}b`), 'a?b', JSON.stringify(character));
    assert.ok(isSteering(`a${character}b`));
  }
  const plain = 'Zürich, 東京: "ok" ✔ 😀';
  assert.equal([harmless(plain), isSteering(plain), escaped(plain)], [plain, false, plain]);
});

test('R9.23 as escapes of JSON they read back as what they were', () => {
  const text = steering.join('x');
  const written = escaped(JSON.stringify({ [text]: text }, null, 2));
  assert.equal(JSON.parse(written), { [text]: text });
  assert.not.match(written.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\u2028]/u);
});

test('R9.23 a text is cut to a kilobyte, at a whole character, and says so', () => {
  assert.is(maxText, 1024);
  for (const text of ['', 'x'.repeat(1024), 'é'.repeat(512)]) assert.is(cutText(text), text);
  for (const text of ['x'.repeat(1025), 'é'.repeat(513), '😀'.repeat(300), '東'.repeat(10_000)]) {
    const cut = cutText(text);
    assert.ok(bytes(cut) <= 1024 && bytes(cut) > 1015 && cut.endsWith('…'), `${bytes(cut)} bytes`);
    assert.ok(text.startsWith(cut.slice(0, -1)), 'no half character');
  }
  assert.is(shownText('\u202eabcdefgh', 9), '?abc…');
});

const doors = suite('where texts of others are shown');
const evil = `a\u001b\u009b\u202eb ${'x'.repeat(100_000)}`;

doors('R9.23 a status that tells what an API server or a webhook said', () => {
  const facts: Facts = {
    ...{ generation: 4, suspended: false, errors: [], live: undefined, applying: undefined, current: false },
    ...{ pending: undefined, configMaps: undefined, now: '2026-11-30T00:00:00Z' },
    problem: { kind: 'WriteRejected', message: `the API server refuses the write: ${evil}` },
  };
  for (const { message } of nextStatus(undefined, facts)?.conditions ?? []) {
    assert.ok(bytes(message) < 1_100, `${bytes(message)} bytes`);
    assert.not.match(message, /[\p{Cc}\p{Cf}]/u);
  }
});

doors('R9.23 an event', () => {
  const restored = { name: 'pom-licenses', editor: { manager: evil, keys: [] }, deleted: false };
  const { note = '' } = transition(undefined, { observedGeneration: 1 }, restored) ?? {};
  assert.ok(bytes(note) > 900 && bytes(note) < 1_024, `${bytes(note)} bytes`);
  assert.not.match(note, /[\p{Cc}\p{Cf}]/u);
});

doors('R9.23 `-o json` and `-o yaml` of the plugin: as escapes, that read back as what they were', () => {
  const value = { [`k${evil}`]: [`${evil}: x\n#y`, 'two\nlines', 'a\u202eb', 'plain'] };
  for (const [format, parse] of [
    ['json', (text: string) => JSON.parse(text) as unknown],
    ['yaml', (text: string) => parseYaml(text) as unknown],
  ] as const) {
    const out = structured(value, format);
    assert.not.match(out.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u, format);
    assert.equal(parse(out), value);
  }
});
