/** The fuzz is worth nothing if its judge can't convict, or if a seed does not repeat a case. */
import * as assert from 'uvu/assert';
import { wantedMetadata } from '../../src/settings/configmap.ts';
import { declare } from '../../src/settings/declaration.ts';
import { renderSystem } from '../../src/settings/render.ts';
import type { AuditEvent } from '../controlplane/audit.ts';
import type { StoredObject } from '../faults/revisions.ts';
import { allKinds, hostileCase, seedOf } from '../fuzz/hostile.ts';
import { createWriteJudge } from '../fuzz/writes.ts';
import { suite } from '../suite.ts';

const cases = suite('hostile cases');

cases('a seed gives the same case each time, and all kinds come', () => {
  const seeds = Array.from({ length: 100 }, (_, i) => i);
  assert.equal(seeds.slice(0, 20).map(hostileCase), seeds.slice(0, 20).map(hostileCase));
  assert.is(new Set(seeds.map((seed) => hostileCase(seed).kind)).size, allKinds.length);
});

cases('each name of a case holds its seed, and each body is JSON', () => {
  for (let seed = 0; seed < 100; seed++) {
    const { name, steps } = hostileCase(seed);
    assert.is(seedOf(name), seed);
    for (const step of steps) {
      assert.is(seedOf(step.name), seed, step.name);
      assert.not.throws(() => JSON.parse(step.body), `${seed}`);
    }
  }
});

const judging = suite('judge of writes');
const owner = { name: 'pom', uid: 'uid-pom' };
const spec = { licenses: { outboundPorts: { minimum: 1, maximum: 5 } } };
const rendered = renderSystem(declare('pom', spec));
const want = { rendered, generation: 1, retained: false };
const ours = { metadata: { name: 'pom-licenses', ...wantedMetadata(owner, want) }, data: rendered.data };
const theirs = { metadata: { name: 'pom-licenses', labels: {}, annotations: {} }, data: { a: 'b' } };

type Kind = 'LicenseSettings' | 'ConfigMap';
type Change = { readonly version: number; readonly type?: 'DELETED'; readonly [field: string]: unknown };
const stored = (kind: Kind, { metadata = {}, version, type, ...more }: Change) => {
  const identity = { name: 'pom', namespace: 'dialer', uid: 'uid-pom', generation: 1 };
  const object = { ...more, metadata: { ...identity, ...(metadata as object), resourceVersion: String(version) } };
  return { type: type ?? ('ADDED' as const), kind, object: object as unknown as StoredObject, revision: version };
};
/** A judge that knows an object, and a ConfigMap at version 2. */
function knowing(configMap: object, changed: object = {}) {
  const judge = createWriteJudge();
  judge.take(stored('LicenseSettings', { version: 1, spec, ...changed }));
  judge.take(stored('ConfigMap', { version: 2, ...configMap }));
  return judge;
}
const event = (verb: string, requestObject: object, more: object = {}): AuditEvent =>
  ({
    ...{ verb, requestObject, requestReceivedTimestamp: new Date().toISOString(), responseStatus: { code: 200 } },
    objectRef: { resource: 'configmaps', namespace: 'dialer', name: 'pom-licenses' },
    ...more,
  }) as unknown as AuditEvent;
const from2 = (map: { metadata: object }) => ({ ...map, metadata: { ...map.metadata, resourceVersion: '2' } });
const deletion = (uid: string) => ({ preconditions: { uid, resourceVersion: '2' } });

judging('what the operator may write is acquitted', () => {
  const judge = knowing(ours);
  for (const one of [
    event('create', ours),
    event('update', from2(ours)),
    event('delete', deletion('uid-pom')),
    event('update', {}, { objectRef: { resource: 'licensesettings', subresource: 'status', namespace: 'dialer' } }),
    event('create', {}, { objectRef: { resource: 'events', namespace: 'dialer' } }),
    event('create', theirs, { responseStatus: { code: 409 } }),
  ])
    assert.is(judge.judge(one), undefined);
});

const other = { ...ours, data: { ...ours.data, OUTBOUND_PORTS_CAPACITY: '6' } };
for (const [what, judge, write, words] of [
  [
    'a kind that is not its own',
    knowing(ours),
    event('create', {}, { objectRef: { resource: 'secrets' } }),
    /not|nothing/,
  ],
  ['what nobody declared', knowing(ours), event('create', other), /nobody declared/],
  ['what is pending', knowing(theirs, { spec: { ...spec, applyPolicy: 'Manual' } }), event('create', ours), /nobody/],
  ["somebody else's ConfigMap", knowing(theirs), event('update', from2(ours)), /was not ours/],
  ['from a version that there never was', knowing(ours), event('update', ours), /never was/],
  [
    'a name of another object',
    knowing(ours),
    event('create', { ...ours, metadata: { ...ours.metadata, name: 'x' } }),
    /name/,
  ],
  ['for an object that is not there', createWriteJudge(), event('create', ours), /not there/],
  ["a deletion of somebody else's", knowing(theirs), event('delete', deletion('uid-pom')), /nobody's of ours/],
  ['a deletion without a uid', knowing(ours), event('delete', {}), /without the uid/],
] as const)
  judging(`${what}: convicted`, () => assert.match(judge.judge(write) ?? '', words));

judging('a write long after its object has gone: convicted', () => {
  const judge = knowing(ours);
  judge.take(stored('LicenseSettings', { version: 3, type: 'DELETED' }));
  const at = (milliseconds: number) => ({
    requestReceivedTimestamp: new Date(Date.now() + milliseconds).toISOString(),
  });
  assert.is(judge.judge(event('create', ours, at(1_000))), undefined);
  assert.match(judge.judge(event('create', ours, at(5_000))) ?? '', /after its object had gone/);
});
