/**
 * Requests to the API server over one keep-alive pool. Configuration and credentials come from client-node's
 * KubeConfig. Its generated API classes are not used: with a CA they open a new TLS connection for each call (measured:
 * 300 calls/s against 6,250/s over a plain undici pool), and none of their calls but watch has a timeout.
 */
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher } from 'undici';
import type { Clock } from './clock.ts';
import { ApiError, asApiError, fromAnswer, fromFailure } from './errors.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** One request. `path` is below the server's address; `resource` only names it in metrics. */
export type Request = {
  method: Method;
  path: string;
  resource: string;
  body?: unknown;
  /** Milliseconds until it is given up; 15,000 unless told. */
  deadline?: number;
  signal?: AbortSignal;
  /**
   * How many milliseconds the sender may still write: what is left of its lease. Asked as the last thing before the
   * bytes go to the socket, also when the request had to wait for a connection. At 0 or less nothing is sent, and the
   * error has the reason `NotLeader`; else the deadline is no longer than this.
   */
  fence?: () => number;
};

/** Told about every request that ended: `code` 0 means that no answer came. */
export type Observer = (verb: string, resource: string, code: number, seconds: number) => void;

export interface Client {
  /** Sends, and gives the parsed answer. Throws an ApiError for everything that is not a success. */
  request<T>(request: Request): Promise<T>;
  /**
   * Sends a GET and gives the lines of the answer as they come, until the server ends it, `deadline` milliseconds
   * have passed, or `signal` is aborted. Throws an ApiError.
   */
  lines(request: Omit<Request, 'method' | 'body'>): AsyncGenerator<string>;
  /** Closes all connections. */
  close(): Promise<void>;
}

const defaultDeadline = 15_000;
/** How long credentials are used before they are asked for again: in-cluster tokens rotate about hourly. */
const credentialsAge = 10_000;

/** A client for the current context of a KubeConfig. `connections` bounds how many requests are under way at once. */
export async function createClient(
  config: KubeConfig,
  { clock, connections, observe = () => {} }: { clock: Clock; connections: number; observe?: Observer },
): Promise<Client> {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error('the kubeconfig has no cluster for its current context');
  const server = new URL(cluster.server);
  const prefix = server.pathname.replace(/\/$/, '');
  const tls: RequestOptions = {};
  await config.applyToHTTPSOptions(tls);
  const agent = new Agent({
    connections,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: 10_000,
      ...pick(tls, ['ca', 'cert', 'key', 'pfx', 'passphrase', 'servername', 'rejectUnauthorized']),
    } as Agent.Options['connect'] & object,
  });
  const dispatcher = agent.compose(askBeforeSending);

  let credentials: { headers: Record<string, string>; until: number } | undefined;
  async function authorization(): Promise<Record<string, string>> {
    if (credentials && clock.monotonic() < credentials.until) return credentials.headers;
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      headers[name.toLowerCase()] = String(value).trim();
    }
    if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    credentials = { headers, until: clock.monotonic() + credentialsAge };
    return headers;
  }

  /**
   * Sends and waits for the head of a successful answer. The deadline goes on until `end` is called, which every
   * caller must do once; `failure` makes an ApiError of what went wrong while reading.
   */
  async function open(request: Request, verb: string) {
    const what = `${request.method} ${request.path.split('?')[0]}`;
    const started = clock.monotonic();
    const limit = request.deadline ?? defaultDeadline;
    const abort = new AbortController();
    const expireAfter = (left: number, why: string) => clock.after(left, () => abort.abort(new Error(why)));
    const timers = [expireAfter(limit, `no complete answer within ${limit} ms`)];
    const stop = () => abort.abort(new Error('stopped'));
    if (request.signal?.aborted) stop();
    request.signal?.addEventListener('abort', stop, { once: true });
    let code = 0;
    const end = () => {
      for (const cancel of timers) cancel();
      request.signal?.removeEventListener('abort', stop);
      observe(verb, request.resource, code, (clock.monotonic() - started) / 1000);
    };
    const failure = (error: unknown) => fromFailure(what, abort.signal.aborted ? abort.signal.reason : error);
    const { fence } = request;
    const beforeSending = () => {
      const left = fence?.() ?? Number.POSITIVE_INFINITY;
      // Written so that NaN forbids too.
      if (!(left > 0)) throw new ApiError(`${what}: not sent: no longer the leader`, { code: 0, reason: 'NotLeader' });
      if (left < limit) timers.push(expireAfter(left, `no complete answer within the ${left} ms left of the lease`));
    };
    try {
      const options: Dispatcher.RequestOptions & Asked = {
        ...(fence ? { beforeSending } : {}),
        origin: server.origin,
        path: prefix + request.path,
        method: request.method,
        headers: {
          accept: 'application/json',
          'user-agent': 'license-settings-operator',
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(await authorization()),
        },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal: abort.signal,
      };
      const answer = await dispatcher.request(options);
      code = answer.statusCode;
      if (code >= 200 && code < 300) return { body: answer.body, end, failure };
      // The token may have been rotated or revoked: ask for credentials anew.
      if (code === 401) credentials = undefined;
      const header = answer.headers['retry-after'];
      throw fromAnswer(what, code, await answer.body.text(), Array.isArray(header) ? header[0] : header);
    } catch (error) {
      end();
      throw asApiError(error) ?? failure(error);
    }
  }

  return {
    async request<T>(request: Request): Promise<T> {
      const { body, end, failure } = await open(request, request.method.toLowerCase());
      try {
        return (await body.json()) as T;
      } catch (error) {
        throw failure(error);
      } finally {
        end();
      }
    },

    async *lines(request) {
      const { body, end, failure } = await open({ ...request, method: 'GET' }, 'watch');
      try {
        const decoder = new TextDecoder();
        let rest = '';
        for await (const chunk of body as AsyncIterable<Buffer>) {
          const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
          rest = parts.pop() ?? '';
          for (const line of parts) if (line) yield line;
        }
        if (rest) yield rest;
      } catch (error) {
        throw asApiError(error) ?? failure(error);
      } finally {
        end();
        body.destroy();
      }
    },

    close: () => agent.destroy(),
  };
}

type Asked = { beforeSending?: () => void };

/**
 * Calls the `beforeSending` of a request, if it has one, in the same tick in which undici writes it to the socket
 * (`onRequestStart`: see writeH1 in undici's lib/dispatcher/client-h1.js). If it throws, nothing is written and the
 * request fails with what was thrown. A request that undici sends again, because its connection had been closed under
 * it, is asked again.
 */
const askBeforeSending: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const { beforeSending } = options as Asked;
  const start = handler.onRequestStart;
  if (beforeSending && start) {
    handler.onRequestStart = (...args) => {
      beforeSending();
      start.apply(handler, args);
    };
  }
  return dispatch(options, handler);
};

const pick = <T extends object, K extends keyof T>(from: T, names: readonly K[]): Partial<Pick<T, K>> =>
  Object.fromEntries(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]]))) as Partial<
    Pick<T, K>
  >;
