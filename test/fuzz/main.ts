/**
 * `npm run fuzz -- [--objects 10000] [--seed 1]`: hostile objects, records, ConfigMaps and managedFields through the operator at a
 * real API server, while a neighbour is changed all along. The result is Markdown; the exit code is 1 if anything was harmed.
 * Object i of seed N is object 0 of seed N + i: `--objects 1 --seed N+i` repeats it alone.
 * At SIGTERM no more come, and what came is judged.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Report, runCampaign } from './campaign.ts';

const { values } = parseArgs({
  options: { objects: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});
const [objects, seed] = [Number(values.objects), Number(values.seed)];
if (!Number.isInteger(objects) || objects < 1 || !Number.isInteger(seed) || seed < 0) {
  process.stderr.write('usage: npm run fuzz -- [--objects NUMBER] [--seed NUMBER]\n');
  process.exit(2);
}

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const report = await runCampaign({ objects, seed, signal: stop.signal, tell: (line) => console.log(line) });
console.log(tableOf(report));
if (report.violations.length > 0) {
  const file = join(tmpdir(), `license-settings-fuzz-${process.pid}.log`);
  writeFileSync(file, report.log.map((line) => `${JSON.stringify(line)}\n`).join(''));
  console.log(`\nwhat the operator logged: ${file}`);
}
process.exit(report.violations.length > 0 ? 1 : 0);

function tableOf({ kinds, neighbour, memory, ...rest }: Report): string {
  const { seconds, violations, unreadable, writes, revisions } = rest;
  const rows = [...kinds].map(([kind, { cases, taken, refused }]) => [kind, cases, taken, refused]);
  const total = rows.reduce((sum, row) => sum + Number(row[1]), 0);
  const mebibytes = [memory.first, memory.most, memory.last].map((one) => one.toFixed(0));
  return [
    '',
    `\`npm run fuzz -- --objects ${objects} --seed ${seed}\`: ${total} objects in ${(seconds / 60).toFixed(1)} minutes`,
    '',
    '| kind | objects | requests taken | refused by the API server |',
    '| --- | ---: | ---: | ---: |',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    '| what | figure |',
    '| --- | ---: |',
    `| revisions, and requests of the operator that write | ${revisions}, ${writes} |`,
    `| a neighbour's slowest change of ${neighbour.changes} | ${neighbour.slowest.toFixed(0)} ms |`,
    `| the slowest word of the API server's to a watch | ${neighbour.slowestTold.toFixed(0)} ms |`,
    `| memory at the start, greatest, at the end | ${mebibytes.join(', ')} MiB |`,
    `| objects that could not be read | ${unreadable} |`,
    `| violations | ${violations.length} |`,
    ...violations.map((one) => `\n- ${one}`),
  ].join('\n');
}
