/** The runtime by itself, with a cluster-scoped kind: which keys it hands out, and what comes after each result. */
import * as assert from 'uvu/assert';
import {
  ApiError,
  after,
  type BudgetOptions,
  type Client,
  createController,
  type KubeObject,
  keyOf,
  type Next,
  none,
  now,
  type Request,
  type Result,
  retry,
  retryOf,
  type StandardKind,
  Store,
  standardRetries,
  type Task,
  type TermContext,
  watched,
} from '../../src/kube/index.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const widget = (name: string, version = 5): KubeObject => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: String(version) },
});

type Setup = {
  readonly fence?: () => number;
  /** Beside those of the runtime. */
  readonly budget?: BudgetOptions;
  readonly seed?: number;
  /** Waited for before a list of this plural is answered. */
  readonly held?: Map<string, Promise<void>>;
  /** Without it `lead` begins a term. */
  readonly leads?: boolean;
  /** The fake watch sends no bookmarks, so that a copy grows old. */
  readonly currentFor?: number;
};
type Reconcile = (task: Task, looks: number, term: TermContext) => Result<StandardKind> | Promise<Result<StandardKind>>;

/**
 * A controller of two cluster-scoped widgets, a and b, and of a kind beside them that has no objects; both are listed at
 * version 10. `reconcile` decides what comes of each look.
 */
function setUp(reconcile: Reconcile, setup: Setup = {}) {
  const { fence, budget, seed = 1, held = new Map(), leads = true, currentFor = 3_600_000 } = setup;
  const clock = createVirtualClock({ seed });
  const sent: Request[] = [];
  const looks: { key: string; priority: number; at: number }[] = [];
  const told: string[] = [];
  let wake = () => {};
  const stored = new Map(['a', 'b'].map((name) => [name, widget(name)]));
  let version = 10;
  const client: Client = {
    async request<T>(request: Request): Promise<T> {
      sent.push(request);
      await held.get(request.resource);
      const items = request.resource === 'widgets' ? [...stored.values()] : [];
      return { metadata: { resourceVersion: String(version) }, items } as T;
    },
    async *lines({ path, resource, signal }) {
      if (path.includes('sendInitialEvents')) throw new ApiError('no streams', { code: 422 });
      while (!signal?.aborted) {
        const isTold = resource === 'widgets' && told.length > 0;
        if (isTold) yield told.shift() as string;
        else
          await new Promise<void>((resolve) => {
            if (resource === 'widgets') wake = resolve;
            signal?.addEventListener('abort', () => resolve(), { once: true });
          });
      }
    },
    close: async () => {},
  };
  const store = new Store<KubeObject>();
  const kind = (plural: string, of: Store<KubeObject>) =>
    watched({
      resource: { group: 'example.dev', version: 'v1', plural },
      ...{ store: of, keysOf: (object: KubeObject) => [keyOf(object)] },
    });
  let idle = 0;
  const controller = createController({
    ...{ client, clock, kinds: [kind('widgets', store), kind('parts', new Store())], workers: 1 },
    retries: { ...standardRetries, ...(budget ? { budget } : {}) },
    ...(fence ? { fence } : {}),
    currentFor,
    begin: (term) => ({
      async reconcile(task: Task) {
        looks.push({ ...task, at: clock.monotonic() });
        return reconcile(task, looks.filter(({ key }) => key === task.key).length, term);
      },
      threw: (_: Task, thrown: unknown) => retryOf(thrown),
      idle: () => idle++,
    }),
  });
  const stop = new AbortController();
  const running = [controller.run(stop.signal), ...(leads ? [controller.lead(stop.signal)] : [])];
  return {
    ...{ clock, controller, sent, looks, store },
    idle: () => idle,
    /** The watch tells of an object, or of a version alone, and what is due now is done. */
    async tell(type: 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: KubeObject) {
      const { name, resourceVersion } = object.metadata;
      version = Math.max(version, Number(resourceVersion));
      if (type === 'MODIFIED') stored.set(name, object);
      if (type === 'DELETED') stored.delete(name);
      told.push(JSON.stringify({ type, object }));
      wake();
      await clock.advance(0);
    },
    /** The keys that were looked at since this was asked last. */
    looked: () => looks.splice(0).map(({ key }) => key),
    async stop() {
      stop.abort();
      await Promise.all(running);
    },
  };
}
const unchanged: Result<StandardKind> = { said: 'unchanged', next: none };

