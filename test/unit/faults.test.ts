/** The parts of the fault campaign that need no server: which request a fault strikes, and who wrote a revision. */
import * as assert from 'uvu/assert';
import { createAuthors, sourceOf } from '../faults/authors.ts';
import { arm, everySingleFault, faultText, parseFault } from '../faults/faults.ts';
import { describe, listFaults, requestFaults, type Seen } from '../faults/proxy.ts';
import type { Committed } from '../faults/revisions.ts';
import { suite } from '../suite.ts';

const test = suite('faults');

const maps = '/api/v1/namespaces/n/configmaps';
const settings = '/apis/licensing.dialer.dev/v1/namespaces/n/licensesettings';
const seen = (method: string, path: string, body = ''): Seen => ({
  ...{ at: 0, path, body },
  ...describe(method, path, body),
});
const committed = (type: Committed['type'], revision: number, more: object = {}): Committed => ({
  ...{ type, kind: 'ConfigMap', revision },
  object: { metadata: { name: 'r1-a', namespace: 'n', uid: 'u', resourceVersion: `${revision}` }, ...more },
});
const authorOf = (...args: Parameters<typeof sourceOf>) => sourceOf(...args)?.by;
const named = (name: string) => JSON.stringify({ metadata: { name } });

test('a request is told by its method and path', () => {
  const what = (...args: Parameters<typeof describe>) => {
    const { verb, resource, name } = describe(...args);
    return `${verb} ${resource} ${name}`;
  };
  assert.is(what('GET', `${maps}?limit=500`, ''), 'list configmaps ');
  assert.is(what('GET', `${maps}?watch=true`, ''), 'watch configmaps ');
  assert.is(what('GET', `${maps}/x`, ''), 'get configmaps x');
  assert.is(what('POST', maps, named('x')), 'create configmaps x');
  assert.is(what('PUT', `${settings}/x/status`, ''), 'update licensesettings/status x');
  assert.is(what('DELETE', `${maps}/x`, ''), 'delete configmaps x');
  const event = JSON.stringify({ metadata: { name: 'x.1' }, regarding: { name: 'x' } });
  assert.is(what('POST', '/apis/events.k8s.io/v1/namespaces/n/events', event), 'create events x');
  assert.is(what('GET', '/api/v1/configmaps?limit=1', ''), 'list configmaps ');
});

test('a fault strikes once, the request of its number, and only those of the run', () => {
  const armed = arm([parseFault('request1:reset-after')], { namespace: 'n', prefix: 'r1-' });
  const decided = ['r1-a', 'r2-a', 'r1-b', 'r1-c'].map((name) => armed.decide(seen('PUT', `${maps}/${name}`)));
  assert.equal(decided, [undefined, undefined, 'reset-after', undefined]);
  assert.equal(armed.counts.request, ['update configmaps', 'update configmaps', 'update configmaps']);
  assert.is(armed.struck.length, 1);
});

test('watches, events and leases are counted for themselves', () => {
  const faults = ['watch0:answer-410', 'event1:silent', 'lease0:answer-500'].map(parseFault);
  const armed = arm(faults, { namespace: 'n', prefix: 'r1-' });
  const watch = seen('GET', `${maps}?watch=true`);
  assert.is(armed.decide(watch), 'answer-410');
  const event = (name: string) => ({ type: 'ADDED', object: { metadata: { name, resourceVersion: '1' } } });
  assert.equal(
    ['r1-a', 'other', 'r1-a'].map((name) => armed.decideEvent(watch, event(name))),
    [undefined, undefined, 'silent'],
  );
  assert.is(armed.decide(seen('PUT', '/apis/coordination.k8s.io/v1/namespaces/n/leases/l')), 'answer-500');
});

test('a fault that lasts excuses until it is over, and L1 from then on', () => {
  const armed = arm([parseFault('request0:hang-before')], { namespace: 'n', prefix: '' });
  const request = seen('PUT', `${maps}/a`);
  armed.decide(request);
  assert.is(armed.excusedUntil(), Number.POSITIVE_INFINITY);
  armed.ended(request);
  const granted = armed.excusedUntil() - performance.now();
  assert.ok(granted > 4_000 && granted <= 5_000, `${granted} ms`);
});

