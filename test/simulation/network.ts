/**
 * The network between replicas and the simulated API server: a Client for each process, whose requests and watch events
 * travel for a while in each direction, and meet the faults of a schedule.
 */

import { labels } from '../../src/api/names.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError, fromAnswer, fromFailure } from '../../src/kube/errors.ts';
import {
  type Fault,
  nameOf,
  type RequestClass,
  type RequestFault,
  slowCodes,
  type TimeFault,
  timeName,
  type Verb,
  type WatchFault,
} from './faults.ts';
import type { Process, Scheduler } from './scheduler.ts';
import type { Answer, Server, Stored } from './server.ts';

type Metadata = Partial<Stored['metadata']>;

export type NetworkOptions = {
  readonly scheduler: Scheduler;
  readonly server: Server;
  readonly random: () => number;
  readonly faults: readonly Fault[];
  /** Milliseconds: no fault begins after this. */
  readonly horizon: number;
  /** Kills a process now, and starts it again after so many milliseconds. */
  readonly crash: (process: Process, restart: number) => void;
  /** Told that the store has gone back to a version. */
  readonly onRestore: (version: number) => void;
  /** Told of each request at the moment that it leaves its process. */
  readonly onSend: (
    process: Process,
    type: RequestClass | 'watch',
    request: Omit<Request, 'method'>,
    method: string,
  ) => void;
  /** Told of a request that the server did not answer, or that it could not do: 401, 429, 5xx. */
  readonly onFailure: (process: Process, request: Omit<Request, 'method'>, method: string) => void;
  /** The same, of an answer that the server gives, whether it comes back or not. */
  readonly onArrive: NetworkOptions['onAnswer'];
  /** Told of each answer that reaches its process; `sent` is when the request left it. */
  readonly onAnswer: (
    process: Process,
    request: Omit<Request, 'method'>,
    method: string,
    answer: Answer,
    sent: number,
  ) => void;
  readonly trace: ((line: string) => void) | undefined;
};

export type Network = ReturnType<typeof createNetwork>;

const defaultDeadline = 15_000;
/** A watch that has gone silent is noticed within this time, in milliseconds. */
const halfOpen = 60_000;
/**
 * So long after a watch was ended in another way than agreed, or began in another, in milliseconds, its list is read once
 * more: the next server may be another one. A list once a minute is enough, at the opening of the next watch.
 */
const doubt = 60_000 + 50_000;
/** How long a request takes in a namespace that is slow, in milliseconds. */
const slowScope = { least: 2_000, greatest: 9_000 };
/** The API server sends a bookmark so long before it ends a watch, in milliseconds. */
const bookmarkLead = 2_000;

