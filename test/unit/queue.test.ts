import * as assert from 'uvu/assert';
import { backoffs } from '../../src/controller/retries.ts';
import { WorkQueue } from '../../src/kube/index.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

function setUp(random?: number) {
  const clock = createVirtualClock();
  const queue = new WorkQueue(random === undefined ? clock : { ...clock, random: () => random }, backoffs);
  /** The keys that can be taken now, in order; they stay in work. */
  const takeAll = async () => {
    const keys: string[] = [];
    while (priorities.some((priority) => queue.depth(priority) > 0)) {
      const task = await queue.next();
      if (task) keys.push(task.key);
    }
    return keys;
  };
  /** Takes the one key that waits and gives it back. */
  const workOff = async () => {
    for (const key of await takeAll()) queue.done(key);
  };
  return { clock, queue, takeAll, workOff };
}

const [fresh, resync, background] = [7, 0, -3];
/** The highest first. */
const priorities = [fresh, resync, background];

const test = suite('work queue');

test('a key that is added again while it waits is handed out once', async () => {
  const { queue, takeAll } = setUp();
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key, fresh);
  assert.equal(await takeAll(), ['a', 'b']);
});
test('a waiting worker gets a key as soon as it is added', async () => {
  const { queue } = setUp();
  const task = queue.next();
  queue.add('a', resync);
  assert.equal(await task, { key: 'a', priority: resync });
});
test('one worker a key: a key added while it is worked on comes afterwards, behind the others', async () => {
  const { queue, takeAll } = setUp();
  queue.add('a', fresh);
  assert.equal(await takeAll(), ['a']);
  queue.add('a', fresh);
  queue.add('b', fresh);
  assert.equal(await takeAll(), ['b']);
  queue.add('c', fresh);
  queue.done('a');
  assert.equal(await takeAll(), ['c', 'a']);
});
test('a key added several times while it is worked on comes once, at the best priority', async () => {
  const { queue } = setUp();
  queue.add('a', fresh);
  await queue.next();
  for (const priority of [background, fresh, resync]) queue.add('a', priority);
  queue.done('a');
  assert.equal(await queue.next(), { key: 'a', priority: fresh });
  queue.done('a');
  assert.equal(
    priorities.map((priority) => queue.depth(priority)),
    [0, 0, 0],
  );
});
test('R9.18 namespaces take turns: whoever has many keys does not keep those of another waiting', async () => {
  const { queue, takeAll } = setUp();
  for (const key of ['many/a', 'many/b', 'many/c', 'few/a', 'one/a', 'few/b']) queue.add(key, fresh);
  assert.is(queue.depth(fresh), 6);
  assert.equal(await takeAll(), ['many/a', 'few/a', 'one/a', 'many/b', 'few/b', 'many/c']);
});
test('R9.18 a namespace with one key more after its turn has gone behind the others', async () => {
  const { queue } = setUp();
  for (const key of ['many/a', 'many/b', 'few/a', 'few/b']) queue.add(key, fresh);
  assert.is((await queue.next())?.key, 'many/a');
  queue.add('late/a', fresh);
  const keys = [];
  while (queue.depth(fresh) > 0) keys.push((await queue.next())?.key);
  assert.equal(keys, ['few/a', 'many/b', 'late/a', 'few/b']);
});
test('R9.8 fresh goes before resync, resync before background', async () => {
  const { queue, takeAll } = setUp();
  queue.add('background', background);
  queue.add('resync', resync);
  queue.add('fresh', fresh);
  assert.equal(await takeAll(), ['fresh', 'resync', 'background']);
});
test('a waiting key moves up to a better priority, never down', async () => {
  const { queue, takeAll } = setUp();
  for (const key of ['a', 'b', 'c']) queue.add(key, background);
  queue.add('c', resync);
  queue.add('b', fresh);
  queue.add('b', background);
  assert.equal(
    priorities.map((priority) => queue.depth(priority)),
    [1, 1, 1],
  );
  assert.equal(await takeAll(), ['b', 'c', 'a']);
});
test('L2 a hot key delays the others by one turn at most', async () => {
  const { queue } = setUp();
  for (const key of ['hot', 'a', 'b', 'c']) queue.add(key, fresh);
  const order: string[] = [];
  for (let turn = 0; turn < 6; turn++) {
    const task = await queue.next();
    queue.add('hot', fresh);
    order.push(task?.key ?? '');
    queue.done(task?.key ?? '');
  }
  assert.equal(order, ['hot', 'a', 'b', 'c', 'hot', 'hot']);
});

