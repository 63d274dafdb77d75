/**
 * Requests to the API server over one keep-alive pool. The configuration comes from client-node's KubeConfig. Its
 * generated API classes are not used: with a CA they open a new TLS connection for each call (measured: 300 calls/s
 * against 6,250/s over a plain undici pool), and none of their calls but watch has a timeout.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { Clock } from './clock.ts';
import { createCredentials, type Identity, type Tls } from './credentials.ts';
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
   * error has the reason `NotLeader`. Once it is sent only `deadline` and `signal` bound the wait for its answer.
   */
  fence?: () => number;
};

/** Told about every request that ended: `code` 0 means that no answer came. */
export type Observer = (verb: string, resource: string, code: number, seconds: number) => void;

export interface Client {
  /**
   * Sends, and gives the parsed answer: a JSON object. Throws an ApiError for everything else. After a 401 it is sent
   * once more, if the credentials have changed meanwhile.
   */
  request<T>(request: Request): Promise<T>;
  /**
   * Sends a GET and gives the lines of the answer as they come, until the server ends it, `deadline` milliseconds
   * have passed, or `signal` is aborted. Throws an ApiError, also for a line longer than 16 Mi characters. The last
   * line may be cut off: a server that dies in the middle of one can end the answer in good order.
   */
  lines(request: Omit<Request, 'method' | 'body'>): AsyncGenerator<string>;
  /** Closes all connections. */
  close(): Promise<void>;
}

const defaultDeadline = 15_000;
/** Objects have 1.5 MiB at most in etcd: what is longer is no event. */
const maxLine = 16 * 1024 * 1024;

export type ClientOptions = {
  readonly clock: Clock;
  /** Bounds how many requests are under way at once. */
  readonly connections: number;
  /** As NAME/VERSION. In audit logs it says who asked; NAME is the field manager of what is written without another. */
  readonly userAgent?: string;
  readonly observe?: Observer;
};

/**
 * A client for the current context of a KubeConfig. Throws an Error that says what to mend when the configuration can't
 * work.
 */
