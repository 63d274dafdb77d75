/** Judges what the operator writes into a status: S2, S4, S8, and what T1 to T20 and R5.6 say of its fields. */
import { canonical } from '../document.ts';
import { isRetained, isSuspended, type Stored } from '../revision.ts';
import { type Book, knowStored, type Life, type Wrong, wrongAbout } from './book.ts';
import { isApplicable, newestOf } from './views.ts';

/** A status that the operator wrote. */
export type StatusWrite = {
  readonly book: Book;
  readonly life: Life;
  readonly before: Stored;
  readonly object: Stored;
  /** See `Revision.late`. */
  readonly late: boolean;
};

type Judged = StatusWrite & { readonly wrong: Wrong };

export function judgeStatus(write: StatusWrite): void {
  const { book, life, before, object } = write;
  const { metadata, status } = object;
  const wrong = wrongAbout(book, `LicenseSettings ${life.name}`);
  const told = ({ metadata: { labels, annotations, finalizers, generation }, spec }: Stored) =>
    canonical({ labels, annotations, finalizers, generation, said: spec });
  if (told(object) !== told(before))
    wrong('status', `nothing but the status may be written: expected ${told(before)}, found ${told(object)}`);
  // These are strict: the write carries the version of the object that it was decided from.
  if (life.gone) wrong('rule 5', 'a status is written on an object that is being deleted');
  if (book.quiet && book.changes === 0 && !life.waiting)
    wrong('S8', 'a status is written, though nothing has changed since it settled');
  const generation = metadata.generation ?? 0;
  if (status?.observedGeneration !== generation)
    wrong('status', `observedGeneration: expected ${generation}, found ${status?.observedGeneration}`);
  const judged = { ...write, wrong };
  for (const field of ['applied', 'applying'] as const) judgeField(judged, field);
  judgePlan(judged);
  judgeHistory(judged);
  // What the status was decided from is lost, where the LicenseSettings itself came back at the same version.
  const isOfBefore = life.lostGeneration > 0;
  life.lostGeneration = 0;
  rank(judged);
  judgeRetained(judged);
  judgeApplied(judged, isOfBefore);
}

/** S2, on one of the two declarations that the status calls live. */
function judgeField({ book, life, before, object, wrong }: Judged, field: 'applied' | 'applying'): void {
  const [old, after] = [before.status, object.status];
  const stored = after?.[field];
  if (!stored || canonical(stored) === canonical(old?.[field])) return;
  const hash = knowStored(book, stored)?.hash;
  const same = field === 'applied' && old?.applied?.settingsHash === stored.settingsHash && !life.restored;
  // What was live in between, for a moment, stands between them in the history.
  const [last, former] = after?.history ?? [];
  const isBack = last?.generation === stored.generation && former?.settingsHash !== stored.settingsHash;
  if (same && !isBack && canonical(old?.applied?.settings) === canonical(stored.settings))
    wrong('status', `applied moves to generation ${stored.generation}, though its settingsHash does not`);
  if (hash !== stored.settingsHash) wrong('status', `${field}: settingsHash ${stored.settingsHash} is not its own`);
  if (stored.generation > (life.object.metadata.generation ?? 0))
    wrong('status', `${field}: generation ${stored.generation} is still to come`);
  // A change of the newest spec; the end of a plan; or, after a crash, what a ConfigMap proves.
  const applicable = isApplicable(life) && !isSuspended(life.object);
  const since = old?.applied?.generation ?? 0;
  const records = [...life.recorded].flatMap(([one, generation]) => (generation >= since ? one : []));
  const allowed = [
    ...(applicable ? [newestOf(life)?.hash] : []),
    // To bring zones that hold something else to what is live is a plan too.
    old?.applied?.settingsHash,
    ...(field === 'applied' ? [old?.applying?.settingsHash, ...records] : []),
  ];
  if (allowed.includes(stored.settingsHash)) return;
  const expected = allowed.join(', ') || 'nothing';
  wrong(
    'S2',
    `${field} becomes ${stored.settingsHash} of generation ${stored.generation}: expected one of ${expected} (the newest spec is ${applicable ? '' : 'not '}applicable)`,
  );
}

