/**
 * The simulated API server as a unit test wants it: a `Client` whose requests are carried out at once, and desks at which
 * people write. It is the one fake API server of the unit tests: test/e2e/differential.test.ts holds it against a real one,
 * so versions, uids, preconditions, finalizers and selectors are what they are there.
 *
 * ```ts
 * const front = createServerFront();
 * front.desk('dialer').maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { n: '1' } });
 * const requests = createRequests(front.client);
 * ```
 */
import { configMapsResource, settingsResource } from '../../src/controller/requests.ts';
import type { Client, Method, Request } from '../../src/kube/client.ts';
import type { Clock } from '../../src/kube/clock.ts';
import { ApiError, fromAnswer } from '../../src/kube/errors.ts';
import { collectionPath, objectPath } from '../../src/kube/paths.ts';
import { type Answer, type Change, createServer, type Metadata, type Stored } from '../simulation/server.ts';
import { createVirtualClock } from './virtual-clock.ts';

/** A request of the client that the server answered. `at` on the monotonic clock. */
export type Sent = Pick<Request, 'method' | 'path' | 'resource' | 'body'> & {
  readonly at: number;
  readonly code: number;
};

/**
 * What befalls a request of the client: it fails with an error and is not carried out; its answer is lost, and it lands
 * when `land` is called; or another answer comes instead of the server's. Undefined: nothing.
 */
export type Fault = (request: Request) => ApiError | 'lost' | { readonly instead: object } | undefined;

/** An object, or what is to be changed of one. */
export type Body = { readonly [field: string]: unknown; readonly metadata?: Partial<Metadata> };

export type FrontOptions = {
  readonly clock?: Clock;
  /** Who the server takes the client for. */
  readonly sender?: string;
  /** What a request takes on its way there, and its answer on the way back, in milliseconds. */
  readonly latency?: number;
  /** Told of each committed revision. */
  readonly onChange?: (change: Change) => void;
  /** Refuses an object with a message, as a validating admission policy does. */
  readonly admit?: (object: Stored, sender: string) => string | undefined;
  /** Changes what is created or updated, as a mutating admission policy does. */
  readonly rewrite?: (object: Stored, sender: string) => Stored;
};

export type ServerFront = ReturnType<typeof createServerFront>;

const resources = { licensesettings: settingsResource, configmaps: configMapsResource } as const;
type Plural = keyof typeof resources;

/** The path of a collection, or of an object in it. */
export const pathOf = (plural: Plural, namespace: string, name?: string): string =>
  name === undefined
    ? collectionPath(resources[plural], namespace)
    : objectPath(resources[plural], { namespace, name });