const test = suite('runtime');

test('a cluster-scoped kind is listed without a namespace, and its keys are names', async () => {
  const desk = setUp(() => unchanged);
  await desk.clock.advance(1_000);
  const paths = desk.sent.map(({ path }) => path.split('?')[0]);
  assert.equal(paths, ['/apis/example.dev/v1/widgets', '/apis/example.dev/v1/parts']);
  assert.equal(
    desk.looks.map(({ key, priority }) => [key, priority]),
    [
      ['a', -100],
      ['b', -100],
    ],
  );
  assert.equal([...desk.store.keys()], ['a', 'b']);
  assert.is(desk.store.in('').get('a')?.metadata.uid, 'uid-a');
  assert.is(desk.idle(), 2);
  await desk.stop();
});

/** When a is looked at, in milliseconds after its first look, if the first comes to `next`. */
async function looksAfter(next: Next<StandardKind>, said: Result<StandardKind>['said'] = 'unchanged') {
  const desk = setUp(({ key }, looks) => (key === 'a' && looks === 1 ? { said, next } : unchanged));
  Object.assign(desk.clock, { random: () => 0.5 });
  await desk.clock.advance(120_000);
  await desk.stop();
  const [first, ...others] = desk.looks.filter(({ key }) => key === 'a');
  return others.map(({ at, priority }) => [at - (first?.at ?? 0), priority]);
}

for (const [what, next, expected] of [
  ['none: it is not looked at again', none, []],
  ['now: at once, at the priority that is given', now(-7), [[0, -7]]],
  ['after: when its time has come, as a change', after(5_000), [[5_000, 0]]],
  ['retry: after the backoff of its kind, at the priority that it had', retry<StandardKind>('slow'), [[500, -100]]],
  ['retry, not before the server wants it', retry<StandardKind>('slow', { atLeast: 9_000 }), [[9_000, -100]]],
  [
    'retry, with something to do before that: then',
    { when: 'retry', kind: 'slow', bounds: { atLeast: 9_000 }, after: 2_000 },
    [[2_000, 0]],
  ],
] as const)
  test(what, async () => assert.equal(await looksAfter(next), expected));

for (const [what, thrown, expected] of [
  ['a request that was refused is tried again slowly', new ApiError('', { code: 403 }), [[500, -100]]],
  ['a request without an answer is tried again soon', new ApiError('', { code: 0, reason: 'NoAnswer' }), [[50, -100]]],
  ['where an object is gone its own event is waited for', new ApiError('', { code: 404 }), []],
  ['a defect is tried again slowly', new TypeError('oops'), [[500, -100]]],
] as const)
  test(`what a reconcile throws: ${what}`, async () => assert.equal(await looksAfter(retryOf(thrown)), expected));

test('L3 a reconcile that throws stops no worker', async () => {
  const desk = setUp(({ key }, looks) => {
    if (key === 'a' && looks === 1) throw new TypeError('oops');
    return unchanged;
  });
  Object.assign(desk.clock, { random: () => 0.5 });
  await desk.clock.advance(5_000);
  assert.equal(
    desk.looks.map(({ key }) => key),
    ['a', 'b', 'a'],
  );
  await desk.stop();
});

/** A desk whose first look at a does `act`, and what comes later is told by the watch. */
async function afterOwn(act: (own: TermContext['own']) => void) {
  const desk = setUp(({ key }, looks, { own }) => {
    if (key === 'a' && looks === 1) act(own);
    return unchanged;
  });
  await desk.clock.advance(1_000);
  assert.equal(desk.looked(), ['a', 'b']);
  return desk;
}
const own = suite('R6.5 what a term wrote itself');

