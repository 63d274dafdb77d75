/** What of the hostile objects is stored now, as etcd tells it, and whether the operator has spoken of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../src/api/licensesettings.ts';
import type { Committed } from '../faults/revisions.ts';
import { forged, seedOf } from './hostile.ts';

type Known = { readonly generation: number; readonly observed: number | undefined; readonly spoken: boolean };

export type View = ReturnType<typeof createView>;

export function createView() {
  /** By namespace and name. Of one that is being deleted nothing is said any more. */
  const settings = new Map<string, Known | 'gone'>();
  const configMaps = new Map<number, Set<string>>();
  const waiting = new Map<string, Set<() => void>>();
  let last = performance.now();

  return {
    revisions: 0,
    /** Writes of the operator, counted at the end. */
    writes: 0,
    take({ kind, type, object }: Committed): void {
      this.revisions++;
      last = performance.now();
      const { namespace, name, deletionTimestamp } = object.metadata;
      if (kind === 'ConfigMap') {
        const names = configMaps.get(seedOf(name)) ?? new Set();
        configMaps.set(seedOf(name), names);
        if (type === 'DELETED') names.delete(name);
        else names.add(name);
        return;
      }
      const key = `${namespace}/${name}`;
      if (type === 'DELETED' || deletionTimestamp) settings.set(key, 'gone');
      else settings.set(key, knownOf(object.metadata.generation ?? 0, object['status'] as Status | undefined));
      for (const wake of waiting.get(key) ?? []) wake();
    },
    /** True as soon as the operator has spoken of what is stored now, or that has gone. */
    async spoken(key: string, timeout: number): Promise<boolean> {
      const end = performance.now() + timeout;
      const wakes = waiting.get(key) ?? new Set();
      waiting.set(key, wakes);
      const isOver = (known = settings.get(key)) => known === 'gone' || known?.spoken;
      while (!isOver()) {
        const left = end - performance.now();
        if (left <= 0) return false;
        const abort = new AbortController();
        const wake = () => abort.abort();
        wakes.add(wake);
        await sleep(left, undefined, { signal: abort.signal }).catch(() => {});
        wakes.delete(wake);
      }
      if (wakes.size === 0) waiting.delete(key);
      return true;
    },
    /** ConfigMaps that carry the seed of a case in their names. */
    configMapsOf: (seed: number): string[] => [...(configMaps.get(seed) ?? [])],
    words: (key: string): string => JSON.stringify(settings.get(key)),
    /** Resolves when no revision has come for a second. */
    async quiet(): Promise<void> {
      while (performance.now() - last < 1_000) await sleep(200);
    },
  };
}

function knownOf(generation: number, status: Status | undefined): Known {
  const { observedGeneration: observed, conditions = [] } = status ?? {};
  const ready = conditions.find(({ type }) => type === 'Ready');
  const isOurs = ready?.observedGeneration === generation && conditions.every(({ reason }) => reason !== forged);
  return { generation, observed, spoken: observed === generation && isOurs };
}
