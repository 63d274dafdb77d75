import * as assert from 'uvu/assert';
import {
  type ConfigMapView,
  type Owner,
  stampOf,
  uidOf,
  type Want,
  wantedMetadata,
} from '../../src/settings/configmap.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { liveSettings, planUnderWay } from '../../src/settings/live.ts';
import { type Context, decide, obsolete } from '../../src/settings/plan.ts';
import { renderSystem as render } from '../../src/settings/render.ts';
import { nextStatus } from '../../src/settings/status.ts';
import { suite } from '../suite.ts';

const hash = settingsHash(declare('pom', { licenses: { outboundPorts: { minimum: 100, maximum: 500 } } }));
const owner: Owner = { name: 'pom', uid: 'uid-1' };
const rendered = render(declare('pom', { licenses: { outboundPorts: { minimum: 100, maximum: 500 } } }));
const want: Want = { rendered, generation: 3, retained: false };
const context: Context = { owner, want, knownDataHash: rendered.dataHash, unchanged: true, applicable: true };
type Change = { metadata?: Partial<ConfigMapView['metadata']> } & Partial<Omit<ConfigMapView, 'metadata'>>;
const view = ({ metadata, ...rest }: Change = {}): ConfigMapView => ({
  metadata: { name: 'pom-licenses', uid: 'cm', resourceVersion: '9', ...wantedMetadata(owner, want), ...metadata },
  dataHash: rendered.dataHash,
  binary: false,
  immutable: false,
  record: rendered.data['licenses.json'] ?? '',
  ...rest,
});
const controlledBy = (uid: string) => [{ apiVersion: 'v1', kind: 'X', name: 'x', uid, controller: true }];
const { labels, annotations } = wantedMetadata(owner, want);

const test = suite('decision about a ConfigMap');

test('none: created', () => assert.is(decide(undefined, context), 'create'));
test('as it should be: nothing', () => assert.is(decide(view(), context), 'right'));
test('edited data: written', () => assert.is(decide(view({ dataHash: 'x' }), context), 'update'));
test('binary data: written', () => assert.is(decide(view({ binary: true }), context), 'update'));
test('a removed label: written', () => assert.is(decide(view({ metadata: { labels: {} } }), context), 'update'));
test('the label of a zone that it no longer is: written', () => {
  const stale = { ...labels, 'licensing.dialer.dev/zone': 'emea' };
  assert.is(decide(view({ metadata: { labels: stale } }), context), 'update');
});
test('a changed annotation of ours: written', () => {
  const wrong = { ...annotations, 'licensing.dialer.dev/data-hash': 'x' };
  assert.is(decide(view({ metadata: { annotations: wrong } }), context), 'update');
});
test("others' labels and annotations: nothing", () => {
  const more = { labels: { ...labels, team: 'a' }, annotations: { ...annotations, note: 'b' } };
  assert.is(decide(view({ metadata: more }), context), 'right');
});
test('immutable: replaced, whatever it holds', () => {
  assert.is(decide(view({ immutable: true }), context), 'replace');
  assert.is(decide(view({ immutable: true, dataHash: 'x' }), context), 'replace');
});
test("immutable, without our labels or another object's: claimed first, nothing else may be deleted", () => {
  assert.is(decide(view({ immutable: true, metadata: { labels: {} } }), context), 'claim');
  assert.is(decide(view({ immutable: true, metadata: { ownerReferences: [], annotations: {} } }), context), 'claim');
});
test('controlled by another: a conflict, whatever its labels say', () => {
  assert.is(decide(view({ metadata: { ownerReferences: controlledBy('other') } }), context), 'conflict');
});
test('nobody controls it, our labels with our name: adopted', () => {
  assert.is(decide(view({ metadata: { ownerReferences: [] } }), context), 'update');
});
test('nobody controls it, labels of another object or none: a conflict', () => {
  const other = { ...labels, 'licensing.dialer.dev/settings': 'other' };
  for (const wrong of [other, {}, { ...labels, 'app.kubernetes.io/managed-by': 'helm' }])
    assert.is(decide(view({ metadata: { ownerReferences: [], annotations: {}, labels: wrong } }), context), 'conflict');
});
test('an ownerReference of ours that is there twice, or names another object: written', () => {
  const [reference] = wantedMetadata(owner, want).ownerReferences;
  assert.ok(reference);
  const withReferences = (...ownerReferences: (typeof reference)[]) =>
    decide(view({ metadata: { ownerReferences } }), context);
  assert.is(withReferences(reference), 'right');
  assert.is(withReferences(reference, reference), 'update');
  assert.is(withReferences({ ...reference, name: 'other' }), 'update');
});
test('being deleted: wait', () => assert.is(decide(view({ metadata: { deletionTimestamp: 'now' } }), context), 'wait'));
test('controlled by an earlier object of the name, as a create may find it: wait', () => {
  const ownerReferences = wantedMetadata({ ...owner, uid: 'earlier' }, want).ownerReferences;
  assert.is(decide(view({ metadata: { ownerReferences } }), context), 'wait');
});
test('blockOwnerDeletion set by hand: written', () => {
  const references = wantedMetadata(owner, want).ownerReferences.map((one) => ({ ...one, blockOwnerDeletion: true }));
  assert.is(decide(view({ metadata: { ownerReferences: references } }), context), 'update');
});

