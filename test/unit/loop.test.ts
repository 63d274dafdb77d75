/** The operator's own loop: what it hands to the runtime and is told of, through whole terms on a virtual clock. */
import * as assert from 'uvu/assert';
import type { Request } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { dataHash } from '../../src/settings/hash.ts';
import { suite } from '../suite.ts';
import { type ClusterOptions, createSmallCluster, type Seen, type Sent } from '../support/small-cluster.ts';

const fence = () => 10_000;
const minute = 60_000;
const resync = 10 * minute;
const ports = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
const zoned = (a: number, b: number) =>
  ports(5, {
    zones: [
      { name: 'a', licenses: { outboundPorts: a } },
      { name: 'b', licenses: { outboundPorts: b } },
    ],
    settleSeconds: 100,
  });

/** What was written, in words, without events. */
const inWords = (sent: readonly Sent[]) =>
  sent.flatMap(({ method, path, body }) => {
    if (method === 'GET') return [];
    const name = (body as Seen | undefined)?.metadata?.name ?? path.split('/').at(-1);
    return [`${method} ${path.endsWith('/status') ? 'status ' : ''}${name}`];
  });
const isEvent = ({ resource }: Pick<Request, 'resource'>) => resource === 'events';
const isMap = ({ method, resource }: Pick<Request, 'method' | 'resource'>) =>
  method !== 'GET' && resource === 'configmaps';

/** Objects with these specs, and an operator that watches and does not lead. */
async function standby(specs: Record<string, object>, options: ClusterOptions = {}) {
  const cluster = createSmallCluster({ namespaces: ['dialer'], lag: 12, ...options });
  const dialer = cluster.desk('dialer');
  for (const [name, spec] of Object.entries(specs)) dialer.create(name, spec);
  await cluster.watch();
  return { ...cluster, dialer, writes: () => inWords(cluster.taken()) };
}
/** An operator that leads, over settings that are live. */
async function settled(specs: Record<string, object> = { pom: ports(5) }, options: ClusterOptions = {}) {
  const cluster = await standby(specs, options);
  const term = await cluster.lead();
  await cluster.clock.advance(1_000);
  cluster.writes();
  cluster.decisions();
  return { ...cluster, term };
}
type Cluster = Awaited<ReturnType<typeof standby>>;

const test = suite('the loop');

test('R9.8 what the first list has is less urgent than a change', async () => {
  const { decisions, dialer, clock, stop, lead } = await standby({ pom: ports(5) });
  await lead();
  assert.equal(decisions()[0], 'dialer/pom resync written');
  dialer.save('pom', ports(6));
  await clock.advance(100);
  assert.equal(decisions()[0], 'dialer/pom fresh written');
  await stop();
});

test('R9.8 any change of the metadata reconciles too, and a change of a ConfigMap', async () => {
  const { decisions, dialer, clock, stop } = await settled();
  dialer.settings.change('pom', () => ({ metadata: { labels: { team: 'blue' } } }));
  await clock.advance(100);
  assert.equal(decisions(), ['dialer/pom fresh unchanged']);
  dialer.maps.change('pom-licenses', () => ({ data: {} }));
  await clock.advance(100);
  assert.equal(decisions(), ['dialer/pom fresh written']);
  await stop();
});

test('R7.1 R7.3 every write asks the lease, an event too, and all requests of a term are broken off with it', async () => {
  const lost = new AbortController();
  const { asked, dialer, clock, stop, lead } = await standby({ pom: ports(5) }, { fence });
  await lead(lost.signal);
  dialer.save('pom', ports(5, { configMap: { name: 'pom-x' } }));
  dialer.maps.remove('pom-licenses');
  await clock.advance(5_000);
  const requests = asked.filter(({ path }) => !path.includes('?'));
  const writes = requests.filter(({ method }) => method !== 'GET');
  assert.equal([...new Set(writes.map(({ resource }) => resource))].sort(), [
    ...['configmaps', 'events', 'licensesettings/status'],
  ]);
  assert.ok(writes.every((one) => one.fence !== undefined));
  assert.ok(requests.every((one) => one.method !== 'GET' || one.fence === undefined));
  assert.ok(requests.every(({ signal }) => signal === lost.signal));
  await stop();
});

