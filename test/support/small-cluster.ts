/**
 * A whole operator on a virtual clock, against the simulated API server: several namespaces, people and programs beside
 * it, and policies that change or refuse what is written. For tests of one story each; schedules, faults and leaders are
 * the business of the simulation.
 */
import { createController } from '../../src/controller/controller.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError, fromAnswer } from '../../src/kube/errors.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { type Change, createServer, type Metadata, type Stored } from '../simulation/server.ts';
import { createVirtualClock } from './virtual-clock.ts';

/** A request of the operator that was answered. */
export type Sent = { readonly at: number; readonly method: string; readonly path: string; readonly code: number };
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
type Changed = { readonly [field: string]: unknown; readonly metadata?: Partial<Metadata> };

/** What each answer takes, in milliseconds: a loop without a brake still lets the time pass. */
const latency = 5;
const paths = { licensesettings: '/apis/licensing.dialer.dev/v1', configmaps: '/api/v1' } as const;
type Plural = keyof typeof paths;

export type SmallCluster = ReturnType<typeof createSmallCluster>;

/** @param namespaces those that the operator watches; none: all. */
export function createSmallCluster({ namespaces = [] as string[], seed = 1 } = {}) {
  const clock = createVirtualClock({ seed });
  const sent: Sent[] = [];
  const lines: Line[] = [];
  const followers: ((change: Change) => void)[] = [];
  /** Changes what is written, as a mutating admission policy does. */
  let rewrite: (object: Stored, sender: string) => Stored = (object) => object;
  /** Why an object is refused, as a validating admission policy does. */
  let refuse: (object: Stored, sender: string) => string | undefined = () => undefined;
  /** Answers instead of the server: undefined leaves it to that. */
  let special: (request: Request) => object | undefined = () => undefined;
  const server = createServer({
    now: clock.wall,
    admit: (object, sender) => refuse(object, sender),
    onChange: (change) => {
      for (const follow of followers) follow(change);
    },
  });
  const pause = () => new Promise<void>((resolve) => void clock.after(latency, resolve));

  /** Admission is called for creates and updates of the objects themselves. */
  const admitted = (request: Pick<Request, 'method' | 'path' | 'body'>, sender: string): unknown =>
    ['POST', 'PUT'].includes(request.method) && request.path.includes('/configmaps')
      ? rewrite(request.body as Stored, sender)
      : request.body;
  const send = (method: string, path: string, body: unknown, sender: string) => {
    const request = { method: method as Request['method'], path, body };
    const answer = server.handle({ method, path, body: admitted(request, sender) }, sender);
    if (answer.code < 300) return answer;
    throw fromAnswer(`${method} ${path}`, {
      ...{ code: answer.code, body: JSON.stringify(answer.body), now: clock.wall() },
    });
  };

  const client: Client = {
    async request<T>(request: Request): Promise<T> {
      const { method, path, body } = request;
      await pause();
      const note = (code: number) => sent.push({ at: clock.monotonic(), method, path, code });
      try {
        const other = special(request);
        const answer = other ? { code: 200, body: other } : send(method, path, body, 'operator');
        note(answer.code);
        await pause();
        return structuredClone(answer.body) as T;
      } catch (error) {
        note(error instanceof ApiError ? error.code : -1);
        throw error;
      }
    },
    async *lines({ path, signal }) {
      const waiting: string[] = [];
      let wake = () => {};
      const watch = server.watch(path, (line) => {
        waiting.push(line);
        wake();
      });
      if ('code' in watch)
        throw fromAnswer(`GET ${path}`, {
          ...{ code: watch.code, body: JSON.stringify(watch.body), now: clock.wall() },
        });
      try {
        while (!signal?.aborted) {
          const line = waiting.shift();
          if (line !== undefined) yield line;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
              signal?.addEventListener('abort', () => resolve(), { once: true });
            });
        }
      } finally {
        watch.close();
      }
    },
    close: async () => {},
  };

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
  const desk = (namespace: string, sender = 'people') => {
    const place = (plural: Plural, name = '') =>
      `${paths[plural]}/namespaces/${namespace}/${plural}${name && `/${name}`}`;
    const get = (plural: Plural, name: string) => server.get(plural, namespace, name) as Seen | undefined;
    const of = (plural: Plural) => ({
      get: (name: string) => get(plural, name),
      create: (body: Changed) => send('POST', place(plural), body, sender).body as Seen,
      /** Puts what `change` makes of the object as it is. */
      change(name: string, change: (object: Seen) => Changed) {
        const known = get(plural, name) as Seen;
        const next = change(known);
        return send(
          'PUT',
          place(plural, name),
          { ...known, ...next, metadata: { ...known.metadata, ...next.metadata } },
          sender,
        ).body as Seen;
      },
      remove: (name: string) => void send('DELETE', place(plural, name), {}, sender),
    });
    const settings = of('licensesettings');
    return {
      settings,
      maps: of('configmaps'),
      namesOfMaps: () =>
        server.all('configmaps').flatMap(({ metadata }) => (metadata.namespace === namespace ? [metadata.name] : [])),
      create: (name: string, spec: unknown) =>
        settings.create({
          ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings' },
          ...{ metadata: { name }, spec },
        }),
      /** A new spec for an object. */
      save: (name: string, spec: unknown) => settings.change(name, () => ({ spec })),
      conditionOf: (name: string, type: string) =>
        get('licensesettings', name)?.status?.conditions?.find((one) => one.type === type),
    };
  };

  return {
    ...{ clock, sent, lines, desk, server },
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
    taken: () => sent.splice(0).filter(({ path }) => !path.includes('?') && !path.includes('/events')),
  };
}