test('data of an older release: rolled out only while applicable, else left alone', () => {
  const old = view({
    dataHash: 'old',
    metadata: { annotations: { ...annotations, 'licensing.dialer.dev/data-hash': 'old' } },
  });
  const known = { ...context, knownDataHash: 'old' };
  assert.is(decide(old, known), 'rollout');
  assert.is(decide(old, { ...known, applicable: false }), 'keep');
  assert.is(
    decide(view({ dataHash: 'old', metadata: { labels: { ...labels, 'app.kubernetes.io/part-of': 'x' } } }), {
      ...known,
      applicable: false,
    }),
    'relabel',
  );
});
test('data of an older release with new settings: an ordinary change', () => {
  assert.is(decide(view({ dataHash: 'old' }), { ...context, knownDataHash: 'old', unchanged: false }), 'update');
});

test('our uid is enough, without labels and owner, under Retain and without', () => {
  const bare = view({ metadata: { ownerReferences: [], labels: {} } });
  assert.is(decide(bare, { ...context, want: { ...want, retained: true } }), 'update');
  assert.is(decide(bare, context), 'update');
});
test('under Retain it must not be owned: the garbage collector would take it', () => {
  const kept = { ...context, want: { ...want, retained: true } };
  assert.is(decide(view(), kept), 'update');
  assert.is(decide(view({ metadata: { ownerReferences: [] } }), kept), 'right');
  assert.is(decide(view({ metadata: { ownerReferences: [] } }), context), 'update', 'and is owned again without');
  assert.equal(wantedMetadata(owner, kept.want, view().metadata).ownerReferences, []);
});

test('metadata: what others put there stays, ours is set, and ownerReferences of others too', () => {
  const foreign = { apiVersion: 'v1', kind: 'X', name: 'x', uid: 'x' };
  const wanted = wantedMetadata(owner, want, {
    name: 'a',
    uid: 'b',
    resourceVersion: '1',
    labels: { team: 'a', 'licensing.dialer.dev/settings': 'wrong' },
    annotations: { note: 'b' },
    ownerReferences: [foreign, { ...foreign, uid: owner.uid }],
  });
  assert.is(wanted.labels['team' as keyof typeof wanted.labels], 'a');
  assert.is(wanted.labels['licensing.dialer.dev/settings'], 'pom');
  assert.is(wanted.annotations['note' as keyof typeof wanted.annotations], 'b');
  assert.equal(wanted.ownerReferences, [
    foreign,
    {
      apiVersion: 'licensing.dialer.dev/v1',
      kind: 'LicenseSettings',
      name: 'pom',
      uid: 'uid-1',
      controller: true,
      blockOwnerDeletion: false,
    },
  ]);
});

test('only what is ours has to go: what carries this uid, or our labels and nobody controls', () => {
  const named = (name: string, metadata: Partial<ConfigMapView['metadata']> = {}) =>
    view({ metadata: { ...metadata, name } });
  const gone = obsolete(
    [
      named('pom-licenses'),
      named('old'),
      named('retained', { ownerReferences: [] }),
      named('no-uid', { ownerReferences: [], annotations: {} }),
      named('other-owner', { ownerReferences: controlledBy('other') }),
      named('no-labels', { labels: {} }),
      named('going', { deletionTimestamp: 'now' }),
    ],
    owner,
    new Set(['pom-licenses']),
  );
  assert.equal(
    gone.map(({ metadata }) => metadata.name),
    ['old', 'retained', 'no-uid', 'no-labels', 'going'],
  );
});

