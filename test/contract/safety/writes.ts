/** Judges the ConfigMaps that the operator writes: S1 and S2 what they hold, S3 their stamps, S6 whose they are. */
import { dataHash } from '../../../src/settings/hash.ts';
import { canonical, capacitiesOf, readData } from '../document.ts';
import { controllerOf, isLabelled, manager, note, type Revision, type Stored, uidIn } from '../revision.ts';
import { type Book, type Kept, type Known, type Life, type Wrong, wrongAbout } from './book.ts';
import { judgeData, type MapWrite } from './renderings.ts';
import { mayWrite, viewOf } from './views.ts';

export function judgeWrite(book: Book, kept: Kept, revision: Revision): void {
  const { object } = revision;
  const wrong = wrongAbout(book, `ConfigMap ${kept.name}`);
  const uid = object.metadata.annotations?.[note('owner-uid')] ?? '';
  const life = book.lives.get(uid);
  // Created for an object that the store lost: nobody can know yet that it is gone, and the garbage collector takes it.
  if (!life && book.lostUids.has(uid) && kept.current === undefined) return;
  if (!life) {
    wrong('S6', `its owner-uid ${uid} is that of no LicenseSettings of this namespace`);
    return;
  }
  mayWrite(life, revision, wrong);
  const view = viewOf(life, revision);
  const desired = [...view.possible.values()].some(({ rendered }) => rendered.has(kept.name));
  if (kept.current && !isOurs(book, kept.current, life, desired))
    wrong('S6', `it belongs to someone else: ${canonical(kept.current.metadata)}`);
  const stamp = judgeStamp(kept, life, object, wrong);
  if (isClaimOf(kept.current, object, life)) {
    judgeClaim(life, object, wrong);
    return;
  }
  if (object.immutable) wrong('S1', 'it is immutable');
  if (Object.keys(object.binaryData ?? {}).length > 0) wrong('S1', 'it has binaryData');
  const { document, problems } = readData(object.data);
  for (const problem of problems) wrong('S1', problem);
  if (!document) return;
  const write: MapWrite = { book, kept, life, view, object, document, wrong };
  const match = judgeData(write);
  judgeMetadata(write, match);
  if (match) judgeRecord(write, match, stamp);
  remember(write, stamp);
}

/** S3. Gives the stamp. */
function judgeStamp(kept: Kept, life: Life, { metadata }: Stored, wrong: Wrong): number {
  const stamp = Number(metadata.annotations?.[note('generation')]);
  const newest = Math.max(...life.generations.keys());
  // Where the store went back so did the generation: what was written from the lost one meanwhile is written again.
  const highest = Math.min(kept.stamps.get(life.uid) ?? 1, newest);
  // A create carries no version, so one may land late; of an object that is gone the collector takes it.
  const isBelated = life.ended && kept.current === undefined;
  // Nobody can know a stamp that somebody took off, or deleted before the status could tell of it.
  const isOff = kept.current ? kept.current.metadata.annotations?.[note('generation')] === undefined : kept.lost;
  const isUnknown = isOff && stamp === life.object.status?.applied?.generation;
  if (!(stamp >= highest || isBelated || isUnknown))
    wrong('S3', `its generation stamp goes back: expected ${highest} or more, found ${stamp}`);
  kept.stamps.set(life.uid, Math.max(highest, stamp || 0));
  if (stamp > Math.max(newest, life.lostGeneration))
    wrong('S3', `its generation stamp is ${stamp}, the newest generation ${newest}`);
  return stamp;
}

/** True when our labels and a uid are put on what someone made immutable, so that it may be deleted: its data stay. */
function isClaimOf(before: Stored | undefined, after: Stored, life: Life): boolean {
  if (!before || (isLabelled(before, life.name) && uidIn(before) === life.uid)) return false;
  if (after.immutable && !before.immutable) return false;
  const contents = ({ data = {}, binaryData = {} }: Stored) => canonical([data, binaryData]);
  return contents(before) === contents(after);
}

function judgeClaim(life: Life, object: Stored, wrong: Wrong): void {
  const wanted = { 'app.kubernetes.io/managed-by': manager, [note('settings')]: life.name };
  for (const [label, value] of Object.entries(wanted))
    if (object.metadata.labels?.[label] !== value) wrong('ownership', `label ${label}: expected ${value}`);
  if (uidIn(object) !== life.uid) wrong('ownership', `expected the uid ${life.uid}, found ${uidIn(object)}`);
}

