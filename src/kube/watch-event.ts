/** One line of a watch. */
import { ApiError } from './errors.ts';
import type { KubeObject } from './object.ts';

/** The wire form of one watch event; an ERROR has a Status as its object. */
export type WatchEvent = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'; object: KubeObject };

const eventTypes = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);

/** Reads a line of a watch of `resource`. Throws an ApiError of the reason `BadEvent` where it is no event. */
export function parseEvent(line: string, resource: string): WatchEvent {
  let event: WatchEvent | undefined;
  let cause: unknown;
  try {
    event = JSON.parse(line) as WatchEvent;
  } catch (error) {
    cause = error;
  }
  const whole = event?.type === 'ERROR' ? event.object : event?.object?.metadata?.resourceVersion;
  if (event && whole && eventTypes.has(event.type)) return event;
  const message = `watch of ${resource}: no event: ${line.slice(0, 80)}`;
  throw new ApiError(message, { code: 0, reason: 'BadEvent', cause });
}

/** Annotation of the bookmark that ends the initial events. */
const initialEventsEnd = 'k8s.io/initial-events-end';

/** True for the bookmark that comes after the last of the objects that a watch was asked to begin with (KEP-3157). */
export const isEndOfInitialEvents = ({ metadata }: KubeObject): boolean =>
  metadata.annotations?.[initialEventsEnd] === 'true';
