/** Judges S9: no license is given out twice, as the ConfigMaps were last written by the operator. */
import type { Declaration } from '../../../src/api/licensesettings.ts';
import { type Document, keys, readData } from '../document.ts';
import { isLabelled, type Stored } from '../revision.ts';
import { type Book, fail, type Kept, type Life, type Written } from './book.ts';

/** A ConfigMap that a dialer may obey. `own`: written for this object, not for an earlier one of its name. */
type Held = Written & { readonly kept: Kept; readonly own: boolean };

/** What is given out for one object. */
type Given = {
  readonly zones: readonly Held[];
  /** Without zones, or not yet lowered: a system with CAPACITY keys. */
  readonly obeyed: readonly Held[];
  /** The newest system: its total is the bound. */
  readonly system: { readonly kept: Kept; readonly document: Document } | undefined;
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
  const systems = all.filter(({ own, document }) => own && document.scope === 'System');
  const [system] = (systems.length > 0 ? systems : inherited(book, life)).sort(
    (a, b) => (life.ranks.get(b.kept.name) ?? 0) - (life.ranks.get(a.kept.name) ?? 0),
  );
  // Zones that an earlier object left behind are lowered first, also where its system has gone.
  if (!system && obeyed.length === 0 && zones.every(({ own, adopted }) => adopted || !own)) return undefined;
  // Nor does the system of an object before that one bound them.
  if (systems.length === 0 && zones.every(({ own }) => !own)) return undefined;
  return { zones, obeyed, system };
}

/** Judges one type of license. True when the zones hold exactly the total. */
function judgeType(book: Book, life: Life, { zones, obeyed, system }: Given, key: string): boolean {
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
  const total = system?.document.licenses[key]?.['total'] ?? maximumIn(life.backup?.declaration, key);
  const each = [...counts].map(([zone, count]) => `${zone} ${count}`).join(', ');
  if (sum > total)
    fail(
      book,
      what,
      'S9',
      `zones hold ${sum} of ${key}, the total of ${system?.kept.name ?? 'no system'} is ${total}: ${each}`,
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
    // By its labels and its record is told what an earlier object left (R4.3): somebody has spoiled them.
    const isTold = !current || (isLabelled(current, life.name) && recordIn(current) === recordIn(written.object));
    if (!own && !isTold) return [];
    const there = current !== undefined && !kept.lost;
    return there || (own && written.document.scope === 'System') ? [{ kept, own, ...written }] : [];
  });
}

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
