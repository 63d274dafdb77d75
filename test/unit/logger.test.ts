import * as assert from 'uvu/assert';
import { ApiError } from '../../src/kube/errors.ts';
import { createLogger, type Logger, type LoggerOptions } from '../../src/observe/logger.ts';
import { suite } from '../suite.ts';

/** What is written by `use`, in one string. */
function written(options: Partial<LoggerOptions>, use: (log: Logger) => void): string {
  let output = '';
  const destination = {
    write: (line: string) => {
      output += line;
    },
  };
  use(createLogger({ level: 'info', format: 'json', destination, ...options }));
  return output;
}

/** The one line of JSON that is written. */
const json = (use: (log: Logger) => void): Record<string, unknown> => JSON.parse(written({}, use));
const pretty = (use: (log: Logger) => void): string => written({ format: 'pretty' }, use);
const token = `eyJhbGciOiJSUzI1NiJ9.${'a'.repeat(20)}.${'b'.repeat(20)}`;

const test = suite('logger');

test('JSON: ISO time, level as a word, message and fields, nothing else', () => {
  const { time, ...rest } = json((log) => log.info({ key: 'dialer/pom', tries: 2 }, 'reconciled'));
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(rest, { level: 'info', key: 'dialer/pom', tries: 2, msg: 'reconciled' });
});

test('below the level nothing is written', () => {
  assert.is(
    written({ level: 'warn' }, (log) => log.info('x')),
    '',
  );
  assert.match(
    written({ level: 'debug' }, (log) => log.debug('x')),
    '"level":"debug"',
  );
});

test('an error of ours keeps name, message and stack', () => {
  const { err } = json((log) => log.error({ err: new TypeError('no such thing') }, 'defect')) as {
    err: Record<string, string>;
  };
  assert.is(err['name'], 'TypeError');
  assert.is(err['message'], 'no such thing');
  assert.match(err['stack'] ?? '', 'logger.test.ts');
});

test('an answer of the API server is its code and its words', () => {
  const err = new ApiError('update ConfigMap: 409 conflict', { code: 409 });
  assert.equal(json((log) => log.warn({ err }))['err'], { code: 409, message: 'update ConfigMap: 409 conflict' });
});

test('a thrown value that is no error is logged too', () => {
  assert.equal(json((log) => log.error({ err: 'text' }))['err'], { message: 'text' });
});

test('what hangs on an error, such as the request with its headers, is not logged', () => {
  const err = Object.assign(new Error('failed'), {
    request: { headers: { authorization: 'secret-1' } },
    headers: { cookie: 'secret-2' },
    token: 'secret-3',
  });
  for (const format of ['json', 'pretty'] as const) {
    assert.not.match(
      written({ format }, (log) => log.error({ err }, 'x')),
      'secret',
    );
  }
});

test('tokens and authorization are hidden by the name of their field', () => {
  const fields = {
    token: 'secret',
    authorization: 'secret',
    user: { token: 'secret' },
    headers: { authorization: 'secret' },
  };
  const hidden = '[hidden]';
  const { time: _, level: __, ...rest } = json((log) => log.info(fields));
  assert.equal(rest, {
    token: hidden,
    authorization: hidden,
    user: { token: hidden },
    headers: { authorization: hidden },
  });
});

test('tokens are hidden in words too: of messages, of fields, of errors', () => {
  for (const format of ['json', 'pretty'] as const) {
    const output = written({ format }, (log) => {
      log.info({ header: `Bearer ${token}`, note: `got ${token}` }, `sent authorization: bearer abc.def`);
      log.error({ err: new Error(`refused: Bearer ${token}`) });
    });
    assert.not.match(output, 'aaaa');
    assert.not.match(output, 'abc.def');
    assert.match(output, 'refused: Bearer [hidden]');
  }
});

test('pretty: one line of time, level, message and fields', () => {
  const line = pretty((log) => log.warn({ key: 'dialer/pom', tries: 2, detail: { a: [1, 'x'] } }, 'not written'));
  assert.match(
    line,
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}not written key=dialer\/pom tries=2 detail=\{ a: \[ 1, 'x' \] \}\n$/,
  );
});

test('pretty: fields without a message', () => {
  assert.match(
    pretty((log) => log.info({ a: 1 })),
    /^[\d:.]+ INFO {2}a=1\n$/,
  );
});

test('pretty: a value with spaces is quoted, so that it can not pass for another field', () => {
  assert.match(
    pretty((log) => log.info({ why: 'no level=ERROR', empty: '' }, 'x')),
    'x why="no level=ERROR" empty=""\n',
  );
});

test("R9.23 pretty: others' words neither begin a line nor steer the terminal", () => {
  const output = pretty((log) => {
    log.info({ why: 'a\nb\u001b[2J', list: ['c\nd\u001b[2J'] }, 'e\nf\u001b[2J');
    log.error({ err: new Error('g\nh') }, 'i');
  });
  assert.is(output.split('\n').length, 3);
  assert.not.match(output, '\u001b');
});

test('pretty: no colour to a destination of its own, colour when told', () => {
  const log = (logger: Logger) => logger.info({ a: 1 }, 'x');
  assert.not.match(pretty(log), '\u001b');
  assert.match(written({ format: 'pretty', colour: true }, log), '\u001b[32mINFO ');
});

test('R9.23 no words of others are long, wherever they stand: a message, a field, its name, an error', () => {
  const long = `${'x'.repeat(1_000_000)}`;
  for (const format of ['json', 'pretty'] as const) {
    const output = written({ format }, (log) => {
      log.info({ name: long, list: [long, { [long]: long }] }, long);
      log.error({ err: new Error(long) }, 'failed');
      log.error({ err: long }, 'failed');
    });
    assert.ok(output.length < 20_000, `${format}: ${output.length} characters`);
  }
});

test('a token that is cut in two is hidden all the same', () => {
  assert.not.match(
    written({}, (log) => log.info({ note: `${'x '.repeat(495)}${token}${'b'.repeat(2_000)}` })),
    'aaaa',
  );
});

test('R9.23 control and bidirectional characters are escapes, in JSON too', () => {
  const evil = 'a\u001b\u009b\u202e\u2066\u200f\u061c\u2028\u{e0001}b';
  for (const format of ['json', 'pretty'] as const) {
    const output = written({ format }, (log) => log.info({ [evil]: evil, list: [evil], err: new Error(evil) }, evil));
    assert.not.match(output.trimEnd(), /[\p{Cc}\p{Cf}\u2028]/u, format);
    assert.match(output, '\\u202e');
  }
  assert.is(json((log) => log.info({ why: evil }))['why'], evil, 'and read back they are what they were');
});

test('a web token is three parts, the last of which may be empty; what only looks like one stays', () => {
  const logged = (note: string) => json((log) => log.info({ note }))['note'];
  assert.is(logged('x=eyJa.b.c, eyJa.b. and a-eyJa.b.c.d'), 'x=[hidden], [hidden] and a-[hidden].d');
  for (const note of ['eyJ', 'eyJa', 'eyJa.b', 'eyJa..c', 'heyJa.b.c', 'a.b.c']) assert.is(logged(note), note);
});
