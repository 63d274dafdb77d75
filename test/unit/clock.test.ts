import * as assert from 'uvu/assert';
import { maxDelay, sleep, systemClock } from '../../src/kube/clock.ts';
import { suite } from '../suite.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';

const system = suite('system clock');
system('R11.6 a delay above 24 days does not fire at once', async () => {
  let fired = false;
  const cancel = systemClock.after(30 * 24 * 3600 * 1000, () => {
    fired = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  cancel();
  assert.not.ok(fired);
});
system('a negative delay fires, a cancelled one does not', async () => {
  const fired: string[] = [];
  systemClock.after(-5, () => fired.push('negative'));
  systemClock.after(1, () => fired.push('cancelled'))();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(fired, ['negative']);
});

const virtual = suite('virtual clock');
virtual('timers run in the order in which they fall due, those they start included', async () => {
  const clock = createVirtualClock();
  const ran: string[] = [];
  const note = (name: string) => () => ran.push(`${name} ${clock.monotonic()}`);
  clock.after(30, note('c'));
  clock.after(10, () => {
    note('a')();
    clock.after(5, note('b'));
  });
  clock.after(10, note('a2'));
  clock.after(20, note('cancelled'))();
  await clock.advance(29);
  assert.equal(ran, ['a 10', 'a2 10', 'b 15']);
  await clock.advance(1);
  assert.equal(ran.at(-1), 'c 30');
  assert.is(clock.pending, 0);
});
virtual('what waits for a promise goes on before the time moves on', async () => {
  const clock = createVirtualClock();
  let ended = -1;
  void (async () => {
    for (let n = 0; n < 10; n++) await sleep(clock, 10);
    ended = clock.monotonic();
  })();
  await clock.advance(1_000);
  assert.is(ended, 100);
});
virtual('a corrected wall clock leaves the monotonic clock alone', async () => {
  const clock = createVirtualClock({ wall: 5_000 });
  await clock.advance(100);
  assert.is(clock.wall(), 5_100);
  clock.setWall(0);
  await clock.advance(1);
  assert.equal([clock.wall(), clock.monotonic()], [1, 101]);
});
virtual('chance is the same for the same seed', () => {
  const numbers = (seed: number) => {
    const clock = createVirtualClock({ seed });
    return Array.from({ length: 100 }, () => clock.random());
  };
  assert.equal(numbers(7), numbers(7));
  assert.not.equal(numbers(7), numbers(8));
  assert.ok(numbers(7).every((number) => number >= 0 && number < 1));
});
virtual('it cuts delays as the system clock does', async () => {
  const clock = createVirtualClock();
  let fired = false;
  clock.after(maxDelay * 2, () => {
    fired = true;
  });
  await clock.advance(maxDelay);
  assert.ok(fired);
});

const sleeping = suite('sleep');
sleeping('ends early when aborted, and leaves no timer', async () => {
  const clock = createVirtualClock();
  const abort = new AbortController();
  let awake = false;
  void sleep(clock, 1_000, abort.signal).then(() => {
    awake = true;
  });
  await settle();
  assert.not.ok(awake);
  abort.abort();
  await settle();
  assert.ok(awake);
  assert.is(clock.pending, 0);
  await sleep(clock, 1_000, abort.signal);
});
