/** What a term remembers of one object: each thing that happens, and what it leaves in the memory. */
import * as assert from 'uvu/assert';
import type { Applied } from '../../src/api/licensesettings.ts';
import { createBrake } from '../../src/controller/brake.ts';
import {
  brakeOf,
  createMemory,
  type Happened,
  isSamePlan,
  lateness,
  type Memory,
  remember,
  type Sent,
} from '../../src/controller/memory.ts';
import type { StoredConfigMap } from '../../src/controller/objects.ts';
import { suite } from '../suite.ts';

const now = 1_000_000;
const until = now + lateness;
const plan = { generation: 2, settingsHash: 'b', time: '2026-01-01T00:00:00Z' };
const applying: Applied = {
  ...plan,
  settings: { configMap: { name: 'pom' }, zones: [{ name: 'a' }, { name: 'b', licenses: { outboundPorts: 1 } }] },
};
const zone = { name: 'a', licenses: { outboundPorts: 3 } };
const sent = (more: Partial<Sent> = {}): Sent => ({
  name: 'pom-a',
  dataHash: 'x',
  zone,
  create: false,
  free: true,
  ...more,
});
const view = (name: string): StoredConfigMap => ({
  metadata: { name, namespace: 'dialer', uid: 'u', resourceVersion: '7' },
  ...{ dataHash: 'x', binary: false, immutable: false },
});
const failing = {
  ...{ since: 5, told: 'no', until: now + 9_000 },
  halt: { kind: 'contested', words: 'no', after: 9_000 },
} as const;
const unknown = { dataHash: 'x', zone, create: false, update: true, once: false, until, fenced: false };
const restored = { name: 'pom-a', editor: undefined, deleted: true };
const looked = (at: number, found?: StoredConfigMap) => ({ at, found });
const mapOf = <T>(entries: Record<string, T>) => new Map(Object.entries(entries));

