/** The wait of DESIGN section 3, rule 2, through the whole flow: what begins it, what does not, and by which clock. */
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';
import { createFlowDesk, plainOf, writesMap, zonesOf } from '../support/flow-desk.ts';

const test = suite('settle');
const full = 100_000;

/** Zones a and b, of which a gave a license back long ago. */
async function settled() {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 3, b: 2 }));
  await desk.run();
  desk.save(zonesOf({ a: 2, b: 2 }));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied', 'who only gives back waits for nobody');
  await desk.clock.advance(1_000_000);
  desk.writes();
  return desk;
}
type Desk = Awaited<ReturnType<typeof settled>>;
/** b gets the license that a gave back. */
const raise = (desk: Desk) => {
  desk.save(zonesOf({ a: 2, b: 3 }));
  return desk.run();
};

test('a first apply does not wait, nor does a raise after it, also in a term that has just begun', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 2, b: 2 }));
  assert.is((await desk.run()).again, undefined);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.is((await raise(desk)).again, undefined);
  assert.equal(desk.judge.violations, []);
});

test('what this term took away long ago makes nobody wait', async () => {
  const desk = await settled();
  assert.is((await raise(desk)).again, undefined);
  assert.is(desk.ports('pom-licenses-b'), '3');
});

for (const [what, days] of [
  ['right', 0],
  ['a day ahead', 1],
  ['a day behind', -1],
] as const) {
  test(`a new term does not know what was taken away: a raise waits from when it first saw the object, its wall clock ${what}`, async () => {
    const desk = await settled();
    desk.nextTerm();
    desk.clock.setWall(desk.clock.wall() + days * 86_400_000);
    assert.is((await desk.run()).result, 'unchanged', 'the look at a settled object costs nothing');
    assert.equal(desk.writes(), []);
    await desk.clock.advance(40_000);
    assert.is((await raise(desk)).again, 60_000);
    assert.is(desk.ports('pom-licenses-b'), '2');
    await desk.clock.advance(60_000);
    await desk.run();
    assert.is(desk.ports('pom-licenses-b'), '3');
  });
}

test('a new term that has seen the object for settleSeconds lets nobody wait', async () => {
  const desk = await settled();
  desk.nextTerm();
  await desk.run();
  await desk.clock.advance(full);
  assert.is((await raise(desk)).again, undefined);
});

test('healing waits for nobody, also in a new term', async () => {
  const desk = await settled();
  desk.nextTerm();
  desk.deleteMap('pom-licenses-b');
  assert.is((await desk.run()).again, undefined);
  assert.is(desk.ports('pom-licenses-b'), '2');
});

test('without zones nobody waits, also in a new term', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  await desk.run();
  desk.nextTerm();
  desk.save(plainOf(6, { configMap: { name: 'pom' } }));
  assert.is((await desk.run()).again, undefined);
  assert.is(desk.ports('pom'), '6');
});

test('zones whose first ConfigMap comes into sight in the middle of a term wait from then on', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf({ a: 3, b: 2 }, { suspend: true }));
  await desk.run();
  await desk.clock.advance(1_000_000);
  desk.restoreMap('pom-licenses-a', { zone: 'a', ports: 2 });
  desk.save(zonesOf({ a: 3, b: 2 }));
  assert.is((await desk.run()).again, full);
  assert.is(desk.ports('pom-licenses-a'), '2');
});

test('a rename to ConfigMaps that an earlier object retained does not know what was taken from them: it waits in full', async () => {
  const desk = await settled();
  desk.restoreMap('pom-x-a', { zone: 'a', ports: 2, uid: 'earlier' });
  desk.save(zonesOf({ a: 2, b: 3 }, { configMap: { name: 'pom-x' } }));
  assert.is((await desk.run()).again, full);
  assert.is(desk.ports('pom-x-b'), undefined);
});

test('people worked by hand while it was suspended: what goes up afterwards waits in full', async () => {
  const desk = await settled();
  desk.save(zonesOf({ a: 2, b: 2 }, { suspend: true }));
  await desk.run();
  await desk.clock.advance(1_000_000);
  assert.is((await raise(desk)).again, full);
});

test('the wait after a suspension ends with settleSeconds, however much later the raise comes', async () => {
  const desk = await settled();
  desk.save(zonesOf({ a: 2, b: 2 }, { suspend: true }));
  await desk.run();
  desk.save(zonesOf({ a: 2, b: 2 }));
  await desk.run();
  await desk.clock.advance(full);
  assert.is((await raise(desk)).again, undefined);
});

test('a decrease whose answer was lost is waited for from when it was seen to be done', async () => {
  const desk = await settled();
  desk.faults.push((request) => (writesMap(request, 'pom-licenses-a', 'PUT') ? 'lost' : undefined));
  desk.save(zonesOf({ a: 1, b: 3 }));
  await desk.run();
  desk.faults.pop();
  await desk.clock.advance(50_000);
  desk.land();
  assert.is(desk.ports('pom-licenses-a'), '1');
  assert.is((await desk.run()).again, full);
});
