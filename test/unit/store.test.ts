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
test('an older version, or the same again, changes nothing', () => {
  const store = create();
  assert.ok(store.put(thing('one', 10)));
  assert.not.ok(store.put(thing('one', 9)));
  assert.not.ok(store.put(thing('one', 10, { owner: 'other' })));
  assert.is(store.get('a/one')?.owner, 'x');
  assert.ok(store.put(thing('one', 100)));
  assert.is(versionOf(store, 'a/one'), '100');
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
test('a list that is no older than what is known, and has an object as it was, is of a time that went back', () => {
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

test('the part of a namespace has nothing of another, and takes nothing of another', () => {
  const store = create();
  const [here, there] = [store.in('a'), store.in('b')];
  const foreign = thing('one', 5, { namespace: 'b' });
  store.put(thing('one', 1));
  store.put(foreign);
  assert.equal([here.get('one'), there.get('one')], [thing('one', 1), foreign]);
  assert.equal(here.by('x'), [thing('one', 1)], 'what it is found by');
  assert.not.ok(here.put({ ...foreign, metadata: { ...foreign.metadata, resourceVersion: '9' } }));
  assert.not.ok(here.remove(foreign));
  here.deleted(foreign);
  assert.is(versionOf(store, 'b/one'), '5');
  here.deleted(thing('one', 1));
  assert.equal([...store.keys()], ['b/one']);
});
test('a uid that appears in two namespaces is two objects: a restored backup beside what it was taken of', () => {
  const store = create();
  const [one, two] = [thing('one', 5), thing('one', 6, { namespace: 'b' })];
  for (const each of [one, two]) store.put(each);
  store.in('a').deleted(one);
  assert.ok(store.put(thing('one', 7, { namespace: 'b' })), 'only the one was deleted');
  store.listing();
  store.put(thing('one', 8));
  assert.equal(store.replace([thing('one', 7, { namespace: 'b' })], '9').gone, [], 'deleted, so it was not there');
  store.put(thing('one', 10, { uid: 'new' }));
  store.put(thing('two', 10, { uid: 'new', namespace: 'b' }));
  const { gone } = store.replace([thing('two', 10, { uid: 'new', namespace: 'b' })], '11');
  assert.equal(
    gone.map(({ metadata }) => metadata.namespace),
    ['b', 'a'],
    'present in one namespace says nothing of the other',
  );
  assert.ok(store.put(thing('two', 12, { uid: 'uid-one', namespace: 'b' })), 'nor that it went from the other');
});

test('what we deleted ourselves does not come back by an event that was under way', () => {
  const store = create();
  store.put(thing('one', 1));
  store.listing();
  store.deleted(thing('one', 1));
  assert.is(store.size, 0);
  assert.not.ok(store.put(thing('one', 2)));
  assert.not.ok(store.replace([thing('one', 2)], '2').changed.length);
  assert.is(store.size, 0);
});
test('a new object of the name of one that we deleted is taken', () => {
  const store = create();
  store.put(thing('one', 1));
  store.deleted(thing('one', 1));
  assert.ok(store.put(thing('one', 3, { uid: 'new' })));
  assert.not.ok(store.put(thing('one', 2)), 'and the old one does not replace it');
  assert.is(store.get('a/one')?.metadata.uid, 'new');
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
test('a list goes through with an object that nests too deep to be compared: it counts as changed', () => {
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
test('a list is the truth even where it is older: the cluster was restored from a backup', () => {
  const store = create();
  store.put(thing('one', 100));
  assert.is(store.replace([thing('one', 5)], '5').changed.length, 1);
  assert.is(versionOf(store, 'a/one'), '5');
});
test('a version that comes a second time with other contents is a change: the cluster was restored from a backup', () => {
  const store = create();
  store.put(thing('one', 100, { owner: 'x' }));
  store.put(thing('two', 90));
  const { changed } = store.replace([thing('one', 100, { owner: 'y' }), thing('two', 90)], '120');
  assert.equal(
    changed.map(({ metadata }) => metadata.name),
    ['one'],
  );
  assert.is(store.get('a/one')?.owner, 'y');
});
test('what went at a version that a later list has not reached may come back below that version', () => {
  const store = create();
  store.put(thing('one', 90));
  store.remove(thing('one', 1_000));
  store.put(thing('else', 90, { namespace: 'b' }));
  store.remove(thing('else', 1_000, { namespace: 'b' }));
  // In the backup it had no label yet, and so it is in no list.
  store.listing('a');
  store.replace([], '100', 'a');
  assert.not.ok(store.put(thing('one', 99)));
  assert.ok(store.put(thing('one', 120)), 'it was labelled in the new time');
  assert.not.ok(store.put(thing('else', 120, { namespace: 'b' })), 'the list said nothing about others');
});
test('what we write while a list is under way stays, unless the list is from after it', () => {
  const store = create();
  for (const name of ['changed', 'other']) store.put(thing(name, 1));
  store.listing();
  store.put(thing('changed', 12));
  store.put(thing('created', 13));
  const { changed, gone } = store.replace([thing('changed', 1), thing('other', 9)], '10');
  assert.equal(
    changed.map(({ metadata }) => metadata.name),
    ['other'],
  );
  assert.equal(gone, []);
  assert.equal([versionOf(store, 'a/changed'), versionOf(store, 'a/created')], ['12', '13']);

  store.listing();
  store.put(thing('changed', 14));
  store.put(thing('created', 15));
  store.replace([thing('changed', 16)], '20');
  assert.equal([versionOf(store, 'a/changed'), versionOf(store, 'a/created')], ['16', undefined]);
});
test('what was written before a list began does not outlive it: the cluster may have been restored from a backup', () => {
  const store = create();
  store.listing();
  store.put(thing('one', 100));
  store.listing();
  store.replace([thing('one', 5)], '5');
  assert.is(versionOf(store, 'a/one'), '5');
  store.listing();
  store.replace([], '6');
  assert.is(store.size, 0);
  store.put(thing('two', 100));
  store.replace([], '7');
  assert.is(store.size, 0, 'a list ends what it began');
});
test("lists of two namespaces don't take back what we write in either", () => {
  const store = create();
  store.listing('a');
  store.listing('b');
  store.put(thing('one', 10));
  store.put(thing('two', 11, { namespace: 'b' }));
  store.replace([], '5', 'a');
  store.replace([], '6', 'b');
  assert.equal([...store.keys()], ['a/one', 'b/two']);
});
test('a list of one namespace says nothing about the others', () => {
  const store = create();
  store.put(thing('one', 1));
  store.put(thing('two', 1, { namespace: 'b' }));
  const { gone } = store.replace([], '2', 'a');
  assert.is(gone.length, 1);
  assert.equal([...store.keys()], ['b/two']);
});
test('a list without an object that we deleted forgets about it', () => {
  const store = create();
  store.put(thing('one', 1));
  store.deleted(thing('one', 1));
  store.replace([], '2', 'a');
  // A restored backup may hold the same uid again.
  assert.ok(store.put(thing('one', 3)));
});
test('a list begun after we deleted an object, and that has it, is believed: it was restored from a backup', () => {
  const store = create();
  store.put(thing('one', 90));
  store.listing();
  store.deleted(thing('one', 90));
  store.listing();
  assert.is(store.replace([thing('one', 90)], '100').changed.length, 1);
  assert.ok(store.put(thing('one', 101)));
  assert.is(versionOf(store, 'a/one'), '101');
});
test('a list that has what went before is believed: events of versions below that are taken', () => {
  const store = create();
  store.put(thing('one', 90));
  store.remove(thing('one', 1_000));
  store.listing();
  store.replace([thing('one', 90)], '100');
  assert.ok(store.put(thing('one', 101)));
  assert.is(versionOf(store, 'a/one'), '101');
});
test('a list of one namespace does not take back what we deleted while it was under way', () => {
  const store = create();
  store.put(thing('one', 1));
  store.listing('a');
  store.listing('b');
  store.deleted(thing('one', 1));
  store.replace([], '2', 'b');
  assert.is(store.replace([thing('one', 1)], '3', 'a').changed.length, 0);
  assert.is(store.size, 0);
});
test('a list of one namespace does not forget what we deleted in another', () => {
  const store = create();
  store.put(thing('one', 1));
  store.deleted(thing('one', 1));
  store.replace([], '2', 'b');
  assert.not.ok(store.put(thing('one', 2)));
});

test('the late answer to a write does not bring back an object that went meanwhile; a newer version does', () => {
  const store = create();
  store.put(thing('one', 5));
  store.remove(thing('one', 9));
  assert.not.ok(store.put(thing('one', 7)), 'answered late');
  assert.is(store.get('a/one'), undefined);
  assert.ok(store.put(thing('one', 10)), 'its label came back');
  assert.is(versionOf(store, 'a/one'), '10');
});

test('the late answer to a write does not bring back an object that a list did not have any more', () => {
  const store = create();
  store.put(thing('one', 10));
  store.replace([], '14');
  assert.not.ok(store.put(thing('one', 12)), 'answered late');
  assert.is(store.size, 0);
  assert.ok(store.put(thing('one', 15)), 'its label came back');
});
test('nor one that a list had another in the place of, which went then', () => {
  const store = create();
  store.put(thing('one', 10));
  store.replace([thing('one', 13, { uid: 'new' })], '14');
  store.remove(thing('one', 15, { uid: 'new' }));
  assert.not.ok(store.put(thing('one', 12)));
});
test('nor one that we deleted, when a list without it came before its DELETED event', () => {
  const store = create();
  store.put(thing('one', 10));
  store.deleted(thing('one', 10));
  store.replace([], '14');
  assert.not.ok(store.put(thing('one', 12)), 'written before, answered late');
});

test('one that only lost its label is taken again at the version at which it went out of sight', () => {
  const store = create();
  store.put(thing('one', 5));
  // A selector's DELETED event has the version of the edit; that of a real deletion is above all of the object.
  store.remove(thing('one', 9));
  assert.ok(store.put(thing('one', 9)));
  assert.is(versionOf(store, 'a/one'), '9');
});

test('one that a list did not have because it lost its label is taken at the version of that edit', () => {
  const store = new Store<Thing>(
    () => [],
    ({ owner }) => owner === 'x',
  );
  store.put(thing('one', 5));
  store.replace([], '14');
  assert.not.ok(store.put(thing('one', 7)), 'from before the edit');
  assert.ok(store.put(thing('one', 9, { owner: 'out of sight' })), 'as a GET finds it');
  assert.is(versionOf(store, 'a/one'), '9');
});

test('the DELETED event of what we deleted ends the memory of it', () => {
  const store = create();
  store.put(thing('one', 1));
  store.deleted(thing('one', 1));
  store.remove(thing('one', 2));
  // A restored backup may hold the same uid again.
  assert.ok(store.put(thing('one', 3)));
});

test('of what went, the last ten thousand are remembered', () => {
  const store = create();
  for (let n = 0; n < 10_001; n++) store.remove(thing(`${n}`, 9));
  assert.not.ok(store.put(thing('1', 7)));
  assert.ok(store.put(thing('0', 7)));
});
