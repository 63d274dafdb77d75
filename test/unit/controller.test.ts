/** The loop around the reconcile, on a virtual clock: what it waits for, and whom it hurries. */
import * as assert from 'uvu/assert';
import { createController } from '../../src/controller/controller.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const test = suite('controller');

type Fake = {
  metadata: {
    annotations?: object;
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    generation: number;
  };
};
const spec = { licenses: { outboundPorts: { minimum: 1, maximum: 2 } }, applyPolicy: 'Manual' } as const;
const approved = (name: string) => settingsHash(declare(name, spec));
const approval = (value: string) => ({ 'licensing.dialer.dev/apply': value });
const object = (name: string, version: number): Fake & { spec: unknown } => ({
  metadata: {
    ...{ name, namespace: 'dialer', uid: `uid-${name}`, resourceVersion: String(version), generation: 1 },
    annotations: approval(approved(name)),
  },
  spec,
});

/** A controller over two objects, a and b, with a client that answers as `answer` says; namespaces: none for all. */
function setUp(answer: (request: Request) => Promise<unknown> | unknown, namespaces: string[] = []) {
  const clock = createVirtualClock();
  const sent: string[] = [];
  let version = 100;
  let wake = () => {};
  const events: string[] = [];
  /** b as it was stored last. */
  let current: Fake = object('b', 2);
  const client: Client = {
    async request<T>(request: Request): Promise<T> {
      sent.push(`${request.method} ${request.resource}`);
      const special = await answer(request);
      if (special !== undefined) return special as T;
      if (request.method === 'GET') {
        const items = request.resource === 'configmaps' ? [] : [object('a', 1), object('b', 2)];
        return { metadata: { resourceVersion: '10' }, items } as T;
      }
      const body = request.body as Fake;
      const metadata = {
        ...body.metadata,
        uid: body.metadata.uid ?? 'uid',
        resourceVersion: String(++version),
        generation: 1,
      };
      const known = object(body.metadata.name, version);
      const stored = { ...known, ...body, metadata: { ...known.metadata, ...metadata } };
      if (request.resource.endsWith('/status') && body.metadata.name === 'b') current = stored;
      return stored as T;
    },
    async *lines({ path, resource, signal }) {
      // Lists come in pages here.
      if (path.includes('sendInitialEvents')) throw new ApiError('no streams', { code: 422 });
      while (!signal?.aborted) {
        const line = resource === 'licensesettings' ? events.shift() : undefined;
        if (line) yield line;
        else
          await new Promise<void>((resolve) => {
            if (resource === 'licensesettings') wake = resolve;
            signal?.addEventListener('abort', () => resolve(), { once: true });
          });
      }
    },
    close: async () => {},
  };
  const metrics = createMetrics();
  const controller = createController({
    ...{ client, clock, metrics, namespaces, workers: 4, resync: 600_000, instance: 'test' },
    log: createLogger({ level: 'fatal', format: 'json' }),
  });
  const stop = new AbortController();
  const running = Promise.all([controller.run(stop.signal), controller.lead(stop.signal)]);
  return {
    ...{ clock, sent, controller, metrics },
    /** People approve b again, in other words, as the watch tells it: that is asked for anew, and changes nothing. */
    touch() {
      const annotations = approval(version % 2 ? approved('b') : approved('b').toUpperCase());
      const metadata = { ...current.metadata, annotations, resourceVersion: String(++version) };
      events.push(JSON.stringify({ type: 'MODIFIED', object: { ...current, metadata } }));
      wake();
    },
    async stop() {
      stop.abort();
      await running;
    },
  };
}

test('nothing is decided before all caches are complete', async () => {
  let complete = (_: unknown) => {};
  const waiting = new Promise((resolve) => {
    complete = resolve;
  });
  const desk = setUp(({ method, resource }) => (method === 'GET' && resource === 'configmaps' ? waiting : undefined));
  await desk.clock.advance(5_000);
  assert.equal(
    desk.sent.filter((one) => !one.startsWith('GET')),
    [],
  );
  const missing = () =>
    desk.controller.scopes().flatMap(({ watches }) => watches.flatMap((one) => (one.synced ? [] : one.resource)));
  assert.equal(missing(), ['configmaps']);
  complete({ metadata: { resourceVersion: '10' }, items: [] });
  await desk.clock.advance(100);
  assert.equal(missing(), []);
  assert.is(desk.sent.filter((one) => one === 'POST configmaps').length, 2);
  await desk.stop();
});

for (const [what, code, isBack] of [
  ['reconciles that send no request do not hurry those who wait for a server that is away', undefined, false],
  ['a request that was answered does: the server is back', 403, true],
  ['an answer 429 does not: the server is not well yet', 429, false],
  ['an answer 503 does not: a gateway gives it for a server that is away', 503, false],
  ['an answer 504 does not: a gateway gives it for a server that is away', 504, false],
] as const) {
  test(what, async () => {
    let [tries, writes] = [0, 0];
    const desk = setUp(({ method, resource, body }) => {
      const name = (body as Fake | undefined)?.metadata?.name;
      if (method === 'POST' && resource === 'configmaps' && name === 'a-licenses') {
        tries++;
        throw new ApiError('away', { code: 0, reason: 'NoAnswer' });
      }
      // So each touch of b sends a request that is answered; else b is settled and sends none.
      if (code !== undefined && method === 'POST' && resource === 'configmaps') {
        writes++;
        throw new ApiError('refused', { code });
      }
      return undefined;
    });
    // The longest wait each time: so by itself it comes back 5 s after its last try.
    Object.assign(desk.clock, { random: () => 0.999_999 });
    await desk.clock.advance(31_000);
    const early = tries;
    assert.ok(early > 5);
    while (tries === early) await desk.clock.advance(100);
    const before = tries;
    for (let n = 0; n < 25; n++) {
      await desk.clock.advance(100);
      desk.touch();
    }
    assert.is(writes > 10, code !== undefined);
    assert.is(tries > before, isBack);
    await desk.stop();
  });
}
