/** Rule 7, as far as the planner decides it: writes of which nobody knows whether they have landed, and how they are kept out. */
import * as assert from 'uvu/assert';
import { lateness } from '../../../src/controller/memory.ts';
import type { Stored } from '../../contract/revision.ts';
import { suite } from '../../suite.ts';
import { createWalk, plainOf, type Walk, zonesOf } from '../../support/walk.ts';

const unknown = suite('rule 7: writes whose end is not known');
const at0 = (held: Record<string, number>, more: object = {}) => zonesOf(held, { settleSeconds: 0, ...more });
const late = lateness / 1000;

/** Zones a and b with 2 each of 5, and a write of this change that gets no answer. */
function lost(name: string, spec: object): Walk {
  const walk = createWalk();
  walk.save(at0({ a: 2, b: 2 }));
  walk.go();
  walk.save(spec);
  walk.befall(name, 'no answer');
  assert.match(walk.go().at(-1) ?? '', `${name} `);
  return walk;
}
const settled = (walk: Walk) => assert.equal(walk.violations, []);

unknown('R7.5 a create without an answer is kept out at zero, before the status tells of other settings', () => {
  const walk = lost('pom-c', at0({ a: 2, b: 2, c: 1 }));
  walk.save(at0({ a: 2, b: 3 }));
  assert.equal(walk.go(2), ['fence pom-c 0', 'begin']);
  assert.equal(walk.land(), ['pom-c conflict']);
  walk.go();
  assert.is(walk.ports()['pom-b'], '3');
  settled(walk);
});

unknown('R7.5 an update without an answer is kept out by a write of the same, which moves the version', () => {
  const walk = lost('pom-b', at0({ a: 2, b: 3 }));
  walk.save(at0({ a: 3, b: 2 }));
  assert.equal(walk.go(1), ['fence pom-b 2']);
  assert.equal(walk.land(), ['pom-b conflict']);
  assert.equal(walk.go(), ['begin', 'update pom -', 'update pom-a 3', 'done']);
  settled(walk);
});

unknown(
  'R7.5 of a plan of an earlier term each zone is kept out, also one that is not there yet, and the system',
  () => {
    const walk = createWalk();
    walk.save(at0({ a: 3, b: 2 }));
    walk.go();
    walk.save(zonesOf({ a: 1, b: 2, c: 2 }));
    walk.go();
    walk.nextTerm();
    assert.equal(walk.go(), ['fence pom -', 'fence pom-a 1', 'fence pom-b 2', 'fence pom-c 0', 'wait 100']);
    walk.pass(100);
    assert.equal(walk.go(), ['update pom-c 2', 'done']);
    settled(walk);
  },
);

unknown('R7.5 the lowering of a zone is its fence: it is written once', () => {
  const walk = createWalk();
  walk.save(at0({ a: 3, b: 2 }));
  walk.go();
  walk.save(zonesOf({ a: 1, b: 4 }));
  walk.go(1);
  walk.nextTerm();
  assert.equal(walk.go(), ['update pom-a 1', 'fence pom-b 2', 'update pom -', 'wait 100']);
});

unknown('R7.5 nothing is known of healing by an earlier term, and nothing is kept out for it', () => {
  const walk = createWalk();
  walk.save(at0({ a: 3, b: 2 }));
  walk.go();
  walk.nextTerm();
  walk.save(at0({ a: 3, b: 1 }));
  assert.equal(walk.go(), ['begin', 'update pom-b 1', 'update pom -', 'done']);
});

unknown('R7.6 each fence has an epoch of its own: that of the term, and the version that it is written over', () => {
  const walk = lost('pom-b', at0({ a: 2, b: 3 }));
  walk.save(at0({ a: 3, b: 2 }));
  const epochOf = () => walk.maps.get('pom-b')?.metadata.annotations?.['licensing.dialer.dev/epoch'];
  const version = walk.maps.get('pom-b')?.metadata.resourceVersion;
  assert.is(epochOf(), undefined);
  walk.go(1);
  assert.is(epochOf(), `term-1.${version}`);
});

for (const [what, change, expected] of [
  ['raised', at0({ a: 2, b: 2, d: 1 }), ['fence pom-c 0', 'begin', 'update pom -', 'create pom-d 1', `wait ${late}`]],
  [
    'deleted',
    at0({ a: 2 }),
    ['fence pom-c 0', 'begin', 'update pom-b 0', 'update pom -', 'delete pom-b', `wait ${late}`],
  ],
  [
    'written as the system',
    at0({ a: 2, b: 2 }, { maximum: 4 }),
    ['fence pom-c 0', 'begin', 'update pom -', `wait ${late}`],
  ],
] as const)
  unknown(`R7.6 before anything is ${what} a create that may land is kept out`, () => {
    const walk = lost('pom-c', at0({ a: 2, b: 2, c: 1 }));
    walk.save(change);
    assert.equal(walk.go(), expected);
    settled(walk);
  });

