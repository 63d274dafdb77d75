/** The condition table of docs/contract.md, as the controller brings its rows about; and what an apply is. */
import * as assert from 'uvu/assert';
import { failurePatience } from '../../../src/controller/retries.ts';
import type { ApiErrorInit } from '../../../src/kube/errors.ts';
import { suite } from '../../suite.ts';
import {
  createFlowDesk,
  type FlowDesk,
  plainOf,
  waitOf,
  writesAMap,
  writesMap,
  writesStatus,
  zonesOf,
} from '../../support/flow-desk.ts';

const invalid = { licenses: { outboundPorts: { minimum: 9, maximum: 1 } } };
const manual = { applyPolicy: 'Manual' };

async function live(spec: object = plainOf(5)): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(spec);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.writes();
  return desk;
}

// --- The rows ---

const table = suite('rows T11 T12 T13 T14 T15 T16 T17 T18 T19 T20');

/** Settings are live, others are saved, and something happens. */
type Story = {
  readonly first?: object | null;
  readonly next: object;
  readonly meets?: (desk: FlowDesk) => void;
  /** How long it lasts, in milliseconds, before it is looked at once more. */
  readonly lasts?: number;
};
const says = (ready: string, valid: string, applied: string, also?: string) =>
  [`Ready ${ready}`, `Valid ${valid}`, `Applied ${applied}`, also].filter((one) => one !== undefined);
const stalled = (reason: string, valid = 'True Valid') =>
  says(`False ${reason}`, valid, `False ${reason}`, `Stalled True ${reason}`);
const moving = (reason: string) =>
  says(`False ${reason}`, 'True Valid', `False ${reason}`, `Reconciling True ${reason}`);
const fails = (how: ApiErrorInit) => (desk: FlowDesk) => void desk.fail(writesAMap, how);

const rows: readonly (readonly [string, Story, readonly string[]])[] = [
  [
    'T11 suspended, and the newest is live',
    { next: plainOf(5, { suspend: true }) },
    says('True Suspended', 'True Valid', 'True Applied'),
  ],
  [
    'T11 suspended, and the newest is not live',
    { next: plainOf(6, { suspend: true }) },
    says('True Suspended', 'True Valid', 'False Suspended'),
  ],
  [
    'T11 suspended, and invalid',
    { next: { ...invalid, suspend: true } },
    says('True Suspended', 'False Invalid', 'False Suspended'),
  ],
  ['T12 invalid', { next: invalid }, stalled('Invalid', 'False Invalid')],
  [
    "T13 a ConfigMap of that name is someone else's",
    { next: plainOf(5, { configMap: { name: 'pom-x' } }), meets: (desk) => desk.createForeign('pom-x') },
    stalled('ConfigMapConflict'),
  ],
  ['T14 a write is refused with 403', { next: plainOf(6), meets: fails({ code: 403 }) }, stalled('WriteRejected')],
  ['T14 a write is refused with 413', { next: plainOf(6), meets: fails({ code: 413 }) }, stalled('WriteRejected')],
  ['T14 a write is refused with 422', { next: plainOf(6), meets: fails({ code: 422 }) }, stalled('WriteRejected')],
  [
    'T15 a write is changed on its way',
    { next: plainOf(6), meets: (desk) => desk.police((map) => ({ ...map, immutable: true })) },
    stalled('Contested'),
  ],
  [
    'T16 a write got no answer for 10 s',
    { next: plainOf(6), meets: fails({ code: 0, reason: 'NoAnswer' }), lasts: failurePatience },
    moving('WriteFailed'),
  ],
  [
    'T16 a 503 for 10 s',
    { next: plainOf(6), meets: fails({ code: 503 }), lasts: failurePatience },
    moving('WriteFailed'),
  ],
  [
    'T16 a conflict for 10 s',
    { next: plainOf(6), meets: fails({ code: 409 }), lasts: failurePatience },
    moving('WriteFailed'),
  ],
  [
    'T16 a ConfigMap that a finalizer holds back for 10 s',
    {
      next: plainOf(6),
      meets(desk) {
        desk.mark('pom-licenses', { finalizers: ['example.com/hold'] });
        desk.deleteMap('pom-licenses');
      },
      lasts: failurePatience,
    },
    moving('WriteFailed'),
  ],
  ['T17 a plan is under way', { first: zonesOf({ a: 3, b: 2 }), next: zonesOf({ a: 2, b: 3 }) }, moving('Settling')],
  [
    'T18 Manual, not approved, nothing live',
    { first: null, next: plainOf(5, manual) },
    says('False ApplyPending', 'True Valid', 'False ApplyPending'),
  ],
  [
    'T19 Manual, not approved, older settings live',
    { next: plainOf(6, manual) },
    says('True ApplyPending', 'True Valid', 'False ApplyPending'),
  ],
  ['T20 live is newest', { next: plainOf(6) }, says('True Applied', 'True Valid', 'True Applied')],
  [
    'T20 with zones',
    { first: null, next: zonesOf({ a: 3, b: 2 }) },
    says('True Applied', 'True Valid', 'True Applied'),
  ],
];

