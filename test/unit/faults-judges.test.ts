/** What the campaign judges by itself: waits, what requests cost, and what the operator sent where a policy came between. */
import * as assert from 'uvu/assert';
import type { Spec } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { render } from '../../src/settings/render.ts';
import { loudRequests } from '../contract/requests.ts';
import { createWaitJudge } from '../contract/waits.ts';
import { asSent, sourceOf } from '../faults/authors.ts';
import { randomJob } from '../faults/campaign.ts';
import { describe, type Seen } from '../faults/proxy.ts';
import { costly } from '../faults/requests.ts';
import type { Committed } from '../faults/revisions.ts';
import type { Job } from '../faults/run.ts';
import { ports, zone } from '../faults/scenarios.ts';
import { suite } from '../suite.ts';
import { isActor } from '../support/actors.ts';

const test = suite('faults: judges');

const maps = '/api/v1/namespaces/n/configmaps';
const request = (at: number, method: string, path: string, body = ''): Seen => ({
  ...{ at, path, body, forwarded: true },
  ...describe(method, path, body),
});

const zones = (x: number, y: number): Spec => ports(100, { settleSeconds: 20, zones: [zone('x', x), zone('y', y)] });
const spec = zones(70, 30);
const zoneMap = (name: 'x' | 'y', of: Spec) => ({
  kind: 'ConfigMap',
  metadata: {
    ...{ name: `a-licenses-${name}`, uid: name, labels: { 'licensing.dialer.dev/zone': name } },
    annotations: { 'licensing.dialer.dev/owner-uid': 'u' },
  },
  data: render(declare('a', of)).find(({ zone }) => zone === name)?.data,
});

test('R2.8 the wait is judged whatever the status says', () => {
  const judge = createWaitJudge();
  const settings = { kind: 'LicenseSettings', metadata: { name: 'a', uid: 'u' }, spec, status: {} };
  const change = { type: 'MODIFIED', previous: undefined, by: 'operator' } as const;
  judge({ ...change, object: settings, by: 'desk' }, -60_000);
  for (const name of ['x', 'y'] as const) judge({ ...change, object: zoneMap(name, spec) }, -60_000);
  judge({ ...change, object: zoneMap('x', zones(30, 70)) }, 0);
  // Healing gives back what was live.
  judge({ ...change, object: { ...zoneMap('y', spec), data: {} }, by: 'desk' }, 1_000);
  assert.is(judge({ ...change, object: zoneMap('y', spec) }, 2_000), undefined);
  assert.match(String(judge({ ...change, object: zoneMap('y', zones(30, 70)) }, 3_000)), /^rule 2: .* 3000 ms after/);
});

test('R2.8 the wait is judged with what a busy machine needs to show a change', () => {
  const moved = (after: number) => {
    const judge = createWaitJudge(1_000);
    const status = { applying: {} };
    const settings = { kind: 'LicenseSettings', metadata: { name: 'a', uid: 'u' }, spec, status };
    const change = { type: 'MODIFIED', previous: undefined, by: 'operator' } as const;
    judge({ ...change, object: settings, by: 'other' }, -60_000);
    for (const name of ['x', 'y'] as const) judge({ ...change, object: zoneMap(name, spec) }, -60_000);
    judge({ ...change, object: zoneMap('x', zones(30, 70)) }, 0);
    return judge({ ...change, object: zoneMap('y', zones(30, 70)) }, after);
  };
  assert.match(String(moved(18_900)), /^rule 2: a-licenses-y gets licenses 18900 ms after/);
  assert.is(moved(19_100), undefined);
});

test('L4 counts by object: the longest name, and anew after each change by people', () => {
  const loop = (name: string, from: number) =>
    Array.from({ length: 40 }, (_, n) => request(from + n, 'GET', `${maps}/${name}`));
  assert.match(costly(loop('pom-east-licenses', 0), ['pom', 'pom-east'], []).join(), /n\/pom-east: L4: 31 requests/);
  const half = loop('pom-licenses', 0).slice(0, 20);
  const again = half.map((one) => ({ ...one, at: one.at + 1_000 }));
  assert.equal(costly([...half, ...again], ['pom'], [500]), []);
  assert.is(costly([...half, ...again], ['pom'], []).length, 1);
  assert.equal(costly(loop('other', 0), ['pom'], []), [], 'of no object');
});

