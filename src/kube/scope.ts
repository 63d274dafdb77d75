/** A scope: one namespace that is watched, or all of them. Its kinds are watched together, and it is served by itself (R7.8). */
import type { Informer, InformerOptions, Watched, WatchState } from './informer.ts';
import { namespaceOf } from './object.ts';

export type Scope = {
  /** Empty: all namespaces. */
  readonly namespace: string;
  /** Keeps the copies current until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Resolves when all copies are complete, or as soon as `signal` is aborted. With `anew` only lists that were begun
   * after this call count.
   */
  listed(signal: AbortSignal, anew: boolean): Promise<void>;
  /** How its watches are. */
  watches(): WatchState[];
  /** Whether an object of this key belongs to it. */
  has(key: string): boolean;
};

/**
 * @param kinds the first is the one whose objects are reconciled. The others are listed when its first list is complete: so
 *   what is kept of them may depend on which objects there are.
 */
export function createScope(options: InformerOptions, kinds: readonly Watched[]): Scope {
  const { namespace } = options;
  const informers = kinds.map((kind) => kind.informerIn(options));
  const [first, ...others] = informers;
  return {
    namespace,
    async run(signal) {
      const runLater = async (informer: Informer) => {
        await first?.listed(signal, false);
        await informer.run(signal);
      };
      await Promise.all([first?.run(signal), ...others.map(runLater)]);
    },
    async listed(signal, anew) {
      await Promise.all(informers.map((informer) => informer.listed(signal, anew)));
    },
    watches: () => informers.map((informer) => informer.state()),
    has: (key) => namespace === '' || namespaceOf(key) === namespace,
  };
}
