/** Makes a failing schedule small: what can be left out of it, and still it fails. */
import type { Schedule } from './schedule.ts';

/**
 * Delta debugging (Zeller, Hildebrandt: Simplifying and isolating failure-inducing input) over the actions and faults of a
 * schedule.
 *
 * @param fails runs a schedule, and says whether it still fails in the same way.
 * @param most bounds how many schedules are tried.
 */
export async function shrink(
  schedule: Schedule,
  fails: (candidate: Schedule) => Promise<boolean>,
  most = 400,
): Promise<Schedule> {
  type Item = { action: Schedule['actions'][number] } | { fault: Schedule['faults'][number] };
  const build = (items: readonly Item[]): Schedule => ({
    ...schedule,
    actions: items.flatMap((item) => ('action' in item ? [item.action] : [])),
    faults: items.flatMap((item) => ('fault' in item ? [item.fault] : [])),
  });
  let items: Item[] = [
    ...schedule.actions.map((action) => ({ action })),
    ...schedule.faults.map((fault) => ({ fault })),
  ];
  let tried = 0;
  let size = Math.ceil(items.length / 2);
  while (size >= 1 && tried < most) {
    let smaller = false;
    for (let at = 0; at < items.length && tried < most; ) {
      const candidate = [...items.slice(0, at), ...items.slice(at + size)];
      tried++;
      if (await fails(build(candidate))) {
        items = candidate;
        smaller = true;
      } else at += size;
    }
    if (size === 1 && !smaller) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return build(items);
}

/** The invariant that a violation breaks, such as `S9` or `rule 5`: what a smaller schedule has to break too. */
export const invariantOf = (violation: string): string =>
  /(?:^|: )([SL]\d+|rule \d+|status|ownership|suspend|the harness): /.exec(violation)?.[1] ?? violation;
