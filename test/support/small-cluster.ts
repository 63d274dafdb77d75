/**
 * A whole operator on a virtual clock, against the simulated API server: several namespaces, people and programs beside
 * it, and policies that change or refuse what is written. For tests of one story each; schedules, faults and leaders are
 * the business of the simulation.
 */
import { createController } from '../../src/controller/controller.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import type { Change, Stored } from '../simulation/server.ts';
import { type Body, createServerFront, type Sent } from './server-front.ts';
import { createVirtualClock } from './virtual-clock.ts';

export type { Sent };
export type Line = { readonly level: string; readonly msg: string; readonly [field: string]: unknown };
/** A LicenseSettings or ConfigMap, as far as tests look at it. */
export type Seen = Stored & {
  readonly data?: Record<string, string>;
  readonly immutable?: boolean;
  readonly spec?: unknown;
  readonly status?: {
    readonly applied?: { readonly generation: number; readonly settingsHash: string };
    readonly conditions?: { type: string; status: string; reason: string; message: string }[];
  };
};

/** What each answer takes, in milliseconds: a loop without a brake still lets the time pass. */
const latency = 5;
/** After so many milliseconds a watch ends, as the API server ends it: so its copy is current without a bookmark. */
const watchEnds = 45_000;
export type SmallCluster = ReturnType<typeof createSmallCluster>;

export type ClusterOptions = {
  /** Those that the operator watches; none: all. */
  readonly namespaces?: string[];
  readonly seed?: number;
  readonly workers?: number;
  /** How often each object is looked at again, in milliseconds. */
  readonly resync?: number;
  /** For how many milliseconds the operator may still write: with it a new term lists anew. */
  readonly fence?: () => number;
  /** How long after a commit the watches tell of it, in milliseconds: with more than the answer takes they come behind that. */
  readonly lag?: number;
};

export function createSmallCluster(options: ClusterOptions = {}) {
  const { namespaces = [], seed = 1, workers = 4, resync = 600_000, fence, lag = 0 } = options;
  const clock = createVirtualClock({ seed });
  const lines: Line[] = [];
  const followers: ((change: Change) => void)[] = [];
  /** Changes what is written, as a mutating admission policy does. */
  let rewrite: (object: Stored, sender: string) => Stored = (object) => object;
  /** Why an object is refused, as a validating admission policy does. */
  let refuse: (object: Stored, sender: string) => string | undefined = () => undefined;
  /** Answers instead of the server: undefined leaves it to that. */
  let special: (request: Request) => object | undefined = () => undefined;
  const front = createServerFront({
    ...{ clock, latency },
    admit: (object, sender) => refuse(object, sender),
    rewrite: (object, sender) => rewrite(object, sender),
    onChange: (change) => {
      for (const follow of followers) follow(change);
    },
  });
  const { server } = front;
  const asked: Request[] = [];
  front.faults.push((request) => {
    const instead = special(request);
    return instead && { instead };
  });
  /** What a request waits for before it is sent; undefined: nothing. */
  let gate: (request: Request) => Promise<unknown> | undefined = () => undefined;
  let gateOfLines: (watch: Parameters<Client['lines']>[0]) => Promise<unknown> | undefined = () => undefined;
  const client: Client = {
    ...front.client,
    async request<T>(request: Request): Promise<T> {
      asked.push(request);
      await gate(request);
      return front.client.request<T>(request);
    },
    async *lines(request) {
      asked.push({ method: 'GET', ...request });
      await gateOfLines(request);
      const end = new AbortController();
      const cancel = clock.after(watchEnds, () => end.abort());
      const signal = AbortSignal.any([end.signal, ...(request.signal ? [request.signal] : [])]);
      try {
        for await (const line of front.client.lines({ ...request, signal })) {
          if (lag > 0) await new Promise<void>((resolve) => void clock.after(lag, resolve));
          yield line;
        }
      } finally {
        cancel();
      }
    },
  };

  const metrics = createMetrics();
  const controller = createController({
    ...{ client, clock, namespaces, metrics, workers, resync, instance: 'test' },
    ...(fence ? { fence } : {}),
    log: createLogger({
      level: 'debug',
      format: 'json',
      destination: { write: (line) => lines.push({ ...JSON.parse(line), at: clock.monotonic() }) },
    }),
  });
  const stop = new AbortController();

  /** What people and programs do in one namespace. */
  const desk = (namespace: string, sender?: string) => {
    const { settings, maps, ...rest } = front.desk(namespace, sender);
    const seen = ({ get, create, change, remove }: typeof maps) => ({
      get: (name: string) => get(name) as Seen | undefined,
      create: (body: Body) => create(body) as Seen,
      change: (name: string, by: (object: Seen) => Body) => change(name, by as (object: Stored) => Body) as Seen,
      remove,
    });
    return {
      ...{ settings: seen(settings), maps: seen(maps), ...rest },
      namesOfMaps: maps.names,
      conditionOf: (name: string, type: string) =>
        (settings.get(name) as Seen | undefined)?.status?.conditions?.find((one) => one.type === type),
    };
  };

  return {
    ...{ clock, lines, desk, server, controller, metrics, asked },
    /** Told of each committed revision. */
    follow: (told: (change: Change) => void) => void followers.push(told),
    policies(next: { rewrite?: typeof rewrite; refuse?: typeof refuse }) {
      rewrite = next.rewrite ?? ((object) => object);
      refuse = next.refuse ?? (() => undefined);
    },
    /** What answers instead of the server; undefined leaves it to that. */
    answer(next: typeof special) {
      special = next;
    },
    /** What a request waits for before it is sent; undefined: nothing. */
    hold(next: typeof gate) {
      gate = next;
    },
    /** What a list or watch waits for before its first line. */
    holdLines(next: typeof gateOfLines) {
      gateOfLines = next;
    },
    /** Begins to watch, as a standby does. */
    async watch() {
      void controller.run(stop.signal);
      await clock.advance(100);
    },
    /** Begins a term, whose lease `lost` says to be lost. `end` ends it, and waits until its work has ended. */
    async lead(lost?: AbortSignal) {
      const term = new AbortController();
      let hasEnded = false;
      const led = controller.lead(term.signal, lost).then(() => {
        hasEnded = true;
      });
      await clock.advance(1_000);
      return {
        hasEnded: () => hasEnded,
        abort: () => term.abort(),
        async end() {
          term.abort();
          await led;
        },
      };
    },
    /** What was decided since this was asked last: key, priority, result. */
    decisions: () =>
      lines
        .splice(0)
        .flatMap(({ msg, key, priority, result }) => (msg === 'reconciled' ? [`${key} ${priority} ${result}`] : [])),
    /** Starts the operator, and gives it a second. */
    async start() {
      void controller.run(stop.signal);
      void controller.lead(stop.signal);
      await clock.advance(1_000);
    },
    async stop() {
      stop.abort();
      await clock.advance(0);
    },
    /** Requests of the operator since the last call, without events and what fills the caches. */
    taken: (): Sent[] => front.sent.splice(0).filter(({ path }) => !path.includes('?') && !path.includes('/events')),
  };
}
