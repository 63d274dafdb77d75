/** What people get to know of the election. */
import * as assert from 'uvu/assert';
import { ApiError } from '../../src/kube/errors.ts';
import { createElectionLog } from '../../src/observe/election.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { suite } from '../suite.ts';

const test = suite('news of the election');
const setUp = () => {
  const metrics = createMetrics();
  const election = createElectionLog(createLogger({ level: 'silent', format: 'json' }), metrics);
  const leader = async () => (await metrics.render()).body.match(/^license_settings_leader (\d)$/m)?.[1];
  return { election, leader };
};

test('the metric says who leads: not before the lease is won, not after it is lost or given back', async () => {
  const { election, leader } = setUp();
  assert.is(await leader(), '0');
  for (const end of [{ kind: 'lost', why: 'late' }, { kind: 'released' }] as const) {
    election.tell({ kind: 'leading' });
    assert.is(await leader(), '1');
    election.tell({ kind: 'failing', error: new ApiError('away', { code: 503 }) });
    assert.is(await leader(), '1', 'who fails to renew still holds the lease');
    election.tell(end);
    assert.is(await leader(), '0', end.kind);
  }
});

test('a standby is ready; one that is refused the lease is not, until it is not refused any more', () => {
  const { election } = setUp();
  election.tell({ kind: 'standby', holder: 'another' });
  assert.equal(election.notReady(), []);
  election.tell({ kind: 'failing', error: new ApiError('no answer', { code: 0 }) });
  assert.equal(election.notReady(), []);
  election.tell({ kind: 'failing', error: new ApiError('forbidden', { code: 403 }) });
  assert.is(election.notReady().length, 1);
  election.tell({ kind: 'standby', holder: 'another' });
  assert.equal(election.notReady(), []);
});
