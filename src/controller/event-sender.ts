/** Sends events when nothing else wants to be sent, a bounded number for each object: DESIGN section 3, rule 10. */
import { type Clock, keyOf, randomId } from '../kube/index.ts';
import type { Logger } from '../observe/logger.ts';
import type { DropCause, Metrics } from '../observe/metrics.ts';
import { onceAMinute } from '../observe/once-a-minute.ts';
import { eventFor, type Note } from './events.ts';
import type { LicenseSettings } from './objects.ts';
import type { Requests } from './requests.ts';

export type EventSenderOptions = {
  readonly requests: Pick<Requests, 'createEvent'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Names this process in events. */
  readonly instance: string;
  /** Whether something else wants to be sent: then events wait. */
  readonly isBusy: () => boolean;
};

export type EventSender = {
  /** Takes an event about this version of an object. It is sent, replaced by a later one of its reason, or dropped. */
  add(about: LicenseSettings, note: Note): void;
  /** Sends what may be sent now; to be called whenever `isBusy` may have become false. */
  pump(): void;
  /** Drops what waits: the term is over. */
  clear(): void;
};

/** Events that are sent at once, of which main.ts counts the connections. */
export const maxEventsUnderWay = 2;
/** How many may wait. Each is a few hundred bytes. */
const maxWaiting = 1_000;
/**
 * Work that never ends, as where a worker waits for a server that does not answer, must not hold events for ever: after so
 * many milliseconds without a pause one is let through, and another each second.
 */
const patience = 30_000;
const trickle = 1_000;
/** As client-go's correlator: 25 events of an object at once, then one more each 5 minutes. */
const burst = 25;
const refillEvery = 300_000;
/** Of how many objects it is remembered how many events they had; the least recent is forgotten, as in client-go. */
const rememberedObjects = 4_096;

/** An event that waits: ready to be sent, so that it holds neither the object nor a long message. */
type Waiting = { readonly key: string; readonly namespace: string; readonly event: ReturnType<typeof eventFor> };

const whyDropped: Readonly<Record<DropCause, string>> = {
  replaced: 'a later one of its reason takes its place',
  full: `${maxWaiting} wait already`,
  burst: `the object had ${burst} at once, and may have one more each ${refillEvery / 60_000} minutes`,
  term: 'this replica does not lead any more',
};

export function createEventSender({
  requests,
  clock,
  log,
  metrics,
  instance,
  isBusy,
}: EventSenderOptions): EventSender {
  /** By object and reason; in the order in which they came. */
  const waiting = new Map<string, Waiting>();
  const mayHave = budgetOfObjects(clock);
  const mayTell = onceAMinute(clock);
  let underWay = 0;
  /** While events are held: ends the wait for the next that is let through. */
  let endHold: (() => void) | undefined;

  async function send({ key, namespace, event }: Waiting): Promise<void> {
    underWay++;
    try {
      await requests.createEvent(namespace, event);
    } catch (error) {
      metrics.eventFailed();
      if (mayTell('failed')) log.warn({ key, reason: event.reason, err: error }, 'event not sent');
    }
    underWay--;
    pump();
  }

  function sendFirst(): void {
    const [first] = waiting;
    if (!first) return;
    waiting.delete(first[0]);
    void send(first[1]);
  }

  function pump(): void {
    if (isBusy()) {
      if (waiting.size > 0) endHold ??= clock.after(patience, letOneThrough);
      return;
    }
    stopHolding();
    while (waiting.size > 0 && underWay < maxEventsUnderWay) sendFirst();
  }

  function letOneThrough(): void {
    if (underWay < maxEventsUnderWay) sendFirst();
    endHold = waiting.size > 0 ? clock.after(trickle, letOneThrough) : undefined;
  }

  function stopHolding(): void {
    endHold?.();
    endHold = undefined;
  }

  function drop(key: string, reason: string, cause: DropCause): void {
    metrics.eventDropped(cause);
    if (cause !== 'replaced' && mayTell(cause)) log.warn({ key, reason, why: whyDropped[cause] }, 'event not sent');
  }

  return {
    add(about, note) {
      const { namespace, uid } = about.metadata;
      const key = keyOf(about);
      const place = `${uid}/${note.reason}`;
      if (waiting.has(place)) drop(key, note.reason, 'replaced');
      else if (waiting.size >= maxWaiting) return drop(key, note.reason, 'full');
      else if (!mayHave(uid)) return drop(key, note.reason, 'burst');
      const event = eventFor(about, note, { instance, suffix: randomId(clock), now: clock.wall() });
      waiting.set(place, { key, namespace, event });
      pump();
    },
    pump,
    clear() {
      stopHolding();
      for (const _ of waiting) metrics.eventDropped('term');
      waiting.clear();
    },
  };
}

/** A function that says whether an object, by its uid, may have one more event, and counts it. */
function budgetOfObjects({ monotonic }: Clock): (uid: string) => boolean {
  /** Tokens that an object had, and when; one that has all of them need not be here. */
  const objects = new Map<string, { readonly tokens: number; readonly at: number }>();
  return (uid) => {
    const now = monotonic();
    const known = objects.get(uid) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, known.tokens + (now - known.at) / refillEvery);
    const isAllowed = tokens >= 1;
    objects.delete(uid);
    objects.set(uid, { tokens: isAllowed ? tokens - 1 : tokens, at: now });
    const [oldest] = objects.keys();
    if (objects.size > rememberedObjects && oldest !== undefined) objects.delete(oldest);
    return isAllowed;
  };
}
