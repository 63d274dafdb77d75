/** One run: a scenario in a slot, with faults armed, and the judgement of it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { lateness } from '../../src/controller/late.ts';
import { createJudge, type Revision, type Stored } from '../support/judge.ts';
import { createModel, differences } from '../support/model.ts';
import { type Admin, type AdminObject, createAdmin, type Kind } from './admin.ts';
import { createAuthors } from './authors.ts';
import { arm, type Counts, type Fault } from './faults.ts';
import type { Seen } from './proxy.ts';
import type { Scenario, Step } from './scenarios.ts';
import { defectsIn, type Slot } from './slot.ts';

export type Job = {
  readonly scenario: Scenario;
  readonly faults: readonly Fault[];
  /** Two, with a lease, unless it is one. */
  readonly replicas?: 2;
  /** For the table: the kind of fault. */
  readonly label: string;
  /** Arguments of `npm run faults --` that do this run alone. */
  readonly replay: string;
  /** True to listen for a while whether it stays quiet; undefined: so is one run in ten. */
  readonly listens?: boolean;
};

export type Result = {
  readonly job: Job;
  /** On `performance.now()`. */
  readonly started: number;
  /** How many of the faults found what they were armed for, or how many disturbances of all befell it. */
  readonly struck: number;
  readonly violations: readonly string[];
  /** Revisions of the run's objects that were judged. */
  readonly judged: number;
  readonly counts: Counts;
  readonly milliseconds: number;
  /** The longest time in which something converged after its last step and the last fault, in milliseconds. */
  readonly slowest: number;
  /** What happened, in order. */
  readonly story: () => readonly string[];
};

/** What L1 grants after a change, in milliseconds, with a settleSeconds of 1 that is waited for twice. */
const convergence = 7_000;
/** What a busy machine needs besides; the time that the API server takes to answer is added to it. */
const slack = 3_000;
/** No request for so long, in milliseconds: quiet. */
const quietFor = 100;
/** How long some runs listen in the end, in milliseconds: S8. */
const listensFor = 2_500;
/** Events are sent behind the rest, in milliseconds. */
const eventsFollow = 1_000;
/** The most openings of watches, and writes of the lease, of one process within a second: more is a hot loop. */
const mostPerSecond = { watch: 24, lease: 12 };
/** Nothing excuses more. */
const patience = 150_000;

let runs = 0;

/** Told by what the run is, so that it is the same ones each time. */
const isListener = ({ listens, replay }: Job): boolean =>
  listens ?? [...replay].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 9_973, 0) % 10 === 0;

/** What somebody said more often within a second than any backoff allows. */
function hotLoops(requests: readonly Seen[]): string[] {
  const times = {
    watch: requests.filter(({ verb }) => verb === 'watch').map(({ at }) => at),
    lease: requests.filter(({ verb, resource }) => resource === 'leases' && verb !== 'get').map(({ at }) => at),
  };
  return (['watch', 'lease'] as const).flatMap((what) => {
    const { [what]: all } = times;
    const most = Math.max(0, ...all.map((at, index) => all.findLastIndex((other) => other <= at + 1_000) - index + 1));
    return most > mostPerSecond[what] ? [`S8: ${most} requests for a ${what} within a second`] : [];
  });
}

/**
 * Runs a job. Whatever goes wrong is in the result's violations.
 * @param onQuiet called when all that is left is to listen: that costs no more than time
 */
