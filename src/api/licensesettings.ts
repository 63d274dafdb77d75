/**
 * The LicenseSettings API, written once: the TypeScript types, the CRD, the JSON schema and the reference page
 * all come from these zod schemas. `.meta()` carries what zod has no word for (`x-kubernetes-*`); every
 * `.refine()` has a CEL twin in the same place, and a property test holds the two against each other.
 */
import { z } from 'zod';
import { type LicenseType, licenseTypes } from './license-types.ts';
import { kind } from './names.ts';

/** Largest count of any license type. */
export const maxCount = 1_000_000;
/** Longest name of a LicenseSettings: its name is a label value. */
export const maxNameLength = 63;
/** Longest `spec.configMap.name`. */
export const maxConfigMapNameLength = 120;
/** Longest name of a zone or an organization. */
export const maxZoneNameLength = 40;
/** Most zones of an object. */
export const maxZones = 64;
/** Most organizations of a zone. */
export const maxOrganizationsOfZone = 128;
/** Most organizations of all zones together. */
export const maxOrganizations = 512;
/** Longest settleSeconds, and its default. */
export const maxSettleSeconds = 600;
export const defaultSettleSeconds = 90;
/** Most entries of `status.errors`; the last one then says how many more there are. */
export const maxErrors = 64;
/** Most entries of `status.history`. */
export const maxHistory = 10;

const atomicMap = { 'x-kubernetes-map-type': 'atomic' } as const;
const atomicList = { 'x-kubernetes-list-type': 'atomic' } as const;

const count = () => z.int().min(0).max(maxCount).meta({ format: 'int32' });
const generation = () => z.int().min(0).meta({ format: 'int64' });
const hash = () => z.string();
const time = () => z.iso.datetime().meta({ format: 'date-time' });

/** One schema a license type, in the order of the table. */
export const ofEachType = <T extends z.ZodType>(schema: (title: string, description: string) => T) =>
  Object.fromEntries(licenseTypes.map((type) => [type.key, schema(type.title, type.description)])) as Record<
    LicenseType,
    T
  >;

const licenseRange = () =>
  z.strictObject({
    minimum: count().describe(
      'The least number of licenses that the system requires: 0 to 1000000, not above maximum.',
    ),
    maximum: count().describe(
      'The most licenses that the system can use, its capacity: 0 to 1000000. Zero means off, never unlimited.',
    ),
  });

const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const licenses = z
  .strictObject(
    ofEachType((title, description) =>
      licenseRange()
        .optional()
        .meta({
          description: `${title}. ${description} Left out means 0 to 0: off.`,
          'x-kubernetes-validations': [
            {
              rule: 'self.minimum <= self.maximum',
              // No messageExpression: string(int) alone exceeds the API server's cost budget. It shows the value itself.
              message: 'minimum is above maximum: lower the minimum or raise the maximum',
              fieldPath: '.minimum',
              reason: 'FieldValueInvalid',
            },
          ],
        }),
    ),
  )
  .refine((value) => Object.keys(value).length > 0, 'names no license type: give at least one of the six')
  .meta({ description: 'Minimum and maximum of each license type: at least one of the six.', minProperties: 1 });

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** A name of a zone or an organization. */
export const zoneName = (what: string) =>
  z
    .string()
    .max(maxZoneNameLength)
    .regex(dnsLabel)
    .describe(`Name of the ${what}: a DNS label of up to 40 characters.`);

/** Counts of license types, given to a zone or an organization. */
const allocation = (whose: string) =>
  z.strictObject(
    ofEachType((title) => count().optional().describe(`${title} that the ${whose} holds: 0 to 1000000. Default: 0.`)),
  );

const listMapByName = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
const held = (item: string, type: string) =>
  `has(${item}.licenses) && has(${item}.licenses.${type}) ? ${item}.licenses.${type} : 0`;

const organization = z.strictObject({
  name: zoneName('organization'),
  licenses: allocation('organization').optional().describe('What the organization holds of what its zone holds.'),
});

const zone = z
  .strictObject({
    name: zoneName('zone'),
    licenses: allocation('zone')
      .optional()
      .describe('What the zone holds of the maximum. Licenses are never shared across zones.'),
    organizations: z
      .array(organization)
      .max(maxOrganizationsOfZone)
      .optional()
      .meta({ description: 'Tenants inside the zone: up to 128, and 512 in all zones together.', ...listMapByName }),
  })
  .meta({
    'x-kubernetes-validations': licenseTypes.map(({ key }) => ({
      rule: `!has(self.organizations) || self.organizations.map(o, ${held('o', key)}).sum() <= (${held('self', key)})`,
      message: 'the organizations of the zone hold more than the zone: lower theirs or raise the zone',
      fieldPath: `.licenses.${key}`,
      reason: 'FieldValueInvalid',
    })),
  });