test('R9.24 only ConfigMaps that say that they are ours are listed and watched', async () => {
  const { asked, stop } = await standby({});
  const paths = asked.flatMap(({ path, resource }) => (resource === 'configmaps' ? decodeURIComponent(path) : []));
  assert.ok(paths.length > 0);
  for (const path of paths) assert.match(path, 'labelSelector=app.kubernetes.io/managed-by=license-settings-operator');
  await stop();
});

test('R9.8 every object is looked at again after about the resync, and not all replicas at the same moment', async () => {
  const times = new Set<number>();
  for (const seed of [1, 2, 3]) {
    const { lines, clock, stop } = await settled({ pom: ports(5), two: ports(6) }, { seed });
    await clock.advance(resync * 1.15);
    const looks = lines.filter(({ msg }) => msg === 'reconciled');
    assert.equal(looks.map(({ key, priority, result }) => `${key} ${priority} ${result}`).sort(), [
      ...['dialer/pom resync unchanged', 'dialer/two resync unchanged'],
    ]);
    const at = looks[0]?.['at'] as number;
    assert.ok(at >= resync * 0.9 && at <= resync * 1.1 + 5_000, `${at}`);
    times.add(at);
    await stop();
  }
  assert.is(times.size, 3);
});

/** Writes of ConfigMaps fail so until that is mended. */
function failing({ answer }: Cluster, init: { code: number; retryAfter?: number; reason?: 'Conflict' }) {
  const tries: string[] = [];
  answer((request) => {
    if (!isMap(request)) return undefined;
    tries.push(request.path);
    throw new ApiError('no', init);
  });
  return { tries, mend: () => answer(() => undefined) };
}

test('R9.1 a Retry-After is waited for', async () => {
  const cluster = await settled();
  const { tries } = failing(cluster, { code: 429, retryAfter: 30_000 });
  cluster.dialer.save('pom', ports(6));
  await cluster.clock.advance(29_000);
  assert.is(tries.length, 1);
  await cluster.clock.advance(2_000);
  assert.is(tries.length, 2);
  await cluster.stop();
});

test('R9.3 what a try costs is paid for by time: six requests at once, then one each 2.5 s', async () => {
  const cluster = await settled();
  const { clock, dialer, taken, stop } = cluster;
  // Its backoffs are short.
  Object.assign(clock, { random: () => 0.1 });
  failing(cluster, { code: 503 });
  cluster.asked.length = 0;
  dialer.maps.remove('pom-licenses');
  await clock.advance(10_000);
  const asked = cluster.asked.filter(({ path }) => !path.includes('?')).length;
  assert.ok(asked >= 6 && asked <= 6 + 4 + 2, `${asked} requests in 10 s`);
  taken();
  await stop();
});

test('R9.1 a success makes the next backoff small again', async () => {
  const cluster = await settled();
  const { clock, dialer } = cluster;
  for (let generation = 2; generation < 10; generation++) {
    const { tries, mend } = failing(cluster, { code: 503 });
    dialer.save('pom', ports(generation + 4));
    await clock.advance(150);
    assert.ok(tries.length >= 2, 'the first try again comes within 100 ms');
    await clock.advance(generation === 2 ? minute : 0);
    mend();
    await clock.advance(10_000);
    assert.is(dialer.conditionOf('pom', 'Applied')?.status, 'True');
  }
  await cluster.stop();
});

for (const [what, code, isBack] of [
  ['reconciles that send no request do not hurry those who wait for a server that is away', undefined, false],
  ['a request that was answered does: the server is back', 403, true],
  ['an answer 429 does not: the server is not well yet', 429, false],
  ['an answer 503 does not: a gateway gives it for a server that is away', 503, false],
  ['an answer 504 does not: a gateway gives it for a server that is away', 504, false],
] as const)
  test(`R9.5 ${what}`, async () => {
    const { answer, clock, dialer, stop } = await settled({ a: ports(5), b: ports(5) });
    // The longest wait each time: so by itself it comes back 5 s after its last try.
    Object.assign(clock, { random: () => 0.999_999 });
    let [tries, writes] = [0, 0];
    answer((request) => {
      const name = (request.body as Seen | undefined)?.metadata?.name ?? '';
      if (!isMap(request)) return undefined;
      if (name === 'a-licenses') {
        tries++;
        throw new ApiError('away', { code: 0, reason: 'NoAnswer' });
      }
      writes++;
      throw new ApiError('refused', { code: code ?? 403 });
    });
    dialer.save('a', ports(6));
    await clock.advance(31_000);
    const early = tries;
    assert.ok(early > 5);
    while (tries === early) await clock.advance(100);
    const before = tries;
    for (let n = 0; n < 25; n++) {
      await clock.advance(100);
      // Each asks for something else, or for nothing new.
      if (code === undefined) dialer.settings.change('b', () => ({ metadata: { labels: { n: String(n) } } }));
      else dialer.save('b', ports(6 + n));
    }
    assert.is(writes > 10, code !== undefined);
    assert.is(tries > before, isBack);
    await stop();
  });

