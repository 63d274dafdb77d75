/** Rule 2, as the planner decides it: what is written in which order, what is waited for, and what a plan makes of drift. */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { annotations, labels, manager } from '../../../src/api/names.ts';
import { order } from '../../../src/settings/next.ts';
import { renderZone } from '../../../src/settings/render.ts';
import type { Stored } from '../../contract/revision.ts';
import { suite } from '../../suite.ts';
import { createWalk, plainOf, type Walk, zonesOf } from '../../support/walk.ts';

const plans = suite('rule 2: plans');

/** Settings that are live, from which a plan goes on; licenses were taken away long ago. */
function live(spec: object): Walk {
  const walk = createWalk();
  walk.save(spec);
  const first = walk.go();
  assert.is(first.at(-1), 'done', first.join(', '));
  // What this term sees for the first time may have been lowered by another a moment ago.
  walk.go();
  walk.pass(1_000);
  return walk;
}

/** All that is done until the new settings are live, waits included; what came of it is judged. */
function change(walk: Walk, spec: object): string[] {
  walk.save(spec);
  return finish(walk);
}
function finish(walk: Walk): string[] {
  const log = walk.go();
  for (let waits = 0; log.at(-1) !== 'done'; waits++) {
    const [, seconds] = /^wait (.*)$/.exec(log.at(-1) ?? '') ?? [];
    assert.ok(seconds !== undefined && waits < 5, log.join(', '));
    walk.pass(Number(seconds));
    log.push(...walk.go());
  }
  assert.equal(walk.violations, []);
  return log;
}

/** The ConfigMap of a zone as the operator renders it, with other numbers in it. */
const holding = (ports: number, organizations: Record<string, number> = {}) => ({
  zone(map: Stored): Stored {
    const { name } = map.metadata;
    const zone = {
      name: name.split('-').at(-1) ?? '',
      licenses: { outboundPorts: ports },
      organizations: Object.entries(organizations).map(([one, held]) => ({
        name: one,
        licenses: { outboundPorts: held },
      })),
    };
    return { ...map, data: renderZone(name, zone).data };
  },
});
const broken = (map: Stored): Stored => ({ ...map, data: { 'licenses.json': '{' } });

/** What the contract calls the steps that have other names in the code. */
const named: Readonly<Record<string, string>> = { settle: 'wait', remove: 'delete' };

plans('R2.1 the steps stand in the order of the contract', () => {
  const contract = readFileSync(new URL('../../../docs/contract.md', import.meta.url), 'utf8');
  const [, rule = ''] = /^- \*\*R2\.1\*\* ([\s\S]*?)^- /m.exec(contract) ?? [];
  const steps = [...rule.matchAll(/_(\w+)_/g)].map(([, word = '']) => word);
  assert.is(steps.length, 8, rule);
  const planned = order.map(({ name }) => name.split(':')[0] ?? '').map((name) => named[name] ?? name);
  assert.equal(
    planned.filter((name) => steps.includes(name)),
    steps.filter((step) => step !== 'done'),
    planned.join(', '),
  );
});

for (const [from, before, to, after, isPlan] of [
  ['no zones', plainOf(5), 'no zones', plainOf(6), false],
  ['no zones', plainOf(5), 'zones', zonesOf({ a: 3 }), true],
  ['zones', zonesOf({ a: 3 }), 'no zones', plainOf(5), true],
  ['zones', zonesOf({ a: 3 }), 'zones', zonesOf({ a: 3, b: 1 }), true],
  ['zones', zonesOf({ a: 3 }), 'the same zones', zonesOf({ a: 3 }), false],
] as const)
  plans(`R2.1 from ${from} to ${to}: ${isPlan ? 'a plan' : 'no plan'}`, () => {
    const walk = live(before);
    walk.save(after);
    assert.is(walk.go()[0] === 'begin', isPlan);
  });