export function createServerFront({
  clock = createVirtualClock(),
  sender = 'operator',
  latency = 0,
  onChange = () => {},
  admit = () => undefined,
  rewrite = (object) => object,
}: FrontOptions = {}) {
  const faults: Fault[] = [];
  const underWay: Request[] = [];
  const sent: Sent[] = [];
  let isLate = false;
  const server = createServer({ now: clock.wall, onChange, admit });

  const handle = (by: string, method: string, path: string, body?: unknown): Answer => {
    const isWritten = (method === 'POST' || method === 'PUT') && path.includes('/configmaps');
    const given = isWritten ? rewrite(body as Stored, by) : body;
    return server.handle({ method, path, ...(given === undefined ? {} : { body: structuredClone(given) }) }, by);
  };
  const believe = (what: string, { code, body }: Answer): unknown => {
    if (code < 300) return structuredClone(body);
    throw fromAnswer(what, { code, body: JSON.stringify(body), now: clock.wall() });
  };
  const note = ({ method, path, resource, body }: Request, answer: Answer): Answer => {
    sent.push({ at: clock.monotonic(), method, path, resource, body, code: answer.code });
    return answer;
  };
  const carryOut = (request: Request): Answer =>
    note(request, handle(sender, request.method, request.path, request.body));
  const pause = () => new Promise<void>((resolve) => void clock.after(latency, resolve));

  function answerTo(request: Request): Answer {
    for (const fault of faults) {
      const befalls = fault(request);
      if (befalls === undefined) continue;
      if (befalls === 'lost') {
        underWay.push(request);
        throw new ApiError(`${request.method} ${request.path}: no answer`, { code: 0, reason: 'NoAnswer' });
      }
      if ('instead' in befalls) return note(request, { code: 200, body: befalls.instead });
      throw befalls;
    }
    return carryOut(request);
  }

  const client: Client = {
    async request<T>(request: Request): Promise<T> {
      if (latency > 0) await pause();
      const answer = believe(`${request.method} ${request.path}`, answerTo(request)) as T;
      if (latency > 0) await pause();
      return answer;
    },
    lines: ({ path, signal }) => linesOf({ server, believe }, path, signal),
    close: async () => {},
  };

  /** Sends something as somebody else; throws the ApiError of a refusal. */
  const send = (by: string, method: Method, path: string, body?: object) =>
    believe(`${method} ${path}`, handle(by, method, path, body)) as Stored;

  return {
    ...{ clock, server, client, faults, sent, send },
    /** What people and programs do in one namespace. */
    desk: (namespace: string, by = 'people') => createFrontDesk(namespace, by, { server, send }),
    /** The requests whose answers were lost land now; gives what the server said to each. */
    land(): number[] {
      isLate = true;
      const codes = underWay.splice(0).map((request) => carryOut(request).code);
      isLate = false;
      return codes;
    },
    /** True while `land` is at work: its sender has given up on what is committed now. */
    get isLate() {
      return isLate;
    },
  };
}

type Parts = {
  readonly server: ReturnType<typeof createServer>;
  readonly send: (by: string, method: Method, path: string, body?: object) => Stored;
  readonly believe: (what: string, answer: Answer) => unknown;
};

/** The lines of a watch, as they come; it stays open until it is given up. */
async function* linesOf(
  { server, believe }: Pick<Parts, 'server' | 'believe'>,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const waiting: string[] = [];
  let wake = () => {};
  const watch = server.watch(path, (line) => {
    waiting.push(line);
    wake();
  });
  if ('code' in watch) {
    believe(`GET ${path}`, watch);
    return;
  }
  signal?.addEventListener('abort', () => wake(), { once: true });
  try {
    while (!signal?.aborted) {
      const line = waiting.shift();
      if (line !== undefined) yield line;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    watch.close();
  }
}

function createFrontDesk(namespace: string, by: string, { server, send }: Pick<Parts, 'server' | 'send'>) {
  const of = (plural: Plural) => {
    const get = (name: string) => server.get(plural, namespace, name);
    const path = (name?: string) => pathOf(plural, namespace, name);
    return {
      get,
      names: (): string[] => server.all(plural, namespace).map(({ metadata }) => metadata.name),
      create: (body: Body) => send(by, 'POST', path(), body),
      /** Puts what `change` makes of the object as it is. */
      change(name: string, change: (object: Stored) => Body) {
        const known = get(name);
        if (!known) throw new Error(`there is no ${plural} ${namespace}/${name}`);
        const next = change(known);
        return send(by, 'PUT', path(name), {
          ...{ ...known, ...next },
          metadata: { ...known.metadata, ...next.metadata },
        });
      },
      remove: (name: string) => void send(by, 'DELETE', path(name), {}),
    };
  };
  const settings = of('licensesettings');
  const head = { apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings' };
  return {
    ...{ settings, maps: of('configmaps') },
    /** Creates a LicenseSettings. */
    create: (name: string, spec: unknown) => settings.create({ ...head, metadata: { name }, spec }),
    /** Saves another spec of it. */
    save: (name: string, spec: unknown) => settings.change(name, () => ({ spec })),
  };
}
