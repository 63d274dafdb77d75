/**
 * What stands between a request and the store besides rules of the API: admission policies that change or refuse each
 * ConfigMap with our label, and quotas of ConfigMaps. test/e2e/differential.test.ts has the same as a
 * MutatingAdmissionPolicy, a ValidatingAdmissionPolicy and a ResourceQuota, and holds these against them.
 */
import type { PolicyEffect } from '../support/actions.ts';
import type { Metadata, Stored } from './server.ts';

type Change = (map: Stored) => Stored;

const withMetadata = (map: Stored, more: Partial<Metadata>): Stored => ({
  ...map,
  metadata: { ...map.metadata, ...more },
});
const dataOf = (map: Stored) => (map['data'] ?? {}) as Readonly<Record<string, string>>;

/** The writers, by what they do; `refuse` is none. The same as `test/faults/policies.ts` has in CEL. */
const writers: Readonly<Record<Exclude<PolicyEffect, 'refuse'>, Change>> = {
  'add key': (map) => ({ ...map, data: { ...dataOf(map), policy: 'was here' } }),
  'add label': (map) => withMetadata(map, { labels: { ...map.metadata.labels, policy: 'was-here' } }),
  'add annotation': (map) => withMetadata(map, { annotations: { ...map.metadata.annotations, policy: 'was here' } }),
  'make immutable': (map) => ({ ...map, immutable: true }),
  'change number': (map) => ({ ...map, data: { ...dataOf(map), OUTBOUND_PORTS_MAXIMUM: '7' } }),
};

const managedBy = 'app.kubernetes.io/managed-by';
const manager = 'license-settings-operator';
const isPoliced = ({ kind, metadata }: Stored): boolean =>
  kind === 'ConfigMap' && metadata.labels?.[managedBy] === manager;

export type Admission = ReturnType<typeof createAdmission>;

/** Admits everything as it is, until something is put in force. */
export function createAdmission() {
  const inForce = new Set<PolicyEffect>();
  /** How many ConfigMaps a namespace may have. */
  const quotas = new Map<string, number>();
  return {
    police(effect: PolicyEffect, isInForce: boolean): void {
      if (isInForce) inForce.add(effect);
      else inForce.delete(effect);
    },
    limit(namespace: string, most: number | undefined): void {
      if (most === undefined) quotas.delete(namespace);
      else quotas.set(namespace, most);
    },
    /** What becomes of an object on its way to the store. */
    mutate(object: Stored): Stored {
      if (inForce.size === 0 || !isPoliced(object)) return object;
      let changed = object;
      for (const effect of inForce) if (effect !== 'refuse') changed = writers[effect](changed);
      return changed;
    },
    /** Why an object is not let in, in the words of a ValidatingAdmissionPolicy. */
    refusal: (object: Stored): string | undefined =>
      inForce.has('refuse') && isPoliced(object)
        ? "ValidatingAdmissionPolicy 'test-refuse' with binding 'test-refuse' denied request: no ConfigMaps today"
        : undefined,
    /** Why one ConfigMap more is too many, in the words of a ResourceQuota. */
    exceeds(namespace: string, there: number): string | undefined {
      const most = quotas.get(namespace);
      return most !== undefined && there + 1 > most
        ? `exceeded quota: test, requested: count/configmaps=1, used: count/configmaps=${there}, limited: count/configmaps=${most}`
        : undefined;
    },
  };
}
