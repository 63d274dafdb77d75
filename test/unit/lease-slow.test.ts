/** The lease where the API server is slow, forgetful, or shows what others wrote: who leads, and who may write. */
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';
import { createLeaseWorld, type Fault, failing, type Lease } from '../support/lease-world.ts';
import { seededRandom } from '../support/random.ts';

const slow = suite('R7.2 slow lease');

for (const seconds of [0, 1, 2, 3, 3.5, 4, 5, 6, 7, 8, 9]) {
  for (const way of ['there', 'back'] as const) {
    slow(
      `each request takes ${seconds} s on the way ${way}: the lease is taken, and kept for ten minutes`,
      async () => {
        const { clock, replica, server } = createLeaseWorld();
        const delay = seconds * 1000;
        server.fault = () => (way === 'there' ? { there: delay, back: 0 } : { there: 0, back: delay });
        const a = replica('a');
        await clock.advance(2 * delay + 1_500);
        assert.ok(a.leads());
        const b = replica('b');
        let open = 0;
        for (let n = 0; n < 6_000; n++) {
          await clock.advance(100);
          if (a.elector.remaining() > 0) open++;
          assert.ok(!(b.elector.remaining() > 0), 'the other may write');
        }
        assert.equal([a.log, a.lostAt, b.log], [a.log.slice(0, 1), [], []]);
        // As far as answers allow it: from each answer until 10 s after its request was sent, of each such time.
        const share = Math.min(1, (10 - seconds) / Math.max(2, seconds));
        assert.ok(open >= 5_850 * share, `may write for ${open / 10} of 600 s`);
      },
    );
  }
}

for (const seconds of [0, 4, 9]) {
  slow(
    `each request takes ${seconds} s: after a crash the other leads within lease time and its own requests`,
    async () => {
      const { clock, replica, server } = createLeaseWorld();
      server.fault = (_, from) => (from === 'a' && crashed ? 'hang' : seconds * 1000);
      let crashed = false;
      const a = replica('a');
      await clock.advance(2 * seconds * 1000 + 1_500);
      const b = replica('b');
      await clock.advance(60_000);
      assert.equal([a.leads(), b.leads()], [true, false]);
      crashed = true;
      // It sees the last renewal, looks while the lease runs out and once more, and takes it.
      await clock.advance(15_000 + 4 * (seconds * 1000 + 1_200));
      assert.ok(b.leads());
    },
  );
}

for (const way of ['there', 'back'] as const) {
  slow(`only writes take 9 s, on the way ${way}: what a read shows to have landed counts`, async () => {
    const { clock, replica, server } = createLeaseWorld();
    server.fault = ({ method }) =>
      method === 'GET' ? undefined : way === 'there' ? { there: 9_000, back: 0 } : { there: 0, back: 9_000 };
    const a = replica('a');
    await clock.advance(10_000);
    let open = 0;
    for (let n = 0; n < 600; n++) {
      await clock.advance(100);
      if (a.elector.remaining() > 0) open++;
    }
    assert.equal([a.leads(), a.log.length], [true, 1]);
    // On the way back a look after 3.3 s tells.
    assert.ok(way === 'there' ? open > 50 : open > 550, `may write for ${open / 10} of 60 s`);
  });
}

slow('R7.1 while the fence is shut the term goes on, and the fence opens again with the next renewal', async () => {
  const { clock, replica, server } = createLeaseWorld();
  const a = replica('a');
  await clock.advance(1_000);
  server.fault = () => 9_500;
  const phases: boolean[] = [];
  for (let n = 0; n < 220; n++) {
    await clock.advance(100);
    const open = a.elector.remaining() > 0;
    if (phases.at(-1) !== open) phases.push(open);
  }
  assert.equal([phases.slice(0, 4), a.leads(), a.log.length], [[true, false, true, false], true, 1]);
});

slow('the term ends when no renewal was answered for 10 s, and what is under way is told', async () => {
  const { clock, replica, server } = createLeaseWorld();
  const a = replica('a');
  a.drainFor(1_000);
  await clock.advance(5_000);
  let answered = 0;
  server.fault = ({ method }) => {
    if (method !== 'PUT' || answered > 0) return 'hang';
    answered = clock.monotonic() + 6_000;
    return 6_000;
  };
  await clock.advance(60_000);
  // The next renewal is sent at once, since the last took longer than the 2 s between them.
  assert.is(a.lostAt[0], answered + 10_000);
  assert.ok(a.kinds().includes('lost'));
});

