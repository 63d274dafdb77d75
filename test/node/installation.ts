/** What holds for the operator on a real node, whichever way it was installed. A file that imports this has a node. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { AuditEvent } from '../controlplane/audit.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, until } from '../operator.ts';
import { suite } from '../suite.ts';
import { openImageStore, operatorImage } from './image.ts';
import { type Cluster, startCluster } from './node.ts';
import { prepared } from './prepared.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const name = 'license-settings-operator';

/** A way to install the operator, as the documentation tells it. The manifests are those that are shipped, unchanged. */
export type Way = {
  readonly name: string;
  /** Where its pods will be. */
  readonly namespace: string;
  /** A namespace that it will serve; it is there before. */
  readonly serves: string;
  install(plane: ControlPlane): Promise<void>;
  /** Wait for the liveness probe too. That takes a minute, and every way has the same Deployment: one is enough. */
  readonly liveness?: true;
};

type Pod = {
  metadata: { name: string; uid: string };
  spec: { serviceAccountName: string; containers: { livenessProbe: object; readinessProbe: object }[] };
  status: { podIP: string; containerStatuses?: { ready: boolean; restartCount: number; imageID: string }[] };
};

/** Registers the tests of one way, on a cluster of their own. */
export function testInstallation(way: Way): void {
  const test = suite(`node: ${way.name}`);
  let cluster: Cluster;
  let plane: ControlPlane;
  let desk: Desk;
  test.before(async () => {
    cluster = await startCluster();
    plane = cluster.plane;
    desk = createDesk(plane, way.serves);
    await desk.open();
  });
  test.after(async () => {
    await cluster?.stop();
  });

  const read = async (...args: string[]) => JSON.parse((await plane.kubectl([...args, '-o', 'json'])).stdout);
  const pods = async (): Promise<Pod[]> =>
    (await read('get', 'pods', '-n', way.namespace, '-l', `app.kubernetes.io/name=${name}`)).items;
  const rolledOut = () =>
    plane.kubectl(['rollout', 'status', `deployment/${name}`, '-n', way.namespace, '--timeout=60s']);
  /** Runs JavaScript in a pod's container, under what holds for the operator; gives its output. */
  const inside = async (pod: Pod, script: string) =>
    (
      await plane.kubectl(['exec', '-n', way.namespace, pod.metadata.name, '--', '/nodejs/bin/node', '-p', script])
    ).stdout.trim();
  /** The name of the pod that leads: its lease begins with it. */
  const leader = async () => {
    const { spec } = await read('get', 'lease', name, '-n', way.namespace);
    return String(spec.holderIdentity).split('_')[0] ?? '';
  };
  const byOperator = ({ user }: AuditEvent) => user.username === `system:serviceaccount:${way.namespace}:${name}`;
  const podOf = ({ user }: AuditEvent) => user.extra?.['authentication.kubernetes.io/pod-name']?.[0];

  test('from an empty cluster to a Ready LicenseSettings', async () => {
    assert.equal((await read('get', 'pods,crd,deployments', '-A')).items, [], 'there is nothing yet');
    const begun = performance.now();
    await way.install(plane);
    await rolledOut();
    const installed = performance.now();
    const sample = readFileSync(`${root}deploy/samples/licensesettings.yaml`, 'utf8');
    await plane.kubectl(['apply', '-f', '-'], {
      input: sample.replace('namespace: dialer', `namespace: ${way.serves}`),
    });
    await plane.kubectl(['wait', '--for=condition=Ready', 'lics/pom', '-n', way.serves, '--timeout=60s']);
    const seconds = (from: number) => ((performance.now() - from) / 1000).toFixed(1);
    console.log(`        installed and rolled out after ${((installed - begun) / 1000).toFixed(1)} s`);
    console.log(`        the first LicenseSettings is Ready ${seconds(installed)} s later`);
    assert.is((await desk.configMap('pom-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '500');
  });

  test('two pods run the image that the Dockerfile makes, and both are ready by their probes', async () => {
    const image = JSON.parse(
      await openImageStore(prepared().store).buildah('inspect', '--type', 'image', operatorImage),
    );
    const running = await pods();
    assert.is(running.length, 2);
    for (const { spec, status } of running) {
      assert.is(spec.serviceAccountName, name);
      const [container] = spec.containers;
      assert.ok(container?.livenessProbe && container.readinessProbe);
      assert.is(status.containerStatuses?.[0]?.ready, true);
      assert.is(status.containerStatuses?.[0]?.restartCount, 0);
      assert.is(status.containerStatuses?.[0]?.imageID, `sha256:${image.FromImageID}`);
      for (const path of ['8081/healthz', '8081/readyz', '8080/metrics']) {
        assert.is((await fetch(`http://${status.podIP}:${path}`)).status, 200, path);
      }
    }
    const { status } = await read('get', 'poddisruptionbudget', name, '-n', way.namespace);
    assert.is(status.currentHealthy, 2);
  });

  test('a pod can do no more than it is meant to: no root, no capability, no writable file, no shell', async () => {
    for (const pod of await pods()) {
      const status = await inside(pod, "fs.readFileSync('/proc/1/status', 'utf8')");
      const field = (key: string) => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1];
      // The kubelet takes the user from the image, and not its group.
      assert.match(field('Uid') ?? '', /^65532\b/);
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(field(set) ?? '', /^0+$/, set);
      assert.is(field('NoNewPrivs'), '1');
      assert.is(field('Seccomp'), '2', 'a filter of system calls');
      for (const file of ['/file', '/app/file', '/tmp', '/app/operator.js']) {
        const attempt = `try { fs.writeFileSync('${file}', '') } catch (error) { error.code }`;
        assert.is(await inside(pod, attempt), 'EROFS', file);
      }
      assert.is(await inside(pod, 'process.constrainedMemory() / 2 ** 20'), '256');
      const shell = ['exec', '-n', way.namespace, pod.metadata.name, '--', 'sh', '-c', 'true'];
      const { code, stderr } = await plane.kubectl(shell, { allowFailure: true });
      assert.is.not(code, 0);
      assert.match(stderr, /executable file not found|no such file or directory/);
    }
  });

  test('its own account wrote the ConfigMap, from the pod that leads, and nothing was refused to it', async () => {
    const events = await plane.audit().since(0, byOperator);
    const refused = events.filter(({ responseStatus }) => [401, 403].includes(responseStatus?.code ?? 0));
    assert.equal(
      refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
      [],
    );
    const writers = events.filter((event) => event.verb === 'create' && event.objectRef?.resource === 'configmaps');
    assert.equal(writers.map(podOf), [await leader()]);
  });

  const state = async () => {
    const { stdout } = await plane.kubectl(['get', 'pods,leases,events', '-n', way.namespace]);
    const previous = ['logs', '-n', way.namespace, '-l', `app.kubernetes.io/name=${name}`, '--previous', '--tail=20'];
    return stdout + (await plane.kubectl(previous, { allowFailure: true })).stdout;
  };
  /** Takes the leader away; a change that is made then is applied by another pod. Gives the name of the old one. */
  const changeWithout = async (how: string, takeAway: (leader: string) => Promise<unknown>) => {
    await rolledOut();
    const old = await leader();
    const mark = plane.audit().mark();
    const maximum = 501 + Math.floor(Math.random() * 1000);
    const begun = performance.now();
    await takeAway(old);
    // Until it hears of it, it is still the leader, and may apply a change. A lease lasts 15 s.
    await until('another pod leads', async () => !['', old].includes(await leader()), 45_000, state);
    await desk.patch('pom', { spec: { licenses: { outboundPorts: { maximum } } } });
    const live = async () =>
      (await desk.configMap('pom-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'] === String(maximum);
    await until('the change is live', live, 45_000, state);
    console.log(`        ${how}: a change is live after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    await desk.settled('pom'); // then the log of requests has it too
    const updates = await plane.audit().since(mark, (event) => byOperator(event) && event.verb === 'update');
    const writers = new Set(updates.filter(({ objectRef }) => objectRef?.resource === 'configmaps').map(podOf));
    assert.is.not(writers.size, 0);
    assert.not(writers.has(old), 'not by the one that is gone');
    return old;
  };

  // By force means without waiting, for the API server: the process still hears SIGTERM, and gives its lease back.
  test('the leader is deleted by force: the other pod applies the next change', async () => {
    await changeWithout('deleted by force', (pod) =>
      plane.kubectl(['delete', 'pod', pod, '-n', way.namespace, '--grace-period=0', '--force']),
    );
  });

  test('the leader is evicted, as by a drain: the other pod applies the next change, and may not be evicted too', async () => {
    const evict = (pod: string) =>
      desk.request('POST', `/api/v1/namespaces/${way.namespace}/pods/${pod}/eviction`, {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: pod, namespace: way.namespace },
      });
    const path = ['get', 'poddisruptionbudget', name, '-n', way.namespace];
    await rolledOut();
    await until('the budget allows one', async () => (await read(...path)).status.disruptionsAllowed === 1);
    await changeWithout('evicted', async (pod) => {
      const others = (await pods()).map(({ metadata }) => metadata.name).filter((other) => other !== pod);
      assert.is((await evict(pod)).code, 201);
      for (const other of others) assert.is((await evict(other)).code, 429, 'one at a time');
    });
  });

  if (!way.liveness) return;
  test('the leader stands still: the other pod takes over, and the liveness probe starts the old one again', async () => {
    const old = await changeWithout('frozen', async (pod) => process.kill(processOf(pod), 'SIGSTOP'));
    const restarts = async () =>
      (await pods()).find(({ metadata }) => metadata.name === old)?.status.containerStatuses?.[0];
    const begun = performance.now();
    const restarted = async () => {
      const status = await restarts();
      return status?.restartCount === 1 && status.ready;
    };
    // Three probes of up to 5 s, every 10 s; then SIGTERM, which it does not hear, and 10 s of patience.
    await until('it is started again', restarted, 90_000, () => cluster.tail('kubelet'));
    console.log(`        started again ${((performance.now() - begun) / 1000).toFixed(1)} s later`);
  });
}

/** The operator's process in a pod, as this namespace numbers it. */
function processOf(pod: string): number {
  for (const file of globSync('/proc/[0-9]*/cmdline')) {
    const folder = file.slice(0, -'/cmdline'.length);
    try {
      if (!readFileSync(file, 'utf8').includes('/app/operator.js')) continue;
      if (readFileSync(`${folder}/environ`, 'utf8').split('\0').includes(`HOSTNAME=${pod}`))
        return Number(folder.slice('/proc/'.length));
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`${pod} has no process`);
}
