/** Wires the operator: configuration, client, controller, servers and signals. */
import { hostname } from 'node:os';
import { manager } from './api/names.ts';
import { type Config, parseConfig } from './config.ts';
import { type Controller, createController } from './controller/controller.ts';
import { maxEventsUnderWay } from './controller/event-sender.ts';
import { createClient } from './kube/client.ts';
import { randomId, systemClock, whenAborted } from './kube/clock.ts';
import { createElector, maxLeaseRequests } from './kube/elector.ts';
import { homeNamespace, loadKubeConfig } from './kube/kubeconfig.ts';
import { createElectionLog } from './observe/election.ts';
import { type Check, readinessOf } from './observe/health.ts';
import { createLogger, type Logger } from './observe/logger.ts';
import { createMetrics, type Metrics } from './observe/metrics.ts';
import { startServer } from './observe/servers.ts';
import { createStop } from './stop.ts';
import { version } from './version.ts';

/** Exit code for a configuration that can't work: starting again would not help. */
const exitUsage = 2;

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
  const { config } = parsed;
  const log = createLogger({ level: config.logLevel, format: config.logFormat });
  const clock = systemClock;
  const stop = createStop(clock, () => process.exit(0));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.ask()) log.info({ signal }, 'stopping');
    });
  }
  // It never dies of an API error: what gets here is a defect, and the caches and the queue are still whole.
  process.on('unhandledRejection', (error) =>
    log.error({ err: error }, 'unhandled rejection: a defect of the operator'),
  );

  const metrics = createMetrics();
  let client: Awaited<ReturnType<typeof createClient>>;
  let home: string;
  try {
    const kubeConfig = loadKubeConfig(
      {
        ...(config.kubeconfig === undefined ? {} : { file: config.kubeconfig }),
        ...(config.context === undefined ? {} : { context: config.context }),
      },
      process.env,
    );
    // Every worker has one request under way at most; each namespace has two watches that don't end; events, and the lease.
    const watches = 2 * Math.max(1, config.watchNamespaces.length);
    const connections = config.workers + watches + maxEventsUnderWay + maxLeaseRequests;
    home = homeNamespace(kubeConfig);
    const userAgent = `${manager}/${version}`;
    client = await createClient(kubeConfig, { clock, connections, userAgent, observe: metrics.request });
    log.info({ version, server: kubeConfig.getCurrentCluster()?.server, node: process.version }, 'starting');
  } catch (error) {
    log.fatal((error as Error).message);
    return exitUsage;
  }

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
  const others = () => [
    ...(election ? [election.check()] : []),
    ...(stop.signal.aborted ? [{ name: 'process', wrong: 'stopping' }] : []),
  ];
  let servers: Server[];
  try {
    servers = await startServers(config, { log, metrics, controller, others });
  } catch (error) {
    log.fatal((error as Error).message);
    return exitUsage;
  }

  if (stop.signal.aborted) return 0;
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
    const server = await startServer(
      { flag: '--health-address', ...config.healthAddress, clock: systemClock },
      { readiness },
    );
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
      { flag: '--metrics-address', ...config.metricsAddress, clock: systemClock },
      { metrics: render },
    );
    servers.push(server);
    log.info({ address: server.address }, 'metrics server listens: /metrics');
  }
  return servers;
}

process.exit(await main());
