/**
 * The rules of a spec, checked again by the operator: ratcheting, an older CRD or a restored backup lets a bad object into
 * storage. Every mistake is reported, not only the first (V8).
 */
import type { z } from 'zod';
import { licenseTypes } from '../api/license-types.ts';
import {
  belongsTo,
  type FieldError,
  maxConfigMapNameLength,
  maxCount,
  maxErrors,
  maxNameLength,
  maxOrganizations,
  maxSettleSeconds,
  maxZoneNameLength,
  type Spec,
  specSchema,
} from '../api/licensesettings.ts';
import { shownText } from '../api/text.ts';
import { type HiddenField, shownPath } from './hidden.ts';

/** What is judged: the object's name, its spec as stored, of any shape, and fields of it that we were not shown. */
export type Settings = {
  readonly name: string;
  readonly spec: unknown;
  readonly hidden?: readonly HiddenField[];
  /** Why the object can't be read; then nothing else is judged. */
  readonly unreadable?: string | undefined;
};

/** One rule. It must bear any shape of spec, and says nothing about what it can't read. */
export type Policy = (settings: Settings) => FieldError[];

/** The rules, in the order in which their errors are shown. */
export const policies: readonly Policy[] = [
  objectName,
  shape,
  nothingHidden,
  minimumAtMostMaximum,
  zonesWithinMaximum,
  organizationsWithinZone,
  namesOnce,
  fewOrganizations,
  configMapNameBelongs,
];

/** Deeper than any field of ours. What goes over every value of a spec may call itself as often as this. */
const maxDepth = 32;
/** Longest value that an error shows, in bytes. */
const maxValue = 80;

/**
 * Every mistake of the settings; empty when they are valid: then `spec` is what they say. Takes time in proportion to the
 * spec, whatever is in it; each field and message is bounded.
 */
export function validate(settings: Settings): { errors: FieldError[]; spec?: Spec } {
  if (settings.unreadable !== undefined) return { errors: [unreadable(settings.unreadable)] };
  if (!isFlatterThan(settings.spec, maxDepth)) return { errors: [tooDeep] };
  const spec = withoutNulls(settings.spec);
  const errors = policies.flatMap((policy) => policy({ ...settings, spec }));
  return errors.length > 0 ? { errors } : { errors, spec: spec as Spec };
}

const unreadable = (words: string): FieldError => ({
  field: 'metadata',
  reason: 'InvalidValue',
  message: `the operator can not read this object (${shownText(words, maxValue)}): write it anew without what no tool of yours has put there, and report this`,
});

const tooDeep: FieldError = {
  field: 'spec',
  reason: 'InvalidValue',
  message: `nests deeper than ${maxDepth} levels, which no settings do: save the spec again from its manifest`,
};

const isFlatterThan = (value: unknown, depth: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (depth > 0 && Object.values(value).every((inner) => isFlatterThan(inner, depth - 1)));

/** A field that is null is a field that is left out: so the API server takes it (`configMap:` with nothing behind it). */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner)]])),
  );
}

/** At most 64 errors: where there are more, the last one says how many (T3). */
export function cutErrors(errors: readonly FieldError[]): FieldError[] {
  if (errors.length <= maxErrors) return [...errors];
  const more = errors.length - (maxErrors - 1);
  return [
    ...errors.slice(0, maxErrors - 1),
    { field: 'spec', reason: 'TooMany', message: `${more} more errors are not shown: mend these first` },
  ];
}

function objectName({ name }: Settings): FieldError[] {
  if (name.length <= maxNameLength) return [];
  return [
    {
      field: 'metadata.name',
      reason: 'InvalidName',
      message: `is ${name.length} characters long: names of LicenseSettings may have up to ${maxNameLength}`,
    },
  ];
}

