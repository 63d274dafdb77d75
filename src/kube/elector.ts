/**
 * Leader election on a Lease, as client-go's: whoever holds it renews it; who sees it unchanged for as long as it lasts
 * may take it. Clocks are never compared: each process measures on its own monotonic clock, the holder from before it
 * sent its renewal, the others from when they saw it. client-node has no elector.
 *
 * Two times end differently. The *fence*, which allows writes, counts from before the last renewal was sent: nobody else
 * can hold the lease before it is over. The *term* goes on while renewals succeed, however slow their answers are: one
 * that succeeds from the version that we wrote last proves that nobody held the lease in between.
 */
import type { Client, Method, Request } from './client.ts';
import { type Clock, sleep } from './clock.ts';
import { type ApiError, asApiError } from './errors.ts';
import { compareResourceVersions } from './object.ts';

/** A Lease on the wire; each field may be missing. */
type Lease = {
  metadata: { name: string; namespace: string; resourceVersion?: string };
  spec?: {
    holderIdentity?: string | null;
    leaseDurationSeconds?: number | null;
    acquireTime?: string | null;
    renewTime?: string | null;
    leaseTransitions?: number | null;
  } | null;
};

/** What the elector came to, told when it changes. */
export type ElectionNews =
  /** Someone else leads. */
  | { readonly kind: 'standby'; readonly holder: string }
  | { readonly kind: 'leading' }
  /** This process led, and may not any more. */
  | { readonly kind: 'lost'; readonly why: string }
  /** This process gave the lease back. */
  | { readonly kind: 'released' }
  /** A request on the lease failed; it is tried again. */
  | { readonly kind: 'failing'; readonly error: ApiError };

export type ElectorOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process: two that share it would both lead. */
  readonly identity: string;
  /** How long a lease lasts that isn't renewed, in whole seconds; 15 unless told. At least 3. */
  readonly seconds?: number;
  readonly onNews?: (news: ElectionNews) => void;
};

export type Elector = {
  /**
   * For how many milliseconds this process may still write: two thirds of the lease, counted from before its last
   * successful renewal was sent. Zero or less: not now. Where answers are slow it comes back with the next renewal.
   * The last third is for requests that are slow to arrive and for clocks that don't run alike.
   */
  remaining(): number;
  /**
   * Waits for the lease, calls `lead`, and waits again when it is lost, until `signal` is aborted or `lead` ends by itself.
   * `lead` is given two signals: `term` asks it to end, because of `signal` or because the lease is lost; `lost` says
   * that the lease is lost, so that what is under way need not be waited for. It must end soon after either; the next
   * term does not begin before. At the end, when nothing is written any more, the lease is given back, so that another
   * can take it at once. Never rejects, unless `lead` does.
   */
  run(signal: AbortSignal, lead: (term: AbortSignal, lost: AbortSignal) => Promise<void>): Promise<void>;
};

/** So many requests on the lease may be under way at once: a renewal that is slow to be answered, and those beside it. */
export const maxLeaseRequests = 3;

/** How a renewal ended: with the lease, without it, or because it is not wanted any more. */
type Renewal = 'renewed' | 'over' | { readonly lost: string };

