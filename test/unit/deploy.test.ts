/** What the files of deploy/ have to agree on. */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { parse, parseAllDocuments } from 'yaml';
import { installManifest } from '../../scripts/install-manifest.ts';
import { version } from '../../src/version.ts';
import { memoryLimit, nodeFlags } from '../operator.ts';
import { suite } from '../suite.ts';

const test = suite('deploy');
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('the operator has the same rights in one namespace as in all', () => {
  const { rules } = parse(read('deploy/rights/all/clusterrole.yaml'));
  assert.equal(parse(read('deploy/rights/namespace/role.yaml')).rules, rules);
});

test('the image has the version of the release', () => {
  const { spec } = parse(read('deploy/base/deployment.yaml'));
  assert.is(spec.template.spec.containers[0].image, `license-settings-operator:${version}`);
});

test('the heap that the image gives Node leaves room in the container for what is not heap, about 50 MiB', () => {
  const { spec } = parse(read('deploy/base/deployment.yaml'));
  const limits = [spec.template.spec.containers[0], parse(read('deploy/helm/license-settings-operator/values.yaml'))];
  for (const { resources } of limits) assert.is(resources.limits.memory, `${memoryLimit}Mi`);
  const heaps = nodeFlags.map((flag) => Number(/^--max-old-space-size=(\d+)$/.exec(flag)?.[1] ?? 0));
  const heap = Math.max(...heaps);
  assert.ok(heap > 0 && heap + 50 < memoryLimit, nodeFlags.join(' '));
});

test('R11.1 the grace period is longer than the 5 s that the operator takes to stop', () => {
  const { spec } = parse(read('deploy/base/deployment.yaml'));
  assert.ok(spec.template.spec.terminationGracePeriodSeconds > 5);
});

test('metrics are for the monitoring namespace alone, and the chart names it as the manifests do', () => {
  const { spec } = parse(read('deploy/base/networkpolicy.yaml'));
  const { monitoringNamespace } = parse(read('deploy/helm/license-settings-operator/values.yaml')).networkPolicy;
  assert.equal(spec.ingress, [
    {
      from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': monitoringNamespace } } }],
      ports: [{ protocol: 'TCP', port: 'metrics' }],
    },
  ]);
});

test('install.yaml: the CRD first, and every file once', () => {
  const objects = parseAllDocuments(read('deploy/install.yaml')).map((document) => document.toJS());
  assert.is(objects[0].kind, 'CustomResourceDefinition');
  assert.is(objects[1].kind, 'Namespace');
  const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  assert.is(new Set(names).size, names.length);
  assert.ok(names.includes('Deployment/license-settings-operator'));
});

test('install.yaml: a kustomization that changes what it names is refused', () => {
  const files: Record<string, string> = { 'a/kustomization.yaml': 'namespace: b\nresources: [c.yaml]\n' };
  assert.throws(
    () => installManifest((path) => files[path] ?? '', 'crd', ['a']),
    /a\/kustomization.yaml has namespace/,
  );
});
