/** Sends events (events.k8s.io/v1) when nothing else wants to be sent (R10.3), and a bounded number for each object (R10.4). */
import type { Client } from './client.ts';
import { type Clock, randomId } from './clock.ts';
import { type KubeObject, keyOf } from './object.ts';
import { collectionPath, type Resource } from './paths.ts';

/** What an event says. `note`: the API server refuses more than 1,024 bytes. */
export type Note = {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
};

/**
 * Why an event is not sent: a later one of its object and reason takes its place; too many wait; the object had more than its
 * share; the term is over.
 */
export const dropCauses = ['replaced', 'full', 'burst', 'term'] as const;
export type DropCause = (typeof dropCauses)[number];

/** An event that is not sent: its object's key, its reason, and why. */
export type Unsent = { readonly key: string; readonly reason: string } & (
  | { readonly cause: DropCause }
  | { readonly cause: 'failed'; readonly error: unknown }
);

export type EventRecorderOptions = {
  readonly client: Pick<Client, 'request'>;
  readonly clock: Clock;
  /** The kind that events are about. */
  readonly about: { readonly apiVersion: string; readonly kind: string };
  /** Names the operator, and this process of it. */
  readonly controller: string;
  readonly instance: string;
  /** Whether something else wants to be sent: then events wait. */
  readonly isBusy: () => boolean;
  readonly onUnsent?: (event: Unsent) => void;
};

export type EventRecorder = {
  /** Takes an event about this version of an object. It is sent, replaced by a later one of its reason, or dropped. */
  add(about: KubeObject, note: Note): void;
  /** Sends what may be sent now; to be called whenever `isBusy` may have become false. */
  pump(): void;
  /** Drops what waits: the term is over. */
  clear(): void;
};

const resource: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
/** Until an event is given up, in milliseconds. */
const deadline = 5_000;
/** Events that are sent at once: so many connections are taken by them. */
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
type Waiting = { readonly key: string; readonly reason: string; readonly path: string; readonly body: object };

/**
 * Events for the objects of one kind, in one term. Of an object and a reason only the last waits; an object has 25 at once,
 * then one in 5 minutes.
 */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, clock, isBusy, onUnsent = () => {} } = options;
  /** By object and reason; in the order in which they came. */
  const waiting = new Map<string, Waiting>();
  const mayHave = budgetOfObjects(clock);
  let underWay = 0;
  /** While events are held: ends the wait for the next that is let through. */
  let endHold: (() => void) | undefined;

  async function send({ key, reason, path, body }: Waiting): Promise<void> {
    underWay++;
    try {
      await client.request<unknown>({ method: 'POST', path, resource: resource.plural, body, deadline });
    } catch (error) {
      onUnsent({ key, reason, cause: 'failed', error }); // R10.2
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

  return {
    add(about, note) {
      const { namespace = '', uid } = about.metadata;
      const event = { key: keyOf(about), reason: note.reason };
      const place = `${namespace}/${uid}/${note.reason}`;
      if (waiting.has(place)) onUnsent({ ...event, cause: 'replaced' });
      else if (waiting.size >= maxWaiting) return onUnsent({ ...event, cause: 'full' });
      else if (!mayHave(`${namespace}/${uid}`)) return onUnsent({ ...event, cause: 'burst' });
      waiting.set(place, { ...event, path: collectionPath(resource, namespace), body: bodyOf(options, about, note) });
      pump();
    },
    pump,
    clear() {
      stopHolding();
      for (const { key, reason } of waiting.values()) onUnsent({ key, reason, cause: 'term' });
      waiting.clear();
    },
  };
}

/** An event times itself in microseconds; a few hex digits make its name unique. */
function bodyOf({ about, controller, instance, clock }: EventRecorderOptions, object: KubeObject, note: Note): object {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  return {
    apiVersion: `${resource.group}/${resource.version}`,
    kind: 'Event',
    metadata: { namespace, name: `${name}.${randomId(clock)}` },
    eventTime: new Date(clock.wall()).toISOString().replace('Z', '000Z'),
    reportingController: controller,
    reportingInstance: instance,
    regarding: { ...about, namespace, name, uid, resourceVersion },
    ...note,
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
