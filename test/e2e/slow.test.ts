/** An API server that is slow to answer, and loses nothing: the lease stays, as client-go's does, and work goes on. */
import * as assert from 'uvu/assert';
import { findClientGoElector } from '../controlplane/binaries.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { install } from '../operator.ts';
import { suite } from '../suite.ts';
import { raceForLease } from '../support/lease-race.ts';

const test = suite('slow API server');
let plane: ControlPlane;
test.before(async () => {
  await findClientGoElector();
  plane = await sharedControlPlane();
  await install(plane);
});
test.after(async () => {
  await plane?.stop();
});

test('R7.2 each request takes 4 or 6 s: the lease is not lost, and what changes is applied', async () => {
  const changes = 4;
  const races = await Promise.all([4_000, 6_000].map((delay) => raceForLease(plane, { delay, seconds: 50, changes })));
  for (const race of races) assert.equal(race, { losses: 0, clientGoLosses: 0, applied: changes });
});
