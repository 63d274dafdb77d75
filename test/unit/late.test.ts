/** What is remembered of writes that got no answer. */
import * as assert from 'uvu/assert';
import { type LateWrites, lateOf, noteLate } from '../../src/controller/late.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const test = suite('late');

test('each object has its own, for 25 s from when they were sent', async () => {
  const clock = createVirtualClock();
  const late: LateWrites = new Map();
  const sent = clock.monotonic();
  await clock.advance(10_000);
  noteLate(late, clock, 'dialer/pom-licenses-a', { uid: 'one', zone: { name: 'a' }, sent });
  noteLate(late, clock, 'dialer/pom-licenses-b', { uid: 'two', zone: { name: 'b' }, sent });
  const namesOf = (uid: string) => lateOf(late, clock, uid).map(([name]) => name);
  assert.equal(namesOf('one'), ['dialer/pom-licenses-a']);
  assert.equal(namesOf('two'), ['dialer/pom-licenses-b']);
  await clock.advance(14_999);
  assert.equal(namesOf('one'), ['dialer/pom-licenses-a']);
  await clock.advance(1);
  assert.equal(namesOf('one'), []);
});

test('what nobody asks about is forgotten when the next is noted', async () => {
  const clock = createVirtualClock();
  const late: LateWrites = new Map();
  noteLate(late, clock, 'dialer/pom-licenses-a', { uid: 'one', zone: { name: 'a' }, sent: clock.monotonic() });
  await clock.advance(25_000);
  noteLate(late, clock, 'dialer/pom-licenses-b', { uid: 'two', zone: { name: 'b' }, sent: clock.monotonic() });
  assert.equal([...late.keys()], ['dialer/pom-licenses-b']);
});
