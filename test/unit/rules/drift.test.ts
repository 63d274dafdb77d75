/** Rules 3 and 4, as far as the verdict on one ConfigMap and the planner decide them: what is healed, and whose is left alone. */
import * as assert from 'uvu/assert';
import { annotations as notes, labels as tags } from '../../../src/api/names.ts';
import {
  type ConfigMapView,
  carriesUid,
  isLeftBehind,
  isOurs,
  type Owner,
  stampOf,
  uidOf,
  type Want,
  wantedMetadata,
} from '../../../src/settings/configmap.ts';
import { declare } from '../../../src/settings/declaration.ts';
import { renderSystem, renderZone } from '../../../src/settings/render.ts';
import { type Context, obsolete, type Verdict, verdictOn } from '../../../src/settings/verdict.ts';
import type { Stored } from '../../contract/revision.ts';
import { suite } from '../../suite.ts';
import { createWalk, plainOf, type Walk, zonesOf } from '../../support/walk.ts';

const owner: Owner = { name: 'pom', uid: 'uid-1' };
const rendered = renderSystem(declare('pom', { licenses: { outboundPorts: { minimum: 100, maximum: 500 } } }));
const want: Want = { rendered, generation: 3, retained: false };
const kept: Want = { ...want, retained: true };
const { labels, annotations, ownerReferences } = wantedMetadata(owner, want);

type Change = { readonly metadata?: Partial<ConfigMapView['metadata']> } & Partial<Omit<ConfigMapView, 'metadata'>>;
/** The ConfigMap as it should be, but for a change. */
const view = ({ metadata, ...rest }: Change = {}): ConfigMapView => ({
  metadata: { name: 'pom-licenses', uid: 'cm', resourceVersion: '9', ...wantedMetadata(owner, want), ...metadata },
  ...{ dataHash: rendered.dataHash, binary: false, immutable: false },
  record: rendered.data['licenses.json'] ?? '',
  ...rest,
});
const known = { knownDataHash: rendered.dataHash, applicable: true, background: true };
const verdict = (change: Change | undefined, context: Partial<Context> = {}): Verdict =>
  verdictOn(change && view(change), { owner, want, healing: known, ...context });

const controlledBy = (uid: string, more: object = {}) => [
  { apiVersion: 'v1', kind: 'X', name: 'x', uid, controller: true, ...more },
];
const ofBefore = wantedMetadata({ ...owner, uid: 'of-before' }, want).ownerReferences;
const [reference] = ownerReferences;
const references = (...list: Partial<NonNullable<typeof reference>>[]) => ({
  metadata: { ownerReferences: list.map((one) => ({ ...reference, ...one })) as typeof ownerReferences },
});
const nobodys = { metadata: { ownerReferences: [], annotations: {} } };

const drift = suite('rule 3: drift is healed');

for (const [what, change, expected] of [
  ['as it should be', {}, 'right'],
  ['deleted', undefined, 'create'],
  ['data that were edited', { dataHash: 'x' }, 'update'],
  ['binaryData', { binary: true }, 'update'],
  ['labels that were removed', { metadata: { labels: {} } }, 'update'],
  ['the label of a zone that it is not', { metadata: { labels: { ...labels, [tags.zone]: 'emea' } } }, 'update'],
  [
    'an annotation of ours that was changed',
    { metadata: { annotations: { ...annotations, [notes.generation]: '1' } } },
    'update',
  ],
  ['no owner', { metadata: { ownerReferences: [] } }, 'update'],
  ['our ownerReference twice', references({}, {}), 'update'],
  ['an ownerReference with another name', references({ name: 'other' }), 'update'],
  ['an ownerReference with another kind', references({ kind: 'Other' }), 'update'],
  ['an ownerReference with another apiVersion', references({ apiVersion: 'v2' }), 'update'],
  ['an ownerReference that blocks the deletion of the owner', references({ blockOwnerDeletion: true }), 'update'],
] as [string, Change | undefined, Verdict][])
  drift(`R3.1 ${what}: ${expected}`, () => assert.is(verdict(change), expected));