/** What happens, what was remembered before, and what of it is other afterwards. */
type Row = readonly [string, Happened, Partial<Memory>, Partial<Memory>];
const rows: readonly Row[] = [
  [
    'R9.9 people ask for something else: what was in the way may be gone',
    { what: 'asked', asked: 'new' },
    { failing, goesOnSince: 3, brake: createBrake(), looks: mapOf({ x: looked(now) }), taken: 'x', plan },
    {
      asked: 'new',
      failing: { ...failing, until: 0 },
      goesOnSince: undefined,
      brake: undefined,
      looks: new Map(),
      taken: undefined,
    },
  ],
  [
    'R2.10 licenses are being taken away',
    { what: 'saw', sight: 'being taken' },
    {},
    { takenAway: Number.POSITIVE_INFINITY },
  ],
  ['R2.10 licenses were taken away', { what: 'saw', sight: 'taken' }, { takenAway: 5 }, { takenAway: now }],
  [
    'R2.10 what was being taken away is done',
    { what: 'saw', sight: 'nothing to take' },
    { takenAway: Number.POSITIVE_INFINITY },
    { takenAway: now },
  ],
  ['R2.10 nothing was taken away', { what: 'saw', sight: 'nothing to take' }, { takenAway: 5 }, { takenAway: 5 }],
  [
    'R7.5 a plan in the status that somebody else began: none of its writes is known',
    { what: 'found a plan', applying, isThere: (name) => name === 'pom-a' },
    { plan: { ...plan, time: '2026-01-01T00:00:01Z' }, takenAway: 5 },
    {
      plan: applying,
      takenAway: now,
      unknown: mapOf({
        // Those that are not there may be created yet.
        pom: { ...unknown, dataHash: undefined, zone: undefined, create: true },
        'pom-a': { ...unknown, dataHash: undefined, zone: { name: 'a' } },
        'pom-b': { ...unknown, dataHash: undefined, zone: { name: 'b' }, create: true },
      }),
    },
  ],
  [
    "R7.5 a plan in the status that is this term's own",
    { what: 'found a plan', applying, isThere: () => true },
    { plan, takenAway: 5 },
    {},
  ],
  ['R7.5 a plan begins', { what: 'begins a plan', plan }, {}, { plan }],
  ['R7.5 a plan may not begin', { what: 'may not begin', plan: undefined }, { plan }, { plan: undefined }],
  [
    'R7.5 a plan has ended: what it gave is no longer looked at, and what may still land is',
    { what: 'has no plan' },
    { plan, given: mapOf({ 'pom-a': zone }), unknown: mapOf({ old: { ...unknown, until: now }, 'pom-a': unknown }) },
    { plan: undefined, given: new Map(), unknown: mapOf({ 'pom-a': unknown }) },
  ],
  [
    'R2.2 a write of a zone was answered',
    { what: 'was answered', write: sent() },
    {},
    { given: mapOf({ 'pom-a': zone }) },
  ],
  ['R2.2 a write of the system was answered', { what: 'was answered', write: sent({ zone: undefined }) }, {}, {}],
  [
    'R7.6 a later write was answered: an update that is unknown can not land any more',
    { what: 'was answered', write: sent({ dataHash: 'y' }) },
    { unknown: mapOf({ 'pom-a': unknown, 'pom-b': unknown }) },
    { unknown: mapOf({ 'pom-b': unknown }), given: mapOf({ 'pom-a': zone }) },
  ],
  [
    'R7.6 a later write was answered: a create that is unknown is kept out while the ConfigMap stays',
    { what: 'was answered', write: sent({ dataHash: 'y' }) },
    { unknown: mapOf({ 'pom-a': { ...unknown, create: true } }) },
    {
      unknown: mapOf({ 'pom-a': { ...unknown, create: true, update: false, fenced: true } }),
      given: mapOf({ 'pom-a': zone }),
    },
  ],
  [
    'R7.5 an update got no answer',
    { what: 'got no answer', write: sent() },
    {},
    { unknown: mapOf({ 'pom-a': unknown }) },
  ],
  [
    'R7.5 a create got no answer',
    { what: 'got no answer', write: sent({ create: true }) },
    {},
    { unknown: mapOf({ 'pom-a': { ...unknown, create: true, update: false, once: true } }) },
  ],
  [
    'R7.5 an update got no answer, after a create of something else: both may land',
    { what: 'got no answer', write: sent({ dataHash: 'y' }) },
    { unknown: mapOf({ 'pom-a': { ...unknown, create: true, update: false, fenced: true, until: now + 5 } }) },
    { unknown: mapOf({ 'pom-a': { ...unknown, dataHash: undefined, create: true } }) },
  ],
  [
    'R7.5 the same write got no answer again: it is known what it holds',
    { what: 'got no answer', write: sent() },
    { unknown: mapOf({ 'pom-a': { ...unknown, until: now + 5 } }) },
    { unknown: mapOf({ 'pom-a': unknown }) },
  ],
  ['R6.3 the cached object is behind', { what: 'doubts the object', is: true }, {}, { doubted: true }],
  ['R6.3 the object was read', { what: 'doubts the object', is: false }, { doubted: true }, { doubted: false }],
  ["R4.6 a name is somebody else's", { what: 'is taken', name: 'x' }, {}, { taken: 'x' }],
  ['R4.6 no name is taken any more', { what: 'is taken', name: undefined }, { taken: 'x' }, { taken: undefined }],
  ['T7 a write fails', { what: 'fails', failing }, {}, { failing }],
  ['T7 nothing fails any more', { what: 'fails', failing: undefined }, { failing }, { failing: undefined }],
  ['R10.1 a ConfigMap is whole again', { what: 'restored', restored }, {}, { restored }],
  ['R10.1 its event was sent', { what: 'restored', restored: undefined }, { restored }, { restored: undefined }],
  ['R9.13 nothing is contested any more', { what: 'needs no brake' }, { brake: createBrake() }, { brake: undefined }],
  [
    'R7.7 a create that got no answer is seen to be done',
    { what: 'landed', name: 'pom-a' },
    { unknown: mapOf({ 'pom-a': { ...unknown, create: true, update: false, once: true } }) },
    { unknown: new Map() },
  ],
  [
    'R7.7 a create that got no answer is seen to be done, and an update of it is not',
    { what: 'landed', name: 'pom-a' },
    { unknown: mapOf({ 'pom-a': { ...unknown, create: true, once: true } }) },
    { unknown: mapOf({ 'pom-a': { ...unknown, once: true } }) },
  ],
  [
    'R7.7 a create got no answer twice: what is seen may be of either',
    { what: 'got no answer', write: sent({ create: true }) },
    { unknown: mapOf({ 'pom-a': { ...unknown, create: true, update: false, once: true } }) },
    { unknown: mapOf({ 'pom-a': { ...unknown, create: true, update: false } }) },
  ],
  [
    'R9.4 a name was found free',
    { what: 'looked', name: 'x', found: undefined },
    { doubts: new Set(['x', 'y']), looks: mapOf({ z: looked(5) }) },
    { doubts: new Set(['y']), looks: mapOf({ z: looked(5), x: looked(now) }) },
  ],
  [
    'R8.5 something was found under a name',
    { what: 'looked', name: 'x', found: view('x') },
    { doubts: new Set(['x']) },
    { doubts: new Set(), looks: mapOf({ x: looked(now, view('x')) }) },
  ],
  [
    'R9.24 contents were read that the cache left out',
    { what: 'read', found: view('x') },
    { contents: mapOf({ y: view('y') }) },
    { contents: mapOf({ y: view('y'), x: view('x') }) },
  ],
  [
    'R9.4 a ConfigMap is seen whose name was found free',
    { what: 'sees', names: new Set(['x']) },
    { looks: mapOf({ x: looked(5), y: looked(5) }) },
    { looks: mapOf({ y: looked(5) }) },
  ],
  [
    'R8.5 a ConfigMap was found that the watch does not show',
    { what: 'is hidden', name: 'x' },
    { hidden: new Set(['y']) },
    { hidden: new Set(['y', 'x']) },
  ],
  [
    'R6.2 a write met something else than the cache has',
    { what: 'doubts', name: 'x' },
    { doubts: new Set(['y']) },
    { doubts: new Set(['y', 'x']) },
  ],
  [
    'R9.17 a turn is over: what it read is not read again in the next',
    { what: 'ends', goesOn: true, stopped: true },
    { looks: mapOf({ x: looked(5, view('x')) }) },
    { goesOnSince: now },
  ],
  [
    'R9.17 and so is a second turn: the work began with the first',
    { what: 'ends', goesOn: true, stopped: true },
    { goesOnSince: 3 },
    {},
  ],
  [
    'R9.4 the work stopped: what was found free stays so for a while',
    { what: 'ends', goesOn: false, stopped: true },
    { goesOnSince: 3, looks: mapOf({ x: looked(5) }) },
    { goesOnSince: undefined },
  ],
  [
    'R9.4 the work is done: what was read is forgotten',
    { what: 'ends', goesOn: false, stopped: false },
    { goesOnSince: 3, looks: mapOf({ x: looked(5) }) },
    { goesOnSince: undefined, looks: new Map() },
  ],
];

