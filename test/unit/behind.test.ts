/** A server, or a watch, that is behind: what was decided from an old view does not become the newest. */
import * as assert from 'uvu/assert';
import { indexConfigMap, type LicenseSettings, type StoredConfigMap } from '../../src/controller/objects.ts';
import { Store } from '../../src/kube/store.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, plainOf } from '../support/flow-desk.ts';

const test = suite('a view that is behind');

test('a create meets a ConfigMap of ours that a later generation wrote: it is decided anew, and nothing goes back', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  const old = desk.world.settings.get('dialer/pom') as LicenseSettings;
  await desk.run();
  desk.save(plainOf(6));
  await desk.run();
  assert.is(desk.stamp('pom-licenses'), '2');
  const settings = new Store<LicenseSettings>();
  settings.put(old);
  Object.assign(desk.world, { settings, configMaps: new Store<StoredConfigMap>(indexConfigMap) });
  desk.nextTerm();
  desk.writes();
  for (let n = 0; n < 4; n++) await desk.run();
  assert.equal(desk.writes(), ['POST pom-licenses 5 409']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal([desk.stamp('pom-licenses'), desk.ports('pom-licenses')], ['2', '6']);
  assert.equal(desk.judge.violations, []);
});
