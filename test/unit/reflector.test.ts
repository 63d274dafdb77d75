import * as assert from 'uvu/assert';
import type { KubeObject } from '../../src/kube/object.ts';
import { suite } from '../suite.ts';
import {
  broken,
  error,
  event,
  expired,
  initialEnd,
  type List,
  object,
  page,
  setUp,
  type Watch,
} from '../support/reflector-script.ts';
import { settle } from '../support/virtual-clock.ts';

const hour = 3_600_000;

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
  const { query, deadline } = run.requests.at(-1) ?? {};
  assert.is(deadline, 55_000, 'a half-open connection is noticed');
  assert.is(run.requests[0]?.deadline, 45_000);
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
test('a watch that the server ends early is followed by a list: what it shows may differ at the same versions', async () => {
  const run = setUp({ lists: [page(1), page(2)], watches: [['open'], ['open'], [], ['open']] });
  await run.clock.advance(89_000);
  assert.is(run.lists(), 1, 'ended as agreed');
  await run.clock.advance(5_000);
  assert.is(run.lists(), 2);
  assert.equal(run.watchesFrom(), ['1', '1', '1', '2']);
  await run.stop();
});
test('watches that are ended early all the time cost a list a minute, the first as soon as the last one is so old', async () => {
  const run = setUp({ lists: [page(1)], watches: [[]] });
  await run.clock.advance(59_000);
  assert.is(run.lists(), 1);
  await run.clock.advance(6_000);
  assert.is(run.lists(), 2);
  await run.clock.advance(55_000);
  assert.is(run.lists(), 2);
  await run.stop();
});
test('a watch that broke goes on from the last event, without a list', async () => {
  const run = setUp({ lists: [page(1)], watches: [[event('ADDED', 'a', 20), broken()], [error(503)], ['open']] });
  await run.clock.advance(5_000);
  assert.equal(run.kinds(), 'list watch probe watch probe watch');
  assert.equal(run.watchesFrom(), ['1', '20', '20']);
  assert.equal(run.restarts, ['NoAnswer', '5xx']);
  await run.stop();
});
for (const [what, watch] of [
  ['an answer 410', [error(410)]],
  ['an event 410', [event('ADDED', 'x', 5), expired()]],
  [
    'an event 504: the server does not know the version yet',
    [expired(504, { details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } })],
  ],
  ['a 504 in the words of older servers', [expired(504, { message: 'Too large resource version: 9, current: 5' })]],
  [
    'an event from before the list: its server was restored from a backup',
    [event('ADDED', 'x', 5), event('ADDED', 'y', 4)],
  ],
  ['a bookmark from before the list', [event('BOOKMARK', '', 0)]],
  ['a watch that thrice gives nothing but errors', [error(500), error(504), expired(500)]],
  ['a watch that thrice gives no event', ['null', '{}', '{"type":"BOOKMARK","object":{}}']],
] as [string, Watch][]) {
  test(`${what} makes it list again`, async () => {
    // What fails by itself three times is three watches.
    const watches = what.includes('thrice') ? watch.map((one) => [one]) : [watch];
    const run = setUp({ lists: [page(1), page(40, [object('a', 33)])], watches: [...watches, ['open']] });
    await run.clock.advance(3_000);
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

test('after a 410 it lists at once, also when an outage came before', async () => {
  const away = Array.from({ length: 8 }, () => [error(0)]);
  const run = setUp({ lists: [page(1), page(40)], watches: [...away, [error(410)], ['open']] });
  while (!run.restarts.includes('410')) await run.clock.advance(10);
  const met = run.clock.monotonic();
  for (let turn = 0; turn < 10; turn++) await settle();
  assert.is(run.clock.monotonic(), met);
  assert.match(run.kinds(), / watch list watch$/);
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
  ['null', null],
  ['a list without a version', { metadata: {}, items: [] }],
  ['a list of no list', { metadata: { resourceVersion: '1' }, items: 7 }],
  ['a page that says it comes after itself', page(1, [], 'same')],
  ['a list with null in it', { metadata: { resourceVersion: '1' }, items: [null] }],
  ['a defect', new TypeError('x is not a function')],
] as [string, List][]) {
  test(`R11.2 a list that meets ${what} is tried again, below once a second, until it comes`, async () => {
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
  test(`R11.2 a watch that ${what} is opened again, below one request a second, until it works`, async () => {
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
test('R11.2 a handler that always throws neither ends it nor makes it spin', async () => {
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
  for (const end of [[], [broken()]]) {
    const faults = Array.from({ length: 12 }, () => [broken()]);
    const run = setUp({ lists: [page(1)], watches: [...faults, ['open', ...end], [broken()], ['open']] });
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
test('a 504 of the server, or an event 500 or 429, is no reason to list', async () => {
  const watches: Watch[] = [[error(504)], [event('ADDED', 'a', 2), expired(500)], [expired(429)], ['open']];
  const run = setUp({ lists: [page(1)], watches });
  await run.clock.advance(10_000);
  assert.is(run.lists(), 1);
  assert.equal(run.watchesFrom(), ['1', '1', '2', '2']);
  assert.equal(run.restarts, ['5xx', '5xx', '429']);
  await run.stop();
});
test('an event 429 is waited for as long as it says', async () => {
  const run = setUp({ lists: [page(1)], watches: [[expired(429, { details: { retryAfterSeconds: 20 } })], ['open']] });
  await run.clock.advance(19_999);
  assert.is(run.watchesFrom().length, 1);
  await run.clock.advance(1);
  assert.is(run.watchesFrom().length, 2);
  await run.stop();
});
test('items null is an empty list', async () => {
  const run = setUp({ lists: [{ metadata: { resourceVersion: '3' }, items: null }] });
  await run.clock.advance(100);
  assert.equal([run.seen, run.watchesFrom()], [['list '], ['3']]);
  await run.stop();
});
test('R7.10 a server restored from a backup: the list is the truth, and the watch goes on from its older version', async () => {
  const tooLarge = expired(504, { details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } });
  const run = setUp({
    lists: [page(900, [object('a', 890), object('b', 895)]), page(100, [object('a', 90)])],
    watches: [[tooLarge], [event('ADDED', 'c', 101), 'open'], ['open']],
  });
  await run.clock.advance(50_000);
  assert.equal(run.seen, ['list a@890,b@895', 'list a@90', 'put c@101']);
  assert.equal(run.watchesFrom(), ['900', '100', '101']);
  await run.stop();
});
for (const streamed of [undefined, [event('ADDED', 'a', 2), initialEnd(3)]]) {
  const what = 'each version that the copy has reached is told, after what it brought';
  test(`R6.5 ${streamed ? 'streams' : 'pages'}: ${what}`, async () => {
    const order: string[] = [];
    const told = (word: string) => (one: KubeObject) =>
      order.push(`${word} ${one.metadata.name}@${one.metadata.resourceVersion}`);
    const watched = [event('ADDED', 'b', 4), event('BOOKMARK', 'c', 7), event('DELETED', 'b', 8), 'open'];
    const run = setUp({
      lists: [page(3, [object('a', 2)])],
      watches: [watched],
      ...(streamed ? { streams: [[...streamed, ...watched]] } : {}),
      sink: {
        ...{ replace: (objects) => objects.forEach(told('list')), put: told('put'), remove: told('remove') },
        seen: (version) => order.push(`at ${version}`),
      },
    });
    await run.clock.advance(1_000);
    assert.equal(order, ['list a@2', 'at 3', 'put b@4', 'at 4', 'at 7', 'remove b@8', 'at 8']);
    await run.stop();
  });
}
test('a continue token that expires: it starts over, with a list in one piece', async () => {
  const run = setUp({
    lists: [
      page(5, [object('old', 1)], 'token-1'),
      error(410),
      page(9, [object('new', 8)]),
      page(10, [], 'token-2'),
      page(11),
    ],
    watches: [[error(410)], ['open']],
  });
  await run.clock.advance(1_000);
  assert.equal(run.seen[0], 'list new@8');
  assert.equal(
    run.requests
      .filter(({ kind }) => kind === 'list')
      .map(({ query }) => [query.get('limit'), query.get('continue')])
      .slice(0, 4),
    [
      ['250', null],
      ['250', 'token-1'],
      [null, null],
      ['250', null],
    ],
  );
  await run.stop();
});
for (const callback of ['onRestart', 'onSynced', 'project', 'replace', 'put', 'remove'] as const) {
  test(`R11.2 ${callback} that throws each time neither ends it nor makes it spin`, async () => {
    let broken = true;
    const seen: string[] = [];
    const fail = () => {
      if (broken) throw new Error('a defect');
      seen.push('b');
    };
    const inSink = callback === 'replace' || callback === 'put' || callback === 'remove';
    const run = setUp({
      lists: [page(1, [object('a', 1)])],
      watches: [[event('ADDED', 'b', 2), event('DELETED', 'b', 3), error(500)]],
      sink: {
        put: ({ metadata }) => seen.push(metadata.name),
        ...(inSink ? { [callback]: fail } : {}),
      },
      more: inSink
        ? {}
        : {
            [callback](one: KubeObject) {
              fail();
              return one;
            },
          },
    });
    await run.clock.advance(hour);
    assert.not.ok(run.ended());
    assert.ok(run.requests.length < 2 * 3_600, `${run.requests.length} requests an hour`);
    broken = false;
    seen.length = 0;
    await run.clock.advance(10_000);
    assert.ok(run.reflector.synced);
    assert.ok(seen.includes('b'), 'it works again');
    await run.stop();
  });
}
test('R11.4 age is the time since the last list, event or bookmark', async () => {
  const run = setUp({ lists: [error(500), page(1)], watches: [['open', event('BOOKMARK', '', 2), 'open', error(0)]] });
  assert.is(run.reflector.age, undefined);
  await run.clock.advance(200);
  const age = run.reflector.age ?? Number.NaN;
  assert.ok(age >= 0 && age <= 200, `${age}`);
  await run.clock.advance(44_000);
  assert.is(run.reflector.age, age + 44_000);
  await run.clock.advance(1_000);
  assert.ok((run.reflector.age ?? Number.NaN) <= 1_000);
  await run.stop();
});
test('L1 R11.2 a watch that gave nothing until its deadline was silent: told as such, and opened again at once', async () => {
  const run = setUp({ lists: [page(1)], watches: [['open', 'silent', error(0)], ['open']] });
  await run.clock.advance(54_999);
  assert.is(run.watchesFrom().length, 1);
  await run.clock.advance(300);
  assert.equal([run.restarts, run.watchesFrom().length], [['Silent'], 2], 'within 60 s');
  await run.stop();
});
test('R11.5 every reason is of the documented set', async () => {
  const codes = [400, 401, 403, 404, 405, 408, 410, 413, 422, 425, 429, 500, 502, 503, 504, 302];
  const run = setUp({
    lists: [page(1)],
    watches: [...codes.map((code) => [error(code)]), [error(0)], ['x'], [new Error('a defect')], ['open']],
  });
  await run.clock.advance(200_000);
  assert.equal(
    new Set(run.restarts),
    new Set(['4xx', '401', '403', '404', '410', '429', '5xx', 'NoAnswer', 'BadEvent', 'Handler', 'ended']),
  );
  await run.stop();
});

const streaming = suite('reflector stream');
streaming('initial events are seen together, when their bookmark comes, and the watch goes on', async () => {
  const run = setUp({
    lists: [],
    streams: [
      [
        ...[event('ADDED', 'b', 7), event('ADDED', 'a', 3), event('ADDED', 'gone', 2)],
        ...[event('MODIFIED', 'a', 8), event('DELETED', 'gone', 9), event('BOOKMARK', '', 9)],
        'open',
        initialEnd(10),
        event('ADDED', 'c', 11),
        'open',
      ],
    ],
    watches: [['open']],
  });
  await run.clock.advance(40_000);
  assert.equal([run.seen, run.reflector.synced, run.reflector.age], [[], false, undefined]);
  await run.clock.advance(6_000);
  assert.equal(run.seen, ['list b@7,a@8', 'put c@11']);
  assert.ok(run.reflector.synced);
  assert.is(run.synced(), 1);
  await run.clock.advance(45_000);
  const [stream, watch] = run.requests;
  assert.equal(Object.fromEntries(stream?.query ?? []), {
    ...{ watch: 'true', allowWatchBookmarks: 'true', sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' },
    ...{ timeoutSeconds: '45', labelSelector: 'a=b' },
  });
  assert.equal([watch?.kind, watch?.query.get('resourceVersion')], ['watch', '11']);
  assert.is(watch?.query.get('sendInitialEvents'), null);
  await run.stop();
});
for (const code of [400, 422]) {
  streaming(`a server without streams (${code}) is asked once: then lists come in pages, at once`, async () => {
    const run = setUp({
      lists: [page(1, [object('a', 1)])],
      streams: [[error(code)]],
      watches: [['open'], [error(410)], ['open']],
    });
    for (let turn = 0; turn < 10; turn++) await settle();
    assert.equal([run.seen, run.clock.monotonic()], [['list a@1'], 0]);
    await run.clock.advance(60_000);
    assert.equal(
      run.requests.map(({ kind }) => kind),
      ['stream', 'list', 'watch', 'watch', 'list', 'watch'],
    );
    assert.is(run.restarts[0], 'Unsupported');
    await run.stop();
  });
}
for (const [what, trouble] of [
  ['breaks off', [event('ADDED', 'x', 2), error(0)]],
  ['ends before its bookmark', [event('ADDED', 'x', 2)]],
  ['meets 500', [error(500)]],
  ['has an event 410', [event('ADDED', 'x', 2), expired()]],
  ['has a line that is cut off', [event('ADDED', 'x', 2), '{"type":']],
  ['is silent', ['open', 'silent', error(0)]],
] as [string, Watch][]) {
  streaming(
    `one that ${what} shows nothing; the next list comes in pages, and the one after that as a stream`,
    async () => {
      const run = setUp({
        lists: [error(500), page(5, [object('a', 4)])],
        streams: [trouble, [event('ADDED', 'b', 6), initialEnd(8), 'open']],
        watches: [['open']],
      });
      await run.clock.advance(what === 'is silent' ? 56_000 : 1_000);
      assert.equal(run.seen, ['list b@6']);
      assert.equal(
        run.requests.map(({ kind }) => kind),
        ['stream', 'list', 'stream'],
      );
      await run.stop();
    },
  );
}
streaming('after one that failed, pages that work are followed by a watch, and the next list is a stream', async () => {
  const run = setUp({
    lists: [page(5, [object('a', 4)])],
    streams: [[error(0)], [event('ADDED', 'b', 6), initialEnd(8), 'open']],
    watches: [[error(410)], ['open']],
  });
  await run.clock.advance(1_000);
  assert.equal(
    run.requests.map(({ kind }) => kind),
    ['stream', 'list', 'watch', 'stream'],
  );
  assert.equal(run.seen, ['list a@4', 'list b@6']);
  await run.stop();
});
streaming(
  'L1 a server that is away is asked below once a second, and a list comes within 5 s of its return',
  async () => {
    const [streams, lists]: [Watch[], List[]] = [[[error(0)]], [error(0)]];
    const run = setUp({ lists, streams });
    await run.clock.advance(hour);
    assert.ok(run.requests.length < 3_600 && run.requests.length > 600, `${run.requests.length} requests an hour`);
    lists[0] = page(5);
    streams[0] = [initialEnd(5), 'open'];
    await run.clock.advance(5_000);
    assert.ok(run.reflector.synced);
    await run.stop();
  },
);
streaming('refresh breaks it off, and resolves with a stream begun after the call', async () => {
  const run = setUp({
    lists: [],
    streams: [
      [event('ADDED', 'old', 1), 'open', initialEnd(1), 'open'],
      [event('ADDED', 'new', 2), initialEnd(2), 'open'],
    ],
  });
  await run.clock.advance(10_000);
  const fresh = run.reflector.refresh(new AbortController().signal);
  await run.clock.advance(0);
  await fresh;
  assert.equal(run.seen, ['list new@2']);
  await run.stop();
});

const refreshing = suite('R7.4 reflector refresh');
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
for (const from of ['replace', 'put', 'remove'] as const)
  refreshing(`called from within ${from} of the sink, it lists again`, async () => {
    let calls = 0;
    const done: number[] = [];
    const again = () => {
      if (calls++ === 0) void run.reflector.refresh(signalOf()).then(() => done.push(run.lists()));
    };
    const run = setUp({
      lists: [page(1, [object('old', 1)]), page(9, [object('new', 9)])],
      watches: [...(from === 'replace' ? [] : [[event('ADDED', 'b', 2), event('DELETED', 'b', 3)]]), ['open']],
      sink: { [from]: again },
    });
    await run.clock.advance(1_000);
    assert.equal([done, run.lists(), run.watchesFrom().at(-1)], [[2], 2, '9']);
    assert.is(run.synced(), 1);
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
