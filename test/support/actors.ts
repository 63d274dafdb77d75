/** Those who act for a while beside people: other controllers, admission policies, quotas. See `Actor` of `actions.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { canonical } from '../contract/document.ts';
import type { Stored } from '../contract/revision.ts';
import { type ActionDesk, type Actor, deskOf, type Edit, edit, editAnnotation, type Kind } from './actions.ts';

/** The finalizer of another controller. */
export const holder = 'test.dialer.dev/held';
/** Between two looks, in milliseconds, as long as a `pause` of the desk takes: a controller with a watch is as quick. */
const tick = 100;

export const isActor = <A extends { readonly do: string }>(action: A): action is Extract<A, Actor> =>
  ['hold', 'fight', 'fight status', 'police', 'limit'].includes(action.do);

/** Acts until its time is over, and then lets go. Finds nothing to act on: ends at once. */
export async function actFor(action: Actor & { readonly namespace?: string }, home: ActionDesk): Promise<void> {
  const desk = deskOf(action, home);
  const rounds = Math.ceil(action.milliseconds / tick);
  switch (action.do) {
    case 'hold':
      if (!(await finalize(desk, action.kind, action.name, true))) return;
      await pause(desk, rounds);
      await finalize(desk, action.kind, action.name, false);
      return;
    case 'fight':
      return fight(desk, action.map, action.edit, rounds);
    case 'fight status':
      return fightStatus(desk, action.name, rounds);
    case 'police':
      if (!desk.police) throw new Error('no policies here');
      await desk.police(action.effect, true);
      await pause(desk, rounds);
      return desk.police(action.effect, false);
    case 'limit':
      if (!desk.limit) throw new Error('no quotas here');
      await desk.limit(action.spare);
      await pause(desk, rounds);
      return desk.limit(undefined);
  }
}

async function pause(desk: ActionDesk, rounds: number): Promise<void> {
  for (let n = 0; n < rounds; n++) await (desk.pause?.() ?? sleep(tick));
}

/** Tries again after a conflict, which is another's turn. False where there was nothing to do. */
async function persist(attempt: () => Promise<boolean>): Promise<boolean> {
  for (let n = 0; ; n++) {
    try {
      return await attempt();
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      // It has gone, or may not be written: for want of a right, for a policy or a quota.
      if (code === 404 || code === 403 || code === 422) return false;
      if (code !== 409 || n >= 100) throw error;
    }
  }
}

/** Puts our test's finalizer on an object, or takes it away from whichever object has that name now. */
const finalize = (desk: ActionDesk, kind: Kind, name: string, isWanted: boolean) =>
  persist(async () => {
    const object = await desk.get(kind, name);
    const { finalizers = [], deletionTimestamp } = object?.metadata ?? {};
    // Nothing new holds back what is being deleted already.
    if (!object || finalizers.includes(holder) === isWanted || (isWanted && deletionTimestamp)) return false;
    const left = finalizers.filter((one) => one !== holder);
    const metadata = {
      ...object.metadata,
      finalizers: isWanted ? [...left, holder] : left,
      annotations: {
        ...object.metadata.annotations,
        ...(kind === 'ConfigMap' ? { [editAnnotation]: desk.fresh() } : {}),
      },
    };
    await desk.update(kind, { ...object, metadata });
    return true;
  });

/** What somebody holds to be right of a ConfigMap, whose contents or metadata he edits like this: no more than he edits. */
function partOf({ data = {}, binaryData = {}, immutable = false, metadata }: Stored, how: Edit): string | undefined {
  const { labels = {}, annotations = {}, ownerReferences = [] } = metadata;
  const { [editAnnotation]: _, ...others } = annotations;
  switch (how) {
    case 'strip labels':
      return canonical(labels);
    case 'strip owner':
      return canonical(ownerReferences);
    case 'strip annotations':
    case 'annotate':
      return canonical(others);
    case 'make immutable':
      return canonical(immutable);
    default:
      return canonical([data, binaryData, immutable]);
  }
}
const isOfMetadata = (how: Edit): boolean =>
  ['strip labels', 'strip owner', 'strip annotations', 'annotate', 'make immutable'].includes(how);

/**
 * Has a version of its own, and writes it whenever the ConfigMap holds another. What it deletes it deletes again, and what it
 * does to the metadata alone it does again to whatever the ConfigMap holds by then.
 */
async function fight(desk: ActionDesk, name: string, how: Edit, rounds: number) {
  let own: Stored | undefined;
  for (let n = 0; n < rounds; n++) {
    await persist(async () => {
      const map = await desk.get('ConfigMap', name);
      if (!map || map.metadata.deletionTimestamp || map.metadata.labels?.['test/foreign']) return false;
      if (how === 'delete') {
        await desk.delete('ConfigMap', map);
        return true;
      }
      if (isOfMetadata(how)) own = edit(map, how);
      else own ??= edit(map, how);
      if (!own || partOf(own, how) === partOf(map, how)) return false;
      // An immutable one can only be deleted, its metadata apart.
      if (map.immutable && !isOfMetadata(how)) return false;
      const { data = {}, binaryData = {}, metadata } = isOfMetadata(how) ? own : { ...own, metadata: map.metadata };
      const annotations = { ...metadata.annotations, [editAnnotation]: desk.fresh() };
      const immutable = how === 'make immutable' || map.immutable ? { immutable: true } : {};
      await desk.update('ConfigMap', {
        ...map,
        ...immutable,
        metadata: { ...metadata, annotations },
        data,
        binaryData,
      });
      return true;
    });
    await pause(desk, 1);
  }
}

/** Writes the status that it found whenever there is another. */
async function fightStatus(desk: ActionDesk, name: string, rounds: number) {
  const own = (await desk.get('LicenseSettings', name))?.status;
  for (let n = 0; own && n < rounds; n++) {
    await persist(async () => {
      const object = await desk.get('LicenseSettings', name);
      if (!object || object.metadata.deletionTimestamp || canonical(object.status) === canonical(own)) return false;
      await desk.updateStatus({ ...object, status: own });
      return true;
    });
    await pause(desk, 1);
  }
}
