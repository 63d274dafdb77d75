/**
 * `npm run controlplane [-- --kubeconfig FILE --context NAME]`: a real Kubernetes API until Ctrl-C. The path of the
 * admin's kubeconfig goes alone to stdout, so that a script can read it.
 */
import { parseArgs } from 'node:util';
import { startControlPlane, useCluster } from './controlplane.ts';

try {
  const { values } = parseArgs({ options: { kubeconfig: { type: 'string' }, context: { type: 'string' } } });
  const { kubeconfig, context } = values;
  if (context !== undefined && kubeconfig === undefined) throw new Error('--context needs --kubeconfig');
  const stopped = new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done());
  });
  const started =
    kubeconfig === undefined ? startControlPlane() : useCluster({ kubeconfig, ...(context && { context }) });
  // A signal during the start is answered at once; the watchdog takes away what has begun.
  const plane = await Promise.race([started, stopped]);
  if (plane) {
    process.stdout.write(`${plane.kubeconfig}\n`);
    const version = (await plane.kubectl(['version', '-o', 'json'])).stdout;
    const { serverVersion } = JSON.parse(version) as { serverVersion: { gitVersion: string } };
    process.stderr.write(`Kubernetes ${serverVersion.gitVersion} at ${plane.server}. In another terminal:\n`);
    process.stderr.write(`  export KUBECONFIG=${plane.kubeconfig}\n  ${plane.kubectlPath} get namespaces\n`);
    process.stderr.write('Ctrl-C stops it.\n');
    // An existing cluster has no process of ours that would keep this one alive.
    const alive = setInterval(() => {}, 60_000);
    await stopped;
    clearInterval(alive);
    await plane.stop();
  }
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
