/** Rule 8: what a change costs, counted at the API server. */
import * as assert from 'uvu/assert';
import { suite } from '../../suite.ts';
import {
  createFlowDesk,
  type FlowDesk,
  plainOf,
  waitOf,
  writesMap,
  writesStatus,
  zonesOf,
} from '../../support/flow-desk.ts';

const rule = suite('rule 8: writes of a change');
const isRead = (one: string) => one.startsWith('GET');

/** Runs until nothing is left to do; waits are waited for. */
async function finish(desk: FlowDesk): Promise<void> {
  for (let wait: number | undefined = 0; wait !== undefined; wait = waitOf(await desk.run()))
    await desk.clock.advance(wait);
}
/** An object whose settings are live, and were seen to be. */
async function live(spec: object): Promise<FlowDesk> {
  const desk = createFlowDesk();
  desk.save(spec);
  await finish(desk);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  await desk.run();
  desk.asked();
  return desk;
}
const zones = { a: 3, b: 1, c: 1 };

/** A change: what is there before, what is saved, and how many writes and reads it costs. */
type Change = readonly [string, object | undefined, object, number, number];
const withZones: readonly Change[] = [
  // Three zones and the system, `applying` and the status.
  ['a first apply', undefined, zonesOf(zones), 6, 4],
  // One down, one up, the system.
  ['a license moves between two zones', zonesOf(zones), zonesOf({ a: 2, b: 2, c: 1 }), 5, 0],
  ['a zone gets more', zonesOf(zones), zonesOf({ a: 4, b: 1, c: 1 }, { maximum: 6 }), 4, 0],
  ['a zone comes', zonesOf(zones, { maximum: 6 }), zonesOf({ ...zones, d: 1 }, { maximum: 6 }), 4, 1],
  ['a zone goes', zonesOf(zones), zonesOf({ a: 3, b: 1 }), 5, 0],
  // Behind the wait what was found free is asked for once more: R9.4.
  ['from no zones to zones', plainOf(5), zonesOf(zones), 6, 6],
  ['from zones to none', zonesOf({ a: 3, b: 2 }), plainOf(5), 7, 0],
  // Three new, three old, `applying` and the status.
  ['a rename', zonesOf({ a: 3, b: 2 }), zonesOf({ a: 3, b: 2 }, { configMap: { name: 'pom' } }), 8, 3],
];
const withoutZones: readonly Change[] = [
  ['a first apply', undefined, plainOf(5), 2, 0],
  ['new numbers', plainOf(5), plainOf(6), 2, 0],
  ['a rename', plainOf(5), plainOf(5, { configMap: { name: 'pom' } }), 3, 0],
  ['a rename with new numbers', plainOf(5), plainOf(6, { configMap: { name: 'pom' } }), 3, 0],
];
const sameDeclaration: readonly Change[] = [
  ['another settleSeconds', plainOf(5), plainOf(5, { settleSeconds: 5 }), 1, 0],
  ['another settleSeconds, with zones', zonesOf(zones), zonesOf(zones, { settleSeconds: 5 }), 1, 0],
  ['a suspension', plainOf(5), plainOf(6, { suspend: true }), 1, 0],
];
async function isCostOf([, first, next, writes, reads]: Change): Promise<void> {
  const desk = first ? await live(first) : createFlowDesk();
  desk.save(next);
  await finish(desk);
  const asked = desk.asked();
  assert.equal([asked.filter((one) => !isRead(one)).length, asked.filter(isRead).length], [writes, reads]);
  assert.equal(desk.judge.violations, []);
}

for (const one of withZones) rule(`R8.1 with zones, ${one[0]}: ${one[3]} writes, ${one[4]} reads`, () => isCostOf(one));
for (const one of withoutZones) rule(`R8.2 without zones, ${one[0]}: ${one[3]} writes`, () => isCostOf(one));
for (const one of sameDeclaration) rule(`R8.3 the same declaration, ${one[0]}: 1 status`, () => isCostOf(one));

rule('R8.1 a new term in the middle of a plan: one fence for each ConfigMap, and nothing twice', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf({ a: 2, b: 3 }));
  await desk.run();
  desk.nextTerm();
  desk.asked();
  await finish(desk);
  assert.equal(
    desk.asked().filter((one) => !isRead(one)),
    [
      ...['PUT pom-licenses -', 'PUT pom-licenses-a 2', 'PUT pom-licenses-b 2'],
      ...['PUT pom-licenses-b 3', 'PUT status'],
    ],
  );
});

rule('R8.1 a plan fails at each write once: no write is repeated that was answered', async () => {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  const failed = new Set<string>();
  desk.fail(
    (request) => {
      const what = `${request.method} ${request.path}`;
      if (request.method === 'GET' || failed.has(what)) return false;
      failed.add(what);
      return true;
    },
    { code: 429 },
  );
  desk.save(zonesOf({ a: 2, b: 3 }));
  for (let n = 0; n < 5; n++) await finish(desk);
  assert.equal(desk.writes(), [
    ...['PUT status', 'PUT pom-licenses-a 2', 'PUT pom-licenses -', 'PUT pom-licenses-b 3', 'PUT status'],
  ]);
});

for (const [what, spec] of [
  ['without zones', plainOf(5)],
  ['with zones', zonesOf({ a: 3, b: 2 })],
  ['with Retain', plainOf(5, { deletionPolicy: 'Retain' })],
  ['suspended', plainOf(5, { suspend: true })],
] as const)
  rule(`R8.4 no new generation, or a restart, costs no request: ${what}`, async () => {
    const desk = createFlowDesk();
    desk.save(spec);
    await finish(desk);
    await desk.run();
    desk.asked();
    await desk.run();
    desk.nextTerm();
    await desk.run();
    await desk.run();
    assert.equal(desk.asked(), []);
  });

rule('R8.4 one write for each drifted ConfigMap, and nothing else', async () => {
  const desk = await live(zonesOf(zones));
  await desk.clock.advance(120_000);
  for (const name of ['pom-licenses-a', 'pom-licenses-c']) desk.spoil(name);
  desk.nextTerm();
  await desk.run();
  assert.equal(desk.asked(), ['PUT pom-licenses-a 3', 'PUT pom-licenses-c 1']);
});

rule('R8.4 mended metadata are one write, and no news', async () => {
  const desk = await live(plainOf(5));
  desk.mark('pom-licenses', { annotations: {} });
  const { said, event } = await desk.run();
  assert.equal([said, event, desk.asked()], ['written', undefined, ['PUT pom-licenses 5']]);
});

rule('R8.5 what a conflict met is read once, and nothing else is read', async () => {
  const desk = await live(plainOf(5));
  desk.before(
    (request) => writesMap(request, 'pom-licenses'),
    () => desk.mark('pom-licenses', { finalizers: ['example.com/x'] }),
  );
  desk.save(plainOf(6));
  await desk.run();
  assert.equal(desk.asked(), ['PUT pom-licenses 6']);
  await desk.run();
  assert.equal(desk.asked(), ['GET pom-licenses', 'PUT pom-licenses 6', 'PUT status']);
  await desk.run();
  assert.equal(desk.asked(), []);
});

rule('R8.6 at most one event a change, after the status', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  const mend = desk.fail(writesStatus, { code: 503 });
  assert.is((await desk.run()).event, undefined);
  mend();
  const { event } = await desk.run();
  assert.is(event?.note.reason, 'Applied');
  assert.is(event?.about.metadata.resourceVersion, desk.object()?.metadata.resourceVersion, 'about what was written');
  assert.is((await desk.run()).event, undefined);
});
