/** No object holds a worker for long: DESIGN section 3, rule 9. */
import * as assert from 'uvu/assert';
import { createTurn } from '../../src/controller/turn.ts';
import { asApiError } from '../../src/kube/errors.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, type FlowDesk, plainOf, zonesOf } from '../support/flow-desk.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const names = Array.from({ length: 64 }, (_, i) => `z${String(i).padStart(2, '0')}`);
const many = (count: number, more: object = {}) =>
  zonesOf(Object.fromEntries(names.map((name) => [name, count])), { maximum: 1_000, settleSeconds: 0, ...more });
const mapOf = (zone: string) => `pom-licenses-${zone}`;

/** All turns of an object: what each came to, its requests, and how long it took by the desk's clock, in milliseconds. */
async function turnsOf(desk: FlowDesk, between = 0) {
  const turns: { result: string; requests: number; took: number; event: string | undefined }[] = [];
  do {
    const began = desk.world.clock.monotonic();
    const { result, requests, event } = await desk.turn();
    turns.push({ result, requests, took: desk.world.clock.monotonic() - began, event: event?.note.reason });
    await desk.clock.advance(between);
  } while (turns.at(-1)?.result === 'more' && turns.length < 500);
  return turns;
}

/** From now on each request takes so many milliseconds. */
function slow(desk: FlowDesk, each: number): void {
  let waited = 0;
  desk.faults.push(() => {
    waited += each;
    return undefined;
  });
  Object.assign(desk.world, { clock: { ...desk.clock, monotonic: () => desk.clock.monotonic() + waited } });
}

const isOver = (turn: ReturnType<typeof createTurn>): boolean => {
  try {
    turn.goOn();
    return false;
  } catch (error) {
    assert.is(asApiError(error)?.reason, 'TurnIsOver');
    return true;
  }
};

const test = suite('turns');

test('a turn is over after a second, or 40 requests, once it has come to something', async () => {
  const clock = createVirtualClock();
  let sent = 0;
  const of = (progressed: boolean) => {
    const turn = createTurn(clock, () => sent);
    if (progressed) turn.progressed();
    return turn;
  };
  const [busy, vain] = [of(true), of(false)];
  sent = 39;
  assert.not.ok(isOver(busy));
  sent = 40;
  assert.ok(isOver(busy));
  assert.not.ok(isOver(vain));
  sent = 0;
  const [long, waiting] = [of(true), of(false)];
  await clock.advance(999);
  assert.not.ok(isOver(long));
  await clock.advance(1);
  assert.ok(isOver(long));
  assert.not.ok(isOver(waiting));
  waiting.progressed();
  assert.ok(isOver(waiting));
});

test('a plan of 64 zones is done in turns of at most 50 requests, with the same writes and no status between', async () => {
  const desk = createFlowDesk();
  desk.save(many(1));
  const first = await turnsOf(desk);
  assert.equal(
    first.map(({ result }) => result),
    ['more', 'more', 'more', 'written'],
  );
  assert.ok(first.every(({ requests }) => requests <= 50));
  const created = ['POST pom-licenses -', ...names.map((name) => `POST ${mapOf(name)} 1`)];
  assert.equal(desk.writes(), ['PUT status', ...created, 'PUT status']);
  desk.save(many(2));
  const second = await turnsOf(desk);
  assert.ok(second.length > 1 && second.every(({ requests }) => requests <= 50));
  const raised = names.map((name) => `PUT ${mapOf(name)} 2`);
  assert.equal(desk.writes(), ['PUT status', 'PUT pom-licenses -', ...raised, 'PUT status']);
  desk.save(plainOf(7, { settleSeconds: 0 }));
  assert.ok((await turnsOf(desk)).every(({ requests }) => requests <= 50));
  assert.equal([desk.ports('pom-licenses'), desk.reasonOf('Applied')], ['7', 'Applied']);
  assert.equal(desk.judge.violations, []);
});

/** An object whose zones were written long ago: an edit of them is ordinary drift. */
async function settled(): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(many(1));
  await desk.run();
  await desk.clock.advance(61_000);
  return desk;
}

