/** The operator and an elector of client-go with the same times, side by side behind a slow API server. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { findClientGoElector } from '../controlplane/binaries.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, startOperator, until } from '../operator.ts';
import { startSlowProxy } from './slow-proxy.ts';

export type LeaseRace = {
  /** How often each lost its lease. */
  readonly losses: number;
  readonly clientGoLosses: number;
  /** How many of the changes were applied in time. */
  readonly applied: number;
};

/**
 * Both are given a lease of their own through a proxy that delays each request by `delay` milliseconds. When both lead,
 * `changes` objects are created, and after `seconds` it is counted what was lost and what was applied. The control plane must
 * have what `install` installs.
 */
export async function raceForLease(
  plane: ControlPlane,
  { delay, seconds, changes }: { delay: number; seconds: number; changes: number },
): Promise<LeaseRace> {
  const program = await findClientGoElector();
  const name = `lease-${delay}`;
  const desk = createDesk(plane, name);
  await desk.open();
  const proxy = await startSlowProxy(plane, delay);
  const operator = await startOperator(plane, {
    // The operator's own account may use the Lease of one name only.
    kubeconfig: proxy.through(plane.kubeconfig),
    flags: ['--leader-elect', '--lease-namespace', name, '--watch-namespaces', name],
  });
  const clientGo = startClientGoElector(program, [
    ...['--kubeconfig', proxy.through(plane.kubeconfig), '--namespace', name, '--name', 'clientgo'],
  ]);
  try {
    // A GET and a write each.
    const patience = 3 * delay + 90_000;
    await operator.logged(({ msg }) => msg.startsWith('leading:'), 'the operator leads', patience);
    await until('client-go leads', async () => clientGo.told().includes('gained'), patience);
    const objects = Array.from({ length: changes }, (_, n) => `change-${n}`);
    const spec = { licenses: { outboundPorts: { minimum: 0, maximum: 5 } } };
    await Promise.all(objects.map((object) => desk.create(object, spec)));
    await sleep(seconds * 1000);
    const stored = await Promise.all(objects.map((object) => desk.get(object)));
    return {
      losses: operator.log.filter(({ msg }) => msg.startsWith('the lease is lost')).length,
      clientGoLosses: clientGo.told().filter((line) => line === 'lost').length,
      applied: stored.filter((one) => desk.conditionOf(one, 'Applied')?.status === 'True').length,
    };
  } finally {
    clientGo.kill();
    await operator.stop('SIGKILL');
    await proxy.close();
    await desk.close();
  }
}

function startClientGoElector(program: string, args: string[]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return {
    /** Its lines: `gained` and `lost`. */
    told: () => output.split('\n'),
    kill() {
      process.removeListener('exit', kill);
      kill();
    },
  };
}
