/**
 * Judges `--cascade=orphan`: what the garbage collector has released from an object that is being deleted stays for good.
 * Who puts the owner back has it taken, since that owner will be gone. Among revisions that says nothing: who deleted a
 * ConfigMap, the garbage collector or people, only the simulation knows.
 */
import type { Change, Changed } from './revision.ts';

/** A function to be told of every change. Gives what is wrong with it, if anything. */
export function createOrphanJudge(): (change: Change) => string | undefined {
  /** uids of owners, by that of the ConfigMap that was released from them. */
  const released = new Map<string, Set<string>>();
  return ({ object, previous, type, by }) => {
    if (object.kind !== 'ConfigMap' || by !== 'gc') return undefined;
    const { uid, name } = object.metadata;
    if (type === 'DELETED') {
      const owner = ownersOf(previous).find((one) => released.get(uid)?.has(one));
      return owner === undefined
        ? undefined
        : `rule 5: ConfigMap ${name} is lost: it was released from ${owner}, and given back to it`;
    }
    const left = new Set(ownersOf(object));
    const gone = ownersOf(previous).filter((one) => !left.has(one));
    if (gone.length > 0) released.set(uid, new Set([...(released.get(uid) ?? []), ...gone]));
    return undefined;
  };
}

const ownersOf = (object: Changed | undefined): string[] =>
  (object?.metadata.ownerReferences ?? []).map(({ uid }) => uid);