test('64 zones that drifted are healed in turns, and it is told once, at the end', async () => {
  const desk = await settled();
  for (const name of names) desk.edit(mapOf(name), (map) => ({ ...map, data: {} }));
  desk.writes();
  const turns = await turnsOf(desk);
  assert.ok(turns.length > 1 && turns.every(({ requests }) => requests <= 50));
  assert.equal(
    desk.writes(),
    names.map((name) => `PUT ${mapOf(name)} 1`),
  );
  assert.equal(
    turns.flatMap(({ event }) => event ?? []),
    ['Restored'],
  );
  assert.is(turns.at(-1)?.event, 'Restored');
});

test('where the API server is slow a turn ends after a second, and what it read is not read again in the next', async () => {
  const desk = createFlowDesk();
  const reads = new Map<string, number>();
  desk.faults.push(({ method, path }) => {
    if (method === 'GET') reads.set(path, (reads.get(path) ?? 0) + 1);
    return undefined;
  });
  slow(desk, 700);
  desk.save(many(1));
  // Others have so much to do that what was found missing would be asked for again.
  const turns = await turnsOf(desk, 40_000);
  assert.is(turns.at(-1)?.result, 'written');
  assert.ok(turns.every(({ took }) => took <= 3_000));
  assert.is(Math.max(...reads.values()), 1);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

test('zones out of sight are found and get their labels back in turns, however slow it is', async () => {
  const desk = await settled();
  const lost = names.slice(0, 10);
  for (const name of lost) desk.edit(mapOf(name), (map) => ({ ...map, metadata: { ...map.metadata, labels: {} } }));
  slow(desk, 400);
  for (
    let n = 0;
    n < 40 && lost.some((name) => !desk.configMap(mapOf(name))?.metadata.labels?.['licensing.dialer.dev/zone']);
    n++
  )
    assert.ok((await turnsOf(desk)).every(({ took }) => took <= 3_000));
  for (const name of lost) assert.is(desk.configMap(mapOf(name))?.metadata.labels?.['licensing.dialer.dev/zone'], name);
  assert.equal(desk.judge.violations, []);
});

test('a turn that gets nowhere ends with what is in its way, not with more to do', async () => {
  const desk = await settled();
  for (const name of names) desk.edit(mapOf(name), ({ metadata, ...map }) => ({ ...map, metadata: foreign(metadata) }));
  assert.equal(
    (await turnsOf(desk)).map(({ result }) => result),
    ['problem'],
  );
  assert.is(desk.reasonOf('Ready'), 'ConfigMapConflict');
});
const foreign = (metadata: object) => ({
  ...metadata,
  ...{ labels: {}, annotations: {}, ownerReferences: [] },
});

for (const [what, isZone] of [
  ['zones that nobody wants go', true],
  ['what else carries the uid of an object goes', false],
] as const) {
  test(`${what} in turns`, async () => {
    const desk = createFlowDesk();
    desk.save(plainOf(5, { settleSeconds: 0 }));
    await desk.run();
    for (const name of names) {
      desk.restoreMap(mapOf(name), { zone: name, ports: 0 });
      if (isZone) continue;
      desk.edit(mapOf(name), ({ metadata, ...map }) => {
        const { 'licensing.dialer.dev/zone': _, ...labels } = metadata.labels ?? {};
        return { ...map, metadata: { ...metadata, labels }, data: {} };
      });
    }
    desk.writes();
    const turns = await turnsOf(desk);
    assert.ok(turns.length > 1 && turns.every(({ requests }) => requests <= 50));
    assert.is(desk.writes().filter((one) => one.startsWith('DELETE')).length, names.length);
    assert.is(desk.reasonOf('Applied'), 'Applied');
  });
}

test('where people ask for something else in between, what was found in the turn before is looked at anew', async () => {
  const desk = createFlowDesk();
  let reads = 0;
  desk.faults.push(({ method, path }) => {
    if (method === 'GET' && path.endsWith(`/${mapOf('z00')}`)) reads++;
    return undefined;
  });
  desk.save(many(1));
  assert.is((await desk.turn()).result, 'more');
  desk.save(many(2));
  await desk.run();
  assert.is(reads, 2);
  assert.is(desk.ports(mapOf('z00')), '2');
});
