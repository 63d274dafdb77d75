/** Several namespaces are watched, and some of them can't be: each is served by itself, and told by itself. */
import * as assert from 'uvu/assert';
import { createController } from '../../src/controller/controller.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { readinessOf } from '../../src/observe/health.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

type Line = { msg: string; namespace?: string; key?: string; priority?: string; time: number };
type Stored = {
  metadata: { name: string; namespace: string; uid: string; resourceVersion: string; generation: number };
  spec?: unknown;
};

const second = 1_000;
const minute = 60 * second;
const resync = 10 * minute;
const leads = { fence: () => 10 * second };

/**
 * A controller, and an API server with an object `pom` in each of nsa and nsb. Lists come in pages. In a namespace, ''
 * for all, that is `refused` lists and watches are answered 403: all, those of ConfigMaps, or only watches.
 */
function setUp(namespaces: string[], { fence }: { fence?: () => number } = {}) {
  const clock = createVirtualClock();
  const writes: string[] = [];
  const lines: Line[] = [];
  const refused = new Map<string, 'all' | 'configmaps' | 'watches'>();
  /** Of each watch, by namespace and resource: shows it what is new, or ends it. */
  const watches = new Map<string, (what: 'look' | 'end') => void>();
  const stored = new Map<string, Stored>();
  /** Every revision, as a watch tells of it. */
  const history: { readonly key: string; readonly version: number; readonly line: string }[] = [];
  let version = 100;
  const store = (resource: string, object: { metadata: Pick<Stored['metadata'], 'name' | 'namespace'> }): Stored => {
    const key = `${object.metadata.namespace}/${resource}/${object.metadata.name}`;
    const metadata = { uid: `uid-${key}`, generation: 1, ...object.metadata, resourceVersion: String(++version) };
    const next = { ...stored.get(key), ...object, metadata };
    stored.set(key, next);
    history.push({ key, version, line: JSON.stringify({ type: 'MODIFIED', object: next }) });
    for (const namespace of [metadata.namespace, '']) watches.get(`${namespace}/${resource}`)?.('look');
    return next;
  };
  const save = (namespace: string, name: string) =>
    store('licensesettings', {
      ...{ metadata: { name, namespace }, spec: { licenses: { outboundPorts: { minimum: 1, maximum: 2 } } } },
    });
  for (const namespace of ['nsa', 'nsb']) save(namespace, 'pom');
  const namespaceOf = (path: string) => /\/namespaces\/([^/]+)/.exec(path)?.[1] ?? '';
  const refuse = (namespace: string, resource: string, verb: 'list' | 'watch') => {
    const what = refused.get(namespace);
    if (what === 'all' || what === resource || (what === 'watches' && verb === 'watch'))
      throw new ApiError(`forbidden in ${namespace || 'all'}`, { code: 403 });
  };
  const client: Client = {
    async request<T>({ method, path, resource, body }: Request): Promise<T> {
      const namespace = namespaceOf(path);
      if (method === 'GET') {
        refuse(namespace, resource, 'list');
        const items = [...stored].flatMap(([key, one]) =>
          key.includes(`/${resource}/`) && key.startsWith(namespace) ? one : [],
        );
        return { metadata: { resourceVersion: String(version) }, items } as T;
      }
      if (resource !== 'events') writes.push(namespace);
      const { metadata, ...rest } = body as Stored;
      return store(resource.split('/')[0] ?? '', { ...rest, metadata: { ...metadata, namespace } }) as T;
    },
    async *lines({ path, resource, signal }) {
      if (path.includes('sendInitialEvents')) throw new ApiError('no streams', { code: 422 });
      const namespace = namespaceOf(path);
      refuse(namespace, resource, 'watch');
      let from = Number(new URLSearchParams(path.split('?')[1]).get('resourceVersion'));
      const ends = clock.monotonic() + 45 * second;
      while (!signal?.aborted) {
        for (const { key, version: at, line } of history) {
          if (at <= from || !key.includes(`/${resource}/`) || !key.startsWith(namespace)) continue;
          from = at;
          yield line;
        }
        const what = await new Promise<'look' | 'end'>((resolve) => {
          watches.set(`${namespace}/${resource}`, resolve);
          signal?.addEventListener('abort', () => resolve('end'), { once: true });
          clock.after(ends - clock.monotonic(), () => resolve('end'));
        });
        if (what === 'end') return;
      }
    },
    close: async () => {},
  };
  const metrics = createMetrics();
  const controller = createController({
    ...{ client, clock, metrics, namespaces, workers: 4, resync, instance: 'test' },
    log: createLogger({
      level: 'debug',
      format: 'json',
      destination: { write: (line) => lines.push({ ...JSON.parse(line), time: clock.monotonic() }) },
    }),
    ...(fence ? { fence } : {}),
  });
  const stop = new AbortController();
  const running = controller.run(stop.signal);
  return {
    ...{ clock, controller, lines, refused, metrics },
    /** Begins a term; gives what ends it. */
    lead() {
      const term = new AbortController();
      const led = controller.lead(term.signal);
      return async () => {
        term.abort();
        await led;
      };
    },
    /** Ends the watches of a namespace, so that they begin again. */
    cut(namespace: string) {
      for (const [key, tell] of watches) if (key.startsWith(`${namespace}/`)) tell('end');
    },
    /** Saves an object. */
    change: save,
    /** The namespaces of ConfigMaps and statuses written since the last call. */
    written: () => [...new Set(writes.splice(0))],
    /** What is synced, as namespace/resource. */
    synced: () =>
      controller
        .scopes()
        .flatMap(({ namespace, watches: both }) =>
          both.flatMap(({ resource, synced }) => (synced ? `${namespace}/${resource}` : [])),
        ),
    ready: () => readinessOf(controller.scopes(), []).ready,
    wrong: () => readinessOf(controller.scopes(), []).checks.flatMap(({ wrong }) => wrong ?? []),
    async stop() {
      stop.abort();
      await running;
    },
  };
}

