/** Time that goes back under a reflector: etcd is restored from a backup, and soon past the version that was known. */
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';
import {
  broken,
  error,
  event,
  gateway,
  initialEnd,
  object,
  page,
  setUp,
  type Watch,
} from '../support/reflector-script.ts';

const test = suite('R7.10 time goes back');
/** Ten minutes of watches that go on as agreed. */
const calm: Watch = ['open'];
const old = page(900, [object('a', 890)]);
const restored = page(100, [object('a', 90)]);

for (const [what, trouble] of [
  ['gave no answer', error(0)],
  ['was answered for by a gateway', gateway(503)],
  ['can not be signed in to', Object.assign(error(0), { reason: 'Credentials' })],
] as [string, Error][]) {
  test(`L1 a server that ${what} was away, and may be another now: a list shows what it has`, async () => {
    const run = setUp({ lists: [old, restored], watches: [[broken()], calm], probes: [trouble, page(1_000)] });
    await run.clock.advance(3_000);
    assert.is(run.kinds(), 'list watch probe list watch');
    assert.equal(
      [run.seen, run.watchesFrom()],
      [
        ['list a@890', 'list a@90'],
        ['900', '100'],
      ],
    );
    await run.stop();
  });
}
for (const [what, watch, expected] of [
  ['broke, until a probe shows it is of no older time', [broken()], ['doubted', 'proven']],
  ['gave no answer, until it is listed', [error(0)], ['doubted', 'seen 100']],
  ['was answered for with an error: that server was there all the time', [error(503)], ['proven']],
  ['was ended as agreed', ['open'], []],
] as [string, Watch, string[]][])
  test(`the copy of a watch is told to be in doubt where it ${what}`, async () => {
    const told: string[] = [];
    const run = setUp({
      ...{ lists: [old, restored], watches: [watch, calm], probes: [page(900)] },
      sink: {
        doubted: () => told.push('doubted'),
        proven: () => told.push('proven'),
        seen: (version) => told.push(`seen ${version}`),
      },
    });
    await run.clock.advance(60_000);
    assert.equal(told, ['seen 900', ...expected]);
    await run.stop();
  });
test('also when it was away as the watch was opened, and when the connection was half open', async () => {
  for (const trouble of [[error(0)], ['open', 'silent', error(0)], ['open', 'silent', broken()]] as Watch[]) {
    const run = setUp({ lists: [old, restored], watches: [trouble, calm] });
    await run.clock.advance(60_000);
    assert.match(run.kinds(), /^list watch list watch/);
    await run.stop();
  }
});
for (const [what, watch] of [
  ['broke', [broken()]],
  ['the server ended early, in good order', []],
  ['met 503 of the server', [error(503)]],
  ['met 429', [error(429)]],
  ['sent what is no event', ['{']],
] as [string, Watch][]) {
  test(`a watch that ${what} goes on when a probe shows that time goes on`, async () => {
    const run = setUp({ lists: [old], watches: [watch, calm], probes: [page(900)] });
    await run.clock.advance(3_000);
    assert.is(run.kinds(), 'list watch probe watch');
    const probe = run.requests[2];
    assert.equal(
      [...(probe?.query ?? [])],
      [
        ['limit', '1'],
        ['labelSelector', 'a=b'],
      ],
    );
    await run.stop();
  });
  test(`a watch that ${what} is followed by a list when a probe shows that time went back`, async () => {
    const run = setUp({ lists: [old, restored], watches: [watch, calm], probes: [page(899)] });
    await run.clock.advance(3_000);
    assert.is(run.kinds(), 'list watch probe list watch');
    assert.ok(run.restarts.includes('TimeWentBack'));
    await run.stop();
  });
}
test('a probe that fails is tried again; one that is no list is no proof', async () => {
  const run = setUp({
    lists: [old],
    watches: [[broken()], calm],
    probes: [error(500), { metadata: {} }, page(900)],
  });
  await run.clock.advance(5_000);
  assert.is(run.kinds(), 'list watch probe probe probe watch');
  await run.stop();
});
test('at rest nothing more is asked: watches that end as agreed go on', async () => {
  const run = setUp({ lists: [old] });
  await run.clock.advance(600_000);
  assert.equal([run.lists(), run.probes()], [1, 0]);
  await run.stop();
});
test('a server that comes and goes causes at most one list in 30 s', async () => {
  const run = setUp({ lists: [old], watches: [[error(0)]] });
  await run.clock.advance(600_000);
  assert.ok(run.lists() >= 15 && run.lists() <= 22, `${run.lists()} lists in ten minutes`);
  await run.stop();
});
test('L1 a list that has to wait for its turn comes all the same; until then the watch goes on, and ends for it', async () => {
  const run = setUp({ lists: [old, old, restored], watches: [[error(0)], [error(0)], calm] });
  await run.clock.advance(3_000);
  assert.is(run.kinds(), 'list watch list watch probe watch');
  const { query, deadline } = run.requests.at(-1) ?? {};
  const seconds = Number(query?.get('timeoutSeconds'));
  assert.ok(seconds >= 28 && seconds <= 30, `a watch of ${seconds} s`);
  assert.is(deadline, (seconds + 10) * 1000);
  await run.clock.advance(32_000);
  assert.is(run.kinds(), 'list watch list watch probe watch list watch');
  await run.clock.advance(100_000);
  assert.equal([run.lists(), run.probes()], [3, 1], 'that is all');
  await run.stop();
});
test('a list or a stream of an older time is told as such, and counts', async () => {
  for (const streams of [
    undefined,
    [
      [initialEnd(900), error(0)],
      [initialEnd(100), 'open'],
    ] as Watch[],
  ]) {
    const run = setUp({ lists: [old, restored], watches: [[error(0)], calm], ...(streams ? { streams } : {}) });
    await run.clock.advance(3_000);
    assert.is(run.restarts.filter((reason) => reason === 'TimeWentBack').length, 1);
    assert.is(run.watchesFrom().at(-1) ?? '100', '100');
    await run.stop();
  }
});
test('an event or bookmark of an older time is told as such', async () => {
  for (const line of [event('ADDED', 'b', 800), event('BOOKMARK', '', 800)]) {
    const run = setUp({ lists: [old, restored], watches: [[line, 'open'], calm] });
    await run.clock.advance(3_000);
    assert.equal([run.restarts, run.seen.at(-1)], [['TimeWentBack'], 'list a@90']);
    await run.stop();
  }
});
