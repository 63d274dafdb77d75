/** Rule 6 through the whole flow: from which version each write is decided, and what becomes of a view that is behind. */
import * as assert from 'uvu/assert';
import type { LicenseSettings, StoredConfigMap } from '../../../src/controller/objects.ts';
import { createRequests } from '../../../src/controller/requests.ts';
import type { Client } from '../../../src/kube/client.ts';
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

const rule = suite('rule 6: optimistic concurrency');
const ours = 'licensing.dialer.dev';
const invalid = { licenses: { outboundPorts: { minimum: 9, maximum: 1 } } };

async function live(spec: object = plainOf(5)): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(spec);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.writes();
  return desk;
}
/** Somebody puts another stamp onto a ConfigMap. */
const stamp = (desk: FlowDesk, generation: string) =>
  desk.mark('pom-licenses', {
    annotations: { ...desk.configMap('pom-licenses')?.metadata.annotations, [`${ours}/generation`]: generation },
  });

rule('R6.1 every write carries the uid and version that it was decided from, or is a create', async () => {
  const desk = createFlowDesk();
  const kinds = new Set<string>();
  const run = async (spec: object) => {
    desk.save(spec);
    for (let wait: number | undefined = 0; wait !== undefined; wait = waitOf(await desk.run()))
      await desk.clock.advance(wait);
  };
  await run(plainOf(5));
  await run(plainOf(6));
  await run(zonesOf({ a: 3, b: 2 }));
  desk.edit('pom-licenses-a', (map) => ({ ...map, immutable: true }));
  await run(zonesOf({ a: 2, b: 3 }, { configMap: { name: 'pom' } }));
  desk.edit('pom-a', (map) => ({ ...map, data: {} }));
  await run(zonesOf({ a: 2, b: 3 }, { configMap: { name: 'pom' }, deletionPolicy: 'Retain' }));
  for (const { method, resource, body } of desk.bodies()) {
    kinds.add(`${method} ${resource}`);
    type Sent = { metadata: { uid?: string; resourceVersion?: string }; preconditions?: Sent['metadata'] };
    const { metadata, preconditions } = body as Sent;
    const from = method === 'DELETE' ? preconditions : metadata;
    assert.is(Boolean(from?.uid && from.resourceVersion), method !== 'POST', `${method} ${resource}`);
  }
  assert.equal([...kinds].sort(), [
    ...['DELETE configmaps', 'POST configmaps', 'PUT configmaps', 'PUT licensesettings/status'],
  ]);
});

for (const [what, which, change] of [
  ['a ConfigMap', writesAMap, (desk: FlowDesk) => desk.mark('pom-licenses', { finalizers: ['example.com/x'] })],
  ['a status', writesStatus, (desk: FlowDesk) => desk.save(plainOf(7))],
] as const)
  rule(`R6.1 a write of ${what} is refused where that has changed since it was looked at`, async () => {
    const desk = await live();
    desk.before(which, () => change(desk));
    desk.save(plainOf(6));
    assert.is((await desk.run()).halt?.kind, 'outdated');
    assert.ok(desk.writes().at(-1)?.endsWith(' 409'));
    await desk.run();
    assert.is(desk.reasonOf('Applied'), 'Applied');
    assert.equal(desk.judge.violations, []);
  });

rule('R6.1 what was read to be written is refused where it has changed since it was looked at', async () => {
  const desk = await live();
  desk.edit('pom-licenses', (map) => ({
    ...map,
    metadata: { ...map.metadata, annotations: { ...map.metadata.annotations, long: 'x'.repeat(9_000) } },
    data: {},
  }));
  desk.hold('configmaps');
  desk.spoil('pom-licenses');
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses 5 409']);
});

rule('R6.1 a name is one part of a path, whatever is in it', async () => {
  const paths: string[] = [];
  const request = async ({ path }: { path: string }) => {
    paths.push(path);
    return { metadata: { name: 'x', uid: 'x', resourceVersion: '1' } };
  };
  await createRequests({ request } as unknown as Client, 'dialer').getConfigMap('../../secrets?x');
  assert.equal(paths, ['/api/v1/namespaces/dialer/configmaps/..%2F..%2Fsecrets%3Fx']);
});