export function createElector(options: ElectorOptions): Elector {
  const { client, clock, namespace, name, identity, seconds = 15, onNews = () => {} } = options;
  const duration = seconds * 1000;
  /** As client-go's defaults for 15 s: give up after 10 s, renew each 2 s. */
  const patience = (duration * 2) / 3;
  const renewEvery = (duration * 2) / 15;
  /** A renewal that has no answer after this time gets company: its connection may be dead. */
  const slow = patience / maxLeaseRequests;
  /** A standby looks more often, so that a lease that is given back is taken within a second or so. */
  const lookEvery = duration / 15;
  const tooLate = `it was not renewed within ${patience / 1000} s`;
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

  /** On the monotonic clock: until when this process may write. */
  let deadline = Number.NEGATIVE_INFINITY;
  /** The lease as it was seen last, undefined when it is gone; and from when on it may be taken. */
  let seen: { readonly lease: Lease | undefined; readonly freeAt: number } | undefined;
  /** The lease as it was when it was known to be ours last, and how long it took to make it so. */
  let held: Lease | undefined;
  let took = 0;
  /** When the writes of late were sent, answered or not, by the renewTime that they carry. */
  const sentAt = new Map<string, number>();
  let told = '';

  const remaining = () => deadline - clock.monotonic();
  const jittered = (time: number) => time * (0.9 + 0.2 * clock.random());

  function tell(news: ElectionNews): void {
    const words = news.kind === 'failing' ? `failing ${news.error.code}` : JSON.stringify(news);
    if (words === told) return;
    told = words;
    onNews(news);
  }

  /**
   * Only a renewal starts the time anew: a lease that is looked at twice, or labelled, is not fresher for that. One that
   * was deleted, or is of an older time (etcd was restored from a backup), has lost what its last holder wrote, and that
   * holder may not know yet: nobody takes it for a whole life. Who never saw a lease finds it free when it isn't there.
   */
  function see(lease: Lease | undefined): void {
    const now = clock.monotonic();
    if (seen && JSON.stringify(seen.lease?.spec) === JSON.stringify(lease?.spec)) seen = { lease, freeAt: seen.freeAt };
    else if (seen && (!lease || isOlder(lease, seen.lease))) {
      seen = { lease, freeAt: now + Math.max(duration, lifeOf(seen.lease, seconds), lifeOf(lease, seconds)) };
    } else if (lease) {
      const holder = holderOf(lease);
      seen = { lease, freeAt: holder === '' || holder === identity ? now : now + lifeOf(lease, seconds) };
    }
  }

  const send = (method: Method, limit: number, more: Pick<Request, 'body' | 'fence' | 'signal'> = {}) =>
    client.request<Lease>({
      method,
      path: method === 'POST' ? collection : `${collection}/${name}`,
      resource: 'leases',
      deadline: Math.max(1, limit),
      ...more,
    });

  /** The lease with us as its holder; what others wrote on it stays. */
  function ours(lease: Lease | undefined): Lease {
    const now = new Date(clock.wall()).toISOString().replace('Z', '000Z');
    const isOurs = lease !== undefined && holderOf(lease) === identity;
    const transitions = transitionsOf(lease);
    return {
      ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
      metadata: lease?.metadata ?? { namespace, name },
      spec: {
        ...lease?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: seconds,
        acquireTime: (isOurs && lease.spec?.acquireTime) || now,
        renewTime: now,
        leaseTransitions: isOurs || !lease ? transitions : Math.min(transitions + 1, maxInt32),
      },
    };
  }

  /** Writes the lease as ours. An answer that comes after `signal` was aborted changes nothing. */
  async function write(
    lease: Lease | undefined,
    limit: number,
    more: Pick<Request, 'fence' | 'signal'> = {},
  ): Promise<void> {
    const started = clock.monotonic();
    const body = ours(lease);
    const renewTime = String(body.spec?.renewTime);
    for (const [time, at] of sentAt) if (at < started - duration) sentAt.delete(time);
    // Of two that can't be told apart (the wall clock went back) the older counts.
    if (!sentAt.has(renewTime)) sentAt.set(renewTime, started);
    const answer = await send(lease ? 'PUT' : 'POST', limit, { body, ...more });
    if (more.signal?.aborted) return;
    see(answer);
    hold(answer, started);
  }

  /** The lease is ours by a write that was sent at `started`: nobody else can take it sooner than it lasts from then. */
  function hold(lease: Lease, started: number): void {
    held = lease;
    took = clock.monotonic() - started;
    deadline = started + patience;
  }

  /** When the write was sent that made a lease what it is; undefined if that was none of ours since it was known to be ours. */
  function landedAt(lease: Lease | undefined): number | undefined {
    if (!lease || !held || !isOlder(held, lease)) return undefined;
    return sentAt.get(String(lease.spec?.renewTime));
  }

  async function look(limit: number, more: Pick<Request, 'signal'> = {}): Promise<Lease | undefined> {
    try {
      const lease = await send('GET', limit, more);
      if (!more.signal?.aborted) see(lease);
      return lease;
    } catch (error) {
      if (asApiError(error)?.class !== 'missing') throw error;
      if (!more.signal?.aborted) see(undefined);
      return undefined;
    }
  }

  /** Resolves with true when the lease is ours, with false when `signal` was aborted before. */
  async function acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      try {
        const lease = await look(patience);
        if (signal.aborted) return false;
        if (!seen || clock.monotonic() >= seen.freeAt) {
          await write(lease, patience);
          if (remaining() > 0) return true;
        } else tell({ kind: 'standby', holder: nameOf(seen.lease) });
      } catch (error) {
        failed(error);
      }
      await sleep(clock, jittered(lookEvery), signal);
    }
    return false;
  }

  /** A conflict is part of the game: another was faster. */
  function failed(thrown: unknown): ApiError {
    const error = asApiError(thrown);
    if (!error) throw thrown;
    if (error.class !== 'conflict') tell({ kind: 'failing', error });
    return error;
  }

  /** Renews until the lease is lost, and says why; undefined when `over` was aborted before. */
  async function renew(over: AbortSignal): Promise<string | undefined> {
    for (;;) {
      const answered = clock.monotonic();
      // At once where answers are slow: so the fence is open for as long as it can be.
      await sleep(clock, Math.max(0, jittered(renewEvery) - took), over);
      if (over.aborted) return undefined;
      // After a pause of the whole process: who woke up too late must not ask for more time.
      if (clock.monotonic() >= answered + patience) return tooLate;
      const end = await renewOnce(clock.monotonic() + patience, over);
      if (end === 'over') return undefined;
      if (end !== 'renewed') return end.lost;
      tell({ kind: 'leading' });
    }
  }

  /**
   * One renewal. It has until `until`: a try that failed is followed by the next, and one that has no answer for a while
   * goes on beside the next. Each but the first reads the lease before it writes: the last may have landed, and counts
   * from when it was sent.
   */
  function renewOnce(until: number, over: AbortSignal): Promise<Renewal> {
    const { promise, resolve, reject } = Promise.withResolvers<Renewal>();
    const tries = new AbortController();
    const { signal } = tries;
    const stop = AbortSignal.any([over, signal]);
    const left = () => until - clock.monotonic();
    const end = (renewal: Renewal) => {
      cancel();
      tries.abort();
      resolve(renewal);
    };
    const cancel = clock.after(left(), () => end({ lost: tooLate }));

    /** Gives what it failed with. */
    async function attempt(isFirst: boolean): Promise<ApiError | undefined> {
      try {
        const lease = isFirst ? held : await look(left(), { signal });
        const why = signal.aborted ? undefined : whyLost(lease);
        if (why) end({ lost: why });
        if (signal.aborted) return undefined;
        const landed = landedAt(lease);
        if (lease && landed !== undefined) hold(lease, landed);
        else await write(lease, left(), { fence: left, signal });
        if (!signal.aborted) end('renewed');
        return undefined;
      } catch (error) {
        if (!asApiError(error)) reject(error);
        return signal.aborted ? undefined : failed(error);
      }
    }

    async function keepTrying(): Promise<void> {
      let conflicts = 0;
      for (let tried = 0; left() > 0 && !stop.aborted; tried++) {
        const failure = await Promise.race([attempt(tried === 0), sleep(clock, slow, signal)]);
        // A conflict says that someone wrote it: perhaps our own renewal whose answer was lost.
        const isAnswer = failure?.class === 'conflict' || failure?.class === 'missing';
        const pause = failure === undefined || (isAnswer && conflicts++ === 0) ? 0 : jittered(renewEvery);
        await sleep(clock, pause, stop);
      }
      if (!signal.aborted) end(over.aborted ? 'over' : { lost: tooLate });
    }

    keepTrying().catch(reject);
    return promise;
  }

  /**
   * Why a lease that was read is not ours to renew; undefined when it is. One that is gone, or of an older time, does
   * not prove that nobody held it since our last renewal: then only the fence does.
   */
  function whyLost(lease: Lease | undefined): string | undefined {
    if (lease && holderOf(lease) !== identity) return `${nameOf(lease) || 'nobody'} holds it now`;
    const isProof = lease && held && !isOlder(lease, held);
    return isProof || remaining() > 0 ? undefined : 'it is gone, or of an older time, and another may have held it';
  }

  /** Gives the lease back, if it is still ours. If that fails it runs out by itself. */
  async function release(): Promise<void> {
    deadline = Number.NEGATIVE_INFINITY;
    try {
      const lease = await look(releasePatience);
      if (!lease || holderOf(lease) !== identity) return;
      // One second: nobody need wait for a holder that is gone.
      const spec = { ...ours(lease).spec, holderIdentity: '', leaseDurationSeconds: 1 };
      await send('PUT', releasePatience, { body: { ...ours(lease), spec } });
      tell({ kind: 'released' });
    } catch (error) {
      failed(error);
    }
  }

  return {
    remaining,
    async run(signal, lead) {
      while (await acquire(signal)) {
        tell({ kind: 'leading' });
        const lost = new AbortController();
        const over = new AbortController();
        const term = AbortSignal.any([signal, lost.signal]);
        const leading = lead(term, lost.signal).finally(() => over.abort());
        // Awaited below, after the lease is given back.
        leading.catch(() => {});
        // Renewed for as long as there is work, also while it is finished after `signal`.
        const why = await renew(over.signal);
        if (why === undefined) {
          await release();
          return leading;
        }
        deadline = Number.NEGATIVE_INFINITY;
        tell({ kind: 'lost', why });
        lost.abort();
        await leading;
      }
    },
  };
}

