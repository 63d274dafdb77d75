/** The judge and the model are worth nothing if they cannot convict: for each rule a history that breaks it. */
import * as assert from 'uvu/assert';
import { createModel, differences } from '../contract/end-state.ts';
import type { Revision, Snapshot, Stored } from '../contract/revision.ts';
import { createSafetyJudge } from '../contract/safety.ts';
import { suite } from '../suite.ts';
import { type Action, carryOut, drawActions } from '../support/actions.ts';
import { createRandom } from '../support/random.ts';
import { createTinyWorld } from '../support/tiny-world.ts';

const note = (name: string) => `licensing.dialer.dev/${name}`;
type Step = Revision | 'settled';

const ports = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
const zoned = (held: Record<string, number>, more: object = {}) =>
  ports(100, {
    zones: Object.entries(held).map(([name, count]) => ({ name, licenses: { outboundPorts: count } })),
    settleSeconds: 0,
    ...more,
  });
const save = (spec: unknown): Action => ({ do: 'save', name: 'pom', what: '', spec });
const create = (spec: unknown): Action => ({ do: 'create', name: 'pom', what: '', spec });
const settle: Action = { do: 'settle' };

/** What happens when people do this and the operator is right. */
async function historyOf(actions: readonly Action[]) {
  const steps: Step[] = [];
  const model = createModel();
  const world = createTinyWorld((revision) => {
    steps.push(revision);
    model.take(revision);
  });
  for (const action of actions) {
    await carryOut(action, world.desk);
    if (action.do !== 'settle') continue;
    await world.converge();
    assert.equal(differences(model, world.snapshot()), []);
    model.settled(world.snapshot());
    steps.push('settled');
  }
  return { steps, model, snapshot: world.snapshot() };
}

function verdictOn(steps: readonly Step[]): string[] {
  const judge = createSafetyJudge();
  for (const step of steps) {
    if (step === 'settled') judge.settled();
    else judge.take(step);
  }
  judge.finish();
  return judge.violations;
}

const isWrite = (step: Step, name: string): step is Revision =>
  step !== 'settled' && step.by === 'operator' && step.kind === 'ConfigMap' && step.object.metadata.name === name;
/** The last index of what the operator wrote under this name. */
const lastWrite = (steps: readonly Step[], name: string) => steps.findLastIndex((step) => isWrite(step, name));
/** The same history with one revision changed. */
const altered = (steps: readonly Step[], index: number, change: (object: Stored) => Stored): Step[] =>
  steps.map((step, i) =>
    i === index && step !== 'settled' ? { ...step, object: change(structuredClone(step.object)) } : step,
  );
/** The operator writes what was there before once more, at the end or at `index`. */
const again = (steps: readonly Step[], from: number, index = steps.length): Step[] => {
  const old = steps[from] as Revision;
  return [...steps.slice(0, index), { ...old, type: 'MODIFIED' }, ...steps.slice(index)];
};
const convicted = (steps: readonly Step[], rule: string) => {
  const violations = verdictOn(steps);
  assert.ok(
    violations.some((one) => one.includes(`: ${rule}: `)),
    `${rule} is not among: ${violations.join('\n')}`,
  );
};
const annotated = (object: Stored, name: string, value: string): Stored => ({
  ...object,
  metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [note(name)]: value } },
});

const test = suite('judge');
const simple = await historyOf([create(ports(5)), settle, save(ports(9)), settle]);
const moved = await historyOf([create(zoned({ a: 60, b: 40 })), settle, save(zoned({ a: 20, b: 80 })), settle]);

test('what the operator does is acquitted', () => {
  assert.equal(verdictOn(simple.steps), []);
  assert.equal(verdictOn(moved.steps), []);
  assert.ok(simple.steps.filter((step) => isWrite(step, 'pom-licenses')).length === 2);
});

test('S1: data that no declaration renders to, in any of the three forms', () => {
  const at = lastWrite(simple.steps, 'pom-licenses');
  for (const [key, from, to] of [
    ['licenses.json', '"maximum":9', '"maximum":8'],
    ['licenses.properties', 'maximum=9', 'maximum=8'],
    ['OUTBOUND_PORTS_CAPACITY', '9', '8'],
  ] as const) {
    const change = (object: Stored) => ({
      ...object,
      data: { ...object.data, [key]: object.data?.[key]?.replaceAll(from, to) ?? '' },
    });
    convicted(altered(simple.steps, at, change), 'S1');
  }
  convicted(
    altered(simple.steps, at, (object) => ({ ...object, immutable: true })),
    'S1',
  );
});