const test = suite('scopes');

for (const [what, options] of [
  ['after a restart', {}],
  ['after a failover', leads],
] as const) {
  test(`R7.9 a namespace that can't be listed stops no other, ${what}`, async () => {
    const desk = setUp(['nsa', 'nsb'], options);
    desk.refused.set('nsb', 'all');
    const end = desk.lead();
    await desk.clock.advance(minute);
    assert.equal(desk.written(), ['nsa']);
    assert.ok(desk.ready(), 'it serves nsa');
    assert.equal(desk.synced(), ['nsa/licensesettings', 'nsa/configmaps']);
    assert.match(
      desk.wrong().join(),
      /no permission to list and watch licensesettings in namespace nsb.*forbidden in nsb/,
    );
    desk.refused.clear();
    await desk.clock.advance(5 * second);
    assert.equal(desk.written(), ['nsb'], 'it came back');
    assert.equal(desk.wrong(), []);
    assert.is(desk.synced().length, 4);
    await end();
    await desk.stop();
  });
}

test('R7.4 R7.9 a namespace that was there under the last leader, and is gone, does not stop the next', async () => {
  const desk = setUp(['nsa', 'nsb'], leads);
  await desk.clock.advance(second);
  assert.is(desk.synced().length, 4, 'a standby with warm caches');
  desk.refused.set('nsb', 'all');
  const end = desk.lead();
  await desk.clock.advance(5 * second);
  assert.equal(desk.written(), ['nsa']);
  assert.equal(desk.synced(), ['nsa/licensesettings', 'nsa/configmaps'], 'the lists of this term, not of the standby');
  await end();
  await desk.stop();
});

test('R11.4 a leader that can not work in any namespace is not ready, and says why', async () => {
  const desk = setUp(['nsa', 'nsb'], leads);
  await desk.clock.advance(second);
  assert.ok(desk.ready());
  for (const namespace of ['nsa', 'nsb']) desk.refused.set(namespace, 'all');
  const end = desk.lead();
  await desk.clock.advance(second);
  assert.is(desk.ready(), false);
  assert.is(desk.wrong().length, 2);
  assert.equal(desk.written(), []);
  await end();
  await desk.stop();
});

test('R7.10 R11.4 a copy that nothing has confirmed for more than a minute is not synced; back, it is', async () => {
  for (const namespaces of [[], ['nsa', 'nsb']]) {
    const [bad = ''] = namespaces.slice(1);
    const desk = setUp(namespaces, leads);
    const end = desk.lead();
    await desk.clock.advance(5 * second);
    const all = desk.synced();
    assert.is(all.length, 2 * Math.max(1, namespaces.length));
    desk.refused.set(bad, 'all');
    desk.cut(bad);
    await desk.clock.advance(50 * second);
    assert.equal(desk.synced(), all, 'not yet');
    await desk.clock.advance(11 * second);
    assert.equal(
      desk.synced(),
      all.filter((one) => !one.startsWith(`${bad}/`)),
    );
    assert.is(desk.ready(), namespaces.length > 0);
    desk.refused.clear();
    await desk.clock.advance(5 * second);
    assert.equal(desk.synced(), all);
    assert.ok(desk.ready());
    await end();
    await desk.stop();
  }
});

