/**
 * Keeps a local copy of a list of objects current: list, then watch from there, for as long as the process lives. The
 * semantics are those of client-go's reflector.
 * client-node's informer is not used: it ends for good at the first reset, 429, 500 or failed list, ignores pages and
 * never times out (measured on 2.0.1).
 */
import { type Backoff, equalJitter } from './backoff.ts';
import type { Client } from './client.ts';
import { type Clock, sleep } from './clock.ts';
import { ApiError, asApiError, fromAnswer } from './errors.ts';
import { compareResourceVersions, type KubeObject, keyOf } from './object.ts';
import { listPages } from './pages.ts';
import { withQuery } from './paths.ts';
import { isTooLargeVersion, type RestartReason, reasonOf, wasAway } from './restart.ts';
import { isEndOfInitialEvents, parseEvent } from './watch-event.ts';

/** Where the objects go. A handler that throws makes the reflector list again. */
export interface Sink<T> {
  /** A whole list, as it was at `version`. It is the truth, even if its versions are older than what was known. */
  replace(objects: T[], version: string): void;
  /** An object that was added or changed. */
  put(object: T): void;
  /** The last state of an object that is gone. */
  remove(object: T): void;
  /**
   * The copy has reached this version: that of a list, an event or a bookmark, after what it brought was handed over. What
   * was written at this version or before is in the copy, unless somebody changed it since.
   */
  seen?(version: string): void;
  /** A watch broke off: the server may be another one now, and of an older time. */
  doubted?(): void;
  /** The server turns out to be as new as the copy. So does whatever `replace` and `seen` are told of. */
  proven?(): void;
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
  /**
   * Whether a list is asked for as a stream (WatchList, KEP-3157) where the server can; else, and where it can't, it
   * comes in pages.
   */
  streaming?: boolean;
  /**
   * Told each time that list or watch must begin again, and why; `error` is missing when the server ended the watch as
   * agreed. What it throws is dropped.
   */
  onRestart?: (reason: RestartReason, error?: ApiError) => void;
  /** Told when the first list is complete. */
  onSynced?: () => void;
  /**
   * Told whenever a watch shows that it works: it brought a list, an event or a bookmark, or lasted until its agreed end.
   * A list alone does not show that: the watch may be refused each time. What it throws is dropped.
   */
  onWatching?: () => void;
  /** Times and bounds; `defaultTiming` where they are left out. */
  timing?: Partial<ReflectorTiming>;
};

/** The times and bounds of a reflector, in milliseconds unless told. */
export type ReflectorTiming = {
  /** Objects in a page of a list. */
  readonly pageSize: number;
  /** Until one page of a list is given up. */
  readonly listDeadline: number;
  /**
   * A watch lives this many seconds at most, then it is opened anew. This is the guard against half-open connections: one
   * that goes silent is noticed when its time is over, at the latest `watchSeconds + graceSeconds` after it was opened.
   */
  readonly watchSeconds: number;
  readonly graceSeconds: number;
  /** A watch that lasted for this part of its time was ended as agreed. */
  readonly enough: number;
  /** A server that comes and goes must not cause more lists than one in this time. */
  readonly awayPause: number;
  /** Nor one that ends watches early, or whatever stands in between: the last list was enough for this time. */
  readonly earlyPause: number;
  /** The wait after a failure. What lasted longer than its cap was no part of a run of failures. */
  readonly backoff: Backoff;
  /** So many attempts in a row that got nothing from the version we are at: then a list must help. */
  readonly stuckAfter: number;
};

export const defaultTiming: ReflectorTiming = {
  pageSize: 250,
  listDeadline: 45_000,
  watchSeconds: 45,
  graceSeconds: 10,
  enough: 0.9,
  awayPause: 30_000,
  earlyPause: 60_000,
  backoff: { base: 200, cap: 4_000 },
  stuckAfter: 3,
};

/** For less memory: docs/decisions/0004-lists-as-a-stream.md. */
const streamingByDefault = true;

