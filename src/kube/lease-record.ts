/** What one process knows of the lease that it wants or holds, and the requests by which it learns more. */
import type { Client, Method, Request } from './client.ts';
import type { Clock } from './clock.ts';
import { asApiError } from './errors.ts';
import { type Claim, claimed, holderInWords, holderOf, isOlder, type Lease, leases, lifeOf } from './lease.ts';
import { collectionPath, objectPath } from './paths.ts';

/** Another process waits for the lease to run out if it can't be given back within this time, in milliseconds. */
const releasePatience = 1_000;

/** What may be said of a request on the lease. */
type More = Pick<Request, 'fence' | 'signal'>;

/**
 * Two views of one lease. `seen` is for who wants it: the lease as it was read or written last, and from when on it may be
 * taken. `held` is for who has it: the lease as it was when it was known to be ours last. From `held` follows the fence:
 * until `deadline` nobody else can hold the lease, so this process may write.
 */
export class LeaseRecord {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #claim: Claim;
  /** How long the lease lasts, in milliseconds, and for how long of that its holder may write. */
  readonly duration: number;
  readonly patience: number;
  /** On the monotonic clock: until when this process may write. */
  #deadline = Number.NEGATIVE_INFINITY;
  /** `lease` is undefined when it is gone. */
  #seen: { readonly lease: Lease | undefined; readonly freeAt: number } | undefined;
  #held: Lease | undefined;
  /** How long it took to make the lease what it was when it was known to be ours last. */
  #took = 0;
  /** When the writes of late were sent, answered or not, by the renewTime that they carry. */
  readonly #sentAt = new Map<string, number>();

  constructor(client: Client, clock: Clock, claim: Claim) {
    this.#client = client;
    this.#clock = clock;
    this.#claim = claim;
    this.duration = claim.seconds * 1000;
    // As client-go's defaults: of 15 s the holder may use 10.
    this.patience = (this.duration * 2) / 3;
  }

  /** For how many milliseconds this process may still write; zero or less: not now. */
  get remaining(): number {
    return this.#deadline - this.#clock.monotonic();
  }

  /** How long the last renewal took, in milliseconds. */
  get took(): number {
    return this.#took;
  }

  /** The lease as it was when it was known to be ours last. */
  get held(): Lease | undefined {
    return this.#held;
  }

  /** The holder that was seen last, for people. */
  get holder(): string {
    return holderInWords(this.#seen?.lease);
  }

  /** True where the lease may be taken: it was given back, it ran out, or there never was one. */
  get isFree(): boolean {
    return !this.#seen || this.#clock.monotonic() >= this.#seen.freeAt;
  }

  /** From now on this process may not write. */
  close(): void {
    this.#deadline = Number.NEGATIVE_INFINITY;
  }

  /** Reads the lease; undefined where there is none. An answer that comes after `signal` was aborted changes nothing. */
  async look(limit: number, more: Pick<Request, 'signal'> = {}): Promise<Lease | undefined> {
    try {
      const lease = await this.#send('GET', limit, more);
      if (!more.signal?.aborted) this.#see(lease);
      return lease;
    } catch (error) {
      if (asApiError(error)?.class !== 'missing') throw error;
      if (!more.signal?.aborted) this.#see(undefined);
      return undefined;
    }
  }

  /** Writes the lease as ours. An answer that comes after `signal` was aborted changes nothing. */
  async write(lease: Lease | undefined, limit: number, more: More = {}): Promise<void> {
    const started = this.#clock.monotonic();
    const body = this.#ours(lease);
    const renewTime = String(body.spec?.renewTime);
    for (const [time, at] of this.#sentAt) if (at < started - this.duration) this.#sentAt.delete(time);
    // Of two that can't be told apart (the wall clock went back) the older counts.
    if (!this.#sentAt.has(renewTime)) this.#sentAt.set(renewTime, started);
    const answer = await this.#send(lease ? 'PUT' : 'POST', limit, { body, ...more });
    if (more.signal?.aborted) return;
    this.#see(answer);
    this.#hold(answer, started);
  }

  /** True where a lease that was read is what an earlier write of ours made it, whose answer was lost: then it counts. */
  hasLanded(lease: Lease | undefined): boolean {
    if (!lease || !this.#held || !isOlder(this.#held, lease)) return false;
    const landed = this.#sentAt.get(String(lease.spec?.renewTime));
    if (landed === undefined) return false;
    this.#hold(lease, landed);
    return true;
  }

  /**
   * Why a lease that was read is not ours to renew; undefined when it is. One that is gone, or of an older time, does
   * not prove that nobody held it since our last renewal: then only the fence does.
   */
  whyLost(lease: Lease | undefined): string | undefined {
    if (lease && holderOf(lease) !== this.#claim.identity) return `${holderInWords(lease) || 'nobody'} holds it now`;
    const isProof = lease && this.#held && !isOlder(lease, this.#held);
    return isProof || this.remaining > 0 ? undefined : 'it is gone, or of an older time, and another may have held it';
  }

  /** Gives the lease back, if it is still ours; true where it was. Throws an ApiError where that fails: it runs out by itself. */
  async release(): Promise<boolean> {
    this.close();
    const lease = await this.look(releasePatience);
    if (!lease || holderOf(lease) !== this.#claim.identity) return false;
    // One second: nobody need wait for a holder that is gone.
    const spec = { ...this.#ours(lease).spec, holderIdentity: '', leaseDurationSeconds: 1 };
    await this.#send('PUT', releasePatience, { body: { ...this.#ours(lease), spec } });
    return true;
  }

  /**
   * Only a renewal starts the time anew: a lease that is looked at twice, or labelled, is not fresher for that. One that
   * was deleted, or is of an older time (etcd was restored from a backup), has lost what its last holder wrote, and that
   * holder may not know yet: nobody takes it for a whole life. Who never saw a lease finds it free when it isn't there.
   */
  #see(lease: Lease | undefined): void {
    const { identity, seconds } = this.#claim;
    const now = this.#clock.monotonic();
    const seen = this.#seen;
    if (seen && JSON.stringify(seen.lease?.spec) === JSON.stringify(lease?.spec)) {
      this.#seen = { lease, freeAt: seen.freeAt };
    } else if (seen && (!lease || isOlder(lease, seen.lease))) {
      const longest = Math.max(this.duration, lifeOf(seen.lease, seconds), lifeOf(lease, seconds));
      this.#seen = { lease, freeAt: now + longest };
    } else if (lease) {
      const holder = holderOf(lease);
      this.#seen = { lease, freeAt: holder === '' || holder === identity ? now : now + lifeOf(lease, seconds) };
    }
  }

  /** The lease is ours by a write that was sent at `started`: nobody else can take it sooner than it lasts from then. */
  #hold(lease: Lease, started: number): void {
    this.#held = lease;
    this.#took = this.#clock.monotonic() - started;
    this.#deadline = started + this.patience; // R7.1
  }

  #ours(lease: Lease | undefined): Lease {
    return claimed(lease, this.#claim, this.#clock.wall());
  }

  #send(method: Method, limit: number, more: More & Pick<Request, 'body'>): Promise<Lease> {
    const path = method === 'POST' ? collectionPath(leases, this.#claim.namespace) : objectPath(leases, this.#claim);
    return this.#client.request<Lease>({
      ...{ method, path, resource: leases.plural, deadline: Math.max(1, limit) },
      ...more,
    });
  }
}
