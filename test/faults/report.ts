/** What a campaign found, for people: Markdown. */
import type { Result } from './run.ts';

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const failed = (results: readonly Result[]) => results.filter(({ violations }) => violations.length > 0);
const thousands = (n: number) => n.toLocaleString('en');

/** A table of fault kinds by scenarios: runs, and behind a slash those with violations. */
export function table(results: readonly Result[]): string {
  const columns = [...new Set(results.map(({ job }) => job.scenario.name))].sort();
  const kinds = [...new Set(results.map(({ job }) => job.label))].sort();
  const cell = (of: readonly Result[]) => {
    const bad = failed(of).length;
    return of.length === 0 ? '' : `${of.length}${bad > 0 ? `/**${bad}**` : ''}`;
  };
  const line = (name: string, of: readonly Result[]) =>
    row([name, ...columns.map((one) => cell(of.filter(({ job }) => job.scenario.name === one))), cell(of)]);
  return [
    row(['fault', ...columns, 'all']),
    row(['---', ...columns.map(() => '--:'), '--:']),
    ...kinds.map((kind) =>
      line(
        kind,
        results.filter(({ job }) => job.label === kind),
      ),
    ),
    line('all', results),
  ].join('\n');
}

/** One line a part of the campaign. */
export function totals(parts: readonly { readonly name: string; readonly results: readonly Result[] }[]): string {
  const line = (name: string, of: readonly Result[]) => {
    const sum = (value: (result: Result) => number) => thousands(of.reduce((all, one) => all + value(one), 0));
    const slowest = Math.max(0, ...of.map((one) => one.slowest)) / 1000;
    const faults = sum(({ struck }) => struck);
    const requests = sum(({ counts }) => counts.request.length);
    return row([
      name,
      thousands(of.length),
      faults,
      requests,
      sum(({ judged }) => judged),
      failed(of).length,
      slowest.toFixed(1),
    ]);
  };
  return [
    row(['part', 'runs', 'faults that struck', 'requests', 'revisions judged', 'runs with violations', 'slowest, s']),
    row(['---', '--:', '--:', '--:', '--:', '--:', '--:']),
    ...parts.map(({ name, results }) => line(name, results)),
    line(
      'all',
      parts.flatMap(({ results }) => results),
    ),
  ].join('\n');
}

/** Each failure with the command that replays it. */
export const failures = (results: readonly Result[]): string =>
  failed(results)
    .map(({ job, violations }) =>
      [`npm run faults -- ${job.replay}`, ...violations.map((one) => `    ${one}`)].join('\n'),
    )
    .join('\n');
