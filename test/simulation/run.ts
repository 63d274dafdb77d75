/** Runs one schedule: replicas of the whole operator, the simulated API server, and a judge of what is committed. */
import { defaultSettleSeconds } from '../../src/api/licensesettings.ts';
import { createController } from '../../src/controller/controller.ts';
import type { Client } from '../../src/kube/client.ts';
import { createElector } from '../../src/kube/elector.ts';
import type { Metrics } from '../../src/observe/metrics.ts';
import { validate } from '../../src/settings/validate.ts';
import { expectedWithin, isFailing, isTaken, isUnderWay } from '../contract/excuses.ts';
import { createLeaseJudge } from '../contract/leases.ts';
import { overdue } from '../contract/liveness.ts';
import { isGuarded } from '../contract/requests.ts';
import type { Stored } from '../contract/revision.ts';
import { type Action, carryOut } from '../support/actions.ts';
import { actFor, isActor } from '../support/actors.ts';
import { seededRandom } from '../support/random.ts';
import { createBenches } from './benches.ts';
import { createCosts } from './costs.ts';
import { createDesk } from './desk.ts';
import { beginCourse, createExcuses, keyOf, leaseSeconds, leaseTime, slack } from './excuses.ts';
import { createNetwork } from './network.ts';
import { home, type Schedule } from './schedule.ts';
import { createScheduler, type Process } from './scheduler.ts';
import { type Answer, createServer } from './server.ts';
import { inShort, logger } from './words.ts';

export type Result = {
  /** What went wrong, each with the virtual time; empty when all is well. */
  readonly violations: readonly string[];
  readonly revisions: number;
  readonly requests: number;
  /** Faults that met something, by kind. */
  readonly met: ReadonlyMap<string, number>;
  /** Virtual milliseconds from the last disturbance until everything was as it should be. */
  readonly convergedAfter: number;
  /** How often a 'settle' of the actions found everything settled, and how often it went on without. */
  readonly settles: { readonly reached: number; readonly missed: number };
};

export type RunOptions = {
  /** Told of everything that happens, in words. */
  readonly trace?: ((line: string) => void) | undefined;
  /** Puts something between the operator and its client: to see that what it spoils is found. */
  readonly spoil?: ((client: Client) => Client) | undefined;
};

const resync = 120_000;
/** Longer than a resync, and than a watch. Milliseconds, as all below. */
const quietFor = 140_000;
const { soon, slowly } = expectedWithin;
const collectorDelay = 1_000;
/** A 'settle' of the actions waits no longer than this, from when others let go where they did so meanwhile: `isCalm` waits for less. */
const settlePatience = slowly + soon + slack + collectorDelay;
/** Main ends a process that has not ended itself so long after SIGTERM. */
const stopPatience = 4_000;
/** Between two looks at what the statuses say. */
const lookEvery = 1_000;

let broken: ((error: unknown) => void) | undefined;
process.on('unhandledRejection', (error) => {
  if (!broken) throw error;
  broken(error);
});

type Replica = { readonly process: Process; readonly stop: AbortController; readonly ended: Promise<void> };

