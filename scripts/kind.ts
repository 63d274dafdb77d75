/**
 * `npm run kind`: a kind cluster with the CRD and the RBAC of deploy/overlays/outside, and the operator against it until Ctrl-C. The
 * operator runs on this machine, from dist/operator.js, as its own ServiceAccount. The cluster stays for the next time.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findBinaries } from '../test/controlplane/binaries.ts';
import { useCluster } from '../test/controlplane/controlplane.ts';

const clusterName = 'license-settings';
/** The ServiceAccount of deploy/account. */
const account = { namespace: 'license-settings-system', name: 'license-settings-operator' };
const project = resolve(import.meta.dirname, '..');
const directory = mkdtempSync(join(tmpdir(), 'license-settings-kind-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

try {
  await main();
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

async function main(): Promise<void> {
  if (spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 20_000 }).status !== 0) {
    fail(
      'kind needs a running Docker engine, and `docker info` found none.\n' +
        '`npm run demo` and `npm run controlplane` work without one: they run a real Kubernetes API as plain processes.',
    );
  }
  const { kind } = await findBinaries(['kind']);
  const clusters = execFileSync(kind, ['get', 'clusters'], { encoding: 'utf8' }).split('\n');
  if (!clusters.includes(clusterName)) run(kind, ['create', 'cluster', '--name', clusterName, '--wait', '120s']);
  const kubeconfig = join(directory, 'kubeconfig');
  run(kind, ['export', 'kubeconfig', '--name', clusterName, '--kubeconfig', kubeconfig]);
  run(process.execPath, ['scripts/build.ts']);

  const cluster = await useCluster({ kubeconfig });
  await cluster.kubectl(['apply', '-f', join(project, 'crds', 'licensesettings.yaml')]);
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd/licensesettings.licensing.dialer.dev']);
  await cluster.kubectl(['apply', '-k', join(project, 'deploy', 'overlays', 'outside')]);

  const operator = spawn(process.execPath, [join(project, 'dist', 'operator.js')], {
    env: {
      ...process.env,
      KUBECONFIG: await cluster.serviceAccountKubeconfig(account.namespace, account.name),
      POD_NAMESPACE: account.namespace,
    },
    stdio: 'inherit',
  });
  say(`The operator runs against kind cluster ${clusterName}, with a token for one hour. In another terminal:`);
  say(`  export KUBECONFIG=${kubeconfig}\n  ${cluster.kubectlPath} get licensesettings -A`);
  say(`Ctrl-C stops it. To remove the cluster: ${kind} delete cluster --name ${clusterName}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => operator.kill('SIGTERM'));
  const code = await new Promise<number>((done, failed) => {
    operator.on('error', failed).on('exit', (exitCode) => done(exitCode ?? 1));
  });
  await cluster.stop();
  process.exit(code);
}

function run(command: string, args: string[]): void {
  if (!existsSync(command)) throw new Error(`${command} is missing`);
  const { status } = spawnSync(command, args, { cwd: project, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function fail(message: string): never {
  say(message);
  process.exit(1);
}
