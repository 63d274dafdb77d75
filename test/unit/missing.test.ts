/** Names that were found to have no ConfigMap: DESIGN section 3, rule 9. What was just read is not read again at each try. */
import * as assert from 'uvu/assert';
import { ApiError } from '../../src/kube/errors.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, type FlowDesk, zonesOf } from '../support/flow-desk.ts';
import type { Fault } from '../support/server-front.ts';

const test = suite('missing');

const refuse: Fault = ({ method, resource }) =>
  method !== 'GET' && resource === 'configmaps' ? new ApiError('no', { code: 503 }) : undefined;

/** Counts the GETs of a ConfigMap. */
function countReads({ faults }: FlowDesk, name: string): () => number {
  let reads = 0;
  faults.push(({ method, path }) => {
    if (method === 'GET' && path.endsWith(`/configmaps/${name}`)) reads++;
    return undefined;
  });
  return () => reads;
}

/** An object with two zones, one of whose ConfigMaps somebody deleted; and from now on every write is refused. */
async function setUp() {
  const desk = createFlowDesk();
  desk.save(zonesOf({ apac: 2, emea: 2 }, { settleSeconds: 0 }));
  await desk.run();
  desk.deleteMap('pom-licenses-emea');
  const reads = countReads(desk, 'pom-licenses-emea');
  desk.faults.push(refuse);
  return { ...desk, reads };
}

test('a plan that is refused again and again reads the name that it found free once in 30 s', async () => {
  const { save, run, clock, reads } = await setUp();
  save(zonesOf({ apac: 1, emea: 3 }, { settleSeconds: 0 }));
  for (let n = 0; n < 10; n++) {
    await run();
    await clock.advance(2_000);
  }
  assert.is(reads(), 1);
  await clock.advance(30_000);
  await run();
  assert.is(reads(), 2);
});

test('when people change something, the name is looked up anew', async () => {
  const { save, run, reads } = await setUp();
  for (const apac of [1, 2]) {
    save(zonesOf({ apac, emea: 3 }, { settleSeconds: 0 }));
    await run();
  }
  assert.is(reads(), 2);
});

test('one that was seen since is looked for when it goes out of sight: it may only have lost its label, and hold what it held', async () => {
  const desk = await setUp();
  desk.save(zonesOf({ apac: 4, emea: 1 }, { settleSeconds: 0 }));
  await desk.run();
  assert.is(desk.reads(), 1);
  desk.restoreMap('pom-licenses-emea', { zone: 'emea', ports: 2 });
  await desk.run();
  desk.edit('pom-licenses-emea', (map) => ({ ...map, metadata: { ...map.metadata, labels: {} } }));
  desk.faults.splice(desk.faults.indexOf(refuse), 1);
  for (let n = 0; n < 3; n++) await desk.run();
  const lowered = ['PUT pom-licenses-emea 1', 'PUT pom-licenses -', 'PUT pom-licenses-apac 4', 'PUT status'];
  assert.equal(desk.writes().slice(-4), lowered, 'lowered first');
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

test('a name that is found taken in the middle of a plan is all that is asked for while it is', async () => {
  const desk = createFlowDesk();
  const zones = { settleSeconds: 0, configMap: { name: 'pom' } };
  desk.save(zonesOf({ apac: 2, emea: 2 }, zones));
  const refused: Fault = ({ method }) => (method === 'POST' ? new ApiError('no', { code: 503 }) : undefined);
  desk.faults.push(refused);
  await desk.run();
  desk.faults.splice(desk.faults.indexOf(refused), 1);
  // Between two tries somebody takes the name.
  desk.restoreMap('pom-emea', { zone: 'emea', ports: 2, uid: 'of-another' });
  desk.edit('pom-emea', (map) => ({ ...map, metadata: { ...map.metadata, labels: {} } }));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'ConfigMapConflict');
  let asked = 0;
  desk.faults.push(() => {
    asked++;
    return undefined;
  });
  await desk.clock.advance(40_000);
  await desk.run();
  assert.is(asked, 1);
  desk.deleteMap('pom-emea');
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
});
