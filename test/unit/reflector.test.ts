import * as assert from 'uvu/assert';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { Reflector, type Sink } from '../../src/kube/reflector.ts';
import { suite } from '../suite.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';

const hour = 3_600_000;
const object = (name: string, resourceVersion: number): KubeObject => ({
  metadata: { name, namespace: 'a', uid: name, resourceVersion: String(resourceVersion) },
});
const event = (type: string, name: string, version: number) => JSON.stringify({ type, object: object(name, version) });
const expired = (code = 410) => JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, message: 'too old' } });
const page = (version: number, items: KubeObject[] = [], next?: string) => ({
  metadata: { resourceVersion: String(version), ...(next ? { continue: next } : {}) },
  items,
});
const error = (code: number, retryAfter = 0) =>
  new ApiError(`scripted ${code}`, { code, retryAfter, reason: code ? '' : 'NoAnswer' });

/** A list is answered by a page, or fails with an error. */
type List = object | Error;
/** A watch gives lines and then ends, fails, or stays open (`'open'`, until its 45 s are over). */
type Watch = (string | Error | 'open')[];

/** A reflector whose server follows a script; the last entry of each list repeats itself for ever. */
function setUp({
  lists,
  watches = [['open']],
  sink = {},
}: {
  lists: List[];
  watches?: Watch[];
  sink?: Partial<Sink<KubeObject>>;
}) {
  const clock = createVirtualClock();
  const abort = new AbortController();
  const requests: { kind: 'list' | 'watch'; query: URLSearchParams; at: number }[] = [];
  const seen: string[] = [];
  const restarts: string[] = [];
  const next = <T>(script: T[]): T => {
    const one = script.length > 1 ? script.shift() : script[0];
    if (one === undefined) throw new Error('the script is empty');
    return one;
  };
  const note = (kind: 'list' | 'watch', path: string) => {
    const url = new URL(path, 'http://server');
    assert.is(url.pathname, '/api/v1/things');
    requests.push({ kind, query: url.searchParams, at: clock.monotonic() });
  };
  const client: Client = {
    async request<T>({ path }: Request) {
      note('list', path);
      await undefined;
      const answer = next(lists);
      if (answer instanceof Error) throw answer;
      return answer as T;
    },
    async *lines({ path, signal }) {
      note('watch', path);
      for (const line of next(watches)) {
        await undefined;
        if (line instanceof Error) throw line;
        if (line !== 'open') yield line;
        else {
          await new Promise<void>((resolve) => {
            const cancel = clock.after(45_000, resolve);
            signal?.addEventListener('abort', () => {
              cancel();
              resolve();
            });
          });
          if (signal?.aborted) throw error(0);
        }
      }
    },
    close: async () => {},
  };
  const nameOf = ({ metadata }: KubeObject) => `${metadata.name}@${metadata.resourceVersion}`;
  let syncedTimes = 0;
  const reflector = new Reflector<KubeObject>({
    ...{ client, clock, path: '/api/v1/things', resource: 'things', labelSelector: 'a=b' },
    project: (one) => one,
    onRestart: (reason) => restarts.push(reason),
    onSynced: () => syncedTimes++,
    sink: {
      replace: (objects) => seen.push(`list ${objects.map(nameOf)}`),
      put: (one) => seen.push(`put ${nameOf(one)}`),
      remove: (one) => seen.push(`remove ${nameOf(one)}`),
      ...sink,
    },
  });
  let ended = false;
  const running = reflector.run(abort.signal).then(() => {
    ended = true;
  });
  return {
    ...{ clock, reflector, requests, seen, restarts, running },
    synced: () => syncedTimes,
    ended: () => ended,
    watchesFrom: () => requests.filter(({ kind }) => kind === 'watch').map(({ query }) => query.get('resourceVersion')),
    lists: () => requests.filter(({ kind }) => kind === 'list').length,
    async stop() {
      abort.abort();
      await running;
      assert.is(clock.pending, 0, 'no timer is left');
    },
  };
}

const test = suite('reflector');

