/** Rule 2 through the whole flow: what is written in which order, what waits and for how long, and by which clock. */
import * as assert from 'uvu/assert';
import type { Status } from '../../../src/api/licensesettings.ts';
import { suite } from '../../suite.ts';
import {
  backoffOf,
  createFlowDesk,
  type FlowDesk,
  plainOf,
  waitOf,
  writesAMap,
  writesMap,
  writesStatus,
  zonesOf,
} from '../../support/flow-desk.ts';

const plan = suite('rule 2: plans');
const settle = suite('rule 2: the wait');
const room = suite('rule 2: room');
const full = 100_000;
const invalid = { licenses: { outboundPorts: { minimum: 9, maximum: 1 } } };

/** Zones a and b that are live, of which a gave a license back long ago. */
async function settled(spec: object = zonesOf({ a: 3, b: 2 }), quota?: number): Promise<FlowDesk> {
  const desk = createFlowDesk(quota === undefined ? {} : { quota });
  desk.save(spec);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  await desk.run();
  await desk.clock.advance(1_000_000);
  desk.writes();
  return desk;
}
/** A plan that has taken a license from a, and waits before it gives it to b. */
async function waiting(): Promise<FlowDesk> {
  const desk = await settled();
  desk.save(zonesOf({ a: 2, b: 3 }));
  assert.is(waitOf(await desk.run()), full);
  desk.writes();
  return desk;
}
/** Saves a spec, and runs until nothing is left to do; waits are waited for. Gives what was written. */
async function finish(desk: FlowDesk, spec?: object): Promise<string[]> {
  if (spec) desk.save(spec);
  for (let wait: number | undefined = 0; wait !== undefined; wait = waitOf(await desk.run()))
    await desk.clock.advance(wait);
  return desk.writes();
}
const held = (desk: FlowDesk) => [desk.ports('pom-licenses-a'), desk.ports('pom-licenses-b')];

