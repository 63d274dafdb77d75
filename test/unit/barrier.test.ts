/** Reading one's own writes: what a key waits for, and what does not keep it waiting. */
import * as assert from 'uvu/assert';
import { Barrier } from '../../src/kube/index.ts';
import { suite } from '../suite.ts';

const key = 'dialer/pom';
const map = 'dialer/uid-map';
const other = 'dialer/uid-other';

/** A barrier whose two watches, of one scope, are at version 10. */
function setUp(scope = 'dialer') {
  const barrier = new Barrier();
  for (const resource of ['widgets', 'configmaps']) barrier.seen(resource, scope, '10');
  return barrier;
}

const test = suite('R6.5 barrier');

test('a key is ready where nothing was written for it', () => {
  assert.ok(setUp().isReady(key));
});

for (const scope of ['dialer', ''])
  test(`a key waits until the watch has passed its last write, in ${scope || 'a scope of all namespaces'}`, () => {
    const barrier = setUp(scope);
    barrier.wrote(key, 'configmaps', map, '12');
    barrier.wrote(key, 'configmaps', other, '11');
    for (const version of ['10', '11']) {
      barrier.seen('configmaps', scope, version);
      assert.is(barrier.isReady(key), false, `at ${version}`);
    }
    assert.ok(barrier.isReady('dialer/two'), 'another key does not wait');
    barrier.seen('configmaps', scope, '13');
    assert.ok(barrier.isReady(key));
  });

test('versions are compared as numbers', () => {
  const barrier = setUp();
  barrier.wrote(key, 'configmaps', map, '100');
  barrier.seen('configmaps', 'dialer', '99');
  assert.is(barrier.isReady(key), false);
});

test('what another watch passes does not count: another resource, or another scope', () => {
  const barrier = setUp();
  barrier.seen('configmaps', 'other', '10');
  barrier.wrote(key, 'configmaps', map, '12');
  barrier.seen('widgets', 'dialer', '20');
  barrier.seen('configmaps', 'other', '20');
  assert.is(barrier.isReady(key), false);
});

test('a key that wrote to two resources waits for both', () => {
  const barrier = setUp();
  barrier.wrote(key, 'configmaps', map, '12');
  barrier.wrote(key, 'widgets', 'dialer/uid-pom', '13');
  barrier.seen('configmaps', 'dialer', '20');
  assert.is(barrier.isReady(key), false);
  barrier.seen('widgets', 'dialer', '20');
  assert.ok(barrier.isReady(key));
});

test('an event that came before the answer to its write is not waited for', () => {
  const barrier = setUp();
  barrier.seen('configmaps', 'dialer', '12');
  barrier.wrote(key, 'configmaps', map, '12');
  assert.ok(barrier.isReady(key));
});

test('a write to what nobody watches is not waited for', () => {
  const barrier = setUp();
  barrier.wrote(key, 'leases', map, '12');
  barrier.deleted(key, 'leases', map);
  barrier.wrote(key, 'configmaps', 'elsewhere/uid', '12');
  assert.ok(barrier.isReady(key));
});

test('cluster-scoped objects are waited for in the scope of all', () => {
  const barrier = setUp('');
  barrier.wrote('node', 'widgets', '/uid-node', '12');
  assert.is(barrier.isReady('node'), false);
  barrier.seen('widgets', '', '12');
  assert.ok(barrier.isReady('node'));
});

test('a delete is waited for until the object is gone: versions that pass prove nothing', () => {
  const barrier = setUp();
  barrier.deleted(key, 'configmaps', map);
  barrier.seen('configmaps', 'dialer', '20');
  assert.is(barrier.isReady(key), false);
  barrier.gone(other);
  assert.is(barrier.isReady(key), false);
  barrier.gone(map);
  assert.ok(barrier.isReady(key));
});

test('a delete whose event came before its answer is not waited for', () => {
  const barrier = setUp();
  barrier.gone(map);
  barrier.deleted(key, 'configmaps', map);
  assert.ok(barrier.isReady(key));
});

test('a list without the object ends the wait for its deletion, one that has it still does not', () => {
  const barrier = setUp();
  barrier.deleted(key, 'configmaps', map);
  barrier.seen('configmaps', 'dialer', '20', (identity) => (identity === map ? '9' : undefined));
  assert.is(barrier.isReady(key), false);
  barrier.seen('configmaps', 'dialer', '21', () => undefined);
  assert.ok(barrier.isReady(key));
});

test('who waits is told once, as soon as the key is ready', () => {
  const barrier = setUp();
  let told = 0;
  const wake = () => {
    assert.ok(barrier.isReady(key));
    told++;
  };
  barrier.whenReady(key, wake);
  assert.is(told, 1, 'at once');
  barrier.wrote(key, 'configmaps', map, '12');
  barrier.deleted(key, 'configmaps', other);
  barrier.whenReady(key, () => assert.unreachable('the later call counts'));
  barrier.whenReady(key, wake);
  barrier.seen('configmaps', 'dialer', '12');
  assert.is(told, 1, 'not yet: the deletion is waited for');
  barrier.gone(other);
  assert.is(told, 2);
  barrier.seen('configmaps', 'dialer', '13');
  barrier.gone(other);
  assert.is(told, 2);
});

