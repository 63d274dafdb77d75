/** What the requests of a run say of an operator: whether it keeps asking (S8), and what an object costs (L4). */
import { createCostJudge } from '../support/cost.ts';
import type { Seen } from './proxy.ts';

/** The most openings of watches, and writes of the lease, of one process within a second: more is a hot loop. */
const mostPerSecond = { watch: 24, lease: 12 };
/** Events are sent behind the rest, in milliseconds. */
const eventsFollow = 1_000;

/** What one operator asked for more often within a second than any backoff allows. */
export function hotLoops(requests: readonly Seen[]): string[] {
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

/** What was asked for after `from`, when all had settled: S8. */
export function loudRequests(requests: readonly Seen[], from: number): string[] {
  const loud = requests.filter(({ at, verb, resource }) => {
    if (verb === 'watch' || resource === 'leases') return false;
    // The event of a change follows its status, and delays nobody.
    return at > from + (resource === 'events' ? eventsFollow : 0);
  });
  return loud.map(
    ({ verb, resource, name, at }) => `S8: ${verb} ${resource} ${name}, ${(at - from).toFixed(0)} ms after it settled`,
  );
}

/** The LicenseSettings that a request is for: the longest name with which that of the request begins. */
function objectOf({ name, namespace }: Seen, names: readonly string[]): string | undefined {
  const own = names.filter((one) => name === one || name.startsWith(`${one}-`));
  const longest = own.sort((a, b) => b.length - a.length)[0];
  return longest === undefined ? undefined : `${namespace}/${longest}`;
}

/**
 * L4, for the requests of one operator.
 * @param names of LicenseSettings
 * @param changes on `performance.now()`: when people changed anything, or began a process
 */
export function costly(requests: readonly Seen[], names: readonly string[], changes: readonly number[]): string[] {
  const cost = createCostJudge();
  const known = new Set<string>();
  const ahead = [...changes].sort((a, b) => a - b);
  return requests.flatMap((request) => {
    const object = objectOf(request, names);
    if (object === undefined) return [];
    known.add(object);
    while ((ahead[0] ?? Number.POSITIVE_INFINITY) <= request.at) {
      ahead.shift();
      for (const one of known) cost.changed(one);
    }
    const what = `${request.verb} ${request.resource} ${request.name}`;
    return cost.request({ object, by: 'operator', what, at: request.at }) ?? [];
  });
}
