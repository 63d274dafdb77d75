/**
 * Judges S5 of docs/contract.md: no process writes for LicenseSettings after its own lease deadline, or while another one
 * holds the lease. The simulation tells it every renewal; in the campaign the proxy sees what is sent too late.
 */

/** What the API server says of the lease: who holds it, at which version. */
export type Lease = { readonly holder: string | undefined; readonly version: string };

/** A write that leaves a process. */
export type Write = {
  readonly by: string;
  /** The request, in words. */
  readonly what: string;
  readonly now: number;
  /** Who holds the lease, as it is stored now. */
  readonly holder: string | undefined;
  /** When the store last went back: until a process renews its lease the next time it can't know that it lost it by that. */
  readonly restoredAt: number;
};

export type LeaseJudge = {
  /** A renewal reached the server, and was sent at that time by `by`: who gets no answer may read it there later. */
  landed(by: string, lease: Lease, sent: number): void;
  /** A process was told what the lease is now. */
  told(by: string, lease: Lease): void;
  /** Gives what is wrong with a write. */
  write(write: Write): string[];
};

/** @param seconds how long the lease lasts */
export function createLeaseJudge(seconds: number): LeaseJudge {
  /** When the last renewal that a process knows of had been sent, and each one that landed. */
  const renewed = new Map<string, number>();
  const sentAt = new Map<string, number>();
  const keyOf = (by: string, { version }: Lease) => `${by} ${version}`;
  return {
    landed(by, lease, sent) {
      if (lease.holder === by) sentAt.set(keyOf(by, lease), sent);
    },
    told(by, lease) {
      const sent = lease.holder === by ? sentAt.get(keyOf(by, lease)) : undefined;
      if (sent !== undefined) renewed.set(by, Math.max(sent, renewed.get(by) ?? sent));
    },
    write({ by, what, now, holder, restoredAt }) {
      const last = renewed.get(by) ?? Number.NEGATIVE_INFINITY;
      const since = now - last;
      return [
        ...(since >= seconds * 1000 ? [`S5: ${by} sends ${what} ${since} ms after its last renewal`] : []),
        ...(holder !== by && restoredAt <= last ? [`S5: ${by} sends ${what} while ${holder} holds the lease`] : []),
      ];
    },
  };
}
