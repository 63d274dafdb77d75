import { namespaceOf } from './object.ts';

/**
 * Keys of one priority, each `namespace/name`, handed out namespace by namespace in turn: whoever has many objects waits
 * longer for each of them, and those of other namespaces wait for one of them at most. Within a namespace the first that
 * came goes first (R9.18).
 */
export class Lane {
  /** The namespace whose turn is next stands first; none is empty. */
  readonly #namespaces = new Map<string, Set<string>>();
  #size = 0;

  /** How many keys wait. */
  get size(): number {
    return this.#size;
  }

  has(key: string): boolean {
    return this.#namespaces.get(namespaceOf(key))?.has(key) ?? false;
  }

  /** Adds a key at the end of its namespace; one that waits already keeps its place. */
  add(key: string): void {
    if (this.has(key)) return;
    const namespace = namespaceOf(key);
    const keys = this.#namespaces.get(namespace) ?? new Set();
    this.#namespaces.set(namespace, keys.add(key));
    this.#size++;
  }

  delete(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#namespaces.get(namespace);
    if (!keys?.delete(key)) return;
    this.#size--;
    if (keys.size === 0) this.#namespaces.delete(namespace);
  }

  /** Takes out the first key of the namespace whose turn it is, which goes behind the others; undefined where none waits. */
  take(): string | undefined {
    for (const [namespace, keys] of this.#namespaces) {
      for (const key of keys) {
        this.delete(key);
        this.#namespaces.delete(namespace);
        if (keys.size > 0) this.#namespaces.set(namespace, keys);
        return key;
      }
    }
    return undefined;
  }
}