export async function createClient(
  config: KubeConfig,
  { clock, connections, userAgent, observe = () => {} }: ClientOptions,
): Promise<Client> {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error('the kubeconfig has no cluster for its current context');
  const user = config.getCurrentUser();
  if (user?.impersonateUser) {
    throw new Error(`the kubeconfig's user "${user.name}" impersonates another (as): this is not supported`);
  }
  const server = new URL(cluster.server);
  if (server.protocol === 'http:' && !cluster.skipTLSVerify) {
    throw new Error(`${server.origin} is http, not https: set insecure-skip-tls-verify if this is meant`);
  }
  const prefix = server.pathname.replace(/\/$/, '');
  const credentials = createCredentials(config, clock);

  /** The pool in use, and those made with older certificates that still finish their requests. */
  let pool: { tlsKey: string; dispatcher: Dispatcher; base: Agent | ProxyAgent } | undefined;
  const open = new Set<Agent | ProxyAgent>();
  function dispatcherFor({ tls, tlsKey }: Identity): Dispatcher {
    if (pool?.tlsKey === tlsKey) return pool.dispatcher;
    const old = pool?.base;
    const base = createPool(tls, connections, cluster?.proxyUrl);
    open.add(base);
    pool = { tlsKey, base, dispatcher: base.compose(askBeforeSending) };
    if (old) {
      const forget = () => open.delete(old);
      old.close().then(forget, forget);
    }
    return pool.dispatcher;
  }

  /**
   * Sends and waits for the head of a successful answer. The deadline goes on until `end` is called, which every
   * caller must do once; `failure` makes an ApiError of what went wrong while reading.
   */
  async function send(request: Request, verb: string) {
    const what = `${request.method} ${request.path.split('?')[0]}`;
    const { fence } = request;
    const started = clock.monotonic();
    const limit = request.deadline ?? defaultDeadline;
    const abort = new AbortController();
    const expire = () => abort.abort(new Error(`no complete answer within ${limit} ms`));
    const cancel = clock.after(limit, expire);
    const stop = () => abort.abort(new Error('stopped'));
    if (request.signal?.aborted) stop();
    request.signal?.addEventListener('abort', stop, { once: true });
    let code = 0;
    const told = () => observe(verb, request.resource, code, (clock.monotonic() - started) / 1000);
    const end = () => {
      cancel();
      request.signal?.removeEventListener('abort', stop);
      told();
    };
    const failure = (error: unknown) => fromFailure(what, abort.signal.aborted ? abort.signal.reason : error, code > 0);
    const beforeSending = () => {
      const left = fence?.() ?? Number.POSITIVE_INFINITY;
      // Written so that NaN forbids too.
      if (left > 0) return;
      throw new ApiError(`${what}: not sent: the lease does not allow it now`, { code: 0, reason: 'NotLeader' });
    };
    const attempt = (identity: Identity) => {
      const options: Dispatcher.RequestOptions & Asked = {
        ...(fence ? { beforeSending } : {}),
        origin: server.origin,
        path: prefix + request.path,
        method: request.method,
        headers: {
          accept: 'application/json',
          ...(userAgent === undefined ? {} : { 'user-agent': userAgent }),
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(identity.authorization === undefined ? {} : { authorization: identity.authorization }),
        },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal: abort.signal,
      };
      return dispatcherFor(identity).request(options);
    };
    try {
      const identity = await unlessAborted(abort.signal, credentials.get());
      let answer = await attempt(identity);
      code = answer.statusCode;
      if (code === 401) {
        // The token may have been rotated, or revoked, before we read it again.
        const fresh = await unlessAborted(abort.signal, credentials.renew(identity)).catch(() => identity);
        if (fresh !== identity) {
          await answer.body.dump();
          told();
          code = 0;
          answer = await attempt(fresh);
          code = answer.statusCode;
        }
      }
      if (code >= 200 && code < 300) return { what, body: answer.body, end, failure };
      throw fromAnswer(what, code, await answer.body.text(), answer.headers, clock.wall());
    } catch (error) {
      end();
      throw asApiError(error) ?? failure(error);
    }
  }

  return {
    async request<T>(request: Request): Promise<T> {
      const { what, body, end, failure } = await send(request, request.method.toLowerCase());
      let text: string;
      try {
        text = await body.text();
      } catch (error) {
        throw failure(error);
      } finally {
        end();
      }
      return parseAnswer(what, text) as T;
    },

    async *lines(request) {
      const { what, body, end, failure } = await send({ ...request, method: 'GET' }, 'watch');
      try {
        yield* splitLines(what, body as AsyncIterable<Buffer>);
      } catch (error) {
        throw asApiError(error) ?? failure(error);
      } finally {
        end();
        body.destroy();
      }
    },

    async close() {
      await Promise.all([...open].map((one) => one.destroy()));
    },
  };
}

/** A success must be a JSON object. What was asked for may have been done all the same. */
function parseAnswer(what: string, text: string): object {
  let value: unknown;
  let cause: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    cause = error;
  }
  if (typeof value === 'object' && value !== null) return value;
  const message = `${what}: a success, but the answer is no JSON object: ${text.slice(0, 80)}`;
  throw new ApiError(message, { code: 0, reason: 'BadAnswer', cause });
}

/** The lines of a stream; a character may be split over chunks, and a line over many. Empty lines are left out. */
async function* splitLines(what: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // Joined once a line: joining at each chunk would take quadratic time for a long one.
  let pieces: string[] = [];
  let length = 0;
  const add = (piece: string) => {
    pieces.push(piece);
    length += piece.length;
    if (length <= maxLine) return;
    throw new ApiError(`${what}: a line longer than ${maxLine} characters`, { code: 0, reason: 'BadEvent' });
  };
  const take = () => {
    const line = pieces.join('');
    pieces = [];
    length = 0;
    return line;
  };
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
      add(text.slice(from, to));
      from = to + 1;
      const line = take();
      if (line) yield line;
    }
    if (from < text.length) add(text.slice(from));
  }
  add(decoder.decode());
  const line = take();
  if (line) yield line;
}

function createPool(tls: Tls, connections: number, proxy: string | undefined): Agent | ProxyAgent {
  const connect = { timeout: 10_000, ...tls };
  const options = {
    connections,
    pipelining: 1,
    // Undici 8 would offer HTTP/2, and the API server takes it. Then a silent connection takes all requests with it,
    // ending one does not end the connection, and `connections` bounds nothing. See docs/design.md for the figures.
    allowH2: false,
    keepAliveTimeout: 60_000,
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  return proxy
    ? new ProxyAgent({ ...options, uri: proxy, connectTimeout: 10_000, requestTls: tls })
    : new Agent({ ...options, connect });
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

/** The promise's result, or the signal's reason if it is aborted first. */
function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
