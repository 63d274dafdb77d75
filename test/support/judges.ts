/**
 * The judges of a cluster: one for each namespace, of those that are not watched too. An object's ConfigMaps are those of
 * its own namespace, so no judge knows of another namespace, and S6 convicts whatever the operator writes across.
 */
import { createJudge, type Judge, type Revision } from './judge.ts';

export type Judges = Judge & {
  /** The judge of one namespace; it begins to judge when it is first asked for. */
  of(namespace: string): Judge;
};

/** @param options those of each judge */
export function createJudges(options: Parameters<typeof createJudge>[0] = {}): Judges {
  const judges = new Map<string, Judge>();
  const violations: string[] = [];
  /** How many violations of each judge are among those of all. */
  const told = new Map<string, number>();
  const all = () => [...judges.values()];

  const of = (namespace: string): Judge => {
    const judge = judges.get(namespace) ?? createJudge(options);
    judges.set(namespace, judge);
    return judge;
  };
  const tell = (namespace: string) => {
    const found = of(namespace).violations;
    for (const one of found.slice(told.get(namespace))) violations.push(`${namespace}: ${one}`);
    told.set(namespace, found.length);
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
      of(namespace).take(revision);
      tell(namespace);
    },
    settled() {
      for (const judge of all()) judge.settled();
    },
    finish() {
      for (const [namespace, judge] of judges) {
        judge.finish();
        tell(namespace);
      }
    },
  };
}
