/** Wires the operator: configuration, client, controller, servers and signals. */
import { hostname } from 'node:os';
import { manager } from './api/names.ts';
import { type Config, parseConfig } from './config.ts';
import { type Controller, createController } from './controller/controller.ts';
import {
  type Client,
  createClient,
  createElector,
  type Elector,
  homeNamespace,
  loadKubeConfig,
  maxEventsUnderWay,
  maxLeaseRequests,
  randomId,
  systemClock,
  whenAborted,
} from './kube/index.ts';
import { createElectionLog } from './observe/election.ts';
import { type Check, readinessOf } from './observe/health.ts';
import { createLogger, type Logger } from './observe/logger.ts';
import { createMetrics, type Metrics } from './observe/metrics.ts';
import { startServer } from './observe/servers.ts';
import { createStop } from './stop.ts';
import { version } from './version.ts';

/** Exit code for a configuration that can't work: starting again would not help. */
const exitUsage = 2;
const clock = systemClock;

async function main(): Promise<number> {
  const parsed = parseConfig(process.argv.slice(2), process.env);
  if (parsed.kind === 'print') {
    process.stdout.write(`${parsed.text}\n`);
    return 0;
  }
  if (parsed.kind === 'error') {
    for (const error of parsed.errors) process.stderr.write(`license-settings-operator: ${error}\n`);
    process.stderr.write("license-settings-operator: '--help' lists all flags\n");
    return exitUsage;
  }
  return run(parsed.config);
}

/** Runs until a signal asks it to stop. Gives the exit code. */
async function run(config: Config): Promise<number> {
  const log = createLogger({ level: config.logLevel, format: config.logFormat });
  const stop = createStop(clock, () => process.exit(0));
  listenToProcess(log, stop);
  const metrics = createMetrics();
  let client: Client;
  let parts: Parts;
  let servers: Server[];
  try {
    const kubeConfig = loadKubeConfig(connectionOf(config), process.env);
    client = await connect(config, kubeConfig, metrics);
    log.info({ version, server: kubeConfig.getCurrentCluster()?.server, node: process.version }, 'starting');
    parts = createParts(config, { log, metrics, client, home: homeNamespace(kubeConfig) });
    const { controller, election } = parts;
    const others = () => [
      ...(election ? [election.check()] : []),
      ...(stop.signal.aborted ? [{ name: 'process', wrong: 'stopping' }] : []),
    ];
    servers = await startServers(config, { log, metrics, controller, others });
  } catch (error) {
    log.fatal((error as Error).message);
    return exitUsage;
  }

  if (stop.signal.aborted) return 0;
  const { controller, elector } = parts;
  const { lead } = controller;
  const running = Promise.all([
    controller.run(stop.signal),
    elector ? elector.run(stop.signal, lead) : lead(stop.signal),
  ]);
  await whenAborted(stop.signal);
  await Promise.race([running, stop.patienceIsOver()]);
  await client.close();
  await Promise.all(servers.map((server) => server.close()));
  log.info('stopped');
  return 0;
}

function listenToProcess(log: Logger, stop: ReturnType<typeof createStop>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.ask()) log.info({ signal }, 'stopping');
    });
  }
  // It never dies of an API error: what gets here is a defect, and the caches and the queue are still whole (R11.2, L3).
  process.on('unhandledRejection', (error) =>
    log.error({ err: error }, 'unhandled rejection: a defect of the operator'),
  );
}

const connectionOf = ({ kubeconfig, context }: Config) => ({
  ...(kubeconfig === undefined ? {} : { file: kubeconfig }),
  ...(context === undefined ? {} : { context }),
});

/** Throws an Error that says what to mend when the configuration can't work. Nothing is sent yet. */
function connect(config: Config, kubeConfig: ReturnType<typeof loadKubeConfig>, metrics: Metrics): Promise<Client> {
  // Every worker has one request under way at most; each namespace has two watches that don't end; events, and the lease.
  const watches = 2 * Math.max(1, config.watchNamespaces.length);
  const connections = config.workers + watches + maxEventsUnderWay + maxLeaseRequests;
  const userAgent = `${manager}/${version}`;
  return createClient(kubeConfig, { clock, connections, userAgent, observe: metrics.request });
}

/** The parts that work. Without a lease there is no election: this process is the only one. */
type Parts = {
  readonly controller: Controller;
  readonly elector: Elector | undefined;
  readonly election: ReturnType<typeof createElectionLog> | undefined;
};
type Surroundings = {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly client: Client;
  /** The namespace of the lease, unless told. */
  readonly home: string;
};

function createParts(config: Config, { log, metrics, client, home }: Surroundings): Parts {
  const { lease } = config;
  const election = lease && createElectionLog(log, metrics, clock, lease.seconds * 1000);
  const elector =
    lease &&
    createElector({
      ...{ client, clock, name: lease.name, namespace: lease.namespace ?? home, seconds: lease.seconds },
      // The host's name is for people; the rest makes it unique also after a restart in the same pod.
      identity: `${hostname()}_${randomId(clock)}`,
      onNews: (news) => election?.tell(news),
    });
  const controller = createController({
    ...{ client, clock, log, metrics },
    namespaces: config.watchNamespaces,
    workers: config.workers,
    resync: config.resyncSeconds * 1000,
    instance: `license-settings-operator-${hostname()}`.slice(0, 128),
    ...(elector ? { fence: elector.remaining } : {}),
  });
  return { controller, elector, election };
}

type Server = { close(): Promise<void> };
type Shown = {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly controller: Controller;
  /** What a replica needs besides its scopes. */
  readonly others: () => Check[];
};

/** Starts the servers that are wanted. What they show is computed when they are asked. Rejects when one can't listen. */
async function startServers(config: Config, { log, metrics, controller, others }: Shown): Promise<Server[]> {
  const servers: Server[] = [];
  if (config.healthAddress) {
    const readiness = () => readinessOf(controller.scopes(), others());
    const server = await startServer({ flag: '--health-address', ...config.healthAddress, clock }, { readiness });
    servers.push(server);
    log.info({ address: server.address }, 'health server listens: /healthz, /readyz');
  }
  if (config.metricsAddress) {
    const render = () => {
      metrics.setObjects(controller.objects());
      for (const { namespace, watches } of controller.scopes())
        for (const { resource, synced } of watches) metrics.watchSynced(resource, namespace, synced);
      return metrics.render();
    };
    const server = await startServer(
      { flag: '--metrics-address', ...config.metricsAddress, clock },
      { metrics: render },
    );
    servers.push(server);
    log.info({ address: server.address }, 'metrics server listens: /metrics');
  }
  return servers;
}

process.exit(await main());
