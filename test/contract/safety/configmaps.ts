/** Follows each ConfigMap: who wrote, edited or deleted it, and what it holds now. */
import { capacitiesOf, keys, readData } from '../document.ts';
import { note, type Revision, type Stored, uidIn } from '../revision.ts';
import { type Book, fail, type Kept, noteChange } from './book.ts';
import { judgeDelete } from './deletes.ts';
import { judgeSums } from './sums.ts';
import { judgeWrite } from './writes.ts';

/** Takes in a revision of a ConfigMap. */
export function takeMap(book: Book, revision: Revision): void {
  const { type, object, by } = revision;
  const { name, uid } = object.metadata;
  const kept: Kept = book.maps.get(name) ?? {
    ...{ name, current: undefined, written: undefined, lost: false, held: undefined, left: {}, stamps: new Map() },
  };
  book.maps.set(name, kept);
  const isHeld = kept.held === uid;
  if (type === 'DELETED') kept.held = undefined;
  // Its deletion was judged when the operator asked for it: whoever lets go of it, or edits it before, changes nothing of that.
  if (by === 'other' && isHeld) noteChange(book);
  else if (by === 'other') takeEdit(book, kept, revision);
  else takeWrite(book, kept, revision);
  kept.current = type === 'DELETED' ? undefined : object;
  judgeSums(book);
}

/** Somebody else changed it. */
function takeEdit(book: Book, kept: Kept, { type, object }: Revision): void {
  noteChange(book);
  // The operator may heal it before it sees that the owner has gone.
  const life = book.lives.get(uidIn(object) ?? '');
  if (life?.ended) life.gone = { ...life.gone, inFlight: true };
  if (type !== 'MODIFIED') kept.lost = true;
  else takeAway(kept, object);
}

/** Notes what an edit took from a zone. What is no whole document of that zone is healed without being believed. */
function takeAway(kept: Kept, object: Stored): void {
  const { document, problems } = readData(object.data);
  if (problems.length > 0 || document?.scope !== 'Zone' || document.zone !== kept.written?.document.zone) return;
  const now = capacitiesOf(document);
  kept.left = Object.fromEntries(keys.map((key) => [key, Math.min(kept.left[key] ?? 0, now[key] ?? 0)]));
}

/** The operator wrote or deleted it. */
function takeWrite(book: Book, kept: Kept, revision: Revision): void {
  const { type, object } = revision;
  const owner = book.lives.get(object.metadata.annotations?.[note('owner-uid')] ?? '');
  if (book.quiet && book.changes === 0 && !owner?.waiting && !isStamping(book, object, kept.current))
    fail(book, `ConfigMap ${kept.name}`, 'S8', 'it is written, though nothing has changed since it settled');
  const isDeleted = type === 'DELETED' || isMarked(object, kept.current);
  if (isDeleted) judgeDelete(book, kept, revision);
  else judgeWrite(book, kept, revision);
  if (isDeleted && type !== 'DELETED') kept.held = object.metadata.uid;
}

/** True when a new leader stamps a ConfigMap of a plan that stands still. */
function isStamping(book: Book, object: Stored, before: Stored | undefined): boolean {
  const epochOf = (one: Stored | undefined) => one?.metadata.annotations?.[note('epoch')];
  const life = book.lives.get(object.metadata.annotations?.[note('owner-uid')] ?? '');
  return life?.object.status?.applying !== undefined && epochOf(object) !== epochOf(before);
}

/** True when a deletion marks an object that a finalizer holds. */
const isMarked = (object: Stored, before: Stored | undefined): boolean =>
  object.metadata.deletionTimestamp !== undefined && before?.metadata.deletionTimestamp === undefined;
