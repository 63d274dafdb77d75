/** The CustomResourceDefinition and the JSON schemas, made from the zod schemas. */
import { z } from 'zod';
import { licensesJsonSchema } from './licenses-json.ts';
import { licenseSettingsSchema } from './licensesettings.ts';
import { apiVersion, group, kind, plural, version } from './names.ts';

/** A node of a JSON or OpenAPI schema. */
export type SchemaNode = {
  type?: string;
  description?: string;
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  required?: string[];
  [keyword: string]: unknown;
};

/** The structural OpenAPI schema of a LicenseSettings, as a CRD wants it. */
export function structuralSchema(): SchemaNode {
  const root = z.toJSONSchema(licenseSettingsSchema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    cycles: 'throw',
    unrepresentable: 'throw',
    override: ({ jsonSchema }) => {
      // A structural schema prunes unknown fields; `additionalProperties: false` beside `properties` is refused.
      delete jsonSchema.additionalProperties;
      if (jsonSchema.type === 'integer') {
        // zod's bounds of a safe integer are noise beside int64.
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
        if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      }
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    },
  }) as SchemaNode;
  // The API server has a schema of its own for metadata, and refuses another one.
  if (root.properties) root.properties['metadata'] = { type: 'object' };
  root.required = ['spec'];
  return root;
}

const condition = (field: 'status' | 'reason') => `.status.conditions[?(@.type=="Ready")].${field}`;
const capacity = (name: string, type: string, priority = 0) => ({
  name,
  type: 'integer',
  jsonPath: `.status.licenses.${type}.capacity`,
  ...(priority ? { priority } : {}),
});

/** The CRD as an object; `scripts/generate.ts` writes it to `crds/`. */
export function customResourceDefinition() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: plural,
        shortNames: ['lics'],
        categories: ['dialer'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          // What `kubectl get` shows (T8).
          additionalPrinterColumns: [
            { name: 'Ready', type: 'string', jsonPath: condition('status') },
            { name: 'Reason', type: 'string', jsonPath: condition('reason') },
            capacity('Ports', 'outboundPorts'),
            capacity('Predictive', 'predictiveAgents'),
            capacity('Preview', 'previewAgents'),
            capacity('Manual', 'manualAgents'),
            capacity('External', 'externalSelection', 1),
            capacity('Web API', 'agentWebAPIService', 1),
            { name: 'Applied', type: 'integer', jsonPath: '.status.applied.generation', priority: 1 },
            { name: 'Hash', type: 'string', jsonPath: '.status.applied.settingsHash', priority: 1 },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          schema: { openAPIV3Schema: structuralSchema() },
        },
      ],
    },
  };
}

const jsonSchema = (schema: z.ZodType, id: string, title: string): SchemaNode => ({
  $id: `https://${group}/schemas/${id}`,
  title,
  ...(z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: 'input',
    reused: 'inline',
    cycles: 'throw',
    unrepresentable: 'throw',
    override: ({ jsonSchema: node }) => {
      for (const keyword of Object.keys(node)) {
        if (keyword.startsWith('x-kubernetes-')) delete (node as Record<string, unknown>)[keyword];
      }
    },
  }) as SchemaNode),
});

/** JSON schema of a LicenseSettings manifest, for editors and pipelines. Unknown fields of the spec are refused. */
export function manifestJsonSchema(): SchemaNode {
  const schema = jsonSchema(
    licenseSettingsSchema.omit({ status: true }).extend({ apiVersion: z.literal(apiVersion), kind: z.literal(kind) }),
    'licensesettings.schema.json',
    kind,
  );
  return schema;
}

/** JSON schema of the ConfigMap key `licenses.json`. */
export const licensesJsonJsonSchema = (): SchemaNode =>
  jsonSchema(licensesJsonSchema, 'licenses-json.schema.json', 'licenses.json');
