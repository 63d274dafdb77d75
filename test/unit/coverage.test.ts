/** What `npm run coverage` says of lines that ran, and of those that did not. */
import * as assert from 'uvu/assert';
import { inShort, markCovered, tableOf, uncoveredLines } from '../coverage.ts';
import { suite } from '../suite.ts';

const test = suite('coverage');

const text = `/** Words
 * of a comment. */
function one() {
  return 1;
}

function other() {
  // It never ran.
  return 2;
}
`;
const from = text.indexOf('function other');
const whole = { startOffset: 0, endOffset: text.length, count: 1 };
const other = { startOffset: from, endOffset: text.length - 1, count: 0 };
const process = (count: number) => ({ functions: [{ ranges: [{ ...other, count }] }, { ranges: [whole] }] });

test('a function that never ran is uncovered, without its comments', () => {
  const covered = new Uint8Array(text.length);
  markCovered(covered, process(0));
  assert.equal(uncoveredLines(text, covered), { lines: 6, uncovered: [7, 9, 10] });
});

test('what one process ran is covered, whatever another one left out', () => {
  const covered = new Uint8Array(text.length);
  for (const count of [0, 3, 0]) markCovered(covered, process(count));
  assert.equal(uncoveredLines(text, covered).uncovered, []);
});

test('a file that nobody loaded is uncovered', () => {
  assert.equal(uncoveredLines('a;\n\nb;\n', new Uint8Array(8)), { lines: 2, uncovered: [1, 3] });
});

test('the table begins with the file that has most, and ends with the sum', () => {
  const rows = [
    { file: 'src/a.ts', lines: 10, uncovered: [1] },
    { file: 'src/b.ts', lines: 20, uncovered: [3, 4, 5, 9] },
    { file: 'src/c.ts', lines: 10, uncovered: [] },
  ];
  assert.is(
    tableOf(rows),
    '    4 of 20  src/b.ts: 3-5, 9\n    1 of 10  src/a.ts: 1\n87.5 % of 40 lines in 3 files ran',
  );
  assert.is(inShort([]), '');
});
