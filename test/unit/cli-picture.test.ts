/** Pictures of `kubectl license status`, against golden files (`test/support/golden.ts`). */
import * as assert from 'uvu/assert';
import { picture } from '../../src/cli/picture.ts';
import { age, paint, type Style, styleOf, wrap } from '../../src/cli/terminal.ts';
import { viewOf } from '../../src/cli/view.ts';
import { suite } from '../suite.ts';
import { isGolden } from '../support/golden.ts';
import { now, objects } from '../support/pictured.ts';

const test = suite('cli: pictures');

const golden = new URL('./golden/', import.meta.url);
const isPictured = (name: string, text: string) => isGolden(golden, `${name}.txt`, `${text}\n`);

const plain = (width: number): Style => ({ width, colour: false, unicode: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: the beginning of a colour
const colours = /\u001b\[\d+m/g;

for (const [name, object] of Object.entries(objects)) {
  for (const width of [40, 80, 120]) {
    test(`${name} at ${width} columns`, () => {
      const text = picture(viewOf(object), plain(width), now);
      isPictured(`${name}-${width}`, text);
      // A hash has 64 digits and is never cut, and neither is a command that holds a name.
      const long = text.split('\n').filter((line) => line.length > width && !/[0-9a-f]{64}|\S{36}/.test(line));
      assert.equal(
        long.filter((line) => !line.startsWith('~')),
        [],
      );
    });
  }
  test(`${name} in colours differs in colours alone`, () => {
    const text = picture(viewOf(object), { ...plain(80), colour: true }, now);
    isPictured(`${name}-80-colour`, text);
    assert.is(text.replace(colours, ''), picture(viewOf(object), plain(80), now));
    assert.match(text, '\u001b[');
  });
}

test('without UTF-8 the picture is ASCII', () => {
  const text = picture(viewOf(objects.sites), { ...plain(80), unicode: false }, now);
  isPictured('sites-80-ascii', text);
  assert.match(text, /^[\x20-\x7e\n]*$/);
});

test('a bar shows the least and the last license: one of a million is not nothing', () => {
  const { licenses } = objects.sites.status ?? {};
  const bars = (allocated: number) => {
    const usage = { minimum: 0, maximum: 1_000_000, capacity: 1_000_000, allocated, unused: 1_000_000 - allocated };
    const status = { ...objects.sites.status, licenses: licenses && { ...licenses, outboundPorts: usage } };
    const text = picture(viewOf({ ...objects.sites, status }), plain(80), now);
    return /Maximum Outbound Ports {2}([█░]+) +1000000/.exec(text)?.[1] ?? '';
  };
  assert.is(bars(1), `█${'░'.repeat(25)}`);
  assert.is(bars(999_999), `${'█'.repeat(25)}░`);
  assert.is(bars(1_000_000), '█'.repeat(26));
  assert.is(bars(0), '░'.repeat(26));
});

test('an object that is being deleted, or of an operator that knows more, is drawn too', () => {
  const deleted = { ...objects.pom, metadata: { ...objects.pom.metadata, deletionTimestamp: '2026-03-10T11:00:00Z' } };
  assert.match(picture(viewOf(deleted), plain(80), now), 'being deleted');
  assert.match(picture(viewOf({ ...objects.pom, status: {} }), plain(80), now), 'not judged yet');
  const { metadata } = objects.pom;
  assert.match(picture(viewOf({ metadata }), plain(80), now), 'nothing is live');
});

test('R9.23 what the cluster says cannot steer the terminal', () => {
  const evil = '\u001b[2J\u009b1m\r\u202eabc';
  const status = { ...objects.broken.status, errors: [{ field: `spec.${evil}`, reason: evil, message: evil }] };
  const text = picture(viewOf({ ...objects.broken, status }), plain(80), now);
  assert.not.match(text, /[^\P{Cc}\n]|\p{Cf}/u);
});

test('terminals: width, colours and characters', () => {
  const style = (env: Record<string, string>, stream = {}) => styleOf(env, stream);
  assert.equal(style({}), { width: 80, colour: false, unicode: false });
  const terminal = { isTTY: true, columns: 100 };
  assert.equal(style({ LANG: 'de_DE.UTF-8' }, terminal), { width: 100, colour: true, unicode: true });
  assert.is(style({ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }, terminal).unicode, false);
  assert.is(style({ LC_CTYPE: 'C.utf8' }).unicode, true);
  assert.is(style({ NO_COLOR: '1' }, terminal).colour, false);
  assert.is(style({ NO_COLOR: '' }, terminal).colour, true);
  assert.is(style({ TERM: 'dumb' }, terminal).colour, false);
  assert.is(style({ FORCE_COLOR: '1', NO_COLOR: '1' }).colour, true);
  assert.is(style({ FORCE_COLOR: '0' }, terminal).colour, false);
  assert.is(style({ COLUMNS: '60' }, terminal).width, 60);
  assert.is(style({ COLUMNS: 'wide' }, terminal).width, 100);
  assert.is(style({ COLUMNS: '7' }).width, 40);
  assert.is(style({ COLUMNS: '900' }).width, 140);
  assert.is(paint({ colour: true }, 'red', 'no'), '\u001b[31mno\u001b[39m');
});

test('ages and wrapped lines', () => {
  assert.equal(
    [-5, 0, 119, 120, 7199, 7200, 172_799, 172_800].map((seconds) => age(seconds * 1000)),
    [...['0s', '0s', '119s', '2m', '119m', '2h', '47h', '2d']],
  );
  assert.equal(wrap('one two  three', 7), ['one two', 'three']);
  assert.equal(wrap('incomprehensible', 4), ['incomprehensible']);
  assert.equal(wrap('', 4), []);
});
