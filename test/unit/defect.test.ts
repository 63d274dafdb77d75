/** What becomes of an object on which the operator itself fails: its status says so, and never True of what isn't so. */
import * as assert from 'uvu/assert';
import { ApiError } from '../../src/kube/errors.ts';
import { failedStatus } from '../../src/settings/status.ts';
import { suite } from '../suite.ts';
import { createFlowDesk, type FlowDesk, plainOf } from '../support/flow-desk.ts';

const test = suite('a defect of ours');

/** Until it is told that it is mended, every write of a ConfigMap throws what no API server answers. */
function broken(desk: FlowDesk, words = 'x is not a function') {
  let isBroken = true;
  desk.faults.push(({ method, resource }) => {
    if (isBroken && method !== 'GET' && resource === 'configmaps') throw new TypeError(words);
    return undefined;
  });
  return () => {
    isBroken = false;
  };
}
const throws = async (desk: FlowDesk) => {
  let thrown: unknown;
  await desk.run().catch((error: unknown) => {
    thrown = error;
  });
  assert.instance(thrown, TypeError);
};
const conditionsOf = (desk: FlowDesk) =>
  Object.fromEntries(
    (desk.status()?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );
const failed = { Ready: 'False WriteFailed', Applied: 'False WriteFailed', Reconciling: 'True WriteFailed' };

test('the status says that the operator fails, once, keeps what is live, and heals with it', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  await desk.run();
  const before = desk.status();
  const mend = broken(desk);
  desk.save(plainOf(6));
  desk.writes();
  await throws(desk);
  assert.equal(desk.writes(), ['PUT status']);
  assert.equal(conditionsOf(desk), failed, 'of the new generation nothing is known, not even whether it is valid');
  const { conditions, observedGeneration, ...told } = desk.status() ?? {};
  const { conditions: _, observedGeneration: __, ...live } = before ?? {};
  assert.equal([told, observedGeneration], [live, 2]);
  assert.match(
    conditions?.[0]?.message ?? '',
    /the operator fails on this object.*TypeError: x is not a function; what is live stays/,
  );
  await throws(desk);
  assert.equal(desk.writes(), [], 'the same is not told again');
  mend();
  await desk.run();
  assert.equal(desk.writes(), ['PUT pom-licenses 6', 'PUT status']);
  assert.equal(conditionsOf(desk), { Ready: 'True Applied', Valid: 'True Valid', Applied: 'True Applied' });
  assert.equal(desk.judge.violations, []);
});

test('what was told of this generation stays told', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  await desk.run();
  broken(desk);
  desk.deleteMap('pom-licenses');
  await throws(desk);
  assert.equal(conditionsOf(desk), { ...failed, Valid: 'True Valid' });
  const errors = [{ field: 'spec', reason: 'Required', message: 'is required' }];
  const pending = { generation: 3, settingsHash: 'a' };
  const statusAt = (generation: number) =>
    failedStatus({ observedGeneration: 3, errors, pending }, { generation, words: 'x', now: '' });
  assert.equal([statusAt(3).errors, statusAt(3).pending], [errors, pending]);
  assert.equal([statusAt(4).errors, statusAt(4).pending], [undefined, undefined]);
});

test('a new object of which nothing was ever told gets its first status', async () => {
  const desk = createFlowDesk();
  broken(desk, `\u001b[31m${'x'.repeat(10_000)}`);
  desk.save(plainOf(5));
  await throws(desk);
  assert.equal(conditionsOf(desk), failed);
  const message = desk.status()?.conditions?.[0]?.message ?? '';
  assert.ok(message.length <= 1024 && !message.includes('\u001b'));
});

test('where the status can not be written, what was thrown is thrown', async () => {
  const desk = createFlowDesk();
  broken(desk);
  desk.faults.push(({ resource }) =>
    resource.endsWith('/status') ? new ApiError('forbidden', { code: 403 }) : undefined,
  );
  desk.save(plainOf(5));
  await throws(desk);
  assert.equal(desk.writes(), []);
});

test('of an object that is being deleted nothing is told', async () => {
  const desk = createFlowDesk();
  desk.save(plainOf(5));
  await desk.run();
  desk.faults.push(({ method, resource }) => {
    if (method === 'GET' || resource !== 'configmaps') return undefined;
    desk.deleteObject({ held: true });
    throw new TypeError('too late');
  });
  desk.deleteMap('pom-licenses');
  desk.writes();
  await throws(desk);
  assert.equal(desk.writes(), []);
});