plan('R2.1 each step is complete before the next begins', async () => {
  const desk = await settled(zonesOf({ a: 3, b: 1, c: 1 }));
  desk.save(zonesOf({ a: 1, b: 2, d: 2 }));
  assert.is(waitOf(await desk.run()), full);
  assert.equal(desk.writes(), ['PUT status', 'PUT pom-licenses-a 1', 'PUT pom-licenses-c 0', 'PUT pom-licenses -']);
  await desk.clock.advance(full);
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses-b 2', 'DELETE pom-licenses-c', 'POST pom-licenses-d 2', 'PUT status']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

plan('R2.1 a step that fails is gone on with, and nothing of the next comes before', async () => {
  const desk = await settled(zonesOf({ a: 2, b: 2, c: 1 }));
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-b'), { code: 503 });
  desk.save(zonesOf({ a: 1, b: 1, c: 3 }));
  await desk.run();
  assert.equal(desk.writes(), ['PUT status', 'PUT pom-licenses-a 1']);
  mend();
  assert.is(waitOf(await desk.run()), full);
  assert.equal(desk.writes(), ['PUT pom-licenses-b 1', 'PUT pom-licenses -']);
});

for (const [what, suffix] of [
  ['a zone', '-b'],
  ['the system', ''],
] as const)
  plan(`R2.1 a write of ${what} that is refused stops the plan where it stands`, async () => {
    const desk = await settled();
    const mend = desk.fail((request) => writesMap(request, `pom-licenses${suffix}`), { code: 403 });
    desk.save(zonesOf({ a: 1, b: 1 }, { maximum: 4 }));
    await desk.run();
    assert.is(desk.reasonOf('Applied'), 'WriteRejected');
    assert.is(desk.status()?.applying?.generation, 2);
    mend();
    await desk.clock.advance(65_000);
    await finish(desk);
    assert.equal([held(desk), desk.reasonOf('Applied')], [['1', '1'], 'Applied']);
    assert.equal(desk.judge.violations, []);
  });

plan('R2.2 a zone that only lost its label is looked for: it gives back first', async () => {
  const desk = await settled();
  desk.mark('pom-licenses-a', { labels: {} });
  await finish(desk, plainOf(5, { settleSeconds: 100 }));
  assert.equal(desk.names(), ['pom-licenses']);
  assert.equal(desk.judge.violations, []);
});

plan('R2.2 a zone goes out of sight while the plan begins: it gives back before the total shrinks', async () => {
  const desk = await settled();
  desk.before(writesStatus, () => desk.mark('pom-licenses-a', { labels: {} }));
  desk.save(zonesOf({ a: 0, b: 2 }, { maximum: 2 }));
  assert.is((await desk.run()).halt?.kind, 'outdated');
  const written = await finish(desk);
  const [lowered, shrunk] = [written.indexOf('PUT pom-licenses-a 0'), written.indexOf('PUT pom-licenses -')];
  assert.ok(lowered >= 0 && lowered < shrunk, written.join(', '));
  assert.equal(desk.judge.violations, []);
});

for (const [what, zones] of [
  ['and its zone stays', { a: 1, b: 2 }],
  ['and its zone goes', { b: 2 }],
] as const)
  plan(
    `R2.2 what a superseded plan made is out of sight: it gives back before the total shrinks, ${what}`,
    async () => {
      const desk = createFlowDesk();
      desk.save(zonesOf({ a: 3, b: 2 }));
      // The status never says what the plan made.
      const mend = desk.fail(
        ({ resource, body }) => resource.endsWith('/status') && !(body as { status: Status }).status.applying,
        { code: 503 },
      );
      await desk.run();
      mend();
      desk.mark('pom-licenses-a', { labels: {} });
      const written = await finish(desk, zonesOf(zones, { maximum: 3 }));
      const lowered = written.findIndex((one) => one.startsWith('PUT pom-licenses-a'));
      assert.ok(lowered >= 0 && lowered < written.lastIndexOf('PUT pom-licenses -'), written.join(', '));
      assert.equal(desk.judge.violations, []);
    },
  );

plan('R2.2 a zone that drifts during the first apply holds nothing: it is raised only behind the system', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 3, b: 2 }));
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-b'), { code: 503 });
  await desk.run();
  desk.spoil('pom-licenses-a');
  desk.nextTerm();
  mend();
  desk.writes();
  const written = await finish(desk);
  assert.equal(
    written.filter((one) => one.includes('pom-licenses-a')),
    ['PUT pom-licenses-a 0', 'PUT pom-licenses-a 3'],
  );
  assert.equal(desk.judge.violations, []);
});

plan('R2.2 a zone that is edited after its plan was superseded counts as the least of all plans', async () => {
  const desk = await waiting();
  await desk.clock.advance(full);
  // b gets its license, and before the status says so the settings go back.
  const mend = desk.fail(writesStatus, { code: 409 });
  await desk.run();
  assert.equal(held(desk), ['2', '3']);
  mend();
  desk.save(zonesOf({ a: 3, b: 2 }));
  assert.is(waitOf(await desk.run()), full);
  assert.equal(held(desk), ['2', '2']);
  await desk.clock.advance(1_000);
  desk.spoil('pom-licenses-a');
  const wait = waitOf(await desk.run());
  assert.ok(wait !== undefined && wait > 0);
  assert.equal(held(desk), ['2', '2']);
  await finish(desk);
  assert.equal(held(desk), ['3', '2']);
  assert.equal(desk.judge.violations, []);
});

plan('R2.2 a zone that is deleted while others are lowered is not made again before the wait', async () => {
  const desk = await settled();
  desk.before(
    (request) => writesMap(request, 'pom-licenses-a'),
    () => desk.deleteMap('pom-licenses-b'),
  );
  desk.save(zonesOf({ a: 2, b: 1, c: 2 }));
  await desk.run();
  await desk.run();
  assert.equal(
    desk.writes().filter((one) => !one.includes('status')),
    ['PUT pom-licenses-a 2', 'PUT pom-licenses-b 1 404', 'PUT pom-licenses -'],
  );
  await finish(desk);
  assert.equal(desk.judge.violations, []);
});

