/** What approves saved settings, and what people are told of an annotation that can't. */
import * as assert from 'uvu/assert';
import { isApproved, unusableApproval } from '../../src/settings/approval.ts';
import { suite } from '../suite.ts';

const test = suite('approval');
const hash = 'abcdef0123456789'.repeat(4);
const notes = (value: string | undefined) =>
  value === undefined ? undefined : { 'licensing.dialer.dev/apply': value, other: hash };
const approves = (value: string | undefined) => isApproved(notes(value), hash);

test('A2 the whole hash approves; spaces around and case do not matter', () => {
  for (const value of [hash, `  ${hash.toUpperCase()}\n`]) assert.ok(approves(value), value);
});

test('A3 any other value does nothing', () => {
  for (const value of [undefined, '', hash.slice(0, 12), hash.slice(0, 63), hash.slice(1), `${hash}0`, 'yes', '*'])
    assert.not.ok(approves(value), value);
});

test('A3 one that can approve nothing is named, cut and harmless, with the reason', () => {
  const told = (value: string | undefined) => unusableApproval(notes(value));
  for (const value of [undefined, '', ' \n', hash, ` ${'0'.repeat(64)} `]) assert.is(told(value), undefined, value);
  assert.is(told(hash.slice(0, 12)), 'it holds "abcdef012345": 12 of 64 digits, too short to approve anything');
  assert.match(told(hash.slice(0, 63)) ?? '', '63 of 64 digits, too short');
  assert.is(told('Yes'), 'it holds "yes": no settingsHash, so it approves nothing');
  const hostile = told(`\u202e\u009b${'x'.repeat(100_000)}`) ?? '';
  assert.ok(hostile.length < 200 && hostile.startsWith('it holds "??xx'), hostile);
});
