import * as assert from 'uvu/assert';
import type { Condition, Status } from '../../src/api/licensesettings.ts';
import type { Restored } from '../../src/controller/memory.ts';
import { eventFor, transition } from '../../src/controller/events.ts';
import { declare } from '../../src/settings/declaration.ts';
import { suite } from '../suite.ts';

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

const test = suite('event of a change');

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
  test(`${what}: ${reason ?? 'none'}`, () => assert.is(reasonOf(before, after), reason));
}
test('a new message or generation alone is no transition', () => {
  const after = status(1, condition('Valid', 'False', 'Invalid', 'another mistake'));
  assert.is(reasonOf(invalid(1), after), undefined);
});
test('healed drift: Restored, with the name of the ConfigMap, and who changed it', () => {
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
test('one at most, the most important: Invalid, then Applied, then ConfigMapConflict, then Restored', () => {
  const both = status(1, condition('Valid', 'False', 'Invalid'), condition('Applied', 'False', 'ConfigMapConflict'));
  assert.is(reasonOf(undefined, both, edited), 'Invalid');
  assert.is(reasonOf(applied(1), both, edited), 'Invalid');
  assert.is(reasonOf(undefined, conflict(1), edited), 'Applied');
  assert.is(reasonOf(applied(1), conflict(1), edited), 'ConfigMapConflict');
  assert.is(reasonOf(invalid(1), both, edited), 'ConfigMapConflict');
});
test('what it says comes from the condition, trouble as a Warning', () => {
  assert.equal(transition(undefined, invalid(), undefined), {
    ...{ type: 'Warning', reason: 'Invalid', action: 'Validate', note: 'what is wrong' },
  });
  assert.is(transition(undefined, conflict(), undefined)?.note, 'whose it is');
  const note = transition(undefined, applied(7), undefined);
  assert.is(note?.type, 'Normal');
  assert.match(note?.note ?? '', 'generation 7');
});

const form = suite('event');
const object = {
  metadata: { name: 'pom', namespace: 'dialer', uid: 'uid-1', resourceVersion: '42' },
};
const context = { instance: 'pod-1', suffix: '0123abcd', now: Date.UTC(2026, 1, 3, 4, 5, 6, 7) };
const note = { type: 'Normal', reason: 'Applied', action: 'Apply', note: 'live' } as const;

form('is what events.k8s.io/v1 asks for', () => {
  assert.equal(eventFor(object, note, context), {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace: 'dialer', name: 'pom.0123abcd' },
    eventTime: '2026-02-03T04:05:06.007000Z',
    reportingController: 'license-settings-operator',
    reportingInstance: 'pod-1',
    regarding: {
      ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings' },
      ...{ namespace: 'dialer', name: 'pom', uid: 'uid-1', resourceVersion: '42' },
    },
    ...note,
  });
});
form('its time has microseconds', () =>
  assert.match(eventFor(object, note, context).eventTime, /T\d\d:\d\d:\d\d\.\d{6}Z$/),
);
form('a note of 1000 bytes stays, a longer one is cut to 1000', () => {
  const of = (text: string) => eventFor(object, { ...note, note: text }, context).note;
  assert.is(of('x'.repeat(1_000)), 'x'.repeat(1_000));
  assert.is(of('x'.repeat(1_001)), `${'x'.repeat(997)}…`);
  assert.is(of('ü'.repeat(500)), 'ü'.repeat(500));
  assert.is(of('ü'.repeat(501)), `${'ü'.repeat(498)}…`, 'no half of a character');
  assert.is(of('🎧'.repeat(100_000)), `${'🎧'.repeat(249)}…`);
});