/** No minimum above its maximum (V2). */
function minimumAtMostMaximum({ spec }: Settings): FieldError[] {
  return licenseTypes.flatMap(({ key }) => {
    const range = at(spec, 'licenses', key);
    const [minimum, maximum] = [at(range, 'minimum'), at(range, 'maximum')];
    if (!Number.isInteger(minimum) || !Number.isInteger(maximum) || (minimum as number) <= (maximum as number))
      return [];
    return [
      {
        field: `spec.licenses.${key}.minimum`,
        reason: 'MinimumAboveMaximum',
        message: `is ${minimum}, above the maximum of ${maximum}: lower the minimum or raise the maximum`,
      },
    ];
  });
}

type Named = { readonly name: unknown; readonly index: number; readonly value: unknown };

/** The items of a list, whatever is in it. */
const items = (list: unknown): Named[] =>
  Array.isArray(list) ? list.map((value, index) => ({ name: at(value, 'name'), index, value })) : [];

/** What items hold together of a type; what is no count is not counted. */
const together = (list: readonly Named[], type: string): number =>
  list.reduce((sum, { value }) => sum + (countAt(value, 'licenses', type) ?? 0), 0);

/** A count that is left out is 0; undefined where what stands there is none. */
function countAt(value: unknown, ...path: string[]): number | undefined {
  const count = at(value, ...path);
  if (count === undefined) return 0;
  return typeof count === 'number' && Number.isInteger(count) ? count : undefined;
}

/** The zones together hold no more than the maximum (V3). */
function zonesWithinMaximum({ spec }: Settings): FieldError[] {
  const zones = items(at(spec, 'zones'));
  return licenseTypes.flatMap(({ key, title }) => {
    const maximum = countAt(spec, 'licenses', key, 'maximum');
    const held = together(zones, key);
    if (maximum === undefined || held <= maximum) return [];
    return [
      {
        field: `spec.licenses.${key}.maximum`,
        reason: 'ZonesExceedMaximum',
        message: `is ${maximum}, but the zones together hold ${held} of ${title}: lower the zones or raise the maximum`,
      },
    ];
  });
}

/** The organizations of a zone hold no more than the zone (V4). */
function organizationsWithinZone({ spec }: Settings): FieldError[] {
  return items(at(spec, 'zones')).flatMap(({ value: zone, index }) =>
    licenseTypes.flatMap(({ key, title }) => {
      const holds = countAt(zone, 'licenses', key);
      const held = together(items(at(zone, 'organizations')), key);
      if (holds === undefined || held <= holds) return [];
      return [
        {
          field: `spec.zones[${index}].licenses.${key}`,
          reason: 'OrganizationsExceedZone',
          message: `is ${holds}, but the organizations of the zone hold ${held} of ${title}: lower theirs or raise the zone`,
        },
      ];
    }),
  );
}

/** No two zones, and no two organizations of a zone, share a name (V5). */
function namesOnce({ spec }: Settings): FieldError[] {
  const twice = (list: readonly Named[], path: string): FieldError[] => {
    const seen = new Set<unknown>();
    const again = list.filter(({ name }) => typeof name === 'string' && seen.size === seen.add(name).size);
    return again.map(({ name, index }) => ({
      field: `${path}[${index}]`,
      reason: 'DuplicateName',
      message: `has the name ${quote(name)} a second time: give another name, or put both into one`,
    }));
  };
  const zones = items(at(spec, 'zones'));
  return [
    ...twice(zones, 'spec.zones'),
    ...zones.flatMap(({ value, index }) =>
      twice(items(at(value, 'organizations')), `spec.zones[${index}].organizations`),
    ),
  ];
}

function fewOrganizations({ spec }: Settings): FieldError[] {
  const count = items(at(spec, 'zones')).reduce((sum, { value }) => sum + items(at(value, 'organizations')).length, 0);
  if (count <= maxOrganizations) return [];
  const message = `have ${count} organizations together: allowed are up to ${maxOrganizations}`;
  return [{ field: 'spec.zones', reason: 'TooMany', message }];
}

function configMapNameBelongs({ name: objectName, spec }: Settings): FieldError[] {
  const name = at(spec, 'configMap', 'name');
  if (typeof name !== 'string' || name === '' || belongsTo(name, objectName)) return [];
  return [
    {
      field: 'spec.configMap.name',
      reason: 'InvalidName',
      message: `is ${quote(name)}: must be ${quote(objectName)} or begin with ${quote(`${objectName}-`)}`,
    },
  ];
}