for (const [what, { first = plainOf(5), next, meets = () => {}, lasts }, expected] of rows)
  table(what, async () => {
    const desk = first === null ? createFlowDesk() : await live(first);
    desk.save(next);
    meets(desk);
    await desk.run();
    if (lasts !== undefined) {
      await desk.clock.advance(lasts);
      await desk.run();
    }
    const conditions = desk.status()?.conditions ?? [];
    assert.equal(
      conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
      expected,
    );
    for (const { observedGeneration } of conditions) assert.is(observedGeneration, desk.object()?.metadata.generation);
    assert.is(desk.status()?.observedGeneration, desk.object()?.metadata.generation);
  });

// --- How the table is used ---

const use = suite('the status');

use('T4 the first row that holds gives the reason, and the messages of all are listed', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  desk.fail(writesAMap, { code: 403 });
  desk.save({ ...zonesOf({ a: 1, b: 4 }), ...invalid });
  await desk.clock.advance(100_000);
  await desk.run();
  const { reason, message = '' } = desk.conditionOf('Ready') ?? {};
  assert.is(reason, 'Invalid');
  for (const words of ['the spec has', 'the API server refuses the write', 'are on their way'])
    assert.match(message, words);
});

use('T5 lastTransitionTime moves only with the status of its condition', async () => {
  const desk = await live();
  const timeOf = (type: string) => desk.conditionOf(type)?.lastTransitionTime;
  const before = ['Ready', 'Valid', 'Applied'].map(timeOf);
  await desk.clock.advance(60_000);
  desk.save(plainOf(6, manual));
  await desk.run();
  assert.equal(['Ready', 'Valid'].map(timeOf), before.slice(0, 2), 'their reasons changed at most');
  assert.is.not(timeOf('Applied'), before[2]);
});

use('T6 a status that says nothing new is not written', async () => {
  for (const spec of [plainOf(5), invalid, plainOf(5, manual), plainOf(5, { suspend: true }), zonesOf({ a: 3 })]) {
    const desk = createFlowDesk();
    desk.save(spec);
    await desk.run();
    desk.writes();
    await desk.clock.advance(3_600_000);
    await desk.run();
    assert.equal(desk.writes(), []);
  }
});

use('T6 a refusal whose words differ in an id alone is told once', async () => {
  const desk = await live();
  let id = 0;
  const mend = desk.fail(writesAMap, { code: 403 }, () => `denied by policy, request 7f3a-${++id}`);
  desk.save(plainOf(6));
  for (let n = 0; n < 3; n++) {
    await desk.run();
    await desk.clock.advance(65_000);
  }
  assert.equal([desk.writes(), id], [['PUT status'], 3]);
  mend();
  desk.fail(writesAMap, { code: 403 }, () => 'exceeded quota');
  await desk.run();
  assert.equal(desk.writes(), ['PUT status'], 'other words are news');
});