test('S1: a zone that gets what nobody gave it, all three forms agreeing', async () => {
  const at = moved.steps.findIndex((step, i) => i > moved.steps.indexOf('settled') && isWrite(step, 'pom-licenses-a'));
  const wrong = (object: Stored) => ({
    ...object,
    data: Object.fromEntries(
      Object.entries(object.data ?? {}).map(([key, value]) => [key, value.replaceAll('20', '19')]),
    ),
  });
  const violations = verdictOn(altered(moved.steps, at, wrong));
  assert.ok(
    violations.some((one) => one.includes('S1: no step of rule 2: outboundPorts: expected')),
    violations.join('\n'),
  );
});

test('S1: a wanted ConfigMap is deleted; a zone is deleted before it is at zero', async () => {
  const at = lastWrite(simple.steps, 'pom-licenses');
  const gone = { ...(simple.steps[at] as Revision), type: 'DELETED' } as const;
  convicted([...simple.steps.slice(0, -1), gone], 'S1');
  const { steps } = await historyOf([create(zoned({ a: 60, b: 40 })), settle, save(zoned({ a: 60 })), settle]);
  assert.equal(verdictOn(steps), []);
  const lowered = steps.findIndex((step) => isWrite(step, 'pom-licenses-b') && step.type === 'MODIFIED');
  convicted(
    steps.filter((_, i) => i !== lowered),
    'S1',
  );
});

test('S2: what is live changes while the newest spec is not applicable', async () => {
  const manual = { applyPolicy: 'Manual' };
  const { steps } = await historyOf([create(ports(5)), settle, save(ports(9, manual)), settle]);
  assert.equal(verdictOn(steps), []);
  const { steps: approved } = await historyOf([
    ...[create(ports(5)), settle, save(ports(9, manual)), settle],
    { do: 'approve', name: 'pom', digits: 64, wrong: false },
    settle,
  ]);
  assert.equal(verdictOn(approved), []);
  // The same writes without the approval that allowed them.
  const approval = approved.findLastIndex((step) => step !== 'settled' && step.by === 'other');
  convicted(
    approved.filter((_, i) => i !== approval),
    'S2',
  );
  for (const digits of [63, 12, 0]) {
    const { steps: refused } = await historyOf([
      ...[create(ports(5)), settle, save(ports(9, manual)), settle],
      { do: 'approve', name: 'pom', digits, wrong: false },
      settle,
    ]);
    assert.equal(verdictOn(refused), []);
    convicted([...refused.slice(0, -1), approved[lastWrite(approved, 'pom-licenses')] as Step], 'S2');
  }
});

test('S2: a write in flight is forgiven, unless the system had settled', async () => {
  const invalid = save({ licenses: { outboundPorts: { minimum: 2, maximum: 1 } } });
  const { steps } = await historyOf([create(ports(5)), settle, save(ports(9)), invalid, settle]);
  const saved = steps.findLastIndex((step) => step !== 'settled' && step.by === 'other');
  const late = simple.steps[lastWrite(simple.steps, 'pom-licenses')] as Revision;
  const with9 = [...steps.slice(0, saved + 1), late];
  assert.equal(
    verdictOn(with9).filter((one) => one.includes('S2')),
    [],
  );
  convicted([...steps.slice(0, saved + 1), 'settled', late], 'S2');
});

test('S2: a plan begins, or is abandoned, while the newest spec is not applicable', () => {
  const begins = moved.steps.findLastIndex(
    (step) => step !== 'settled' && step.by === 'operator' && step.object.status?.applying !== undefined,
  );
  const change = (object: Stored): Stored => ({
    ...object,
    spec: { ...(object.spec as object), applyPolicy: 'Manual' },
  });
  const waits = altered(altered(moved.steps, begins, change), begins - 1, change);
  convicted(waits, 'S2');
  const ends = moved.steps.findLastIndex((step) => step !== 'settled' && step.object.status?.applied !== undefined);
  const before = (moved.steps[begins] as Revision).object.status?.applied;
  convicted(
    altered(moved.steps, ends, (object) => ({
      ...object,
      status: { ...object.status, ...(before ? { applied: before } : {}) },
    })),
    'S2',
  );
});