export async function runSchedule(
  schedule: Schedule,
  { trace, spoil = (client) => client }: RunOptions = {},
): Promise<Result> {
  const { seed, actions, faults, replicas, horizon, election, rules, lasting, watched = [] } = schedule;
  const random = seededRandom(seed ^ 0x5eed);
  const scheduler = createScheduler();
  const violations: string[] = [];
  const say = trace && ((line: string) => trace(`${(scheduler.now / 1000).toFixed(4).padStart(9)} ${line}`));
  const fail = (what: string) => {
    say?.(`VIOLATION ${what}`);
    if (violations.length < 20) violations.push(`${(scheduler.now / 1000).toFixed(3)} s: ${what}`);
  };
  broken = (error) => fail(`L3: unhandled rejection: ${(error as Error)?.stack ?? error}`);

  const isWatched = (namespace: string) => watched.length === 0 || watched.includes(namespace);
  const snapshot = (namespace: string) => ({
    settings: server.all('licensesettings', namespace) as unknown as Stored[],
    configMaps: server.all('configmaps', namespace) as unknown as Stored[],
  });
  const benches = createBenches({
    ...{ fail, snapshot, isWatched },
    mayGoBack: faults.some((one) => one.on === 'time' && one.fault.kind === 'restore'),
  });
  /** Every object that the operator knows of. */
  const allSettings = () =>
    server.all('licensesettings').filter(({ metadata: { namespace } }) => isWatched(namespace)) as unknown as Stored[];
  let [revisions, requests, lastWork] = [0, 0, 0];
  const course = beginCourse(lasting);
  const settles = { reached: 0, missed: 0 };
  let quiet = false;
  let over = false;
  const server = createServer({
    now: scheduler.wall,
    onChange(change) {
      const { version, type, object, by } = change;
      const holderBefore = (change.previous?.['spec'] as { holderIdentity?: string } | undefined)?.holderIdentity;
      if (object.kind === 'Lease' && holderOf() !== holderBefore) course.movedAt = scheduler.now;
      if (object.kind !== 'LicenseSettings' && object.kind !== 'ConfigMap') return;
      revisions++;
      if (isTaken(object) || (change.previous && isTaken(change.previous)))
        course.takenAt.set(keyOf(object), scheduler.now);
      say?.(`@${version} ${type} ${object.kind} ${inPlace(object)} by ${by}${inShort(object)}`);
      if (by === 'desk') costs.changed(change);
      benches.take(change, {
        ...{ now: scheduler.now, late: network.landsLate, sent: network.landsSent },
        calmSince: Math.max(network.disturbedUntil, course.movedAt, course.restoredAt),
      });
      collectSoon();
    },
    admit(object, sender) {
      if (!rules || sender.startsWith('operator') || object.kind !== 'LicenseSettings') return undefined;
      const { errors } = validate({ name: object.metadata.name, spec: object['spec'] });
      return errors[0] && `${errors[0].field}: ${errors[0].message}`;
    },
  });
  function collectSoon() {
    if (course.collecting) return;
    course.collecting = true;
    scheduler.after(5 + random() * collectorDelay, () => {
      course.collecting = false;
      if (!server.collect(random() < 0.5)) return;
      course.collectedAt = scheduler.now;
      collectSoon();
    });
  }

  /** Who is kept from looking has not found out yet that the store went back. */
  function recover() {
    const left = Math.max(network.disturbedUntil, course.movedAt + (election ? leaseTime : 0)) + soon - scheduler.now;
    if (left > 0) scheduler.after(left, recover);
    else benches.recovered();
  }

  const costs = createCosts(server);
  /** True for a request of an object that waits for a name: it looks at it each minute. */
  const isOfTaken = (request: Parameters<typeof costs.mayBeOf>[0]): boolean =>
    allSettings().some((one) => isTaken(one) && costs.mayBeOf(request, keyOf(one)));
  const leases = createLeaseJudge(leaseSeconds);
  const network = createNetwork({
    ...{ scheduler, server, random, faults, horizon, trace: say },
    crash: (victim, restart) => crash(victim, restart),
    onRestore(version) {
      course.restoredAt = scheduler.now;
      benches.wentBack(version, scheduler.now);
      compared = undefined;
      collectSoon();
      scheduler.after(slowly, recover);
    },
    onSend({ name }, type, { path, body }, method) {
      requests++;
      const tooMany = costs.sent(name, { method, path, body }, scheduler.now);
      if (tooMany) fail(tooMany);
      if (!isGuarded(method, body)) fail(`rule 6: ${method} ${path} without uid or resourceVersion`);
      // A list that comes as a stream is a request like any other.
      if ((type === 'watch' && !path.includes('sendInitialEvents=true')) || type === 'lease') return;
      lastWork = scheduler.now;
      if (quiet && !isOfTaken({ method, path, body })) fail(`S8: a request once quiet: ${method} ${path}`);
      if (!election || (type !== 'configmap' && type !== 'status')) return;
      const write = {
        by: name,
        what: `${method} ${path}`,
        now: scheduler.now,
        holder: holderOf(),
        restoredAt: course.restoredAt,
      };
      for (const wrong of leases.write(write)) fail(wrong);
    },
    onFailure: ({ name }, request, method) => costs.failed(name, { ...request, method }, scheduler.now),
    onArrive({ name }, { resource }, method, answer, sent) {
      const lease = resource === 'leases' && method !== 'GET' && answer.code < 300 ? leaseIn(answer) : undefined;
      if (lease) leases.landed(name, lease, sent);
    },
    // Who gets no answer, and reads the lease, finds what it wrote itself.
    onAnswer({ name }, { resource }, _, answer) {
      const lease = resource === 'leases' && answer.code < 300 ? leaseIn(answer) : undefined;
      if (lease) leases.told(name, lease);
    },
  });

  const running: (Replica | undefined)[] = [];
  let births = 0;
  const stops: AbortController[] = [];
  function boot(replica: number) {
    const birth = births++;
    const name = `operator-${replica}${birth < replicas ? '' : `.${birth}`}`;
    const child = scheduler.spawn(name, seed + 7919 * birth);
    say?.(`${name} starts`);
    course.movedAt = scheduler.now;
    const { clock } = child;
    const client = spoil(network.connect(child));
    const log = logger(name, fail, say);
    const stop = new AbortController();
    stops.push(stop);
    const elector = election
      ? createElector({
          ...{ client, clock, namespace: leaseNamespace, name: leaseName, identity: name, seconds: leaseSeconds },
          onNews(news) {
            if (news.kind === 'lost') {
              course.movedAt = scheduler.now;
              // As client-go's elector does, at every delay that leaves a renewal its time.
              if (course.lasting?.kind === 'slow')
                fail(`L1: ${name} loses its lease, though no request is lost: ${news.why}`);
            }
            say?.(`${name}: ${JSON.stringify(news)}`);
          },
        })
      : undefined;
    const controller = createController({
      ...{ client, clock, log, metrics: noMetrics, namespaces: watched, workers: 4, resync, instance: name },
      ...(elector ? { fence: elector.remaining } : {}),
    });
    const { lead } = controller;
    const { signal } = stop;
    const ended = Promise.all([controller.run(signal), elector ? elector.run(signal, lead) : lead(signal)]).then(
      () => {
        if (!signal.aborted) fail(`L3: ${name} ended by itself`);
      },
      (error) => fail(`L3: ${name} died: ${(error as Error).stack}`),
    );
    running[replica] = { process: child, stop, ended };
  }
  const holderOf = () =>
    (server.get('leases', leaseNamespace, leaseName)?.['spec'] as { holderIdentity?: string })?.holderIdentity;
  const leader = () =>
    Math.max(
      0,
      running.findIndex((one) => one?.process.name === holderOf()),
    );
  function crash(victim: Process, restart: number) {
    if (!victim.alive || over) return;
    const replica = running.findIndex((one) => one?.process === victim);
    say?.(`${victim.name} is killed`);
    course.movedAt = scheduler.now;
    victim.kill();
    running[replica] = undefined;
    network.disturb(restart);
    scheduler.after(restart, () => boot(replica), world);
  }
  /** As SIGTERM, and a new process when it has ended. */
  async function restart(replica: number) {
    const old = running[replica];
    if (!old) return;
    say?.(`${old.process.name} is asked to end`);
    const began = scheduler.now;
    old.stop.abort();
    await Promise.race([old.ended, wait(stopPatience)]);
    if (!old.process.alive) return;
    say?.(`${old.process.name} has ended after ${(scheduler.now - began).toFixed(0)} ms`);
    course.movedAt = scheduler.now;
    old.process.kill();
    await wait(random() * 300);
    boot(replica);
  }

  /** What is no replica, but settles promises. */
  const world = scheduler.spawn('world', seed);
  const wait = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      scheduler.after(milliseconds, resolve, world);
    });
  network.start((replica) => running[replica]?.process);
  for (let replica = 0; replica < replicas; replica++) scheduler.after(random() * 200, () => boot(replica), world);

  /** Asked often, and the same until something is committed. */
  let compared: { revisions: number; found: string[] } | undefined;
  const left = () => {
    if (compared?.revisions !== revisions) compared = { revisions, found: benches.differences() };
    return compared.found;
  };
  let [acted, actedAt] = [false, 0];
  const isLed = () => !election || running.some((one) => one?.process.name === holderOf());
  const isCalm = () =>
    // A reflector that has failed comes back within 4 s, or when it was told to.
    scheduler.now >
      Math.max(
        Math.max(network.disturbedUntil, network.patientUntil) + soon,
        Math.max(actedAt, lastWork) + collectorDelay + 500,
      ) &&
    !network.busy &&
    !course.collecting &&
    course.acting === 0 &&
    // What was fought about is looked at again within a minute, and told when it holds.
    scheduler.now > course.actingUntil + slowly &&
    !allSettings().some((one) => isUnderWay(one) || isFailing(one)) &&
    running.every(Boolean) &&
    isLed();
  const settle = Math.max(0, ...actions.map(({ action }) => settleOf(action)));
  const { boundFrom, isExcused, isOfOthers } = createExcuses({
    ...{ scheduler, network, course, allSettings, isWatched, isLed, election, settle },
    isWhole: () => running.every(Boolean),
  });
  const isUndone = () => left().some(isOfOthers);
  const lookAtStatuses = () => {
    benches.look(scheduler.now, isExcused);
    if (!over) scheduler.after(lookEvery, lookAtStatuses);
  };
  scheduler.after(lookEvery, lookAtStatuses);
  async function settleDown() {
    const from = scheduler.now;
    for (;;) {
      await wait(500);
      const calmFrom =
        course.acting > 0
          ? scheduler.now
          : Math.max(from, network.disturbedUntil, course.collectedAt, course.actingUntil);
      const late = left().find((one) => isOfOthers(one) && scheduler.now > calmFrom + boundFrom(calmFrom, one));
      if (late !== undefined) return fail(`L1: ${late} (it does not settle)`);
      // Too late is told as soon as that is certain; what else keeps it from settling is waited for a while.
      const waitsFrom = course.acting > 0 ? from : Math.max(from, course.actingUntil);
      if (scheduler.now > waitsFrom + settlePatience + settle && (!isUndone() || scheduler.now < calmFrom)) break;
      if (!isCalm() || left().length > 0) continue;
      say?.('settled');
      settles.reached++;
      benches.settled(isTaken);
      compared = undefined;
      return;
    }
    say?.('not settled');
    settles.missed++;
  }

  let fresh = 0;
  const work = { server, fresh: () => String(++fresh), pause: () => wait(100) };
  const desk = createDesk({ ...work, sender: 'desk', desks: new Map() }, home);
  const machines = createDesk({ ...work, sender: 'actor', desks: new Map() }, home);
  function begin(action: Parameters<typeof actFor>[0]): void {
    course.acting++;
    actFor(action, machines)
      .catch((error) => fail(`the harness: ${(error as Error).stack}`))
      .finally(() => {
        course.acting--;
        course.actingUntil = scheduler.now;
        say?.(`over: ${JSON.stringify(action)}`);
      });
  }
  async function act(action: Action): Promise<void> {
    if (isActor(action)) return begin(action);
    switch (action.do) {
      case 'settle':
        return settleDown();
      case 'pause':
        return wait(action.milliseconds);
      case 'restart':
        return restart(0);
      case 'fail over':
        return restart(leader());
      case 'kill': {
        const victim = running[leader()];
        if (victim) crash(victim.process, random() * 3_000);
        return;
      }
      default: {
        const result = await carryOut(action, desk);
        say?.(result);
      }
    }
  }
  (async () => {
    for (const { after, action } of actions) {
      await wait(after);
      say?.(`action: ${JSON.stringify(action)}`);
      await act(action);
      actedAt = scheduler.now;
    }
    acted = true;
  })().catch((error) => fail(`the harness: ${(error as Error).stack}`));

  let stopLasting = () => {};
  if (lasting) {
    const start = () => {
      say?.(`fault: ${JSON.stringify(lasting)}`);
      stopLasting = network.begin(lasting);
    };
    // From the very beginning on: before anybody has asked for anything.
    if (lasting.from) scheduler.after(lasting.from, start);
    else start();
  }
  await scheduler.run(3_600_000, () => acted || violations.length > 0);
  await scheduler.run(Math.max(scheduler.now, horizon), () => violations.length > 0);
  // A fault that has begun may last, or make another wait.
  const untilUndisturbed = async () => {
    while ((network.disturbedUntil > scheduler.now || course.acting > 0) && violations.length === 0)
      await scheduler.run(Math.max(network.disturbedUntil, scheduler.now + 100));
  };
  await untilUndisturbed();

  async function converge(what: string, isSlow: boolean, missing: () => string[]): Promise<number> {
    const from = scheduler.now;
    const late = () =>
      overdue(missing(), scheduler.now, (one) => Math.max(from, course.collectedAt) + boundFrom(from, one, isSlow));
    while (missing().length > 0 && late().length === 0 && violations.length === 0)
      await scheduler.run(scheduler.now + 250);
    for (const one of violations.length > 0 ? [] : late())
      fail(`${what}: ${one} (${boundFrom(from, one, isSlow) / 1000} s after the last fault)`);
    return scheduler.now - from;
  }
  if (lasting) {
    await converge('L2', false, () => left().filter(isOfOthers));
    stopLasting();
    course.lasting = undefined;
    network.disturb(lasting.kind === 'poison' && lasting.code === 0 ? 15_000 : 0);
    await untilUndisturbed();
  }
  const convergedAfter = await converge('L1', lasting !== undefined, left);
  if (violations.length === 0) {
    // What is under way may still be answered.
    const patience = scheduler.now + 3 * slowly;
    while (!isCalm() && scheduler.now < patience) await scheduler.run(scheduler.now + 500);
    if (!isCalm()) fail('S8: it does not come to rest');
    // An object that waits for a name looks at it each minute; what was refused is tried again within one.
    await scheduler.run(
      Math.max(scheduler.now, network.doubtedUntil, network.slowAt + slowly),
      () => violations.length > 0,
    );
    quiet = true;
    benches.settled(isTaken);
    await scheduler.run(scheduler.now + quietFor);
    benches.finish();
    for (const one of left()) fail(`S8: no longer as it was: ${one}`);
  }
  over = true;
  for (const child of running) child?.process.kill();
  // Node holds on to a signal with listeners: nobody is alive to hear these, and the schedule can be forgotten.
  for (const stop of stops) stop.abort();
  // What that rejects belongs to this run; whatever comes later to none, and ends the process.
  await new Promise((resolve) => setImmediate(resolve));
  broken = undefined;
  return { violations, revisions, requests, met: network.met, convergedAfter, settles };
}

const leaseNamespace = 'license-settings-system';
const leaseName = 'license-settings-operator';

/** Whose the lease is, and its version. */
function leaseIn({ body }: Answer): { holder: string | undefined; version: string } {
  const { metadata, spec } = body as { metadata: { resourceVersion: string }; spec?: { holderIdentity?: string } };
  return { holder: spec?.holderIdentity, version: metadata.resourceVersion };
}

const inPlace = ({ metadata: { namespace, name } }: { metadata: { namespace: string; name: string } }): string =>
  namespace === home ? name : `${namespace}/${name}`;

const noMetrics = new Proxy({}, { get: () => () => {} }) as Metrics;

function settleOf(action: Action): number {
  const { settleSeconds = defaultSettleSeconds } = ('spec' in action ? action.spec : { settleSeconds: 0 }) as {
    settleSeconds?: number;
  };
  return settleSeconds * 1000;
}