/** Attempts that failed one after the other, and why the last attempt ended. */
type Failures = { inARow: number; last: RestartReason | undefined };
/** An attempt that came to its end by itself; without an error the watch was ended as agreed. */
type Attempt = { readonly started: number; readonly error: ApiError | undefined; readonly signal: AbortSignal };

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #firstSync = Promise.withResolvers<void>();
  #synced = false;
  #ended = false;
  /** The version that the copy is at; undefined: a list is needed. */
  #version: string | undefined;
  /** The newest version that was seen since the last list. */
  #newest: string | undefined;
  /** The next list comes as a stream, if it may. After a stream that failed it comes in pages once. */
  #streamNext = true;
  #streaming: boolean;
  /** A continue token expired: the next list comes whole. */
  #whole = false;
  /** Attempts in a row that the server answered, but with nothing of use. */
  #stuck = 0;
  /** Before the watch goes on the server has to show that it is not older than what we know. */
  #unproven = false;
  /** When a list is due because time, or the schema, may be another; and when the last such list was. On the monotonic clock. */
  #listDue: number | undefined;
  #lastDoubted = Number.NEGATIVE_INFINITY;
  #lastListed = Number.NEGATIVE_INFINITY;
  /** When the watch under way, or the last one, was opened, and for how many seconds. */
  #opened: { readonly at: number; readonly seconds: number } | undefined;
  /** When the last list, event or bookmark came, or a watch last ended as agreed. */
  #lastSign: number | undefined;
  /** Ends the list, watch or wait that is under way, so that the next begins. */
  #attempt = new AbortController();
  /** Callers of `refresh` whose list has not begun yet. */
  #waiting = new Set<() => void>();

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#streaming = options.streaming ?? streamingByDefault;
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
   * Milliseconds since the last list, event, bookmark or agreed end of a watch: how old the copy may be. Undefined before
   * the first list. While all is well it stays below a minute: no watch lasts longer.
   */
  get age(): number | undefined {
    return this.#lastSign === undefined ? undefined : this.#options.clock.monotonic() - this.#lastSign;
  }

  /**
   * Breaks off what is under way and lists at once, with the newest state that the server has. Resolves when a list
   * that was begun after this call is in the sink, however long the server is away, or as soon as `signal` is aborted
   * or the reflector was told to stop. It never rejects. Costs one list; calls at the same time share it. The sink may
   * call it.
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

  /** Runs until `stop` is aborted. It never rejects, whatever the server, the sink or a callback does (R11.2). */
  async run(stop: AbortSignal): Promise<void> {
    const end = () => {
      this.#ended = true;
      this.#attempt.abort();
      for (const done of this.#waiting) done();
    };
    stop.addEventListener('abort', end, { once: true });
    if (stop.aborted) end();
    const failures: Failures = { inARow: 0, last: undefined };
    while (!stop.aborted) {
      this.#attempt = new AbortController();
      const { signal } = this.#attempt;
      const started = this.#options.clock.monotonic();
      const error = await this.#tryOnce(signal);
      // Broken off by `refresh` or `stop`: that is no failure.
      if (!signal.aborted) await this.#learnAndWait(failures, { started, error, signal });
    }
  }

  /** Gives what it failed with. */
  async #tryOnce(signal: AbortSignal): Promise<ApiError | undefined> {
    try {
      await this.#follow(signal);
      return undefined;
    } catch (thrown) {
      const words = `handling ${this.#options.resource}: ${thrown}`;
      return asApiError(thrown) ?? new ApiError(words, { code: 0, reason: 'Handler', cause: thrown });
    }
  }

  /** Learns from an attempt that came to its end by itself, tells of it, and waits where the next one has to. */
  async #learnAndWait(failures: Failures, { started, error, signal }: Attempt): Promise<void> {
    const { clock } = this.#options;
    const { backoff } = this.#timing;
    const hasLasted = clock.monotonic() - started > backoff.cap;
    // One that ends at once may have been ended by whatever stands in between: nothing was watched.
    if (!error && hasLasted) this.#watched();
    const before = failures.last;
    const reason = error ? this.#learn(error) : 'ended';
    failures.last = reason;
    this.#doubt(reason, error);
    this.#tell(reason, error);
    // What lasted was no part of a run of failures. That a list succeeded proves nothing: the watch may fail each time.
    const isHealthy = hasLasted || (!error && this.#hasLastedAsAgreed());
    if (isHealthy) failures.inARow = 0;
    if (reason === 'Unsupported' || (!error && isHealthy)) return;
    // After a 410 list at once. If the list itself gets 410 again, wait.
    if (reason === '410' && before !== '410') return;
    // A server that ends watches at once must not make us spin either.
    const wait = equalJitter(backoff, failures.inARow++, clock.random());
    await sleep(clock, Math.max(error?.retryAfter ?? 0, wait), signal);
  }

  /** Decides from what an attempt failed with how the next one begins, and names it. */
  #learn(error: ApiError): RestartReason {
    const listing = this.#version === undefined;
    if (listing && this.#streaming && this.#streamNext) {
      // 422: the feature gate is off. 400: the server is too old to know the parameter.
      if (error.code === 400 || error.code === 422) {
        this.#streaming = false;
        return 'Unsupported';
      }
      this.#streamNext = false;
    } else if (listing) {
      this.#streamNext = true;
    }
    if (error.code > 0 || error.reason === 'BadEvent') this.#stuck++;
    // It is told now: the list that follows need not tell it again.
    if (error.reason === 'TimeWentBack') this.#newest = undefined;
    if (
      error.code === 410 ||
      isTooLargeVersion(error) ||
      error.reason === 'Handler' ||
      error.reason === 'TimeWentBack' ||
      this.#stuck >= this.#timing.stuckAfter
    ) {
      this.#version = undefined;
    }
    const isSilent = error.reason === 'NoAnswer' && this.#openFor() >= this.#deadlineOf(this.#opened?.seconds);
    return isSilent ? 'Silent' : reasonOf(error); // L1
  }

  /** For how many milliseconds the watch of this attempt has been open. */
  #openFor(): number {
    return this.#opened ? this.#options.clock.monotonic() - this.#opened.at : 0;
  }

  /** Milliseconds after which a watch that was asked for so many seconds is given up. */
  #deadlineOf(seconds = this.#timing.watchSeconds): number {
    return (seconds + this.#timing.graceSeconds) * 1000;
  }

  #hasLastedAsAgreed(): boolean {
    const { watchSeconds, enough } = this.#timing;
    return this.#openFor() >= (this.#opened?.seconds ?? watchSeconds) * 1000 * enough;
  }

  /**
   * Whether time may have gone back: etcd is restored from a backup while the API server is stopped, and the server then
   * takes a watch at a version of the future, and drops every event up to it. A server that gave no answer was away, and
   * may be another now: only a list shows what it has. One that ended a watch early may have done so because the CRD has
   * changed: it may show the same versions otherwise, which only a list shows too. One that answered or broke off was there
   * a moment ago: a probe, which costs next to nothing, has to show that it is not older than we are.
   */
  #doubt(reason: RestartReason, error?: ApiError): void {
    if (this.#version === undefined) return;
    if (!error && this.#hasLastedAsAgreed()) return;
    this.#unproven = true;
    if (!error || error.code === 0) this.#options.sink.doubted?.();
    if (reason !== 'Silent' && error && !wasAway(error)) return;
    const { awayPause, earlyPause } = this.#timing;
    const earliest = error ? this.#lastDoubted + awayPause : this.#lastListed + earlyPause;
    const due = Math.max(this.#options.clock.monotonic(), earliest);
    this.#listDue = Math.min(this.#listDue ?? due, due);
  }

  #tell(reason: RestartReason, error?: ApiError): void {
    try {
      this.#options.onRestart?.(reason, error);
    } catch {
      // There is nobody left to tell.
    }
  }

  /** The watch works. */
  #watched(): void {
    this.#lastSign = this.#options.clock.monotonic();
    try {
      this.#options.onWatching?.();
    } catch {
      // There is nobody left to tell.
    }
  }

  /** One attempt: a list if one is needed, and a watch. Returns when the server ends the watch. */
  async #follow(signal: AbortSignal): Promise<void> {
    this.#opened = undefined;
    if (this.#untilListDue() <= 0) this.#version = undefined;
    if (this.#version !== undefined && this.#unproven) await this.#prove(signal);
    if (signal.aborted) return;
    if (this.#version === undefined && !(this.#streaming && this.#streamNext)) await this.#list(signal);
    if (!signal.aborted) await this.#watch(signal);
  }

  /** In how many milliseconds a list is due because time may have gone back. */
  #untilListDue(): number {
    return (this.#listDue ?? Number.POSITIVE_INFINITY) - this.#options.clock.monotonic();
  }

  /** Asks for as little as there is of the newest state, for its version alone. */
  async #prove(signal: AbortSignal): Promise<void> {
    const { client, path, labelSelector, resource } = this.#options;
    const request = {
      method: 'GET',
      path: withQuery(path, { limit: '1', labelSelector }),
      resource,
      deadline: this.#timing.listDeadline,
      signal,
    } as const;
    const answer = await client.request<{ metadata?: { resourceVersion?: string } }>(request);
    if (signal.aborted) return;
    const version = answer.metadata?.resourceVersion;
    if (!version) throw new ApiError(`list of ${resource}: not a list`, { code: 0, reason: 'BadEvent' });
    this.#notOlder(version, 'a list');
    this.#unproven = false;
    this.#options.sink.proven?.();
  }

  /** Throws when what the server sent is older than what we know. */
  #notOlder(version: string, what: string): void {
    if (compareResourceVersions(version, this.#version ?? '') >= 0) return;
    throw wentBack(this.#options.resource, what, version, this.#version);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, path, labelSelector, resource, project } = this.#options;
    const { listDeadline: deadline } = this.#timing;
    const pageSize = this.#whole ? undefined : this.#timing.pageSize;
    const objects: T[] = [];
    let version: string | undefined;
    try {
      for await (const page of listPages(client, { path, resource, labelSelector, pageSize, deadline, signal })) {
        if (signal.aborted) return;
        version = page.version;
        for (const item of page.items) objects.push(project(item));
      }
    } catch (error) {
      // More pages than the server keeps a snapshot for: as a whole it needs none.
      if (version !== undefined && asApiError(error)?.code === 410) this.#whole = true;
      throw error;
    }
    this.#whole = false;
    if (version !== undefined) this.#replace(objects, version, signal);
  }

  #replace(objects: T[], version: string, signal: AbortSignal): void {
    const { clock, resource, sink, onSynced } = this.#options;
    if (this.#newest !== undefined && compareResourceVersions(version, this.#newest) < 0) {
      this.#tell('TimeWentBack', wentBack(resource, 'a list', version, this.#newest));
    }
    this.#newest = version;
    sink.replace(objects, version);
    sink.seen?.(version);
    // The sink may have called `refresh`: then another list is needed.
    if (signal.aborted) return;
    this.#version = version;
    if (this.#listDue !== undefined) this.#lastDoubted = clock.monotonic();
    this.#listDue = undefined;
    this.#unproven = false;
    this.#streamNext = true;
    this.#stuck = 0;
    this.#lastListed = clock.monotonic();
    this.#lastSign = this.#lastListed;
    // Whoever called since this attempt began has broken it off.
    for (const done of this.#waiting) done();
    if (!this.#synced) {
      this.#synced = true;
      this.#firstSync.resolve();
      onSynced?.();
    }
  }

  /**
   * Watches from the version that the copy is at. Without one it asks for all objects as events first, from the newest
   * state that the server has: nothing of these is seen until the bookmark that ends them.
   */
  async #watch(signal: AbortSignal): Promise<void> {
    const { client, clock, path, labelSelector, resource, project } = this.#options;
    let initial = this.#version === undefined ? new Map<string, T>() : undefined;
    // A list that is due later ends the watch then.
    const seconds = Math.max(1, Math.min(this.#timing.watchSeconds, Math.ceil(this.#untilListDue() / 1000)));
    this.#opened = { at: clock.monotonic(), seconds };
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      ...(initial
        ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
        : { resourceVersion: this.#version }),
      timeoutSeconds: String(seconds),
      labelSelector,
    };
    const deadline = this.#deadlineOf(seconds);
    const request = { path: withQuery(path, query), resource, deadline, signal };
    for await (const line of client.lines(request)) {
      if (signal.aborted) return;
      const { type, object } = parseEvent(line, resource);
      if (type === 'ERROR') throw errorOf(object, resource, clock.wall());
      if (!initial) this.#take(type, object, signal);
      else if (type === 'DELETED') initial.delete(keyOf(object));
      else if (type !== 'BOOKMARK') initial.set(keyOf(object), project(object));
      else if (isEndOfInitialEvents(object)) {
        this.#replace([...initial.values()], object.metadata.resourceVersion, signal);
        initial = undefined;
        if (!signal.aborted) this.#watched();
      }
    }
    if (initial && !signal.aborted) {
      throw new ApiError(`watch of ${resource}: ended within the list`, { code: 0, reason: 'NoAnswer' });
    }
  }

  /** Brings an event into the copy. */
  #take(type: string, object: KubeObject, signal: AbortSignal): void {
    const { sink, project } = this.#options;
    const version = object.metadata.resourceVersion;
    this.#notOlder(version, 'an event');
    if (type === 'DELETED') sink.remove(project(object));
    else if (type !== 'BOOKMARK') sink.put(project(object));
    sink.seen?.(version);
    if (signal.aborted) return;
    this.#newest = version;
    this.#version = version;
    this.#stuck = 0;
    this.#watched();
  }
}

/** What an event says that ends a watch. */
function errorOf(object: object, resource: string, now: number): ApiError {
  const { code } = object as { code?: unknown };
  const isCode = typeof code === 'number' && code >= 400;
  return fromAnswer(`watch of ${resource}`, { code: isCode ? code : 500, body: JSON.stringify(object), now });
}

/** The server's data are of an older time than what we know. */
const wentBack = (resource: string, what: string, version: string, known: string | undefined): ApiError =>
  new ApiError(`${what} of ${resource} has version ${version}, before ${known}: restored from a backup?`, {
    code: 0,
    reason: 'TimeWentBack',
  });
