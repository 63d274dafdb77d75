/** What each class of error means for the work of an object. */
import * as assert from 'uvu/assert';
import { type Halt, haltOf, stopsOneOnly } from '../../src/controller/halt.ts';
import { ApiError, type ApiErrorInit } from '../../src/kube/errors.ts';
import { suite } from '../suite.ts';

const test = suite('halt');

const rows: readonly (readonly [string, ApiErrorInit, Halt['kind']])[] = [
  ['R6.2 a conflict', { code: 409, reason: 'Conflict' }, 'outdated'],
  ['R6.2 a name that is taken', { code: 409, reason: 'AlreadyExists' }, 'outdated'],
  ['R6.2 what is gone', { code: 404, reason: 'NotFound' }, 'outdated'],
  ['R9.2 a 403', { code: 403, reason: 'Forbidden' }, 'refused'],
  ['R9.2 a 413', { code: 413, reason: 'RequestEntityTooLarge' }, 'refused'],
  ['R9.2 a 422', { code: 422, reason: 'Invalid' }, 'refused'],
  ['R9.1 no answer', { code: 0, reason: 'NoAnswer' }, 'failed'],
  ['R9.1 a lease that is over', { code: 0, reason: 'NotLeader' }, 'failed'],
  ['R9.1 a 401', { code: 401, reason: 'Unauthorized' }, 'failed'],
  ['R9.1 a 429', { code: 429, reason: 'TooManyRequests' }, 'failed'],
  ['R9.1 a 500', { code: 500, reason: 'InternalError' }, 'failed'],
  ['R9.1 a 404 that no API server wrote', { code: 404, reason: 'NotFromApiServer' }, 'failed'],
  ['R5.4 a namespace that is terminating', { code: 403, causes: ['NamespaceTerminating'] }, 'terminating'],
];
for (const [what, init, kind] of rows)
  test(`${what}: ${kind}`, () => {
    const error = new ApiError('words', init);
    const halt = haltOf(error);
    assert.is(halt.kind, kind);
    assert.is('error' in halt && halt.error, error);
    if ('words' in halt) assert.is(halt.words, 'words');
  });

for (const code of [429, 403])
  test(`R9.1 what a Retry-After asks for goes with a ${code}`, () => {
    const halt = haltOf(new ApiError('no', { code, retryAfter: 7_000 }));
    assert.is('after' in halt && halt.after, 7_000);
  });

test('R9.10 what is refused, contested or has to go stops one ConfigMap; anything else stops the object', () => {
  const kinds: readonly Halt['kind'][] = [
    ...(['refused', 'contested', 'waits'] as const),
    ...(['conflict', 'failed', 'outdated', 'overtaken', 'terminating', 'turn is over'] as const),
  ];
  assert.equal(
    kinds.filter((kind) => stopsOneOnly({ kind } as Halt)),
    ['refused', 'contested', 'waits'],
  );
});