test('all pages of a list arrive together, and only then it is synced', async () => {
  const run = setUp({
    lists: [
      page(7, [object('a', 1)], 'token-1'),
      error(500),
      page(7, [object('a', 1)], 'token-1'),
      page(8, [object('b', 2)], 'token-2'),
      page(9, [object('c', 3)]),
    ],
  });
  await settle();
  await settle();
  assert.not.ok(run.reflector.synced);
  assert.equal(run.seen, []);
  await run.clock.advance(1_000);
  assert.equal(run.seen, ['list a@1,b@2,c@3']);
  assert.ok(run.reflector.synced);
  await run.reflector.firstSync;
  assert.is(run.synced(), 1);
  assert.equal(
    run.requests.map(({ kind, query }) => `${kind} ${query.get('continue') ?? ''}`),
    ['list ', 'list token-1', 'list ', 'list token-1', 'list token-2', 'watch '],
  );
  assert.ok(run.requests.every(({ query }) => query.get('labelSelector') === 'a=b'));
  await run.stop();
});
test('it watches from the version of the list, with bookmarks and a bounded life', async () => {
  const run = setUp({ lists: [page(9, [])] });
  await run.clock.advance(100);
  const { query } = run.requests.at(-1) ?? {};
  assert.is(query?.get('watch'), 'true');
  assert.is(query?.get('resourceVersion'), '9');
  assert.is(query?.get('allowWatchBookmarks'), 'true');
  assert.is(query?.get('timeoutSeconds'), '45');
  await run.stop();
});
test('events go to the sink: added, changed and gone; bookmarks do not', async () => {
  const run = setUp({
    lists: [page(1)],
    watches: [
      [event('ADDED', 'a', 2), event('MODIFIED', 'a', 3), event('BOOKMARK', '', 4), event('DELETED', 'a', 5), 'open'],
    ],
  });
  await run.clock.advance(100);
  assert.equal(run.seen, ['list ', 'put a@2', 'put a@3', 'remove a@5']);
  await run.stop();
});
test('a watch that ended goes on from the last event or bookmark, without a list', async () => {
  const run = setUp({
    lists: [page(1)],
    watches: [[event('ADDED', 'a', 20), 'open'], [event('BOOKMARK', '', 30), 'open'], ['open']],
  });
  await run.clock.advance(100_000);
  assert.equal(run.watchesFrom(), ['1', '20', '30']);
  assert.is(run.lists(), 1);
  assert.equal(new Set(run.restarts), new Set(['ended']));
  await run.stop();
});
test('a watch that broke goes on from the last event, without a list', async () => {
  const run = setUp({ lists: [page(1)], watches: [[event('ADDED', 'a', 20), error(0)], [error(503)], ['open']] });
  await run.clock.advance(5_000);
  assert.equal(run.watchesFrom(), ['1', '20', '20']);
  assert.is(run.lists(), 1);
  assert.equal(run.restarts, ['NoAnswer', '503']);
  await run.stop();
});
for (const [what, watch] of [
  ['an answer 410', [error(410)]],
  ['an event 410', [event('ADDED', 'x', 5), expired()]],
  ['an event 504: the server does not know the version yet', [expired(504)]],
] as [string, Watch][]) {
  test(`${what} makes it list again`, async () => {
    const run = setUp({ lists: [page(1), page(40, [object('a', 33)])], watches: [watch, ['open']] });
    await run.clock.advance(1_000);
    assert.is(run.lists(), 2);
    assert.is(run.seen.at(-1), 'list a@33');
    assert.is(run.watchesFrom().at(-1), '40');
    assert.is(run.synced(), 1, 'told once');
    await run.stop();
  });
}
test('after a 410 it lists at once', async () => {
  const run = setUp({ lists: [page(1), page(40)], watches: [[error(410)], ['open']] });
  for (let turn = 0; turn < 10; turn++) await settle();
  assert.is(run.lists(), 2);
  assert.is(run.clock.monotonic(), 0);
  await run.stop();
});

