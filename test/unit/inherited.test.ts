/** What an earlier object of the same name left to nobody, under Retain or by an orphaning delete: DESIGN section 3, rule 4. */
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';
import { createFlowDesk, plainOf, zonesOf } from '../support/flow-desk.ts';

const test = suite('what an earlier object left');
const retained = { deletionPolicy: 'Retain', settleSeconds: 100 };

/** An object with these settings, deleted again; its ConfigMaps stay. */
async function left(spec: object) {
  const desk = createFlowDesk();
  desk.save(spec);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.deleteObject();
  await desk.run();
  desk.writes();
  return desk;
}
const changes = (writes: string[]) => writes.filter((one) => one !== 'PUT status');

test('a zone that is not wanted any more is lowered, waited for and deleted, and only then others get more', async () => {
  const desk = await left(zonesOf({ amer: 2, apac: 3 }, retained));
  desk.save(zonesOf({ amer: 5 }, retained));
  assert.is((await desk.run()).again, 100_000);
  assert.equal(changes(desk.writes()), ['PUT pom-licenses-apac 0', 'PUT pom-licenses -']);
  await desk.clock.advance(100_000);
  await desk.run();
  assert.equal(changes(desk.writes()), ['PUT pom-licenses-amer 5', 'DELETE pom-licenses-apac']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

test('without zones the system gets its licenses when those of the zones were given back', async () => {
  const desk = await left(zonesOf({ amer: 2, apac: 3 }, retained));
  desk.save(plainOf(5, retained));
  await desk.run();
  assert.equal(changes(desk.writes()), ['PUT pom-licenses-amer 0', 'PUT pom-licenses-apac 0']);
  await desk.clock.advance(100_000);
  await desk.run();
  assert.equal(changes(desk.writes()), ['PUT pom-licenses 5', 'DELETE pom-licenses-amer', 'DELETE pom-licenses-apac']);
  assert.equal(desk.judge.violations, []);
});

test('under another name, without zones: the new one is created, and the old one goes', async () => {
  const desk = await left(plainOf(5, retained));
  desk.save(plainOf(4, { ...retained, configMap: { name: 'pom-limits' } }));
  await desk.run();
  assert.equal(
    changes(desk.writes()),
    ['POST pom-limits 4', 'PUT pom-licenses 5', 'DELETE pom-licenses'],
    'claimed first',
  );
  assert.equal(desk.judge.violations, []);
});

test('a copy under a name that its record does not give it is left alone, and so is what comes later', async () => {
  const desk = await left(zonesOf({ amer: 2, apac: 3 }, retained));
  desk.copyMap('pom-licenses-apac', 'kept-by-hand');
  desk.deleteMap('pom-licenses-apac');
  desk.save(zonesOf({ amer: 5 }, retained));
  await desk.run();
  await desk.clock.advance(100_000);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.is(desk.ports('kept-by-hand'), '3');
  desk.restoreMap('pom-licenses-apac', { zone: 'apac', ports: 3, uid: 'of-nobody' });
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), []);
  assert.is(desk.ports('pom-licenses-apac'), '3');
});