const test = suite('memory');

for (const [what, happened, before, after] of rows)
  test(what, () => {
    const memory: Memory = { ...createMemory('uid-1', 'old'), ...before };
    const expected = { ...memory, ...after };
    remember(memory, happened, now);
    assert.equal(memory, expected);
  });

test('R7.7 an unknown write may land for 65 s', () => {
  const memory = createMemory('uid-1', '');
  remember(memory, { what: 'got no answer', write: sent() }, now);
  for (const [at, left] of [
    [until - 1, 1],
    [until, 0],
  ] as const) {
    remember(memory, { what: 'has no plan' }, at);
    assert.is(memory.unknown.size, left);
  }
});

for (const [what, other, isSame] of [
  ['another generation', { ...plan, generation: 3 }, false],
  ['other settings', { ...plan, settingsHash: 'c' }, false],
  ['another time', { ...plan, time: '2026-01-01T00:00:01Z' }, false],
  ['the same', { ...plan }, true],
  ['none', undefined, false],
] as const)
  test(`R7.5 a plan with ${what} is ${isSame ? 'the same' : 'another'}`, () => {
    assert.is(isSamePlan(plan, other), isSame);
    assert.is(isSamePlan(undefined, other), false);
  });

test('of most objects nothing is remembered: they share what is empty', () => {
  const [one, other] = [createMemory('uid-1', ''), createMemory('uid-2', '')];
  assert.ok(one.unknown === other.unknown && one.looks === other.looks && one.doubts === other.doubts);
  remember(one, { what: 'doubts', name: 'x' }, now);
  remember(one, { what: 'looked', name: 'x', found: undefined }, now);
  remember(one, { what: 'sees', names: new Set(['x']) }, now);
  assert.ok(one.looks === other.looks && one.doubts === other.doubts);
  assert.is(one.brake, undefined);
  assert.is(brakeOf(one), brakeOf(one));
});