plan('R2.3 a plan begins with `applying` in the status, and nothing is written before that is there', async () => {
  const desk = await settled();
  const mend = desk.fail(writesStatus, { code: 503 });
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  assert.equal(desk.writes(), []);
  mend();
  await desk.run();
  assert.is(desk.writes()[0], 'PUT status');
  const { applying } = desk.status() ?? {};
  assert.equal([applying?.generation, applying?.settings.zones?.length], [2, 2]);
});

plan('R2.3 the answer to the beginning of a plan is lost: it goes on as its own', async () => {
  for (const losses of [1, 2]) {
    const desk = await settled(zonesOf({ a: 2, b: 2 }, { settleSeconds: 0 }), 3);
    let left = losses;
    const mend = desk.fail((request) => writesStatus(request) && left-- > 0, 'lost');
    desk.save(zonesOf({ c: 2, b: 2 }, { settleSeconds: 0 }));
    for (let i = 0; i < losses; i++) {
      await desk.run();
      await desk.clock.advance(4_000);
    }
    mend();
    assert.equal(desk.land(), [200, 409].slice(0, losses));
    await desk.run();
    // A plan of somebody else would be fenced off first, for which the quota has no room.
    assert.is(desk.reasonOf('Applied'), 'Applied');
    assert.equal(desk.judge.violations, []);
  }
});

plan(
  'R2.5 to zones under a new name: the old ConfigMap loses its CAPACITY keys first, and dialers see it',
  async () => {
    const desk = await settled(plainOf(5));
    desk.save(zonesOf({ a: 4, b: 1 }, { configMap: { name: 'pom' } }));
    assert.is(waitOf(await desk.run()), full);
    assert.equal(desk.writes(), ['PUT status', 'PUT pom-licenses -', 'POST pom -']);
    assert.equal(await finish(desk), ['POST pom-a 4', 'POST pom-b 1', 'DELETE pom-licenses', 'PUT status']);
    assert.equal(desk.judge.violations, []);
  },
);

plan('R2.5 the old ConfigMap becomes that of a zone: it gives back before others get its licenses', async () => {
  const desk = await settled(plainOf(5, { configMap: { name: 'pom-emea' } }));
  desk.save(zonesOf({ apac: 4, emea: 1 }, { configMap: { name: 'pom' } }));
  assert.is(waitOf(await desk.run()), full);
  assert.equal(desk.writes(), ['PUT status', 'PUT pom-emea -', 'POST pom -']);
  assert.equal(await finish(desk), ['PUT pom-emea 1', 'POST pom-apac 4', 'PUT status']);
});

plan('R2.6 from no zones to zones the system loses its CAPACITY keys, and dialers get time to see it', async () => {
  const desk = await settled(plainOf(5));
  desk.save(zonesOf({ a: 3, b: 2 }));
  assert.is(waitOf(await desk.run()), full);
  assert.equal(desk.writes(), ['PUT status', 'PUT pom-licenses -']);
  assert.equal(await finish(desk), ['POST pom-licenses-a 3', 'POST pom-licenses-b 2', 'PUT status']);
});

plan('R2.7 when the last zone goes the system gets its CAPACITY keys behind the wait', async () => {
  const desk = await settled();
  desk.save(plainOf(5, { settleSeconds: 100 }));
  assert.is(waitOf(await desk.run()), full);
  assert.equal(desk.writes(), ['PUT status', 'PUT pom-licenses-a 0', 'PUT pom-licenses-b 0']);
  assert.equal(await finish(desk), [
    'PUT pom-licenses 5',
    'DELETE pom-licenses-a',
    'DELETE pom-licenses-b',
    'PUT status',
  ]);
  assert.equal(desk.judge.violations, []);
});

