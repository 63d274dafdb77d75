/** Faults that were seen, or that befall clusters, each by name: none breaks an invariant. */
import * as assert from 'uvu/assert';
import { runSchedule } from '../simulation/run.ts';
import { scenarios } from '../simulation/scenarios.ts';
import { suite } from '../suite.ts';

/** What is known to fail, and still to be mended. One that passes has to be taken off this list. */
const known: readonly string[] = [
  'a finalizer holds what is made immutable and edited',
  'a policy: make immutable',
  'a policy: add key',
  'a policy: change number',
  'a second operator heals the same ConfigMap',
  'a second operator deletes a zone whenever it is there',
  'somebody rewrites the status',
  'the store goes back, and soon past what was known',
  'the store goes back to before a plan',
];

const test = suite('scenarios');

for (const { name, schedule } of scenarios)
  test(name, async () => {
    const { violations } = await runSchedule(schedule);
    const command = `npm run simulate -- --scenario '${name}'`;
    if (known.includes(name)) assert.not.equal(violations, [], 'it passes now: take it off the list');
    else assert.equal(violations, [], command);
  });

test('the list of what is known to fail names scenarios', () => {
  const names = scenarios.map(({ name }) => name);
  assert.equal(
    known.filter((name) => !names.includes(name)),
    [],
  );
  assert.is(new Set(names).size, names.length, 'each name is one scenario');
});