slow('a server that becomes slow, or quick, from one request to the next does not cost the lease', async () => {
  const { clock, replica, server } = createLeaseWorld();
  let seconds = 0;
  server.fault = () => seconds * 1000;
  const a = replica('a');
  await clock.advance(1_000);
  for (const next of [9, 0, 9, 4, 9, 0]) {
    seconds = next;
    await clock.advance(60_000);
  }
  assert.equal([a.leads(), a.log.length, a.lostAt], [true, 1, []]);
});

slow('two renewals on dead connections in a row do not cost the lease', async () => {
  const { clock, server, replica } = createLeaseWorld();
  const a = replica('a');
  await clock.advance(10);
  let hung = 0;
  server.fault = () => (hung < 2 && ++hung ? 'hang' : undefined);
  await clock.advance(30_000);
  assert.equal([hung, a.leads(), a.log.length], [2, true, 1]);
});

for (const [what, fault] of [
  ['got no answer', 'lost'],
  ['met 503', failing(503)({} as never, '')],
] as [string, Fault][]) {
  slow(`after a renewal that ${what} the lease is read before it is written`, async () => {
    const { clock, server, sent, replica } = createLeaseWorld();
    const a = replica('a');
    await clock.advance(10);
    let met = 0;
    server.fault = ({ method }) => (method === 'PUT' && met++ === 0 ? fault : undefined);
    sent.splice(0);
    await clock.advance(5_000);
    assert.equal([sent.slice(0, 3).map(({ method }) => method), a.log.length], [['PUT', 'GET', 'PUT'], 1]);
  });
}

slow('R7.1 a renewal whose answer comes after the lease was lost opens no fence', async () => {
  const { clock, server, replica } = createLeaseWorld();
  const a = replica('a');
  await clock.advance(10);
  server.isDeaf = true;
  // It lands at once, and is answered when a look has found that another holds the lease.
  server.fault = ({ method }) => (method === 'PUT' ? { there: 0, back: 8_000 } : undefined);
  await clock.advance(2_500);
  if (server.lease) {
    server.lease.metadata.resourceVersion = String(++server.version);
    server.lease.spec = { ...server.lease.spec, holderIdentity: 'thief' };
  }
  await clock.advance(4_000);
  assert.equal([a.lostAt.length, a.elector.remaining() > 0], [1, false]);
  for (let n = 0; n < 60; n++) {
    await clock.advance(100);
    assert.equal([a.leads(), a.elector.remaining() > 0], [false, false]);
  }
});

slow('R7.1 a renewal that a read shows to have landed counts from when it was sent', async () => {
  const { clock, server, sent, replica } = createLeaseWorld();
  const a = replica('a');
  await clock.advance(10);
  server.fault = ({ method }) => (method === 'PUT' ? { there: 0, back: 100_000 } : undefined);
  sent.splice(0);
  await clock.advance(5_700);
  const [put, get] = sent;
  assert.equal([put?.method, get?.method], ['PUT', 'GET']);
  assert.is(a.elector.remaining(), (put?.at ?? 0) + 10_000 - clock.monotonic());
});

slow('R7.1 of two renewals that can not be told apart the earlier counts: the wall clock stands still', async () => {
  const { clock, server, sent, replica } = createLeaseWorld();
  const { wall } = { wall: clock.wall() };
  Object.assign(clock, { wall: () => wall });
  const a = replica('a');
  await clock.advance(10);
  // The first lands after the second was sent, which never does; both have no answer.
  server.fault = ({ method }) =>
    method !== 'PUT' ? undefined : sent.filter(({ method }) => method === 'PUT').length > 1 ? 'hang' : first;
  const first = { there: 5_000, back: 100_000 };
  await clock.advance(10_000);
  const put = sent.find(({ method }) => method === 'PUT')?.at ?? 0;
  const left = a.elector.remaining();
  assert.ok(a.leads() && left <= put + 10_000 - clock.monotonic(), `${left} ms`);
});