for (const [what, trouble] of [
  ['500', error(500)],
  ['401', error(401)],
  ['403', error(403)],
  ['404', error(404)],
  ['410', error(410)],
  ['no answer', error(0)],
  ['a list that is not one', {}],
  ['a defect', new TypeError('x is not a function')],
] as [string, List][]) {
  test(`a list that meets ${what} is tried again, below once a second, until it comes`, async () => {
    const lists: List[] = [trouble];
    const run = setUp({ lists });
    await run.clock.advance(hour);
    assert.not.ok(run.ended());
    assert.not.ok(run.reflector.synced);
    assert.ok(run.lists() < 3_600, `${run.lists()} lists an hour`);
    assert.ok(run.lists() > 600, `${run.lists()} lists an hour`);
    lists[0] = page(5, [object('a', 1)]);
    await run.clock.advance(5_000);
    assert.ok(run.reflector.synced, 'within 5 s');
    await run.stop();
  });
}
for (const [what, watch] of [
  ['meets 500', [error(500)]],
  ['meets 403', [error(403)]],
  ['gets no answer', [error(0)]],
  ['meets 410 again and again', [error(410)]],
  ['breaks off after each event', [event('ADDED', 'a', 2), error(0)]],
  ['ends at once', []],
  ['ends after a bookmark', [event('BOOKMARK', '', 2)]],
  ['gives what is not JSON', ['<html>']],
  ['gives JSON that is no event', ['null']],
  ['gives an event without an object', ['{"type":"ADDED"}']],
  ['gives errors of every kind', [expired(500)]],
] as [string, Watch][]) {
  test(`a watch that ${what} is opened again, below one request a second, until it works`, async () => {
    const watches: Watch[] = [watch];
    const run = setUp({ lists: [page(1)], watches });
    await run.clock.advance(hour);
    assert.not.ok(run.ended());
    assert.ok(run.requests.length < 3_600, `${run.requests.length} requests an hour`);
    assert.ok(run.requests.length > 600, `${run.requests.length} requests an hour`);
    watches[0] = [event('ADDED', 'new', 99), 'open'];
    await run.clock.advance(5_000);
    assert.ok(run.seen.includes('put new@99'), 'within 5 s');
    await run.stop();
  });
}
test('a line that is cut off loses nothing: the watch goes on from the event before it', async () => {
  const run = setUp({ lists: [page(1)], watches: [[event('ADDED', 'a', 2), '{"type":'], ['open']] });
  await run.clock.advance(5_000);
  assert.equal(run.watchesFrom(), ['1', '2']);
  assert.equal(run.restarts, ['BadEvent']);
  await run.stop();
});
test('Retry-After is honoured', async () => {
  const run = setUp({ lists: [error(429, 20_000), page(1)] });
  await run.clock.advance(19_999);
  assert.is(run.lists(), 1);
  await run.clock.advance(1);
  assert.is(run.lists(), 2);
  await run.stop();
});
test('a handler that throws for an event: the list comes again, so that nothing is lost', async () => {
  let broken = true;
  const put: string[] = [];
  const run = setUp({
    lists: [page(1), page(2, [object('a', 2)])],
    watches: [[event('ADDED', 'a', 2), 'open'], ['open']],
    sink: {
      put(one) {
        if (broken) throw new Error('cannot handle');
        put.push(one.metadata.name);
      },
    },
  });
  await run.clock.advance(5_000);
  broken = false;
  assert.is(run.lists(), 2);
  assert.equal(run.seen, ['list ', 'list a@2']);
  assert.equal(run.restarts, ['Handler']);
  await run.stop();
});
test('a handler that always throws neither ends it nor makes it spin', async () => {
  const sink = {
    put() {
      throw new Error('cannot handle');
    },
  };
  const run = setUp({ lists: [page(1)], watches: [[event('ADDED', 'a', 2), 'open']], sink });
  await run.clock.advance(hour);
  assert.not.ok(run.ended());
  assert.ok(run.requests.length < 2 * 3_600, `${run.requests.length} requests an hour`);
  await run.stop();
});
test('a list that the sink refuses is not synced', async () => {
  let broken = true;
  const sink = {
    replace() {
      if (broken) throw new Error('cannot handle');
    },
  };
  const run = setUp({ lists: [page(1)], sink });
  await run.clock.advance(20_000);
  assert.not.ok(run.reflector.synced);
  broken = false;
  await run.clock.advance(5_000);
  assert.ok(run.reflector.synced);
  await run.stop();
});
test('a healthy while makes the next backoff small again, however it ended', async () => {
  for (const end of [[], [error(0)]]) {
    const faults = Array.from({ length: 12 }, () => [error(0)]);
    const run = setUp({ lists: [page(1)], watches: [...faults, ['open', ...end], [error(0)], ['open']] });
    await run.clock.advance(90_000);
    const watches = run.requests.filter(({ kind }) => kind === 'watch');
    const gap = (watches[14]?.at ?? Number.NaN) - (watches[13]?.at ?? Number.NaN);
    assert.ok(gap <= 400, `${gap} ms after a single fault`);
    await run.stop();
  }
});
for (const [when, lists, watches] of [
  ['it waits after an error', [error(500)], [['open']]],
  ['a watch is open', [page(1)], [['open']]],
] as [string, List[], Watch[]][]) {
  test(`it ends when told to, while ${when}`, async () => {
    const run = setUp({ lists, watches });
    await run.clock.advance(30_000);
    const before = run.requests.length;
    const told = run.restarts.length;
    await run.stop();
    await run.clock.advance(hour);
    assert.is(run.requests.length, before);
    assert.is(run.restarts.length, told, 'stopping is no trouble to tell of');
  });
}