own('a key is not looked at before the watch has passed the last write for it; another is', async () => {
  const desk = await afterOwn(({ wrote }) => wrote('a', 'widgets', widget('a', 14)));
  await desk.tell('MODIFIED', widget('a', 12));
  await desk.tell('MODIFIED', widget('b', 13));
  assert.equal(desk.looked(), ['b']);
  await desk.tell('BOOKMARK', widget('', 14));
  assert.equal(desk.looked(), ['a']);
  await desk.stop();
});
own('its event costs no look; that of anybody else does', async () => {
  const desk = await afterOwn(({ wrote }) => wrote('a', 'widgets', widget('a', 12)));
  await desk.tell('MODIFIED', widget('a', 12));
  assert.equal(desk.looked(), []);
  await desk.tell('MODIFIED', widget('a', 13));
  assert.equal(desk.looked(), ['a']);
  await desk.stop();
});
own('R6.4 a write is in the copy when the watch has told of it, and not before', async () => {
  const desk = await afterOwn(({ wrote }) => wrote('a', 'widgets', widget('a', 12)));
  assert.is(desk.store.get('a')?.metadata.resourceVersion, '5');
  await desk.tell('MODIFIED', widget('a', 12));
  assert.is(desk.store.get('a')?.metadata.resourceVersion, '12');
  await desk.stop();
});
own('a key is not looked at before the watch has told that what was deleted for it is gone', async () => {
  const desk = await afterOwn(({ deleted }) => deleted('a', 'widgets', widget('b')));
  await desk.tell('MODIFIED', widget('a', 12));
  assert.equal(desk.looked(), []);
  await desk.tell('DELETED', widget('b', 13));
  // Of b the event tells nothing new.
  assert.equal(desk.looked(), ['a']);
  await desk.stop();
});
/**
 * What is looked at again after a first look at a, during which the watch tells of something, and then the answer comes to
 * what the look wrote.
 */
async function afterEvents(events: ['MODIFIED' | 'DELETED', KubeObject][], answer: (own: TermContext['own']) => void) {
  const answered = Promise.withResolvers<void>();
  const desk = setUp(async ({ key }, looks, { own }) => {
    if (key === 'a' && looks === 1) {
      await answered.promise;
      answer(own);
    }
    return unchanged;
  });
  await desk.clock.advance(1_000);
  for (const event of events) await desk.tell(...event);
  assert.equal(desk.looked(), ['a'], 'one worker: the answer is awaited');
  answered.resolve();
  await desk.clock.advance(1_000);
  const looked = desk.looked();
  await desk.stop();
  return looked;
}
const another = { metadata: { name: 'a', uid: 'uid-another', resourceVersion: '13' } };
for (const [what, events, answer, again] of [
  ['a write', [['MODIFIED', widget('a', 12)]], ({ wrote }) => wrote('a', 'widgets', widget('a', 12)), false],
  ['a deletion', [['DELETED', widget('a', 12)]], ({ deleted }) => deleted('a', 'widgets', widget('a')), false],
  [
    'a deletion, and a new object',
    [
      ['DELETED', widget('a', 12)],
      ['MODIFIED', another],
    ],
    (own) => {
      own.deleted('a', 'widgets', widget('a'));
      own.wrote('a', 'widgets', another);
    },
    false,
  ],
  [
    'a write, after one of somebody else',
    [
      ['MODIFIED', widget('a', 11)],
      ['MODIFIED', widget('a', 12)],
    ],
    ({ wrote }) => wrote('a', 'widgets', widget('a', 12)),
    true,
  ],
  [
    'a write, before one of somebody else',
    [
      ['MODIFIED', widget('a', 12)],
      ['MODIFIED', widget('a', 13)],
    ],
    ({ wrote }) => wrote('a', 'widgets', widget('a', 12)),
    true,
  ],
  [
    'a write, and somebody deletes it',
    [
      ['MODIFIED', widget('a', 12)],
      ['DELETED', widget('a', 13)],
    ],
    ({ wrote }) => wrote('a', 'widgets', widget('a', 12)),
    true,
  ],
  [
    'a deletion, and somebody puts another there',
    [
      ['DELETED', widget('a', 12)],
      ['MODIFIED', another],
    ],
    ({ deleted }) => deleted('a', 'widgets', widget('a')),
    true,
  ],
  [
    'a write for another key',
    [['MODIFIED', widget('a', 12)]],
    ({ wrote }) => wrote('b', 'widgets', widget('a', 12)),
    true,
  ],
  ['nothing', [['MODIFIED', widget('a', 12)]], () => {}, true],
] as [string, ['MODIFIED' | 'DELETED', KubeObject][], (own: TermContext['own']) => void, boolean][])
  own(`events before the answer to ${what}: ${again ? 'one look more' : 'no look'}`, async () =>
    assert.equal(
      (await afterEvents(events, answer)).filter((key) => key === 'a'),
      again ? ['a'] : [],
    ),
  );