use('T7 until a write failure has lasted 10 s the conditions stay as they were', async () => {
  const desk = await live();
  desk.save(plainOf(6));
  const mend = desk.fail(writesAMap, { code: 500 });
  const before = desk.status();
  await desk.run();
  await desk.clock.advance(failurePatience - 1);
  await desk.run();
  assert.equal(desk.status(), before);
  await desk.clock.advance(1);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'WriteFailed');
  mend();
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.save(plainOf(7));
  desk.fail(writesAMap, { code: 500 });
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied', 'the patience begins anew');
});

use('T7 the 10 s count from when the first try that failed began', async () => {
  const desk = await live();
  desk.save(plainOf(6));
  desk.slow(15_000);
  desk.fail(writesAMap, { code: 0, reason: 'NoAnswer' });
  await desk.run();
  assert.is(desk.reasonOf('Ready'), 'WriteFailed');
});

for (const [what, between] of [
  [
    'the object was suspended',
    async (desk: FlowDesk) => {
      desk.save(plainOf(6, { suspend: true }));
      await desk.run();
    },
  ],
  ['another object has its name', (desk: FlowDesk) => desk.deleteObject()],
] as const)
  use(`T7 the patience begins anew when ${what} in between`, async () => {
    const desk = await live(plainOf(5, { deletionPolicy: 'Retain' }));
    desk.fail(writesAMap, { code: 503 });
    desk.save(plainOf(6));
    await desk.run();
    await between(desk);
    await desk.clock.advance(failurePatience);
    desk.save(plainOf(6));
    await desk.run();
    assert.is.not(desk.reasonOf('Applied'), 'WriteFailed');
    await desk.clock.advance(failurePatience);
    await desk.run();
    assert.is(desk.reasonOf('Applied'), 'WriteFailed');
  });

// --- Save and apply ---

const applies = suite('save and apply');

applies('A1 A2 A3 A5 Manual: nothing is written before the content is approved, then it goes live', async () => {
  const desk = createFlowDesk();
  const approve = (value: string) => desk.save(plainOf(5, manual), { 'licensing.dialer.dev/apply': value });
  desk.save(plainOf(5, manual));
  await desk.run();
  assert.equal(desk.writes(), ['PUT status']);
  const approval = desk.status()?.pending?.settingsHash ?? '';
  approve(approval.slice(0, 12));
  await desk.run();
  assert.equal(desk.writes(), ['PUT status'], 'says why it does nothing');
  assert.match(desk.conditionOf('Ready')?.message ?? '', '12 of 64 digits, too short to approve anything');
  approve(approval);
  await desk.run();
  assert.equal(desk.writes(), ['POST pom-licenses 5', 'PUT status']);
  desk.save(plainOf(5, manual), {});
  await desk.run();
  assert.equal([desk.writes(), desk.reasonOf('Applied')], [[], 'Applied'], 'the approval may vanish afterwards');
  desk.save(plainOf(6, manual));
  await desk.run();
  assert.equal(desk.writes(), ['PUT status']);
});

/** Generations that the status tells of: applied, applying, and the history. */
const told = (desk: FlowDesk) => {
  const { applied, applying, history = [] } = desk.status() ?? {};
  return [applied?.generation, applying?.generation, history.map(({ generation }) => generation)];
};

applies(
  'A7 applied, history and the stamp move only with the settingsHash; observedGeneration always moves',
  async () => {
    const desk = await live();
    desk.save(plainOf(5, { settleSeconds: 5 }));
    await desk.run();
    assert.equal([told(desk), desk.stamp('pom-licenses')], [[1, undefined, [1]], '1']);
    assert.is(desk.status()?.observedGeneration, 2);
    desk.save(plainOf(6));
    await desk.run();
    assert.equal([told(desk), desk.stamp('pom-licenses')], [[3, undefined, [3, 1]], '3']);
  },
);

applies('A7 there and back before a status could say so: the same settings are no second apply', async () => {
  const desk = await live();
  const mend = desk.fail(writesStatus, { code: 409 });
  for (const maximum of [6, 5]) {
    desk.save(plainOf(maximum));
    await desk.run();
  }
  mend();
  await desk.run();
  assert.equal([told(desk), desk.stamp('pom-licenses')], [[1, undefined, [1]], '3'], 'a stamp never goes back');
  desk.spoil('pom-licenses');
  await desk.run();
  assert.is(desk.stamp('pom-licenses'), '3', 'nor when it is healed');
  assert.equal(desk.judge.violations, []);
});

