/** What the judge of safety remembers of one namespace: its LicenseSettings, its ConfigMaps, and what was wrong so far. */
import type { Declaration, Status } from '../../../src/api/licensesettings.ts';
import { settingsHash } from '../../../src/settings/hash.ts';
import { type Rendered, render } from '../../../src/settings/render.ts';
import { brief, type Counts, canonical, type Document } from '../document.ts';
import type { Stored } from '../revision.ts';

/** A declaration, with what it renders to. */
export type Known = {
  readonly declaration: Declaration;
  readonly hash: string;
  readonly rendered: ReadonlyMap<string, Rendered>;
};

/** What the operator may decide from. */
export type View = {
  /** What may be written, by hash: what was live at the last settled state, and what was applicable since. */
  possible: Map<string, Known>;
  /** Values of `spec.suspend` and of Retain that the operator may have decided from. */
  suspended: Set<boolean>;
  retained: Set<boolean>;
};

/** One LicenseSettings from its creation to its end. */
export type Life = View & {
  readonly name: string;
  readonly uid: string;
  object: Stored;
  /** By generation; undefined for an invalid spec. */
  readonly generations: Map<number, Known | undefined>;
  /** The same for what is sent since the operator last wrote a status, and when that was. */
  informed: (View & { readonly at: number }) | undefined;
  /** Set at its deletion: `inFlight` when a write that was decided before may still land. */
  gone: { readonly inFlight: boolean; readonly at?: number | undefined } | undefined;
  /** True once it is deleted for good. */
  ended: boolean;
  /** True while it is not among what is settled. */
  waiting: boolean;
  /** Somebody else wrote the status, and nothing was applied since: the status may say what is not so. */
  restored: boolean;
  /** What somebody else wrote into the status as applied last. */
  backup: Known | undefined;
  /**
   * The newest generation that was lost when the store went back, until the operator has written a status since: that
   * carries the version of what there is now. 0: none.
   */
  lostGeneration: number;
  /** Settings that the operator wrote into a ConfigMap, by hash, with the highest stamp: each was live once. */
  readonly recorded: Map<string, number>;
  /** When the operator last named a ConfigMap as that of the system, counted in revisions. */
  readonly ranks: Map<string, number>;
};

/** A ConfigMap as the operator wrote it. `adopted`: the object with this uid found it, and did not create it. */
export type Written = {
  readonly uid: string;
  readonly object: Stored;
  readonly document: Document;
  readonly adopted: boolean;
  /** Adopted, and its data were never changed: what it gives out was given out by another object. */
  readonly asFound: boolean;
};

/** What is known of one name of a ConfigMap. */
export type Kept = {
  readonly name: string;
  /** As stored now. */
  current: Stored | undefined;
  /** As last written by the operator, until the operator deletes it. */
  written: Written | undefined;
  /** Somebody else deleted or replaced what the operator wrote. */
  lost: boolean;
  /** The uid of a ConfigMap that the operator deleted and that somebody's finalizer holds until he takes it away. */
  held: string | undefined;
  /** Capacities as last written by the operator, less what others took away since: that is what the operator finds. */
  left: Counts;
  /** The highest generation stamp, by owner uid. */
  readonly stamps: Map<string, number>;
};

/** Says that a rule is broken by the object that is being judged. */
export type Wrong = (rule: string, text: string) => void;

export type Book = {
  /** See `createSafetyJudge`. */
  readonly quiet: boolean;
  readonly livesElsewhere: (uid: string) => boolean;
  readonly lives: Map<string, Life>;
  readonly maps: Map<string, Kept>;
  readonly known: Map<string, Known>;
  /** Objects that are not there any more since the store went back. */
  readonly lostUids: Set<string>;
  readonly violations: string[];
  /** Revisions judged. */
  judged: number;
  /** See `Judge.tight`. */
  tight: number;
  /** The resourceVersion of the revision that is being judged. */
  at: string;
  /** Changes by others since the last settled state; undefined before the first. */
  changes: number | undefined;
};

export const openBook = ({ quiet, livesElsewhere }: Pick<Book, 'quiet' | 'livesElsewhere'>): Book => ({
  ...{ quiet, livesElsewhere, violations: [], judged: 0, tight: 0, at: '0', changes: undefined },
  ...{ lives: new Map(), maps: new Map(), known: new Map(), lostUids: new Set() },
});

/** Notes that an object breaks a rule. */
export function fail(book: Book, what: string, rule: string, text: string): void {
  book.violations.push(`revision ${book.at}: ${what}: ${rule}: ${brief(text)}`);
}

/** `fail` for one object. */
export const wrongAbout =
  (book: Book, what: string): Wrong =>
  (rule, text) =>
    fail(book, what, rule, text);

/** Somebody else changed something. */
export function noteChange(book: Book): void {
  if (book.changes !== undefined) book.changes++;
}

/** A declaration with its hash and its rendering; each is rendered once. */
export function know({ known }: Book, declaration: Declaration): Known {
  const hash = settingsHash(declaration);
  const one = known.get(hash) ?? {
    ...{ declaration, hash },
    rendered: new Map(render(declaration).map((rendered) => [rendered.name, rendered])),
  };
  known.set(hash, one);
  return one;
}

/** The same of what a status says; undefined where somebody wrote into it what is no declaration. */
export function knowStored(book: Book, applied: Status['applied']): Known | undefined {
  try {
    return applied && know(book, applied.settings);
  } catch {
    return undefined;
  }
}

/** Declarations in a message. */
export const namesOf = (list: readonly Known[]): string =>
  list.map(({ hash, declaration }) => `${hash.slice(0, 12)} ${canonical(declaration)}`).join(' or ') || 'nothing';
