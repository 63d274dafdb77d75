/**
 * `npm run faults`: every single fault at every request of every scenario, kills, pairs and random schedules, failovers,
 * and what befalls all at once. The result is Markdown; the exit code is 1 if any invariant was broken.
 */
import { appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../support/random.ts';
import {
  cleanJobs,
  killJobs,
  openFor,
  openStage,
  pairJobs,
  randomJob,
  runAll,
  runEach,
  type Stage,
  singleJobs,
  startCampaignPlane,
} from './campaign.ts';
import { parseFault } from './faults.ts';
import { failures, type Part, scenarioTable, table, totals } from './report.ts';
import type { Job, Result } from './run.ts';
import { failovers as allFailovers, scenarios as allScenarios, type Scenario } from './scenarios.ts';
import type { Slot } from './slot.ts';
import { specials } from './specials.ts';
import { widerScenarios } from './wider.ts';

const parts = ['singles', 'kills', 'pairs', 'randoms', 'failovers', 'wider', 'specials'] as const;
const usage = `usage: npm run faults -- [--only ${parts.join('|')},...] [--seed N] [--slots N] [--runs N] [--special NAME]
       npm run faults -- --replay SCENARIO[,FAULT]... | --random SEED [--pages] [--times N]
  --only     parts of the campaign, with commas between them; all by default
  --seed     of random schedules, and of what is drawn; the first of the random schedules
  --slots    operators at once, 40 by default; each takes about 90 MB
  --failovers  single faults and kills with two replicas, drawn from all; 600 by default
  --runs     runs of each part at most, drawn from the seed
  --special  one of what befalls all at once
  --operator  directory of a project whose built operator is tested; this one by default
  --alone    without objects of the same name, and copies, in other namespaces
  --scenarios  these alone, with commas between them
  --replay   one run, with its story; faults as in request3:reset-after
  --random   one random schedule, with its story
  --pages    lists in pages, as from an API server without WatchList
  --times    repeats it`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: parts.join(',') },
    seed: { type: 'string', default: '1' },
    slots: { type: 'string', default: '40' },
    runs: { type: 'string' },
    failovers: { type: 'string', default: '600' },
    special: { type: 'string' },
    operator: { type: 'string' },
    alone: { type: 'boolean', default: false },
    scenarios: { type: 'string' },
    pages: { type: 'boolean', default: false },
    replay: { type: 'string' },
    random: { type: 'string' },
    times: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const wanted = values.only.split(',');
for (const part of wanted)
  if (!(parts as readonly string[]).includes(part)) throw new Error(`--only ${part}\n${usage}`);
const chosen = values.scenarios?.split(',');
const isChosen = ({ name }: Scenario) => chosen?.includes(name) ?? true;
const [scenarios, failovers, wider] = [allScenarios, allFailovers, widerScenarios].map((all) =>
  all.filter(isChosen).map((scenario) => (values.alone ? { ...scenario, alone: true } : scenario)),
) as [Scenario[], Scenario[], Scenario[]];
const seed = Number(values.seed);
const limit = Number(values.runs ?? Number.POSITIVE_INFINITY);
/** Slots with two replicas, and slots of each kind for the wider world. */
const pairSlots = 8;
const widerSlots = 24;
const storyFile = join(tmpdir(), `license-settings-faults-${process.pid}.log`);
process.setMaxListeners(0);

const started = performance.now();
const plane = await startCampaignPlane();
let stage: Stage | undefined;
let bad = 1;
const close = async () => {
  const known = stage?.problems.length ?? 0;
  await stage?.close();
  const late = stage?.problems.slice(known) ?? [];
  for (const one of late) console.log(`at the end: ${one}`);
  bad += late.length;
  await plane.stop();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => close().finally(() => process.exit(1)));
try {
  stage = await openStage(plane, values.operator);
  bad = values.replay || values.random ? await replay(stage) : await campaign(stage);
} finally {
  await close();
}
process.exit(bad > 0 ? 1 : 0);