/** R4.1, R4.2, R4.5: whether the ConfigMap may be written for this object. `desired`: its name is a wanted one. */
function isOurs({ lives, livesElsewhere }: Book, object: Stored, life: Life, desired: boolean): boolean {
  const controller = controllerOf(object);
  if (controller) return controller.uid === life.uid;
  const uid = object.metadata.annotations?.[note('owner-uid')];
  if (uid === life.uid) return true;
  // What an earlier object of the name left to nobody is the next one's.
  const former = lives.get(uid ?? '');
  const isLeft = former?.ended === true && former.name === life.name;
  // A copy of what an object had that lived elsewhere, and is gone, can't be told from that (R4.3).
  const isCopy = !former && uid !== undefined && !livesElsewhere(uid) && life.object.status?.applied === undefined;
  const inherits = isLeft || isCopy;
  return (desired || inherits) && isLabelled(object, life.name);
}

/** Labels, annotations and owner of what the operator writes. */
function judgeMetadata({ life, view, object, document, wrong }: MapWrite, match: Known | undefined): void {
  const { metadata, data = {} } = object;
  const expect = (what: string, expected: string | undefined, found: string | undefined) => {
    if (expected !== found) wrong('ownership', `${what}: expected ${expected}, found ${found}`);
  };
  expect('label managed-by', manager, metadata.labels?.['app.kubernetes.io/managed-by']);
  expect('label part-of', manager, metadata.labels?.['app.kubernetes.io/part-of']);
  expect('label settings', life.name, metadata.labels?.[note('settings')]);
  if (document.scope === 'Zone') expect('label zone', document.zone, metadata.labels?.[note('zone')]);
  expect('data-hash', dataHash(data), metadata.annotations?.[note('data-hash')]);
  if (match && document.scope !== 'Zone')
    expect('settings-hash', match.hash, metadata.annotations?.[note('settings-hash')]);
  const ours = (metadata.ownerReferences ?? []).filter(({ uid }) => uid === life.uid);
  const reference = canonical({
    ...{ apiVersion: note('v1'), kind: 'LicenseSettings', name: life.name, uid: life.uid },
    ...{ controller: true, blockOwnerDeletion: false },
  });
  const found = canonical(ours);
  const allowed = [...view.retained].map((retained) => (retained ? '[]' : `[${reference}]`));
  if (!allowed.includes(found)) wrong('ownership', `ownerReferences: expected ${allowed.join(' or ')}, found ${found}`);
}

/** Without zones the ConfigMap is the record of what is live: its stamp is that of the generation that it holds. */
function judgeRecord({ book, life, document, wrong }: MapWrite, match: Known, stamp: number): void {
  if (document.scope !== 'Default' || life.restored) return;
  const stamped = life.generations.get(stamp);
  // A stamp does not go back (S3), also where what was live before is rebuilt, under whichever name.
  const reached = Math.max(...[...book.maps.values()].map(({ stamps }) => stamps.get(life.uid) ?? 0));
  const isRebuilt = stamp === reached && match.hash === life.object.status?.applied?.settingsHash;
  if (stamped?.hash !== match.hash && !isRebuilt && life.lostGeneration === 0)
    wrong('S1', `it is stamped with generation ${stamp}, which declares ${stamped?.hash}; it holds ${match.hash}`);
}

/** Remembers what was written. */
function remember({ book, kept, life, object, document }: MapWrite, stamp: number): void {
  const { uid } = life;
  const before = kept.current;
  const adopted = before !== undefined && (kept.written?.uid !== uid || kept.written.adopted);
  const isAsFound = kept.written?.uid !== uid || kept.written.asFound;
  const asFound = adopted && isAsFound && canonical(before.data) === canonical(object.data);
  kept.written = { uid, object, document, adopted, asFound };
  const hash = object.metadata.annotations?.[note('settings-hash')];
  if (hash !== undefined) life.recorded.set(hash, Math.max(stamp || 0, life.recorded.get(hash) ?? 0));
  kept.left = capacitiesOf(document);
  kept.lost = false;
  if (document.scope === 'System' && !life.object.status?.applying) life.ranks.set(kept.name, book.judged);
}
