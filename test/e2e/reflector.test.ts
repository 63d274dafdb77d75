/** The reflector and its client against real API servers: streams, their fallback, and what breaks a watch. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { type Client, createClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { Store } from '../../src/kube/store.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { until } from '../operator.ts';
import { suite } from '../suite.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';

const path = '/api/v1/namespaces/default/configmaps';
const label = 'test=reflector';
const compaction = 5;

type Mirror = {
  store: Store<KubeObject>;
  reflector: Reflector<KubeObject>;
  restarts: string[];
  /** Requests that ended, as `verb code`. */
  requests: string[];
  /** Whole lists that came. */
  lists: () => number;
  stop(): Promise<void>;
};

let plane: ControlPlane;
let admin: Client;
let proxy: CuttingProxy;
const mirrors: Mirror[] = [];

const clientFor = (file: string, requests: string[] = []) =>
  createClient(loadKubeConfig({ file }, {}), {
    ...{ clock: systemClock, connections: 4 },
    observe: (verb, _, code) => requests.push(`${verb} ${code}`),
  });

/** A reflector of the labelled ConfigMaps, and the store that it fills. */
async function mirror(file: string): Promise<Mirror> {
  const [restarts, requests]: string[][] = [[], []];
  const client = await clientFor(file, requests);
  const store = new Store<KubeObject>();
  let lists = 0;
  const reflector = new Reflector<KubeObject>({
    ...{ client, clock: systemClock, path, resource: 'configmaps', labelSelector: label },
    project: ({ metadata }) => ({ metadata }),
    sink: {
      replace(objects, version) {
        lists++;
        store.replace(objects, version);
      },
      put: (object) => void store.put(object),
      remove: (object) => void store.remove(object),
    },
    onRestart: (reason) => restarts?.push(reason),
  });
  const abort = new AbortController();
  const running = reflector.run(abort.signal);
  const one = {
    ...{ store, reflector, lists: () => lists },
    restarts: restarts ?? [],
    requests: requests ?? [],
    async stop() {
      abort.abort();
      await running;
      await client.close();
    },
  };
  mirrors.push(one);
  await reflector.firstSync;
  return one;
}

const create = (name: string, by = admin) =>
  by.request<KubeObject>({
    ...{ method: 'POST', path, resource: 'configmaps' },
    body: { metadata: { name, labels: { test: 'reflector' } }, data: { a: 'b' } },
  });
const remove = (name: string, by = admin) =>
  by.request({ method: 'DELETE', path: `${path}/${name}`, resource: 'configmaps' });
const names = ({ store }: Mirror) => [...store.values()].map(({ metadata }) => metadata.name).sort();
/** A kubeconfig that leads through the proxy. */
function throughProxy(): string {
  const file = `${plane.kubeconfig}.proxy`;
  const text = readFileSync(plane.kubeconfig, 'utf8').replaceAll(plane.server, `https://127.0.0.1:${proxy.port}`);
  writeFileSync(file, text);
  return file;
}

const test = suite('reflector on a real API server');
test.before(async () => {
  plane = await startControlPlane({ audit: false, apiServerArgs: [`--etcd-compaction-interval=${compaction}s`] });
  admin = await clientFor(plane.kubeconfig);
  proxy = await startCuttingProxy(Number(new URL(plane.server).port));
});
test.after.each(async () => {
  await Promise.all(mirrors.splice(0).map((one) => one.stop()));
  proxy.mend();
});
test.after(async () => {
  await proxy?.close();
  await admin?.close();
  await plane?.stop();
});

test('a list comes as a stream in one request, and changes follow on it', async () => {
  for (let n = 0; n < 20; n++) await create(`stream-${n}`);
  const one = await mirror(plane.kubeconfig);
  assert.is(one.store.size, 20);
  await create('stream-new');
  await remove('stream-0');
  await until('the changes are there', async () => one.store.size === 20 && names(one).includes('stream-new'), 5_000);
  assert.not.ok(names(one).includes('stream-0'));
  assert.equal([one.requests, one.restarts, one.lists()], [[], [], 1], 'its one request is still under way');
});

