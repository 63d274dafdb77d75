/** The simulation itself: it repeats, it finds what is wrong, and a slice of its schedules. `npm run simulate` has more. */
import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import type { Client } from '../../src/kube/client.ts';
import { runSchedule } from '../simulation/run.ts';
import { drawSchedule, type Schedule } from '../simulation/schedule.ts';
import { createScheduler } from '../simulation/scheduler.ts';
import { type Change, createServer, type Stored } from '../simulation/server.ts';
import { invariantOf, shrink } from '../simulation/shrink.ts';
import { suite } from '../suite.ts';
import type { Action } from '../support/actions.ts';

const test = suite('simulation');

/** Everything that happens in a run. The suffix of an event's name is left to chance by the operator. */
async function traceOf(schedule: Schedule): Promise<string> {
  const hash = createHash('sha256');
  let lines = 0;
  await runSchedule(schedule, {
    trace(line) {
      lines++;
      hash.update(`${line}\n`);
    },
  });
  assert.ok(lines > 100);
  return hash.digest('hex');
}

/** Long ones of the wider world, in which something fails. */
const busy = Array.from({ length: 500 }, (_, seed) => seed).filter((seed) => {
  const { watched, actions, faults } = drawSchedule(seed);
  return watched && actions.length > 9 && faults.length > 2;
});

test('a seed is the same run each time, in every detail; another seed is another', async () => {
  const [one, other] = busy as [number, number];
  const first = await traceOf(drawSchedule(one));
  assert.is(await traceOf(drawSchedule(one)), first);
  // What is written to a file and read again is the same too.
  assert.is(await traceOf(JSON.parse(JSON.stringify(drawSchedule(one))) as Schedule), first);
  assert.is.not(await traceOf(drawSchedule(other)), first);
});

test('25 schedules break no invariant', async () => {
  const met = new Set<string>();
  let revisions = 0;
  for (let seed = 1; seed <= 25; seed++) {
    const result = await runSchedule(drawSchedule(seed));
    assert.equal(result.violations, [], `npm run simulate -- --seed ${seed} --trace`);
    revisions += result.revisions;
    for (const kind of result.met.keys()) met.add(kind);
  }
  assert.ok(revisions > 250, `${revisions} revisions judged`);
  assert.ok(met.size > 7, [...met].join(', '));
  assert.ok(
    [...met].some((kind) => kind.startsWith('list ')),
    'no fault met a list',
  );
});

/** How many schedules it takes until one fails. */
async function caughtAfter(spoil: (client: Client) => Client, most: number): Promise<number> {
  for (let seed = 1; seed <= most; seed++)
    if ((await runSchedule(drawSchedule(seed), { spoil })).violations.length > 0) return seed;
  return Number.POSITIVE_INFINITY;
}

for (const [what, spoil] of [
  [
    'R6.1 writes that carry no resourceVersion',
    (client: Client): Client => ({
      ...client,
      request(request) {
        if (request.method !== 'PUT' || request.resource !== 'configmaps') return client.request(request);
        const body = structuredClone(request.body) as { metadata: { resourceVersion?: string; uid?: string } };
        delete body.metadata.resourceVersion;
        delete body.metadata.uid;
        return client.request({ ...request, body });
      },
    }),
  ],
  [
    'L1 a watch that ends without a word',
    (client: Client): Client => ({
      ...client,
      async *lines(request) {
        for await (const line of client.lines(request)) if (!line.includes('"MODIFIED"')) yield line;
      },
    }),
  ],
  [
    'S8, L4 a status that is written again and again',
    (client: Client): Client => ({
      ...client,
      async *lines(request) {
        for await (const line of client.lines(request))
          yield line.replaceAll(/"observedGeneration":\d+/g, '"observedGeneration":0');
      },
    }),
  ],
] as const) {
  test(`${what}: found`, async () => {
    const seeds = await caughtAfter(spoil, 100);
    assert.ok(Number.isFinite(seeds), 'not within 100 schedules');
  });
}

