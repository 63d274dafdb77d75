/** The largest object that the schema allows: every name as long, every list as full, and every number as large as can be. */
import { licenseTypes } from '../../src/api/license-types.ts';
import {
  maxConfigMapNameLength,
  maxCount,
  maxNameLength,
  maxOrganizations,
  maxOrganizationsOfZone,
  maxZoneNameLength,
  maxZones,
  type Spec,
} from '../../src/api/licensesettings.ts';

const long = (begin: string, length: number) => begin.padEnd(length, 'x');
const allTypes = <T>(value: T) => Object.fromEntries(licenseTypes.map(({ key }) => [key, value]));

/** The name of the object. */
export const largestName = long('largest-', maxNameLength);

/** Its spec. `less` takes so many licenses of each type from the first zone and gives them to the last. */
export function largest(less = 0): Spec {
  // 128 organizations in the first zone; the others have the rest, as even as it goes.
  const others = maxZones - 1;
  const rest = maxOrganizations - maxOrganizationsOfZone;
  const sizes = [
    maxOrganizationsOfZone,
    ...Array.from({ length: others }, (_, i) => Math.floor(rest / others) + (i < rest % others ? 1 : 0)),
  ];
  // As many digits as the sums allow: 1000 for each organization of the first zone.
  const first = maxOrganizationsOfZone * 1_000 + 1_000;
  const each = Math.floor((maxCount - first) / others);
  return {
    licenses: allTypes({ minimum: maxCount, maximum: maxCount }),
    applyPolicy: 'Automatic',
    zones: sizes.map((size, i) => {
      const zone = i === 0 ? first - less : i === others ? each + less : each;
      return {
        name: long(`zone-${i}-`, maxZoneNameLength),
        licenses: allTypes(zone),
        organizations: Array.from({ length: size }, (_, j) => ({
          name: long(`organization-${i}-${j}-`, maxZoneNameLength),
          licenses: allTypes(i === 0 ? 1_000 : Math.floor(each / size)),
        })),
      };
    }),
    settleSeconds: 10,
    configMap: { name: long(`${largestName}-`, maxConfigMapNameLength) },
    deletionPolicy: 'Delete',
    suspend: false,
  };
}
