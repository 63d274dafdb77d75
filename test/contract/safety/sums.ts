/** Judges S9: no license is given out twice, as the ConfigMaps were last written by the operator. */
import type { Declaration } from '../../../src/api/licensesettings.ts';
import { type Document, keys, readData } from '../document.ts';
import { controllerOf, isLabelled, type Stored, uidIn } from '../revision.ts';
import { type Book, fail, type Kept, type Life, type Written } from './book.ts';

/** A ConfigMap that a dialer may obey. `own`: written for this object, not for an earlier one of its name. */
type Held = Written & { readonly kept: Kept; readonly own: boolean };

/** What is given out for one object. */
type Given = {
  readonly zones: readonly Held[];
  /** Without zones, or not yet lowered: a system with CAPACITY keys. */
  readonly obeyed: readonly Held[];
  /** The newest system, or all that earlier objects left: the greatest total is the bound. */
  readonly systems: readonly { readonly kept: Kept; readonly document: Document }[];
};

/** S9, over every object that is there. */
export function judgeSums(book: Book): void {
  let isTight = false;
  for (const life of book.lives.values()) {
    // What an object leaves behind is as it was, until there is another of its name.
    const given = life.gone ? undefined : givenFor(book, life);
    if (!given) continue;
    for (const key of keys) if (judgeType(book, life, given, key)) isTight = true;
  }
  if (isTight) book.tight++;
}

/** What is given out for an object; undefined where nothing can be given out twice. */
function givenFor(book: Book, life: Life): Given | undefined {
  const all = heldBy(book, life);
  const zones = all.filter(({ document }) => document.scope === 'Zone');
  if (zones.length === 0) return undefined;
  const obeyed = all.filter(({ document }) => document.scope === 'Default');
  const own = all.filter((one) => one.own && one.document.scope === 'System');
  const rank = ({ kept }: Held) => life.ranks.get(kept.name) ?? 0;
  const systems = own.length > 0 ? own.sort((a, b) => rank(b) - rank(a)).slice(0, 1) : inherited(book, life);
  // Zones that an earlier object left behind are lowered first, also where its system has gone.
  if (systems.length === 0 && obeyed.length === 0 && zones.every((one) => one.adopted || !one.own)) return undefined;
  // Nor does the system of an object before that one bound them.
  if (own.length === 0 && zones.every((one) => !one.own)) return undefined;
  return { zones, obeyed, systems };
}

/** Judges one type of license. True when the zones hold exactly the total. */
function judgeType(book: Book, life: Life, { zones, obeyed, systems }: Given, key: string): boolean {
  const what = `LicenseSettings ${life.name}`;
  const counts = new Map<string, number>();
  for (const { kept, document } of zones) {
    const zone = document.zone ?? '';
    counts.set(zone, Math.max(counts.get(zone) ?? 0, kept.left[key] ?? 0));
  }
  const sum = [...counts.values()].reduce((a, b) => a + b, 0);
  // A system that is obeyed beside zones gives out every license that a zone holds a second time.
  const giving = zones.filter(({ kept }) => (kept.left[key] ?? 0) > 0);
  for (const { kept, own } of obeyed)
    if (giving.some((zone) => (zone.own ? !zone.asFound : own)))
      fail(book, what, 'S9', `zones hold ${sum} of ${key} while ${kept.name} has CAPACITY keys`);
  if (obeyed.length > 0) return false;
  // A status that was restored from a backup has settings that no ConfigMap of this object was written for yet.
  const totals = systems.map(({ document }) => document.licenses[key]?.['total'] ?? 0);
  const total = totals.length > 0 ? Math.max(...totals) : maximumIn(life.backup?.declaration, key);
  const each = [...counts].map(([zone, count]) => `${zone} ${count}`).join(', ');
  if (sum > total)
    fail(
      book,
      what,
      'S9',
      `zones hold ${sum} of ${key}, the total of ${systems.map(({ kept }) => kept.name).join(', ') || 'no system'} is ${total}: ${each}`,
    );
  return sum === total && sum > 0;
}

/**
 * What the operator wrote for this object, or for an earlier one of its name, and nobody else took away: a dialer obeys
 * what is there, whoever's it was, until it is gone. The system of this object counts on when it is gone: it is a bound,
 * not a gift.
 */
function heldBy({ maps, lives }: Book, life: Life): Held[] {
  return [...maps.values()].flatMap((kept) => {
    const { written, current } = kept;
    if (!written) return [];
    const own = written.uid === life.uid;
    if (!own && !(lives.get(written.uid)?.ended && isLabelled(written.object, life.name))) return [];
    // What was left to nobody is taken over by a first apply alone: a status from a backup says that there was one (R4.3).
    if (!own && life.backup && current && !controllerOf(current)) return [];
    if (current && !(own ? isMarked(current, life) : isLeft(current, written, life))) return [];
    const there = current !== undefined && !kept.lost;
    return there || (own && written.document.scope === 'System') ? [{ kept, own, ...written }] : [];
  });
}

/** True unless somebody took off all that says whose it is: that nobody may touch (R4.5). */
const isMarked = (current: Stored, { name, uid }: Life): boolean => uidIn(current) === uid || isLabelled(current, name);

/** True unless somebody spoiled what tells of an earlier object that it left this: labels, uid and record (R4.3). */
const isLeft = (current: Stored, { object, uid }: Written, { name }: Life): boolean =>
  isLabelled(current, name) && uidIn(current) === uid && recordIn(current) === recordIn(object);

/** Systems that an earlier object of the same name left behind, or a backup brought, to be adopted. */
function inherited({ maps }: Book, life: Life) {
  return [...maps.values()].flatMap((kept) => {
    const object = kept.written?.object ?? kept.current;
    const document = kept.written?.document ?? (object && readData(object.data).document);
    return object && document?.scope === 'System' && isLabelled(object, life.name) ? [{ kept, document }] : [];
  });
}

/** The maximum that settings give a type of licenses. */
const maximumIn = (declaration: Declaration | undefined, key: string): number =>
  (declaration?.licenses as Record<string, { maximum: number }> | undefined)?.[key]?.maximum ?? 0;

const recordIn = ({ data }: Stored): string | undefined => data?.['licenses.json'];