plan('R2.7 a zone label does not stay on the ConfigMap of the system', async () => {
  const desk = await settled(zonesOf({ emea: 5 }, { configMap: { name: 'pom' } }));
  await finish(desk, plainOf(5, { configMap: { name: 'pom-emea' }, settleSeconds: 100 }));
  assert.equal(desk.names(), ['pom-emea']);
  assert.is(desk.configMap('pom-emea')?.metadata.labels?.['licensing.dialer.dev/zone'], undefined);
  const written = await finish(desk, plainOf(5, { configMap: { name: 'pom-x' }, settleSeconds: 100 }));
  assert.equal(written, ['POST pom-x 5', 'DELETE pom-emea', 'PUT status'], 'no plan any more');
});

plan('R2.14 until a plan is done the status shows the last finished apply', async () => {
  const desk = await waiting();
  const before = desk.status();
  await desk.clock.advance(full);
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-b'), { code: 403 });
  await desk.run();
  const { applied, licenses, zones, history } = desk.status() ?? {};
  assert.equal(
    [applied, licenses, zones, history],
    [before?.applied, before?.licenses, before?.zones, before?.history],
  );
  assert.is(applied?.generation, 1);
  mend();
  await desk.clock.advance(65_000);
  await desk.run();
  assert.equal([desk.status()?.applied?.generation, desk.status()?.applying], [2, undefined]);
});

plan('R2.14 the ConfigMap of the system is newer than the status in a plan, and no apply yet', async () => {
  const desk = await settled(zonesOf({ a: 3, b: 2 }, { settleSeconds: 0 }));
  const mend = desk.fail(({ method }) => method === 'DELETE', { code: 500 });
  desk.save(plainOf(5, { settleSeconds: 0 }));
  await desk.run();
  assert.is(desk.stamp('pom-licenses'), '2');
  desk.save({ ...invalid, settleSeconds: 0 });
  await desk.run();
  assert.equal([desk.status()?.applied?.generation, desk.status()?.applying?.generation], [1, 2]);
  mend();
  await desk.run();
  assert.equal([desk.status()?.applied?.generation, desk.status()?.applying], [2, undefined]);
});

for (const [what, spec] of [
  ['invalid', invalid],
  ['not approved', zonesOf({ a: 5, b: 0 }, { applyPolicy: 'Manual' })],
] as const)
  plan(`R2.15 a plan is never abandoned because a newer spec is ${what}`, async () => {
    const desk = await waiting();
    desk.save({ ...spec, settleSeconds: 100 });
    await finish(desk);
    assert.equal([held(desk), desk.status()?.applied?.generation], [['2', '3'], 2]);
  });

plan('R2.15 a newer applicable spec supersedes a plan, which begins again', async () => {
  const desk = await waiting();
  desk.save(zonesOf({ a: 1, b: 4 }));
  assert.is(waitOf(await desk.run()), full, 'what it takes away itself is waited for in full');
  assert.equal(desk.writes(), ['PUT status', 'PUT pom-licenses-a 1', 'PUT pom-licenses -']);
  assert.is(desk.status()?.applying?.generation, 3);
  await finish(desk);
  assert.equal([held(desk), desk.status()?.applied?.generation], [['1', '4'], 3]);
  assert.equal(
    desk.status()?.history?.map(({ generation }) => generation),
    [3, 1],
    'the plan that was superseded is no apply',
  );
  assert.equal(desk.judge.violations, []);
});

plan('R2.16 a rename moves no licenses: the new names get the same, and the old ones go afterwards', async () => {
  const desk = await settled();
  const written = await finish(desk, zonesOf({ a: 3, b: 2 }, { configMap: { name: 'pom' } }));
  assert.equal(written, [
    ...['PUT status', 'POST pom -', 'POST pom-a 3', 'POST pom-b 2'],
    ...['DELETE pom-licenses', 'DELETE pom-licenses-a', 'DELETE pom-licenses-b', 'PUT status'],
  ]);
  assert.equal(desk.judge.violations, []);
});

plan('R2.17 a rename without zones creates the new one, deletes the old one, and writes the status', async () => {
  const desk = await settled(plainOf(5));
  const written = await finish(desk, plainOf(6, { configMap: { name: 'pom' } }));
  assert.equal(written, ['POST pom 6', 'DELETE pom-licenses', 'PUT status']);
});

