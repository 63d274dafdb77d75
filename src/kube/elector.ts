/**
 * Leader election on a Lease, as client-go's: whoever holds it renews it; who sees it unchanged for as long as it lasts
 * may take it. Clocks are never compared: each process measures on its own monotonic clock, the holder from before it
 * sent its renewal, the others from when they saw it. client-node has no elector.
 *
 * Two times end differently. The *fence*, which allows writes, counts from before the last renewal was sent: nobody else
 * can hold the lease before it is over. The *term* goes on while renewals succeed, however slow their answers are: one
 * that succeeds from the version that we wrote last proves that nobody held the lease in between (R7.2).
 */
import type { Client } from './client.ts';
import { type Clock, sleep } from './clock.ts';
import { type ApiError, asApiError } from './errors.ts';
import { LeaseRecord } from './lease-record.ts';
import { Renewal, type RenewalEnd } from './renewal.ts';

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

/** An elector for one lease. Nothing is sent before `run`. */
export function createElector(options: ElectorOptions): Elector {
  const election = new Election(options);
  return {
    remaining: () => election.record.remaining,
    run: (signal, lead) => election.run(signal, lead),
  };
}

/** Takes a lease, renews it, and gives it back: again and again. */
class Election {
  readonly record: LeaseRecord;
  readonly #clock: Clock;
  readonly #onNews: (news: ElectionNews) => void;
  /** As client-go's defaults for 15 s: renew each 2 s, give up after 10 s. */
  readonly #renewEvery: number;
  /** A standby looks more often, so that a lease that is given back is taken within a second or so. */
  readonly #lookEvery: number;
  readonly #tooLate: string;
  /** What was told last. */
  #told = '';

  constructor({ client, clock, namespace, name, identity, seconds = 15, onNews = () => {} }: ElectorOptions) {
    this.record = new LeaseRecord(client, clock, { namespace, name, identity, seconds });
    this.#clock = clock;
    this.#onNews = onNews;
    const { duration, patience } = this.record;
    this.#renewEvery = (duration * 2) / 15;
    this.#lookEvery = duration / 15;
    this.#tooLate = `it was not renewed within ${patience / 1000} s`;
  }

  /** See `Elector`. */
  async run(signal: AbortSignal, lead: (term: AbortSignal, lost: AbortSignal) => Promise<void>): Promise<void> {
    while (await this.#acquire(signal)) {
      this.#tell({ kind: 'leading' });
      const lost = new AbortController();
      const over = new AbortController();
      const term = AbortSignal.any([signal, lost.signal]);
      const leading = lead(term, lost.signal).finally(() => over.abort());
      // Awaited below, after the lease is given back.
      leading.catch(() => {});
      // Renewed for as long as there is work, also while it is finished after `signal`.
      const why = await this.#renew(over.signal);
      if (why === undefined) {
        await this.#release();
        return leading;
      }
      this.record.close();
      this.#tell({ kind: 'lost', why });
      lost.abort();
      await leading;
    }
  }

  /** Resolves with true when the lease is ours, with false when `signal` was aborted before. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { record } = this;
    while (!signal.aborted) {
      try {
        const lease = await record.look(record.patience);
        if (signal.aborted) return false;
        if (record.isFree) {
          await record.write(lease, record.patience);
          if (record.remaining > 0) return true;
        } else this.#tell({ kind: 'standby', holder: record.holder });
      } catch (error) {
        this.#failed(error);
      }
      await sleep(this.#clock, this.#jittered(this.#lookEvery), signal);
    }
    return false;
  }

  /** Renews until the lease is lost, and says why; undefined when `over` was aborted before. */
  async #renew(over: AbortSignal): Promise<string | undefined> {
    const { record } = this;
    const { patience } = record;
    for (;;) {
      const answered = this.#clock.monotonic();
      // At once where answers are slow: so the fence is open for as long as it can be.
      await sleep(this.#clock, Math.max(0, this.#jittered(this.#renewEvery) - record.took), over);
      if (over.aborted) return undefined;
      // After a pause of the whole process: who woke up too late must not ask for more time.
      if (this.#clock.monotonic() >= answered + patience) return this.#tooLate;
      const end = await this.#renewOnce(this.#clock.monotonic() + patience, over);
      if (end === 'over') return undefined;
      if (end !== 'renewed') return end.lost;
      this.#tell({ kind: 'leading' });
    }
  }

  #renewOnce(until: number, over: AbortSignal): Promise<RenewalEnd> {
    return new Renewal({
      ...{ record: this.record, clock: this.#clock, until, over, tooLate: this.#tooLate },
      pause: () => this.#jittered(this.#renewEvery),
      slow: this.record.patience / maxLeaseRequests,
      failed: (thrown) => this.#failed(thrown),
    }).run();
  }

  /** Gives the lease back, if it is still ours. If that fails it runs out by itself. */
  async #release(): Promise<void> {
    try {
      if (await this.record.release()) this.#tell({ kind: 'released' });
    } catch (error) {
      this.#failed(error);
    }
  }

  #tell(news: ElectionNews): void {
    const words = news.kind === 'failing' ? `failing ${news.error.code}` : JSON.stringify(news);
    if (words === this.#told) return;
    this.#told = words;
    this.#onNews(news);
  }

  /** A conflict is part of the game: another was faster. */
  #failed(thrown: unknown): ApiError {
    const error = asApiError(thrown);
    if (!error) throw thrown;
    if (error.class !== 'conflict') this.#tell({ kind: 'failing', error });
    return error;
  }

  #jittered(time: number): number {
    return time * (0.9 + 0.2 * this.#clock.random());
  }
}
