/** Rule 1, and Save and Apply: what an object says, what is live, and what has to be live. */
import * as assert from 'uvu/assert';
import { maxZones, type Status } from '../../../src/api/licensesettings.ts';
import { annotations as notes } from '../../../src/api/names.ts';
import { type ConfigMapView, type Owner, type Want, wantedMetadata } from '../../../src/settings/configmap.ts';
import { declare } from '../../../src/settings/declaration.ts';
import { settingsHash } from '../../../src/settings/hash.ts';
import { type Judgement, judge, read, type SettingsView, toldConfigMaps } from '../../../src/settings/judgement.ts';
import { isInherited, liveSettings, planUnderWay } from '../../../src/settings/live.ts';
import { render } from '../../../src/settings/render.ts';
import { knownConfigMaps } from '../../../src/settings/status.ts';
import { suite } from '../../suite.ts';
import { createWalk, plainOf, zonesOf } from '../../support/walk.ts';

const owner: Owner = { name: 'pom', uid: 'uid-1' };
const time = '2026-01-01T00:00:00Z';
const declared = (maximum: number, name = 'pom') => declare('pom', plainOf(maximum, { configMap: { name } }));
const withZones = (held: Record<string, number>) => declare('pom', zonesOf(held));
const hashOf = (maximum: number) => settingsHash(declared(maximum));

/** What a status says was applied. */
const applied = (generation: number, settings = declared(5)) => ({
  applied: { generation, settingsHash: settingsHash(settings), time, settings },
});

type Change = { readonly metadata?: Partial<ConfigMapView['metadata']> } & Partial<Omit<ConfigMapView, 'metadata'>>;
/** The ConfigMap of the system, as this object wrote it for a generation, but for a change. */
function mapOf(settings = declared(5), generation = 3, { metadata, ...rest }: Change = {}): ConfigMapView {
  const [rendered] = render(settings);
  assert.ok(rendered);
  const want: Want = { rendered, generation, retained: false };
  const { name, dataHash, data } = rendered;
  return {
    metadata: { name, uid: 'cm', resourceVersion: '9', ...wantedMetadata(owner, want), ...metadata },
    ...{ dataHash, binary: false, immutable: false, record: data['licenses.json'] ?? '' },
    ...rest,
  };
}
const annotated = (more: Record<string, string>): Change => ({
  metadata: { annotations: { ...mapOf().metadata.annotations, ...more } },
});

const invalid = { licenses: { outboundPorts: { minimum: 2, maximum: 1 } } };
const manual = { applyPolicy: 'Manual' };
type Given = {
  spec?: unknown;
  status?: Status;
  generation?: number;
  approval?: string;
  owned?: ConfigMapView[];
  hidden?: SettingsView['hidden'];
};
function judged({ spec = plainOf(5), status, generation = 5, approval, owned = [], hidden }: Given): Judgement {
  const annotations = approval === undefined ? {} : { annotations: { [notes.apply]: approval } };
  const object: SettingsView = {
    metadata: { ...owner, generation, ...annotations },
    ...{ spec, ...(status ? { status } : {}), ...(hidden ? { hidden } : {}) },
  };
  return judge(object, read(object), owned);
}
const targetOf = (given: Given): string | undefined => judged(given).target?.hash;

const known = suite('rule 1: last known good');

for (const [what, given] of [
  ['is invalid', { spec: invalid }],
  ['waits for an approval', { spec: plainOf(6, manual) }],
  ['has a field that this release does not know', { spec: { ...plainOf(6), region: 'x' } }],
  ['has a field that is hidden', { spec: plainOf(6), hidden: [{ path: 'spec.region', known: false }] }],
] as [string, Given][])
  known(`R1.1 while the newest spec ${what}, what is live is the target (S2)`, () => {
    assert.is(targetOf({ ...given, status: applied(3) }), hashOf(5));
    assert.is(judged({ ...given, status: applied(3) }).target?.unchanged, true);
    assert.is(targetOf(given), undefined, 'and nothing is written where nothing is live');
  });

