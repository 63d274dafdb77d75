/**
 * A whole cluster with one real node on this machine: the project's control plane, the scheduler, containerd with runc, and a
 * kubelet. Pods have a network of their own, so that manifests run as they are shipped.
 *
 * It differs from a node of a data centre in this:
 * - The address of the Service `kubernetes` leads to the API server through a relay in this process, instead of kube-proxy.
 *   There is no DNS: the operator asks for that address alone, which the kubelet puts into its environment.
 * - The plugin `bridge` knows nothing of NetworkPolicies: they are stored, and not enforced.
 * - The kubelet lets everybody in who reaches it: those are the API server and our own pods. It is the node itself to the API
 *   server (Node authorizer and NodeRestriction apply), by the admin's right to impersonate it.
 * - No systemd: the kubelet writes its control groups itself, below one that is the run's own.
 *
 * A file that imports this runs in namespaces of its own: see isolation.ts.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findBinaries, findContainerd } from '../controlplane/binaries.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { until } from '../operator.ts';
import { pauseImage } from './image.ts';
import { cniPlugins } from './isolation.ts';
import { prepared } from './prepared.ts';

const run = promisify(execFile);
const nodeName = 'node';
/** The first address of the control plane's range of Services, which the Service `kubernetes` has. */
const serviceAddress = '10.0.0.1';
const nodeAddress = '192.168.255.1';
const podRange = '10.244.0.0/24';
const runtime = '/run/containerd/containerd.sock';

const controllers = [
  ...['deployment-controller', 'replicaset-controller', 'disruption-controller', 'clusterrole-aggregation-controller'],
  ...['node-lifecycle-controller', 'endpointslice-controller'],
];

/** A cluster with a node that is Ready. */
export type Cluster = {
  readonly plane: ControlPlane;
  /** The end of a log of kubelet, containerd or kube-scheduler, for people. */
  tail(part: string): string;
  stop(): Promise<void>;
};

/**
 * Starts the cluster, empty but for the node.
 * Its images are those of {@link prepared}; none is fetched from anywhere.
 * @throws Error with the end of a log if a part does not come up
 */
