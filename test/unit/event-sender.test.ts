/** When events are sent, and how many: they cost the API server time that writes may need. */
import * as assert from 'uvu/assert';
import type { LicenseSettings } from '../../src/controller/objects.ts';
import { createEventSender, maxEventsUnderWay } from '../../src/controller/event-sender.ts';
import type { eventFor } from '../../src/controller/events.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { suite } from '../suite.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';

type Event = ReturnType<typeof eventFor>;

const about = (name: string, version = 1): LicenseSettings => ({
  metadata: { name, namespace: 'dialer', uid: `uid-${name}`, resourceVersion: String(version) },
});
const note = (reason = 'Applied', words = 'words') =>
  ({ type: 'Normal', reason, action: 'Apply', note: words }) as const;

function setUp() {
  const clock = createVirtualClock();
  const metrics = createMetrics();
  const lines: { msg: string; why?: string }[] = [];
  const sent: Event[] = [];
  const state = { busy: false, answer: async () => {} };
  const sender = createEventSender({
    ...{ clock, metrics, instance: 'test', isBusy: () => state.busy },
    log: createLogger({
      level: 'info',
      format: 'json',
      destination: { write: (line) => lines.push(JSON.parse(line)) },
    }),
    api: {
      async createEvent(_, event) {
        sent.push(event as Event);
        await state.answer();
      },
    },
  });
  return {
    ...{ clock, lines, sender, sent, state },
    names: () => sent.map(({ regarding }) => regarding.name),
    async counts() {
      const { body } = await metrics.render();
      const drops = [...body.matchAll(/^license_settings_events_dropped_total\{cause="(\w+)"\} (\d+)$/gm)];
      return Object.fromEntries(drops.flatMap(([, cause, count]) => (count === '0' ? [] : [[cause, Number(count)]])));
    },
  };
}

const test = suite('event sender');

test('at once where nothing else wants to be sent; else when that is done, in their order', async () => {
  const { sender, names, state } = setUp();
  sender.add(about('a'), note());
  await settle();
  assert.equal(names(), ['a']);
  state.busy = true;
  for (const name of ['b', 'c', 'd']) sender.add(about(name), note());
  await settle();
  sender.pump();
  assert.equal(names(), ['a'], 'busy');
  state.busy = false;
  sender.pump();
  await settle();
  assert.equal(names(), ['a', 'b', 'c', 'd']);
});

test('what wants to be sent meanwhile goes before the next event', async () => {
  const { sender, names, state } = setUp();
  state.busy = true;
  for (const name of ['a', 'b', 'c', 'd', 'e']) sender.add(about(name), note());
  let answer = () => {};
  state.answer = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  state.busy = false;
  sender.pump();
  await settle();
  assert.is(names().length, maxEventsUnderWay);
  state.busy = true;
  answer();
  await settle();
  assert.is(names().length, maxEventsUnderWay);
});

test('where work never ends events are not held for ever: one a second after half a minute', async () => {
  const { clock, sender, names, state } = setUp();
  state.busy = true;
  for (let n = 0; n < 20; n++) sender.add(about(`o${n}`), note());
  await clock.advance(29_999);
  assert.equal(names(), []);
  await clock.advance(1);
  assert.equal(names(), ['o0']);
  await clock.advance(5_000);
  assert.is(names().length, 6);
  state.busy = false;
  sender.pump();
  await clock.advance(0);
  assert.is(names().length, 20);
  assert.is(clock.pending, 0);
});

test('of an object and a reason only the last one waits, with what it was about', async () => {
  const { sender, sent, state, counts } = setUp();
  state.busy = true;
  for (let version = 1; version <= 5; version++) sender.add(about('a', version), note('Applied', `the ${version}.`));
  sender.add(about('a', 6), note('Invalid'));
  sender.add(about('b'), note());
  state.busy = false;
  sender.pump();
  await settle();
  assert.equal(
    sent.map(
      ({ regarding, reason, note: words }) => `${regarding.name} ${regarding.resourceVersion} ${reason} ${words}`,
    ),
    ['a 5 Applied the 5.', 'a 6 Invalid words', 'b 1 Applied words'],
  );
  assert.equal(await counts(), { replaced: 4 });
});

test('an object has 25 events at once, then one each 5 minutes; others have theirs', async () => {
  const { clock, sender, names, lines, counts } = setUp();
  for (let n = 0; n < 100; n++) {
    sender.add(about('a'), note());
    await settle();
  }
  assert.is(names().length, 25);
  assert.equal(await counts(), { burst: 75 });
  assert.is(lines.filter(({ msg }) => msg === 'event not sent').length, 1, 'told once');
  sender.add(about('b'), note());
  await settle();
  assert.is(names().length, 26);
  const inAnHour = names().length;
  for (let minute = 0; minute < 60; minute++) {
    await clock.advance(60_000);
    sender.add(about('a'), note());
    await settle();
  }
  assert.is(names().length - inAnHour, 12);
});

test('no more than 1,000 wait, and they hold no objects', async () => {
  const { sender, names, state, counts } = setUp();
  state.busy = true;
  for (let n = 0; n < 1_100; n++) sender.add(about(`o${n}`), note('Invalid', 'x'.repeat(10_000)));
  assert.equal(await counts(), { full: 100 });
  state.busy = false;
  sender.pump();
  for (let n = 0; n < 1_000; n++) await settle();
  assert.is(names().length, 1_000);
});

test('of many objects it is remembered for the last ones how many events they had', async () => {
  const { sender, names } = setUp();
  const fill = async (name: string) => {
    for (let n = 0; n < 26; n++) {
      sender.add(about(name), note());
      await settle();
    }
  };
  await fill('a');
  assert.is(names().length, 25);
  for (let n = 0; n < 4_096; n++) {
    sender.add(about(`o${n}`), note());
    if (n % 100 === 0) await settle();
  }
  await settle();
  const before = names().length;
  await fill('a');
  assert.is(names().length - before, 25, 'it was forgotten');
});

test('one that fails is counted, told once a minute, and the next ones go', async () => {
  const { clock, sender, names, lines, state } = setUp();
  state.answer = async () => {
    throw new ApiError('forbidden', { code: 403 });
  };
  for (let n = 0; n < 10; n++) sender.add(about(`o${n}`), note());
  for (let n = 0; n < 20; n++) await settle();
  assert.is(names().length, 10);
  assert.is(lines.length, 1);
  await clock.advance(60_000);
  sender.add(about('a'), note());
  await settle();
  assert.is(lines.length, 2);
});

test('at the end of a term what waits is dropped, and no timer is left', async () => {
  const { clock, sender, names, state, counts } = setUp();
  state.busy = true;
  sender.add(about('a'), note());
  sender.add(about('b'), note());
  sender.clear();
  assert.is(clock.pending, 0);
  state.busy = false;
  sender.pump();
  await settle();
  assert.equal(names(), []);
  assert.equal(await counts(), { term: 2 });
});