known('R1.1 what was edited or deleted is rebuilt from what is live', () => {
  for (const spoil of [undefined, () => ({})]) {
    const walk = createWalk();
    walk.save(plainOf(5));
    walk.go();
    walk.save(invalid);
    if (spoil) walk.edit('pom', (map) => ({ ...map, data: spoil() }));
    else walk.remove('pom');
    assert.equal(walk.go(), [spoil ? 'update pom 5' : 'create pom 5', 'done']);
    assert.equal(walk.violations, []);
  }
});

known('R1.1 in the middle of a plan its settings are those that are live', () => {
  const applying = applied(4, withZones({ a: 1 })).applied;
  const status = { ...applied(3, withZones({ a: 3 })), applying };
  const { live, target, planned } = judged({ spec: invalid, status });
  assert.equal([live?.settingsHash, target?.hash, planned], [applying.settingsHash, applying.settingsHash, true]);
});

known('R1.2 an applicable spec is rendered from the spec, whatever status and ConfigMaps say', () => {
  const forged = { ...applied(5, declared(9)).applied, settingsHash: hashOf(5) };
  for (const status of [undefined, applied(3, declared(4)), { applied: forged }] as (Status | undefined)[]) {
    const { target } = judged({ spec: plainOf(5), ...(status ? { status } : {}), owned: [mapOf(declared(7), 4)] });
    assert.equal([target?.declaration, target?.rendered], [declared(5), render(declared(5))]);
  }
});

for (const [what, status, views, expected] of [
  ['nothing is applied: it is', undefined, [mapOf()], [3, hashOf(5)]],
  ['its generation is above the applied one: it is', applied(2, declared(4)), [mapOf()], [3, hashOf(5)]],
  ['its generation is the applied one: it is not', applied(3, declared(4)), [mapOf()], [3, hashOf(4)]],
  ['its generation is below the applied one: it is not', applied(4, declared(4)), [mapOf()], [4, hashOf(4)]],
  ['its declaration is the applied one: it is not', applied(1), [mapOf()], [1, hashOf(5)]],
  [
    'a status of a backup has a generation that is still to come: it is',
    applied(9, declared(4)),
    [mapOf()],
    [3, hashOf(5)],
  ],
  [
    'two are there, as after a rename that was cut off: the newer is',
    undefined,
    [mapOf(), mapOf(declared(6, 'pom-new'), 4)],
    [4, settingsHash(declared(6, 'pom-new'))],
  ],
  [
    'two are there, the other way round: the newer is',
    undefined,
    [mapOf(declared(6, 'pom-new'), 4), mapOf()],
    [4, settingsHash(declared(6, 'pom-new'))],
  ],
] as [string, Status | undefined, ConfigMapView[], [number, string]][])
  known(`R1.3 a ConfigMap is the record? ${what}`, () => {
    const live = liveSettings(status, views, owner, 5);
    assert.equal([live?.generation, live?.settingsHash], expected);
  });

for (const [what, change, generation = 5] of [
  ['data that were edited', { dataHash: 'x' }],
  ['binaryData', { binary: true }],
  ['a stamp above the generation of the object', {}, 2],
  ['another uid beside its stamp', annotated({ [notes.ownerUid]: 'x' })],
  ['no stamp that is a number', annotated({ [notes.generation]: 'x' })],
  [
    'another controller',
    { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'x', controller: true }] } },
  ],
  ['a settings-hash that is not that of its declaration', annotated({ [notes.settingsHash]: hashOf(4) })],
  ['no settings-hash', { metadata: { annotations: { ...wantedAnnotations(), [notes.settingsHash]: '' } } }],
  ['a record that is no JSON', { record: 'not JSON' }],
  ['a record of null', { record: 'null' }],
  ['another name than its declaration says', { metadata: { name: 'pom-copy' } }],
] as [string, Change, number?][])
  known(`R1.3 a ConfigMap with ${what} is no record`, () => {
    assert.is(liveSettings(undefined, [mapOf(declared(5), 3, change)], owner, generation), undefined);
  });

known(
  'R1.3 after a crash between the two writes, and with a lost status, the status tells what the ConfigMap holds',
  () => {
    for (const before of [undefined, applied(1, declared(4))]) {
      const walk = createWalk();
      walk.save(plainOf(4));
      walk.go();
      walk.save(plainOf(5));
      walk.go(1);
      assert.is(walk.ports()['pom'], '5');
      if (!before) walk.restore(undefined);
      walk.save(plainOf(6, manual));
      assert.is(walk.go().at(-1), 'done');
      assert.equal([walk.status()?.applied?.generation, walk.ports()['pom']], [2, '5']);
    }
  },
);

