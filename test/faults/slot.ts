/**
 * A slot: some namespaces, and operators that watch them alone, each behind a proxy of its own. Runs follow one another
 * in it, each with fresh names, so that nothing has to be started for a run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import {
  createDesk,
  type Desk,
  type LogLine,
  type Operator,
  serviceAccount,
  startOperator,
  until,
} from '../operator.ts';
import { type Account, allowLease, createAccount } from './accounts.ts';
import type { Armed } from './faults.ts';
import { type Everywhere, everywhere, type Place, places, watchedPlaces } from './places.ts';
import { type FaultProxy, type Seen, startProxy } from './proxy.ts';
import type { Committed } from './revisions.ts';
import { leaseSeconds as shortestLease } from './scenarios.ts';

/** An operator and the proxy that it talks through. */
export type Replica = {
  readonly proxy: FaultProxy;
  /** Ends it and starts another. */
  readonly restart: (signal: NodeJS.Signals) => Promise<void>;
  /** Stops its process for so long, in milliseconds. */
  readonly freeze: (milliseconds: number) => Promise<void>;
  /** On `performance.now()`: the end of its lease, as the API server and everybody else see it; 0 without one. */
  readonly leaseUntil: () => number;
  /** True from the start of its process to its first request: how long that takes is the machine's. */
  readonly isStarting: () => boolean;
  /** Waits until it watches; starts another if it ended. */
  readonly revive: () => Promise<void>;
  /** The lines of its log since the last call. */
  readonly takeLog: () => LogLine[];
  /** How it ended, if nobody asked it to. */
  readonly unexpectedEnd: () => string | undefined;
};

export type Slot = {
  readonly desks: Everywhere<Desk>;
  readonly replicas: readonly Replica[];
  /** Where the operators have every right that they need, as far as people have seen to it. */
  readonly served: Set<Place>;
  /** Gives and takes the operators' rights; undefined where they share an account with those of other slots. */
  readonly account: Account | undefined;
  /** The faults of a run; undefined: nothing befalls anybody. */
  armed: Armed | undefined;
  /** Told of every revision in its namespaces. */
  take: (committed: Committed) => void;
  /** Told when a request is answered or over. */
  over: () => void;
  /** On `performance.now()`: until when something that befell all slots excuses the operators. */
  excusedUntil: () => number;
  /** Requests of all replicas under way, watches and leases aside. */
  readonly inFlight: () => number;
  readonly lastActivity: () => number;
  /** As that of a proxy, for all replicas. */
  readonly answered: () => { readonly answers: number; readonly milliseconds: number };
  /** True when every replica watches both kinds wherever it may. */
  readonly isConnected: () => boolean;
  /** The one whose lease lasts longest. */
  readonly leader: () => Replica;
  /** Writes that were sent after the sender's lease, since the last call. */
  readonly takeLate: () => string[];
  /** Ends by SIGTERM that broke R11.1, since the last call. */
  readonly takeBadEnds: () => string[];
  /** Resolves when something happened that may be worth a look, or after `milliseconds`. */
  readonly stir: (milliseconds: number) => Promise<void>;
  /** Wakes who waits for `stir`. */
  readonly wake: () => void;
  /** Ends the operators, orderly. Gives what was bad in their ends, and what their logs tell since the last run. */
  readonly close: () => Promise<string[]>;
};

