/** One namespace of a run: what is stored there, and what the model of the contract misses. */

import { createBench } from '../contract/bench.ts';
import { canonical } from '../contract/document.ts';
import { differences } from '../contract/end-state.ts';
import { hasGarbage, isKeptOut } from '../contract/excuses.ts';
import { isSuspended, type Revision, type Snapshot, type Stored } from '../contract/revision.ts';
import type { Admin, Kind } from './admin.ts';
import type { Committed } from './revisions.ts';

export type Scene = {
  readonly admin: Admin;
  /** Takes in a revision, once its author is known. Gives what is wrong with it. */
  readonly take: (revision: Revision, committed: Committed) => string[];
  /** S10. What somebody else wrote into a status is not the operator's word. To be asked every second or so. */
  readonly untruths: (now: number, isExcused: boolean) => string[];
  readonly snapshot: () => Snapshot;
  readonly find: (kind: Kind, name: string) => Stored | undefined;
  /** Everything of the run that is there. */
  readonly present: () => { readonly kind: Kind; readonly object: Stored }[];
  /** All is as it must be: only that is live from here on. */
  readonly settled: () => void;
  /** What the harness has written there, and not seen yet. */
  readonly unseen: () => string[];
  /**
   * What is not as it must be.
   * @param except an object that can't be applied, as its status has to say
   */
  readonly missing: (except?: string) => string[];
  /** True while something is there that only the garbage collector may take. */
  readonly hasGarbage: () => boolean;
  /** True while a zone that is no longer wanted stays at zero, because a create of it may still land. */
  readonly isKeptOut: () => boolean;
};

/** What a busy machine may take to show a revision, in milliseconds. */
const seenWithin = 1_000;

/**
 * Begins with a namespace where nothing of the run is.
 *
 * @param isWatched whether the operator watches it: else a LicenseSettings there, as of a restored backup, comes to nothing.
 */
export function createScene(admin: Admin, isWatched: boolean): Scene {
  const bench = createBench(seenWithin);
  const { model, truth } = bench;
  /** Objects whose status was last written by somebody else, by uid. */
  const rewritten = new Set<string>();
  const present = new Map<string, { kind: Kind; object: Stored }>();
  /** The last revision that was judged of each object, and the uids that are gone or about to go. */
  const seen = new Map<string, number>();
  const ending = new Set<string>();
  /** What is missing, by what is excepted; a run asks many times between two revisions, and it takes a while to find out. */
  const known = new Map<string | undefined, string[]>();
  const snapshot = (): Snapshot => {
    const all = [...present.values()];
    const of = (wanted: Kind) => all.filter(({ kind }) => kind === wanted).map(({ object }) => object);
    return { settings: of('LicenseSettings'), configMaps: of('ConfigMap') };
  };
  const findMissing = (except: string | undefined): string[] => {
    const all = snapshot();
    const poisoned = all.settings.find(({ metadata }) => metadata.name === except);
    const rejected = poisoned?.status?.conditions?.some(({ reason }) => reason === 'WriteRejected');
    if (poisoned && !rejected) return [`${except} is not said to be rejected`];
    const left = { ...all, settings: all.settings.filter((one) => one !== poisoned) };
    return [...differences(model, isWatched ? left : { ...left, settings: [] }), ...unfinished(left)];
  };
  const noteAuthor = ({ object, by }: Revision) => {
    const before = present.get(`LicenseSettings/${object.metadata.name}`)?.object;
    if (by === 'operator') rewritten.delete(object.metadata.uid);
    else if (canonical(before?.status ?? {}) !== canonical(object.status ?? {})) rewritten.add(object.metadata.uid);
  };
  return {
    ...{ admin, snapshot },
    take(taken, { type, kind, object, revision }) {
      known.clear();
      const now = performance.now();
      if (kind === 'LicenseSettings') noteAuthor(taken);
      const { name, uid, deletionTimestamp } = object.metadata;
      const previous = present.get(`${kind}/${name}`)?.object;
      if (type === 'DELETED') present.delete(`${kind}/${name}`);
      else present.set(`${kind}/${name}`, { kind, object: taken.object });
      seen.set(`${kind}/${name}`, revision);
      if (type === 'DELETED' || deletionTimestamp) ending.add(uid);
      const change = { ...taken, object: { kind, ...taken.object }, previous: previous && { kind, ...previous } };
      return isWatched || kind === 'ConfigMap' ? bench.take(taken, change, now) : [];
    },
    untruths: (now, isExcused) => truth.look(now, ({ metadata }) => isExcused || rewritten.has(metadata.uid)),
    find: (kind, name) => present.get(`${kind}/${name}`)?.object,
    present: () => [...present.values()],
    settled() {
      model.settled(snapshot());
      known.clear();
    },
    unseen: () => admin.behind(seen, ending),
    missing(except) {
      const missing = known.get(except) ?? findMissing(except);
      known.set(except, missing);
      return missing;
    },
    hasGarbage: () => hasGarbage(snapshot()),
    isKeptOut: () => isKeptOut(snapshot()),
  };
}

/** What the model does not look at: deletions under way, and what was made immutable. */
function unfinished({ settings, configMaps }: Snapshot): string[] {
  // Its data are right, so the model does not miss it; a busy machine may tell the operator late.
  const isReplaced = ({ immutable, metadata: { name } }: Stored) =>
    immutable &&
    settings.some(({ spec, status }) => !isSuspended({ spec }) && status?.configMaps?.some((one) => one.name === name));
  return [
    ...configMaps.filter(isReplaced).map(({ metadata }) => `${metadata.name} is immutable`),
    ...[...settings, ...configMaps]
      .filter(({ metadata }) => metadata.deletionTimestamp)
      .map(({ metadata }) => `${metadata.name} is being deleted`),
  ];
}