test('R2.3 settings with zones are applied without having been applying', () => {
  const applying = (step: Step) =>
    step !== 'settled' && step.by === 'operator' && step.object.status?.applying !== undefined;
  convicted(
    moved.steps.filter((step) => !applying(step)),
    'rule 2',
  );
});

test('S3: a generation stamp goes back', () => {
  convicted(
    altered(simple.steps, lastWrite(simple.steps, 'pom-licenses'), (object) => annotated(object, 'generation', '0')),
    'S3',
  );
  const first = simple.steps.findIndex((step) => isWrite(step, 'pom-licenses'));
  convicted(again(simple.steps, first, lastWrite(simple.steps, 'pom-licenses') + 1), 'S3');
  convicted(
    altered(simple.steps, first, (object) => annotated(object, 'generation', '7')),
    'S3',
  );
});

test('S4: Applied before its ConfigMaps, or with another hash', () => {
  for (const { steps } of [simple, moved]) {
    const written = steps.findLastIndex((step) => step !== 'settled' && step.kind === 'ConfigMap');
    convicted(
      steps.filter((_, i) => i !== written),
      'S4',
    );
  }
});

test('S6: a write to, and a delete of, a foreign ConfigMap', async () => {
  const foreign: Action = { do: 'foreign', map: 'pom-licenses' };
  const { steps } = await historyOf([foreign, create(ports(5)), settle]);
  assert.equal(verdictOn(steps), []);
  const write = simple.steps.find((step) => isWrite(step, 'pom-licenses')) as Revision;
  const uid = (steps.find((step) => step !== 'settled' && step.kind === 'LicenseSettings') as Revision).object.metadata
    .uid;
  const taken = annotated(write.object, 'owner-uid', uid);
  convicted([...steps.slice(0, -1), { ...write, type: 'MODIFIED', object: taken }], 'S6');
  convicted([...steps.slice(0, -1), { ...(steps[0] as Revision), type: 'DELETED', by: 'operator' }], 'S6');
});

test('S7: what a rename, or a deleted object, leaves behind', async () => {
  const { steps } = await historyOf([create(ports(5)), settle, save(ports(5, { configMap: { name: 'pom' } })), settle]);
  assert.equal(verdictOn(steps), []);
  convicted(
    steps.filter((step) => !isWrite(step, 'pom-licenses') || step.type !== 'DELETED'),
    'S7',
  );
  const { steps: deleted } = await historyOf([create(ports(5)), settle, { do: 'delete', name: 'pom' }, settle]);
  assert.equal(verdictOn(deleted), []);
  convicted(
    deleted.filter((step) => step === 'settled' || step.kind !== 'ConfigMap' || step.type !== 'DELETED'),
    'S7',
  );
});

test('S8: a write though nothing has changed', () => {
  convicted(again(simple.steps, lastWrite(simple.steps, 'pom-licenses')), 'S8');
});

test('S8: a new epoch is written while a plan stands still, and else not at all', () => {
  const stamped = (steps: readonly Step[], from: number): Step[] => {
    const { object } = steps[from] as Revision;
    return [
      ...steps,
      { ...(steps[from] as Revision), type: 'MODIFIED', object: annotated(object, 'epoch', 'another') },
    ];
  };
  convicted(stamped(simple.steps, lastWrite(simple.steps, 'pom-licenses')), 'S8');
  convicted(stamped(moved.steps, lastWrite(moved.steps, 'pom-licenses-a')), 'S8');
  // The plan has lowered one zone, and stands still.
  const lowered = moved.steps.findIndex(
    (step, i) => i > moved.steps.indexOf('settled') && isWrite(step, 'pom-licenses-a'),
  );
  const stopped: Step[] = [...moved.steps.slice(0, lowered + 1), 'settled'];
  assert.equal(verdictOn(stamped(stopped, lowered)), []);
  convicted(again(stopped, lowered), 'S8');
});