/** A status of a backup, in which older settings are live than the zones hold; the spec says what the status says. */
function backup(now: object): Walk {
  const before = zonesOf({ a: 3, b: 2 });
  const walk = live(before);
  const status = walk.status();
  change(walk, now);
  walk.save(before);
  walk.restore(status);
  return walk;
}
const deleted = (map: Stored): Stored => ({ ...map, metadata: { ...map.metadata, deletionTimestamp: 'now' } });
for (const [what, now, edit, isPlan] of [
  ['zones hold what other settings gave them', zonesOf({ a: 2, b: 3 }), undefined, true],
  ['there is a zone that nobody wants', zonesOf({ a: 3, b: 2, c: 0 }), undefined, true],
  ['a hand edited the zone that holds something else', zonesOf({ a: 3, b: 1 }), ['pom-b', broken], false],
  [
    'a zone that nobody wants holds nothing, and goes already',
    zonesOf({ a: 3, b: 2, c: 0 }),
    ['pom-c', deleted],
    false,
  ],
  ['it goes, but holds something', zonesOf({ a: 3, b: 1, c: 1 }), ['pom-c', deleted], true],
  ['no zone holds anything else', zonesOf({ a: 3, b: 2 }, { maximum: 6 }), undefined, false],
] as const)
  plans(`R2.1 the status is that of a backup, and ${what}: ${isPlan ? 'a plan' : 'no plan'}`, () => {
    const walk = backup(now);
    if (edit) walk.edit(edit[0], edit[1]);
    assert.is(walk.go()[0] === 'begin', isPlan);
  });

plans('R2.1 zones that an older release rendered hold no other settings (R3.4)', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.edit('pom-a', (map) => ({ ...map, data: { ...map.data, OLDER: '1' } }));
  const { dataHash = '' } = walk.views.get('pom-a') ?? {};
  walk.edit('pom-a', (map) => {
    const notes = { ...map.metadata.annotations, [annotations.dataHash]: dataHash };
    return { ...map, metadata: { ...map.metadata, annotations: notes } };
  });
  assert.is(walk.judgement().planned, true, 'while the status does not know them');
  walk.restore({ ...walk.status(), configMaps: [{ name: 'pom-a', dataHash }] });
  assert.is(walk.judgement().planned, false);
});

plans('R2.1 each step is complete before the next begins', () => {
  const walk = live(zonesOf({ a: 3, b: 2, c: 1, d: 4 }, { maximum: 10 }));
  assert.equal(change(walk, zonesOf({ a: 1, b: 1, c: 4, d: 5, e: 1, f: 0 }, { maximum: 12 })), [
    'begin',
    ...['update pom-a 1', 'update pom-b 1'],
    'update pom -',
    'wait 100',
    ...['update pom-c 4', 'update pom-d 5'],
    ...['create pom-e 1', 'create pom-f 0'],
    'done',
  ]);
});

plans('R2.1 a plan that is interrupted after any of its writes goes on from there, and writes nothing twice', () => {
  const [before, after] = [zonesOf({ a: 3, b: 2, gone: 0 }), zonesOf({ a: 1, b: 3, c: 1 })];
  const whole = change(live(before), after);
  for (let writes = 0; writes < whole.length; writes++) {
    const walk = live(before);
    walk.save(after);
    const first = walk.go(writes);
    walk.pass(1_000);
    const rest = finish(walk);
    const isWrite = (words: string) => !words.startsWith('wait');
    assert.equal([...first, ...rest].filter(isWrite), whole.filter(isWrite), `after ${writes}`);
  }
});

for (const [what, edit, lowered] of [
  ['less than it was given', holding(1).zone, undefined],
  ['more than anybody gave it', holding(4).zone, 'update pom-a 2'],
  ['what can not be read', broken, 'update pom-a 2'],
  ['nothing, as it is missing', undefined, undefined],
] as const)
  plans(
    `R2.2 a zone that somebody made hold ${what} counts as ${lowered ? 'the smaller of old and new' : 'that'}`,
    () => {
      const walk = live(zonesOf({ a: 2, b: 3 }));
      if (edit) walk.edit('pom-a', edit);
      else walk.remove('pom-a');
      walk.save(zonesOf({ a: 3, b: 2 }));
      const log = walk.go();
      const expected = ['begin', ...(lowered ? [lowered] : []), 'update pom-b 2', 'update pom -', 'wait 100'];
      assert.equal(log, expected);
      walk.pass(100);
      assert.equal(finish(walk), [edit ? 'update pom-a 3' : 'create pom-a 3', 'done']);
    },
  );

plans('R2.2 where a plan is under way the smallest of old and new counts, whatever newer settings want', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 1, b: 4 }));
  walk.go(2);
  walk.nextTerm();
  walk.edit('pom-a', holding(5).zone);
  walk.go(3);
  assert.is(walk.ports()['pom-a'], '1');
});

