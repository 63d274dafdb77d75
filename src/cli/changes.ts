/** What differs between two declarations, field by field. Pure. */
import { licenseTypes } from '../api/license-types.ts';
import type { Allocation, Declaration, DeclaredZone } from '../api/licensesettings.ts';

/** One difference. `live` or `saved` is missing where there is none: a zone that comes or goes. */
export type Change = {
  /** Such as `licenses.outboundPorts.maximum` or `zones.emea.organizations.retail.licenses.outboundPorts`. */
  readonly field: string;
  readonly live?: number | string;
  readonly saved?: number | string;
};

/**
 * Differences from what is live to what was saved, in the order of the declaration. A type that is left out counts as 0,
 * as it does for the operator; with nothing live everything that is not 0 differs.
 */
export function changes(live: Declaration | undefined, saved: Declaration): Change[] {
  return [
    ...licenseTypes.flatMap(({ key }) =>
      (['minimum', 'maximum'] as const).flatMap((bound) =>
        numbers(`licenses.${key}.${bound}`, live?.licenses?.[key]?.[bound], saved.licenses?.[key]?.[bound]),
      ),
    ),
    ...named('zones', live?.zones, saved.zones, (field, before, after) => [
      ...counts(field, before?.licenses, after?.licenses),
      ...named(`${field}.organizations`, before?.organizations, after?.organizations, (inner, one, other) =>
        counts(inner, one?.licenses, other?.licenses),
      ),
    ]),
    ...(live?.configMap.name === saved.configMap.name
      ? []
      : [{ field: 'configMap.name', ...(live ? { live: live.configMap.name } : {}), saved: saved.configMap.name }]),
  ];
}

const numbers = (field: string, live = 0, saved = 0): Change[] => (live === saved ? [] : [{ field, live, saved }]);

const counts = (field: string, live: Allocation | undefined, saved: Allocation | undefined): Change[] =>
  licenseTypes.flatMap(({ key }) => numbers(`${field}.licenses.${key}`, live?.[key], saved?.[key]));

type Named = Pick<DeclaredZone, 'name'>;

/** Lists by name: one that comes or goes is a difference by itself, and so are its numbers. */
function named<T extends Named>(
  field: string,
  live: readonly T[] = [],
  saved: readonly T[] = [],
  inside: (field: string, live: T | undefined, saved: T | undefined) => Change[],
): Change[] {
  const names = [...new Set([...live, ...saved].map(({ name }) => name))].sort();
  return names.flatMap((name) => {
    const before = live.find((one) => one.name === name);
    const after = saved.find((one) => one.name === name);
    const at = `${field}.${name}`;
    const whole = before && after ? [] : [{ field: at, ...(before ? { live: name } : { saved: name }) }];
    return [...whole, ...inside(at, before, after)];
  });
}
