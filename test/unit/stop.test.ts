/** The process ends in time, whatever hangs. */
import * as assert from 'uvu/assert';
import { createStop } from '../../src/stop.ts';
import { suite } from '../suite.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';

/** A process whose event loop can be blocked: timers come when the block is over, as the handler of a signal does. */
function setUp() {
  const clock = createVirtualClock();
  let blocked = 0;
  const exits: number[] = [];
  const monotonic = () => clock.monotonic() + blocked;
  const stop = createStop({ monotonic, after: clock.after }, () => exits.push(monotonic()));
  return {
    ...{ clock, stop, exits },
    block(milliseconds: number) {
      blocked += milliseconds;
    },
  };
}

const test = suite('stop');

test('R11.1 it ends 4.5 s after the signal, whatever is awaited', async () => {
  const { clock, stop, exits } = setUp();
  await clock.advance(10_100);
  assert.is(stop.signal.aborted, false);
  assert.ok(stop.ask());
  assert.ok(stop.signal.aborted);
  await clock.advance(4_499);
  assert.equal(exits, []);
  await clock.advance(1);
  assert.equal(exits, [14_600]);
});

test('R11.1 what is in flight gets 4 s of them', async () => {
  const { clock, stop } = setUp();
  stop.ask();
  let isOver = false;
  void stop.patienceIsOver().then(() => {
    isOver = true;
  });
  await clock.advance(3_999);
  assert.is(isOver, false);
  await clock.advance(1);
  assert.ok(isOver);
});

test('R11.1 a signal that came while the process was blocked counts from when the block began', async () => {
  const { clock, stop, exits, block } = setUp();
  await clock.advance(10_000);
  block(3_000);
  stop.ask();
  await clock.advance(5_000);
  assert.ok((exits[0] ?? 0) <= 10_000 + 4_750, String(exits));
  const late = setUp();
  await late.clock.advance(10_000);
  late.block(20_000);
  late.stop.ask();
  await late.clock.advance(0);
  await settle();
  assert.equal(late.exits, [30_000], 'too late already: at once');
});

test('R11.1 a timer that runs before the handler of the signal, when the block is over, does not hide it', async () => {
  const { clock, stop, exits, block } = setUp();
  await clock.advance(10_000);
  block(3_000);
  await clock.advance(250);
  stop.ask();
  await clock.advance(5_000);
  assert.ok((exits[0] ?? 0) <= 10_000 + 4_750, String(exits));
});

test('R11.1 asked twice it is the same; nothing goes on afterwards', async () => {
  const { clock, stop, exits } = setUp();
  stop.ask();
  await clock.advance(4_000);
  assert.is(stop.ask(), false);
  await clock.advance(60_000);
  assert.is(exits.length, 1);
  assert.is(clock.pending, 0);
});