slow('after a conflict the lease is read at once; after the next it waits', async () => {
  const { clock, server, sent, replica } = createLeaseWorld();
  const a = replica('a');
  await clock.advance(10);
  let met = 0;
  server.fault = ({ method }) => (method === 'PUT' && met++ < 2 ? failing(409)({} as never, '') : undefined);
  sent.splice(0);
  await clock.advance(6_000);
  const [put = 0, get = 0, , later = 0] = sent.map(({ at }) => at);
  assert.equal([get - put, later - get > 1_500], [0, true]);
  assert.equal(a.kinds(), ['leading'], 'that is no news');
});

slow("a deleted lease is nobody else's for a whole life, whenever its last renewal was seen", async () => {
  const { clock, server, replica } = createLeaseWorld();
  const a = replica('a');
  await clock.advance(10);
  const b = replica('b');
  await clock.advance(20_000);
  server.fault = failing(503, 'b');
  await clock.advance(9_000);
  server.lease = undefined;
  server.fault = (_, from) => (from === 'a' ? 'hang' : undefined);
  for (let n = 0; n < 200 && !b.leads(); n++) {
    await clock.advance(100);
    assert.ok(!(a.elector.remaining() > 0 && b.elector.remaining() > 0), 'both may write');
  }
  assert.ok(b.leads());
});

slow('a deleted lease is not made again when the fence is shut: another may have held it since', async () => {
  const { clock, server, replica } = createLeaseWorld();
  const a = replica('a');
  await clock.advance(1_000);
  server.fault = ({ method }) => (method === 'GET' ? { there: 6_000, back: 0 } : 'hang');
  await clock.advance(8_000);
  server.lease = undefined;
  await clock.advance(20_000);
  assert.match(String((a.news.find(({ kind }) => kind === 'lost') as { why: string }).why), /another may have held it/);
});

const odd = suite('R7.2 odd lease');
const maximum = 2_147_483_647;
for (const [what, spec, transitions] of [
  ['leaseTransitions at its maximum', { leaseTransitions: maximum }, maximum],
  ['leaseTransitions below zero', { leaseTransitions: -7 }, 1],
  ['leaseTransitions that are text', { leaseTransitions: 'many' }, 1],
  ['leaseTransitions beyond any bound', { leaseTransitions: 1e300 }, maximum],
  ['leaseTransitions null', { leaseTransitions: null }, 1],
  ['a life of 68 years', { leaseDurationSeconds: maximum }, 1],
  ['a life below zero', { leaseDurationSeconds: -1 }, 1],
  ['a life that is text', { leaseDurationSeconds: 'forever' }, 1],
  ['a life that is null', { leaseDurationSeconds: null }, 1],
  ['a holder that is no text', { holderIdentity: { a: 1 } }, 1],
  ['a holder of a megabyte', { holderIdentity: 'x'.repeat(1_000_000) }, 1],
] as [string, Record<string, unknown>, number][]) {
  odd(`one that somebody left with ${what} is taken over within its time, at most 5 minutes`, async () => {
    const { clock, server, replica } = createLeaseWorld();
    // As the API server: it refuses what does not fit.
    server.fault = ({ body }) => {
      const { leaseTransitions: count = 0 } = (body as Lease | undefined)?.spec ?? {};
      const fits = Number.isInteger(count) && Number(count) >= 0 && Number(count) <= maximum;
      return fits ? undefined : failing(422)({} as never, '');
    };
    server.lease = {
      metadata: { resourceVersion: '1' },
      spec: { holderIdentity: 'gone', leaseDurationSeconds: 15, ...spec },
    };
    const a = replica('a');
    const isLong = spec['leaseDurationSeconds'] === maximum;
    const isFree = typeof spec['holderIdentity'] === 'object';
    await clock.advance(isLong ? 299_000 : 14_000);
    assert.is(a.leads(), isFree, 'not before its time');
    await clock.advance(2_300);
    assert.ok(a.leads());
    assert.is(server.lease?.spec?.['leaseTransitions'], transitions);
    assert.ok(JSON.stringify(a.news).length < 1_000, 'news are for people');
  });
}