test('R7.8 nothing is decided before all caches are complete', async () => {
  const cluster = createSmallCluster({ namespaces: ['dialer'] });
  const { clock, controller, asked, stop, desk } = cluster;
  desk('dialer').create('pom', ports(5));
  let complete = () => {};
  cluster.holdLines(({ resource }) =>
    resource === 'configmaps'
      ? new Promise<void>((resolve) => {
          complete = resolve;
        })
      : undefined,
  );
  const missing = () =>
    controller.scopes().flatMap(({ watches }) => watches.flatMap((one) => (one.synced ? [] : one.resource)));
  await cluster.start();
  await clock.advance(5_000);
  assert.equal([missing(), asked.filter(({ method }) => method !== 'GET')], [['configmaps'], []]);
  complete();
  await clock.advance(1_000);
  assert.equal([missing(), desk('dialer').namesOfMaps()], [[], ['pom-licenses']]);
  await stop();
});

test('R2.8 a plan that waits for its dialers is looked at when the wait is over', async () => {
  const { clock, dialer, writes, stop } = await settled({ pom: zoned(3, 2) });
  await clock.advance(3 * minute);
  dialer.save('pom', zoned(2, 3));
  await clock.advance(99_000);
  assert.is(writes().at(-1), 'PUT pom-licenses');
  await clock.advance(2_000);
  assert.equal(writes(), ['PUT pom-licenses-b', 'PUT status pom']);
  await stop();
});

/** The ConfigMap of pom is as an older release left it. */
function makeOlder({ dialer, server }: Cluster): void {
  const data = { 'licenses.json': 'as an older release wrote it' };
  const { status, ...object } = dialer.settings.get('pom') as Seen;
  const known = { ...status, configMaps: [{ name: 'pom-licenses', dataHash: dataHash(data) }] };
  const path = '/apis/licensing.dialer.dev/v1/namespaces/dialer/licensesettings/pom/status';
  server.handle({ method: 'PUT', path, body: { ...object, status: known } }, 'people');
  dialer.maps.change('pom-licenses', () => ({ data }));
}

test('R3.4 a rollout gets its turn, behind all other work', async () => {
  const cluster = await settled({ pom: ports(5) }, { fence });
  await cluster.term.end();
  makeOlder(cluster);
  await cluster.clock.advance(100);
  await cluster.lead();
  assert.equal(cluster.decisions().slice(0, 2), ['dialer/pom resync later', 'dialer/pom background written']);
  assert.equal(cluster.writes(), ['PUT pom-licenses', 'PUT status pom']);
  await cluster.stop();
});

test('R10.2 each transition is an event; one that can not be sent fails nothing, and is told once a minute', async () => {
  const { answer, clock, dialer, decisions, lines, metrics, asked, stop } = await settled();
  answer((request) => {
    if (isEvent(request)) throw new ApiError('forbidden', { code: 403 });
    return undefined;
  });
  for (const maximum of [6, 7]) {
    dialer.save('pom', ports(maximum));
    await clock.advance(1_000);
  }
  const unsent = () => lines.filter(({ msg }) => msg === 'event not sent').length;
  assert.is(unsent(), 1);
  assert.equal(decisions(), ['dialer/pom fresh written', 'dialer/pom fresh written']);
  assert.match((await metrics.render()).body, /^license_settings_events_failed_total 2$/m);
  await clock.advance(minute);
  dialer.save('pom', ports(8));
  await clock.advance(1_000);
  assert.is(unsent(), 1, 'and again a minute later');
  answer(() => undefined);
  asked.length = 0;
  dialer.save('pom', ports(9));
  await clock.advance(1_000);
  assert.equal(
    asked.filter(isEvent).map(({ body }) => (body as { reason: string }).reason),
    ['Applied'],
  );
  await stop();
});