/** What the API server checks by itself (V7), beside the bounds of the schema. */
const specRules = [
  ...licenseTypes.map(({ key }) => ({
    rule: `!has(self.zones) || self.zones.map(z, ${held('z', key)}).sum() <= (has(self.licenses.${key}) ? self.licenses.${key}.maximum : 0)`,
    message: 'the zones together hold more than the maximum: lower the zones or raise the maximum',
    fieldPath: `.licenses.${key}.maximum`,
    reason: 'FieldValueInvalid',
  })),
  {
    rule: `!has(self.zones) || self.zones.map(z, has(z.organizations) ? z.organizations.size() : 0).sum() <= ${maxOrganizations}`,
    message: `the zones together may have up to ${maxOrganizations} organizations`,
    fieldPath: '.zones',
    reason: 'FieldValueInvalid',
  },
];

const configMapRef = z
  .strictObject({
    name: z
      .string()
      .max(maxConfigMapNameLength)
      .regex(dnsSubdomain)
      .describe(
        "Name of the ConfigMap: equal to the object's name or beginning with '<name>-', a DNS subdomain of up to 120 characters.",
      ),
  })
  .describe("Where the applied settings are written, in the object's own namespace. Default: <name>-licenses.");

/** `spec`, as people write it. Nothing here has a default in the schema: absent means the default that the description names (V1). */
export const specSchema = z
  .strictObject({
    licenses,
    applyPolicy: z
      .enum(['Automatic', 'Manual'])
      .optional()
      .describe(
        'Automatic: a valid spec goes live at once. Manual: a saved spec goes live when the annotation licensing.dialer.dev/apply holds its settingsHash (status.pending). Default: Automatic.',
      ),
    configMap: configMapRef.optional(),
    deletionPolicy: z
      .enum(['Delete', 'Retain'])
      .optional()
      .describe(
        'Delete: the ConfigMaps go with the object. Retain: they outlive it, as soon as every entry of status.configMaps says retained. Default: Delete.',
      ),
    settleSeconds: z
      .int()
      .min(0)
      .max(maxSettleSeconds)
      .meta({ format: 'int32' })
      .optional()
      .describe(
        'How long dialers get to see that licenses were taken away from a zone before others get them, in seconds: 0 to 600. Default: 90.',
      ),
    zones: z
      .array(zone)
      .max(maxZones)
      .optional()
      .meta({
        description:
          'Dialer sites that the licenses are divided among: up to 64. Without zones one dialer holds everything.',
        ...listMapByName,
      }),
    suspend: z
      .boolean()
      .optional()
      .describe(
        'True: nothing but the status is written, so that people can work on the ConfigMap by hand. Default: false.',
      ),
  })
  .meta({ description: 'The license settings that are wanted.', 'x-kubernetes-validations': specRules });

/** The normalised spec that is rendered and hashed. Read strictly: a field of a later release makes it unreadable. */
export const declarationSchema = z
  .strictObject({
    licenses: z
      .strictObject(ofEachType((title) => licenseRange().optional().describe(`${title}.`)))
      .optional()
      .describe('Each license type that is not 0 to 0.'),
    zones: z
      .array(
        z.strictObject({
          name: z.string().describe('Name of the zone.'),
          licenses: allocation('zone').optional().describe('What the zone holds, where it is not 0.'),
          organizations: z
            .array(
              z.strictObject({
                name: z.string().describe('Name of the organization.'),
                licenses: allocation('organization').optional().describe('What it holds, where it is not 0.'),
              }),
            )
            .optional()
            .describe('Organizations of the zone, by name.'),
        }),
      )
      .optional()
      .describe('Zones, by name.'),
    configMap: z
      .strictObject({ name: z.string().describe('Name of the ConfigMap, default included.') })
      .describe('Where the settings are written.'),
  })
  .meta({ description: 'A spec in normal form: what the settingsHash is computed from.' });

const appliedSchema = z.object({
  generation: generation().describe('Generation of the object whose settings these are.'),
  settingsHash: hash().describe('sha256 of the canonical JSON of the settings: 64 lower-case hex digits.'),
  time: time().describe('When they went live.'),
  settings: declarationSchema.describe('The settings that are live, whole, in normal form.'),
});

const usageSchema = (title: string) =>
  z
    .object({
      minimum: count().describe('The least that the live settings require.'),
      maximum: count().describe('The most that the live settings allow.'),
      capacity: count().describe('What the system may use now.'),
      allocated: count().describe('What the zones hold; without zones all of the capacity.'),
      unused: count().describe('capacity - allocated.'),
    })
    .describe(`Live numbers of ${title}.`);

