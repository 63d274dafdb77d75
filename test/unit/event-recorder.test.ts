/** When events are sent, and how many: they cost the API server time that writes may need. */
import * as assert from 'uvu/assert';
import type { Request } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createEventRecorder, maxEventsUnderWay, type Unsent } from '../../src/kube/event-recorder.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { suite } from '../suite.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';

type Event = {
  readonly metadata: { readonly name: string };
  readonly regarding: { readonly name: string; readonly resourceVersion: string };
  readonly reason: string;
  readonly note: string;
};

const about = (name: string, version = 1): KubeObject => ({
  metadata: { name, namespace: 'dialer', uid: `uid-${name}`, resourceVersion: String(version) },
});
const note = (reason = 'Applied', words = 'words') =>
  ({ type: 'Normal', reason, action: 'Apply', note: words }) as const;

function setUp() {
  const clock = createVirtualClock();
  const unsent: Unsent[] = [];
  const sent: Request[] = [];
  const state = { busy: false, answer: async () => {} };
  const recorder = createEventRecorder({
    ...{ clock, instance: 'pod-1', controller: 'an-operator', isBusy: () => state.busy },
    about: { apiVersion: 'example.com/v1', kind: 'Widget' },
    onUnsent: (one) => unsent.push(one),
    client: {
      async request<T>(request: Request): Promise<T> {
        sent.push(request);
        await state.answer();
        return {} as T;
      },
    },
  });
  const events = () => sent.map(({ body }) => body as Event);
  return {
    ...{ clock, unsent, recorder, sent, state, events },
    names: () => events().map(({ regarding }) => regarding.name),
    /** How many events were not sent, by why. */
    counts() {
      const counts: Record<string, number> = {};
      for (const { cause } of unsent) counts[cause] = (counts[cause] ?? 0) + 1;
      return counts;
    },
  };
}

const test = suite('event recorder');

test('R10.3 at once where nothing else wants to be sent; else when that is done, in their order', async () => {
  const { recorder, names, state } = setUp();
  recorder.add(about('a'), note());
  await settle();
  assert.equal(names(), ['a']);
  state.busy = true;
  for (const name of ['b', 'c', 'd']) recorder.add(about(name), note());
  await settle();
  recorder.pump();
  assert.equal(names(), ['a'], 'busy');
  state.busy = false;
  recorder.pump();
  await settle();
  assert.equal(names(), ['a', 'b', 'c', 'd']);
});

test('R10.3 what wants to be sent meanwhile goes before the next event', async () => {
  const { recorder, names, state } = setUp();
  state.busy = true;
  for (const name of ['a', 'b', 'c', 'd', 'e']) recorder.add(about(name), note());
  let answer = () => {};
  state.answer = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  state.busy = false;
  recorder.pump();
  await settle();
  assert.is(names().length, maxEventsUnderWay);
  state.busy = true;
  answer();
  await settle();
  assert.is(names().length, maxEventsUnderWay);
});

test('R10.3 where work never ends events are not held for ever: one a second after half a minute', async () => {
  const { clock, recorder, names, state } = setUp();
  state.busy = true;
  for (let n = 0; n < 20; n++) recorder.add(about(`o${n}`), note());
  await clock.advance(29_999);
  assert.equal(names(), []);
  await clock.advance(1);
  assert.equal(names(), ['o0']);
  await clock.advance(5_000);
  assert.is(names().length, 6);
  state.busy = false;
  recorder.pump();
  await clock.advance(0);
  assert.is(names().length, 20);
  assert.is(clock.pending, 0);
});

test('R10.4 of an object and a reason only the last one waits, with what it was about', async () => {
  const { recorder, events, state, counts } = setUp();
  state.busy = true;
  for (let version = 1; version <= 5; version++) recorder.add(about('a', version), note('Applied', `the ${version}.`));
  recorder.add(about('a', 6), note('Invalid'));
  recorder.add(about('b'), note());
  state.busy = false;
  recorder.pump();
  await settle();
  assert.equal(
    events().map(
      ({ regarding, reason, note: words }) => `${regarding.name} ${regarding.resourceVersion} ${reason} ${words}`,
    ),
    ['a 5 Applied the 5.', 'a 6 Invalid words', 'b 1 Applied words'],
  );
  assert.equal(counts(), { replaced: 4 });
});