rule('R6.2 a write met a newer ConfigMap that the watch has not told of: it is read, and decided on anew', async () => {
  const desk = await live();
  desk.hold('configmaps');
  desk.mark('pom-licenses', { finalizers: ['example.com/x'] });
  // A plan, as it takes what it finds.
  desk.save(zonesOf({ a: 3, b: 2 }, { settleSeconds: 0 }));
  await desk.run();
  assert.ok(desk.writes().includes('PUT pom-licenses - 409'));
  await desk.run();
  const written = desk.asked();
  assert.equal(written.filter((one) => one === 'GET pom-licenses').length, 1);
  assert.ok(written.includes('PUT pom-licenses -'));
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

rule('R6.2 a create met a ConfigMap that the watch has not told of: it is read at once', async () => {
  const desk = await live();
  desk.hold('configmaps');
  desk.nextTerm();
  desk.world.configMaps.remove(desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap);
  desk.save(plainOf(6));
  await desk.run();
  assert.equal(desk.asked(), [
    'GET object',
    'POST pom-licenses 6',
    'GET pom-licenses',
    'PUT pom-licenses 6',
    'PUT status',
  ]);
});

rule('R6.2 a delete met a newer ConfigMap: what was decided is not done to that', async () => {
  const desk = await live();
  desk.save(plainOf(5, { configMap: { name: 'pom' } }));
  desk.before(
    ({ method }) => method === 'DELETE',
    () => desk.mark('pom-licenses', { annotations: {}, ownerReferences: [], labels: {} }),
  );
  await desk.run();
  assert.ok(desk.configMap('pom-licenses'));
  await desk.run();
  await desk.run();
  assert.ok(desk.configMap('pom-licenses'), "it is somebody else's by now");
});

rule('R6.2 the status met a newer object: that is read before anything else is decided', async () => {
  const desk = await live();
  desk.hold('licensesettings');
  desk.save(plainOf(6));
  desk.spoil('pom-licenses');
  const view = desk.world.settings.get('dialer/pom') as LicenseSettings;
  desk.world.settings.put({ ...view, spec: plainOf(4), metadata: { ...view.metadata, generation: 2 } });
  await desk.run();
  assert.ok(desk.writes().includes('PUT status 409'));
  await desk.run();
  assert.equal(desk.asked().slice(0, 1), ['GET object']);
  assert.is(desk.ports('pom-licenses'), '6');
});

rule('R6.3 a stamp above the cached generation: one GET, and what that says is what is decided from', async () => {
  const desk = await live();
  desk.hold('licensesettings');
  desk.save(plainOf(6));
  stamp(desk, '2');
  desk.asked();
  await desk.run();
  assert.equal(desk.asked(), ['GET object', 'PUT pom-licenses 6', 'PUT status']);
  assert.equal(desk.judge.violations, []);
});

rule('R6.3 a stamp above the cached generation: without an answer to the GET nothing is decided', async () => {
  const desk = await live();
  stamp(desk, '2');
  desk.writes();
  desk.fail(({ method }) => method === 'GET', { code: 500 });
  const outcome = await desk.run();
  assert.equal([outcome.said, backoffOf(outcome), desk.writes()], ['retry', 'transport', []]);
});

rule('R6.3 a forged stamp is set back; while suspended it costs no request', async () => {
  for (const suspend of [false, true]) {
    const desk = await live();
    desk.save(plainOf(5, { suspend }));
    await desk.run();
    stamp(desk, '7');
    desk.asked();
    await desk.run();
    assert.equal(desk.asked(), suspend ? [] : ['GET object', 'PUT pom-licenses 5']);
    assert.is(desk.stamp('pom-licenses'), suspend ? '7' : '1');
  }
});

rule('R6.3 a stamp of another uid says nothing', async () => {
  const desk = await live(plainOf(5, { deletionPolicy: 'Retain' }));
  for (const maximum of [6, 7, 8]) {
    desk.save(plainOf(maximum, { deletionPolicy: 'Retain' }));
    await desk.run();
  }
  assert.is(desk.stamp('pom-licenses'), '4');
  desk.deleteObject();
  await desk.run();
  desk.save(plainOf(5, { deletionPolicy: 'Retain' }));
  desk.asked();
  await desk.run();
  assert.equal(desk.asked(), ['PUT pom-licenses 5', 'PUT status']);
  assert.is(desk.stamp('pom-licenses'), '1');
});

rule('R6.3 a create meets what a later generation wrote: nothing goes back', async () => {
  const desk = createFlowDesk();
  desk.hold('licensesettings');
  desk.hold('configmaps');
  desk.save(plainOf(5));
  const first = desk.object() as unknown as LicenseSettings;
  desk.show();
  await desk.run();
  desk.save(plainOf(6));
  await desk.run();
  assert.is(desk.stamp('pom-licenses'), '2');
  // A new leader whose caches are those of the beginning.
  desk.hold('licensesettings');
  desk.hold('configmaps');
  desk.nextTerm();
  desk.world.settings.put(first);
  desk.world.configMaps.remove(desk.world.configMaps.get('dialer/pom-licenses') as StoredConfigMap);
  desk.writes();
  for (let n = 0; n < 4; n++) await desk.run();
  assert.is(desk.writes()[0], 'POST pom-licenses 5 409');
  assert.equal([desk.stamp('pom-licenses'), desk.ports('pom-licenses')], ['2', '6']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

rule('R6.3 what is found beside the cache may be of a later generation: the object is read first', async () => {
  const at0 = (held: Record<string, number>) => zonesOf(held, { settleSeconds: 0 });
  const desk = await live(at0({ a: 3, b: 2 }));
  /** A change of which one write fails. */
  const stopped = async (held: Record<string, number>, name: string) => {
    const mend = desk.fail((request) => writesMap(request, name), { code: 429 });
    desk.save(at0(held));
    await desk.run();
    mend();
  };
  await stopped({ a: 2, b: 3 }, 'pom-licenses-b');
  const behind = desk.world.settings.get('dialer/pom') as LicenseSettings;
  // The next plan has lowered a, which is out of sight since, and no more.
  await stopped({ a: 1, b: 4 }, 'pom-licenses');
  desk.mark('pom-licenses-a', { labels: {} });
  assert.equal([desk.stamp('pom-licenses-a'), desk.stamp('pom-licenses')], ['3', '2']);
  // A new leader whose LicenseSettings is behind.
  desk.hold('licensesettings');
  desk.nextTerm();
  desk.world.settings.put(behind);
  for (let n = 0; n < 3; n++) await desk.clock.advance(waitOf(await desk.run()) ?? 0);
  assert.equal([desk.ports('pom-licenses-a'), desk.stamp('pom-licenses-a')], ['1', '3']);
  assert.equal(desk.judge.violations, []);
});

rule('R6.4 a reconcile puts nothing into the caches: neither what it wrote, nor what it read', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.mark('pom-licenses-b', { labels: {} });
  desk.hold('licensesettings');
  desk.hold('configmaps');
  const before = [...desk.world.settings.values(), ...desk.world.configMaps.values()];
  await desk.run();
  assert.ok(desk.writes().length > 0);
  assert.equal([...desk.world.settings.values(), ...desk.world.configMaps.values()], before);
});

rule('R6.4 what lies outside of the watch is asked for anew each time', async () => {
  const desk = await live();
  desk.deleteMap('pom-licenses');
  desk.createForeign('pom-licenses');
  for (let n = 0; n < 2; n++) {
    desk.asked();
    await desk.run();
    assert.is(desk.reasonOf('Applied'), 'ConfigMapConflict');
    assert.is(desk.asked().filter((one) => one === 'GET pom-licenses').length, 1);
  }
});

rule('R6.5 each write is told to the runtime, which waits for the watch to pass it', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  await desk.run();
  const versionOf = (map: string) => desk.configMap(map)?.metadata.resourceVersion;
  const status = () => `dialer/pom licensesettings pom ${desk.object()?.metadata.resourceVersion}`;
  assert.equal(desk.told(), [`dialer/pom configmaps pom-licenses ${versionOf('pom-licenses')}`, status()]);
  desk.save(plainOf(5, { configMap: { name: 'pom' } }));
  await desk.run();
  assert.equal(desk.told(), [
    ...[`dialer/pom configmaps pom ${versionOf('pom')}`, 'dialer/pom configmaps pom-licenses gone', status()],
  ]);
});

rule('R6.5 a ConfigMap that a finalizer holds back is told as it is then', async () => {
  const desk = await live();
  desk.mark('pom-licenses', { finalizers: ['example.com/hold'] });
  desk.told();
  desk.save(plainOf(5, { configMap: { name: 'pom' } }));
  await desk.run();
  const { resourceVersion, deletionTimestamp } = desk.configMap('pom-licenses')?.metadata ?? {};
  assert.ok(deletionTimestamp);
  assert.ok(desk.told().includes(`dialer/pom configmaps pom-licenses ${resourceVersion}`));
});

// --- Fields of the spec that the view does not show ---

/** The cache has the object as a watch gives it that was opened under an older CRD: it does not show this field. */
function prune(desk: FlowDesk, field: string, known = true): void {
  const view = desk.world.settings.get('dialer/pom') as LicenseSettings;
  const { [field]: _, ...spec } = view.spec as Record<string, unknown>;
  desk.world.settings.put({ ...view, spec, hidden: [{ path: `spec.${field}`, known }] });
}

rule('R6.4 V11 what a watch pruned is read again: nobody is told that it is missing, and it is applied', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 3 }));
  prune(desk, 'zones');
  await desk.run();
  assert.is(desk.asked()[0], 'GET object');
  assert.equal([desk.reasonOf('Applied'), desk.ports('pom-licenses-a')], ['Applied', '3']);
});

