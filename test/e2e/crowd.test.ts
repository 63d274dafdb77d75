/** Crowds at the metrics of a real operator, which anybody may reach without credentials: its memory, and its neighbours. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';
import { closeStage, openStage, type Stage } from '../support/stage.ts';

/** Most that a crowd may cost, in MiB. */
const allowed = 60;
/** How long a neighbour's change may take meanwhile, in milliseconds. */
const patience = 3_000;
const ask = 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n';

const test = suite('crowd');
let stage: Stage;
test.before(async () => {
  stage = await openStage('crowd');
  await stage.desk.create('neighbour', spec(100));
  await stage.desk.settled('neighbour');
});
test.after(async () => {
  await closeStage(stage ?? {});
});

const spec = (maximum: number) => ({ licenses: { outboundPorts: { minimum: 0, maximum } } });

/** Resident memory of the operator, in MiB. */
function memory(): number {
  const status = readFileSync(`/proc/${stage.operator.process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function address(): Promise<{ host: string; port: number }> {
  const line = await stage.operator.logged(({ msg }) => msg.startsWith('metrics server listens'), 'the address');
  const [host = '', port] = String(line['address']).split(':');
  return { host, port: Number(port) };
}

/** The crowd has a thread of its own, so that what it costs itself does not count as slowness of the operator. */
const crowd = `
const { connect } = require('node:net');
const { workerData: { to, count, reads, words } } = require('node:worker_threads');
const join = () => {
  const socket = connect(to);
  socket.on('error', () => {});
  // Again as soon as it is cut off.
  socket.once('close', () => setTimeout(join, 100));
  socket.write(words);
  if (reads) socket.on('data', (data) => data.toString('latin1').endsWith('\\n') && socket.write(words));
  else socket.pause();
};
for (let i = 0; i < count; i++) join();
`;
type Crowd = { readonly count: number; readonly reads: boolean; readonly words: string };

/** Lets a crowd loose for some seconds, and changes a neighbour meanwhile. */
async function besides(seconds: number, clients: Crowd) {
  const before = memory();
  const worker = new Worker(crowd, { eval: true, workerData: { to: await address(), ...clients } });
  let [highest, slowest, changes] = [before, 0, 0];
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) {
    const started = performance.now();
    await stage.desk.patch('neighbour', { spec: spec(101 + changes++) });
    await stage.desk.settled('neighbour');
    slowest = Math.max(slowest, performance.now() - started);
    highest = Math.max(highest, memory());
    await sleep(200);
  }
  await worker.terminate();
  return { before, highest, slowest, changes };
}

const told = ({ before, highest, slowest, changes }: Awaited<ReturnType<typeof besides>>) =>
  `memory ${before.toFixed(0)} -> ${highest.toFixed(0)} MiB, the slowest of ${changes} changes ${slowest.toFixed(0)} ms`;

test('what the same changes cost without a crowd, so that the first work of a process is not blamed on one', async () => {
  const seen = await besides(20, { count: 0, reads: true, words: ask });
  console.log(`nobody: ${told(seen)}`);
  assert.ok(seen.slowest < patience, told(seen));
});

test('300 clients that ask and never read: bounded memory, and a neighbour is served', async () => {
  const seen = await besides(20, { count: 300, reads: false, words: ask.repeat(200) });
  console.log(`300 that never read: ${told(seen)}`);
  assert.ok(seen.highest - seen.before < allowed, told(seen));
  assert.ok(seen.slowest < patience, told(seen));
});

test('50 clients that ask all the time: bounded memory, and a neighbour is served', async () => {
  const seen = await besides(10, { count: 50, reads: true, words: ask });
  console.log(`50 that ask all the time: ${told(seen)}`);
  assert.ok(seen.highest - seen.before < allowed, told(seen));
  assert.ok(seen.slowest < patience, told(seen));
});