own('R7.10 a key whose write is lost as time goes back is looked at again', async () => {
  const desk = await afterOwn(({ wrote }) => wrote('a', 'widgets', widget('a', 12)));
  await desk.tell('BOOKMARK', widget('', 13));
  await desk.clock.advance(5_000);
  assert.equal(desk.looked(), ['a']);
  await desk.stop();
});
own('R7.10 after a restore of an older time nothing is waited for that may never come', async () => {
  const desk = await afterOwn(({ wrote }) => wrote('a', 'widgets', widget('a', 1_000)));
  await desk.tell('MODIFIED', widget('a', 12));
  assert.equal(desk.looked(), []);
  await desk.tell('BOOKMARK', widget('', 7));
  await desk.clock.advance(5_000);
  assert.equal(desk.looked(), ['a']);
  await desk.stop();
});

const term = suite('term');
for (const fence of [undefined, () => 5_000])
  term(
    `R7.1 R7.3 ${fence ? 'under a lease its' : 'without one no'} writes ask the fence; all end with the lease`,
    async () => {
      const desk = setUp(
        async ({ key }, _, { client }) => {
          for (const method of ['GET', 'PUT', 'POST', 'DELETE'] as const)
            await client.request({ method, path: `/${key}`, resource: 'widgets' });
          return unchanged;
        },
        { leads: false, ...(fence ? { fence } : {}) },
      );
      const [end, lost] = [new AbortController(), new AbortController()];
      const led = desk.controller.lead(end.signal, lost.signal);
      await desk.clock.advance(1_000);
      const own = desk.sent.filter(({ path }) => path === '/a');
      assert.equal(
        own.map(({ method, fence: asked }) => [method, asked]),
        [['GET', undefined], ...['PUT', 'POST', 'DELETE'].map((method): [string, typeof fence] => [method, fence])],
      );
      assert.ok(own.every(({ signal }) => signal === lost.signal));
      end.abort();
      await led;
      await desk.stop();
    },
  );
for (const [what, fence, expected] of [
  ['R7.4 under a lease a term waits for lists of its own, of both kinds', () => 5_000, [[], [], ['a', 'b']]],
  ['without a lease the lists that are there are as good', undefined, [['a', 'b'], [], []]],
] as const)
  term(what, async () => {
    const held = new Map<string, Promise<void>>();
    const desk = setUp(() => unchanged, { leads: false, held, ...(fence ? { fence } : {}) });
    await desk.clock.advance(1_000);
    const [widgets, parts] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    held.set('widgets', widgets.promise);
    held.set('parts', parts.promise);
    const end = new AbortController();
    const led = desk.controller.lead(end.signal);
    const seen: string[][] = [];
    for (const release of [() => {}, widgets.resolve, parts.resolve]) {
      release();
      await desk.clock.advance(1_000);
      seen.push(desk.looked());
    }
    assert.equal(seen, expected);
    end.abort();
    await led;
    await desk.stop();
  });