test('R7.4 refresh sees what was written before it', async () => {
  const one = await mirror(plane.kubeconfig);
  for (let n = 0; n < 10; n++) {
    await create(`refresh-${n}`);
    await one.reflector.refresh(new AbortController().signal);
    assert.ok(names(one).includes(`refresh-${n}`));
  }
  assert.equal(one.restarts, []);
});

test('a server whose feature gate WatchList is off: lists come in pages', async () => {
  const other = await startControlPlane({ audit: false, apiServerArgs: ['--feature-gates=WatchList=false'] });
  const otherAdmin = await clientFor(other.kubeconfig);
  try {
    for (let n = 0; n < 300; n++) await create(`paged-${n}`, otherAdmin);
    const one = await mirror(other.kubeconfig);
    assert.is(one.store.size, 300);
    assert.equal(one.restarts, ['Unsupported']);
    assert.equal(one.requests, ['watch 422', 'get 200', 'get 200'], 'two pages');
    await create('paged-new', otherAdmin);
    await until('the change is there', async () => names(one).includes('paged-new'), 5_000);
    await one.reflector.refresh(new AbortController().signal);
    assert.equal(one.restarts, ['Unsupported'], 'it is asked for a stream once');
    await mirrors.pop()?.stop();
  } finally {
    await otherAdmin.close();
    await other.stop();
  }
});

test('R11.2 an API server that restarts: it goes on within 5 s, with one list at most', async () => {
  const one = await mirror(plane.kubeconfig);
  const before = one.lists();
  await plane.kill('kube-apiserver', 'SIGKILL');
  await until('it is missed', async () => one.restarts.length > 0, 5_000);
  await sleep(5_000);
  assert.ok(one.requests.length < 20, `${one.requests.length} requests in 5 s`);
  await plane.restart('kube-apiserver');
  const started = performance.now();
  await create('restarted');
  await until('the change is there', async () => names(one).includes('restarted'), 10_000);
  const took = performance.now() - started;
  assert.ok(took < 5_000, `${took} ms`);
  assert.ok(one.lists() - before <= 1, `${one.lists() - before} lists`);
});

test('R11.2 a server that was away, and whose history was compacted: a new list, and what went meanwhile is gone', async () => {
  await create('compacted');
  const one = await mirror(throughProxy());
  assert.ok(names(one).includes('compacted'));
  proxy.cut();
  await remove('compacted');
  for (let n = 0; n < 10; n++) await create(`compaction-${n}`);
  // What was new at one compaction is compacted at the next. Then the watch cache of a fresh server can't resume.
  await sleep((2 * compaction + 1) * 1000);
  await plane.restart('kube-apiserver');
  proxy.mend();
  await until('the new list is there', async () => names(one).includes('compaction-9'), 10_000);
  assert.not.ok(names(one).includes('compacted'));
  // It does not wait to be told 410: what was away may be another server now, so its version is not asked for again.
  assert.not.ok(one.restarts.includes('410'), `${one.restarts}`);
  assert.is(one.lists(), 2);
});

test('R11.2 a half-open connection is noticed within 60 s; on a healthy one age stays below a minute', async () => {
  const healthy = await mirror(plane.kubeconfig);
  const one = await mirror(throughProxy());
  proxy.stall();
  const started = performance.now();
  await create('unseen');
  let oldest = 0;
  await until(
    'the change is there',
    async () => {
      oldest = Math.max(oldest, healthy.reflector.age ?? Number.POSITIVE_INFINITY);
      return names(one).includes('unseen');
    },
    65_000,
  );
  const took = performance.now() - started;
  assert.ok(took > 10_000 && took < 60_000, `${took} ms`);
  assert.equal(one.restarts, ['Silent']);
  assert.ok(oldest < 60_000, `${oldest} ms`);
  assert.is(healthy.lists(), 1);
  process.stdout.write(
    `        noticed after ${(took / 1000).toFixed(1)} s; the healthy one's age was ${(oldest / 1000).toFixed(1)} s at most\n`,
  );
});
