/** Rule 2: when licenses were last taken away from a dialer of an object, and how long a raise has to wait for that. */
import { readdirSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { afterSight, type Sight, type TakenAway, waitLeft } from '../../../src/settings/taken.ts';
import { suite } from '../../suite.ts';

const taken = suite('rule 2: licenses that were taken away');
const never = Number.NEGATIVE_INFINITY;
const rightNow = Number.POSITIVE_INFINITY;
const [earlier, now] = [40_000, 100_000];
const words = new Map<TakenAway, string>([
  [undefined, 'not known'],
  [never, 'never'],
  [rightNow, 'it may be happening'],
  [earlier, 'earlier'],
  [now, 'now'],
]);

for (const [rule, known, sight, after] of [
  // Nobody obeys anything: nothing can have been taken away before the first ConfigMap.
  ['R2.11', undefined, 'no ConfigMap', never],
  ['R2.11', earlier, 'no ConfigMap', earlier],
  ['R2.11', never, 'no ConfigMap', never],
  // This term is about to do it, or people may do it in a suspension.
  ['R2.9', undefined, 'being taken', rightNow],
  ['R2.9', never, 'being taken', rightNow],
  ['R2.9', earlier, 'being taken', rightNow],
  // It is done, from now on at the latest.
  ['R2.9', rightNow, 'nothing to take', now],
  // Somebody else did it, or may have done it.
  ['R2.9', undefined, 'taken', now],
  ['R2.9', never, 'taken', now],
  ['R2.9', earlier, 'taken', now],
  ['R2.9', rightNow, 'taken', now],
  // A look at which nothing happens moves nothing.
  ['R2.10', undefined, 'nothing to take', undefined],
  ['R2.10', never, 'nothing to take', never],
  ['R2.10', earlier, 'nothing to take', earlier],
] as const satisfies [string, TakenAway, Sight, TakenAway][])
  taken(`${rule} ${words.get(known)}, then '${sight}': ${words.get(after)}`, () => {
    assert.is(afterSight(known, sight, now), after);
  });

for (const [what, moment, left] of [
  ['nothing was ever taken away', never, Number.NEGATIVE_INFINITY],
  ['longer ago than that', earlier - 1, -1],
  ['just that long ago', earlier, 0],
  ['a moment less ago', earlier + 1, 1],
  ['now', now, 60_000],
  ['it may be happening', rightNow, rightNow],
  ['not known', undefined, 60_000],
] as const)
  taken(`R2.8 a raise under 60 settleSeconds, ${what}: it waits ${left} ms`, () => {
    assert.is(waitLeft(moment, 60_000, now), left);
  });

taken('R2.10 whatever moves the moment asks afterSight', () => {
  const src = new URL('../../../src/', import.meta.url);
  const moves = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => readFileSync(new URL(file, src), 'utf8').match(/\btakenAway = .*/g) ?? []);
  assert.ok(moves.length > 0);
  assert.equal(
    moves.filter((move) => !move.startsWith('takenAway = afterSight(')),
    [],
  );
});