plans('R2.2 what this term wrote last counts where a hand raised it since', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 1, b: 4 }));
  assert.equal(walk.go(2), ['begin', 'update pom-a 1']);
  // The settings that were live gave it 3, and so do those that are wanted now.
  walk.save(zonesOf({ a: 3, b: 2 }));
  walk.edit('pom-a', holding(3).zone);
  // Before the plan that knows it is superseded.
  assert.equal(walk.go(), ['update pom-a 1', 'begin', 'wait 100']);
});

plans('R2.2 what this term wrote last counts where a hand raises it after the next plan has begun', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 1, b: 4 }));
  walk.go(2);
  walk.save(zonesOf({ a: 3, b: 2 }));
  assert.equal(walk.go(), ['begin', 'wait 100']);
  walk.edit('pom-a', holding(3).zone);
  assert.equal(walk.go(), ['update pom-a 1', 'wait 100']);
});

plans('R2.2 an organization counts as what was live, although its zone holds no more than it may', () => {
  const of = (x: number, y: number) => {
    const organizations = [
      { name: 'x', licenses: { outboundPorts: x } },
      { name: 'y', licenses: { outboundPorts: y } },
    ];
    return zonesOf({}, { zones: [{ name: 'a', licenses: { outboundPorts: 5 }, organizations }] });
  };
  const walk = live(of(1, 4));
  walk.edit('pom-a', holding(5, { x: 4, y: 1 }).zone);
  walk.save(of(3, 2));
  walk.go(2);
  // x gave back what it may not have; y gets more only when all have given back.
  assert.equal(organizationsIn(walk, 'pom-a'), { x: '1', y: '1' });
});

plans('R2.2 a zone that lost its label, and then its data too, is that zone all the same', () => {
  const unlabelled = ({ metadata, ...map }: Stored): Stored => {
    const labels = Object.entries(metadata.labels ?? {}).filter(([key]) => !key.endsWith('/zone'));
    return { ...map, metadata: { ...metadata, labels: Object.fromEntries(labels) } };
  };
  for (const edit of [unlabelled, (map: Stored) => broken(unlabelled(map))]) {
    const walk = live(zonesOf({ a: 2, b: 3 }));
    walk.edit('pom-b', edit);
    walk.save(zonesOf({ a: 2 }));
    assert.equal(walk.go(), ['begin', 'update pom-b 0', 'update pom -', 'wait 100']);
  }
});

plans('R2.2 binary data in a zone are drift, although its data are right', () => {
  const walk = live(zonesOf({ a: 2, b: 3 }));
  walk.edit('pom-a', (map) => ({ ...map, binaryData: { x: '' } }));
  walk.save(zonesOf({ a: 2, b: 3, c: 0 }));
  assert.equal(walk.go(2), ['begin', 'update pom-a 2']);
});

plans('R2.3 before anything moves the status says what is on its way', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 2, b: 3 }));
  const { step } = walk.next();
  assert.is(step.do, 'begin');
  assert.equal(walk.go(1), ['begin']);
  const { newest, newestHash } = walk.judgement();
  const { generation, settingsHash, settings } = walk.status()?.applying ?? {};
  assert.equal([generation, settingsHash, settings], [2, newestHash, newest]);
});

plans('R2.4 zones that give licenses back go first: to the smaller of old and new, of each type', () => {
  const of = (ports: number, agents: number) => ({
    ...zonesOf({}, { settleSeconds: 0 }),
    licenses: { outboundPorts: { minimum: 0, maximum: 9 }, manualAgents: { minimum: 0, maximum: 9 } },
    zones: [{ name: 'a', licenses: { outboundPorts: ports, manualAgents: agents } }],
  });
  const walk = live(of(5, 1));
  walk.save(of(2, 8));
  assert.equal(walk.go(2), ['begin', 'update pom-a 2']);
  assert.equal(walk.maps.get('pom-a')?.data?.['MANUAL_AGENTS_CAPACITY'], '1');
  walk.go();
  assert.equal(walk.maps.get('pom-a')?.data?.['MANUAL_AGENTS_CAPACITY'], '8');
});

plans('R2.4 a removed zone goes to zero', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 5 }));
  assert.equal(walk.go(2), ['begin', 'update pom-b 0']);
});