test('R11.4 while all is well a copy stays synced, for as long as nothing changes', async () => {
  const desk = setUp(['nsa', 'nsb'], leads);
  const end = desk.lead();
  await desk.clock.advance(second);
  for (let passed = 0; passed < 10 * minute; passed += second) {
    assert.is(desk.synced().length, 4, `after ${passed / second} s`);
    await desk.clock.advance(second);
  }
  await end();
  await desk.stop();
});

test('R11.5 watches that are refused while lists work: served, told once a minute, and over only when a watch works', async () => {
  const desk = setUp(['nsa'], leads);
  const end = desk.lead();
  await desk.clock.advance(second);
  desk.lines.length = 0;
  desk.refused.set('nsa', 'watches');
  desk.cut('nsa');
  await desk.clock.advance(5 * minute);
  const told = desk.lines.filter(({ msg }) => msg.startsWith('no permission')).length;
  assert.ok(told >= 10 && told <= 12, `${told} warnings in 5 minutes, of 2 watches`);
  const over = () => desk.lines.filter(({ msg }) => msg === 'list and watch work again').length;
  assert.is(over(), 0);
  assert.is(desk.synced().length, 2, 'a list each 10 s keeps the copies current');
  assert.match(readinessOf(desk.controller.scopes(), []).checks[0]?.remark ?? '', 'no permission');
  desk.refused.clear();
  await desk.clock.advance(minute);
  assert.is(over(), 2);
  await end();
  await desk.stop();
});

test('R7.8 R9.8 a change in a namespace that is not served yet waits, and goes first when it is', async () => {
  const desk = setUp(['nsa', 'nsb'], leads);
  await desk.clock.advance(second);
  // Its ConfigMaps can't be listed; its LicenseSettings are watched all along.
  desk.refused.set('nsb', 'configmaps');
  const end = desk.lead();
  await desk.clock.advance(second);
  desk.written();
  desk.change('nsb', 'two');
  await desk.clock.advance(second);
  assert.equal(desk.written(), [], 'not served yet');
  desk.lines.length = 0;
  desk.refused.clear();
  await desk.clock.advance(5 * second);
  assert.equal(desk.written(), ['nsb']);
  assert.equal(
    desk.lines.flatMap(({ msg, namespace }) => (msg === 'served from now on' ? namespace : [])),
    ['nsb'],
  );
  assert.equal(
    desk.lines.flatMap(({ msg, key, priority }) => (msg === 'reconciled' ? `${key} ${priority}` : [])).slice(0, 2),
    ['nsb/two fresh', 'nsb/pom resync'],
  );
  await end();
  await desk.stop();
});

test('R7.8 each namespace is looked at again at a time of its own, as long as the term lasts', async () => {
  const desk = setUp(['nsa', 'nsb'], leads);
  const end = desk.lead();
  await desk.clock.advance(second);
  desk.lines.length = 0;
  await desk.clock.advance(resync * 1.15);
  const looks = desk.lines.filter(({ msg }) => msg === 'reconciled');
  assert.is(looks.length, 2);
  assert.is(new Set(looks.map(({ time }) => time)).size, 2);
  await end();
  desk.lines.length = 0;
  await desk.clock.advance(2 * resync);
  assert.equal(
    desk.lines.filter(({ msg }) => msg === 'reconciled'),
    [],
  );
  await desk.stop();
});

test('objects are counted in the namespace that is watched', async () => {
  const each = setUp(['nsa', 'nsb']);
  await each.clock.advance(second);
  assert.equal(
    [...each.controller.objects()],
    [
      ['nsa', new Map([['Unknown', 1]])],
      ['nsb', new Map([['Unknown', 1]])],
    ],
  );
  await each.stop();
  const all = setUp([]);
  await all.clock.advance(second);
  assert.equal([...all.controller.objects()], [['', new Map([['Unknown', 2]])]]);
  await all.stop();
});