const refreshing = suite('reflector refresh');
const signalOf = () => new AbortController().signal;
refreshing('breaks off the watch and resolves when a list begun after it is in the sink', async () => {
  const run = setUp({ lists: [page(1, [object('a', 1)]), page(5, [object('b', 4)])] });
  await run.clock.advance(10_000);
  let done = false;
  const both = Promise.all([run.reflector.refresh(signalOf()), run.reflector.refresh(signalOf())]).then(() => {
    done = true;
  });
  assert.not.ok(done);
  await run.clock.advance(0);
  await both;
  assert.equal(run.seen, ['list a@1', 'list b@4']);
  assert.equal([run.lists(), run.watchesFrom()], [2, ['1', '5']], 'calls at the same time share a list');
  assert.equal(run.restarts, [], 'it is no trouble');
  await run.stop();
});
refreshing('a list that began before the call does not count', async () => {
  const run = setUp({ lists: [page(1, [object('old', 1)]), page(2, [object('new', 2)])] });
  await Promise.resolve();
  assert.is(run.lists(), 1, 'the first list is under way');
  const fresh = run.reflector.refresh(signalOf());
  await run.clock.advance(0);
  await fresh;
  assert.equal(run.seen, ['list new@2']);
  await run.stop();
});
refreshing('waits out an outage, beginning at once and not when the backoff is over', async () => {
  const run = setUp({ lists: [page(1), error(0)], watches: [['open', error(0)]] });
  await run.clock.advance(1_000);
  let done = false;
  void run.reflector.refresh(signalOf()).then(() => {
    done = true;
  });
  await run.clock.advance(hour);
  assert.not.ok(done);
  const before = run.lists();
  void run.reflector.refresh(signalOf());
  await run.clock.advance(0);
  assert.is(run.lists(), before + 1);
  await run.stop();
});
refreshing('resolves early when its signal is aborted, and leaves the reflector running', async () => {
  const run = setUp({ lists: [error(0)] });
  await run.clock.advance(100);
  const abort = new AbortController();
  const fresh = run.reflector.refresh(abort.signal);
  abort.abort();
  await fresh;
  await run.reflector.refresh(abort.signal);
  assert.not.ok(run.ended());
  await run.stop();
});
refreshing('resolves when the reflector stops, and after', async () => {
  const run = setUp({ lists: [error(0)] });
  await run.clock.advance(100);
  const fresh = run.reflector.refresh(signalOf());
  await run.stop();
  await fresh;
  await run.reflector.refresh(signalOf());
});
