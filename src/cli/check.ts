/** Offline judgement of manifests: every rule of the operator, and what the API server says of the rest of the object. Pure. */
import type { FieldError, Spec } from '../api/licensesettings.ts';
import { apiVersion, group, kind } from '../api/names.ts';
import { validate } from '../settings/validate.ts';
import { type Manifest, type Position, readManifests, type Source } from './manifests.ts';

/** A mistake, and where it stands. `field` is empty where the text can't be read. */
export type Finding = FieldError & { readonly source: string; readonly position: Position };

/** A manifest of the kind LicenseSettings that keeps every rule. */
export type Good = { readonly source: string; readonly name: string; readonly namespace?: string; readonly spec: Spec };

/** What was found in some texts. */
export type Report = {
  readonly findings: Finding[];
  readonly good: Good[];
  /** How many LicenseSettings there were. */
  readonly judged: number;
  /** What was passed over, such as `Deployment dialer`. */
  readonly skipped: { readonly source: string; readonly what: string }[];
};

/** Judges every LicenseSettings of these texts. */
export function check(sources: readonly Source[]): Report {
  const findings: Finding[] = [];
  const good: Good[] = [];
  const skipped: { source: string; what: string }[] = [];
  let judged = 0;
  for (const source of sources) {
    const { manifests, problems } = readManifests(source);
    for (const { message, position } of problems)
      findings.push({ source: source.name, position, field: '', reason: 'Syntax', message });
    for (const manifest of manifests) {
      const { value } = manifest;
      const { kind: found, metadata } = (value ?? {}) as { kind?: unknown; metadata?: { name?: unknown } | null };
      if (!isOurs(value)) {
        const named = typeof metadata?.name === 'string' ? ` ${metadata.name}` : '';
        skipped.push({ source: source.name, what: typeof found === 'string' ? `${found}${named}` : 'no object' });
        continue;
      }
      judged++;
      const { errors, object } = judge(value as Unknown);
      findings.push(...errors.map((error) => place(manifest, error)));
      if (object) good.push({ source: source.name, ...object });
    }
  }
  return { findings: findings.sort(byPlace), good, judged, skipped };
}

type Unknown = Record<string, unknown>;

const isMap = (value: unknown): value is Unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of our kind or of our group: `kind: licensesettings` is a mistake, not another kind. */
function isOurs(value: unknown): boolean {
  if (!isMap(value)) return false;
  const { apiVersion: version, kind: itsKind } = value;
  if (itsKind === kind) return true;
  if (typeof version !== 'string' || version.split('/')[0] !== group) return false;
  // A later kind of our group is another kind; one that is none, or differs in case alone, is a mistake.
  return typeof itsKind !== 'string' || itsKind === '' || itsKind.toLowerCase() === kind.toLowerCase();
}

const place = ({ source, position }: Manifest, error: FieldError): Finding => ({
  source,
  // It is the name that is wrong.
  position: position(error.field, error.reason === 'UnknownField' ? 'key' : 'value'),
  ...error,
});

const byPlace = (a: Finding, b: Finding): number =>
  a.source === b.source ? a.position.line - b.position.line || a.position.column - b.position.column : 0;

/** Every mistake of one object, and what it is when there are none. */
function judge(object: Unknown): { errors: FieldError[]; object?: Omit<Good, 'source'> } {
  const metadata = isMap(object['metadata']) ? object['metadata'] : {};
  const name = typeof metadata['name'] === 'string' ? metadata['name'] : '';
  const { errors, spec } = validate({ name, spec: object['spec'] ?? {} });
  const missing = object['spec'] === undefined || object['spec'] === null;
  const ofSpec = missing ? [required('spec', 'give the license settings')] : errors;
  // Without a name nothing can be said of a name that has to begin with it.
  const fitting =
    name === ''
      ? ofSpec.filter(({ reason, field }) => !(reason === 'InvalidName' && field === 'spec.configMap.name'))
      : ofSpec;
  const all = [...envelope(object), ...ofMetadata(object['metadata']), ...fitting];
  if (all.length > 0 || !spec) return { errors: all };
  const namespace = metadata['namespace'];
  return { errors: [], object: { name, spec, ...(typeof namespace === 'string' && namespace ? { namespace } : {}) } };
}

