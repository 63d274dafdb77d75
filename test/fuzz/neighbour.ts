/**
 * A thread that changes a LicenseSettings each second, and waits until the change is live: so that what the fuzz itself costs
 * does not count as slowness of the operator. It tells the time of each.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Agent, request } from 'undici';

/** Where the neighbour is. */
export type Address = {
  readonly server: string;
  readonly ca: string;
  readonly token: string;
  readonly namespace: string;
  /** How long a change is waited for, in milliseconds. */
  readonly patience: number;
};

/**
 * One change, in milliseconds: how long it took from when it was saved until it was live, or no longer waited for; and the longest
 * that the API server took meanwhile for a request of this thread, which costs it next to nothing.
 */
export type Seen = { readonly live: number; readonly answer: number };

const { server, ca, token, namespace, patience } = workerData as Address;
const dispatcher = new Agent({ connect: { ca: readFileSync(ca) }, connections: 2 });

async function ask(method: 'GET' | 'PATCH', path: string, body?: object): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' };
  const answer = await request(`${server}${path}`, {
    method,
    dispatcher,
    headers,
    body: body ? JSON.stringify(body) : null,
  });
  const json = await answer.body.json();
  if (answer.statusCode < 300) return json;
  // While the CRD changes the API server may not be ready for it.
  await sleep(50);
  return ask(method, path, body);
}

/** What a request gave, and how long it took. */
async function timed(...request: Parameters<typeof ask>): Promise<[unknown, number]> {
  const started = performance.now();
  return [await ask(...request), performance.now() - started];
}

async function change(maximum: number): Promise<Seen> {
  const path = `/apis/licensing.dialer.dev/v1/namespaces/${namespace}/licensesettings/neighbour`;
  let [, answer] = await timed('PATCH', path, { spec: { licenses: { outboundPorts: { minimum: 0, maximum } } } });
  const saved = performance.now();
  let live = 0;
  for (let isLive = false; !isLive && live < patience; live = performance.now() - saved) {
    const [map, took] = await timed('GET', `/api/v1/namespaces/${namespace}/configmaps/neighbour-licenses`);
    answer = Math.max(answer, took);
    isLive = (map as { data?: Record<string, string> }).data?.['OUTBOUND_PORTS_CAPACITY'] === String(maximum);
    if (!isLive) await sleep(10);
  }
  return { live, answer };
}

for (let maximum = 1_000; ; maximum++) {
  parentPort?.postMessage(await change(maximum));
  await sleep(1_000);
}
