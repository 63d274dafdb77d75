/** What is remembered of writes that got no answer. */
import * as assert from 'uvu/assert';
import type { DeclaredZone } from '../../src/api/licensesettings.ts';
import { forgetLate, type LateWrites, lateness, lateOf, noteLate } from '../../src/controller/late.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const test = suite('late');

const zone = (outboundPorts = 1): DeclaredZone => ({ name: 'a', licenses: { outboundPorts } });

function setUp() {
  const clock = createVirtualClock();
  const late: LateWrites = new Map();
  return {
    ...{ clock, late },
    note: (name: string, more: { uid?: string; zone?: DeclaredZone; version?: string; sent?: number } = {}) => {
      const { uid = 'one', ...rest } = more;
      noteLate(late, clock, uid, { name, zone: zone(), sent: clock.monotonic(), ...rest });
    },
    keysOf: (uid: string) => lateOf(late, clock, uid).map(({ name, version = 'create' }) => `${name} ${version}`),
  };
}

test('the API server may carry a request out for 60 s, and it needs a moment to get there', () => {
  assert.is(lateness, 65_000);
});

test('each object has its own, for 65 s from when they were sent', async () => {
  const { clock, note, keysOf } = setUp();
  const sent = clock.monotonic();
  await clock.advance(10_000);
  note('pom-licenses-a', { sent });
  note('pom-licenses-b', { uid: 'two', sent });
  assert.equal(keysOf('one'), ['pom-licenses-a create']);
  assert.equal(keysOf('two'), ['pom-licenses-b create']);
  await clock.advance(54_999);
  assert.equal(keysOf('one'), ['pom-licenses-a create']);
  await clock.advance(1);
  assert.equal(keysOf('one'), []);
});

test('a create and updates of one ConfigMap are remembered side by side', () => {
  const { note, keysOf } = setUp();
  note('pom-licenses-a');
  note('pom-licenses-a', { version: '7' });
  note('pom-licenses-a', { version: '8' });
  assert.equal(keysOf('one'), ['pom-licenses-a create', 'pom-licenses-a 7', 'pom-licenses-a 8']);
});

test('a write that was sent again is remembered once, and for longer; one that gives more stays', async () => {
  const { clock, late, note, keysOf } = setUp();
  note('pom-licenses-a', { zone: zone(5) });
  note('pom-licenses-a');
  await clock.advance(1_000);
  note('pom-licenses-a');
  assert.equal(
    lateOf(late, clock, 'one').map((one) => [one.zone.licenses?.outboundPorts, one.until]),
    [
      [5, 65_000],
      [1, 66_000],
    ],
  );
  await clock.advance(64_500);
  assert.equal(keysOf('one'), ['pom-licenses-a create']);
});

test('what was forgotten, or is over, leaves nothing behind', async () => {
  const { clock, late, note, keysOf } = setUp();
  note('pom-licenses-a');
  note('pom-licenses-b', { version: '7' });
  forgetLate(late, 'one', ({ version }) => version === undefined);
  assert.equal(keysOf('one'), ['pom-licenses-b 7']);
  forgetLate(late, 'one', () => true);
  assert.is(late.size, 0);
  note('pom-licenses-c');
  await clock.advance(lateness);
  assert.equal([keysOf('one'), late.size], [[], 0]);
});