applies('A7 live for a moment before a status could say so: the history has both', async () => {
  const desk = await live();
  const mend = desk.fail(writesStatus, { code: 409 });
  desk.save(plainOf(6));
  await desk.run();
  mend();
  desk.save(plainOf(5));
  await desk.run();
  assert.equal(told(desk), [3, undefined, [3, 2, 1]]);
  desk.deleteMap('pom-licenses');
  await desk.run();
  assert.is(desk.stamp('pom-licenses'), '3');
});

applies('A8 without zones, taken back without a look in between: one status', async () => {
  const desk = await live();
  desk.save(plainOf(6));
  desk.save(plainOf(5));
  await desk.run();
  assert.equal([desk.writes(), told(desk)], [['PUT status'], [1, undefined, [1]]]);
});

applies('A8 taken back in the middle of a plan: what was live is live again, and nothing was applied', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  const before = desk.status();
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  assert.equal(told(desk), [1, 2, [1]]);
  desk.save(zonesOf({ a: 3, b: 2 }));
  const wait = waitOf(await desk.run()) ?? 0;
  assert.equal(told(desk), [1, 3, [1]], 'the way back is a plan too');
  await desk.clock.advance(wait);
  const { event } = await desk.run();
  assert.equal([told(desk), event], [[1, undefined, [1]], undefined]);
  assert.equal(desk.status()?.applied, before?.applied);
  assert.equal([desk.status()?.observedGeneration, desk.reasonOf('Applied')], [3, 'Applied']);
  // a changed twice since; b was not touched.
  assert.equal([desk.stamp('pom-licenses-a'), desk.stamp('pom-licenses-b')], ['3', '1']);
  desk.writes();
  desk.nextTerm();
  await desk.run();
  assert.equal(desk.writes(), [], 'and there it stays');
  assert.equal(desk.judge.violations, []);
});

applies('A8 from zones to none and back: the record of the ConfigMap is no apply of its own', async () => {
  const desk = await live(plainOf(5, { settleSeconds: 0 }));
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-a'), { code: 429 });
  desk.save(zonesOf({ a: 3 }, { settleSeconds: 0 }));
  await desk.run();
  assert.equal(told(desk), [1, 2, [1]]);
  mend();
  desk.save(plainOf(5, { settleSeconds: 0 }));
  await desk.run();
  assert.equal([told(desk), desk.stamp('pom-licenses')], [[1, undefined, [1]], '3']);
  desk.writes();
  desk.nextTerm();
  await desk.run();
  assert.equal([told(desk), desk.writes()], [[1, undefined, [1]], []]);
  desk.save(plainOf(6, { settleSeconds: 0 }));
  await desk.run();
  assert.equal(told(desk), [4, undefined, [4, 1]]);
  assert.equal(desk.judge.violations, []);
});

applies('A9 while suspended only the status is written, whatever happens to the ConfigMaps', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 3, b: 2 }, { suspend: true }));
  desk.spoil('pom-licenses-a');
  desk.mark('pom-licenses-b', { labels: {} });
  desk.deleteMap('pom-licenses');
  desk.asked();
  await desk.run();
  await desk.run();
  assert.equal(desk.asked(), ['PUT status'], 'nor is anything asked for');
});

applies('A9 a plan stops between two writes, and goes on later with the full wait', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  await desk.clock.advance(90_000);
  desk.save(zonesOf({ a: 2, b: 3 }, { suspend: true }));
  await desk.run();
  assert.equal([desk.reasonOf('Ready'), desk.status()?.applying?.generation], ['Suspended', 2]);
  await desk.clock.advance(90_000);
  desk.writes();
  desk.save(zonesOf({ a: 2, b: 3 }));
  assert.is(waitOf(await desk.run()), 100_000);
  assert.equal(desk.writes(), ['PUT status']);
});
