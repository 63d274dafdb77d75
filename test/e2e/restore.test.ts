/** etcd is restored from a backup while the operator lives on, and the cluster is soon past the version that it knew. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, install, operatorUser, serviceAccount, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';

const test = suite('restore of etcd');
/** L1: after a restore of etcd from a backup. */
const bar = 65_000;
const changes = 21;
let plane: ControlPlane;
let desk: Desk;
let proxy: CuttingProxy;

test.before(async () => {
  plane = await startControlPlane();
  await install(plane);
  desk = createDesk(plane, 'restored');
  await desk.open();
  proxy = await startCuttingProxy(Number(new URL(plane.server).port));
});
test.after(async () => {
  await proxy?.close();
  await plane?.stop();
});

const spec = (maximum: number) => ({ licenses: { outboundPorts: { minimum: 0, maximum } } });
const backup = () => join(plane.directory, 'backup');
const data = () => join(plane.directory, 'etcd');

async function stopStorage(): Promise<void> {
  await plane.kill('kube-controller-manager');
  await plane.kill('kube-apiserver');
  await plane.kill('etcd');
}

async function startStorage(): Promise<void> {
  await plane.restart('etcd');
  await plane.restart('kube-apiserver');
  await plane.restart('kube-controller-manager');
}

/** The version that the API server is at. */
async function version(): Promise<number> {
  const { json } = await desk.request('GET', '/api/v1/namespaces?limit=1');
  return Number((json as { metadata: { resourceVersion: string } }).metadata.resourceVersion);
}

/** Writes something that nobody watches until the cluster is past this version. */
async function pass(known: number): Promise<void> {
  await desk.createMap({ metadata: { name: 'busy' } });
  for (let n = 0; (await version()) <= known; n++) {
    await Promise.all([1, 2, 3, 4].map((i) => desk.patchMap('busy', { data: { n: `${n}-${i}` } }).catch(() => {})));
  }
}

test('R7.10, L1 all that was lost, changed and made since is judged within 65 s, although the old version is soon passed', async () => {
  for (const name of ['older', 'untouched', 'without']) await desk.create(name, spec(5));
  const own = await plane.serviceAccountKubeconfig(serviceAccount.namespace, serviceAccount.name);
  const kubeconfig = `${own}.proxy`;
  writeFileSync(kubeconfig, readFileSync(own, 'utf8').replaceAll(plane.server, `https://127.0.0.1:${proxy.port}`), {
    mode: 0o600,
  });
  // Without an election: a leader that was away for long lists anew in any case.
  const operator = await startOperator(plane, { kubeconfig, flags: ['--watch-namespaces', desk.namespace] });
  for (const name of ['older', 'untouched', 'without']) await desk.settled(name);

  // The backup has an object without its ConfigMap.
  proxy.cut();
  await desk.removeMap('without-licenses');
  await stopStorage();
  cpSync(data(), backup(), { recursive: true });
  await startStorage();
  proxy.mend();
  // What it does not know: a ConfigMap, a newer generation, a new object.
  await until('it is healed', async () => (await desk.configMap('without-licenses')) !== undefined);
  await desk.patch('older', { spec: spec(6) });
  await desk.create('lost', spec(7));
  for (const name of ['older', 'lost']) await desk.settled(name);
  const known = await version();

  proxy.cut();
  await stopStorage();
  rmSync(data(), { recursive: true });
  cpSync(backup(), data(), { recursive: true });
  await startStorage();
  // The watches of before are never told of these, nor of what the restore took.
  const names = Array.from({ length: changes }, (_, n) => `new-${n}`);
  await Promise.all(names.map((name) => desk.create(name, spec(8))));
  await desk.patch('untouched', { spec: spec(9) });
  await pass(known);
  const mark = plane.audit().mark();
  proxy.mend();
  const mended = performance.now();
  for (const name of [...names, 'untouched', 'older', 'without'])
    await desk.waitFor(name, 'Applied', 'True', 'Applied', bar);
  await until(
    'the ConfigMap that the backup did not have is made again',
    async () => Boolean(await desk.configMap('without-licenses')),
    bar,
  );
  const seconds = (performance.now() - mended) / 1000;
  console.log(
    `restored, and past the old version: ${changes} new objects are live after ${seconds.toFixed(1)} s (bar: 65 s)`,
  );
  assert.ok(seconds < bar / 1000);

  const ports = async (name: string) => (await desk.configMap(`${name}-licenses`))?.data?.['OUTBOUND_PORTS_MAXIMUM'];
  assert.equal(
    [await ports('older'), await ports('untouched'), await ports('new-0'), await desk.configMap('lost-licenses')],
    ['5', '9', '8', undefined],
    'what the backup has counts',
  );
  const lists = (await plane.audit().since(mark, ({ user }) => user.username === operatorUser)).filter(
    ({ requestURI = '' }) => requestURI.includes('sendInitialEvents') || /[?&]limit=250/.test(requestURI),
  );
  assert.ok(lists.length >= 2, 'both kinds are listed anew');
  assert.is(await operator.stop(), 0);
});
