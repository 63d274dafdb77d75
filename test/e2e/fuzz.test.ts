/** A slice of `npm run fuzz`: hostile objects from a fixed seed, with a neighbour whose changes are live in time all along. */
import * as assert from 'uvu/assert';
import { type Report, runCampaign } from '../fuzz/campaign.ts';
import { allKinds } from '../fuzz/hostile.ts';
import { suite } from '../suite.ts';

const objects = 300;
const seed = Number(process.env['TEST_SEED'] ?? 20_261_130);

const test = suite('fuzz');
let report: Report;
test.before(async () => {
  report = await runCampaign({ objects, seed });
});

test('L3, R9.20, S6 nothing stops, nothing is skipped, nothing is written that is not ours, and the memory is bounded', () => {
  assert.is(report.violations.join('\n'), '');
});

test('the API server took most of what was hostile, of each kind, and the operator had its say', () => {
  for (const kind of allKinds) {
    const { taken = 0, refused = 0 } = report.kinds.get(kind) ?? {};
    assert.ok(taken > refused, `${kind}: ${taken} requests taken, ${refused} refused`);
  }
  assert.ok(report.writes > objects, `${report.writes} writes of the operator were judged`);
});

test('L2 the neighbour was changed all along', () => {
  const { changes, slowest } = report.neighbour;
  assert.ok(changes >= 10, `${changes} changes, the slowest ${slowest.toFixed(0)} ms`);
});
