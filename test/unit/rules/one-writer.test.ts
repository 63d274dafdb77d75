/** Rule 7 as far as one term decides it: writes whose answers it does not know, its own and those of an earlier term. */
import * as assert from 'uvu/assert';
import type { Applied, Status } from '../../../src/api/licensesettings.ts';
import { lateness } from '../../../src/controller/memory.ts';
import type { Request } from '../../../src/kube/client.ts';
import type { ApiErrorInit } from '../../../src/kube/errors.ts';
import { suite } from '../../suite.ts';
import {
  backoffOf,
  createFlowDesk,
  type FlowDesk,
  waitOf,
  writesMap,
  writesStatus,
  zonesOf,
} from '../../support/flow-desk.ts';

const rule = suite('rule 7: one writer');
const at0 = (held: Record<string, number>, more: object = {}) => zonesOf(held, { settleSeconds: 0, ...more });
const maps = (written: string[]) => written.filter((one) => !one.includes('status'));
const epochOf = (desk: FlowDesk, name: string) =>
  desk.configMap(name)?.metadata.annotations?.['licensing.dialer.dev/epoch'];

async function live(spec: object, quota?: number): Promise<FlowDesk> {
  const desk = createFlowDesk(quota === undefined ? {} : { quota });
  desk.save(spec);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.writes();
  return desk;
}

/** A plan whose create of zone c came to this; c would get one of the licenses. */
async function unanswered(how: ApiErrorInit | 'lost' = 'lost', quota?: number): Promise<FlowDesk> {
  const desk = await live(at0({ a: 2, b: 2 }), quota);
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-c', 'POST'), how);
  desk.save(at0({ a: 2, b: 2, c: 1 }));
  await desk.run();
  mend();
  desk.writes();
  return desk;
}

/** A plan that has taken a license from a, and waits before it gives it to b. */
async function waiting(zones: Record<string, number> = { a: 2, b: 3 }): Promise<FlowDesk> {
  const desk = await live(zonesOf({ a: 3, b: 2 }));
  desk.save(zonesOf(zones));
  await desk.run();
  desk.writes();
  return desk;
}

// --- What this term sent ---

for (const [how, lands] of [
  [{ code: 0, reason: 'NoAnswer' }, true],
  [{ code: 0, reason: 'BadAnswer' }, true],
  [{ code: 408 }, true],
  [{ code: 500 }, true],
  [{ code: 504, reason: 'Timeout' }, true],
  [{ code: 0, reason: 'NotLeader' }, false],
  [{ code: 0, reason: 'Credentials' }, false],
  [{ code: 401, reason: 'Unauthorized' }, false],
  [{ code: 403, reason: 'Forbidden' }, false],
  [{ code: 429, reason: 'TooManyRequests' }, false],
] as const)
  rule(`R7.5 a create that ended with ${JSON.stringify(how)} may ${lands ? '' : 'not '}land late`, async () => {
    const desk = await unanswered(how);
    desk.save(at0({ a: 2, b: 3 }));
    await desk.run();
    assert.is(desk.writes().includes('POST pom-licenses-c 0'), lands);
    assert.is(desk.reasonOf('Applied'), lands ? 'Settling' : 'Applied');
  });

rule('R7.5 a create without an answer that is seen to be done lands no more: nothing waits for it', async () => {
  const desk = await unanswered();
  assert.equal(desk.land(), [201]);
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.save(at0({ a: 2, b: 3 }));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.is(desk.configMap('pom-licenses-c'), undefined);
  assert.equal(desk.judge.violations, []);
});

rule('R7.6 a create without an answer is kept out at zero, before others get its licenses', async () => {
  const desk = await unanswered();
  desk.save(at0({ a: 2, b: 3 }));
  const wait = waitOf(await desk.run());
  assert.equal(desk.writes(), ['POST pom-licenses-c 0', 'PUT status', 'PUT pom-licenses -', 'PUT pom-licenses-b 3']);
  assert.equal(desk.land(), [409]);
  assert.is(wait, lateness);
  assert.equal(desk.judge.violations, []);
});

rule('R7.6 an update without an answer is made to conflict, once, before others get its licenses', async () => {
  const desk = await live(at0({ a: 2, b: 2 }));
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-b', 'PUT'), 'lost');
  desk.save(at0({ a: 2, b: 3 }));
  await desk.run();
  mend();
  const from = desk.configMap('pom-licenses-b')?.metadata.resourceVersion;
  desk.save(at0({ a: 3, b: 2 }));
  desk.writes();
  await desk.run();
  assert.equal(maps(desk.writes()), ['PUT pom-licenses-b 2', 'PUT pom-licenses -', 'PUT pom-licenses-a 3']);
  // A write that changes nothing would move no version.
  assert.is(epochOf(desk, 'pom-licenses-b'), `term-1.${from}`);
  assert.equal(desk.land(), [409]);
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), []);
  assert.equal(desk.judge.violations, []);
});