unknown('R7.6 in a plan that goes on too: a raise that got no answer is sent again, and needs no fence', () => {
  const walk = lost('pom-b', at0({ a: 2, b: 3 }));
  assert.equal(walk.go(), ['update pom-b 3', 'done']);
  assert.equal(walk.land(), ['pom-b conflict']);
});

unknown('R7.6 a lowering that got no answer is sent again before anything else', () => {
  const walk = lost('pom-a', at0({ a: 1, b: 3 }));
  assert.equal(walk.go(1), ['update pom-a 1']);
  assert.equal(walk.land(), ['pom-a conflict']);
  assert.equal(walk.go(), ['update pom -', 'update pom-b 3', 'done']);
  settled(walk);
});

unknown('R7.6 an update without an answer does not make forget a create without one of the same zone', () => {
  const walk = lost('pom-c', at0({ a: 2, b: 2, c: 1 }));
  walk.save(at0({ a: 2, b: 2 }));
  assert.equal(walk.go(), ['fence pom-c 0', 'begin', 'update pom -', `wait ${late}`]);
  walk.save(at0({ a: 2, b: 2, c: 1 }));
  walk.befall('pom-c', 'no answer');
  walk.go();
  walk.save(at0({ a: 2, b: 3 }));
  walk.go();
  assert.equal(walk.land(), ['pom-c conflict', 'pom-c conflict']);
  settled(walk);
});

unknown('R7.6 what holds no more than it may is no threat', () => {
  const walk = lost('pom-c', at0({ a: 2, b: 2, c: 1 }));
  walk.save(at0({ a: 1, b: 2, c: 2 }));
  assert.equal(walk.go(), ['begin', 'update pom-a 1', 'update pom -', 'create pom-c 2', 'done']);
  settled(walk);
});

for (const [what, edit] of [
  ['is immutable', (map: Stored): Stored => ({ ...map, immutable: true })],
  ['is being deleted', (map: Stored): Stored => ({ ...map, metadata: { ...map.metadata, deletionTimestamp: 'now' } })],
] as const)
  unknown(`R7.6 a ConfigMap that ${what} keeps a late update out by itself`, () => {
    const walk = lost('pom-b', at0({ a: 2, b: 3 }));
    walk.edit('pom-b', edit);
    walk.save(at0({ a: 3, b: 2 }));
    assert.is(walk.go(1)[0], 'begin');
  });

unknown('R7.6 a ConfigMap that is there keeps a late create out', () => {
  const walk = lost('pom-c', at0({ a: 2, b: 2, c: 1 }));
  assert.equal(walk.land(), ['pom-c landed']);
  walk.save(at0({ a: 2, b: 3 }));
  assert.equal(walk.go(3), ['begin', 'update pom-c 0', 'update pom -']);
  settled(walk);
});

unknown(
  'R7.6 from zones to none an unknown write of a zone is kept out before the system gets its CAPACITY keys',
  () => {
    const walk = lost('pom-c', at0({ a: 2, b: 2, c: 1 }));
    walk.save(plainOf(5, { settleSeconds: 0 }));
    assert.equal(walk.go(), [
      'fence pom-c 0',
      'begin',
      ...['update pom-a 0', 'update pom-b 0', 'update pom 5', 'delete pom-a', 'delete pom-b'],
      `wait ${late}`,
    ]);
    assert.equal(walk.land(), ['pom-c conflict']);
    settled(walk);
  },
);

unknown('R7.7 a fence that nobody wants stays until the create can not land any more', () => {
  const walk = lost('pom-c', at0({ a: 2, b: 2, c: 1 }));
  walk.save(at0({ a: 2, b: 3 }));
  assert.is(walk.go().at(-1), `wait ${late}`);
  walk.pass(late - 1);
  assert.equal(walk.go(), ['wait 1']);
  walk.pass(1);
  assert.equal(walk.go(), ['delete pom-c', 'done']);
  assert.equal(walk.land(), ['pom-c too late']);
  settled(walk);
});

unknown('R7.7 also while room is made for a new zone', () => {
  const walk = lost('pom-c', at0({ a: 2, b: 2, c: 1 }));
  walk.save(at0({ a: 2, d: 3 }));
  assert.equal(walk.go(), [
    'fence pom-c 0',
    'begin',
    ...['update pom-b 0', 'update pom -', 'delete pom-b', 'create pom-d 3'],
    `wait ${late}`,
  ]);
});

unknown('R7.7 where a quota has no room for a fence the plan waits for that long instead', () => {
  const walk = lost('pom-c', at0({ a: 2, b: 2, c: 1 }));
  walk.save(at0({ a: 2, b: 3 }));
  walk.befall('pom-c', 'refused');
  assert.equal(walk.go(), ['fence pom-c 0: refused']);
  assert.is(walk.status()?.applying?.generation, 2, 'the other plan has not begun');
  walk.pass(late);
  assert.equal(walk.go(), ['begin', 'update pom -', 'update pom-b 3', 'done']);
  assert.equal(walk.land(), ['pom-c too late']);
  settled(walk);
});