for (const [what, change] of [
  ['owner where its labels are gone', { labels: {} }],
  ['label where its owner is gone', { ownerReferences: [] }],
] as const)
  test(`R3.1 a ConfigMap finds its settings by its ${what}`, async () => {
    const { clock, dialer, writes, stop } = await settled();
    dialer.maps.change('pom-licenses', () => ({ metadata: change as object }));
    await clock.advance(1_000);
    // What the watch does not show any more is found where it is to be made again.
    assert.equal(writes().at(-1), 'PUT pom-licenses');
    await stop();
  });

for (const edit of [undefined, 'other'])
  test(`R3.1 under Retain the label that names the settings is ${edit ? 'changed' : 'removed'}: it is healed`, async () => {
    const { clock, dialer, writes, stop } = await settled({ pom: ports(5, { deletionPolicy: 'Retain' }) });
    dialer.maps.change('pom-licenses', ({ metadata }) => {
      const { 'licensing.dialer.dev/settings': _, ...labels } = metadata.labels ?? {};
      return {
        metadata: { labels: { ...labels, ...(edit ? { 'licensing.dialer.dev/settings': edit } : {}) } },
        data: { OUTBOUND_PORTS_CAPACITY: '999' },
      };
    });
    await clock.advance(minute);
    assert.ok(writes().includes('PUT pom-licenses'));
    assert.is(dialer.maps.get('pom-licenses')?.data?.['OUTBOUND_PORTS_CAPACITY'], '5');
    await stop();
  });

for (const workers of [1, 4])
  test(`R10.3 no event is sent before the last status of a backlog, with ${workers} at work`, async () => {
    const specs = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`o${n}`, ports(5)]));
    const { asked, clock, stop, lead } = await standby(specs, { workers });
    await lead();
    await clock.advance(20_000);
    const order = asked.flatMap(({ method, resource }) => (method === 'GET' ? [] : resource));
    assert.is(order.filter((one) => one === 'events').length, 100);
    assert.is(order.slice(0, 200).includes('events'), false);
    await stop();
  });

test('R10.3 a rollout does not hold events up', async () => {
  const cluster = await settled({ pom: ports(5), two: ports(5) }, { fence });
  await cluster.term.end();
  makeOlder(cluster);
  // Its write takes long: a worker is at work all the time.
  cluster.hold((request) =>
    isMap(request) && request.path.endsWith('/pom-licenses')
      ? new Promise<void>((resolve) => cluster.clock.after(20_000, resolve))
      : undefined,
  );
  await cluster.lead();
  cluster.decisions();
  cluster.asked.length = 0;
  cluster.dialer.save('two', ports(6));
  await cluster.clock.advance(1_000);
  assert.equal(cluster.decisions(), ['dialer/two fresh written']);
  assert.is(cluster.asked.filter(isEvent).length, 1);
  await cluster.clock.advance(30_000);
  await cluster.stop();
});

for (const lag of [0, 12])
  test(`R6.5 no own write costs a look, with events ${lag > 0 ? 'after' : 'before'} the answers`, async () => {
    const { decisions, dialer, clock, stop } = await settled({ pom: zoned(1, 2) }, { lag });
    // A plan: its beginning, and each of its steps, is an own write.
    dialer.save('pom', zoned(2, 1));
    await clock.advance(500_000);
    assert.equal(decisions(), ['dialer/pom fresh written', 'dialer/pom fresh written']);
    dialer.maps.change('pom-licenses', () => ({ data: {} }));
    await clock.advance(1_000);
    assert.equal(decisions(), ['dialer/pom fresh written']);
    await stop();
  });

test('R9.17 an object with much to do goes behind the others after each turn, at its own priority', async () => {
  const zones = Array.from({ length: 64 }, (_, i) => ({ name: `z${i}`, licenses: { outboundPorts: 1 } }));
  const { decisions, writes, clock, stop, lead } = await standby(
    { pom: ports(100, { zones }), two: ports(5) },
    { workers: 1 },
  );
  await lead();
  await clock.advance(5_000);
  assert.equal(decisions(), [
    ...['dialer/pom resync more', 'dialer/two resync written'],
    ...['dialer/pom resync more', 'dialer/pom resync more', 'dialer/pom resync written'],
  ]);
  const all = writes();
  assert.ok(all.indexOf('PUT status two') < all.indexOf('POST pom-licenses-z0'));
  assert.is(all.filter((one) => one === 'PUT status pom').length, 2);
  await stop();
});

