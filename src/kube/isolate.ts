/** Whatever one object holds, at most that object suffers (R9.20). */
import { type KubeObject, keyOf } from './object.ts';

/**
 * Reads an object for the caches. One that `read` throws on is kept as `instead` makes it: a throw would end the list or
 * watch of all objects, and the next one again. `tell` is told of it.
 *
 * @param read must throw here, if it ever does: what is asked of the object later belongs into it.
 * @param instead throws only on what has no metadata: an answer with such items is no list.
 */
export function isolate<T extends KubeObject>(
  read: (object: KubeObject) => T,
  instead: (object: KubeObject, words: string) => T,
  tell: (key: string, error: unknown) => void,
): (object: KubeObject) => T {
  return (object) => {
    try {
      return read(object);
    } catch (error) {
      const kept = instead(object, String(error));
      tell(keyOf(kept), error);
      return kept;
    }
  };
}
