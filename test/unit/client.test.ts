import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createSecureServer as createHttp2Server } from 'node:http2';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { KubeConfig } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { type Client, createClient, type Observer } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { suite } from '../suite.ts';

const secret = 'secret-token-4711';

function configFor(server: string, user: object = { token: secret }, cluster: object = {}): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    // client-node refuses http:// unless told so.
    clusters: [{ name: 'c', server, skipTLSVerify: server.startsWith('http:'), ...cluster }],
    users: [{ name: 'u', ...user }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config;
}

type World = {
  client: Client;
  server: Server;
  sockets: () => number;
  config: KubeConfig;
  observed: Parameters<Observer>[];
};

/** A client and its server; both are closed when `body` is done. */
async function withServer(
  answer: RequestListener,
  body: (world: World) => Promise<void>,
  { path = '', user = {} as object, cluster = {} as object, clock = systemClock } = {},
) {
  const server = createServer(answer);
  let sockets = 0;
  server.on('connection', () => sockets++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = configFor(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    {
      token: secret,
      ...user,
    },
    cluster,
  );
  const observed: Parameters<Observer>[] = [];
  const client = await createClient(config, {
    clock,
    connections: 4,
    userAgent: 'test/1',
    observe: (...call) => observed.push(call),
  });
  try {
    await body({ client, server, sockets: () => sockets, config, observed });
  } finally {
    await client.close();
    server.closeAllConnections();
    server.close();
  }
}

const get = (client: Client, more: object = {}) =>
  client.request<{ ok: boolean }>({ method: 'GET', path: '/things?limit=5', resource: 'things', ...more });

/** The ApiError of a request that has to fail. */
async function failureOf(request: Promise<unknown>): Promise<ApiError> {
  try {
    await request;
  } catch (error) {
    assert.instance(error, ApiError);
    const { message } = error as ApiError;
    assert.not.match(message, secret);
    return error as ApiError;
  }
  throw new Error('the request succeeded');
}

const test = suite('client');

test('sends method, path, query, body and token, and gives the parsed answer', async () => {
  await withServer(
    async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { method, url, headers } = request;
      const { authorization, accept, 'content-type': type, 'user-agent': agent } = headers;
      response.end(JSON.stringify({ method, url, body, authorization, accept, type, agent }));
    },
    async ({ client, observed }) => {
      const body = { name: 'größer' };
      assert.equal(await client.request({ method: 'PUT', path: '/a/b?x=1', resource: 'things', body }), {
        ...{ method: 'PUT', url: '/a/b?x=1', body: JSON.stringify(body) },
        ...{ authorization: `Bearer ${secret}`, accept: 'application/json', type: 'application/json', agent: 'test/1' },
      });
      assert.equal(
        observed.map(([verb, resource, code]) => [verb, resource, code]),
        [['put', 'things', 200]],
      );
      assert.ok((observed[0]?.[3] ?? -1) >= 0);
    },
  );
});
for (const path of ['/k8s/clusters/c-1', '/k8s/clusters/c-1/']) {
  test(`the path of the server's address ${path} stays before every path`, async () => {
    await withServer(
      ({ url }, response) => response.end(JSON.stringify({ url })),
      async ({ client }) => assert.equal(await get(client), { url: '/k8s/clusters/c-1/things?limit=5' } as never),
      { path },
    );
  });
}
// Two and not one: undici may open a second while it still hands back the first.
test('200 requests in a row use one connection or two, errors included', async () => {
  let n = 0;
  await withServer(
    (_, response) => {
      response.statusCode = n++ % 10 === 9 ? 404 : 200;
      response.end('{}');
    },
    async ({ client, sockets }) => {
      for (let request = 0; request < 200; request++) await get(client).catch(() => {});
      assert.ok(sockets() <= 2, `${sockets()} connections`);
    },
  );
});
test('no more connections than it may have', async () => {
  await withServer(
    (_, response) => void setTimeout(() => response.end('{}'), 5),
    async ({ client, sockets }) => {
      await Promise.all(Array.from({ length: 20 }, () => get(client)));
      assert.is(sockets(), 4);
    },
  );
});

