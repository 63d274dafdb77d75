/** A namespace whose quota has room for exactly the ConfigMaps that the docs name: the system's, and one for each zone. */
import * as assert from 'uvu/assert';
import type { Status } from '../../src/api/licensesettings.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, type FlowDesk, plainOf, writesMap, zonesOf } from '../support/flow-desk.ts';

const test = suite('quota');

/** Zones apac and emea under a quota of three. */
async function full(settleSeconds = 0) {
  const desk = createFlowDesk({ quota: 3 });
  const zones = (held: Record<string, number>, more: object = {}) =>
    desk.save(zonesOf(held, { settleSeconds, ...more }));
  zones({ apac: 2, emea: 2 });
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  desk.writes();
  return { ...desk, zones };
}
/** What was written of ConfigMaps. */
const steps = (desk: Pick<FlowDesk, 'writes'>) => desk.writes().filter((one) => one !== 'PUT status');

test('a zone is renamed: the old one goes when dialers have seen that it holds nothing, then the new one is created', async () => {
  const desk = await full(100);
  desk.zones({ asia: 2, emea: 2 });
  assert.is((await desk.run()).again, 100_000);
  assert.equal(steps(desk), ['PUT pom-licenses-apac 0', 'PUT pom-licenses -']);
  await desk.clock.advance(100_000);
  await desk.run();
  assert.equal(steps(desk), ['DELETE pom-licenses-apac', 'POST pom-licenses-asia 2']);
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

test('a zone that is there already is raised before room is made for a new one', async () => {
  const desk = await full();
  desk.zones({ asia: 1, emea: 3 });
  await desk.run();
  assert.equal(steps(desk), [
    'PUT pom-licenses-apac 0',
    'PUT pom-licenses -',
    'PUT pom-licenses-emea 3',
    'DELETE pom-licenses-apac',
    'POST pom-licenses-asia 1',
  ]);
  assert.equal(desk.judge.violations, []);
});

test('every zone is renamed, and settleSeconds is 0', async () => {
  const desk = await full();
  desk.zones({ asia: 2, europe: 3 });
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

test('the answer to the beginning of a plan is lost: it goes on as its own', async () => {
  for (const losses of [1, 2]) {
    const desk = await full();
    let left = losses;
    desk.faults.push(({ method, resource }) =>
      method === 'PUT' && resource.endsWith('/status') && left-- > 0 ? 'lost' : undefined,
    );
    desk.zones({ asia: 2, emea: 2 });
    for (let i = 0; i < losses; i++) {
      await desk.run();
      await desk.clock.advance(4_000);
    }
    assert.equal(desk.land(), [200, 409].slice(0, losses));
    await desk.run();
    // A plan of somebody else would be fenced off first, for which the quota has no room.
    assert.is(desk.reasonOf('Applied'), 'Applied');
    assert.equal(desk.judge.violations, []);
  }
});

test('the beginning of a plan is refused, as a second operator has begun it in the same second: that is taken over', async () => {
  const desk = await full();
  let isFirst = true;
  desk.faults.push(({ method, resource, body }) => {
    if (!isFirst || method !== 'PUT' || !resource.endsWith('/status')) return undefined;
    isFirst = false;
    desk.restore((body as { status: Status }).status);
    return undefined;
  });
  desk.zones({ apac: 1, emea: 3 });
  await desk.run();
  desk.writes();
  await desk.run();
  assert.equal(steps(desk).slice(0, 2), ['PUT pom-licenses-apac 2', 'PUT pom-licenses-emea 2']);
  assert.equal(desk.judge.violations, []);
});

test('the beginning of a plan got no answer, and a second operator begins the same a second later: that is taken over', async () => {
  const desk = await full();
  let sent: Status | undefined;
  desk.faults.push(({ method, resource, body }) => {
    if (sent || method !== 'PUT' || !resource.endsWith('/status')) return undefined;
    sent = (body as { status: Status }).status;
    return 'lost';
  });
  desk.zones({ apac: 1, emea: 3 });
  await desk.run();
  const { applying } = sent ?? {};
  assert.ok(sent && applying);
  desk.restore({ ...sent, applying: { ...applying, time: '2030-01-01T00:00:00Z' } });
  desk.writes();
  await desk.run();
  assert.equal(steps(desk).slice(0, 2), ['PUT pom-licenses-apac 2', 'PUT pom-licenses-emea 2']);
  assert.equal(desk.judge.violations, []);
});

test('from zones to none and back', async () => {
  const desk = await full();
  desk.save(plainOf(5, { settleSeconds: 0 }));
  await desk.run();
  assert.equal(steps(desk).slice(2), ['PUT pom-licenses 5', 'DELETE pom-licenses-apac', 'DELETE pom-licenses-emea']);
  desk.zones({ asia: 2, europe: 3 });
  await desk.run();
  assert.is(desk.reasonOf('Applied'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

test('a zone that may not be deleted keeps nobody from getting what the quota has room for', async () => {
  const desk = await full();
  desk.faults.push((request) =>
    writesMap(request, 'pom-licenses-apac', 'DELETE') ? new ApiError('policy says no', { code: 403 }) : undefined,
  );
  desk.zones({ emea: 4 });
  await desk.run();
  assert.is(desk.ports('pom-licenses-emea'), '4');
  assert.is(desk.reasonOf('Ready'), 'WriteRejected');
  desk.faults.pop();
  await desk.run();
  assert.is(desk.reasonOf('Ready'), 'Applied');
});

test('a zone that may not be deleted keeps a new one from nothing that the quota has room for', async () => {
  const desk = await full();
  desk.setQuota(4);
  desk.faults.push((request) =>
    writesMap(request, 'pom-licenses-apac', 'DELETE') ? new ApiError('policy says no', { code: 403 }) : undefined,
  );
  desk.zones({ asia: 2, emea: 2 });
  await desk.run();
  assert.equal([desk.ports('pom-licenses-asia'), desk.reasonOf('Ready')], ['2', 'WriteRejected']);
});

test('a rename of the ConfigMap needs room for all of them once more: the old ones stay until the new ones are there', async () => {
  const desk = await full();
  desk.zones({ apac: 2, emea: 2 }, { configMap: { name: 'pom' } });
  const { retry } = await desk.run();
  assert.equal([desk.reasonOf('Ready'), retry?.kind], ['WriteRejected', 'pause']);
  assert.match(desk.status()?.conditions?.[0]?.message ?? '', 'exceeded quota');
  assert.equal([desk.ports('pom-licenses-apac'), desk.ports('pom-licenses-emea')], ['2', '2']);
  desk.setQuota(6);
  await desk.clock.advance(65_000);
  await desk.run();
  assert.is(desk.reasonOf('Ready'), 'Applied');
  assert.equal([desk.ports('pom-apac'), desk.ports('pom-licenses-apac')], ['2', undefined]);
});

test('a rename without zones needs room for one more: the old one stays until the new one is there', async () => {
  const desk = createFlowDesk({ quota: 1 });
  desk.save(plainOf(5));
  await desk.run();
  desk.save(plainOf(6, { configMap: { name: 'pom' } }));
  const { retry } = await desk.run();
  assert.equal([desk.reasonOf('Ready'), retry?.kind, desk.ports('pom-licenses')], ['WriteRejected', 'pause', '5']);
  desk.setQuota(2);
  await desk.clock.advance(65_000);
  await desk.run();
  assert.equal([desk.reasonOf('Ready'), desk.ports('pom'), desk.ports('pom-licenses')], ['Applied', '6', undefined]);
});

test('a takeover has no room for a zone at zero: the plan goes on as soon as no write of the earlier term can land', async () => {
  const desk = await full(100);
  desk.zones({ asia: 2, emea: 2 });
  await desk.run();
  desk.nextTerm();
  const { retry } = await desk.run();
  assert.equal([desk.reasonOf('Ready'), retry?.kind], ['WriteRejected', 'pause']);
  await desk.clock.advance(65_000);
  assert.is((await desk.run()).again, 100_000);
  assert.is(desk.reasonOf('Ready'), 'Settling');
  await desk.clock.advance(100_000);
  await desk.run();
  assert.is(desk.reasonOf('Ready'), 'Applied');
  assert.equal(desk.judge.violations, []);
});

test('what keeps out a late create has its place until that can not land any more', async () => {
  const desk = await full();
  desk.zones({ apac: 2 });
  await desk.run();
  desk.faults.push((request) => (writesMap(request, 'pom-licenses-emea', 'POST') ? 'lost' : undefined));
  desk.zones({ apac: 2, emea: 2 });
  await desk.run();
  desk.faults.pop();
  desk.zones({ apac: 2, europe: 2 });
  await desk.run();
  assert.equal([desk.ports('pom-licenses-emea'), desk.reasonOf('Ready')], ['0', 'WriteRejected']);
  await desk.clock.advance(65_000);
  desk.land();
  await desk.run();
  assert.equal([desk.ports('pom-licenses-europe'), desk.reasonOf('Ready')], ['2', 'Applied']);
  assert.equal(desk.judge.violations, []);
});
