/** The status that facts come to: the condition table of docs/contract.md, row by row, and the fields beside it. */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { maxErrors, maxHistory, type Status } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { renderSystem } from '../../src/settings/render.ts';
import { type Facts, nextStatus, type Problem, rows, sameStatus } from '../../src/settings/status.ts';
import { suite } from '../suite.ts';

const declaration = declare('pom', { licenses: { outboundPorts: { minimum: 100, maximum: 500 } } });
const hash = settingsHash(declaration);
const other = 'a'.repeat(64);
const [now, later] = ['2026-02-02T00:00:00Z', '2026-03-03T00:00:00Z'];
const live = { generation: 3, settingsHash: hash, declaration };
/** The settings of generation 4 are those that are live since generation 3. */
const facts: Facts = {
  ...{ generation: 4, suspended: false, errors: [], live, applying: undefined, current: true, problem: undefined },
  ...{ pending: undefined, configMaps: [{ name: 'pom-licenses', dataHash: renderSystem(declaration).dataHash }], now },
};
const error = { field: 'spec.licenses.outboundPorts.minimum', reason: 'MinimumAboveMaximum', message: 'm' };
const applying = { generation: 4, settingsHash: other, time: now, settings: declaration };
const notLive = { current: false };
const invalid = { ...notLive, errors: [error] };
const pending = { ...notLive, pending: other };
const problem = (kind: Problem['kind']) => ({ ...notLive, problem: { kind, message: `about ${kind}` } });

const statusOf = (change: Partial<Facts>, before?: Status) => nextStatus(before, { ...facts, ...change });
const conditionsIn = (status: Status | undefined) =>
  (status?.conditions ?? []).map(({ type, status: is, reason }) => `${type} ${is} ${reason}`);

const table = suite('condition table');

for (const [situation, change, ...conditions] of [
  [
    'T11 suspended, live = newest',
    { suspended: true },
    'Ready True Suspended',
    'Valid True Valid',
    'Applied True Applied',
  ],
  [
    'T11 suspended, not live',
    { ...notLive, suspended: true },
    'Ready True Suspended',
    'Valid True Valid',
    'Applied False Suspended',
  ],
  [
    'T11 suspended, invalid',
    { ...invalid, suspended: true },
    'Ready True Suspended',
    'Valid False Invalid',
    'Applied False Suspended',
  ],
  [
    'T12 invalid',
    invalid,
    'Ready False Invalid',
    'Valid False Invalid',
    'Applied False Invalid',
    'Stalled True Invalid',
  ],
  [
    'T12 invalid, and a conflict',
    { ...problem('ConfigMapConflict'), ...invalid },
    'Ready False Invalid',
    'Valid False Invalid',
    'Applied False Invalid',
    'Stalled True Invalid',
  ],
  [
    'T13 a conflict',
    problem('ConfigMapConflict'),
    'Ready False ConfigMapConflict',
    'Valid True Valid',
    'Applied False ConfigMapConflict',
    'Stalled True ConfigMapConflict',
  ],
  [
    'T13 live = newest, but the ConfigMap was taken since',
    { ...problem('ConfigMapConflict'), current: true },
    'Ready False ConfigMapConflict',
    'Valid True Valid',
    'Applied False ConfigMapConflict',
    'Stalled True ConfigMapConflict',
  ],
  [
    'T13 a conflict, and pending',
    { ...problem('ConfigMapConflict'), pending: other },
    'Ready False ConfigMapConflict',
    'Valid True Valid',
    'Applied False ConfigMapConflict',
    'Stalled True ConfigMapConflict',
  ],
  [
    'T14 refused',
    problem('WriteRejected'),
    'Ready False WriteRejected',
    'Valid True Valid',
    'Applied False WriteRejected',
    'Stalled True WriteRejected',
  ],
  [
    'T15 contested',
    problem('Contested'),
    'Ready False Contested',
    'Valid True Valid',
    'Applied False Contested',
    'Stalled True Contested',
  ],
  [
    'T16 a write fails',
    problem('WriteFailed'),
    'Ready False WriteFailed',
    'Valid True Valid',
    'Applied False WriteFailed',
    'Reconciling True WriteFailed',
  ],
  [
    'T16 a write of a plan fails',
    { ...problem('WriteFailed'), applying },
    'Ready False WriteFailed',
    'Valid True Valid',
    'Applied False WriteFailed',
    'Reconciling True WriteFailed',
  ],
  [
    'T17 a plan is under way',
    { ...notLive, applying },
    'Ready False Settling',
    'Valid True Valid',
    'Applied False Settling',
    'Reconciling True Settling',
  ],
  [
    'T17 a plan is under way, newer settings are pending',
    { ...pending, applying },
    'Ready False Settling',
    'Valid True Valid',
    'Applied False Settling',
    'Reconciling True Settling',
  ],
  [
    'T18 pending, nothing live',
    { ...pending, live: undefined },
    'Ready False ApplyPending',
    'Valid True Valid',
    'Applied False ApplyPending',
  ],
  [
    'T19 pending, older settings live',
    pending,
    'Ready True ApplyPending',
    'Valid True Valid',
    'Applied False ApplyPending',
  ],
  ['T20 live = newest', {}, 'Ready True Applied', 'Valid True Valid', 'Applied True Applied'],
] as [string, Partial<Facts>, ...string[]][])
  table(`${situation}: ${conditions[0]}`, () => assert.equal(conditionsIn(statusOf(change)), conditions));