const live = suite('live settings');
const status = (generation: number, minimum = 1) => {
  const settings = declare('pom', { licenses: { manualAgents: { minimum, maximum: 9 } } });
  return {
    applied: { generation, settingsHash: settingsHash(settings), time: '2026-01-01T00:00:00Z', settings },
  };
};

live('come from the status', () => {
  assert.is(liveSettings(status(2), [], owner, 5)?.generation, 2);
  assert.is(liveSettings(undefined, [], owner, 5), undefined);
});
live('a plan from a backup has no generation that is still to come', () => {
  const { applied: applying } = status(7);
  assert.is(planUnderWay({ applying }, 'pom', 3)?.generation, 3);
  assert.is(planUnderWay({ applying }, 'pom', 9)?.generation, 7);
  assert.is(planUnderWay(undefined, 'pom', 3), undefined);
});
live('come from a ConfigMap that is newer: after a crash between the two writes', () => {
  const found = liveSettings(status(2), [view()], owner, 5);
  assert.is(found?.generation, 3);
  assert.is(found?.settingsHash, rendered.settingsHash);
  assert.is(found?.time, undefined);
});
live('come from the ConfigMap when the status is lost', () => {
  assert.is(liveSettings(undefined, [view()], owner, 5)?.generation, 3);
});
live('a record of the settings that are applied is no apply of its own, whatever its stamp', () => {
  const same = {
    ...status(1).applied,
    settingsHash: hash,
    settings: declare('pom', { licenses: { outboundPorts: { minimum: 100, maximum: 500 } } }),
  };
  assert.is(liveSettings({ applied: same }, [view()], owner, 5)?.generation, 1);
});
live('of two ConfigMaps that are records, as after a crash in the middle of a rename, the newer one counts', () => {
  const renamed = declare('pom', {
    licenses: { outboundPorts: { minimum: 1, maximum: 2 } },
    configMap: { name: 'pom' },
  });
  const to = { ...want, rendered: render(renamed), generation: 4 };
  const newer = view({
    metadata: { name: 'pom', ...wantedMetadata(owner, to) },
    dataHash: to.rendered.dataHash,
    record: to.rendered.data['licenses.json'] ?? '',
  });
  assert.is(liveSettings(undefined, [view(), newer], owner, 5)?.generation, 4);
  assert.is(liveSettings(undefined, [newer, view()], owner, 5)?.generation, 4);
});
live('the status wins over a ConfigMap of the same or an older generation', () => {
  assert.is(liveSettings(status(3), [view()], owner, 5)?.settingsHash, status(3).applied.settingsHash);
});
live('come from the ConfigMap when a restored status speaks of a generation that is still to come', () => {
  const found = liveSettings(status(9), [view()], owner, 5);
  assert.equal([found?.generation, found?.settingsHash], [3, hash]);
});
test('a stamp that somebody made unreadable is no stamp', () => {
  const stamped = (stamp: string) =>
    stampOf(view({ metadata: { annotations: { ...annotations, 'licensing.dialer.dev/generation': stamp } } }), owner);
  assert.is(stamped('7'), 7);
  for (const stamp of ['', 'x', '-1', '1.5', '1e3', '9'.repeat(16)]) assert.is(stamped(stamp), undefined, stamp);
});
test('what is retained is found by the uid that it carries, as what is controlled', () => {
  assert.is(uidOf(view()), owner.uid);
  assert.is(uidOf(view({ metadata: { ownerReferences: [] } })), owner.uid);
  assert.is(uidOf(view({ metadata: { ownerReferences: controlledBy('other') } })), 'other');
});
for (const [what, change, generation = 5] of [
  ['edited data', { dataHash: 'x' }],
  ['binary data', { binary: true }],
  ['a stamp above the generation of the object', {}, 2],
  [
    'another uid in its stamp',
    { metadata: { annotations: { ...annotations, 'licensing.dialer.dev/owner-uid': 'x' } } },
  ],
  ['another controller', { metadata: { ownerReferences: controlledBy('other') } }],
  [
    'a settings hash that is not that of its declaration',
    { metadata: { annotations: { ...annotations, 'licensing.dialer.dev/settings-hash': 'x' } } },
  ],
  ['no readable record', { record: 'not JSON' }],
  ['another name than its declaration says', { metadata: { name: 'pom-copy' } }],
] as [string, Change, number?][]) {
  live(`a ConfigMap with ${what} is no record`, () => {
    assert.is(liveSettings(undefined, [view(change)], owner, generation), undefined);
  });
}