for (const [what, edit] of [
  ['an edited key', (map: Stored): Stored => ({ ...map, data: { ...map.data, OUTBOUND_PORTS_CAPACITY: '9' } })],
  [
    'a removed key',
    ({ data: { OUTBOUND_PORTS_CAPACITY: _, ...data } = {}, ...map }: Stored): Stored => ({ ...map, data }),
  ],
  ['an extra key', (map: Stored): Stored => ({ ...map, data: { ...map.data, EXTRA: '1' } })],
  ['an extra key of binaryData', (map: Stored): Stored => ({ ...map, binaryData: { EXTRA: '' } })],
  ['a removed label', (map: Stored): Stored => ({ ...map, metadata: { ...map.metadata, labels: {} } })],
] as const)
  drift(`R3.1 ${what} is mended, and nothing else`, () => {
    for (const [spec, name, words] of [
      [plainOf(5), 'pom', 'update pom 5'],
      [zonesOf({ a: 3, b: 2 }), 'pom-a', 'update pom-a 3'],
    ] as const) {
      const walk = live(spec);
      walk.edit(name, edit);
      assert.equal(walk.go(), [words, 'done']);
      assert.equal(walk.go(), ['done']);
      assert.equal(walk.violations, []);
    }
  });

drift('R3.1 a ConfigMap that was deleted is created again', () => {
  const walk = live(plainOf(5));
  walk.remove('pom');
  assert.equal(walk.go(), ['create pom 5', 'done']);
});

drift(
  'R3.1 what heals data or brings them back tells that somebody had changed them; what mends metadata does not',
  () => {
    const restores = (change: (walk: Walk) => void) => {
      const walk = live(plainOf(5));
      change(walk);
      const { step } = walk.next();
      return step.do === 'write' && step.writes[0]?.restores;
    };
    assert.is(
      restores((walk) => walk.remove('pom')),
      true,
    );
    assert.is(
      restores((walk) => walk.edit('pom', (map) => ({ ...map, data: {} }))),
      true,
    );
    assert.is(
      restores((walk) =>
        walk.edit('pom', ({ metadata, ...map }) => ({ ...map, metadata: { ...metadata, labels: {} } })),
      ),
      false,
    );
  },
);

for (const [what, change, expected] of [
  ['immutable', { immutable: true }, 'replace'],
  ['immutable, and edited', { immutable: true, dataHash: 'x' }, 'replace'],
] as [string, Change, Verdict][])
  drift(`R3.2 ${what}: ${expected}`, () => assert.is(verdict(change), expected));

drift('R3.2 what was made immutable is made anew, also in the middle of a plan', () => {
  const immutable = (map: Stored): Stored => ({ ...map, immutable: true });
  const plain = live(plainOf(5));
  plain.edit('pom', immutable);
  assert.equal(plain.go(), ['replace pom 5', 'done']);
  const zones = live(zonesOf({ a: 3, b: 2 }, { settleSeconds: 0 }));
  zones.edit('pom-a', immutable);
  zones.save(zonesOf({ a: 1, b: 4 }, { settleSeconds: 0 }));
  assert.equal(zones.go(), ['begin', 'replace pom-a 1', 'update pom -', 'update pom-b 4', 'done']);
  assert.equal([...plain.violations, ...zones.violations], []);
});

drift('R3.3 labels, annotations and ownerReferences of others make it no less right', () => {
  const metadata = {
    labels: { ...labels, team: 'a' },
    annotations: { ...annotations, note: 'b' },
    ownerReferences: [...ownerReferences, ...controlledBy('x', { controller: false })],
  };
  assert.is(verdict({ metadata }), 'right');
});

drift('R3.3 they stay where it is written, and ours are set', () => {
  const foreign = { apiVersion: 'v1', kind: 'X', name: 'x', uid: 'x' };
  const present = {
    ...{ name: 'a', uid: 'b', resourceVersion: '1' },
    labels: { team: 'a', [tags.settings]: 'wrong' },
    annotations: { note: 'b' },
    ownerReferences: [foreign, { ...foreign, uid: owner.uid }],
  };
  assert.equal(wantedMetadata(owner, want, present), {
    labels: { ...labels, team: 'a' },
    annotations: { ...annotations, note: 'b' },
    ownerReferences: [foreign, reference],
  });
});