test('S9: an increase before the decrease that it uses, or above the total', () => {
  const settledAt = moved.steps.indexOf('settled');
  const lowered = moved.steps.findIndex((step, i) => i > settledAt && isWrite(step, 'pom-licenses-a'));
  const raised = moved.steps.findIndex((step, i) => i > settledAt && isWrite(step, 'pom-licenses-b'));
  assert.ok(lowered < raised);
  const swapped = [...moved.steps];
  [swapped[lowered], swapped[raised]] = [swapped[raised] as Step, swapped[lowered] as Step];
  convicted(swapped, 'S9');
});

test('S3, S9: where the store went back what was lost excuses stamps until the next status, and licenses not at all', () => {
  const judgeAfter = (steps: readonly Step[]) => {
    const [lost, judge] = [createSafetyJudge(), createSafetyJudge()];
    for (const step of steps) if (step !== 'settled') for (const one of [lost, judge]) one.take(step);
    const { object } = steps.findLast((step) => step !== 'settled' && step.kind === 'LicenseSettings') as Revision;
    const metadata = { ...object.metadata, generation: 7 };
    lost.take({ type: 'MODIFIED', kind: 'LicenseSettings', by: 'other', object: { ...object, metadata } });
    judge.wentBack(lost);
    return judge;
  };
  const rulesOf = (judge: ReturnType<typeof createSafetyJudge>) =>
    judge.violations.flatMap((one) => /: (S\d): /.exec(one)?.[1] ?? []);
  const at = lastWrite(simple.steps, 'pom-licenses');
  const write = simple.steps[at] as Revision;
  const status = simple.steps.findLast((step) => step !== 'settled' && step.kind === 'LicenseSettings') as Revision;
  const ahead: Revision = { ...write, type: 'MODIFIED', object: annotated(write.object, 'generation', '7') };
  const early = judgeAfter(simple.steps);
  early.take(ahead);
  assert.equal(rulesOf(early), []);
  for (const learn of [
    (judge: ReturnType<typeof createSafetyJudge>) => judge.take({ ...status, type: 'MODIFIED' }),
    (judge: ReturnType<typeof createSafetyJudge>) => judge.recovered(),
  ]) {
    const judge = judgeAfter(simple.steps);
    learn(judge);
    judge.take(ahead);
    assert.ok(rulesOf(judge).includes('S3'), judge.violations.join());
  }
  const raised = moved.steps.findIndex(
    (step, i) => i > moved.steps.indexOf('settled') && isWrite(step, 'pom-licenses-b'),
  );
  const lowered = moved.steps.findIndex(
    (step, i) => i > moved.steps.indexOf('settled') && isWrite(step, 'pom-licenses-a'),
  );
  const judge = judgeAfter(moved.steps.slice(0, lowered));
  judge.take(moved.steps[raised] as Revision);
  assert.ok(rulesOf(judge).includes('S9'), judge.violations.join());
});

test('S9: the system keeps its CAPACITY keys beside zones', async () => {
  const { steps } = await historyOf([create(ports(100)), settle, save(zoned({ a: 60, b: 40 })), settle]);
  assert.equal(verdictOn(steps), []);
  const system = lastWrite(steps, 'pom-licenses');
  convicted(
    steps.filter((_, i) => i !== system),
    'S9',
  );
});

test('S9: zones of an earlier object of the name count, until they are lowered or gone', async () => {
  const before = create(zoned({ a: 60, b: 40 }, { deletionPolicy: 'Retain' }));
  for (const spec of [zoned({ a: 100 }), ports(100)]) {
    const { steps } = await historyOf([before, settle, { do: 'recreate', name: 'pom', what: '', spec }, settle]);
    const created = steps.findLastIndex((step) => step !== 'settled' && step.type === 'ADDED' && step.by === 'other');
    // Whatever becomes of the zone that is no longer wanted: here nothing.
    convicted(
      steps.filter((step, i) => i < created || !isWrite(step, 'pom-licenses-b')),
      'S9',
    );
  }
});

