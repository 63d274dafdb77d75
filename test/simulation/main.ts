/**
 * `npm run simulate -- [--schedules N] [--seed S] [--processes P]`: runs schedules from seed S on, and shrinks the first
 * ones that fail. `--seed S --trace` shows one of them in words, `--schedule FILE` runs one that was shrunk, and
 * `--scenario NAME` one of `scenarios.ts`.
 */
import { fork } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isActor } from '../support/actors.ts';
import { nameOf } from './faults.ts';
import { type Result, runSchedule } from './run.ts';
import { scenarios } from './scenarios.ts';
import { drawSchedule, type Schedule } from './schedule.ts';
import { invariantOf, shrink } from './shrink.ts';

/** A failing schedule is written here. */
const directory = join(tmpdir(), 'license-settings-simulation');
/** More failing schedules than this are only counted. */
const shown = 5;
/** A kind of fault that was drawn so often, and met nothing, is drawn in vain. */
const often = 50;
/** Seeds that a child runs before it tells. */
const batch = 50;

type Task = { from: number; to: number };
type Report = {
  seeds: number;
  revisions: number;
  requests: number;
  /** Faults by class and kind: in the schedules, and those that met something. */
  drawn: [string, number][];
  met: [string, number][];
  latest: number;
  /** Of the actions 'settle': those that found everything settled, and those that did not. */
  settled: number;
  unsettled: number;
  /** The same, of schedules in which somebody acts beside people. */
  settledBeside: number;
  unsettledBeside: number;
  /** Milliseconds. */
  cpu: number;
  failed: { seed: number; first: string }[];
};

const counted = [
  ...(['seeds', 'revisions', 'requests', 'cpu', 'settled', 'unsettled'] as const),
  ...(['settledBeside', 'unsettledBeside'] as const),
];
const nothing = () => ({
  ...{ seeds: 0, revisions: 0, requests: 0, latest: 0, cpu: 0 },
  ...{ settled: 0, unsettled: 0, settledBeside: 0, unsettledBeside: 0 },
});

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    processes: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    schedule: { type: 'string' },
    scenario: { type: 'string' },
  },
});

if (process.send) work();
else if (values.schedule !== undefined) await replay(JSON.parse(readFileSync(values.schedule, 'utf8')) as Schedule);
else if (values.scenario !== undefined) await replay(scheduleOf(values.scenario));
else if (values.trace) await replay(drawSchedule(whole('seed')));
else await campaign(whole('seed'), whole('schedules'), whole('processes'));

function whole(option: 'seed' | 'schedules' | 'processes'): number {
  const value = Number(values[option]);
  if (Number.isSafeInteger(value) && value >= (option === 'seed' ? 0 : 1)) return value;
  process.stderr.write(`--${option} takes a whole number\n`);
  process.exit(2);
}

/** The scenario whose name has this text. */
function scheduleOf(text: string): Schedule {
  const found = scenarios.find(({ name }) => name.includes(text));
  if (found) return found.schedule;
  process.stderr.write(`no scenario has '${text}' in its name: ${scenarios.map(({ name }) => name).join('; ')}\n`);
  process.exit(2);
}

/** Runs one schedule, shows everything that happens, and ends. */
async function replay(schedule: Schedule): Promise<never> {
  const { violations } = await runSchedule(schedule, { trace: (line) => process.stdout.write(`${line}\n`) });
  process.stdout.write(`${violations.length} violations\n${violations.map((one) => `  ${one}\n`).join('')}`);
  process.exit(violations.length > 0 ? 1 : 0);
}

/** In a child: runs the seeds that it is given. */
function work(): void {
  process.on('message', async ({ from, to }: Task) => {
    const report: Report = { ...nothing(), drawn: [], met: [], failed: [] };
    const [drawn, met] = [new Map<string, number>(), new Map<string, number>()];
    const before = process.cpuUsage();
    for (let seed = from; seed < to; seed++) {
      const schedule = drawSchedule(seed);
      const result = await runSchedule(schedule);
      report.seeds++;
      report.revisions += result.revisions;
      report.requests += result.requests;
      report.latest = Math.max(report.latest, result.convergedAfter);
      report.settled += result.settles.reached;
      report.unsettled += result.settles.missed;
      if (schedule.actions.some(({ action }) => isActor(action))) {
        report.settledBeside += result.settles.reached;
        report.unsettledBeside += result.settles.missed;
      }
      add(
        drawn,
        schedule.faults.map((one) => [nameOf(one), 1]),
      );
      add(met, result.met);
      if (result.violations.length > 0) report.failed.push({ seed, first: result.violations[0] as string });
    }
    report.drawn = [...drawn];
    report.met = [...met];
    const { user, system } = process.cpuUsage(before);
    report.cpu = (user + system) / 1000;
    process.send?.(report);
  });
}

