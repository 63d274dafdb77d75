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

const widget = (name: string): KubeObject => ({ metadata: { name, uid: `uid-${name}`, resourceVersion: '5' } });

/** A controller of two cluster-scoped widgets, a and b; `reconcile` decides what comes of each look. */
function setUp(reconcile: (task: Task, looks: number) => Result<StandardKind>) {
  const clock = createVirtualClock();
  const paths = new Set<string>();
  const looks: { key: string; priority: number; at: number }[] = [];
  const client: Client = {
    async request<T>({ path }: Request): Promise<T> {
      paths.add(path.split('?')[0] ?? '');
      return { metadata: { resourceVersion: '10' }, items: [widget('a'), widget('b')] } as T;
    },
    async *lines({ path, signal }) {
      if (path.includes('sendInitialEvents')) throw new ApiError('no streams', { code: 422 });
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
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
    begin: () => ({
      async reconcile(task: Task) {
        looks.push({ ...task, at: clock.monotonic() });
        return reconcile(task, looks.filter(({ key }) => key === task.key).length);
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