known('R1.3 what the status says that it holds is what it holds, not what the status knew before', () => {
  const status = { ...applied(2, declared(4)), configMaps: [{ name: 'pom', dataHash: 'of-before' }] };
  const owned = [mapOf()];
  assert.equal(toldConfigMaps(judged({ spec: invalid, status, owned }), owned), [
    { name: 'pom', dataHash: owned[0]?.dataHash },
  ]);
});

known('R1.3 a record that is rebuilt is stamped with no less than it was', () => {
  const status = applied(2);
  assert.is(judged({ status, owned: [mapOf(declared(5), 4)] }).target?.generation, 4);
  assert.is(judged({ status, owned: [mapOf(declared(5), 9)] }).target?.generation, 2, 'a stamp of the future is none');
  assert.is(judged({ spec: plainOf(6), status, generation: 8 }).target?.generation, 8, 'a change has its own');
});

known('R1.3 a plan of a backup has no generation that is still to come', () => {
  const { applied: applying } = applied(7);
  assert.is(planUnderWay({ applying }, 'pom', 3)?.generation, 3);
  assert.is(planUnderWay({ applying }, 'pom', 9)?.generation, 7);
  assert.is(planUnderWay(undefined, 'pom', 3), undefined);
});

known(
  'R1.4 settings in a status that no spec could have are not rendered, V12: their ConfigMaps are left alone',
  () => {
    for (const settings of [
      { ...declared(5), licenses: { outboundPorts: { minimum: 0, maximum: 1_000_001 } } },
      { ...declared(5), region: 'x' },
      { ...declared(5), configMap: { name: 'other' } },
    ]) {
      const status = { applied: { ...applied(3).applied, settings, settingsHash: settingsHash(settings) } };
      const { live, target } = judged({ spec: invalid, status });
      assert.equal([live?.generation, live?.declaration, target], [3, undefined, undefined], JSON.stringify(settings));
    }
  },
);

known('R1.5 of the ConfigMaps that a status names those count that a spec of the object could give', () => {
  const longest = `pom-${'c'.repeat(116)}-${'z'.repeat(40)}`;
  const entry = (name: string) => ({ name, dataHash: 'x' });
  const names = (list: string[]) =>
    knownConfigMaps({ configMaps: list.map(entry) }, 'pom')?.map(({ name }) => name) ?? [];
  const possible = ['pom', 'pom-a', 'pom-a.b', longest];
  assert.equal(names(possible), possible);
  assert.equal(names(['../x', 'other', 'po', 'pomx', 'pom-/x', 'pom-?a=b', 'pom-A', `${longest}z`, '']), []);
  const many = Array.from({ length: 2_000 }, (_, i) => `pom-${i}`);
  assert.equal(names(many), many.slice(0, maxZones + 1));
  assert.is(knownConfigMaps({}, 'pom'), undefined);
});

known('R1.6 with zones and a lost status nothing is live, and nothing is written until a spec is applicable', () => {
  const walk = createWalk();
  walk.save(zonesOf({ a: 3, b: 2 }));
  walk.go();
  walk.restore(undefined);
  walk.save(zonesOf({ a: 2, b: 3 }, manual));
  assert.is(walk.judgement().live, undefined);
  walk.edit('pom-a', (map) => ({ ...map, data: {} }));
  assert.equal(walk.go(), ['done']);
  assert.is(walk.status()?.applied, undefined);
  walk.save(zonesOf({ a: 3, b: 2 }));
  assert.is(walk.go()[0], 'begin');
});

known(
  'R1.6 what an earlier object of the name left is a record where it stands under its own name, and nobody has it',
  () => {
    const of = (change: Change = {}) =>
      mapOf(declared(5), 3, { ...change, metadata: { ownerReferences: [], ...change.metadata } });
    const { annotations = {} } = of().metadata;
    const before: Change = { metadata: { annotations: { ...annotations, [notes.ownerUid]: 'of-before' } } };
    const nobody = () => false;
    assert.is(isInherited(of(before), owner, nobody), true);
    assert.is(
      isInherited(of(before), owner, (uid) => uid === 'of-before'),
      false,
      'that object is there',
    );
    assert.is(isInherited(of({ metadata: { ...before.metadata, name: 'pom-copy' } }), owner, nobody), false, 'a copy');
    assert.is(isInherited(of({ ...before, record: '{}' }), owner, nobody), false, 'no record');
    assert.is(isInherited(mapOf(), { ...owner, name: 'other' }, nobody), false, 'of another name');
  },
);

