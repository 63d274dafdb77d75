/** Writes that got no answer and land later, through the whole flow: S9 holds all the same. */
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';
import { createFlowDesk, writesMap, zonesOf } from '../support/flow-desk.ts';

const test = suite('late writes');
const at0 = (held: Record<string, number>, more: object = {}) => zonesOf(held, { settleSeconds: 0, ...more });

test('an update without an answer does not make forget a create without an answer of the same zone', async () => {
  const desk = createFlowDesk();
  desk.save(at0({ a: 2, b: 2 }));
  await desk.run();
  // The create of c with 1 gets no answer, and is on its way for long.
  desk.faults.push((request) => (writesMap(request, 'pom-licenses-c', 'POST') ? 'lost' : undefined));
  desk.save(at0({ a: 2, b: 2, c: 1 }));
  await desk.run();
  desk.faults.pop();
  // c is not wanted for a moment: it is kept out at zero. Then it is wanted again, and its update gets no answer either.
  desk.save(at0({ a: 2, b: 2 }));
  await desk.run();
  assert.is(desk.ports('pom-licenses-c'), '0');
  desk.faults.push((request) => (writesMap(request, 'pom-licenses-c', 'PUT') ? 'lost' : undefined));
  desk.save(at0({ a: 2, b: 2, c: 1 }));
  await desk.run();
  desk.faults.pop();
  // And it is given up for good: b gets its license.
  desk.save(at0({ a: 2, b: 3 }));
  await desk.run();
  await desk.run();
  desk.land();
  assert.equal(desk.judge.violations, []);
  assert.is(desk.ports('pom-licenses-b'), '3');
});

test('an update without an answer is kept out before the total of the system shrinks', async () => {
  const desk = createFlowDesk();
  desk.save(at0({ a: 2, b: 2 }));
  await desk.run();
  desk.faults.push((request) => (writesMap(request, 'pom-licenses-b', 'PUT') ? 'lost' : undefined));
  desk.save(at0({ a: 2, b: 3 }));
  await desk.run();
  desk.faults.pop();
  desk.save(at0({ a: 2, b: 2 }, { maximum: 4 }));
  const landed: number[] = [];
  desk.faults.push((request) => {
    if (writesMap(request, 'pom-licenses', 'PUT')) landed.push(...desk.land());
    return undefined;
  });
  await desk.run();
  assert.equal(landed, [409]);
  assert.equal(desk.judge.violations, []);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
});