/** Another process waits for the lease to run out if it can't be given back within this time, in milliseconds. */
const releasePatience = 1_000;
/** Leases that others wrote may say anything: these bounds keep them from stopping us for good. */
const maxInt32 = 2 ** 31 - 1;
const longestLease = 300;
const longestName = 256;

function holderOf({ spec }: Lease): string {
  const holder = spec?.holderIdentity;
  return typeof holder === 'string' ? holder : '';
}

/** The holder, for people: others may have put a megabyte there. */
const nameOf = (lease: Lease | undefined): string => (lease ? holderOf(lease).slice(0, longestName) : '');

/** How long a lease lasts, in milliseconds: as it says itself, if that makes sense; else as ours, of `seconds`. */
function lifeOf(lease: Lease | undefined, seconds: number): number {
  const told = Number(lease?.spec?.leaseDurationSeconds);
  return Math.min(told > 0 ? told : seconds, longestLease) * 1000;
}

/** How often a lease went to another holder. */
function transitionsOf(lease: Lease | undefined): number {
  const told = Number(lease?.spec?.leaseTransitions);
  return told > 0 ? Math.min(Math.floor(told), maxInt32) : 0;
}

/** True when `a` is of an older time than `b`. */
const isOlder = (a: Lease, b: Lease | undefined): boolean =>
  compareResourceVersions(a.metadata.resourceVersion ?? '', b?.metadata.resourceVersion ?? '') < 0;
