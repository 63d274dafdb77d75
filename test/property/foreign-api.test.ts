/** What an API server, or something before it, may answer: lines of a watch, errors, Retry-After, resource versions. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { type Client, createClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { ApiError, fromAnswer } from '../../src/kube/errors.ts';
import { compareResourceVersions } from '../../src/kube/object.ts';
import { suite } from '../suite.ts';
import { anyJson, anyText, spoiled } from '../support/hostile.ts';
import { event, object, page, setUp } from '../support/reflector-script.ts';

const test = suite<{ client: Client; stop: () => Promise<void> }>('foreign answers');
const longest = 60_000;

/** What the server sends for a watch, a chunk of HTTP at a time. */
let chunks: readonly Buffer[] = [];
test.before(async (context) => {
  const server = createServer((_, response) => {
    for (const chunk of chunks) if (chunk.length > 0) response.write(chunk);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [
      { name: 'a', server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true },
    ],
    users: [{ name: 'a', token: 'a' }],
    contexts: [{ name: 'a', cluster: 'a', user: 'a' }],
    currentContext: 'a',
  });
  context.client = await createClient(config, { clock: systemClock, connections: 1 });
  context.stop = async () => {
    await context.client.close();
    server.closeAllConnections();
    server.close();
  };
});
test.after(({ stop }) => stop());

async function linesOf(client: Client): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of client.lines({ path: '/watch', resource: 'things' })) lines.push(line);
  return lines;
}

/** The same bytes in other pieces: each cut is a place in them. */
function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((to, i) => bytes.subarray(places[i], to));
}

const cuts = fc.array(fc.nat(10_000), { maxLength: 12 });

test('lines come as they were sent, however the bytes are cut; empty ones are left out', async ({ client }) => {
  const line = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll(/[\n\ufeff]/g, 'ä'));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), cuts, fc.boolean(), async (lines, where, ended) => {
      chunks = cut(Buffer.from(lines.join('\n') + (ended ? '\n' : '')), where);
      assert.equal(
        await linesOf(client),
        lines.filter((one) => one !== ''),
      );
    }),
    { numRuns: 150 },
  );
});

test('bytes that are no text make lines all the same', async ({ client }) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), cuts, async (bytes, where) => {
      chunks = cut(Buffer.from(bytes), where);
      const lines = await linesOf(client);
      assert.ok(lines.every((one) => one !== '' && !one.includes('\n')));
      const feeds = bytes.filter((byte) => byte === 10).length;
      assert.ok(lines.length <= feeds + 1);
    }),
    { numRuns: 100 },
  );
});

/** A Status as an API server writes it. */
const genuine = {
  ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code: 404 },
  ...{ reason: 'NotFound', message: 'things "a" not found' },
  details: { name: 'a', kind: 'things', retryAfterSeconds: 3, causes: [{ reason: 'Known', message: 'm', field: 'f' }] },
};

/** Events that are nearly such. */
const hostileLine = fc.oneof(
  anyText('{', '}', '"type":', '"ADDED"', '"object":'),
  anyJson.map((value) => JSON.stringify(value)),
  fc
    .record({
      type: fc.constantFrom('ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR', 'added', ''),
      object: anyJson,
    })
    .map((value) => JSON.stringify(value)),
  fc
    .record({ type: fc.constantFrom('ERROR'), object: fc.record({ code: anyJson, message: anyJson, reason: anyJson }) })
    .map((value) => JSON.stringify(value)),
  spoiled({ type: 'ERROR', object: { ...genuine, code: 410 } }).map((value) => JSON.stringify(value)),
);

test('R11.2 a line that is no event ends that watch and nothing else: the next one is followed', async () => {
  await fc.assert(
    fc.asyncProperty(hostileLine, async (line) => {
      const run = setUp({
        lists: [page(5, [object('a', 5)])],
        watches: [[line], [event('MODIFIED', 'a', 9), 'open']],
      });
      await run.clock.advance(120_000);
      assert.not.ok(run.ended());
      assert.ok(run.reflector.synced);
      assert.ok(run.seen.includes('put a@9'), run.seen.join());
      await run.stop();
    }),
    { numRuns: 300 },
  );
});

const answer = (body: string, headers: Record<string, string | string[] | undefined> = {}, code = 500, now = 0) =>
  fromAnswer('GET /things', { code, body, headers, now });