term('R7.10 after time went back nothing is decided before both kinds are listed anew', async () => {
  const held = new Map<string, Promise<void>>();
  const desk = setUp(() => unchanged, { held });
  await desk.clock.advance(1_000);
  desk.looked();
  const gate = Promise.withResolvers<void>();
  held.set('parts', gate.promise);
  await desk.tell('BOOKMARK', widget('', 7));
  await desk.clock.advance(5_000);
  await desk.tell('MODIFIED', widget('a', 12));
  assert.equal(desk.looked(), []);
  gate.resolve();
  await desk.clock.advance(5_000);
  assert.equal(desk.looked(), ['a']);
  await desk.stop();
});
term(
  'R7.10 nor where time goes back once more meanwhile: lists that are there already are of the time before',
  async () => {
    const held = new Map<string, Promise<void>>();
    const desk = setUp(() => unchanged, { held });
    await desk.clock.advance(1_000);
    desk.looked();
    const [parts, widgets] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    held.set('parts', parts.promise);
    await desk.tell('BOOKMARK', widget('', 7));
    await desk.clock.advance(5_000);
    await desk.tell('MODIFIED', widget('a', 12));
    held.set('widgets', widgets.promise);
    await desk.tell('BOOKMARK', widget('', 8));
    parts.resolve();
    await desk.clock.advance(5_000);
    assert.equal(desk.looked(), [], 'the list of widgets is from before');
    widgets.resolve();
    await desk.clock.advance(5_000);
    assert.equal(desk.looked(), ['a']);
    await desk.stop();
  },
);
term('R7.10 nor for a key that waited for its turn when time went back', async () => {
  const held = new Map<string, Promise<void>>();
  const [work, lists] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const desk = setUp(
    async ({ key }, looks) => {
      if (key === 'b' && looks === 2) await work.promise;
      return unchanged;
    },
    { held },
  );
  await desk.clock.advance(1_000);
  await desk.tell('MODIFIED', widget('b', 12));
  await desk.tell('MODIFIED', widget('a', 13));
  held.set('parts', lists.promise);
  await desk.tell('BOOKMARK', widget('', 7));
  work.resolve();
  await desk.clock.advance(5_000);
  assert.equal(desk.looked(), ['a', 'b', 'b']);
  lists.resolve();
  await desk.clock.advance(5_000);
  assert.equal(desk.looked(), ['a']);
  await desk.stop();
});
term('R7.10 nothing is decided from a copy that nothing has confirmed for a minute', async () => {
  const held = new Map<string, Promise<void>>();
  const desk = setUp(() => unchanged, { held, currentFor: 60_000 });
  await desk.clock.advance(40_000);
  await desk.tell('MODIFIED', widget('a', 11));
  await desk.clock.advance(10_000);
  await desk.tell('MODIFIED', widget('b', 12));
  assert.equal(desk.looked(), ['a', 'b', 'a', 'b'], 'young enough');
  const gate = Promise.withResolvers<void>();
  held.set('parts', gate.promise);
  await desk.clock.advance(40_000);
  await desk.tell('MODIFIED', widget('a', 13));
  await desk.clock.advance(5_000);
  assert.equal(desk.looked(), [], 'of the other kind nothing was heard for longer');
  gate.resolve();
  await desk.clock.advance(5_000);
  assert.equal(desk.looked(), ['a']);
  await desk.stop();
});
term('it ends when what is in flight is finished, and nothing of it goes on', async () => {
  const gate = Promise.withResolvers<void>();
  const desk = setUp(
    async ({ key }) => {
      if (key === 'a') await gate.promise;
      return { said: 'unchanged', next: after(1_000) };
    },
    { leads: false },
  );
  const end = new AbortController();
  let ended = false;
  const led = desk.controller.lead(end.signal).then(() => {
    ended = true;
  });
  await desk.clock.advance(1_000);
  end.abort();
  await desk.clock.advance(1_000);
  assert.is(ended, false);
  gate.resolve();
  await led;
  desk.looked();
  await desk.clock.advance(3_600_000);
  await desk.tell('MODIFIED', widget('a', 12));
  assert.equal(desk.looked(), []);
  await desk.stop();
});
term('every object is looked at again after about the resync, and not all processes at the same moment', async () => {
  const times = new Set<number>();
  for (const seed of [1, 2, 3]) {
    const desk = setUp(() => unchanged, { seed });
    await desk.clock.advance(1_000);
    desk.looks.length = 0;
    await desk.clock.advance(1_340_000);
    const [first] = desk.looks;
    assert.ok(first && first.at >= 540_000 && first.at <= 661_000, String(first?.at));
    times.add(first.at);
    assert.equal(desk.looked(), ['a', 'b', 'a', 'b']);
    await desk.stop();
  }
  assert.is(times.size, 3);
});

