/** A TCP proxy before the API server that breaks connections in the ways a network does. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type CuttingProxy = {
  readonly port: number;
  /** Resets all connections; new ones work. */
  reset(): void;
  /** Resets all connections and refuses new ones, until `mend`. */
  cut(): void;
  /** Connections of now go silent for good without being closed: half open. New ones work. */
  stall(): void;
  mend(): void;
  close(): Promise<void>;
};

/** @param target port on 127.0.0.1 */
export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let open = true;
  const server = createServer((client) => {
    if (!open) return void client.destroy();
    const upstream = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    reset,
    cut() {
      open = false;
      reset();
    },
    stall() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    mend() {
      open = true;
    },
    close() {
      reset();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
