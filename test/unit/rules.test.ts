/** docs/rules.md: the generator, on small texts. Lines of test files stand in quotes here, so that they are no titles of this one. */
import * as assert from 'uvu/assert';
import {
  type Book,
  mentionsInComments,
  mentionsInTitles,
  placesInWords,
  problemsOf,
  rulesIn,
  rulesPage,
  statementsWithoutId,
} from '../../scripts/rules.ts';
import { suite } from '../suite.ts';

const test = suite('rules');
const lines = (...all: string[]) => all.join('\n');

const contract = lines(
  '# Contract',
  '- no rule',
  '## Rule 2: a section',
  '- **R2.1** The first rule,',
  '  over two lines.',
  '- **R2.10** Another.',
  'A remark.',
  '### Status',
  '| situation | Valid |',
  '| --- | --- |',
  '| **T9** suspended | as judged |  |',
);

test('a rule is an item of a list or a row of a table that begins with an id', () => {
  assert.equal(rulesIn(contract), [
    { id: 'R2.1', section: 'Rule 2: a section', text: 'The first rule, over two lines.' },
    { id: 'R2.10', section: 'Rule 2: a section', text: 'Another.' },
    { id: 'T9', section: 'Status', text: 'suspended | as judged' },
  ]);
});

test('an item of a list without an id is told', () => {
  assert.equal(statementsWithoutId(contract), ['- no rule']);
});

test('comments name rules: the declaration below, or the one around', () => {
  const text = lines(
    '/** Of the file: S9. */',
    "import a from 'a';",
    '',
    '/**',
    ' * Says R2.1, R2.1 and R2.10.',
    ' */',
    'export async function first(): void {',
    '  // R3.1: because.',
    "  call('R9.9 is no comment'); // L4",
    "  call('https://host//T1');",
    '}',
    'const second = 1; // V2',
  );
  const found = mentionsInComments({ path: 'src/a.ts', text }).map(({ id, line, words }) => `${id} ${line} ${words}`);
  assert.equal(found, ['S9 1 ', 'R2.1 5 first', 'R2.10 5 first', 'R3.1 8 first', 'L4 9 first', 'V2 12 second']);
});

test('R2.1 is not R2.10, and a longer word is no id', () => {
  const text = '// R2.10, XR2.1, R2.1a, V1MicroTime, C';
  assert.equal(
    mentionsInComments({ path: 'a', text }).map(({ id }) => id),
    ['R2.10'],
  );
});

test('titles of suites and tests name rules, whatever their quotes; other texts do not', () => {
  const text = lines(
    "const test = suite('S1 and more');",
    "const other = suite<{ a: string }>('other');",
    "test('waits (R2.1)', () => {});",
    'other.skip(',
    '  "it is one\'s R3.1",',
    '  () => {},',
    ');',
    '  other(`R4.1: many`, () => {',
    "    assert.is('R5.1', x);",
    "    say('R6.1');",
    '  });',
  );
  const found = mentionsInTitles({ path: 'test/a.test.ts', text }).map(({ id, line }) => `${id} ${line}`);
  assert.equal(found, ['S1 1', 'R2.1 3', 'R3.1 4', 'R4.1 8']);
});

test('a row of a table names rules by the ids that it begins with', () => {
  const text = lines(
    "const test = suite('table');",
    'for (const [title, { n }] of [',
    "  ['R2.1, R2.10 a row', { n: 1 }],",
    "  { situation: 'T9 a row', n: 2 },",
    "  ['a row that has R3.1 later', {}],",
    "  ['R4.1: what a judge says', {}],",
    '  [',
    '    `V7 the kind`,',
    '    {},',
    '  ],',
    ']) test(title, () => {});',
    'test(',
    "  'R5.1 on a line of its own',",
    '  () => {},',
    ');',
  );
  const found = mentionsInTitles({ path: 'test/a.test.ts', text }).map(
    ({ id, line, words }) => `${line} ${id}: ${words}`,
  );
  assert.equal(found, [
    '3 R2.1: R2.1, R2.10 a row',
    '3 R2.10: R2.1, R2.10 a row',
    '4 T9: T9 a row',
    '8 V7: V7 the kind',
    '12 R5.1: R5.1 on a line of its own',
  ]);
});

const mention = (id: string) => ({ id, path: 'x.ts', line: 7, words: 'where' });
const whole: Book = {
  rules: rulesIn(contract),
  code: ['R2.1', 'R2.10', 'T9'].map(mention),
  tests: ['R2.1', 'R2.10', 'T9'].map(mention),
  defects: ['R2.1', 'R2.10', 'T9'].map((rule) => ({ defect: `breaks ${rule}`, file: 'src/x.ts', rule })),
};

test('nothing is wrong where each rule has code, a test and a defect', () => {
  assert.equal(problemsOf({ ...whole, defects: [...whole.defects, { defect: 'of no rule', file: 'src/x.ts' }] }), []);
});

test('a rule without code, test or defect is told', () => {
  assert.equal(problemsOf({ rules: whole.rules.slice(0, 1), code: [], tests: [], defects: [] }), [
    'R2.1: no comment in src/ names it',
    'R2.1: no title of a test names it',
    'R2.1: no seeded defect breaks it',
  ]);
});

test('an id that the contract does not have is told, and one that it has twice', () => {
  const [first] = whole.rules;
  assert.ok(first);
  const stray = {
    ...{ rules: [...whole.rules, first], code: [...whole.code, mention('R9.9')] },
    ...{ tests: [...whole.tests, mention('S7')], defects: [...whole.defects, { defect: 'd', file: 'f', rule: 'X' }] },
  };
  assert.equal(problemsOf(stray), [
    'R2.1: the contract has it twice',
    'x.ts:7: the contract has no R9.9',
    'x.ts:7: the contract has no S7',
    'defect of f: d: the contract has no X',
  ]);
});

test('the page has each rule with its places, and says where one has none', () => {
  const page = rulesPage({ ...whole, tests: [] });
  assert.ok(
    page.includes(
      lines(
        '## Status',
        '',
        '- **T9** suspended | as judged',
        '  - code: [x.ts](../x.ts), `where`',
        '  - test: none',
        '  - defect: [src/x.ts](../src/x.ts): breaks T9',
      ),
    ),
    page,
  );
  assert.not.match(page, /:7/, 'a line number would make the page stale at each edit');
});

test('in a terminal the places of one rule have their lines', () => {
  assert.is(placesInWords(whole, 'T9'), lines('x.ts:7 where', 'x.ts:7 where', 'src/x.ts defect: breaks T9'));
});