table('T4 the rows stand in the order of the contract, with its reasons', () => {
  const contract = readFileSync(new URL('../../docs/contract.md', import.meta.url), 'utf8');
  const told = [...contract.matchAll(/^\| \*\*T(\d+)\*\* .*$/gm)].flatMap(([row, number]) => {
    // The rows before these are those of objects of which no status is written.
    if (Number(number) < 11) return [];
    const [, , , applied = '', ready = ''] = row.split('|');
    const [reason = ''] = applied.match(/(?<=`)\w+(?=`)/g)?.slice(-1) ?? [];
    return [[reason, /^\s*True/.test(ready), /Stalled|Reconciling/.exec(ready)?.[0]]];
  });
  assert.equal(
    rows.map(({ reason, ready, also }) => [reason, ready.status === 'True', also]),
    told,
  );
});

table('T4 the first row that holds gives the reason, the messages of all are listed', () => {
  const { conditions = [] } = statusOf({ ...problem('ConfigMapConflict'), ...invalid, applying, pending: other }) ?? {};
  for (const { type, reason, message } of conditions.filter((one) => one.type !== 'Valid')) {
    assert.is(reason, 'Invalid', type);
    for (const words of [error.field, 'about ConfigMapConflict', 'are on their way', other, 'of generation 3'])
      assert.match(message, words);
  }
});

table('T4 facts without a row say nothing: the status before stays', () => {
  assert.is(statusOf(notLive), undefined);
});

table('T5 lastTransitionTime moves only with the status of its condition', () => {
  const times = (status: Status | undefined) =>
    (status?.conditions ?? []).map(
      ({ type, lastTransitionTime }) => `${type} ${lastTransitionTime === now ? 'now' : 'later'}`,
    );
  const before = statusOf({});
  const same = statusOf({ generation: 5, now: later }, before);
  assert.equal(times(same), ['Ready now', 'Valid now', 'Applied now']);
  assert.is(same?.conditions?.[0]?.observedGeneration, 5);
  assert.equal(times(statusOf({ ...pending, now: later }, before)), ['Ready now', 'Valid now', 'Applied later']);
  assert.equal(times(statusOf({ ...invalid, now: later }, before)), [
    'Ready later',
    'Valid later',
    'Applied later',
    'Stalled later',
  ]);
});

table(
  'T6 a status that says nothing new is the same, whatever the order of its fields; another number makes it another',
  () => {
    const status = statusOf({});
    assert.ok(status);
    assert.is(sameStatus(Object.fromEntries(Object.entries(status).reverse()), status), true);
    assert.is(sameStatus(statusOf({ now: later }, status), status), true);
    assert.is(sameStatus(statusOf({ generation: 5 }, status), status), false);
    assert.is(sameStatus(undefined, status), false);
  },
);

const fields = suite('fields of the status');

fields('T2 the numbers are the live ones, also while the newest spec is not applied', () => {
  const before = statusOf({});
  const after = statusOf({ ...invalid, generation: 5, configMaps: undefined }, before);
  assert.equal(
    [after?.applied, after?.licenses, after?.configMaps],
    [before?.applied, before?.licenses, before?.configMaps],
  );
  assert.equal(after?.errors, [error]);
});

fields('T2 without zones everything is allocated', () => {
  const { licenses, zones } = statusOf({}) ?? {};
  assert.equal(licenses?.outboundPorts, { minimum: 100, maximum: 500, capacity: 500, allocated: 500, unused: 0 });
  assert.equal(licenses?.manualAgents, { minimum: 0, maximum: 0, capacity: 0, allocated: 0, unused: 0 });
  assert.equal([Object.keys(licenses ?? {}).length, zones], [6, undefined]);
});