const errors = suite('client error');
errors('a refusal has the class of its code, what the server said, and how long to wait by its own clock', async () => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
  await withServer(
    (_, response) => {
      response.writeHead(429, { date, 'retry-after': date.replace('28:00', '28:09') });
      response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', message: 'what the server said' }));
    },
    async ({ client, observed }) => {
      const error = await failureOf(get(client));
      assert.equal([error.code, error.class, error.retryAfter], [429, 'retry', 9_000]);
      assert.is(error.message, 'GET /things: 429 what the server said');
      assert.is(observed[0]?.[2], 429);
    },
  );
});
errors('a Retry-After date without the Date of the answer goes by our clock', async () => {
  await withServer(
    (_, response) => {
      response.sendDate = false;
      response.writeHead(429, { 'retry-after': new Date(Date.now() + 30_000).toUTCString() });
      response.end();
    },
    async ({ client }) => {
      const { retryAfter } = await failureOf(get(client));
      assert.ok(retryAfter > 28_000 && retryAfter <= 30_000, `${retryAfter} ms`);
    },
  );
});
for (const body of ['<html>', '', '{"ok":', 'null', '"text"', '7']) {
  errors(
    `a success with the body ${body || 'of no bytes'} is to be tried again: it may have been carried out`,
    async () => {
      await withServer(
        (_, response) => response.end(body),
        async ({ client }) => {
          const error = await failureOf(get(client));
          assert.equal([error.code, error.class, error.reason], [0, 'retry', 'BadAnswer']);
        },
      );
    },
  );
}
errors('a refused connection is no answer, with the address in its words', async () => {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const observed: number[] = [];
  const client = await createClient(configFor(`http://127.0.0.1:${port}`), {
    ...{ clock: systemClock, connections: 1 },
    observe: (_verb, _resource, code) => observed.push(code),
  });
  const error = await failureOf(get(client));
  assert.equal([error.code, error.class, error.reason, ...observed], [0, 'retry', 'NoAnswer', 0]);
  assert.match(error.message, `ECONNREFUSED 127.0.0.1:${port}`);
  await client.close();
});
for (const [when, start] of [
  ['before the head', ''],
  ['in the middle of the body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"ok":'],
  ['in the middle of an error', 'HTTP/1.1 500 Oh\r\ncontent-length: 100\r\n\r\n{"kind":'],
] as const) {
  errors(`a reset ${when} is no answer, and the next request works`, async () => {
    let n = 0;
    await withServer(
      (request, response) => {
        if (n++ > 0) return response.end('{"ok":true}');
        request.socket.write(start);
        setTimeout(() => request.socket.resetAndDestroy(), 20);
        return undefined;
      },
      async ({ client }) => {
        const error = await failureOf(get(client));
        assert.equal([error.code, error.class, error.reason], [0, 'retry', 'NoAnswer']);
        assert.equal(await get(client), { ok: true });
      },
    );
  });
}

