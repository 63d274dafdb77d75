/** Keep-alive connections to the API server. */
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { Identity, Tls } from './credentials.ts';

type Pool = { readonly tlsKey: string; readonly dispatcher: Dispatcher; readonly base: Agent | ProxyAgent };

/** The pool in use, and those made with older certificates that still finish their requests. */
export class Pools {
  readonly #connections: number;
  readonly #proxy: string | undefined;
  #current: Pool | undefined;
  readonly #open = new Set<Agent | ProxyAgent>();

  /**
   * @param connections bounds how many requests are under way at once.
   * @param proxy URL of the proxy that leads to the server, if there is one.
   */
  constructor(connections: number, proxy: string | undefined) {
    this.#connections = connections;
    this.#proxy = proxy;
  }

  /** The pool for these certificates: one that was made with others takes no more requests. */
  dispatcherFor({ tls, tlsKey }: Identity): Dispatcher {
    if (this.#current?.tlsKey === tlsKey) return this.#current.dispatcher;
    const old = this.#current?.base;
    const base = createPool(tls, this.#connections, this.#proxy);
    this.#open.add(base);
    this.#current = { tlsKey, base, dispatcher: base.compose(askBeforeSending) };
    if (old) {
      const forget = () => this.#open.delete(old);
      old.close().then(forget, forget);
    }
    return this.#current.dispatcher;
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((pool) => pool.destroy()));
  }
}

function createPool(tls: Tls, connections: number, proxy: string | undefined): Agent | ProxyAgent {
  const connect = { timeout: 10_000, ...tls };
  const options = {
    connections,
    pipelining: 1,
    // Undici 8 would offer HTTP/2, and the API server takes it. Then a silent connection takes all requests with it,
    // ending one does not end the connection, and `connections` bounds nothing. Figures: docs/decisions/0003-http-1-1.md.
    allowH2: false,
    keepAliveTimeout: 60_000,
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  return proxy
    ? new ProxyAgent({ ...options, uri: proxy, connectTimeout: 10_000, requestTls: tls })
    : new Agent({ ...options, connect });
}

/** What a request may ask for in its options. */
export type Asked = { beforeSending?: () => void };

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
