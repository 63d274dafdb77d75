/**
 * uvu, made strict. uvu by itself exits 0 on a file without tests, on a forgotten `.run()` and on a failing `before`;
 * here a suite runs by itself, and every registered test ends as passed, failed or skipped.
 *
 * ```ts
 * import * as assert from 'uvu/assert';
 * import { suite } from '../suite.ts';
 * const test = suite('hash');
 * test('is stable', () => assert.is(1, 1));
 * ```
 */
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import type { Callback } from 'uvu';

declare global {
  /** Tells uvu not to run anything on its own. */
  var UVU_DEFER: number | undefined;
  /** Where `.run()` of uvu puts a suite. */
  var UVU_QUEUE: (() => Promise<unknown>)[][];
}
globalThis.UVU_DEFER = 1;
globalThis.UVU_QUEUE = [[]];
// uvu reads both when it is loaded, so it must come after them.
const uvu = await import('uvu');
const { compare } = await import('uvu/diff');

/** Registers a hook of a suite; `each` runs around every test. A failing hook fails the run. */
export interface Hook<T> {
  (hook: Callback<T>): void;
  each(hook: Callback<T>): void;
}

/** A suite: call it to register a test. There is no `.run()`. */
export interface Suite<T> {
  (name: string, test: Callback<T>): void;
  /** Runs only the marked tests; a failure where the variable CI is set. */
  only(name: string, test: Callback<T>): void;
  /** Counted and shown as skipped. */
  skip(name: string, test?: Callback<T>): void;
  before: Hook<T>;
  after: Hook<T>;
}

/** What a test file sends to the runner through IPC. */
export type Message =
  | { type: 'start'; name: string }
  | { type: 'test'; name: string; outcome: Outcome; ms: number; error?: string }
  | { type: 'done' };

/** How a test ended. */
export type Outcome = 'passed' | 'failed' | 'skipped';

interface Collected {
  readonly name: string;
  /** Names of all its tests, whatever the filter says. */
  readonly titles: string[];
  readonly run: () => void;
  readonly pending: Set<string>;
  readonly marked: Set<string>;
  readonly skipped: string[];
  readonly hookErrors: string[];
}

const inCI = !['', '0', 'false'].includes(process.env['CI'] ?? '');
const filter = process.env['TEST_FILTER'] ?? '';
const colours = process.stdout.hasColors?.() || (process.env['FORCE_COLOR'] ?? '0') !== '0';
const rawWrite = process.stdout.write.bind(process.stdout);

const collected: Collected[] = [];
const counts: Record<Outcome, number> = { passed: 0, failed: 0, skipped: 0 };
let registered = 0;
let running = '';
/** How many test functions and hooks are running: outside of them, what goes to stdout are uvu's dots. */
let inside = 0;
let driven = false;
let finished = false;

/**
 * A new suite. Its tests run after the whole file has been loaded, in the order of registration.
 * @param name shown before the names of its tests
 * @param context handed to every hook and test; also holds what hooks put there
 */
export function suite<T extends object = Record<string, unknown>>(name: string, context?: T): Suite<T> {
  const inner = uvu.suite<T>('', context ?? ({} as T));
  const own: Collected = {
    name,
    titles: [],
    run: inner.run,
    pending: new Set(),
    marked: new Set(),
    skipped: [],
    hookErrors: [],
  };
  collected.push(own);
  if (collected.length === 1 && !driven) runAlone();

  const wrap =
    (title: string, test: Callback<T>): Callback<T> =>
    async (state) => {
      const started = performance.now();
      own.pending.delete(title);
      running = title;
      tell({ type: 'start', name: title });
      inside++;
      try {
        await test(state);
        report(title, 'passed', performance.now() - started);
      } catch (error) {
        report(title, 'failed', performance.now() - started, explain(error));
        throw error;
      } finally {
        inside--;
        running = '';
      }
    };
  const add = (register: (name: string, test: Callback<T>) => void, marked: boolean) => {
    return (testName: string, test: Callback<T>) => {
      const title = unique(own, `${name} > ${testName}`);
      registered++;
      own.titles.push(title);
      if (!title.includes(filter)) return;
      own.pending.add(title);
      if (marked) own.marked.add(title);
      register(title, wrap(title, test));
    };
  };
  const hook = (register: (hook: Callback<T>) => void, kind: string): ((hook: Callback<T>) => void) => {
    return (body) =>
      register(async (state) => {
        inside++;
        running = `${name} > ${kind} hook`;
        try {
          await body(state);
        } catch (error) {
          own.hookErrors.push(`${kind} hook: ${explain(error)}`);
          // Swallowed in `after` hooks, because uvu would drop the tests that are still to come.
          if (kind.startsWith('before')) throw error;
        } finally {
          inside--;
          running = '';
        }
      });
  };

  const result = add(inner, false) as Suite<T>;
  result.only = add(inner.only, true);
  result.skip = (testName) => {
    registered++;
    const title = `${name} > ${testName}`;
    own.titles.push(title);
    if (title.includes(filter)) own.skipped.push(title);
  };
  result.before = Object.assign(hook(inner.before, 'before'), { each: hook(inner.before.each, 'before.each') });
  result.after = Object.assign(hook(inner.after, 'after'), { each: hook(inner.after.each, 'after.each') });
  return result;
}

/**
 * Loads one test file, runs what it collected and ends the process: exit code 0 only if everything ran and passed.
 * @param file path of the file
 */
