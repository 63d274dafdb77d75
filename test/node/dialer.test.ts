/** deploy/samples/dialer.yaml on a real node: how new numbers get into running dialers. */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { until } from '../operator.ts';
import { suite } from '../suite.ts';
import { root } from './installation.ts';
import { type Cluster, startCluster } from './node.ts';

const sample = (name: string) => readFileSync(`${root}deploy/samples/${name}.yaml`, 'utf8');
let cluster: Cluster;
let plane: ControlPlane;

const test = suite('node: dialers');
test.before(async () => {
  cluster = await startCluster();
  plane = cluster.plane;
  await plane.kubectl(['apply', '--server-side', '-f', `${root}deploy/install.yaml`]);
  await plane.kubectl(['wait', '--for=condition=Established', 'crd/licensesettings.licensing.dialer.dev']);
});
test.after(async () => {
  await cluster?.stop();
});

const apply = (input: string) => plane.kubectl(['apply', '-f', '-'], { input });
const inside = async (deployment: string, script: string) => {
  const args = ['exec', '-n', 'dialer', `deployment/${deployment}`, '--', '/nodejs/bin/node', '-p', script];
  return (await plane.kubectl(args)).stdout.trim();
};
const inFile = () =>
  inside('dialer', "JSON.parse(fs.readFileSync('/etc/licenses/licenses.json')).licenses.outboundPorts.capacity");
const inEnvironment = () => inside('dialer-env', 'process.env.OUTBOUND_PORTS_CAPACITY');
/** Waits until the last word of a deployment's one pod is this. */
const says = async (app: string, what: RegExp, timeout?: number) => {
  let last = '';
  const matches = async () => {
    if ((await identity(app)).length !== 1) return false; // another one is still on its way out
    last = (await plane.kubectl(['logs', '-l', `app=${app}`, '-n', 'dialer', '--tail=1'])).stdout;
    return what.test(last);
  };
  await until(`${app} says ${what}`, matches, timeout, () => `it said: ${last}`);
};
/** The commands of the sample's comment, as arguments of kubectl. */
const told = (verb: string) =>
  [...sample('dialer').matchAll(/^# {3}kubectl (.*)$/gm)]
    .map(([, line = '']) => line.split(' '))
    .filter(([first]) => first === verb);
/** What a pod is, and how often its container was started again. */
const identity = async (app: string) => {
  const { stdout } = await plane.kubectl(['get', 'pods', '-n', 'dialer', '-l', `app=${app}`, '-o', 'json']);
  const { items } = JSON.parse(stdout) as {
    items: { metadata: { uid: string }; status: { containerStatuses: { restartCount: number }[] } }[];
  };
  return items.map(({ metadata, status }) => [metadata.uid, status.containerStatuses[0]?.restartCount]);
};

test('dialers start, as their comment says, when there are numbers, and obey them', async () => {
  await apply(sample('00-namespace'));
  await apply(sample('dialer'));
  const waiting = async () => {
    const { stdout } = await plane.kubectl(['get', 'events', '-n', 'dialer', '-o', 'json']);
    return stdout.includes('configmap \\"pom-licenses\\" not found');
  };
  await until('they wait for their numbers', waiting);
  await apply(sample('licensesettings'));
  const [wait = []] = told('wait');
  await plane.kubectl(wait, { timeoutMs: 130_000 });
  assert.is(await inFile(), '500');
  assert.is(await inEnvironment(), '500');
  await says('dialer', /^obeys .*\boutboundPorts=500\b/);
  await says('dialer-env', /^obeys .*\bOUTBOUND_PORTS_CAPACITY=500\b/);
});

test('new numbers: in the mounted file of the running pod; in the environment after a rollout', async () => {
  const before = await identity('dialer');
  assert.equal(
    before.map(([, restarts]) => restarts),
    [0],
  );
  const begun = performance.now();
  await apply(sample('licensesettings').replace('maximum: 500', 'maximum: 400'));
  // The kubelet looks at a pod again after 60 to 90 s.
  await says('dialer', /^obeys .*\boutboundPorts=400\b/, 120_000);
  console.log(`        kubectl apply to the running dialer: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  assert.is(await inFile(), '400');
  assert.equal(await identity('dialer'), before, 'the same pod, never started again');

  assert.is(await inEnvironment(), '500', 'it keeps what it was started with');
  const [restart = []] = told('rollout');
  await plane.kubectl(restart);
  await plane.kubectl(['rollout', 'status', 'deployment/dialer-env', '-n', 'dialer', '--timeout=60s'], {
    timeoutMs: 70_000,
  });
  await says('dialer-env', /^obeys .*\bOUTBOUND_PORTS_CAPACITY=400\b/);
  assert.is(await inEnvironment(), '400');
});