fields('T2 what zones hold is allocated, what their organizations hold too; the rest is unused and unallocated', () => {
  const organizations = [
    { name: 'x', licenses: { outboundPorts: 120 } },
    { name: 'y', licenses: { outboundPorts: 80 } },
  ];
  const zoned = declare('pom', {
    licenses: { outboundPorts: { minimum: 10, maximum: 500 } },
    zones: [
      { name: 'a', licenses: { outboundPorts: 300, manualAgents: 0 }, organizations },
      { name: 'b', licenses: { outboundPorts: 50 } },
    ],
  });
  const { licenses, zones } = statusOf({ live: { ...live, declaration: zoned } }) ?? {};
  assert.equal(licenses?.outboundPorts, { minimum: 10, maximum: 500, capacity: 500, allocated: 350, unused: 150 });
  assert.equal(zones, [
    { name: 'a', licenses: { outboundPorts: { capacity: 300, unallocated: 100 } } },
    { name: 'b', licenses: { outboundPorts: { capacity: 50, unallocated: 50 } } },
  ]);
});

fields(`T3 of the errors ${maxErrors} are shown, of the applies the last ${maxHistory}, the newest first`, () => {
  const errors = Array.from({ length: 70 }, (_, i) => ({ ...error, field: `spec.f${i}` }));
  assert.is(statusOf({ ...notLive, errors })?.errors?.length, 64);
  let status = statusOf({});
  for (let generation = 10; generation < 25; generation++)
    status = statusOf({ generation, live: { ...live, generation, settingsHash: `h${generation}` } }, status);
  assert.equal(
    status?.history?.map(({ generation }) => generation),
    [24, 23, 22, 21, 20, 19, 18, 17, 16, 15],
  );
});

fields('A7 applied and history move only with the settingsHash', () => {
  const before = statusOf({});
  assert.equal(before?.history, [{ generation: 3, settingsHash: hash, time: now }]);
  const after = statusOf({ generation: 9, now: later }, before);
  assert.equal([after?.applied, after?.history], [before?.applied, before?.history]);
  assert.is(after?.observedGeneration, 9);
});

fields('A7 what was live for a moment, before a status could say so, is an apply; what was taken back is none', () => {
  const first = statusOf({});
  const [between, last] = ['b', 'c'].map((one, i) => ({ ...live, generation: 5 + i, settingsHash: one.repeat(64) }));
  const historyOf = (change: Partial<Facts>) => statusOf(change, first)?.history?.map(({ generation }) => generation);
  assert.equal(historyOf({ before: between, live: last }), [6, 5, 3]);
  assert.equal(historyOf({ before: live, live: last }), [6, 3]);
  assert.equal(historyOf({ before: between, live: { ...live, generation: 6 } }), [6, 5, 3]);
});

fields('A2 what waits for an approval is told, and how to approve it', () => {
  const status = statusOf(pending);
  assert.equal(status?.pending, { generation: 4, settingsHash: other });
  assert.match(status?.conditions?.[0]?.message ?? '', `set the annotation licensing.dialer.dev/apply to ${other}`);
  assert.is(statusOf({}, status)?.pending, undefined);
});

fields('A3 so is an annotation that can approve nothing', () => {
  const { conditions = [] } = statusOf({ ...pending, unusable: 'it holds "yes"' }) ?? {};
  assert.match(conditions[0]?.message ?? '', /to a{64}; it holds "yes"/);
});

fields('R2.14 while a plan is under way it is told beside what is applied', () => {
  const before = statusOf({});
  const status = statusOf({ ...notLive, applying }, before);
  assert.equal([status?.applying, status?.applied], [applying, before?.applied]);
  assert.is(statusOf({}, status)?.applying, undefined);
});

fields('R1.4 what others wrote is handed on with generations that are whole numbers after JSON too', () => {
  // As JSON.parse makes it of 9223372036854775807: written again it is no int64 any more.
  const one = { generation: 2 ** 63, settingsHash: hash, time: now, settings: declaration };
  const { settings: _, ...entry } = one;
  const status = statusOf({ ...invalid, live: undefined, applying: one }, { applied: one, history: [entry] });
  const generations = [status?.applied, status?.applying, status?.history?.[0]].map((each) => each?.generation);
  assert.equal(generations, [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1]);
});
