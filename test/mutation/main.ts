/**
 * Mutation tests: `npm run mutate -- [--filter TEXT] [--parallel N]`. Each defect of the list is put into a copy of the
 * sources, and the test that it names must fail. The filter is held against file and words of a defect. Exit code 0 only
 * if every defect was caught; the last line is `N caught, N missed`.
 */
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { type Defect, defects } from './defects.ts';
import { createSandbox, type Outcome, occurrences, runTest, type Sandbox, tryDefect } from './mutants.ts';

const { values } = parseArgs({
  options: { filter: { type: 'string', default: '' }, parallel: { type: 'string', default: '2' } },
});
const parallel = Number(values.parallel);
if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64) {
  process.stderr.write('--parallel takes a whole number from 1 to 64\n');
  process.exit(2);
}
const wanted = defects.filter(({ file, defect }) => `${file}: ${defect}`.includes(values.filter));
if (wanted.length === 0) {
  process.stderr.write(`no defect has "${values.filter}" in its file or words\n`);
  process.exit(2);
}

/** Each test has to pass by itself and without a defect, or its failure says nothing. Once for each test. */
const soundRuns = new Map<string, Promise<Outcome>>();
function withoutDefect(sandbox: Sandbox, { caughtBy }: Defect): Promise<Outcome> {
  const name = `${caughtBy.file} ${caughtBy.test}`;
  const run = soundRuns.get(name) ?? runTest(sandbox, caughtBy);
  soundRuns.set(name, run);
  return run;
}

async function judge(sound: Sandbox, sandbox: Sandbox, defect: Defect): Promise<string | undefined> {
  const found = occurrences(defect);
  if (found !== 1) return `the text to be replaced occurs ${found} times: mend the list`;
  const before = await withoutDefect(sound, defect);
  if (before.kind !== 'passed') return `the test fails without the defect too: ${before.kind}, ${before.words}`;
  const { kind, words } = await tryDefect(sandbox, defect);
  if (kind === 'broken') return `with the defect nothing is tested: ${words}`;
  return kind === 'passed' ? 'the test passes' : undefined;
}

const caught = new Map<string, { caught: number; missed: number }>();
const missed: string[] = [];
const rest = [...wanted];
async function work(sound: Sandbox): Promise<void> {
  const sandbox = createSandbox();
  for (let defect = rest.shift(); defect; defect = rest.shift()) {
    const why = await judge(sound, sandbox, defect);
    const name = `${defect.file}: ${defect.defect}`;
    const count = caught.get(dirname(defect.file)) ?? { caught: 0, missed: 0 };
    caught.set(dirname(defect.file), count);
    if (why === undefined) count.caught++;
    else {
      count.missed++;
      missed.push(`${name}: ${why}`);
    }
    const line = why === undefined ? `caught  ${name}` : `MISSED  ${name}: ${why} (${defect.caughtBy.test})`;
    process.stdout.write(`${line}\n`);
  }
}

// An `exit` handler, which an interrupt reaches too, removes what was copied.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
const sound = createSandbox();
await Promise.all(Array.from({ length: Math.min(parallel, wanted.length) }, () => work(sound)));
const rows = [...caught].sort(([a], [b]) => (a < b ? -1 : 1));
process.stdout.write(`\n${'directory'.padEnd(20)} caught missed\n`);
for (const [directory, count] of rows) {
  process.stdout.write(
    `${directory.padEnd(20)} ${String(count.caught).padStart(6)} ${String(count.missed).padStart(6)}\n`,
  );
}
if (missed.length > 0) process.stdout.write(`\nmissed:\n${missed.map((line) => `  ${line}\n`).join('')}`);
process.stdout.write(`\n${wanted.length - missed.length} caught, ${missed.length} missed\n`);
process.exitCode = missed.length > 0 ? 1 : 0;