plans('R2.4 organizations give back before others of their zone get more, one that goes, all that it has', () => {
  const of = (held: Record<string, number>) => {
    const organizations = Object.entries(held).map(([name, outboundPorts]) => ({ name, licenses: { outboundPorts } }));
    return zonesOf({}, { zones: [{ name: 'a', licenses: { outboundPorts: 5 }, organizations }] });
  };
  const walk = live(of({ x: 3, y: 2 }));
  walk.save(of({ x: 1, z: 4 }));
  assert.equal(walk.go(), ['begin', 'update pom-a 5', 'wait 100']);
  assert.equal(organizationsIn(walk, 'pom-a'), { x: '1' });
  finish(walk);
  assert.equal(organizationsIn(walk, 'pom-a'), { x: '1', z: '4' });
});

plans(
  'R2.5 from no zones to zones under a new name the old system loses its CAPACITY keys before a zone has any',
  () => {
    assert.equal(change(live(plainOf(5)), zonesOf({ a: 5 }, { configMap: { name: 'pom-new' } })), [
      'begin',
      'update pom -',
      'create pom-new -',
      'wait 100',
      'create pom-new-a 5',
      'delete pom',
      'done',
    ]);
  },
);

plans('R2.5 also where the old name is to be that of a zone', () => {
  const walk = live(plainOf(5, { configMap: { name: 'pom-a' } }));
  walk.save(zonesOf({ a: 4 }));
  assert.equal(walk.go(), ['begin', 'update pom-a -', 'create pom -', 'wait 100']);
  walk.pass(100);
  assert.equal(walk.go(), ['update pom-a 4', 'done']);
});

plans('R2.6 the system is written once, between lower and raise, with its final content', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  const log = change(walk, zonesOf({ a: 1, b: 6 }, { maximum: 7 }));
  assert.equal(
    log.filter((words) => words.endsWith('-')),
    ['update pom -'],
  );
  assert.equal(log, ['begin', 'update pom-a 1', 'update pom -', 'wait 100', 'update pom-b 6', 'done']);
});

plans('R2.6 with its final content before the plan goes on: the new total, and all zones', () => {
  const walk = live(zonesOf({ a: 3 }));
  walk.save(zonesOf({ a: 1, b: 6 }, { maximum: 7 }));
  walk.go();
  const { licenses, zones } = JSON.parse(walk.maps.get('pom')?.data?.['licenses.json'] ?? '') as {
    licenses: { outboundPorts: { total: number } };
    zones: { name: string; licenses: { outboundPorts: { capacity: number } } }[];
  };
  assert.is(licenses.outboundPorts.total, 7);
  assert.equal(
    zones.map(({ name, licenses: held }) => [name, held.outboundPorts.capacity]),
    [
      ['a', 1],
      ['b', 6],
    ],
  );
});

plans('R2.7 when the last zone goes the system gets its CAPACITY keys back in raise', () => {
  assert.equal(change(live(zonesOf({ a: 3, b: 2 })), plainOf(7)), [
    'begin',
    ...['update pom-a 0', 'update pom-b 0'],
    'wait 100',
    'update pom 7',
    ...['delete pom-a', 'delete pom-b'],
    'done',
  ]);
});

plans('R2.7 under a new name it comes in create, after the zones have gone', () => {
  assert.equal(change(live(zonesOf({ a: 3 })), plainOf(7, { configMap: { name: 'pom-new' } })), [
    'begin',
    'update pom-a 0',
    'wait 100',
    'delete pom-a',
    'create pom-new 7',
    'delete pom',
    'done',
  ]);
});

for (const [what, after] of [
  ['a zone that is there gets more', zonesOf({ a: 1, b: 4 })],
  ['a zone is new', zonesOf({ a: 1, b: 2, c: 2 })],
  ['a zone is deleted', zonesOf({ a: 3 })],
] as const)
  plans(`R2.8 ${what}: not before settleSeconds after the last decrease`, () => {
    const walk = live(zonesOf({ a: 3, b: 2 }));
    walk.save(after);
    assert.is(walk.go().at(-1), 'wait 100');
    walk.pass(99);
    assert.equal(walk.go(), ['wait 1']);
    walk.pass(1);
    assert.is(walk.go().at(-1), 'done');
  });

plans('R2.8 who only gives licenses back waits for nobody', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  assert.equal(change(walk, zonesOf({ a: 1, b: 2 })), ['begin', 'update pom-a 1', 'update pom -', 'done']);
});

