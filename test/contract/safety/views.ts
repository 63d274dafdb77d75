/** What the operator may decide from when it writes for a LicenseSettings. */
import { isRetained, isSuspended, note, type Revision } from '../revision.ts';
import { type Book, type Known, knowStored, type Life, type View, type Wrong } from './book.ts';

/** How long after a deletion a write may be sent, in milliseconds, by an operator that has just not heard of it. */
const unheard = 1_000;

/** The declaration of the newest spec; undefined when it is invalid. */
export const newestOf = ({ object, generations }: Life): Known | undefined =>
  generations.get(object.metadata.generation ?? 0);

/** True when the newest spec may be applied, suspended or not. */
export function isApplicable(life: Life): boolean {
  const newest = newestOf(life);
  if (!newest) return false;
  const { applyPolicy } = life.object.spec as { applyPolicy?: string };
  const approval = (life.object.metadata.annotations?.[note('apply')] ?? '').trim().toLowerCase();
  return applyPolicy !== 'Manual' || approval === newest.hash;
}

/** What was decided after the operator's last status knows the newest spec, and no other. */
export const viewOf = (life: Life, { sent }: Revision): View =>
  life.informed && sent !== undefined && sent >= life.informed.at ? life.informed : life;

/** Everything that a new version of the object adds to. */
export const viewsOf = (life: Life): View[] => [life, ...(life.informed ? [life.informed] : [])];

/** What the newest spec and the status leave possible. */
export function narrowest(book: Book, life: Life): View {
  const { applied, applying } = life.object.status ?? {};
  const newest = newestOf(life);
  const may = [
    ...(isApplicable(life) && !isSuspended(life.object) && newest ? [newest] : []),
    ...[applied, applying].flatMap((stored) => knowStored(book, stored) ?? []),
  ];
  return {
    possible: new Map(may.map((known) => [known.hash, known])),
    suspended: new Set([isSuspended(life.object)]),
    retained: new Set([isRetained(life.object)]),
  };
}

/** A9, R5.1: whether anything may be written for this object now. */
export function mayWrite(life: Life, revision: Revision, wrong: Wrong): void {
  const { sent, calmSince, deaf = false } = revision;
  const { gone } = life;
  // Where nothing kept the operator from seeing the deletion, it has seen it after this time.
  const isHeard =
    gone?.at !== undefined &&
    sent !== undefined &&
    calmSince !== undefined &&
    sent > Math.max(gone.at, calmSince) + unheard;
  if (gone && !deaf && (!gone.inFlight || isHeard))
    wrong('rule 5', `it is written while LicenseSettings ${life.name} is being deleted`);
  const { suspended } = viewOf(life, revision);
  if (suspended.size === 1 && suspended.has(true))
    wrong('suspend', `it is written while LicenseSettings ${life.name} is suspended`);
}
