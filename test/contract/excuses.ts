/**
 * What excuses the operator, as far as it can be told from what is stored; both harnesses ask these questions, and no
 * others. What only a harness knows (which fault is under way, who leads, until when a request may land) it tells the
 * judges itself: docs/testing.md lists that, "Excuses".
 */
import { isSuspended, note, type Snapshot, type Stored } from './revision.ts';

/** L1 of docs/contract.md, in milliseconds. */
export const expectedWithin = {
  /** After the last fault. */
  soon: 5_000,
  /** After a silent watch, a restored store, a refused write, a foreign conflict, a write that did not stay. */
  slowly: 65_000,
};

const statusOf = (object: object): string => JSON.stringify((object as Stored).status ?? '');

/** An object says that a ConfigMap's name is someone else's: it looks at that name again each minute, also when all is quiet. */
export const isTaken = (object: object): boolean => statusOf(object).includes('belongs to someone else');

/** An object says that what was written does not stay: the next write has to stand for a while (R9.12). */
export const isContested = (object: object): boolean => statusOf(object).includes('"reason":"Contested"');

/** An object says that its writes fail: they are tried again. */
export const isFailing = (object: object): boolean => /refuses the write|the write fails/.test(statusOf(object));

/** A plan is under way: it goes on by itself, also where the newest spec is invalid. */
export const isUnderWay = (object: Stored): boolean =>
  object.status?.applying !== undefined && !isSuspended(object) && !isTaken(object);

/** Something is there that only the garbage collector may take. */
export function hasGarbage({ settings, configMaps }: Snapshot): boolean {
  // The collector lets go of what it deletes in the foreground, or orphans, when it is there again itself.
  if (settings.some(({ metadata }) => metadata.deletionTimestamp)) return true;
  const owned = (one: Stored) => one.metadata.ownerReferences?.find(({ kind }) => kind === 'LicenseSettings')?.uid;
  const owners = configMaps.map(owned).filter((uid) => uid !== undefined);
  return owners.some((uid) => !settings.some(({ metadata }) => metadata.uid === uid));
}

/**
 * A zone that a plan does not want stays at zero, because a create of it may still land (R7.7); one that it wants under another name
 * stays as it is.
 */
export const isKeptOut = ({ settings, configMaps }: Snapshot): boolean =>
  configMaps.some(({ metadata, data = {} }) => {
    const owner = metadata.annotations?.[note('owner-uid')];
    const zone = metadata.labels?.[note('zone')];
    const target = settings.find(({ metadata: { uid } }) => uid === owner)?.status?.applying?.settings;
    if (!target || !zone || metadata.name === `${target.configMap.name}-${zone}`) return false;
    const counts = Object.entries(data).filter(([key]) => key.endsWith('_CAPACITY'));
    return target.zones?.some(({ name }) => name === zone) || counts.every(([, count]) => count === '0');
  });