for (const [seconds, left] of [
  [0, 'done'],
  [60, 'wait 20'],
  [600, 'wait 560'],
] as const)
  plans(`R2.8 the wait is as long as the spec says now: ${seconds} s, after 40 s of 100 s`, () => {
    const walk = live(zonesOf({ a: 3, b: 2 }));
    walk.save(zonesOf({ a: 2, b: 3 }));
    walk.go();
    walk.pass(40);
    // Another settleSeconds is no other settings: the plan goes on.
    walk.save(zonesOf({ a: 2, b: 3 }, { settleSeconds: seconds }));
    assert.is(walk.go().at(-1), left);
  });

plans('R2.8 a decrease in the middle of the wait begins it anew', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 2, b: 3 }));
  walk.go();
  walk.pass(70);
  walk.save(zonesOf({ a: 1, b: 4 }));
  assert.equal(walk.go(), ['begin', 'update pom-a 1', 'update pom -', 'wait 100']);
});

plans('R2.9 a change of before that took licenses away counts, also where this one takes none', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  change(walk, zonesOf({ a: 2, b: 2 }));
  walk.pass(30);
  walk.save(zonesOf({ a: 2, b: 3 }));
  assert.equal(walk.go(), ['begin', 'update pom -', 'wait 70']);
});

plans('R2.9 CAPACITY keys that were taken from the system count', () => {
  const walk = live(plainOf(5));
  walk.save(zonesOf({ a: 5 }));
  assert.equal(walk.go(), ['begin', 'update pom -', 'wait 100']);
});

plans('R2.9 what a hand took away counts from when it was seen', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.edit('pom-a', holding(1).zone);
  walk.save(zonesOf({ a: 1, b: 4 }));
  assert.is(walk.go().at(-1), 'wait 100');
});

plans('R2.9 so does what a hand may have taken: a zone that is missing, or can not be read', () => {
  for (const edit of [undefined, broken]) {
    const walk = live(zonesOf({ a: 3, b: 2 }));
    if (edit) walk.edit('pom-a', edit);
    else walk.remove('pom-a');
    walk.save(zonesOf({ a: 3, b: 2, c: 0 }));
    assert.is(walk.go().at(-1), 'wait 100');
  }
});

plans('R2.9 in a suspension people may take licenses away until it ends', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 3, b: 2 }, { suspend: true }));
  assert.equal(walk.go(), ['suspended']);
  walk.pass(1_000);
  walk.save(zonesOf({ a: 3, b: 2 }));
  assert.equal(walk.go(), ['done']);
  walk.pass(40);
  walk.save(zonesOf({ a: 2, b: 3 }, { maximum: 5 }));
  walk.save(zonesOf({ a: 3, b: 3 }, { maximum: 6 }));
  assert.equal(walk.go(), ['begin', 'update pom -', 'wait 60']);
});

plans('R2.9 what an earlier term did counts from when this term first saw the object', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }, { maximum: 9 }));
  walk.nextTerm();
  walk.go();
  walk.pass(30);
  walk.save(zonesOf({ a: 3, b: 4 }, { maximum: 9 }));
  assert.is(walk.go().at(-1), 'wait 70');
});

plans('R2.9 what an earlier object of the name gave out counts from when it is adopted', () => {
  const walk = live(zonesOf({ a: 2, b: 2 }));
  walk.edit('pom-new-a', (map) => ({
    ...holding(2).zone(map),
    metadata: {
      ...map.metadata,
      labels: { [labels.managedBy]: manager, [labels.settings]: 'pom' },
      annotations: { [annotations.ownerUid]: 'of-before' },
    },
  }));
  walk.save(zonesOf({ a: 2, b: 3 }, { configMap: { name: 'pom-new' } }));
  assert.equal(walk.go(), ['begin', 'create pom-new -', 'wait 100']);
});

plans('R2.10 the moment is one number, by the monotonic clock alone', () => {
  const cut = live(zonesOf({ a: 3, b: 2 }));
  cut.save(zonesOf({ a: 2, b: 3 }));
  assert.equal(cut.go(2), ['begin', 'update pom-a 2']);
  assert.is(cut.memory.takenAway, Number.POSITIVE_INFINITY, 'it may be happening right now');
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 2, b: 3 }));
  walk.go();
  const moment = walk.now;
  assert.is(walk.memory.takenAway, moment, 'it is done');
  walk.pass(50);
  walk.go();
  assert.is(walk.memory.takenAway, moment);
});