rule('R7.6 an update without an answer is kept out before the total of the system shrinks', async () => {
  const desk = await live(at0({ a: 2, b: 2 }));
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-b', 'PUT'), 'lost');
  desk.save(at0({ a: 2, b: 3 }));
  await desk.run();
  mend();
  desk.save(at0({ a: 2, b: 2 }, { maximum: 4 }));
  const landed: number[] = [];
  desk.before(
    (request) => writesMap(request, 'pom-licenses', 'PUT'),
    () => landed.push(...desk.land()),
  );
  await desk.run();
  assert.equal(landed, [409]);
  assert.equal(desk.judge.violations, []);
});

for (const [what, name] of [
  ['the same name', 'pom-licenses'],
  ['another name', 'pom'],
] as const)
  rule(`R7.6 a create without an answer of a zone that stays with less, under ${what}, is kept out`, async () => {
    const desk = await unanswered();
    desk.save(at0({ a: 2, b: 3, c: 0 }, { configMap: { name } }));
    await desk.run();
    const written = desk.writes();
    const [kept, given] = ['POST pom-licenses-c 0', ` ${name}-b 3`].map((words) =>
      written.findIndex((one) => one.endsWith(words)),
    ) as [number, number];
    assert.ok(kept >= 0 && kept < given, written.join(', '));
    desk.land();
    assert.equal(desk.judge.violations, []);
  });