export async function run(slot: Slot, job: Job, onQuiet: () => void = () => {}): Promise<Result> {
  const started = performance.now();
  const prefix = `r${(++runs).toString(36)}`;
  const isOurs = (name: string) => name.startsWith(`${prefix}-`);
  const armed = arm(job.faults, isOurs);
  const told: { at: number; what: string }[] = [];
  const tell = (what: string, at = performance.now()) => told.push({ at: at - started, what });

  const judge = createJudge();
  const model = createModel();
  const present = new Map<string, { kind: Kind; object: Stored }>();
  /** The last revision that was judged of each object, and the uids that are gone or about to go. */
  const seen = new Map<string, number>();
  const ending = new Set<string>();
  const authors = createAuthors(
    () => slot.replicas.flatMap(({ proxy }) => proxy.requests),
    ({ type, kind, object, revision }, by) => {
      const { name, uid, deletionTimestamp } = object.metadata;
      tell(`revision ${revision} ${type} ${kind} ${name} by ${by}`);
      const taken = { type, kind, object: object as Stored, by } satisfies Revision;
      const before = judge.violations.length;
      judge.take(taken);
      for (const violation of judge.violations.slice(before)) tell(`VIOLATION ${violation}`);
      model.take(taken);
      if (type === 'DELETED') present.delete(`${kind}/${name}`);
      else present.set(`${kind}/${name}`, { kind, object: object as Stored });
      seen.set(`${kind}/${name}`, revision);
      if (type === 'DELETED' || deletionTimestamp) ending.add(uid);
    },
  );
  slot.take = (committed) => {
    if (!isOurs(committed.object.metadata.name)) return;
    authors.add(committed);
    slot.wake();
  };
  slot.over = () => {
    authors.look();
    slot.wake();
  };
  const problems: string[] = [];
  for (const { proxy, takeLog } of slot.replicas) {
    proxy.forget();
    problems.push(...defectsIn(takeLog()).map((defect) => `${defect} (before this run)`));
  }
  if (job.faults.some(({ kind }) => kind === 'stale-list')) {
    await Promise.all(slot.replicas.map(({ proxy }) => proxy.snapshot()));
  }
  slot.armed = armed;
  const admin = createAdmin(slot.desk);

  const snapshot = () => {
    const all = [...present.values()];
    const of = (wanted: Kind) => all.filter(({ kind }) => kind === wanted).map(({ object }) => object);
    return { settings: of('LicenseSettings'), configMaps: of('ConfigMap') };
  };
  /** What keeps the run from being settled; empty when nothing does. The cheap looks come first. */
  const unsettled = (except?: string): string[] => {
    if (!slot.isConnected()) return ['the operator does not watch'];
    if (slot.inFlight() > 0) return ['requests are under way'];
    if (performance.now() - slot.lastActivity() < quietFor) return ['S8: requests go on'];
    const { behind } = admin;
    const unseen = behind(seen, ending);
    if (unseen.length > 0 || authors.waiting() > 0) return [`the harness has not seen ${unseen.join(', ') || 'all'}`];
    const all = snapshot();
    const poisoned = all.settings.find(({ metadata }) => metadata.name === except);
    const rejected = poisoned?.status?.conditions?.some(({ reason }) => reason === 'WriteRejected');
    if (poisoned && !rejected) return [`${except} is not said to be rejected`];
    const left = { ...all, settings: all.settings.filter((one) => one !== poisoned) };
    // Its data are right, so the model does not miss it; a busy machine may tell the operator late.
    const isReplaced = ({ immutable, metadata: { name } }: Stored) =>
      immutable &&
      left.settings.some(
        ({ spec, status }) =>
          (spec as { suspend?: unknown }).suspend !== true && status?.configMaps?.some((one) => one.name === name),
      );
    return [
      ...differences(model, left),
      ...left.configMaps.filter(isReplaced).map(({ metadata }) => `${metadata.name} is immutable`),
      ...[...left.settings, ...left.configMaps]
        .filter(({ metadata }) => metadata.deletionTimestamp)
        .map(({ metadata }) => `${metadata.name} is being deleted`),
    ];
  };
  /** What befalls all has been under way, or just over, since this run began. */
  const isDisturbed = () => slot.excusedUntil() > started;
  let slowest = 0;
  /** When garbage was last there that only the collector may take, a process was starting, or a create was kept out. */
  let elsewhere = 0;
  const hasGarbage = () => {
    const { settings, configMaps } = snapshot();
    // It lets go of what it deletes in the foreground, or orphans, when it is there again itself.
    if (settings.some(({ metadata }) => metadata.deletionTimestamp)) return true;
    const owned = (one: Stored) => one.metadata.ownerReferences?.find(({ kind }) => kind === 'LicenseSettings')?.uid;
    const orphans = configMaps.map(owned).filter((uid) => uid !== undefined);
    return orphans.some((uid) => !settings.some(({ metadata }) => metadata.uid === uid));
  };
  /** A foreign ConfigMap, and a rejected write, are looked at again within a minute. */
  const slowly = () => job.scenario.name.startsWith('random') && told.some(({ what }) => what.includes('"foreign"'));
  /** A zone that is no longer wanted stays at zero while a create of it may still land. */
  const isKeptOut = () =>
    snapshot().configMaps.some(({ metadata, data = {} }) => {
      const owner = metadata.annotations?.['licensing.dialer.dev/owner-uid'];
      const object = snapshot().settings.find(({ metadata: { uid } }) => uid === owner);
      const zone = metadata.labels?.['licensing.dialer.dev/zone'];
      const zones = object?.status?.applying?.settings.zones ?? [];
      const isWanted = zones.some(({ name }) => name === zone);
      const counts = Object.entries(data).filter(([key]) => key.endsWith('_CAPACITY'));
      return object?.status?.applying && zone && !isWanted && counts.every(([, count]) => count === '0');
    });
  const settle = async (step: { readonly patience?: number; readonly except?: string }): Promise<boolean> => {
    const from = performance.now();
    const servedBefore = slot.served().milliseconds;
    for (;;) {
      const missing = unsettled(step.except);
      const now = performance.now();
      if (missing.length === 0) {
        slowest = Math.max(slowest, now - Math.max(from, Math.min(armed.excusedFrom(), now)) - quietFor);
        judge.settled();
        model.settled(snapshot());
        tell('settled');
        return true;
      }
      const isHeld = now < from + lateness && isKeptOut();
      if (isHeld || hasGarbage() || slot.replicas.some(({ isStarting }) => isStarting())) elsewhere = now;
      const granted = convergence + (step.patience ?? 0) + (slowly() ? 60_000 : 0);
      const until = Math.max(from + granted, armed.excusedUntil(), slot.excusedUntil(), elsewhere + convergence);
      const served = slot.served().milliseconds - servedBefore;
      const disturbed = Math.min(slot.excusedUntil(), now);
      if (now > Math.min(until + slack + served, Math.max(from, disturbed) + patience)) {
        problems.push(
          `${step.except ? 'L2' : 'L1'}: ${missing.join('; ')} (${(now - from).toFixed(0)} ms after the last step)`,
        );
        return false;
      }
      await slot.stir(quietFor / 2);
    }
  };

  /** S8: nothing is asked for any more. Who was refused, or found somebody else's ConfigMap, comes back now and then. */
  const comesBack = (steps: readonly Step[]) =>
    slowly() || steps.some((step) => step.do === 'refuse' || step.do === 'create-map');
  const listen = async (steps: readonly Step[]): Promise<void> => {
    if (comesBack(steps) || slot.excusedUntil() > performance.now()) return;
    const from = performance.now();
    onQuiet();
    tell('listens');
    await sleep(listensFor);
    // A disturbance of all has begun meanwhile.
    if (slot.excusedUntil() > performance.now()) return;
    const loud = slot.replicas.flatMap(({ proxy }) =>
      proxy.requests.filter(({ at, verb, resource }) => {
        if (verb === 'watch' || resource === 'leases') return false;
        // The event of a change follows its status, and delays nobody.
        return at > from + (resource === 'events' ? eventsFollow : 0);
      }),
    );
    for (const { verb, resource, name, at } of loud) {
      problems.push(`S8: ${verb} ${resource} ${name}, ${(at - from).toFixed(0)} ms after it settled`);
    }
  };

  let finished = true;
  const steps: Step[] = [];
  try {
    steps.push(...job.scenario.steps((name) => `${prefix}-${name}`));
    for (const step of steps) {
      tell(`step ${JSON.stringify(step)}`);
      if (step.do === 'settle') {
        finished = await settle(step);
        if (!finished) break;
      } else if (step.do === 'survived') {
        const owners = present.get(`ConfigMap/${step.name}`)?.object.metadata.ownerReferences?.length;
        // A garbage collector whose watch breaks orphans what it has seen, and takes the rest: not the operator's doing.
        if (!present.has(`ConfigMap/${step.name}`) && !isDisturbed())
          problems.push(`rule 5: ConfigMap ${step.name} did not survive`);
        if (owners) problems.push(`rule 5: ConfigMap ${step.name} has an owner again`);
      } else await take(slot, admin, step);
    }
    if (finished && steps.at(-1)?.do !== 'settle') finished = await settle({});
    if (finished) judge.finish();
    if (finished && isListener(job)) await listen(steps);
  } catch (error) {
    problems.push(`the harness failed: ${(error as Error).stack}`);
  }
  slot.armed = undefined;
  slot.take = () => {};
  slot.over = () => slot.wake();
  const requests = slot.replicas.flatMap(({ proxy }) => proxy.requests.filter(({ at }) => at >= started));
  for (const { proxy } of slot.replicas) problems.push(...hotLoops(proxy.requests.filter(({ at }) => at >= started)));
  const log = slot.replicas.flatMap(({ takeLog }) => takeLog());
  problems.push(...defectsIn(log), ...slot.takeBadEnds());
  problems.push(...slot.takeLate().map((what) => `S5: ${what}`));
  for (const { unexpectedEnd } of slot.replicas) {
    const end = unexpectedEnd();
    if (end) problems.push(`L3: the operator ended: ${end}`);
  }
  try {
    await cleanUp(admin, present);
    for (const { revive } of slot.replicas) await revive();
  } catch (error) {
    problems.push(`the harness failed to clean up: ${(error as Error).stack}`);
  }
  // Who comes back finds what an API server that has just started says, such as a 403, and tells it.
  const isExcused = (violation: string) =>
    isDisturbed() && comesBack(steps) && violation.includes('S8: a status is written');
  const broken = judge.violations.filter((violation) => !isExcused(violation));
  const origin = performance.timeOrigin + started;
  return {
    ...{ job, violations: [...broken, ...problems], judged: judge.judged, slowest },
    ...{ started, struck: armed.struck.length },
    counts: armed.counts,
    milliseconds: performance.now() - started,
    story: () =>
      [
        ...told,
        ...requests.map(({ at, verb, resource, name, fault = '', committed = '-', code = '-', ended }) => ({
          at: at - started,
          what: `request ${verb} ${resource} ${name}: ${fault} the server said ${committed}, the operator got ${code}${ended ? ` after ${(ended - at).toFixed(0)} ms` : ''}`,
        })),
        ...log.map((line) => ({ at: Date.parse(String(line['time'])) - origin, what: `log ${JSON.stringify(line)}` })),
      ]
        .sort((a, b) => a.at - b.at)
        .map(({ at, what }) => `${at.toFixed(0).padStart(7)} ${what.slice(0, 600)}`),
  };
}

