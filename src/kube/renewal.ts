/** One renewal of a lease: tries, one after the other or side by side, until one comes to an end. */
import { type Clock, sleep } from './clock.ts';
import { type ApiError, asApiError } from './errors.ts';
import type { LeaseRecord } from './lease-record.ts';

/** How a renewal ended: with the lease, without it, or because it is not wanted any more. */
export type RenewalEnd = 'renewed' | 'over' | { readonly lost: string };

export type RenewalOptions = {
  readonly record: LeaseRecord;
  readonly clock: Clock;
  /** On the monotonic clock: until when it has to succeed. */
  readonly until: number;
  /** Milliseconds between two tries of which the first was answered. */
  readonly pause: () => number;
  /** A try that has no answer after so many milliseconds gets company: its connection may be dead. */
  readonly slow: number;
  /** Why the lease is lost when `until` is over. */
  readonly tooLate: string;
  /** Aborted when nobody wants the lease any more. */
  readonly over: AbortSignal;
  /** Gives the ApiError that was thrown, and tells of it; throws what is none. */
  readonly failed: (thrown: unknown) => ApiError;
};

/**
 * One renewal. It has until `until`: a try that failed is followed by the next, and one that has no answer for a while
 * goes on beside the next. Each but the first reads the lease before it writes: the last may have landed, and counts
 * from when it was sent.
 */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #end = Promise.withResolvers<RenewalEnd>();
  /** Ends all tries. */
  readonly #tries = new AbortController();
  /** Ends the wait for `until`. */
  #cancel = () => {};

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** Renews. It rejects only for a mistake in our own code. To be called once. */
  run(): Promise<RenewalEnd> {
    const { clock, tooLate } = this.#options;
    this.#cancel = clock.after(this.#left(), () => this.#finish({ lost: tooLate }));
    this.#keepTrying().catch(this.#end.reject);
    return this.#end.promise;
  }

  #left(): number {
    return this.#options.until - this.#options.clock.monotonic();
  }

  #finish(end: RenewalEnd): void {
    this.#cancel();
    this.#tries.abort();
    this.#end.resolve(end);
  }

  async #keepTrying(): Promise<void> {
    const { clock, slow, pause, over, tooLate } = this.#options;
    const { signal } = this.#tries;
    const stop = AbortSignal.any([over, signal]);
    let conflicts = 0;
    for (let tried = 0; this.#left() > 0 && !stop.aborted; tried++) {
      const failure = await Promise.race([this.#attempt(tried === 0), sleep(clock, slow, signal)]);
      // A conflict says that someone wrote it: perhaps our own renewal whose answer was lost.
      const isAnswer = failure?.class === 'conflict' || failure?.class === 'missing';
      const wait = failure === undefined || (isAnswer && conflicts++ === 0) ? 0 : pause();
      await sleep(clock, wait, stop);
    }
    if (!signal.aborted) this.#finish(over.aborted ? 'over' : { lost: tooLate });
  }

  /** One try. Gives what it failed with. */
  async #attempt(isFirst: boolean): Promise<ApiError | undefined> {
    const { record, failed } = this.#options;
    const { signal } = this.#tries;
    const left = () => this.#left();
    try {
      const lease = isFirst ? record.held : await record.look(left(), { signal });
      const why = signal.aborted ? undefined : record.whyLost(lease);
      if (why) this.#finish({ lost: why });
      if (signal.aborted) return undefined;
      if (!record.hasLanded(lease)) await record.write(lease, left(), { fence: left, signal });
      if (!signal.aborted) this.#finish('renewed');
      return undefined;
    } catch (error) {
      if (!asApiError(error)) this.#end.reject(error);
      return signal.aborted ? undefined : failed(error);
    }
  }
}
