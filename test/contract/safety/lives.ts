/** Follows each LicenseSettings: what its newest spec says, who changed it, and when it goes. */
import type { Status } from '../../../src/api/licensesettings.ts';
import { declare } from '../../../src/settings/declaration.ts';
import { validate } from '../../../src/settings/validate.ts';
import { canonical } from '../document.ts';
import { isRetained, isSuspended, type Revision, type Stored } from '../revision.ts';
import { type Book, fail, know, knowStored, type Life, noteChange } from './book.ts';
import { judgeStatus } from './status.ts';
import { isApplicable, narrowest, newestOf, viewsOf } from './views.ts';

/** Takes in a revision of a LicenseSettings. */
export function takeSettings(book: Book, revision: Revision): void {
  const { type, object, by, late = false, at: now } = revision;
  const life = book.lives.get(object.metadata.uid);
  const inFlight = book.changes !== 0;
  if (type === 'DELETED') {
    if (by === 'operator') fail(book, object.metadata.name, 'status', 'the operator deleted a LicenseSettings');
    if (life) {
      life.gone ??= { inFlight, at: now };
      life.ended = true;
    }
    noteChange(book);
    return;
  }
  if (!life) {
    begin(book, revision);
    return;
  }
  const before = life.object;
  if (by === 'operator') {
    judgeStatus({ book, life, before, object, late });
    life.object = object;
    if (now !== undefined) life.informed = { ...narrowest(book, life), at: now };
    return;
  }
  const deletedNow = object.metadata.deletionTimestamp !== undefined && life.gone === undefined;
  if (deletedNow) life.gone = { inFlight, at: now };
  noteChange(book);
  learn(book, life, object);
  if (canonical(before.status ?? {}) !== canonical(object.status ?? {})) believe(book, life, object.status);
}

function begin(book: Book, { object, by }: Revision): void {
  const { name, uid } = object.metadata;
  const life: Life = {
    ...{ name, uid, object, gone: undefined, ended: false, waiting: false },
    restored: object.status?.applied !== undefined,
    ...{ generations: new Map(), possible: new Map(), ranks: new Map(), recorded: new Map() },
    ...{ suspended: new Set(), retained: new Set(), lostGeneration: 0, backup: undefined, informed: undefined },
  };
  book.lives.set(uid, life);
  if (by === 'operator') fail(book, name, 'status', 'the operator created a LicenseSettings');
  noteChange(book);
  learn(book, life, object);
}

/** Takes in a version of an object that the operator may decide from. */
function learn(book: Book, life: Life, object: Stored): void {
  life.object = object;
  const generation = object.metadata.generation ?? 0;
  if (!life.generations.has(generation)) {
    const { spec } = validate({ name: life.name, spec: object.spec });
    life.generations.set(generation, spec && know(book, declare(life.name, spec)));
  }
  const newest = newestOf(life);
  for (const view of viewsOf(life)) {
    view.suspended.add(isSuspended(object));
    view.retained.add(isRetained(object));
    if (newest && isApplicable(life) && !isSuspended(object)) view.possible.set(newest.hash, newest);
  }
}

/** A status that others wrote is believed: what it says is live may be written. */
function believe(book: Book, life: Life, status: Status | undefined): void {
  life.restored = true;
  life.backup = knowStored(book, status?.applied);
  for (const stored of [status?.applied, status?.applying]) {
    const known = knowStored(book, stored);
    if (known) for (const { possible } of viewsOf(life)) possible.set(known.hash, known);
  }
}