test('every fault at every request: lists have theirs too; its text is read back', () => {
  const counts = { request: ['get configmaps', 'list configmaps'], watch: ['configmaps'], event: [], lease: [] };
  const all = everySingleFault(counts);
  assert.is(all.filter(({ target }) => target === 'request').length, 2 * requestFaults.length + listFaults.length);
  for (const fault of all) assert.equal(parseFault(faultText(fault)), fault);
  assert.throws(() => parseFault('request1:nonsense'), /is no fault/);
  assert.throws(() => parseFault('reset'), /is no fault/);
});

test('a revision is the operator’s if the API server answered its version', () => {
  const update = { ...seen('PUT', `${maps}/r1-a`, named('r1-a')), forwarded: true };
  assert.is(authorOf(committed('MODIFIED', 7), [{ ...update, committed: 200, version: 7 }]), 'operator');
  assert.is(authorOf(committed('MODIFIED', 7), [{ ...update, committed: 200, version: 8 }]), 'other');
  assert.is(authorOf(committed('MODIFIED', 7), [{ ...update, forwarded: false }]), 'other');
  assert.is(authorOf(committed('MODIFIED', 7), [update]), undefined, 'not answered yet');
  assert.is(authorOf(committed('ADDED', 7), [{ ...update, committed: 200, version: 7 }]), 'other', 'another verb');
});

test('where the connection broke, who asked for what it became wrote it', () => {
  const body = JSON.stringify({ metadata: { name: 'r1-a' }, data: { b: '1', a: '2' } });
  const broken = { ...seen('PUT', `${maps}/r1-a`, body), forwarded: true, ended: 1 };
  assert.is(authorOf(committed('MODIFIED', 7, { data: { a: '2', b: '1' } }), [broken]), 'operator');
  assert.is(authorOf(committed('MODIFIED', 7, { data: { a: '3' } }), [broken]), 'other');
});

test('where the connection broke under a status, an annotation of somebody else is his', () => {
  const status = { observedGeneration: 1 };
  const body = JSON.stringify({ metadata: { name: 'r1-a' }, status });
  const broken = { ...seen('PUT', `${settings}/r1-a/status`, body), forwarded: true, ended: 1 };
  const { object } = committed('MODIFIED', 7, { status });
  const annotated = { ...object, metadata: { ...object.metadata, annotations: { a: 'b' } } };
  const of = (now: typeof object) => ({ ...committed('MODIFIED', 7), kind: 'LicenseSettings' as const, object: now });
  assert.is(authorOf(of(object), [broken], { metadata: object.metadata }), 'operator');
  assert.is(authorOf(of(annotated), [broken], object), 'other');
});

test('a deletion is the operator’s if it asked for that uid and was not refused', () => {
  const body = JSON.stringify({ preconditions: { uid: 'u' } });
  const remove = { ...seen('DELETE', `${maps}/r1-a`, body), forwarded: true };
  assert.is(authorOf(committed('DELETED', 7), [{ ...remove, committed: 200 }]), 'operator');
  assert.is(authorOf(committed('DELETED', 7), [{ ...remove, committed: 404 }]), 'other');
  const other = { ...remove, body: JSON.stringify({ preconditions: { uid: 'v' } }), committed: 200 };
  assert.is(authorOf(committed('DELETED', 7), [other]), 'other');
});

test('revisions keep their order while the author of one is not known', () => {
  const requests: Seen[] = [{ ...seen('PUT', `${maps}/r1-a`, named('r1-a')), forwarded: true }];
  const taken: string[] = [];
  const authors = createAuthors(
    () => requests,
    ({ revision }, { by }) => taken.push(`${revision} ${by}`),
  );
  authors.add(committed('MODIFIED', 7));
  authors.add(committed('DELETED', 8));
  assert.equal(taken, []);
  assert.is(authors.waiting(), 2);
  const [request] = requests;
  if (request) Object.assign(request, { committed: 200, version: 7 });
  authors.look();
  assert.equal(taken, ['7 operator', '8 other']);
});