plan('R2.17 a rename whose old ConfigMap can not be deleted is live at once, and the status says so once', async () => {
  const desk = await settled(plainOf(5));
  desk.fail(({ method }) => method === 'DELETE', { code: 403 });
  assert.equal(await finish(desk, plainOf(5, { configMap: { name: 'pom' } })), ['POST pom 5', 'PUT status']);
  assert.equal([desk.status()?.applied?.generation, desk.reasonOf('Ready')], [2, 'WriteRejected']);
  await desk.clock.advance(65_000);
  await desk.run();
  assert.equal(desk.writes(), [], 'nothing new to say');
});

// --- The wait ---

settle('R2.8 a wait goes on the monotonic clock, and a look in between does not make it longer', async () => {
  const desk = await waiting();
  await desk.clock.advance(40_000);
  assert.is(waitOf(await desk.run()), 60_000);
  await desk.clock.advance(60_000);
  assert.is(waitOf(await desk.run()), undefined);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

for (const [what, seconds, left] of [
  ['shorter', 0, undefined],
  ['longer', 600, 590_000],
] as const)
  settle(`R2.8 settleSeconds act at once, also on a wait that has begun: ${what}`, async () => {
    const desk = await waiting();
    await desk.clock.advance(10_000);
    desk.save(zonesOf({ a: 2, b: 3 }, { settleSeconds: seconds }));
    assert.is(waitOf(await desk.run()), left);
  });

/** What happens before b is raised, and how long that waits then; undefined: not at all. */
const cases: readonly (readonly [string, (desk: FlowDesk) => Promise<unknown> | unknown, number | undefined])[] = [
  ['this term took it away long ago', () => {}, undefined],
  [
    'this term took it away 60 s ago, by another change',
    async (desk) => {
      desk.save(zonesOf({ a: 2, b: 2 }));
      await desk.run();
      await desk.clock.advance(60_000);
    },
    40_000,
  ],
  ['a new term has not seen the object yet, and its wall clock is right', (desk) => desk.nextTerm(), full],
  [
    'a new term saw the object 40 s ago, without a word or a write',
    async (desk) => {
      desk.nextTerm();
      assert.is((await desk.run()).said, 'unchanged');
      await desk.clock.advance(40_000);
    },
    60_000,
  ],
  [
    'a new term has seen the object for settleSeconds',
    async (desk) => {
      desk.nextTerm();
      await desk.run();
      await desk.clock.advance(full);
    },
    undefined,
  ],
  [
    'people worked by hand while it was suspended',
    async (desk) => {
      desk.save(zonesOf({ a: 3, b: 2 }, { suspend: true }));
      await desk.run();
      await desk.clock.advance(1_000_000);
    },
    full,
  ],
  [
    'a suspension ended settleSeconds ago',
    async (desk) => {
      desk.save(zonesOf({ a: 3, b: 2 }, { suspend: true }));
      await desk.run();
      desk.save(zonesOf({ a: 3, b: 2 }));
      await desk.run();
      await desk.clock.advance(full);
    },
    undefined,
  ],
  ['a zone holds less by hand', (desk) => lowerByHand(desk, 'a', 1), full],
  ['a zone holds what can not be read', (desk) => desk.spoil('pom-licenses-a'), full],
  ['a zone holds as much, by hand', (desk) => lowerByHand(desk, 'a', 3), undefined],
];
/** Somebody puts another number into the ConfigMap of a zone, as the operator would render it. */
function lowerByHand(desk: FlowDesk, zone: string, ports: number): void {
  const map = `pom-licenses-${zone}`;
  desk.restoreMap('pom-licenses-like', { zone, ports });
  const data = desk.configMap('pom-licenses-like')?.['data'];
  desk.deleteMap('pom-licenses-like');
  desk.edit(map, (one) => ({ ...one, data }));
}

for (const [what, before, wait] of cases)
  settle(`R2.9 ${what}: a raise ${wait === undefined ? 'waits for nobody' : `waits ${wait / 1000} s`}`, async () => {
    const desk = await settled();
    await before(desk);
    // One more than there were: so nothing has to be lowered for it.
    desk.save(zonesOf({ a: what.includes('another change') ? 2 : 3, b: 3 }, { maximum: 6 }));
    assert.is(waitOf(await desk.run()), wait);
    await finish(desk);
    assert.equal(desk.judge.violations, []);
  });

settle('R2.9 what a plan took away that is superseded is waited for: what is left of it', async () => {
  const desk = await waiting();
  await desk.clock.advance(40_000);
  // Gives b less, and takes nothing more away.
  desk.save(zonesOf({ a: 2, b: 2 }));
  await desk.run();
  desk.save(zonesOf({ a: 2, b: 3 }));
  assert.is(waitOf(await desk.run()), 60_000);
});

settle('R2.9 a plan that took nothing away makes nobody wait when it is superseded', async () => {
  const desk = await settled(zonesOf({ a: 2, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }));
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-b'), { code: 500 });
  await desk.run();
  mend();
  desk.save(zonesOf({ a: 2, b: 3 }, { maximum: 6 }));
  assert.is(waitOf(await desk.run()), undefined);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

settle('R2.9 suspended in the middle, a plan goes on with the full wait', async () => {
  const desk = await waiting();
  await desk.clock.advance(90_000);
  desk.save(zonesOf({ a: 2, b: 3 }, { suspend: true }));
  await desk.run();
  await desk.clock.advance(90_000);
  desk.save(zonesOf({ a: 2, b: 3 }));
  assert.is(waitOf(await desk.run()), full);
});

settle('R2.9 a term that finds a plan at its start waits in full', async () => {
  const desk = await waiting();
  await desk.clock.advance(90_000);
  desk.nextTerm();
  assert.is(waitOf(await desk.run()), full);
});

settle('R2.9 what another term took away less than settleSeconds ago is waited for in full', async () => {
  const desk = await settled();
  await finish(desk, zonesOf({ a: 2, b: 2 }));
  await desk.clock.advance(60_000);
  desk.nextTerm();
  desk.save(zonesOf({ a: 2, b: 3 }));
  assert.is(waitOf(await desk.run()), full);
});

settle('R2.9 a status that lags behind does not tell what was taken away: a raise waits in full', async () => {
  const desk = await waiting();
  await desk.clock.advance(200_000);
  desk.nextTerm();
  desk.restore({ observedGeneration: -1 });
  assert.is(waitOf(await desk.run()), full);
  assert.is(desk.ports('pom-licenses-b'), '2');
});

settle('R2.9 zones whose first ConfigMap comes into sight in the middle of a term wait from then on', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 3, b: 2 }, { suspend: true }));
  await desk.run();
  await desk.clock.advance(1_000_000);
  desk.restoreMap('pom-licenses-a', { zone: 'a', ports: 2 });
  desk.save(zonesOf({ a: 3, b: 2 }));
  assert.is(waitOf(await desk.run()), full);
  assert.is(desk.ports('pom-licenses-a'), '2');
});

