/** Crowds at the metrics of a real operator, which anybody may reach without credentials: its memory, and its neighbours. */
import { Worker } from 'node:worker_threads';
import { suite } from '../suite.ts';
import { bounded, Neighbour, type Seen } from '../support/neighbour.ts';
import { closeStage, openStage, type Stage } from '../support/stage.ts';

const ask = 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n';

const test = suite('crowd');
let stage: Stage;
let neighbour: Neighbour;
let before: Seen;

test.before(async () => {
  stage = await openStage('crowd');
  neighbour = await Neighbour.moveIn(stage, 'crowd-neighbour');
  before = await neighbour.watch(Promise.resolve(), 20);
});
test.after(async () => {
  await neighbour?.moveOut();
  await closeStage(stage ?? {});
});

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
async function besides(seconds: number, clients: Crowd): Promise<Seen> {
  const worker = new Worker(crowd, { eval: true, workerData: { to: await address(), ...clients } });
  const seen = await neighbour.watch(Promise.resolve(), seconds);
  await worker.terminate();
  return seen;
}

test('what the same changes cost without a crowd, so that the first work of a process is not blamed on one', () => {
  bounded('nobody', before, before);
});

test('300 clients that ask and never read: bounded memory, and a neighbour is served', async () => {
  const seen = await besides(20, { count: 300, reads: false, words: ask.repeat(200) });
  bounded('300 clients that never read', before, seen);
});

test('50 clients that ask all the time: bounded memory, and a neighbour is served', async () => {
  const seen = await besides(10, { count: 50, reads: true, words: ask });
  bounded('50 clients that ask all the time', before, seen);
});
