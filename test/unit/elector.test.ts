/** Electors on a virtual clock around one lease, with requests that fail, hang, or lose their answers. */
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';
import { failing, type Lease, createLeaseWorld as setUp } from '../support/lease-world.ts';

const test = suite('elector');

test('a free lease is taken at once, with the fields and the microseconds that Kubernetes wants', async () => {
  const { clock, server, replica } = setUp();
  const a = replica('a');
  await clock.advance(0);
  assert.ok(a.leads());
  const { acquireTime, renewTime, ...rest } = server.lease?.spec ?? {};
  assert.equal(rest, { holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
  assert.match(String(renewTime), /^2026-01-01T00:00:00\.000000Z$/);
  assert.is(acquireTime, renewTime);
});

test('it is renewed every 2 s, acquireTime and what others wrote on it stay', async () => {
  const { clock, server, sent, replica } = setUp();
  const a = replica('a');
  await clock.advance(0);
  const { metadata, spec } = server.lease as Lease;
  const resourceVersion = String(++server.version);
  server.lease = {
    metadata: { ...metadata, resourceVersion, labels: { team: 'dialer' } },
    spec: { ...spec, strategy: 'OldestEmulationVersion' },
  };
  await clock.advance(60_000);
  const renewals = sent.filter(({ method }) => method === 'PUT').length;
  assert.ok(renewals >= 25 && renewals <= 34, `${renewals} renewals in a minute`);
  assert.ok(a.leads() && a.elector.remaining() > 7_000);
  assert.is(server.lease?.spec?.['acquireTime'], '2026-01-01T00:00:00.000000Z');
  assert.equal(server.lease?.metadata.labels, { team: 'dialer' });
  assert.is(server.lease?.spec?.['strategy'], 'OldestEmulationVersion');
  assert.is.not(server.lease?.spec?.['renewTime'], '2026-01-01T00:00:00.000000Z');
});

test('R7.2 a standby waits while it is renewed, and takes it 15 to 17 s after the last renewal', async () => {
  const { clock, server, replica, holder } = setUp();
  const a = replica('a');
  await clock.advance(10);
  const b = replica('b');
  await clock.advance(100_000);
  assert.equal([a.leads(), b.leads(), b.kinds()], [true, false, ['standby']]);
  server.fault = failing(0, 'a');
  const since = clock.monotonic();
  while (!b.leads() && clock.monotonic() - since < 60_000) await clock.advance(100);
  const took = clock.monotonic() - since;
  assert.ok(took > 12_500 && took < 17_500, `${took} ms`);
  assert.equal([a.leads(), holder(), server.lease?.spec?.['leaseTransitions']], [false, 'b', 1]);
});

test('R7.1 the holder stops writing before anyone else may begin', async () => {
  const { clock, server, replica } = setUp();
  const a = replica('a');
  await clock.advance(10);
  const b = replica('b');
  await clock.advance(5_000);
  server.fault = failing(0, 'a');
  let until = 0;
  while (!b.leads()) {
    if (a.elector.remaining() > 0) until = clock.monotonic();
    assert.ok(!(a.elector.remaining() > 0 && b.elector.remaining() > 0), 'both may write');
    await clock.advance(50);
  }
  assert.ok(clock.monotonic() - until >= 4_500, `${clock.monotonic() - until} ms between them`);
  assert.equal(a.kinds().slice(0, 3), ['leading', 'failing', 'lost']);
});

test('R7.1 the time to write counts from before the renewal was sent', async () => {
  const { clock, replica, server } = setUp();
  server.fault = ({ method }) => (method === 'POST' ? 3_000 : method === 'PUT' ? 2_000 : undefined);
  const a = replica('a');
  await clock.advance(3_000);
  assert.ok(a.leads());
  assert.is(a.elector.remaining(), 7_000);
  // Then renewed every 2 s or so, each taking 2 s more.
  for (let n = 0; n < 300; n++) {
    await clock.advance(100);
    assert.ok(a.elector.remaining() <= 8_000, `${a.elector.remaining()} ms left`);
  }
});

test('R7.1 a lease whose answer came too late to write anything is not led with', async () => {
  const { clock, replica, server } = setUp();
  server.fault = () => 1_000;
  const a = replica('a');
  await clock.advance(1_500);
  // The answer comes after 1 s, and is read after 12.
  a.sleep();
  await clock.advance(12_000);
  a.wake();
  await clock.advance(0);
  assert.equal([a.leads(), a.log], [false, []]);
});

test('R7.1 a renewal is fenced by what is left, so that it does not leave after its time', async () => {
  const { clock, replica, sent } = setUp();
  replica('a');
  await clock.advance(10_000);
  const renewals = sent.filter(({ method }) => method === 'PUT');
  assert.ok(renewals.length > 2);
  for (const { left } of renewals) assert.is(left, 10_000, 'what a renewal may take');
});

test('R7.2 a lease lasts as long as it says itself, not as long as ours would', async () => {
  const { clock, replica, server } = setUp();
  const a = replica('a', { seconds: 60 });
  await clock.advance(10);
  const b = replica('b', { seconds: 15 });
  await clock.advance(1_000);
  server.fault = failing(0, 'a');
  await clock.advance(50_000);
  assert.not.ok(b.leads());
  await clock.advance(15_000);
  assert.equal([a.leads(), b.leads()], [false, true]);
});

test('R7.2 the next term does not begin before the work of the last has ended', async () => {
  const { clock, replica, server } = setUp();
  const a = replica('a');
  await clock.advance(10);
  a.drainFor(30_000);
  server.fault = failing(0);
  await clock.advance(15_000);
  server.fault = () => undefined;
  await clock.advance(60_000);
  assert.equal(
    a.log.map((line) => line.split(' ')[0]),
    ['leads', 'ends', 'leads'],
  );
});

test('R11.1 the lease that somebody else has meanwhile is not released', async () => {
  const { clock, replica, server, holder } = setUp();
  const a = replica('a');
  await clock.advance(10);
  a.stop.abort();
  if (server.lease) server.lease.spec = { ...server.lease.spec, holderIdentity: 'thief' };
  await clock.advance(1_000);
  await a.running;
  assert.equal([holder(), a.kinds()], ['thief', ['leading']]);
});

test('R11.1 SIGTERM: the work is finished first, then the lease is given back, and a standby has it within 1.2 s', async () => {
  const { clock, replica, holder, server } = setUp();
  const a = replica('a');
  await clock.advance(10);
  const b = replica('b');
  await clock.advance(5_000);
  a.drainFor(3_000);
  a.stop.abort();
  await clock.advance(2_900);
  assert.equal([holder(), a.leads(), a.elector.remaining() > 0], ['a', true, true], 'it may still write meanwhile');
  await clock.advance(100);
  await a.running;
  assert.equal([holder(), a.elector.remaining() > 0, a.kinds().at(-1)], ['', false, 'released']);
  assert.is(server.lease?.spec?.['leaseDurationSeconds'], 1, 'for those who look at nothing but the time');
  await clock.advance(1_200);
  assert.equal([holder(), b.leads()], ['b', true]);
});

test('R7.2 work that takes longer than the lease at SIGTERM is still covered by renewals', async () => {
  const { clock, replica, holder } = setUp();
  const a = replica('a');
  await clock.advance(10);
  const b = replica('b');
  a.drainFor(40_000);
  a.stop.abort();
  await clock.advance(39_000);
  assert.equal([holder(), b.leads()], ['a', false]);
});

test('R7.2 a renewal that hangs does not cost the lease', async () => {
  const { clock, server, replica } = setUp();
  const a = replica('a');
  await clock.advance(10);
  let hung = 0;
  server.fault = ({ method }) => (method === 'PUT' && hung++ === 0 ? 'hang' : undefined);
  await clock.advance(30_000);
  assert.ok(hung > 1);
  assert.equal([a.leads(), a.log.length], [true, 1]);
});

test('R7.2 a renewal whose answer was lost is found out by reading, not taken for a lost lease', async () => {
  const { clock, server, replica } = setUp();
  const a = replica('a');
  await clock.advance(10);
  let lost = 0;
  server.fault = ({ method }) => (method === 'PUT' && lost++ === 0 ? 'lost' : undefined);
  await clock.advance(30_000);
  assert.equal([a.leads(), a.log.length, a.kinds()], [true, 1, ['leading', 'failing', 'leading']]);
});

test('R7.2 a lease that was taken over is given up at once', async () => {
  const { clock, server, replica } = setUp();
  const a = replica('a');
  await clock.advance(10);
  if (server.lease) {
    server.lease.metadata.resourceVersion = '1000';
    server.lease.spec = { ...server.lease.spec, holderIdentity: 'thief' };
  }
  await clock.advance(2_300);
  assert.equal([a.leads(), a.elector.remaining() > 0], [false, false]);
  const [, lost] = a.news;
  assert.equal(lost, { kind: 'lost', why: 'thief holds it now' });
});

test('R7.1 a process that slept through its lease sends no renewal when it wakes up', async () => {
  const { clock, sent, replica } = setUp();
  const a = replica('a');
  await clock.advance(5_000);
  a.sleep();
  await clock.advance(12_000);
  sent.splice(0);
  assert.not.ok(a.elector.remaining() > 0, 'the fence is shut before any timer ran');
  a.wake();
  await clock.advance(0);
  assert.is(sent[0]?.method, 'GET', 'a look, as a standby');
  assert.equal(a.kinds().slice(0, 2), ['leading', 'lost']);
});

test('R7.2 a lease that someone deleted is made again by its holder; nobody else takes it before its time', async () => {
  const { clock, server, replica, holder } = setUp();
  const a = replica('a');
  await clock.advance(10);
  const b = replica('b');
  await clock.advance(5_000);
  server.lease = undefined;
  server.fault = failing(503, 'a');
  await clock.advance(9_000);
  assert.is(b.leads(), false, 'its holder may not know yet');
  server.fault = () => undefined;
  await clock.advance(30_000);
  assert.equal([holder(), a.leads() !== b.leads()], [a.leads() ? 'a' : 'b', true]);
});

test('R7.2 a holder makes its deleted lease again and goes on', async () => {
  const { clock, server, replica, holder } = setUp();
  const a = replica('a');
  await clock.advance(5_000);
  server.lease = undefined;
  await clock.advance(5_000);
  assert.equal([holder(), a.leads(), a.log.length], ['a', true, 1]);
});

test('a lease without a spec is free; one that others label is not fresher for that', async () => {
  const { clock, server, replica } = setUp();
  server.lease = { metadata: { resourceVersion: '7' }, spec: null };
  const a = replica('a');
  await clock.advance(10);
  assert.ok(a.leads());
  const b = replica('b');
  await clock.advance(2_000);
  server.fault = failing(500, 'a');
  const since = clock.monotonic();
  while (!b.leads() && clock.monotonic() - since < 60_000) {
    if (server.lease) server.lease.metadata.resourceVersion = String(++server.version);
    await clock.advance(1_000);
  }
  assert.ok(clock.monotonic() - since < 19_000, `${clock.monotonic() - since} ms`);
});

test('R7.2 its own lease, found after an outage, is taken again at once', async () => {
  const { clock, server, replica } = setUp();
  const a = replica('a');
  await clock.advance(5_000);
  server.fault = failing(0);
  // Longer than it may write, and shorter than others have to wait.
  await clock.advance(11_000);
  assert.not.ok(a.leads());
  server.fault = () => undefined;
  await clock.advance(1_200);
  assert.equal([a.leads(), a.log.length], [true, 3]);
});

test('while the server is away fewer than 2 requests a second are sent, and one line is told', async () => {
  const { clock, server, replica, sent } = setUp();
  const a = replica('a');
  server.fault = failing(0);
  await clock.advance(60_000);
  assert.ok(sent.length <= 70, `${sent.length} requests`);
  assert.equal(a.kinds(), ['failing']);
});

test('R7.2 of two that reach for a free lease one gets it', async () => {
  const { clock, replica } = setUp();
  const a = replica('a');
  const b = replica('b');
  await clock.advance(10_000);
  assert.is([a, b].filter((one) => one.leads()).length, 1);
});

test('where nobody may touch the lease nobody leads, and the refusal is told', async () => {
  const { clock, server, replica } = setUp();
  server.fault = failing(403);
  const a = replica('a');
  await clock.advance(60_000);
  assert.equal([a.leads(), a.kinds()], [false, ['failing']]);
});