test('C7 ownership: uid, labels, hashes and the owner', () => {
  const at = lastWrite(simple.steps, 'pom-licenses');
  const wrong: ((object: Stored) => Stored)[] = [
    (object) => annotated(object, 'data-hash', 'x'),
    (object) => annotated(object, 'settings-hash', 'x'),
    (object) => ({ ...object, metadata: { ...object.metadata, labels: {} } }),
    (object) => ({ ...object, metadata: { ...object.metadata, ownerReferences: [] } }),
  ];
  for (const change of wrong) convicted(altered(simple.steps, at, change), 'ownership');
  convicted(
    altered(simple.steps, at, (object) => annotated(object, 'owner-uid', 'nobody')),
    'S6',
  );
});

test('R5.6 Retain: said in the status before the owner is gone', async () => {
  const retain = ports(5, { deletionPolicy: 'Retain' });
  const { steps } = await historyOf([create(ports(5)), settle, save(retain), settle]);
  assert.equal(verdictOn(steps), []);
  const released = lastWrite(steps, 'pom-licenses');
  convicted(
    steps.filter((_, i) => i !== released),
    'rule 5',
  );
});

test('A9, R5.1 suspend and deletion: nothing but the status, and nothing at all', async () => {
  const { steps } = await historyOf([create(ports(5)), settle, save(ports(9, { suspend: true })), settle]);
  assert.equal(verdictOn(steps), []);
  convicted([...steps, simple.steps[lastWrite(simple.steps, 'pom-licenses')] as Step], 'suspend');
  const { steps: deleted } = await historyOf([create(ports(5)), settle, { do: 'delete', name: 'pom' }]);
  const at = lastWrite(deleted, 'pom-licenses');
  assert.equal(
    verdictOn(deleted.filter((step) => step !== 'settled')).filter((one) => one.includes('rule 5')),
    [],
  );
  convicted(again(deleted, at), 'rule 5');
});

test('R5.1 a deletion that a silent watch does not tell of convicts nobody who heals meanwhile', async () => {
  const { steps } = await historyOf([create(ports(5)), settle, save(ports(9)), settle, { do: 'delete', name: 'pom' }]);
  const at = lastWrite(steps, 'pom-licenses');
  convicted(again(steps, at), 'rule 5');
  const deaf = again(steps, at).map((step) => (step === 'settled' ? step : { ...step, deaf: true }));
  assert.equal(
    verdictOn(deaf).filter((one) => one.includes('rule 5')),
    [],
  );
});

test('who has written a status knows the newest spec; who has seen a deletion writes nothing, settled or not', async () => {
  const suspended = save(ports(9, { suspend: true }));
  const { steps } = await historyOf([create(ports(5)), settle, save(ports(7)), suspended, settle]);
  const timed = (list: readonly Step[]) =>
    list.flatMap((step, i) => (step === 'settled' ? [] : { ...step, at: 1_000 * i, sent: 1_000 * i, calmSince: 0 }));
  const known = timed(steps);
  const write: Revision = { ...(simple.steps[lastWrite(simple.steps, 'pom-licenses')] as Revision), type: 'MODIFIED' };
  const now = 1_000 * steps.length;
  const later = { ...write, at: now, calmSince: 0 };
  assert.equal(
    verdictOn([...known, { ...later, sent: 0 }]).filter((one) => one.includes('suspend')),
    [],
  );
  convicted([...known, { ...later, sent: now }], 'suspend');
  const { steps: deleted } = await historyOf([create(ports(5)), settle, save(ports(9)), { do: 'delete', name: 'pom' }]);
  const at = 1_000 * deleted.length;
  const again = { ...later, at };
  for (const [sent, calmSince] of [
    [0, 0],
    [at - 500, 0],
    [at + 5_000, at + 5_000],
  ] as const)
    assert.equal(
      verdictOn([...timed(deleted), { ...again, sent, calmSince }]).filter((one) => one.includes('rule 5')),
      [],
    );
  convicted([...timed(deleted), { ...again, sent: at + 5_000 }], 'rule 5');
});

test('nothing but the status of a LicenseSettings may be written, and of the generation that was looked at', () => {
  const at = simple.steps.findLastIndex((step) => step !== 'settled' && step.kind === 'LicenseSettings');
  convicted(
    altered(simple.steps, at, (object) => ({ ...object, spec: ports(10) })),
    'status',
  );
  convicted(
    altered(simple.steps, at, (object) => ({ ...object, status: { ...object.status, observedGeneration: 1 } })),
    'status',
  );
});

