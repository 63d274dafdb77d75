/** A TLS proxy before the API server, with its certificate: each request takes a while longer, and none is lost. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../controlplane/controlplane.ts';

export type SlowProxy = {
  /** Path of a copy of a kubeconfig of the control plane that leads through this proxy. */
  through(kubeconfig: string): string;
  close(): Promise<void>;
};

/** @param delay of each request on its way to the API server, in milliseconds. */
export async function startSlowProxy(plane: ControlPlane, delay: number): Promise<SlowProxy> {
  const upstream = new Agent({ ca: readFileSync(plane.ca), keepAlive: true });
  const server = createServer({
    key: readFileSync(join(plane.directory, 'certs', 'apiserver.key')),
    cert: readFileSync(join(plane.directory, 'certs', 'apiserver.crt')),
    keepAliveTimeout: 120_000,
  });
  server.on('request', async (asked, answer) => {
    const quiet = () => {};
    asked.on('error', quiet);
    await sleep(delay);
    const { method, headers, url } = asked;
    const forwarded = request(`${plane.server}${url}`, { method, headers, agent: upstream }, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answer.flushHeaders();
      answered.on('error', () => answer.destroy()).pipe(answer);
    });
    forwarded.on('error', () => answer.destroy());
    answer.on('error', quiet).on('close', () => forwarded.destroy());
    asked.pipe(forwarded);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    through(kubeconfig) {
      const file = `${kubeconfig}.slow-${delay}`;
      const text = readFileSync(kubeconfig, 'utf8').replaceAll(plane.server, `https://127.0.0.1:${port}`);
      writeFileSync(file, text, { mode: 0o600 });
      return file;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      upstream.destroy();
    },
  };
}