/** One run, told in full. Gives how many of its repetitions broke something. */
async function replay(stage: Stage): Promise<number> {
  const job = values.random ? randomJob(Number(values.random)) : jobOf(values.replay ?? '');
  const listening = { ...job, listens: true };
  const needs = job.scenario.needs ?? (job.replicas ? { replicas: job.replicas } : {});
  const [slot] = await openFor(stage, 1, { ...needs, ...(values.pages ? { pages: true } : {}) });
  if (!slot) throw new Error('no slot');
  const results: Result[] = [];
  for (let n = 0; n < Number(values.times); n++) {
    const [result] = await runAll([slot], [listening]);
    if (!result) continue;
    results.push(result);
    console.log(`${result.story().join('\n')}\n${result.violations.join('\n')}`);
  }
  console.log(totals([{ name: 'replay', results, of: results.length }]));
  return results.filter(({ violations }) => violations.length > 0).length + stage.problems.length;
}

function jobOf(text: string): Job {
  const [name, ...faults] = text.split(',');
  const scenario = [...scenarios, ...failovers, ...wider].find((one) => one.name === name);
  if (!scenario)
    throw new Error(
      `no scenario ${name}: there are ${[...scenarios, ...failovers, ...wider].map((one) => one.name).join(', ')}`,
    );
  const [clean] = cleanJobs([scenario]);
  return { ...(clean as Job), faults: faults.map(parseFault), label: 'replay', replay: `--replay ${text}` };
}

