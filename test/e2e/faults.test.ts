/** A slice of `npm run faults`, drawn from a seed: each part of it but the specials, judged on every revision. */
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import {
  cleanJobs,
  killJobs,
  openStage,
  pairJobs,
  randomJob,
  runAll,
  runEach,
  type Stage,
  singleJobs,
  startCampaignPlane,
} from '../faults/campaign.ts';
import type { Job, Result } from '../faults/run.ts';
import { failovers, scenarios } from '../faults/scenarios.ts';
import type { Slot } from '../faults/slot.ts';
import { shortScenarios } from '../faults/wider.ts';
import { suite } from '../suite.ts';
import { createRandom } from '../support/random.ts';

const seed = Number(process.env['TEST_SEED'] ?? 20_261_124);
const singles = 50;
const schedules = 20;

// Dozens of operators and streams live in this process: their listeners are no leak.
process.setMaxListeners(0);

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
const judged = async (jobs: readonly Job[], of = slots) => acquitted(await runAll(of, jobs));

function acquitted(results: Result[]): Result[] {
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

test('the wider world breaks no invariant: copies, finalizers, policies, quotas, second healers, scopes', async () => {
  const results = acquitted(await runEach(stage, cleanJobs(shortScenarios), shortScenarios.length));
  assert.is(results.length, shortScenarios.length);
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
  const drawn = Array.from({ length: 3 * schedules }, (_, n) => randomJob(seed + n));
  const jobs = drawn.filter((job) => quick(job) && !job.replicas);
  const results = await judged(jobs.slice(0, schedules));
  assert.is(results.length, schedules);
  assert.ok(sum(results, (one) => one.struck) >= schedules, 'faults that struck');
  assert.ok(sum(results, (one) => one.judged) >= 5 * schedules, 'revisions judged');
});

test('kills and pairs of faults break no invariant', async () => {
  const { shuffle } = createRandom(seed);
  const kills = shuffle(killJobs(clean)).slice(0, 6);
  const results = await judged([...kills, ...pairJobs(clean, seed, 6)]);
  assert.ok(
    results.filter(({ job, struck }) => job.label.startsWith('kill-') && struck > 0).length >= 4,
    'kills that struck',
  );
  assert.ok(
    results.some(({ struck }) => struck === 2),
    'both of a pair struck',
  );
});

test('failovers break no invariant: the leader is killed, and a schedule for two replicas', async () => {
  const two = await stage.open(2, { replicas: 2 });
  const quick = ({ faults }: Job) => !faults.some(({ kind }) => kind.startsWith('hang') || kind === 'silent');
  const random = Array.from({ length: 64 }, (_, n) => randomJob(seed + n)).filter((job) => job.replicas && quick(job));
  const kill = cleanJobs(failovers.filter(({ name }) => name === 'failover-kill'));
  const results = await judged([...kill, ...random.slice(0, 1)], two);
  assert.is(results.length, 2);
});
