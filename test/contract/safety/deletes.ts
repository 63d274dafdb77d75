/** Judges the ConfigMaps that the operator deletes: S6 whose they are, S1 that nobody obeys them any more. */
import { canonical, keys } from '../document.ts';
import { type Revision, type Stored, uidIn } from '../revision.ts';
import { type Book, type Kept, type Life, namesOf, type Wrong, wrongAbout } from './book.ts';
import { mayWrite, viewOf } from './views.ts';

export function judgeDelete(book: Book, kept: Kept, revision: Revision): void {
  const wrong = wrongAbout(book, `ConfigMap ${kept.name}`);
  const before = kept.current ?? revision.object;
  const life = ownerOf(book, before, wrong);
  if (!life) return;
  mayWrite(life, revision, wrong);
  // One that was made immutable is deleted and created again.
  if (before.immutable) return;
  const possible = [...viewOf(life, revision).possible.values()];
  if (possible.every(({ rendered }) => rendered.has(kept.name)))
    wrong('S1', `it is deleted, but wanted by ${namesOf(possible)}`);
  judgeEmptiness(book, kept, life, wrong);
  kept.written = undefined;
}

/** S6: the object that the ConfigMap belongs to; undefined, with that told, where it may not be deleted. */
function ownerOf({ lives }: Book, before: Stored, wrong: Wrong): Life | undefined {
  const life = lives.get(uidIn(before) ?? '');
  if (!life) {
    wrong('S6', `it is deleted, but it belongs to someone else: ${canonical(before.metadata)}`);
    return undefined;
  }
  const hasSuccessor = [...lives.values()].some((one) => !one.ended && one.name === life.name);
  if (life.ended && !life.gone?.inFlight && hasSuccessor) {
    wrong('S6', `it is deleted for an object of the same name, but it has the uid ${life.uid} of an earlier one`);
    return undefined;
  }
  return life;
}

/** A zone holds nothing when it is deleted, or no more than the ConfigMap that the same zone has after a rename. */
function judgeEmptiness(book: Book, kept: Kept, life: Life, wrong: Wrong): void {
  const document = kept.written?.document;
  if (document?.scope !== 'Zone') return;
  const successors = [...book.maps.values()].flatMap(({ written }) =>
    written && written !== kept.written && written.uid === life.uid && written.document.zone === document.zone
      ? [written.document]
      : [],
  );
  for (const key of keys) {
    const mine = kept.left[key] ?? 0;
    const successor = Math.max(0, ...successors.map(({ licenses }) => licenses[key]?.['capacity'] ?? 0));
    if (!kept.lost && mine > successor)
      wrong('S1', `it is deleted while it holds ${mine} of ${key}: expected no more than ${successor}`);
  }
}