plans('R2.11 healing what is live waits for nobody, also in a new term', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.nextTerm();
  walk.remove('pom-b');
  assert.equal(walk.go(), ['create pom-b 2', 'done']);
});

plans('R2.11 nor do settings without zones', () => {
  const walk = live(plainOf(5));
  walk.nextTerm();
  walk.save(plainOf(6, { configMap: { name: 'pom-new' } }));
  assert.equal(walk.go(), ['create pom-new 6', 'delete pom', 'done']);
});

plans('R2.11 a first apply does not wait', () => {
  const walk = createWalk();
  walk.save(zonesOf({ a: 3, b: 2 }));
  assert.equal(walk.go(), ['begin', 'create pom -', 'create pom-a 3', 'create pom-b 2', 'done']);
});

plans('R2.12 raise goes before create, and each new zone comes once, with its final numbers', () => {
  const walk = live(zonesOf({ a: 1 }, { maximum: 9 }));
  assert.equal(change(walk, zonesOf({ a: 4, b: 3, c: 0 }, { maximum: 9 })), [
    'begin',
    'update pom -',
    'update pom-a 4',
    ...['create pom-b 3', 'create pom-c 0'],
    'done',
  ]);
});

plans('R2.13 where a ConfigMap is created those of removed zones go before it', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  assert.equal(change(walk, zonesOf({ b: 2, c: 3 })), [
    'begin',
    ...['update pom-a 0', 'update pom -', 'wait 100', 'delete pom-a', 'create pom-c 3'],
    'done',
  ]);
});

plans('R2.13 where none is created they go last, after others were raised', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  assert.equal(change(walk, zonesOf({ b: 5 })), [
    'begin',
    ...['update pom-a 0', 'update pom -', 'wait 100', 'update pom-b 5', 'delete pom-a'],
    'done',
  ]);
});

plans('R2.13 a zone that may not be deleted keeps nobody from what there is room for', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ b: 2, c: 3 }));
  walk.go();
  walk.pass(100);
  walk.befall('pom-a', 'refused');
  assert.equal(walk.go(), ['delete pom-a: refused', 'create pom-c 3', 'halted']);
});

plans(
  'R2.14 what is obsolete goes last, then the status says what was applied; until then it shows the apply before',
  () => {
    const walk = live(zonesOf({ a: 3, b: 2 }));
    const told = () => {
      const { applied, licenses, zones, history } = walk.status() ?? {};
      return { applied, licenses, zones, history };
    };
    const before = told();
    walk.save(zonesOf({ a: 1, c: 4 }, { maximum: 6 }));
    const log: string[] = [];
    while (!walk.status()?.applied || walk.status()?.applied?.generation === 1) {
      assert.equal(told(), before, log.join(', '));
      walk.pass(100);
      log.push(...walk.go(1));
      assert.ok(log.length < 20, log.join(', '));
    }
    assert.equal(log.slice(-2), ['create pom-c 4', 'done']);
    const { applied, licenses, zones, history } = told();
    assert.equal([applied?.generation, licenses?.outboundPorts.maximum, zones?.length, history?.length], [2, 6, 2, 2]);
    assert.is(walk.status()?.applying, undefined);
  },
);

for (const [what, newer] of [
  ['is invalid', zonesOf({ a: 9, b: 9 })],
  ['waits for an approval', zonesOf({ a: 1, b: 4 }, { applyPolicy: 'Manual' })],
] as const)
  plans(`R2.15 a plan that has begun is finished although the newest spec ${what}`, () => {
    const walk = live(zonesOf({ a: 3, b: 2 }));
    walk.save(zonesOf({ a: 2, b: 3 }));
    walk.go(2);
    walk.save(newer);
    assert.equal(finish(walk), ['update pom -', 'wait 100', 'update pom-b 3', 'done']);
    assert.is(walk.status()?.applied?.generation, 2);
  });

plans('R2.15 none begins while the newest spec is not applicable', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 2, b: 3 }, { applyPolicy: 'Manual' }));
  assert.equal(walk.go(), ['done']);
});

