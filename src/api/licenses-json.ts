/** The contract of `licenses.json`, the key of each ConfigMap that any program can read. */
import { z } from 'zod';
import {
  declarationSchema,
  maxCount,
  maxOrganizationsOfZone,
  maxZones,
  ofEachType,
  zoneName,
} from './licensesettings.ts';

/** Version of the documents below. Within a version fields are only added. */
export const schemaVersion = 1;

const count = (description: string) => z.int().min(0).max(maxCount).describe(description);
const minimum = () => count('The least that the system requires.');
const maximum = () => count('The most that the system can use.');
const version = () =>
  z.literal(schemaVersion).describe('Version of this document; within it fields are only added: ignore unknown ones.');
const capacities = (whose: string) =>
  z.object(
    ofEachType((title) =>
      z
        .object({ capacity: count(`What the ${whose} may use now: the number that a dialer obeys.`) })
        .describe(`${title}.`),
    ),
  );
const name = (what: string) => zoneName(what).describe(`Name of the ${what}.`);

/** Settings without zones: one dialer holds everything. */
const defaultScope = z
  .object({
    schemaVersion: version(),
    scope: z.literal('Default').describe('The default organization of the default zone, which holds everything.'),
    licenses: z
      .object(
        ofEachType((title) =>
          z
            .object({
              minimum: minimum(),
              maximum: maximum(),
              capacity: count('What the system may use now: the number that a dialer obeys.'),
            })
            .describe(`${title}. Zero means off, never unlimited.`),
        ),
      )
      .describe('All six license types.'),
    declaration: declarationSchema.describe('The settings that these numbers come from, in normal form.'),
  })
  .describe('Settings without zones.');

/** The whole system while zones exist: nobody obeys it, so nothing in it is called capacity but what zones hold. */
const systemScope = z
  .object({
    schemaVersion: version(),
    scope: z.literal('System').describe('The whole system, of which each zone has a ConfigMap of its own.'),
    licenses: z
      .object(
        ofEachType((title) =>
          z
            .object({ minimum: minimum(), maximum: maximum(), total: count('What all zones together may use.') })
            .describe(`${title}.`),
        ),
      )
      .describe('All six license types.'),
    zones: z
      .array(z.object({ name: name('zone'), licenses: capacities('zone').describe('All six license types.') }))
      .max(maxZones)
      .describe('Every zone, by name.'),
  })
  .describe('The system while zones exist.');

/** One zone: what its dialers obey. */
const zoneScope = z
  .object({
    schemaVersion: version(),
    scope: z.literal('Zone').describe('One zone.'),
    zone: name('zone'),
    licenses: capacities('zone').describe('All six license types. Zero means off, never unlimited.'),
    organizations: z
      .array(z.object({ name: name('organization'), licenses: capacities('organization').describe('All six types.') }))
      .max(maxOrganizationsOfZone)
      .describe('Organizations of the zone, by name.'),
  })
  .describe('One zone.');

/** Any `licenses.json`; `scope` tells which. */
export const licensesJsonSchema = z
  .discriminatedUnion('scope', [defaultScope, systemScope, zoneScope])
  .describe('License settings that are live, as licenses.json of a ConfigMap.');
/** That of a zone, as the operator reads it back. */
export const zoneJsonSchema = zoneScope;

export type DefaultJson = z.infer<typeof defaultScope>;
export type SystemJson = z.infer<typeof systemScope>;
export type ZoneJson = z.infer<typeof zoneScope>;
