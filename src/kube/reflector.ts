/**
 * Keeps a local copy of a list of objects current: list, then watch from there, for as long as the process lives.
 * client-node's informer is not used: it ends for good at the first reset, 429, 500 or failed list, ignores pages and
 * never times out (measured on 2.0.1).
 */
import { equalJitter } from './backoff.ts';
import type { Client } from './client.ts';
import { type Clock, sleep } from './clock.ts';
import { ApiError, asApiError } from './errors.ts';
import type { KubeObject } from './object.ts';

/** Where the objects go. A handler that throws makes the reflector list again. */
export interface Sink<T> {
  /** A whole list, consistent at one moment. */
  replace(objects: T[]): void;
  /** An object that was added or changed. */
  put(object: T): void;
  /** The last state of an object that is gone. */
  remove(object: T): void;
}

export type ReflectorOptions<T> = {
  client: Client;
  clock: Clock;
  /** Path of the collection, such as /api/v1/configmaps. */
  path: string;
  /** Selects what is listed and watched. */
  labelSelector?: string;
  /** Plural name, for metrics and messages. */
  resource: string;
  sink: Sink<T>;
  /** Keeps of an object only what is needed, so that the copy stays small. */
  project: (object: KubeObject) => T;
  /** Told each time that list or watch must begin again, and why; `error` is missing when the server ended the watch as agreed. */
  onRestart?: (reason: string, error?: ApiError) => void;
  /** Told when the first list is complete. */
  onSynced?: () => void;
};

const pageSize = 500;
/**
 * A watch lives this many seconds at most, then it is opened anew. This is the guard against half-open connections: one
 * that goes silent is noticed when its time is over, at the latest `watchSeconds + graceSeconds` after it was opened.
 */
const watchSeconds = 45;
const graceSeconds = 10;
const listDeadline = 60_000;
const backoff = { base: 200, cap: 4_000 };
/** What lasted longer than this many milliseconds was no part of a run of failures. */
const healthyAfter = backoff.cap;

/** The wire form of one watch event. */
type WatchEvent = { type: string; object: KubeObject & { code?: number; message?: string; reason?: string } };

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #firstSync = Promise.withResolvers<void>();
  #synced = false;
  #ended = false;
  /** The version that the copy is at; undefined: a list is needed. */
  #version: string | undefined;
  /** Ends the list, watch or wait that is under way, so that the next begins. */
  #attempt = new AbortController();
  /** Callers of `refresh` whose list has not begun yet. */
  #waiting = new Set<() => void>();

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  /** What it reflects, for people. */
  get name(): string {
    return this.#options.path;
  }

  /** Resolves when the first list is complete. */
  get firstSync(): Promise<void> {
    return this.#firstSync.promise;
  }

  /** True once the first list is complete; it stays true while the copy catches up after a fault. */
  get synced(): boolean {
    return this.#synced;
  }

  /**
   * Breaks off what is under way and lists at once, with the newest state that the server has. Resolves when a list
   * that was begun after this call is in the sink, however long the server is away, or as soon as `signal` is aborted
   * or the reflector was told to stop. It never rejects. Costs one list; calls at the same time share it.
   */
  refresh(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || this.#ended) return resolve();
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
      this.#version = undefined;
      this.#attempt.abort();
    });
  }

  /** Runs until `signal` is aborted. It never rejects, whatever the server does. */
  async run(stop: AbortSignal): Promise<void> {
    const { clock, onRestart } = this.#options;
    let failures = 0;
    const end = () => {
      this.#ended = true;
      this.#attempt.abort();
      for (const done of this.#waiting) done();
    };
    stop.addEventListener('abort', end, { once: true });
    if (stop.aborted) end();
    while (!stop.aborted) {
      this.#attempt = new AbortController();
      const { signal } = this.#attempt;
      const started = clock.monotonic();
      let retryAfter = 0;
      try {
        if (this.#version === undefined) await this.#list(signal);
        if (!signal.aborted) await this.#watch(signal);
        if (signal.aborted) continue;
        onRestart?.('ended');
        if (clock.monotonic() - started > healthyAfter) {
          failures = 0;
          continue;
        }
        // A server that ends watches at once must not make us spin.
      } catch (thrown) {
        if (signal.aborted) continue;
        const error =
          asApiError(thrown) ??
          new ApiError(`handling ${this.#options.resource}: ${thrown}`, { code: 0, cause: thrown });
        // A version that the server no longer (410), or not yet (504), knows, or an event we could not handle: list again.
        if (error.code === 410 || error.code === 504 || !asApiError(thrown)) this.#version = undefined;
        onRestart?.(reasonOf(error), error);
        // A list that succeeds proves nothing: the watch after it may fail each time.
        if (clock.monotonic() - started > healthyAfter) failures = 0;
        if (error.code === 410 && failures++ === 0) continue;
        retryAfter = error.retryAfter;
      }
      await sleep(clock, Math.max(retryAfter, equalJitter(backoff, failures++, clock.random())), signal);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, path, labelSelector, resource, sink, project, onSynced } = this.#options;
    const objects: T[] = [];
    let next: string | undefined;
    let version: string | undefined;
    const served = [...this.#waiting];
    do {
      const query = queryOf({ limit: String(pageSize), labelSelector, continue: next });
      const page = await client.request<{
        metadata: { resourceVersion: string; continue?: string };
        items: KubeObject[] | null;
      }>({
        method: 'GET',
        path: `${path}?${query}`,
        resource,
        deadline: listDeadline,
        signal,
      });
      if (signal.aborted) return;
      for (const item of page.items ?? []) objects.push(project(item));
      next = page.metadata.continue || undefined;
      version = page.metadata.resourceVersion;
    } while (next !== undefined);
    sink.replace(objects);
    this.#version = version;
    for (const done of served) done();
    if (!this.#synced) {
      this.#synced = true;
      this.#firstSync.resolve();
      onSynced?.();
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, path, labelSelector, resource, sink, project } = this.#options;
    const query = queryOf({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: String(watchSeconds),
      labelSelector,
    });
    const deadline = (watchSeconds + graceSeconds) * 1000;
    for await (const line of client.lines({ path: `${path}?${query}`, resource, deadline, signal })) {
      if (signal.aborted) return;
      const { type, object } = parseEvent(line, resource);
      if (type === 'ERROR') {
        throw new ApiError(`watch of ${resource}: ${object.message}`, {
          code: object.code ?? 500,
          reason: object.reason ?? '',
        });
      }
      if (type === 'ADDED' || type === 'MODIFIED') sink.put(project(object));
      else if (type === 'DELETED') sink.remove(project(object));
      this.#version = object.metadata.resourceVersion;
    }
  }
}

function parseEvent(line: string, resource: string): WatchEvent {
  try {
    return JSON.parse(line) as WatchEvent;
  } catch (cause) {
    throw new ApiError(`watch of ${resource}: not JSON: ${line.slice(0, 80)}`, { code: 0, reason: 'BadEvent', cause });
  }
}

const queryOf = (values: Record<string, string | undefined>): string =>
  new URLSearchParams(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString();

function reasonOf(error: ApiError): string {
  if (error.code === 0) return error.reason === 'NoAnswer' || error.reason === 'BadEvent' ? error.reason : 'Handler';
  return String(error.code);
}