test('a settle is reached after each kind of those who act beside people has let go', async () => {
  const name = 'pom';
  const map = 'pom-licenses';
  const spec = { licenses: { outboundPorts: { minimum: 0, maximum: 5 } }, settleSeconds: 0 };
  const actors: readonly Action[] = [
    { do: 'hold', kind: 'ConfigMap', name: map, milliseconds: 1_000 },
    { do: 'fight', map, edit: 'raise', milliseconds: 1_000 },
    { do: 'fight status', name, milliseconds: 1_000 },
    { do: 'police', effect: 'refuse', milliseconds: 1_000 },
    { do: 'limit', spare: 0, milliseconds: 20_000 },
  ];
  for (const actor of actors) {
    const actions: readonly Action[] = [
      { do: 'create', name, what: '', spec },
      { do: 'settle' },
      actor,
      { do: 'settle' },
    ];
    const { violations, settles } = await runSchedule({
      ...{ seed: 1, replicas: 1, election: false, rules: true, horizon: 10_000, faults: [] },
      actions: actions.map((action) => ({ after: 100, action })),
    });
    assert.equal(violations, []);
    assert.equal(settles, { reached: 2, missed: 0 }, actor.do);
  }
});

test('an object whose name is taken keeps no other from being settled', async () => {
  const spec = { licenses: { outboundPorts: { minimum: 0, maximum: 5 } }, settleSeconds: 0 };
  const actions: readonly Action[] = [
    { do: 'foreign', map: 'night-licenses' },
    ...(['night', 'pom'] as const).map((name): Action => ({ do: 'create', name, what: '', spec })),
    { do: 'settle' },
  ];
  const schedule = {
    ...{ seed: 1, replicas: 1, election: false, rules: true, horizon: 10_000, faults: [] },
    actions: actions.map((action) => ({ after: 100, action })),
  };
  const { violations, settles } = await runSchedule(schedule);
  assert.equal(violations, []);
  assert.is(settles.reached, 1);
  // Who keeps asking for the other one is convicted.
  const noisy = (client: Client): Client => ({
    ...client,
    async request<T>(request: Parameters<Client['request']>[0]): Promise<T> {
      if (request.path.endsWith('/night-licenses'))
        await client.request({
          method: 'GET',
          path: '/api/v1/namespaces/dialer/configmaps/pom-licenses',
          resource: 'configmaps',
        });
      return client.request<T>(request);
    },
  });
  const { violations: found } = await runSchedule(schedule, { spoil: noisy });
  assert.match(found.join(), /S8: a request once quiet/);
});

test('a failing schedule is shrunk to what makes it fail', async () => {
  const schedule = drawSchedule(14);
  const [action] = schedule.actions.slice(1);
  let tried = 0;
  const small = await shrink(schedule, async ({ actions }) => {
    tried++;
    return actions.includes(action as Schedule['actions'][number]);
  });
  assert.equal(small.actions, [action]);
  assert.equal(small.faults, []);
  assert.ok(tried < 60);
});

test('a smaller schedule has to break the same invariant', () => {
  for (const [violation, invariant] of [
    ['14.174 s: revision 1048: ConfigMap pom: S9: zones hold 2 of it: more', 'S9'],
    ['14.174 s: revision 1048: rule 2: pom-a gets licenses 3 ms after', 'rule 2'],
    ['1.000 s: revision 10: LicenseSettings pom: rule 5: a status: S9: is written', 'rule 5'],
    ['8.500 s: L2: pom: Ready: expected', 'L2'],
    ['0.100 s: revision 7: LicenseSettings pom: status: applied', 'status'],
  ] as const)
    assert.is(invariantOf(violation), invariant);
});