async function campaign(stage: Stage): Promise<number> {
  const done: Part[] = [];
  let planned = 0;
  let ran = 0;
  let failed = 0;
  const onResult = (result: Result) => {
    ran++;
    if (result.violations.length === 0) return;
    failed++;
    console.log(`\nnpm run faults -- ${result.job.replay}\n    ${result.violations.slice(0, 3).join('\n    ')}`);
    appendFileSync(
      storyFile,
      `\n${result.job.replay}\n${result.story().join('\n')}\n${result.violations.join('\n')}\n`,
    );
  };
  const part = async (name: string, slots: readonly Slot[], jobs: Job[], of = jobs.length) => {
    planned += jobs.length;
    const results = await runAll(slots, jobs, onResult);
    if (results.length > 0) done.push({ name, results, of });
    return results;
  };
  const drawn = (jobs: Job[], most = limit) => createRandom(seed).shuffle(jobs).slice(0, Math.min(limit, most));
  const timer = setInterval(() => {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${seconds} s: ${ran} of ${planned} runs, ${failed} with violations, ${stage.taken()} revisions`);
  }, 15_000);

  const needsPairs = ['failovers', 'pairs', 'randoms'].some((one) => wanted.includes(one));
  const needsSlots = wanted.some((one) => one !== 'failovers' && one !== 'wider');
  const slots = needsSlots ? await stage.open(Number(values.slots)) : [];
  const pairs = needsPairs ? await stage.open(Math.min(pairSlots, Number(values.slots)), { replicas: 2 }) : [];
  const clean = needsSlots ? await part('clean', slots.slice(0, 6), cleanJobs(scenarios)) : [];
  const randoms = wanted.includes('randoms')
    ? Array.from({ length: Math.min(limit, 2_000) }, (_, n) => randomJob(seed + n))
    : [];
  /** All with one replica, at once: some wait while others work. */
  const single = async () => {
    const singles = wanted.includes('singles') ? singleJobs(clean) : [];
    const kills = wanted.includes('kills') ? killJobs(clean) : [];
    const of: [string, Job[], number][] = [
      ['singles', drawn(singles), singles.length],
      ['kills', drawn(kills), kills.length],
      ['pairs', wanted.includes('pairs') ? pairJobs(clean, seed, Math.min(limit, 500)) : [], 0],
      ['randoms', randoms.filter(({ replicas }) => !replicas), 0],
    ];
    const jobs = of.flatMap(([, some]) => some);
    planned += jobs.length;
    const results = await runAll(slots, jobs, onResult);
    for (const [name, some, all] of of) {
      const members = new Set(some);
      const ofPart = results.filter(({ job }) => members.has(job));
      if (ofPart.length > 0) done.push({ name, results: ofPart, of: Math.max(all, ofPart.length) });
    }
  };
  const failover = async () => {
    if (!needsPairs) return;
    await part(
      'randoms, two replicas',
      pairs,
      randoms.filter(({ replicas }) => replicas),
    );
    if (!wanted.includes('failovers') && !wanted.includes('pairs')) return;
    const cleanFailovers = await part('clean, two replicas', pairs, cleanJobs(failovers));
    if (wanted.includes('pairs')) {
      await part('pairs, two replicas', pairs, pairJobs(cleanFailovers, seed, Math.min(limit, 100)));
    }
    if (!wanted.includes('failovers')) return;
    const jobs = [...singleJobs(cleanFailovers), ...killJobs(cleanFailovers)];
    const most = Math.min(limit, Number(values.failovers));
    const isSilent = ({ faults }: Job) => faults.some(({ kind }) => kind === 'silent');
    // Each takes a minute.
    const silent = drawn(jobs.filter(isSilent), Math.ceil(most / 50));
    const quick = drawn(
      jobs.filter((job) => !isSilent(job)),
      most - silent.length,
    );
    await part('failovers', pairs, [...silent, ...quick], jobs.length);
  };
  /** What lists, with lists in pages: the other slots have them as streams. */
  const paged = async () => {
    if (!wanted.includes('singles')) return;
    const of = await stage.open(4, { pages: true });
    const lists = scenarios.filter(({ name }) => name === 'expired' || name === 'restart');
    const cleanPaged = await part('clean, lists in pages', of, cleanJobs(lists));
    const all = singleJobs(cleanPaged, ' --pages');
    await part('singles, lists in pages', of, drawn(all), all.length);
  };
  /** The wider world, each scenario as it is; those that are over soon also with every fault at every request. */
  const widerWorld = async () => {
    if (!wanted.includes('wider')) return;
    const jobs = cleanJobs(wider);
    planned += jobs.length;
    const results = await runEach(stage, jobs, widerSlots, onResult);
    done.push({ name: 'wider world', results, of: results.length });
    if (!wanted.includes('singles')) return;
    const all = singleJobs(results.filter(({ job }) => !job.scenario.plain));
    await part('wider world, singles', slots, drawn(all), all.length);
  };
  await Promise.all([single(), failover(), paged(), widerWorld()]);
  if (wanted.includes('specials')) {
    const results: Result[] = [];
    for (const [name, special] of Object.entries(specials)) {
      if (values.special && values.special !== name) continue;
      const of = await special(stage, slots.slice(0, 6), scenarios);
      of.forEach(onResult);
      results.push(...of);
    }
    planned += results.length;
    done.push({ name: 'specials', results, of: results.length });
  }
  clearInterval(timer);

  const all = done.flatMap(({ results }) => results);
  const tabled = done.filter(({ name }) => !/^(randoms|wider)/.test(name)).flatMap(({ results }) => results);
  const widerPlain = done.filter(({ name }) => name === 'wider world').flatMap(({ results }) => results);
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  const command = `npm run faults${process.argv
    .slice(2)
    .map((one) => ` ${one}`)
    .join('')
    .replace(/^ /, ' -- ')}`;
  const problems = stage.problems.map((one) => `harness: ${one}`);
  console.log(
    [
      ...[
        '',
        `\`${command}\`: ${minutes} minutes, seed ${seed}`,
        '',
        totals(done),
        '',
        table(tabled),
        '',
        scenarioTable(widerPlain),
        '',
      ],
      ...[failures(all), ...problems, failed > 0 ? `stories: ${storyFile}` : ''],
    ].join('\n'),
  );
  return failed + problems.length;
}
