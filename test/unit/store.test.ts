import * as assert from 'uvu/assert';
import { compareResourceVersions, type KubeObject } from '../../src/kube/object.ts';
import { Store } from '../../src/kube/store.ts';
import { suite } from '../suite.ts';

type Thing = KubeObject & { owner: string };
const thing = (
  name: string,
  resourceVersion: string | number,
  more: { uid?: string; owner?: string; namespace?: string } = {},
): Thing => ({
  metadata: {
    ...{ name, namespace: more.namespace ?? 'a', uid: more.uid ?? `uid-${name}` },
    resourceVersion: String(resourceVersion),
  },
  owner: more.owner ?? 'x',
});
const create = () => new Store<Thing>(({ owner }) => [owner]);
const versionOf = (store: Store<Thing>, key: string) => store.get(key)?.metadata.resourceVersion;

const test = suite('store');

test('versions are compared as numbers, longer ones than a double holds too', () => {
  assert.ok(compareResourceVersions('9', '10') < 0);
  assert.ok(compareResourceVersions('100', '99') > 0);
  assert.is(compareResourceVersions('10', '10'), 0);
  assert.ok(compareResourceVersions('9007199254740993', '9007199254740992') > 0);
});
test('an object is taken as it is told, even at an older version, and the one before is given', () => {
  const store = create();
  assert.is(store.put(thing('one', 10)), undefined);
  assert.equal(store.put(thing('one', 9, { owner: 'y' })), thing('one', 10));
  assert.equal(store.get('a/one'), thing('one', 9, { owner: 'y' }));
});
test('a list that shows the same version otherwise is believed: another schema prunes it', () => {
  const store = create();
  store.replace([thing('one', 10), thing('two', 11)], '11');
  const { changed } = store.replace([thing('one', 10, { owner: 'other' }), thing('two', 11)], '20');
  assert.equal(
    changed.map(({ metadata }) => metadata.name),
    ['one'],
  );
  assert.is(store.get('a/one')?.owner, 'other');
  assert.equal(store.in('a').by('x').length, 1, 'and is found by what it shows now');
});
test('R7.10 a list that is no older than what is known, and has an object as it was, is of a time that went back', () => {
  const store = create();
  store.replace([thing('one', 10), thing('two', 12)], '12');
  assert.is(store.replace([thing('one', 10), thing('two', 12)], '20').wentBack, false);
  assert.is(store.replace([thing('one', 10), thing('two', 11)], '30').wentBack, true);
  assert.is(store.replace([thing('one', 8, { uid: 'new' })], '40').wentBack, false, 'another object of the name');
  store.put(thing('one', 60, { uid: 'new' }));
  assert.is(store.replace([thing('one', 8, { uid: 'new' })], '50').wentBack, false, 'a server that is behind');
});
test('the index follows changes and removals', () => {
  const store = create();
  store.put(thing('one', 1));
  store.put(thing('two', 2));
  const found = (value: string) =>
    store
      .in('a')
      .by(value)
      .map(({ metadata }) => metadata.name);
  assert.equal(found('x'), ['one', 'two']);
  store.put(thing('one', 3, { owner: 'y' }));
  assert.equal([found('x'), found('y')], [['two'], ['one']]);
  store.remove(thing('two', 4));
  assert.equal(found('x'), []);
  store.replace([thing('three', 5)], '5');
  assert.equal([found('x'), found('y')], [['three'], []]);
});

test('the part of a namespace has nothing of another', () => {
  const store = create();
  const [here, there] = [thing('one', 1), thing('one', 5, { namespace: 'b' })];
  for (const each of [here, there]) store.put(each);
  for (const [namespace, own] of [['a', here] as const, ['b', there] as const]) {
    const part = store.in(namespace);
    assert.equal([part.get('one'), part.by('x')], [own, [own]]);
  }
});
test('a uid is there as long as an object has it: in two namespaces, where a backup was restored beside its origin', () => {
  const store = create();
  const [one, two] = [thing('one', 5), thing('one', 6, { namespace: 'b' })];
  for (const each of [one, two]) store.put(each);
  store.remove(one);
  assert.ok(store.has('uid-one'), 'the other has it');
  store.put(thing('one', 7, { namespace: 'b', uid: 'new' }));
  assert.equal([store.has('uid-one'), store.has('new')], [false, true]);
  store.replace([], '8');
  assert.is(store.has('new'), false);
});

test('the DELETED event of an older incarnation leaves the newer object alone', () => {
  const store = create();
  store.put(thing('one', 5, { uid: 'new' }));
  assert.not.ok(store.remove(thing('one', 4, { uid: 'old' })));
  assert.is(store.get('a/one')?.metadata.uid, 'new');
});
test('a DELETED event says whether something was there', () => {
  const store = create();
  store.put(thing('one', 1));
  assert.ok(store.remove(thing('one', 2)));
  assert.not.ok(store.remove(thing('one', 2)));
  assert.is(store.size, 0);
});

test('a list tells what changed and what is gone', () => {
  const store = create();
  for (const name of ['same', 'changed', 'gone']) store.put(thing(name, 1));
  const { changed, gone } = store.replace([thing('same', 1), thing('changed', 2), thing('new', 3)], '3');
  assert.equal(
    [changed, gone].map((list) => list.map(({ metadata }) => metadata.name)),
    [['changed', 'new'], ['gone']],
  );
  assert.equal([...store.keys()].sort(), ['a/changed', 'a/new', 'a/same']);
});
test('R9.20 a list goes through with an object that nests too deep to be compared: it counts as changed', () => {
  const deep = () => {
    let spec: unknown = null;
    for (let i = 0; i < 100_000; i++) spec = [spec];
    return { ...thing('deep', 1), spec };
  };
  const store = create();
  store.replace([deep()], '1');
  const { changed } = store.replace([deep(), thing('other', 2)], '2');
  assert.equal(
    changed.map(({ metadata }) => metadata.name),
    ['deep', 'other'],
  );
});
test('R7.10 a list is the truth even where it is older: the cluster was restored from a backup', () => {
  const store = create();
  store.put(thing('one', 100));
  assert.is(store.replace([thing('one', 5)], '5').changed.length, 1);
  assert.is(versionOf(store, 'a/one'), '5');
});
test('a list of one namespace says nothing about the others', () => {
  const store = create();
  store.put(thing('one', 1));
  store.put(thing('two', 1, { namespace: 'b' }));
  const { gone } = store.replace([], '2', 'a');
  assert.is(gone.length, 1);
  assert.equal([...store.keys()], ['b/two']);
});