const table = suite('status');
const now = '2026-02-02T00:00:00Z';
const facts = {
  generation: 4,
  suspended: false,
  errors: [],
  live: {
    generation: 3,
    settingsHash: hash,
    declaration: declare('pom', { licenses: { outboundPorts: { minimum: 100, maximum: 500 } } }),
  },
  current: true,
  problem: undefined,
  pending: undefined,
  applying: undefined,
  configMaps: [{ name: 'pom-licenses', dataHash: rendered.dataHash }],
  now,
};
const error = { field: 'spec.licenses.outboundPorts.minimum', reason: 'MinimumAboveMaximum', message: 'm' };
const problem = (kind: 'ConfigMapConflict' | 'WriteRejected' | 'Contested' | 'WriteFailed') => ({
  kind,
  message: kind,
});
const summary = (change: object) => {
  const next = nextStatus(undefined, { ...facts, ...change });
  return (next?.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`).join(', ');
};

// Reads like the table of DESIGN section 2.
for (const [situation, change, conditions] of [
  ['live = newest', {}, 'Ready=True Applied, Valid=True Valid, Applied=True Applied'],
  [
    'invalid',
    { errors: [error], current: false },
    'Ready=False Invalid, Valid=False Invalid, Applied=False Invalid, Stalled=True Invalid',
  ],
  [
    'conflict',
    { problem: problem('ConfigMapConflict'), current: false },
    'Ready=False ConfigMapConflict, Valid=True Valid, Applied=False ConfigMapConflict, Stalled=True ConfigMapConflict',
  ],
  [
    'rejected',
    { problem: problem('WriteRejected'), current: false },
    'Ready=False WriteRejected, Valid=True Valid, Applied=False WriteRejected, Stalled=True WriteRejected',
  ],
  [
    'failed',
    { problem: problem('WriteFailed'), current: false },
    'Ready=False WriteFailed, Valid=True Valid, Applied=False WriteFailed, Reconciling=True WriteFailed',
  ],
  [
    'a plan is under way',
    { applying: { ...facts.live, time: now, settings: facts.live.declaration }, current: false },
    'Ready=False Settling, Valid=True Valid, Applied=False Settling, Reconciling=True Settling',
  ],
  ['suspended, live = newest', { suspended: true }, 'Ready=True Suspended, Valid=True Valid, Applied=True Applied'],
  [
    'suspended, not live',
    { suspended: true, current: false },
    'Ready=True Suspended, Valid=True Valid, Applied=False Suspended',
  ],
  [
    'suspended and invalid',
    { suspended: true, current: false, errors: [error] },
    'Ready=True Suspended, Valid=False Invalid, Applied=False Suspended',
  ],
  [
    'pending, nothing live',
    { pending: 'a'.repeat(64), current: false, live: undefined },
    'Ready=False ApplyPending, Valid=True Valid, Applied=False ApplyPending',
  ],
  [
    'pending, older settings live',
    { pending: 'a'.repeat(64), current: false },
    'Ready=True ApplyPending, Valid=True Valid, Applied=False ApplyPending',
  ],
  [
    'pending and conflict',
    { pending: 'a'.repeat(64), current: false, problem: problem('ConfigMapConflict') },
    'Ready=False ConfigMapConflict, Valid=True Valid, Applied=False ConfigMapConflict, Stalled=True ConfigMapConflict',
  ],
  [
    'invalid and conflict',
    { errors: [error], current: false, problem: problem('ConfigMapConflict') },
    'Ready=False Invalid, Valid=False Invalid, Applied=False Invalid, Stalled=True Invalid',
  ],
  [
    'live = newest, but the ConfigMap was taken away',
    { problem: problem('ConfigMapConflict') },
    'Ready=False ConfigMapConflict, Valid=True Valid, Applied=False ConfigMapConflict, Stalled=True ConfigMapConflict',
  ],
] as [string, object, string][]) {
  table(`${situation}: ${conditions}`, () => assert.is(summary(change), conditions));
}

table('a situation without a row says nothing', () => {
  assert.is(nextStatus(undefined, { ...facts, current: false }), undefined);
});
table('messages list all that hold', () => {
  const next = nextStatus(undefined, {
    ...facts,
    current: false,
    errors: [error],
    problem: problem('ConfigMapConflict'),
  });
  assert.match(next?.conditions?.[0]?.message ?? '', /the spec has 1 error: .*ConfigMapConflict; .*generation 3/);
});
table("a condition's time moves only with its status", () => {
  const before = nextStatus(undefined, facts);
  const later = nextStatus(before, { ...facts, generation: 5, now: '2026-03-03T00:00:00Z' });
  assert.equal(
    later?.conditions?.map((one) => [one.observedGeneration, one.lastTransitionTime]),
    [
      [5, now],
      [5, now],
      [5, now],
    ],
  );
  const stillReady = nextStatus(before, { ...facts, pending: hash, current: false, now: '2026-03-03T00:00:00Z' });
  assert.equal(
    [stillReady?.conditions?.[0]?.reason, stillReady?.conditions?.[0]?.lastTransitionTime],
    ['ApplyPending', now],
  );
  const broken = nextStatus(before, { ...facts, errors: [error], current: false, now: '2026-03-03T00:00:00Z' });
  assert.is(broken?.conditions?.[0]?.lastTransitionTime, '2026-03-03T00:00:00Z');
});
table('applied and history move only with the settings hash; history keeps ten', () => {
  let status = nextStatus(undefined, facts);
  assert.equal(status?.history, [{ generation: 3, settingsHash: hash, time: now }]);
  status = nextStatus(status, { ...facts, generation: 9, now: '2026-03-03T00:00:00Z' });
  assert.equal([status?.applied?.generation, status?.applied?.time], [3, now]);
  assert.is(status?.history?.length, 1);
  for (let n = 10; n < 25; n++)
    status = nextStatus(status, {
      ...facts,
      generation: n,
      live: { ...facts.live, generation: n, settingsHash: `h${n}` },
    });
  assert.is(status?.history?.length, 10);
  assert.is(status?.history?.[0]?.generation, 24);
});
table('what is live stays in the status while the newest spec is invalid', () => {
  const before = nextStatus(undefined, facts);
  const after = nextStatus(before, { ...facts, generation: 5, current: false, errors: [error], configMaps: undefined });
  assert.equal(after?.applied, before?.applied);
  assert.equal(after?.licenses, before?.licenses);
  assert.equal(after?.configMaps, before?.configMaps);
  assert.equal(after?.errors, [error]);
});
table('what others wrote is handed on with generations that are whole numbers after JSON too', () => {
  // As JSON.parse makes it of 9223372036854775807: written again it is no int64 any more.
  const generation = 2 ** 63;
  const one = { generation, settingsHash: hash, time: now, settings: facts.live.declaration };
  const invalid = { ...facts, current: false, errors: [error] };
  const { settings: _, ...entry } = one;
  const status = nextStatus({ applied: one, history: [entry] }, { ...invalid, applying: one });
  const generations = [status?.applied, status?.applying, status?.history?.[0]].map((each) => each?.generation);
  assert.equal(generations, [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1]);
});
table('the live numbers: without zones all is allocated', () => {
  const { licenses } = nextStatus(undefined, facts) ?? {};
  assert.equal(licenses?.outboundPorts, { minimum: 100, maximum: 500, capacity: 500, allocated: 500, unused: 0 });
  assert.equal(licenses?.manualAgents, { minimum: 0, maximum: 0, capacity: 0, allocated: 0, unused: 0 });
});

table('what waits for an approval stands in the status, and how to approve it in the message', () => {
  const status = nextStatus(undefined, { ...facts, current: false, pending: 'a'.repeat(64) });
  assert.equal(status?.pending, { generation: 4, settingsHash: 'a'.repeat(64) });
  assert.match(status?.conditions?.[0]?.message ?? '', 'set the annotation licensing.dialer.dev/apply to aaaaaaaaaaaa');
  assert.is(nextStatus(status, facts)?.pending, undefined);
});
