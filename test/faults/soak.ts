/**
 * Two replicas for a long time under continuous changes and faults: do memory and handles stay flat?
 *
 * `npm run soak -- [--minutes 20] [--seed 1]` (the first fifth warms up; a fault befalls about one request in twenty)
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Operator, serviceAccount, startOperator, until } from '../operator.ts';
import { createRandom } from '../support/random.ts';
import { openOwnStage } from '../support/stage.ts';
import { type EventFault, type FaultProxy, type RequestFault, startProxy } from './proxy.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
});
const minutes = Number(values.minutes);
const random = createRandom(Number(values.seed));
const objects = 40;
const zones = ['a', 'b', 'c'];
const sampleEvery = 5_000;
/** What a request or an event meets now and then. `hang-…` and `silent` last longer than the rest, so they are rare. */
const requestFaults: readonly RequestFault[] = [
  'reset-before',
  'reset-after',
  'truncate',
  'answer-401',
  'answer-403',
  'answer-409',
  'answer-429',
  'answer-500',
  'answer-503',
  'commit-500',
  'late',
];
const eventFaults: readonly EventFault[] = ['reset', 'end', 'duplicate', 'delay', 'gone', 'error-500', 'bad-json'];

const { plane, desk } = await openOwnStage('soak');
const kubeconfig = await plane.serviceAccountKubeconfig(serviceAccount.namespace, serviceAccount.name);

let faulty = true;
const faults: Record<string, number> = {};
const draw = <T extends string>(part: number, of: readonly T[], rare: T): T | undefined => {
  if (!faulty || !random.chance(part)) return undefined;
  const fault = random.chance(0.02) ? rare : random.pick(of);
  faults[fault] = (faults[fault] ?? 0) + 1;
  return fault;
};

type Replica = { operator: Operator; proxy: FaultProxy; samples: { rss: number; handles: number }[] };
async function startReplica(number: number): Promise<Replica> {
  const proxy = await startProxy({
    plane,
    decide: ({ verb }) => (verb === 'watch' ? undefined : draw(0.05, requestFaults, 'hang-after')),
    decideEvent: () => draw(0.01, eventFaults, 'silent'),
  });
  const through = `${kubeconfig}.soak-${number}`;
  writeFileSync(through, readFileSync(kubeconfig, 'utf8').replaceAll(plane.server, proxy.server), { mode: 0o600 });
  const operator = await startOperator(plane, {
    kubeconfig: through,
    flags: [
      ...['--leader-elect', '--lease-namespace', serviceAccount.namespace, '--watch-namespaces', 'soak'],
      ...['--log-level', 'error', '--resync-seconds', '60'],
    ],
  });
  return { operator, proxy, samples: [] };
}

/** Resident memory in MiB, and open files, of a process. */
function sample({ operator }: Replica): { rss: number; handles: number } {
  const { pid } = operator.process;
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return { rss: (pages * 4096) / 2 ** 20, handles: readdirSync(`/proc/${pid}/fd`).length };
}

let serial = 0;
const spec = () => {
  serial++;
  const share = 100 + random.below(100);
  return {
    licenses: { outboundPorts: { minimum: random.below(100), maximum: 600 + (serial % 100) } },
    zones: random.chance(0.5) ? zones.map((name) => ({ name, licenses: { outboundPorts: share } })) : null,
    settleSeconds: random.below(2),
    applyPolicy: random.chance(0.1) ? 'Manual' : 'Automatic',
  };
};

const names = Array.from({ length: objects }, (_, i) => `soak-${i}`);
const replicas = [await startReplica(0), await startReplica(1)];
const begun = performance.now();
const end = begun + minutes * 60_000;
let changes = 0;
async function change(): Promise<void> {
  const name = random.pick(names);
  const what = random.below(20);
  if (what === 0) await desk.remove(name).catch(() => {});
  else if (what <= 2) await desk.patchMap(`${name}-licenses`, { data: { drift: String(serial++) } }).catch(() => {});
  else if (await desk.get(name)) await desk.patch(name, { spec: spec() }).catch(() => {});
  else await desk.create(name, spec()).catch(() => {});
  changes++;
}

let failed = '';
try {
  let next = begun;
  while (performance.now() < end && failed === '') {
    await change();
    await sleep(40);
    if (performance.now() < next) continue;
    next += sampleEvery;
    for (const one of replicas) {
      if (one.operator.process.exitCode !== null || one.operator.process.signalCode !== null)
        failed = 'a replica ended';
      else one.samples.push(sample(one));
      one.proxy.forget();
    }
    const [a, b] = replicas.map(({ samples }) => samples.at(-1));
    const at = `${((performance.now() - begun) / 60_000).toFixed(1)} min`;
    process.stderr.write(
      `${at}: ${changes} changes, RSS ${a?.rss.toFixed(0)} and ${b?.rss.toFixed(0)} MiB, handles ${a?.handles} and ${b?.handles}\n`,
    );
  }
  faulty = false;
  // Everything that can be applied is, in the end: nothing was lost on the way.
  for (const name of names) {
    if (!(await desk.get(name))) continue;
    await desk.patch(name, {
      spec: { applyPolicy: 'Automatic', licenses: { outboundPorts: { minimum: 0, maximum: 9_999 } } },
    });
  }
  for (const name of names) {
    if (await desk.get(name)) await desk.waitFor(name, 'Applied', 'True', 'Applied', 120_000);
  }
} catch (error) {
  failed ||= String(error);
}

const median = (list: readonly number[]): number => [...list].sort((x, y) => x - y)[Math.floor(list.length / 2)] ?? 0;
console.log(`${minutes} minutes, ${objects} objects, ${changes} changes, seed ${values.seed}`);
console.log(`faults: ${JSON.stringify(faults)}\n`);
console.log(
  '| replica | RSS in the second fifth | RSS in the last fifth | ratio | handles, second fifth | last fifth |',
);
console.log('| --- | --- | --- | --- | --- | --- |');
for (const [number, { samples, operator }] of replicas.entries()) {
  const fifth = Math.floor(samples.length / 5);
  const part = (n: number) => samples.slice(n * fifth, (n + 1) * fifth);
  const of = (n: number, key: 'rss' | 'handles') => median(part(n).map((one) => one[key]));
  const ratio = of(4, 'rss') / of(1, 'rss');
  console.log(
    `| ${number} | ${of(1, 'rss').toFixed(1)} MiB | ${of(4, 'rss').toFixed(1)} MiB | ${ratio.toFixed(3)} | ${of(1, 'handles')} | ${of(4, 'handles')} |`,
  );
  if (ratio > 1.1) failed ||= `replica ${number} grew by ${((ratio - 1) * 100).toFixed(0)} %`;
  // A connection more or less at the moment of a look is no leak.
  if (of(4, 'handles') > of(1, 'handles') + 5) failed ||= `replica ${number} has more handles`;
  const defect = operator.log.find(({ msg }) => /defect/.test(msg));
  if (defect) failed ||= `replica ${number}: ${JSON.stringify(defect)}`;
}
for (const { operator, proxy } of replicas) {
  const code = await operator.stop();
  if (code !== 0) failed ||= `a replica ended with ${code}`;
  await proxy.close();
}
await until('the plane stops', async () => plane.stop().then(() => true));
console.log(failed === '' ? '\nflat' : `\nFAILED: ${failed}`);
process.exit(failed === '' ? 0 : 1);
