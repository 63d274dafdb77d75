/**
 * A thread that changes a LicenseSettings each second, and waits until the change is live: so that what the fuzz itself costs
 * does not count as slowness of the operator. It tells the time of each.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Agent, request } from 'undici';
import { linesOf } from '../support/lines.ts';

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
 * One change, in milliseconds: how long it took from when it was saved until a watch of this thread was told of it, as the
 * operator's is; and until it was live, or no longer waited for.
 */
export type Seen = { readonly told: number; readonly live: number };

const { server, ca, token, namespace, patience } = workerData as Address;
const dispatcher = new Agent({ connect: { ca: readFileSync(ca) }, connections: 2, bodyTimeout: 0 });
const settings = `/apis/licensing.dialer.dev/v1/namespaces/${namespace}/licensesettings`;

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

/** When the watch was told of each maximum. */
const toldAt = new Map<number, number>();

/** Never ends: a watch that the API server ends begins again. */
async function watch(): Promise<never> {
  for (;;) {
    const path = `${settings}?watch=true`;
    const answer = await request(`${server}${path}`, { dispatcher, headers: { authorization: `Bearer ${token}` } });
    for await (const line of linesOf(answer.body.setEncoding('utf8'))) {
      const { object } = JSON.parse(line) as {
        object: { spec?: { licenses: { outboundPorts: { maximum: number } } } };
      };
      const maximum = object.spec?.licenses.outboundPorts.maximum ?? 0;
      if (!toldAt.has(maximum)) toldAt.set(maximum, performance.now());
    }
  }
}

async function change(maximum: number): Promise<Seen> {
  await ask('PATCH', `${settings}/neighbour`, { spec: { licenses: { outboundPorts: { minimum: 0, maximum } } } });
  const saved = performance.now();
  let live = 0;
  for (let isLive = false; !isLive && live < patience; live = performance.now() - saved) {
    const map = await ask('GET', `/api/v1/namespaces/${namespace}/configmaps/neighbour-licenses`);
    isLive = (map as { data?: Record<string, string> }).data?.['OUTBOUND_PORTS_CAPACITY'] === String(maximum);
    if (!isLive) await sleep(10);
  }
  // What was told before the answer to the request came took no time.
  const told = Math.max(0, (toldAt.get(maximum) ?? saved + live) - saved);
  toldAt.delete(maximum);
  return { told, live };
}

void watch();
for (let maximum = 1_000; ; maximum++) {
  parentPort?.postMessage(await change(maximum));
  await sleep(1_000);
}