export async function startCluster(): Promise<Cluster> {
  const { images, cgroup } = prepared();
  const { kubelet, 'kube-scheduler': scheduler } = await findBinaries(['kubelet', 'kube-scheduler']);
  const containerd = await findContainerd();
  for (const address of [serviceAddress, nodeAddress]) await run('ip', ['addr', 'add', `${address}/32`, 'dev', 'lo']);
  const plane = await startControlPlane({
    controllers,
    apiServerArgs: [
      '--authorization-mode=Node', // added to RBAC
      '--enable-admission-plugins=NodeRestriction',
      '--kubelet-preferred-address-types=InternalIP',
    ],
  });
  const children = new Map<string, ChildProcess>();
  const logOf = (part: string) => join(plane.directory, `${part}.log`);
  const tail = (part: string) => readFileSync(logOf(part), 'utf8').split('\n').slice(-30).join('\n');
  const write = (name: string, content: string) => {
    const file = join(plane.directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const start = (part: string, command: string, args: readonly string[]) => {
    const log = openSync(logOf(part), 'a');
    // containerd looks for its shim, and for runc, on the PATH.
    const env = { ...process.env, PATH: `${dirname(containerd)}:${process.env['PATH']}` };
    const child = spawn(command, args, { cwd: plane.directory, stdio: ['ignore', log, log], env });
    closeSync(log);
    children.set(part, child);
    child.on('exit', (code) => {
      if (children.delete(part)) process.stderr.write(`${part} ended unexpectedly (${code})\n${tail(part)}\n`);
    });
  };
  const relay = createServer((from) => {
    const to = connect(Number(new URL(plane.server).port), '127.0.0.1');
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
    to.on('error', () => from.destroy()).on('close', () => from.destroy());
    from.pipe(to).pipe(from);
  });
  const ctr = (...args: string[]) =>
    run(join(dirname(containerd), 'ctr'), ['--address', runtime, '--namespace', 'k8s.io', ...args]);

  const stop = async () => {
    for (const part of ['kubelet', 'kube-scheduler']) await end(children, part);
    const ids = async () => (await ctr('tasks', 'list', '--quiet')).stdout.split('\n').filter(Boolean);
    if (children.has('containerd')) {
      for (const id of await ids()) await ctr('tasks', 'kill', '--signal', 'SIGKILL', '--all', id).catch(() => {});
      // The shims take away what their tasks had mounted.
      await until('no container runs', async () => {
        for (const id of await ids()) await ctr('tasks', 'delete', '--force', id).catch(() => {});
        return (await ids()).length === 0;
      });
      await end(children, 'containerd');
    }
    relay.close();
    await plane.stop();
  };

  try {
    await new Promise<void>((resolve, reject) => {
      relay.on('error', reject).listen(443, serviceAddress, resolve);
    });
    mkdirSync(join(plane.directory, 'cni'));
    write('cni/10-pods.conflist', JSON.stringify(podNetwork));
    start('containerd', containerd, ['--config', write('containerd.toml', containerdConfig(plane.directory))]);
    const answers = () =>
      ctr('version').then(
        () => true,
        () => false,
      );
    await until('containerd answers', answers, 30_000, () => tail('containerd'));
    for (const file of images) await ctr('images', 'import', file);

    /** The admin, acting as somebody else: its kubeconfig is JSON. */
    const as = (user: string, ...groups: string[]) => {
      const config = JSON.parse(readFileSync(plane.kubeconfig, 'utf8'));
      Object.assign(config.users[0].user, { as: user, 'as-groups': ['system:authenticated', ...groups] });
      return write(`${user.replaceAll(':', '-')}.kubeconfig`, JSON.stringify(config));
    };
    start('kube-scheduler', scheduler, [
      `--kubeconfig=${as('system:kube-scheduler')}`,
      ...['--leader-elect=false', '--bind-address=127.0.0.1', '--authentication-skip-lookup=true'],
      `--cert-dir=${join(plane.directory, 'scheduler-certs')}`,
    ]);
    start('kubelet', kubelet, [
      `--kubeconfig=${as(`system:node:${nodeName}`, 'system:nodes')}`,
      `--config=${write('kubelet.json', JSON.stringify(kubeletConfig(cgroup)))}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${nodeAddress}`,
    ]);
    const ready = ['wait', '--for=condition=Ready', `node/${nodeName}`, '--timeout=5s'];
    const isReady = async () => (await plane.kubectl(ready, { allowFailure: true })).code === 0;
    await until('the node is ready', isReady, 60_000, () => tail('kubelet'));
    return { plane, tail, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const podNetwork = {
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      ...{ type: 'bridge', bridge: 'pods', isGateway: true },
      ipam: { type: 'host-local', ranges: [[{ subnet: podRange }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
  ],
};

const containerdConfig = (directory: string) => `
version = 3
root = "${directory}/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing"]
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "${pauseImage}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["${cniPlugins()}"]
  conf_dir = "${directory}/cni"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
`;

/** Everything else is the kubelet's default: a mounted ConfigMap is looked at again every minute, as in other clusters. */
const kubeletConfig = (cgroup: string) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: nodeAddress,
  healthzPort: 0,
  readOnlyPort: 0,
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  containerRuntimeEndpoint: `unix://${runtime}`,
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${cgroup}`,
  cgroupsPerQOS: true,
  enforceNodeAllocatable: [],
  localStorageCapacityIsolation: false,
  failSwapOn: false,
  failCgroupV1: false,
  oomScoreAdj: 0,
  maxOpenFiles: 20_000,
  makeIPTablesUtilChains: false,
  resolvConf: '',
});

async function end(children: Map<string, ChildProcess>, part: string): Promise<void> {
  const child = children.get(part);
  if (!child) return;
  children.delete(part);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(timer);
}
