/**
 * Leader election on a Lease, as client-go's: whoever holds it renews it; who sees it unchanged for as long as it lasts
 * may take it. Clocks are never compared: each process measures on its own monotonic clock, the holder from before it
 * sent its renewal, the others from when they saw it. client-node has no elector.
 */
import type { Client, Method } from './client.ts';
import { type Clock, sleep } from './clock.ts';
import { type ApiError, asApiError } from './errors.ts';

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
   * successful renewal was sent. Zero or less without the lease. The last third is for requests that are slow to arrive
   * and for clocks that don't run alike.
   */
  remaining(): number;
  /**
   * Waits for the lease, calls `lead`, and waits again when it is lost, until `signal` is aborted or `lead` ends by itself.
   * `lead` must end soon after its signal is aborted; the next term does not begin before. At the end, when nothing is
   * written any more, the lease is given back, so that another can take it at once. Never rejects, unless `lead` does.
   */
  run(signal: AbortSignal, lead: (term: AbortSignal) => Promise<void>): Promise<void>;
};

export function createElector(options: ElectorOptions): Elector {
  const { client, clock, namespace, name, identity, seconds = 15, onNews = () => {} } = options;
  const duration = seconds * 1000;
  /** As client-go's defaults for 15 s: give up after 10 s, renew each 2 s. */
  const patience = (duration * 2) / 3;
  const renewEvery = (duration * 2) / 15;
  /** A standby looks more often, so that a lease that is given back is taken within a second or so. */
  const lookEvery = duration / 15;
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

  /** On the monotonic clock: until when this process may write. */
  let deadline = Number.NEGATIVE_INFINITY;
  /** The lease as it was seen last, and when. */
  let seen: { lease: Lease; at: number } | undefined;
  let told = '';

  const remaining = () => deadline - clock.monotonic();
  const holderOf = (lease: Lease) => lease.spec?.holderIdentity ?? '';

  function tell(news: ElectionNews): void {
    const words = news.kind === 'failing' ? `failing ${news.error.code}` : JSON.stringify(news);
    if (words === told) return;
    told = words;
    onNews(news);
  }

  /** Only a renewal starts the time anew: a lease that is looked at twice, or labelled, is not fresher for that. */
  function see(lease: Lease): void {
    const same = seen && JSON.stringify(seen.lease.spec) === JSON.stringify(lease.spec);
    seen = { lease, at: same && seen ? seen.at : clock.monotonic() };
  }

  const send = (method: Method, limit: number, body?: Lease, fence?: () => number) =>
    client.request<Lease>({
      method,
      path: method === 'POST' ? collection : `${collection}/${name}`,
      resource: 'leases',
      deadline: Math.max(1, limit),
      ...(body ? { body } : {}),
      ...(fence ? { fence } : {}),
    });

  /** True when the lease is nobody's, ours, or was not renewed for as long as it lasts. */
  function isFree({ lease, at }: NonNullable<typeof seen>): boolean {
    const holder = holderOf(lease);
    if (holder === '' || holder === identity) return true;
    return clock.monotonic() >= at + (lease.spec?.leaseDurationSeconds ?? seconds) * 1000;
  }

  /** The lease with us as its holder; what others wrote on it stays. */
  function ours(lease: Lease | undefined): Lease {
    const now = new Date(clock.wall()).toISOString().replace('Z', '000Z');
    const held = lease !== undefined && holderOf(lease) === identity;
    const transitions = lease?.spec?.leaseTransitions ?? 0;
    return {
      ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
      metadata: lease?.metadata ?? { namespace, name },
      spec: {
        ...lease?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: seconds,
        acquireTime: (held && lease.spec?.acquireTime) || now,
        renewTime: now,
        leaseTransitions: held || !lease ? transitions : transitions + 1,
      },
    };
  }

  /** Writes the lease as ours. Counted from before it was sent: nobody else can take it sooner than it lasts from then. */
  async function write(lease: Lease | undefined, limit: number, fence?: () => number): Promise<void> {
    const started = clock.monotonic();
    see(await send(lease ? 'PUT' : 'POST', limit, ours(lease), fence));
    deadline = started + patience;
  }

  async function look(limit: number): Promise<Lease | undefined> {
    try {
      const lease = await send('GET', limit);
      see(lease);
      return lease;
    } catch (error) {
      if (asApiError(error)?.class !== 'missing') throw error;
      // Someone deleted it. Its holder may not know yet, so what was seen still counts.
      return undefined;
    }
  }

  /** Resolves with true when the lease is ours, with false when `signal` was aborted before. */
  async function acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      try {
        const lease = await look(patience);
        if (signal.aborted) return false;
        if (!seen || isFree(seen)) {
          await write(lease, patience);
          if (remaining() > 0) return true;
        } else tell({ kind: 'standby', holder: holderOf(seen.lease) });
      } catch (error) {
        failed(error);
      }
      await sleep(clock, lookEvery * (0.9 + 0.2 * clock.random()), signal);
    }
    return false;
  }

  /** A conflict is part of the game: another was faster. */
  function failed(thrown: unknown): void {
    const error = asApiError(thrown);
    if (!error) throw thrown;
    if (error.class !== 'conflict') tell({ kind: 'failing', error });
  }

  /** Renews until the lease is lost, and says why; undefined when `signal` was aborted before. */
  async function renew(signal: AbortSignal): Promise<string | undefined> {
    let conflicts = 0;
    while (!signal.aborted) {
      const pause = conflicts === 1 ? 0 : renewEvery * (0.9 + 0.2 * clock.random());
      await sleep(clock, Math.min(pause, remaining()), signal);
      if (signal.aborted) break;
      // Also after a pause of the whole process: who woke up too late must not ask for more time.
      if (remaining() <= 0) return `it was not renewed within ${patience / 1000} s`;
      try {
        // One request that hangs must not cost the lease.
        const limit = Math.min(remaining(), patience / 3);
        // A conflict says that someone wrote it: perhaps our own renewal whose answer was lost.
        const lease = conflicts > 0 ? await look(limit) : seen?.lease;
        if (lease && holderOf(lease) !== identity) return `${holderOf(lease) || 'nobody'} holds it now`;
        await write(lease, limit, remaining);
        conflicts = 0;
        tell({ kind: 'leading' });
      } catch (error) {
        const kind = asApiError(error)?.class;
        conflicts = kind === 'conflict' || kind === 'missing' ? conflicts + 1 : 0;
        failed(error);
      }
    }
    return undefined;
  }

  /** Gives the lease back, if it is still ours. If that fails it runs out by itself. */
  async function release(): Promise<void> {
    deadline = Number.NEGATIVE_INFINITY;
    try {
      const lease = await look(releasePatience);
      if (!lease || holderOf(lease) !== identity) return;
      // One second: nobody need wait for a holder that is gone.
      const spec = { ...ours(lease).spec, holderIdentity: '', leaseDurationSeconds: 1 };
      await send('PUT', releasePatience, { ...ours(lease), spec });
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
        const leading = lead(AbortSignal.any([signal, lost.signal])).finally(() => over.abort());
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