rule('V10 a field that this release does not know is not looked for, and the spec is invalid', async () => {
  const desk = await live();
  desk.save(plainOf(6, { weekend: true }));
  prune(desk, 'weekend', false);
  await desk.run();
  assert.equal(desk.asked(), ['PUT status']);
  assert.equal([desk.reasonOf('Applied'), desk.status()?.errors?.[0]?.reason], ['Invalid', 'UnknownField']);
});

rule('V11 what a read shows no more than the watch is told, and then is at rest', async () => {
  const desk = await live();
  const hidden = { managedFields: [{ manager: 'kubectl', fieldsV1: { 'f:spec': { 'f:zones': {} } } }] };
  const answer = () => ({ instead: { ...desk.object(), metadata: { ...desk.object()?.metadata, ...hidden } } });
  desk.save(plainOf(6));
  prune(desk, 'zones');
  desk.faults.push(({ method, resource }) =>
    method === 'GET' && resource === 'licensesettings' ? answer() : undefined,
  );
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Invalid');
  prune(desk, 'zones');
  desk.writes();
  assert.is((await desk.run()).said, 'unchanged');
  assert.equal(desk.writes(), []);
});

rule('R6.4 what is read instead of a pruned view is older than that: it shows nothing', async () => {
  const desk = await live();
  const older = { ...desk.object(), metadata: { ...desk.object()?.metadata, resourceVersion: '1' } };
  desk.save(plainOf(6));
  prune(desk, 'zones');
  desk.faults.push(({ method }) => (method === 'GET' ? { instead: older } : undefined));
  await desk.run();
  assert.equal([desk.reasonOf('Applied'), desk.ports('pom-licenses'), desk.writes()], ['Invalid', '5', ['PUT status']]);
});

rule('R6.4 V11 what is to be read instead of a pruned view can not be read: nothing is decided', async () => {
  const desk = await live();
  desk.save(plainOf(6));
  prune(desk, 'zones');
  desk.fail(({ method }) => method === 'GET', { code: 500 });
  const outcome = await desk.run();
  assert.equal([outcome.said, backoffOf(outcome)], ['retry', 'transport']);
  assert.equal([desk.reasonOf('Applied'), desk.ports('pom-licenses'), desk.writes()], ['Applied', '5', []]);
});

rule('R6.4 a LicenseSettings that is newer than the view is decided from, also where it is invalid', async () => {
  const desk = await live();
  desk.hold('licensesettings');
  desk.save(invalid);
  prune(desk, 'zones');
  await desk.run();
  assert.is(desk.reasonOf('Valid'), 'Invalid');
  assert.is(desk.status()?.observedGeneration, 2);
});

rule('R6.2 a conflict at each write is no loop: it ends the reconcile', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  let n = 0;
  desk.faults.push((request) => {
    if (writesMap(request, 'pom-licenses-a')) desk.mark('pom-licenses-a', { annotations: { n: String(++n) } });
    return undefined;
  });
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  assert.ok(desk.asked().length < 10);
});
