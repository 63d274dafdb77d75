/**
 * No permanent OutOfSync: the samples, applied as Argo CD and Flux apply them, twice. The second time changes nothing, and
 * neither tool sees a difference, before and after the operator has done its work.
 */
import { readdirSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { createDesk, type Desk, install, type Operator, type Stored, startOperator } from '../operator.ts';
import { suite } from '../suite.ts';
import { argoDiffOf } from '../support/kstatus.ts';

type Manifest = { metadata: { name: string; annotations?: Record<string, string> }; spec: { applyPolicy?: string } };

const folder = new URL('../../deploy/samples/', import.meta.url);
const texts = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => readFileSync(new URL(name, folder), 'utf8'))
  .filter((text) => /^kind: LicenseSettings$/m.test(text));
/** What the tools add to a manifest of theirs. */
const tracking = 'argocd.argoproj.io/tracking-id';
const labels = { 'app.kubernetes.io/instance': 'settings', 'kustomize.toolkit.fluxcd.io/name': 'license-settings' };

const server = (manager: string) => ['--server-side', `--field-manager=${manager}`];
const tools = {
  'argocd-ssa': { how: 'Argo CD, ServerSideApply=true', args: server('argocd-controller') },
  'argocd-csa': { how: 'Argo CD by default', args: ['--field-manager=argocd-controller'] },
  flux: { how: 'Flux', args: server('kustomize-controller') },
  kubectl: { how: 'kubectl apply', args: [] },
} as const;

let plane: ControlPlane;
let operator: Operator | undefined;
const test = suite('gitops');

test.before(async () => {
  plane = await sharedControlPlane();
  await install(plane);
});
test.after(async () => {
  await operator?.stop();
  for (const id of Object.keys(tools)) await deskOf(id).close();
  await plane?.stop();
});

const deskOf = (id: string): Desk => createDesk(plane, `gitops-${id}`);
/** The samples, as the tool would apply them in its namespace. */
const manifestsOf = ({ namespace }: Desk) =>
  texts.map((text) => {
    const { metadata, ...rest } = parse(text.replaceAll('namespace: dialer', `namespace: ${namespace}`)) as Manifest;
    return { ...rest, metadata: { ...metadata, labels, annotations: { [tracking]: `settings:${metadata.name}` } } };
  });

for (const [id, { how, args }] of Object.entries(tools)) {
  test(`V1 ${how}: applied twice before the operator has seen it, nothing changes and nothing differs`, async () => {
    const desk = deskOf(id);
    await desk.open();
    const manifests = manifestsOf(desk);
    assert.ok(manifests.length >= 4);
    await apply(desk, args);
    const first = await readAll(desk);
    await apply(desk, args);
    // A server-side apply without a change stores the status default, once: a version, and nothing else.
    const withoutVersion = (objects: readonly (Stored | undefined)[]) =>
      objects.map((one) => ({ ...one, metadata: { ...one?.metadata, resourceVersion: '' } }));
    assert.equal(withoutVersion(await readAll(desk)), withoutVersion(first));
    await agree(desk, args);
  });
}

test('the operator does its work', async () => {
  operator = await startOperator(plane);
  for (const id of Object.keys(tools)) {
    const desk = deskOf(id);
    for (const { metadata, spec } of manifestsOf(desk)) {
      if (spec.applyPolicy === 'Manual') await desk.waitFor(metadata.name, 'Applied', 'False', 'ApplyPending');
      else await desk.settled(metadata.name);
    }
  }
});

for (const [id, { how, args }] of Object.entries(tools)) {
  test(`V1, C8 ${how}: applied twice when the operator has written status and ConfigMaps, likewise`, async () => {
    const desk = deskOf(id);
    await agree(desk, args);
    // What a tool tracks or prunes by stays on its own objects.
    const { stdout } = await plane.kubectl(['get', 'configmaps', '-n', desk.namespace, '-o', 'json']);
    assert.match(stdout, '"name": "pom-licenses"');
    assert.not.match(stdout, tracking);
    for (const label of Object.keys(labels)) assert.not.match(stdout, label);
  });
}

const inputOf = (desk: Desk) =>
  manifestsOf(desk)
    .map((one) => JSON.stringify(one))
    .join('\n---\n');
const sourceOf = ({ namespace }: Desk) => ['-f', '-', '-n', namespace];
const apply = (desk: Desk, args: readonly string[]) =>
  plane.kubectl(['apply', ...args, ...sourceOf(desk)], { input: inputOf(desk) });
const readAll = (desk: Desk) => Promise.all(manifestsOf(desk).map(({ metadata }) => desk.get(metadata.name)));

/** Applies again and asks everybody: the same versions, the spec of the manifests and nothing else, no difference. */
async function agree(desk: Desk, args: readonly string[]): Promise<void> {
  const manifests = manifestsOf(desk);
  const before = await readAll(desk);
  await apply(desk, args);
  assert.equal(await readAll(desk), before, 'applied again');
  for (const [index, { metadata, spec }] of manifests.entries()) {
    assert.equal(before[index]?.spec, spec, `${metadata.name}: no default has come into its spec`);
  }
  // Without a difference kubectl exits with 0; with one, with 1.
  const input = inputOf(desk);
  const diff = await plane.kubectl(['diff', ...args, ...sourceOf(desk)], { input, allowFailure: true });
  assert.equal([diff.code, diff.stdout], [0, ''], diff.stderr);

  let predicted: unknown[] = [];
  if (args[0] === '--server-side') {
    const dry = [...args, '--force-conflicts', '--dry-run=server', '--show-managed-fields', '-o', 'json'];
    const { stdout } = await plane.kubectl(['apply', ...dry, ...sourceOf(desk)], { input });
    predicted = (JSON.parse(stdout) as { items: unknown[] }).items;
    assert.is(predicted.length, manifests.length);
  }
  const judged = await argoDiffOf(
    manifests.map((config, index) => ({
      ...{ config, live: before[index] },
      ...(predicted[index] ? { predicted: predicted[index] } : {}),
    })),
  );
  for (const { modified, live, predicted: expected } of judged) {
    assert.equal(expected, live);
    assert.is(modified, false);
  }
}

test('a difference that is there is seen: by kubectl, and by both ways of Argo CD', async () => {
  const desk = createDesk(plane, 'gitops-differs');
  await desk.open();
  try {
    const ports = (maximum: number) => ({
      ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings' },
      metadata: { name: 'pom', namespace: desk.namespace },
      spec: { licenses: { outboundPorts: { minimum: 1, maximum } } },
    });
    const input = JSON.stringify(ports(5));
    await plane.kubectl(['apply', '-f', '-'], { input });
    await desk.patch('pom', { spec: { suspend: true, licenses: { outboundPorts: { maximum: 6 } } } });
    const { code } = await plane.kubectl(['diff', '-f', '-'], { input, allowFailure: true });
    assert.is(code, 1);
    const live = await desk.get('pom');
    const judged = await argoDiffOf([
      { config: ports(5), live },
      { config: ports(5), live, predicted: { ...live, spec: ports(5).spec } },
      { config: ports(6), live },
    ]);
    assert.equal(
      judged.map(({ modified }) => modified),
      [true, true, false],
    );
  } finally {
    await desk.close();
  }
});