const older = { dataHash: 'older', metadata: { annotations: { ...annotations, [notes.dataHash]: 'older' } } };
const mislabelled = { dataHash: 'older', metadata: { ...older.metadata, labels: {} } };
const ofOlder = { ...known, knownDataHash: 'older' };
for (const [what, change, healing, expected] of [
  ['applicable, and nothing else waits', older, ofOlder, 'update'],
  ['applicable, but other work waits', older, { ...ofOlder, background: false }, 'keep'],
  ['not applicable', older, { ...ofOlder, applicable: false }, 'keep'],
  ['not applicable, and it lost its labels', mislabelled, { ...ofOlder, applicable: false }, 'relabel'],
  ['the settings change', older, undefined, 'update'],
  ['the status names other data', older, known, 'update'],
  ['the status names no data', older, { ...known, knownDataHash: undefined }, 'update'],
  ['it has binaryData too', { ...older, binary: true }, { ...ofOlder, applicable: false }, 'update'],
] as [string, Change, Context['healing'], Verdict][])
  drift(`R3.4 data of an older release, ${what}: ${expected}`, () =>
    assert.is(verdictOn(view(change), { owner, want, ...(healing ? { healing } : {}) }), expected),
  );

for (const [what, ownedBy, wanted, expected] of [
  ['it is owned, and is to be retained', ownerReferences, kept, 'update'],
  ["it is nobody's, and is to be owned", [], want, 'update'],
  ['it is retained as it should be', [], kept, 'keep'],
  ['it is owned as it should be', ownerReferences, want, 'keep'],
] as const)
  drift(`R3.4 what protects it does not wait for a rollout, R5.6: ${what}: ${expected}`, () => {
    const change = { ...older, metadata: { ...older.metadata, ownerReferences: [...ownedBy] } };
    assert.is(verdict(change, { want: wanted, healing: { ...ofOlder, background: false } }), expected);
  });

drift(
  'R3.4 a rollout that has to wait is told as work that is left; while the newest spec is not applicable none is',
  () => {
    const walk = live(plainOf(5));
    // What the status says that it holds, as an older release wrote it.
    walk.edit('pom', (map) => ({ ...map, data: { ...map.data, OLDER: '1' } }));
    const status = walk.status() ?? {};
    const dataHash = walk.views.get('pom')?.dataHash ?? '';
    walk.restore({ ...status, configMaps: [{ name: 'pom', dataHash }] });
    const nextAs = (background: boolean) => walk.next(undefined, background).step;
    const waiting = nextAs(false);
    assert.is(waiting.do === 'done' && waiting.result.later, true);
    assert.is(nextAs(true).do, 'write');
    walk.save(plainOf(6, { applyPolicy: 'Manual' }));
    const pending = nextAs(true);
    assert.is(pending.do === 'done' && pending.result.later, false);
  },
);

drift('R3.5 other data are drift, although the annotation on them names them; the annotation makes none', () => {
  const forged = { ...annotations, [notes.dataHash]: 'x' };
  assert.is(verdict({ dataHash: 'x', metadata: { annotations: forged } }), 'update');
  assert.is(
    verdict({ dataHash: 'x', metadata: { annotations: forged } }, { healing: { ...known, applicable: false } }),
    'update',
  );
});

const others = suite("rule 4: nobody else's ConfigMap is touched");
const noted = (uid: string, metadata: object = {}) => ({
  metadata: { ownerReferences: [], annotations: { [notes.ownerUid]: uid }, ...metadata },
});

for (const [what, change, isIt] of [
  ['controlled by this object', { metadata: { labels: {}, annotations: {} } }, true],
  ['its owner-uid, and nobody controls it', noted(owner.uid, { labels: {} }), true],
  ['its owner-uid, and somebody controls it', noted(owner.uid, { ownerReferences: controlledBy('other') }), false],
  [
    'owned, but not controlled',
    { metadata: { annotations: {}, ownerReferences: [{ ...reference, controller: false }] } },
    false,
  ],
  ['controlled by another', { metadata: { annotations: {}, ownerReferences: controlledBy('other') } }, false],
  ['the owner-uid of another', noted('other'), false],
  ['our labels alone', nobodys, false],
] as [string, Change, boolean][])
  others(`R4.1 ${what}: ${isIt ? 'ours' : 'not ours by its uid'}`, () =>
    assert.is(carriesUid(view(change), owner), isIt),
  );

