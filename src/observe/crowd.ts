/**
 * Bounds for servers that answer whoever reaches them, without credentials: what a crowd of clients costs does not depend on
 * how many they are, or on whether they read.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../kube/index.ts';

/** Most connections at a time. One more ends the oldest: a probe that comes last is answered all the same. */
export const maxConnections = 64;
/** Connections to the metrics that are taken in a second once as many as are kept came at once: each may bring 64 KiB of requests. */
export const metricsConnectionsPerSecond = 10;
/** Most requests on one connection. Node's own bound, maxRequestsPerSocket, asks the client to close it, and does not. */
export const maxRequests = 100;
/** How long an answer may take until the client has read it but for what the kernel buffers, in milliseconds. */
export const answerWithin = 5_000;

/**
 * Ends the oldest connection where there is one too many.
 *
 * @param mayCome whether one more is taken now; asked once for each.
 */
export function boundConnections(server: Server, mayCome: () => boolean): void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    if (!mayCome()) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const [oldest] = sockets;
    if (sockets.size > maxConnections) oldest?.destroy();
  });
}

/** True as often as `burst` at once, and then `perSecond` times a second. */
export function rateOf(clock: Clock, burst: number, perSecond: number): () => boolean {
  let left = burst;
  let last = clock.monotonic();
  return () => {
    const now = clock.monotonic();
    left = Math.min(burst, left + ((now - last) / 1_000) * perSecond);
    last = now;
    if (left < 1) return false;
    left--;
    return true;
  };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * A handler that ends the connection of who does not read an answer in time, or sends the next request before it has: no
 * probe and no Prometheus does either, and answers would wait in memory.
 */
export function boundAnswers(clock: Clock, handle: Handler): Handler {
  const states = new WeakMap<Socket, { answering: boolean; requests: number }>();
  return (request, response) => {
    const { socket } = request;
    const state = states.get(socket) ?? { answering: false, requests: 0 };
    states.set(socket, state);
    if (state.answering) {
      socket.destroy();
      return;
    }
    state.answering = true;
    state.requests++;
    if (state.requests >= maxRequests) response.shouldKeepAlive = false;
    const cancel = clock.after(answerWithin, () => socket.destroy());
    response.once('close', () => {
      cancel();
      state.answering = false;
    });
    handle(request, response);
  };
}

/** What is made serves all who ask within this time, in milliseconds. A failure serves only those who wait for it. */
export function sharedFor<T>(milliseconds: number, clock: Clock, make: () => Promise<T>): () => Promise<T> {
  let made: { readonly at: number; readonly what: Promise<T> } | undefined;
  return () => {
    const now = clock.monotonic();
    if (made && now - made.at < milliseconds) return made.what;
    const mine = { at: now, what: make() };
    made = mine;
    mine.what.catch(() => {
      if (made === mine) made = undefined;
    });
    return mine.what;
  };
}
