/** What people get to know of the election. */
import * as assert from 'uvu/assert';
import { ApiError } from '../../src/kube/errors.ts';
import { createElectionLog, leaseAdvice } from '../../src/observe/election.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const test = suite('news of the election');
const setUp = () => {
  const metrics = createMetrics();
  const clock = createVirtualClock();
  const lines: { msg: string }[] = [];
  const destination = { write: (line: string) => lines.push(JSON.parse(line) as { msg: string }) };
  const log = createLogger({ level: 'info', format: 'json', destination });
  const election = createElectionLog(log, metrics, clock, 15_000);
  const leader = async () => (await metrics.render()).body.match(/^license_settings_leader (\d)$/m)?.[1];
  const fail = (code: number, words = 'words') =>
    election.tell({ kind: 'failing', error: new ApiError(words, { code }) });
  return { clock, election, leader, fail, lines };
};
const standby = { kind: 'standby', holder: 'another' } as const;

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

test('R11.4 a replica that has not read the lease yet is not ready, whatever comes of the request', () => {
  const { election, fail } = setUp();
  assert.match(election.check().wrong ?? '', 'not read yet');
  fail(503);
  assert.match(election.check().wrong ?? '', 'refuses the request');
  election.tell(standby);
  assert.equal(election.check(), { name: 'lease', remark: 'standby: another holds it' });
});

test('R11.4 a standby is ready; one that is refused the lease is not, until it is not refused any more', () => {
  const { election, fail } = setUp();
  election.tell(standby);
  fail(0);
  assert.is(election.check().wrong, undefined, 'requests fail now and then');
  fail(403, 'forbidden');
  assert.match(election.check().wrong ?? '', /bind the Role of deploy\/account .*\(forbidden\)/);
  election.tell(standby);
  assert.is(election.check().wrong, undefined);
});

for (const [what, code, words] of [
  ['401', 401, /credentials/],
  ['no answer', 0, /does not answer/],
  ['503', 503, /refuses the request/],
] as const) {
  test(`R11.4 who can not read or renew the lease for as long as it lasts is not ready, and says why: ${what}`, async () => {
    const { clock, election, fail } = setUp();
    election.tell(standby);
    await clock.advance(60_000);
    fail(code);
    await clock.advance(14_000);
    fail(code);
    assert.is(election.check().wrong, undefined);
    assert.match(election.check().remark ?? '', words);
    await clock.advance(1_000);
    assert.match(election.check().wrong ?? '', words);
    election.tell({ kind: 'leading' });
    assert.equal(election.check(), { name: 'lease', remark: 'this replica leads' });
  });
}

test('R9.23 what a server says is cut and steers nothing where it is asked for', () => {
  const { election, fail } = setUp();
  fail(403, `\u001b[2Jall is well\n${'x'.repeat(100_000)}`);
  const words = election.check().wrong ?? '';
  assert.ok(words.length < 1_500, String(words.length));
  assert.not.match(words, /\p{Cc}/u);
});

test('a Role is the advice for 403 alone', () => {
  const of = (code: number) => leaseAdvice(new ApiError('words', { code }));
  for (const code of [0, 400, 401, 404, 409, 422, 429, 500, 503]) assert.not.match(of(code), 'Role');
  assert.match(of(403), 'Role');
  assert.match(of(422), /does not take it as it is: see the error/);
});

test('R11.5 a lease that can not be read is told once a minute at most', async () => {
  const { clock, election, fail, lines } = setUp();
  for (let second = 0; second < 119; second++) {
    election.tell(standby);
    fail(401);
    await clock.advance(1_000);
  }
  assert.is(lines.filter(({ msg }) => msg.startsWith('the lease can not be read or renewed: ')).length, 2);
});