settle('R2.9 a new object does not know what was taken from what it adopts: it waits in full', async () => {
  const retained = { deletionPolicy: 'Retain' };
  const desk = await settled(zonesOf({ a: 3, b: 2 }, retained));
  desk.save(zonesOf({ a: 2, b: 3 }, retained));
  await desk.run();
  desk.deleteObject();
  await desk.clock.advance(1_000);
  desk.save(zonesOf({ a: 2, b: 3 }, retained));
  assert.is(waitOf(await desk.run()), full);
  assert.equal(held(desk), ['2', '2']);
});

settle('R2.9 a rename to what an earlier object retained waits in full', async () => {
  const desk = await settled(zonesOf({ a: 2, b: 2 }));
  desk.restoreMap('pom-x-a', { zone: 'a', ports: 2, uid: 'earlier' });
  desk.save(zonesOf({ a: 2, b: 3 }, { configMap: { name: 'pom-x' } }));
  assert.is(waitOf(await desk.run()), full);
  assert.is(desk.ports('pom-x-b'), undefined);
});

settle('R2.9 a lowering whose answer was lost is waited for from when it was seen to be done', async () => {
  const desk = await settled();
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-a', 'PUT'), 'lost');
  desk.save(zonesOf({ a: 1, b: 3 }));
  await desk.run();
  mend();
  await desk.clock.advance(50_000);
  desk.land();
  assert.is(desk.ports('pom-licenses-a'), '1');
  assert.is(waitOf(await desk.run()), full);
});