export async function runFile(file: string): Promise<never> {
  driven = true;
  return await conclude(import(pathToFileURL(file).href));
}

/**
 * Full names (`suite > test`) of the tests of a file, which is loaded for that, and not run.
 * @param file path of the file; it must not have been loaded before
 */
export async function titlesIn(file: string): Promise<string[]> {
  const before = collected.length;
  await import(pathToFileURL(file).href);
  return collected.splice(before).flatMap(({ titles }) => titles);
}

/** A test file was started directly (`node test/unit/x.test.ts`): run it as soon as it is loaded. */
function runAlone(): void {
  // Importing the entry module again gives the promise of the evaluation under way, top-level awaits included.
  void conclude(import(pathToFileURL(process.argv[1] ?? '').href));
}

/** Waits for the file to be loaded, runs its suites, and exits. */
async function conclude(loaded: Promise<unknown>): Promise<never> {
  process.on('unhandledRejection', (error) => stray('unhandled rejection', error));
  process.on('uncaughtException', (error) => stray('uncaught exception', error));
  process.on('exit', () => {
    if (finished) return;
    rawWrite(`FAILED the process ended before its tests did${running && `, during: ${running}`}\n`);
    process.exitCode = 1;
  });
  try {
    await loaded;
    await runCollected();
  } catch (error) {
    report('loading the file', 'failed', 0, explain(error));
  }
  // A promise rejected by the last test is reported only after a turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 10));
  finished = true;
  if (process.send) await new Promise((resolve) => process.send?.({ type: 'done' }, resolve));
  else rawWrite(`${summary(counts)}\n`);
  // Explicit: a forgotten timer or socket of a test must not keep a finished file alive.
  process.exit(counts.failed === 0 ? 0 : 1);
}

async function runCollected(): Promise<void> {
  if (registered === 0) report('the file', 'failed', 0, 'it has no tests');
  for (const own of collected) {
    for (const title of own.skipped) report(title, 'skipped', 0);
    if (own.pending.size === 0) continue;
    if (own.marked.size > 0 && inCI) report(own.name, 'failed', 0, '.only left behind');
    await runThroughUvu(own);
    for (const title of own.pending) {
      if (own.marked.size > 0 && !own.marked.has(title)) report(title, 'skipped', 0);
      else report(title, 'failed', 0, `did not run: ${own.hookErrors[0] ?? 'uvu never called it'}`);
    }
    for (const error of own.hookErrors) {
      if (!error.startsWith('before.each')) report(`${own.name} > hook`, 'failed', 0, error);
    }
  }
}

async function runThroughUvu(own: Collected): Promise<void> {
  own.run();
  process.stdout.write = ((...args: Parameters<typeof rawWrite>) =>
    inside > 0 ? rawWrite(...args) : true) as typeof process.stdout.write;
  try {
    for (let next = globalThis.UVU_QUEUE[0]?.shift(); next; next = globalThis.UVU_QUEUE[0]?.shift()) await next();
  } finally {
    process.stdout.write = rawWrite;
  }
}

/** The result line of a run: `N passed, N failed`, and `, N skipped` if any. */
export function summary(of: Readonly<Record<Outcome, number>>): string {
  return `${of.passed} passed, ${of.failed} failed${of.skipped > 0 ? `, ${of.skipped} skipped` : ''}`;
}

/** One line for a test that ended, and the explanation of a failure below it. */
export function describeOutcome(name: string, outcome: Outcome, ms: number, error?: string): string {
  const [word, colour] = { passed: ['ok     ', 32], failed: ['FAILED ', 31], skipped: ['skipped', 33] }[outcome];
  const mark = colours ? `\u001b[${colour}m${word}\u001b[39m` : word;
  return `${mark} ${name} (${Math.round(ms)} ms)\n${error === undefined ? '' : `${error.replace(/^/gm, '        ')}\n`}`;
}

function report(name: string, outcome: Outcome, ms: number, error?: string): void {
  counts[outcome]++;
  rawWrite(describeOutcome(name, outcome, ms, error));
  tell({ type: 'test', name, outcome, ms, ...(error === undefined ? {} : { error }) });
}

function stray(kind: string, error: unknown): void {
  report(`${kind}${running && ` during: ${running}`}`, 'failed', 0, explain(error));
}

function tell(message: Message): void {
  process.send?.(message);
}

/** Two tests of one name would hide each other in the books. */
function unique(own: Collected, title: string): string {
  return own.pending.has(title) ? unique(own, `${title} (again)`) : title;
}

/** Message, difference and the useful part of the stack. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error);
  const { details, operator, actual, expected } = error as Error & Record<string, unknown>;
  let difference = typeof details === 'string' ? details : '';
  if (error.name.startsWith('AssertionError') && !String(operator).includes('not')) {
    difference = compare(actual, expected);
  }
  const stack = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !/node:|node_modules\/uvu|test\/suite\.ts/.test(line))
    .map((line) => line.replace(/file:\/\/(\/[^:)]+)/, (_, path: string) => relative(process.cwd(), path)));
  const parts = [`${error.name}: ${error.message}`, difference, ...stack];
  if (error.cause !== undefined) parts.push(`caused by ${explain(error.cause)}`);
  if (error instanceof AggregateError) parts.push(...error.errors.map(explain));
  return parts.filter((part) => part !== '').join('\n');
}
