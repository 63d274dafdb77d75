/** Faults that were seen, or that befall clusters, each by name: none breaks an invariant. */
import * as assert from 'uvu/assert';
import { runSchedule } from '../simulation/run.ts';
import { scenarios } from '../simulation/scenarios.ts';
import { suite } from '../suite.ts';

const test = suite('scenarios');

for (const { name, schedule } of scenarios)
  test(name, async () => {
    const { violations } = await runSchedule(schedule);
    assert.equal(violations, [], `npm run simulate -- --scenario '${name}'`);
  });

test('each name is one scenario', () => {
  assert.is(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
});