rule('R7.6 a create without an answer of a zone that holds the same under another name threatens nobody', async () => {
  const desk = await unanswered();
  desk.save(at0({ a: 2, b: 2, c: 1 }, { configMap: { name: 'pom' } }));
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

rule('R7.6 a create without an answer that has landed is lowered before others get more', async () => {
  const desk = await unanswered();
  assert.equal(desk.land(), [201]);
  desk.writes();
  desk.save(at0({ a: 2, b: 3 }));
  await desk.run();
  assert.equal(maps(desk.writes()), [
    ...['PUT pom-licenses-c 0', 'PUT pom-licenses -', 'PUT pom-licenses-b 3', 'DELETE pom-licenses-c'],
  ]);
  assert.is(desk.reasonOf('Applied'), 'Applied', 'it lands no more, so nothing keeps it out');
  assert.equal(desk.judge.violations, []);
});

rule('R7.6 a zone that was put back without an answer may land late too', async () => {
  const desk = await live(at0({ a: 2, b: 2 }));
  desk.deleteMap('pom-licenses-b');
  const mend = desk.fail(({ method }) => method === 'POST', 'lost');
  await desk.run();
  mend();
  desk.save(at0({ a: 4 }));
  desk.writes();
  await desk.run();
  assert.equal(desk.writes().slice(0, 3), ['PUT status', 'POST pom-licenses-b 0', 'PUT pom-licenses -']);
  assert.is(desk.reasonOf('Applied'), 'Settling');
  desk.land();
  assert.equal(desk.judge.violations, []);
});

rule('R7.6 an update without an answer does not make forget a create without an answer of the same zone', async () => {
  const desk = await unanswered();
  // c is not wanted for a moment: it is kept out at zero. Then it is wanted again, and its update gets no answer either.
  desk.save(at0({ a: 2, b: 2 }));
  await desk.run();
  assert.is(desk.ports('pom-licenses-c'), '0');
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-c', 'PUT'), 'lost');
  desk.save(at0({ a: 2, b: 2, c: 1 }));
  await desk.run();
  mend();
  // And it is given up for good: b gets its license.
  desk.save(at0({ a: 2, b: 3 }));
  await desk.run();
  await desk.run();
  desk.land();
  assert.is(desk.ports('pom-licenses-b'), '3');
  assert.equal(desk.judge.violations, []);
});

rule('R7.7 a fence at zero that nobody wants stays for 65 s, also when nothing else is left to do', async () => {
  for (const next of [at0({ a: 2, b: 3 }), at0({ a: 2, b: 2 })]) {
    const desk = await unanswered();
    desk.save(next);
    assert.is(waitOf(await desk.run()), lateness);
    assert.is(desk.reasonOf('Applied'), 'Settling');
    await desk.clock.advance(lateness - 1);
    desk.writes();
    assert.is(waitOf(await desk.run()), 1);
    assert.equal(desk.writes(), []);
    await desk.clock.advance(1);
    await desk.run();
    assert.equal(desk.writes(), ['DELETE pom-licenses-c', 'PUT status']);
    assert.is(desk.reasonOf('Applied'), 'Applied');
  }
});

rule('R7.7 a request can land for 60 s after it was sent, and needs a moment to get there', () =>
  assert.is(lateness, 65_000),
);

rule('R7.7 a fence has its place in a quota until the create that it keeps out can not land any more', async () => {
  const desk = await live(at0({ a: 2 }), 3);
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-b', 'POST'), 'lost');
  desk.save(at0({ a: 2, b: 2 }));
  await desk.run();
  mend();
  desk.save(at0({ a: 2, c: 2 }));
  await desk.run();
  assert.equal([desk.ports('pom-licenses-b'), desk.reasonOf('Ready')], ['0', 'WriteRejected']);
  await desk.clock.advance(lateness);
  desk.land();
  await desk.run();
  assert.equal([desk.ports('pom-licenses-c'), desk.reasonOf('Ready')], ['2', 'Applied']);
  assert.equal(desk.judge.violations, []);
});

// --- What an earlier term sent ---

rule('R7.5 a plan of an earlier term: all its ConfigMaps are fenced, once, as they are', async () => {
  const desk = await waiting();
  const seen = () => desk.names().map((name) => [name, desk.configMap(name)?.['data'], desk.stamp(name)]);
  const before = seen();
  assert.equal(
    desk.names().map((name) => epochOf(desk, name)),
    [undefined, undefined, undefined],
    'its own are not',
  );
  desk.nextTerm();
  const versions = desk.names().map((name) => desk.configMap(name)?.metadata.resourceVersion);
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses -', 'PUT pom-licenses-a 2', 'PUT pom-licenses-b 2']);
  assert.equal(
    desk.names().map((name) => epochOf(desk, name)),
    versions.map((version) => `term-2.${version}`),
  );
  assert.equal(seen(), before);
  await desk.run();
  assert.equal(desk.writes(), []);
  assert.equal(desk.judge.violations, []);
});

rule('R7.6 a plan of an earlier term is fenced before the next one is told, and that goes on from there', async () => {
  const desk = await waiting();
  desk.nextTerm();
  desk.save(zonesOf({ a: 3, b: 2 }));
  const wait = waitOf(await desk.run()) ?? 0;
  // The system is not right yet, so a step writes it.
  assert.equal(desk.writes(), [
    ...['PUT pom-licenses-a 2', 'PUT pom-licenses-b 2', 'PUT status', 'PUT pom-licenses -'],
  ]);
  await desk.clock.advance(wait);
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses-a 3', 'PUT status'], 'only what is left');
  assert.equal(desk.judge.violations, []);
});

rule('R7.6 a takeover that fails half-way goes on with the rest, and nothing of the plan is done before', async () => {
  const desk = await waiting();
  desk.nextTerm();
  desk.save(zonesOf({ a: 1, b: 4 }));
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-b'), { code: 503 });
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses-a 2']);
  assert.is(desk.status()?.applying?.generation, 2, 'the new plan has not begun');
  mend();
  await desk.run();
  assert.equal(
    desk.writes().slice(0, 2),
    ['PUT pom-licenses-b 2', 'PUT status'],
    'what was fenced is not fenced again',
  );
  assert.is(desk.status()?.applying?.generation, 3);
});

rule('R7.6 a plan of an earlier term: a zone that is not there yet is created at zero', async () => {
  const desk = await waiting({ a: 2, b: 2, c: 1 });
  assert.is(desk.ports('pom-licenses-c'), undefined, 'the plan waits before it creates it');
  desk.nextTerm();
  await desk.run();
  assert.ok(desk.writes().includes('POST pom-licenses-c 0'));
  assert.equal(desk.judge.violations, []);
});

for (const [what, zones, reason] of [
  ['a conflict', { a: 2, b: 2, c: 1 }, 'ConfigMapConflict'],
  ['none, once it is not wanted', { a: 3, b: 2 }, 'Settling'],
] as const)
  rule(`R7.6 a plan of an earlier term, and a zone of it whose name is taken: ${what}`, async () => {
    const desk = await waiting({ a: 2, b: 2, c: 1 });
    desk.createForeign('pom-licenses-c');
    desk.save(zonesOf(zones));
    desk.nextTerm();
    await desk.run();
    assert.is(desk.reasonOf('Applied'), reason);
    assert.equal(desk.judge.violations, []);
  });

rule('R7.7 a zone of an earlier term that is not wanted any more is kept at zero for 65 s', async () => {
  const desk = await live(at0({ a: 2, b: 2 }));
  const mend = desk.fail((request) => writesMap(request, 'pom-licenses-c', 'POST'), { code: 403 });
  desk.save(at0({ a: 2, b: 2, c: 1 }));
  await desk.run();
  mend();
  desk.nextTerm();
  desk.save(at0({ a: 2, b: 3 }));
  desk.writes();
  assert.is(waitOf(await desk.run()), lateness);
  assert.is(desk.writes().filter((one) => one === 'POST pom-licenses-c 0').length, 1);
  assert.is(desk.reasonOf('Applied'), 'Settling');
  await desk.clock.advance(lateness);
  await desk.run();
  assert.equal(desk.writes(), ['DELETE pom-licenses-c', 'PUT status']);
});

rule('R7.7 a quota has no room for a fence: the plan waits until no earlier write can land', async () => {
  const full = 100_000;
  const desk = await live(zonesOf({ a: 2, b: 2 }), 3);
  desk.save(zonesOf({ c: 2, b: 2 }));
  await desk.run();
  desk.nextTerm();
  assert.is(backoffOf(await desk.run()), 'pause');
  assert.is(desk.reasonOf('Ready'), 'WriteRejected');
  await desk.clock.advance(lateness);
  assert.is(waitOf(await desk.run()), full - lateness, 'which counts from when this term first saw the object');
  assert.is(desk.reasonOf('Ready'), 'Settling');
  await desk.clock.advance(full - lateness);
  await desk.run();
  assert.is(desk.reasonOf('Ready'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

rule('R7.5 a plan of this term is not taken over because its last status was lost', async () => {
  const desk = await live(at0({ a: 3, b: 2 }));
  let statuses = 0;
  const mend = desk.fail((request) => writesStatus(request) && ++statuses === 2, { code: 409 });
  desk.save(at0({ a: 2, b: 3 }));
  await desk.run();
  mend();
  assert.is(desk.status()?.applying?.generation, 2);
  desk.writes();
  await desk.run();
  assert.equal(desk.writes(), ['PUT status']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

for (const [what, answered, time] of [
  ['its own beginning is refused, as another began it in the same second', true, undefined],
  ['its own beginning got no answer, and another began it at another time', false, '2030-01-01T00:00:00Z'],
] as const)
  rule(`R7.5 a plan that somebody else began is taken over: ${what}`, async () => {
    const desk = await live(at0({ a: 2, b: 2 }));
    let sent: Status | undefined;
    const begins = (request: Request) => {
      if (sent || !writesStatus(request)) return false;
      sent = (request.body as { status: Status }).status;
      if (answered) desk.restore(sent);
      return true;
    };
    desk.fail(begins, answered ? { code: 409 } : 'lost');
    desk.save(at0({ a: 1, b: 3 }));
    await desk.run();
    const begun = sent as Status | undefined;
    if (time) desk.restore({ ...begun, applying: { ...(begun?.applying as Applied), time } });
    desk.writes();
    await desk.run();
    // What is lowered need not be fenced.
    assert.equal(maps(desk.writes()).slice(0, 3), [
      'PUT pom-licenses-a 1',
      'PUT pom-licenses-b 2',
      'PUT pom-licenses -',
    ]);
    assert.equal(desk.judge.violations, []);
  });

rule('R7.5 what was not sent can not land: a plan that stops between two writes leaves nothing behind', async () => {
  const desk = await live(at0({ a: 2, b: 2 }));
  desk.before(
    (request) => writesMap(request, 'pom-licenses', 'PUT'),
    () => desk.save(at0({ a: 2, b: 2, c: 1 }, { suspend: true })),
  );
  desk.save(at0({ a: 2, b: 2, c: 1 }));
  await desk.run();
  desk.save(at0({ a: 2, b: 3 }));
  desk.writes();
  await desk.run();
  assert.ok(!desk.writes().some((one) => one.includes('pom-licenses-c')));
  assert.is(desk.reasonOf('Applied'), 'Applied');
});

rule(
  'R7.10 S9 a watch breaks off in the middle of a plan: nothing more is written before it is known what time it is',
  async () => {
    const desk = await live(at0({ a: 2, b: 2 }));
    desk.before(
      (request) => writesMap(request, 'pom-licenses-a'),
      () => desk.doubt(true),
    );
    desk.save(at0({ a: 1, b: 3 }));
    await desk.run();
    assert.equal(maps(desk.writes()), ['PUT pom-licenses-a 1']);
    await desk.run();
    assert.equal(desk.writes(), [], 'nor the status');
    desk.doubt(false);
    await desk.run();
    assert.equal(maps(desk.writes()), ['PUT pom-licenses -', 'PUT pom-licenses-b 3']);
    assert.equal(desk.judge.violations, []);
  },
);
