/** Reads the API server's audit log: who sent which request. What a test counts, it counts here. */
import { createReadStream, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { linesOf } from '../support/lines.ts';

/** The parts of an audit.k8s.io/v1 Event that tests look at. */
export interface AuditEvent {
  readonly auditID: string;
  readonly level: 'Metadata' | 'Request' | 'RequestResponse';
  readonly stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
  readonly requestURI: string;
  readonly verb: string;
  readonly user: {
    readonly username: string;
    readonly groups?: readonly string[];
    /** Of a ServiceAccount's token among others: which pod it was issued to. */
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly uid?: string;
    readonly apiGroup?: string;
    readonly apiVersion?: string;
    readonly resourceVersion?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code: number; readonly reason?: string; readonly message?: string };
  /** Bodies are there for writes of configmaps and of the group licensing.dialer.dev. */
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  /** RFC 3339 with microseconds. */
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/**
 * Reads an audit log that the API server is still writing. The log is written before a response ends, so a request
 * whose answer has arrived is in it.
 */
export class AuditReader {
  readonly #path: string;

  /** @param path the log, JSON lines */
  constructor(path: string) {
    this.#path = path;
  }

  /** The place in the log where it ends now, in bytes; with others at work that may be amid a line. */
  mark(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /**
   * The events after a mark, in the order of the log (that of completion). One that was being written at the mark is before it.
   * @param mark from {@link mark}
   * @param filter keeps what it says yes to; better than filtering afterwards when the log is large
   * @throws Error if the log is damaged
   */
  async since(mark: number, filter: (event: AuditEvent) => boolean = () => true): Promise<AuditEvent[]> {
    const end = await this.#endOfLine();
    const events: AuditEvent[] = [];
    if (end <= mark) return events;
    // From the byte before the mark: the rest of a line, empty if the mark is between two.
    let isRest = mark > 0;
    const start = Math.max(0, mark - 1);
    for await (const line of linesOf(createReadStream(this.#path, { encoding: 'utf8', start, end: end - 1 }))) {
      if (isRest || line === '') {
        isRest = false;
        continue;
      }
      const event = JSON.parse(line) as AuditEvent;
      if (filter(event)) events.push(event);
    }
    return events;
  }

  /** The size of the log at a moment when its last line is whole. */
  async #endOfLine(): Promise<number> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const size = this.mark();
      if (size === 0) return 0;
      for await (const last of createReadStream(this.#path, { encoding: 'latin1', start: size - 1, end: size - 1 })) {
        if (last === '\n') return size;
      }
      await sleep(10);
    }
    throw new Error(`the last line of ${this.#path} stays unfinished`);
  }
}

const writeVerbs = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/**
 * The completed writes of one user, refused ones included. Events and leases are left out: they are counted apart.
 * @param username such as `system:serviceaccount:NAMESPACE:NAME`
 */
export function writes(events: readonly AuditEvent[], username: string): AuditEvent[] {
  return events.filter(
    (event) =>
      event.stage === 'ResponseComplete' &&
      event.user.username === username &&
      writeVerbs.has(event.verb) &&
      event.objectRef?.resource !== 'events' &&
      event.objectRef?.resource !== 'leases',
  );
}
