/**
 * Judges safety: the invariants S1 to S4, S6, S7 and S9 of docs/contract.md, on every committed revision of a namespace,
 * and S8 as far as writes tell. Pure: a harness brings the revisions (a watch, or a simulation) and says who wrote each.
 * Of the operator's code it shares the table of types, and what has proofs of its own: validation, the normal form, hash
 * and rendering of a declaration. The parts are in `safety/`, a file for each thing that is judged.
 *
 * What it tolerates, and why. A ConfigMap's write does not carry the version of the LicenseSettings that it was decided
 * from, so one may land after a newer spec was saved. Until `settled()` says that nothing was in flight, every declaration
 * that was applicable since may still be written; where the harness knows when each request was sent, only until the
 * operator has written a status, which shows that it knows the newest spec. A status is written with the version of the
 * object that it was decided from, and a ConfigMap's write or delete with that of the ConfigMap: what depends on those
 * alone is judged strictly.
 *
 * It judges one namespace: of the others it knows nothing, so that what the operator writes for an object of another one
 * breaks S6. `safety/namespaces.ts` has one judge for each. What it does not judge: docs/testing.md, "Judges".
 */
import type { Revision, Stored } from './revision.ts';
import { type Book, noteChange, openBook } from './safety/book.ts';
import { takeMap } from './safety/configmaps.ts';
import { judgeEnd } from './safety/end.ts';
import { takeSettings } from './safety/lives.ts';
import { narrowest } from './safety/views.ts';

export type SafetyJudge = {
  /** Judges the next revision: in the order of their resourceVersions, without a gap. */
  take(revision: Revision): void;
  /**
   * The system has converged and no write is in flight: what follows is judged strictly until the next settled state.
   * @param isWaiting true for an object that waits for something, looks at it now and then, and may have more to say
   */
  settled(isWaiting?: (object: Stored) => boolean): void;
  /**
   * The store went back to what this judge has been shown; `lost` has seen what came after that, and is gone. The operator
   * does not know it yet: what was possible then may still be created, and a new ConfigMap can carry a stamp of then.
   */
  wentBack(lost: SafetyJudge): void;
  /** Since then the operator has had its time to find that out: what was lost excuses nothing any more. */
  recovered(): void;
  /** Judges the end state (S7): call it once converged, and when the garbage collector is done. */
  finish(): void;
  /** Every broken rule: revision, object, invariant, expected and found. */
  readonly violations: string[];
  /** Revisions judged. */
  readonly judged: number;
  /** How many of them had zones whose capacity of some type was exactly the total: where one license more is too many. */
  readonly tight: number;
};

/** What each judge knows. */
const bookOf = new WeakMap<SafetyJudge, Book>();

export type SafetyOptions = {
  /**
   * False where the harness calls it settled by the status alone: the operator may still mend metadata then, and S8 is not
   * judged. True unless told.
   */
  readonly quiet?: boolean;
  /** Whether a LicenseSettings of another namespace has a uid. Who knows of no other namespace says that it may. */
  readonly livesElsewhere?: (uid: string) => boolean;
};

/** Begins with a namespace that has no LicenseSettings and none of our ConfigMaps: what came before can't be judged. */
export function createSafetyJudge({ quiet = true, livesElsewhere = () => true }: SafetyOptions = {}): SafetyJudge {
  const book = openBook({ quiet, livesElsewhere });
  const judge: SafetyJudge = {
    violations: book.violations,
    get judged() {
      return book.judged;
    },
    get tight() {
      return book.tight;
    },
    take(revision) {
      book.judged++;
      book.at = revision.object.metadata.resourceVersion;
      if (revision.kind === 'LicenseSettings') takeSettings(book, revision);
      else takeMap(book, revision);
    },
    settled: (isWaiting = () => false) => settle(book, isWaiting),
    wentBack(lost) {
      const then = bookOf.get(lost);
      if (then) goBack(book, then);
    },
    recovered() {
      for (const life of book.lives.values()) life.lostGeneration = 0;
      book.lostUids.clear();
    },
    finish: () => judgeEnd(book),
  };
  bookOf.set(judge, book);
  return judge;
}

function settle(book: Book, isWaiting: (object: Stored) => boolean): void {
  book.changes = 0;
  for (const life of book.lives.values()) {
    life.waiting = !life.gone && isWaiting(life.object);
    if (life.waiting) continue;
    if (life.gone) life.gone = { inFlight: false };
    else Object.assign(life, narrowest(book, life), { informed: undefined, lostGeneration: 0 });
  }
}

function goBack(book: Book, lost: Book): void {
  noteChange(book);
  for (const [uid, then] of lost.lives) {
    const life = book.lives.get(uid);
    if (!life) book.lostUids.add(uid);
    if (!life) continue;
    life.informed = undefined;
    for (const [hash, known] of then.possible) life.possible.set(hash, known);
    for (const one of then.suspended) life.suspended.add(one);
    for (const one of then.retained) life.retained.add(one);
    life.lostGeneration = Math.max(then.lostGeneration, ...then.generations.keys());
  }
}
