/** What each object of a run costs (L4), from the requests that a proxy has seen. */
import { createCostJudge } from '../contract/costs.ts';
import type { Seen } from './proxy.ts';

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
