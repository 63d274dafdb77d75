import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import * as assert from 'uvu/assert';
import { systemClock } from '../../src/kube/clock.ts';
import type { Check } from '../../src/observe/health.ts';
import { type Routes, startServer } from '../../src/observe/servers.ts';
import { suite } from '../suite.ts';

type Answer = { code: number | undefined; type: string | undefined; allow: string | undefined; body: string };

const well = () => ({ ready: true, checks: [] });
const ill = () => ({ ready: false, checks: [{ name: 'all namespaces', wrong: 'no list' }] });
const local = { flag: '--health-address', host: '127.0.0.1', port: 0, clock: systemClock };

function ask(address: string, path: string, method = 'GET', agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${address}${path}`, { method, ...(agent ? { agent } : {}) }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (data) => {
        body += data;
      });
      const { 'content-type': type, allow } = response.headers;
      response.on('end', () => resolve({ code: response.statusCode, type, allow, body }));
    });
    sent.on('error', reject).end();
  });
}

/** A server for as long as `use` takes. */
async function serving(routes: Routes, use: (address: string) => Promise<void>): Promise<void> {
  const server = await startServer(local, routes);
  try {
    await use(server.address);
  } finally {
    await server.close();
  }
}

const test = suite('health and metrics servers');

test('any free port: the address says which', async () => {
  await serving({ readiness: well }, async (address) => {
    assert.match(address, /^127\.0\.0\.1:[1-9]\d*$/);
  });
});

test('R11.3 healthz is well while the process is alive, ready or not', async () => {
  await serving({ readiness: ill }, async (address) => {
    const { code, body } = await ask(address, '/healthz');
    assert.equal({ code, body }, { code: 200, body: 'ok\n' });
  });
});

test('R11.4 readyz says what is missing, a line each, until nothing is', async () => {
  let checks: Check[] = [
    { name: 'all namespaces', wrong: 'no CRD' },
    { name: 'lease', wrong: 'no Role' },
  ];
  await serving({ readiness: () => ({ ready: checks.length === 0, checks }) }, async (address) => {
    const before = await ask(address, '/readyz');
    assert.is(before.code, 503);
    assert.is(before.body, 'all namespaces: no CRD\nlease: no Role\n');
    assert.match(before.type ?? '', 'text/plain');
    checks = [];
    const after = await ask(address, '/readyz');
    assert.equal([after.code, after.body], [200, 'ok\n']);
  });
});

test('R11.4 readyz?verbose names every check, also those that are well', async () => {
  const readiness = () => ({
    ready: true,
    checks: [{ name: 'namespace a' }, { name: 'namespace b', wrong: 'no Role' }, { name: 'lease', remark: 'standby' }],
  });
  await serving({ readiness }, async (address) => {
    const { code, body } = await ask(address, '/readyz?verbose');
    assert.is(code, 200);
    assert.is(body, '[+]namespace a ok\n[-]namespace b failed: no Role\n[+]lease ok: standby\nreadyz check passed\n');
  });
});

test('metrics are sent with their own content type', async () => {
  const metrics = async () => ({ contentType: 'text/plain; version=0.0.4', body: 'a 1\n' });
  await serving({ metrics }, async (address) => {
    const { code, type, body } = await ask(address, '/metrics');
    assert.equal({ code, type, body }, { code: 200, type: 'text/plain; version=0.0.4', body: 'a 1\n' });
  });
});

test('L3 a page that fails is a 500, and the next request is answered', async () => {
  const fails: Routes = {
    readiness: well,
    metrics: async () => {
      throw new Error('no numbers');
    },
  };
  await serving(fails, async (address) => {
    const { code, body } = await ask(address, '/metrics');
    assert.equal({ code, body }, { code: 500, body: 'no numbers\n' });
    assert.is((await ask(address, '/healthz')).code, 200);
  });
});

test('HEAD is answered as GET, without the body', async () => {
  await serving({ readiness: ill }, async (address) => {
    const { code, body } = await ask(address, '/readyz', 'HEAD');
    assert.equal({ code, body }, { code: 503, body: '' });
  });
});

test('other methods are refused, with the allowed ones', async () => {
  await serving({ readiness: well }, async (address) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { code, allow } = await ask(address, '/healthz', method);
      assert.equal({ method, code, allow }, { method, code: 405, allow: 'GET, HEAD' });
    }
  });
});

test('other paths, and the pages of the other server, are not found', async () => {
  await serving({ readiness: well }, async (address) => {
    for (const path of ['/', '/metrics', '/healthz/', '/constructor']) {
      assert.is((await ask(address, path)).code, 404, path);
    }
  });
});

test('a port that is taken: the error names the flag, the address and the mend', async () => {
  await serving({ readiness: well }, async (address) => {
    const port = Number(address.split(':')[1]);
    const error = await startServer({ ...local, flag: '--metrics-address', port }, {}).then(
      () => undefined,
      (reason: Error) => reason,
    );
    assert.instance(error, Error);
    assert.is(error?.message, `--metrics-address 127.0.0.1:${port}: the port is taken: give another address, or 'off'`);
  });
});

test('R11.1 close ends connections that are kept alive, and half a request, at once', async () => {
  const server = await startServer(local, { readiness: well });
  const agent = new Agent({ keepAlive: true });
  await ask(server.address, '/healthz', 'GET', agent);
  const half = connect(Number(server.address.split(':')[1]), '127.0.0.1', () =>
    half.write('GET /healthz HTTP/1.1\r\n'),
  );
  half.on('error', () => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  const ended = new Promise((resolve) => half.on('close', resolve));
  const closed = Promise.all([server.close(), ended]).then(() => true);
  const inTime = await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 2_000, false))]);
  agent.destroy();
  half.destroy();
  assert.ok(inTime, 'close waited for the clients');
});

test('after close nothing listens', async () => {
  const server = await startServer(local, { readiness: well });
  await server.close();
  const code = await ask(server.address, '/healthz').catch((error: NodeJS.ErrnoException) => error.code);
  assert.is(code, 'ECONNREFUSED');
});
