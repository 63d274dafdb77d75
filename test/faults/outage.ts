/**
 * The API server away for minutes: how often does the operator knock meanwhile, and how soon is it back at work?
 *
 * `npm run outage -- [--minutes 5]`
 */
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startOperator, until } from '../operator.ts';
import { openOwnStage } from '../support/stage.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' } } });
const minutes = Number(values.minutes);
/** licensesettings and configmaps. */
const watches = 2;

const { plane, desk } = await openOwnStage('outage');
const spec = (maximum: number) => ({ licenses: { outboundPorts: { minimum: 0, maximum } } });
const names = Array.from({ length: 50 }, (_, i) => `outage-${i}`);
const operator = await startOperator(plane, { flags: ['--watch-namespaces', 'outage', '--resync-seconds', '86400'] });
for (const name of names) await desk.create(name, spec(5));
for (const name of names) await desk.settled(name);

// It would knock too.
await plane.kill('kube-controller-manager');
await plane.kill('kube-apiserver', 'SIGKILL');
/** In the API server's place: takes each connection, counts it, and breaks it. Each is one request that failed. */
let knocks = 0;
const stand = createServer((socket: Socket) => {
  knocks++;
  socket.on('error', () => {}).resetAndDestroy();
});
await new Promise<void>((resolve) => stand.listen(Number(new URL(plane.server).port), '127.0.0.1', resolve));
await sleep(minutes * 60_000);
const counted = knocks;
await new Promise<void>((resolve) => stand.close(() => resolve()));

await plane.restart('kube-apiserver');
const back = performance.now();
for (const name of names) await desk.patch(name, { spec: spec(6) });
for (const name of names) await desk.settled(name);
const seconds = (performance.now() - back) / 1000;
const away = counted / (minutes * 60);

console.log('| API server away | requests per second and watch | settled after its return | exit code |');
console.log('| --- | --- | --- | --- |');
const alive = operator.process.exitCode === null;
const code = await operator.stop();
console.log(
  `| ${minutes} min | ${(away / watches).toFixed(2)} (bar: 1) | ${seconds.toFixed(1)} s for ${names.length} changes (bar: 5) | ${alive ? code : 'it ended by itself'} |`,
);
await until('the plane stops', async () => plane.stop().then(() => true));
process.exit(alive && code === 0 && away / watches < 1 && seconds < 5 ? 0 : 1);
