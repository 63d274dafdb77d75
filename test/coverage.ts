/**
 * Which lines of src/ no test runs: `npm run coverage [-- unit|property|all] [--filter TEXT]`; the arguments are the
 * runner's, `unit` unless told.
 *
 * Node writes what V8 counted in each of the runner's processes (NODE_V8_COVERAGE), and the sources run as they are: types
 * are blanked out, so a place in the counts is the same place in the file. Hence no tool is needed that maps one to the
 * other. What runs as a bundle (the operator of end-to-end tests) is not counted, and a line that ran is not yet a rule that
 * is guarded: that is what `npm run mutate` tells.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = resolve(import.meta.dirname, '..');

/** One function, or block of it, and how often it ran. Offsets are UTF-16 units. */
type Range = { readonly startOffset: number; readonly endOffset: number; readonly count: number };
/** What V8 counted in one file in one process. */
export type Script = { readonly url: string; readonly functions: readonly { readonly ranges: readonly Range[] }[] };

/** One row of the table: a file, how many lines of code it has, and which of them never ran, counted from 1. */
export type Row = { readonly file: string; readonly lines: number; readonly uncovered: readonly number[] };

/** Marks what ran. Ranges lie in one another: the innermost says how often a place ran. */
export function markCovered(covered: Uint8Array, { functions }: Pick<Script, 'functions'>): void {
  const ranges = functions.flatMap((one) => one.ranges);
  const outerFirst = ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const ran = new Uint8Array(covered.length);
  for (const { startOffset, endOffset, count } of outerFirst) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  for (const [i, one] of ran.entries()) if (one) covered[i] = 1;
}

/** Lines of code of which nothing ran. Blank lines and comments are no code. */
export function uncoveredLines(text: string, covered: Uint8Array): { lines: number; uncovered: number[] } {
  let [lines, from, isComment] = [0, 0, false];
  const uncovered: number[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const code = line.trim();
    isComment ||= code.startsWith('/*');
    if (code !== '' && !isComment && !code.startsWith('//')) {
      lines++;
      const begins = from + line.indexOf(code);
      if (!covered.subarray(begins, begins + code.length).includes(1)) uncovered.push(i + 1);
    }
    if (code.endsWith('*/')) isComment = false;
    from += line.length + 1;
  }
  return { lines, uncovered };
}

/** `3, 7-9`. */
export function inShort(lines: readonly number[]): string {
  const spans: [number, number][] = [];
  for (const line of lines) {
    const last = spans.at(-1);
    if (last && last[1] === line - 1) last[1] = line;
    else spans.push([line, line]);
  }
  return spans.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}

/** Files with most uncovered lines first; those without any are in the last line alone. */
export function tableOf(rows: readonly Row[]): string {
  const sorted = rows
    .filter(({ uncovered }) => uncovered.length > 0)
    .sort((a, b) => b.uncovered.length - a.uncovered.length || (a.file < b.file ? -1 : 1));
  const sum = (count: (row: Row) => number) => rows.reduce((total, row) => total + count(row), 0);
  const [lines, uncovered] = [sum((row) => row.lines), sum((row) => row.uncovered.length)];
  const share = lines === 0 ? '100.0' : (100 - (100 * uncovered) / lines).toFixed(1);
  return [
    ...sorted.map(
      (row) => `${String(row.uncovered.length).padStart(5)} of ${row.lines}  ${row.file}: ${inShort(row.uncovered)}`,
    ),
    `${share} % of ${lines} lines in ${rows.length} files ran`,
  ].join('\n');
}

/** What all processes together ran of src/. */
function rowsFrom(directory: string): Row[] {
  const texts = new Map(globSync('src/**/*.ts', { cwd: project }).map((file) => [file, readText(file)]));
  const covered = new Map([...texts].map(([file, text]) => [file, new Uint8Array(text.length)]));
  for (const name of readdirSync(directory)) {
    const { result } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as { result: Script[] };
    for (const script of result) {
      const marks = script.url.startsWith('file:')
        ? covered.get(relative(project, fileURLToPath(script.url)))
        : undefined;
      if (marks) markCovered(marks, script);
    }
  }
  return [...texts].map(([file, text]) => ({
    file,
    ...uncoveredLines(text, covered.get(file) ?? new Uint8Array(text.length)),
  }));
}

const readText = (file: string) => readFileSync(join(project, file), 'utf8');

function main(): void {
  const directory = mkdtempSync(join(tmpdir(), 'coverage-'));
  try {
    const args = process.argv.slice(2);
    const { status } = spawnSync(process.execPath, ['test/run.ts', ...(args.length > 0 ? args : ['unit'])], {
      ...{ cwd: project, stdio: 'inherit' },
      env: { ...process.env, NODE_V8_COVERAGE: directory },
    });
    process.stdout.write(`\n${tableOf(rowsFrom(directory))}\n`);
    process.exitCode = status ?? 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) main();
