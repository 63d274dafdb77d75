import * as assert from 'uvu/assert';
import { ApiError, type Reason } from '../../src/kube/index.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { adviceFor, createTrouble } from '../../src/observe/watch-trouble.ts';
import { suite } from '../suite.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const error = (code: number, message = 'words', reason: Reason = '') => new ApiError(message, { code, reason });

const advice = suite('advice');
for (const [what, resource, failure, words] of [
  ['no CRD', 'licensesettings', error(404), /not installed: run `kubectl apply --server-side -k crds`/],
  ['401', 'configmaps', error(401), /credentials: check the kubeconfig's user or the ServiceAccount token/],
  [
    '403',
    'configmaps',
    error(403),
    /no permission to list and watch configmaps: run `kubectl apply -k deploy\/rights\/all`/,
  ],
  ['410', 'configmaps', error(410), /expired: listing again/],
  [
    'a certificate',
    'configmaps',
    error(0, 'unable to verify the first certificate'),
    /not trusted: check certificate-authority/,
  ],
  ['a self-signed one', 'configmaps', error(0, 'self-signed'), /not trusted/],
  ['no answer', 'configmaps', error(0, 'connect ECONNREFUSED'), /does not answer: check the address/],
  [
    'a connection that is cut before there is a certificate',
    'configmaps',
    error(0, 'Client network socket disconnected before secure TLS connection was established'),
    /does not answer: check the address/,
  ],
  [
    'a plugin that fails',
    'configmaps',
    error(0, 'exit 1', 'Credentials'),
    /check its plugin, token file or certificate/,
  ],
  ['half an answer', 'configmaps', error(0, 'not JSON', 'BadAnswer'), /check what stands between/],
  ['half an event', 'configmaps', error(0, 'not JSON', 'BadEvent'), /check what stands between/],
  ['what could not be taken in', 'configmaps', error(0, 'RangeError', 'Handler'), /^a defect of the operator/],
  ['a 404 of what is no kind of ours', 'configmaps', error(404), /refuses the request/],
  ['500', 'configmaps', error(500), /refuses the request: trying again/],
  ['429', 'configmaps', error(429), /refuses the request: trying again/],
] as [string, string, ApiError, RegExp][]) {
  advice(`R11.5 ${what}: what is wrong, and the mend`, () =>
    assert.match(adviceFor({ resource, namespace: undefined }, failure), words),
  );
}

function setUp() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) };
  const clock = createVirtualClock();
  const where = { resource: 'configmaps', namespace: undefined };
  const trouble = createTrouble(createLogger({ level: 'info', format: 'json', destination }), clock, where);
  return { clock, trouble, lines };
}

const test = suite('restarts of a watch');
test('R11.5 trouble is told once, again after a minute, and when it is over', async () => {
  const { clock, trouble, lines } = setUp();
  for (let second = 0; second < 60; second++) {
    trouble.failed(error(500, `attempt ${second}`));
    await clock.advance(1_000);
  }
  assert.is(lines.length, 1);
  trouble.failed(error(500));
  assert.is(lines.length, 2);
  trouble.over();
  trouble.over();
  assert.equal(
    lines.map(({ level, msg }) => `${level} ${msg}`),
    [
      'warn the API server refuses the request: trying again',
      'warn the API server refuses the request: trying again',
      'info list and watch work again',
    ],
  );
  assert.equal([lines[0]?.['code'], lines[0]?.['error'], lines[0]?.['resource']], [500, 'attempt 0', 'configmaps']);
});
test('R11.5 other trouble is told at once', () => {
  const { trouble, lines } = setUp();
  trouble.failed(error(500));
  trouble.failed(error(403));
  assert.is(lines.length, 2);
});
test('R11.5 trouble that comes and goes is told once a minute, and its end only after it was told', async () => {
  const { clock, trouble, lines } = setUp();
  for (let second = 0; second < 119; second++) {
    trouble.failed(error(500));
    trouble.over();
    await clock.advance(1_000);
  }
  const words = ['the API server refuses the request: trying again', 'list and watch work again'];
  assert.equal(
    lines.map(({ msg }) => msg),
    [...words, ...words],
  );
});
test('what is wrong now can be asked, also when it was not told again', () => {
  const { trouble } = setUp();
  assert.is(trouble.words(), undefined);
  trouble.failed(error(403, 'forbidden'));
  assert.match(trouble.words() ?? '', /^no permission .*\(forbidden\)$/);
  trouble.over();
  assert.is(trouble.words(), undefined);
  trouble.failed(error(403, 'forbidden'));
  assert.match(trouble.words() ?? '', 'no permission');
});
test('R9.23 what a server says is cut and steers nothing where it is asked for', () => {
  const { trouble } = setUp();
  trouble.failed(error(500, `\u001b[2Jall is well\n${'x'.repeat(100_000)}`));
  const words = trouble.words() ?? '';
  assert.ok(words.length < 1_500, String(words.length));
  assert.not.match(words, /\p{Cc}/u);
});
test('no permission in one namespace: the advice is about that namespace, also when it is gone', () => {
  const words = adviceFor({ resource: 'configmaps', namespace: 'nsb' }, error(403));
  assert.match(words, /in namespace nsb: run `kubectl apply -n nsb -k deploy\/rights\/namespace`, or take nsb out of/);
});
test('an expired version is no warning', () => {
  const { trouble, lines } = setUp();
  trouble.failed(error(410));
  assert.is(lines[0]?.['level'], 'info');
});
test('nothing wrong: nothing told', () => {
  const { trouble, lines } = setUp();
  trouble.over();
  assert.is(lines.length, 0);
});