const apply = suite('save and apply');

apply('A1 Automatic applies a valid spec at once', () => {
  for (const policy of [{}, { applyPolicy: 'Automatic' }])
    assert.equal([targetOf({ spec: plainOf(6, policy), status: applied(3) })], [hashOf(6)]);
});

for (const [what, approval, isLive] of [
  ['no annotation', undefined, false],
  ['the hash', hashOf(6), true],
  ['the hash with spaces and in capitals', ` ${hashOf(6).toUpperCase()}\n`, true],
  ['the first 12 digits', hashOf(6).slice(0, 12), false],
  ['63 digits', hashOf(6).slice(0, 63), false],
  ['the hash of what is live', hashOf(5), false],
  ['another value', 'yes', false],
] as const)
  apply(`A2 Manual with ${what}: ${isLive ? 'it goes live' : 'it waits (A3)'}`, () => {
    const given = { spec: plainOf(6, manual), status: applied(3), ...(approval === undefined ? {} : { approval }) };
    const { target, pending, applicable } = judged(given);
    assert.equal(
      [target?.hash, pending, applicable],
      isLive ? [hashOf(6), undefined, true] : [hashOf(5), hashOf(6), false],
    );
  });

apply('A3 a value that is no whole hash is named where one is waited for, and only there', () => {
  const of = (approval: string, spec = plainOf(6, manual)) => judged({ spec, status: applied(3), approval }).unusable;
  assert.match(of('yes') ?? '', 'no settingsHash');
  assert.match(of(hashOf(6).slice(0, 12)) ?? '', '12 of 64 digits');
  assert.equal([of(hashOf(5)), of(hashOf(6)), of('yes', plainOf(5, manual))], [undefined, undefined, undefined]);
});

apply('A5 what was applied stays so when the annotation vanishes, and also while its plan is under way', () => {
  const spec = plainOf(6, manual);
  const { pending, applicable } = judged({ spec, status: applied(4, declared(6)) });
  assert.equal([pending, applicable], [undefined, true]);
  const zoned = zonesOf({ a: 3 }, manual);
  const { applied: applying } = applied(5, withZones({ a: 3 }));
  assert.is(judged({ spec: zoned, status: { ...applied(3), applying } }).pending, undefined);
});

apply('A6 a spec is pending when its settingsHash differs from the live one, and not by what else it says', () => {
  const status = applied(3);
  assert.is(
    judged({ spec: plainOf(5, { ...manual, settleSeconds: 7, deletionPolicy: 'Retain' }), status }).pending,
    undefined,
  );
  assert.is(judged({ spec: plainOf(6, manual), status }).pending, hashOf(6));
  assert.is(judged({ spec: plainOf(6, manual) }).pending, hashOf(6), 'nothing is live');
});

for (const [what, spec] of [
  ['pending', plainOf(6, manual)],
  ['invalid', { ...invalid, applyPolicy: 'Manual' }],
] as const)
  apply(`A6 deletionPolicy, settleSeconds and suspend act at once also in a spec that is ${what}`, () => {
    const { retained, settle, suspended } = judged({
      spec: { ...spec, deletionPolicy: 'Retain', settleSeconds: 7, suspend: true },
      status: applied(3),
    });
    assert.equal([retained, settle, suspended], [true, 7_000, true]);
  });

apply('A6 what is left out means its default; what can not be read too, but takes no protection away (R5.6)', () => {
  const of = (more: object, status?: Status) => {
    const { retained, settle, suspended } = judged({ spec: { ...plainOf(5), ...more }, ...(status ? { status } : {}) });
    return [retained, settle / 1000, suspended];
  };
  assert.equal(of({ settleSeconds: undefined }), [false, 90, false]);
  for (const odd of ['x', -1, 601, null]) assert.is(of({ settleSeconds: odd })[1], 90, String(odd));
  assert.is(of({ settleSeconds: 600 })[1], 600);
  const protectedBefore = { configMaps: [{ name: 'pom', dataHash: 'x', retained: true }] };
  assert.is(of({ deletionPolicy: 'Keep' }, protectedBefore)[0], true);
  assert.is(of({ deletionPolicy: 'Delete' }, protectedBefore)[0], false);
  assert.is(of({}, protectedBefore)[0], false);
  assert.is(of({ deletionPolicy: 'Keep' })[0], false);
  assert.is(of({ suspend: 'yes' })[2], false);
});

