/** A status may be what somebody else wrote: what it says of ConfigMaps is asked for only as far as it can be true. */
import * as assert from 'uvu/assert';
import type { Status } from '../../src/api/licensesettings.ts';
import { createRequests } from '../../src/controller/requests.ts';
import type { Client } from '../../src/kube/client.ts';
import { knownConfigMaps } from '../../src/settings/status.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, zonesOf } from '../support/flow-desk.ts';

const test = suite('forged status');
const entries = (names: readonly string[]) => names.map((name) => ({ name, dataHash: '' }));

/** The ConfigMaps that are asked for when a plan begins under a status that names these. */
async function askedFor(names: readonly string[]): Promise<string[]> {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 1 }));
  await desk.run();
  desk.restore({ ...(desk.status() as Status), configMaps: entries(names) });
  desk.save(zonesOf({ a: 2 }));
  const asked: string[] = [];
  desk.faults.push(({ method, path }) => {
    if (method === 'GET' && path.includes('/configmaps/')) asked.push(path.split('/configmaps/')[1] ?? '');
    return undefined;
  });
  await desk.run();
  return asked;
}

test('a name that no spec of the object could give is not asked for', async () => {
  const strange = ['../../secrets', 'other', 'pom-/x', 'pom-?watch=true', 'pom-A', `pom-${'n'.repeat(160)}`, ''];
  assert.equal(await askedFor([...strange, 'pom-before']), ['pom-before']);
});

test('of thousands of names no more are asked for than a spec can give', async () => {
  const asked = await askedFor(Array.from({ length: 2_000 }, (_, i) => `pom-n${i}`));
  assert.is(asked.length, 65);
});

test('the longest names that a spec can give are known, and what is retained', () => {
  const longest = `pom-${'c'.repeat(116)}-${'z'.repeat(40)}`;
  const configMaps = [{ name: longest, dataHash: 'x', retained: true }];
  assert.equal(knownConfigMaps({ configMaps }, 'pom'), configMaps);
  assert.is(knownConfigMaps({}, 'pom'), undefined);
});

test('a name is one part of a path, whatever is in it', async () => {
  const paths: string[] = [];
  const request = async ({ path }: { path: string }) => {
    paths.push(path);
    return { metadata: { name: 'x', uid: 'x', resourceVersion: '1' } };
  };
  await createRequests({ request } as unknown as Client, 'dialer').getConfigMap('../../secrets?x');
  assert.equal(paths, ['/api/v1/namespaces/dialer/configmaps/..%2F..%2Fsecrets%3Fx']);
});