others('R4.1 the uid that caches find it by is that of its controller, else the owner-uid', () => {
  assert.is(uidOf(view()), owner.uid);
  assert.is(uidOf(view({ metadata: { ownerReferences: [] } })), owner.uid);
  assert.is(uidOf(view({ metadata: { ownerReferences: controlledBy('other') } })), 'other');
  assert.is(uidOf(view(nobodys)), undefined);
});

others('R4.1 a stamp is one where it is a number, and this object wrote it (R6.3)', () => {
  const stamped = (stamp: string, uid = owner.uid) =>
    stampOf(view({ metadata: { annotations: { [notes.ownerUid]: uid, [notes.generation]: stamp } } }), owner);
  assert.equal([stamped('7'), stamped('7', 'other')], [7, undefined]);
  for (const stamp of ['', 'x', '-1', '1.5', '1e3', '9'.repeat(16)]) assert.is(stamped(stamp), undefined, stamp);
});

for (const [what, change, expected] of [
  ['our labels with our name', nobodys, 'update'],
  ['the owner-uid of an earlier object', noted('of-before'), 'update'],
  [
    'the label of another object',
    { metadata: { ...nobodys.metadata, labels: { ...labels, [tags.settings]: 'other' } } },
    'conflict',
  ],
  [
    'another manager',
    { metadata: { ...nobodys.metadata, labels: { ...labels, [tags.managedBy]: 'helm' } } },
    'conflict',
  ],
  ['no labels', { metadata: { ...nobodys.metadata, labels: {} } }, 'conflict'],
] as [string, Change, Verdict][])
  others(`R4.2 nobody controls it, and it has ${what}: ${expected}`, () => assert.is(verdict(change), expected));

/** What an earlier object of the name left: its ConfigMaps, of which each has nothing but our labels and its uid. */
function left(spec: object, takes: (walk: Walk) => void = () => {}): Walk {
  const former = live(spec);
  const walk = createWalk();
  for (const [name, { data, metadata }] of former.maps) {
    const annotations = { ...metadata.annotations, [notes.ownerUid]: 'of-before' };
    const { labels } = metadata;
    walk.edit(name, (map) => ({
      ...map,
      ...(data ? { data } : {}),
      metadata: { ...map.metadata, ...{ annotations, labels: labels ?? {} } },
    }));
  }
  takes(walk);
  return walk;
}

others('R4.2 an earlier object left it to nobody: it is adopted as it is, and only its metadata are written', () => {
  const walk = left(plainOf(5));
  walk.save(plainOf(5));
  assert.equal(walk.go(), ['update pom 5', 'done']);
  assert.is(walk.views.get('pom') && carriesUid(walk.views.get('pom') as ConfigMapView, walk.owner), true);
});

others('R4.3 a zone under another name is lowered, waited for and deleted, and only then others get more', () => {
  const walk = left(zonesOf({ a: 2, b: 3 }));
  walk.save(zonesOf({ a: 5 }));
  assert.equal(walk.go(), ['begin', 'update pom-b 0', 'update pom -', 'wait 100']);
  walk.pass(100);
  assert.equal(walk.go(), ['update pom-a 5', 'delete pom-b', 'done']);
});

others('R4.3 a system under another name goes when the new one is there', () => {
  const walk = left(plainOf(5));
  walk.save(plainOf(4, { configMap: { name: 'pom-new' } }));
  assert.equal(walk.go(), ['create pom-new 4', 'relabel pom', 'delete pom', 'done']);
});

for (const [what, change] of [
  ['is a copy under a name that its record does not give it', (walk: Walk) => copy(walk, 'pom-b', 'pom-copy')],
  ['is of an object that is there, in whichever namespace', (walk: Walk) => walk.meet('of-before')],
] as const)
  others(`R4.3 what ${what} is left alone`, () => {
    const walk = left(zonesOf({ b: 3 }), change);
    const stays = walk.maps.has('pom-copy') ? 'pom-copy' : 'pom-b';
    walk.save(plainOf(5, { configMap: { name: 'pom-new' }, settleSeconds: 0 }));
    walk.go();
    assert.ok(walk.maps.has(stays), Object.keys(walk.ports()).join(', '));
  });