export type SlotOptions = {
  readonly plane: ControlPlane;
  readonly namespace: string;
  /** Of the operator's ServiceAccount. */
  readonly kubeconfig: string;
  /** Directory with a built operator; that of this project by default. */
  readonly operator?: string | undefined;
  readonly replicas?: number;
  /** Of two replicas; the least that the operator takes by default. */
  readonly leaseSeconds?: number;
  /** True for an account of the slot's own, so that its rights can be taken away. */
  readonly ownAccount?: boolean;
  /** True for an API server that gives lists in pages alone. */
  readonly pages?: boolean;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

/** How long a process may take to end after SIGTERM, in milliseconds: R11.1. */
const stopsWithin = 5_000;

/** Lines of a log that no fault excuses: L3. */
export const defectsIn = (log: readonly LogLine[]): string[] =>
  log
    .filter(({ msg }) => /defect|unhandled|uncaught/i.test(msg))
    .map((line) => `L3: ${JSON.stringify(line).slice(0, 500)}`);

/** Makes the namespaces and starts what they need. Resolves when every operator watches. */
export async function openSlot(options: SlotOptions): Promise<Slot> {
  const { plane, namespace, replicas: wanted = 1 } = options;
  const desks = everywhere((place) => createDesk(plane, place === 'home' ? namespace : `${namespace}-${place}`));
  await Promise.all(places.map((place) => desks[place].open()));
  const account = options.ownAccount ? await createAccount(plane, desks) : undefined;
  const replicas: Replica[] = [];
  const closers: (() => Promise<void>)[] = [];
  const badEnds: string[] = [];
  if (wanted > 1) await allowLease(plane, namespace, account?.subject ?? serviceAccount);
  const waiting = new Set<() => void>();
  const late: string[] = [];
  const slot: Slot = {
    ...{ desks, replicas, account, served: new Set(watchedPlaces) },
    ...{ armed: undefined, take: () => {}, over: () => {}, excusedUntil: () => 0 },
    inFlight: () => replicas.reduce((sum, { proxy }) => sum + proxy.inFlight(), 0),
    lastActivity: () => Math.max(...replicas.map(({ proxy }) => proxy.lastActivity())),
    answered: () => ({
      answers: replicas.reduce((sum, { proxy }) => sum + proxy.served().answers, 0),
      milliseconds: replicas.reduce((sum, { proxy }) => sum + proxy.served().milliseconds, 0),
    }),
    isConnected: () => replicas.every(({ proxy }) => watchesAll(slot, proxy)),
    leader: () => replicas.toSorted((a, b) => b.leaseUntil() - a.leaseUntil())[0] as Replica,
    takeLate: () => late.splice(0),
    takeBadEnds: () => badEnds.splice(0),
    wake() {
      for (const over of waiting) over();
    },
    stir: (milliseconds) =>
      new Promise((resolve) => {
        const over = () => {
          clearTimeout(timer);
          waiting.delete(over);
          resolve();
        };
        const timer = setTimeout(over, milliseconds);
        waiting.add(over);
      }),
    async close() {
      await Promise.all(closers.map((close) => close()));
      return [...badEnds.splice(0), ...replicas.flatMap(({ takeLog }) => defectsIn(takeLog()))];
    },
  };
  await Promise.all(
    Array.from({ length: wanted }, async (_, number) => {
      const { replica, close } = await openReplica(slot, number, { late, badEnds }, options);
      replicas.push(replica);
      closers.push(close);
    }),
  );
  return slot;
}

const watchesAll = ({ desks, served }: Slot, proxy: FaultProxy): boolean => {
  const watched = proxy.watching();
  return [...served].every((place) =>
    ['licensesettings', 'configmaps'].every((resource) => watched.includes(`${desks[place].namespace}/${resource}`)),
  );
};

async function openReplica(
  slot: Slot,
  number: number,
  { late, badEnds }: { late: string[]; badEnds: string[] },
  options: SlotOptions,
) {
  const { plane, namespace, replicas = 1, pages = false, flags = [], env, leaseSeconds = shortestLease } = options;
  const kubeconfig = slot.account?.kubeconfig ?? options.kubeconfig;
  let operator: Operator | undefined;
  let ended: string | undefined;
  let closed = false;
  let starting: Promise<void> = Promise.resolve();
  let leaseUntil = 0;
  let silent = true;
  /** The process that the last request came from. */
  let heard: Operator | undefined;
  const old: LogLine[] = [];
  const elects =
    replicas > 1 ? ['--leader-elect', '--lease-namespace', namespace, '--lease-seconds', `${leaseSeconds}`] : [];
  const isWrite = ({ verb, resource }: Seen) =>
    ['create', 'update', 'delete'].includes(verb) && resource !== 'leases' && resource !== 'events';
  const proxy = await startProxy({
    ...{ plane, pages },
    decide(request) {
      silent = false;
      heard = operator;
      if (elects.length > 0 && isWrite(request) && request.at > leaseUntil) {
        const { verb, resource, name, at } = request;
        late.push(`${verb} ${resource} ${name} arrived ${(at - leaseUntil).toFixed(0)} ms after the sender's lease`);
      }
      return slot.armed?.decide(request);
    },
    decideEvent: (watch, event) => slot.armed?.decideEvent(watch, event),
    kill: () => void restart('SIGKILL'),
    onAnswer(request) {
      if (request.resource === 'leases' && request.verb !== 'get' && (request.committed ?? 500) < 300) {
        const { spec } = JSON.parse(request.body) as { spec?: { holderIdentity?: string } };
        leaseUntil = spec?.holderIdentity ? request.at + 1000 * leaseSeconds : 0;
      }
      slot.over();
    },
    onEnd(request) {
      slot.armed?.ended(request);
      slot.over();
    },
  });
  // Thousands of operators are started: compiled once, each costs half as much.
  const compileCache = join(plane.directory, 'compile-cache');
  const through = `${kubeconfig}.${namespace}.${number}`;
  writeFileSync(through, readFileSync(kubeconfig, 'utf8').replaceAll(plane.server, proxy.server), { mode: 0o600 });

  const start = async () => {
    if (closed) return;
    const all = [
      '--watch-namespaces',
      watchedPlaces.map((place) => slot.desks[place].namespace).join(','),
      '--metrics-address',
      'off',
      '--health-address',
      'off',
      ...elects,
      ...flags,
    ];
    const started = await startOperator(plane, {
      ...{ kubeconfig: through, flags: all, env: { NODE_COMPILE_CACHE: compileCache, ...env } },
      directory: options.operator,
    });
    operator = started;
    // Without this a process that ends by itself is noticed by nobody.
    void started.exit().then((code) => {
      if (operator === started && !closed) ended = `exit code ${code}`;
    });
  };
  /** Ends a process. One that has not asked for anything yet may not have got so far as to know SIGTERM. */
  const stop = async (last: Operator, signal: NodeJS.Signals) => {
    const asked = performance.now();
    const { process: child } = last;
    const isAlive = child.exitCode === null && child.signalCode === null && heard === last;
    const hurry = setTimeout(() => child.kill('SIGKILL'), 3 * stopsWithin);
    const code = await last.stop(signal);
    clearTimeout(hurry);
    const took = performance.now() - asked;
    if (signal !== 'SIGTERM' || !isAlive || (code === 0 && took <= stopsWithin)) return;
    badEnds.push(`L3: after SIGTERM the operator ended with ${code} in ${took.toFixed(0)} ms`);
  };
  const restart = async (signal: NodeJS.Signals) => {
    silent = true;
    const before = starting;
    starting = (async () => {
      await before;
      // Only now: a restart that was under way has made another one, which would be left alone and go on for ever.
      const last = operator;
      operator = undefined;
      if (last) {
        await stop(last, signal);
        leaseUntil = 0;
        silent = true;
        old.push(...last.log.splice(0));
      }
      await start();
    })();
    await starting;
  };
  const revive = async () => {
    await starting;
    if (ended !== undefined) {
      ended = undefined;
      await restart('SIGKILL');
    }
    const show = () =>
      (operator?.log ?? [])
        .slice(-5)
        .map((line) => JSON.stringify(line))
        .join('\n');
    await until(`the operator of ${namespace} watches`, async () => watchesAll(slot, proxy), 70_000, show);
  };
  await start();
  await revive();
  const replica: Replica = {
    ...{ proxy, restart, revive },
    leaseUntil: () => leaseUntil,
    isStarting: () => silent,
    async freeze(milliseconds) {
      const frozen = operator?.process;
      frozen?.kill('SIGSTOP');
      await sleep(milliseconds);
      frozen?.kill('SIGCONT');
    },
    takeLog: () => [...old.splice(0), ...(operator?.log.splice(0) ?? [])],
    unexpectedEnd: () => ended,
  };
  const close = async () => {
    closed = true;
    await starting;
    if (operator) await stop(operator, 'SIGTERM');
    await proxy.close();
  };
  return { replica, close };
}