for (const days of [1, -1])
  settle(`R2.10 no wall clock decides: it is put by ${days} days in the middle of a wait`, async () => {
    const desk = await waiting();
    await desk.clock.advance(40_000);
    desk.clock.setWall(desk.clock.wall() + days * 86_400_000);
    assert.is(waitOf(await desk.run()), 60_000);
  });

settle('R2.11 a first apply does not wait, nor does a raise after it, in a term that has just begun', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 2, b: 2 }));
  assert.is(waitOf(await desk.run()), undefined);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.save(zonesOf({ a: 2, b: 3 }));
  assert.is(waitOf(await desk.run()), undefined);
  assert.equal([held(desk), desk.judge.violations], [['2', '3'], []]);
});

settle('R2.11 healing what is live waits for nobody, also in a new term', async () => {
  const desk = await settled();
  desk.nextTerm();
  desk.deleteMap('pom-licenses-b');
  assert.is(waitOf(await desk.run()), undefined);
  assert.is(desk.ports('pom-licenses-b'), '2');
});

settle('R2.11 without zones nobody waits, also in a new term', async () => {
  const desk = await settled(plainOf(5));
  desk.nextTerm();
  desk.save(plainOf(6, { configMap: { name: 'pom' } }));
  assert.is(waitOf(await desk.run()), undefined);
  assert.is(desk.ports('pom'), '6');
});

