/** A decision is renewed before each write: nothing more is written for an object that changed its life meanwhile. */
import * as assert from 'uvu/assert';
import type { Request } from '../../src/kube/client.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, type FlowDesk, plainOf, zonesOf } from '../support/flow-desk.ts';

const test = suite('renewed decision');
const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`z${i}`, 1]));

/** Runs `action` when the operator sends its first create of a zone. */
function atFirstZone(desk: FlowDesk, action: () => void): void {
  let once = true;
  desk.faults.push(({ method, resource, body }: Request) => {
    const { name = '' } = (body as { metadata?: { name?: string } } | undefined)?.metadata ?? {};
    if (once && method === 'POST' && resource === 'configmaps' && name.includes('-z')) {
      once = false;
      action();
    }
    return undefined;
  });
}

for (const [what, change] of [
  ['is being deleted', (desk: FlowDesk) => desk.deleteObject({ held: true })],
  ['is gone', (desk: FlowDesk) => desk.deleteObject()],
  [
    'is gone, and another has its name',
    (desk: FlowDesk) => {
      desk.deleteObject();
      desk.save(zonesOf(many, { maximum: 20 }));
    },
  ],
  ['is suspended', (desk: FlowDesk) => desk.save(zonesOf(many, { maximum: 20, suspend: true }))],
] as const) {
  test(`in the middle of a plan the object ${what}: the plan stops, and nothing is told`, async () => {
    const desk = createFlowDesk();
    desk.save(zonesOf(many, { maximum: 20 }));
    atFirstZone(desk, () => change(desk));
    const { result } = await desk.run();
    assert.is(result, 'quiet');
    const creates = desk.writes().filter((one) => one.startsWith('POST'));
    assert.equal(creates, ['POST pom-licenses -', 'POST pom-licenses-z0 1'], 'only what was under way');
    assert.is(
      [...desk.world.late.values()].every(({ size }) => size === 0),
      true,
      'what was not sent can not land',
    );
  });
}

test('a zone is not healed for an object that is suspended meanwhile', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf(many, { maximum: 20 }));
  await desk.run();
  desk.writes();
  for (const zone of ['z0', 'z1', 'z2']) desk.edit(`pom-licenses-${zone}`, (map) => ({ ...map, data: {} }));
  desk.faults.push(({ method, resource }) => {
    if (method === 'PUT' && resource === 'configmaps' && desk.object()?.metadata.generation === 1)
      desk.save(zonesOf(many, { maximum: 20, suspend: true }));
    return undefined;
  });
  await desk.run();
  assert.is(desk.writes().length, 1);
  assert.is((await desk.run()).result, 'written');
  assert.equal([desk.writes(), desk.reasonOf('Ready')], [['PUT status'], 'Suspended']);
});

test('a newer spec does not stop a plan: it supersedes the plan when that has come to its end or its wait', async () => {
  const desk = createFlowDesk();
  desk.save(zonesOf(many, { maximum: 20 }));
  atFirstZone(desk, () => desk.save(zonesOf(many, { maximum: 30 })));
  await desk.run();
  assert.is(desk.ports('pom-licenses-z19'), '1');
});

test('an object that is suspended has its status written', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5, { suspend: true }));
  await desk.run();
  assert.equal(desk.writes(), ['PUT status']);
});
