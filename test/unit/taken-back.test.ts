/** Settings that are taken back: `applied` and `history` move only with the settingsHash, and a stamp never goes back. */
import * as assert from 'uvu/assert';
import { ApiError } from '../../src/kube/errors.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, type FlowDesk, plainOf, writesMap, zonesOf } from '../support/flow-desk.ts';

const test = suite('taken back');

/** What the status says of applies, without the settings. */
const told = (desk: FlowDesk) => {
  const { applied, applying, history = [] } = desk.status() ?? {};
  return [applied?.generation, applying?.generation, history.map(({ generation }) => generation)];
};

test('in the middle of a plan: the settings that were live are live again, and nothing was applied', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 3, b: 2 }));
  await desk.run();
  const before = desk.status();
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  assert.equal(told(desk), [1, 2, [1]]);
  desk.save(zonesOf({ a: 3, b: 2 }));
  await desk.run();
  assert.equal(told(desk), [1, 3, [1]], 'the way back is a plan too');
  await desk.clock.advance(100_000);
  const { event } = await desk.run();
  assert.equal(told(desk), [1, undefined, [1]]);
  assert.equal(desk.status()?.applied, before?.applied);
  assert.equal([desk.status()?.observedGeneration, desk.reasonOf('Applied')], [3, 'Applied']);
  assert.is(event, undefined, 'no settings went live');
  assert.is(desk.stamp('pom-licenses-a'), '3', 'its data changed twice since');
  assert.is(desk.stamp('pom-licenses-b'), '1', 'this one was not touched');
  desk.writes();
  assert.is((await desk.run()).result, 'unchanged');
  desk.nextTerm();
  await desk.run();
  assert.equal(desk.writes(), [], 'and there it stays');
  assert.equal(desk.judge.violations, []);
});

test('from zones to none and back: the record of the ConfigMap is no apply of its own', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5, { settleSeconds: 0 }));
  await desk.run();
  desk.save(zonesOf({ a: 3 }, { settleSeconds: 0 }));
  desk.faults.push((request) =>
    writesMap(request, 'pom-licenses-a') ? new ApiError('not now', { code: 429 }) : undefined,
  );
  await desk.run();
  assert.equal(told(desk), [1, 2, [1]]);
  desk.faults.pop();
  desk.save(plainOf(5, { settleSeconds: 0 }));
  await desk.run();
  assert.equal(told(desk), [1, undefined, [1]]);
  assert.is(desk.stamp('pom-licenses'), '3');
  desk.writes();
  desk.nextTerm();
  await desk.run();
  assert.equal([told(desk), desk.writes()], [[1, undefined, [1]], []]);
  // A newer change of it all goes on from there.
  desk.save(plainOf(6, { settleSeconds: 0 }));
  await desk.run();
  assert.equal(told(desk), [4, undefined, [4, 1]]);
  assert.equal(desk.judge.violations, []);
});

test('without zones, there and back without a look in between: nothing is written but the status', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  await desk.run();
  desk.writes();
  desk.save(plainOf(6));
  desk.save(plainOf(5));
  await desk.run();
  assert.equal([desk.writes(), told(desk)], [['PUT status'], [1, undefined, [1]]]);
});

test('without zones, there and back, both live before a status could say so: the same settings are no second apply', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  await desk.run();
  desk.faults.push(({ resource }) =>
    resource.endsWith('/status') ? new ApiError('conflict', { code: 409 }) : undefined,
  );
  for (const maximum of [6, 5]) {
    desk.save(plainOf(maximum));
    await desk.run();
  }
  desk.faults.pop();
  await desk.run();
  assert.equal(told(desk), [1, undefined, [1]]);
  assert.is(desk.stamp('pom-licenses'), '3', 'a stamp never goes back');
  desk.edit('pom-licenses', (map) => ({ ...map, data: {} }));
  await desk.run();
  assert.is(desk.stamp('pom-licenses'), '3', 'nor when it is healed');
  assert.equal(desk.judge.violations, []);
});