const unknownField = (field: string): FieldError => ({
  field,
  reason: 'UnknownField',
  message:
    'is not known to this release of the operator: nothing of the spec is applied; upgrade the operator or remove the field',
});

/** Never apply half of what someone wrote: a field that was pruned before we saw the spec is as unknown as one that we see (V11). */
function nothingHidden({ hidden = [] }: Settings): FieldError[] {
  return hidden.map(({ path }) => ({
    field: path,
    reason: 'UnknownField',
    message:
      'was saved, but is not shown to the operator: the operator or the installed CRD is older; nothing of the spec is applied; upgrade the older one, then save the spec again, or save it without the field; where nobody wants the field, take it out of metadata.managedFields',
  }));
}

/** Types, bounds, required and unknown fields: what zod's schema says (V6). */
function shape({ spec }: Settings): FieldError[] {
  const parsed = specSchema.safeParse(spec, { reportInput: true });
  return parsed.success ? [] : parsed.error.issues.flatMap(toFieldErrors);
}

function toFieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const field = pathOf(issue.path);
  const is = () => `is ${quote(issue.input)}`;
  switch (issue.code) {
    case 'unrecognized_keys': // V10
      return issue.keys.map((key) => unknownField(pathOf([...issue.path, key])));
    case 'invalid_type':
      if (issue.input === undefined) return [{ field, reason: 'Required', message: `is required: ${wanted(issue)}` }];
      return [
        {
          field,
          reason: isNumber(issue.expected) ? 'OutOfRange' : 'InvalidValue',
          message: `${is()}: ${wanted(issue)}`,
        },
      ];
    case 'invalid_value':
      return [{ field, reason: 'InvalidValue', message: `${is()}: give ${issue.values.map(quote).join(' or ')}` }];
    case 'too_small':
    case 'too_big':
      if (issue.origin === 'string')
        return [{ field, reason: 'InvalidName', message: `${is()}: ${nameForm(issue.path)}` }];
      if (issue.origin === 'array' && issue.code === 'too_big') {
        const length = (issue.input as unknown[]).length;
        return [{ field, reason: 'TooMany', message: `has ${length} items: allowed are up to ${issue.maximum}` }];
      }
      return [{ field, reason: 'OutOfRange', message: `${is()}: ${countForm(issue.path)}` }];
    case 'invalid_format':
      return [{ field, reason: 'InvalidName', message: `${is()}: ${nameForm(issue.path)}` }];
    // The one refinement of the schema: a spec that names no license type.
    default:
      return [{ field, reason: 'Required', message: issue.message }];
  }
}

const countForm = (path: readonly PropertyKey[]): string =>
  `allowed are whole numbers from 0 to ${path.at(-1) === 'settleSeconds' ? maxSettleSeconds : maxCount}`;

/** What a name may look like: that of a ConfigMap has dots, those of zones and organizations don't. */
const nameForm = (path: readonly PropertyKey[]): string =>
  path[0] === 'configMap'
    ? `allowed are lower-case letters, digits, '-' and '.', up to ${maxConfigMapNameLength} characters, beginning and ending with a letter or digit`
    : `allowed are lower-case letters, digits and '-', up to ${maxZoneNameLength} characters, beginning and ending with a letter or digit`;

const isNumber = (expected: string): boolean => expected === 'int' || expected === 'number';
const wanted = ({ expected, path }: { expected: string; path: readonly PropertyKey[] }): string =>
  isNumber(expected) ? countForm(path) : `give ${article(expected)}`;
const article = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`);

/** A value as it may be shown: JSON, cut where it is long. */
const quote = (value: unknown): string => shownText(JSON.stringify(value) ?? String(value), maxValue);

/** A path as the API server writes it (V13). */
const pathOf = (path: readonly PropertyKey[]): string =>
  shownPath(
    path.reduce<string>(
      (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
      'spec',
    ),
  );

/** What stands there: of own properties, as `constructor` is none. */
function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<string, unknown>)[key]
        : undefined,
    value,
  );
}
