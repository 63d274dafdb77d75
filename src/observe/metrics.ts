/** The operator's metrics: nothing else knows which library keeps them. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { type DropCause, dropCauses } from '../kube/index.ts';
import { version } from '../version.ts';

/** What the rest of the operator counts with. All durations are seconds. */
export type Metrics = ReturnType<typeof createMetrics>;

const prefix = 'license_settings_';
/** Bounds of the histograms. */
const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];

/** Metrics in a registry of their own, with those of the process. No function of theirs throws; all durations are seconds. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  // The delay of the event loop is measured by a timer: each 10 ms, as by default, it costs half a percent of a core at rest.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1_000 });
  const parts = {
    ...ofReconciles(registers),
    ...ofRequests(registers),
    ...ofWatches(registers),
    ...ofObjects(registers),
    ...ofEvents(registers),
  };
  new Gauge({ name: `${prefix}build_info`, help: 'The release that runs.', labelNames: ['version'], registers }).set(
    { version },
    1,
  );
  return {
    ...parts,
    /** The page of /metrics. */
    render: async () => ({ contentType: registry.contentType as string, body: await registry.metrics() }),
  };
}

function ofReconciles(registers: Registry[]) {
  const reconciles = new Counter({
    name: `${prefix}reconciles_total`,
    help: 'Reconciles by what they came to.',
    labelNames: ['outcome'],
    registers,
  });
  const reconcileTime = new Histogram({
    name: `${prefix}reconcile_duration_seconds`,
    help: 'How long a reconcile took.',
    buckets: seconds,
    registers,
  });
  const depth = new Gauge({
    name: `${prefix}queue_depth`,
    help: 'Objects that wait for a worker.',
    labelNames: ['priority'],
    registers,
  });
  return {
    /** A reconcile ended. */
    reconciled(outcome: string, duration: number): void {
      reconciles.inc({ outcome });
      reconcileTime.observe(duration);
    },
    /** How many objects wait now. */
    queueDepth: (priority: string, keys: number): void => depth.set({ priority }, keys),
  };
}

function ofRequests(registers: Registry[]) {
  const requests = new Counter({
    name: `${prefix}requests_total`,
    help: 'Requests to the API server; code 0: no answer.',
    labelNames: ['verb', 'resource', 'code'],
    registers,
  });
  const requestTime = new Histogram({
    name: `${prefix}request_duration_seconds`,
    help: 'How long a request took; watches are left out.',
    labelNames: ['verb', 'resource'],
    buckets: seconds,
    registers,
  });
  return {
    /** A request ended. `code` is the HTTP status, 0 without an answer. */
    request(verb: string, resource: string, code: number, duration: number): void {
      requests.inc({ verb, resource, code });
      if (verb !== 'watch') requestTime.observe({ verb, resource }, duration);
    },
  };
}

function ofWatches(registers: Registry[]) {
  const restarts = new Counter({
    name: `${prefix}watch_restarts_total`,
    help: 'Lists and watches that had to begin again, by reason.',
    labelNames: ['resource', 'namespace', 'reason'],
    registers,
  });
  const synced = new Gauge({
    name: `${prefix}watch_synced`,
    help: '1 while the copy is complete and current; namespace "" stands for all.',
    labelNames: ['resource', 'namespace'],
    registers,
  });
  const unreadable = new Counter({
    name: `${prefix}unreadable_objects_total`,
    help: 'Objects that could not be read, each time that they came: a defect of the operator.',
    labelNames: ['resource'],
    registers,
  });
  return {
    /** A list or watch had to begin again. */
    watchRestarted: (resource: string, namespace: string, reason: string): void =>
      restarts.inc({ resource, namespace, reason }),
    /** Whether the copy of a resource in a namespace, '' for all, is complete and current. */
    watchSynced: (resource: string, namespace: string, is: boolean): void =>
      synced.set({ resource, namespace }, is ? 1 : 0),
    /** An object came that could not be read. */
    unreadable: (resource: string): void => unreadable.inc({ resource }),
  };
}

function ofObjects(registers: Registry[]) {
  const objects = new Gauge({
    name: `${prefix}objects`,
    help: 'LicenseSettings by the reason of their Ready condition; namespace "" stands for all.',
    labelNames: ['namespace', 'reason'],
    registers,
  });
  const leader = new Gauge({
    name: `${prefix}leader`,
    help: '1 while this process may write: it holds the lease, or runs without one.',
    registers,
  });
  leader.set(1);
  return {
    /** Objects by namespace, '' for all, and reason; a reason that is not in the map is gone. */
    setObjects(counts: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
      objects.reset();
      for (const [namespace, reasons] of counts)
        for (const [reason, count] of reasons) objects.set({ namespace, reason }, count);
    },
    /** This process may write, or not. */
    leading: (yes: boolean): void => leader.set(yes ? 1 : 0),
  };
}

function ofEvents(registers: Registry[]) {
  const eventFailures = new Counter({
    name: `${prefix}events_failed_total`,
    help: 'Events that could not be sent.',
    registers,
  });
  const eventDrops = new Counter({
    name: `${prefix}events_dropped_total`,
    help: 'Events that were not sent: replaced by a later one of the object, or too many.',
    labelNames: ['cause'],
    registers,
  });
  for (const cause of dropCauses) eventDrops.inc({ cause }, 0);
  return {
    /** An event could not be sent. */
    eventFailed: (): void => eventFailures.inc(),
    /** An event was left out, and why. */
    eventDropped: (cause: DropCause): void => eventDrops.inc({ cause }),
  };
}
