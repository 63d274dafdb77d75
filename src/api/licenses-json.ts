/** The contract of `licenses.json`, the key of the ConfigMap that any program can read. */
import { z } from 'zod';
import { declarationSchema, maxCount, ofEachType } from './licensesettings.ts';

/** Version of the documents below. Within a version fields are only added. */
export const schemaVersion = 1;

const count = (description: string) => z.int().min(0).max(maxCount).describe(description);

/** `licenses.json` of settings without zones. Readers must ignore fields that they don't know. */
export const licensesJsonSchema = z
  .object({
    schemaVersion: z.literal(schemaVersion).describe('Version of this document; within it fields are only added.'),
    scope: z
      .literal('Default')
      .describe(
        'Whose numbers these are. Default: the default organization of the default zone, which holds everything.',
      ),
    licenses: z
      .object(
        ofEachType((title) =>
          z
            .object({
              minimum: count('The least that the system requires.'),
              maximum: count('The most that the system can use.'),
              capacity: count('What the system may use now: the number that a dialer obeys.'),
            })
            .describe(`${title}. Zero means off, never unlimited.`),
        ),
      )
      .describe('All six license types.'),
    declaration: declarationSchema.describe('The settings that these numbers come from, in normal form.'),
  })
  .describe('The license settings that are live, as licenses.json of a ConfigMap.');

export type LicensesJson = z.infer<typeof licensesJsonSchema>;
