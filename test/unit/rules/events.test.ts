/** Rule 10: which event a change of the status is worth, and what is said of a ConfigMap that was mended. */
import * as assert from 'uvu/assert';
import type { Condition, Status } from '../../../src/api/licensesettings.ts';
import { transition } from '../../../src/controller/events.ts';
import type { Restored } from '../../../src/controller/memory.ts';
import { priorities } from '../../../src/controller/priorities.ts';
import { declare } from '../../../src/settings/declaration.ts';
import { suite } from '../../suite.ts';
import { createFlowDesk, type FlowDesk, plainOf, writesMap, writesStatus, zonesOf } from '../../support/flow-desk.ts';

const condition = (type: string, status: Condition['status'], reason: string, message = reason): Condition => ({
  ...{ type, status, reason, message, observedGeneration: 1 },
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const settings = declare('pom', { licenses: { manualAgents: { minimum: 1, maximum: 2 } } });
/** A status with this live generation (and hash), and conditions. */
const status = (generation: number | undefined, ...conditions: Condition[]): Status => ({
  ...(generation === undefined
    ? {}
    : { applied: { generation, settingsHash: `hash-${generation}`, time: '2026-01-01T00:00:00Z', settings } }),
  conditions,
});
const applied = (generation: number) =>
  status(generation, condition('Valid', 'True', 'Valid'), condition('Applied', 'True', 'Applied'));
const invalid = (generation?: number) =>
  status(generation, condition('Valid', 'False', 'Invalid', 'what is wrong'), condition('Applied', 'False', 'Invalid'));
const conflict = (generation?: number) =>
  status(
    generation,
    condition('Valid', 'True', 'Valid'),
    condition('Applied', 'False', 'ConfigMapConflict', 'whose it is'),
  );
const pending = (digit: string) => ({
  ...status(1, condition('Valid', 'True', 'Valid'), condition('Applied', 'False', 'ApplyPending')),
  pending: { generation: 2, settingsHash: digit.repeat(64) },
});
const edited = { name: 'pom-licenses', editor: { manager: 'kubectl-edit', keys: ['EXTRA'] }, deleted: false };
const reasonOf = (before: Status | undefined, after: Status, restored?: Restored) =>
  transition(before, after, restored)?.reason;

const test = suite('rule 10: the event of a change');

for (const [what, before, after, reason] of [
  ['the first apply', undefined, applied(1), 'Applied'],
  ['new settings', applied(1), applied(2), 'Applied'],
  ['the first judgement: invalid', undefined, invalid(), 'Invalid'],
  ['it became invalid', applied(1), invalid(1), 'Invalid'],
  ['the name is taken', undefined, conflict(), 'ConfigMapConflict'],
  ['the name was taken away', applied(1), conflict(1), 'ConfigMapConflict'],
  ['a conflict after it was invalid', invalid(1), conflict(1), 'ConfigMapConflict'],
  ['mended: what was live is newest again', invalid(1), applied(1), undefined],
  ['still applied', applied(1), applied(1), undefined],
  ['still invalid', invalid(1), invalid(1), undefined],
  ['still in conflict', conflict(1), conflict(1), undefined],
  ['saved, and not approved', applied(1), pending('a'), 'ApplyPending'],
  ['saved again, with other content', pending('a'), pending('b'), 'ApplyPending'],
  ['still not approved', pending('a'), pending('a'), undefined],
] as [string, Status | undefined, Status, string | undefined][]) {
  test(`R10.1 ${what}: ${reason ?? 'none'}`, () => assert.is(reasonOf(before, after), reason));
}
test('R10.1 a new message or generation alone is no transition', () => {
  const after = status(1, condition('Valid', 'False', 'Invalid', 'another mistake'));
  assert.is(reasonOf(invalid(1), after), undefined);
});
test('R10.1 healed drift: Restored, with the name of the ConfigMap, and who changed it', () => {
  const noteOf = (restored: Restored) => transition(applied(1), applied(1), restored);
  assert.equal([noteOf(edited)?.type, noteOf(edited)?.reason], ['Warning', 'Restored']);
  const whole = 'and holds the live settings again';
  assert.is(noteOf(edited)?.note, `ConfigMap pom-licenses was changed by kubectl-edit (key EXTRA), ${whole}`);
  assert.is(
    noteOf({ ...edited, editor: undefined })?.note,
    `ConfigMap pom-licenses was changed by someone else, ${whole}`,
  );
  assert.is(noteOf({ ...edited, deleted: true })?.note, `ConfigMap pom-licenses was deleted, ${whole}`);
});
test('R8.6 one at most, the most important: Invalid, Applied, ConfigMapConflict, Restored', () => {
  const both = status(1, condition('Valid', 'False', 'Invalid'), condition('Applied', 'False', 'ConfigMapConflict'));
  assert.is(reasonOf(undefined, both, edited), 'Invalid');
  assert.is(reasonOf(applied(1), both, edited), 'Invalid');
  assert.is(reasonOf(undefined, conflict(1), edited), 'Applied');
  assert.is(reasonOf(applied(1), conflict(1), edited), 'ConfigMapConflict');
  assert.is(reasonOf(invalid(1), both, edited), 'ConfigMapConflict');
});
test('R10.1 what it says comes from the condition, trouble as a Warning', () => {
  assert.equal(transition(undefined, invalid(), undefined), {
    ...{ type: 'Warning', reason: 'Invalid', action: 'Validate', note: 'what is wrong' },
  });
  assert.is(transition(undefined, conflict(), undefined)?.note, 'whose it is');
  const note = transition(undefined, applied(7), undefined);
  assert.is(note?.type, 'Normal');
  assert.match(note?.note ?? '', 'generation 7');
});

test('R10.1 a note has up to 1,000 bytes, of which the API server takes 1,024', () => {
  const noteOf = (message: string) => {
    const after = status(1, condition('Valid', 'False', 'Invalid', message));
    return transition(undefined, after, undefined)?.note;
  };
  assert.is(noteOf('x'.repeat(1_000)), 'x'.repeat(1_000));
  assert.is(noteOf('x'.repeat(1_001)), `${'x'.repeat(997)}…`);
  assert.is(noteOf('ü'.repeat(500)), 'ü'.repeat(500));
  assert.is(noteOf('ü'.repeat(501)), `${'ü'.repeat(498)}…`, 'no half of a character');
  assert.is(noteOf('🎧'.repeat(100_000)), `${'🎧'.repeat(249)}…`);
});

// --- Through the flow ---

const flow = suite('rule 10: Restored');

async function live(spec: object = zonesOf({ a: 3, b: 2 })): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(spec);
  await desk.run();
  await desk.clock.advance(61_000);
  desk.writes();
  return desk;
}
const noteOf = async (desk: FlowDesk, priority?: number) => (await desk.run(priority)).event?.note;

flow('R10.1 contents that somebody changed or deleted are told; new settings are not', async () => {
  const desk = await live(plainOf(5));
  desk.spoil('pom-licenses');
  const note = await noteOf(desk);
  assert.equal([note?.reason, note?.type], ['Restored', 'Warning']);
  await desk.clock.advance(61_000);
  desk.deleteMap('pom-licenses');
  assert.match((await noteOf(desk))?.note ?? '', 'ConfigMap pom-licenses was deleted');
  desk.save(plainOf(6));
  assert.is((await noteOf(desk))?.reason, 'Applied');
});

flow('R10.1 who changed it is told: the field manager that the API server noted', async () => {
  const desk = await live(plainOf(5));
  desk.spoil('pom-licenses');
  const view = desk.world.configMaps.get('dialer/pom-licenses');
  if (view) desk.world.configMaps.put({ ...view, editor: { manager: 'kubectl-edit', keys: ['by'] } });
  assert.match((await noteOf(desk))?.note ?? '', 'was changed by kubectl-edit (key by)');
});

flow('R10.1 mended metadata are no news', async () => {
  const desk = await live(plainOf(5));
  desk.mark('pom-licenses', { annotations: {} });
  assert.is(await noteOf(desk), undefined);
});

for (const [what, code] of [
  ['a conflict', 409],
  ['an outage', 503],
] as const) {
  flow(`R10.1 what was healed before ${what} kept another ConfigMap from it is told later, once`, async () => {
    const desk = await live();
    desk.spoil('pom-licenses');
    desk.spoil('pom-licenses-a');
    const mend = desk.fail((request) => writesMap(request, 'pom-licenses-a'), { code });
    assert.is(await noteOf(desk), undefined);
    mend();
    const note = await noteOf(desk);
    assert.equal([note?.reason, note?.note.split(' ')[1]], ['Restored', 'pom-licenses']);
    assert.is(await noteOf(desk), undefined);
  });
  flow(`R10.1 what was healed before ${what} kept the status from being written is told later, once`, async () => {
    const desk = await live();
    desk.spoil('pom-licenses-a');
    desk.save(zonesOf({ a: 3, b: 2 }, { settleSeconds: 5 }));
    const mend = desk.fail(writesStatus, { code });
    assert.is(await noteOf(desk), undefined);
    assert.equal(desk.writes(), ['PUT pom-licenses-a 3']);
    mend();
    assert.is((await noteOf(desk))?.reason, 'Restored');
    assert.is(await noteOf(desk), undefined);
  });
}

flow('R10.1 settings that go there and back before a status says so are no Restored', async () => {
  const desk = await live(plainOf(5));
  const mend = desk.fail(writesStatus, { code: 409 });
  desk.save(plainOf(6));
  await desk.run();
  mend();
  desk.save(plainOf(5));
  const { event, detail } = await desk.run(priorities.fresh);
  assert.is.not(event?.note.reason, 'Restored');
  assert.is(detail?.['restored'], undefined);
});