plans('R2.15 a newer spec that is applicable begins again, and what was on its way is given up', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  walk.save(zonesOf({ a: 1, b: 4 }));
  walk.go();
  walk.save(zonesOf({ a: 3, c: 2 }));
  assert.equal(finish(walk), [
    'begin',
    ...['update pom-b 0', 'update pom -', 'wait 100', 'update pom-a 3', 'delete pom-b', 'create pom-c 2'],
    'done',
  ]);
  assert.equal(
    walk.status()?.history?.map(({ generation }) => generation),
    [3, 1],
  );
});

plans('R2.16 a rename moves nothing: new names in create, old ones in delete, and nobody waits', () => {
  const walk = live(zonesOf({ a: 3, b: 2 }));
  assert.equal(change(walk, zonesOf({ a: 3, b: 2 }, { configMap: { name: 'pom-new' } })), [
    'begin',
    ...['create pom-new -', 'create pom-new-a 3', 'create pom-new-b 2'],
    ...['delete pom', 'delete pom-a', 'delete pom-b'],
    'done',
  ]);
});

plans(
  'R2.16 with a move of licenses: under the old names they are only lowered, under the new ones they come whole',
  () => {
    const walk = live(zonesOf({ a: 3, b: 2 }));
    assert.equal(change(walk, zonesOf({ a: 1, b: 4 }, { configMap: { name: 'pom-new' } })), [
      'begin',
      'update pom-a 1',
      'create pom-new -',
      'wait 100',
      ...['create pom-new-a 1', 'create pom-new-b 4'],
      ...['delete pom', 'delete pom-a', 'delete pom-b'],
      'done',
    ]);
  },
);

plans(
  'R2.16 a zone that goes with the rename makes room for the new names, the others stay until these are there',
  () => {
    const walk = live(zonesOf({ a: 3, b: 2 }));
    assert.equal(change(walk, zonesOf({ a: 3, c: 2 }, { configMap: { name: 'pom-new' } })), [
      'begin',
      ...['update pom-b 0', 'create pom-new -', 'wait 100'],
      'delete pom-b',
      ...['create pom-new-a 3', 'create pom-new-c 2'],
      ...['delete pom', 'delete pom-a'],
      'done',
    ]);
  },
);

plans('R2.17 without zones a rename creates the new ConfigMap, deletes the old one, and writes the status', () => {
  const walk = live(plainOf(5));
  assert.equal(change(walk, plainOf(5, { configMap: { name: 'pom-new' } })), [
    'create pom-new 5',
    'delete pom',
    'done',
  ]);
  assert.equal(
    walk.status()?.configMaps?.map(({ name }) => name),
    ['pom-new'],
  );
});

function organizationsIn(walk: Walk, name: string): Record<string, string> {
  const lines = walk.maps.get(name)?.data?.['licenses.properties'] ?? '';
  const found = lines.matchAll(/^license\.organization\.(\w+)\.outboundPorts\.capacity=(\d+)$/gm);
  return Object.fromEntries([...found].map(([, organization = '', count = '']) => [organization, count]));
}

// --- What random walks found ---

const at0 = { settleSeconds: 0 };
const types = (ports: number, agents: number) => ({
  outboundPorts: { minimum: 0, maximum: ports },
  manualAgents: { minimum: 0, maximum: agents },
});

plans('R2.4 S9 zones are lowered before an old system, whose data a hand broke, is written with the new total', () => {
  const walk = createWalk();
  walk.save(zonesOf({ c: 1 }, { ...at0, maximum: 1, configMap: { name: 'pom-new' } }));
  walk.go();
  walk.edit('pom-new', (map) => ({ ...map, data: {} }));
  walk.save(zonesOf({ a: 0 }, { ...at0, maximum: 0 }));
  assert.equal(walk.go(3), ['begin', 'update pom-new-c 0', 'update pom-new -']);
  assert.equal(walk.violations, []);
});

