/** What an answer means that is no success: only what an API server says of itself is believed, whatever its parts hold. */
import * as assert from 'uvu/assert';
import { type ApiError, fromAnswer, fromFailure, parseEvent } from '../../src/kube/index.ts';
import { suite } from '../suite.ts';
import { page, setUp } from '../support/reflector-script.ts';

/** As every API server writes it. */
const status = (more: object) => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', ...more });
const answer = (code: number, body: object | string): ApiError =>
  fromAnswer('GET /things', { code, body: typeof body === 'string' ? body : JSON.stringify(body), now: 0 });
/** What an API server says of a path of a group that it does not serve, as where a CRD is not installed. */
const notServed = '404 page not found\n';

const classes = suite('class of an answer');
for (const [kind, codes] of [
  ['rejected', [302, 400, 403, 405, 412, 413, 422]],
  ['retry', [401, 408, 410, 425, 429, 500, 502, 503, 504]],
  ['conflict', [409]],
] as const)
  for (const code of codes)
    classes(`${code} is of class ${kind}, and keeps what the server said`, () => {
      const details = { causes: [{ reason: 'NamespaceTerminating' }] };
      const error = answer(code, status({ reason: 'Some', message: 'what the server said', details }));
      assert.equal([error.code, error.class, error.reason], [code, kind, 'Some']);
      assert.is(error.message, `GET /things: ${code} what the server said`);
      assert.equal(error.causes, ['NamespaceTerminating']);
    });

const waits = suite('R9.1 Retry-After');
const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
const three = status({ details: { retryAfterSeconds: 3 } });
for (const [what, headers, body, milliseconds] of [
  ['header in seconds', { 'retry-after': '7' }, {}, 7_000],
  ['field of the answer', {}, three, 3_000],
  ['field of what is no Status: none', {}, { details: { retryAfterSeconds: 3 } }, 0],
  [
    'header that is a date, against the Date of the answer',
    { 'retry-after': date.replace('28:00', '28:09'), date },
    {},
    9_000,
  ],
  ['a date that is over: none', { 'retry-after': date.replace('28:00', '27:00'), date }, {}, 0],
  ['a date far away: a minute', { 'retry-after': date.replace('2026', '2099'), date }, {}, 60_000],
  ['negative number: none', { 'retry-after': '-5' }, {}, 0],
  ['a huge number: a minute', { 'retry-after': '1e300' }, {}, 60_000],
  ['endless: a minute', { 'retry-after': 'Infinity' }, {}, 60_000],
  ['no number and no date: what the answer says', { 'retry-after': 'soon' }, three, 3_000],
  ['nothing: none', {}, {}, 0],
] as [string, Record<string, string>, object, number][])
  for (const code of [429, 503])
    waits(`of a ${code}: ${what}`, () => {
      const error = fromAnswer('GET /things', { code, body: JSON.stringify(body), headers, now: 0 });
      assert.is(error.retryAfter, milliseconds);
    });

const gone = suite('a 404');
gone('of a Status whose reason is NotFound says that the object is gone', () => {
  const { class: kind, reason } = answer(404, status({ reason: 'NotFound', message: 'things "a" not found' }));
  assert.equal([kind, reason], ['missing', 'NotFound']);
});
for (const [what, body] of [
  ['of a group that nobody serves', notServed],
  ['without a body', ''],
  ['that is a page of a gateway', '<html>default backend - 404</html>'],
  ['that is JSON of a gateway, with a reason', { reason: 'NotFound', message: 'no route' }],
  ['that is JSON of a gateway, with a kind too', { kind: 'Status', reason: 'NotFound' }],
  ['that is a Status of another version', { ...status({ reason: 'NotFound' }), apiVersion: 'v2' }],
  ['of a Status without a reason', status({})],
  ['of a Status with another reason', status({ reason: 'Forbidden' })],
  ['of a Status whose reason is no text', status({ reason: ['NotFound'] })],
] as [string, object | string][])
  gone(`${what} does not say that an object is gone: it is tried again`, () => {
    const { class: kind, reason } = answer(404, body);
    assert.equal([kind, reason], ['retry', 'NotFromApiServer']);
  });
gone('of a kind that is not served yet: a watch waits for it', async () => {
  const run = setUp({ lists: [answer(404, notServed), answer(404, notServed), page(5)] });
  await run.clock.advance(5_000);
  assert.equal(run.restarts, ['404', '404']);
  assert.ok(run.reflector.synced);
  await run.stop();
});

const away = suite('a 503');
away('of a Status comes from a server that is there', () => {
  assert.is(answer(503, status({ reason: 'ServiceUnavailable' })).reason, 'ServiceUnavailable');
  assert.is(answer(503, status({})).reason, '');
});
for (const body of ['', '<html>', '{"reason":"upstream"}', '{"kind":"Status"}', '{"kind":"Problem","apiVersion":"v1"}'])
  away(`with the body ${body || 'of no bytes'} comes from something before it`, () =>
    assert.is(answer(503, body).reason, 'NotFromApiServer'),
  );

const odd = suite('a part of another type');
/** JavaScript makes neither a text nor a number of this one. */
const opaque = { toString: 5, valueOf: 5 };
for (const value of [null, 5, true, [], [null], [[]], {}, opaque, [opaque]])
  odd(`${JSON.stringify(value)} is left out, wherever it stands`, () => {
    for (const part of ['message', 'reason', 'details', 'code'])
      for (const code of [403, 404, 429, 500]) {
        const error = answer(code, status({ [part]: value }));
        assert.type(error.reason, 'string');
        assert.equal([error.code, error.causes, error.retryAfter], [code, [], 0], part);
        assert.match(error.message, `GET /things: ${code}`);
      }
    const inDetails = (details: object) => answer(429, status({ details }));
    assert.equal(inDetails({ causes: value }).causes, []);
    assert.equal(inDetails({ causes: [value, { reason: value }, { reason: 'Known' }] }).causes, ['Known']);
    assert.is(inDetails({ retryAfterSeconds: value }).retryAfter, value === 5 ? 5_000 : 0);
  });
odd('in what a watch sends as an ERROR is left out too', async () => {
  const line = JSON.stringify({ type: 'ERROR', object: status({ code: opaque, message: opaque, details: opaque }) });
  assert.is(parseEvent(line, 'things').type, 'ERROR');
  const run = setUp({ lists: [page(5)], watches: [[line], ['open']] });
  await run.clock.advance(2_000);
  assert.equal(run.restarts, ['5xx']);
  await run.stop();
});

odd('is quoted where there is no message, and cut', () => {
  const { message } = answer(502, `<html>Bad Gateway${'x'.repeat(5_000)}`);
  assert.match(message, 'GET /things: 502 <html>Bad Gateway');
  assert.ok(message.length < 300);
});

suite('a failure')('words of all that lies behind a failure, each once', () => {
  const refused = ['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:6443`));
  const both = Object.assign(new AggregateError(refused), { code: 'ECONNREFUSED' });
  const failure = fromFailure('GET /x', new TypeError('fetch failed', { cause: both }));
  const words = 'connect ECONNREFUSED ::1:6443: connect ECONNREFUSED 127.0.0.1:6443';
  assert.is(failure.message, `GET /x: fetch failed: ECONNREFUSED: ${words}`);
  assert.is(fromFailure('GET /x', 'text').message, 'GET /x: text');
  const again = new Error('same', { cause: new Error('same') });
  assert.is(fromFailure('GET /x', again).message, 'GET /x: same');
});