others('R4.3 it is so for the first apply alone', () => {
  const walk = live(zonesOf({ a: 3 }));
  const other = left(zonesOf({ b: 2 }));
  copy(other, 'pom-b', 'pom-b', walk);
  assert.equal(walk.go(), ['done']);
});

others('R4.4 what an earlier object of the name controls has to go before the first apply, whatever its name', () => {
  for (const spec of [plainOf(5), zonesOf({ a: 3 })]) {
    const walk = createWalk();
    walk.edit('pom-old', (map) => ({ ...map, metadata: { ...map.metadata, ownerReferences: ofBefore } }));
    walk.save(spec);
    assert.equal(walk.go(), ['waits pom-old']);
    walk.remove('pom-old');
    assert.is(walk.go().at(-1), 'done');
  }
});

for (const [what, change, isIt] of [
  ['an earlier object of the name', { ownerReferences: ofBefore }, true],
  ['this object', {}, false],
  ['another kind', { ownerReferences: controlledBy('of-before', { name: owner.name }) }, false],
  ['an object of another name', { ownerReferences: ofBefore.map((one) => ({ ...one, name: 'other' })) }, false],
  ['nobody', { ownerReferences: [] }, false],
] as [string, Change['metadata'] & object, boolean][])
  others(`R4.4 controlled by ${what}: ${isIt ? 'it has to go first' : 'it need not go'}`, () =>
    assert.is(isLeftBehind(view({ metadata: change }), owner), isIt),
  );

others('R4.4 one of a wanted name that goes already, or has to, is waited for', () => {
  assert.is(verdict({ metadata: { ownerReferences: ofBefore } }), 'wait');
  assert.is(verdict({ metadata: { deletionTimestamp: 'now' } }), 'wait');
});

for (const [what, change] of [
  ['controlled by another, with our labels', { metadata: { ownerReferences: controlledBy('other') } }],
  ['controlled by another, and immutable', { immutable: true, metadata: { ownerReferences: controlledBy('other') } }],
  [
    'controlled by another, and being deleted',
    { metadata: { deletionTimestamp: 'now', ownerReferences: controlledBy('other') } },
  ],
  ["nobody's", { metadata: { labels: {}, annotations: {}, ownerReferences: [] } }],
] as [string, Change][])
  others(`R4.5 ${what}: a conflict`, () => {
    assert.is(verdict(change), 'conflict');
    assert.is(isOurs(view(change), owner), false);
  });

others('R4.5 it is never written, and the apply goes on when the name is free', () => {
  const walk = createWalk();
  walk.edit('pom', (map) => ({ ...map, data: { theirs: '1' } }));
  walk.save(plainOf(5));
  assert.equal(walk.go(), ['conflict pom']);
  assert.equal(walk.maps.get('pom')?.data, { theirs: '1' });
  walk.remove('pom');
  assert.equal(walk.go(), ['create pom 5', 'done']);
});

others('R4.5 what heals the others does not wait for it', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.edit('pom-a', (map) => ({
    ...map,
    metadata: { ...map.metadata, ownerReferences: controlledBy('other') } as Stored['metadata'],
  }));
  walk.remove('pom-b');
  assert.equal(walk.go(), ['create pom-b 2', 'conflict pom-a']);
});

const theirs = (map: Stored): Stored => ({ ...map, data: { theirs: '1' } });
others("R4.6 a plan begins when none of the names that it wants is somebody else's", () => {
  const walk = live(zonesOf({ a: 3 }));
  walk.edit('pom-c', theirs);
  walk.save(zonesOf({ a: 1, b: 2, c: 2 }));
  assert.equal(walk.go(), ['conflict pom-c']);
  assert.is(walk.status()?.applying, undefined);
  walk.remove('pom-c');
  assert.is(walk.go()[0], 'begin');
});