const conditionSchema = z.object({
  type: z.string().describe('Ready, Valid, Applied; Stalled and Reconciling only while they are True.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  observedGeneration: generation().describe('The generation that was judged.'),
  lastTransitionTime: time().describe('When the status of this condition last changed.'),
  reason: z.string().describe('One word for the cause.'),
  message: z.string().describe('Everything that holds, for people.'),
});

/** `status`, as the operator writes it. All its lists and maps are atomic: a status has one writer (T1). */
export const statusSchema = z
  .object({
    observedGeneration: z
      .int()
      .meta({ format: 'int64' })
      .describe('The generation that was judged last; -1 before the first time.')
      .optional(),
    applied: appliedSchema.meta({ description: 'The settings that are live.', ...atomicMap }).optional(),
    applying: appliedSchema
      .meta({ description: 'The settings that are on their way, while licenses move between zones.', ...atomicMap })
      .optional(),
    pending: z
      .object({
        generation: generation().describe('Generation that was saved.'),
        settingsHash: hash().describe('What to approve: the hash of the saved settings.'),
      })
      .meta({ description: 'Saved settings that wait for an approval. There only while they do.', ...atomicMap })
      .optional(),
    licenses: z
      .object(ofEachType(usageSchema))
      .meta({ description: 'Live numbers of all six license types, once something is live.', ...atomicMap })
      .optional(),
    zones: z
      .array(
        z.object({
          name: z.string().describe('Name of the zone.'),
          licenses: z
            .object(
              ofEachType((title) =>
                z
                  .object({
                    capacity: count().describe('What the zone may use now.'),
                    unallocated: count().describe('capacity - what the organizations of the zone hold.'),
                  })
                  .optional()
                  .describe(`${title}, where the zone holds any.`),
              ),
            )
            .describe('Live numbers of the types that the zone holds.'),
        }),
      )
      .meta({ description: 'What each zone holds now.', ...atomicList })
      .optional(),
    configMaps: z
      .array(
        z.object({
          name: z.string().describe('Name of the ConfigMap.'),
          dataHash: hash().describe('sha256 of the canonical JSON of its data: 64 lower-case hex digits.'),
          retained: z
            .boolean()
            .optional()
            .describe('True when the ConfigMap outlives the object. There only when it is true.'),
        }),
      )
      .meta({ description: 'The ConfigMaps that hold the live settings.', ...atomicList })
      .optional(),
    history: z
      .array(
        z.object({
          generation: generation().describe('Generation of the object whose settings went live.'),
          settingsHash: hash().describe('Hash of the settings that went live.'),
          time: time().describe('When they went live.'),
        }),
      )
      .meta({ description: 'The last 10 applies, the newest first.', ...atomicList })
      .optional(),
    errors: z
      .array(
        z.object({
          field: z.string().describe('Path of the field, as the API server writes it.'),
          reason: z.string().describe('One word for the kind of mistake.'),
          message: z.string().describe('What is wrong with which value, and how to mend it.'),
        }),
      )
      .meta({ description: 'Every mistake in the newest spec: up to 64, the last says how many more.', ...atomicList })
      .optional(),
    conditions: z
      .array(conditionSchema)
      .meta({ description: 'Ready, Valid and Applied; Stalled or Reconciling only while True.', ...atomicList })
      .optional(),
  })
  .meta({
    description: 'What the operator found and did. Nobody else writes it.',
    default: { observedGeneration: -1 }, // T1, T10
  });

/** A name that is the object's own or begins with it and a dash, so that objects don't reach for each other's ConfigMaps. */
export const belongsTo = (configMapName: string, objectName: string): boolean =>
  configMapName === objectName || configMapName.startsWith(`${objectName}-`);

/**
 * The rules that need the object's name stand on the root, which is judged on status writes too: `optionalOldSelf`
 * leaves what was stored before alone, so that a bad object still gets a status (V9).
 */
export const rootRules = [
  {
    rule: `oldSelf.hasValue() || size(self.metadata.name) <= ${maxNameLength}`,
    message: `metadata.name: may be up to ${maxNameLength} characters long`,
    optionalOldSelf: true,
    reason: 'FieldValueInvalid',
  },
  {
    rule: [
      '!has(self.spec.configMap)',
      'self.spec.configMap.name == self.metadata.name',
      "self.spec.configMap.name.startsWith(self.metadata.name + '-')",
      '(oldSelf.hasValue() && has(oldSelf.value().spec.configMap) && oldSelf.value().spec.configMap.name == self.spec.configMap.name)',
    ].join(' || '),
    message: "must be equal to the object's name or begin with '<name>-'",
    fieldPath: '.spec.configMap.name',
    optionalOldSelf: true,
    reason: 'FieldValueInvalid',
  },
] as const;

/** A whole LicenseSettings: the root of the CRD's schema. */
export const licenseSettingsSchema = z
  .object({
    apiVersion: z.string().describe('licensing.dialer.dev/v1'),
    kind: z.string().describe(kind),
    metadata: z.object({}).meta({ description: 'Standard object metadata. The name may be up to 63 characters long.' }),
    spec: specSchema,
    status: statusSchema.optional(),
  })
  .meta({
    description:
      'LicenseSettings say how many licenses of each type an outbound dialer needs at least and may use at most.',
    'x-kubernetes-validations': rootRules,
  });

export type Spec = z.infer<typeof specSchema>;
export type Declaration = z.infer<typeof declarationSchema>;
/** A zone of a declaration. */
export type DeclaredZone = NonNullable<Declaration['zones']>[number];
/** Counts of license types; one that is left out is 0. */
export type Allocation = NonNullable<DeclaredZone['licenses']>;
export type Applied = z.infer<typeof appliedSchema>;
export type Condition = z.infer<typeof conditionSchema>;
export type Status = z.infer<typeof statusSchema>;
/** One mistake in a spec: where, what kind, and what to do. */
export type FieldError = { field: string; reason: string; message: string };