const required = (field: string, what: string): FieldError => ({
  field,
  reason: 'Required',
  message: `is required: ${what}`,
});

function envelope(object: Unknown): FieldError[] {
  const literal = (field: string, wanted: string): FieldError[] => {
    const value = object[field];
    if (value === wanted) return [];
    if (value === undefined || value === null) return [required(field, `give ${wanted}`)];
    return [{ field, reason: 'InvalidValue', message: `is ${JSON.stringify(value)}: give ${wanted}` }];
  };
  const known = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];
  return [
    ...literal('apiVersion', apiVersion),
    ...literal('kind', kind),
    ...Object.keys(object)
      .filter((key) => !known.includes(key))
      .map((field) => unknown(field)),
  ];
}

const unknown = (field: string): FieldError => ({
  field,
  reason: 'UnknownField',
  message: 'is no field of this object: the API server refuses it; remove it, or mend its name or its indentation',
});

/** Fields of metadata that the API server knows. */
const metadataFields = [
  ...[
    'annotations',
    'creationTimestamp',
    'deletionGracePeriodSeconds',
    'deletionTimestamp',
    'finalizers',
    'generateName',
  ],
  ...[
    'generation',
    'labels',
    'managedFields',
    'name',
    'namespace',
    'ownerReferences',
    'resourceVersion',
    'selfLink',
    'uid',
  ],
];

const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** What the API server says of any object's metadata. Lengths of names are the operator's rule. */
function ofMetadata(metadata: unknown): FieldError[] {
  if (metadata === undefined || metadata === null) return [required('metadata.name', 'give the object a name')];
  if (!isMap(metadata))
    return [{ field: 'metadata', reason: 'InvalidValue', message: 'is no map: give at least a name' }];
  const strange = Object.keys(metadata).filter((key) => !metadataFields.includes(key));
  return [
    ...ofName(metadata),
    ...ofNamespace(metadata['namespace']),
    ...['labels', 'annotations'].flatMap((field) => ofNotes(`metadata.${field}`, metadata[field])),
    ...strange.map((key) => unknown(`metadata.${key}`)),
  ];
}

function ofName({ name, generateName }: Readonly<Record<string, unknown>>): FieldError[] {
  const field = 'metadata.name';
  if (name === undefined || name === null || name === '') {
    const why = generateName
      ? 'give a name: with generateName alone, neither the ConfigMap nor the hash is known'
      : 'give the object a name';
    return [required(field, why)];
  }
  if (typeof name === 'string' && dnsSubdomain.test(name)) return [];
  const allowed = "lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit";
  return [{ field, reason: 'InvalidName', message: `is ${JSON.stringify(name)}: allowed are ${allowed}` }];
}

function ofNamespace(namespace: unknown): FieldError[] {
  if (namespace === undefined || namespace === null) return [];
  if (typeof namespace === 'string' && dnsLabel.test(namespace)) return [];
  const allowed =
    "lower-case letters, digits and '-', up to 63 characters, beginning and ending with a letter or digit";
  const message = `is ${JSON.stringify(namespace)}: allowed are ${allowed}`;
  return [{ field: 'metadata.namespace', reason: 'InvalidName', message }];
}

/** Labels or annotations. */
function ofNotes(field: string, notes: unknown): FieldError[] {
  if (notes === undefined || notes === null) return [];
  if (!isMap(notes)) return [{ field, reason: 'InvalidValue', message: 'is no map' }];
  return Object.entries(notes).flatMap(([key, value]): FieldError[] => {
    if (typeof value === 'string' || value === null) return [];
    const message = `is ${JSON.stringify(value)}: give a string, in quotes`;
    return [{ field: `${field}.${key}`, reason: 'InvalidValue', message }];
  });
}

/** One line for people and editors: `file:line:column: error: field: what is wrong (Reason)`. */
export const describeFinding = ({ source, position, field, reason, message }: Finding): string =>
  `${source}:${position.line}:${position.column}: error: ${field ? `${field} ` : ''}${message} (${reason})`;

/** What an object is called in messages. */
export const nameOf = ({ namespace, name }: { namespace?: string; name: string }): string =>
  namespace === undefined ? name : `${namespace}/${name}`;
