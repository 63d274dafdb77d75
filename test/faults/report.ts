/** What a campaign found, for people: Markdown. */
import type { Result } from './run.ts';

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const failed = (results: readonly Result[]) => results.filter(({ violations }) => violations.length > 0);
const thousands = (n: number) => n.toLocaleString('en');

/**
 * A table of fault kinds by scenarios: runs that a fault struck, of how many where that is not all, and behind a slash
 * those with violations.
 */
export function table(results: readonly Result[]): string {
  const columns = [...new Set(results.map(({ job }) => job.scenario.name))].sort();
  const kinds = [...new Set(results.map(({ job }) => job.label))].sort();
  const cell = (of: readonly Result[]) => {
    const bad = failed(of).length;
    const struck = of.filter(({ job, struck }) => struck > 0 || job.label === 'no fault').length;
    const runs = struck < of.length ? `${struck} of ${of.length}` : `${struck}`;
    return of.length === 0 ? '' : `${runs}${bad > 0 ? `/**${bad}**` : ''}`;
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

/** A table of scenarios that run as they are: what each took, and what it broke. */
export function scenarioTable(results: readonly Result[]): string {
  const rules = ({ violations }: Result) => [
    ...new Set(violations.map((one) => /\b([SL]\d+|rule \d)\b/.exec(one)?.[1] ?? 'other')),
  ];
  return [
    row(['scenario', 'requests', 'revisions judged', 'seconds', 'broken']),
    row(['---', '--:', '--:', '--:', '---']),
    ...[...results]
      .sort((a, b) => a.job.scenario.name.localeCompare(b.job.scenario.name))
      .map((one) =>
        row([
          one.job.scenario.name,
          one.counts.request.length,
          one.judged,
          (one.milliseconds / 1000).toFixed(0),
          rules(one).join(', '),
        ]),
      ),
  ].join('\n');
}

/** `of`: how many runs there are, of which these were drawn. */
export type Part = { readonly name: string; readonly results: readonly Result[]; readonly of: number };

/** One line a part of the campaign. What no fault struck shows nothing about faults, so those that one did are told. */
export function totals(parts: readonly Part[]): string {
  const line = (name: string, of: readonly Result[], known: number) => {
    const sum = (value: (result: Result) => number) => thousands(of.reduce((all, one) => all + value(one), 0));
    const slowest = Math.max(0, ...of.map((one) => one.slowest)) / 1000;
    const faults = sum(({ struck }) => struck);
    const requests = sum(({ counts }) => counts.request.length);
    return row([
      name,
      known > of.length ? `${thousands(of.length)} of ${thousands(known)}` : thousands(of.length),
      thousands(of.filter(({ struck }) => struck > 0).length),
      faults,
      requests,
      sum(({ judged }) => judged),
      failed(of).length,
      slowest.toFixed(1),
    ]);
  };
  return [
    row([
      'part',
      'runs',
      'runs struck',
      'faults that struck',
      'requests',
      'revisions judged',
      'runs with violations',
      'slowest, s',
    ]),
    row(['---', '--:', '--:', '--:', '--:', '--:', '--:', '--:']),
    ...parts.map(({ name, results, of }) => line(name, results, of)),
    line(
      'all',
      parts.flatMap(({ results }) => results),
      0,
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
