/** One kind in one scope: what a list and a watch put into the store, and which keys they wake. */
import * as assert from 'uvu/assert';
import {
  ApiError,
  Barrier,
  type Client,
  type KubeObject,
  keyIn,
  type NamespacedObject,
  type Request,
  Store,
  watched,
} from '../../src/kube/index.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

/** A part of a whole, which its label names; `asked` is what people ask for with it. */
type Part = NamespacedObject & { readonly asked?: string };

const part = (name: string, version: number, of: string, { uid = `uid-${name}`, asked = '' } = {}): Part => ({
  metadata: { name, namespace: 'ns', uid, resourceVersion: String(version), labels: { of } },
  ...(asked ? { asked } : {}),
});
const of = ({ metadata }: Part): string => {
  if (metadata.labels?.['of'] === 'nobody can read it') throw new RangeError('too deep');
  return metadata.labels?.['of'] ?? '';
};

/** An informer of parts, of which one of `whole` is listed at version 10; any list after that brings `later`. */
async function setUp({ listed = [part('one', 5, 'whole')], later }: { listed?: Part[]; later?: Part[] } = {}) {
  const clock = createVirtualClock();
  const barrier = new Barrier();
  const [woken, unreadable, gone]: [string[], string[], string[]] = [[], [], []];
  const [told, restarted]: [string[], string[]] = [[], []];
  let [wake, lists] = [() => {}, 0];
  const client: Client = {
    async request<T>({ path }: Request): Promise<T> {
      assert.match(path, '/apis/example.dev/v1/namespaces/ns/parts');
      const items = lists++ === 0 ? listed : (later ?? listed);
      return { metadata: { resourceVersion: lists === 1 ? '10' : '100' }, items } as T;
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
  const store = new Store<Part>();
  const informer = watched<Part>({
    ...{ resource: { group: 'example.dev', version: 'v1', plural: 'parts' }, store },
    keysOf: (one) => [keyIn(one.metadata.namespace, of(one))],
    asks: ({ asked }) => asked,
    gone: ({ metadata }) => gone.push(metadata.name),
  }).informerIn({
    ...{ client, clock, barrier, namespace: 'ns', timing: {}, currentFor: 60_000 },
    observer: () => ({
      unreadable: (key) => unreadable.push(key),
      restarted: (reason) => restarted.push(reason),
    }),
    onChange: (key, { isFirst, wakes }) => woken.push(`${key}${isFirst ? ' first' : ''}${wakes ? ' asks' : ''}`),
    onWentBack: () => woken.push('went back'),
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  await clock.advance(1_000);
  return {
    ...{ barrier, clock, gone, informer, restarted, store, unreadable },
    woken: () => woken.splice(0),
    async tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) {
      told.push(JSON.stringify({ type, object }));
      wake();
      await clock.advance(0);
      return woken.splice(0);
    },
    async stop() {
      stop.abort();
      await running;
    },
  };
}

const test = suite('informer');

test('what the first list has is told as such', async () => {
  const desk = await setUp();
  assert.equal(desk.woken(), ['ns/whole first']);
  await desk.stop();
});
for (const [what, type, object, expected] of [
  ['added', 'ADDED', part('two', 11, 'other'), ['ns/other']],
  ['changed', 'MODIFIED', part('one', 11, 'whole'), ['ns/whole']],
  ['changed, so that it names another', 'MODIFIED', part('one', 11, 'other'), ['ns/other', 'ns/whole']],
  ['removed', 'DELETED', part('one', 11, 'whole'), ['ns/whole']],
  ['removed, which nobody had', 'DELETED', part('two', 11, 'other'), []],
  ['removed, of an earlier object of the name', 'DELETED', part('one', 11, 'whole', { uid: 'uid-before' }), []],
] as const)
  test(`an object that was ${what} wakes ${expected.join(' and ') || 'nobody'}`, async () => {
    const desk = await setUp();
    desk.woken();
    assert.equal(await desk.tell(type, object), expected);
    await desk.stop();
  });
test('R9.9 a change wakes who waits after a failure only where people ask for something else', async () => {
  const desk = await setUp({ listed: [part('one', 5, 'whole', { asked: 'a' })] });
  desk.woken();
  const told: string[][] = [];
  for (const [version, asked] of [
    [11, 'a'],
    [12, 'b'],
    [13, 'b'],
    [14, ''],
  ] as const)
    told.push(await desk.tell('MODIFIED', part('one', version, 'whole', { asked })));
  assert.equal(told, [['ns/whole'], ['ns/whole asks'], ['ns/whole'], ['ns/whole']]);
  await desk.stop();
});
test('R6.5 the event of an own write is in the store, and wakes nobody', async () => {
  const desk = await setUp();
  desk.woken();
  desk.barrier.wrote('ns/whole', 'parts', 'ns/uid-one', '11');
  assert.equal(await desk.tell('MODIFIED', part('one', 11, 'whole')), []);
  assert.is(desk.store.get('ns/one')?.metadata.resourceVersion, '11');
  assert.ok(desk.barrier.isReady('ns/whole'));
  await desk.stop();
});
for (const way of ['an event', 'the next list'] as const)
  test(`what is gone by ${way} is told, and not waited for any more`, async () => {
    const desk = await setUp({ later: [] });
    desk.woken();
    desk.barrier.deleted('ns/whole', 'parts', 'ns/uid-one');
    if (way === 'an event') await desk.tell('DELETED', part('one', 11, 'whole'));
    else {
      void desk.informer.listed(new AbortController().signal, true);
      await desk.clock.advance(1_000);
    }
    assert.equal([desk.gone, desk.store.size, desk.barrier.isReady('ns/whole')], [['one'], 0, true]);
    await desk.stop();
  });
test('R9.20 what can not be read is kept by its name alone, and told; the list and the watch go on', async () => {
  const bad = 'nobody can read it';
  const desk = await setUp({ listed: [part('odd', 4, bad), part('one', 5, 'whole')] });
  assert.equal([desk.woken(), desk.unreadable], [['ns/ first', 'ns/whole first'], ['ns/odd']]);
  assert.equal(desk.store.get('ns/odd')?.metadata.labels, undefined);
  assert.equal(await desk.tell('MODIFIED', part('odd', 11, bad)), ['ns/']);
  assert.equal(await desk.tell('MODIFIED', part('one', 12, 'whole')), ['ns/whole']);
  assert.equal(desk.unreadable, ['ns/odd', 'ns/odd']);
  await desk.stop();
});
test('R11.4 a copy is current for a minute after its last sign, and not while a list is waited for', async () => {
  const desk = await setUp();
  const isSynced = () => desk.informer.state().synced;
  assert.ok(isSynced());
  await desk.clock.advance(59_000);
  assert.ok(isSynced());
  await desk.clock.advance(2_000);
  assert.is(isSynced(), false);
  await desk.tell('MODIFIED', part('one', 11, 'whole'));
  assert.ok(isSynced());
  const waits = desk.informer.listed(new AbortController().signal, true);
  assert.is(isSynced(), false);
  await desk.clock.advance(1_000);
  await waits;
  assert.ok(isSynced());
  await desk.stop();
});
test('R7.10 a write that the watch passes without telling of it was lost: time went back', async () => {
  const desk = await setUp();
  desk.woken();
  desk.barrier.wrote('ns/whole', 'parts', 'ns/uid-one', '11');
  assert.equal(await desk.tell('MODIFIED', part('two', 11, 'other')), ['ns/other', 'went back']);
  assert.is(desk.restarted.at(-1), 'TimeWentBack');
  await desk.stop();
});
test('R7.10 a list that has an object as it was before says that time went back', async () => {
  const desk = await setUp({ later: [part('one', 5, 'whole')] });
  await desk.tell('MODIFIED', part('one', 20, 'whole'));
  void desk.informer.listed(new AbortController().signal, true);
  await desk.clock.advance(1_000);
  assert.ok(desk.woken().includes('went back'));
  await desk.stop();
});