export function createNetwork(options: NetworkOptions) {
  const { scheduler, server, random, faults, horizon, crash, onRestore, onSend, onFailure, onArrive, onAnswer, trace } =
    options;
  const counts = new Map<string, number>();
  /** By class and kind: how often a fault met something. */
  const met = new Map<string, number>();
  /** Connections with something under way; each function breaks one. */
  const open = new Set<() => void>();
  const windows = new Set<TimeFault>();
  /** Processes that read the past. */
  const pasts = new Map<Process, { readonly version: number; readonly until: number }>();
  /** While lists and watches of ConfigMaps are frozen: at which version, and for whom its lists are, too. */
  let frozen:
    | { readonly version: number; readonly until: number; readonly processes: ReadonlySet<Process> }
    | undefined;
  const connected = new Set<Process>();
  /** The change under way was given up by its sender before it landed. */
  let landsLate = false;
  /** When it was sent. */
  let landsSent: number | undefined;
  /** Requests that have still to reach the server, and processes that wait for an answer, once for each. */
  let arriving = 0;
  const waiting: Process[] = [];
  /** What no longer counts as a disturbance began to be over at this time. */
  let disturbedUntil = 0;
  /** The same, of what keeps the operator from seeing, or from saying, what is so. */
  let blindUntil = 0;
  /** Until when a Retry-After that was sent asks for patience, and when something was last refused that is tried again slowly. */
  let [patientUntil, slowAt] = [0, Number.NEGATIVE_INFINITY];
  /** Until then a list may be read once more. */
  let doubtedUntil = 0;

  const disturb = (lasts: number, isBlinding = true) => {
    disturbedUntil = Math.max(disturbedUntil, scheduler.now + lasts);
    if (isBlinding) blindUntil = Math.max(blindUntil, scheduler.now + lasts);
  };
  const note = (kind: string, lasts = 0, isBlinding = true) => {
    met.set(kind, (met.get(kind) ?? 0) + 1);
    disturb(lasts, isBlinding);
  };
  /** Most answers are quick, a few are not. Milliseconds. */
  const latency = () => 0.2 + 15 * random() ** 4;

  function drawn(key: string): Fault | undefined {
    const nth = counts.get(key) ?? 0;
    counts.set(key, nth + 1);
    if (scheduler.now > horizon) return undefined;
    return faults.find((one) => one.on !== 'time' && nthKey(one) === key && one.nth === nth);
  }

  const windowOf = <K extends TimeFault['kind']>(kind: K) =>
    [...windows].filter((one): one is Extract<TimeFault, { kind: K }> => one.kind === kind);
  const isAway = () => windowOf('outage').length > 0;
  const isCutOff = (process: Process) => windowOf('partition').some(({ replica }) => replicaOf(process) === replica);

  /**
   * The version that a process lists and watches at, if that is not the newest, and until when: its API server's cache has
   * fallen behind. A GET is answered from a quorum. So is the first list of a process: nothing that it writes from an older
   * one need conflict. Nothing is excused but time.
   */
  const pastOf = (process: Process, resource: string) => {
    const past = pasts.get(process);
    return past ?? (resource === 'configmaps' && frozen?.processes.has(process) ? frozen : undefined);
  };
  const versionFor = (process: Process, resource: string): number | undefined => {
    const past = pastOf(process, resource);
    if (!past) return undefined;
    if (past === frozen) noteFrozen();
    else note('past');
    return Math.max(past.version, server.oldest);
  };

  /** What befalls the namespace that a request is for. */
  const scopeOf = (path: string) =>
    windowOf('scope').find(({ namespace }) => path.includes(`/namespaces/${namespace}/`));
  /** How much longer a request takes where all are slow, there and back. */
  function slowness(path: string): number {
    const scope = scopeOf(path);
    const speed = scope?.how === 'slow' ? slowScope : windowOf('slow')[0];
    if (scope?.how === 'slow' && !isLasting(scope)) note(timeName(scope));
    return speed ? speed.least + random() * (speed.greatest - speed.least) : 0;
  }

  /** The answer that a fault gives in place of the server, if one does. 0: none ever. */
  function refusal(type: RequestClass | 'watch', request: { path: string; body?: unknown }, method: string) {
    const refused = windowOf('refuse').find((one) => one.class === type);
    if (refused) return refused;
    const isOfMaps = /\/configmaps(?:[/?]|$)/.test(request.path);
    const reads = windowOf('reads').find(({ how }) => how === 'refused');
    if (reads && isOfMaps && (type === 'list' || type === 'watch')) {
      isDoubted();
      return { ...reads, code: 403 };
    }
    const verb = type === 'status' ? 'status' : isOfMaps && type !== 'list' && type !== 'watch' ? verbs[method] : '';
    const forbidden = windowOf('verb').find((one) => one.verb === verb);
    if (forbidden) return forbidden;
    const scope = scopeOf(request.path);
    if (scope && scope.how !== 'slow') return { ...scope, code: 403 };
    if (type !== 'configmap' || method === 'GET') return undefined;
    const [, namespace = '', name = ''] = /namespaces\/([^/]+)\/configmaps\/?([^/?]*)/.exec(request.path) ?? [];
    const object = (request.body as { metadata?: Metadata } | undefined)?.metadata ?? {};
    const label = (object.labels ?? server.get('configmaps', namespace, name)?.metadata.labels)?.[labels.settings];
    return windowOf('poison').find((one) => label === one.object);
  }

  /** What a fault does to the server itself when it begins. */
  function takeEffect(fault: TimeFault): void {
    if (fault.kind === 'scope' && fault.how === 'gone') server.empty(fault.namespace);
    if (fault.kind === 'reads' && fault.how === 'frozen')
      frozen = { version: server.version, until: scheduler.now + fault.for, processes: new Set(connected) };
    if (fault.kind !== 'quota') return;
    const there = server.all('configmaps', fault.namespace).length;
    server.admission.limit(fault.namespace, there + fault.spare);
  }

  /** Restores, at a time, what was stored so long before: nobody may notice before a watch would have gone silent. */
  function restore(at: number, age: number): void {
    let backup = server.backUp();
    scheduler.after(Math.max(0, at - age), () => {
      backup = server.backUp();
    });
    scheduler.after(at, () => {
      trace?.(`fault: the store goes back from ${server.version} to ${backup.version}`);
      server.restore(backup);
      pasts.clear();
      note('restore', halfOpen);
      onRestore(backup.version);
      for (const sever of [...open]) sever();
    });
  }

  /** Begins the faults of this schedule that have a time. */
  function start(processOf: (replica: number) => Process | undefined): void {
    for (const one of faults) {
      if (one.on !== 'time' || one.at > horizon) continue;
      if (one.fault.kind === 'restore') {
        restore(one.at, one.fault.age);
        continue;
      }
      scheduler.after(one.at, () => {
        const { fault } = one;
        trace?.(`fault: ${JSON.stringify(fault)}`);
        const lasts = 'for' in fault ? fault.for : 'restart' in fault ? fault.restart : 0;
        // These have met something when something was asked for.
        if (['refuse', 'poison', 'past', 'scope', 'verb', 'reads'].includes(fault.kind))
          disturb(lasts, isBlinding(fault));
        else note(nameOf(one), lasts);
        const process = 'replica' in fault ? processOf(fault.replica) : undefined;
        switch (fault.kind) {
          case 'compact':
            return server.compact();
          case 'crash':
            return process && crash(process, fault.restart);
          case 'wall':
            return process?.stepWall(fault.by);
          case 'pause':
            process?.pause();
            if (process) scheduler.after(fault.for, () => process.resume());
            return;
          case 'past': {
            const process = processOf(fault.replica);
            if (!process) return;
            pasts.set(process, {
              version: Math.max(server.oldest, server.version - fault.revisions),
              until: scheduler.now + fault.for,
            });
            scheduler.after(fault.for, () => pasts.delete(process));
            return;
          }
          case 'restore':
            return;
          default:
            windows.add(fault);
            takeEffect(fault);
            scheduler.after(fault.for, () => {
              windows.delete(fault);
              if (fault.kind === 'reads') frozen = undefined;
              trace?.(`over: ${JSON.stringify(fault)}`);
            });
            if (fault.kind === 'outage') for (const sever of [...open]) sever();
        }
      });
    }
  }

  /** A client for one process. */
  function connect(process: Process): Client {
    connected.add(process);
    /**
     * The way of one request to the server and back. `arrive` is what the server makes of it; `deliver` and `fail` are
     * called in the process.
     */
    function travel<T>(
      request: Omit<Request, 'method'> & { method: string },
      type: RequestClass | 'watch',
      fault: RequestFault | undefined,
      arrive: () => T,
      deliver: (answer: T) => void,
      fail: (error: ApiError) => void,
    ): void {
      const what = `${request.method} ${request.path.split('?')[0]}`;
      const reset = (after = latency()) => {
        open.delete(sever);
        scheduler.after(after, () => fail(fromFailure(what, new Error('read ECONNRESET'))), process);
      };
      let severed = false;
      const sever = () => {
        severed = true;
        reset();
      };
      if (fault) {
        trace?.(`${process.name} meets ${JSON.stringify(fault)}: ${what}`);
        const deadline = request.deadline ?? defaultDeadline;
        note(`${type} ${fault.kind}`, lastsOf(fault, deadline));
      }
      const slow = slowness(request.path);
      const isTroubled = fault !== undefined || slow > 0 || isAway() || isCutOff(process);
      if (isTroubled && (type === 'watch' || type === 'list')) isDoubted();
      if (isAway() || fault?.kind === 'lost') {
        reset(fault?.kind === 'lost' ? fault.after : undefined);
        return;
      }
      if (isCutOff(process)) {
        disturb(request.deadline ?? defaultDeadline);
        return;
      }
      if (fault?.kind === 'hang' && !fault.arrives) return;
      if (fault?.kind === 'crash') {
        scheduler.after(0, () => crash(process, fault.restart));
        if (!fault.arrives) return;
      }
      open.add(sever);
      const there = latency() + slow / 2 + (fault?.kind === 'slow' ? fault.there : 0);
      arriving++;
      scheduler.after(there, () => {
        arriving--;
        if (severed) return;
        const back = latency() + slow / 2 + (fault?.kind === 'slow' ? fault.back : 0);
        const refused = fault?.kind === 'status' ? fault : refusal(type, request, request.method);
        if (refused) {
          // What concerns one object for as long as it takes is no fault that ends, and makes no other slow: L2.
          const isPoison = 'for' in refused && isLasting(refused);
          if ('for' in refused && !isPoison) note(timeName(refused), 0, isBlinding(refused));
          if (refused.code === 0) {
            if (!isPoison) disturb(request.deadline ?? defaultDeadline);
            return open.delete(sever);
          }
          if (slowCodes.includes(refused.code) && !isPoison) slowAt = scheduler.now;
          const after = 'retryAfter' in refused ? refused.retryAfter : undefined;
          // It counts from when it is read.
          if (after !== undefined) patientUntil = Math.max(patientUntil, scheduler.now + back + after * 1000);
          const headers = after === undefined ? {} : { 'retry-after': String(after) };
          const error = fromAnswer(what, {
            ...{ code: refused.code, body: textOf(refused.code), headers, now: scheduler.wall() },
          });
          trace?.(`${process.name} is refused ${refused.code}: ${what}`);
          return scheduler.after(back, () => !severed && open.delete(sever) && fail(error), process);
        }
        const answer = arrive();
        if (fault?.kind === 'hang') return open.delete(sever);
        if (fault?.kind === 'answerLost') return reset(fault.after);
        if (fault?.kind === 'truncated') {
          open.delete(sever);
          const cut = new SyntaxError('Unexpected end of JSON input');
          return scheduler.after(back, () => fail(fromFailure(what, cut)), process);
        }
        return scheduler.after(
          back,
          () => {
            if (severed) return;
            open.delete(sever);
            if (isCutOff(process)) disturb(request.deadline ?? defaultDeadline);
            else deliver(answer);
          },
          process,
        );
      });
    }

    return {
      request<T>(request: Request): Promise<T> {
        const what = `${request.method} ${request.path.split('?')[0]}`;
        return new Promise((resolve, reject) => {
          const type = classOf(request);
          const { clock } = process;
          if (request.signal?.aborted) return reject(fromFailure(what, new Error('stopped')));
          const left = request.fence?.() ?? Number.POSITIVE_INFINITY;
          if (!(left > 0))
            return reject(new ApiError(`${what}: not sent: no longer the leader`, { code: 0, reason: 'NotLeader' }));
          const limit = request.deadline ?? defaultDeadline;
          let ended = false;
          const finish = (act: () => void) => {
            if (ended) return;
            ended = true;
            waiting.splice(waiting.indexOf(process), 1);
            cancel();
            request.signal?.removeEventListener('abort', stop);
            act();
          };
          const fail = (error: ApiError) =>
            finish(() => {
              if (error.class === 'retry') onFailure(process, request, request.method);
              reject(error);
            });
          const cancel = clock.after(limit, () =>
            fail(fromFailure(what, new Error(`no complete answer within ${limit} ms`))),
          );
          const stop = () => fail(fromFailure(what, new Error('stopped')));
          request.signal?.addEventListener('abort', stop, { once: true });
          waiting.push(process);
          const fault = drawn(type);
          const sent = scheduler.now;
          onSend(process, type, request, request.method);
          // As it is on the wire: later changes of it don't matter, and what is undefined is not there.
          const body = request.body === undefined ? undefined : (JSON.parse(JSON.stringify(request.body)) as unknown);
          travel<Answer>(
            request,
            type,
            fault?.on === 'request' ? fault.fault : undefined,
            () => {
              landsLate = ended;
              landsSent = sent;
              const answer = server.handle(
                { method: request.method, path: request.path, body },
                process.name,
                type === 'list' ? versionFor(process, request.resource) : undefined,
              );
              landsLate = false;
              landsSent = undefined;
              onArrive(process, request, request.method, answer, sent);
              trace?.(
                `${process.name} ${request.method} ${request.path} -> ${answer.code} ${describe(answer)}${process.alive ? '' : ' (dead)'}`,
              );
              return answer;
            },
            (answer) =>
              finish(() => {
                onAnswer(process, request, request.method, answer, sent);
                if (answer.code < 300) resolve(answer.body as T);
                else
                  reject(
                    fromAnswer(what, { code: answer.code, body: JSON.stringify(answer.body), now: scheduler.wall() }),
                  );
              }),
            fail,
          );
        });
      },

      async *lines(request) {
        const what = `GET ${request.path.split('?')[0]}`;
        const { clock } = process;
        const waiting: (string | ApiError | undefined)[] = [];
        let wake = () => {};
        let close = () => {};
        let closed = false;
        const arrive = (item: string | ApiError | undefined) => {
          if (closed) return;
          waiting.push(item);
          wake();
        };
        const limit = request.deadline ?? defaultDeadline;
        const cancel = clock.after(limit, () =>
          arrive(fromFailure(what, new Error(`no complete answer within ${limit} ms`))),
        );
        const stop = () => arrive(fromFailure(what, new Error('stopped')));
        request.signal?.addEventListener('abort', stop, { once: true });
        if (request.signal?.aborted) stop();
        const fault = drawn(`watch ${request.resource}`);
        onSend(process, 'watch', request, 'GET');
        const watchFault = fault?.on === 'watch' ? fault.fault : undefined;
        // A list that comes as a stream meets what is drawn for lists, too.
        const isList = request.path.includes('sendInitialEvents=true');
        const listFault = isList ? drawn('list') : undefined;
        const failsAtOnce = listFault?.on === 'request' ? listFault.fault : undefined;
        travel<Answer | undefined>(
          { ...request, method: 'GET' },
          isList && (failsAtOnce || watchFault?.kind !== 'status') ? 'list' : 'watch',
          // Where nobody answers nothing is streamed either.
          failsAtOnce?.kind === 'hang'
            ? { ...failsAtOnce, arrives: false }
            : (failsAtOnce ?? (watchFault?.kind === 'status' ? watchFault : undefined)),
          () => {
            const answer = stream(
              process,
              request,
              watchFault?.kind === 'status' ? undefined : watchFault,
              arrive,
              (end) => {
                close = end;
              },
            );
            trace?.(`${process.name} watches ${request.path}${answer ? ` -> ${answer.code}` : ''}`);
            return answer;
          },
          (answer) => {
            if (answer)
              arrive(fromAnswer(what, { code: answer.code, body: JSON.stringify(answer.body), now: scheduler.wall() }));
          },
          arrive,
        );
        try {
          for (;;) {
            while (waiting.length > 0) {
              const item = waiting.shift();
              if (item === undefined) return;
              if (typeof item !== 'string') throw item;
              yield item;
            }
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        } finally {
          closed = true;
          cancel();
          request.signal?.removeEventListener('abort', stop);
          close();
        }
      },

      close: async () => {},
    };
  }

  function noteFrozen(): void {
    note('reads frozen');
    isDoubted();
  }

  function isDoubted(): void {
    doubtedUntil = scheduler.now + doubt;
  }

  /** What the server sends on a watch. Gives an answer where it is none. */
  function stream(
    process: Process,
    { path, resource }: Omit<Request, 'method'>,
    fault: WatchFault | undefined,
    arrive: (item: string | ApiError | undefined) => void,
    onOpen: (close: () => void) => void,
  ): Answer | undefined {
    let last = 0;
    /** The version that it begins at. */
    let opened = 0;
    let silent = false;
    let ended = false;
    const what = `GET ${path.split('?')[0]}`;
    /** In order, as on one connection. */
    const send = (item: string | ApiError | undefined, by = 0, version = 0) => {
      if (silent || ended) return;
      const lag = windowOf('lag').filter((one) => one.resource === resource);
      const past = pasts.get(process);
      const isFrozen = frozen && resource === 'configmaps' && version > Math.max(frozen.version, opened);
      if (isFrozen) noteFrozen();
      const until = isFrozen ? frozen?.until : past && version > past.version ? past.until : undefined;
      const held = until === undefined ? 0 : until - scheduler.now;
      const wait = latency() + by + held + lag.reduce((sum, one) => sum + one.by, 0);
      last = Math.max(last, scheduler.now + wait);
      if (wait > 50) disturbedUntil = Math.max(disturbedUntil, last);
      scheduler.after(
        last - scheduler.now,
        () => {
          // A partition swallows what would arrive during it, and the connection never recovers: it is half open.
          if (isCutOff(process)) {
            silent = true;
            disturb(halfOpen);
          }
          if (!silent) arrive(item);
        },
        process,
      );
    };
    const by = fault?.kind === 'lag' ? fault.by : 0;
    opened = versionFor(process, resource) ?? server.version;
    const watch = server.watch(
      path,
      (line, version) => {
        send(line, by, version);
        if (fault?.kind === 'twice') send(line, by, version);
      },
      opened,
    );
    if ('code' in watch) return watch;
    const sever = () => {
      isDoubted();
      end();
      if (!silent) scheduler.after(latency(), () => arrive(fromFailure(what, new Error('read ECONNRESET'))), process);
    };
    const end = () => {
      ended = true;
      watch.close();
      open.delete(sever);
      for (const cancel of timers) cancel();
    };
    const timers: (() => void)[] = [];
    const later = (delay: number, action: () => void) => timers.push(scheduler.after(delay, action));
    open.add(sever);
    const seconds = Number(new URLSearchParams(path.split('?')[1]).get('timeoutSeconds') ?? 1800);
    later(Math.max(0, seconds * 1000 - bookmarkLead), () => watch.bookmark());
    later(seconds * 1000, () => {
      send(undefined);
      end();
    });
    if (fault) note(`watch ${fault.kind}`, fault.kind === 'lag' ? 60_000 : 'after' in fault ? fault.after : 0);
    if (fault && 'after' in fault) {
      later(fault.after, () => {
        trace?.(`${process.name} meets ${JSON.stringify(fault)}: watch of ${resource}`);
        disturb(0);
        isDoubted();
        if (fault.kind === 'silent') {
          silent = true;
          disturb(halfOpen);
        } else if (fault.kind === 'drop') sever();
        else {
          if (fault.kind === 'error') {
            const object = {
              kind: 'Status',
              code: fault.code,
              reason: fault.code === 410 ? 'Expired' : 'InternalError',
              message: 'simulated',
            };
            send(JSON.stringify({ type: 'ERROR', object }));
          }
          if (fault.kind === 'garbage') send('{"type":"MODIFIED","object":{"metadata":{"na');
          send(undefined);
          end();
        }
      });
    }
    onOpen(end);
    return undefined;
  }

  return {
    connect,
    start,
    met,
    /** What is felt for so many milliseconds from now on. */
    disturb,
    /** Begins a fault that lasts until the function given back is called. */
    begin(fault: TimeFault): () => void {
      windows.add(fault);
      takeEffect(fault);
      return () => {
        windows.delete(fault);
        if (fault.kind === 'quota') server.admission.limit(fault.namespace, undefined);
      };
    },
    get blindUntil() {
      return blindUntil;
    },
    get disturbedUntil() {
      return disturbedUntil;
    },
    /** True while anything but a watch is on its way: it may still change something. */
    get busy() {
      return arriving > 0 || waiting.some(({ alive }) => alive);
    },
    get patientUntil() {
      return patientUntil;
    },
    get doubtedUntil() {
      return doubtedUntil;
    },
    get landsLate() {
      return landsLate;
    },
    get landsSent() {
      return landsSent;
    },
    get slowAt() {
      return slowAt;
    },
  };
}

/** Whoever may not write a ConfigMap still sees what it holds, and can say so. */
const isBlinding = (fault: object): boolean =>
  !('verb' in fault && ['create', 'update', 'delete'].includes(fault.verb as string));
/** Of requests for one ConfigMap. */
const verbs: Readonly<Record<string, Verb>> = { POST: 'create', PUT: 'update', DELETE: 'delete', GET: 'get' };

/** True for what has no end of its own, as `begin` has it. */
const isLasting = (fault: { readonly for: number }): boolean => fault.for === Number.MAX_SAFE_INTEGER;

/** How long a fault of one request may be felt, in milliseconds. */
function lastsOf(fault: RequestFault, deadline: number): number {
  switch (fault.kind) {
    case 'hang':
      return deadline;
    case 'slow':
      // Given up at its deadline, it may still arrive.
      return fault.there + fault.back;
    case 'crash':
      return fault.restart;
    default:
      return 'after' in fault ? fault.after : 0;
  }
}

/** Processes are named `operator-0`, and `operator-0.1` after the first restart. */
export const replicaOf = ({ name }: Process): number => Number(/^operator-(\d+)/.exec(name)?.[1] ?? -1);

const nthKey = (fault: Exclude<Fault, { on: 'time' }>): string =>
  fault.on === 'watch' ? `watch ${fault.resource}` : fault.class;

export function classOf({ method, path, resource }: { method: string; path: string; resource: string }): RequestClass {
  if (resource === 'leases') return 'lease';
  if (resource === 'events') return 'event';
  if (method === 'GET') return path.includes('?') ? 'list' : 'get';
  return resource === 'configmaps' ? 'configmap' : 'status';
}

/** Bodies as the real server, or something before it, sends them. */
function textOf(code: number): string {
  if (code >= 500 && code !== 504) return 'upstream connect error';
  const reasons: Record<number, string> = {
    401: 'Unauthorized',
    403: 'Forbidden',
    409: 'Conflict',
    413: 'RequestEntityTooLarge',
    422: 'Invalid',
    429: 'TooManyRequests',
    504: 'Timeout',
  };
  return JSON.stringify({ kind: 'Status', code, reason: reasons[code] ?? '', message: `simulated ${code}` });
}

const describe = ({ body }: Answer): string => {
  const { metadata, reason } = (body ?? {}) as { metadata?: { resourceVersion?: string }; reason?: string };
  return reason ?? (metadata?.resourceVersion ? `at ${metadata.resourceVersion}` : '');
};
