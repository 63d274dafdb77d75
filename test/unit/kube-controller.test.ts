/** The runtime by itself, with a cluster-scoped kind: which keys it hands out, and what comes after each result. */
import * as assert from 'uvu/assert';
import {
  ApiError,
  after,
  type Client,
  createController,
  type KubeObject,
  keyOf,
  type Next,
  none,
  now,
  type OwnWrites,
  type Request,
  type Result,
  retry,
  retryOf,
  type StandardKind,
  Store,
  standardRetries,
  type Task,
  watched,
} from '../../src/kube/index.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const widget = (name: string, version = 5): KubeObject => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: String(version) },
});

/**
 * A controller of two cluster-scoped widgets, a and b, which are listed at version 10; `reconcile` decides what comes of each
 * look.
 */
function setUp(reconcile: (task: Task, looks: number, own: OwnWrites) => Result<StandardKind>) {
  const clock = createVirtualClock();
  const paths = new Set<string>();
  const looks: { key: string; priority: number; at: number }[] = [];
  const told: string[] = [];
  let wake = () => {};
  const client: Client = {
    async request<T>({ path }: Request): Promise<T> {
      paths.add(path.split('?')[0] ?? '');
      return { metadata: { resourceVersion: '10' }, items: [widget('a'), widget('b')] } as T;
    },
    async *lines({ path, signal }) {
      if (path.includes('sendInitialEvents')) throw new ApiError('no streams', { code: 422 });
      while (!signal?.aborted) {
        for (let line = told.shift(); line !== undefined; line = told.shift()) yield line;
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal?.addEventListener('abort', () => resolve(), { once: true });
        });
      }
    },
    close: async () => {},
  };
  const store = new Store<KubeObject>();
  const widgets = watched({
    resource: { group: 'example.dev', version: 'v1', plural: 'widgets' },
    ...{ store, keysOf: (object: KubeObject) => [keyOf(object)] },
  });
  let idle = 0;
  const controller = createController({
    ...{ client, clock, kinds: [widgets], retries: standardRetries, workers: 1 },
    begin: ({ own }) => ({
      async reconcile(task: Task) {
        looks.push({ ...task, at: clock.monotonic() });
        return reconcile(task, looks.filter(({ key }) => key === task.key).length, own);
      },
      threw: (_: Task, thrown: unknown) => retryOf(thrown),
      idle: () => idle++,
    }),
  });
  const stop = new AbortController();
  const running = Promise.all([controller.run(stop.signal), controller.lead(stop.signal)]);
  return {
    ...{ clock, paths, looks, store },
    idle: () => idle,
    /** The watch tells of an object, or of a version alone, and what is due now is done. */
    async tell(type: 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: KubeObject) {
      told.push(JSON.stringify({ type, object }));
      wake();
      await clock.advance(0);
    },
    /** The keys that were looked at since this was asked last. */
    looked: () => looks.splice(0).map(({ key }) => key),
    async stop() {
      stop.abort();
      await running;
    },
  };
}
const unchanged: Result<StandardKind> = { said: 'unchanged', next: none };

const test = suite('runtime');

test('a cluster-scoped kind is listed without a namespace, and its keys are names', async () => {
  const desk = setUp(() => unchanged);
  await desk.clock.advance(1_000);
  assert.equal([...desk.paths], ['/apis/example.dev/v1/widgets']);
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

test('a reconcile that throws stops no worker', async () => {
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
async function afterOwn(act: (own: OwnWrites) => void) {
  const desk = setUp(({ key }, looks, own) => {
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
  assert.equal(desk.looked().sort(), ['a', 'b']);
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