async function take(slot: Slot, admin: Admin, step: Exclude<Step, { do: 'settle' | 'survived' }>): Promise<unknown> {
  switch (step.do) {
    case 'create': {
      const metadata = { name: step.name, ...(step.held ? { finalizers: [holder] } : {}) };
      return admin.create('LicenseSettings', { metadata, spec: step.spec });
    }
    case 'release':
      return release(admin, step.name);
    case 'change':
      return admin.change('LicenseSettings', step.name, (object) => {
        object['spec'] = step.spec;
      });
    case 'annotate':
      return admin.change('LicenseSettings', step.name, annotate(step.annotations));
    case 'remove':
      return admin.remove('LicenseSettings', step.name, step.policy);
    case 'create-map':
      return admin.create('ConfigMap', { metadata: { name: step.name }, data: step.data });
    case 'edit-map':
      return admin.change('ConfigMap', step.name, (object) => {
        object['data'] = { ...(object['data'] as object), ...step.data };
      });
    case 'remove-map':
      return admin.remove('ConfigMap', step.name);
    case 'pause':
      return new Promise((resolve) => setTimeout(resolve, step.milliseconds));
    case 'expire':
      for (const { proxy } of slot.replicas) proxy.expireWatches();
      return undefined;
    case 'restart':
      return slot.leader().restart('SIGTERM');
    case 'kill':
      return slot.leader().restart('SIGKILL');
    case 'freeze':
      return slot.leader().freeze(step.milliseconds);
    case 'refuse':
      return slot.armed?.refuse(step.name);
    case 'act':
      return admin.act(step.action);
  }
}

/** A finalizer that keeps an object, as those of other controllers do. */
const holder = 'test.dialer.dev/held';
const release = (admin: Admin, name: string) =>
  admin.change('LicenseSettings', name, ({ metadata }) => {
    metadata['finalizers'] = ((metadata['finalizers'] ?? []) as string[]).filter((one) => one !== holder);
  });

const annotate = (annotations: Readonly<Record<string, string>>) => (object: AdminObject) => {
  object.metadata['annotations'] = { ...(object.metadata['annotations'] as object), ...annotations };
};

/** Deletes what the run left; the garbage collector takes the rest. */
async function cleanUp(admin: Admin, present: ReadonlyMap<string, { kind: Kind; object: Stored }>): Promise<void> {
  for (const { kind, object } of present.values()) {
    const { name, ownerReferences = [], finalizers = [] } = object.metadata;
    if (finalizers.includes(holder)) await release(admin, name);
    if (kind === 'LicenseSettings' || ownerReferences.length === 0) await admin.remove(kind, name);
  }
}