others('R4.6 a name that is taken in between stops it where it stands', () => {
  const walk = live(zonesOf({ a: 3 }));
  walk.save(zonesOf({ a: 1, b: 2, c: 2 }));
  walk.go();
  walk.edit('pom-c', theirs);
  walk.pass(100);
  assert.equal(walk.go(), ['conflict pom-c']);
  assert.equal(walk.ports(), { pom: '-', 'pom-a': '1', 'pom-c': '-' });
  walk.remove('pom-c');
  assert.equal(walk.go(), ['create pom-b 2', 'create pom-c 2', 'done']);
});

others('R4.7 what has to go is what carries this uid, or was inherited, and nothing else', () => {
  const named = (name: string, metadata: Partial<ConfigMapView['metadata']> = {}) =>
    view({ metadata: { ...metadata, name } });
  const views = [
    named('pom-licenses'),
    named('controlled'),
    named('noted', { ownerReferences: [] }),
    named('labelled', { ownerReferences: [], annotations: {} }),
    named('controlled-by-another', { ownerReferences: controlledBy('other') }),
    named('no-labels', { labels: {} }),
    named('going', { deletionTimestamp: 'now' }),
    view({ metadata: { name: 'of-nobody', ownerReferences: [], annotations: {}, labels: {} } }),
  ];
  assert.equal(
    obsolete(views, owner, new Set(['pom-licenses'])).map(({ metadata }) => metadata.name),
    ['controlled', 'noted', 'labelled', 'no-labels', 'going'],
  );
});

others('R4.7 a zone at zero that is being deleted already is waited for by nobody', () => {
  const zone = (outboundPorts: number) => {
    const { data, dataHash } = renderZone('pom-a', { name: 'a', licenses: { outboundPorts } });
    return view({
      metadata: { name: 'pom-a', deletionTimestamp: 'now' },
      dataHash,
      record: data['licenses.json'] ?? '',
    });
  };
  assert.equal([obsolete([zone(0)], owner, new Set()).length, obsolete([zone(1)], owner, new Set()).length], [0, 1]);
});

others('R4.7 labels and a name alone are no reason to delete: what was inherited gets this uid first', () => {
  const walk = left(plainOf(5));
  walk.save(plainOf(5, { configMap: { name: 'pom-new' } }));
  const log = walk.go();
  assert.ok(log.indexOf('relabel pom') < log.indexOf('delete pom') && log.includes('relabel pom'), log.join(', '));
});

others('R4.7 nor to make anew what is immutable, as a zone that has to be lowered', () => {
  const walk = left(zonesOf({ a: 2, b: 3 }), (other) => other.edit('pom-b', (map) => ({ ...map, immutable: true })));
  walk.save(zonesOf({ a: 5 }));
  assert.equal(walk.go(), ['begin', 'relabel pom-b', 'replace pom-b 0', 'update pom -', 'wait 100']);
});

others('R4.7 one of ours that is not wanted and has labels of ours alone stays, once settings are live', () => {
  const walk = live(plainOf(5));
  copy(left(plainOf(7, { configMap: { name: 'pom-x' } })), 'pom-x', 'pom-x', walk);
  walk.save(plainOf(6));
  assert.equal(walk.go(), ['update pom 6', 'done']);
  assert.ok(walk.maps.has('pom-x'));
});

others('R4.7 so a ConfigMap to be adopted that is immutable is a conflict, under Retain too', () => {
  assert.is(verdict({ ...nobodys, immutable: true }), 'conflict');
  assert.is(verdict({ ...noted('of-before'), immutable: true }, { want: kept }), 'conflict');
  assert.is(verdict({ ...noted(owner.uid), immutable: true }, { want: kept }), 'replace', 'our own is none');
});

function live(spec: object): Walk {
  const walk = createWalk();
  walk.save(spec);
  assert.is(walk.go().at(-1), 'done');
  walk.pass(1_000);
  return walk;
}

/** Somebody copies a ConfigMap with what stands on it, but for its owner. */
function copy(from: Walk, name: string, to: string, into: Walk = from): void {
  const { data, metadata } = from.maps.get(name) as Stored;
  const { labels, annotations } = metadata;
  into.edit(to, (map) => ({
    ...map,
    data: data ?? {},
    metadata: { ...map.metadata, labels: labels ?? {}, annotations: annotations ?? {} },
  }));
}
