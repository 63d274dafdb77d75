/** The two small HTTP servers: health and metrics. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { shownText } from '../api/text.ts';
import type { Clock } from '../kube/index.ts';
import {
  boundAnswers,
  boundConnections,
  maxConnections,
  metricsConnectionsPerSecond,
  rateOf,
  sharedFor,
} from './crowd.ts';
import { pageOf, type Readiness } from './health.ts';

/** What a server answers. */
export type Routes = {
  /** /healthz, and /readyz with or without ?verbose. */
  readonly readiness?: () => Readiness;
  /** /metrics. */
  readonly metrics?: () => Promise<{ contentType: string; body: string }>;
};

/** In milliseconds. A client that is slow or silent must not hold a connection; Node looks for those once an interval. */
const limits = {
  ...{ headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 },
  keepAliveTimeout: 5_000,
};
/** One rendering of the metrics serves all who ask within this time, in milliseconds. */
const renderingServes = 1_000;

/**
 * Listens on an address. `flag` is the one it came from.
 *
 * @throws Error (rejects) when it can't listen, such as on a port that is taken: it names the flag, the address and the mend.
 * @returns where it listens, and a way to end it at once.
 */
export async function startServer(
  { flag, host, port, clock }: { flag: string; host: string; port: number; clock: Clock },
  { readiness, metrics }: Routes,
): Promise<{ address: string; close(): Promise<void> }> {
  const pages = new Map<string, (response: ServerResponse, query: URLSearchParams) => void | Promise<void>>();
  if (readiness) {
    pages.set('/healthz', (response) => send(response, 200, 'ok\n')); // R11.3
    pages.set('/readyz', (response, query) => {
      const now = readiness();
      send(response, now.ready ? 200 : 503, pageOf(now, query.has('verbose')));
    });
  }
  if (metrics) {
    // As bytes, so that those who read slowly hold one copy together.
    const render = sharedFor(renderingServes, clock, async () => {
      const { contentType, body } = await metrics();
      return { contentType, body: Buffer.from(body) };
    });
    pages.set('/metrics', async (response) => {
      const { contentType, body } = await render();
      send(response, 200, body, contentType);
    });
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = '', query] = (request.url ?? '').split('?');
    const page = pages.get(path);
    try {
      if (!page) send(response, 404, `not found: ${[...pages.keys()].join(', ')}\n`);
      else if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD');
        send(response, 405, 'only GET and HEAD\n');
      } else await page(response, new URLSearchParams(query));
    } catch (error) {
      send(response, 500, `${shownText((error as Error).message)}\n`);
    }
  };
  const server = createServer(
    limits,
    boundAnswers(clock, (request, response) => void answer(request, response)),
  );
  // A kubelet's probe is never turned away: without an answer it would start the process again.
  const rate = rateOf(clock, maxConnections, metricsConnectionsPerSecond);
  boundConnections(server, readiness ? () => true : rate);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'the port is taken' : cause.message;
      reject(new Error(`${flag} ${host}:${port}: ${why}: give another address, or 'off'`, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    address: bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, code: number, body: string | Buffer, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}
