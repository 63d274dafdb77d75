/**
 * `npm run faults`: every single fault at every request of every scenario, kills, pairs and random schedules, failovers,
 * and what befalls all at once. The result is Markdown; the exit code is 1 if any invariant was broken.
 */
import { appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cleanJobs, openFor, openStage, randomJob, runAll, type Stage, startCampaignPlane } from './campaign.ts';
import { parseFault } from './faults.ts';
import { doParts, type Options, parts } from './parts.ts';
import { failures, type Part, scenarioTable, table, totals } from './report.ts';
import type { Job, Result } from './run.ts';
import { failovers as allFailovers, scenarios as allScenarios, type Scenario } from './scenarios.ts';
import { widerScenarios } from './wider.ts';

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
const wanted = new Set(
  values.only.split(',').map((one) => {
    const known = parts.find((part) => part === one);
    if (!known) throw new Error(`--only ${one}\n${usage}`);
    return known;
  }),
);
const chosen = values.scenarios?.split(',');
const isChosen = ({ name }: Scenario) => chosen?.includes(name) ?? true;
const [usual, failovers, wider] = [allScenarios, allFailovers, widerScenarios].map((all) =>
  all.filter(isChosen).map((scenario) => (values.alone ? { ...scenario, alone: true } : scenario)),
) as [Scenario[], Scenario[], Scenario[]];
const options: Options = {
  wanted,
  seed: Number(values.seed),
  limit: Number(values.runs ?? Number.POSITIVE_INFINITY),
  slots: Number(values.slots),
  failovers: Number(values.failovers),
  special: values.special,
  scenarios: { usual, failovers, wider },
};
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
  const [slot] = await openFor(stage, 1, { ...needs, pages: values.pages });
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
  const all = [...usual, ...failovers, ...wider];
  const scenario = all.find((one) => one.name === name);
  if (!scenario) throw new Error(`no scenario ${name}: there are ${all.map((one) => one.name).join(', ')}`);
  const [clean] = cleanJobs([scenario]);
  return { ...(clean as Job), faults: faults.map(parseFault), label: 'replay', replay: `--replay ${text}` };
}

async function campaign(stage: Stage): Promise<number> {
  let planned = 0;
  let ran = 0;
  let failed = 0;
  const onPlanned = (jobs: number) => {
    planned += jobs;
  };
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
  const timer = setInterval(() => {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${seconds} s: ${ran} of ${planned} runs, ${failed} with violations, ${stage.taken()} revisions`);
  }, 15_000);
  const done = await doParts(options, stage, { onPlanned, onResult });
  clearInterval(timer);
  const problems = stage.problems.map((one) => `harness: ${one}`);
  console.log([reportOf(done), ...problems, failed > 0 ? `stories: ${storyFile}` : ''].join('\n'));
  return failed + problems.length;
}

/** Markdown, with the command that was given. */
function reportOf(done: readonly Part[]): string {
  const all = done.flatMap(({ results }) => results);
  const tabled = done.filter(({ name }) => !/^randoms|wider world/.test(name)).flatMap(({ results }) => results);
  const widerPlain = done.filter(({ name }) => name === 'wider world').flatMap(({ results }) => results);
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  const command = `npm run faults${process.argv
    .slice(2)
    .map((one) => ` ${one}`)
    .join('')
    .replace(/^ /, ' -- ')}`;
  return [
    ...['', `\`${command}\`: ${minutes} minutes, seed ${values.seed}`, '', totals(done), ''],
    ...(tabled.length > 0 ? [table(tabled), ''] : []),
    ...(widerPlain.length > 0 ? [scenarioTable(widerPlain), ''] : []),
    failures(all),
  ].join('\n');
}
