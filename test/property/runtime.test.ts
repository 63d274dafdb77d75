/** The work queue and the barrier, in any use: held against a model that is too simple to be wrong. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { backoffs, type RetryKind } from '../../src/controller/retries.ts';
import { Barrier, WorkQueue } from '../../src/kube/index.ts';
import { suite } from '../suite.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';

const [fresh, resync, background] = [7, 0, -3];

type Step =
  | { do: 'add'; key: string; priority: number }
  | { do: 'addAfter'; key: string; delay: number; priority: number }
  | { do: 'take' }
  | { do: 'done'; retry: RetryKind | undefined }
  | { do: 'hurry' }
  | { do: 'advance'; ms: number };

const key = fc.constantFrom('a', 'b', 'c', 'd');
const priority = fc.constantFrom(fresh, resync, background);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key, priority }),
  fc.record({ do: fc.constant('addAfter' as const), key, delay: fc.nat(5_000), priority }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({
    do: fc.constant('done' as const),
    retry: fc.option(fc.constantFrom<RetryKind>('transport', 'slow'), { nil: undefined }),
  }),
  fc.record({ do: fc.constant('hurry' as const) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.nat(10_000) }),
);

suite('any use of the work queue')('loses no key, makes up none, and never gives one to two workers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = createVirtualClock();
      const queue = new WorkQueue(clock, backoffs);
      /** The model: keys that must still be handed out, keys that somebody works on, how often a key was asked for. */
      const owed = new Set<string>();
      const working: string[] = [];
      const asked = new Map<string, number>();
      const broken: string[] = [];
      let idle = 0;
      const ask = (key: string) => {
        owed.add(key);
        asked.set(key, (asked.get(key) ?? 0) + 1);
      };
      const take = async () => {
        idle++;
        void queue.next().then((task) => {
          idle--;
          if (!task) return;
          if (working.includes(task.key)) broken.push(`${task.key} is in work already`);
          const left = (asked.get(task.key) ?? 0) - 1;
          if (left < 0) broken.push(`${task.key} came more often than it was asked for`);
          asked.set(task.key, left);
          owed.delete(task.key);
          working.push(task.key);
        });
        await settle();
      };
      const finish = async (retry?: RetryKind) => {
        const done = working.shift();
        if (done === undefined) return;
        if (retry) {
          queue.retry(done, retry, resync);
          ask(done);
        } else queue.forget(done);
        queue.done(done);
        await settle();
      };
      for (const one of steps) {
        if (one.do === 'add' || one.do === 'addAfter') ask(one.key);
        if (one.do === 'add') queue.add(one.key, one.priority);
        else if (one.do === 'addAfter') queue.addAfter(one.key, one.delay, one.priority);
        else if (one.do === 'take') await take();
        else if (one.do === 'done') await finish(one.retry);
        else if (one.do === 'hurry') queue.hurry('transport', 2_000);
        else await clock.advance(one.ms);
        await settle();
      }
      // The work is done: everything that was asked for comes.
      for (let turn = 0; turn < 50 && (owed.size > 0 || working.length > 0); turn++) {
        await clock.advance(60_000);
        if (idle === 0) await take();
        await finish();
      }
      assert.equal([[...owed], broken], [[], []]);
      queue.close();
    }),
    { numRuns: 150 },
  );
});

type Move =
  | { do: 'write'; key: string; id: number; ahead: number }
  | { do: 'pass'; by: number }
  | { do: 'delete'; key: string; id: number }
  | { do: 'go'; id: number };
const keys = ['a/1', 'a/2', 'a/3'];
const id = fc.nat(5);
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ do: fc.constant('write' as const), key: fc.constantFrom(...keys), id, ahead: fc.nat(20) }),
  fc.record({ do: fc.constant('pass' as const), by: fc.nat(10) }),
  fc.record({ do: fc.constant('delete' as const), key: fc.constantFrom(...keys), id }),
  fc.record({ do: fc.constant('go' as const), id }),
);

suite('any use of the barrier')(
  'R6.5 a key is ready exactly when the watch has passed all its writes and deletions',
  () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const barrier = new Barrier();
        let version = 10;
        barrier.seen('maps', 'a', '10');
        const written = new Map<string, number>();
        const deleted = new Map<string, string>();
        const gone = new Set<string>();
        for (const one of moves) {
          if (one.do === 'pass') {
            version += one.by;
            barrier.seen('maps', 'a', String(version));
          } else {
            const identity = `a/${one.id}`;
            if (one.do === 'write') {
              const at = version + one.ahead;
              barrier.wrote(one.key, 'maps', identity, String(at));
              written.set(one.key, Math.max(at, written.get(one.key) ?? 0));
            } else if (one.do === 'delete') {
              barrier.deleted(one.key, 'maps', identity);
              if (!gone.has(identity)) deleted.set(identity, one.key);
            } else {
              barrier.gone(identity);
              gone.add(identity);
              deleted.delete(identity);
            }
          }
          for (const key of keys) {
            const isReady = (written.get(key) ?? 0) <= version && ![...deleted.values()].includes(key);
            assert.is(barrier.isReady(key), isReady);
          }
        }
      }),
    );
  },
);