test('S8: what is asked for once all is settled; leases, watches and a late event aside', () => {
  const event = '/apis/events.k8s.io/v1/namespaces/n/events';
  const requests = [
    request(100, 'GET', `${maps}/a`),
    request(1_100, 'GET', `${maps}/a`),
    request(1_200, 'GET', `${maps}?watch=true`),
    request(1_500, 'POST', event, JSON.stringify({ regarding: { name: 'a' } })),
    request(2_500, 'POST', event, JSON.stringify({ regarding: { name: 'a' } })),
  ];
  const loud = loudRequests(requests, 1_000);
  assert.equal(loud, [
    'S8: get configmaps a, 100 ms after it settled',
    'S8: create events a, 1500 ms after it settled',
  ]);
});

const object = (more: object = {}): Committed['object'] => ({
  metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '7' },
  data: { a: '1' },
  ...more,
});
const committed = (type: Committed['type'], of = object()): Committed => ({
  ...{ type, kind: 'ConfigMap', object: of, revision: 7 },
});

test('what an admission policy changed on its way is told apart from what was sent', () => {
  const body = JSON.stringify({ metadata: { name: 'a' }, data: { a: '1' } });
  const source = { by: 'operator' as const, request: request(0, 'POST', maps, body) };
  assert.is(asSent(committed('ADDED'), source), undefined);
  const sent = asSent(committed('ADDED', object({ immutable: true, data: { a: '1', policy: 'x' } })), source);
  assert.equal([sent?.['data'], sent?.['immutable']], [{ a: '1' }, undefined]);
  assert.is(asSent(committed('ADDED', object({ immutable: true })), { by: 'other' }), undefined);
});

test('a deletion that a finalizer holds is the operator’s by the version that it was told; its end is somebody else’s', () => {
  const marked = object({ metadata: { ...object().metadata, deletionTimestamp: 'now' } });
  const remove = request(0, 'DELETE', `${maps}/a`, JSON.stringify({ preconditions: { uid: 'u' } }));
  const answered = { ...remove, committed: 200, version: 7 };
  assert.is(sourceOf(committed('MODIFIED', marked), [answered], object())?.by, 'operator');
  assert.is(sourceOf(committed('MODIFIED', marked), [{ ...answered, version: 8 }], object())?.by, 'other');
  assert.is(sourceOf(committed('MODIFIED', marked), [remove], object()), undefined, 'not answered yet');
  assert.is(sourceOf(committed('DELETED', marked), [answered], marked)?.by, 'other');
});

test('the same name in another namespace is another object', () => {
  const body = JSON.stringify({ metadata: { name: 'a' } });
  const elsewhere = request(0, 'PUT', '/api/v1/namespaces/twin/configmaps/a', body);
  assert.is(sourceOf(committed('MODIFIED'), [{ ...elsewhere, committed: 200, version: 7 }])?.by, 'other');
});

test('one random schedule in four plays in two namespaces, and half of these have others who act for a short while', () => {
  const jobs = Array.from({ length: 160 }, (_, seed) => randomJob(seed));
  const stepsOf = ({ scenario }: Job) => scenario.steps((name) => `r1-${name}`);
  const wide = jobs.filter(({ scenario }) => scenario.alone);
  assert.is(wide.length, 40);
  const actions = wide.flatMap(stepsOf).flatMap((step) => (step.do === 'act' ? [step.action] : []));
  assert.ok(actions.some(({ namespace }) => namespace === 'twin'));
  assert.ok(actions.some((action) => action.do === 'copy' && action.to === 'aside'));
  const actors = actions.filter(isActor);
  assert.ok(actors.length > 0 && actors.every(({ milliseconds }) => milliseconds <= 10_000));
  for (const one of actions)
    for (const name of [(one as { name?: string }).name, (one as { map?: string }).map])
      assert.ok(name?.startsWith('r1-') ?? true, JSON.stringify(one));
});