test('virtual time: killed and stopped processes, in the order in which things fall due', async () => {
  const scheduler = createScheduler();
  const seen: string[] = [];
  const [one, two] = [scheduler.spawn('one', 1), scheduler.spawn('two', 2)];
  one.clock.after(20, () => seen.push('one, 20'));
  two.clock.after(10, () => seen.push('two, 10'));
  two.clock.after(30, () => seen.push('two, 30'));
  one.clock.after(5, () => seen.push('cancelled'))();
  scheduler.after(15, () => two.kill());
  one.pause();
  scheduler.after(20, () => seen.push('one, arrived'), one);
  scheduler.after(50, () => one.resume());
  await scheduler.run(40);
  assert.equal(seen, ['two, 10']);
  await scheduler.run(60);
  assert.equal(seen, ['two, 10', 'one, 20', 'one, arrived']);
  one.stepWall(-5);
  assert.is(one.clock.monotonic(), 60);
  assert.is(one.clock.wall(), two.clock.wall() - 5);
});

const maps = '/api/v1/namespaces/d/configmaps';
const map = (name: string, more: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more });

test('the server: history that is compacted away expires watches and continue tokens', () => {
  const server = createServer({ now: () => 0 });
  for (const name of ['a', 'b', 'c']) server.handle({ method: 'POST', path: maps, body: map(name) }, 'desk');
  const first = server.handle({ method: 'GET', path: `${maps}?limit=2` }, 'desk').body as {
    metadata: { continue: string; resourceVersion: string };
    items: Stored[];
  };
  assert.is(first.items.length, 2);
  const rest = `${maps}?limit=2&continue=${first.metadata.continue}`;
  server.handle({ method: 'DELETE', path: `${maps}/c` }, 'desk');
  const second = server.handle({ method: 'GET', path: rest }, 'desk').body as { items: Stored[] };
  assert.equal(
    second.items.map(({ metadata }) => metadata.name),
    ['c'],
    'as it was when the first page was read',
  );
  server.compact();
  assert.is(server.handle({ method: 'GET', path: rest }, 'desk').code, 410);
  const told: string[] = [];
  server.watch(`${maps}?watch=1&resourceVersion=${first.metadata.resourceVersion}`, (line) => told.push(line));
  assert.is((JSON.parse(told[0] as string) as { object: { code: number } }).object.code, 410);
});

test('the server: a watch sees through its label selector', () => {
  const server = createServer({ now: () => 0 });
  const told: string[] = [];
  server.watch(`${maps}?watch=1&labelSelector=of%3Dus`, (line) => {
    const { type, object } = JSON.parse(line) as { type: string; object: Stored };
    told.push(`${type} ${object.metadata.name} at ${object.metadata.resourceVersion}`);
  });
  const save = (labels: object | undefined) => {
    const metadata = { name: 'a', ...(labels ? { labels } : {}) };
    const method = server.get('configmaps', 'd', 'a') ? 'PUT' : 'POST';
    server.handle({ method, path: method === 'PUT' ? `${maps}/a` : maps, body: map('a', { metadata }) }, 'desk');
  };
  save(undefined);
  save({ of: 'us' });
  save({ of: 'us' });
  save({ of: 'us', more: '1' });
  save({ of: 'them' });
  server.handle({ method: 'DELETE', path: `${maps}/a` }, 'desk');
  assert.equal(told, ['ADDED a at 1002', 'MODIFIED a at 1003', 'DELETED a at 1004']);
});