const deadlines = suite('R7.3 client deadline');
const silences: [string, RequestListener][] = [
  ['never answers', () => {}],
  [
    'stops in the middle of the body',
    (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"ok":');
    },
  ],
  [
    'stops in the middle of an error',
    (_, response) => {
      response.writeHead(500, { 'content-length': 100 });
      response.write('{"kind":');
    },
  ],
];
for (const [what, answer] of silences) {
  deadlines(`ends a request to a server that ${what}`, async () => {
    await withServer(answer, async ({ client }) => {
      const started = performance.now();
      const error = await failureOf(get(client, { deadline: 80 }));
      const took = performance.now() - started;
      assert.ok(took >= 75 && took < 1_000, `${took} ms`);
      assert.equal([error.code, error.class], [0, 'retry']);
      assert.match(error.message, 'within 80 ms');
    });
  });
}
deadlines('is 15 s unless told, and is cleared when the answer is there', async () => {
  const delays: number[] = [];
  let running = 0;
  const clock = {
    ...systemClock,
    after(delay: number, action: () => void) {
      delays.push(delay);
      running++;
      const cancel = systemClock.after(delay, action);
      return () => {
        running--;
        cancel();
      };
    },
  };
  const server = createServer((_, response) => response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = await createClient(configFor(`http://127.0.0.1:${port}`), { clock, connections: 1 });
  await get(client);
  assert.equal(delays, [15_000]);
  assert.is(running, 0);
  await client.close();
  server.close();
});
deadlines('aborting ends a request at once, also before it began', async () => {
  await withServer(
    () => {},
    async ({ client }) => {
      const abort = new AbortController();
      const failing = failureOf(get(client, { signal: abort.signal }));
      setTimeout(() => abort.abort(), 20);
      assert.match((await failing).message, 'stopped');
      assert.match((await failureOf(get(client, { signal: abort.signal, deadline: 500 }))).message, 'stopped');
    },
  );
});
deadlines('a silent server holds back no request on another connection', async () => {
  await withServer(
    ({ url }, response) => {
      if (url !== '/silent') response.end('{"ok":true}');
    },
    async ({ client }) => {
      const silent = failureOf(client.request({ method: 'GET', path: '/silent', resource: 'x', deadline: 300 }));
      assert.equal(await get(client, { deadline: 200 }), { ok: true });
      await silent;
    },
  );
});

const fence = suite('R7.1 client fence');
fence('is asked when the request is sent, not when it waits for a connection', async () => {
  const answers: (() => void)[] = [];
  const urls: (string | undefined)[] = [];
  await withServer(
    ({ url }, response) => {
      urls.push(url);
      answers.push(() => response.end('{"ok":true}'));
    },
    async ({ client }) => {
      const put = (path: string, more: object = {}) =>
        client.request({ method: 'PUT', path, resource: 'things', body: {}, ...more });
      const holding = [1, 2, 3, 4].map((n) => put(`/holding-${n}`));
      while (answers.length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
      let left = 10_000;
      let asked = 0;
      const late = failureOf(
        put('/late', {
          fence() {
            asked++;
            return left;
          },
        }),
      );
      const inTime = put('/in-time', { fence: () => 10_000 });
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.is(asked, 0, 'it waits for a connection');
      left = 0;
      for (const answer of answers.splice(0)) answer();
      const error = await late;
      assert.equal([error.code, error.reason, error.class, asked], [0, 'NotLeader', 'retry', 1]);
      while (answers.length < 1) await new Promise((resolve) => setTimeout(resolve, 1));
      answers[0]?.();
      await Promise.all([...holding, inTime]);
      assert.not.ok(urls.includes('/late'), 'not a byte of it was sent');
    },
  );
});
for (const left of [-1, 0, Number.NaN]) {
  fence(`${left} left: nothing is sent, and the connection stays good`, async () => {
    let requests = 0;
    await withServer(
      (_, response) => {
        requests++;
        response.end('{"ok":true}');
      },
      async ({ client }) => {
        assert.is((await failureOf(get(client, { fence: () => left }))).reason, 'NotLeader');
        assert.is(requests, 0);
        assert.equal(await get(client, { fence: () => 1_000 }), { ok: true });
      },
    );
  });
}
fence(
  'once it is sent only its own deadline bounds the wait: the term may go on while nothing may be sent',
  async () => {
    let left = 80;
    await withServer(
      (_, response) => {
        // It has been sent.
        left = 0;
        setTimeout(() => response.end('{"ok":true}'), 150);
      },
      async ({ client }) => {
        assert.equal(await get(client, { fence: () => left }), { ok: true });
        left = 80;
        const { message } = await failureOf(get(client, { deadline: 80, fence: () => 10_000 }));
        assert.match(message, 'within 80 ms');
      },
    );
  },
);
fence('R7.3 the signal of a term that is over breaks off what was sent', async () => {
  await withServer(
    () => {},
    async ({ client }) => {
      const lost = new AbortController();
      const failure = failureOf(get(client, { fence: () => 10_000, signal: lost.signal }));
      setTimeout(() => lost.abort(), 20);
      const { code, message } = await failure;
      assert.equal([code, /stopped/.test(message)], [0, true]);
    },
  );
});

const credentials = suite('client credentials');
/** A server that accepts one bearer token. */
const guarded =
  (accepted: () => string, seen: (string | undefined)[] = []): RequestListener =>
  ({ headers: { authorization } }, response) => {
    seen.push(authorization);
    response.statusCode = authorization === `Bearer ${accepted()}` ? 200 : 401;
    response.end('{"ok":true}');
  };
/** A clock whose monotonic and wall time a test moves on; timers are real, and `faster` times as fast. */
function movableClock(faster = 1) {
  let moved = 0;
  return {
    clock: {
      ...systemClock,
      monotonic: () => performance.now() + moved,
      wall: () => Date.now() + moved,
      after: (delay: number, action: () => void) => systemClock.after(delay / faster, action),
    },
    move(milliseconds: number) {
      moved += milliseconds;
    },
  };
}
const scratch = mkdtempSync(join(tmpdir(), 'credentials-test-'));
// Also where a filter leaves the suite out.
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const written = (name: string, text: string, mode = 0o600) => {
  writeFileSync(join(scratch, name), text, { mode });
  return join(scratch, name);
};
const tokenFile = (path: string) => ({
  token: undefined,
  authProvider: { name: 'tokenFile', config: { tokenFile: path } },
});

credentials('after a 401 they are read at once, and the request is sent once more when they changed', async () => {
  let accepted = secret;
  const path = written('rotated', accepted);
  const seen: (string | undefined)[] = [];
  await withServer(
    guarded(() => accepted, seen),
    async ({ client, observed }) => {
      await get(client);
      accepted = 'next';
      written('rotated', accepted);
      assert.equal(await get(client), { ok: true });
      assert.equal(seen, [`Bearer ${secret}`, `Bearer ${secret}`, 'Bearer next']);
      assert.equal(
        observed.map(([, , code]) => code),
        [200, 401, 200],
      );
      for await (const line of client.lines({ path: '/w', resource: 'things' })) assert.is(line, '{"ok":true}');
    },
    { user: tokenFile(path) },
  );
});
credentials('after a 401 with the same credentials, and after a second 401, it is not sent again', async () => {
  const path = written('refused', 'one');
  const seen: (string | undefined)[] = [];
  await withServer(
    guarded(() => 'other', seen),
    async ({ client }) => {
      assert.is((await failureOf(get(client))).code, 401);
      assert.is(seen.length, 1);
      written('refused', 'two');
      assert.is((await failureOf(get(client))).code, 401);
      assert.equal(seen, ['Bearer one', 'Bearer one', 'Bearer two']);
    },
    { user: tokenFile(path) },
  );
});
credentials('many requests that meet a 401 together read them once, and all go on', async () => {
  let accepted = secret;
  const path = written('together', accepted);
  await withServer(
    guarded(() => accepted),
    async ({ client, observed }) => {
      await get(client);
      accepted = 'next';
      written('together', accepted);
      await Promise.all([1, 2, 3, 4].map(() => get(client)));
      assert.is(observed.filter(([, , code]) => code === 200).length, 5);
    },
    { user: tokenFile(path) },
  );
});
credentials('a token file is read again after 10 s, without a 401', async () => {
  const path = written('aged', 'one\n');
  const seen: (string | undefined)[] = [];
  const { clock, move } = movableClock();
  await withServer(
    ({ headers: { authorization } }, response) => {
      seen.push(authorization);
      response.end('{}');
    },
    async ({ client }) => {
      await get(client);
      written('aged', 'two');
      move(9_000);
      await get(client);
      move(1_100);
      await get(client);
      assert.equal(seen, ['Bearer one', 'Bearer one', 'Bearer two']);
      rmSync(path);
      move(11_000);
      await get(client);
      written('aged', ' ');
      move(11_000);
      await get(client);
      assert.is(seen.at(-1), 'Bearer two', 'a file that is being replaced changes nothing');
      written('aged', 'three');
      move(11_000);
      await get(client);
      assert.is(seen.at(-1), 'Bearer three');
    },
    { user: tokenFile(path), clock },
  );
});
credentials('without a token file that can be read nothing is sent, and it is named', async () => {
  await withServer(
    () => {},
    async ({ client, observed }) => {
      const error = await failureOf(get(client));
      assert.equal([error.code, error.class, error.reason, observed[0]?.[2]], [0, 'retry', 'Credentials', 0]);
      assert.match(error.message, 'token file /nonexistent/token');
    },
    { user: tokenFile('/nonexistent/token') },
  );
});

/** A kubeconfig user whose plugin is a shell script; `runs` counts how often it ran. */
function pluginUser(name: string, script: string, more: object = {}) {
  const log = join(scratch, `${name}.runs`);
  const command = written(name, `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >> ${log}\n${script}`, 0o700);
  return {
    command,
    user: { token: undefined, exec: { apiVersion: 'client.authentication.k8s.io/v1', command, ...more } },
    runs: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0),
    log: () => readFileSync(log, 'utf8'),
  };
}
const grant = (status: object) => `echo '${JSON.stringify({ kind: 'ExecCredential', status })}'`;

credentials('a plugin gives the token: one run at a time, and another when it has expired', async () => {
  const expirationTimestamp = new Date(Date.now() + 60_000).toISOString();
  const plugin = pluginUser('expiring', `sleep 0.1\n${grant({ token: secret, expirationTimestamp })}`);
  const { clock, move } = movableClock();
  await withServer(
    guarded(() => secret),
    async ({ client }) => {
      await Promise.all([1, 2, 3, 4].map(() => get(client)));
      assert.is(plugin.runs(), 1);
      move(59_000);
      await get(client);
      assert.is(plugin.runs(), 1);
      move(1_500);
      await get(client);
      assert.is(plugin.runs(), 2);
      assert.match(plugin.log(), '"apiVersion":"client.authentication.k8s.io/v1"');
      assert.match(plugin.log(), '"interactive":false');
    },
    { user: plugin.user, clock },
  );
});
credentials('a 401 runs the plugin again, but not more often than every 10 s', async () => {
  const plugin = pluginUser('refused-plugin', grant({ token: 'wrong' }));
  const { clock, move } = movableClock();
  await withServer(
    guarded(() => secret),
    async ({ client }) => {
      for (let n = 0; n < 5; n++) {
        assert.is((await failureOf(get(client))).code, 401);
        move(1_100);
      }
      assert.is(plugin.runs(), 1);
      move(5_000);
      for (let n = 0; n < 5; n++) assert.is((await failureOf(get(client))).code, 401);
      assert.is(plugin.runs(), 2);
    },
    { user: plugin.user, clock },
  );
});
credentials('a plugin that hangs is killed after 15 s and named; no request waits longer', async () => {
  const plugin = pluginUser('hanging', `sleep 60 & echo $! > ${join(scratch, 'child')}; wait`);
  const { clock, move } = movableClock(50);
  await withServer(
    () => {},
    async ({ client }) => {
      const started = performance.now();
      const error = await failureOf(get(client, { deadline: 60_000 }));
      const took = performance.now() - started;
      assert.ok(took >= 290 && took < 2_000, `${took} ms`);
      assert.equal([error.code, error.class, error.reason], [0, 'retry', 'Credentials']);
      assert.match(error.message, `"${plugin.command}" has not answered within 15 s`);
      const child = Number(readFileSync(join(scratch, 'child'), 'utf8'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const state = existsSync(`/proc/${child}/stat`) ? readFileSync(`/proc/${child}/stat`, 'utf8').split(' ')[2] : 'Z';
      assert.is(state, 'Z', 'its children are gone too');
      move(1_001);
      assert.match((await failureOf(get(client, { deadline: 5_000 }))).message, 'within 5000 ms');
    },
    { user: plugin.user, clock },
  );
});
credentials(
  'a plugin that fails is left alone for 1 s, and longer each time up to 10 s; a success ends that',
  async () => {
    const works = join(scratch, 'works');
    const expirationTimestamp = new Date(Date.now() + 60_000).toISOString();
    const script = `test -e ${works} || { echo "not signed in" >&2; exit 1; }\n${grant({ token: secret, expirationTimestamp })}`;
    const plugin = pluginUser('failing', script);
    const { clock, move } = movableClock();
    await withServer(
      guarded(() => secret),
      async ({ client }) => {
        for (const pause of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
          const before = plugin.runs();
          for (let n = 0; n < 3; n++) assert.match((await failureOf(get(client))).message, 'not signed in');
          assert.is(plugin.runs(), before + 1);
          move(pause - 500);
          assert.match((await failureOf(get(client))).message, 'not signed in');
          assert.is(plugin.runs(), before + 1, `within ${pause} ms`);
          move(501);
        }
        writeFileSync(works, '');
        await get(client);
        rmSync(works);
        move(60_000);
        await failureOf(get(client));
        const before = plugin.runs();
        move(1_001);
        await failureOf(get(client));
        assert.is(plugin.runs(), before + 1, 'small again');
      },
      { user: plugin.user, clock },
    );
  },
);
credentials(
  'a plugin whose token is past its time when it comes runs once a second, and the token is tried',
  async () => {
    const expirationTimestamp = new Date(Date.now() - 60_000).toISOString();
    const plugin = pluginUser('past', grant({ token: secret, expirationTimestamp }));
    const { clock, move } = movableClock();
    await withServer(
      guarded(() => secret),
      async ({ client }) => {
        for (let n = 0; n < 5; n++) assert.equal(await get(client), { ok: true });
        assert.is(plugin.runs(), 1);
        move(1_001);
        for (let n = 0; n < 5; n++) assert.equal(await get(client), { ok: true });
        assert.is(plugin.runs(), 2);
      },
      { user: plugin.user, clock },
    );
  },
);
credentials('a 401 for a token that is past its time does not run the plugin back to back', async () => {
  const expirationTimestamp = new Date(Date.now() - 60_000).toISOString();
  const plugin = pluginUser('past-refused', grant({ token: 'wrong', expirationTimestamp }));
  const { clock, move } = movableClock();
  await withServer(
    guarded(() => secret),
    async ({ client }) => {
      for (let n = 0; n < 5; n++) assert.is((await failureOf(get(client))).code, 401);
      assert.is(plugin.runs(), 1);
      move(1_001);
      for (let n = 0; n < 5; n++) assert.is((await failureOf(get(client))).code, 401);
      assert.is(plugin.runs(), 2);
    },
    { user: plugin.user, clock },
  );
});
for (const [what, script, words, more] of [
  ['fails', 'echo "not signed in" >&2; exit 3', 'ended with exit code 3: not signed in', {}],
  ['says what is not JSON', `echo ${secret}`, 'not JSON', {}],
  ['gives nothing', grant({}), 'neither a token nor a certificate', {}],
  ['gives a time that is none', grant({ token: secret, expirationTimestamp: 'soon' }), 'expirationTimestamp', {}],
  ['says too much', `yes ${secret}`, 'more than 1 MiB', {}],
  ['needs a terminal', grant({ token: secret }), 'wants a terminal', { interactiveMode: 'Always' }],
  ['is not there', '', 'cannot be run', { command: '/nonexistent/plugin', installHint: 'install it with magic' }],
] as [string, string, string, object][]) {
  credentials(`a plugin that ${what}: said in words`, async () => {
    const { user } = pluginUser(what.replaceAll(' ', '-'), script, more);
    await withServer(
      () => {},
      async ({ client }) => {
        const error = await failureOf(get(client));
        assert.is(error.reason, 'Credentials');
        assert.match(error.message, words);
        if ('installHint' in more) assert.match(error.message, 'install it with magic');
      },
      { user },
    );
  });
}
credentials('impersonation and plain http are refused, not ignored', async () => {
  const options = { clock: systemClock, connections: 1 };
  for (const [config, words] of [
    [configFor('https://127.0.0.1:1', { impersonateUser: 'root' }), 'impersonates another'],
    [configFor('http://127.0.0.1:1', {}, { skipTLSVerify: false }), 'insecure-skip-tls-verify'],
  ] as const) {
    try {
      await createClient(config, options);
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, words);
    }
  }
});
credentials('a user and a password are sent as Basic', async () => {
  await withServer(
    ({ headers: { authorization } }, response) => response.end(JSON.stringify({ authorization })),
    async ({ client }) =>
      assert.equal(await get(client), { authorization: `Basic ${Buffer.from('me:pass').toString('base64')}` } as never),
    { user: { token: undefined, username: 'me', password: 'pass' } },
  );
});
for (const [what, token] of [
  ['a line end after it is cut off', `${secret}\n`],
  ['one that no header can carry is not shown', `${secret}\nx: ${secret}`],
] as const) {
  credentials(`a token: ${what}`, async () => {
    await withServer(
      ({ headers: { authorization } }, response) => response.end(JSON.stringify({ authorization })),
      async ({ client }) => {
        if (token.endsWith('\n')) assert.equal(await get(client), { authorization: `Bearer ${secret}` } as never);
        else assert.is((await failureOf(get(client))).code, 0);
      },
      { user: { token } },
    );
  });
}

const lines = suite('client lines');
const collect = async (stream: AsyncGenerator<string>) => {
  const all: string[] = [];
  for await (const line of stream) all.push(line);
  return all;
};
const watch = (client: Client, more: object = {}) => client.lines({ path: '/w', resource: 'things', ...more });

lines('come whole, however the bytes are cut', async () => {
  const text = '{"a":"größe"}\n{"b":"🎉"}\n\n{"c":1}';
  const bytes = Buffer.from(text);
  await withServer(
    async (_, response) => {
      for (const byte of bytes) {
        response.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    },
    async ({ client, observed }) => {
      assert.equal(await collect(watch(client)), ['{"a":"größe"}', '{"b":"🎉"}', '{"c":1}']);
      assert.is(observed[0]?.[0], 'watch');
    },
  );
});
lines('come as soon as they are sent', async () => {
  let send = (_: string) => {};
  await withServer(
    (_, response) => {
      send = (text) => response.write(text);
      send('one\ntw');
    },
    async ({ client }) => {
      const stream = watch(client);
      assert.is((await stream.next()).value, 'one');
      send('o\n');
      assert.is((await stream.next()).value, 'two');
      await stream.return(undefined);
    },
  );
});
lines('leaving early closes the connection', async () => {
  let closed = () => {};
  const gone = new Promise<void>((resolve) => {
    closed = resolve;
  });
  await withServer(
    (request, response) => {
      request.socket.once('close', () => closed());
      response.write('one\n');
    },
    async ({ client, observed }) => {
      for await (const line of watch(client)) {
        assert.is(line, 'one');
        break;
      }
      await gone;
      assert.is(observed.length, 1);
    },
  );
});
lines('the deadline ends a stream that goes silent', async () => {
  await withServer(
    (_, response) => void response.write('one\n'),
    async ({ client }) => {
      const error = await failureOf(collect(watch(client, { deadline: 80 })));
      assert.match(error.message, 'within 80 ms');
    },
  );
});
lines('aborting ends a stream', async () => {
  await withServer(
    (_, response) => void response.write('one\n'),
    async ({ client }) => {
      const abort = new AbortController();
      const stream = watch(client, { signal: abort.signal });
      await stream.next();
      setTimeout(() => abort.abort(), 10);
      assert.is((await failureOf(stream.next())).code, 0);
    },
  );
});
lines('a refusal and a reset are errors of their class', async () => {
  let n = 0;
  await withServer(
    (request, response) => {
      if (n++ === 0) {
        response.statusCode = 410;
        return response.end('{"message":"too old"}');
      }
      response.write('one\n');
      setTimeout(() => request.socket.resetAndDestroy(), 20);
      return undefined;
    },
    async ({ client }) => {
      assert.is((await failureOf(collect(watch(client)))).code, 410);
      const stream = watch(client);
      assert.is((await stream.next()).value, 'one');
      assert.is((await failureOf(stream.next())).code, 0);
    },
  );
});

lines('a very long line comes whole, and one above 16 Mi characters is an error', async () => {
  const long = 'x'.repeat(16 * 1024 * 1024);
  await withServer(
    ({ url }, response) => response.end(url === '/w' ? `${long}\nafter\n` : `${long}x\nafter\n`),
    async ({ client }) => {
      const [first, second] = await collect(watch(client));
      assert.equal([first?.length, second], [long.length, 'after']);
      const error = await failureOf(collect(watch(client, { path: '/longer' })));
      assert.equal([error.code, error.class, error.reason], [0, 'retry', 'BadEvent']);
    },
  );
});
lines('a line without an end is bounded too', async () => {
  let sent = 0;
  await withServer(
    async (request, response) => {
      let gone = false;
      request.socket.once('close', () => {
        gone = true;
      });
      for (const chunk = 'x'.repeat(1024 * 1024); !gone; sent++) {
        if (!response.write(chunk)) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    async ({ client }) => {
      assert.is((await failureOf(collect(watch(client)))).reason, 'BadEvent');
      assert.ok(sent < 100, `${sent} MiB were sent`);
    },
  );
});
lines('a line that the connection cut off is an error, and is not given', async () => {
  await withServer(
    (request, response) => {
      response.write('{"a":1}\n{"b":');
      setTimeout(() => request.socket.destroy(), 20);
    },
    async ({ client }) => {
      const stream = watch(client);
      assert.is((await stream.next()).value, '{"a":1}');
      assert.is((await failureOf(stream.next())).reason, 'NoAnswer');
    },
  );
});

const tls = suite('client over TLS');
const pki = mkdtempSync(join(tmpdir(), 'client-tls-test-'));
process.once('exit', () => rmSync(pki, { recursive: true, force: true }));
type Pair = { key: Buffer; cert: Buffer };
/** A key and its certificate, signed by `ca` or by itself; files `name.key` and `name.crt` in the directory `pki`. */
function certify(name: string, { ca, names, expired }: { ca?: string; names?: string; expired?: true } = {}): Pair {
  const [key, cert, request] = ['key', 'crt', 'csr'].map((end) => join(pki, `${name}.${end}`)) as [
    string,
    string,
    string,
  ];
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const extension = names ? ['-addext', `subjectAltName=${names}`] : [];
  const signer = ca
    ? ['-CA', join(pki, `${ca}.crt`), '-CAkey', join(pki, `${ca}.key`), '-CAcreateserial']
    : ['-signkey', key];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
  openssl('req', '-new', ...newKey, '-out', request, '-subj', `/CN=${name}`, ...extension);
  const days = ['-days', expired ? '-1' : '2'];
  openssl('x509', '-req', '-in', request, ...signer, ...days, '-copy_extensions', 'copyall', '-out', cert);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}
const local = { names: 'IP:127.0.0.1' };
let haveOpenssl = true;
try {
  execFileSync('openssl', ['version'], { stdio: 'ignore' });
} catch {
  haveOpenssl = false;
}
const overTls = ((name: string, body: () => Promise<void>) =>
  haveOpenssl ? tls(name, body) : tls.skip(name, body)) as typeof tls;

/** A TLS server that tells the name in the client's certificate, and how many connections it has had. */
async function withTls(
  options: TlsOptions,
  body: (at: { address: string; sockets: () => number; server: TlsServer }) => Promise<void>,
) {
  const server = createTlsServer(options, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    response.end(JSON.stringify({ ok: true, ...(subject ? { client: subject.CN } : {}) }));
  });
  let sockets = 0;
  server.on('secureConnection', () => sockets++);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await body({ address: `https://127.0.0.1:${port}`, sockets: () => sockets, server });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
/** Runs `body` with a client and closes it. */
async function withClient(config: KubeConfig, body: (client: Client) => Promise<void>, clock = systemClock) {
  const client = await createClient(config, { clock, connections: 4 });
  try {
    await body(client);
  } finally {
    await client.close();
  }
}
const caData = ({ cert }: Pair) => ({ caData: cert.toString('base64') });

overTls('a certificate of the CA is trusted, on a kept connection', async () => {
  const pair = certify('server', local);
  await withTls(pair, async ({ address, sockets }) => {
    await withClient(configFor(address, {}, caData(pair)), async (client) => {
      for (let request = 0; request < 20; request++) assert.equal(await get(client), { ok: true });
      assert.ok(sockets() <= 2, `${sockets()} connections`);
    });
  });
});
overTls('a certificate that is not trusted, is for another name, or has expired: said in words', async () => {
  const [pair, other, named] = [
    certify('server', local),
    certify('other'),
    certify('named', { names: 'DNS:api.test' }),
  ];
  const old = certify('old', { ...local, expired: true });
  for (const [serving, trusted, words] of [
    [pair, other, "the server's certificate is not signed by the trusted CA"],
    [named, named, "the server's certificate is for another name"],
    [old, old, 'has expired'],
  ] as const) {
    await withTls(serving, async ({ address }) => {
      await withClient(configFor(address, {}, caData(trusted)), async (client) => {
        const error = await failureOf(get(client));
        assert.equal([error.code, error.class, error.reason], [0, 'retry', 'NoAnswer']);
        assert.match(error.message, words);
      });
    });
  }
});
overTls('it speaks HTTP/1.1 where the server would rather have HTTP/2', async () => {
  const pair = certify('server', local);
  const server = createHttp2Server({ ...pair, allowHTTP1: true }, ({ httpVersion }, response) => {
    response.end(JSON.stringify({ httpVersion }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await withClient(configFor(address, {}, caData(pair)), async (client) =>
    assert.equal(await get(client), { httpVersion: '1.1' } as never),
  );
  server.close();
});
overTls('a server that speaks no TLS: said in words', async () => {
  await withServer(
    () => {},
    async ({ server }) => {
      const { port } = server.address() as AddressInfo;
      await withClient(configFor(`https://127.0.0.1:${port}`), async (client) =>
        assert.match((await failureOf(get(client))).message, 'the server does not speak TLS'),
      );
    },
  );
});
overTls(
  'tls-server-name is what the certificate is checked for, and insecure-skip-tls-verify checks nothing',
  async () => {
    const named = certify('named', { names: 'DNS:api.test' });
    await withTls(named, async ({ address }) => {
      for (const cluster of [{ ...caData(named), tlsServerName: 'api.test' }, { skipTLSVerify: true }]) {
        await withClient(configFor(address, {}, cluster), async (client) =>
          assert.equal(await get(client), { ok: true }),
        );
      }
    });
  },
);
overTls(
  'a client certificate is shown; one that rotates in its files is used after 10 s, without a restart',
  async () => {
    const server = certify('server', local);
    certify('ca');
    certify('first', { ca: 'ca' });
    await withTls(
      { ...server, ca: readFileSync(join(pki, 'ca.crt')), requestCert: true },
      async ({ address, sockets }) => {
        const [certFile, keyFile] = [join(pki, 'client.crt'), join(pki, 'client.key')];
        const use = (name: string) => {
          copyFileSync(join(pki, `${name}.crt`), certFile);
          copyFileSync(join(pki, `${name}.key`), keyFile);
        };
        use('first');
        const { clock, move } = movableClock();
        const config = configFor(address, { certFile, keyFile }, caData(server));
        await withClient(
          config,
          async (client) => {
            assert.equal(await get(client), { ok: true, client: 'first' } as never);
            certify('second', { ca: 'ca' });
            use('second');
            move(9_000);
            assert.equal(await get(client), { ok: true, client: 'first' } as never);
            move(2_000);
            assert.equal(await get(client), { ok: true, client: 'second' } as never);
            const before = sockets();
            move(11_000);
            assert.equal(await get(client), { ok: true, client: 'second' } as never);
            assert.is(sockets(), before, 'what did not change keeps its connections');
          },
          clock,
        );
      },
    );
  },
);
overTls(
  'a client certificate read before its key rotated is not used: what worked goes on, and 1 s later both are',
  async () => {
    const server = certify('server', local);
    certify('ca');
    certify('first', { ca: 'ca' });
    certify('second', { ca: 'ca' });
    const [certFile, keyFile] = [join(pki, 'torn.crt'), join(pki, 'torn.key')];
    const rotate = (name: string, end: 'crt' | 'key') =>
      copyFileSync(join(pki, `${name}.${end}`), end === 'crt' ? certFile : keyFile);
    rotate('first', 'crt');
    rotate('first', 'key');
    await withTls({ ...server, ca: readFileSync(join(pki, 'ca.crt')), requestCert: true }, async ({ address }) => {
      const { clock, move } = movableClock();
      const body = async (client: Client) => {
        assert.equal(await get(client), { ok: true, client: 'first' } as never);
        rotate('second', 'crt');
        move(11_000);
        assert.equal(await get(client), { ok: true, client: 'first' } as never);
        rotate('second', 'key');
        assert.equal(await get(client), { ok: true, client: 'first' } as never, 'not read with each request');
        move(1_001);
        assert.equal(await get(client), { ok: true, client: 'second' } as never);
      };
      await withClient(configFor(address, { certFile, keyFile }, caData(server)), body, clock);
    });
  },
);
overTls('a client certificate and a key that do not belong together: said in words, and nothing is sent', async () => {
  const server = certify('server', local);
  const [one, other] = [certify('one'), certify('other')];
  const certData = one.cert.toString('base64');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  for (const [key, words] of [
    [other.key, 'client certificate and client key do not belong together'],
    [Buffer.from(rsa), 'client certificate and client key do not belong together'],
    [Buffer.from('no key'), 'client certificate and client key: '],
  ] as const) {
    const user = { certData, keyData: key.toString('base64') };
    await withClient(configFor('https://127.0.0.1:1', user, caData(server)), async (client) => {
      const error = await failureOf(get(client));
      assert.equal([error.code, error.class, error.reason], [0, 'retry', 'Credentials']);
      assert.match(error.message, words);
    });
  }
  const status = { clientCertificateData: one.cert.toString(), clientKeyData: other.key.toString() };
  writeFileSync(join(pki, 'mixed.json'), JSON.stringify({ status }));
  const exec = { command: 'cat', args: [join(pki, 'mixed.json')] };
  await withClient(configFor('https://127.0.0.1:1', { token: undefined, exec }, caData(server)), async (client) =>
    assert.match(
      (await failureOf(get(client))).message,
      'plugin "cat": client certificate and client key do not belong',
    ),
  );
});
overTls('a CA that rotates in its file is used after 10 s', async () => {
  const [first, second] = [certify('server', local), certify('server-2', local)];
  const caFile = join(pki, 'ca-file.crt');
  writeFileSync(caFile, first.cert);
  const { clock, move } = movableClock();
  await withTls(first, async ({ address, server }) => {
    await withClient(
      configFor(address, {}, { caFile }),
      async (client) => {
        assert.equal(await get(client), { ok: true });
        server.setSecureContext(second);
        server.closeAllConnections();
        assert.match((await failureOf(get(client))).message, /certificate|closed|reset/);
        writeFileSync(caFile, second.cert);
        move(11_000);
        assert.equal(await get(client), { ok: true });
      },
      clock,
    );
  });
});
overTls('the certificate of a plugin is shown', async () => {
  const server = certify('server', local);
  certify('ca');
  const { key, cert } = certify('plugin', { ca: 'ca' });
  const status = { clientCertificateData: cert.toString(), clientKeyData: key.toString() };
  writeFileSync(join(pki, 'grant.json'), JSON.stringify({ status }));
  const exec = { command: 'cat', args: [join(pki, 'grant.json')] };
  await withTls({ ...server, ca: readFileSync(join(pki, 'ca.crt')), requestCert: true }, async ({ address }) => {
    await withClient(configFor(address, { token: undefined, exec }, caData(server)), async (client) =>
      assert.equal(await get(client), { ok: true, client: 'plugin' } as never),
    );
  });
});
overTls('proxy-url: requests go through a tunnel of the proxy', async () => {
  const pair = certify('server', local);
  const asked: (string | undefined)[] = [];
  const proxy = createServer();
  proxy.on('connect', ({ url }, socket: Socket) => {
    asked.push(url);
    const upstream = connect(Number(url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const one of [socket, upstream]) one.on('error', () => {});
    socket.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  await withTls(pair, async ({ address, sockets }) => {
    await withClient(configFor(address, {}, { ...caData(pair), proxyUrl }), async (client) => {
      await Promise.all(Array.from({ length: 12 }, () => get(client)));
      assert.ok(sockets() <= 4, `${sockets()} connections`);
      assert.ok(asked.length > 0 && asked.every((url) => `https://${url}` === address), `${asked}`);
      assert.is((await failureOf(get(client, { fence: () => 0 }))).reason, 'NotLeader');
    });
    await withClient(configFor(address, {}, { ...caData(certify('other')), proxyUrl }), async (client) =>
      assert.match((await failureOf(get(client))).message, 'not signed by the trusted CA'),
    );
  });
  proxy.closeAllConnections();
  proxy.close();
});