test('a delayed key comes when its time is over, not before', async () => {
  const { clock, queue } = setUp();
  queue.addAfter('a', 1_000, resync);
  await clock.advance(999);
  assert.is(queue.depth(resync), 0);
  await clock.advance(1);
  assert.is(queue.depth(resync), 1);
});
test('of two delays the earlier one holds, whichever came first', async () => {
  for (const delays of [
    [1_000, 5_000],
    [5_000, 1_000],
  ]) {
    const { clock, queue, workOff } = setUp();
    for (const delay of delays) queue.addAfter('a', delay, fresh);
    await clock.advance(1_000);
    assert.is(queue.depth(fresh), 1);
    await workOff();
    await clock.advance(10_000);
    assert.is(queue.depth(fresh), 0, 'the later one is gone');
  }
});
test('adding a key ends its delay', async () => {
  const { clock, queue, workOff } = setUp();
  queue.addAfter('a', 1_000, fresh);
  queue.add('a', fresh);
  assert.is(clock.pending, 0);
  await workOff();
  await clock.advance(2_000);
  assert.is(queue.depth(fresh), 0);
});
test('R9.9 what wakes a key while it is worked on does not wait for the backoff of that work', async () => {
  const { clock, queue } = setUp(0.5);
  queue.add('a', fresh);
  await queue.next();
  queue.add('a', fresh, true);
  queue.add('a', fresh);
  queue.retry('a', 'slow', fresh);
  queue.done('a');
  assert.is(queue.depth(fresh), 1);
  assert.is(clock.pending, 0);
});

const backoff = suite('backoff of a key');
for (const kind of ['transport', 'slow'] as const) {
  const { base, cap } = backoffs[kind];
  backoff(`R9.1 R9.2 ${kind}: doubles from ${base} ms to ${cap} ms, and never exceeds it`, () => {
    const { queue } = setUp(0.999_999);
    let ceiling = base;
    for (let attempt = 0; attempt < 2_000; attempt++) {
      const delay = queue.retry('a', kind, fresh);
      assert.ok(delay > ceiling * 0.99 && delay <= ceiling, `attempt ${attempt}: ${delay} of ${ceiling}`);
      ceiling = Math.min(cap, ceiling * 2);
    }
  });
  backoff(`R9.1 R9.2 ${kind}: full jitter, from nothing to the ceiling`, () => {
    const { queue } = setUp();
    const delays = Array.from({ length: 400 }, () => queue.retry('a', kind, fresh)).slice(50);
    assert.ok(delays.every((delay) => delay >= 0 && delay <= cap));
    assert.ok(Math.min(...delays) < cap * 0.05);
    assert.ok(Math.max(...delays) > cap * 0.95);
  });
}
backoff('R9.1 R9.2 is up to 5 s for transport, up to 60 s for the slow kind', () => {
  assert.is(backoffs.transport.cap, 5_000);
  assert.is(backoffs.slow.cap, 60_000);
});
backoff('R9.1 a longer Retry-After is honoured, a shorter one changes nothing', async () => {
  const { clock, queue } = setUp(0.5);
  assert.is(queue.retry('a', 'transport', fresh, { atLeast: 30_000 }), 30_000);
  await clock.advance(29_999);
  assert.is(queue.depth(fresh), 0);
  await clock.advance(1);
  assert.is(queue.depth(fresh), 1);
  assert.is(queue.retry('b', 'transport', fresh, { atLeast: 1 }), 50);
});
backoff('R9.3 what a try has cost is waited for no longer than its kind of failure waits', () => {
  const { queue } = setUp(0.5);
  assert.is(queue.retry('a', 'transport', fresh, { pace: 3_000 }), 3_000);
  assert.is(queue.retry('a', 'transport', fresh, { pace: 40_000 }), backoffs.transport.cap);
  assert.is(queue.retry('a', 'slow', fresh, { pace: 40_000 }), 40_000);
});
backoff('each key counts for itself, and success forgets', () => {
  const { queue } = setUp(0.5);
  assert.equal([queue.retry('a', 'transport', fresh), queue.retry('a', 'transport', fresh)], [50, 100]);
  assert.is(queue.retry('b', 'transport', fresh), 50);
  queue.forget('a');
  assert.is(queue.retry('a', 'transport', fresh), 50);
});
backoff('failures that alternate grow both: each kind counts for itself', () => {
  const { queue } = setUp(0.5);
  const kinds = ['transport', 'slow', 'transport', 'slow', 'transport', 'slow'] as const;
  assert.equal(
    kinds.map((kind) => queue.retry('a', kind, fresh)),
    [50, 500, 100, 1_000, 200, 2_000],
  );
});
backoff(
  'R9.8 a key comes back at the priority that it was worked on with: a resync stays behind a fresh change',
  async () => {
    const { clock, queue, takeAll } = setUp(0.5);
    queue.retry('resync', 'transport', resync);
    await clock.advance(1_000);
    queue.add('change', fresh);
    assert.equal(await takeAll(), ['change', 'resync']);
  },
);
backoff('is no longer than it may be, and a pause is as long as it is told', () => {
  const { queue } = setUp(0.5);
  assert.is(queue.retry('a', 'transport', fresh, { atLeast: 30_000, atMost: 10_000 }), 10_000);
  assert.is(queue.retry('b', 'pause', fresh, { atLeast: 7_000 }), 7_000);
  assert.is(queue.retry('b', 'pause', fresh, { atLeast: 7_000 }), 7_000);
});
backoff('R9.9 ends when what people ask for has changed', () => {
  const { queue } = setUp(0.5);
  queue.retry('a', 'slow', fresh, { atLeast: 30_000 });
  queue.add('a', fresh, true);
  assert.is(queue.depth(fresh), 1);
});
backoff(
  'R9.9 goes on after an event that came while the key was worked on, as those of our own writes do',
  async () => {
    const { clock, queue } = setUp(0.5);
    queue.add('a', fresh);
    await queue.next();
    queue.add('a', fresh);
    queue.retry('a', 'slow', fresh, { atLeast: 30_000 });
    queue.done('a');
    await clock.advance(29_999);
    assert.is(queue.depth(fresh), 0);
    await clock.advance(1);
    assert.is(queue.depth(fresh), 1);
  },
);
for (const [name, priority] of Object.entries({ fresh, resync, background }))
  backoff(`R9.9 ${name}: what wakes nobody does not end it`, async () => {
    const { clock, queue } = setUp(0.5);
    queue.retry('a', 'transport', fresh, { atLeast: 30_000 });
    queue.add('a', priority);
    await clock.advance(29_999);
    assert.is(queue.depth(priority), 0);
    await clock.advance(1);
    assert.is(queue.depth(fresh), 1, 'it is not lost');
  });
