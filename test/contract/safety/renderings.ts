/** Judges the data of a ConfigMap: S1, the rendering of one declaration or a step of rule 2, and S2, one that may be written. */
import { renderSystem } from '../../../src/settings/render.ts';
import { canonical, type Document, keys, readData } from '../document.ts';
import { note, type Stored } from '../revision.ts';
import { type Book, type Kept, type Known, type Life, namesOf, type View, type Wrong } from './book.ts';

/** A ConfigMap that is written for an object. */
export type MapWrite = {
  readonly book: Book;
  readonly kept: Kept;
  readonly life: Life;
  readonly view: View;
  readonly object: Stored;
  readonly document: Document;
  readonly wrong: Wrong;
};

/** Gives the declaration that a whole rendering is of. */
export function judgeData(write: MapWrite): Known | undefined {
  const { kept, life, view, object, document, wrong } = write;
  const { name } = kept;
  const text = canonical(object.data);
  const possible = [...view.possible.values()];
  const old = formerOf(kept);
  const isOldSystem = old !== undefined && readData(old.data).document?.scope !== 'Zone';
  const candidates = possible.filter(
    ({ declaration, rendered }) =>
      canonical(rendered.get(name)?.data) === text ||
      // Step 2: the old system ConfigMap loses its CAPACITY keys, also where its name is to be that of a zone (R2.5).
      (isOldSystem && declaration.zones && canonical(renderSystem(declaration).data) === text),
  );
  // Declarations that differ in a name, or in their organizations, can have the same system.
  const noted = object.metadata.annotations?.[note('settings-hash')];
  if (candidates.length > 0) return candidates.find(({ hash }) => hash === noted) ?? candidates[0];
  if (document.scope === 'Zone') {
    const why = stepProblems(write);
    if (why.length > 0) wrong('S1', `no step of rule 2: ${why.join('; ')}`);
    return undefined;
  }
  const other = [...life.generations].find(([, known]) => canonical(known?.rendered.get(name)?.data) === text);
  if (other)
    wrong('S2', `the rendering of generation ${other[0]}, which may not be written: expected ${namesOf(possible)}`);
  else wrong('S1', `the rendering of no declaration: expected ${namesOf(possible)}, found ${text}`);
  return undefined;
}

/** What a write takes the place of: an immutable ConfigMap is deleted and created again. */
const formerOf = ({ current, lost, written }: Kept): Stored | undefined =>
  current ?? (lost ? undefined : written?.object);

/** Why what a zone gets is not what it held, what it shall hold, the smaller of both, or zero. */
function stepProblems({ kept, view, document }: MapWrite): string[] {
  const { zone = '', licenses, organizations = [] } = document;
  const possible = [...view.possible.values()];
  // A zone of an earlier name of the ConfigMap too: it is not rendered, but lowered.
  const shares = possible.flatMap(({ declaration }) => declaration.zones?.find((one) => one.name === zone) ?? []);
  const former = formerOf(kept);
  const held = readData(former?.data).document;
  const old = held?.scope === 'Zone' && held.zone === zone ? held : undefined;
  const problems: string[] = [];
  if (!former && keys.some((key) => licenses[key]?.['capacity']))
    problems.push('it is created neither with its final numbers nor at zero');
  if (!kept.name.endsWith(`-${zone}`)) problems.push(`the zone ${zone} does not belong into ${kept.name}`);
  const judgeCounts = (whose: string, found: number, allowed: readonly number[]) => {
    if (found !== 0 && !allowed.includes(found))
      problems.push(`${whose}: expected 0 or one of ${[...new Set(allowed)].join(', ')}, found ${found}`);
  };
  for (const key of keys) {
    const counts = shares.map((share) => countIn(share.licenses, key));
    judgeCounts(key, licenses[key]?.['capacity'] ?? 0, [...counts, old?.licenses[key]?.['capacity'] ?? 0]);
    for (const tenant of organizations) {
      const parts = shares.map((share) => countIn(named(share.organizations, tenant.name)?.licenses, key));
      const oldPart = named(old?.organizations, tenant.name)?.licenses[key]?.capacity ?? 0;
      judgeCounts(`${key} of ${tenant.name}`, tenant.licenses[key]?.capacity ?? 0, [...parts, oldPart]);
    }
  }
  for (const { name: tenant } of organizations)
    if (![...shares, ...(old ? [old] : [])].some((one) => named(one.organizations as Named[], tenant)))
      problems.push(`nobody gave it an organization ${tenant}`);
  return problems;
}

type Named = { readonly name: string };
const named = <T extends Named>(list: readonly T[] = [], name: string): T | undefined =>
  list.find((one) => one.name === name);
const countIn = (licenses: object | undefined, key: string): number =>
  (licenses as Record<string, number> | undefined)?.[key] ?? 0;
