/**
 * The test runner: `node test/run.ts [unit|e2e|property|node|all] [--filter TEXT] [--deadline SECONDS] [--root DIR]`.
 *
 * Every file runs in a process of its own, with a deadline. Unit tests run first, two files at once; then those on the shared
 * control plane one after the other, and the rest beside them; at last, by themselves, those that measure. The run passes
 * only if at least one test ran and every collected test passed. `all` leaves out `node`, which `npm run test:node` runs.
 * The last line on stdout is `N passed, N failed`, with `, N skipped` if any.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type ControlPlane, connectionOf } from './controlplane/controlplane.ts';
import { controlPlaneFromEnvironment, sharedVariable } from './controlplane/shared.ts';
import { isolated } from './node/isolation.ts';
import { describeOutcome, type Message, type Outcome, summary } from './suite.ts';

/** Seconds that a file may take. */
const deadlines = { unit: 120, property: 600, e2e: 1800, node: 900 } as const;
type Kind = keyof typeof deadlines;
const kinds: readonly Kind[] = ['unit', 'property', 'e2e', 'node'];
const unitFilesAtOnce = 2;

const project = resolve(import.meta.dirname, '..');
const inCI = !['', '0', 'false'].includes(process.env['CI'] ?? '');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: 'string', default: '' },
    deadline: { type: 'string' },
    root: { type: 'string', default: import.meta.dirname },
  },
});
const what = positionals[0] ?? 'all';
if (positionals.length > 1 || !['all', ...kinds].includes(what)) usage(`unknown: ${positionals.join(' ')}`);
const deadlineOverride = values.deadline === undefined ? undefined : Number(values.deadline);
if (deadlineOverride !== undefined && !(deadlineOverride > 0)) usage('--deadline takes a number of seconds');
const root = resolve(values.root);

const counts: Record<Outcome, number> = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];
const children = new Set<ChildProcess>();
/** Processes killed at their deadline, and the deadline in seconds. */
const late = new WeakMap<ChildProcess, number>();
let plane: Promise<ControlPlane> | undefined;
let interrupted = false;

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    if (interrupted) return;
    interrupted = true;
    for (const child of children) killGroup(child);
    note('the run', 'failed', 0, `interrupted by ${signal}`);
    void finish(code);
  });
}

const wanted = kinds.filter((kind) => (what === 'all' ? kind !== 'node' : what === kind));
const files = wanted.flatMap((kind) => filesOf(kind).map((file) => ({ kind, file })));

const bin = (name: string) => join(project, 'node_modules', '.bin', name);
if (what === 'all') {
  await check('static: types', bin('tsc'), []);
  await check('static: lint', bin('biome'), ['check', '.']);
  await check('static: generated files fresh', process.execPath, ['scripts/generate.ts', '--check']);
}
// The tests of the whole operator run the bundle, so it must not be an old one.
if (what === 'all' || (what === 'e2e' && root === import.meta.dirname)) {
  await check('static: bundle', process.execPath, ['scripts/build.ts'], true);
}

await inParallel(
  unitFilesAtOnce,
  files.filter(({ kind }) => kind === 'unit'),
  ({ kind, file }) => {
    return runFile(kind, file, true);
  },
);
// On the shared control plane one file at a time: each starts an operator that works on all namespaces. The others have a
// control plane of their own, or none, and mostly wait. What measures comes last, by itself.
const slow = files.filter(({ kind }) => kind !== 'unit');
const measuring = slow.filter(({ file }) => imports(file, 'neighbour'));
const others = slow.filter((each) => !measuring.includes(each));
const shared = others.filter(({ file }) => sharesControlPlane(file));
await Promise.all([
  inParallel(1, shared, ({ kind, file }) => runFile(kind, file, false)),
  inParallel(
    1,
    others.filter((each) => !shared.includes(each)),
    ({ kind, file }) => runFile(kind, file, true),
  ),
]);
await inParallel(1, measuring, ({ kind, file }) => runFile(kind, file, false));
await finish(0);

function usage(problem: string): never {
  process.stderr.write(
    `${problem}\nusage: node test/run.ts [unit|e2e|property|node|all] [--filter TEXT] [--deadline SECONDS]\n`,
  );
  process.exit(2);
}

function filesOf(kind: Kind): string[] {
  const directory = join(root, kind);
  const names = globSync('**/*.test.ts', { cwd: directory });
  return names.sort().map((name) => join(directory, name));
}

/** Whether a test file imports any of these modules, by the name of its file. */
function imports(file: string, ...modules: readonly string[]): boolean {
  return new RegExp(`/(${modules.join('|')})\\.ts['"]`).test(readFileSync(file, 'utf8'));
}

/** Either import means that a file takes part in the shared control plane. */
function sharesControlPlane(file: string): boolean {
  return imports(file, 'shared', 'stage');
}

/** A command that counts as one test: it passes if it exits 0. */
async function check(name: string, command: string, args: readonly string[], always = false): Promise<void> {
  if (interrupted || !(always || name.includes(values.filter))) return;
  const started = performance.now();
  const child = start(command, args, deadlines.e2e, process.env);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (data) => {
      output += data;
    });
  }
  const ended = await endOf(child);
  children.delete(child);
  const passed = ended === 'exit code 0';
  const ms = performance.now() - started;
  if (!interrupted)
    note(name, passed ? 'passed' : 'failed', ms, passed ? undefined : `${output.trimEnd()}\n(${ended})`);
}

