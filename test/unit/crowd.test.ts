/** Crowds of clients at the two servers: many, silent, greedy, and how little they cost. */
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import {
  answerWithin,
  maxConnections,
  maxRequests,
  metricsConnectionsPerSecond,
  sharedFor,
} from '../../src/observe/crowd.ts';
import { type Routes, startServer } from '../../src/observe/servers.ts';
import { suite } from '../suite.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';

const test = suite('a crowd at the servers');
const local = { flag: '--metrics-address', host: '127.0.0.1', port: 0 };
const page = (body: string): Routes => ({
  readiness: () => ({ ready: true, checks: [] }),
  metrics: async () => ({ contentType: 'text/plain', body }),
});
/** More than the kernel buffers for a client that does not read. */
const large = 'x'.repeat(16 * 1024 * 1024);

async function serving(routes: Routes, use: (port: number, clock: VirtualClock) => Promise<void>): Promise<void> {
  const clock = createVirtualClock();
  const server = await startServer({ ...local, clock }, routes);
  try {
    await use(Number(server.address.split(':')[1]), clock);
  } finally {
    await server.close();
  }
}

/** A client that never reads. */
function silent(port: number, words = ''): { socket: Socket; closed: Promise<void> } {
  const socket = connect(port, '127.0.0.1').pause();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  // To a client that does not read, only an end or an error on writing tells that the connection is gone.
  socket.on('end', () => socket.destroy());
  if (words) socket.write(words);
  return { socket, closed };
}
const opened = ({ socket }: { socket: Socket }) => new Promise<void>((resolve) => socket.once('connect', resolve));

const ask = (port: number, path: string) =>
  new Promise<string>((resolve, reject) => {
    get({ port, host: '127.0.0.1', path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(body));
    }).on('error', reject);
  });

test('R11.3 of 300 connections the newest 64 are kept, and a probe that comes last is answered', async () => {
  await serving(page('m'), async (port) => {
    const clients = [];
    for (let i = 0; i < 300; i++) {
      const client = silent(port);
      client.socket.resume();
      clients.push(client);
      await opened(client);
    }
    assert.is(await ask(port, '/healthz'), 'ok\n');
    await Promise.all(clients.slice(0, 300 - maxConnections).map(({ closed }) => closed));
    const open = clients.slice(-maxConnections).filter(({ socket }) => !socket.destroyed);
    assert.ok(open.length >= maxConnections - 1, `${open.length} of the newest are open`);
    for (const { socket } of clients) socket.destroy();
  });
});

test('R11.3 of a flood of connections to the metrics 64 are taken at once, and 10 a second; probes are never turned away', async () => {
  const { metrics } = page('m');
  await serving({ ...(metrics ? { metrics } : {}) }, async (port, clock) => {
    const flood = async (count: number) => {
      const clients = Array.from({ length: count }, () => silent(port));
      for (const { socket } of clients) socket.resume();
      await Promise.all(clients.map(opened));
      const turnedAway = clients.slice(-1)[0];
      await turnedAway?.closed;
      return clients.filter(({ socket }) => !socket.destroyed).length;
    };
    assert.is(await flood(200), maxConnections);
    await clock.advance(1_000);
    assert.is(await flood(50), metricsConnectionsPerSecond);
  });
  await serving(page('m'), async (port) => {
    for (let i = 0; i < 100; i++) assert.is(await ask(port, '/healthz'), 'ok\n');
  });
});

test('who does not read an answer in time is cut off; nobody else is', async () => {
  await serving(page(large), async (port, clock) => {
    const slow = silent(port, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    await opened(slow);
    // It is answering as soon as its deadline is there.
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(answerWithin - 1);
    const before = await ask(port, '/healthz');
    assert.is(slow.socket.destroyed, false);
    await clock.advance(1);
    slow.socket.resume();
    await slow.closed;
    assert.is(before, 'ok\n');
    assert.is(clock.pending, 0, 'no deadline is left behind');
  });
});

test('who sends the next request before the answer is read is cut off: answers do not pile up', async () => {
  let rendered = 0;
  const routes: Routes = {
    async metrics() {
      rendered++;
      return { contentType: 'text/plain', body: large };
    },
  };
  await serving(routes, async (port) => {
    const greedy = silent(port, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1_000));
    greedy.socket.resume();
    await greedy.closed;
    assert.ok(greedy.socket.bytesRead < large.length, `${greedy.socket.bytesRead} bytes`);
    assert.ok(rendered <= 1);
  });
});

test('a connection is closed after 100 requests', async () => {
  await serving(page('m'), async (port) => {
    const client = silent(port);
    let answers = 0;
    client.socket.on('data', (data) => {
      answers += data.toString().split('HTTP/1.1 200').length - 1;
      client.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    });
    client.socket.resume();
    client.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await client.closed;
    assert.is(answers, maxRequests);
  });
});

test('one rendering of the metrics serves all who ask within a second', async () => {
  let rendered = 0;
  const routes: Routes = { metrics: async () => ({ contentType: 'text/plain', body: `${++rendered}` }) };
  await serving(routes, async (port, clock) => {
    const all = () => Promise.all(Array.from({ length: 20 }, () => ask(port, '/metrics')));
    assert.equal(new Set(await all()), new Set(['1']));
    await clock.advance(999);
    assert.is(await ask(port, '/metrics'), '1');
    await clock.advance(1);
    assert.equal(new Set(await all()), new Set(['2']));
  });
});

test('a rendering that failed serves only those who wait for it', async () => {
  const clock = createVirtualClock();
  let tries = 0;
  const make = sharedFor(1_000, clock, async () => {
    if (++tries === 1) throw new Error('not yet');
    return tries;
  });
  const both = await Promise.allSettled([make(), make()]);
  assert.equal(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal([await make(), tries], [2, 2]);
});