test('R9.22 an object that meets a defect of ours is tried again, slowly, and delays no other', async () => {
  const { answer, clock, dialer, writes, lines, metrics, stop } = await settled({ pom: ports(5), two: ports(5) });
  let tries = 0;
  answer((request) => {
    if (!isMap(request) || !request.path.endsWith('/pom-licenses')) return undefined;
    tries++;
    throw new TypeError('a defect');
  });
  dialer.save('pom', ports(6));
  dialer.save('two', ports(6));
  await clock.advance(500);
  assert.ok(writes().includes('PUT two-licenses'));
  assert.is(tries, 1);
  assert.ok(lines.some(({ level, msg }) => level === 'error' && msg.includes('a defect of the operator')));
  assert.match((await metrics.render()).body, /^license_settings_reconciles_total\{.*"defect".*\} 1$/m);
  await clock.advance(minute);
  assert.ok(tries > 3 && tries < 10, `${tries}`);
  answer(() => undefined);
  await clock.advance(65_000);
  assert.equal(writes().slice(-2), ['PUT pom-licenses', 'PUT status pom']);
  await stop();
});

test('R6.2 a conflict is part of the work: no warning', async () => {
  const cluster = await settled();
  failing(cluster, { code: 409, reason: 'Conflict' });
  cluster.dialer.save('pom', ports(6));
  await cluster.clock.advance(1_000);
  assert.ok(cluster.lines.length > 1);
  assert.equal(
    cluster.lines.filter(({ level }) => level === 'warn'),
    [],
  );
  await cluster.stop();
});

const terms = suite('terms of the operator');

terms('R7.4 a new leader lists anew before it writes, and looks at every object', async () => {
  const { asked, decisions, stop, lead } = await standby({ pom: ports(5), two: ports(5) }, { fence });
  for (const expected of ['written', 'unchanged']) {
    asked.length = 0;
    const term = await lead();
    const first = asked.findIndex(({ method }) => method !== 'GET');
    const lists = asked.slice(0, first < 0 ? asked.length : first).filter(({ path }) => path.includes('?'));
    assert.equal(lists.map(({ resource }) => resource).sort(), ['configmaps', 'licensesettings']);
    const looked = decisions().filter((one) => one.includes(' resync '));
    assert.equal(looked.sort(), [`dialer/pom resync ${expected}`, `dialer/two resync ${expected}`]);
    await term.end();
  }
  await stop();
});

terms('R11.1 a term does not end before what was in flight is finished', async () => {
  const { clock, dialer, hold, term, stop } = await settled({ pom: ports(5) }, { fence });
  let finish = () => {};
  hold((request) =>
    isMap(request)
      ? new Promise<void>((resolve) => {
          finish = resolve;
        })
      : undefined,
  );
  dialer.save('pom', ports(6));
  await clock.advance(100);
  term.abort();
  await clock.advance(3_000);
  assert.is(term.hasEnded(), false);
  finish();
  await clock.advance(20);
  assert.is(term.hasEnded(), true);
  await stop();
});

terms('R7.3 when a term has ended nothing of it goes on: no timer, no write', async () => {
  const { clock, dialer, writes, stop, lead } = await standby({ pom: ports(5) }, { fence });
  await clock.advance(1_000);
  const before = clock.pending;
  const term = await lead();
  await term.end();
  assert.is(clock.pending, before);
  writes();
  dialer.save('pom', ports(6));
  await clock.advance(2 * resync);
  assert.equal(writes(), []);
  await stop();
});

terms(
  'R7.5 a term takes over the plan of the one before, with an epoch of its own: nothing is remembered',
  async () => {
    const { clock, dialer, term, stop, lead } = await settled({ pom: zoned(3, 2) }, { fence });
    dialer.save('pom', zoned(2, 3));
    await clock.advance(1_000);
    const epoch = () => dialer.maps.get('pom-licenses-a')?.metadata.annotations?.['licensing.dialer.dev/epoch'];
    assert.is(epoch(), undefined, 'whoever began it stamps nothing');
    await term.end();
    const epochs = new Set<string | undefined>();
    for (let n = 0; n < 2; n++) {
      const next = await lead();
      epochs.add(epoch()?.split('.')[0]);
      await next.end();
    }
    assert.is(epochs.size, 2);
    assert.ok(!epochs.has(undefined));
    await stop();
  },
);
