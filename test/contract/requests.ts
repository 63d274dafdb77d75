/**
 * Judges the requests of the operator: R6.1, each write carries what it was decided from; S8, nothing is asked for once
 * all is quiet; and no hot loop. What an object costs (L4) is judged by `costs.ts`.
 */

/** A request that left the operator. `at` in milliseconds on one monotonic clock. */
export type Asked = { readonly at: number; readonly verb: string; readonly resource: string; readonly name: string };

/** The most openings of watches, and writes of the lease, of one process within a second: more is a hot loop. */
const mostPerSecond = { watch: 24, lease: 12 };
/** Events are sent behind the rest, in milliseconds. */
const eventsFollow = 1_000;

/** R6.1: a write of what is there carries its uid and resourceVersion, or is a create. */
export function isGuarded(method: string, body: unknown): boolean {
  type Guard = { uid?: string; resourceVersion?: string };
  const { metadata, preconditions } = (body ?? {}) as { metadata?: Guard; preconditions?: Guard };
  if (method !== 'PUT' && method !== 'DELETE') return true;
  const guard = method === 'PUT' ? metadata : preconditions;
  return Boolean(guard?.uid && guard.resourceVersion);
}

/** What one process asked for more often within a second than any backoff allows. */
export function hotLoops(requests: readonly Asked[]): string[] {
  const times = {
    watch: requests.filter(({ verb }) => verb === 'watch').map(({ at }) => at),
    lease: requests.filter(({ verb, resource }) => resource === 'leases' && verb !== 'get').map(({ at }) => at),
  };
  return (['watch', 'lease'] as const).flatMap((what) => {
    const { [what]: all } = times;
    const most = Math.max(0, ...all.map((at, index) => all.findLastIndex((other) => other <= at + 1_000) - index + 1));
    return most > mostPerSecond[what] ? [`S8: ${most} requests for a ${what} within a second`] : [];
  });
}

/** S8: what was asked for after `from`, when all had settled. Leases and watches are asked for all the time. */
export function loudRequests(requests: readonly Asked[], from: number): string[] {
  const loud = requests.filter(({ at, verb, resource }) => {
    if (verb === 'watch' || resource === 'leases') return false;
    // The event of a change follows its status, and delays nobody.
    return at > from + (resource === 'events' ? eventsFollow : 0);
  });
  return loud.map(
    ({ verb, resource, name, at }) => `S8: ${verb} ${resource} ${name}, ${(at - from).toFixed(0)} ms after it settled`,
  );
}