plans('R2.4 lower raises nothing: what a create of a superseded rename brought late holds no more than before', () => {
  const walk = createWalk();
  const zone = (licenses: object) => ({ zones: [{ name: 'd', licenses }], settleSeconds: 0 });
  walk.save({ licenses: types(0, 1), configMap: { name: 'pom' }, ...zone({ manualAgents: 1 }) });
  walk.go();
  walk.save({
    licenses: types(1, 1),
    configMap: { name: 'pom-new' },
    settleSeconds: 0,
    zones: [
      { name: 'd', licenses: { outboundPorts: 1 } },
      { name: 'e', licenses: { manualAgents: 1 } },
    ],
  });
  walk.befall('pom-new-d', 'no answer');
  walk.go();
  walk.land();
  const agents = () => walk.maps.get('pom-new-d')?.data?.['MANUAL_AGENTS_CAPACITY'];
  assert.is(agents(), '0');
  walk.save({ licenses: types(0, 1), configMap: { name: 'pom' }, ...zone({ manualAgents: 1 }) });
  walk.go(2);
  assert.is(agents(), '0');
  assert.equal(walk.violations, []);
});

plans('R2.2 R2.4 a zone that a superseded rename lowered, and a hand broke, stays low for a new term', () => {
  const walk = createWalk();
  const [first, second] = [
    zonesOf({ d: 1, e: 0 }, { ...at0, maximum: 1 }),
    zonesOf({ d: 0, e: 1 }, { ...at0, maximum: 1, configMap: { name: 'pom-new' } }),
  ];
  walk.save(first);
  walk.go();
  walk.save(second);
  walk.go(5);
  walk.nextTerm();
  walk.edit('pom-d', (map) => ({ ...map, binaryData: { x: '' } }));
  walk.save(first);
  walk.go();
  assert.equal(walk.violations, []);
});

plans('R2.2 S9 a removed zone that a hand raised while its plan was superseded stays low for a new term', () => {
  const walk = createWalk();
  walk.save(zonesOf({ a: 1 }, { ...at0, maximum: 1 }));
  walk.go();
  walk.save(plainOf(0, at0));
  walk.go(3);
  walk.edit('pom-a', (map) => ({
    ...map,
    data: renderZone('pom-a', { name: 'a', licenses: { outboundPorts: 2 } }).data,
  }));
  walk.nextTerm();
  walk.save(zonesOf({ a: 1 }, { ...at0, maximum: 1 }));
  walk.go();
  assert.equal(walk.violations, []);
});

plans(
  'S9 R7.6 a late create of a system without zones, under a name that was given up, is waited for before zones come',
  () => {
    const walk = createWalk();
    walk.save(plainOf(5, at0));
    walk.befall('pom', 'no answer');
    walk.go();
    walk.save(zonesOf({ d: 5 }, { ...at0, configMap: { name: 'pom-new' } }));
    assert.equal(walk.go(), ['begin', 'wait 65']);
    walk.land();
    assert.equal(walk.go(1), ['update pom -']);
    walk.go();
    assert.equal(walk.violations, []);
  },
);

plans('R2.5 R7.6 a new term waits for a system that the last one may have created under another name', () => {
  const walk = createWalk();
  walk.save(zonesOf({ a: 1 }, { ...at0, maximum: 1 }));
  walk.go();
  walk.save(plainOf(1, { ...at0, configMap: { name: 'pom-new' } }));
  walk.befall('pom-new', 'no answer');
  assert.equal(walk.go(), ['begin', 'update pom-a 0', 'delete pom-a', 'create pom-new 1: no answer']);
  walk.nextTerm();
  walk.save(zonesOf({ a: 1 }, { ...at0, maximum: 1 }));
  assert.is(walk.go().at(-1), 'wait 65');
  walk.land();
  walk.go();
  assert.equal(walk.violations, []);
});

plans('R2.5 S9 a superseded plan: its system, whose name is now to be that of a zone, is no zone', () => {
  const walk = createWalk();
  walk.save(zonesOf({ c: 1, d: 0 }, { ...at0, maximum: 1, configMap: { name: 'pom-a' } }));
  walk.go(3);
  walk.save(zonesOf({ a: 0 }, { ...at0, maximum: 0 }));
  assert.equal(walk.go(2), ['begin', 'update pom-a-c 0']);
  walk.go();
  assert.equal(walk.violations, []);
});

plans('R7.6 S9 a create without an answer is kept out again where a hand took away what kept it out', () => {
  const walk = createWalk();
  walk.save(zonesOf({ a: 1 }, { ...at0, maximum: 1 }));
  walk.befall('pom-a', 'no answer');
  walk.go();
  walk.go(1);
  walk.remove('pom-a');
  walk.save(plainOf(1, at0));
  walk.go(3);
  walk.land();
  assert.equal(walk.violations, []);
});