apply('A6 Automatic that is saved over Manual applies what was pending', () => {
  const walk = createWalk();
  walk.save(plainOf(5));
  walk.go();
  walk.save(plainOf(6, manual));
  assert.equal(walk.go(), ['done']);
  walk.save(plainOf(6));
  assert.equal(walk.go(), ['update pom 6', 'done']);
});

const told = ({ observedGeneration, applied: one, history }: Status = {}) => [
  observedGeneration,
  one?.generation,
  history?.map(({ generation }) => generation),
];
const stampIn = (walk: ReturnType<typeof createWalk>, name = 'pom') =>
  walk.maps.get(name)?.metadata.annotations?.[notes.generation];

apply('A7 applied, history and the stamp move only with the settingsHash, observedGeneration always', () => {
  for (const spec of [plainOf, (maximum: number, more: object = {}) => zonesOf({ a: 1 }, { maximum, ...more })]) {
    const walk = createWalk();
    walk.save(spec(5));
    walk.go();
    assert.equal([told(walk.status()), stampIn(walk)], [[1, 1, [1]], '1']);
    walk.save(spec(5, { settleSeconds: 7 }));
    assert.equal(walk.go(), ['done']);
    assert.equal([told(walk.status()), stampIn(walk)], [[2, 1, [1]], '1']);
    walk.save(spec(6));
    walk.go();
    assert.equal([told(walk.status()), stampIn(walk)], [[3, 3, [3, 1]], '3']);
  }
});

apply('A7 a zone that a change does not touch keeps its stamp', () => {
  const walk = createWalk();
  walk.save(zonesOf({ a: 3, b: 1 }));
  walk.go();
  walk.save(zonesOf({ a: 3, b: 2 }));
  walk.go();
  assert.equal(
    ['pom', 'pom-a', 'pom-b'].map((name) => stampIn(walk, name)),
    ['2', '1', '2'],
  );
});

apply('A8 settings that are taken back before their plan has ended were never applied', () => {
  const walk = createWalk();
  const before = zonesOf({ a: 3, b: 1, c: 1 });
  walk.save(before);
  walk.go();
  const { applied: one } = walk.status() ?? {};
  walk.save(zonesOf({ a: 2, b: 2, c: 1 }));
  walk.go(2);
  walk.save(before);
  walk.go();
  walk.pass(100);
  assert.is(walk.go().at(-1), 'done');
  assert.equal(told(walk.status()), [3, 1, [1]]);
  assert.equal(walk.status()?.applied, one);
  assert.equal(
    ['pom-a', 'pom-b', 'pom-c'].map((name) => stampIn(walk, name)),
    ['3', '1', '1'],
    'there and back',
  );
  assert.equal(walk.violations, []);
});

apply('A8 without zones there is no apply either where the status never told of it', () => {
  const walk = createWalk();
  walk.save(plainOf(5));
  walk.go();
  walk.save(plainOf(6));
  walk.save(plainOf(5));
  assert.equal(walk.go(), ['done']);
  assert.equal(told(walk.status()), [3, 1, [1]]);
});

apply('A9 a plan that was suspended goes on with the full wait', () => {
  const walk = createWalk();
  walk.save(zonesOf({ a: 3, b: 2 }));
  walk.go();
  walk.save(zonesOf({ a: 2, b: 3 }));
  walk.go();
  walk.pass(90);
  walk.save(zonesOf({ a: 2, b: 3 }, { suspend: true }));
  assert.equal(walk.go(), ['suspended']);
  walk.pass(500);
  walk.save(zonesOf({ a: 2, b: 3 }));
  assert.equal(walk.go(), ['wait 100']);
});

function wantedAnnotations(): Record<string, string> {
  return mapOf().metadata.annotations ?? {};
}