async function campaign(first: number, schedules: number, processes: number): Promise<never> {
  const started = performance.now();
  const total = nothing();
  const [drawn, met] = [new Map<string, number>(), new Map<string, number>()];
  const failed: Report['failed'] = [];
  let next = first;
  const seconds = () => (performance.now() - started) / 1000;
  const progress = (end = '\r') =>
    process.stderr.write(
      `${total.seeds}/${schedules} schedules, ${(total.seeds / seconds()).toFixed(0)}/s, ${failed.length} failed   ${end}`,
    );

  await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = fork(import.meta.filename, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      while (next < first + schedules) {
        const task: Task = { from: next, to: Math.min(next + batch, first + schedules) };
        next = task.to;
        const report = await new Promise<Report>((resolve, reject) => {
          child.once('message', (message) => resolve(message as Report));
          child.once('exit', (code) =>
            reject(new Error(`a process ended with ${code} at seeds ${task.from} to ${task.to}`)),
          );
          child.send(task);
        });
        child.removeAllListeners('exit');
        for (const key of counted) total[key] += report[key];
        total.latest = Math.max(total.latest, report.latest);
        add(drawn, report.drawn);
        add(met, report.met);
        failed.push(...report.failed);
        // Told at once: a long run need not end to be looked into.
        for (const { seed, first: text } of report.failed) process.stderr.write(`seed ${seed}: ${text}\n`);
        progress();
      }
      child.kill();
    }),
  );
  progress('\n');

  for (const { seed } of failed.slice(0, shown)) await explain(seed);
  const rows: [string, string | number][] = [
    ['schedules', total.seeds],
    ['revisions judged', total.revisions],
    ['requests', total.requests],
    ['settles', `reached ${total.settled}, not reached ${total.unsettled}`],
    ['settles beside others who act', `reached ${total.settledBeside}, not reached ${total.unsettledBeside}`],
    ['longest way back to normal', `${(total.latest / 1000).toFixed(1)} s (virtual)`],
    ...[...drawn]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, times]): [string, string] => [`fault: ${kind}`, `met ${met.get(kind) ?? 0}, drawn ${times}`]),
    ['failed schedules', failed.length],
    [
      'time',
      `${seconds().toFixed(0)} s, ${(total.seeds / seconds()).toFixed(0)} schedules/s; CPU ${(total.cpu / total.seeds).toFixed(1)} ms each`,
    ],
  ];
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(30)} ${value}\n`);
  const kinds = new Map<string, number[]>();
  for (const { seed, first: text } of failed) {
    const kind = text
      .replace(/^[\d.]+ s: /, '')
      .replace(/\d+/g, 'N')
      .slice(0, 90);
    kinds.set(kind, [...(kinds.get(kind) ?? []), seed]);
  }
  for (const [kind, seeds] of [...kinds].sort(([, a], [, b]) => b.length - a.length))
    process.stdout.write(`  ${seeds.length} × ${kind} (seeds ${seeds.slice(0, 6).join(', ')})\n`);
  const idle = [...drawn].flatMap(([kind, times]) => (times >= often && !met.has(kind) ? kind : []));
  for (const kind of idle) process.stdout.write(`${kind}: drawn often, but it never met anything\n`);
  process.exit(failed.length > 0 || idle.length > 0 ? 1 : 0);
}

function add(total: Map<string, number>, more: Iterable<readonly [string, number]>): void {
  for (const [kind, times] of more) total.set(kind, (total.get(kind) ?? 0) + times);
}

/** Shrinks a failing schedule and says how to see it. */
async function explain(seed: number): Promise<void> {
  const schedule = drawSchedule(seed);
  const kindOf = ({ violations: [first = ''] }: Result) => invariantOf(first);
  const kind = kindOf(await runSchedule(schedule));
  const small = await shrink(schedule, async (candidate) => kindOf(await runSchedule(candidate)) === kind);
  const { violations } = await runSchedule(small);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${seed}.json`);
  writeFileSync(file, `${JSON.stringify(small, null, 1)}\n`);
  process.stdout.write(
    [
      `seed ${seed} fails; ${small.actions.length} of ${schedule.actions.length} actions and ${small.faults.length} of ${schedule.faults.length} faults are enough:`,
      ...small.actions.map((one) => `  ${JSON.stringify(one)}`),
      ...small.faults.map((one) => `  ${JSON.stringify(one)}`),
      ...violations.slice(0, 3).map((one) => `  => ${one}`),
      `  npm run simulate -- --seed ${seed} --trace`,
      `  npm run simulate -- --schedule ${file}`,
      '',
    ].join('\n'),
  );
}
