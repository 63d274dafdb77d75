/**
 * The judges of safety of a cluster: one for each namespace, also of those that the operator does not watch. An object's ConfigMaps are those of
 * its own namespace, so no judge knows of another namespace, and S6 convicts whatever the operator writes across.
 */
import type { Revision, Stored } from '../revision.ts';
import { createSafetyJudge, type SafetyJudge, type SafetyOptions } from '../safety.ts';

export type SafetyJudges = Omit<SafetyJudge, 'wentBack' | 'finish'> & {
  /** Judges the end state where it can be as it should be: in the namespaces that the operator watches. */
  finish(isWatched?: (namespace: string) => boolean): void;
  /**
   * The store went back to a version: the judges know what they knew then. What they are shown is kept for that, as it is:
   * only for who says so at the beginning.
   */
  wentBack(version: number): void;

  /** The judge of one namespace; it begins to judge when it is first asked for. */
  of(namespace: string): SafetyJudge;
};

type Options = SafetyOptions & {
  /** True where the store may go back. */
  readonly mayGoBack?: boolean;
};

/** @param options those of each judge */
export function createSafetyJudges({ mayGoBack = false, ...options }: Options = {}): SafetyJudges {
  const judges = new Map<string, SafetyJudge>();
  const violations: string[] = [];
  /** What they were shown, and when it was settled: who was waiting then. */
  let shown: (Revision | { readonly waiting: ReadonlySet<string> })[] = [];
  /** How many violations of each judge are among those of all. */
  const told = new Map<string, number>();
  const all = () => [...judges.values()];

  const living = createCensus();
  const of = (namespace: string): SafetyJudge => {
    const judge = judges.get(namespace) ?? createSafetyJudge({ ...options, livesElsewhere: living.outside(namespace) });
    judges.set(namespace, judge);
    return judge;
  };
  const tell = (namespace: string) => {
    const found = of(namespace).violations;
    for (const one of found.slice(told.get(namespace))) violations.push(`${namespace}: ${one}`);
    told.set(namespace, found.length);
  };

  const settle = (isWaiting: ReadonlySet<string> | ((object: Stored) => boolean)) => {
    for (const judge of all())
      judge.settled((object) =>
        typeof isWaiting === 'function' ? isWaiting(object) : isWaiting.has(object.metadata.uid),
      );
  };

  return {
    violations,
    of,
    get judged() {
      return all().reduce((sum, { judged }) => sum + judged, 0);
    },
    get tight() {
      return all().reduce((sum, { tight }) => sum + tight, 0);
    },
    take(revision: Revision) {
      const { namespace = '' } = revision.object.metadata;
      if (mayGoBack) shown.push(revision);
      living.take(revision);
      of(namespace).take(revision);
      tell(namespace);
    },
    wentBack(version) {
      const before = new Map(judges);
      judges.clear();
      living.clear();
      const end = shown.findIndex((one) => 'object' in one && versionOf(one) > version);
      shown = end < 0 ? shown : shown.slice(0, end);
      for (const namespace of before.keys()) of(namespace);
      for (const one of shown) {
        if ('object' in one) {
          living.take(one);
          of(one.object.metadata.namespace ?? '').take(one);
        } else settle(one.waiting);
      }
      for (const [namespace, lost] of before) {
        of(namespace).wentBack(lost);
        // They were told when it happened.
        told.set(namespace, of(namespace).violations.length);
      }
    },
    recovered() {
      for (const judge of all()) judge.recovered();
    },
    settled(isWaiting = () => false) {
      const waiting = new Set<string>();
      settle((object) => {
        if (isWaiting(object)) waiting.add(object.metadata.uid);
        return isWaiting(object);
      });
      if (mayGoBack) shown.push({ waiting });
    },
    finish(isWatched = () => true) {
      for (const [namespace, judge] of judges) {
        if (!isWatched(namespace)) continue;
        judge.finish();
        tell(namespace);
      }
    },
  };
}

const versionOf = ({ object }: Revision): number => Number(object.metadata.resourceVersion);

/** Which LicenseSettings there are, by namespace and uid. */
function createCensus() {
  const uids = new Map<string, Set<string>>();
  return {
    take({ kind, type, object: { metadata } }: Revision): void {
      if (kind !== 'LicenseSettings') return;
      const { namespace = '', uid } = metadata;
      const there = uids.get(namespace) ?? new Set();
      uids.set(namespace, there);
      if (type === 'DELETED') there.delete(uid);
      else there.add(uid);
    },
    clear: () => uids.clear(),
    /** Whether a uid is that of an object of another namespace. */
    outside: (namespace: string) => (uid: string) =>
      [...uids].some(([other, there]) => other !== namespace && there.has(uid)),
  };
}