/**
 * Runs a test file and adds its results to the counts.
 * @param buffered print its output when it has ended, for files that run side by side
 */
async function runFile(kind: Kind, file: string, buffered: boolean): Promise<void> {
  if (interrupted) return;
  const name = relative(process.cwd(), file);
  const seconds = deadlineOverride ?? deadlines[kind];
  const env: NodeJS.ProcessEnv = { ...process.env, TEST_FILTER: values.filter };
  delete env['NODE_CHANNEL_FD']; // of an outer runner
  // Colours are for a person at a terminal; the child can't see ours.
  const colours = process.stdout.isTTY && !inCI && process.env['NO_COLOR'] === undefined;
  Object.assign(env, colours ? { FORCE_COLOR: '1' } : { NO_COLOR: '1', FORCE_COLOR: '0' });
  if (sharesControlPlane(file)) {
    try {
      plane ??= controlPlaneFromEnvironment();
      env[sharedVariable] = JSON.stringify(connectionOf(await plane));
    } catch (error) {
      note(name, 'failed', 0, `no control plane: ${error instanceof Error ? error.message : error}`);
      return;
    }
    if (interrupted) return;
  }

  const output: Buffer[] = [Buffer.from(`\n${name}\n`)];
  if (!buffered) process.stdout.write(output.pop() ?? '');
  const args = [join(import.meta.dirname, 'bootstrap.ts'), file];
  // Either import means that the file has a node.
  const hasNode = imports(file, 'node', 'installation');
  const child = start(
    ...(hasNode ? isolated(process.execPath, args) : ([process.execPath, args] as const)),
    seconds,
    env,
  );
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data: Buffer) => (buffered ? output.push(data) : process.stdout.write(data)));
  }
  let running = '';
  let done = false;
  let failed = 0;
  child.on('message', (message: Message) => {
    if (message.type === 'done') done = true;
    else if (message.type === 'start') running = message.name;
    else {
      if (message.name === running) running = '';
      if (message.outcome === 'failed') failed++;
      counts[message.outcome]++;
      if (message.outcome === 'failed') failures.push(`${name}: ${message.name}`);
    }
  });
  const ended = await endOf(child);
  // What the file started and forgot (its process group) goes with it.
  killGroup(child);
  children.delete(child);
  if (buffered) process.stdout.write(Buffer.concat(output));
  if (interrupted) return;
  const during = running === '' ? '' : `, during: ${running}`;
  if (!done) note(name, 'failed', 0, `${ended} before its tests were finished${during}`);
  else if (ended !== 'exit code 0' && failed === 0) note(name, 'failed', 0, `${ended} although no test failed`);
}

/** Starts a process in a group of its own, which is killed when its time is up. */
function start(command: string, args: readonly string[], seconds: number, env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(command, args, {
    cwd: project,
    env,
    detached: true,
    stdio: args.some((arg) => arg.endsWith('bootstrap.ts'))
      ? ['ignore', 'pipe', 'pipe', 'ipc']
      : ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const timer = setTimeout(() => {
    late.set(child, seconds);
    killGroup(child);
  }, seconds * 1000);
  child.on('error', () => {}).on('close', () => clearTimeout(timer));
  return child;
}

/** How a process ended, in words. Waits for its output and its messages too. */
async function endOf(child: ChildProcess): Promise<string> {
  return await new Promise((done) => {
    child.on('error', (error) => done(`it could not be started (${error.message})`));
    // A grandchild outside of the group may hold the pipes open, so only a little longer than the exit.
    child.on('exit', () => setTimeout(() => child.stdout?.destroy() && child.stderr?.destroy(), 2000).unref());
    child.on('close', (code, signal) => {
      const seconds = late.get(child);
      if (seconds !== undefined) done(`killed at its deadline of ${seconds} s`);
      else done(signal ? `ended by ${signal}` : `exit code ${code}`);
    });
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The whole group is gone already.
  }
}

function note(name: string, outcome: Outcome, ms: number, error?: string): void {
  counts[outcome]++;
  if (outcome === 'failed') failures.push(name);
  process.stdout.write(describeOutcome(name, outcome, ms, error));
}

async function inParallel<T>(limit: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}

/** Stops the control plane, prints the result and exits. */
async function finish(interruptedWith: number): Promise<void> {
  if (interrupted && interruptedWith === 0) return; // the signal's handler is at it
  if (plane) await plane.then((started) => started.stop()).catch(() => {});
  if (interrupted && interruptedWith === 0) return;
  if (counts.passed + counts.failed === 0) note('the run', 'failed', 0, 'no test ran');
  if (failures.length > 0) process.stdout.write(`\nfailed:\n${failures.map((name) => `  ${name}\n`).join('')}`);
  // Exit when the line is out: a pipe may be slower than we are.
  process.stdout.write(`\n${summary(counts)}\n`, () => process.exit(interruptedWith || (counts.failed > 0 ? 1 : 0)));
}
