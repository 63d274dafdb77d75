/**
 * Everything that judges a run, by namespace: what is committed, when licenses move, what the garbage collector takes, what
 * a status says for how long, and what has to be there in the end. Where the store goes back in time all of them do.
 */
import { type Bench, createBench } from '../contract/bench.ts';
import { differences } from '../contract/end-state.ts';
import type { Revision, Snapshot, Stored } from '../contract/revision.ts';
import { createSafetyJudges } from '../contract/safety/namespaces.ts';
import type { Change } from './server.ts';

export type BenchOptions = {
  /** Told of everything that is wrong. */
  readonly fail: (what: string) => void;
  /** What is stored in a namespace now. */
  readonly snapshot: (namespace: string) => Snapshot;
  /** What the operator does not watch can't be as it should be; what is written there is judged all the same. */
  readonly isWatched: (namespace: string) => boolean;
  readonly mayGoBack: boolean;
};

/** When a change was committed and sent, and since when nothing disturbs; `late`: its sender had given it up. */
export type Moment = {
  readonly now: number;
  readonly sent: number | undefined;
  readonly calmSince: number;
  readonly late: boolean;
};

/** A change that the judges are shown, and when; or the moment in which a namespace was settled, and what was there. */
type Told =
  | ({ readonly change: Change } & Moment)
  | { readonly settled: ReadonlyMap<string, Snapshot>; readonly isWaiting: (object: Stored) => boolean };

export function createBenches({ fail, snapshot, isWatched, mayGoBack }: BenchOptions) {
  const judges = createSafetyJudges({ mayGoBack });
  const benches = new Map<string, Bench>();
  let told: Told[] = [];
  let judged = 0;

  const benchOf = (namespace: string): Bench => {
    const bench = benches.get(namespace) ?? createBench();
    benches.set(namespace, bench);
    return bench;
  };
  const tell = () => {
    for (const one of judges.violations.slice(judged)) fail(one);
    judged = judges.violations.length;
  };

  /** Shows a change to all but the judges of safety. */
  function show({ change, ...moment }: Extract<Told, { change: Change }>): string[] {
    const bench = benchOf(change.object.metadata.namespace);
    return bench.take(revisionOf(change, moment), change, moment.now);
  }

  return {
    violations: judges.violations,
    /** Takes in a change of a LicenseSettings or ConfigMap. */
    take(committed: Change, moment: Moment): void {
      for (const change of apart(committed)) {
        if (mayGoBack) told.push({ change, ...moment });
        judges.take(revisionOf(change, moment));
        for (const wrong of show({ change, ...moment })) fail(`revision ${change.version}: ${wrong}`);
      }
      tell();
    },
    /** The store went back to what it held at a version. */
    wentBack(version: number, now: number): void {
      judges.wentBack(version);
      const before = new Map(benches);
      const end = told.findIndex((one) => 'change' in one && one.change.version > version);
      told = end < 0 ? told : told.slice(0, end);
      benches.clear();
      for (const one of told) {
        if ('change' in one) show(one);
        else for (const [namespace, then] of one.settled) benchOf(namespace).model.settled(then, one.isWaiting);
      }
      for (const [namespace, { model }] of before) {
        benchOf(namespace).model.wentBack(model);
        benchOf(namespace).truth.look(now, () => true);
      }
    },
    /** So long after it went back that the operator must have found out. */
    recovered: (): void => judges.recovered(),
    settled(isWaiting: (object: Stored) => boolean): void {
      const settled = new Map([...benches.keys()].map((namespace) => [namespace, snapshot(namespace)]));
      if (mayGoBack) told.push({ settled, isWaiting });
      judges.settled(isWaiting);
      for (const [namespace, then] of settled) benchOf(namespace).model.settled(then, isWaiting);
    },
    /** S10. To be called every second or so. */
    look(now: number, isExcused: (object: Stored) => boolean): void {
      for (const [namespace, { truth }] of benches)
        for (const wrong of truth.look(now, isExcused)) fail(`${namespace}: ${wrong}`);
    },
    /** What is not as it must be, by namespace and name of the object where it is about one. */
    differences: (): string[] =>
      [...benches].flatMap(([namespace, { model }]) =>
        !isWatched(namespace) ? [] : differences(model, snapshot(namespace)).map((one) => `${namespace}/${one}`),
      ),
    finish(): void {
      judges.finish(isWatched);
      tell();
    },
  };
}

const revisionOf = ({ type, object, by }: Change, { now, ...moment }: Moment): Revision => ({
  ...{ type, kind: object.kind as Revision['kind'], object: object as Stored, at: now, ...moment },
  by: by.startsWith('operator') ? 'operator' : 'other',
});

/** What a policy made of a write is the policy's: its sender is judged by what it sent. */
const apart = ({ sent, ...change }: Change): Change[] =>
  sent
    ? [
        { ...change, object: sent },
        { ...change, type: 'MODIFIED', previous: sent, by: 'policy' },
      ]
    : [change];