test('the server: reads of the past, and what came since', () => {
  const server = createServer({ now: () => 0 });
  const send = (method: string, path: string, body?: object) => server.handle({ method, path, body }, 'desk');
  for (const name of ['a', 'b']) send('POST', maps, map(name));
  const then = server.version;
  send('DELETE', `${maps}/a`);
  send('POST', maps, map('c'));
  assert.is(server.handle({ method: 'GET', path: `${maps}/a` }, 'desk', then).code, 200);
  assert.is(server.handle({ method: 'GET', path: `${maps}/c` }, 'desk', then).code, 404);
  const list = server.handle({ method: 'GET', path: `${maps}?limit=9` }, 'desk', then).body as {
    metadata: { resourceVersion: string };
    items: Stored[];
  };
  assert.is(list.metadata.resourceVersion, String(then));
  assert.equal(
    list.items.map(({ metadata }) => metadata.name),
    ['a', 'b'],
  );
  const told: string[] = [];
  const query = 'watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
  const note = (line: string, version: number) => {
    const { type, object } = JSON.parse(line) as { type: string; object: Stored };
    told.push(`${type} ${object.metadata.name ?? ''}${version > then ? ' later' : ''}`);
  };
  server.watch(`${maps}?${query}`, note, then);
  assert.equal(told, ['ADDED a', 'ADDED b', 'BOOKMARK ', 'DELETED a later', 'ADDED c later']);
});

test('the server: a store that goes back gives no version of an object twice, and keeps a watch of the future waiting', () => {
  const server = createServer({ now: () => 0 });
  const send = (method: string, path: string, body?: object) => server.handle({ method, path, body }, 'desk');
  const versionOf = ({ body }: { body: unknown }) => Number((body as Stored).metadata.resourceVersion);
  const first = versionOf(send('POST', maps, map('a', { data: { n: '0' } })));
  const backup = server.backUp();
  const lost = [1, 2].map((n) => versionOf(send('PUT', `${maps}/a`, map('a', { data: { n: String(n) } }))));
  send('POST', maps, map('b'));
  server.restore(backup);
  assert.is(server.version, first);
  assert.is(send('GET', `${maps}/b`).code, 404);
  const told: string[] = [];
  server.watch(`${maps}?watch=1&resourceVersion=${lost[1]}`, (line) => told.push(line));
  const again = versionOf(send('PUT', `${maps}/a`, map('a', { data: { n: '3' } })));
  assert.ok(again > first && !lost.includes(again), `${again} after ${first}, ${lost}`);
  assert.is(told.length, again > (lost[1] as number) ? 1 : 0);
  // That of another object may be one that was lost: it is dropped, though it is new.
  assert.ok(versionOf(send('POST', maps, map('c'))) > first);
});

test('the server: a quota, a policy, and a finalizer that nobody may add to what goes', () => {
  const changes: Change[] = [];
  const server = createServer({ now: () => 0, onChange: (change) => changes.push(change) });
  const send = (method: string, path: string, body?: object) => server.handle({ method, path, body }, 'desk');
  const managed = { 'app.kubernetes.io/managed-by': 'license-settings-operator' };
  const ours = (name: string, more: object = {}) => map(name, { metadata: { name, labels: managed }, ...more });
  server.admission.limit('d', 1);
  assert.is(send('POST', maps, ours('a')).code, 201);
  const { code, body } = send('POST', maps, ours('b'));
  assert.is(code, 403);
  assert.match((body as { message: string }).message, /exceeded quota: .*limited: count\/configmaps=1/);
  server.admission.limit('d', undefined);
  server.admission.police('make immutable', true);
  const made = send('POST', maps, ours('b')).body as Stored;
  assert.is(made['immutable'], true);
  assert.is(changes.at(-1)?.sent?.['immutable'], undefined, 'what was sent is known');
  assert.is((send('POST', maps, map('c')).body as Stored)['immutable'], undefined, 'those of others are not policed');
  const held = { name: 'd', finalizers: ['test/held'] };
  send('POST', maps, map('d', { metadata: held }));
  assert.is((send('DELETE', `${maps}/d`).body as Stored).metadata.finalizers?.length, 1);
  const more = map('d', { metadata: { ...held, finalizers: ['test/held', 'test/more'] } });
  assert.is(send('PUT', `${maps}/d`, more).code, 422);
  send('PUT', `${maps}/d`, map('d', { metadata: { name: 'd' } }));
  assert.is(send('GET', `${maps}/d`).code, 404);
});