backoff('another kind of failure begins small', () => {
  const { queue } = setUp(0.5);
  for (let attempt = 0; attempt < 9; attempt++) queue.retry('a', 'transport', fresh);
  assert.is(queue.retry('a', 'slow', fresh), 500);
});

const hurry = suite('R9.5 after an outage');
hurry('keys with a transport backoff come back within the spread, not all at once', async () => {
  const { clock, queue } = setUp();
  const keys = Array.from({ length: 200 }, (_, n) => `key-${n}`);
  for (const key of keys) queue.addAfter(key, 100_000, fresh, { kind: 'transport' });
  queue.hurry('transport', 2_000);
  await clock.advance(200);
  assert.ok(queue.depth(fresh) > 5 && queue.depth(fresh) < 50, `${queue.depth(fresh)} in the first tenth`);
  await clock.advance(1_800);
  assert.is(queue.depth(fresh), keys.length);
});
hurry('their next backoff begins small', () => {
  const { queue } = setUp(0.5);
  for (let attempt = 0; attempt < 9; attempt++) queue.retry('a', 'transport', fresh);
  queue.hurry('transport', 2_000);
  assert.is(queue.retry('a', 'transport', fresh), 50);
});
hurry('their next backoff of another kind does not', () => {
  const { queue } = setUp(0.5);
  queue.retry('a', 'slow', fresh);
  for (const kind of ['slow', 'transport'] as const) queue.retry('a', kind, fresh);
  queue.addAfter('a', 0, fresh, { kind: 'transport' });
  queue.hurry('transport', 2_000);
  assert.equal([queue.retry('a', 'slow', fresh), queue.retry('a', 'transport', fresh)], [2_000, 50]);
});
hurry('keys that wait for something else stay where they are', async () => {
  const { clock, queue } = setUp(0.5);
  for (let attempt = 0; attempt < 9; attempt++) queue.retry('slow', 'slow', fresh);
  queue.addAfter('delayed', 10_000, fresh);
  queue.hurry('transport', 2_000);
  await clock.advance(400);
  assert.is(queue.depth(fresh), 0);
  queue.forget('other');
  assert.is(queue.retry('slow', 'slow', fresh), 30_000, 'and the count goes on');
});
hurry('nobody comes later because of it', async () => {
  const { clock, queue } = setUp(0.9);
  queue.addAfter('a', 100, fresh, { kind: 'transport' });
  queue.hurry('transport', 2_000);
  await clock.advance(100);
  assert.is(queue.depth(fresh), 1);
});
hurry('a Retry-After is still honoured', async () => {
  const { clock, queue } = setUp(0.5);
  queue.retry('a', 'transport', fresh, { atLeast: 30_000 });
  queue.hurry('transport', 2_000);
  await clock.advance(29_999);
  assert.is(queue.depth(fresh), 0);
  await clock.advance(1);
  assert.is(queue.depth(fresh), 1);
});

const closing = suite('closed queue');
closing('wakes every waiting worker with nothing, and hands out nothing more', async () => {
  const { clock, queue } = setUp();
  queue.addAfter('delayed', 10, fresh);
  const waiting = [queue.next(), queue.next()];
  queue.close();
  assert.equal(await Promise.all(waiting), [undefined, undefined]);
  queue.add('a', fresh);
  queue.addAfter('b', 1, fresh);
  queue.retry('c', 'transport', fresh);
  assert.is(clock.pending, 0);
  await clock.advance(60_000);
  assert.is(await queue.next(), undefined);
});
closing('drops what waited, and what was added to a key in work', async () => {
  const { queue } = setUp();
  queue.add('a', fresh);
  await queue.next();
  queue.add('a', fresh);
  queue.add('b', fresh);
  queue.close();
  queue.done('a');
  assert.is(queue.depth(fresh), 0);
  assert.is(await queue.next(), undefined);
});