const restored = suite('R7.2 restored lease');
/** Two replicas that have seen `a` lead, and the lease of an older time, changed by `then`. */
async function restore(then: (spec: Record<string, unknown>) => Record<string, unknown>) {
  const world = createLeaseWorld();
  const { clock, server, replica } = world;
  const a = replica('a');
  await clock.advance(10);
  const backup = structuredClone(server.lease) as Lease;
  const b = replica('b');
  await clock.advance(20_000);
  server.lease = { ...backup, spec: then(backup.spec ?? {}) };
  return { ...world, a, b };
}
for (const [whose, change] of [
  ['given back', (spec) => ({ ...spec, holderIdentity: '', leaseDurationSeconds: 1 })],
  ["the other's own", (spec) => ({ ...spec, holderIdentity: 'b' })],
] as [string, (spec: Record<string, unknown>) => Record<string, unknown>][]) {
  restored(`one of an older time that is ${whose} is not taken while its last holder may write`, async () => {
    const { clock, server, a, b } = await restore(change);
    // The holder gets no answer: it does not know yet.
    server.fault = (_, from) => (from === 'a' ? 'hang' : undefined);
    for (let n = 0; n < 200 && !b.leads(); n++) {
      await clock.advance(100);
      assert.ok(!(a.elector.remaining() > 0 && b.elector.remaining() > 0), 'both may write');
    }
    assert.ok(b.leads(), 'within its time');
  });
}
restored("the holder's own of an older time is renewed: it goes on", async () => {
  const { clock, a, b, holder } = await restore((spec) => spec);
  await clock.advance(60_000);
  assert.equal([holder(), a.leads(), a.log.length, b.log.length], ['a', true, 1, 0]);
});
restored('one of an older time with a dead holder is taken when its time is over', async () => {
  const { clock, a, b } = await restore((spec) => ({ ...spec, holderIdentity: 'dead' }));
  await clock.advance(19_000);
  assert.is(a.leads() !== b.leads(), true);
});
restored("the holder's own of an older time is no proof when the fence is shut", async () => {
  const { clock, server, replica } = createLeaseWorld();
  const a = replica('a');
  await clock.advance(10);
  const backup = structuredClone(server.lease) as Lease;
  await clock.advance(5_000);
  server.fault = ({ method }) => (method === 'GET' ? { there: 6_000, back: 0 } : 'hang');
  await clock.advance(8_000);
  server.lease = backup;
  await clock.advance(20_000);
  assert.match(String((a.news.find(({ kind }) => kind === 'lost') as { why: string }).why), /of an older time/);
});

const drawn = suite('R7.1 drawn lease');
/** What befalls a request, by weight: mostly nothing. */
function drawFault(random: () => number): Fault {
  const roll = random();
  if (roll < 0.5) return { there: 50 * random(), back: 50 * random() };
  if (roll < 0.8) return { there: 11_000 * random() ** 2, back: 11_000 * random() ** 2 };
  if (roll < 0.87) return 'lost';
  if (roll < 0.94) return 'hang';
  return failing(roll < 0.97 ? 503 : 409)({} as never, '');
}
drawn('two electors under drawn delays, losses, pauses and clocks that differ: never two that may write', async () => {
  let terms = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const { clock, server, replica } = createLeaseWorld(seed);
    const random = seededRandom(seed);
    let [calm, step] = [true, 0];
    server.fault = () => (calm ? undefined : drawFault(random));
    const both = ['a', 'b'].map((name) => replica(name, { rate: 0.9 + 0.2 * random() }));
    // Both have seen a lease: who never saw it takes one that was deleted at once.
    await clock.advance(5_000);
    for (; step < 1_200; step++) {
      if (step % 50 === 0) calm = random() < 0.3;
      for (const one of both) {
        if (one.isAsleep() ? random() < 0.01 : random() < 0.001) one.isAsleep() ? one.wake() : one.sleep();
      }
      if (random() < 0.001) server.lease = undefined;
      await clock.advance(100);
      assert.ok(both.filter(({ elector }) => elector.remaining() > 0).length < 2, `seed ${seed}, step ${step}`);
    }
    terms += both.reduce((sum, { log }) => sum + log.filter((line) => line.startsWith('leads')).length, 0);
  }
  assert.ok(terms > 300, `${terms} terms`);
});
