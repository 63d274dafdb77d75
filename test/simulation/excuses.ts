/**
 * What excuses the operator in a schedule, and for how long: the simulation knows each fault, and its exact time. What can
 * be told from the stored objects stands in `test/contract/excuses.ts`, and what L1 grants in `liveness.ts`.
 */
import { lateness } from '../../src/controller/memory.ts';
import { expectedWithin, isContested, isTaken, isUnderWay } from '../contract/excuses.ts';
import { granted } from '../contract/liveness.ts';
import type { Stored } from '../contract/revision.ts';
import type { Network } from './network.ts';
import { home, type Lasting } from './schedule.ts';
import type { Scheduler } from './scheduler.ts';

const { soon, slowly } = expectedWithin;
/** For the requests themselves, after the backoff; and where each of them takes seconds: a plan is some twenty of them. */
export const slack = 2_500;
const slackWhereSlow = 300_000;
export const leaseSeconds = 15;
/** A lease that ran out is taken at the next look: each second, or after a backoff. */
export const leaseTime = leaseSeconds * 1000 + 3_000;

/** What befalls a run besides the faults of its network. Times are virtual milliseconds. */
export type Course = {
  /** When the lease last got another holder or was lost, or a process was killed or started. */
  movedAt: number;
  /** When the store last went back. */
  restoredAt: number;
  /** How many act beside people now, and until when somebody did. */
  acting: number;
  actingUntil: number;
  /** The garbage collector has something to do, or had until then. */
  collecting: boolean;
  collectedAt: number;
  /** When an object, by namespace and name, last said that a name is someone else's: another object's, or a foreign one. */
  readonly takenAt: Map<string, number>;
  /** The fault that lasts until it is taken away; undefined from then on. */
  lasting: Lasting | undefined;
};

export const beginCourse = (lasting: Lasting | undefined): Course => ({
  ...{ movedAt: 0, restoredAt: Number.NEGATIVE_INFINITY, acting: 0, actingUntil: Number.NEGATIVE_INFINITY },
  ...{ collecting: false, collectedAt: 0, takenAt: new Map(), lasting },
});

export type ExcuseOptions = {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly course: Course;
  /** Every object that the operator knows of. */
  readonly allSettings: () => readonly Stored[];
  readonly isWatched: (namespace: string) => boolean;
  /** One of the processes leads. */
  readonly isLed: () => boolean;
  /** Every process runs. */
  readonly isWhole: () => boolean;
  /** True where a lease says who leads. */
  readonly election: boolean;
  /** The longest settleSeconds of the schedule, in milliseconds. */
  readonly settle: number;
};

/** Messages begin with the object that they are about, or with its namespace. */
export function createExcuses(options: ExcuseOptions) {
  const { scheduler, network, course, isWatched, isLed, isWhole } = options;
  return {
    /**
     * L1: how long it may take from a moment on when nothing disturbs any more, in milliseconds.
     * @param what is not as it should be
     */
    boundFrom: (from: number, what: string, isSlow = false): number => boundFrom(options, { from, what, isSlow }),
    /** S10: nobody could look at the object: nobody leads, or a fault is between. Who acts beside people is no excuse. */
    isExcused({ metadata: { namespace = '', name } }: Stored): boolean {
      if (!isWatched(namespace) || !isLed() || !isWhole()) return true;
      if (course.lasting && `${namespace}/${name}: `.startsWith(concernOf(course.lasting))) return true;
      if (network.blindUntil === 0 && course.movedAt === 0) return false;
      const since = Math.max(network.blindUntil, course.movedAt);
      const wait = network.slowAt > since - slowly ? slowly : 0;
      return scheduler.now < Math.max(since, network.patientUntil) + soon + slack + wait;
    },
    /** L2: what is not as it should be has nothing to do with the fault that lasts. */
    isOfOthers(message: string): boolean {
      const concern = concernOf(course.lasting);
      return concern === '' || (isOfOne(message) && !message.startsWith(concern));
    },
  };
}

function boundFrom(
  { network, course, allSettings, isLed, election, settle }: ExcuseOptions,
  { from, what, isSlow }: { readonly from: number; readonly what: string; readonly isSlow: boolean },
): number {
  const about = (key: string) => what.startsWith(`${key}: `) || (!isOfOne(what) && what.startsWith(placeOf(key)));
  const taken = [...course.takenAt].flatMap(([key, at]) => (about(key) ? at : []));
  // What was refused, taken, or fought about before is looked at again by now.
  const isWaiting =
    Math.max(network.slowAt, course.actingUntil, ...taken) > from - slowly ||
    allSettings().some((one) => (isTaken(one) || isContested(one)) && about(keyOf(one)));
  return granted({
    harness: course.lasting?.kind === 'slow' ? slackWhereSlow : slack,
    // A plan that somebody laid hands on waits in full again.
    settle: course.actingUntil > Number.NEGATIVE_INFINITY ? 2 * settle : settle,
    retryAfter: Math.max(0, network.patientUntil - from),
    // Who comes to the lease of a leader that is gone waits for it to run out, from when it saw it.
    lease: election && (course.movedAt > from - leaseTime || !isLed()) ? leaseTime : 0,
    lateness: allSettings().some(isUnderWay) ? lateness : 0,
    slowRetry: isSlow || isWaiting ? slowly : 0,
  });
}

/** How the messages about what a lasting fault concerns begin; empty where it concerns all alike. */
const concernOf = (lasting: Lasting | undefined): string =>
  lasting?.kind === 'poison' ? `${home}/${lasting.object}: ` : lasting?.kind === 'scope' ? `${lasting.namespace}/` : '';

/** True for a message that begins with the object that it is about. */
const isOfOne = (message: string): boolean => /^[\w-]+\/[\w-]+: /.test(message);
/** The object of a message, and of a cost. */
export const keyOf = ({ metadata }: { metadata: { namespace?: string; name: string } }): string =>
  `${metadata.namespace ?? ''}/${metadata.name}`;
const placeOf = (key: string): string => key.slice(0, key.indexOf('/') + 1);
