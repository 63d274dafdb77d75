/** Electors around one lease on a virtual clock, with requests that fail, are slow, hang, or lose their answers. */
import * as assert from 'uvu/assert';
import type { Client, Request } from '../../src/kube/client.ts';
import type { Clock } from '../../src/kube/clock.ts';
import { createElector, type ElectionNews } from '../../src/kube/elector.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createVirtualClock } from './virtual-clock.ts';

export type Lease = {
  metadata: { resourceVersion: string; labels?: object };
  spec: Record<string, unknown> | null;
};

/**
 * What a request meets: an error instead of an answer, the loss of its answer, no answer and no arrival, or how many
 * milliseconds it takes there and back (a number: only back); undefined: nothing.
 */
export type Fault = ApiError | 'lost' | 'hang' | number | { readonly there: number; readonly back: number } | undefined;
type Faults = (request: Request, from: string) => Fault;

const noAnswer = (why: string) => new ApiError(why, { code: 0, reason: 'NoAnswer' });

/** Each request fails so, or those of one replica. */
export const failing =
  (code: number, who?: string): Faults =>
  (_, from) =>
    who === undefined || who === from ? new ApiError(`no: ${code}`, { code }) : undefined;

/** One API server with one lease, and a time that all share. */
export function createLeaseWorld(seed = 1) {
  const clock = createVirtualClock({ seed });
  const sent: { from: string; method: string; at: number; deadline: number; left: number | undefined }[] = [];
  const server = {
    lease: undefined as Lease | undefined,
    version: 1,
    fault: (() => undefined) as Faults,
    /** Answers come although the request was broken off: they had been read already. */
    isDeaf: false,
  };
  const store = (body: Lease): Lease => {
    server.lease = { ...body, metadata: { ...body.metadata, resourceVersion: String(++server.version) } };
    return structuredClone(server.lease);
  };

  function answer({ method, body }: Request): Lease {
    const { lease } = server;
    if (method === 'POST') {
      if (lease) throw new ApiError('it is there', { code: 409, reason: 'AlreadyExists' });
      return store(body as Lease);
    }
    if (!lease) throw new ApiError('there is none', { code: 404 });
    if (method === 'GET') return structuredClone(lease);
    const { resourceVersion } = (body as Lease).metadata;
    if (resourceVersion !== lease.metadata.resourceVersion) throw new ApiError('changed', { code: 409 });
    return store(body as Lease);
  }

  /** One request of a process with this clock: there, at the server, and back, or given up before. */
  function travel(request: Request, fault: Fault, own: Clock): Promise<Lease> {
    const { deadline = 15_000, signal } = request;
    return new Promise((resolve, reject) => {
      const give = (act: () => void) => {
        cancel();
        signal?.removeEventListener('abort', stop);
        act();
      };
      const cancel = own.after(deadline, () => give(() => reject(noAnswer('no answer'))));
      const stop = () => server.isDeaf || give(() => reject(noAnswer('stopped')));
      if (signal?.aborted) return void stop();
      signal?.addEventListener('abort', stop, { once: true });
      if (fault === 'hang') return;
      if (fault instanceof ApiError) return give(() => reject(fault));
      const { there, back } = typeof fault === 'object' ? fault : { there: 0, back: Number(fault) || 0 };
      const arrive = () => {
        let act: () => void;
        try {
          const found = answer(request);
          act = fault === 'lost' ? () => reject(noAnswer('reset')) : () => resolve(found);
        } catch (error) {
          act = () => reject(error);
        }
        if (back > 0) own.after(back, () => give(act));
        else give(act);
      };
      if (there > 0) clock.after(there, arrive);
      else arrive();
    });
  }

  /** @param rate how fast its clock runs. */
  function replica(identity: string, { seconds = 15, rate = 1 }: { seconds?: number; rate?: number } = {}) {
    const news: ElectionNews[] = [];
    const log: string[] = [];
    const lostAt: number[] = [];
    let [leading, drain, asleep] = [0, 0, false];
    const held: (() => void)[] = [];
    // As SIGSTOP: no timer runs and no answer is read, then all of them at once.
    const own: Clock = {
      ...clock,
      monotonic: () => clock.monotonic() * rate,
      after: (ms, action) => {
        let cancelled = false;
        const run = () => void (cancelled || (asleep ? held.push(run) : action()));
        const cancel = clock.after(ms / rate, run);
        return () => {
          cancelled = true;
          cancel();
        };
      },
    };
    const client: Client = {
      async request<T>(request: Request): Promise<T> {
        const { method, fence, deadline = 15_000 } = request;
        if (fence && !(fence() > 0)) throw new ApiError('not the leader', { code: 0, reason: 'NotLeader' });
        sent.push({ from: identity, method, at: clock.monotonic(), deadline, left: fence?.() });
        return (await travel(structuredCloneOf(request), server.fault(request, identity), own)) as T;
      },
      async *lines() {
        yield* [];
      },
      close: async () => {},
    };
    const elector = createElector({
      ...{ client, clock: own, identity, seconds, namespace: 'system', name: 'operator' },
      onNews: (one) => news.push(one),
    });
    const stop = new AbortController();
    const running = elector.run(stop.signal, async (term, lost) => {
      leading++;
      log.push(`leads at ${clock.monotonic()}`);
      lost.addEventListener('abort', () => lostAt.push(clock.monotonic()));
      await new Promise<void>((resolve) => term.addEventListener('abort', () => clock.after(drain, resolve)));
      log.push(`ends at ${clock.monotonic()}`);
      leading--;
      assert.is(leading, 0, 'one term at a time');
    });
    return {
      ...{ elector, news, log, lostAt, stop, running },
      leads: () => leading > 0,
      drainFor(ms: number) {
        drain = ms;
      },
      sleep() {
        asleep = true;
      },
      wake() {
        asleep = false;
        for (const run of held.splice(0)) run();
      },
      isAsleep: () => asleep,
      kinds: () => news.map(({ kind }) => kind),
    };
  }
  return { clock, sent, server, replica, holder: () => server.lease?.spec?.['holderIdentity'] };
}

/** As it is on the wire: later changes of the body don't matter. */
const structuredCloneOf = (request: Request): Request => ({ ...request, body: structuredClone(request.body) });
