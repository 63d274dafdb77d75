/** The client that unit tests get of the simulated API server: it refuses what a server refuses, and faults befall it. */
import * as assert from 'uvu/assert';
import { ApiError } from '../../src/kube/errors.ts';
import type { Stored } from '../simulation/server.ts';
import { suite } from '../suite.ts';
import { createServerFront, pathOf } from '../support/server-front.ts';

const test = suite('server front');
const map = (n: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { n } });
const path = pathOf('configmaps', 'dialer', 'a');
const get = { method: 'GET', path, resource: 'configmaps' } as const;
const codeOf = (request: Promise<unknown>) =>
  request.then(
    () => 200,
    (error: ApiError) => error.code,
  );

test('three lines: what people wrote is there, and a write of an older version conflicts', async () => {
  const { client, desk, sent } = createServerFront();
  desk('dialer').maps.create(map('1'));
  const seen = await client.request<Stored>(get);
  desk('dialer').maps.change('a', () => ({ data: { n: '2' } }));
  assert.is(await codeOf(client.request({ ...get, method: 'PUT', body: seen })), 409);
  assert.is(await codeOf(client.request({ ...get, path: pathOf('configmaps', 'elsewhere', 'a') })), 404);
  assert.equal(
    sent.map(({ method, code }) => `${method} ${code}`),
    ['GET 200', 'PUT 409', 'GET 404'],
  );
});

test('a request fails, gets another answer, or is lost and lands later', async () => {
  const front = createServerFront();
  const { client, faults, sent } = front;
  faults.push(() => new ApiError('no', { code: 503 }));
  assert.is(await codeOf(client.request(get)), 503);
  faults.splice(0, 1, () => ({ instead: { metadata: { name: 'other' } } }));
  assert.is((await client.request<Stored>(get)).metadata.name, 'other');
  faults.splice(0, 1, () => 'lost');
  const create = {
    method: 'POST',
    path: pathOf('configmaps', 'dialer'),
    resource: 'configmaps',
    body: map('1'),
  } as const;
  assert.is(await codeOf(client.request(create)), 0);
  faults.pop();
  assert.equal(front.desk('dialer').maps.names(), []);
  assert.equal(front.land(), [201]);
  assert.equal(front.desk('dialer').maps.names(), ['a']);
  assert.equal(
    sent.map(({ method, code }) => `${method} ${code}`),
    ['GET 200', 'POST 201'],
    'what never reached the server was not sent',
  );
});

test('a watch tells what is committed, until it is given up', async () => {
  const { client, desk } = createServerFront();
  const stop = new AbortController();
  const lines = client.lines({
    path: `${pathOf('configmaps', 'dialer')}?watch=1`,
    resource: 'configmaps',
    signal: stop.signal,
  });
  const first = lines.next();
  desk('dialer').maps.create(map('1'));
  assert.match(String((await first).value), /^\{"type":"ADDED"/);
  const last = lines.next();
  stop.abort();
  assert.is((await last).done, true);
});

test('people are refused as the server refuses them', () => {
  const { desk } = createServerFront({
    admit: (object, sender) => (sender === 'people' ? `no ${object.kind}` : undefined),
  });
  assert.throws(() => desk('dialer').maps.create(map('1')), /no ConfigMap/);
  assert.is(desk('dialer', 'somebody').maps.create(map('1')).metadata.name, 'a');
});