/** R2.1, R2.3: what has zones, before or after it, changes by a plan, and a plan begins with its status. */
function judgePlan({ book, life, before, object, wrong }: Judged): void {
  const [was, is] = [before.status?.applied, object.status?.applied];
  const isPlanned = [was, is].some((one) => knowStored(book, one)?.declaration.zones !== undefined);
  const applying = before.status?.applying?.settingsHash;
  // Where somebody wrote the status a ConfigMap proves what is live already.
  if (is && life.restored && life.recorded.has(is.settingsHash)) return;
  if (is && is.settingsHash !== was?.settingsHash && isPlanned && applying !== is.settingsHash)
    wrong('rule 2', `applied becomes ${is.settingsHash}, though it was not applying`);
}

/** A7: applied and history move only with the settingsHash; S2: no plan is abandoned. */
function judgeHistory({ before: { status: before }, object: { status: after }, wrong }: Judged): void {
  const history = after?.history ?? [];
  const twice = history.find(({ settingsHash }, i) => settingsHash === history[i + 1]?.settingsHash);
  if (twice && canonical(history) !== canonical(before?.history))
    wrong('status', `history: generation ${twice.generation} has the settingsHash of the apply before it`);
  if (before?.applying && !after?.applying && after?.applied?.settingsHash !== before.applying.settingsHash)
    wrong('S2', `the plan of ${before.applying.settingsHash} is abandoned; applied is ${after?.applied?.settingsHash}`);
}

/** Notes which ConfigMap the status makes that of the system: S9 goes by the newest. */
function rank({ book, life, before, object: { status } }: Judged): void {
  const target = status?.applying ?? status?.applied;
  const previous = before.status?.applying ?? before.status?.applied;
  // A plan also begins with the settings that are live, where a status of a backup says so.
  const begins = status?.applying !== undefined && before.status?.applying === undefined;
  if (target && (begins || target.settingsHash !== previous?.settingsHash || life.ranks.size === 0))
    life.ranks.set(target.settings.configMap.name, book.judged);
}

/** R5.6: a ConfigMap is called retained only after its owner was taken off. */
function judgeRetained({ book, life, object: { status }, wrong }: Judged): void {
  const owned = (one: Stored | undefined) => one?.metadata.ownerReferences?.some(({ uid }) => uid === life.uid);
  for (const { name, retained } of status?.configMaps ?? []) {
    const kept = book.maps.get(name);
    if (retained && isRetained(life.object) && owned(kept?.written?.object) && owned(kept?.current))
      wrong('rule 5', `ConfigMap ${name} is said to be retained, but it still has its owner`);
  }
}

/** S4: Applied is not said of a generation before its ConfigMaps are written. */
function judgeApplied({ book, life, object: { status }, late, wrong }: Judged, isOfBefore: boolean): void {
  const applied = status?.conditions?.find((one) => one.type === 'Applied');
  if (applied?.status !== 'True' || applied.reason !== 'Applied') return;
  if (isOfBefore) return;
  // While suspended nothing looks at the ConfigMaps: then the status of a backup can only be believed.
  if (isSuspended(life.object) && life.restored) return;
  const generation = applied.observedGeneration;
  const known = life.generations.get(generation);
  if (!known) {
    wrong('S4', `Applied for generation ${generation}, which is not valid`);
    return;
  }
  // What was true when a late status was sent may have been edited, and lowered for that, before it landed.
  for (const { name, data } of late ? [] : known.rendered.values()) {
    const kept = book.maps.get(name);
    const found = kept?.written?.object.data;
    // An edit by others can make it right, too.
    if ([found, kept?.current?.data].some((one) => canonical(one) === canonical(data))) continue;
    const words = `expected ${canonical(data)}, found ${canonical(found) ?? 'none written'}`;
    wrong('S4', `Applied for generation ${generation} before ConfigMap ${name}: ${words}`);
  }
  if (status?.applied?.settingsHash !== known.hash)
    wrong('S4', `Applied: expected settingsHash ${known.hash}, found ${status?.applied?.settingsHash}`);
  if (!isSuspended(life.object)) life.restored = false;
}