test('the model: nothing that is not as it must be goes by', async () => {
  const { model, snapshot } = simple;
  assert.equal(differences(model, snapshot), []);
  const wrong: ((copy: { settings: Stored[]; configMaps: Stored[] }) => void)[] = [
    ({ configMaps }) => configMaps.pop(),
    ({ configMaps }) =>
      configMaps.push({
        ...(configMaps[0] as Stored),
        metadata: { ...(configMaps[0] as Stored).metadata, name: 'pom-old' },
      }),
    ({ configMaps }) => {
      const [map] = configMaps;
      configMaps[0] = { ...(map as Stored), data: { ...map?.data, OUTBOUND_PORTS_CAPACITY: '5' } };
    },
    ({ settings }) => {
      const [one] = settings;
      settings[0] = { ...(one as Stored), spec: ports(10) };
    },
    ...['conditions', 'applied', 'licenses', 'configMaps', 'observedGeneration'].map(
      (field) =>
        ({ settings }: { settings: Stored[] }) => {
          const { [field as 'applied']: _, ...status } = settings[0]?.status ?? {};
          settings[0] = { ...(settings[0] as Stored), status };
        },
    ),
  ];
  for (const [i, change] of wrong.entries()) {
    const copy = structuredClone(snapshot) as { settings: Stored[]; configMaps: Stored[] };
    change(copy);
    assert.ok(differences(model, copy as Snapshot).length > 0, `change ${i}`);
  }
});

test('S2 the model: what stays live while the newest spec is invalid is what was live, or could have been', async () => {
  const invalid = save({ licenses: { outboundPorts: { minimum: 2, maximum: 1 } } });
  const { model, snapshot } = await historyOf([create(ports(5)), settle, save(ports(9)), invalid, settle]);
  const [object] = snapshot.settings;
  assert.equal(model.liveOf(object?.metadata.uid ?? '').length, 1);
  // The step between was never seen: with a settled state before it only the first is allowed.
  const { model: strict, snapshot: other } = await historyOf([create(ports(5)), settle, invalid, settle]);
  assert.equal(differences(strict, other), []);
  const swapped = { settings: other.settings, configMaps: simple.snapshot.configMaps };
  assert.ok(differences(strict, swapped).some((one) => one.includes('ConfigMap pom-licenses')));
});

/** The flow of the operator under random actions: kills between writes, caches that lag, edits by others. */
async function wander(seed: number): Promise<{ problems: string[]; judged: number }> {
  const random = createRandom(seed);
  const judge = createSafetyJudge();
  const model = createModel();
  const problems: string[] = [];
  const world = createTinyWorld((revision) => {
    judge.take(revision);
    model.take(revision);
  });
  const converge = async () => {
    await world.converge();
    problems.push(...differences(model, world.snapshot()));
    judge.settled();
    model.settled(world.snapshot());
  };
  for (const action of drawActions(random, { invalidStorable: true })) {
    await carryOut(action, world.desk);
    if (action.do === 'settle') await converge();
    else if (action.do === 'pause') await world.clock.advance(action.milliseconds);
    else if (['restart', 'kill', 'fail over'].includes(action.do)) world.restart();
    if (random.chance(0.5)) {
      world.see(random.chance(0.5) ? undefined : random.below(4));
      let writes = random.chance(0.3) ? random.below(6) : Number.POSITIVE_INFINITY;
      const killed = new Error('killed');
      world.onWrite(() => {
        if (writes-- <= 0) throw killed;
      });
      try {
        for (const { metadata } of world.snapshot().settings) await world.reconcile(metadata.name);
      } catch (error) {
        if (error !== killed) throw error;
        world.restart();
      }
      world.onWrite(() => {});
    }
    if (random.chance(0.2)) world.collect();
  }
  await converge();
  judge.finish();
  return { problems: [...judge.violations, ...problems], judged: judge.judged };
}

test('50 random histories of the operator itself are acquitted, and end as the model says', async () => {
  let judged = 0;
  for (let seed = 1; seed <= 50; seed++) {
    const outcome = await wander(seed);
    assert.equal(outcome.problems, [], `seed ${seed}`);
    judged += outcome.judged;
  }
  assert.ok(judged > 1_000, `${judged} revisions`);
});
