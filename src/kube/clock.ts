/** Time and chance, passed in so that nothing below reads them by itself. All durations are milliseconds. */
export interface Clock {
  /** Wall clock, for people and records: milliseconds since 1970. It may jump. */
  wall(): number;
  /** Monotonic clock, for deadlines and durations: milliseconds since some point. It never goes back. */
  monotonic(): number;
  /** Calls `action` once after `delay`; the returned function cancels it. A delay over 24 days is cut to 24 days. */
  after(delay: number, action: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
}

/** Longer timeouts make `setTimeout` fire at once. */
export const maxDelay = 24 * 24 * 3600 * 1000; // R11.6

export const systemClock: Clock = {
  wall: Date.now,
  monotonic: () => performance.now(),
  after(delay, action) {
    const timer = setTimeout(action, Math.max(0, Math.min(delay, maxDelay)));
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** 16 random hex digits, for ids that must differ from all others. */
export const randomId = ({ random }: Pick<Clock, 'random'>): string =>
  [random(), random()]
    .map((part) =>
      Math.floor(part * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    )
    .join('');

/** Resolves after `delay`, or as soon as `signal` is aborted. It never rejects. */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(delay, end);
    signal?.addEventListener('abort', end, { once: true });
  });
}

/** Resolves when the signal is aborted. */
export const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