test('R10.4 an object has 25 events at once, then one each 5 minutes; others have theirs', async () => {
  const { clock, recorder, names, counts } = setUp();
  for (let n = 0; n < 100; n++) {
    recorder.add(about('a'), note());
    await settle();
  }
  assert.is(names().length, 25);
  assert.equal(counts(), { burst: 75 });
  recorder.add(about('b'), note());
  await settle();
  assert.is(names().length, 26);
  const inAnHour = names().length;
  for (let minute = 0; minute < 60; minute++) {
    await clock.advance(60_000);
    recorder.add(about('a'), note());
    await settle();
  }
  assert.is(names().length - inAnHour, 12);
});

test('R10.4 no more than 1,000 wait, and they hold no objects', async () => {
  const { recorder, names, state, counts } = setUp();
  state.busy = true;
  for (let n = 0; n < 1_100; n++) recorder.add(about(`o${n}`), note('Invalid', 'x'.repeat(10_000)));
  assert.equal(counts(), { full: 100 });
  state.busy = false;
  recorder.pump();
  for (let n = 0; n < 1_000; n++) await settle();
  assert.is(names().length, 1_000);
});

test('R10.4 of many objects it is remembered for the last ones how many events they had', async () => {
  const { recorder, names } = setUp();
  const fill = async (name: string) => {
    for (let n = 0; n < 26; n++) {
      recorder.add(about(name), note());
      await settle();
    }
  };
  await fill('a');
  assert.is(names().length, 25);
  for (let n = 0; n < 4_096; n++) {
    recorder.add(about(`o${n}`), note());
    if (n % 100 === 0) await settle();
  }
  await settle();
  const before = names().length;
  await fill('a');
  assert.is(names().length - before, 25, 'it was forgotten');
});

test('R10.2 one that fails is told, and the next ones go', async () => {
  const { recorder, names, unsent, state } = setUp();
  const error = new ApiError('forbidden', { code: 403 });
  state.answer = async () => {
    throw error;
  };
  for (let n = 0; n < 10; n++) recorder.add(about(`o${n}`), note());
  for (let n = 0; n < 20; n++) await settle();
  assert.is(names().length, 10);
  assert.equal(unsent[0], { key: 'dialer/o0', reason: 'Applied', cause: 'failed', error });
  assert.is(unsent.length, 10);
});

test('R10.4 at the end of a term what waits is dropped, and no timer is left', async () => {
  const { clock, recorder, names, state, counts } = setUp();
  state.busy = true;
  recorder.add(about('a'), note());
  recorder.add(about('b'), note());
  recorder.clear();
  assert.is(clock.pending, 0);
  state.busy = false;
  recorder.pump();
  await settle();
  assert.equal(names(), []);
  assert.equal(counts(), { term: 2 });
});

test('R10.1 an event is what events.k8s.io/v1 asks for, its time in microseconds', async () => {
  const { clock, recorder, sent, events } = setUp();
  clock.setWall(Date.UTC(2026, 1, 3, 4, 5, 6, 7));
  recorder.add(about('a', 42), note());
  await settle();
  const [request] = sent;
  const [event] = events();
  assert.equal(
    [request?.method, request?.path, request?.deadline],
    ['POST', '/apis/events.k8s.io/v1/namespaces/dialer/events', 5_000],
  );
  assert.match(event?.metadata.name ?? '', /^a\.[0-9a-f]+$/);
  assert.equal(event, {
    ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event' },
    metadata: { namespace: 'dialer', name: event?.metadata.name },
    eventTime: '2026-02-03T04:05:06.007000Z',
    ...{ reportingController: 'an-operator', reportingInstance: 'pod-1' },
    regarding: {
      ...{ apiVersion: 'example.com/v1', kind: 'Widget' },
      ...{ namespace: 'dialer', name: 'a', uid: 'uid-a', resourceVersion: '42' },
    },
    ...note(),
  });
});
