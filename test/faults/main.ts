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
  openStage,
  pairJobs,
  randomJob,
  runAll,
  type Stage,
  singleJobs,
  startCampaignPlane,
} from './campaign.ts';
import { parseFault } from './faults.ts';
import { failures, table, totals } from './report.ts';
import type { Job, Result } from './run.ts';
import { failovers as allFailovers, scenarios as allScenarios, type Scenario } from './scenarios.ts';
import { specials } from './specials.ts';

const parts = ['singles', 'kills', 'pairs', 'randoms', 'failovers', 'specials'] as const;
const usage = `usage: npm run faults -- [--only ${parts.join('|')},...] [--seed N] [--slots N] [--runs N] [--special NAME]
       npm run faults -- --replay SCENARIO[,FAULT]... | --random SEED [--pages] [--times N]
  --only     parts of the campaign, with commas between them; all by default
  --seed     of random schedules, and of what is drawn; the first of the random schedules
  --slots    operators at once, 40 by default; each takes about 90 MB
  --runs     runs of each part at most, drawn from the seed
  --special  one of what befalls all at once
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
    special: { type: 'string' },
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
const [scenarios, failovers] = [allScenarios.filter(isChosen), allFailovers.filter(isChosen)];
const seed = Number(values.seed);
const limit = Number(values.runs ?? Number.POSITIVE_INFINITY);
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
  stage = await openStage(plane);
  bad = values.replay || values.random ? await replay(stage) : await campaign(stage);
} finally {
  await close();
}
process.exit(bad > 0 ? 1 : 0);

/** One run, told in full. Gives how many of its repetitions broke something. */
async function replay(stage: Stage): Promise<number> {
  const job = values.random ? randomJob(Number(values.random)) : jobOf(values.replay ?? '');
  const [slot] = await stage.open(1, { pages: values.pages, replicas: failovers.includes(job.scenario) ? 2 : 1 });
  if (!slot) throw new Error('no slot');
  const results: Result[] = [];
  for (let n = 0; n < Number(values.times); n++) {
    const [result] = await runAll([slot], [job]);
    if (!result) continue;
    results.push(result);
    console.log(`${result.story().join('\n')}\n${result.violations.join('\n')}`);
  }
  console.log(totals([{ name: 'replay', results }]));
  return results.filter(({ violations }) => violations.length > 0).length + stage.problems.length;
}

function jobOf(text: string): Job {
  const [name, ...faults] = text.split(',');
  const scenario = [...scenarios, ...failovers].find((one) => one.name === name);
  if (!scenario) throw new Error(`no scenario ${name}: there are ${scenarios.map((one) => one.name).join(', ')}`);
  return { scenario, faults: faults.map(parseFault), label: 'replay', replay: `--replay ${text}` };
}

async function campaign(stage: Stage): Promise<number> {
  const done: { name: string; results: Result[] }[] = [];
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
  const part = async (name: string, slots: Parameters<typeof runAll>[0], jobs: Job[]) => {
    planned += jobs.length;
    const results = await runAll(slots, jobs, onResult);
    done.push({ name, results });
    return results;
  };
  const drawn = (jobs: Job[]) => createRandom(seed).shuffle(jobs).slice(0, limit);
  const timer = setInterval(() => {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${seconds} s: ${ran} of ${planned} runs, ${failed} with violations, ${stage.taken()} revisions`);
  }, 15_000);

  const needsSlots = wanted.some((one) => one !== 'failovers');
  const slots = needsSlots ? await stage.open(Number(values.slots)) : [];
  const pairs = wanted.includes('failovers') ? await stage.open(5, { replicas: 2 }) : [];
  const clean = needsSlots ? await part('clean', slots.slice(0, 6), cleanJobs(scenarios)) : [];
  const single = async () => {
    const jobs: Job[] = [];
    if (wanted.includes('singles')) jobs.push(...drawn(singleJobs(clean)));
    if (wanted.includes('kills')) jobs.push(...drawn(killJobs(clean)));
    if (wanted.includes('pairs')) jobs.push(...pairJobs(clean, seed, Math.min(limit, 500)));
    if (wanted.includes('randoms')) {
      jobs.push(...Array.from({ length: Math.min(limit, 2_000) }, (_, n) => randomJob(seed + n)));
    }
    planned += jobs.length;
    const results = await runAll(slots, jobs, onResult);
    const kindOf = ({ job: { label } }: Result) =>
      label === 'random'
        ? 'randoms'
        : label === 'two faults'
          ? 'pairs'
          : label.startsWith('kill-')
            ? 'kills'
            : 'singles';
    for (const name of parts) {
      const of = results.filter((result) => kindOf(result) === name);
      if (of.length > 0) done.push({ name, results: of });
    }
  };
  const failover = async () => {
    if (!wanted.includes('failovers')) return;
    const cleanFailovers = await part('clean', pairs, cleanJobs(failovers));
    const jobs = createRandom(seed).shuffle([...singleJobs(cleanFailovers), ...killJobs(cleanFailovers)]);
    const quick = jobs.filter(({ faults }) => !faults.some(({ kind }) => kind === 'silent'));
    await part('failovers', pairs, quick.slice(0, Math.min(limit, 300)));
  };
  /** What lists, with lists in pages: the other slots have them as streams. */
  const paged = async () => {
    if (!wanted.includes('singles')) return;
    const of = await stage.open(4, { pages: true });
    const lists = scenarios.filter(({ name }) => name === 'expired' || name === 'restart');
    const cleanPaged = await part('clean', of, cleanJobs(lists));
    await part('singles, lists in pages', of, drawn(singleJobs(cleanPaged, ' --pages')));
  };
  await Promise.all([single(), failover(), paged()]);
  if (wanted.includes('specials')) {
    const results: Result[] = [];
    for (const [name, special] of Object.entries(specials)) {
      if (values.special && values.special !== name) continue;
      const of = await special(stage, slots.slice(0, 6), scenarios);
      of.forEach(onResult);
      results.push(...of);
    }
    planned += results.length;
    done.push({ name: 'specials', results });
  }
  clearInterval(timer);

  const all = done.flatMap(({ results }) => results);
  const tabled = done.filter(({ name }) => name !== 'randoms').flatMap(({ results }) => results);
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  const command = `npm run faults${process.argv
    .slice(2)
    .map((one) => ` ${one}`)
    .join('')
    .replace(/^ /, ' -- ')}`;
  const problems = stage.problems.map((one) => `harness: ${one}`);
  console.log(
    [
      ...['', `\`${command}\`: ${minutes} minutes, seed ${seed}`, '', totals(done), '', table(tabled), ''],
      ...[failures(all), ...problems, failed > 0 ? `stories: ${storyFile}` : ''],
    ].join('\n'),
  );
  return failed + problems.length;
}
