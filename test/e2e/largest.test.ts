/** The largest legal object: accepted, applied and shown; and how far it is from every limit. */
import * as assert from 'uvu/assert';
import { maxConfigMapNameLength, maxZoneNameLength, maxZones, type Spec } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { render } from '../../src/settings/render.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import type { Desk, Operator, Stored } from '../operator.ts';
import { suite } from '../suite.ts';
import { largest, largestName } from '../support/largest.ts';
import { closeStage, openStage } from '../support/stage.ts';

const kib = 1024;
/** Of all annotations together; client-side apply puts the whole manifest into one. */
const annotationLimit = 256 * kib;

const test = suite('largest');
let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
test.before(async () => {
  ({ plane, desk, operator } = await openStage('largest'));
});
test.after(() => closeStage({ plane, desk, operator }));

const name = largestName;
const manifest = (spec: Spec) =>
  JSON.stringify({
    ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings' },
    metadata: { name, namespace: desk.namespace },
    spec,
  });
const apply = (input: string, ...args: string[]) => plane.kubectl(['apply', '-f', '-', ...args], { input });
const size = (value: unknown) => Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value));
type Whole = Stored & { metadata: { managedFields?: unknown[]; annotations?: Record<string, string> } };
const whole = async () => (await desk.get(name)) as Whole;
const report = (what: string, { metadata, ...rest }: Whole) => {
  const stored = size({ metadata, ...rest });
  console.log(
    `${what}: ${stored} bytes stored, ${size(metadata.managedFields)} of them managedFields, ${size(rest.status)} the status, ${size(metadata.annotations ?? {})} annotations`,
  );
  return stored;
};

test('V6 what is rendered fits into an environment variable, and names of ConfigMaps are legal', () => {
  const maps = render(declare(name, largest()));
  assert.is(maps.length, maxZones + 1);
  const values = maps.flatMap((map) =>
    Object.entries(map.data).map(([key, value]) => ({ map: map.name, key, size: size(value) })),
  );
  const [most] = values.sort((a, b) => b.size - a.size);
  console.log(`largest rendered value: ${most?.size} bytes, ${most?.key}`);
  for (const one of values) assert.ok(one.size < 96 * kib, JSON.stringify(one));
  const longest = Math.max(...maps.map((map) => map.name.length));
  console.log(`longest name of a ConfigMap: ${longest}`);
  assert.is(longest, maxConfigMapNameLength + 1 + maxZoneNameLength);
  assert.ok(longest <= 253);
});

test('client-side apply: accepted, applied, shown', async () => {
  const text = manifest(largest());
  console.log(`manifest: ${size(text)} bytes of ${annotationLimit} that client-side apply may put into an annotation`);
  assert.ok(size(text) < annotationLimit, `${size(text)} bytes`);
  const started = performance.now();
  await apply(text);
  const accepted = performance.now();
  const stored = await desk.waitFor(name, 'Ready', 'True', 'Applied', 60_000);
  console.log(
    `kubectl apply ${Math.round(accepted - started)} ms, then to Ready ${Math.round(performance.now() - accepted)} ms`,
  );
  assert.is(stored.status?.zones?.length, maxZones);
  assert.is(stored.status?.configMaps?.length, maxZones + 1);
  assert.is(stored.status?.applied?.settings.zones?.length, maxZones);
  for (const map of render(declare(name, largest()))) {
    assert.equal((await desk.configMap(map.name))?.data, map.data, map.name);
  }
  assert.ok(report('after client-side apply', await whole()) < kib * kib);
});

test('server-side apply under three field managers, and a plan under way: the stored object stays below 1 MiB', async () => {
  for (const manager of ['argocd-controller', 'kustomize-controller', 'helm']) {
    await apply(manifest(largest()), '--server-side', '--force-conflicts', `--field-manager=${manager}`);
  }
  await desk.waitFor(name, 'Ready', 'True', 'Applied', 60_000);
  assert.ok(report('after server-side apply under three managers', await whole()) < kib * kib);
  // Both what is live and what is on its way stand in the status.
  for (const manager of ['helm', 'kustomize-controller', 'argocd-controller']) {
    await apply(manifest(largest(1_000)), '--server-side', '--force-conflicts', `--field-manager=${manager}`);
  }
  const moving = (await desk.waitFor(name, 'Applied', 'False', 'Settling', 60_000)) as Whole;
  assert.is(moving.status?.applying?.settings.zones?.length, maxZones);
  assert.ok(report('with a plan under way', await whole()) < kib * kib);
  await desk.waitFor(name, 'Ready', 'True', 'Applied', 60_000);
});
