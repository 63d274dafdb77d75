/** A Lease as it lies in the API, and what a process reads of it. Others may have written anything on it. */
import { compareResourceVersions } from './object.ts';
import type { Resource } from './paths.ts';

export const leases: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

/** A Lease on the wire; each field may be missing. */
export type Lease = {
  metadata: { name: string; namespace: string; resourceVersion?: string };
  spec?: {
    holderIdentity?: string | null;
    leaseDurationSeconds?: number | null;
    acquireTime?: string | null;
    renewTime?: string | null;
    leaseTransitions?: number | null;
  } | null;
};

/** Leases that others wrote may say anything: these bounds keep them from stopping us for good. */
const maxInt32 = 2 ** 31 - 1;
const longestLease = 300;
const longestName = 256;

/** Who holds a lease; empty where nobody does. */
export function holderOf({ spec }: Lease): string {
  const holder = spec?.holderIdentity;
  return typeof holder === 'string' ? holder : '';
}

/** The holder, for people: others may have put a megabyte there. */
export const holderInWords = (lease: Lease | undefined): string => (lease ? holderOf(lease).slice(0, longestName) : '');

/** How long a lease lasts, in milliseconds: as it says itself, if that makes sense; else as ours, of `seconds`. */
export function lifeOf(lease: Lease | undefined, seconds: number): number {
  const told = Number(lease?.spec?.leaseDurationSeconds);
  return Math.min(told > 0 ? told : seconds, longestLease) * 1000;
}

/** How often a lease went to another holder. */
function transitionsOf(lease: Lease | undefined): number {
  const told = Number(lease?.spec?.leaseTransitions);
  return told > 0 ? Math.min(Math.floor(told), maxInt32) : 0;
}

/** True when `a` is of an older time than `b`. */
export const isOlder = (a: Lease, b: Lease | undefined): boolean =>
  compareResourceVersions(a.metadata.resourceVersion ?? '', b?.metadata.resourceVersion ?? '') < 0;

/** Who takes a lease, where it lies, and for how many seconds. */
export type Claim = {
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly seconds: number;
};

/** The lease with `identity` as its holder, renewed at `wall` milliseconds since 1970; what others wrote on it stays. */
export function claimed(lease: Lease | undefined, { namespace, name, identity, seconds }: Claim, wall: number): Lease {
  const now = new Date(wall).toISOString().replace('Z', '000Z');
  const isOurs = lease !== undefined && holderOf(lease) === identity;
  const transitions = transitionsOf(lease);
  return {
    ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
    metadata: lease?.metadata ?? { namespace, name },
    spec: {
      ...lease?.spec,
      holderIdentity: identity,
      leaseDurationSeconds: seconds,
      acquireTime: (isOurs && lease.spec?.acquireTime) || now,
      renewTime: now,
      leaseTransitions: isOurs || !lease ? transitions : Math.min(transitions + 1, maxInt32),
    },
  };
}
