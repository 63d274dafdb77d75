/** Judges the end, when all has converged: S7, no orphans, and whether what is there is what the status says. */
import { canonical } from '../document.ts';
import { isLabelled, isSuspended, uidIn } from '../revision.ts';
import { type Book, fail, type Kept, knowStored, type Life, namesOf, wrongAbout } from './book.ts';
import { newestOf } from './views.ts';

export function judgeEnd(book: Book): void {
  book.at = `${book.at} (the end)`;
  for (const kept of book.maps.values()) judgeOrphan(book, kept);
  for (const life of book.lives.values()) judgeApplied(book, life);
}

/** S7. */
function judgeOrphan(book: Book, { name, current }: Kept): void {
  const life = book.lives.get((current && uidIn(current)) ?? '');
  if (!current || !life) return;
  const wrong = wrongAbout(book, `ConfigMap ${name}`);
  if (life.gone) {
    const owned = current.metadata.ownerReferences?.some((one) => one.uid === life.uid);
    if (life.ended && owned) wrong('S7', `an orphan: LicenseSettings ${life.name} with uid ${life.uid} is gone`);
    return;
  }
  const { applied, applying } = life.object.status ?? {};
  // What keeps it from being done is told in the status.
  if (isSuspended(life.object) || applying) return;
  const wanted = [newestOf(life), knowStored(book, applied)].filter((one) => one !== undefined);
  const mine = isLabelled(current, life.name) && applied !== undefined;
  if (mine && !wanted.some(({ rendered }) => rendered.has(name)))
    wrong('S7', `an orphan: expected the ConfigMaps of ${namesOf(wanted)}`);
}

/** S1, of an object that says that the newest spec is applied. */
function judgeApplied(book: Book, life: Life): void {
  const condition = life.object.status?.conditions?.find((one) => one.type === 'Applied');
  if (life.gone || isSuspended(life.object) || condition?.status !== 'True') return;
  if (condition.observedGeneration !== life.object.metadata.generation) return;
  for (const { name, data } of newestOf(life)?.rendered.values() ?? []) {
    const found = book.maps.get(name)?.current?.data;
    if (canonical(found) === canonical(data)) continue;
    const words = `in the end: expected ${canonical(data)}, found ${canonical(found) ?? 'none'}`;
    fail(book, `ConfigMap ${name}`, 'S1', words);
  }
}
