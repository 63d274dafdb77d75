/** An object's ConfigMaps are those of its own namespace. Copies elsewhere are none of its concern. */
import * as assert from 'uvu/assert';
import type { Spec } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { render } from '../../src/settings/render.ts';
import { suite } from '../suite.ts';
import { createSmallCluster, type Seen } from '../support/small-cluster.ts';

const test = suite('C1: identity');
const ports = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
const zone = (name: string, outboundPorts: number) => ({ name, licenses: { outboundPorts } });
const zones = (counts: Record<string, number>, more: object = {}) =>
  ports(400, { zones: Object.entries(counts).map(([name, count]) => zone(name, count)), settleSeconds: 90, ...more });
const ours = 'licensing.dialer.dev';

/** One object that is settled, and a namespace that holds copies. */
async function setUp(spec: object, namespaces: string[] = []) {
  const cluster = createSmallCluster({ namespaces });
  const [dialer, copies] = [cluster.desk('dialer'), cluster.desk('copies')];
  await cluster.start();
  dialer.create('pom', spec);
  await cluster.clock.advance(100_000);
  assert.is(dialer.conditionOf('pom', 'Applied')?.status, 'True');
  /** As tools that mirror ConfigMaps do: labels, annotations and owner references as they are. */
  const mirror = (name: string, change: (map: Seen) => object = () => ({})) => {
    const { metadata, ...rest } = dialer.maps.get(name) as Seen;
    const { labels = {}, annotations = {}, ownerReferences = [] } = metadata;
    copies.maps.create({ ...rest, metadata: { name, labels, annotations, ownerReferences }, ...change(rest as Seen) });
  };
  cluster.taken();
  return { ...cluster, dialer, copies, mirror };
}
/** No request of the operator may go there. */
const toCopies = (sent: { method: string; path: string }[]) =>
  sent.filter(({ path }) => path.includes('/copies/')).map(({ method, path }) => `${method} ${path}`);
const capacityIn = (map: Seen | undefined) => map?.data?.['OUTBOUND_PORTS_CAPACITY'];

test('a rename deletes what it leaves behind, and no copy of that in another namespace', async () => {
  const { dialer, copies, mirror, clock, taken } = await setUp(ports(5));
  mirror('pom-licenses');
  dialer.save('pom', ports(5, { configMap: { name: 'pom-limits' } }));
  await clock.advance(5_000);
  assert.equal(dialer.namesOfMaps(), ['pom-limits']);
  assert.equal(copies.namesOfMaps(), ['pom-licenses']);
  assert.equal(toCopies(taken()), []);
});

test("a copy of a removed zone at zero, elsewhere, lets nobody have the zone's licenses early (S9)", async () => {
  const { dialer, copies, mirror, clock, follow, taken } = await setUp(zones({ apac: 100, emea: 300 }));
  mirror('pom-licenses-apac', () => ({ data: render(declared(zones({ apac: 0 })))[1]?.data }));
  const sums: number[] = [];
  follow(() => {
    const held = ['apac', 'emea'].map((one) => Number(capacityIn(dialer.maps.get(`pom-licenses-${one}`)) ?? 0));
    sums.push((held[0] ?? 0) + (held[1] ?? 0));
  });
  const at = clock.monotonic();
  dialer.save('pom', zones({ emea: 400 }));
  await clock.advance(89_000);
  assert.is(capacityIn(dialer.maps.get('pom-licenses-emea')), '300', 'dialers have 90 seconds to see it');
  await clock.advance(10_000);
  assert.is(capacityIn(dialer.maps.get('pom-licenses-emea')), '400');
  assert.ok(Math.max(...sums) <= 400, `given out: ${Math.max(...sums)} of 400, ${clock.monotonic() - at} ms after`);
  assert.ok(copies.maps.get('pom-licenses-apac'));
  assert.equal(toCopies(taken()), []);
});

test('a copy elsewhere that holds numbers stops no plan', async () => {
  const { dialer, mirror, clock, taken } = await setUp(zones({ apac: 100, emea: 300 }));
  mirror('pom-licenses-apac');
  mirror('pom-licenses-emea');
  dialer.save('pom', zones({ apac: 200, emea: 200 }));
  await clock.advance(100_000);
  assert.is(dialer.conditionOf('pom', 'Ready')?.reason, 'Applied', dialer.conditionOf('pom', 'Ready')?.message);
  assert.is(capacityIn(dialer.maps.get('pom-licenses-apac')), '200');
  assert.equal(toCopies(taken()), []);
});

test('a record forged in another namespace is no record', async () => {
  const { dialer, copies, clock } = await setUp(ports(5));
  const { uid } = (dialer.settings.get('pom') as Seen).metadata;
  // A newer generation that waits for its approval, so that the forged stamp is not one of the future.
  dialer.save('pom', ports(6, { applyPolicy: 'Manual' }));
  await clock.advance(1_000);
  const forged = declared(ports(999_999));
  const [system] = render(forged);
  copies.maps.create({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', data: system?.data },
    metadata: {
      name: 'pom-licenses',
      labels: { 'app.kubernetes.io/managed-by': 'license-settings-operator', [`${ours}/settings`]: 'pom' },
      annotations: {
        [`${ours}/owner-uid`]: uid,
        [`${ours}/generation`]: '2',
        [`${ours}/data-hash`]: system?.dataHash as string,
        [`${ours}/settings-hash`]: settingsHash(forged),
      },
    },
  });
  dialer.maps.remove('pom-licenses');
  await clock.advance(5_000);
  assert.is(capacityIn(dialer.maps.get('pom-licenses')), '5');
  assert.is(dialer.settings.get('pom')?.status?.applied?.settingsHash, settingsHash(declared(ports(5))));
});

test('two objects of the same name and the same uid, in two namespaces, know nothing of each other', async () => {
  const { dialer, copies, clock, taken } = await setUp(zones({ apac: 100, emea: 300 }));
  const { uid } = (dialer.settings.get('pom') as Seen).metadata;
  copies.create('pom', ports(7));
  await clock.advance(1_000);
  // Restored with a mapping of namespaces: what the other object has carries this object's uid.
  copies.maps.change('pom-licenses', ({ metadata }) => ({
    metadata: {
      annotations: { ...metadata.annotations, [`${ours}/owner-uid`]: uid },
      ownerReferences: metadata.ownerReferences?.map((one) => ({ ...one, uid })) ?? [],
    },
  }));
  await clock.advance(100);
  taken();
  dialer.save('pom', zones({ apac: 200, emea: 200 }, { configMap: { name: 'pom-limits' } }));
  await clock.advance(100_000);
  assert.is(dialer.conditionOf('pom', 'Ready')?.reason, 'Applied');
  assert.is(capacityIn(copies.maps.get('pom-licenses')), '7');
});

/** The declaration of object pom with a spec. */
const declared = (spec: object) => declare('pom', spec as Spec);