const outage = suite('R9.5 the end of an outage');
const away = new ApiError('away', { code: 0, reason: 'NoAnswer' });
for (const [what, result, isOver] of [
  ['something was written', { said: 'written', next: none }, true],
  ['nothing was sent', unchanged, false],
  ...(
    [
      [403, true],
      [409, true],
      [401, false],
      [429, false],
      [503, false],
      [504, false],
    ] as const
  ).map(
    ([code, isBack]) =>
      [`an answer ${code}`, { said: 'problem', next: none, error: new ApiError('', { code }) }, isBack] as const,
  ),
] as [string, Result<StandardKind>, boolean][])
  outage(`${what}: ${isOver ? 'who waits comes back within 2 s' : 'that says nothing of the server'}`, async () => {
    const late = retry<StandardKind>('transport', { pace: 5_000 });
    const desk = setUp(({ key }) => (key === 'a' ? { said: 'problem', next: late, error: away } : result));
    await desk.clock.advance(100);
    assert.equal(desk.looked(), ['a', 'b']);
    await desk.tell('MODIFIED', widget('b', 12));
    await desk.clock.advance(2_000);
    assert.equal(desk.looked(), isOver ? ['b', 'a'] : ['b']);
    await desk.stop();
  });
outage('there is one in 30 s at most, however often another gets an answer', async () => {
  const late = retry<StandardKind>('transport', { pace: 5_000 });
  const desk = setUp(({ key }) =>
    key === 'a' ? { said: 'problem', next: late, error: away } : { said: 'written', next: after(500) },
  );
  await desk.clock.advance(60_000);
  const tries = desk.looks.filter(({ key }) => key === 'a').length;
  assert.ok(tries >= 12 && tries <= 16, `${tries} tries of a in a minute`);
  await desk.stop();
});
for (const [what, budget, least, most] of [
  ['R9.3 what the tries of a key cost is paid for by time', { burst: 6, refillEvery: 2_500, longest: 60_000 }, 20, 30],
  ['without a budget it is not', undefined, 60, 100_000],
] as const)
  term(what, async () => {
    const failed = { said: 'problem', next: retry<StandardKind>('slow'), requests: 3 } as const;
    const desk = setUp(({ key }) => (key === 'a' ? failed : unchanged), budget ? { budget } : {});
    Object.assign(desk.clock, { random: () => 0.01 });
    await desk.clock.advance(59_000);
    const requests = 3 * desk.looks.filter(({ key }) => key === 'a').length;
    assert.ok(requests >= least && requests <= most, `${requests} requests`);
    await desk.stop();
  });
term('R9.3 and so is what the turns of a try cost that was not finished in one', async () => {
  const turn = { said: 'unfinished', next: now(0), requests: 10 } as const;
  const last = { said: 'problem', next: retry<StandardKind>('slow'), requests: 0 } as const;
  const budget = { burst: 6, refillEvery: 2_500, longest: 60_000 };
  const desk = setUp(({ key }, looks) => (key === 'b' ? unchanged : looks % 2 === 1 ? turn : last), { budget });
  Object.assign(desk.clock, { random: () => 0.01 });
  await desk.clock.advance(34_000);
  // Of 10 requests 4 are paid for by 10 s, and then, with nothing left, 10 by 25 s.
  assert.equal(
    desk.looks.filter(({ key }) => key === 'a').map(({ at }) => Math.round(at / 1_000)),
    [0, 0, 10, 10],
  );
  await desk.stop();
});
term('a success makes the next backoff small again', async () => {
  const desk = setUp(({ key }, looks) => {
    if (key !== 'a') return unchanged;
    return looks <= 6 ? { said: 'problem', next: retry<StandardKind>('slow') } : { said: 'unchanged', next: none };
  });
  Object.assign(desk.clock, { random: () => 0.5 });
  await desk.clock.advance(60_000);
  const times = desk.looks.filter(({ key }) => key === 'a').map(({ at }) => at);
  assert.equal(
    times.slice(1).map((at, i) => at - (times[i] ?? 0)),
    [500, 1_000, 2_000, 4_000, 8_000, 16_000],
  );
  await desk.stop();
});