test('R9.1 whatever a Retry-After says, nobody is silenced for longer than a minute', () => {
  const value = fc.oneof(
    anyText('5', '-', 'e', 'Infinity', '0x1f', ' ', 'Fri, 31 Dec 1999 23:59:59 GMT'),
    fc.double().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  );
  fc.assert(
    fc.property(value, value, fc.double(), (after, date, now) => {
      const { retryAfter } = answer('', { 'retry-after': after, date }, 429, now);
      assert.ok(retryAfter >= 0 && retryAfter <= longest, String(retryAfter));
    }),
    { numRuns: 300 },
  );
});

test('R9.1 a Retry-After in seconds, and as a date by the clock of the server', () => {
  fc.assert(
    fc.property(
      fc.nat(100_000),
      fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
      (seconds, date) => {
        const asked = Math.min(seconds * 1000, longest);
        assert.is(answer('', { 'retry-after': String(seconds) }, 429).retryAfter, asked);
        const sent = new Date(Math.floor(date.getTime() / 1000) * 1000);
        const until = new Date(sent.getTime() + seconds * 1000);
        const headers = { 'retry-after': until.toUTCString(), date: sent.toUTCString() };
        assert.is(answer('', headers, 503, Date.now()).retryAfter, asked, 'our own clock says nothing');
        assert.is(answer('', { 'retry-after': headers['retry-after'] }, 503, sent.getTime()).retryAfter, asked);
      },
    ),
  );
});

const bodies = fc.oneof(
  anyText('<html>Bad Gateway</html>', '{"kind":"Status"', '404 page not found\n'),
  anyJson.map((value) => JSON.stringify(value)),
  fc.constant(JSON.stringify(genuine)),
  spoiled(genuine).map((value) => JSON.stringify(value)),
  spoiled(genuine).chain((value) => spoiled(value).map((twice) => JSON.stringify(twice))),
);

test('any body of an answer makes an ApiError, whose class follows from the code', () => {
  const classes = {
    0: 'retry',
    401: 'retry',
    403: 'rejected',
    409: 'conflict',
    422: 'rejected',
    429: 'retry',
    503: 'retry',
  };
  fc.assert(
    fc.property(bodies, fc.constantFrom(...Object.keys(classes).map(Number)), (body, code) => {
      const error = answer(body, {}, code);
      assert.instance(error, ApiError);
      assert.is(error.class, classes[code as keyof typeof classes]);
      assert.type(error.reason, 'string');
      assert.ok(error.causes.every((cause) => typeof cause === 'string'));
      assert.ok(error.retryAfter >= 0 && error.retryAfter <= longest);
    }),
    { numRuns: 500 },
  );
});

/** A field of a body, if it is JSON and has it. */
function fieldIn(body: string, name: string): unknown {
  try {
    const value = JSON.parse(body) as Record<string, unknown> | null;
    return typeof value === 'object' ? value?.[name] : undefined;
  } catch {
    return undefined;
  }
}

test('a 404 says that an object is gone only where an API server says it', () => {
  const told = { missing: 0, retry: 0 };
  fc.assert(
    fc.property(bodies, (body) => {
      const isStatus = fieldIn(body, 'kind') === 'Status' && fieldIn(body, 'apiVersion') === 'v1';
      const kind = isStatus && fieldIn(body, 'reason') === 'NotFound' ? 'missing' : 'retry';
      assert.is(answer(body, {}, 404).class, kind, body);
      told[kind]++;
    }),
    { numRuns: 500 },
  );
  assert.ok(told.missing > 50 && told.retry > 50, JSON.stringify(told));
});

const versions = fc.bigInt({ min: 0n, max: 2n ** 80n }).map(String);

test('resource versions are compared as the whole numbers that they are, of any length', () => {
  fc.assert(
    fc.property(versions, versions, (a, b) => {
      const [one, other] = [BigInt(a), BigInt(b)];
      assert.is(Math.sign(compareResourceVersions(a, b)), one < other ? -1 : one > other ? 1 : 0);
      assert.is(Math.sign(compareResourceVersions(a, String(one + 1n))), -1);
      assert.is(compareResourceVersions(a, a), 0);
    }),
    { numRuns: 300 },
  );
});
