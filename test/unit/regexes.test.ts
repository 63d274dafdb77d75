/** No regular expression of src/ takes more than linear time, whatever it is given: texts of others may have a megabyte. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';
import { regexesIn, worstOf } from '../support/regexes.ts';

const src = join(import.meta.dirname, '../../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

const test = suite('regular expressions');

test('a literal is told from a division, and from what stands in comments, strings and templates', () => {
  const text = [
    'const a = /x[/]y\\/z/gi; // no /regex/ here',
    'const b = 8 / 2 / 1; /* nor /here/ */',
    `const c = '/no/' + \`/no/ \${text.replace(/a+/g, '')} /no/\`;`,
    'const d = f(/^b$/u) ? [/c/] : (n) / 2;',
  ].join('\n');
  assert.equal(
    regexesIn(text).map(({ source, flags, line }) => `${line} ${source} ${flags}`),
    ['1 x[/]y\\/z gi', '3 a+ g', '4 ^b$ u', '4 c '],
  );
});

test('patterns that are known to be slow are found', () => {
  const slow = [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, /(a+)+$/, /\s+$/, /a.*b.*c/];
  for (const { source, flags } of slow) assert.ok(worstOf({ source, flags, line: 1 }), source);
  for (const { source, flags } of [/^[a-z]+$/, /[\w.-]+/g, /\bBearer +[\w.~+/=-]+/gi])
    assert.is(worstOf({ source, flags, line: 1 }), undefined, source);
});

test('R9.25 every one of src/ is linear on hostile input', () => {
  let count = 0;
  const slow: string[] = [];
  for (const file of files) {
    for (const found of regexesIn(readFileSync(join(src, file), 'utf8'))) {
      count++;
      const worst = worstOf(found);
      if (worst) slow.push(`src/${file}:${found.line} /${found.source}/ on ${JSON.stringify(worst)}`);
    }
  }
  assert.equal(slow, []);
  assert.ok(count > 40, `${count} were found: does the scanner see them all?`);
});
