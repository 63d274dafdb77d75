/** A slice of `npm run faults`, drawn from a seed: single faults and random schedules, judged on every revision. */
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import {
  cleanJobs,
  openStage,
  randomJob,
  runAll,
  type Stage,
  singleJobs,
  startCampaignPlane,
} from '../faults/campaign.ts';
import type { Job, Result } from '../faults/run.ts';
import { scenarios } from '../faults/scenarios.ts';
import type { Slot } from '../faults/slot.ts';
import { suite } from '../suite.ts';
import { createRandom } from '../support/random.ts';

const seed = Number(process.env['TEST_SEED'] ?? 20_261_124);
const singles = 50;
const schedules = 20;

const test = suite('faults');
let plane: ControlPlane;
let stage: Stage;
let slots: Slot[];
let clean: Result[];
test.before(async () => {
  plane = await startCampaignPlane();
  stage = await openStage(plane);
  slots = await stage.open(8);
});
test.after(async () => {
  await stage?.close();
  await plane?.stop();
});

/** Runs them, and fails with the story of the first that broke something. */
async function judged(jobs: readonly Job[]): Promise<Result[]> {
  const results = await runAll(slots, jobs);
  const [bad] = results.filter(({ violations }) => violations.length > 0);
  const command = bad && `npm run faults -- ${bad.job.replay}`;
  assert.ok(!bad, `${command}\n${bad?.violations.join('\n')}\n${bad?.story().join('\n')}`);
  assert.equal(stage.problems, [], 'what the harness missed');
  return results;
}
const sum = (results: readonly Result[], of: (result: Result) => number) =>
  results.reduce((all, one) => all + of(one), 0);

test('without faults every scenario goes as the model says', async () => {
  clean = await judged(cleanJobs(scenarios));
  assert.is(clean.length, scenarios.length);
  assert.ok(
    clean.every(({ judged, counts }) => judged >= 3 && counts.request.length >= 3),
    'each has something to judge',
  );
});

test(`${singles} single faults break no invariant`, async () => {
  // Two that are waited for show that waiting works; the whole campaign has them all.
  const [slow, quick] = [true, false].map((wanted) =>
    singleJobs(clean).filter(({ label }) => label !== 'silent' && label.startsWith('hang') === wanted),
  ) as [Job[], Job[]];
  const { shuffle } = createRandom(seed);
  const results = await judged([...shuffle(slow).slice(0, 2), ...shuffle(quick).slice(0, singles - 2)]);
  const struck = sum(results, (one) => one.struck);
  assert.ok(struck >= 0.9 * singles, `${struck} struck`);
});

test(`${schedules} random schedules break no invariant`, async () => {
  const quick = (job: Job) => !job.faults.some(({ kind }) => kind.startsWith('hang') || kind === 'silent');
  const jobs = Array.from({ length: 3 * schedules }, (_, n) => randomJob(seed + n)).filter(quick);
  const results = await judged(jobs.slice(0, schedules));
  assert.is(results.length, schedules);
  assert.ok(sum(results, (one) => one.struck) >= schedules, 'faults that struck');
  assert.ok(sum(results, (one) => one.judged) >= 5 * schedules, 'revisions judged');
});
