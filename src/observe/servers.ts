/** The two small HTTP servers: health and metrics. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server answers. */
export type Routes = {
  /** /healthz and /readyz: what is not ready, in words; empty when ready. */
  readonly notReady?: () => string[];
  /** /metrics. */
  readonly metrics?: () => Promise<{ contentType: string; body: string }>;
};

/** In milliseconds. A client that is slow or silent must not hold a connection; Node looks for those once an interval. */
const limits = { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 };

/**
 * Listens on an address. `flag` is the one it came from.
 *
 * @throws Error (rejects) when it can't listen, such as on a port that is taken: it names the flag, the address and the mend.
 * @returns where it listens, and a way to end it at once.
 */
export async function startServer(
  { flag, host, port }: { flag: string; host: string; port: number },
  { notReady, metrics }: Routes,
): Promise<{ address: string; close(): Promise<void> }> {
  const pages = new Map<string, (response: ServerResponse) => void | Promise<void>>();
  if (notReady) {
    pages.set('/healthz', (response) => send(response, 200, 'ok\n'));
    pages.set('/readyz', (response) => {
      const missing = notReady();
      send(response, missing.length > 0 ? 503 : 200, missing.length > 0 ? `${missing.join('\n')}\n` : 'ok\n');
    });
  }
  if (metrics) {
    pages.set('/metrics', async (response) => {
      const { contentType, body } = await metrics();
      send(response, 200, body, contentType);
    });
  }
  const server = createServer(limits, async (request, response) => {
    const page = pages.get((request.url ?? '').split('?')[0] ?? '');
    try {
      if (!page) send(response, 404, `not found: ${[...pages.keys()].join(', ')}\n`);
      else if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD');
        send(response, 405, 'only GET and HEAD\n');
      } else await page(response);
    } catch (error) {
      send(response, 500, `${(error as Error).message}\n`);
    }
  });
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

function send(response: ServerResponse, code: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}
