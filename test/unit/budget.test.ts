/** What a key that fails again and again may cost. */
import * as assert from 'uvu/assert';
import { tryBudget } from '../../src/controller/retries.ts';
import { Budget } from '../../src/kube/budget.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const test = suite('R9.3 budget');

test('a burst is free, then each request is paid for by time', () => {
  const clock = createVirtualClock();
  const budget = new Budget(clock, { burst: 3, refillEvery: 1_000, longest: 60_000 });
  assert.equal(
    [1, 2, 1, 2].map((requests) => budget.spend('a', requests)),
    [0, 0, 1_000, 3_000],
  );
  assert.is(budget.spend('b', 1), 0, 'each key has its own');
});

test('time pays back, up to the burst; a key that was forgotten has it whole', async () => {
  const clock = createVirtualClock();
  const budget = new Budget(clock, { burst: 3, refillEvery: 1_000, longest: 60_000 });
  budget.spend('a', 3);
  budget.spend('a', 2);
  await clock.advance(3_000);
  assert.is(budget.spend('a', 1), 0);
  await clock.advance(100_000);
  assert.equal([budget.spend('a', 3), budget.spend('a', 1)], [0, 1_000]);
  budget.forget('a');
  assert.is(budget.spend('a', 3), 0);
});

test('nobody waits longer than the bound, however much was sent', () => {
  const budget = new Budget(createVirtualClock(), { burst: 3, refillEvery: 1_000, longest: 60_000 });
  const waits = Array.from({ length: 30 }, () => budget.spend('a', 3));
  assert.equal([waits[1], waits[2], waits[29]], [3_000, 6_000, 60_000]);
});

test('L4 tries that cost 1 to 6 requests each stay within 30 in any minute', async () => {
  for (const requests of [1, 2, 3, 6, 9, 20]) {
    const clock = createVirtualClock();
    const budget = new Budget(clock, tryBudget);
    const sent: number[] = [];
    while (clock.monotonic() < 300_000) {
      for (let i = 0; i < requests; i++) sent.push(clock.monotonic());
      await clock.advance(Math.max(10, budget.spend('a', requests)));
    }
    const most = Math.max(...sent.map((at) => sent.filter((one) => one >= at && one < at + 60_000).length));
    assert.ok(most <= 30 + requests - 1, `${requests} requests a try: ${most} in a minute`);
  }
});