settle('R2.11 who only gives back waits for nobody', async () => {
  const desk = await settled();
  desk.save(zonesOf({ a: 1, b: 1 }));
  assert.is(waitOf(await desk.run()), undefined);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

// --- Room: a namespace whose quota has room for exactly the ConfigMaps that the docs name ---

const at0 = (held: Record<string, number>, more: object = {}) => zonesOf(held, { settleSeconds: 0, ...more });
const maps = (written: string[]) => written.filter((one) => one !== 'PUT status');

room('R2.13 a zone is renamed: the old one goes when that was seen, then the new one comes', async () => {
  const desk = await settled(zonesOf({ a: 2, b: 2 }), 3);
  desk.save(zonesOf({ c: 2, b: 2 }));
  assert.is(waitOf(await desk.run()), full);
  assert.equal(maps(desk.writes()), ['PUT pom-licenses-a 0', 'PUT pom-licenses -']);
  assert.equal(maps(await finish(desk)), ['DELETE pom-licenses-a', 'POST pom-licenses-c 2']);
  assert.equal(desk.judge.violations, []);
});

for (const [what, zones] of [
  ['one is', { c: 1, b: 3 }],
  ['all are', { c: 2, d: 3 }],
] as const)
  room(`R2.13 zones are renamed, ${what}: what is there is raised before room is made`, async () => {
    const desk = await settled(at0({ a: 2, b: 2 }), 3);
    const written = maps(await finish(desk, at0(zones)));
    const raised = written.indexOf('PUT pom-licenses-b 3');
    assert.ok(raised < written.indexOf('DELETE pom-licenses-a'), written.join(', '));
    assert.ok(written.indexOf('DELETE pom-licenses-a') < written.findIndex((one) => one.startsWith('POST')));
    assert.is(desk.reasonOf('Applied'), 'Applied');
    assert.equal(desk.judge.violations, []);
  });

room('R2.13 from zones to none and back', async () => {
  const desk = await settled(at0({ a: 2, b: 2 }), 3);
  const written = maps(await finish(desk, plainOf(5, { settleSeconds: 0 })));
  assert.equal(written.slice(2), ['PUT pom-licenses 5', 'DELETE pom-licenses-a', 'DELETE pom-licenses-b']);
  await finish(desk, at0({ c: 2, d: 3 }));
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

room('R2.13 a zone that may not be deleted keeps nobody from what the quota has room for', async () => {
  for (const [zones, quota, given] of [
    [{ b: 4 }, 3, 'pom-licenses-b'],
    [{ c: 2, b: 2 }, 4, 'pom-licenses-c'],
  ] as const) {
    const desk = await settled(at0({ a: 2, b: 2 }), quota);
    const mend = desk.fail((request) => writesMap(request, 'pom-licenses-a', 'DELETE'), { code: 403 });
    desk.save(at0(zones));
    await desk.run();
    assert.is(desk.ports(given), String(Object.values(zones)[0]));
    assert.is(desk.reasonOf('Ready'), 'WriteRejected');
    mend();
    await desk.run();
    assert.is(desk.reasonOf('Ready'), 'Applied');
    assert.equal(desk.judge.violations, []);
  }
});

room('R2.16 a rename needs room for all once more: the old ones stay until the new ones are there', async () => {
  const desk = await settled(at0({ a: 2, b: 2 }), 3);
  desk.save(at0({ a: 2, b: 2 }, { configMap: { name: 'pom' } }));
  assert.is(backoffOf(await desk.run()), 'pause');
  assert.is(desk.reasonOf('Ready'), 'WriteRejected');
  assert.match(desk.conditionOf('Ready')?.message ?? '', 'exceeded quota');
  assert.equal(held(desk), ['2', '2']);
  desk.setQuota(6);
  await desk.clock.advance(65_000);
  await desk.run();
  assert.is(desk.reasonOf('Ready'), 'Applied');
  assert.equal(desk.names(), ['pom', 'pom-a', 'pom-b']);
});

room('R2.17 a rename without zones needs room for one more: the old one stays until the new one is there', async () => {
  const desk = await settled(plainOf(5), 1);
  desk.save(plainOf(6, { configMap: { name: 'pom' } }));
  assert.is(backoffOf(await desk.run()), 'pause');
  assert.equal([desk.reasonOf('Ready'), desk.ports('pom-licenses')], ['WriteRejected', '5']);
  desk.setQuota(2);
  await desk.clock.advance(65_000);
  await desk.run();
  assert.equal([desk.reasonOf('Ready'), desk.names(), desk.ports('pom')], ['Applied', ['pom'], '6']);
});

room('R2.1 a status from before the zones: they give back before the system gets CAPACITY keys', async () => {
  const desk = await settled(plainOf(5));
  const backup = desk.status() as Status;
  await finish(desk, zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }, { applyPolicy: 'Manual' }));
  desk.restore(backup);
  await desk.run();
  assert.equal(maps(desk.writes()), ['PUT pom-licenses-a 0', 'PUT pom-licenses-b 0']);
  await finish(desk);
  assert.equal([desk.names(), desk.ports('pom-licenses')], [['pom-licenses'], '5']);
});

room('R2.1 a retained zone that lost the uid of its owner is still a zone, and goes down first', async () => {
  const retained = { deletionPolicy: 'Retain', settleSeconds: 100 };
  const desk = await settled(zonesOf({ a: 3, b: 2 }, retained));
  desk.mark('pom-licenses-b', { annotations: {} });
  desk.save(plainOf(5, retained));
  assert.is(waitOf(await desk.run()), full);
  assert.equal(held(desk), ['0', '0']);
  assert.ok(desk.writes().every((one) => !one.startsWith('PUT pom-licenses ')));
});

plan('R2.4 a change of no licenses lowers nothing, and is no plan', async () => {
  const desk = await settled();
  desk.fail(writesAMap, { code: 500 });
  assert.equal(await finish(desk, zonesOf({ a: 3, b: 2 }, { settleSeconds: 5 })), ['PUT status']);
});