test('the event of our own write is told from all others, once', () => {
  const barrier = setUp();
  barrier.wrote(key, 'configmaps', map, '12');
  barrier.wrote(key, 'configmaps', map, '14');
  assert.is(barrier.tells(other, '12'), false);
  assert.equal(
    ['11', '12', '13', '14', '14'].map((version) => barrier.tells(map, version)),
    [false, true, false, true, false],
  );
});

const told: readonly [string, (barrier: Barrier) => unknown, boolean][] = [
  ['an event told of it', (barrier) => barrier.tells(map, '12'), true],
  ['an event told of a later version', (barrier) => barrier.tells(map, '13'), true],
  ['the object is gone', (barrier) => barrier.gone(map), true],
  ['nothing did', () => undefined, false],
  ['an event told of an earlier version', (barrier) => barrier.tells(map, '11'), false],
  ['an event told of another object', (barrier) => barrier.tells(other, '12'), false],
];
for (const [what, tell, isWhole] of told)
  test(`R7.10 a watch has passed a write: ${what}, ${isWhole ? 'all is well' : 'it is lost'}`, () => {
    const barrier = setUp();
    barrier.wrote(key, 'configmaps', map, '12');
    assert.ok(barrier.seen('configmaps', 'dialer', '11'), 'not yet');
    tell(barrier);
    assert.is(barrier.seen('configmaps', 'dialer', '13'), isWhole);
  });
for (const [there, isWhole] of [
  ['12', true],
  ['15', true],
  ['9', false],
  [undefined, false],
] as const)
  test(`R7.10 a list has the object of a write at ${there ?? 'no version'}: ${isWhole ? 'all is well' : 'it is lost'}`, () => {
    const barrier = setUp();
    barrier.wrote(key, 'configmaps', map, '12');
    assert.is(
      barrier.seen('configmaps', 'dialer', '20', () => there),
      isWhole,
    );
  });

test('R7.10 when time went back those are told for whom something was written that no watch told of', () => {
  const barrier = setUp();
  barrier.wrote('dialer/one', 'configmaps', map, '12');
  barrier.wrote('dialer/two', 'configmaps', other, '13');
  barrier.deleted('dialer/three', 'configmaps', 'dialer/uid-gone');
  barrier.tells(other, '13');
  barrier.seen('configmaps', 'dialer', '13');
  assert.equal([...barrier.forget('dialer')].sort(), ['dialer/one', 'dialer/three']);
});

test('R7.10 when time went back nothing is waited for in that scope, and those who waited are told', () => {
  const barrier = setUp();
  for (const resource of ['widgets', 'configmaps']) barrier.seen(resource, 'other', '10');
  let told = 0;
  barrier.wrote(key, 'configmaps', map, '1000');
  barrier.deleted(key, 'configmaps', other);
  barrier.wrote('other/pom', 'configmaps', 'other/uid', '1000');
  barrier.whenReady(key, () => told++);
  barrier.forget('dialer');
  assert.is(told, 1);
  assert.ok(barrier.isReady(key));
  assert.is(barrier.tells(map, '1000'), false);
  assert.is(barrier.isReady('other/pom'), false, 'another scope');
  barrier.seen('configmaps', 'dialer', '5');
  barrier.wrote(key, 'configmaps', map, '6');
  assert.is(barrier.isReady(key), false, 'and it begins anew');
});

test('R7.10 after time went back an object that is there again is not taken for gone', () => {
  const barrier = setUp();
  barrier.gone(map);
  barrier.forget('dialer');
  barrier.seen('configmaps', 'dialer', '5');
  barrier.deleted(key, 'configmaps', map);
  assert.is(barrier.isReady(key), false);
});

for (const [how, prove] of [
  ['it is proven', (barrier: Barrier) => barrier.proven('configmaps', 'dialer')],
  ['it tells of something', (barrier: Barrier) => barrier.seen('configmaps', 'dialer', '10')],
] as const)
  test(`R7.10 no key of its scope is ready while a watch is in doubt, until ${how}`, () => {
    const barrier = setUp();
    let told = 0;
    barrier.doubted('configmaps', 'dialer');
    assert.equal(
      [barrier.isCurrent(key), barrier.isReady(key), barrier.isCurrent('other/pom'), barrier.isReady('other/pom')],
      [false, false, true, true],
    );
    barrier.whenReady(key, () => told++);
    barrier.proven('widgets', 'dialer');
    assert.is(told, 0, 'another watch');
    prove(barrier);
    assert.equal([told, barrier.isCurrent(key), barrier.isReady(key)], [1, true, true]);
  });

test('R7.10 a watch of all namespaces that is in doubt is that of each key', () => {
  const barrier = setUp('');
  barrier.doubted('configmaps', '');
  assert.is(barrier.isReady(key), false);
});
