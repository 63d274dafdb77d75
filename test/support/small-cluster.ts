/**
 * A whole operator on a virtual clock, against the simulated API server: several namespaces, people and programs beside
 * it, and policies that change or refuse what is written. For tests of one story each; schedules, faults and leaders are
 * the business of the simulation.
 */
import { createController } from '../../src/controller/controller.ts';
import type { Request } from '../../src/kube/client.ts';
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
export type SmallCluster = ReturnType<typeof createSmallCluster>;

/** @param namespaces those that the operator watches; none: all. */
export function createSmallCluster({ namespaces = [] as string[], seed = 1 } = {}) {
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
  const { client, server } = front;
  front.faults.push((request) => {
    const instead = special(request);
    return instead && { instead };
  });

  const controller = createController({
    ...{ client, clock, namespaces, metrics: createMetrics(), workers: 4, resync: 600_000, instance: 'test' },
    log: createLogger({
      level: 'debug',
      format: 'json',
      destination: { write: (line) => lines.push(JSON.parse(line)) },
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
    ...{ clock, lines, desk, server },
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
