/**
 * `npm run bench:lease`: how often the operator and an elector of client-go lose their lease behind an API server that
 * takes 0 to 9 s for each request, and how many of 20 changes the operator applies meanwhile. `--seconds N`: for how long
 * (120); `--delays 0,4,6`: which delays, in seconds. All delays run at the same time. The finding is in docs/testing.md.
 */
import { parseArgs } from 'node:util';
import { findClientGoElector } from '../controlplane/binaries.ts';
import { startControlPlane } from '../controlplane/controlplane.ts';
import { install } from '../operator.ts';
import { raceForLease } from '../support/lease-race.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '120' }, delays: { type: 'string', default: '0,1,2,3,4,5,6,7,8,9' } },
});
const seconds = Number(values.seconds);
const changes = 20;

// Each race ends its processes with this one.
process.setMaxListeners(0);
await findClientGoElector();
const plane = await startControlPlane({ audit: false });
try {
  await install(plane);
  const delays = values.delays.split(',').map(Number);
  const races = await Promise.all(
    delays.map((delay) => raceForLease(plane, { delay: delay * 1000, seconds, changes })),
  );
  process.stdout.write(
    `| delay, s | lost by the operator in ${seconds} s | lost by client-go | applied of ${changes} |\n`,
  );
  process.stdout.write('| -------: | ----: | ----: | ----: |\n');
  for (const [n, { losses, clientGoLosses, applied }] of races.entries()) {
    process.stdout.write(`| ${delays[n]} | ${losses} | ${clientGoLosses} | ${applied} |\n`);
  }
} finally {
  await plane.stop();
}
