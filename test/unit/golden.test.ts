/**
 * The ConfigMaps that dialers read, byte for byte: the whole operator applies a LicenseSettings to the simulated API
 * server, and what is stored then is compared with test/golden/configmaps/. Judges and campaigns share `render` with the
 * operator, so a wrong byte in it would be invisible to them.
 */
import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import type { Spec } from '../../src/api/licensesettings.ts';
import { suite } from '../suite.ts';
import { goldenIn, isGolden } from '../support/golden.ts';
import { largest, largestName } from '../support/largest.ts';
import { createSmallCluster, type Seen } from '../support/small-cluster.ts';

const test = suite('golden ConfigMaps');

const licenses = {
  externalSelection: { minimum: 0, maximum: 50 },
  manualAgents: { minimum: 10, maximum: 100 },
  outboundPorts: { minimum: 100, maximum: 500 },
  predictiveAgents: { minimum: 50, maximum: 200 },
};
const retail = { name: 'retail', licenses: { outboundPorts: 200, predictiveAgents: 20 } };
const objects: Readonly<Record<string, Spec>> = {
  default: { licenses },
  zones: {
    licenses,
    zones: [
      { name: 'emea', licenses: { outboundPorts: 300, predictiveAgents: 120 } },
      { name: 'apac', licenses: { outboundPorts: 200 } },
      { name: 'empty' },
    ],
    settleSeconds: 0,
  },
  organizations: {
    licenses,
    zones: [
      {
        name: 'emea',
        licenses: { outboundPorts: 300, predictiveAgents: 120 },
        organizations: [retail, { name: 'bank' }],
      },
    ],
    settleSeconds: 0,
    configMap: { name: 'pom-numbers' },
    deletionPolicy: 'Retain',
  },
};

/** Every ConfigMap that the operator writes for an object, by name. */
async function applied(name: string, spec: Spec): Promise<Map<string, Seen>> {
  const cluster = createSmallCluster({ namespaces: ['dialer'] });
  const desk = cluster.desk('dialer');
  desk.create(name, spec);
  await cluster.start();
  for (let i = 0; desk.conditionOf(name, 'Applied')?.status !== 'True'; i++) {
    assert.ok(i < 60, JSON.stringify(desk.settings.get(name)?.status));
    await cluster.clock.advance(1_000);
  }
  await cluster.stop();
  return new Map(desk.namesOfMaps().map((map) => [map, desk.maps.get(map) as Seen]));
}

/** A ConfigMap as a manifest, without what differs from one creation to the next. */
function manifestOf({ metadata, ...rest }: Seen): string {
  const { uid: _, resourceVersion: __, creationTimestamp: ___, ...kept } = metadata;
  return stringify({ ...rest, metadata: kept }, { lineWidth: 0, sortMapEntries: true });
}

for (const [what, spec] of Object.entries(objects))
  test(what, async () => {
    const directory = new URL(`../golden/configmaps/${what}/`, import.meta.url);
    const maps = await applied('pom', spec);
    for (const [name, map] of maps) isGolden(directory, `${name}.yaml`, manifestOf(map));
    assert.equal(goldenIn(directory), [...maps.keys()].map((name) => `${name}.yaml`).sort());
  });

test('V6 the largest object: each ConfigMap by the SHA-256 of its manifest, as sha256sum prints it', async () => {
  const maps = await applied(largestName, largest());
  const lines = [...maps].map(([name, map]) => {
    const sum = createHash('sha256').update(manifestOf(map)).digest('hex');
    return `${sum}  ${name}.yaml\n`;
  });
  isGolden(new URL('../golden/configmaps/', import.meta.url), 'largest.sha256', lines.join(''));
});
